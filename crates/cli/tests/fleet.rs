//! Many canaries in one run, from recordings and from real stores.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod canaries;
mod real_store;
mod serin;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::canaries::{Case, START, essence, noise, total};
use crate::real_store::{RealStore, Row, filled_with, recording};
use crate::serin::{serin, without_folder};

const RATIO: &str =
    "  errors: {ratio: {bad: 'requests_total{code=~\"5..\"}', total: requests_total}}\n";
const GAUGE: &str = "  memory: {gauge: level, worse: higher}\n";
const HISTOGRAM: &str = "  latency: {histogram: duration_bucket}\n";

/// Two pods an arm, with requests, errors, a level and a histogram.
fn service(name: &'static str, canaries: bool, change: impl Fn(Pod) -> Change) -> Vec<Row> {
    let mut case = Case::new(name, "");
    for arm in 0..=usize::from(canaries) {
        for (at, pod) in ["a", "b"].into_iter().enumerate() {
            let change = change((arm, at));
            let drawn = |scrape: i64| noise(scrape + 1000 * arm as i64 + 333 * at as i64);
            let requests = |scrape| total(scrape, drawn(scrape)).unwrap_or_default();
            let errors = |scrape| (scrape * change.errors) as f64;
            case = case
                .series(arm, "requests_total", &[("code", "200"), ("pod", pod)], |scrape| {
                    change.counted(scrape, requests)
                })
                .series(arm, "requests_total", &[("code", "500"), ("pod", pod)], |scrape| {
                    change.counted(scrape, errors)
                })
                .series(arm, "level", &[("pod", pod)], |scrape| {
                    change.is_seen(scrape).then(|| (50 + drawn(scrape)) as f64 * change.level)
                });
            for (le, share) in [("0.1", 0.5), ("1", 0.9), ("+Inf", 1.0)] {
                let labels = [("pod", pod), ("le", le)];
                let requests = |scrape| ((scrape * 40 + drawn(scrape) / 3) as f64 * share).floor();
                case = case.series(arm, "duration_bucket", &labels, |scrape| {
                    change.counted(scrape, requests)
                });
            }
        }
    }
    let named = |(label, value): (String, String)| match label.as_str() {
        "case" => ("service".to_owned(), value),
        _ => (label, value),
    };
    for row in &mut case.rows {
        row.labels = std::mem::take(&mut row.labels).into_iter().map(named).collect();
    }
    case.rows
}

/// An arm, and which of its pods.
type Pod = (usize, usize);

/// What a pod does otherwise.
#[derive(Clone, Copy)]
struct Change {
    /// Since which scrape it is there.
    since: i64,
    /// From which scrape up to which it is not scraped.
    unseen: (i64, i64),
    /// At which scrape its counters begin again.
    restart: Option<i64>,
    /// After how many scrapes they begin again, each time.
    crashes: Option<i64>,
    /// What they had counted before all this.
    counted_before: f64,
    /// Failed requests from scrape to scrape.
    errors: i64,
    level: f64,
}

impl Change {
    fn is_seen(&self, scrape: i64) -> bool {
        scrape >= self.since && !(self.unseen.0..self.unseen.1).contains(&scrape)
    }

    /// Returns what a counter stands at.
    fn counted(&self, scrape: i64, counted: impl Fn(i64) -> f64) -> Option<f64> {
        let once = self.restart.filter(|&restart| scrape >= restart);
        let last = self.crashes.map(|every| scrape / every * every).or(once);
        let value = match last {
            Some(last) => counted(scrape) - counted(last),
            None => counted(scrape) + self.counted_before,
        };
        self.is_seen(scrape).then_some(value)
    }
}

const SOUND: Change = Change {
    since: -1,
    unseen: (0, 0),
    restart: None,
    crashes: None,
    counted_before: 0.0,
    errors: 1,
    level: 1.0,
};

/// A service whose canaries do otherwise, each pod alike.
fn with_canary(name: &'static str, change: Change) -> Vec<Row> {
    service(name, true, move |(arm, _)| if arm == 1 { change } else { SOUND })
}

fn fleet() -> Vec<Row> {
    [
        with_canary("good", SOUND),
        with_canary("failing", Change { errors: 20, ..SOUND }),
        with_canary("hungry", Change { level: 2.0, ..SOUND }),
        with_canary("restarted", Change { restart: Some(50), ..SOUND }),
        with_canary("late", Change { since: 40, ..SOUND }),
        service("idle", false, |_| SOUND),
    ]
    .concat()
}

fn check_file(source: &str, who: &str, checks: &str) -> String {
    let end = jiff::Timestamp::from_second(START + 1800).unwrap();
    // There is something before: what a counter stood at when it was first seen is no count.
    let start = jiff::Timestamp::from_second(START + 300).unwrap();
    format!(
        "{who}\nsource: {source}\narms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
         step: 30s\nwindow: {{start: {start}, end: {end}}}\nchecks:\n{checks}"
    )
}

/// Leaves out the moments within a step, of which nothing is left where a store adds up.
fn without_moments(mut essence: Value) -> Value {
    for metric in essence["metrics"].as_array_mut().unwrap() {
        metric["evidence"].as_object_mut().unwrap().remove("since");
    }
    essence
}

/// Judges with a Check file, and returns the exit code and the JSON.
fn judged(folder: &Path, text: &str) -> (i32, Value) {
    let (code, report, error) = canaries::judge(folder, "check.yaml", text);
    assert!(error.is_empty(), "{error}");
    (code, report)
}

/// What is judged of each member, by name.
fn members(report: &Value) -> Vec<(String, Value)> {
    let members = report["members"].as_array().unwrap().iter();
    let mut members: Vec<(String, Value)> =
        members.map(|it| (it["service"].as_str().unwrap().to_owned(), essence(it))).collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members
}

#[test]
fn each_member_of_a_recording_is_judged_as_if_alone() {
    let folder = tempfile::tempdir().unwrap();
    recording(&fleet(), &folder.path().join("rows.csv"));
    let source = "{file: {path: rows.csv, counters: cumulative}}";
    let checks = [RATIO, GAUGE, HISTOGRAM].concat();
    for replica in ["", "replica: pod\n"] {
        let of_fleet = check_file(source, &format!("{replica}for_each: [service]"), &checks);
        let (code, report) = judged(folder.path(), &of_fleet);
        assert_eq!(code, 2);
        assert_eq!(report["without_canary"], serde_json::json!(["idle"]));
        let members = members(&report);
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["failing", "good", "hungry", "late", "restarted"]);
        for (name, essence_of_member) in members {
            let who = format!("{replica}service: {name}\nscope: {{service: $service}}");
            let (_, alone) = judged(folder.path(), &check_file(source, &who, &checks));
            assert_eq!(essence_of_member, essence(&alone), "{name}");
        }
    }
}

#[test]
fn a_store_adds_a_fleet_up_and_says_what_a_selector_says() {
    let stores = filled_with(&fleet());
    let folder = tempfile::tempdir().unwrap();
    for RealStore { name, url, .. } in &stores {
        let source = format!("{{prometheus: {{url: '{url}'}}}}");
        // Without a label for replicas every series of a level would be one.
        for (replica, checks) in [
            ("", [RATIO, HISTOGRAM].concat()),
            ("replica: pod\n", [RATIO, GAUGE, HISTOGRAM].concat()),
        ] {
            let who = format!("{replica}history: 0s\nfor_each: [service]");
            let (code, report) = judged(folder.path(), &check_file(&source, &who, &checks));
            assert_eq!(code, 2, "{name}");
            assert_eq!(report["without_canary"], serde_json::json!(["idle"]), "{name}");
            for (member, judged_in_fleet) in members(&report) {
                let who = format!(
                    "{replica}history: 0s\nservice: {member}\nscope: {{service: $service}}"
                );
                let (_, alone) = judged(folder.path(), &check_file(&source, &who, &checks));
                let (one, other) =
                    (without_moments(judged_in_fleet), without_moments(essence(&alone)));
                assert_eq!(one, other, "{name}, {member}, {replica:?}");
            }
        }
    }
}

#[test]
fn restarts_gaps_and_late_scrapes_are_counted_as_from_samples() {
    let failing = Change { errors: 12, ..SOUND };
    let of_one_pod = |name, pod: Pod, change| {
        service(name, true, move |own| if own == pod { change } else { SOUND })
    };
    let rows = [
        // Four scrapes are a minute, two steps.
        with_canary("crashing", Change { crashes: Some(4), ..failing }),
        with_canary("crashing between steps", Change { crashes: Some(3), ..failing }),
        with_canary("crashing and sound", Change { crashes: Some(5), ..SOUND }),
        // Each has ten times the errors behind it of all that the others count in the hour.
        of_one_pod(
            "a gap",
            (1, 1),
            Change { unseen: (20, 102), counted_before: 20_000.0, ..SOUND },
        ),
        of_one_pod(
            "a gap of control",
            (0, 0),
            Change { unseen: (30, 112), counted_before: 20_000.0, ..failing },
        ),
    ]
    .concat();
    let stores = filled_with(&rows);
    let folder = tempfile::tempdir().unwrap();
    for RealStore { name, url, .. } in &stores {
        let source = format!("{{prometheus: {{url: '{url}'}}}}");
        let checks = [RATIO, HISTOGRAM].concat();
        let who = "history: 0s\nfor_each: [service]";
        let (code, report) = judged(folder.path(), &check_file(&source, who, &checks));
        assert_eq!(code, 2, "{name}");
        let members = members(&report);
        let outcomes: Vec<_> =
            members.iter().map(|(name, it)| (name.as_str(), it["outcome"].as_str())).collect();
        let (fail, pass) = (Some("fail"), Some("pass"));
        assert_eq!(
            outcomes,
            [
                ("a gap", pass),
                ("a gap of control", pass),
                ("crashing", fail),
                ("crashing and sound", pass),
                ("crashing between steps", fail)
            ],
            "{name}"
        );
        for (member, judged_in_fleet) in members {
            let who = format!("history: 0s\nservice: {member}\nscope: {{service: $service}}");
            let (_, alone) = judged(folder.path(), &check_file(&source, &who, &checks));
            let (one, other) = (without_moments(judged_in_fleet), without_moments(essence(&alone)));
            assert_eq!(one, other, "{name}, {member}");
        }
    }
}

#[test]
fn a_member_that_the_store_begins_to_see_has_no_past_that_is_counted() {
    // All begin within one scrape of each other, on both sides of the edge of a step.
    let rows = service("new", true, |(arm, at)| Change {
        since: if (arm, at) == (1, 1) { 42 } else { 41 },
        counted_before: if (arm, at) == (1, 1) { 20_000.0 } else { 0.0 },
        ..SOUND
    });
    let stores = filled_with(&rows);
    let folder = tempfile::tempdir().unwrap();
    for RealStore { name, url, .. } in &stores {
        let source = format!("{{prometheus: {{url: '{url}'}}}}");
        let who = "history: 0s\nfor_each: [service]";
        let (_, report) = judged(folder.path(), &check_file(&source, who, RATIO));
        let outcomes: Vec<_> = members(&report)
            .iter()
            .map(|(name, it)| (name.clone(), it["outcome"].as_str().map(str::to_owned)))
            .collect();
        assert_eq!(outcomes, [("new".to_owned(), Some("pass".to_owned()))], "{name}");
    }
}

#[test]
fn the_number_of_queries_does_not_grow_with_the_fleet() {
    let folder = tempfile::tempdir().unwrap();
    for RealStore { name, url, .. } in &filled_with(&fleet()) {
        let source = format!("{{prometheus: {{url: '{url}'}}}}");
        let checks = [RATIO, GAUGE, HISTOGRAM].concat();
        // What lies before is the past of the controls.
        let half = jiff::Timestamp::from_second(START + 900).unwrap();
        let of_fleet = check_file(&source, "history: 10m\nfor_each: [service]", &checks);
        let of_fleet = of_fleet
            .replace("window: {start: 2020-09-13T12:35:00Z", &format!("window: {{start: {half}"));
        let (_, report) = judged(folder.path(), &of_fleet);
        let members = report["members"].as_array().unwrap();
        assert_eq!(members.len(), 5);
        // Two of a ratio, one of a level and one of a histogram, for each arm.
        for input in members.iter().map(|member| &member["inputs"]) {
            let paths: Vec<&str> =
                input.as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
            let what = format!("prometheus at {url}");
            assert_eq!(
                paths,
                [
                    format!("{what}, 8 queries about all members"),
                    format!("{what}, 8 queries of the past")
                ],
                "{name}"
            );
        }
    }
}

#[test]
fn people_read_the_worst_first() {
    let folder = tempfile::tempdir().unwrap();
    recording(&fleet(), &folder.path().join("rows.csv"));
    let source = "{file: {path: rows.csv, counters: cumulative}}";
    let checks = [RATIO, GAUGE].concat();
    let check = folder.path().join("fleet.yaml");
    std::fs::write(&check, check_file(source, "replica: pod\nfor_each: [service]", &checks))
        .unwrap();
    let page = folder.path().join("fleet.html");
    let mut told = String::new();
    for format in ["table", "lines", "markdown"] {
        let run = serin(&[
            "judge",
            check.to_str().unwrap(),
            "--format",
            format,
            "-o",
            page.to_str().unwrap(),
        ]);
        let _ = writeln!(told, "=== {format}\n{}", run.shown());
    }
    insta::assert_snapshot!(without_folder(&told, folder.path()));
    let index = std::fs::read_to_string(&page).unwrap();
    for member in ["failing", "good", "hungry", "late", "restarted"] {
        assert!(index.contains(&format!("href=\"fleet/{member}.html\"")), "{member}");
        let page =
            std::fs::read_to_string(folder.path().join(format!("fleet/{member}.html"))).unwrap();
        assert!(page.contains(&format!("service={member}")), "{member}");
        assert!(page.contains("<svg"), "{member}");
    }
}

#[test]
fn a_query_that_loses_the_labels_fails_its_check() {
    let folder = tempfile::tempdir().unwrap();
    let lost = "  busy: {gauge: 'sum(rate(requests_total{$arm}[1m]))', worse: higher}\n";
    let kept =
        "  busy: {gauge: 'sum by (service) (rate(requests_total{$arm}[1m]))', worse: higher}\n";
    for RealStore { name, url, .. } in &filled_with(&fleet()) {
        let source = format!("{{prometheus: {{url: '{url}'}}}}");
        let told = |check: &str| {
            let checks = [RATIO, check].concat();
            let (code, report) =
                judged(folder.path(), &check_file(&source, "for_each: [service]", &checks));
            let members = report["members"].as_array().unwrap().iter();
            let busy = members.map(|member| {
                let metrics = member["verdict"]["metrics"].as_array().unwrap();
                let busy = metrics.iter().find(|metric| metric["name"] == "busy").unwrap();
                let cause = busy["evidence"]["cause"].as_str().unwrap_or("none").to_owned();
                (member["service"].as_str().unwrap().to_owned(), cause, busy["reason"].to_string())
            });
            (code, busy.collect::<Vec<_>>())
        };
        let (code, busy) = told(lost);
        // What failed hides no harm, and nobody passes.
        assert_eq!(code, 2, "{name}");
        assert_eq!(busy.len(), 6, "{name}: {busy:?}");
        for (member, cause, reason) in busy {
            assert_eq!(cause, "source_failed", "{name}, {member}");
            assert!(reason.contains("write `by (service)`"), "{name}, {member}: {reason}");
        }
        let (_, busy) = told(kept);
        assert_eq!(busy.len(), 5, "{name}: {busy:?}");
        assert!(busy.iter().all(|(_, cause, _)| cause != "source_failed"), "{name}: {busy:?}");
    }
}

#[test]
fn errors_of_nobody_are_not_no_errors() {
    let folder = tempfile::tempdir().unwrap();
    let lost = "  errors: {ratio: {bad: 'sum(increase(requests_total{code=\"500\", $arm}[1m]))', \
                total: 'sum by (service) (increase(requests_total{$arm}[1m]))'}}\n";
    for RealStore { name, url, .. } in &filled_with(&fleet()) {
        let source = format!("{{prometheus: {{url: '{url}'}}}}");
        let (code, report) =
            judged(folder.path(), &check_file(&source, "for_each: [service]", lost));
        assert_eq!(code, 3, "{name}: {}", report["members"]);
        // Counts over rates are off by the length of a step.
        let mixed = "  errors: {ratio: {bad: 'sum by (service) (rate(requests_total{$arm}[1m]))', \
                     total: requests_total}}\n";
        let text = check_file(&source, "for_each: [service]", mixed);
        let (code, _, error) = canaries::judge(folder.path(), "check.yaml", &text);
        assert_eq!(code, 1, "{name}");
        assert!(error.contains("rate per second"), "{name}: {error}");
    }
    let mut rows = fleet();
    for row in
        rows.iter_mut().filter(|row| row.labels.contains(&("code".to_owned(), "500".to_owned())))
    {
        row.labels.retain(|(label, _)| label != "service");
    }
    // Without a service those of all are one series.
    rows.retain(|row| {
        row.labels.iter().any(|(label, _)| label == "service") || row.time % 60_000 == 0
    });
    rows.dedup_by_key(|row| (row.metric.clone(), row.labels.clone(), row.time));
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| seen.insert((row.metric.clone(), row.labels.clone(), row.time)));
    recording(&rows, &folder.path().join("rows.csv"));
    let source = "{file: {path: rows.csv, counters: cumulative}}";
    let (code, report) = judged(folder.path(), &check_file(source, "for_each: [service]", RATIO));
    assert_eq!(code, 3, "{}", report["members"]);
}

#[test]
fn members_of_several_labels_have_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::from("time,region,service,arm,level\n");
    for minute in 0..30 {
        for (region, service) in [("a", "b/c"), ("a/b", "c"), ("a", "b%2Fc")] {
            for arm in ["control", "canary"] {
                let _ = writeln!(
                    rows,
                    "{},{region},{service},{arm},{}",
                    minute * 60,
                    50 + noise(minute)
                );
            }
        }
    }
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    let text = "for_each: [region, service]\nsource: {file: {path: rows.csv}}\n\
                checks: {level: {gauge: level}}\n";
    let (_, report) = judged(folder.path(), text);
    let mut names: Vec<String> = members(&report).into_iter().map(|(name, _)| name).collect();
    names.dedup();
    assert_eq!(names, ["a%2Fb/c", "a/b%252Fc", "a/b%2Fc"]);
}

#[test]
fn a_pipeline_is_told_of_all_as_one() {
    let folder = tempfile::tempdir().unwrap();
    recording(&fleet(), &folder.path().join("rows.csv"));
    let source = "{file: {path: rows.csv, counters: cumulative}}";
    let check = folder.path().join("fleet.yaml");
    std::fs::write(&check, check_file(source, "replica: pod\nfor_each: [service]", RATIO)).unwrap();
    let run = serin(&["judge", check.to_str().unwrap(), "--ci", "github", "--format", "junit"]);
    insta::assert_snapshot!(without_folder(&run.shown(), folder.path()));
}

#[test]
fn names_of_files_are_safe_and_differ() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::from("time,service,arm,level\n");
    let names = ["../../escape", "Shop", "shop", "a/b", "ab", "\u{202e}x", ""];
    for name in names {
        for minute in 0..30 {
            for (arm, level) in [("control", 50), ("canary", 50)] {
                let _ = writeln!(rows, "{},{name},{arm},{}", minute * 60, level + noise(minute));
            }
        }
    }
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    let text =
        "for_each: [service]\nsource: {file: {path: rows.csv}}\nchecks: {level: {gauge: level}}\n";
    let check = folder.path().join("check.yaml");
    std::fs::write(&check, text).unwrap();
    let page = folder.path().join("pages of all.html");
    let run = serin(&["judge", check.to_str().unwrap(), "-o", page.to_str().unwrap()]);
    assert_eq!(run.stderr, "");
    let pages = std::fs::read_dir(folder.path().join("pages of all")).unwrap();
    // A row without a name is of nobody.
    assert_eq!(pages.count(), names.len() - 1);
    let index = std::fs::read_to_string(&page).unwrap();
    assert!(index.contains("href=\"pages%20of%20all/shop.html\""));
    assert!(!index.contains("href=\"."));
    assert!(!index.contains("%20all/."));
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    recording(&fleet(), &folder.path().join("rows.csv"));
    let source = "{file: {path: rows.csv, counters: cumulative}}";
    let file = |name: &str, who: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, check_file(source, who, RATIO)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = file("good.yaml", "for_each: [service]");
    let mut told = String::new();
    for (name, who) in [
        ("a label that is not there", "for_each: [region]"),
        ("a label of the arms", "for_each: [track]"),
        ("the label of replicas", "replica: pod\nfor_each: [pod]"),
        ("a label twice", "for_each: [service, service]"),
        ("no label", "for_each: []"),
        ("no list", "for_each: service"),
    ] {
        let run = serin(&["judge", &file("bad.yaml", who)]);
        let _ = writeln!(told, "=== {name}\n{}", run.shown());
    }
    for (name, arguments) in [
        ("two files", vec!["judge", &good, &good]),
        ("a live analysis", vec!["watch", &good]),
        ("a plan", vec!["plan", &good]),
        ("a self-test", vec!["selftest", &good]),
        (
            "where the pages go is a file",
            vec!["judge", &good, "-o", &good.replace("good.yaml", "rows.csv.html")],
        ),
    ] {
        if name.starts_with("where") {
            std::fs::write(folder.path().join("rows.csv"), "").ok();
        }
        let run = serin(&arguments);
        let _ = writeln!(told, "=== {name}\n{}", run.shown());
    }
    insta::assert_snapshot!(without_folder(&told, folder.path()));
}
