//! What a self-test says of controls whose truth is known.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod seeded;

use seeded::Draws;
use serin_judge::self_test::{JudgedSplit, SelfTester, Untestable, recommended};
use serin_model::{
    Analysis, Arm, ArmPair, Arms, Check, GroupWeights, Margins, Measure, MeasureKind, MetricSeries,
    Observations, Point, Ratio, RecommendedAction, Replica, SelfTest, SplitKind, SplitsAsked, Step,
    TestedMetric, Timestamp, Worse,
};

const MINUTE: i64 = 60_000;

/// A service whose one version runs on some replicas.
#[derive(Clone, Copy)]
struct World {
    replicas: usize,
    minutes: i64,
    /// By how much each replica's level differs from that of the one before.
    unlike: f64,
    /// How much each step resembles the one before.
    correlation: f64,
    /// Which share of the points is missing, and which is no number.
    missing: f64,
    garbled: f64,
}

const ALIKE: World =
    World { replicas: 4, minutes: 360, unlike: 0.0, correlation: 0.3, missing: 0.0, garbled: 0.0 };

/// The 99th percentile of latencies, around 200 ms, with noise of 2 %.
fn latency(world: World, draws: &mut Draws) -> MetricSeries {
    let replica = |number: usize| {
        let size = usize::try_from(world.minutes).unwrap();
        let noise = draws.autocorrelated(size, 0.0, world.correlation);
        let level = 200.0 * (1.0 + world.unlike * (number % 2) as f64);
        let mut points = Vec::new();
        for (at, noise) in noise.into_iter().enumerate() {
            let value = level * libm::exp(0.02 * noise);
            let kept = draws.uniform(0.0, 1.0) >= world.missing;
            let garbled = draws.uniform(0.0, 1.0) < world.garbled;
            let value = if garbled { f64::NAN } else { value };
            if kept {
                points.push(Point { time: minute(at), value });
            }
        }
        Replica { name: format!("pod-{number}"), observations: Observations::Value(points) }
    };
    answer("latency", (0..world.replicas).map(replica).collect())
}

/// Errors: 1 % of 600 requests a minute and replica.
fn errors(world: World, draws: &mut Draws) -> MetricSeries {
    let replica = |number: usize| {
        let points = (0..world.minutes as usize).map(|at| {
            let value = Ratio { bad: draws.poisson(6.0), total: 600.0 };
            Point { time: minute(at), value }
        });
        Replica {
            name: format!("pod-{number}"),
            observations: Observations::Ratio(points.collect()),
        }
    };
    answer("errors", (0..world.replicas).map(replica).collect())
}

/// A metric that is always the same.
fn constant(world: World) -> MetricSeries {
    let replica = |number: usize| {
        let points = (0..world.minutes as usize).map(|at| Point { time: minute(at), value: 7.0 });
        Replica {
            name: format!("pod-{number}"),
            observations: Observations::Value(points.collect()),
        }
    };
    answer("build number", (0..world.replicas).map(replica).collect())
}

fn minute(at: usize) -> Timestamp {
    Timestamp::from_millis(at as i64 * MINUTE)
}

fn answer(check: &str, replicas: Vec<Replica>) -> MetricSeries {
    let arms = ArmPair { control: Arm { replicas }, canary: Arm::default() };
    MetricSeries { arms, ..MetricSeries::nothing(check) }
}

fn check(name: &str, kind: MeasureKind, tolerance: Option<f64>) -> Check {
    let query = || serin_model::Query::new("metric{$arm}").unwrap();
    let measure = match kind {
        MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
        _ => Measure::Quantile { value: query() },
    };
    Check {
        name: name.to_owned(),
        measure,
        worse: Worse::Higher,
        margins: Margins::new(kind, tolerance, None, None, None).unwrap(),
        gating: false,
        critical: false,
        muted: false,
        groups: vec!["default".to_owned()],
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: serin_model::KayentaOptions::default(),
    }
}

fn analysis(checks: Vec<Check>) -> Analysis {
    let mut analysis = Analysis::new("shop".to_owned(), Arms::default(), checks).unwrap();
    analysis.step = Step::MINUTE;
    analysis
}

fn asked(splits: usize, seed: u64) -> SplitsAsked {
    SplitsAsked {
        splits,
        seed,
        step_seconds: 60,
        horizon_minutes: 30.0,
        learning_minutes: 120.0,
        kayenta: true,
    }
}

fn tested(analysis: &Analysis, history: &[MetricSeries], asked: SplitsAsked) -> SelfTest {
    let tester = SelfTester::new(analysis, history, asked).unwrap();
    let judged: Vec<JudgedSplit> = (0..tester.splits()).map(|split| tester.judge(split)).collect();
    let tolerances: Vec<Option<f64>> =
        (0..tester.metrics()).map(|metric| tester.smallest_tolerance(metric)).collect();
    tester.result(&judged, &tolerances)
}

fn metric<'a>(test: &'a SelfTest, name: &str) -> &'a TestedMetric {
    test.metrics.iter().find(|metric| metric.name == name).unwrap()
}

fn actions<'a>(test: &'a SelfTest, name: &str) -> Vec<&'a RecommendedAction> {
    let of_name = test.recommendations.iter().filter(|it| it.check.as_deref() == Some(name));
    of_name.map(|it| &it.action).collect()
}

#[test]
fn replicas_that_are_alike_are_hardly_ever_blamed() {
    let mut draws = Draws::seeded(1);
    let history = [latency(ALIKE, &mut draws), errors(ALIKE, &mut draws)];
    let analysis = analysis(vec![
        check("latency", MeasureKind::Quantile, None),
        check("errors", MeasureKind::Ratio, None),
    ]);
    let test = tested(&analysis, &history, asked(200, 1));
    assert_eq!(test.canary.kind, SplitKind::SideBySide);
    assert_eq!(test.canary.blamed.of, 200);
    assert!(test.canary.blamed.share() <= 0.01, "{:?}", test.canary);
    for metric in &test.metrics {
        assert!(metric.false_alarms.share() <= 0.01, "{metric:?}");
        assert_eq!(metric.missing, 0.0, "{metric:?}");
        assert!(metric.smallest_tolerance.is_some_and(|least| least <= metric.tolerance));
    }
    let latency = metric(&test, "latency");
    assert!((latency.correlation.unwrap() - 0.3).abs() < 0.1, "{latency:?}");
    assert!((latency.deviation.unwrap() - 0.02).abs() < 0.004, "{latency:?}");
    assert!(latency.spread.unwrap().deviation < 0.005, "{latency:?}");
    assert!(!test.recommendations.iter().any(|it| it.action == RecommendedAction::Mute));
    assert!(
        actions(&test, "latency")
            .iter()
            .all(|it| !matches!(it, RecommendedAction::Tolerate { .. }))
    );
}

/// Two replicas of a version, one of them 10 % above the other: under a tolerance of 5 % either may be
/// taken for a canary that is worse.
#[test]
fn replicas_that_are_unlike_are_found_and_a_wider_tolerance_is_recommended() {
    let world = World { replicas: 2, unlike: 0.1, ..ALIKE };
    let mut draws = Draws::seeded(2);
    let history = [latency(world, &mut draws), errors(world, &mut draws)];
    let before = analysis(vec![
        check("latency", MeasureKind::Quantile, Some(0.05)),
        check("errors", MeasureKind::Ratio, None),
    ]);
    let test = tested(&before, &history, asked(100, 2));
    let found = metric(&test, "latency");
    assert!(found.false_alarms.lower > 0.2, "{found:?}");
    assert_eq!(found.false_alarms.count, found.failed_canary.count);
    assert_eq!(test.canary.blamed.count, found.failed_canary.count);
    assert_eq!(test.metrics[0].name, "latency");
    let spread = found.spread.unwrap();
    assert!((spread.deviation - 0.07).abs() < 0.01 && spread.replicas == 2, "{spread:?}");
    let [RecommendedAction::Tolerate { tolerance, unacceptable }] = actions(&test, "latency")[..1]
    else {
        panic!("{:?}", test.recommendations)
    };
    assert!((0.07..=0.15).contains(tolerance), "{tolerance}");
    assert_eq!(*unacceptable, 2.0 * tolerance);
    // What is recommended holds on another day, of which the test knew nothing.
    let after = recommended(&before, &test.recommendations);
    assert_eq!(after.checks()[0].margins.tolerance(), *tolerance);
    let other_day = [latency(world, &mut draws), errors(world, &mut draws)];
    let again = tested(&after, &other_day, asked(100, 3));
    assert!(again.canary.blamed.share() <= 0.01, "{:?}", again.canary);
    assert!(again.canary.blamed.lower <= again.promised);
}

#[test]
fn metrics_that_say_nothing_are_to_be_muted_and_never_gate() {
    let mut draws = Draws::seeded(3);
    let garbled = World { garbled: 1.0, ..ALIKE };
    let mut nan = latency(garbled, &mut draws);
    nan.check = "queue".to_owned();
    let history = [errors(ALIKE, &mut draws), constant(ALIKE), nan];
    let analysis = analysis(vec![
        check("errors", MeasureKind::Ratio, None),
        check("build number", MeasureKind::Quantile, None),
        check("queue", MeasureKind::Quantile, None),
        check("nowhere", MeasureKind::Quantile, None),
    ]);
    let test = tested(&analysis, &history, asked(40, 3));
    for (name, dead, missing) in [
        ("build number", "each of its 1440 values is 7.00", 0.0),
        ("queue", "not one value of the control is a number", 1.0),
        ("nowhere", "the control never reported it in the time that was read", 0.0),
    ] {
        let metric = metric(&test, name);
        assert_eq!(metric.dead.as_deref(), Some(dead));
        assert_eq!(metric.missing, missing, "{name}");
        assert_eq!(actions(&test, name), [&RecommendedAction::Mute], "{name}");
    }
    let after = recommended(&analysis, &test.recommendations);
    let muted: Vec<bool> = after.checks().iter().map(|check| check.muted).collect();
    assert_eq!(muted, [false, true, true, true]);
}

#[test]
fn one_replica_is_held_against_its_own_past() {
    let world = World { replicas: 1, ..ALIKE };
    let history = [latency(world, &mut Draws::seeded(4))];
    let analysis = analysis(vec![check("latency", MeasureKind::Quantile, None)]);
    let test = tested(&analysis, &history, asked(100, 4));
    assert_eq!(test.canary.kind, SplitKind::BeforeAfter);
    assert!(test.canary.blamed.share() <= 0.01, "{:?}", test.canary);
    assert_eq!(metric(&test, "latency").spread, None);
    assert!(test.warnings[0].starts_with("no two replicas of the control ran side by side"));
}

#[test]
fn a_metric_with_one_replica_is_tested_apart_from_the_others() {
    let mut draws = Draws::seeded(5);
    let alone = World { replicas: 1, ..ALIKE };
    let history = [errors(ALIKE, &mut draws), latency(alone, &mut draws)];
    let analysis = analysis(vec![
        check("errors", MeasureKind::Ratio, None),
        check("latency", MeasureKind::Quantile, None),
    ]);
    let test = tested(&analysis, &history, asked(40, 5));
    assert_eq!(test.canary.kind, SplitKind::SideBySide);
    assert_eq!(metric(&test, "errors").kind, Some(SplitKind::SideBySide));
    assert_eq!(metric(&test, "latency").kind, Some(SplitKind::BeforeAfter));
    assert_eq!(metric(&test, "latency").false_alarms.of, 40);
}

#[test]
fn noise_that_lasts_is_told_and_seldom_blamed() {
    let world = World { correlation: 0.9, ..ALIKE };
    let history = [latency(world, &mut Draws::seeded(6))];
    let analysis = analysis(vec![check("latency", MeasureKind::Quantile, Some(0.0))]);
    let test = tested(&analysis, &history, asked(200, 6));
    let latency = metric(&test, "latency");
    assert!((latency.correlation.unwrap() - 0.9).abs() < 0.06, "{latency:?}");
    assert!(latency.false_alarms.lower <= 0.01, "{latency:?}");
}

#[test]
fn gaps_are_counted_and_bar_a_metric_from_gating() {
    let mut draws = Draws::seeded(7);
    let world = World { missing: 0.2, garbled: 0.1, ..ALIKE };
    let history = [latency(world, &mut draws), errors(ALIKE, &mut draws)];
    let mut gating = check("latency", MeasureKind::Quantile, None);
    gating.gating = true;
    let analysis = analysis(vec![gating, check("errors", MeasureKind::Ratio, None)]);
    let test = tested(&analysis, &history, asked(100, 7));
    let latency = metric(&test, "latency");
    assert!((latency.missing - 0.28).abs() < 0.03, "{latency:?}");
    assert!(!actions(&test, "latency").contains(&&RecommendedAction::Gate));
}

#[test]
fn a_seed_says_which_splits_and_the_order_of_judging_nothing() {
    let mut draws = Draws::seeded(8);
    let history = [latency(ALIKE, &mut draws)];
    let analysis = analysis(vec![check("latency", MeasureKind::Quantile, Some(0.01))]);
    let forwards = tested(&analysis, &history, asked(40, 8));
    let tester = SelfTester::new(&analysis, &history, asked(40, 8)).unwrap();
    let judged: Vec<JudgedSplit> = (0..40).rev().map(|split| tester.judge(split)).collect();
    let backwards = tester.result(&judged, &[tester.smallest_tolerance(0)]);
    assert_eq!(forwards, backwards);
    assert_ne!(forwards.metrics, tested(&analysis, &history, asked(40, 9)).metrics);
}

#[test]
fn what_cannot_be_split_is_refused_with_the_reason() {
    let short = World { minutes: 19, ..ALIKE };
    let history = [latency(short, &mut Draws::seeded(9))];
    let analysis = analysis(vec![check("latency", MeasureKind::Quantile, None)]);
    let refused = |history: &[MetricSeries]| {
        SelfTester::new(&analysis, history, asked(40, 9)).map(|_| ()).unwrap_err()
    };
    assert_eq!(refused(&history), Untestable::TooShort { steps: 19 });
    let failed = [MetricSeries::failed("latency", "the source is down".to_owned())];
    assert_eq!(
        refused(&failed),
        Untestable::NoMetric { reasons: vec!["latency: the source is down".to_owned()] }
    );
    let enough = World { minutes: 20, ..ALIKE };
    let history = [latency(enough, &mut Draws::seeded(9))];
    let test = tested(&analysis, &history, asked(40, 9));
    assert_eq!(test.asked.horizon_minutes, 10.0);
    assert!(test.warnings[0].contains("a horizon of 30 is cut to 10"), "{:?}", test.warnings);
}

#[test]
fn kayenta_is_held_against_the_same_splits() {
    let world = World { unlike: 0.02, ..ALIKE };
    let history = [latency(world, &mut Draws::seeded(10))];
    let analysis = analysis(vec![check("latency", MeasureKind::Quantile, None)]);
    let test = tested(&analysis, &history, asked(60, 10));
    let (ours, theirs) = (&test.canary, test.kayenta.as_ref().unwrap());
    assert_eq!(ours.blamed.of, theirs.blamed.of);
    // It tests for any difference at all, and replicas of one version have one.
    assert!(theirs.blamed.lower > 0.1, "{theirs:?}");
    assert_eq!(ours.blamed.count, 0);
    assert_eq!(metric(&test, "latency").kayenta.unwrap().count, theirs.blamed.count);
}

#[test]
fn a_group_that_kayenta_blames_often_should_weigh_less() {
    let mut draws = Draws::seeded(11);
    let world = World { unlike: 0.03, ..ALIKE };
    let history = [latency(world, &mut draws), errors(world, &mut draws)];
    let mut checks = vec![
        check("latency", MeasureKind::Quantile, None),
        check("errors", MeasureKind::Ratio, None),
    ];
    for check in &mut checks {
        check.groups = vec![check.name.clone()];
    }
    let mut before = analysis(checks);
    let halves = [("latency".to_owned(), 50.0), ("errors".to_owned(), 50.0)];
    before.weights = GroupWeights::new(halves.into(), &before.groups()).unwrap();
    let test = tested(&before, &history, asked(60, 11));
    let rate = metric(&test, "latency").kayenta.unwrap().share();
    assert!(rate > 0.2, "{rate}");
    let after = recommended(&before, &test.recommendations);
    let weight = |group: &str| after.weights.listed()[group];
    assert!(weight("latency") * rate <= 5.0, "{} {rate}", weight("latency"));
    assert_eq!(weight("latency") + weight("errors"), 100.0);
    let without = tested(&before, &history, SplitsAsked { kayenta: false, ..asked(60, 11) });
    assert_eq!(without.kayenta, None);
    assert_eq!(recommended(&before, &without.recommendations).weights, before.weights);
}

/// Errors of six a minute and replica take longer than ten minutes to be proven safe.
#[test]
fn a_horizon_is_as_long_as_proofs_take() {
    let mut draws = Draws::seeded(12);
    let history = [errors(ALIKE, &mut draws)];
    let analysis = analysis(vec![check("errors", MeasureKind::Ratio, None)]);
    let horizon = |minutes: f64| {
        let asked = SplitsAsked { horizon_minutes: minutes, ..asked(60, 12) };
        let test = tested(&analysis, &history, asked);
        test.recommendations.iter().find_map(|it| match it.action {
            RecommendedAction::Horizon { minutes } => Some(f64::from(minutes)),
            _ => None,
        })
    };
    let longer = horizon(10.0).unwrap();
    assert!((15.0..=120.0).contains(&longer), "{longer}");
    let shorter = horizon(150.0).unwrap();
    assert!((30.0..=110.0).contains(&shorter), "{shorter}");
    assert_eq!(horizon(shorter), None);
}
