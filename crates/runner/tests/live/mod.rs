//! A store that lives in a test: it knows what happens in the future, and its clock is turned by hand.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serin_model::{
    Analysis, Arm, ArmPair, MetricSeries, Observations, Outcome, Point, Ratio, Replica, Timestamp,
    Window,
};
use serin_report::Input;
use serin_runner::watch::{
    Clock, Event, Feed, Interrupt, Known, Listener, Outage, Start, StateFile, Timing, Tools,
    Watched, watch_feed,
};

/// When the tests begin: a whole step.
pub(crate) const ORIGIN: i64 = 1_600_000_200;
pub(crate) const STEP: i64 = 60;

/// Returns a moment, counted in seconds from the origin.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(ORIGIN + seconds)
}

/// What happens, whether or not anybody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    /// When the canary begins to report, in seconds; it may never.
    pub(crate) canary_from: Option<i64>,
    /// When it stops again.
    pub(crate) canary_until: i64,
    /// When one of its two replicas stops, in seconds.
    pub(crate) one_until: i64,
    /// How many of a hundred requests of the canary fail; one of the control's does.
    pub(crate) bad_percent: u64,
    /// How much slower the canary is, in percent.
    pub(crate) slower: f64,
    /// Up to when the canary is ten times slower, in seconds.
    pub(crate) cold_until: i64,
    pub(crate) seed: u64,
}

impl Default for World {
    /// A canary as good as its control, there from the origin on.
    fn default() -> Self {
        Self {
            canary_from: Some(0),
            canary_until: i64::MAX,
            one_until: i64::MAX,
            bad_percent: 1,
            slower: 0.0,
            cold_until: i64::MIN,
            seed: 1,
        }
    }
}

/// From 0 to 1, the same for the same arguments.
fn noise(of: [i64; 3], seed: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for number in of {
        state ^= number.unsigned_abs().wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

impl World {
    /// Returns everything that both arms report in a stretch of seconds.
    pub(crate) fn series(&self, from: i64, until: i64) -> Vec<MetricSeries> {
        let canary = |time: i64| {
            self.canary_from.is_some_and(|from| from <= time) && time < self.canary_until
        };
        let times = || (from.div_euclid(15) * 15..until).step_by(15).filter(move |it| *it >= from);
        let arm = |is_canary: bool, value: &dyn Fn(i64, i64) -> Observation| {
            let arm = i64::from(is_canary);
            let replica = |number: i64| {
                let is_there = |time: i64| canary(time) && (number == 0 || time < self.one_until);
                let there = times().filter(|time| !is_canary || is_there(*time));
                let all = there.map(|time| (at(time), value(time, 10 * arm + number))).collect();
                Replica { name: format!("pod-{arm}-{number}"), observations: observations(all) }
            };
            Arm { replicas: (0..2).map(replica).filter(|it| !it.observations.is_empty()).collect() }
        };
        let metric = |check: &str, value: &dyn Fn(i64, i64) -> Observation| MetricSeries {
            arms: ArmPair { control: arm(false, value), canary: arm(true, value) },
            ..MetricSeries::nothing(check)
        };
        let errors = |time: i64, replica: i64| {
            let percent = if replica >= 10 { self.bad_percent } else { 1 };
            let total = 100 + (50.0 * noise([time, replica, 1], self.seed)) as i64;
            let is_bad = |request: &i64| {
                noise([time, replica, 100 + request], self.seed) < percent as f64 / 100.0
            };
            let bad = (0..total).filter(is_bad).count() as f64;
            Observation::Ratio(Ratio { bad, total: total as f64 })
        };
        let latency = |time: i64, replica: i64| {
            let slower = if replica >= 10 { 1.0 + self.slower / 100.0 } else { 1.0 };
            let cold = if replica >= 10 && time < self.cold_until { 10.0 } else { 1.0 };
            let sum: f64 = (0..8).map(|part| noise([time, replica, 10 + part], self.seed)).sum();
            Observation::Value(100.0 * slower * cold * (1.0 + 0.05 * (sum - 4.0)))
        };
        vec![metric("errors", &errors), metric("latency", &latency)]
    }
}

enum Observation {
    Ratio(Ratio),
    Value(f64),
}

fn observations(all: Vec<(Timestamp, Observation)>) -> Observations {
    let (mut ratios, mut values) = (Vec::new(), Vec::new());
    for (time, observation) in all {
        match observation {
            Observation::Ratio(value) => ratios.push(Point { time, value }),
            Observation::Value(value) => values.push(Point { time, value }),
        }
    }
    if ratios.is_empty() { Observations::Value(values) } else { Observations::Ratio(ratios) }
}

/// Asks about errors and latency, both of which must be safe before a pass.
pub(crate) fn analysis() -> Analysis {
    let text = "service: shop\nreplica: pod\nstep: 60s\nchecks:\n  \
                errors: {ratio: {bad: bad, total: total}}\n  \
                latency: {quantile: latency, compare: {tolerance: 10%}}\n";
    serin_check::read("serin.yaml", text).unwrap().analysis
}

/// Asks the same, and a pack.
fn with_a_pack() -> Analysis {
    let text = "service: shop\nreplica: pod\nstep: 60s\nuse: [golden/process]\nchecks:\n  \
                errors: {ratio: {bad: bad, total: total}}\n  \
                latency: {quantile: latency, compare: {tolerance: 10%}}\n";
    serin_check::read("serin.yaml", text).unwrap().analysis
}

/// Lengths that tests begin with: an hour, no warm-up, an hour of history.
pub(crate) fn timing() -> Timing {
    Timing {
        horizon: Duration::from_secs(3600),
        warm_up: Duration::ZERO,
        history: Duration::from_secs(3600),
        every: Duration::from_secs(15),
        late: Duration::from_secs(60),
        within: None,
    }
}

/// A clock that is where it is waited for, or a little later.
pub(crate) struct TurnedClock {
    now: Rc<Cell<Timestamp>>,
    /// How much later than asked for each waiting ends, in seconds; over and over.
    delays: Vec<i64>,
    waits: Cell<usize>,
}

impl Clock for TurnedClock {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    fn wait(&self, until: Timestamp, _: &Interrupt) {
        let turn = self.waits.get();
        self.waits.set(turn + 1);
        let delay = self.delays.get(turn % self.delays.len().max(1)).copied().unwrap_or(0);
        let later = until.after(Duration::from_secs(delay.unsigned_abs()));
        self.now.set(self.now.get().max(later));
    }
}

/// What a source does for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// It gives no answer at all.
    Dead,
    /// It asks to be left alone for so many seconds.
    Busy(u64),
    /// It gives no answer to this check.
    Without(&'static str),
    /// It answers with what has not happened yet.
    Ahead,
}

/// A store that answers from a world.
pub(crate) struct FakeStore {
    world: World,
    now: Rc<Cell<Timestamp>>,
    start: Timestamp,
    /// What it does from one second to another.
    faults: Vec<(i64, i64, Fault)>,
    /// When it was asked, in seconds.
    asked: Rc<RefCell<Vec<i64>>>,
    /// Checks that it has nothing of.
    absent: &'static [&'static str],
    /// Wants to stop when it is asked so late.
    stops: Option<(i64, Interrupt)>,
}

impl FakeStore {
    fn seconds(time: Timestamp) -> i64 {
        time.as_millis() / 1000 - ORIGIN
    }

    fn fault(&self) -> Option<Fault> {
        let now = Self::seconds(self.now.get());
        let fault = self.faults.iter().find(|(from, until, _)| (*from..*until).contains(&now));
        fault.map(|(_, _, fault)| *fault)
    }

    fn with_absent(&self, series: Vec<MetricSeries>) -> Vec<MetricSeries> {
        self.absent.iter().map(|check| MetricSeries::nothing(check)).chain(series).collect()
    }

    fn answer(&self, window: Window, anyhow: bool) -> Result<Vec<MetricSeries>, Outage> {
        let (from, until) = (Self::seconds(window.start), Self::seconds(window.end));
        match self.fault() {
            None => Ok(self.world.series(from, until)),
            Some(Fault::Ahead) => Ok(self.world.series(from, until + 600)),
            Some(Fault::Dead) => Err(outage("cannot be reached: connection refused", None)),
            Some(Fault::Busy(seconds)) => Err(outage("answered 429: slow down", Some(seconds))),
            Some(Fault::Without(check)) if anyhow => {
                let mut series = self.world.series(from, until);
                let failed = MetricSeries::failed(check, "the query is too much".to_owned());
                series
                    .iter_mut()
                    .filter(|it| it.check == check)
                    .for_each(|it| *it = failed.clone());
                Ok(series)
            }
            Some(Fault::Without(_)) => {
                Err(Outage { is_partial: true, ..outage("did not answer within 30s", None) })
            }
        }
    }
}

fn outage(why: &str, retry_after: Option<u64>) -> Outage {
    Outage {
        why: why.to_owned(),
        hint: "see that it runs".to_owned(),
        is_partial: false,
        retry_after: retry_after.map(Duration::from_secs),
        error: None,
    }
}

impl Feed for FakeStore {
    fn name(&self) -> &str {
        "the store"
    }

    fn look(&mut self, window: Window, _: &Interrupt) -> Result<Vec<MetricSeries>, Outage> {
        Ok(self.with_absent(self.answer(window, true)?))
    }

    fn begin(&mut self, start: Timestamp) {
        self.start = start;
    }

    fn ask(&mut self, until: Timestamp, anyhow: bool, _: &Interrupt) -> Result<Known, Outage> {
        self.asked.borrow_mut().push(Self::seconds(self.now.get()));
        if let Some((_, interrupt)) = self.stops.as_ref().filter(|(at, _)| until >= self::at(*at)) {
            interrupt.stop();
        }
        let series =
            self.with_absent(self.answer(Window { start: self.start, end: until }, anyhow)?);
        let input = Input { path: "the store".to_owned(), sha256: "0".repeat(64), bytes: 0 };
        Ok(Known { series, warnings: Vec::new(), input })
    }
}

/// Writes down what it hears, a line each.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) said: Vec<String>,
    pub(crate) judged_to: Option<Timestamp>,
    pub(crate) judged_from: Option<Timestamp>,
}

impl Listener for Heard {
    fn hear(&mut self, event: Event<'_>) {
        let seconds = FakeStore::seconds;
        match event {
            Event::Judged(live) => self.judged_to = Some(live.judged_to),
            Event::Waiting { missing, until } => {
                self.said.push(format!("waits for {}, until {}", missing.as_str(), seconds(until)));
            }
            Event::Began { start, judged_from, horizon, resumed_at } => {
                self.judged_from = Some(judged_from);
                let resumed = resumed_at.map(seconds);
                self.said.push(format!(
                    "began at {}, judged from {} to {}, resumed at {resumed:?}",
                    seconds(start),
                    seconds(judged_from),
                    seconds(horizon)
                ));
            }
            Event::Warned(text) => self.said.push(format!("warning: {text}")),
            Event::Failing { source, why, again_at, .. } => {
                self.said.push(format!("{source} {why}; again at {}", seconds(again_at)));
            }
            Event::Recovered { source, after } => {
                self.said.push(format!("{source} is back after {} s", after.as_secs()));
            }
            Event::Stopping => self.said.push("stopping".to_owned()),
        }
    }
}

/// How a canary of a world is watched.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) world: World,
    pub(crate) timing: Timing,
    pub(crate) start: Start,
    /// When serin is started, in seconds.
    pub(crate) now: i64,
    pub(crate) delays: Vec<i64>,
    pub(crate) faults: Vec<(i64, i64, Fault)>,
    pub(crate) state: Option<StateFile>,
    /// Whether a pack is asked as well, of which the store has nothing.
    pub(crate) asks_a_pack: bool,
    /// Somebody stops it when points up to this second are asked for.
    pub(crate) stopped_at: Option<i64>,
}

impl Setting {
    pub(crate) fn of(world: World) -> Self {
        Self {
            world,
            timing: timing(),
            start: Start::At(at(0)),
            now: 0,
            delays: Vec::new(),
            faults: Vec::new(),
            state: None,
            asks_a_pack: false,
            stopped_at: None,
        }
    }
}

/// What came of watching.
pub(crate) struct Seen {
    pub(crate) watched: Watched,
    pub(crate) heard: Heard,
    /// When the store was asked, in seconds.
    pub(crate) asked: Vec<i64>,
    /// When it ended, in seconds.
    pub(crate) ended: i64,
}

impl Seen {
    pub(crate) fn outcome(&self) -> Outcome {
        self.watched.judged.verdict.outcome
    }

    pub(crate) fn reason(&self) -> &str {
        &self.watched.judged.verdict.reason
    }

    /// Returns up to where it was judged, in steps from the origin.
    pub(crate) fn steps(&self) -> i64 {
        self.heard.judged_to.map_or(0, FakeStore::seconds) / STEP
    }
}

pub(crate) fn watched(setting: &Setting) -> Seen {
    let now = Rc::new(Cell::new(at(setting.now)));
    let interrupt = Interrupt::default();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let mut store = FakeStore {
        world: setting.world,
        now: Rc::clone(&now),
        start: at(0),
        faults: setting.faults.clone(),
        asked: Rc::clone(&asked),
        absent: if setting.asks_a_pack { &["memory", "open files"] } else { &[] },
        stops: setting.stopped_at.map(|at| (at, interrupt.clone())),
    };
    let delays = setting.delays.clone();
    let clock = TurnedClock { now: Rc::clone(&now), delays, waits: Cell::new(0) };
    let mut heard = Heard::default();
    let tools = Tools {
        feed: &mut store,
        clock: &clock,
        interrupt: &interrupt,
        listener: &mut heard,
        state: setting.state.as_ref(),
    };
    let analysis = if setting.asks_a_pack { with_a_pack() } else { analysis() };
    let watched = watch_feed(&analysis, setting.timing, setting.start, "the check", tools).unwrap();
    Seen { watched, heard, asked: asked.take(), ended: FakeStore::seconds(now.get()) }
}

/// Returns what the judge says of the same points at once.
pub(crate) fn judged_at_once(setting: &Setting, seen: &Seen) -> serin_judge::Judged {
    let mut analysis = analysis();
    let start = seen.heard.judged_from.unwrap();
    let end = seen.heard.judged_to.unwrap();
    analysis.window = Some(Window { start, end });
    let history = i64::try_from(setting.timing.history.as_secs()).unwrap();
    let from = FakeStore::seconds(start) - history;
    let series = setting.world.series(from, FakeStore::seconds(end));
    serin_judge::sequential::judge(&analysis, &series).0
}
