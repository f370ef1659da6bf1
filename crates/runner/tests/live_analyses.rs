//! Live analyses by the road that a server takes: begun, looked at, stopped, killed, and gone on with.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[expect(dead_code, reason = "what drives one analysis is not needed here")]
mod live;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serin_check::WrittenAnalysis;
use serin_ledger::{Fact, Kind, Ledger, Scope, Selection, Writer};
use serin_model::{Outcome, Timestamp, Window};
use serin_runner::RunError;
use serin_runner::live::commission::NamedText;
use serin_runner::live::{
    Answered, BeginError, Live, LiveClock, NewAnalysis, PointSource, Progress, Sources, State, What,
};
use serin_runner::watch::{Outage, Start, TimingAsked};
use tokio::sync::broadcast::Receiver;

use crate::live::{ORIGIN, World, at};

/// A clock on which a minute passes in a twentieth of a second, from one process to the next.
#[derive(Clone, Copy, Debug)]
struct FastClock {
    /// When it showed the origin, in milliseconds since 1970.
    began: u64,
}

const SPEED: u32 = 1200;

impl FastClock {
    fn new() -> Self {
        Self { began: real_millis() }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that the test turns")]
fn real_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

impl LiveClock for FastClock {
    fn now(&self) -> Timestamp {
        at(0).after(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(real_millis().saturating_sub(self.began)) * SPEED
    }

    fn wait(&self, length: Duration) -> Duration {
        length / SPEED
    }
}

/// Services that are called by how their canaries do, such as `bad-7`.
#[derive(Clone, Copy, Debug)]
struct Worlds(FastClock);

#[derive(Debug)]
struct WorldSource {
    world: World,
    clock: FastClock,
}

impl Sources for Worlds {
    fn open(
        &self,
        asked: &WrittenAnalysis,
        _: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let (how, seed) = asked.analysis.service.split_once('-').unwrap();
        let world = World { seed: seed.parse().unwrap(), ..World::default() };
        let world = match how {
            "bad" => World { bad_percent: 8, ..world },
            "silent" => World { canary_until: 240, ..world },
            _ => world,
        };
        Ok(Arc::new(WorldSource { world, clock: self.0 }))
    }
}

impl PointSource for WorldSource {
    fn name(&self) -> &str {
        "the store"
    }

    fn ask(&self, window: Window, _: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        let seconds = |time: Timestamp| time.as_millis() / 1000 - ORIGIN;
        let end = window.end.min(self.clock.now());
        let series = self.world.series(seconds(window.start), seconds(end));
        ready(Ok(Answered { series, warnings: Vec::new() })).boxed()
    }
}

async fn start(path: &Path, clock: FastClock) -> Live {
    let open = || Ledger::open_file(path, true).unwrap();
    let (writer, _) = Writer::start(open()).unwrap();
    let sources = Arc::new(Worlds(clock));
    Live::start(writer, open(), sources, Arc::new(clock), 20).await.unwrap()
}

fn asked(service: &str) -> NewAnalysis {
    let text = format!(
        "service: {service}\nreplica: pod\nstep: 60s\nhorizon: 30m\nwarm_up: 0s\nhistory: 20m\n\
         minimum_time: 15m\nchecks:\n  errors: {{ratio: {{bad: bad, total: total}}}}\n  \
         latency: {{quantile: latency}}\n"
    );
    NewAnalysis {
        checks: vec![NamedText { name: "serin.yaml".to_owned(), text }],
        change: Some(format!("change/{service}")),
        timing: TimingAsked { start: Start::At(at(0)), ..TimingAsked::default() },
        idempotency_key: Some(service.to_owned()),
        ..NewAnalysis::default()
    }
}

/// Waits for the end of an analysis, and returns what happened until then.
async fn ended(events: &mut Receiver<Arc<Progress>>, subject: &str) -> Vec<What> {
    let mut heard = Vec::new();
    loop {
        let event = events.recv().await.unwrap();
        if event.subject == subject {
            heard.push(event.what.clone());
            if matches!(event.what, What::Ended { .. }) {
                return heard;
            }
        }
    }
}

/// Returns outcome and report of each analysis that ended, by the service.
fn reports(ledger: &mut Ledger) -> BTreeMap<String, (Outcome, String)> {
    assert!(ledger.verify(None).unwrap().is_well());
    let selection = Selection { kinds: vec![Kind::AnalysisEnded], ..Selection::default() };
    let mut reports = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = ledger.events(&selection, after, 100).unwrap();
        let Some(last) = page.last() else { return reports };
        after = last.position;
        for event in page {
            let Fact::AnalysisEnded(fact) = event.fact() else { unreachable!("{event:?}") };
            let report = ledger.evidence(&event.header.evidence[0]).unwrap().unwrap();
            let report = String::from_utf8(report.expand().unwrap()).unwrap();
            let before = reports.insert(event.header.scope.service, (fact.outcome, report));
            assert!(before.is_none(), "judged twice");
        }
    }
}

#[tokio::test]
async fn an_analysis_is_begun_once_looked_at_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let live = start(&path, FastClock::new()).await;
    let mut events = live.subscribe();
    let begun = live.begin(asked("bad-1")).await.unwrap();
    assert!(!begun.was_known);
    let again = live.begin(asked("bad-1")).await.unwrap();
    assert_eq!(
        (again.subject.clone(), again.id, again.was_known),
        (begun.subject.clone(), begun.id, true)
    );

    let other = NewAnalysis { idempotency_key: Some("bad-1".to_owned()), ..asked("good-1") };
    let error = live.begin(other).await.unwrap_err();
    assert!(matches!(error, BeginError::OtherAnalysis { .. }), "{error}");

    let running = live.running().await;
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].change.as_deref(), Some("change/bad-1"));
    let heard = ended(&mut events, &begun.subject).await;
    assert!(matches!(heard[0], What::Taken { resumed_at: None }));
    assert!(matches!(heard[1], What::Began { .. }));
    let judged = heard.iter().filter(|what| matches!(what, What::Judged { .. })).count();
    assert!(judged >= 2, "{judged}");
    assert!(live.running().await.is_empty());
    assert!(live.one(&begun.subject).await.unwrap().is_none());
    let reports = reports(&mut Ledger::open_file(&path, false).unwrap());
    assert_eq!(reports["bad-1"].0, Outcome::Fail);
}

#[tokio::test]
async fn a_check_that_says_what_cannot_be_begins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let live = start(&folder.path().join("serin.db"), FastClock::new()).await;
    let mut wrong = asked("good-1");
    wrong.checks[0].text.push_str("  latency: {quantil: latency}\n");
    let error = live.begin(wrong).await.unwrap_err().to_string();
    assert!(error.contains("serin.yaml:") && error.contains("hint: "), "{error}");
    let mut long = asked("good-1");
    long.labels = BTreeMap::from([("region".to_owned(), "x".repeat(300))]);
    assert!(matches!(live.begin(long).await.unwrap_err(), BeginError::Invalid(_)));
    assert!(live.running().await.is_empty());
}

#[tokio::test]
async fn whoever_stops_one_finds_it_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let live = start(&path, FastClock::new()).await;
    let mut events = live.subscribe();
    let begun = live.begin(asked("good-3")).await.unwrap();
    let is_third = |what: &What| match what {
        What::Judged { judged_to, .. } => *judged_to >= at(180),
        _ => false,
    };
    while !is_third(&events.recv().await.unwrap().what) {}
    let (snapshot, verdict) = live.one(&begun.subject).await.unwrap().unwrap();
    assert_eq!(snapshot.state, State::Judging);
    // All points so far, not those of the last batch alone.
    assert!(verdict.unwrap().metrics[0].control.points >= 3);
    assert!(live.stop(&begun.subject).await);
    assert!(!live.stop(&begun.subject).await);
    let reports = reports(&mut Ledger::open_file(&path, false).unwrap());
    let (outcome, report) = &reports["good-3"];
    assert_eq!(*outcome, Outcome::Inconclusive);
    assert!(report.contains("stopped by hand before anything was settled"));
}

#[tokio::test]
async fn analyses_and_changes_of_one_scope_are_said_to_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let live = start(&path, FastClock::new()).await;
    let mut events = live.subscribe();
    let first = live.begin(asked("good-4")).await.unwrap();
    let second = NewAnalysis {
        labels: BTreeMap::from([("region".to_owned(), "north".to_owned())]),
        idempotency_key: Some("second".to_owned()),
        change: Some("change/second".to_owned()),
        ..asked("good-4")
    };
    let second = live.begin(second).await.unwrap();
    let elsewhere = live.begin(asked("good-5")).await.unwrap();
    live.note("change/flag", &Scope::of_service("good-4").with("region", "south"), at(60));
    let running = live.running().await;
    let overlaps = |subject: &str| -> Vec<&str> {
        let one = running.iter().find(|one| one.subject == subject).unwrap();
        one.overlaps.iter().map(|overlap| overlap.subject.as_str()).collect()
    };
    assert_eq!(overlaps(&first.subject), [second.subject.as_str(), "change/flag"]);
    assert_eq!(overlaps(&second.subject), [first.subject.as_str()]);
    assert!(overlaps(&elsewhere.subject).is_empty());
    ended(&mut events, &first.subject).await;
    let mut ledger = Ledger::open_file(&path, false).unwrap();
    let selection = Selection {
        service: Some("good-4".to_owned()),
        subject: Some(first.subject.clone()),
        kinds: vec![Kind::AnalysisEnded],
        ..Selection::default()
    };
    let end = ledger.events(&selection, 0, 1).unwrap().remove(0);
    let report = ledger.evidence(&end.header.evidence[0]).unwrap().unwrap().expand().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let text = report["verdict"]["warnings"][0]["text"].as_str().unwrap();
    let shall = format!(
        "`{}` of `change/second` has looked at good-4{{region=north}} since",
        second.subject
    );
    assert!(text.starts_with(&shall), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_at_once_are_each_judged_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serin.db");
    let live = start(&path, FastClock::new()).await;
    let services: Vec<String> = (0..300).map(|number| format!("bad-{number}")).collect();
    for service in &services {
        live.begin(asked(service)).await.unwrap();
    }
    while !live.running().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reports = reports(&mut Ledger::open_file(&path, false).unwrap());
    assert_eq!(reports.len(), services.len());
    assert!(reports.values().all(|(outcome, _)| *outcome == Outcome::Fail));
}

/// What is begun in the life of a process that is killed.
fn services() -> Vec<String> {
    let names = ["good", "bad", "silent"];
    (0..18).map(|number| format!("{}-{number}", names[number % 3])).collect()
}

/// Begins all, as if for the first time, and waits until all have ended.
async fn live_once(path: &Path, clock: FastClock) {
    let live = start(path, clock).await;
    for service in services() {
        live.begin(asked(&service)).await.unwrap();
    }
    while !live.running().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_process_that_is_killed_again_and_again_ends_with_the_reports_of_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    live_once(&whole, FastClock::new()).await;
    let killed = folder.path().join("killed.db");
    let clock = FastClock::new();
    let (mut lives, mut kills) = (0, 0);
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_life_that_may_end_at_any_moment", "--nocapture"])
            .env("SERIN_TEST_LIVE", &killed)
            .env("SERIN_TEST_BEGAN", clock.began.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        lives += 1;
        // Later and later, so that every moment has its turn and it comes to an end.
        for _ in 0..lives * 3 {
            tokio::time::sleep(Duration::from_millis(13)).await;
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 5, "{kills}");
    let reports = |path: &PathBuf| reports(&mut Ledger::open_file(path, false).unwrap());
    assert_eq!(reports(&killed), reports(&whole));
}

/// The child of the test above, and nothing where nobody says what to do.
#[test]
fn a_life_that_may_end_at_any_moment() {
    let (Ok(path), Ok(began)) =
        (std::env::var("SERIN_TEST_LIVE"), std::env::var("SERIN_TEST_BEGAN"))
    else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = FastClock { began: began.parse().unwrap() };
    runtime.block_on(live_once(Path::new(&path), clock));
}
