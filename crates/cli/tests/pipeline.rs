//! What a pipeline sees of `serin judge`: formats, files, annotations, statuses, and no colour.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serin;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use insta::assert_snapshot;
use serin::{CHECK, Run, recording, root, serin};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Runs serin in an environment of its own.
fn serin_with(variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let output = Command::cargo_bin("serin")
        .unwrap()
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn judge_with(variables: &[(&str, &str)], name: &str, arguments: &[&str]) -> Run {
    let data = recording(name);
    serin_with(variables, &[&["judge", CHECK, "--data", &data], arguments].concat())
}

#[test]
fn lines_are_stable_and_plain() {
    assert_snapshot!(
        serin(&["judge", CHECK, "--data", &recording("silent"), "--format", "lines"]).shown()
    );
}

#[test]
fn a_file_has_the_format_that_its_name_or_its_prefix_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let files = [
        ("table", path("a.txt"), path("a.txt")),
        ("markdown", path("a.md"), path("a.md")),
        ("junit", path("a.xml"), path("a.xml")),
        ("json", path("a.json"), path("a.json")),
        ("html", path("a.html"), path("a.html")),
        ("lines", format!("lines={}", path("a.log")), path("a.log")),
        ("metrics", format!("metrics={}", path("metrics.txt")), path("metrics.txt")),
        ("junit", format!("junit={}", path("a=b.json")), path("a=b.json")),
    ];
    let mut arguments = vec!["judge", CHECK];
    for (_, output, _) in &files {
        arguments.extend(["-o", output]);
    }
    let run = serin(&arguments);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    for (format, _, path) in &files {
        let printed = serin(&["judge", CHECK, "--format", format]).stdout;
        assert_eq!(&fs::read_to_string(path).unwrap(), &printed, "{path}");
    }
}

#[test]
fn an_output_that_cannot_be_told_is_refused() {
    assert_snapshot!(serin(&["judge", CHECK, "-o", "report"]).shown(), @"
    exit 1
    --- stderr
    error: invalid value 'report' for '--output <[FORMAT=]PATH>': it does not say which format it wants

    hint: let the name end in .html, .json, .md, .txt or .xml (JUnit), or write the format before it: lines=report.log, metrics=metrics.txt

    For more information, try '--help'.
    ");
    assert_snapshot!(serin(&["judge", CHECK, "-o", "a.md", "-o", "json=a.md"]).shown(), @"
    exit 1
    --- stderr
    error: two outputs go to one file

    hint: give each `--output` a path of its own
    ");
}

#[test]
fn several_files_share_an_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (junit, metrics, markdown, json) =
        (path("a.xml"), format!("metrics={}", path("m")), path("a.md"), path("a.json"));
    let outputs = ["-o", &junit, "-o", &metrics, "-o", &markdown, "-o", &json];
    let run = serin(&[&["judge", CHECK, CHECK, "--format", "lines"], &outputs[..]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let count = |path: &str, what: &str| fs::read_to_string(path).unwrap().matches(what).count();
    assert_eq!(run.stdout.matches("serin verdict=pass").count(), 2);
    assert_eq!(count(&junit, "<testsuite "), 2);
    assert_eq!(count(&path("m"), "\nserin_score{"), 2);
    assert_eq!(count(&path("m"), "# TYPE serin_score "), 1);
    assert_eq!(count(&markdown, "\n## ✓ Pass"), 1, "the other is the first line");
    assert_eq!(count(&json, "\n"), 2);
    let page = serin(&["judge", CHECK, CHECK, "-o", "a.html"]);
    assert_eq!(page.code, 1);
    assert!(page.stderr.contains("an HTML report holds one verdict"), "{}", page.stderr);
}

#[test]
fn logs_have_no_colour_in_any_pipeline() {
    for variables in [
        &[("CI", "true"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..],
        &[("GITHUB_ACTIONS", "true"), ("CI", "true")],
        &[("GITLAB_CI", "true"), ("CI", "true")],
        &[("JENKINS_URL", "https://jenkins.example"), ("TERM", "dumb")],
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
    ] {
        let run = judge_with(variables, "failing", &[]);
        assert!(!run.stdout.contains('\u{1b}'), "{variables:?}");
        assert!(!run.stderr.contains('\u{1b}'), "{variables:?}");
    }
    let forced = [("CLICOLOR_FORCE", "1")];
    assert!(judge_with(&forced, "failing", &[]).stdout.contains('\u{1b}'));
    assert!(!judge_with(&forced, "failing", &["--color", "never"]).stdout.contains('\u{1b}'));
}

/// The files that a step of GitHub Actions is given.
struct Step {
    folder: tempfile::TempDir,
}

impl Step {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    fn judge(&self, name: &str, arguments: &[&str]) -> Run {
        let (summary, output) = (self.path("summary"), self.path("output"));
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", &*summary),
            ("GITHUB_OUTPUT", &*output),
        ];
        judge_with(&variables, name, arguments)
    }
}

#[test]
fn github_gets_a_summary_annotations_and_outputs() {
    let step = Step::new();
    fs::write(step.path("output"), "before=1\n").unwrap();
    let run = step.judge("failing", &[]);
    assert_eq!(run.code, 2);
    assert_eq!(run.stdout, serin(&["judge", CHECK, "--data", &recording("failing")]).stdout);
    assert_snapshot!(run.stderr, @"
    ::error file=examples/checkout/serin.yaml,title=checkout%3A fail::errors is above its limit of 2.00 %25 for 3 points in a row, at worst 8.85 %25
    ::error file=examples/checkout/serin.yaml,title=checkout%3A errors harmed (critical)%2C limit broken::limit broken since 08:25 UTC: above its limit of 2.00 %25 for 3 points in a row, at worst 8.85 %25; the comparison says: higher, at least × 12.7 (tolerated 25 %25): 3.92 %25 against 0.166 %25 of control; effect × 23 (× 13 … 48), tolerated ≤ × 1.25; evidence: 1 in 10⁹ or less
    ");
    assert_snapshot!(step.read("output"), @"
    before=1
    outcome<<end_of_value
    fail
    end_of_value
    score<<end_of_value
    31.25
    end_of_value
    reason<<end_of_value
    errors is above its limit of 2.00 % for 3 points in a row, at worst 8.85 %
    end_of_value
    ");
    let markdown =
        serin(&["judge", CHECK, "--data", &recording("failing"), "--format", "markdown"]);
    assert_eq!(step.read("summary"), markdown.stdout);
}

#[test]
fn github_is_told_nothing_where_nobody_asks() {
    let step = Step::new();
    let run = step.judge("failing", &["--ci", "none"]);
    assert_eq!((run.code, &*run.stderr, &*step.read("summary")), (2, "", ""));
    let elsewhere = judge_with(&[("CI", "true")], "failing", &[]);
    assert_eq!((elsewhere.code, &*elsewhere.stderr), (2, ""));
    let asked = judge_with(&[], "failing", &["--ci", "github"]);
    assert!(asked.stderr.starts_with("::error "), "{}", asked.stderr);
}

#[test]
fn a_summary_that_cannot_be_written_changes_no_verdict() {
    let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "no/such/folder/s")];
    for (name, code) in [("good", 0), ("failing", 2)] {
        let run = judge_with(&variables, name, &[]);
        assert_eq!(run.code, code);
        let warning = "warning: `no/such/folder/s`, the file of GITHUB_STEP_SUMMARY, cannot be";
        assert!(run.stderr.contains(warning), "{}", run.stderr);
    }
}

#[test]
fn the_pipeline_hears_the_verdict_even_where_a_report_cannot_be_written() {
    let step = Step::new();
    let run = step.judge("failing", &["-o", "no/such/folder/a.md"]);
    assert_eq!(run.code, 1);
    assert!(step.read("output").contains("\nfail\n"), "{}", step.read("output"));
}

/// Writes a Check file and a recording in which every name is `name`, and returns the file's path.
fn check_named(folder: &Path, name: &str) -> String {
    let quoted = serde_json::to_string(name).unwrap();
    let check = format!(
        "service: {quoted}\nsource: {{file: {{path: a.csv}}}}\nchecks:\n  {quoted}:\n    \
         gauge: m\n    worse: higher\n    critical: true\n    groups: [{quoted}]\n"
    );
    let rows =
        (0..60).map(|minute| format!("{},m,{},{}\n", 60 * minute, 1 + minute % 7, 99 + minute % 5));
    fs::write(
        folder.join("a.csv"),
        "time,metric,control,canary\n".to_owned() + &rows.collect::<String>(),
    )
    .unwrap();
    let path = folder.join("a.yaml");
    fs::write(&path, check).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Returns whether the runner of GitHub Actions obeys a line: `::` after white space, or `##[` anywhere.
fn is_obeyed(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[")
}

#[test]
fn no_name_becomes_a_workflow_command() {
    let names = [
        "::error::owned",
        "::stop-commands::token",
        "a ##[set-output name=outcome]pass",
        "a\n::set-output name=outcome::pass",
        "a\r::add-mask::e",
        "outcome<<EOF",
        "x %0A::error::y, title=z",
        "word ::error::and long enough that the line is broken somewhere before one of ::error::these ::error::words ::error::here",
    ];
    let mut obeyed_elsewhere = 0;
    for name in names {
        let step = Step::new();
        let check = check_named(step.folder.path(), name);
        for format in ["table", "lines", "json", "html", "markdown", "junit", "metrics"] {
            let (summary, output) = (step.path("summary"), step.path("output"));
            let variables = [
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_STEP_SUMMARY", &*summary),
                ("GITHUB_OUTPUT", &*output),
            ];
            let run = serin_with(&variables, &["judge", &check, "--format", format]);
            assert_eq!(run.code, 2, "{name}: {}", run.shown());
            let elsewhere = serin_with(&[], &["judge", &check, "--format", format]).stdout;
            obeyed_elsewhere += elsewhere.lines().filter(|line| is_obeyed(line)).count();
            for line in run.stdout.split(['\n', '\r']) {
                assert!(!is_obeyed(line), "{name} as {format}: {line}");
            }
            for line in run.stderr.lines().filter(|line| is_obeyed(line)) {
                assert!(line.starts_with("::error title="), "{name}: {line}");
            }
            let names: Vec<String> = step
                .read("output")
                .lines()
                .filter_map(|line| Some(line.strip_suffix("<<end_of_value")?.to_owned()))
                .collect();
            assert_eq!(names, ["outcome", "score", "reason"], "{name}");
            fs::remove_file(step.path("output")).unwrap();
            if format == "json" {
                let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
                assert_eq!(report["verdict"]["metrics"][0]["name"], name);
            }
        }
    }
    assert!(obeyed_elsewhere > 10, "{obeyed_elsewhere}: there is something to guard against");
}

#[test]
fn an_error_message_is_no_workflow_command_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    fs::write(&path, "service: a\n::error::owned: ##[error]x\n").unwrap();
    let run = serin_with(&[("GITHUB_ACTIONS", "true")], &["judge", path.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("owned"), "{}", run.stderr);
    assert!(!run.stderr.lines().any(is_obeyed), "{}", run.stderr);
}

const TOKEN: &str = "glpat-thisIsTheSecret0123456789";

/// Judges with `--status` against a server that gives this answer, and returns what it was asked.
fn with_status(answer: ResponseTemplate, arguments: &[&str]) -> (Run, Vec<wiremock::Request>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(MockServer::start());
    runtime.block_on(Mock::given(any()).respond_with(answer).mount(&server));
    let api = server.uri();
    let sha = "0123456789abcdef0123456789abcdef01234567";
    let variables = [
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_API_URL", &*api),
        ("GITHUB_REPOSITORY", "shop/checkout"),
        ("GITHUB_SHA", sha),
        ("GITLAB_TOKEN", TOKEN),
        ("CI_API_V4_URL", &*api),
        ("CI_PROJECT_ID", "42"),
        ("CI_COMMIT_SHA", sha),
    ];
    let run = judge_with(&variables, "failing", arguments);
    assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN), "{}", run.shown());
    let requests = runtime.block_on(server.received_requests()).unwrap();
    (run, requests)
}

#[test]
fn the_status_of_the_commit_is_set() {
    for (forge, state) in [("github", "failure"), ("gitlab", "failed")] {
        let (run, requests) = with_status(ResponseTemplate::new(201), &["--status", forge]);
        assert_eq!((run.code, &*run.stderr), (2, ""));
        assert_eq!(requests.len(), 1);
        let body: serde_json::Value = serde_json::from_slice(&requests[0].body).unwrap();
        assert_eq!(body["state"], state);
    }
    let (_, requests) = with_status(ResponseTemplate::new(201), &[]);
    assert!(requests.is_empty(), "nobody asked for it");
}

#[test]
fn a_status_that_cannot_be_set_is_a_warning() {
    let answer = ResponseTemplate::new(403).set_body_string(r#"{"message":"Not for forks"}"#);
    let (run, _) = with_status(answer, &["--status", "github"]);
    assert_eq!(run.code, 2);
    assert_snapshot!(run.stderr, @"
    warning: the status of the commit was not set: 127.0.0.1 answered 403: Not for forks

    hint: the token may not do that: it takes `permissions: statuses: write` on GitHub, the scope `api` on GitLab; the tokens of forks may not write
    ");
    let nowhere = judge_with(&[], "good", &["--status", "gitlab"]);
    assert_eq!(nowhere.code, 0);
    assert_snapshot!(nowhere.stderr, @"
    warning: the status of the commit was not set: `GITLAB_TOKEN` is missing, or is not a token that may set commit statuses

    hint: make a project access token with the scope `api`, and a masked variable of that name; CI_JOB_TOKEN may not set a status
    ");
}

#[test]
fn another_commit_may_be_given_and_only_with_a_status() {
    let sha = "f".repeat(40);
    let (_, requests) =
        with_status(ResponseTemplate::new(201), &["--status", "github", "--commit", &sha]);
    assert!(requests[0].url.path().ends_with(&sha));
    assert_eq!(serin(&["judge", CHECK, "--commit", &sha]).code, 1);
}
