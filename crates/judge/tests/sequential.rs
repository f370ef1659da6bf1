//! What the sequential judge says of points that come in any order, of bad ones, and of none.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod seeded;

use insta::assert_snapshot;
use proptest::prelude::*;
use seeded::Draws;
use serin_judge::sequential::{SequentialJudge, judge};
use serin_model::{
    Analysis, Arm, ArmPair, Arms, BucketBounds, Check, Count, KayentaOptions, Margins, Measure,
    MeasureKind, MetricSeries, Observations, Outcome, Point, Query, Ratio, Replica, Standing, Step,
    Timestamp, Window, Worse,
};

const START: i64 = 1_700_000_040;

fn check(name: &str, kind: MeasureKind, worse: Worse) -> Check {
    let query = || Query::new(name).expect("a name is a query");
    let measure = match kind {
        MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
        MeasureKind::Histogram => Measure::Histogram { buckets: query() },
        MeasureKind::Count => Measure::Count { events: query(), exposure: None },
        MeasureKind::Gauge => Measure::Gauge { value: query() },
        MeasureKind::Quantile => Measure::Quantile { value: query() },
    };
    Check {
        name: name.to_owned(),
        measure,
        worse,
        margins: Margins::of_kind(kind),
        gating: false,
        critical: false,
        muted: false,
        groups: vec!["all".to_owned()],
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: KayentaOptions::default(),
    }
}

fn analysis(checks: Vec<Check>) -> Analysis {
    let mut analysis = Analysis::new("shop".to_owned(), Arms::default(), checks)
        .expect("checks with names of their own");
    analysis.window = Some(Window {
        start: Timestamp::from_seconds(START),
        end: Timestamp::from_seconds(START + 86_400),
    });
    analysis
}

fn at<T>(values: impl IntoIterator<Item = (i64, T)>) -> Vec<Point<T>> {
    let point =
        |(minute, value)| Point { time: Timestamp::from_seconds(START + 60 * minute), value };
    values.into_iter().map(point).collect()
}

fn arm(observations: Vec<Observations>) -> Arm {
    let replica = |(number, observations)| Replica { name: format!("pod-{number}"), observations };
    Arm { replicas: observations.into_iter().enumerate().map(replica).collect() }
}

fn series(check: &str, control: Vec<Observations>, canary: Vec<Observations>) -> MetricSeries {
    MetricSeries {
        arms: ArmPair { control: arm(control), canary: arm(canary) },
        ..MetricSeries::nothing(check)
    }
}

fn gauge(values: impl IntoIterator<Item = (i64, f64)>) -> Observations {
    Observations::Value(at(values))
}

fn noisy(draws: &mut Draws, minutes: std::ops::Range<i64>, level: f64) -> Observations {
    gauge(minutes.map(|minute| (minute, level * libm::exp(draws.normal(0.0, 0.05)))))
}

fn ratio(draws: &mut Draws, minutes: i64, requests: f64, share: f64) -> Observations {
    let mut one = |_| {
        let total = (requests + draws.normal(0.0, requests.sqrt())).round().max(1.0);
        let bad = (0..total as usize).filter(|_| draws.uniform(0.0, 1.0) < share).count() as f64;
        Ratio { bad, total }
    };
    Observations::Ratio(at((0..minutes).map(|minute| (minute, one(minute)))))
}

/// Two checks, two replicas an arm, an hour, and six hours of the control before it.
fn rollout(seed: u64, slower: f64, failing: f64) -> (Analysis, Vec<MetricSeries>) {
    let draws = &mut Draws::seeded(seed);
    let latency = check("latency", MeasureKind::Quantile, Worse::Higher);
    let mut errors = check("errors", MeasureKind::Ratio, Worse::Higher);
    let floor = Some(0.003);
    errors.margins = Margins::new(MeasureKind::Ratio, Some(0.25), None, floor, None).unwrap();
    let answers = vec![
        series(
            "latency",
            vec![noisy(draws, -360..60, 100.0), noisy(draws, -360..60, 101.0)],
            vec![noisy(draws, 0..60, 100.0 * slower), noisy(draws, 0..60, 99.0 * slower)],
        ),
        series(
            "errors",
            vec![ratio(draws, 60, 300.0, 0.002), ratio(draws, 60, 300.0, 0.002)],
            vec![ratio(draws, 60, 300.0, failing), ratio(draws, 60, 300.0, failing)],
        ),
    ];
    (analysis(vec![latency, errors]), answers)
}

fn said(analysis: &Analysis, answers: &[MetricSeries]) -> String {
    let (judged, judge) = judge(analysis, answers);
    let verdict = judged.verdict;
    let mut text = format!("{}: {}\n", verdict.outcome, verdict.reason);
    for metric in &verdict.metrics {
        let evidence = metric.evidence.as_ref().unwrap();
        let cause = evidence.cause.map_or("", |cause| cause.as_str());
        text += &format!(
            "  {} {} {cause} after {} steps\n",
            metric.name, evidence.standing, evidence.steps
        );
        for number in [evidence.harm, evidence.harm_needed, evidence.safety, evidence.tolerated] {
            assert!(number.is_finite(), "{evidence:?}");
        }
    }
    for warning in &verdict.warnings {
        text += &format!("  ! {}\n", warning.text);
    }
    let written = rmp_serde::to_vec_named(&judge).unwrap();
    let read: SequentialJudge = rmp_serde::from_slice(&written).unwrap();
    assert!(
        rmp_serde::to_vec_named(&read).unwrap() == written,
        "what was written is not read back"
    );
    text
}

#[test]
fn a_good_canary_passes_and_bad_ones_fail_early() {
    let after = |slower, failing| {
        let (analysis, answers) = rollout(7, slower, failing);
        let (judged, judge) = judge(&analysis, &answers);
        let minutes = |time: Timestamp| (time.as_millis() / 1000 - START) / 60;
        (
            judged.verdict.outcome,
            judged.verdict.decided_at.map(minutes),
            judge.first_passed().map(minutes),
        )
    };
    let (outcome, _, passed) = after(1.0, 0.002);
    assert_eq!(outcome, Outcome::Pass);
    assert!(passed.unwrap() < 40, "{passed:?}");
    for (slower, failing, by) in [(1.0, 0.02, 3), (1.6, 0.002, 10)] {
        let (outcome, decided, _) = after(slower, failing);
        assert_eq!(outcome, Outcome::Fail);
        assert!(decided.unwrap() <= by, "{decided:?}");
    }
}

/// A judge to which the points come in pieces, as the watermark moves on.
fn fed_in_pieces(
    analysis: &Analysis,
    answers: &[MetricSeries],
    draws: &mut Draws,
) -> SequentialJudge {
    let start = analysis.window.unwrap().start;
    let mut judge = SequentialJudge::new(analysis);
    judge.learn(analysis, answers, start);
    let mut watermark = start;
    while watermark < Timestamp::from_seconds(START + 3700) {
        let step = 20 + draws.below(400) as u64;
        let next = watermark.after(std::time::Duration::from_secs(step));
        // What lies before the next watermark comes now, in any order, some of it twice, and a little
        // of what comes later with it.
        for _ in 0..1 + draws.below(2) {
            let mut piece: Vec<MetricSeries> = answers
                .iter()
                .map(|answer| {
                    let mut answer = answer.clone();
                    let from = watermark.before(std::time::Duration::from_secs(600));
                    let to = next.after(std::time::Duration::from_secs(draws.below(90) as u64));
                    answer.arms.control.keep(Window { start: from, end: to });
                    answer.arms.canary.keep(Window { start: from, end: to });
                    answer.arms.control.replicas.reverse();
                    answer
                })
                .collect();
            if draws.below(2) == 0 {
                piece.reverse();
            }
            judge.take(analysis, &piece, start);
        }
        judge.advance(analysis, next);
        watermark = next;
        // A restart goes on where it was.
        let written = rmp_serde::to_vec(&judge).unwrap();
        judge = rmp_serde::from_slice(&written).unwrap();
        judge.check_revision().unwrap();
    }
    judge.advance(analysis, Timestamp::from_millis(i64::MAX));
    judge
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn how_points_come_in_changes_no_bit(seed in any::<u64>(), slower in 0.9_f64..1.4) {
        let (analysis, answers) = rollout(seed, slower, 0.004);
        let (at_once, _) = judge(&analysis, &answers);
        let in_pieces = fed_in_pieces(&analysis, &answers, &mut Draws::seeded(seed));
        let inside: Vec<MetricSeries> = answers
            .iter()
            .map(|answer| {
                let mut answer = answer.clone();
                answer.arms.control.keep(analysis.window.unwrap());
                answer
            })
            .collect();
        let in_pieces = in_pieces.verdict(&analysis, &inside, true);
        prop_assert_eq!(
            serde_json::to_string(&in_pieces.verdict).unwrap(),
            serde_json::to_string(&at_once.verdict).unwrap()
        );
    }

    #[test]
    fn neither_the_unit_nor_the_order_of_replicas_changes_a_verdict(
        seed in any::<u64>(),
        slower in 0.9_f64..1.4,
    ) {
        let (analysis, mut answers) = rollout(seed, slower, 0.002);
        let (before, _) = judge(&analysis, &answers);
        let ArmPair { control, canary } = &mut answers[0].arms;
        for arm in [control, canary] {
            arm.replicas.reverse();
            for replica in &mut arm.replicas {
                if let Observations::Value(points) = &mut replica.observations {
                    points.iter_mut().for_each(|point| point.value *= 1024.0);
                }
            }
        }
        let (after, _) = judge(&analysis, &answers);
        prop_assert_eq!(after.verdict.outcome, before.verdict.outcome);
        prop_assert_eq!(after.verdict.decided_at, before.verdict.decided_at);
    }

    #[test]
    fn nothing_that_a_source_can_say_makes_it_panic(
        control in proptest::collection::vec((-50_i64..80, any::<f64>()), 0..80),
        canary in proptest::collection::vec((-5_i64..80, any::<f64>()), 0..80),
        kind in 0_usize..5,
        worse in 0_usize..3,
    ) {
        let kind = [
            MeasureKind::Gauge, MeasureKind::Quantile, MeasureKind::Ratio, MeasureKind::Count,
            MeasureKind::Histogram,
        ][kind];
        let worse = [Worse::Higher, Worse::Lower, Worse::Either][worse];
        let made = |points: &[(i64, f64)]| {
            let points = points.iter().copied();
            match kind {
                MeasureKind::Gauge | MeasureKind::Quantile => gauge(points),
                MeasureKind::Ratio => Observations::Ratio(at(
                    points.map(|(at, value)| (at, Ratio { bad: value, total: value * 3.0 })),
                )),
                MeasureKind::Count => Observations::Count(at(
                    points.map(|(at, value)| (at, Count { events: value, exposure: 1.0 })),
                )),
                MeasureKind::Histogram => Observations::Histogram {
                    bounds: BucketBounds::new(vec![0.1, 1.0]).unwrap(),
                    points: at(points.map(|(at, value)| (at, vec![value, 3.0, value.abs()]))),
                },
            }
        };
        let analysis = analysis(vec![check("any", kind, worse)]);
        let answers = vec![series("any", vec![made(&control)], vec![made(&canary), made(&control)])];
        let _ = said(&analysis, &answers);
    }
}

/// Says what comes of one gauge.
fn of_gauge(control: Vec<Observations>, canary: Vec<Observations>) -> String {
    let analysis = analysis(vec![check("level", MeasureKind::Gauge, Worse::Higher)]);
    said(&analysis, &[series("level", control, canary)])
}

#[test]
fn each_kind_of_bad_input_has_its_outcome() {
    let draws = &mut Draws::seeded(3);
    let mut told = String::new();
    let mut tell = |what: &str, said: String| told += &format!("{what}\n{said}");
    let good = |draws: &mut Draws| noisy(draws, 0..60, 10.0);
    tell("nothing at all", of_gauge(vec![], vec![]));
    tell("a silent canary", of_gauge(vec![good(draws)], vec![]));
    tell("a silent control", of_gauge(vec![], vec![good(draws)]));
    tell("all NaN", of_gauge(vec![good(draws)], vec![gauge((0..60).map(|at| (at, f64::NAN)))]));
    tell(
        "infinite",
        of_gauge(vec![good(draws)], vec![gauge((0..60).map(|at| (at, f64::INFINITY)))]),
    );
    tell(
        "both constant and the same",
        of_gauge(
            vec![gauge((0..60).map(|at| (at, 5.5)))],
            vec![gauge((0..60).map(|at| (at, 5.5)))],
        ),
    );
    tell(
        "both constant, twice as high",
        of_gauge(
            vec![gauge((0..60).map(|at| (at, 5.5)))],
            vec![gauge((0..60).map(|at| (at, 11.0)))],
        ),
    );
    tell(
        "another unit",
        of_gauge(vec![noisy(draws, 0..60, 0.25)], vec![noisy(draws, 0..60, 250.0)]),
    );
    tell("a single point", of_gauge(vec![good(draws)], vec![gauge([(0, 10.0)])]));
    tell(
        "arms that never meet",
        of_gauge(vec![noisy(draws, 0..20, 10.0)], vec![noisy(draws, 30..60, 10.0)]),
    );
    tell("an arm that ends early", of_gauge(vec![good(draws)], vec![noisy(draws, 0..20, 10.0)]));
    tell("negative", of_gauge(vec![noisy(draws, 0..60, -3.0)], vec![noisy(draws, 0..60, -3.0)]));
    tell(
        "all zero, then not",
        of_gauge(
            vec![gauge((0..60).map(|at| (at, 0.0)))],
            vec![gauge((0..60).map(|at| (at, f64::from(u8::from(at > 30)) * 7.3)))],
        ),
    );
    tell(
        "replicas by the hundred, that come and go",
        of_gauge(
            (0..300).map(|k| noisy(draws, k % 50..k % 50 + 8, 10.0)).collect(),
            (0..300).map(|k| noisy(draws, k % 50..k % 50 + 8, 10.0)).collect(),
        ),
    );
    let errors = analysis(vec![check("errors", MeasureKind::Ratio, Worse::Higher)]);
    let counted = |of: &dyn Fn(i64) -> (f64, f64)| {
        let ratio = |at: i64| Ratio { bad: of(at).0, total: of(at).1 };
        Observations::Ratio(at((0..60).map(|at| (at, ratio(at)))))
    };
    let good = || counted(&|at| (f64::from(u8::from(at % 7 == 0)), 500.0));
    tell(
        "no requests",
        said(&errors, &[series("errors", vec![good()], vec![counted(&|_| (0.0, 0.0))])]),
    );
    tell(
        "more bad than all",
        said(&errors, &[series("errors", vec![good()], vec![counted(&|_| (900.0, 500.0))])]),
    );
    tell(
        "counts below zero",
        said(&errors, &[series("errors", vec![good()], vec![counted(&|_| (-1.0, 500.0))])]),
    );
    tell(
        "no errors at all",
        said(
            &errors,
            &[series("errors", vec![counted(&|_| (0.0, 500.0))], vec![counted(&|_| (0.0, 500.0))])],
        ),
    );
    let mut failed = series("errors", vec![good()], vec![good()]);
    failed.failure = Some("prometheus answered 503".to_owned());
    tell("a source that failed", said(&errors, &[failed]));
    let latency = analysis(vec![check("latency", MeasureKind::Histogram, Worse::Higher)]);
    let buckets = |edges: &[f64]| Observations::Histogram {
        bounds: BucketBounds::new(edges.to_vec()).unwrap(),
        points: at((0..60).map(|at| (at, vec![90.0, 8.0, 2.0]))),
    };
    tell(
        "unlike edges",
        said(
            &latency,
            &[series("latency", vec![buckets(&[0.1, 1.0])], vec![buckets(&[0.2, 2.0])])],
        ),
    );
    assert_snapshot!(told);
}

#[test]
fn a_stated_step_may_be_any_and_points_off_the_grid_are_taken() {
    let mut analysis = analysis(vec![check("level", MeasureKind::Gauge, Worse::Higher)]);
    analysis.step = Step::from_seconds(7).unwrap();
    let points = |value: f64| {
        let point = |k: i64| Point {
            time: Timestamp::from_millis(1000 * START + 7_013 * k + (k * k) % 5_000),
            value: value + (k % 3) as f64,
        };
        Observations::Value((0..500).map(point).collect())
    };
    let (judged, _) = judge(&analysis, &[series("level", vec![points(50.0)], vec![points(50.0)])]);
    let evidence = judged.verdict.metrics[0].evidence.clone().unwrap();
    assert_eq!(evidence.standing, Standing::Safe);
    assert!(evidence.steps > 400, "{}", evidence.steps);
}
