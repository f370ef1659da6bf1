//! `serin explain` as its users call it.

mod serin;

use std::fs;

use insta::assert_snapshot;
use serin::{CHECK, serin};

#[test]
fn help_says_what_it_is_for() {
    assert_snapshot!(serin(&["explain", "--help"]).shown());
}

#[test]
fn values_are_shown_with_the_files_that_say_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at(".git")).unwrap();
    fs::create_dir(at("checkout")).unwrap();
    let organisation = "scope: {app: $service}\nreplica: pod\nuse: [golden/process]\n";
    fs::write(at("organisation.yaml"), organisation).unwrap();
    let service = "service: checkout\nextends: ../organisation.yaml\nchecks:\n  open files: off\n";
    fs::write(at("checkout/serin.yaml"), service).unwrap();
    let path = at("checkout/serin.yaml").display().to_string();
    let run = serin(&["explain", &path]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let here = folder.path().display().to_string();
    assert_snapshot!(run.shown().replace(&here, "FOLDER"));
    // The command's words are one more layer.
    let defaults = at("organisation.yaml").display().to_string();
    let run = serin(&["explain", "--service", "pay", "--defaults", &defaults]);
    assert!(run.stdout.contains("service: pay"), "{}", run.shown());
    assert!(run.stdout.contains("# the command line:1"), "{}", run.shown());
    assert!(run.stdout.contains(&format!("# {defaults}:2")), "{}", run.shown());
}

#[test]
fn what_is_explained_can_be_judged() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.yaml");
    fs::write(&whole, serin(&["explain", CHECK]).stdout).unwrap();
    let whole = whole.display().to_string();
    let linted = |file: &str| serin(&["lint", "--offline", "--strict", file]).code;
    assert_eq!(linted(&whole), linted(CHECK));
    let twice = serin(&["explain", &whole]).stdout;
    assert_eq!(without_comments(&twice), without_comments(&serin(&["explain", CHECK]).stdout));
}

/// Where a value is from differs, and so does what is left of it for comments.
fn without_comments(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split("  #").next().unwrap_or_default().trim_end()).collect()
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    for words in [&["explain"][..], &["explain", "nowhere.yaml"], &["explain", CHECK, "--url", "x"]]
    {
        assert_eq!(serin(words).code, 1, "{words:?}");
    }
}
