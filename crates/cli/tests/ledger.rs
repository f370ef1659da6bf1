//! `serin ledger` as its users type it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::path::Path;

use insta::assert_snapshot;
use serin::{root, serin, serin_with_input};

/// A ledger of three analyses, as version 1 of the format wrote it.
const SAMPLE: &str = "crates/ledger/tests/ledger/format-1.db";
const SAMPLE_EXPORT: &str = "crates/ledger/tests/ledger/format-1.jsonl";

/// Runs verbs one after the other in a folder with the sample, and shows what each says.
fn session(lines: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join(SAMPLE), folder.path().join("serin.db")).unwrap();
    let at = folder.path().display().to_string();
    let mut shown = String::new();
    for line in lines {
        let line = line.replace("%", &format!("{at}/"));
        let words: Vec<&str> = line.split(' ').collect();
        shown += &format!("$ serin {line}\n{}\n", serin(&words).shown());
    }
    shown.replace(&format!("{at}/"), "")
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_ledger_is_verified_exported_imported_and_pruned() {
    let shown = session(&[
        "ledger verify --ledger %serin.db",
        "ledger export --ledger %serin.db -o %serin.jsonl",
        "ledger import --ledger %moved.db %serin.jsonl",
        "ledger import --ledger %moved.db %serin.jsonl",
        "ledger verify --ledger %moved.db --head \
         23:387c8cdcbb4ed2b12d8d9c56abe503ebe01c37a914eddb017793d69db52609f1",
        "ledger prune --ledger %moved.db --keep-labelled 90d --dry-run",
        "ledger prune --ledger %moved.db --keep-labelled 90d",
    ]);
    assert_snapshot!(without_ids(&shown));
}

/// Ids begin with the time, which a test does not know.
fn without_ids(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix("event ") {
        Some(rest) => format!("event ID{}", rest.get(36..).unwrap_or_default()),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_export_goes_through_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let sample = folder.path().join("serin.db").display().to_string();
    std::fs::copy(root().join(SAMPLE), &sample).unwrap();
    let exported = serin(&["ledger", "export", "--ledger", &sample]);
    assert_eq!((exported.code, exported.stdout.as_str()), (0, &*read(root().join(SAMPLE_EXPORT))));
    let moved = folder.path().join("moved.db").display().to_string();
    let words = ["ledger", "import", "--ledger", &moved, "-"];
    assert_eq!(serin_with_input(&words, exported.stdout.as_bytes()).code, 0);
    assert_eq!(serin(&["ledger", "export", "--ledger", &moved]).stdout, exported.stdout);
}

#[test]
fn what_is_damaged_is_told_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let mut bytes = std::fs::read(root().join(SAMPLE)).unwrap();
    // One letter in the body of the change to 1.1, as a hand that knows no chain would. SQLite may have
    // copies of a row that it does not look at.
    let (old, new) = (br#"{"to":"1.1""#.as_slice(), br#"{"to":"1.7""#.as_slice());
    let starts = 0..bytes.len() - old.len();
    let found: Vec<usize> = starts.filter(|start| bytes[*start..].starts_with(old)).collect();
    assert!(!found.is_empty());
    found.iter().for_each(|start| bytes[*start..start + new.len()].copy_from_slice(new));
    std::fs::write(&path, bytes).unwrap();
    let run = serin(&["ledger", "verify", "--ledger", &path.display().to_string()]);
    assert_snapshot!(run.shown());
}

#[test]
fn mistakes_are_said_with_what_to_do() {
    let shown = session(&[
        "ledger verify --ledger %missing.db",
        "ledger prune --ledger %serin.db",
        "ledger prune --ledger %serin.db --keep-verdicts soon",
        "ledger prune --ledger %serin.db --keep analysis.points=3d",
        "ledger prune --ledger %serin.db --keep change.noted=3d --keep change.noted=4d",
        "ledger verify --ledger %serin.db --head 23:387c",
        "ledger import --ledger %new.db examples/checkout/serin.yaml",
        "ledger import --ledger %new.db %missing.jsonl",
        "ledger verify --ledger postgres://serin:hunter2@127.0.0.1:1/serin",
    ]);
    assert!(
        !shown
            .replace("$ serin ledger verify --ledger postgres://serin:hunter2@", "")
            .contains("hunter2")
    );
    assert_snapshot!(shown);
    let nowhere = session(&["ledger export --ledger %serin.db -o %missing/serin.jsonl"]);
    assert!(
        nowhere.contains("error: `missing/serin.jsonl` cannot be written\n\nhint: "),
        "{nowhere}"
    );
}
