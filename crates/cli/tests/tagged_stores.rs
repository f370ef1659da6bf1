//! The same recorded canary through a file, Prometheus, and stores that speak no PromQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod canaries;
mod real_store;

use std::path::Path;

use crate::canaries::{Case, START, cases, check_file, essence, judge};
use crate::real_store::graphite::graphite;
use crate::real_store::influxdb::influxdb;
use crate::real_store::{RealStore, Row, is_installed, prometheus, recording};

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

/// Two pods an arm, and the canary with twice the errors: as running totals, and as paths.
fn shop(start: i64) -> Vec<Row> {
    let mut case = Case::new("shop", "");
    for (pod, share) in [("a", 3), ("b", 4)] {
        case = case.both("requests_total", &[("pod", pod)], |scrape, noise| {
            Some((scrape * 1000 + noise * 10) as f64)
        });
        case = case.both("load", &[("pod", pod)], |_, noise| Some(50.0 + noise as f64));
        for arm in [0, 1] {
            case = case.series(arm, "errors_total", &[("pod", pod)], move |scrape| {
                Some((scrape * share * (arm as i64 + 1)) as f64)
            });
            // What happened since the scrape before, as StatsD counts.
            case = case.series(arm, "errors_count", &[("pod", pod)], move |scrape| {
                (scrape % 2 == 0).then_some((share * (arm as i64 + 1)) as f64)
            });
        }
    }
    case.at(start).rows
}

/// Judges one metric of the shop at a store, and returns what a user reads.
fn told(source: &str, start: i64, check: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let moment = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
    let text = format!(
        "service: shop\nsource: {source}\nreplica: pod\nstep: 30s\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
         window: {{start: {}, end: {}}}\nchecks:\n  metric: {check}\n",
        moment(start),
        moment(start + 1800)
    );
    let (code, report, error) = judge(folder.path(), "shop.yaml", &text);
    if report.is_null() {
        return format!("exit {code}\n{}", error.trim_end());
    }
    let verdict = &report["verdict"];
    let metric = &verdict["metrics"][0];
    let mean = |arm: &str| metric[arm]["mean"].as_f64().unwrap_or(f64::NAN);
    let mut told = format!(
        "exit {code} {}: {}\n  {} {:.4} {:.4} {}/{}",
        verdict["outcome"],
        verdict["reason"].as_str().unwrap(),
        metric["evidence"]["standing"],
        mean("control"),
        mean("canary"),
        metric["control"]["points"],
        metric["canary"]["points"],
    );
    for warning in verdict["warnings"].as_array().unwrap() {
        told += &format!("\n  ! {}", warning["text"].as_str().unwrap());
    }
    told
}

/// Judges each query, and makes one text of what is said of them, the same on every day.
fn all_told(store: &RealStore, source: &str, start: i64, queries: &[(&str, &str)]) -> String {
    let mut all = String::new();
    for (name, check) in queries {
        let said = told(source, start, check).replace(&store.url, "http://STORE");
        let said = said.replace(&(start - 3600).to_string(), "BEFORE");
        let moment = jiff::Timestamp::from_second(start).unwrap().to_string();
        let mut said = said.replace(&start.to_string(), "START").replace(&moment, "START");
        for (offset, word) in [(-1, "START-1"), (-3601, "BEFORE-1"), (1799, "END-1"), (1800, "END")]
        {
            let second = start + offset;
            said = said.replace(&second.to_string(), word);
            said = said.replace(&jiff::Timestamp::from_second(second).unwrap().to_string(), word);
        }
        all += &format!("── {name}\n{said}\n\n");
    }
    all
}

#[test]
fn influxql_of_every_shape_is_judged_or_refused_in_words() {
    if !is_installed("influxd") {
        return;
    }
    let store = influxdb(&shop(START));
    let source = format!("{{influxdb: {{url: '{}', parameters: {{db: canaries}}}}}}", store.url);
    let queries = [
        ("selectors", "{ratio: {bad: errors_total, total: 'requests_total{$arm}'}}"),
        (
            "raw fields",
            "{ratio: {bad: 'SELECT value FROM errors_total WHERE $arm AND $time GROUP BY *', total: requests_total}}",
        ),
        (
            "counts, added up there",
            "{count: {events: 'SELECT sum(value) FROM errors_count WHERE $arm AND $time GROUP BY time($step), pod'}}",
        ),
        (
            "running totals, added up there",
            "{count: {events: 'SELECT sum(value) FROM errors_total WHERE $arm AND $time GROUP BY time($step)'}}",
        ),
        (
            "a rate",
            "{quantile: 'SELECT non_negative_derivative(max(value), 1s) FROM errors_total WHERE $arm AND $time GROUP BY time($step), pod'}",
        ),
        (
            "a moving average",
            "{gauge: 'SELECT moving_average(mean(value), 4) FROM load WHERE $arm AND $time GROUP BY time($step), pod'}",
        ),
        (
            "an interval longer than the step",
            "{gauge: 'SELECT mean(value) FROM load WHERE $arm AND $time GROUP BY time(5m), pod'}",
        ),
        ("a field that is not there", "{gauge: 'load{__field__=\"user\"}'}"),
        (
            "what the server refuses",
            "{gauge: 'SELECT foo(value) FROM load WHERE $arm AND $time GROUP BY time($step)'}",
        ),
        (
            "what it cannot read",
            "{gauge: 'SELECT mean(value FROM load WHERE $arm AND $time GROUP BY time($step)'}",
        ),
        ("PromQL that computes", "{gauge: 'avg(load{$arm})'}"),
    ];
    let mut all = all_told(&store, &source, START, &queries);
    let source = format!("{{influxdb: {{url: '{}'}}}}", store.url);
    all += &all_told(&store, &source, START, &[("no database", "{gauge: load}")]);
    insta::assert_snapshot!(all);
}

#[test]
fn paths_and_functions_are_judged_or_refused_in_words() {
    if !is_graphite_installed() {
        return;
    }
    let start = recently();
    let path = |row: &Row| {
        let of = |name: &str| row.labels.iter().find(|label| label.0 == name).unwrap().1.clone();
        Some(format!("shop.{}.{}.{}", of("track"), of("pod"), row.metric))
    };
    let store = graphite(&shop(start), 15, path);
    let source = format!("{{graphite: {{url: '{}'}}}}", store.url);
    let queries = [
        ("selectors", "{ratio: {bad: errors_total, total: 'requests_total{$arm}'}}"),
        (
            "paths",
            "{ratio: {bad: shop.$track.$pod.errors_total, total: shop.$track.$pod.requests_total}}",
        ),
        ("a path without replicas", "{count: {events: shop.$track.*.errors_total}}"),
        ("counts, added up there", "{count: {events: sumSeries(shop.$track.*.errors_count)}}"),
        (
            "counts by replica",
            "{count: {events: 'groupByTags(seriesByTag(\"name=errors_count\", $arm), \"sum\", \"pod\")'}}",
        ),
        (
            "running totals, added up there",
            "{count: {events: sumSeries(shop.$track.*.errors_total)}}",
        ),
        ("a rate", "{quantile: 'perSecond(sumSeries(seriesByTag(\"name=errors_total\", $arm)))'}"),
        (
            "a moving average",
            "{gauge: 'averageSeries(movingAverage(seriesByTag(\"name=load\", $arm), \"2min\"))'}",
        ),
        (
            "buckets longer than the step",
            "{gauge: 'summarize(averageSeries(shop.$track.*.load), \"5min\", \"avg\")'}",
        ),
        ("what the server refuses", "{gauge: 'noSuchFunction(shop.$track.*.load)'}"),
        ("a path that is not there", "{gauge: shop.$track.$pod.laod}"),
        ("a regular expression that is told apart here", "{gauge: 'load{pod=~\"(?i)A|B{1}\"}'}"),
        ("PromQL that computes", "{gauge: 'avg(load{$arm})'}"),
    ];
    insta::assert_snapshot!(all_told(&store, &source, start, &queries));
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

fn is_graphite_installed() -> bool {
    is_installed("carbon-cache") && Path::new("/usr/bin/graphite-manage").exists()
}

/// Graphite forgets what is older than its archive: two hours ago, at whole ten minutes.
fn recently() -> i64 {
    (jiff::Timestamp::now().as_second() - 2 * 3600) / 600 * 600
}

#[test]
fn graphite_gives_the_same_verdicts() {
    if !is_graphite_installed() {
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
