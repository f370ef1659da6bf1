//! Live analyses, from a source that makes its points up: always the same for the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Value, json};
use serin_check::WrittenAnalysis;
use serin_ledger::fact::Role;
use serin_model::{
    Arm, ArmPair, MetricSeries, Observations, Point, Ratio, Replica, Timestamp, Window,
};
use serin_runner::RunError;
use serin_runner::live::{Answered, PointSource, Sources, SystemClock};
use serin_runner::watch::Outage;
use serin_server::Observed;

use crate::databases::File;
use crate::running::{Running, observed};

/// A shop whose canary fails 4 of 100 requests where the service is called `broken`, and one of a thousand elsewhere,
/// like its control.
#[derive(Debug, Default)]
struct Shop {
    /// Whether it gives no answer.
    is_closed: Arc<AtomicBool>,
}

#[derive(Debug)]
struct ShopPoints {
    check: String,
    bad_per_thousand: f64,
    is_closed: Arc<AtomicBool>,
}

impl Sources for Shop {
    fn open(
        &self,
        asked: &WrittenAnalysis,
        _: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let bad_per_thousand = if asked.analysis.service == "broken" { 40.0 } else { 1.0 };
        let check = asked.analysis.checks()[0].name.clone();
        let is_closed = Arc::clone(&self.is_closed);
        Ok(Arc::new(ShopPoints { check, bad_per_thousand, is_closed }))
    }
}

impl PointSource for ShopPoints {
    fn name(&self) -> &str {
        "the shop"
    }

    fn ask(&self, window: Window, _: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        if self.is_closed.load(Ordering::Relaxed) {
            let hint = "wait".to_owned();
            let why = "is closed".to_owned();
            let outage = Outage { why, hint, is_partial: false, retry_after: None, error: None };
            return ready(Err(outage)).boxed();
        }
        let arm = |name: &str, bad: f64| {
            let first = window.start.as_millis().div_euclid(60_000) * 60_000 + 30_000;
            let times = (first..window.end.as_millis()).step_by(60_000);
            let points = times.map(|time| Point {
                time: Timestamp::from_millis(time),
                value: Ratio { bad, total: 1000.0 },
            });
            let observations = Observations::Ratio(points.collect());
            let replica = |number: u32| Replica {
                name: format!("{name}-{number}"),
                observations: observations.clone(),
            };
            Arm { replicas: (0..3).map(replica).collect() }
        };
        let arms =
            ArmPair { control: arm("stable", 1.0), canary: arm("canary", self.bad_per_thousand) };
        let series = MetricSeries { arms, ..MetricSeries::nothing(&self.check) };
        ready(Ok(Answered { series: vec![series], warnings: Vec::new() })).boxed()
    }
}

/// The shop, at this machine's time.
pub(crate) fn shop() -> Observed {
    Observed { sources: Arc::new(Shop::default()), clock: Arc::new(SystemClock::default()) }
}

/// A Check of errors, and from when on it is asked about.
pub(crate) fn asked(service: &str, start: &str) -> Value {
    let text = format!(
        "service: {service}\nreplica: pod\nstep: 60s\nhorizon: 30m\n\
         source: {{prometheus: {{url: 'http://127.0.0.1:1'}}}}\nchecks:\n  errors:\n    \
         ratio: {{bad: bad, total: total}}\n    gating: true\n"
    );
    json!({"checks": [{"name": "serin.yaml", "text": text}], "start": start, "history": "30m"})
}

pub(crate) const LONG_AGO: &str = "2026-11-20T08:00:00Z";

/// Begins an analysis of what passed long ago, waits until it has ended, and returns its id.
pub(crate) async fn ended(server: &Running, service: &str) -> String {
    let token = server.token(Role::Submit, &[]).await;
    let begun = server.post("/api/v1/analyses", &token, asked(service, LONG_AGO)).await;
    assert_eq!(begun.status, 201, "{}", begun.text);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    until(server, &token, &id, "ended").await;
    id
}

/// Waits until an analysis does something.
pub(crate) async fn until(server: &Running, token: &str, id: &str, state: &str) -> Value {
    let path = format!("/api/v1/analyses/{id}");
    for _ in 0..200 {
        let answer = server.get(&path, token).await;
        if answer.status == 200 && answer.json()["state"] == state {
            return answer.json();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{id} is not {state}: {}", server.get(&path, token).await.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn analyses_end_as_their_canaries_deserve_and_are_found_afterwards() {
    let server = Running::watching(Box::new(File::new()), "", shop()).await;
    for (service, outcome) in [("checkout", "pass"), ("broken", "fail")] {
        let begun = server.post("/api/v1/analyses", "", asked(service, LONG_AGO)).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(begun.header("location"), format!("/api/v1/analyses/{id}"));
        let analysis = until(&server, "", &id, "ended").await;
        assert_eq!(analysis["outcome"], outcome, "{analysis}");
        assert_eq!(analysis["verdict"]["metrics"][0]["name"], "errors");
        let report = server.get(&format!("/api/v1/analyses/{id}/report"), "").await.json();
        assert_eq!(report["verdict"], analysis["verdict"]);
        let verdicts = format!("/api/v1/services/{service}/verdicts");
        let listed = server.get(&verdicts, "").await.json();
        assert_eq!(listed["items"][0]["id"], analysis["verdict_event"]);
        for (accept, beginning) in [("text/html", "<!doctype html>"), ("text/markdown", "#")] {
            let request = server.request("GET", &format!("/api/v1/analyses/{id}/report"), "");
            let answer = request.header("accept", accept).send().await.unwrap();
            let text = answer.text().await.unwrap();
            assert!(text.to_lowercase().starts_with(beginning), "{}", &text[..80.min(text.len())]);
        }
    }
    assert_eq!(server.get("/api/v1/analyses", "").await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_the_same_analysis_and_no_other() {
    let server = Running::watching(Box::new(File::new()), "", shop()).await;
    let begin = async |body: &Value| {
        let request = server.request("POST", "/api/v1/analyses", "");
        let request = request.header("idempotency-key", "deploy-4812").json(body);
        crate::running::Answer::of(request.send().await.unwrap()).await
    };
    let first = begin(&asked("checkout", "now")).await;
    let again = begin(&asked("checkout", "now")).await;
    assert_eq!((first.status, again.status), (201, 200), "{}", again.text);
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(again.json()["was_known"], true);
    let other = begin(&asked("cart", "now")).await;
    assert_eq!(other.problem(), "422 idempotency-key-reused");
    let running = server.get("/api/v1/analyses?service=checkout", "").await.json();
    assert_eq!(running["items"].as_array().unwrap().len(), 1, "{running}");
    // A change in the middle of it is told of.
    let change = json!({"service": "checkout", "what": "config", "subject": "change/flags"});
    assert_eq!(server.post("/api/v1/changes", "", change).await.status, 201);
    let path = format!("/api/v1/analyses/{}", first.json()["id"].as_str().unwrap());
    let overlaps = server.get(&path, "").await.json()["overlaps"].clone();
    assert_eq!(overlaps[0]["subject"], "change/flags", "{overlaps}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_goes_on_after_a_restart_and_ends_when_it_is_stopped() {
    let server = Running::watching(Box::new(File::new()), "", shop()).await;
    let begun = server.post("/api/v1/analyses", "", asked("checkout", "now")).await;
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let server = server.again(shop()).await;
    let analysis = until(&server, "", &id, "judging").await;
    assert_eq!(analysis["scope"]["service"], "checkout");
    assert_eq!(
        server.get(&format!("/api/v1/analyses/{id}/report"), "").await.problem(),
        "404 not-found"
    );
    let stopped = server.post(&format!("/api/v1/analyses/{id}/stop"), "", json!({})).await;
    assert_eq!((stopped.status, stopped.json()), (200, json!({"has_ended": true})));
    let analysis = until(&server, "", &id, "ended").await;
    assert_eq!(analysis["outcome"], "inconclusive");
    // Who stops it once more is told the same.
    let again = server.post(&format!("/api/v1/analyses/{id}/stop"), "", json!({})).await;
    assert_eq!((again.status, again.json()), (200, json!({"has_ended": true})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_an_answer_is_told_of() {
    let shop = Shop::default();
    let is_closed = Arc::clone(&shop.is_closed);
    is_closed.store(true, Ordering::Relaxed);
    let observed = Observed { sources: Arc::new(shop), clock: Arc::new(SystemClock::default()) };
    let server = Running::watching(Box::new(File::new()), "", observed).await;
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(10);
    let begun = server.post("/api/v1/analyses", "", asked("checkout", &start.to_string())).await;
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let failing = until(&server, "", &id, "source_failing").await;
    assert_eq!(failing["state_reason"], "the source is closed");
    is_closed.store(false, Ordering::Relaxed);
    let analysis = until(&server, "", &id, "ended").await;
    assert_eq!(analysis["outcome"], "pass", "{analysis}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_cannot_be_are_refused_with_their_place() {
    let server = Running::watching(Box::new(File::new()), "", rules("")).await;
    let with = |text: &str| json!({"checks": [{"name": "serin.yaml", "text": text}]});
    let source = |source: &str| {
        with(&format!("service: a\nsource: {source}\nchecks: {{errors: {{gauge: x}}}}\n"))
    };
    let bomb = format!("a: &a [{}]\n", "x,".repeat(50)) + "b: [*a,*a]\n";
    let deep = format!("service: {}", "[".repeat(5000));
    let rows = [
        (with("service: a\nchekcs: {}\n"), "chekcs"),
        (with(""), ""),
        (with(&bomb), ""),
        (with(&deep), ""),
        (json!({"checks": []}), "0 Check files"),
        (source("{file: {path: /etc/passwd}}"), "asks a store"),
        (source("{prometheus: {url: 'http://169.254.169.254'}}"), "may not be asked"),
        (
            source("{prometheus: {url: 'http://a', token: {file: /etc/shadow}}}"),
            "files or environment variables",
        ),
        (
            source("{prometheus: {url: 'http://a', token: {env: HOME}}}"),
            "files or environment variables",
        ),
    ];
    for (body, expected) in rows {
        let answer = server.post("/api/v1/analyses", "", body.clone()).await;
        let problem = answer.problem();
        assert!(problem.starts_with("422 invalid"), "{problem}: {body}");
        let json = answer.json();
        assert!(json["detail"].as_str().unwrap().contains(expected), "{json}");
        assert!(!json["hint"].as_str().unwrap_or_default().is_empty(), "{json}");
    }
    for body in [
        json!({"checks": "x"}),
        json!({"checks": [], "horizont": "30m"}),
        json!({"checks": [], "horizon": "soon"}),
        json!({"checks": [], "start": "yesterday"}),
    ] {
        let answer = server.post("/api/v1/analyses", "", body.clone()).await;
        assert!(answer.problem().starts_with("422 invalid /"), "{body}: {}", answer.text);
    }
    let events = server.get("/api/v1/events", "").await.json();
    assert_eq!(events["items"], json!([]), "something was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_this_machine_nothing_is_asked_that_nobody_named() {
    let yaml = "egress: {allow: ['prometheus.example:9090']}\n";
    let server = Running::watching(Box::new(File::new()), yaml, rules(yaml)).await;
    let rows = [
        ("http://prometheus.example:9090", 201),
        ("http://prometheus.example:9091", 422),
        ("http://127.0.0.1:9090", 422),
        ("http://evil.example:9090", 422),
    ];
    for (url, status) in rows {
        let mut body = asked("checkout", "now");
        body["url"] = json!(url);
        let answer = server.post("/api/v1/analyses", "", body).await;
        assert_eq!(answer.status, status, "{url}: {}", answer.text);
    }
}

/// The stores that Checks name, as a configuration lets them be asked.
fn rules(yaml: &str) -> Observed {
    let config = serin_server::Config::read("serve.yaml", yaml).unwrap();
    let stores = serin_runner::live::Stores::new(std::env::temp_dir(), 1);
    let sources = Arc::new(stores.within(config.egress().unwrap(), false));
    Observed { sources, ..observed() }
}
