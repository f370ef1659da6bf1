//! How much one client may take of the others.

use std::time::Duration;

use serde_json::json;
use serin_ledger::fact::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::running::Running;

/// Sends bytes, and returns what comes until the server hangs up.
async fn send(server: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // It may hang up without having read all.
    let _ = tokio::time::timeout(Duration::from_secs(10), read).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_long_winded_clients_are_sent_away() {
    let limits = "limits: {header_time: 1s, request_time: 1s, header_bytes: 8192}\n";
    let server = Running::with(limits).await;
    assert_eq!(send(&server, b"GET /healthz HTTP/1.1\r\nhost: a\r\n").await, "");
    let slow_body = b"POST /api/v1/changes HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        content-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let answer = send(&server, slow_body).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("problem:timed-out"),
        "{answer}"
    );
    let long = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    let answer = send(&server, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(server.get("/healthz", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_does_not_use_up_what_others_may_ask() {
    let server = Running::with("limits: {requests_per_second: 1, burst: 5}\n").await;
    let (greedy, modest) =
        (server.token(Role::Read, &[]).await, server.token(Role::Read, &[]).await);
    let mut last = server.get("/api/v1/services", &greedy).await;
    for _ in 0..6 {
        last = server.get("/api/v1/services", &greedy).await;
    }
    assert_eq!(last.problem(), "429 too-many-requests");
    assert_eq!(last.header("retry-after"), "1");
    assert_eq!(server.get("/api/v1/services", &modest).await.status, 200);
    let metrics = server.get("/metrics", &modest).await.text;
    assert!(metrics.contains("serin_refused_total{reason=\"too many requests\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_streams_are_opened_than_allowed() {
    let server = Running::with("limits: {streams: 1}\n").await;
    let open = || server.request("GET", "/api/v1/events/stream", "").send();
    let first = open().await.unwrap();
    let second = crate::running::Answer::of(open().await.unwrap()).await;
    assert_eq!(second.problem(), "503 unavailable");
    drop(first);
    server.post("/api/v1/changes", "", json!({"service": "a", "what": "flag"})).await;
    for _ in 0..50 {
        if open().await.unwrap().status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the place of a stream that ended is not given to another");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_holds_nobody_up() {
    let server = Running::with("limits: {write_time: 1s, connections: 1}\n").await;
    let mut deaf = TcpStream::connect(&server.address).await.unwrap();
    // More answers than the buffers of both sides hold.
    let question = b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(400);
    deaf.write_all(&question).await.unwrap();
    // The only place is taken until the other is cut off.
    let answer = tokio::time::timeout(Duration::from_secs(10), server.get("/healthz", "")).await;
    assert_eq!(answer.expect("it gets its turn").status, 200);
    let mut came = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), deaf.read_to_end(&mut came));
    let _ = read.await.expect("it was cut off");
    let answers = came.windows(12).filter(|it| it == b"HTTP/1.1 200").count();
    assert!((1..400).contains(&answers), "{answers}");
}
