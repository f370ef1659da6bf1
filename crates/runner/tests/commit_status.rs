//! Statuses of commits: what is asked, and what comes of each answer of a real server.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::time::Duration;

use insta::assert_snapshot;
use serin_model::Outcome;
use serin_report::Report;
use serin_runner::commit_status::{
    Commit, CommitState, CommitStatus, Forge, InconclusiveState, Patience, StatusRequest,
    set_commit_statuses,
};
use serin_runner::{Overrides, Question, ask};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "ghs_thisIsTheSecret0123456789";
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// The variables of a pipeline of either forge.
fn variables(api: &str) -> Vec<(&'static str, String)> {
    [
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_API_URL", api),
        ("GITHUB_REPOSITORY", "shop/check.out"),
        ("GITHUB_SHA", SHA),
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_RUN_ID", "77"),
        ("GITLAB_TOKEN", TOKEN),
        ("CI_API_V4_URL", api),
        ("CI_PROJECT_ID", "42"),
        ("CI_COMMIT_SHA", SHA),
        ("CI_PIPELINE_ID", "1001"),
        ("CI_JOB_URL", "https://gitlab.example/shop/checkout/-/jobs/5"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn look_up(variables: &[(&'static str, String)], name: &str) -> Option<String> {
    variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

fn commit(forge: Forge, api: &str) -> Commit {
    let variables = variables(api);
    Commit::from_environment(forge, &|name| look_up(&variables, name), None).unwrap()
}

/// The report of one of the example's canaries.
fn report(recording: &str) -> Report {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/checkout");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let question = Question::of_check_file(&path("serin.yaml")).unwrap();
    let data = path(recording);
    ask(&question, Overrides { data: Some(&data), ..Overrides::default() }, &()).unwrap()
}

fn statuses(reports: &[Report]) -> Vec<CommitStatus> {
    CommitStatus::of_reports(reports, InconclusiveState::Failure)
}

#[test]
fn requests_are_those_that_the_forges_document() {
    let status = &statuses(&[report("failing.csv.gz")])[0];
    let github = StatusRequest::new(&commit(Forge::GitHub, "https://api.github.com"), status);
    assert_eq!(github.url, format!("https://api.github.com/repos/shop/check.out/statuses/{SHA}"));
    assert!(github.headers.contains(&("authorization", format!("Bearer {TOKEN}"))));
    assert_snapshot!(serde_json::to_string_pretty(&github.body).unwrap(), @r#"
    {
      "context": "serin/checkout",
      "description": "fail: errors is above its limit of 2.00 % for 3 points in a row, at worst 8.85 %",
      "state": "failure",
      "target_url": "https://github.example/shop/check.out/actions/runs/77"
    }
    "#);
    let gitlab =
        StatusRequest::new(&commit(Forge::GitLab, "https://gitlab.example/api/v4/"), status);
    assert_eq!(gitlab.url, format!("https://gitlab.example/api/v4/projects/42/statuses/{SHA}"));
    assert_eq!(gitlab.headers, [("private-token", TOKEN.to_owned())]);
    assert_snapshot!(serde_json::to_string_pretty(&gitlab.body).unwrap(), @r#"
    {
      "description": "fail: errors is above its limit of 2.00 % for 3 points in a row, at worst 8.85 %",
      "name": "serin/checkout",
      "pipeline_id": 1001,
      "state": "failed",
      "target_url": "https://gitlab.example/shop/checkout/-/jobs/5"
    }
    "#);
}

#[test]
fn only_a_pass_is_green() {
    let mut report = report("good.csv.gz");
    for (outcome, inconclusive, state) in [
        (Outcome::Pass, InconclusiveState::Failure, CommitState::Success),
        (Outcome::Fail, InconclusiveState::Pending, CommitState::Failure),
        (Outcome::Inconclusive, InconclusiveState::default(), CommitState::Failure),
        (Outcome::Inconclusive, InconclusiveState::Pending, CommitState::Pending),
    ] {
        report.verdict.outcome = outcome;
        let status = &CommitStatus::of_reports(std::slice::from_ref(&report), inconclusive)[0];
        assert_eq!(status.state, state, "{outcome}");
        assert!(status.description.starts_with(outcome.as_str()));
    }
}

#[test]
fn a_service_has_one_status_and_the_worst_decides() {
    let (good, failing) = (report("good.csv.gz"), report("failing.csv.gz"));
    for reports in [[good.clone(), failing.clone()], [failing.clone(), good.clone()]] {
        let statuses = statuses(&reports);
        assert_eq!(statuses.len(), 1);
        assert_eq!(statuses[0].state, CommitState::Failure);
    }
    let mut other = good;
    other.service = "shop".to_owned();
    let contexts: Vec<String> =
        statuses(&[failing, other]).into_iter().map(|status| status.context).collect();
    assert_eq!(contexts, ["serin/checkout", "serin/shop"]);
}

#[test]
fn what_github_would_refuse_is_not_sent() {
    let mut report = report("good.csv.gz");
    report.verdict.reason = format!("\u{1f600}\n{}", "é".repeat(500));
    report.service = "s".repeat(500);
    let status = &statuses(&[report])[0];
    assert_eq!(status.description.chars().count(), 140);
    assert_eq!(status.context.chars().count(), 100);
    assert!(status.description.starts_with("pass: \u{fffd} éé"));
    assert!(status.description.ends_with("é…"));
}

#[test]
fn another_commit_may_be_named() {
    let other = "f".repeat(40);
    let variables = variables("https://api.example");
    let named = |sha: &str| {
        Commit::from_environment(Forge::GitLab, &|name| look_up(&variables, name), Some(sha))
    };
    let status = &statuses(&[report("good.csv.gz")])[0];
    let request = StatusRequest::new(&named(&other).unwrap(), status);
    assert!(request.url.ends_with(&format!("/statuses/{other}")));
    assert_eq!(request.body.get("pipeline_id"), None, "the pipeline is that of another commit");
    assert_snapshot!(named("main").unwrap_err(), @"
    `--commit` is missing, or is not a commit's hash in hexadecimal digits

    hint: `git rev-parse` prints it
    ");
}

#[test]
fn a_variable_that_cannot_be_is_named() {
    let bad = [
        (Forge::GitHub, "GITHUB_TOKEN", ""),
        (Forge::GitHub, "GITHUB_TOKEN", "two words"),
        (Forge::GitHub, "GITHUB_REPOSITORY", "shop"),
        (Forge::GitHub, "GITHUB_REPOSITORY", "shop/../admin"),
        (Forge::GitHub, "GITHUB_SHA", "HEAD"),
        (Forge::GitHub, "GITHUB_API_URL", "file:///etc"),
        (Forge::GitLab, "GITLAB_TOKEN", " "),
        (Forge::GitLab, "CI_PROJECT_ID", "a/b"),
        (Forge::GitLab, "CI_COMMIT_SHA", "0123/.."),
        (Forge::GitLab, "CI_API_V4_URL", "gitlab.example"),
    ];
    for (forge, name, value) in bad {
        let mut variables = variables("https://api.example");
        variables.iter_mut().find(|(known, _)| *known == name).unwrap().1 = value.to_owned();
        let found = Commit::from_environment(forge, &|name| look_up(&variables, name), None);
        let error = found.unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{name}` is missing, or is not ")), "{error}");
        assert!(!error.contains(TOKEN));
    }
}

#[test]
fn the_token_is_not_in_what_debugging_shows() {
    let commit = commit(Forge::GitHub, "https://api.example");
    let request = StatusRequest::new(&commit, &statuses(&[report("good.csv.gz")])[0]);
    assert!(!format!("{commit:?} {request:?}").contains(TOKEN));
}

/// What came of a status, and what the server saw.
struct Posted {
    errors: Vec<String>,
    requests: Vec<wiremock::Request>,
}

/// Sets a status on a server that gives these answers, the last of them again and again.
fn posted(forge: Forge, answers: Vec<ResponseTemplate>) -> Posted {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(MockServer::start());
    let last = answers.len() - 1;
    for (index, answer) in answers.into_iter().enumerate() {
        let mock = Mock::given(any()).respond_with(answer);
        let mock = if index < last { mock.up_to_n_times(1) } else { mock };
        runtime.block_on(mock.mount(&server));
    }
    let statuses = statuses(&[report("failing.csv.gz")]);
    let errors = set_commit_statuses(&commit(forge, &server.uri()), &statuses, patience());
    let requests = runtime.block_on(server.received_requests()).unwrap();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for text in &errors {
        assert!(!text.contains(TOKEN), "{text}");
        assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text}");
    }
    Posted { errors, requests }
}

fn patience() -> Patience {
    Patience { timeout: Duration::from_millis(500), attempts: 3, pause: Duration::from_millis(1) }
}

fn answer(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(body)
}

#[test]
fn a_status_is_set_with_one_request() {
    for (forge, path, header, value) in [
        (
            Forge::GitHub,
            format!("/repos/shop/check.out/statuses/{SHA}"),
            "authorization",
            format!("Bearer {TOKEN}"),
        ),
        (Forge::GitLab, format!("/projects/42/statuses/{SHA}"), "private-token", TOKEN.to_owned()),
    ] {
        let posted = posted(forge, vec![answer(201, "{}")]);
        assert_eq!(posted.errors, Vec::<String>::new());
        assert_eq!(posted.requests.len(), 1);
        let request = &posted.requests[0];
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), path);
        assert_eq!(request.headers.get(header).unwrap(), &value);
        assert_eq!(request.headers.get("content-type").unwrap(), "application/json");
        assert!(request.headers.get("user-agent").unwrap().to_str().unwrap().starts_with("serin/"));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert!(body["description"].as_str().unwrap().starts_with("fail: errors is above"));
    }
}

#[test]
fn a_refusal_is_told_once_and_in_the_servers_words() {
    for (status, body, told) in [
        (401, r#"{"message":"Bad credentials","status":"401"}"#, "Bad credentials"),
        (403, r#"{"message":"Resource not accessible by integration"}"#, "Resource not accessible"),
        (404, r#"{"message":"404 Project Not Found"}"#, "404 Project Not Found"),
        (
            422,
            r#"{"message":"Validation Failed","errors":[{"code":"custom"}]}"#,
            r#"Validation Failed: [{"code":"custom"}]"#,
        ),
        (400, r#"{"message":{"state":["is invalid"]}}"#, r#"{"state":["is invalid"]}"#),
        (403, r#"{"error":"insufficient_scope"}"#, "insufficient_scope"),
        (403, r#"{"message":" "}"#, r#"{"message":" "}"#),
        (418, "\u{1b}[2J<html>\r\ntea</html>", "[2J tea\n"),
        (404, "", "no reason given"),
    ] {
        let posted = posted(Forge::GitLab, vec![answer(status, body)]);
        assert_eq!((posted.requests.len(), posted.errors.len()), (1, 1), "{status}");
        let start = format!("127.0.0.1 answered {status}: {told}");
        assert!(posted.errors[0].starts_with(&start), "{}", posted.errors[0]);
        assert!(posted.errors[0].contains("\n\nhint: "), "{}", posted.errors[0]);
    }
}

#[test]
fn a_server_that_repeats_the_token_does_not_get_it_into_the_log() {
    let echo = format!("your token {TOKEN} is bad");
    let json = serde_json::json!({ "message": echo }).to_string();
    for body in [echo, json] {
        let posted = posted(Forge::GitHub, vec![answer(401, &body)]);
        assert!(posted.errors[0].contains("your token … is bad"), "{}", posted.errors[0]);
    }
}

#[test]
fn what_may_go_better_is_tried_again() {
    for status in [429, 500, 502, 503] {
        let posted = posted(Forge::GitHub, vec![answer(status, "busy"), answer(201, "{}")]);
        assert_eq!((posted.errors.len(), posted.requests.len()), (0, 2), "{status}");
    }
    let posted = posted(Forge::GitHub, vec![answer(503, "busy")]);
    assert_eq!(posted.requests.len(), 3);
    assert_snapshot!(posted.errors[0], @"
    127.0.0.1 answered 503: busy

    hint: the server is busy or broken: several attempts were made
    ");
}

#[test]
fn a_pause_that_the_server_asks_for_is_not_longer_than_patience() {
    let busy = answer(429, "").insert_header("retry-after", "3600");
    let posted = posted(Forge::GitHub, vec![busy, answer(201, "{}")]);
    assert_eq!((posted.errors.len(), posted.requests.len()), (0, 2));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = answer(307, "").insert_header("location", "/elsewhere");
    let posted = posted(Forge::GitHub, vec![elsewhere]);
    assert_eq!(posted.requests.len(), 1);
    assert!(posted.errors[0].starts_with("127.0.0.1 answered 307"), "{}", posted.errors[0]);
}

#[test]
fn a_long_answer_is_cut() {
    let posted = posted(Forge::GitHub, vec![answer(404, &"long ".repeat(1 << 20))]);
    assert!(posted.errors[0].len() < 600, "{}", posted.errors[0].len());
}

#[test]
fn a_server_that_hangs_is_left() {
    let slow = answer(201, "{}").set_delay(Duration::from_secs(60));
    let posted = posted(Forge::GitHub, vec![slow]);
    assert_snapshot!(posted.errors[0], @"
    127.0.0.1 did not answer: it took too long

    hint: see that this machine reaches it; `HTTPS_PROXY` names a proxy, `SSL_CERT_FILE` the certificates to trust
    ");
}

#[test]
fn a_host_that_does_not_answer_is_not_asked_for_the_rest() {
    // A port that was just free, and that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut other = report("good.csv.gz");
    other.service = "shop".to_owned();
    let statuses = statuses(&[report("failing.csv.gz"), other]);
    assert_eq!(statuses.len(), 2);
    let errors = set_commit_statuses(&commit(Forge::GitHub, &api), &statuses, patience());
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().starts_with("127.0.0.1 did not answer: "), "{}", errors[0]);
}
