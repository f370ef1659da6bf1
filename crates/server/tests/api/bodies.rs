//! Bodies, queries and paths that are not as they should be.

use serde_json::json;

use crate::running::{Answer, Running};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_place_and_nothing_is_stored() {
    let server = Running::with("limits: {body_bytes: 4096}\n").await;
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let long = "x".repeat(300);
    let changes = "/api/v1/changes";
    let rows: Vec<(&str, String, &str)> = vec![
        (changes, String::new(), "400 malformed"),
        (changes, "{".to_owned(), "400 malformed"),
        (changes, "nonsense".to_owned(), "400 malformed"),
        (changes, deep, "400 malformed"),
        (changes, r#"{"service":"a","what":"deploy"} {}"#.to_owned(), "400 malformed"),
        (changes, "[]".to_owned(), "422 invalid "),
        (changes, "{}".to_owned(), "422 invalid "),
        (changes, r#"{"service":1,"what":"deploy"}"#.to_owned(), "422 invalid /service"),
        (changes, r#"{"service":"a","what":3}"#.to_owned(), "422 invalid /what"),
        (changes, r#"{"service":"a","what":"explode"}"#.to_owned(), "422 invalid /what"),
        (changes, r#"{"service":"a","what":"deploy","wat":1}"#.to_owned(), "422 invalid /wat"),
        (changes, r#"{"service":"","what":"deploy"}"#.to_owned(), "422 invalid /service"),
        (changes, r#"{"service":"(serin)","what":"deploy"}"#.to_owned(), "422 invalid /service"),
        (changes, r#"{"service":"a\nb","what":"deploy"}"#.to_owned(), "422 invalid /service"),
        (changes, format!(r#"{{"service":"{long}","what":"deploy"}}"#), "422 invalid /service"),
        (changes, format!(r#"{{"service":"a","what":"deploy","labels":{{"e/f":"{long}"}}}}"#), "422 invalid /labels/e~1f"),
        (changes, r#"{"service":"a","what":"deploy","labels":{"e":1}}"#.to_owned(), "422 invalid /labels/e"),
        (changes, r#"{"service":"a","what":"deploy","occurred_at":"soon"}"#.to_owned(), "422 invalid /occurred_at"),
        (changes, r#"{"service":"a","what":"deploy","occurred_at":"1869-01-01T00:00:00Z"}"#.to_owned(), "422 invalid /occurred_at"),
        (changes, format!(r#"{{"service":"a","what":"deploy","note":"{}"}}"#, "x".repeat(5000)), "413 too-large"),
        ("/api/v1/tokens", r#"{"name":"","role":"read"}"#.to_owned(), "422 invalid /name"),
        ("/api/v1/tokens", r#"{"name":"a","role":"read","services":[""]}"#.to_owned(), "422 invalid /services/0"),
        ("/api/v1/cdevents", r#"{"context":{"id":"1","source":"a","type":"dev.cdevents.build.started.0.2.0","timestamp":"2026-11-23T08:30:00Z"},"subject":{"id":"a"}}"#.to_owned(), "422 invalid /context/type"),
        ("/api/v1/cdevents", r#"{"context":{"id":"1","source":"","type":"dev.cdevents.service.deployed.0.2.0","timestamp":"2026-11-23T08:30:00Z"},"subject":{"id":"a"}}"#.to_owned(), "422 invalid /context/source"),
        ("/api/v1/verdicts/01a20b63-c258-7000-8000-64fc8e8acbf3/labels", r#"{"label":"right"}"#.to_owned(), "404 not-found"),
    ];
    for (path, body, expected) in rows {
        let request = server.request("POST", path, "").header("content-type", "application/json");
        let answer = Answer::of(request.body(body.clone()).send().await.unwrap()).await;
        assert_eq!(answer.problem(), expected, "{body}: {}", answer.text);
    }
    assert_eq!(server.get("/api/v1/events", "").await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_headers_are_read_with_care() {
    let server = Running::start().await;
    let rows = [
        ("GET", "/api/v1/nothing", "404 not-found"),
        ("PUT", "/api/v1/changes", "405 method-not-allowed"),
        ("GET", "/api/v1/services?limit=0", "400 malformed"),
        ("GET", "/api/v1/services?limit=501", "400 malformed"),
        ("GET", "/api/v1/services?limt=5", "400 malformed"),
        ("GET", "/api/v1/services/a/changes?cursor=x", "400 malformed"),
        ("GET", "/api/v1/services/a/changes?since=soon", "400 malformed"),
        ("GET", "/api/v1/services/a/changes?since=known-good", "404 not-found"),
        ("GET", "/api/v1/services/a/changes?labels=a", "400 malformed"),
        ("GET", "/api/v1/services/a/verdicts?outcome=good", "400 malformed"),
        ("GET", "/api/v1/services/%FF", "400 malformed"),
        ("GET", "/api/v1/services/a", "404 not-found"),
        ("GET", "/api/v1/events?after=99999999999999999999", "400 malformed"),
        ("GET", "/api/v1/events/1", "404 not-found"),
        ("GET", "/api/v1/evidence/1", "404 not-found"),
        ("DELETE", "/api/v1/tokens/..%2f", "404 not-found"),
    ];
    for (method, path, expected) in rows {
        let request = server.request(method, path, "");
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.problem(), expected, "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 16, "{path}");
    }
    let allowed = server.request("PUT", "/api/v1/changes", "").send().await.unwrap();
    assert_eq!(allowed.headers()["allow"], "POST");
    let form = server.request("POST", "/api/v1/changes", "").form(&[("service", "a")]);
    let answer = Answer::of(form.send().await.unwrap()).await;
    assert_eq!(answer.problem(), "415 unsupported-media-type");
    let body = json!({"service": "a", "what": "deploy"});
    for key in [String::new(), "x".repeat(201)] {
        let request = server.request("POST", "/api/v1/changes", "").header("idempotency-key", key);
        let answer = Answer::of(request.json(&body).send().await.unwrap()).await;
        assert_eq!(answer.problem(), "400 malformed");
    }
    let last = server.request("GET", "/api/v1/events/stream", "").header("last-event-id", "x");
    assert_eq!(Answer::of(last.send().await.unwrap()).await.problem(), "400 malformed");
}
