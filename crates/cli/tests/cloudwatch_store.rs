//! The same canary through a recording and through a server that speaks CloudWatch's protocol.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::real_store::cloudwatch::Moto;

/// 2020-09-13T12:30:00Z
const START: i64 = 1_600_000_200;
const MINUTES: i64 = 45;

/// What one arm counted and measured in a minute.
struct Minute {
    requests: i64,
    errors: i64,
    load: f64,
}

fn minute(arm: usize, minute: i64, harm: bool) -> Minute {
    let noise = |salt: i64| (minute * minute * 7919 + minute * 104_729 + salt) / 17 % 10;
    let salt = 31 + 1000 * arm as i64;
    Minute {
        requests: 1000 + noise(salt),
        errors: if harm && arm == 1 { 80 } else { 1 + noise(salt + 7) / 4 },
        load: 0.5 + noise(salt + 13) as f64 / 64.0,
    }
}

fn checks(query: impl Fn(&str, &str) -> String) -> String {
    let mut text = "checks:\n".to_owned();
    let errors = [query("Sum", "errors"), query("Sum", "requests")];
    writeln!(text, "  errors: {{ratio: {{bad: '{}', total: '{}'}}}}", errors[0], errors[1])
        .unwrap();
    writeln!(text, "  load: {{gauge: '{}'}}", query("Average", "load")).unwrap();
    text
}

fn judge(path: &PathBuf) -> (Option<i32>, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(["judge", "--format", "json"])
        .arg(path)
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "key")
        .env_remove("AWS_SESSION_TOKEN")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), error)
}

#[test]
fn a_recording_and_cloudwatch_give_the_same_verdict() {
    let Some(server) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (case, harm, expected) in [("good", false, 0), ("failing", true, 2)] {
        let (mut data, mut csv) = (Vec::new(), "time,metric,track,value\n".to_owned());
        for (arm, track) in ["stable", "canary"].into_iter().enumerate() {
            for number in 0..MINUTES {
                let minute = minute(arm, number, harm);
                let time = START + 60 * number;
                let dimensions =
                    json!([{"Name": "case", "Value": case}, {"Name": "track", "Value": track}]);
                let mut put = |name: &str, value: f64| {
                    writeln!(csv, "{time},{name},{track},{value}").unwrap();
                    // Two halves, so that a sum is no single value.
                    let halves = if name == "load" { [value, value] } else { [value - 1.0, 1.0] };
                    for (after, half) in halves.into_iter().enumerate() {
                        data.push(json!({
                            "MetricName": name,
                            "Dimensions": dimensions,
                            "Timestamp": time + 20 * after as i64,
                            "Value": half,
                        }));
                    }
                };
                put("requests", minute.requests as f64);
                put("errors", minute.errors as f64);
                put("load", minute.load);
            }
        }
        server.put(&data);
        let top = "service: shop\narms: {control: {track: stable}, canary: {track: canary}}\n\
                   step: 1m\nwindow: {start: 2020-09-13T12:30:00Z, end: 2020-09-13T13:15:00Z}\n";
        std::fs::write(folder.path().join("rows.csv"), &csv).unwrap();
        let of_file = checks(|_, metric| metric.to_owned());
        let source = "source: {file: {path: rows.csv, counters: increments}}\n";
        let file = folder.path().join("file.yaml");
        std::fs::write(&file, format!("{top}{source}{of_file}")).unwrap();
        let of_store = checks(|statistic, metric| {
            format!("{statistic}:Shop:{metric}{{case=\"{case}\", $arm}}")
        });
        let source = format!(
            "source: {{cloudwatch: {{url: 'http://{}', aws: {{region: eu-west-1}}}}}}\n",
            server.address
        );
        let store = folder.path().join("store.yaml");
        std::fs::write(&store, format!("{top}{source}{of_store}")).unwrap();
        let (code, recorded, error) = judge(&file);
        assert_eq!(error, "");
        let (stored_code, stored, error) = judge(&store);
        assert_eq!(error, "");
        assert_eq!((code, stored_code), (Some(expected), Some(expected)), "{case}");
        for part in ["outcome", "reason", "scorecard", "metrics"] {
            assert_eq!(stored["verdict"][part], recorded["verdict"][part], "{case}, {part}");
        }
        assert_eq!(stored["span"], recorded["span"], "{case}");
    }
}
