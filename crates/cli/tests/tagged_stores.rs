//! The same recorded canary through a file, Prometheus, and stores that speak no PromQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod canaries;
mod real_store;

use std::path::Path;

use crate::canaries::{Case, cases, check_file, essence, judge};
use crate::real_store::graphite::graphite;
use crate::real_store::influxdb::influxdb;
use crate::real_store::{Row, is_installed, prometheus, recording};

/// Judges each case from a file and from stores, and returns what became of it.
fn compared(cases: &[Case], stores: &[(&str, String)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut outcomes = String::new();
    for case in cases {
        recording(&case.rows, &folder.path().join("rows.csv"));
        let source = "{file: {path: rows.csv, counters: cumulative}}";
        let (code, expected, error) = judge(folder.path(), "file.yaml", &check_file(case, source));
        assert!(error.is_empty(), "{}: {error}", case.name);
        let metric = &expected["verdict"]["metrics"][0];
        outcomes += &format!(
            "{:40} {code} {} {}/{}\n",
            case.name,
            metric["evidence"]["standing"].as_str().unwrap(),
            metric["control"]["points"],
            metric["canary"]["points"],
        );
        for (name, source) in stores {
            let text = check_file(case, source);
            let (stored_code, stored, error) = judge(folder.path(), "store.yaml", &text);
            assert!(error.is_empty(), "{name}, {}: {error}", case.name);
            assert_eq!(essence(&stored), essence(&expected), "{name}, {}", case.name);
            assert_eq!(stored_code, code, "{name}, {}", case.name);
        }
    }
    outcomes
}

fn rows(cases: &[Case]) -> Vec<Row> {
    cases.iter().flat_map(|case| case.rows.clone()).collect()
}

/// The cases whose labels a store can hold.
fn without_hostile_labels() -> Vec<Case> {
    cases().into_iter().filter(|case| case.name != "hostile labels").collect()
}

/// Labels that would end their quotation, if any could.
fn hostile(arms: [&'static str; 2]) -> Case {
    let mut hostile = Case::new("labels that would end their quotation", "gauge: 'level{$arm}'");
    hostile.arms = arms;
    hostile.both("level", &[("pod", "a")], |_, noise| Some(50.0 + noise as f64))
}

#[test]
fn influxdb_gives_the_same_verdicts() {
    if !is_installed("influxd") || !is_installed("prometheus") {
        return;
    }
    // InfluxDB stores no infinity, and no number that is none.
    let mut cases = without_hostile_labels();
    cases.retain(|case| case.name != "levels without end");
    cases.push(hostile(["sta'ble\" OR 1=1", "ca} or level{x=\"n\u{e4}ry', \\d"]));
    let rows = rows(&cases);
    let (influxdb, prometheus) = (influxdb(&rows), prometheus(&rows));
    let stores = [
        (
            "influxdb",
            format!("{{influxdb: {{url: '{}', parameters: {{db: canaries}}}}}}", influxdb.url),
        ),
        ("prometheus", format!("{{prometheus: {{url: '{}'}}}}", prometheus.url)),
    ];
    insta::assert_snapshot!(compared(&cases, &stores));
}

/// Graphite forgets what is older than its archive: two hours ago, at a whole slot.
fn recently() -> i64 {
    (jiff::Timestamp::now().as_second() - 2 * 3600) / 60 * 60
}

#[test]
fn graphite_gives_the_same_verdicts() {
    if !is_installed("carbon-cache") || !Path::new("/usr/bin/graphite-manage").exists() {
        return;
    }
    let mut cases = without_hostile_labels();
    cases.insert(0, hostile(["sta'ble\"\\", "ca}'),x('\u{e4}ry"]));
    let start = recently();
    let mut cases: Vec<Case> = cases.into_iter().map(|case| case.at(start)).collect();
    for case in &mut cases {
        // The lines of carbon end a name at a blank.
        for row in &mut case.rows {
            row.labels.retain(|label| label.0 != "case");
            row.labels.push(("case".to_owned(), case.name.replace(' ', "_")));
        }
        case.name = Box::leak(case.name.replace(' ', "_").into_boxed_str());
    }
    let rows = rows(&cases);
    let graphite = graphite(&rows, 15, |_| None);
    let source = format!("{{graphite: {{url: '{}'}}}}", graphite.url);
    insta::assert_snapshot!(compared(&cases, &[("graphite", source)]));
}
