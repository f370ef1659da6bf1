//! Events as they come.

use std::time::Duration;

use serde_json::json;
use serin_ledger::fact::Role;

use crate::access::fill;
use crate::running::Running;

/// Reads a stream until it has said so many events, or has ended; returns their ids and kinds.
async fn hear(response: &mut reqwest::Response, events: usize) -> Vec<String> {
    let mut text = String::new();
    let read = async {
        while text.matches("\n\n").count() < events {
            let Some(bytes) = response.chunk().await.unwrap() else { break };
            text += std::str::from_utf8(&bytes).unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.unwrap();
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    let kinds = text.lines().filter_map(|line| line.strip_prefix("event: "));
    ids.zip(kinds).map(|(id, kind)| format!("{id} {kind}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_cut_off_misses_nothing() {
    let server = Running::start().await;
    let listen = |last: &'static str| {
        let request = server.request("GET", "/api/v1/events/stream", "");
        let request = if last.is_empty() { request } else { request.header("last-event-id", last) };
        async { request.send().await.unwrap() }
    };
    let mut new_ones = listen("").await;
    let change = |version: &str| json!({"service": "checkout", "what": "deploy", "to": version});
    for version in ["1", "2", "3"] {
        server.post("/api/v1/changes", "", change(version)).await;
    }
    let all = ["1 change.noted", "2 change.noted", "3 change.noted"];
    assert_eq!(hear(&mut new_ones, 3).await, all);
    assert_eq!(hear(&mut listen("1").await, 2).await, all[1..]);
    assert_eq!(hear(&mut listen("0").await, 3).await, all);
    // What another program appends is heard of too.
    server.ledger(|ledger| drop(fill(ledger))).await;
    assert_eq!(hear(&mut new_ones, 2).await, ["4 change.noted", "5 analysis.ended"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_of_the_services_of_its_token_and_ends_with_the_server() {
    let mut server = Running::start().await;
    let limited = server.token(Role::Read, &["checkout", "payment"]).await;
    let admin = server.token(Role::Admin, &[]).await;
    let request = server.request("GET", "/api/v1/events/stream?after=0", &limited);
    let mut stream = request.send().await.unwrap();
    for service in ["cart", "checkout", "cart", "payment"] {
        server.post("/api/v1/changes", &admin, json!({"service": service, "what": "flag"})).await;
    }
    assert_eq!(hear(&mut stream, 2).await, ["4 change.noted", "6 change.noted"]);
    server.end().await;
    assert_eq!(hear(&mut stream, 1).await, Vec::<String>::new());
}
