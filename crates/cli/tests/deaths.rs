//! A server that is killed again and again while canaries are followed and changes are told of, on each database: what
//! was accepted is there, and no verdict is another one than without a death.
//!
//! The long version: `cargo test -p serin --test deaths -- --ignored --nocapture`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::panic, reason = "an answer that should not be is a failed test")]
#![expect(
    clippy::print_stdout,
    reason = "tests that are skipped say so, and the long one what it saw"
)]

#[path = "../../ledger/tests/ledger/databases.rs"]
#[allow(dead_code, reason = "of another suite, which uses all of it")]
mod databases;
mod serving;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use serin_runner::{Stopwatch, now};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::databases::{File, Place};
use crate::serving::{Server, try_request};

/// A Prometheus whose counters follow from the time, so that whoever asks for a moment gets the same answer. Each third
/// shop has a canary that fails 8 requests of 100.
struct Store;

impl Respond for Store {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let query = asked.get("query").map_or("", String::as_str);
        let time = asked.get("time").and_then(|time| time.parse::<f64>().ok()).unwrap_or_default();
        let time = (time * 1000.0).round() as i64;
        let between = |from: &str, to: &str| {
            query.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(it, _)| it)
        };
        let is_canary = query.contains("canary");
        let is_bad = query.contains("code=");
        let shop: i64 = between("app=\"shop-", "\"").and_then(|it| it.parse().ok()).unwrap_or(1);
        let rate = match is_canary && shop % 3 == 0 {
            true => 80,
            false => 10,
        };
        // Every half second a thousand requests more, of which so many in a thousand are bad.
        let value = |moment: i64, pod: i64| {
            let requests = 1000 * ((moment - BEGINNING) / 500 + pod);
            if is_bad { requests * rate / 1000 } else { requests }
        };
        let (kind, first) = match query.starts_with("last_over_time") {
            true => ("vector", time - time.rem_euclid(500)),
            false => {
                let range: i64 = between("[", "ms]").and_then(|it| it.parse().ok()).unwrap_or(1000);
                let first = time - range + 1;
                ("matrix", first + (-first).rem_euclid(500))
            }
        };
        let series = (0..2_i64).map(|pod| {
            let track = if is_canary { "canary" } else { "stable" };
            let metric = json!({
                "__name__": "requests_total", "app": format!("shop-{shop}"), "track": track,
                "pod": format!("{track}-{pod}"), "code": if is_bad { "500" } else { "200" },
            });
            let sample =
                |moment: i64| json!([moment as f64 / 1000.0, value(moment, pod).to_string()]);
            match kind {
                "vector" => json!({"metric": metric, "value": sample(first)}),
                _ => {
                    let samples: Vec<_> = (first..=time).step_by(500).map(sample).collect();
                    json!({"metric": metric, "values": samples})
                }
            }
        });
        let result: Vec<Value> = series.collect();
        let data = json!({"resultType": kind, "result": result});
        ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": data}))
    }
}

/// 2026-11-01, long before any canary.
const BEGINNING: i64 = 1_793_491_200_000;

fn check(store: &str, shop: u32, seconds: u64) -> Value {
    let text = format!(
        "service: shop-{shop}\nreplica: pod\nstep: 1s\nhistory: 0s\nwarm_up: 0s\nhorizon: {seconds}s\n\
         source: {{prometheus: {{url: '{store}'}}}}\n\
         scope: {{app: $service}}\narms: {{control: {{track: stable}}, canary: {{track: canary}}}}\n\
         checks: {{errors: {{ratio: {{bad: 'requests_total{{code=\"500\",$arm}}', total: \
         'requests_total{{$arm}}'}}, gating: true}}}}\n"
    );
    json!([{"name": "serin.yaml", "text": text}])
}

/// How long, and how often.
#[derive(Clone, Copy)]
struct Plan {
    shops: u32,
    seconds: u64,
    /// From the beginning of a life to its end, in milliseconds.
    life: u64,
}

/// What clients saw, and the address that they ask.
struct Clients {
    address: String,
    ends: AtomicBool,
    accepted: Mutex<Vec<String>>,
    refused: AtomicU64,
}

impl Clients {
    /// Sends a request until it is answered, and returns the answer's body.
    fn insist(&self, line: &str, key: &str, body: &str) -> String {
        loop {
            let header = match key {
                "" => String::new(),
                key => format!("idempotency-key: {key}\r\n"),
            };
            match try_request(&self.address, line, &header, body) {
                Ok(answer) if answer.starts_with("HTTP/1.1 20") => {
                    return answer.split_once("\r\n\r\n").map(|(_, it)| it.to_owned()).unwrap();
                }
                // Cut off, or the ledger is away at the moment, or so many are more than one may send.
                Ok(answer)
                    if !answer.contains("\r\n\r\n")
                        || ["HTTP/1.1 50", "HTTP/1.1 429"]
                            .iter()
                            .any(|it| answer.starts_with(it)) => {}
                Ok(answer) => panic!("{line} {body}: {answer}"),
                Err(_) => {}
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            pause(20);
        }
    }

    /// Tells of one change after the other, of each twice and in no order of time.
    fn tell(&self, client: u64) {
        let mut number = 0_u64;
        while !self.ends.load(Ordering::Relaxed) {
            let name = format!("{client}-{number}");
            let minute = number * 37 % 60;
            let body = json!({
                "service": "till", "what": "config", "subject": format!("change/{name}"),
                "occurred_at": format!("2026-11-02T08:{minute:02}:00Z"),
            });
            for _ in 0..2 {
                self.insist("POST /api/v1/changes", &name, &body.to_string());
            }
            self.accepted.lock().unwrap().push(name);
            number += 1;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for what nobody tells it")]
fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

fn begin(clients: &Clients, store: &str, plan: Plan, start: &str) -> Vec<String> {
    let begin = |shop: u32| {
        let checks = check(store, shop, plan.seconds);
        let body = json!({"checks": checks, "start": start}).to_string();
        let begun = clients.insist("POST /api/v1/analyses", &format!("shop-{shop}"), &body);
        let begun: Value = serde_json::from_str(&begun).unwrap();
        begun["id"].as_str().unwrap().to_owned()
    };
    (0..plan.shops).map(begin).collect()
}

/// Returns the verdict of each analysis, once it has ended.
fn verdicts(clients: &Clients, ids: &[String]) -> Vec<Value> {
    let verdict = |id: &String| {
        for _ in 0..600 {
            let one = clients.insist(&format!("GET /api/v1/analyses/{id}"), "", "");
            let one: Value = serde_json::from_str(&one).unwrap();
            if one["state"] == "ended" {
                return one["verdict"].clone();
            }
            pause(100);
        }
        panic!("{id} does not end");
    };
    ids.iter().map(verdict).collect()
}

/// Kills, and starts anew, until the plan is over. Returns how often.
fn kill(
    location: &str,
    listen: &str,
    plan: Plan,
    database: Option<&databases::Server>,
) -> (Server, u32) {
    let time = Stopwatch::start();
    let mut server = Server::start(location, listen);
    let (mut deaths, mut dice) = (0_u32, 7_u64);
    while time.elapsed() < Duration::from_secs(plan.seconds + 2) {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pause(plan.life / 2 + (dice >> 33) % plan.life);
        deaths += 1;
        match database.filter(|_| deaths.is_multiple_of(3)) {
            // The server lives on without its database.
            Some(database) => {
                database.crash();
                pause(plan.life / 2);
                database.go();
            }
            None => {
                drop(server);
                server = Server::start(location, listen);
            }
        }
    }
    (server, deaths)
}

/// Has canaries judged and changes told of, kills in between, and compares with a life without a death.
fn endure(store: &str, place: &dyn Place, plan: Plan, database: Option<&databases::Server>) {
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let clients = Arc::new(Clients {
        address: format!("http://{listen}"),
        ends: AtomicBool::new(false),
        accepted: Mutex::default(),
        refused: AtomicU64::new(0),
    });
    let start = now();
    let start = jiff::Timestamp::from_millisecond(start.as_millis()).unwrap().to_string();
    let (ids, server, deaths) = std::thread::scope(|scope| {
        let begun = scope.spawn(|| begin(&clients, store, plan, &start));
        for client in 0..2 {
            let clients = Arc::clone(&clients);
            scope.spawn(move || clients.tell(client));
        }
        let (server, deaths) = kill(&place.location(), &listen, plan, database);
        clients.ends.store(true, Ordering::Relaxed);
        (begun.join().unwrap(), server, deaths)
    });
    let with_deaths = verdicts(&clients, &ids);
    drop(server);
    compare(store, plan, &start, &with_deaths);

    let mut ledger = place.open();
    let verified = ledger.verify(None).unwrap();
    assert!(verified.faults.is_empty(), "{:?}", verified.faults);
    let history = ledger.project::<serin_ledger::ServiceHistory>(Some("till")).unwrap().state;
    let mut told: Vec<String> = history
        .changes()
        .into_iter()
        .map(|it| it.subject.strip_prefix("change/").unwrap().to_owned())
        .collect();
    let mut accepted = clients.accepted.lock().unwrap().clone();
    told.sort();
    accepted.sort();
    assert_eq!(told, accepted, "what was accepted is there, once");
    println!(
        "{}: {deaths} deaths, {} verdicts, {} changes told of twice, {} requests not answered at first",
        if database.is_some() { "PostgreSQL" } else { "SQLite" },
        with_deaths.len(),
        accepted.len(),
        clients.refused.load(Ordering::Relaxed)
    );
}

fn compare(store: &str, plan: Plan, start: &str, with_deaths: &[Value]) {
    let undisturbed = File::new();
    let server = Server::start(undisturbed.location(), "127.0.0.1:0");
    let clients = Clients {
        address: server.address.clone(),
        ends: AtomicBool::new(false),
        accepted: Mutex::default(),
        refused: AtomicU64::new(0),
    };
    let ids = begin(&clients, store, plan, start);
    let without = verdicts(&clients, &ids);
    for (shop, (with, without)) in with_deaths.iter().zip(&without).enumerate() {
        assert_eq!(with, without, "shop-{shop}");
        let outcome = if shop % 3 == 0 { "fail" } else { "pass" };
        assert_eq!(with["outcome"], outcome, "shop-{shop}: {}", with["reason"]);
    }
}

async fn on_both(plan: Plan) {
    let store = MockServer::start().await;
    Mock::given(any()).respond_with(Store).mount(&store).await;
    let uri = store.uri();
    tokio::task::spawn_blocking(move || {
        endure(&uri, &File::new(), plan, None);
        let Some(server) = databases::Server::start().map(Arc::new) else {
            println!("skipped: PostgreSQL is not installed");
            return;
        };
        let database = server.clone().database();
        endure(&uri, &database, plan, Some(&server));
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_is_lost_and_no_verdict_differs() {
    on_both(Plan { shops: 6, seconds: 20, life: 1500 }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes twenty minutes"]
async fn nothing_is_lost_in_hundreds_of_deaths() {
    on_both(Plan { shops: 60, seconds: 300, life: 1000 }).await;
}
