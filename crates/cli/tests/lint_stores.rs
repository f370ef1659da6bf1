//! What lint finds in real servers, filled with figures that have something wrong with them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::real_store::{Row, filled_with};

/// In seconds.
const SCRAPE: i64 = 30;
const SCRAPES: i64 = 120;

/// An hour of two pods of either version, up to now.
fn rows() -> Vec<Row> {
    #[expect(clippy::disallowed_methods, reason = "lint looks at the time up to now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut rows = Vec::new();
    for (track, pods) in [("stable", ["a", "b"]), ("canary", ["c", "d"])] {
        for (pod, scrape) in pods.into_iter().flat_map(|pod| (0..SCRAPES).map(move |at| (pod, at)))
        {
            let mut add = |metric: &str, more: &[(&str, &str)], value: f64| {
                let own = [("track", track), ("pod", pod)];
                let labels = own.iter().chain(more);
                rows.push(Row {
                    metric: metric.to_owned(),
                    labels: labels
                        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                        .collect(),
                    time: (now - (SCRAPES - scrape) * SCRAPE) * 1000,
                    value,
                });
            };
            let count = scrape as f64;
            add("requests_total", &[("code", "200"), ("handler", "/")], 300.0 * count);
            add("requests_total", &[("code", "500"), ("handler", "/")], 30.0 * count);
            add("idle_total", &[], 7.0);
            add("cpu_usage_ratio", &[], 40.0 + count % 7.0);
            add("latency_seconds", &[], 0.2 + count % 3.0 / 100.0);
            if track == "stable" {
                add("only_here", &[], count % 5.0);
            } else {
                add("requests_total", &[("code", "200"), ("handler", "/new")], 10.0 * count);
            }
        }
    }
    rows
}

const CHECKS: &str = "
replica: pod
step: 30s
checks:
  errors:
    ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'requests_total{$arm}'}
    limit: {above: 5%}
  idle: {count: {events: 'idle_total{$arm}'}, worse: higher}
  usage: {gauge: 'cpu_usage_ratio{$arm}', worse: higher}
  latency: {gauge: 'latency_seconds{$arm}', worse: higher, compare: {floor: 0.5}}
  one arm: {gauge: 'only_here{$arm}'}
  nowhere: {gauge: 'no_such_metric{$arm}'}
  rate: {gauge: 'sum by (pod) (rate(requests_total{$arm}[45s]))'}
  wrong: {gauge: 'sum by (pod) (no_such_function(latency_seconds{$arm}))'}
";

/// More series than a live judge should ask for at every step.
const MANY: usize = 2_100;

/// Beside the rows above: what something is wrong with, each under a name of its own.
fn odd_rows() -> Vec<Row> {
    #[expect(clippy::disallowed_methods, reason = "lint looks at the time up to now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut rows = rows();
    let mut add = |metric: &str, labels: &[(&str, &str)], scrape: i64, value: f64| {
        rows.push(Row {
            metric: metric.to_owned(),
            labels: labels
                .iter()
                .map(|(name, it)| ((*name).to_owned(), (*it).to_owned()))
                .collect(),
            time: (now - (SCRAPES - scrape) * SCRAPE) * 1000,
            value,
        });
    };
    for scrape in 0..SCRAPES {
        let count = scrape as f64;
        for (track, pod) in [("stable", "a"), ("canary", "c")] {
            let own = [("track", track), ("pod", pod)];
            let more = [own.as_slice(), &[("zone", "b")]].concat();
            let labels = if track == "stable" { &own[..] } else { &more };
            add("zoned_level", labels, scrape, count % 5.0);
            add("unnamed_total", &own[..1], scrape, 10.0 * count);
            // A pod that ran before, and only got a new label.
            add("relabelled_total", &own, scrape, 10.0 * count);
            if scrape >= SCRAPES - 40 {
                let late = [("track", track), ("pod", "late")];
                add("relabelled_total", &late, scrape, 50_000.0 + 10.0 * count);
            }
        }
    }
    for number in 0..MANY {
        let path = format!("/user/{number}");
        for scrape in [SCRAPES - 2, SCRAPES - 1] {
            let labels = [("track", "stable"), ("pod", "a"), ("path", path.as_str())];
            add("paths_total", &labels, scrape, scrape as f64);
        }
    }
    rows
}

/// What must be found of a check, with what the file says beside it.
struct Odd {
    code: &'static str,
    canary: &'static str,
    step: &'static str,
    check: &'static str,
    /// A check beside it that nothing is wrong with.
    sound: &'static str,
}

const ODD: &[Odd] = &[
    Odd {
        code: "arms-unlike",
        canary: "canary",
        step: "30s",
        check: "gauge: 'zoned_level{$arm}'",
        sound: "gauge: 'latency_seconds{$arm}', worse: higher",
    },
    Odd {
        code: "costly-query",
        canary: "canary",
        step: "30s",
        check: "count: {events: 'paths_total{$arm}'}",
        sound: "count: {events: 'requests_total{$arm}'}",
    },
    Odd {
        code: "replica-label-missing",
        canary: "canary",
        step: "30s",
        check: "count: {events: 'unnamed_total{$arm}'}",
        sound: "count: {events: 'requests_total{$arm}'}",
    },
    Odd {
        code: "nothing-counted",
        canary: "canary",
        step: "30s",
        check: "ratio: {bad: 'requests_total{kode=\"500\", $arm}', total: 'requests_total{$arm}'}",
        sound: "ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'requests_total{$arm}'}",
    },
    Odd {
        code: "no-canary",
        canary: "tomorrow",
        step: "30s",
        check: "gauge: 'latency_seconds{$arm}', worse: higher",
        sound: "",
    },
    Odd {
        code: "step-off-scrapes",
        canary: "canary",
        step: "20s",
        check: "gauge: 'latency_seconds{$arm}', worse: higher",
        sound: "",
    },
    Odd {
        code: "step-off-scrapes",
        canary: "canary",
        step: "45s",
        check: "gauge: 'latency_seconds{$arm}', worse: higher",
        sound: "",
    },
    Odd {
        code: "step-off-scrapes",
        canary: "canary",
        step: "10s",
        check: "gauge: 'latency_seconds{$arm}', worse: higher",
        sound: "",
    },
    Odd {
        code: "store-warning",
        canary: "canary",
        step: "30s",
        check: "count: {events: 'relabelled_total{$arm}'}",
        sound: "count: {events: 'requests_total{$arm}'}",
    },
];

/// The codes that lint finds of one check.
fn codes_of(store: &str, (canary, step): (&str, &str), check: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.yaml");
    let text = format!(
        "service: shop\nsource: {{prometheus: {{url: '{store}'}}}}\narms:\n  control: {{track: stable}}\n  \
         canary: {{track: {canary}}}\nreplica: pod\nstep: {step}\nchecks:\n  it: {{{check}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(["lint", "--format", "json", "--last", "30m"])
        .arg(&path)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_oddity_of_answers_is_found_where_it_is_and_nowhere_else() {
    for store in filled_with(&odd_rows()) {
        for odd in ODD {
            let found = codes_of(&store.url, (odd.canary, odd.step), odd.check);
            let is_found = found.iter().any(|code| code == odd.code);
            assert!(is_found, "{}: {} is not in {found:?}", store.name, odd.code);
            let (arm, step, check) = match odd.sound {
                "" => ("canary", "30s", odd.check),
                sound => (odd.canary, odd.step, sound),
            };
            let found = codes_of(&store.url, (arm, step), check);
            let is_found = found.iter().any(|code| code == odd.code);
            assert!(!is_found, "{}: {} is in {found:?} of {check}", store.name, odd.code);
        }
    }
}

#[test]
fn what_packs_ask_in_vain_is_a_note_and_what_people_ask_in_vain_is_not() {
    let own = "checks: {mine: {gauge: 'no_such_metric{$arm}', worse: higher}}";
    for store in filled_with(&odd_rows()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serin.yaml");
        let found = |more: &str| -> (Option<i32>, Vec<String>) {
            let text = format!(
                "service: shop\nsource: {{prometheus: {{url: '{}'}}}}\narms: {{control: {{track: stable}}, \
                 canary: {{track: canary}}}}\nreplica: pod\nstep: 30s\nuse: [golden/process]\n{more}\n",
                store.url
            );
            std::fs::write(&path, text).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_serin"))
                .args(["lint", "--strict", "--format", "json", "--last", "30m"])
                .arg(&path)
                .output()
                .unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let codes = report["findings"].as_array().unwrap().iter();
            let codes = codes.map(|it| it["code"].as_str().unwrap().to_owned());
            (output.status.code(), codes.collect())
        };
        let sound = "checks: {mine: {gauge: 'latency_seconds{$arm}', worse: higher}}";
        let (code, codes) = found(sound);
        assert!(codes.iter().all(|code| code == "left-out"), "{}: {codes:?}", store.name);
        assert_eq!((code, codes.len()), (Some(0), 2), "{}: {codes:?}", store.name);
        let (code, codes) = found(own);
        assert_eq!(code, Some(1), "{}: {codes:?}", store.name);
        assert!(codes.iter().any(|code| code == "no-data"), "{}: {codes:?}", store.name);
    }
}

#[test]
fn what_only_the_store_knows_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let check = folder.path().join("serin.yaml");
    for store in filled_with(&rows()) {
        let text = format!(
            "service: shop\nsource: {{prometheus: {{url: '{}'}}}}\narms:\n  control: {{track: stable}}\n  \
             canary: {{track: canary}}{CHECKS}",
            store.url
        );
        std::fs::write(&check, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_serin"))
            .args(["lint", "--format", "json", "--last", "30m"])
            .arg(&check)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{}: {error}", store.name);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut found: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["code"] != "nothing-gating" && it["code"] != "overlapping-windows")
            .map(|it| {
                format!("{}: {}", it["check"].as_str().unwrap_or("-"), it["code"].as_str().unwrap())
            })
            .collect();
        // Whether a range of a scrape and a half ever holds two is up to the moment.
        found.retain(|it| it != "rate: no-data");
        found.sort();
        let expected = [
            "errors: bound-broken",
            "errors: values-of-one-arm",
            "idle: never-counted",
            "latency: bound-far-off",
            "nowhere: no-data",
            "one arm: one-arm-silent",
            "rate: values-of-one-arm",
            "rate: window-under-two-scrapes",
            "usage: values-off-unit",
            "wrong: query-failed",
        ];
        assert_eq!(found, expected, "{}: {report:#}", store.name);
        assert_eq!(report["asked"]["scrape_seconds"], 30.0, "{}", store.name);
        assert_eq!(report["asked"]["minutes"], 30.0, "{}", store.name);
    }
}
