//! Analyses that begin by the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serin_ledger::fact::Role;
use serin_model::Timestamp;
use serin_runner::live::{LiveClock, SystemClock};
use serin_server::Observed;

use crate::books::places;
use crate::checks::check;
use crate::databases::File;
use crate::running::{Running, observed};

/// A clock that somebody sets: at first it is ten seconds after a full minute.
#[derive(Debug)]
struct Told {
    running: SystemClock,
    stands: AtomicI64,
}

impl Told {
    fn new() -> Arc<Self> {
        let full_minute = 1_795_419_000_000;
        Arc::new(Self {
            running: SystemClock::default(),
            stands: AtomicI64::new(full_minute + 10_000),
        })
    }

    fn set_forward(&self, seconds: i64) {
        self.stands.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn observed(self: &Arc<Self>) -> Observed {
        Observed { clock: Arc::new(Shared(Arc::clone(self))), ..observed() }
    }
}

/// The same clock for one server after the other.
#[derive(Debug)]
struct Shared(Arc<Told>);

impl LiveClock for Shared {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed().as_millis()).unwrap();
        Timestamp::from_millis(self.0.stands.load(Ordering::SeqCst) + elapsed)
    }

    fn elapsed(&self) -> Duration {
        self.0.running.elapsed()
    }
}

/// A folder with a Check of each service, kept in force.
fn folder(services: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for service in services {
        let text = format!("{}\nscope: {{environment: production}}\n", check(service, "25%"));
        std::fs::write(folder.path().join(format!("{service}.yaml")), text).unwrap();
    }
    folder
}

/// When it is due first by the clock that is told.
const FIRST: &str = "2026-11-23T07:30:00.000Z";

/// Every minute.
fn configured(folder: &tempfile::TempDir, more: &str) -> String {
    format!(
        "checks: {{folder: '{}', name: checks, every: 1s}}\nschedules:\n- {{name: often, cron: '* * * * *'{more}}}\n",
        folder.path().display()
    )
}

/// Asks for the first schedule until so many Checks are settled at the moment at which it was due.
async fn settled(server: &Running, token: &str, due: &str, count: usize) -> Value {
    for _ in 0..200 {
        let answer = server.get("/api/v1/schedules", token).await.json();
        let checks = answer["items"][0]["last"]["checks"].as_array();
        let is_due = answer["items"][0]["last"]["due"] == due;
        if is_due && checks.is_some_and(|checks| checks.len() == count) {
            return answer["items"][0].clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never settled: {}", server.get("/api/v1/schedules", token).await.text);
}

async fn running(server: &Running) -> Vec<Value> {
    server.get("/api/v1/analyses", "").await.json()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_in_force_are_analysed_by_the_clock_once_whatever_is_started_anew() {
    for place in tokio::task::spawn_blocking(places).await.unwrap() {
        let folder = folder(&["cart", "checkout", "search"]);
        let chosen =
            ", services: [cart, checkout], labels: {environment: production}, shadow: true";
        let yaml = configured(&folder, chosen);
        let clock = Told::new();
        let server = Running::watching(place, &yaml, clock.observed()).await;
        let first = settled(&server, "", FIRST, 2).await;
        let began = running(&server).await;
        assert_eq!(began.len(), 2, "{began:?}");
        for analysis in &began {
            let checks = first["last"]["checks"].as_array().unwrap();
            assert!(checks.iter().any(|it| it["analysis"] == analysis["id"]), "{first}");
            assert_eq!(analysis["shadow"], true);
            assert_eq!(analysis["scope"]["labels"], json!({"environment": "production"}));
        }
        let page = server.get("/settings", "").await.text;
        assert!(page.contains("often: `* * * * *`, next 2026-11-23 07:31:00 UTC"), "{page}");

        // The same moment is the same analysis; at the next one those that run are left alone.
        let server = server.again_with(&yaml, clock.observed()).await;
        let again = settled(&server, "", FIRST, 2).await;
        assert_eq!(again["last"], first["last"]);
        clock.set_forward(60);
        let next = settled(&server, "", "2026-11-23T07:31:00.000Z", 2).await;
        for check in next["last"]["checks"].as_array().unwrap() {
            let own = began.iter().find(|it| it["scope"] == check["scope"]).unwrap();
            let why = format!("{} of the same scope still runs", own["subject"].as_str().unwrap());
            assert_eq!(check["left_out"], why, "{next}");
        }
        let ids = |analyses: &[Value]| -> Vec<Value> {
            analyses.iter().map(|it| it["id"].clone()).collect()
        };
        assert_eq!(ids(&running(&server).await), ids(&began));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_analyses_is_left_out_and_tokens_see_their_own() {
    let folder = folder(&["cart", "checkout"]);
    let checks_only = configured(&folder, "").split("schedules").next().unwrap().to_owned();
    let clock = Told::new();
    let file = Box::new(File::new());
    let server = Running::watching(file, &checks_only, clock.observed()).await;
    let asked =
        json!({"service": "checkout", "labels": {"environment": "production"}, "start": "now"});
    let mut begun = server.post("/api/v1/analyses", "", asked.clone()).await;
    for _ in 0..100 {
        if begun.status == 201 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        begun = server.post("/api/v1/analyses", "", asked.clone()).await;
    }
    assert_eq!(begun.status, 201, "{}", begun.text);
    let server = server.again_with(&configured(&folder, ""), clock.observed()).await;
    let schedule = settled(&server, "", FIRST, 2).await;
    let checks = &schedule["last"]["checks"];
    assert!(checks[0]["analysis"].is_string(), "{schedule}");
    let why = format!("{} of the same scope still runs", begun.json()["subject"].as_str().unwrap());
    assert_eq!(checks[1]["left_out"], why, "{schedule}");

    let token = server.token(Role::Read, &["cart"]).await;
    let seen = settled(&server, &token, FIRST, 1).await;
    assert_eq!(seen["last"]["checks"][0]["scope"]["service"], "cart", "{seen}");
}
