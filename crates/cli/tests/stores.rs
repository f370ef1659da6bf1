//! The same recorded canary through a file and through real servers: the same verdict.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod canaries;
mod certificates;
mod real_store;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::canaries::{
    Case, SCRAPE, SCRAPES, START, cases, check_file, essence, judge, noise, total,
};
use crate::real_store::remote_write::{NativeSample, write_request};
use crate::real_store::{
    RealStore, Row, filled_with, is_installed, prefixed_prometheus, prometheus, recorded,
    recording, secured_prometheus, victoria_metrics,
};

#[test]
fn a_recording_and_every_store_give_the_same_verdict() {
    let cases = cases();
    let rows: Vec<Row> = cases.iter().flat_map(|case| case.rows.clone()).collect();
    let stores = filled_with(&rows);
    let folder = tempfile::tempdir().unwrap();
    let mut outcomes = String::new();
    for case in &cases {
        recording(&case.rows, &folder.path().join("rows.csv"));
        let source = "{file: {path: rows.csv, counters: cumulative}}";
        let (code, expected, error) = judge(folder.path(), "file.yaml", &check_file(case, source));
        assert!(error.is_empty(), "{}: {error}", case.name);
        outcomes += &format!(
            "{:28} {code} {} {}/{}\n",
            case.name,
            expected["verdict"]["metrics"][0]["evidence"]["standing"].as_str().unwrap(),
            expected["verdict"]["metrics"][0]["control"]["points"],
            expected["verdict"]["metrics"][0]["canary"]["points"],
        );
        for RealStore { name, url, .. } in &stores {
            let source = format!("{{prometheus: {{url: '{url}'}}}}");
            let text = check_file(case, &source);
            let (stored_code, stored, error) = judge(folder.path(), "store.yaml", &text);
            assert!(error.is_empty(), "{name}, {}: {error}", case.name);
            assert_eq!(essence(&stored), essence(&expected), "{name}, {}", case.name);
            assert_eq!(stored_code, code, "{name}, {}", case.name);
        }
    }
    insta::assert_snapshot!(outcomes);
}

/// Two pods an arm, three codes, and the gauge that a mistyped query might mean.
fn shop() -> Vec<Row> {
    let mut case = Case::new("shop", "");
    for (pod, handler) in [("a", "/"), ("b", "/"), ("b", "/pay")] {
        for (code, share) in [("200", 1.0), ("500", 0.01), ("503", 0.002)] {
            let labels = [("pod", pod), ("handler", handler), ("code", code)];
            case = case.both("requests_total", &labels, |scrape, noise| {
                Some(((scrape * 1000 + noise * 10) as f64 * share).floor())
            });
        }
        case = case.both("level", &[("pod", pod), ("handler", handler)], |_, noise| {
            Some(100.0 + noise as f64)
        });
    }
    case = case.series(1, "level", &[("pod", "c"), ("zone", "b")], |_| Some(100.0));
    for (pod, edges) in [("a", ["0.1", "1", "5", "+Inf"]), ("b", ["0.1", "1", "8", "+Inf"])] {
        for (index, le) in edges.into_iter().enumerate() {
            case = case.both("duration_bucket", &[("pod", pod), ("le", le)], |scrape, noise| {
                Some(((scrape * 10 + noise) * (index as i64 + 1)) as f64)
            });
        }
    }
    // One that stops, and one that was there before it got its label.
    case = case
        .series(0, "jobs_total", &[("pod", "a")], |scrape| total(scrape, noise(scrape)))
        .series(1, "jobs_total", &[("pod", "a")], |scrape| {
            (scrape < 60).then(|| (100 * scrape + noise(scrape)) as f64)
        });
    for arm in [0, 1] {
        let labels = [("track", if arm == 0 { "stable" } else { "canary" }), ("pod", "a")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        for scrape in -10..SCRAPES {
            let value = (5_000_000 + 100 * scrape + noise(scrape)) as f64;
            if arm == 0 || scrape > 60 {
                let (metric, labels) = ("moved_total".to_owned(), labels.clone());
                case.rows.push(Row {
                    metric,
                    labels,
                    time: (START + scrape * SCRAPE) * 1000,
                    value,
                });
            }
        }
    }
    case.rows
}

/// Judges `checks` of the shop at a Prometheus, and returns what a user reads.
fn told(url: &str, more: &str, checks: &str) -> String {
    told_by(&format!("{{prometheus: {{url: '{url}'}}}}"), more, checks).replace(url, "http://STORE")
}

/// Judges `checks` of the shop at a store, and returns what a user reads.
fn told_by(source: &str, more: &str, checks: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "service: shop\nsource: {source}\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\nstep: 30s\n\
         window: {{start: 2020-09-13T12:30:00Z, end: 2020-09-13T13:00:00Z}}\n{more}checks:\n{checks}"
    );
    let (code, report, error) = judge(folder.path(), "shop.yaml", &text);
    let mut told = format!("exit {code}");
    if report.is_null() {
        return format!("{told}\n{}", error.trim_end());
    }
    let verdict = &report["verdict"];
    told += &format!(" {}: {}", verdict["outcome"], verdict["reason"]);
    for metric in verdict["metrics"].as_array().unwrap() {
        let mean = |arm: &str| metric[arm]["mean"].as_f64().unwrap();
        told += &format!(
            "\n  {} {} {:.4} {:.4} {}/{}",
            metric["name"],
            metric["evidence"]["standing"],
            mean("control"),
            mean("canary"),
            metric["control"]["points"],
            metric["canary"]["points"],
        );
    }
    for warning in verdict["warnings"].as_array().unwrap() {
        told += &format!("\n  ! {} {}", warning["metric"], warning["text"]);
    }
    told
}

const COUNTED: &str =
    "  errors: {ratio: {bad: 'requests_total{code=~\"5..\", $arm}', total: requests_total}}\n";

/// Any text will do for a key where nobody looks at the signature.
const AWS_KEY: &str =
    ", aws: {region: eu-west-1, access_key_id: {env: PATH}, secret_access_key: {env: PATH}}";

#[test]
fn relatives_of_prometheus_are_asked_by_name() {
    if !is_installed("prometheus") {
        return;
    }
    let rows = shop();
    let mut stores = Vec::new();
    for (kind, prefix, address) in [
        ("prometheus", "", ""),
        ("thanos", "", ""),
        ("amazon_managed_prometheus", "", ""),
        ("amazon_managed_prometheus", "/workspaces/ws-1", "/workspaces/ws-1"),
        ("mimir", "/prometheus", ""),
        ("mimir", "/prometheus", "/prometheus/"),
        ("grafana_cloud", "/api/prom", ""),
        ("grafana_cloud", "/api/prom", "/api/prom"),
    ] {
        let store =
            if prefix.is_empty() { prometheus(&rows) } else { prefixed_prometheus(&rows, prefix) };
        let url = format!("{}{address}", store.url);
        stores.push((kind, url, store));
    }
    if is_installed("victoria-metrics") {
        let store = victoria_metrics(&rows);
        stores.push(("victoriametrics", store.url.clone(), store));
    }
    let told = |kind: &str, url: &str| {
        let key = if kind == "amazon_managed_prometheus" { AWS_KEY } else { "" };
        let source = format!("{{{kind}: {{url: '{url}'{key}}}}}");
        told_by(&source, "replica: pod\n", COUNTED)
            .replace(kind, "STORE")
            .replace(url, "http://STORE")
    };
    let (kind, url, _) = &stores[0];
    let expected = told(kind, url);
    assert!(expected.starts_with("exit 0 "), "{expected}");
    for (kind, url, _) in &stores[1..] {
        assert_eq!(told(kind, url), expected, "{kind} at {url}");
    }
}

#[test]
fn queries_of_every_shape_are_judged_or_refused_in_words() {
    let queries = [
        ("a selector without the arm", "replica: pod\n", COUNTED),
        ("the same without a replica", "", COUNTED),
        (
            "increases by replica",
            "replica: pod\n",
            "  errors: {ratio: {bad: 'sum by (pod) (increase(requests_total{code=~\"5..\", $arm}[30s]))', total: 'sum by (pod) (increase(requests_total{$arm}[$step]))'}}\n",
        ),
        (
            "rates, summed, over five minutes",
            "",
            "  errors: {ratio: {bad: 'sum(rate(requests_total{code=~\"5..\", $arm}[5m]))', total: 'sum(rate(requests_total{$arm}[5m]))'}}\n",
        ),
        (
            "a sum of running totals",
            "",
            "  errors: {count: {events: 'sum(requests_total{$arm})'}}\n",
        ),
        (
            "a sum of running totals, in disguise",
            "",
            "  errors: {count: {events: 'requests_total{code=\"500\", $arm} or up{$arm}'}}\n",
        ),
        (
            "a rate over counts",
            "",
            "  errors: {ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'sum(rate(requests_total{$arm}[1m]))'}}\n",
        ),
        (
            "a rate a minute over counts",
            "",
            "  errors: {ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'sum(rate(requests_total{$arm}[1m])) * 30'}}\n",
        ),
        (
            "more bad than all",
            "",
            "  errors: {ratio: {bad: 'requests_total{$arm}', total: 'requests_total{code=\"500\", $arm}'}}\n",
        ),
        (
            "a level for a counter",
            "",
            "  errors: {ratio: {bad: 'level{$arm}', total: 'requests_total{$arm}'}}\n",
        ),
        (
            "a mistyped label",
            "",
            "  errors: {ratio: {bad: 'requests_total{status=~\"5..\", $arm}', total: 'requests_total{$arm}'}}\n",
        ),
        (
            "a variable of a dashboard",
            "",
            "  errors: {ratio: {bad: 'requests_total{code=~\"$code\", $arm}', total: 'requests_total{$arm}'}}\n",
        ),
        (
            "a range with one scrape in it",
            "",
            "  errors: {count: {events: 'sum(increase(requests_total{$arm}[15s]))'}}\n",
        ),
        ("unlike edges", "", "  latency: {histogram: 'duration_bucket{$arm}'}\n"),
        (
            "unlike edges by replica",
            "replica: pod\n",
            "  latency: {histogram: 'duration_bucket{$arm}'}\n",
        ),
        (
            "a canary that stops",
            "",
            "  jobs: {ratio: {bad: 'jobs_total{code=\"500\", $arm}', total: 'jobs_total{$arm}'}}\n",
        ),
        (
            "a counter that only got its label",
            "",
            "  moved: {count: {events: 'moved_total{$arm}'}}\n",
        ),
        (
            "a share computed there",
            "",
            "  errors: {quantile: 'sum(rate(requests_total{code=~\"5..\", $arm}[1m])) / sum(rate(requests_total{$arm}[1m]))'}\n",
        ),
        ("a level of several series", "", "  level: {gauge: 'level{$arm}'}\n"),
        (
            "a level of several series a replica",
            "replica: pod\n",
            "  level: {gauge: 'level{$arm}'}\n",
        ),
        (
            "a level of one series a replica",
            "replica: pod\n",
            "  level: {gauge: 'level{handler=\"/\", $arm}'}\n",
        ),
        (
            "labels of one arm alone",
            "replica: pod\n",
            "  level: {gauge: 'level{pod=~\"a|c\", $arm}'}\n",
        ),
        ("a level averaged there", "", "  level: {gauge: 'avg(level{$arm})'}\n"),
        (
            "levels over the whole window",
            "",
            "  level: {gauge: 'avg(avg_over_time(level{$arm}[$window]))'}\n",
        ),
        ("a metric that is not there", "", "  level: {gauge: 'levle{$arm}'}\n"),
        (
            "a metric that is not there, among others",
            "",
            "  level: {gauge: 'avg(level{$arm})'}\n  levle: {gauge: 'levle{$arm}'}\n",
        ),
        ("PromQL that the server refuses", "", "  level: {gauge: 'avg(level{$arm}[5m])'}\n"),
        (
            "PromQL that the server refuses, among others",
            "",
            "  level: {gauge: 'avg(level{$arm})'}\n  bad: {gauge: 'no_such_function(level{$arm})'}\n",
        ),
        ("a scalar", "", "  level: {gauge: 'scalar(level{$arm})'}\n"),
        ("no arm in an expression", "", "  level: {gauge: 'avg(level)'}\n"),
        ("a histogram that is none", "", "  latency: {histogram: 'level{$arm}'}\n"),
    ];
    let store = if is_installed("prometheus") { prometheus(&shop()) } else { return };
    let mut all = String::new();
    for (name, more, checks) in queries {
        let said = told(&store.url, more, checks);
        all += &format!("── {name}\n{said}\n\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn native_histograms_are_counted_in_buckets() {
    if !is_installed("prometheus") {
        return;
    }
    // What is older than the blocks there are is not taken.
    let labels = vec![("pod".to_owned(), "a".to_owned())];
    let old = Row { metric: "old".to_owned(), labels, time: (START - 86_400) * 1000, value: 1.0 };
    let store = prometheus(&[old]);
    for (track, slow) in [("stable", 0), ("canary", 4)] {
        for pod in ["a", "b"] {
            let labels = [("__name__", "duration"), ("pod", pod), ("track", track)];
            let samples: Vec<NativeSample> = (0..SCRAPES)
                .map(|scrape| {
                    let since =
                        if pod == "b" && scrape >= 60 { scrape - 60 } else { scrape } as u64;
                    let noise = noise(scrape) as u64;
                    NativeSample {
                        time: (START + scrape * SCRAPE) * 1000,
                        zeros: since,
                        counts: vec![since * 50 + noise, since * 20, since * 2, since * slow],
                    }
                })
                .collect();
            store.write(&write_request(&labels, &samples));
        }
    }
    insta::assert_snapshot!(told(
        &store.url,
        "replica: pod\n",
        "  latency: {histogram: 'duration{$arm}'}\n"
    ));
}

#[test]
fn a_secured_prometheus_is_asked_with_certificate_and_password() {
    if !is_installed("prometheus") || !is_installed("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    secured(folder.path());
    let store = secured_prometheus(&shop(), &folder.path().join("web.yml"));
    std::fs::write(folder.path().join("password"), "hunter2hunter2\n").unwrap();
    let whole = "tls: {authority: ca.pem, certificate: client.pem, key: client.key}";
    let proof = "username: me, password: {file: password}";
    let mut all = String::new();
    for (name, settings) in [
        ("all that is asked for", format!(", {whole}, {proof}")),
        ("no password", format!(", {whole}")),
        ("a wrong user", format!(", {whole}, username: you, password: {{file: password}}")),
        ("no certificate of our own", format!(", tls: {{authority: ca.pem}}, {proof}, retries: 0")),
        ("an authority that nobody knows", format!(", {proof}, retries: 0")),
    ] {
        let text = format!(
            "service: shop\nsource: {{prometheus: {{url: '{}'{settings}}}}}\n\
             arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\nstep: 30s\n\
             window: {{start: 2020-09-13T12:30:00Z, end: 2020-09-13T13:00:00Z}}\nchecks:\n{COUNTED}",
            store.url.replace("127.0.0.1", "localhost")
        );
        let (code, report, error) = judge(folder.path(), "shop.yaml", &text);
        assert!(!error.contains("hunter2"), "{error}");
        let said = error.lines().nth(2).unwrap_or_default().trim().to_owned();
        all += &format!("── {name}\nexit {code} {}{said}\n\n", report["verdict"]["outcome"]);
    }
    insta::assert_snapshot!(all);
}

/// Makes certificates, and a `web.yml` that asks for both sides' and for the user `me`.
fn secured(folder: &Path) {
    certificates::make(folder);
    // The password is `hunter2hunter2`.
    let web = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  \
               client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n\
               basic_auth_users:\n  me: $2b$04$2svUXRE6cuzgF6KU4fJC9er9UPvv7VHsPWp/75j9AiGEYP3/GoP3W\n";
    std::fs::write(folder.join("web.yml"), web).unwrap();
}

#[test]
fn a_prometheus_that_hangs_or_dies_is_said_to() {
    if !is_installed("prometheus") {
        return;
    }
    let store = prometheus(&shop());
    let url = format!("{}', timeout: 500ms, retries: 1, deadline: '20s", store.url);
    store.signal("-STOP");
    let hung = told(&url, "", COUNTED);
    store.signal("-CONT");
    let again = told(&url, "", COUNTED);
    store.signal("-KILL");
    let dead = told(&url, "", COUNTED);
    assert!(hung.starts_with("exit 1") && hung.contains("did not answer within 0.5s"), "{hung}");
    assert!(again.starts_with("exit 0"), "{again}");
    assert!(dead.starts_with("exit 1") && dead.contains("cannot be reached"), "{dead}");
}

#[test]
fn the_examples_give_the_same_verdict_through_every_store() {
    for example in ["checkout", "storefront"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
        let text = std::fs::read_to_string(folder.join("serin.yaml")).unwrap();
        let recordings = ["good", "slow", "failing", "silent"];
        let rows: Vec<Row> = recordings.iter().flat_map(|name| recorded(&folder, name)).collect();
        for RealStore { name, url, .. } in &filled_with(&rows) {
            for recording in recordings {
                let times = rows.iter().filter(|row| row.labels.last().unwrap().1 == recording);
                let times: Vec<i64> = times.map(|row| row.time).collect();
                let moment =
                    |millis| jiff::Timestamp::from_millisecond(millis).unwrap().to_string();
                let window = format!(
                    "window: {{start: {}, end: {}}}\nreplica:",
                    moment(*times.iter().min().unwrap()),
                    moment(*times.iter().max().unwrap() + 1),
                );
                let of_file = text.replace(
                    "good.csv.gz",
                    &folder.join(format!("{recording}.csv.gz")).display().to_string(),
                );
                let of_store = text
                    .replace(
                        "file: {path: good.csv.gz, counters: cumulative}",
                        &format!("prometheus: {{url: '{url}'}}"),
                    )
                    .replace("track: stable}", &format!("track: stable, recording: {recording}}}"))
                    .replace("track: canary}", &format!("track: canary, recording: {recording}}}"))
                    .replacen("replica:", &window, 1);
                let scratch = tempfile::tempdir().unwrap();
                let (code, expected, error) = judge(scratch.path(), "file.yaml", &of_file);
                assert!(error.is_empty(), "{error}");
                let (stored_code, stored, error) = judge(scratch.path(), "store.yaml", &of_store);
                assert!(error.is_empty(), "{error}");
                assert_eq!(essence(&stored), essence(&expected), "{name}, {example}, {recording}");
                assert_eq!(stored_code, code);
                assert_eq!(code, if recording == "good" { 0 } else { 2 });
            }
        }
    }
}

#[test]
fn more_steps_than_a_store_gives_at_once_are_asked_for_in_parts() {
    if !is_installed("prometheus") {
        return;
    }
    let store = prometheus(&shop());
    let folder = tempfile::tempdir().unwrap();
    let judged = |step: &str| {
        let text = format!(
            "service: shop\nsource: {{prometheus: {{url: '{}'}}}}\n\
             arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\nstep: {step}\n\
             window: {{start: 2020-09-13T06:00:00Z, end: 2020-09-13T18:00:00Z}}\nreplica: pod\nchecks:\n  \
             level: {{gauge: 'avg(level{{$arm}})'}}\n{COUNTED}",
            store.url
        );
        judge(folder.path(), "shop.yaml", &text)
    };
    // 43,200 steps: two parts of 21,600 for the one, 720 at once for the other.
    let (_, report, error) = judged("2s");
    assert_eq!(error, "");
    let points = |report: &Value, metric: &str| {
        let metrics = report["verdict"]["metrics"].as_array().unwrap();
        metrics.iter().find(|it| it["name"] == metric).unwrap()["canary"]["points"].clone()
    };
    // A step is computed at its end: from the first sample at 0 s to five minutes after the last one
    // at 1785 s, for so long Prometheus holds a value.
    assert_eq!(points(&report, "level"), (1785 + 300) / 2 + 1);
    // Between 120 scrapes there are so many increments.
    assert_eq!(points(&report, "errors"), 119);
    let (_, report, _) = judged("60s");
    assert_eq!(points(&report, "errors"), 30);
}

/// Watches what has passed, and returns the exit code and the report.
fn watch(folder: &Path, name: &str) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(["watch", "--format", "json"])
        .arg(folder.join(name))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|_| panic!("{error}")))
}

/// What is watched step by step ends where it is settled; judging up to there says the same.
#[test]
fn watching_a_store_ends_as_judging_it_up_to_that_moment_does() {
    let cases = cases();
    let rows: Vec<Row> = cases.iter().flat_map(|case| case.rows.clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut outcomes = std::collections::BTreeSet::new();
    for RealStore { name, url, .. } in &filled_with(&rows) {
        for case in &cases {
            let text = check_file(case, &format!("{{prometheus: {{url: '{url}'}}}}"));
            std::fs::write(folder.path().join("watch.yaml"), &text).unwrap();
            let (code, watched) = watch(folder.path(), "watch.yaml");
            let last = watched["span"][1].as_i64().unwrap() / 1000 + 30;
            let steps = (last - START).min(case.judged.1 * SCRAPE);
            let (_, end) = text.split_once("end: ").unwrap();
            let end = end.split('}').next().unwrap();
            let moment = jiff::Timestamp::from_second(START + steps).unwrap().to_string();
            let (judged_code, judged, error) =
                judge(folder.path(), "judge.yaml", &text.replacen(end, &moment, 1));
            assert_eq!(error, "", "{name}, {}", case.name);
            assert_eq!(essence(&watched), essence(&judged), "{name}, {}", case.name);
            assert_eq!(code, Some(judged_code), "{name}, {}", case.name);
            outcomes.insert(judged_code);
        }
    }
    assert!(outcomes.is_empty() || outcomes.len() > 1, "{outcomes:?}");
}
