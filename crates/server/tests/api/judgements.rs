//! Recordings and cases that are judged over the network.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::running::{Answer, Running};

const CASE: &str = r#"{"id":"a","dataset":"d","label":"bad","step_s":60,"metrics":[{"name":"m","control":[{"points":[[0,1],[60,2],[120,1]]}],"experiment":[{"points":[[0,9],[60,8],[120,9]]}]}]}"#;

/// A recording whose canary is half as slow again.
pub(crate) fn asked(service: &str) -> Value {
    let mut csv = "time,control,canary\n".to_owned();
    for minute in 0..50 {
        let level = 100 + minute * 7 % 13;
        csv += &format!("2026-11-23T09:{minute:02}:00Z,{level},{}\n", level * 3 / 2);
    }
    let check = format!("service: {service}\nchecks: {{latency: {{quantile: latency_p99}}}}\n");
    json!({
        "checks": [{"name": "serin.yaml", "text": check}],
        "recording": {"name": "hello.csv", "text": csv},
    })
}

/// Sends a case.
pub(crate) fn cases(request: RequestBuilder) -> RequestBuilder {
    request.header("content-type", "application/x-ndjson").body(CASE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_gets_the_same_report_as_in_a_file() {
    let server = Running::start().await;
    let body = asked("hello");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &Value| {
        std::fs::write(folder.path().join(name), text.as_str().unwrap()).unwrap();
    };
    file("serin.yaml", &body["checks"][0]["text"]);
    file("hello.csv", &body["recording"]["text"]);
    let answer = server.post("/api/v1/judgements", "", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sent = answer.json();
    assert_eq!(sent["verdict"]["outcome"], "fail");
    let question =
        serin_runner::Question::of_check_file(folder.path().join("serin.yaml").to_str().unwrap());
    let data = folder.path().join("hello.csv");
    let overrides =
        serin_runner::Overrides { data: data.to_str(), ..serin_runner::Overrides::default() };
    let report = serin_runner::ask(&question.unwrap(), overrides, &()).unwrap();
    let mut read = serde_json::to_value(report).unwrap();
    read["check"]["path"] = json!("serin.yaml");
    read["inputs"][0]["path"] = json!("hello.csv");
    assert_eq!(sent, read);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_judged_is_refused_with_a_reason() {
    let server = Running::with("limits: {recording_bytes: 4096}\n").await;
    let mut no_number = asked("hello");
    no_number["recording"]["text"] = json!("time,control,canary\n2026-11-23T09:00:00Z,x,1\n");
    let mut nothing = asked("hello");
    nothing["recording"]["text"] = json!("");
    let mut odd = asked("hello");
    odd["end"] = json!("2026-11-23T09:00:00Z");
    odd["start"] = json!("2026-11-23T10:00:00Z");
    for (body, expected) in
        [(no_number, "hello.csv:2"), (nothing, "hello.csv"), (odd, "nothing lies")]
    {
        let answer = server.post("/api/v1/judgements", "", body).await;
        assert!(answer.problem().starts_with("422 invalid"), "{}", answer.text);
        assert!(answer.json()["detail"].as_str().unwrap().contains(expected), "{}", answer.text);
    }
    let mut large = asked("hello");
    large["recording"]["text"] = json!("x".repeat(5000));
    let answer = server.post("/api/v1/judgements", "", large).await;
    assert_eq!(answer.problem(), "413 too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_judged_line_by_line() {
    let server = Running::start().await;
    let send = async |query: &str, text: String| {
        let request = server.request("POST", &format!("/api/v1/bench{query}"), "");
        let request = request.header("content-type", "application/x-ndjson").body(text);
        Answer::of(request.send().await.unwrap()).await
    };
    let answer = send("?judge=both", format!("{CASE}\n\n{CASE}\n")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let judges: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["judge"].clone())
        .collect();
    assert_eq!(judges, ["sequential", "kayenta", "sequential", "kayenta"]);
    let wrong = send("?line=101", format!("{CASE}\n{{\n")).await;
    assert_eq!(wrong.problem(), "422 invalid");
    assert!(wrong.json()["detail"].as_str().unwrap().contains(":102"), "{}", wrong.text);
    let other = server.post("/api/v1/bench", "", json!({})).await;
    assert_eq!(other.problem(), "415 unsupported-media-type");
}
