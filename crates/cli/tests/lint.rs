//! `serin lint` as its users call it. What is said of each query is tested beside the queries.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;
use serin::{CHECK, Run, root, serin, serin_with_input, without_folder};

const DASHBOARD: &str = "crates/cli/tests/lint/dashboard.before.yaml";

fn golden(name: &str) -> String {
    fs::read_to_string(root().join("crates/cli/tests/lint").join(name)).unwrap()
}

/// Runs `serin lint --fix` on a copy of a text, and returns the run and what became of the text.
fn fixed(text: &str, folder: &Path) -> (Run, String) {
    let file = folder.join("serin.yaml");
    fs::write(&file, text).unwrap();
    let run = serin(&["lint", "--offline", "--fix", &file.display().to_string()]);
    (run, fs::read_to_string(&file).unwrap())
}

fn codes(text: &str) -> Vec<String> {
    let run = serin_with_input(&["lint", "--offline", "--format", "json", "-"], text.as_bytes());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|it| format!("{} {}", it["check"], it["code"])).collect()
}

#[test]
fn help_says_what_it_is_for() {
    assert_snapshot!(serin(&["lint", "--help"]).shown());
}

#[test]
fn people_read_where_what_why_and_what_instead() {
    assert_snapshot!(serin(&["lint", "--offline", DASHBOARD]).shown());
}

#[test]
fn logs_have_a_line_for_each_finding() {
    assert_snapshot!(serin(&["lint", "--offline", "--format", "lines", DASHBOARD]).shown());
}

#[test]
fn the_examples_have_no_errors_and_no_warnings() {
    for file in [CHECK, "examples/storefront/serin.yaml"] {
        let run = serin(&["lint", "--offline", "--strict", file]);
        assert_eq!(run.code, 0, "{}", run.shown());
    }
}

#[test]
fn packs_have_no_errors_and_no_warnings() {
    for pack in serin_check::PACKS {
        let text = format!(
            "service: shop\nsource: {{prometheus: {{url: 'http://prometheus:9090'}}}}\narms: {{control: \
             {{track: stable}}, canary: {{track: canary}}}}\nreplica: pod\nuse: [{}]\n",
            pack.name
        );
        assert_eq!(codes(&text), [] as [&str; 0], "{}", pack.name);
    }
}

#[test]
fn safe_mends_are_written_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let (run, text) = fixed(&golden("dashboard.before.yaml"), folder.path());
    assert_eq!(text, golden("dashboard.after.yaml"));
    assert_snapshot!(without_folder(&run.stderr, folder.path()));
    // What was mended is not found again, and what was left is.
    let (before, after) = (codes(&golden("dashboard.before.yaml")), codes(&text));
    for code in
        ["placeholder-left", "missing-arm", "running-total", "mixed-units", "filled-silence"]
    {
        assert!(before.iter().any(|it| it.contains(code)), "{code}: {before:?}");
        assert!(!after.iter().any(|it| it.contains(code)), "{code}: {after:?}");
    }
    assert!(after.contains(&"\"restarts\" \"estimated-counts\"".to_owned()), "{after:?}");
}

#[test]
fn fixing_twice_is_fixing_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dashboard.before.yaml", "anchors.before.yaml"] {
        let (_, once) = fixed(&golden(name), folder.path());
        let (run, twice) = fixed(&once, folder.path());
        assert_eq!(once, twice, "{name}");
        assert_eq!(run.stderr, "", "{name}");
    }
}

#[test]
fn a_query_that_others_share_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let before = golden("anchors.before.yaml");
    let (_, after) = fixed(&before, folder.path());
    let kept: Vec<&str> = before.lines().take(8).collect();
    assert_eq!(after.lines().take(8).collect::<Vec<_>>(), kept);
    assert!(
        after.ends_with("  été: {count: {events: 'visites_total{$arm}'}, worse: higher}\n"),
        "{after}"
    );
}

#[test]
fn the_difference_is_shown_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("serin.yaml");
    let before = golden("dashboard.before.yaml");
    fs::write(&file, &before).unwrap();
    let path = file.display().to_string();
    let run = serin(&["lint", "--offline", "--diff", &path]);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let (fix, _) = fixed(&before, folder.path());
    assert_eq!(run.stdout, fix.stderr);
    assert!(run.stdout.starts_with("--- "), "{}", run.stdout);
}

#[test]
fn carriage_returns_stay() {
    let folder = tempfile::tempdir().unwrap();
    let before = golden("dashboard.before.yaml").replace('\n', "\r\n");
    let (_, after) = fixed(&before, folder.path());
    assert_eq!(after, golden("dashboard.after.yaml").replace('\n', "\r\n"));
}

#[test]
fn the_exit_code_says_whether_an_error_was_found() {
    let check = |check: &str| format!("service: shop\nreplica: pod\nchecks:\n  it: {{{check}}}\n");
    let cases = [
        ("gauge: 'queue{$arm}'", 0, 0),
        ("gauge: 'queue{$arm} > 3'", 0, 1),
        ("gauge: 'sum(queue)'", 1, 1),
    ];
    for (query, lenient, strict) in cases {
        let text = check(query);
        let run = |arguments: &[&str]| {
            serin_with_input(&[&["lint", "-"], arguments].concat(), text.as_bytes()).code
        };
        assert_eq!((run(&[]), run(&["--strict"])), (lenient, strict), "{query}");
    }
}

#[test]
fn what_cannot_be_asked_of_lint_is_refused() {
    let shown = |arguments: &[&str]| serin(arguments).shown();
    assert_snapshot!(
        [
            shown(&["lint"]),
            shown(&["lint", "nowhere.yaml"]),
            shown(&["lint", "--fix", "-"]),
            shown(&["lint", "-", "-"]),
            shown(&["lint", "--url", "http://127.0.0.1:9", CHECK]),
        ]
        .join("\n")
    );
}

#[test]
fn a_file_that_does_not_read_gives_the_readers_own_error() {
    let text = b"service: shop\nchecks:\n  it: {gauge: a, guage: b}\n";
    let run = serin_with_input(&["lint", "-"], text);
    assert_eq!(run.code, 1);
    assert_eq!(run.stderr, serin_with_input(&["judge", "-"], text).stderr);
}

#[test]
fn one_bad_file_does_not_hide_another() {
    let run = serin(&["lint", "--offline", "--format", "lines", "nowhere.yaml", DASHBOARD]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("`nowhere.yaml` cannot be read"), "{}", run.stderr);
    assert!(run.stdout.contains("serin error=placeholder-left check=errors"), "{}", run.stdout);
}

#[test]
fn a_store_that_is_down_leaves_what_the_file_says() {
    let text = "service: shop\nsource: {prometheus: {url: 'http://127.0.0.1:9', retries: 0}}\n\
                replica: pod\nchecks:\n  it: {gauge: 'queue{$arm} > 3'}\n";
    let run = serin_with_input(&["lint", "--format", "lines", "-"], text.as_bytes());
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains("serin warning=store-not-asked"), "{}", run.stdout);
    assert!(run.stdout.contains("serin warning=filtered-values"), "{}", run.stdout);
}

#[test]
fn the_guide_and_the_reference_name_every_code() {
    let codes = serin(&["lint", "--codes"]).stdout;
    let reference = fs::read_to_string(root().join("docs/reference/lint-codes.md")).unwrap();
    assert!(reference.ends_with(&codes));
    let guide = fs::read_to_string(root().join("docs/guide/lint.md")).unwrap();
    for line in codes.lines().skip(2) {
        let code = line.split('`').nth(1).unwrap();
        assert!(guide.contains(&format!("`{code}`")), "{code} is not in the guide");
    }
}
