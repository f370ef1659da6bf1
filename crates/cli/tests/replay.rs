//! `serin replay`: what a changed Check would have said of the demo's two days.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::serin::{serin, without_folder};

/// Two days of a simulated shop, and its Check files.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = Self { folder };
        let checks = shop.path("checks");
        assert_eq!(serin(&["demo", "--checks", checks.to_str().unwrap()]).code, 0);
        // In real time nothing ends before it is told to.
        let mut demo = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
            .args(["demo", "--seed", "1", "--opening", "2026-11-23T08:00:00Z", "--speed", "1x"])
            .args(["--listen", "127.0.0.1:0", "--ledger"])
            .arg(shop.path("demo.db"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("http://")));
        let id = demo.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(demo.wait().unwrap().success());
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the Check of the checkout otherwise, and returns where.
    fn changed(&self, limit: &str, more: &str) -> String {
        let file = self.path("checks/changed.yaml");
        let text = format!(
            "extends: shop.yaml\nservice: checkout\nchecks:\n  errors: {{critical: true{limit}}}\n{more}"
        );
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn replay(&self, arguments: &[&str]) -> crate::serin::Run {
        let ledger = self.path("demo.db");
        serin(&[&["replay", "--ledger", ledger.to_str().unwrap()], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.replay(&[arguments, &["--format", "json"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_str(&run.stdout).unwrap()
    }
}

/// Returns how many deploys of the checkout passed.
fn own_passes(shop: &Shop) -> usize {
    let ledger = shop.path("demo.db");
    let arguments = ["verdicts", "--service", "checkout", "--format", "json", "--ledger"];
    let run = serin(&[&arguments[..], &[ledger.to_str().unwrap()]].concat());
    let verdicts: Value = serde_json::from_str(&run.stdout).unwrap();
    let verdicts = verdicts["verdicts"].as_array().unwrap();
    verdicts.iter().filter(|it| it["outcome"] == "pass").count()
}

/// All events of a ledger.
fn exported(ledger: &Path) -> String {
    let run = serin(&["ledger", "export", "--ledger", ledger.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout
}

#[test]
fn a_changed_check_is_held_against_what_came_of_the_verdicts() {
    let shop = Shop::new();
    let before = exported(&shop.path("demo.db"));
    // The same Checks and the same judge say the same of all.
    let same = shop.json(&[]);
    let count = |report: &Value, part: &str, what: &str| report[part][what].as_u64().unwrap();
    let all = count(&same, "older", "verdicts") + count(&same, "newer", "verdicts");
    assert!(all >= 40, "{same}");
    assert_eq!(count(&same, "newer", "verdicts"), all / 3);
    assert_eq!((&same["flips"], &same["untold"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    let own = shop.path("checks/checkout.yaml");
    let own = shop.json(&[own.to_str().unwrap()]);
    assert_eq!(own["flips"], Value::Array(vec![]), "{own}");

    // A limit that both arms break settles nothing any more: no good deploy passes. How far the points of each go
    // behind its verdict depends on when they were asked for: of some it cannot be told.
    let strict = shop.changed(", limit: {above: 0.01%, for: 1}", "");
    let report = shop.json(&[&strict]);
    let (flips, untold) =
        (report["flips"].as_array().unwrap(), report["untold"].as_array().unwrap());
    assert!(flips.iter().all(|it| it["kind"] == "changes" && it["was"] == "pass"), "{report}");
    assert!(untold.iter().all(|it| it["was"] != "inconclusive"), "{report}");
    let passes = own_passes(&shop);
    let no_more = untold.iter().filter(|it| it["was"] == "pass").count() + flips.len();
    assert!(no_more == passes && passes >= 3, "{passes}: {report}");
    let table = shop.replay(&[&strict, "--strict"]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    let counts = "part   verdicts  good  blocked  released  bad  caught  missed  changed";
    assert!(table.stdout.contains(counts), "{}", table.stdout);
    let markdown = shop.replay(&[&strict, "--format", "markdown"]);
    assert!(
        markdown.stdout.starts_with("### ✅ serin replay\n\nthe changed Check "),
        "{}",
        markdown.stdout
    );

    // Without what it failed by, what failed early cannot be told.
    let blind = shop.path("checks/blind.yaml");
    let text = "service: search\nsource: {prometheus: {url: http://prometheus:9090}}\nscope: {service: $service}\n\
                arms: {control: {track: stable}, canary: {track: canary}}\nreplica: pod\n\
                checks: {memory: {gauge: 'process_resident_memory_bytes{$arm}', worse: higher}}\n";
    fs::write(&blind, text).unwrap();
    let report = shop.json(&[blind.to_str().unwrap()]);
    let untold = report["untold"].as_array().unwrap();
    let ends_early = |it: &Value| it["why"].as_str().unwrap().contains("points end");
    assert!(untold.iter().all(|it| it["was"] != "fail" || ends_early(it)), "{report}");

    // What the store was never asked for is named, and the rest is judged.
    let other = shop.changed("", "  threads: {gauge: 'process_threads{$arm}', worse: higher}\n");
    let report = shop.json(&[&other]);
    assert_eq!(report["checks"][0]["not_stored"], serde_json::json!(["threads"]));
    assert!(count(&report, "older", "verdicts") > 0);

    // Points of other steps say nothing.
    let steps = shop.changed("", "step: 30s\n");
    let report = shop.json(&[&steps]);
    assert_eq!(count(&report, "older", "verdicts"), 0);
    assert!(report["untold"][0]["why"].as_str().unwrap().contains("another `step`"), "{report}");

    // Nothing of it is written down.
    assert!(before == exported(&shop.path("demo.db")), "the ledger was changed");
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("serin.db");
    let ledger = ledger.to_str().unwrap();
    let issued =
        serin(&["token", "issue", "--ledger", ledger, "--role", "read", "--name", "a test"]);
    assert_eq!(issued.code, 0, "{}", issued.stderr);
    let noted =
        serin(&["note", "deploy", "--ledger", ledger, "--service", "checkout", "--to", "1.2"]);
    let broken = folder.path().join("broken.yaml");
    fs::write(&broken, "service: checkout\nchecks: {errors: {gague: m}}\n").unwrap();
    let broken = broken.to_str().unwrap();
    let missing = folder.path().join("missing.db");
    let rows = [
        ("a ledger without verdicts", serin(&["replay", "--ledger", ledger])),
        (
            "a service that is not there",
            serin(&["replay", "--ledger", ledger, "--service", "cart"]),
        ),
        ("a broken Check", serin(&["replay", broken, "--ledger", ledger])),
        ("no ledger", serin(&["replay", "--ledger", missing.to_str().unwrap()])),
    ];
    assert_eq!(noted.code, 0, "{}", noted.stderr);
    let mut said = String::new();
    for (what, run) in rows {
        said += &format!("=== {what}\n{}", run.shown());
    }
    insta::assert_snapshot!(without_folder(&said, folder.path()));
}
