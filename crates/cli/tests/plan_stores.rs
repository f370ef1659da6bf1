//! A plan from the last hours of real servers, where no canary ever was.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::real_store::{Row, filled_with};

const SCRAPE: i64 = 30;
const SCRAPES: i64 = 3 * 120;

/// Three hours of two pods of one version, up to now.
fn rows() -> Vec<Row> {
    #[expect(clippy::disallowed_methods, reason = "a plan asks for the time up to now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut rows = Vec::new();
    for (number, pod) in (1..).zip(["a", "b"]) {
        for scrape in 0..SCRAPES {
            let noise = (scrape * scrape * 7919 + scrape * 104_729 * number + 31) / 17 % 10;
            let mut add = |metric: &str, code: &str, value: i64| {
                let mut labels = vec![
                    ("pod".to_owned(), pod.to_owned()),
                    ("track".to_owned(), "stable".to_owned()),
                ];
                if !code.is_empty() {
                    labels.push(("code".to_owned(), code.to_owned()));
                }
                let time = (now - (SCRAPES - scrape) * SCRAPE) * 1000;
                rows.push(Row { metric: metric.to_owned(), labels, time, value: value as f64 });
            };
            add("requests_total", "200", 300 * scrape + 10 * noise);
            add("requests_total", "500", 3 * scrape + noise / 4);
            add("queue_depth", "", 200 + 3 * noise + number);
        }
    }
    rows
}

#[test]
fn a_store_is_asked_for_its_last_hours_and_needs_no_canary() {
    let folder = tempfile::tempdir().unwrap();
    let check = folder.path().join("serin.yaml");
    for store in filled_with(&rows()) {
        let text = format!(
            "service: shop\nsource: {{prometheus: {{url: '{}'}}}}\narms:\n  control: {{track: stable}}\n  \
             canary: {{track: canary}}\nreplica: pod\nchecks:\n  errors:\n    ratio: \
             {{bad: 'requests_total{{code=\"500\", $arm}}', total: 'requests_total{{$arm}}'}}\n  \
             queue:\n    gauge: queue_depth{{$arm}}\n    worse: higher\n  nowhere:\n    gauge: \
             no_such_metric{{$arm}}\n",
            store.url
        );
        std::fs::write(&check, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_serin"))
            .args(["plan", "--format", "json", "--horizon", "30m"])
            .arg(&check)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{}: {error}", store.name);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let metric = |name: &str| {
            let metrics = report["plan"]["metrics"].as_array().unwrap();
            metrics.iter().find(|metric| metric["name"] == name).unwrap().clone()
        };
        let errors = metric("errors");
        assert!(errors["outlook"]["half"].as_f64().unwrap() > 0.25, "{errors:#}");
        assert!(errors["history"].as_str().unwrap().contains(" % of 121"), "{errors:#}");
        assert!(metric("queue")["outlook"]["half"].as_f64().unwrap() > 0.1);
        assert_eq!(
            metric("nowhere")["unknown"],
            "its control has no history in the time that was read"
        );
        assert_eq!(report["doubts"], serde_json::json!([]));
    }
}
