//! `serin selftest` on the history that real servers have, beside the same history as a recording.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::real_store::{Row, filled_with};

/// In seconds.
const SCRAPE: i64 = 60;
const HOURS: i64 = 8;

/// Eight hours of four replicas of stable, up to now: counters of requests, a summary's quantile that is a
/// tenth higher on one replica, and a level that is at each step much what it was before.
fn rows() -> Vec<Row> {
    let end = jiff::Timestamp::now().as_second() / SCRAPE * SCRAPE;
    let scrapes = HOURS * 3600 / SCRAPE;
    let mut noise = Noise(11);
    let mut rows = Vec::new();
    for (pod, latency) in [("pod-1", 0.2), ("pod-2", 0.2), ("pod-3", 0.2), ("pod-4", 0.22)] {
        let (mut good, mut bad, mut level) = (0.0, 0.0, 0.0);
        for scrape in 0..scrapes {
            good += (1200.0 + 30.0 * noise.bell()).round();
            bad += (6.0 + 2.4 * noise.bell()).round().max(0.0);
            level = 0.9 * level + noise.bell();
            let mut add = |metric: &str, label: Option<(&str, &str)>, value: f64| {
                let own = [("track", "stable"), ("pod", pod)];
                let labels = own.into_iter().chain(label);
                rows.push(Row {
                    metric: metric.to_owned(),
                    labels: labels.map(|(name, it)| (name.to_owned(), it.to_owned())).collect(),
                    time: (end - (scrapes - scrape) * SCRAPE) * 1000,
                    value,
                });
            };
            add("requests_total", Some(("code", "200")), good);
            add("requests_total", Some(("code", "500")), bad);
            add(
                "latency_seconds",
                Some(("quantile", "0.99")),
                latency * (1.0 + 0.01 * noise.bell()),
            );
            add("memory_bytes", None, 5e8 + 2e6 * level);
        }
    }
    rows
}

/// The same noise at every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }

    /// About normal, with deviation 1.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// The rows as a recording has them.
fn recording(rows: &[Row]) -> String {
    let mut text = "time,metric,track,pod,code,quantile,value\n".to_owned();
    for row in rows {
        let label = |name: &str| {
            row.labels.iter().find(|(own, _)| own == name).map_or("", |(_, it)| it.as_str())
        };
        let time = jiff::Timestamp::from_millisecond(row.time).unwrap();
        let [track, pod, code, quantile] = ["track", "pod", "code", "quantile"].map(label);
        let (metric, value) = (&row.metric, row.value);
        writeln!(text, "{time},{metric},{track},{pod},{code},{quantile},{value}").unwrap();
    }
    text
}

const CHECKS: &str = "
arms: {control: {track: stable}, canary: {track: canary}}
replica: pod
history: 60m
checks:
  errors: {ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'requests_total{$arm}'}}
  latency: {quantile: 'latency_seconds{quantile=\"0.99\", $arm}', compare: {tolerance: 2%}}
  memory: {gauge: 'memory_bytes{$arm}', worse: higher}
";

fn tested(check: &Path, more: &[&str]) -> Value {
    let options = ["--splits", "100", "--horizon", "30m", "--history", "7h", "--format", "json"];
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .arg("selftest")
        .arg(check)
        .args(options)
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A figure of a metric.
fn figure(report: &Value, metric: &str, path: &str) -> f64 {
    let metrics = report["self_test"]["metrics"].as_array().unwrap();
    let own = metrics.iter().find(|it| it["name"] == metric).unwrap();
    own.pointer(path).and_then(Value::as_f64).unwrap()
}

/// What was drawn, metric by metric: the figure, and between what it must lie.
const FIGURES: &[(&str, &str, f64, f64)] = &[
    // One replica of four is a tenth slower, and 2 % are tolerated: splits with it are blamed.
    ("latency", "/false_alarms/count", 15.0, 60.0),
    ("latency", "/spread/deviation", 0.04, 0.055),
    ("latency", "/smallest_tolerance", 0.05, 0.15),
    ("latency", "/correlation", -0.1, 0.1),
    ("errors", "/false_alarms/count", 0.0, 1.0),
    ("errors", "/spread/deviation", 0.0, 0.05),
    ("errors", "/safe/count", 80.0, 100.0),
    ("memory", "/false_alarms/count", 0.0, 1.0),
    ("memory", "/correlation", 0.85, 0.95),
];

#[test]
fn the_history_of_a_store_has_the_figures_of_the_same_recording() {
    let rows = rows();
    let folder = tempfile::tempdir().unwrap();
    let check = folder.path().join("serin.yaml");
    let data = folder.path().join("recording.csv");
    std::fs::write(&data, recording(&rows)).unwrap();
    for store in filled_with(&rows) {
        let source = format!("source: {{prometheus: {{url: '{}'}}}}", store.url);
        std::fs::write(&check, format!("service: shop\n{source}{CHECKS}")).unwrap();
        let of_store = tested(&check, &[]);
        let data = data.display().to_string();
        let recorded = tested(&check, &["--data", &data, "--counters", "cumulative"]);
        for (metric, path, least, most) in FIGURES {
            let [here, there] = [&of_store, &recorded].map(|it| figure(it, metric, path));
            let name = store.name;
            assert!((*least..=*most).contains(&here), "{name}: {metric} {path} is {here}");
            // The hour at either end is not the same, and so other splits are drawn.
            let apart = (here - there).abs();
            assert!(apart <= 0.3 * (most - least), "{name}: {metric} {path}: {here}, {there}");
        }
        let changes = of_store["changes"].as_str().unwrap();
        assert!(changes.contains("tolerance: 10%"), "{}: {changes}", store.name);
    }
}

#[test]
fn lint_finds_what_blames_itself_on_its_own_history() {
    let rows = rows();
    let folder = tempfile::tempdir().unwrap();
    let check = folder.path().join("serin.yaml");
    std::fs::write(folder.path().join("recording.csv"), recording(&rows)).unwrap();
    let stores = filled_with(&rows);
    let sources = stores.iter().map(|store| format!("{{prometheus: {{url: '{}'}}}}", store.url));
    let file = "{file: {path: recording.csv, counters: cumulative}}".to_owned();
    for source in sources.chain([file]) {
        let linted = |more: &[&str]| {
            std::fs::write(
                &check,
                format!("service: shop\nsource: {source}\nhorizon: 30m{CHECKS}"),
            )
            .unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_serin"))
                .arg("lint")
                .arg(&check)
                .args(["--format", "json"])
                .args(more)
                .output()
                .unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let findings = report["findings"].as_array().unwrap().clone();
            let of_history = findings.into_iter().filter(|finding| {
                finding["code"] == "blames-itself" || finding["code"] == "history-not-tried"
            });
            (report["tried"].clone(), of_history.collect::<Vec<_>>())
        };
        let (tried, findings) = linted(&["--history", "7h"]);
        assert_eq!(tried, 200, "{source}");
        let [finding] = findings.as_slice() else { panic!("{source}: {findings:?}") };
        assert_eq!(finding["code"], "blames-itself", "{source}");
        assert_eq!(finding["check"], "latency", "{source}");
        assert!(finding["line"].is_u64(), "{source}: {finding}");
        assert_eq!(linted(&[]), (Value::Null, Vec::new()), "{source}");
        // Two minutes are no history.
        let (tried, findings) = linted(&["--history", "2m"]);
        assert_eq!(tried, Value::Null, "{source}");
        assert_eq!(findings.len(), 1, "{source}: {findings:?}");
        assert_eq!(findings[0]["code"], "history-not-tried", "{source}");
    }
}
