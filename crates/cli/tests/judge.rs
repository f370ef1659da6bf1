//! `serin judge` on the recordings of a real canary, as a newcomer types it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use serde_json::Value;
use serin::{CHECK, recording, root, serin, serin_with_input};

#[test]
fn the_first_command_of_the_readme() {
    assert_snapshot!(serin(&["judge", CHECK]).shown());
}

#[test]
fn a_slow_canary_fails() {
    assert_snapshot!(serin(&["judge", CHECK, "--data", &recording("slow")]).shown());
}

#[test]
fn a_failing_canary_fails() {
    assert_snapshot!(serin(&["judge", CHECK, "--data", &recording("failing")]).shown());
}

#[test]
fn a_silent_canary_fails() {
    assert_snapshot!(serin(&["judge", CHECK, "--data", &recording("silent")]).shown());
}

#[test]
fn exit_codes_are_those_of_the_verdicts() {
    for (name, code) in [("good", 0), ("slow", 2), ("failing", 2), ("silent", 2)] {
        assert_eq!(serin(&["judge", CHECK, "--data", &recording(name)]).code, code, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let marginal = write_check(folder.path(), "    groups: [b]\n");
    assert_eq!(serin(&["judge", &marginal, "--judge", "kayenta"]).code, 3);
    // Several files: the worst decides.
    assert_eq!(serin(&["judge", CHECK, &marginal, "--judge", "kayenta"]).code, 3);
    let failing = recording("failing");
    assert_eq!(serin(&["judge", &marginal, CHECK, "--data", &failing]).code, 1, "no such metric");
    let check = fs::read_to_string(root().join(CHECK)).unwrap();
    let bad = folder.path().join("bad.yaml");
    let path = root().join(failing).display().to_string();
    fs::write(&bad, check.replace("good.csv.gz", &path)).unwrap();
    assert_eq!(serin(&["judge", &marginal, bad.to_str().unwrap(), CHECK]).code, 2);
}

#[test]
fn minimum_points_bar_a_pass_but_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let check = fs::read_to_string(root().join(CHECK)).unwrap();
    let check =
        check.replace("path: good", &format!("path: {}/examples/checkout/good", root().display()));
    let strict = folder.path().join("strict.yaml");
    fs::write(&strict, format!("minimum_points: 500\n{check}")).unwrap();
    let strict = strict.to_str().unwrap();
    let held = serin(&["judge", strict]);
    assert_eq!(held.code, 3, "{}", held.stdout);
    assert!(held.stdout.contains("too few points"), "{}", held.stdout);
    assert_eq!(serin(&["judge", strict, "--data", &recording("failing")]).code, 2);
}

#[test]
fn json_is_one_document_of_the_published_format() {
    let run = serin(&["judge", CHECK, "--data", &recording("failing"), "--format", "json"]);
    assert_eq!(run.code, 2);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["verdict"]["outcome"], "fail");
    assert_eq!(report["verdict"]["judge"]["name"], "sequential");
    assert_eq!(report["verdict"]["metrics"][0]["name"], "errors");
    assert_eq!(report["verdict"]["metrics"][0]["guardrail"]["outcome"], "broken");
    assert_eq!(report["check_text"], fs::read_to_string(root().join(CHECK)).unwrap());
    assert_eq!(report["inputs"][0]["path"], recording("failing"));
    assert_eq!(report["inputs"][0]["sha256"].as_str().unwrap().len(), 64);
    let read_back: serin_report::Report = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(serde_json::to_value(&read_back).unwrap(), report);
}

#[test]
fn several_files_are_json_lines() {
    let run = serin(&["judge", CHECK, CHECK, "--format", "json"]);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["table", "json", "html"] {
        let judge = || serin(&["judge", CHECK, "--data", &recording("slow"), "--format", format]);
        assert_eq!(judge().stdout, judge().stdout, "{format}");
    }
}

#[test]
fn plain_text_has_no_escape_codes_and_colour_has() {
    let run = |when| serin(&["judge", CHECK, "--color", when]).stdout;
    assert!(!run("never").contains('\u{1b}'));
    assert!(!run("auto").contains('\u{1b}'), "the output is a pipe");
    assert!(run("always").contains('\u{1b}'));
}

#[test]
fn a_recording_may_come_on_standard_input_packed_or_not() {
    let packed = fs::read(root().join(recording("failing"))).unwrap();
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    for input in [packed, unpacked] {
        let run = serin_with_input(&["judge", CHECK, "--data", "-"], &input);
        assert_eq!(run.code, 2, "{}", run.stderr);
    }
}

#[test]
fn a_check_file_may_come_on_standard_input() {
    let check = fs::read(root().join(CHECK)).unwrap();
    let run = serin_with_input(&["judge", "-", "--data", &recording("good")], &check);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let twice = serin_with_input(&["judge", "-", "--data", "-"], &check);
    assert_snapshot!(twice.shown(), @"
    exit 1
    --- stderr
    error: standard input is named twice

    hint: save one of the two in a file
    ");
}

#[test]
fn reports_are_written_whole_beside_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (html, json, text) = (path("a.html"), path("a.json"), path("a.txt"));
    let run = serin(&["judge", CHECK, "-o", &html, "-o", &json, "-o", &text]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let page = fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"));
    assert!(page.trim_end().ends_with("</html>"));
    assert!(!page.contains("<script"));
    assert_eq!(
        fs::read_to_string(json).unwrap(),
        serin(&["judge", CHECK, "--format", "json"]).stdout
    );
    assert_eq!(fs::read_to_string(text).unwrap(), run.stdout);
    let left_over = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left_over, 3, "a partial file was left");
}

#[test]
fn a_damaged_recording_gives_no_partial_report() {
    let folder = tempfile::tempdir().unwrap();
    let packed = fs::read(root().join(recording("good"))).unwrap();
    for (name, bytes) in [
        ("truncated.csv.gz", packed[..packed.len() / 2].to_vec()),
        ("garbage.csv.gz", [&packed[..100], &[0xff; 4000]].concat()),
        (
            "half-a-line.csv",
            b"time,metric,track,pod,code,le,value\n1,http_requests_total,stable,a".to_vec(),
        ),
        ("empty.csv", Vec::new()),
        ("header.csv", b"time,metric,track,pod,value\n".to_vec()),
        ("zeros.csv", vec![0; 3 << 20]),
        ("blank.csv", vec![b'\n'; 3 << 20]),
        (
            "noise.csv",
            (0..50_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let run = serin(&["judge", CHECK, "--data", path.to_str().unwrap()]);
        assert_eq!(run.code, 1, "{name}: {}", run.shown());
        assert_eq!(run.stdout, "", "{name}");
        assert!(run.stderr.starts_with("error: "), "{name}: {}", run.stderr);
        assert!(run.stderr.contains(name), "{name}: {}", run.stderr);
        assert!(run.stderr.contains("hint: "), "{name}: {}", run.stderr);
    }
}

#[test]
fn a_bomb_is_refused_without_filling_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.csv.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[b'7'; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap();
    let run = serin(&["judge", CHECK, "--data", path.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.shown());
    assert!(run.stderr.contains("longer than"), "{}", run.stderr);
}

#[test]
fn half_the_checks_without_data_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = "service: a\nsource: {file: {path: a.csv}}\nchecks:\n  there: {gauge: there}\n  missing: {gauge: missing}\n";
    fs::write(folder.path().join("a.yaml"), check).unwrap();
    let mut csv = "time,metric,control,canary\n".to_owned();
    for minute in 0..60 {
        csv.push_str(&format!("{},there,{},{}\n", minute * 60, minute % 7, minute % 5));
    }
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    let run =
        serin(&["judge", folder.path().join("a.yaml").to_str().unwrap(), "--judge", "kayenta"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stdout.contains("no data"), "{}", run.stdout);
}

/// Writes a Check with two groups of equal weight, one of which fails.
fn write_check(folder: &std::path::Path, groups: &str) -> String {
    let check = format!(
        "service: a\nsource: {{file: {{path: a.csv}}}}\nscore: {{weights: {{a: 50, b: 50}}}}\nchecks:\n  \
         same:\n    gauge: same\n    groups: [a]\n  worse:\n    gauge: worse\n{groups}"
    );
    let path = folder.join("a.yaml");
    fs::write(&path, check).unwrap();
    let mut csv = "time,metric,control,canary\n".to_owned();
    for minute in 0..60 {
        let noise = (minute * 37) % 11;
        csv.push_str(&format!("{},same,{},{}\n", minute * 60, 100 + noise, 100 + (noise * 3) % 11));
        csv.push_str(&format!("{},worse,{},{}\n", minute * 60, 100 + noise, 200 + noise));
    }
    fs::write(folder.join("a.csv"), csv).unwrap();
    path.to_str().unwrap_or_else(|| panic!("the folder's name is not UTF-8")).to_owned()
}

/// Judges one gauge of which the canary's column holds the same text in every row.
fn judged_with_canary(options: &str, canary: &str) -> serin::Run {
    let folder = tempfile::tempdir().unwrap();
    let check = format!(
        "service: a\nsource: {{file: {{path: a.csv}}}}\nchecks:\n  m: {{gauge: m, worse: higher, critical: true, {options}}}\n"
    );
    fs::write(folder.path().join("a.yaml"), check).unwrap();
    let rows = (0..60).map(|minute| format!("{},m,{},{canary}\n", 60 * minute, 100 + minute % 7));
    let csv = "time,metric,control,canary\n".to_owned() + &rows.collect::<String>();
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    serin(&["judge", folder.path().join("a.yaml").to_str().unwrap(), "--judge", "kayenta"])
}

#[test]
fn gaps_that_a_strategy_fills_are_no_points() {
    let options = "minimum_points: 50, kayenta: {nan_strategy: replace}";
    for canary in ["", "NaN"] {
        let run = judged_with_canary(options, canary);
        assert_eq!(run.code, 3, "{}", run.stdout);
        assert!(run.stdout.contains("the canary reported no value"), "{}", run.stdout);
    }
}

#[test]
fn infinite_values_are_warned_of() {
    let run = judged_with_canary("limit: {above: 200}", "inf");
    assert_eq!(run.code, 2, "a limit still holds: {}", run.stdout);
    assert!(run.stdout.contains("some values are infinite"), "{}", run.stdout);
}

#[cfg(unix)]
#[test]
fn a_link_that_waits_under_a_name_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim.txt");
    fs::write(&victim, "untouched").unwrap();
    for name in ["a.html", "a.html.partial"] {
        std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
    }
    let report = folder.path().join("a.html");
    assert_eq!(serin(&["judge", CHECK, "-o", report.to_str().unwrap()]).code, 0);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    assert!(fs::read_to_string(&report).unwrap().contains("</html>"));
}

#[test]
fn a_report_that_cannot_be_written_does_not_swallow_the_verdict() {
    let run = serin(&["judge", CHECK, "-o", "no/such/folder/a.html"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("PASS"), "{}", run.stdout);
    assert!(run.stderr.contains("cannot be written"), "{}", run.stderr);
}
