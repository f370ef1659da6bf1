//! Canaries that are hard to count, and how they are judged wherever their points are.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::real_store::Row;

/// 2020-09-13T12:30:00Z, the start of every case.
pub(crate) const START: i64 = 1_600_000_200;
pub(crate) const SCRAPE: i64 = 15;
/// Half an hour.
pub(crate) const SCRAPES: i64 = 120;

/// A canary, and how it is asked about.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The labels of the arms.
    pub(crate) arms: [&'static str; 2],
    pub(crate) check: &'static str,
    /// When its first scrape is, in seconds.
    pub(crate) start: i64,
    /// Judged in this stretch of scrapes.
    pub(crate) judged: (i64, i64),
    pub(crate) rows: Vec<Row>,
}

impl Case {
    pub(crate) fn new(name: &'static str, check: &'static str) -> Self {
        let (arms, judged) = (["stable", "canary"], (0, SCRAPES));
        Self { name, arms, check, start: START, judged, rows: Vec::new() }
    }

    /// Moves it to another time.
    pub(crate) fn at(mut self, start: i64) -> Self {
        let by = (start - self.start) * 1000;
        self.rows.iter_mut().for_each(|row| row.time += by);
        self.start = start;
        self
    }

    /// Adds a series to an arm: its value at each scrape, or none.
    pub(crate) fn series(
        mut self,
        arm: usize,
        metric: &str,
        labels: &[(&str, &str)],
        value: impl Fn(i64) -> Option<f64>,
    ) -> Self {
        let mut all = vec![("case", self.name), ("track", self.arms[arm])];
        all.extend(labels);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let labels: Vec<_> = all.iter().map(owned).collect();
        for scrape in 0..SCRAPES {
            if let Some(value) = value(scrape) {
                let (metric, labels) = (metric.to_owned(), labels.clone());
                self.rows.push(Row {
                    metric,
                    labels,
                    time: (START + scrape * SCRAPE) * 1000,
                    value,
                });
            }
        }
        self
    }

    /// Adds the same series to both arms, with noise of their own.
    pub(crate) fn both(
        self,
        metric: &str,
        labels: &[(&str, &str)],
        value: impl Fn(i64, i64) -> Option<f64>,
    ) -> Self {
        self.series(0, metric, labels, |scrape| value(scrape, noise(scrape))).series(
            1,
            metric,
            labels,
            |scrape| value(scrape, noise(scrape + 1000)),
        )
    }
}

/// From 0 to 9, without a pattern that a test would see.
pub(crate) fn noise(scrape: i64) -> i64 {
    (scrape * scrape * 7919 + scrape * 104_729 + 31) / 17 % 10
}

pub(crate) fn total(scrape: i64, noise: i64) -> Option<f64> {
    Some((100 * scrape + noise + 1000) as f64)
}

pub(crate) fn cases() -> Vec<Case> {
    let ratio =
        "ratio: {bad: 'requests_total{code=~\"5..\", $arm}', total: 'requests_total{$arm}'}";
    let gauge = "gauge: 'level{$arm}'";
    let good = |case: Case| case.both("requests_total", &[("code", "200"), ("pod", "a")], total);
    let errors = |scrape: i64, noise: i64| Some((scrape * 2 + noise / 5) as f64);
    let mut inside = good(Case::new("a window inside the data", ratio)).both(
        "requests_total",
        &[("code", "500"), ("pod", "a")],
        errors,
    );
    inside.judged = (40, 90);
    let mut hostile = Case::new("hostile labels", gauge);
    hostile.arms = ["sta\"ble\\", "ca} or level{x=\"\nnäry"];
    vec![
        good(Case::new("counts", ratio))
            .both("requests_total", &[("code", "500"), ("pod", "a")], errors)
            .both("requests_total", &[("code", "503"), ("pod", "b")], errors)
            .both("requests_total", &[("code", "200"), ("pod", "b")], total),
        good(Case::new("a restart", ratio)).both(
            "requests_total",
            &[("code", "500"), ("pod", "a")],
            |scrape, _| Some((if scrape < 70 { scrape * 3 } else { (scrape - 70) * 3 + 1 }) as f64),
        ),
        good(Case::new("errors from the middle on", ratio)).series(
            1,
            "requests_total",
            &[("code", "500"), ("pod", "a")],
            |scrape| (scrape >= 60).then(|| (40 + scrape - 60) as f64),
        ),
        good(Case::new("errors that end", ratio)).both(
            "requests_total",
            &[("code", "500"), ("pod", "a")],
            |scrape, _| (scrape < 60).then_some((scrape * 5) as f64),
        ),
        good(Case::new("scrapes that are missing", ratio)).both(
            "requests_total",
            &[("code", "500"), ("pod", "a")],
            |scrape, noise| (scrape % 7 != 0).then_some((scrape * 2 + noise / 5) as f64),
        ),
        Case::new("a canary that crashes again", ratio)
            .series(0, "requests_total", &[("code", "200"), ("pod", "a")], |scrape| total(scrape, 3))
            .series(0, "requests_total", &[("code", "500"), ("pod", "a")], |scrape| Some(scrape as f64))
            .series(1, "requests_total", &[("code", "200"), ("pod", "a")], |scrape| {
                Some((70 * (scrape % 5 + 1)) as f64)
            })
            .series(1, "requests_total", &[("code", "500"), ("pod", "a")], |scrape| {
                Some((30 * (scrape % 5 + 1)) as f64)
            }),
        Case::new("a replica that comes back elsewhere", gauge)
            .both("level", &[("pod", "a"), ("instance", "x")], |scrape, noise| {
                (scrape < 60).then_some(50.0 + noise as f64)
            })
            .both("level", &[("pod", "a"), ("instance", "y")], |scrape, noise| {
                (scrape >= 62).then_some(50.0 + noise as f64)
            }),
        Case::new(
            "an exposure without replicas",
            "count: {events: 'requests_total{code=\"200\", $arm}', exposure: 'handled_total{$arm}'}",
        )
        .both("requests_total", &[("code", "200"), ("pod", "a")], total)
        .both("requests_total", &[("code", "200"), ("pod", "b")], total)
        .both("handled_total", &[], |scrape, noise| Some((300 * scrape + noise) as f64)),
        Case::new("a silent canary", ratio).series(
            0,
            "requests_total",
            &[("code", "200"), ("pod", "c")],
            |scrape| total(scrape, 3),
        ),
        Case::new("a canary that comes late", ratio)
            .series(0, "requests_total", &[("code", "200"), ("pod", "a")], |scrape| {
                total(scrape, noise(scrape))
            })
            .series(1, "requests_total", &[("code", "200"), ("pod", "a")], |scrape| {
                (scrape >= 40).then(|| (100 * (scrape - 39)) as f64)
            })
            .series(1, "requests_total", &[("code", "500"), ("pod", "a")], |scrape| {
                (scrape >= 40).then(|| (7 + scrape - 40) as f64)
            }),
        Case::new("levels", gauge)
            .both("level", &[("pod", "a")], |_, noise| Some(50.0 + noise as f64 / 4.0))
            .both("level", &[("pod", "b")], |scrape, noise| Some((scrape + noise) as f64 * 1e-9)),
        Case::new("levels that are no number", gauge).both(
            "level",
            &[("pod", "a")],
            |scrape, noise| Some(if scrape % 3 == 0 { f64::NAN } else { 5.0 + noise as f64 }),
        ),
        Case::new("levels without end", gauge).both("level", &[("pod", "a")], |scrape, noise| {
            Some(if scrape == 50 { f64::INFINITY } else { 5.0 + noise as f64 })
        }),
        Case::new("extreme levels", gauge).both("level", &[("pod", "a")], |scrape, noise| {
            Some(if scrape % 2 == 0 { 1.5e300 } else { -1e-300 * (1 + noise) as f64 })
        }),
        hostile.both("level", &[("pod", "a")], |_, noise| Some(50.0 + noise as f64)),
        inside,
        Case::new(
            "events with an exposure",
            "count: {events: 'seconds_total{$arm}', exposure: 'requests_total{$arm}'}",
        )
        .both("requests_total", &[("code", "200"), ("pod", "a")], total)
        .both("seconds_total", &[("pod", "a")], |scrape, noise| {
            Some(scrape as f64 * 1.25 + noise as f64 / 64.0)
        }),
        Case::new("events alone", "count: {events: 'requests_total{$arm}'}")
            .both("requests_total", &[("code", "200"), ("pod", "a")], total)
            .both("requests_total", &[("code", "200"), ("pod", "b")], total),
        histogram(),
    ]
}

fn histogram() -> Case {
    let mut case = Case::new("histograms", "histogram: 'duration_bucket{$arm}'");
    for (pod, handler) in [("a", "/"), ("a", "/pay"), ("b", "/")] {
        for (le, share) in [("0.1", 0.5), ("0.5", 0.9), ("1", 0.97), ("+Inf", 1.0)] {
            let labels = [("pod", pod), ("handler", handler), ("le", le)];
            case = case.both("duration_bucket", &labels, |scrape, noise| {
                let since = if pod == "b" && scrape >= 50 { scrape - 50 } else { scrape };
                Some(((since * 40 + noise / 3) as f64 * share).floor())
            });
        }
    }
    case
}

pub(crate) fn check_file(case: &Case, source: &str) -> String {
    let arm = |index: usize| {
        serde_json::json!({"case": case.name, "track": case.arms[index]}).to_string()
    };
    let moment = |scrape: i64| {
        jiff::Timestamp::from_second(case.start + scrape * SCRAPE).unwrap().to_string()
    };
    format!(
        "service: shop\nsource: {source}\narms:\n  control: {}\n  canary: {}\nreplica: pod\nstep: 30s\n\
         window: {{start: {}, end: {}}}\nchecks:\n  metric:\n    {}\n",
        arm(0),
        arm(1),
        moment(case.judged.0),
        moment(case.judged.1),
        case.check
    )
}

pub(crate) fn judge(folder: &Path, name: &str, text: &str) -> (i32, Value, String) {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(["judge", "--format", "json"])
        .arg(&path)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), report, error)
}

/// What two verdicts over the same points must share.
pub(crate) fn essence(report: &Value) -> Value {
    let verdict = &report["verdict"];
    let mut essence = serde_json::json!({
        "outcome": verdict["outcome"],
        "reason": verdict["reason"],
        "score": verdict["scorecard"],
        "metrics": verdict["metrics"],
        "span": report["span"],
    });
    round(&mut essence);
    essence
}

/// Keeps twelve digits: VictoriaMetrics stores decimals, and the last bits of a logarithm show it.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = format!("{:.11e}", number.as_f64().unwrap_or_default());
            *value = rounded.parse().map_or(Value::Null, |rounded: f64| rounded.into());
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(values) => values.values_mut().for_each(round),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
