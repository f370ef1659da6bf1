//! What a plan says is seen is seen: its effects against canaries that the real judge judges.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod seeded;

use std::collections::BTreeMap;

use seeded::Draws;
use serin_judge::sequential::{SequentialJudge, plan};
use serin_model::{
    Analysis, Arm, ArmPair, Arms, BucketBounds, Check, Count, Margins, Measure, MeasureKind,
    MetricSeries, Observations, Outcome, Outlook, PlannedMetric, Point, Ratio, Replica, Rollout,
    Step, Timestamp, Worse,
};

const MINUTE: i64 = 60_000;
const HISTORY: i64 = 360;
const HORIZON: i64 = 60;

/// How one metric of a service truly behaves.
#[derive(Clone, Copy)]
enum World {
    /// Levels around 200, with this noise of each replica and this likeness of neighbouring minutes.
    Gauge { deviation: f64, correlation: f64, spread: f64 },
    /// Errors, of so many requests a minute over all replicas.
    Ratio { rate: f64, requests: f64, share: f64 },
    /// Latencies with a log-normal distribution around 100 ms.
    Histogram { requests: f64, share: f64 },
}

impl World {
    fn kind(self) -> MeasureKind {
        match self {
            Self::Gauge { .. } => MeasureKind::Gauge,
            Self::Ratio { .. } => MeasureKind::Ratio,
            Self::Histogram { .. } => MeasureKind::Histogram,
        }
    }

    fn share(self) -> f64 {
        match self {
            Self::Gauge { .. } => 0.25,
            Self::Ratio { share, .. } | Self::Histogram { share, .. } => share,
        }
    }

    /// Draws one replica that gets `part` of all traffic.
    fn replica(
        self,
        draws: &mut Draws,
        name: &str,
        (from, minutes): (i64, i64),
        part: f64,
        times: f64,
    ) -> Replica {
        let size = usize::try_from(minutes).unwrap();
        let time = |at: usize| Timestamp::from_millis((from + at as i64) * MINUTE);
        let observations = match self {
            Self::Gauge { deviation, correlation, spread } => {
                let offset = draws.normal(0.0, spread);
                let noise = draws.autocorrelated(size, 0.0, correlation);
                let value = |noise: f64| 200.0 * times * libm::exp(offset + deviation * noise);
                let points = noise.into_iter().enumerate();
                Observations::Value(
                    points
                        .map(|(at, noise)| Point { time: time(at), value: value(noise) })
                        .collect(),
                )
            }
            Self::Ratio { rate, requests, .. } => {
                let point = |at: usize| {
                    let total = libm::round(requests * part);
                    let bad = draws.poisson(total * rate * times).min(total);
                    Point { time: time(at), value: Ratio { bad, total } }
                };
                Observations::Ratio((0..size).map(point).collect())
            }
            Self::Histogram { requests, .. } => {
                let point = |at: usize| {
                    let mut buckets = vec![0.0; BOUNDS.len() + 1];
                    for _ in 0..draws.poisson(requests * part) as usize {
                        let latency = 0.1 * times * libm::exp(draws.normal(0.0, 0.5));
                        buckets[BOUNDS.partition_point(|bound| *bound < latency)] += 1.0;
                    }
                    Point { time: time(at), value: buckets }
                };
                let bounds = BucketBounds::new(BOUNDS.to_vec()).unwrap();
                Observations::Histogram { bounds, points: (0..size).map(point).collect() }
            }
        };
        Replica { name: name.to_owned(), observations }
    }

    fn arm(
        self,
        draws: &mut Draws,
        name: &str,
        replicas: usize,
        (from, minutes): (i64, i64),
        share: f64,
        times: f64,
    ) -> Arm {
        let replica = |number| {
            let part = share / replicas as f64;
            self.replica(draws, &format!("{name}-{number}"), (from, minutes), part, times)
        };
        Arm { replicas: (0..replicas).map(replica).collect() }
    }
}

const BOUNDS: [f64; 12] = [0.02, 0.035, 0.05, 0.07, 0.085, 0.1, 0.13, 0.17, 0.22, 0.3, 0.5, 1.0];

const CONTROLS: usize = 3;

fn analysis(kind: MeasureKind, tolerance: Option<f64>) -> Analysis {
    let query = || serin_model::Query::new("metric{$arm}").unwrap();
    let measure = match kind {
        MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
        MeasureKind::Histogram => Measure::Histogram { buckets: query() },
        MeasureKind::Count => Measure::Count { events: query(), exposure: None },
        MeasureKind::Gauge | MeasureKind::Quantile => Measure::Gauge { value: query() },
    };
    let check = Check {
        name: "metric".to_owned(),
        measure,
        worse: Worse::Higher,
        margins: Margins::new(kind, tolerance, None, None, None).unwrap(),
        gating: true,
        critical: false,
        muted: false,
        groups: Vec::new(),
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: serin_model::KayentaOptions::default(),
    };
    let mut analysis = Analysis::new("shop".to_owned(), Arms::default(), vec![check]).unwrap();
    analysis.step = Step::MINUTE;
    analysis
}

fn answer(control: Arm, canary: Arm) -> Vec<MetricSeries> {
    vec![MetricSeries { arms: ArmPair { control, canary }, ..MetricSeries::nothing("metric") }]
}

fn rollout(share: f64) -> Rollout {
    Rollout {
        step_seconds: 60,
        horizon_minutes: HORIZON as f64,
        share,
        control_replicas: 0,
        canary_replicas: 1,
    }
}

fn planned(analysis: &Analysis, history: Arm, rollout: Rollout) -> PlannedMetric {
    plan(analysis, &answer(history, Arm::default()), rollout).metrics.remove(0)
}

/// What the judge made of several canaries.
struct Judged {
    failed: f64,
    passed: f64,
    /// The median of the minutes until it failed.
    minutes: Option<f64>,
}

fn judged(world: World, analysis: &Analysis, history: &Arm, times: f64, canaries: u64) -> Judged {
    let (mut failed, mut passed, mut minutes) = (0.0, 0.0, Vec::new());
    let share = world.share();
    let start = Timestamp::from_millis(HISTORY * MINUTE);
    let mut learnt = SequentialJudge::new(analysis);
    learnt.learn(analysis, &answer(history.clone(), Arm::default()), start);
    for seed in 0..canaries {
        let mut draws = Draws::seeded(1_000 + seed * 7_919);
        let mut judge = learnt.clone();
        let control =
            world.arm(&mut draws, "control", CONTROLS, (HISTORY, HORIZON), 1.0 - share, 1.0);
        let canary = world.arm(&mut draws, "canary", 1, (HISTORY, HORIZON), share, times);
        let series = answer(control, canary);
        judge.take(analysis, &series, start);
        let mut decided = None;
        for minute in 1..=HORIZON {
            judge.advance(analysis, Timestamp::from_millis((HISTORY + minute) * MINUTE));
            if judge.outcome(analysis) == Outcome::Fail {
                decided = Some(minute as f64);
                break;
            }
        }
        failed += f64::from(decided.is_some());
        minutes.push(decided.unwrap_or(f64::INFINITY));
        passed += f64::from(decided.is_none() && judge.first_passed().is_some());
    }
    minutes.sort_by(f64::total_cmp);
    let middle = minutes[minutes.len() / 2];
    let all = canaries as f64;
    Judged {
        failed: failed / all,
        passed: passed / all,
        minutes: middle.is_finite().then_some(middle),
    }
}

/// The plan from one history, and canaries of the same world after it. They are drawn by other means
/// than the plan's, and from the world itself.
#[expect(clippy::print_stdout, reason = "the figures are asked for with `--nocapture`")]
fn compared(name: &str, world: World, tolerance: Option<f64>, canaries: u64) {
    let analysis = analysis(world.kind(), tolerance);
    let mut draws = Draws::seeded(17);
    let history = world.arm(&mut draws, "control", CONTROLS, (0, HISTORY), 1.0, 1.0);
    let metric = planned(&analysis, history.clone(), rollout(world.share()));
    let outlook: Outlook = metric.outlook.unwrap();
    let (half, most) = (outlook.half.unwrap(), outlook.nine_in_ten.unwrap());
    let at_half = judged(world, &analysis, &history, 1.0 + half, canaries);
    let at_most = judged(world, &analysis, &history, 1.0 + most, canaries);
    let unacceptable = judged(world, &analysis, &history, 1.0 + outlook.unacceptable, canaries);
    let harmless = judged(world, &analysis, &history, 1.0, canaries);
    let safety = outlook.safety.unwrap();
    println!(
        "{name:28} 50 % at +{:5.1} %: {:.2}   90 % at +{:5.1} %: {:.2}   unacceptable +{:5.1} %: \
         {:.2} planned {:.2} (min {:?} planned {:?})   safe {:.2} planned {:.2}   {}",
        100.0 * half,
        at_half.failed,
        100.0 * most,
        at_most.failed,
        100.0 * outlook.unacceptable,
        unacceptable.failed,
        outlook.harm.within_horizon,
        unacceptable.minutes,
        outlook.harm.half,
        harmless.passed,
        safety.within_horizon,
        metric.history,
    );
    for (what, seen, said) in [
        ("half", at_half.failed, 0.5),
        ("nine in ten", at_most.failed, 0.9),
        ("the unacceptable", unacceptable.failed, outlook.harm.within_horizon),
        ("safety", harmless.passed, safety.within_horizon),
    ] {
        let by_chance: f64 = 0.25 / canaries as f64 + 0.25 / outlook.canaries as f64;
        let allowed = 0.05 + 2.5 * by_chance.sqrt();
        assert!((seen - said).abs() <= allowed, "{name}, {what}: {seen} where {said} was planned");
    }
}

/// Enough for figures where they are asked for with `--release`, and for faults where they are not.
const CANARIES: u64 = if cfg!(debug_assertions) { 60 } else { 400 };

#[test]
fn what_a_plan_says_is_seen_of_gauges_is_seen() {
    let gauge = |deviation, correlation, spread| World::Gauge { deviation, correlation, spread };
    compared("gauge φ 0", gauge(0.1, 0.0, 0.0), Some(0.05), CANARIES);
    compared("gauge φ 0.6", gauge(0.1, 0.6, 0.0), Some(0.05), CANARIES);
    compared("gauge φ 0, replicas 3 %", gauge(0.1, 0.0, 0.03), None, CANARIES);
}

#[test]
fn what_a_plan_says_is_seen_of_ratios_is_seen() {
    let ratio = |rate, share| World::Ratio { rate, requests: 1200.0, share };
    compared("errors 0.1 %, share 5 %", ratio(0.001, 0.05), None, CANARIES);
    compared("errors 0.1 %, share 50 %", ratio(0.001, 0.5), None, CANARIES);
    compared("errors 1 %, share 5 %", ratio(0.01, 0.05), None, CANARIES);
    compared("errors 1 %, share 50 %", ratio(0.01, 0.5), None, CANARIES);
}

#[test]
fn what_a_plan_says_is_seen_of_histograms_is_seen() {
    let histogram = |share| World::Histogram { requests: 300.0, share };
    compared("latency, share 5 %", histogram(0.05), Some(0.05), CANARIES);
    compared("latency, share 50 %", histogram(0.5), Some(0.05), CANARIES);
}

/// What is said of a history.
fn said(analysis: &Analysis, observations: Vec<Observations>) -> String {
    let names = observations.len();
    let replica =
        |(number, observations)| Replica { name: format!("control-{number}"), observations };
    let control = Arm { replicas: observations.into_iter().enumerate().map(replica).collect() };
    let metric = planned(analysis, control, rollout(0.05));
    assert_eq!(metric.outlook.is_none(), metric.unknown.is_some(), "{names} replicas");
    match metric.unknown {
        Some(unknown) => unknown,
        None => metric.notes.join("; "),
    }
}

fn levels(values: impl Iterator<Item = f64>) -> Observations {
    let points = values.enumerate();
    Observations::Value(
        points
            .map(|(at, value)| Point { time: Timestamp::from_millis(at as i64 * MINUTE), value })
            .collect(),
    )
}

fn ratios(values: impl Iterator<Item = (f64, f64)>) -> Observations {
    let points = values.enumerate();
    Observations::Ratio(
        points
            .map(|(at, (bad, total))| Point {
                time: Timestamp::from_millis(at as i64 * MINUTE),
                value: Ratio { bad, total },
            })
            .collect(),
    )
}

#[test]
fn a_history_that_says_nothing_is_said_to() {
    let gauge = analysis(MeasureKind::Gauge, None);
    let written = analysis(MeasureKind::Gauge, Some(0.1));
    let ratio = analysis(MeasureKind::Ratio, None);
    let count = analysis(MeasureKind::Count, None);
    let mut draws = Draws::seeded(3);
    let noisy = levels(draws.normals(120, 200.0, 10.0).into_iter());
    let counts = |events: f64| {
        let point = |at: i64| Point {
            time: Timestamp::from_millis(at * MINUTE),
            value: Count { events, exposure: 1.0 },
        };
        Observations::Count((0..100).map(point).collect())
    };
    let sparse: Vec<Point<f64>> = draws
        .normals(120, 200.0, 10.0)
        .into_iter()
        .enumerate()
        .map(|(at, value)| Point { time: Timestamp::from_millis(at as i64 * 5 * MINUTE), value })
        .collect();
    let cases: BTreeMap<&str, String> = BTreeMap::from([
        ("no history", said(&gauge, Vec::new())),
        ("too little", said(&gauge, vec![levels((0..7).map(f64::from))])),
        ("constant", said(&gauge, vec![levels((0..100).map(|_| 5.0))])),
        ("all NaN", said(&gauge, vec![levels((0..100).map(|_| f64::NAN))])),
        ("counters that do not move", said(&ratio, vec![ratios((0..100).map(|_| (0.0, 0.0)))])),
        ("no error ever", said(&ratio, vec![ratios((0..100).map(|_| (0.0, 300.0)))])),
        ("no event ever", said(&count, vec![counts(0.0)])),
        ("one replica", said(&gauge, vec![noisy.clone()])),
        ("one replica, tolerance written", said(&written, vec![noisy])),
        ("a point every five minutes", said(&gauge, vec![Observations::Value(sparse)])),
    ]);
    let said: Vec<String> = cases.iter().map(|(name, said)| format!("{name}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_history_of_overlapping_windows_is_planned_as_it_is_judged() {
    let analysis = analysis(MeasureKind::Gauge, Some(0.1));
    let mut draws = Draws::seeded(8);
    let raw = draws.normals(364, 200.0, 40.0);
    let smooth = raw.windows(5).map(|window| window.iter().sum::<f64>() / 5.0);
    let replica = Replica { name: "control-1".to_owned(), observations: levels(smooth) };
    let mut history = answer(Arm { replicas: vec![replica] }, Arm::default());
    let half = |history: &[MetricSeries]| {
        let metric = plan(&analysis, history, rollout(0.5)).metrics.remove(0);
        (metric.history, metric.outlook.and_then(|outlook| outlook.half).unwrap())
    };
    let (_, if_unknown) = half(&history);
    history[0].looks_back = Some(std::time::Duration::from_secs(300));
    let (words, thinned) = half(&history);
    assert!(words.starts_with("72 steps"), "{words}");
    println!(
        "seen half of the time: {thinned:.3}, and {if_unknown:.3} where the overlap is not known"
    );
    assert!(thinned.is_finite() && thinned > 0.1);
}
