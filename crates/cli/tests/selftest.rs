//! `serin selftest` as its users call it. What its figures are worth is tested beside the judge.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use insta::assert_snapshot;
use serde_json::Value;
use serin::{CHECK, serin, serin_with_input};

const HEADER: &str = "service: shop
arms: {control: {track: stable}, canary: {track: canary}}
replica: pod
history: 60m
";

const LATENCY: &str = "  latency:
    quantile: latency_seconds{quantile=\"0.99\", $arm}
    compare: {tolerance: 5%}
    critical: true
    gating: true
";

const ERRORS: &str = "  errors:
    ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'requests_total{$arm}'}
";

const BUILD: &str = "  build number: {gauge: 'build{$arm}'}
";

const QUEUE: &str = "  queue: {gauge: 'queue{$arm}', worse: higher}
";

/// Numbers from 0 to 1 without a pattern that anybody would notice.
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

/// Four hours of two replicas of stable: the latency of one is 10 % above that of the other, the queue is
/// one for both, and one scrape in ten of the first replica's build number is missing.
fn recording(seed: u64) -> String {
    let mut noise = Noise(seed);
    let mut text = "time,metric,track,pod,code,quantile,value\n".to_owned();
    let mut line = |minute: u32, rest: String| {
        text.push_str(&format!("2026-11-23T{:02}:{:02}:00Z,{rest}\n", minute / 60, minute % 60));
    };
    for minute in 0..240 {
        for (pod, level) in [("pod-1", 0.2), ("pod-2", 0.22)] {
            let latency = level * (1.0 + 0.01 * noise.bell());
            line(minute, format!("latency_seconds,stable,{pod},,0.99,{latency:.5}"));
            let bad = (4.0 + 2.0 * noise.bell()).round().max(0.0);
            line(minute, format!("requests_total,stable,{pod},500,,{bad}"));
            line(minute, format!("requests_total,stable,{pod},200,,{}", 1200.0 - bad));
            if pod == "pod-2" || noise.next() > 0.1 {
                line(minute, format!("build,stable,{pod},,,20.5"));
            }
        }
        let queue = if minute == 100 { f64::NAN } else { 50.0 + noise.bell() };
        line(minute, format!("queue,stable,,,,{queue:.2}"));
    }
    text
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Few splits of half an hour, so that a test takes seconds.
const QUICK: [&str; 6] = ["--splits", "60", "--horizon", "30m", "--data", "-"];

fn shop(folder: &Path) -> String {
    written(folder, "serin.yaml", &format!("{HEADER}checks:\n{LATENCY}{ERRORS}{BUILD}{QUEUE}"))
}

#[test]
fn help_says_what_it_is_for() {
    assert_snapshot!(serin(&["selftest", "--help"]).shown());
}

#[test]
fn a_table_says_what_is_wrong_and_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let check = shop(folder.path());
    let arguments = [&["selftest", &check, "--judge", "both"][..], &QUICK].concat();
    assert_snapshot!(serin_with_input(&arguments, recording(1).as_bytes()).shown());
}

#[test]
fn markdown_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let check = shop(folder.path());
    let arguments = [&["selftest", &check, "--format", "markdown"][..], &QUICK].concat();
    assert_snapshot!(serin_with_input(&arguments, recording(1).as_bytes()).shown());
}

/// What is recommended is pasted into the file, and holds on another day.
#[test]
fn the_recommended_file_reads_and_has_no_false_alarms_left() {
    let folder = tempfile::tempdir().unwrap();
    let check = shop(folder.path());
    let changes = folder.path().join("changes.yaml").display().to_string();
    let strict = ["--strict", "--output", &changes];
    let run = serin_with_input(
        &[&["selftest", &check][..], &QUICK, &strict].concat(),
        recording(1).as_bytes(),
    );
    assert_eq!(run.code, 3, "{}", run.shown());
    let changes = fs::read_to_string(changes).unwrap();
    assert_snapshot!(changes);
    // The checks that are not in it stay as they were.
    let unchanged: String =
        [("latency", LATENCY), ("errors", ERRORS), ("build number", BUILD), ("queue", QUEUE)]
            .into_iter()
            .filter(|(name, _)| !changes.contains(&format!("\n  {name}:")))
            .map(|(_, text)| text)
            .collect();
    let after = written(folder.path(), "after.yaml", &format!("{HEADER}{changes}{unchanged}"));
    let arguments = [&["selftest", &after, "--strict", "--format", "json"][..], &QUICK].concat();
    let run = serin_with_input(&arguments, recording(2).as_bytes());
    assert_eq!(run.code, 0, "{}", run.shown());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["self_test"]["canary"]["blamed"]["count"], 0, "{report:#}");
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let check = shop(folder.path());
    let with_threads = |threads: &str, seed: &str| {
        let output = Command::cargo_bin("serin")
            .unwrap()
            .args([&["selftest", &check, "--format", "json", "--seed", seed][..], &QUICK].concat())
            .env("RAYON_NUM_THREADS", threads)
            .write_stdin(recording(1))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let alone = with_threads("1", "7");
    assert!(alone.contains("\"seed\": 7"), "{alone}");
    assert_eq!(alone, with_threads("5", "7"));
    assert_ne!(alone, with_threads("5", "8"));
}

#[test]
fn a_short_recording_is_tested_with_a_warning() {
    let run = serin(&["selftest", CHECK, "--splits", "20", "--strict", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let test = &report["self_test"];
    assert_eq!(test["asked"]["horizon_minutes"], 5.0);
    assert_eq!(test["canary"]["blamed"]["of"], 20);
    assert_eq!(test["recommendations"], serde_json::json!([]));
    assert_eq!(report["changes"], "");
    let warned = test["warnings"][0].as_str().unwrap();
    assert!(
        warned.starts_with("the history has 10 minutes: a horizon of 60 is cut to 5"),
        "{warned}"
    );
}

#[test]
fn what_cannot_be_tested_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let check = written(folder.path(), "serin.yaml", &format!("{HEADER}checks:\n{QUEUE}"));
    let of = |minutes: usize, track: &str, value: &str| {
        let line = |at| format!("2026-11-23T00:{at:02}:00Z,queue,{track},pod-1,{value}\n");
        "time,metric,track,pod,value\n".to_owned() + &(0..minutes).map(line).collect::<String>()
    };
    let cases = [
        ("a single point", of(1, "stable", "7")),
        ("too short", of(19, "stable", "7")),
        ("no number", of(40, "stable", "NaN")),
        ("nothing of the control", of(40, "canary", "7")),
    ];
    let mut said = String::new();
    for (name, recording) in cases {
        let run = serin_with_input(&["selftest", &check, "--data", "-"], recording.as_bytes());
        assert_eq!(run.code, 1, "{}", run.shown());
        assert_eq!(run.stdout, "");
        said.push_str(&format!("{name}\n{}\n", run.stderr));
    }
    assert_snapshot!(said);
}
