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
