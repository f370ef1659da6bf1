//! Analyses that are driven by hand, killed wherever something is written, and begun again: what comes of them must
//! be the same, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use rayon::prelude::*;
use serin_check::WrittenAnalysis;
use serin_ledger::fact::{Alteration, ChangeNoted};
use serin_ledger::{Fact, Key, Kind, Ledger, Parcel, Scope, Selection, Submission, WriteError};
use serin_model::{
    Arm, ArmPair, MetricSeries, Observations, Point, Ratio, Replica, Timestamp, Window,
};

use super::commission::{Commission, NamedText, read_checks};
use super::entries::{About, key_of_begun, subject_of};
use super::points::{Answered, PointSource, Sources};
use super::progress::{State, What};
use super::record;
use super::schedule::{Resumed, Schedule, Task};
use super::service::{concluding, read_back};
use crate::error::RunError;
use crate::watch::{Outage, Start, Timing, TimingAsked};

const ORIGIN: i64 = 1_600_000_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(ORIGIN + seconds)
}

/// How a canary does, and its source.
#[derive(Clone, Copy, Debug, Default)]
struct World {
    /// How many of a hundred requests of the canary fail; two of the control's do.
    bad_percent: u64,
    /// When the canary begins to report, in seconds.
    from: i64,
    /// When it stops, in seconds.
    until: Option<i64>,
    /// From when to when the source gives no answer, in seconds.
    away: (i64, i64),
}

/// By the service.
fn worlds() -> BTreeMap<&'static str, World> {
    let good = World { bad_percent: 2, ..World::default() };
    BTreeMap::from([
        ("good", good),
        ("bad", World { bad_percent: 5, ..good }),
        ("silent", World { until: Some(120), ..good }),
        ("late", World { from: 250, bad_percent: 6, ..good }),
        ("away", World { away: (200, 500), ..good }),
    ])
}

/// From 0 to 1, the same for the same arguments.
fn noise(of: [i64; 3]) -> f64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for number in of {
        state ^= number.unsigned_abs().wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

impl World {
    fn series(&self, window: Window) -> Vec<MetricSeries> {
        let (from, until) = (window.start.as_millis() / 1000, window.end.as_millis() / 1000);
        let times = || (from.div_euclid(15) * 15..until).step_by(15).filter(|it| *it >= from);
        let is_there = |time: i64| {
            let time = time - ORIGIN;
            self.from <= time && self.until.is_none_or(|until| time < until)
        };
        let arm = |is_canary: bool, value: &dyn Fn(i64, i64) -> Observations| {
            let replica = |number: i64| {
                let of = i64::from(is_canary) * 10 + number;
                let there = times().filter(|time| !is_canary || is_there(*time));
                let mut all: Option<Observations> = None;
                for time in there {
                    let one = value(time, of);
                    match &mut all {
                        None => all = Some(one),
                        Some(all) => all.append(one),
                    }
                }
                Some(Replica { name: format!("pod-{of}"), observations: all? })
            };
            Arm { replicas: (0..2).filter_map(replica).collect() }
        };
        let errors = |time: i64, of: i64| {
            let percent = if of >= 10 { self.bad_percent } else { 2 };
            let bad = (0..100).filter(|it| noise([time, of, 100 + it]) < percent as f64 / 100.0);
            let value = Ratio { bad: bad.count() as f64, total: 100.0 };
            Observations::Ratio(vec![Point { time: Timestamp::from_seconds(time), value }])
        };
        let latency = |time: i64, of: i64| {
            let value = 100.0 + noise([time, of, 7]) * 5.0;
            Observations::Value(vec![Point { time: Timestamp::from_seconds(time), value }])
        };
        let metric = |check: &str, value: &dyn Fn(i64, i64) -> Observations| MetricSeries {
            arms: ArmPair { control: arm(false, value), canary: arm(true, value) },
            ..MetricSeries::nothing(check)
        };
        vec![metric("errors", &errors), metric("latency", &latency)]
    }
}

#[derive(Clone, Debug)]
struct WorldSource {
    world: World,
    now: Arc<Mutex<Timestamp>>,
}

impl PointSource for WorldSource {
    fn name(&self) -> &str {
        "the store"
    }

    fn ask(&self, window: Window, _: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        let seconds = self.now.lock().unwrap().as_millis() / 1000 - ORIGIN;
        let answer = if (self.world.away.0..self.world.away.1).contains(&seconds) {
            Err(Outage {
                why: "cannot be reached".to_owned(),
                hint: "see that it runs".to_owned(),
                is_partial: false,
                retry_after: None,
                error: None,
            })
        } else {
            // A store has nothing of the future.
            let end = window.end.min(*self.now.lock().unwrap());
            let series = self.world.series(Window { end, ..window });
            Ok(Answered { series, warnings: Vec::new() })
        };
        ready(answer).boxed()
    }
}

#[derive(Clone, Debug)]
struct WorldSources(Arc<Mutex<Timestamp>>);

impl Sources for WorldSources {
    fn open(
        &self,
        asked: &WrittenAnalysis,
        _: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let world = worlds()[asked.analysis.service.as_str()];
        Ok(Arc::new(WorldSource { world, now: Arc::clone(&self.0) }))
    }
}

fn about(service: &str, key: &str, start: Start, now: Timestamp) -> About {
    let text = format!(
        "service: {service}\nreplica: pod\nstep: 60s\nhorizon: 30m\nwarm_up: 0s\nhistory: 20m\nminimum_time: 7m\nchecks:\n  \
         errors: {{ratio: {{bad: bad, total: total}}}}\n  latency: {{quantile: latency}}\n"
    );
    let checks = vec![NamedText { name: "serin.yaml".to_owned(), text }];
    let written = read_checks(&checks).unwrap();
    let asked = TimingAsked { start, ..TimingAsked::default() };
    let timing = Timing::of(&written.analysis, asked);
    let commission = Commission { checks, start, timing, waiting_since: now, url: None };
    About {
        subject: subject_of(key),
        scope: Scope::of_service(service),
        change: Some(format!("change/{key}")),
        shadow: false,
        commission,
        begun: None,
    }
}

/// Where a process is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    Never,
    /// Before the ledger took so-and-so-many parcels.
    Before(usize),
    /// After it did, and before anybody heard of it.
    After(usize),
}

/// A machine on which processes are killed: its clock and its ledger go on.
struct Host {
    now: Arc<Mutex<Timestamp>>,
    ledger: Ledger,
    /// How many parcels were handed to the ledger.
    handed: usize,
    killed: Killed,
    /// For how long nothing runs once a process is killed.
    downtime: Duration,
    /// How often the ledger fails before each parcel.
    failures: u32,
    failed: u32,
    said: Vec<What>,
}

impl Host {
    fn new(path: &Path, killed: Killed) -> Self {
        Self {
            now: Arc::new(Mutex::new(at(0))),
            ledger: Ledger::open_file(path, true).unwrap(),
            handed: 0,
            killed,
            downtime: Duration::ZERO,
            failures: 0,
            failed: 0,
            said: Vec::new(),
        }
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    /// Hands in a parcel; nothing comes back to a process that is killed.
    fn append(
        &mut self,
        parcel: &Parcel,
    ) -> Option<Result<Vec<serin_ledger::Receipt>, WriteError>> {
        if self.failed < self.failures {
            self.failed += 1;
            let place = "the ledger".to_owned();
            let problem = "it is gone".to_owned();
            let error = serin_ledger::LedgerError::Unreachable { place, problem };
            return Some(Err(WriteError::Failed(Arc::new(error))));
        }
        self.failed = 0;
        self.handed += 1;
        if self.killed == Killed::Before(self.handed) {
            return None;
        }
        let mut answers = self.ledger.append(std::slice::from_ref(parcel)).unwrap();
        let answer = answers.remove(0).map_err(WriteError::Refused);
        (self.killed != Killed::After(self.handed)).then_some(answer)
    }

    /// Runs processes until nothing is left to do.
    fn run(&mut self, asked: &[(i64, About)]) {
        while !self.process(asked) {
            let mut now = self.now.lock().unwrap();
            *now = now.after(self.downtime);
        }
    }

    /// Runs one process, and returns whether it lived to the end.
    fn process(&mut self, asked: &[(i64, About)]) -> bool {
        let sources = WorldSources(Arc::clone(&self.now));
        let mut schedule = Schedule::new(2);
        for running in record::running(&mut self.ledger).unwrap() {
            let now = self.now();
            let read = read_back(&mut self.ledger, &running, &sources, now).unwrap().unwrap();
            let (about, source, resumed, overlaps) = read;
            schedule.add(about, source, resumed, overlaps, now);
        }
        loop {
            for task in schedule.take_tasks() {
                if !self.do_task(&mut schedule, task) {
                    return false;
                }
            }
            self.said.extend(schedule.take_said().into_iter().map(|progress| progress.what));
            let now = self.now();
            if let Some((_, about)) = asked
                .iter()
                .find(|(moment, about)| at(*moment) <= now && !self.is_begun(&about.subject))
            {
                if !self.begin(&mut schedule, &sources, about) {
                    return false;
                }
                continue;
            }
            if schedule.tick(now) || schedule.has_tasks() {
                continue;
            }
            let next_asked =
                asked.iter().map(|(moment, _)| at(*moment)).filter(|it| *it > now).min();
            match schedule.next().into_iter().chain(next_asked).min() {
                Some(next) => *self.now.lock().unwrap() = next,
                None => return true,
            }
        }
    }

    fn is_begun(&mut self, subject: &str) -> bool {
        let key = key_of_begun(subject);
        self.ledger.event_of_key(&key).unwrap().is_some()
    }

    fn begin(&mut self, schedule: &mut Schedule, sources: &WorldSources, about: &About) -> bool {
        let parcel = about.begins(key_of_begun(&about.subject)).unwrap();
        let Some(receipts) = self.append(&parcel) else { return false };
        let Ok(receipts) = receipts else { return true };
        let written = about.commission.question().unwrap();
        let source = sources.open(&written, None).unwrap();
        let about = about.clone().with_begun(receipts[0].id);
        let resumed = Resumed::new(&about, written.analysis, source.name());
        schedule.add(about, source, resumed, Vec::new(), self.now());
        true
    }

    fn do_task(&mut self, schedule: &mut Schedule, task: Task) -> bool {
        let now = self.now();
        match task {
            Task::Ask { subject, source, window, anyhow } => {
                let answer = source.ask(window, anyhow).now_or_never().unwrap();
                schedule.answered(&subject, answer, now);
            }
            Task::Append { subject, parcel } => {
                let Some(result) = self.append(&parcel) else { return false };
                schedule.written(&subject, result, now);
            }
            Task::Read { about, own, running, until } => {
                let read = concluding(&mut self.ledger, &about, &own, &running, until);
                schedule.read(&about.subject, read, now);
            }
        }
        true
    }

    fn exported(&mut self) -> String {
        let found = self.ledger.verify(None).unwrap();
        assert!(found.is_well(), "{:?}", found.faults);
        let mut bytes = Vec::new();
        self.ledger.export(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Returns the verdicts and the reports, by the analysis.
    fn ended(&mut self) -> Ended {
        let selection = Selection { kinds: vec![Kind::AnalysisEnded], ..Selection::default() };
        let events = self.ledger.events(&selection, 0, 1000).unwrap();
        let mut ended = BTreeMap::new();
        for event in events {
            let Fact::AnalysisEnded(fact) = event.fact() else { panic!("{event:?}") };
            let report = self.ledger.evidence(&event.header.evidence[0]).unwrap().unwrap();
            let report = String::from_utf8(report.expand().unwrap()).unwrap();
            let said = format!("{}: {}", fact.outcome, fact.reason.unwrap());
            let when = event.header.occurred_at.as_millis() / 1000 - ORIGIN;
            let before = ended.insert(event.header.subject, (when, said, report));
            assert!(before.is_none(), "judged twice");
        }
        ended
    }
}

/// Five services, one of which two analyses look at.
fn asked() -> Vec<(i64, About)> {
    let one = |service: &str, moment: i64, start: Start| {
        let key = format!("{service}-{moment}");
        let subject = subject_of(&key);
        (moment, About { subject, ..about(service, &key, start, at(moment)) })
    };
    vec![
        one("good", 0, Start::At(at(0))),
        one("bad", 0, Start::At(at(0))),
        one("bad", 90, Start::At(at(60))),
        one("silent", 0, Start::At(at(0))),
        one("late", 10, Start::WhenSeen),
        one("away", 30, Start::At(at(0))),
    ]
}

fn noted(host: &mut Host) {
    let fact = Fact::ChangeNoted(ChangeNoted {
        what: Alteration::Flag,
        from: None,
        to: Some("on".to_owned()),
        reference: None,
        ended_at: None,
        note: None,
    });
    let key = Key::new("test", "flag");
    let scope = Scope::of_service("good").with("region", "north");
    let event = Submission::new(key, at(120), scope, "change/flag", &fact).unwrap();
    let parcel = Parcel::new(at(0), Vec::new(), vec![event]).unwrap();
    host.ledger.append(&[parcel]).unwrap();
}

fn undisturbed(folder: &Path) -> Host {
    let mut host = Host::new(&folder.join("undisturbed.db"), Killed::Never);
    noted(&mut host);
    host.run(&asked());
    host
}

#[test]
fn analyses_end_as_their_canaries_deserve() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = undisturbed(folder.path());
    let ended = host.ended();
    let said: Vec<String> = asked()
        .iter()
        .map(|(_, about)| {
            let (when, said, report) = &ended[&about.subject];
            let warned = report.contains("concurrent_change");
            format!("{} after {when} s: {said}; overlaps: {warned}", about.scope.service)
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_process_that_is_killed_wherever_it_writes_leaves_the_ledger_of_one_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = undisturbed(folder.path());
    let (exported, ended, all) = (whole.exported(), whole.ended(), whole.handed);
    assert!(all > 40, "{all}");
    (1..=all).into_par_iter().for_each(|number| {
        for killed in [Killed::Before(number), Killed::After(number)] {
            let path = folder.path().join(format!("{killed:?}.db"));
            let mut host = Host::new(&path, killed);
            noted(&mut host);
            host.run(&asked());
            same(&host.ended(), &ended, &format!("{killed:?}"));
            assert_eq!(events_of(&host.exported()), events_of(&exported), "{killed:?}");
            drop(host);
            std::fs::remove_file(path).unwrap();
        }
    });
}

/// Says in which words reports differ first, if they do.
fn same(found: &Ended, shall: &Ended, when: &str) {
    assert_eq!(found.len(), shall.len(), "{when}");
    for (subject, (at, said, report)) in shall {
        let (other_at, other_said, other_report) = &found[subject];
        assert_eq!((other_at, other_said), (at, said), "{when}: {subject}");
        let differs = report.bytes().zip(other_report.bytes()).position(|(a, b)| a != b);
        let near = differs.unwrap_or(report.len().min(other_report.len())).saturating_sub(80);
        let shown =
            |text: &str| text.get(near..).unwrap_or("").chars().take(300).collect::<String>();
        assert!(
            report == other_report,
            "{when}: {subject}: {} is {}",
            shown(report),
            shown(other_report)
        );
    }
}

/// When each analysis ended, what was said of it, and its report.
type Ended = BTreeMap<String, (i64, String, String)>;

/// The analysis whose source is away for a while: when it is asked again is another matter for one who was just
/// started, and so is how its points come in batches.
fn away() -> String {
    let asked = asked();
    asked.into_iter().find(|(_, about)| about.scope.service == "away").unwrap().1.subject
}

/// Returns what is said of each analysis, in its order. Those that wait for each other at the source may be in another
/// order once one was killed.
fn events_of(export: &str) -> BTreeMap<String, Vec<String>> {
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in export.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(event) = line.get("event") else { continue };
        let mut header = event["header"].clone();
        // Ids follow from the order.
        header.as_object_mut().unwrap().remove("causes");
        let subject = header["subject"].as_str().unwrap().to_owned();
        if subject == away() {
            continue;
        }
        events.entry(subject).or_default().push(format!("{header} {}", event["body"]));
    }
    events
}

#[test]
fn a_process_that_is_down_for_long_changes_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = undisturbed(folder.path());
    let (ended, all) = (whole.ended(), whole.handed);
    for number in (1..=all).step_by(7) {
        let path = folder.path().join(format!("{number}.db"));
        let mut host = Host::new(&path, Killed::Before(number));
        host.downtime = Duration::from_secs(1234);
        noted(&mut host);
        host.run(&asked());
        same(&host.ended(), &ended, &format!("killed at {number}"));
    }
}

#[test]
fn a_ledger_that_is_gone_for_a_while_loses_nothing_and_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = undisturbed(folder.path());
    let mut host = Host::new(&folder.path().join("gone.db"), Killed::Never);
    noted(&mut host);
    host.failures = 3;
    host.run(&asked());
    for (subject, (_, said, report)) in host.ended() {
        let (_, said_before, report_before) = &whole.ended()[&subject];
        assert_eq!((&said, &report), (said_before, report_before));
    }
    let failing = |what: &&What| matches!(what, What::LedgerFailing { .. });
    assert!(host.said.iter().filter(failing).count() > 10);
}

#[test]
fn a_clock_that_is_set_forwards_makes_no_silence_of_what_has_not_come_yet() {
    let folder = tempfile::tempdir().unwrap();
    let ended = undisturbed(folder.path()).ended();
    let (_, good) = asked().swap_remove(0);
    // What the source knows of, and what this machine's clock says.
    let (truth, clock) = (Arc::new(Mutex::new(at(0))), Arc::new(Mutex::new(at(0))));
    let mut ledger = Ledger::open_file(&folder.path().join("clock.db"), true).unwrap();
    let mut schedule = Schedule::new(2);
    let parcel = good.begins(key_of_begun("good")).unwrap();
    let begun = ledger.append(&[parcel]).unwrap().remove(0).unwrap()[0].id;
    let written = good.commission.question().unwrap();
    let source = WorldSources(Arc::clone(&truth)).open(&written, None).unwrap();
    let subject = good.subject.clone();
    let about = good.with_begun(begun);
    let resumed = Resumed::new(&about, written.analysis, source.name());
    schedule.add(about, source, resumed, Vec::new(), at(0));
    let (mut said, mut is_over) = (Vec::new(), false);
    let (forwards, back) = (200, 390);
    for second in 0..4000 {
        *truth.lock().unwrap() = at(second);
        let ahead = if (forwards..back).contains(&second) { 7200 } else { 0 };
        let now = at(second + ahead);
        *clock.lock().unwrap() = now;
        if second == forwards {
            schedule.clock_set(7_200_000, now);
        } else if second == back {
            schedule.clock_set(-7_200_000, now);
        }
        while schedule.tick(now) {}
        while schedule.has_tasks() {
            for task in schedule.take_tasks() {
                match task {
                    Task::Ask { subject, source, window, anyhow } => {
                        let answer = source.ask(window, anyhow).now_or_never().unwrap();
                        schedule.answered(&subject, answer, now);
                    }
                    Task::Append { subject, parcel } => {
                        let result = ledger.append(&[parcel]).unwrap().remove(0);
                        schedule.written(&subject, result.map_err(WriteError::Refused), now);
                    }
                    Task::Read { about, own, running, until } => {
                        let read = concluding(&mut ledger, &about, &own, &running, until);
                        schedule.read(&about.subject, read, now);
                    }
                }
            }
        }
        for progress in schedule.take_said() {
            is_over |= matches!(progress.what, What::Ended { .. });
            said.push(progress.what);
        }
    }
    assert!(is_over);
    let events = Selection { kinds: vec![Kind::AnalysisEnded], ..Selection::default() };
    let end = ledger.events(&events, 0, 10).unwrap().remove(0);
    let report = ledger.evidence(&end.header.evidence[0]).unwrap().unwrap().expand().unwrap();
    // Nobody else changed anything here.
    let undisturbed = &ended[&subject].2;
    let warnings = undisturbed.find("\"warnings\"").unwrap();
    assert_eq!(String::from_utf8(report).unwrap()[..warnings], undisturbed[..warnings]);
    let set = said.iter().filter(|what| matches!(what, What::ClockSet { .. })).count();
    let waits = |what: &&What| match what {
        What::Warned { text } => text.contains("clock was set forwards"),
        _ => false,
    };
    assert_eq!((set, said.iter().filter(waits).count() > 0), (2, true));
}

#[test]
fn two_who_drive_one_analysis_and_hear_different_things_never_judge_it_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut host = Host::new(&folder.path().join("two.db"), Killed::Never);
    let good = about("good", "twice", Start::At(at(0)), at(0));
    let parcel = good.begins(key_of_begun("twice")).unwrap();
    let begun = host.append(&parcel).unwrap().unwrap()[0].id;
    let analysis = good.commission.question().unwrap().analysis;
    let drive = |bad_percent: u64| {
        let world = World { bad_percent, ..World::default() };
        let source = Arc::new(WorldSource { world, now: Arc::clone(&host.now) });
        let about = good.clone().with_begun(begun);
        let resumed = Resumed::new(&about, analysis.clone(), source.name());
        let mut schedule = Schedule::new(2);
        schedule.add(about, source, resumed, Vec::new(), at(0));
        schedule
    };
    let (mut one, mut other) = (drive(2), drive(30));
    for minute in 0..40 {
        *host.now.lock().unwrap() = at(60 * minute);
        for schedule in [&mut one, &mut other] {
            while schedule.tick(at(60 * minute)) || schedule.has_tasks() {
                for task in schedule.take_tasks() {
                    assert!(host.do_task(schedule, task));
                }
            }
        }
    }
    assert_eq!(host.ended().len(), 1);
    let stuck = other.snapshots().remove(0);
    let State::Stuck { why } = stuck.state else { unreachable!("{stuck:?}") };
    assert!(why.contains("is known already") && why.contains("hint: "), "{why}");
    // Whoever wants it to end is told that it cannot be: it has a verdict.
    other.take_said();
    assert!(other.stop(&stuck.subject, at(5000)));
    for _ in 0..3 {
        for task in other.take_tasks() {
            assert!(host.do_task(&mut other, task));
        }
    }
    assert!(other.take_said().iter().any(|it| matches!(it.what, What::Stuck { .. })));
    assert_eq!(host.ended().len(), 1);
}
