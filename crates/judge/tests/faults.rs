//! The reference's known faults: each stays, and each is said.
//!
//! The tests are named for the fault. Every one asserts that the verdict is still the original's,
//! that the warning comes, and that a canary without the fault does not get it. The rates are those
//! that were measured on the original.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stdout, reason = "the rates are worth a look")]

mod drawing;
mod seeded;

use std::collections::BTreeMap;
use std::time::Duration;

use drawing::{Canary, at, codes};
use seeded::Draws;
use serin_judge::kayenta::{MetricOptions, Strictness, classify};
use serin_model::{Classification, GroupWeights, JudgementRun, Outcome, Verdict, WarningCode};

/// An hour, a value a minute.
const HOUR: usize = 60;

#[test]
fn a_steady_rise_of_a_tenth_of_a_percent_is_high() {
    let mut draws = Draws::seeded(1);
    let control = draws.normals(HOUR, 1000.0, 1.0);
    let canary = draws.normals(HOUR, 1001.5, 1.0);
    let verdict = Canary::of("latency critical", &control, &canary).verdict();
    assert_metric(&verdict, Classification::High, true);
    assert_eq!(verdict.scorecard.score, 0.0);
    assert_warned(&verdict, WarningCode::NegligibleDifference);

    let twice = draws.normals(HOUR, 2000.0, 1.0);
    let verdict = Canary::of("latency critical", &control, &twice).verdict();
    assert_metric(&verdict, Classification::High, true);
    assert_silent(&verdict, WarningCode::NegligibleDifference);
}

#[test]
fn errors_in_half_of_the_minutes_pass() {
    let drawn = Canary::drawn(
        "errors worse=higher
           control 60*0
           canary  35*3 25*0",
    );
    let verdict = drawn.verdict();
    assert_metric(&verdict, Classification::Pass, false);
    let shift = verdict.metrics[0].shift.unwrap();
    assert!(shift.lower < 1e-4 && (shift.estimate - 3.0).abs() < 1e-3, "{shift:?}");
    assert_warned(&verdict, WarningCode::DifferencePassed);

    let errors_in_all = Canary::drawn(
        "errors worse=higher
           control 60*0
           canary  60*3",
    );
    assert_silent(&errors_in_all.verdict(), WarningCode::DifferencePassed);
}

/// One to three errors in a share of the minutes, against none at all.
#[test]
fn sparse_errors_are_found_as_seldom_as_by_the_original() {
    for (share, original) in [(0.2, 0.0), (0.5, 0.36), (0.7, 0.92)] {
        let found = share_of(1_000, |draws| {
            let minute = |draws: &mut Draws| match draws.uniform(0.0, 1.0) < share {
                true => 1.0 + draws.below(3) as f64,
                false => 0.0,
            };
            let canary: Vec<f64> = (0..HOUR).map(|_| minute(draws)).collect();
            is_failure(&[0.0; HOUR], &canary)
        });
        assert_near(found, original, &format!("errors in {share} of the minutes"));
    }
}

#[test]
fn twice_the_errors_are_found_as_seldom_as_by_the_original() {
    for (control, canary, original) in [(0.5, 1.0, 0.40), (1.0, 2.0, 0.41)] {
        let found = share_of(1_000, |draws| {
            is_failure(&draws.poissons(HOUR, control), &draws.poissons(HOUR, canary))
        });
        assert_near(found, original, &format!("{canary} errors a minute against {control}"));
    }
}

#[test]
fn two_points_that_do_not_overlap_are_high() {
    let verdict = Canary::drawn(
        "latency
           control 10 11
           canary  14 15",
    )
    .verdict();
    assert_metric(&verdict, Classification::High, false);
    assert_warned(&verdict, WarningCode::TinySample);
    assert_warned(&verdict, WarningCode::FewPoints);

    let clear = Canary::drawn(
        "latency
           control 25*10 25*11
           canary  25*14 25*15",
    );
    assert_silent(&clear.verdict(), WarningCode::TinySample);
    assert_silent(&clear.verdict(), WarningCode::FewPoints);
}

#[test]
fn tiny_samples_raise_as_many_false_alarms_as_in_the_original() {
    for (points, original) in [(2, 0.24), (3, 0.046), (4, 0.011), (HOUR, 0.001)] {
        let alarms = share_of(4_000, |draws| {
            is_failure(&draws.normals(points, 100.0, 10.0), &draws.normals(points, 100.0, 10.0))
        });
        assert_near(alarms, original, &format!("{points} points a side"));
    }
}

#[test]
fn a_critical_metric_that_cannot_be_judged_passes() {
    let verdict = Canary::of("errors critical", &[0.0], &[100.0]).verdict();
    assert_metric(&verdict, Classification::Error, false);
    assert_eq!((verdict.scorecard.score, verdict.outcome), (100.0, Outcome::Pass));
    assert_warned(&verdict, WarningCode::ErrorNotCounted);
    assert_warned(&verdict, WarningCode::GroupWithoutData);

    let judged = Canary::of("errors critical", &[0.0, 1.0], &[100.0, 101.0]).verdict();
    assert_silent(&judged, WarningCode::ErrorNotCounted);
    assert_silent(&judged, WarningCode::GroupWithoutData);
}

#[test]
fn values_that_resemble_their_neighbours_raise_false_alarms() {
    for (correlation, original) in
        [(0.0, 0.001), (0.3, 0.021), (0.5, 0.076), (0.8, 0.29), (0.95, 0.63)]
    {
        let alarms = share_of(1_000, |draws| {
            let control = draws.autocorrelated(HOUR, 100.0, correlation);
            let canary = draws.autocorrelated(HOUR, 100.0, correlation);
            is_failure(&control, &canary)
        });
        assert_near(alarms, original, &format!("a correlation of {correlation}"));
    }
}

/// Of the false alarms on such data, nine in ten say why.
#[test]
fn a_false_alarm_on_autocorrelated_values_says_so() {
    let mut draws = Draws::seeded(8);
    let alarms: Vec<Verdict> = (0..300)
        .map(|_| {
            let control = draws.autocorrelated(HOUR, 100.0, 0.8);
            let canary = draws.autocorrelated(HOUR, 100.0, 0.8);
            Canary::of("latency", &control, &canary).verdict()
        })
        .filter(|verdict| {
            verdict.metrics[0].classification.is_some_and(serin_model::Classification::is_failure)
        })
        .collect();
    let said = alarms.iter().filter(|verdict| is_warned(verdict, WarningCode::Autocorrelation));
    let (said, all) = (said.count(), alarms.len());
    assert!(all > 50 && 10 * said > 9 * all, "{said} of {all} false alarms");
}

#[test]
fn looking_many_times_is_not_corrected_for() {
    let verdict = hourly("latency\n control 120*5 60*7 60*6\n canary 100*5 80*6 60*7", |_| {});
    assert_eq!(verdict.judgements.len(), 4);
    assert_warned(&verdict, WarningCode::RepeatedLooks);
    assert_silent(&verdict, WarningCode::RemainderNotJudged);
    assert_silent(&verdict, WarningCode::MarginalStops);

    let once = hourly("latency\n control 60*5 60*7\n canary 50*5 70*7", |run| {
        run.interval = Duration::ZERO;
    });
    assert_eq!(once.judgements.len(), 1);
    assert_silent(&once, WarningCode::RepeatedLooks);
}

#[test]
fn the_last_partial_interval_is_never_judged() {
    let verdict = hourly("latency\n control 120*5 60*7\n canary 100*5 80*7", |run| {
        run.lifetime = Duration::from_secs(150 * 60);
    });
    assert_eq!(verdict.judgements.len(), 2);
    assert_warned(&verdict, WarningCode::RemainderNotJudged);
}

#[test]
fn a_score_equal_to_the_marginal_threshold_stops_the_run() {
    let half = "latency\n control 60*1 60*2\n canary 60*8 60*9\n\
                traffic\n control 60*1 60*2\n canary 61*1 59*2";
    let verdict = hourly(half, |_| {});
    assert_eq!((verdict.scorecard.score, verdict.judgements.len()), (50.0, 1));
    assert_eq!(verdict.outcome, Outcome::Fail);
    assert_warned(&verdict, WarningCode::MarginalStops);
    assert_eq!(Canary::drawn(half).verdict().outcome, Outcome::Inconclusive);
}

#[test]
fn the_same_values_in_a_larger_unit_pass() {
    let mut draws = Draws::seeded(3);
    let (control, canary) = (draws.normals(HOUR, 10.0, 1.0), draws.normals(HOUR, 13.0, 1.0));
    let verdict = Canary::of("seconds worse=higher", &control, &canary).verdict();
    assert_metric(&verdict, Classification::High, false);
    assert_silent(&verdict, WarningCode::SmallScale);

    let scaled = |values: &[f64]| values.iter().map(|value| 1e-5 * value).collect::<Vec<_>>();
    let verdict = Canary::of("seconds worse=higher", &scaled(&control), &scaled(&canary)).verdict();
    assert_metric(&verdict, Classification::Pass, false);
    assert_warned(&verdict, WarningCode::SmallScale);
}

#[test]
fn no_data_passes_when_gaps_are_replaced() {
    let verdict = Canary::of("errors critical must_have_data replace", &[1.0, 2.0], &[]).verdict();
    assert_metric(&verdict, Classification::Pass, false);
    assert_warned(&verdict, WarningCode::ReplacedNodata);

    let gaps = Canary::of("errors replace", &[1.0, 2.0], &[f64::NAN, 3.0]).verdict();
    assert_silent(&gaps, WarningCode::ReplacedNodata);
}

#[test]
fn a_critical_metric_ignores_must_have_data() {
    let verdict = Canary::of("errors critical must_have_data", &[1.0, 2.0], &[]).verdict();
    assert_metric(&verdict, Classification::Nodata, true);
    assert_warned(&verdict, WarningCode::MustHaveDataIgnored);

    let ordinary = Canary::of("errors must_have_data", &[1.0, 2.0], &[]).verdict();
    assert_metric(&ordinary, Classification::NodataFailMetric, false);
    assert_silent(&ordinary, WarningCode::MustHaveDataIgnored);
}

#[test]
fn a_rise_from_minus_ten_to_minus_five_is_never_high() {
    let mut draws = Draws::seeded(4);
    let control = draws.normals(HOUR, -10.0, 0.5);
    let verdict = Canary::of("balance", &control, &draws.normals(HOUR, -5.0, 0.5)).verdict();
    assert_metric(&verdict, Classification::Pass, false);
    assert_warned(&verdict, WarningCode::NegativeMeans);

    let same = Canary::of("balance", &control, &draws.normals(HOUR, -10.0, 0.5)).verdict();
    assert_silent(&same, WarningCode::NegativeMeans);
}

#[test]
fn a_mean_of_zero_switches_the_effect_size_off() {
    let mut draws = Draws::seeded(5);
    let canary = draws.normals(HOUR, 5.0, 0.5);
    let verdict = Canary::of("errors allowed_increase=1000", &[0.0; HOUR], &canary).verdict();
    assert_metric(&verdict, Classification::High, false);
    assert_warned(&verdict, WarningCode::EffectSizeOff);

    let no_margin = Canary::of("errors", &[0.0; HOUR], &canary).verdict();
    assert_silent(&no_margin, WarningCode::EffectSizeOff);
}

#[test]
fn ten_times_the_latency_in_a_tenth_of_the_minutes_passes() {
    let mut draws = Draws::seeded(6);
    let control = draws.normals(HOUR, 100.0, 10.0);
    let mut canary = draws.normals(HOUR, 100.0, 10.0);
    let good = Canary::of("latency worse=higher", &control, &canary).verdict();
    assert_silent(&good, WarningCode::TailPassed);

    canary.iter_mut().step_by(10).for_each(|value| *value *= 10.0);
    let verdict = Canary::of("latency worse=higher", &control, &canary).verdict();
    assert_metric(&verdict, Classification::Pass, false);
    assert_warned(&verdict, WarningCode::TailPassed);
}

#[test]
fn a_metric_in_no_group_is_not_scored() {
    let drawing = |group: &str| {
        format!(
            "errors worse=higher group={group}
               control 30*1 30*2
               canary  30*8 30*9
             traffic
               control 30*1 30*2
               canary  31*1 29*2"
        )
    };
    let verdict = Canary::drawn(&drawing("none")).verdict();
    assert_eq!((verdict.outcome, verdict.scorecard.score), (Outcome::Pass, 100.0));
    assert_warned(&verdict, WarningCode::Ungrouped);
    assert_silent(&Canary::drawn(&drawing("all")).verdict(), WarningCode::Ungrouped);
}

#[test]
fn nothing_but_muted_metrics_score_zero() {
    let verdict = Canary::drawn(
        "traffic muted
           control 30*1 30*2
           canary  31*1 29*2",
    )
    .verdict();
    assert_eq!((verdict.outcome, verdict.scorecard.score), (Outcome::Fail, 0.0));
    assert_warned(&verdict, WarningCode::Ungrouped);
}

#[test]
fn the_weight_of_a_group_without_metrics_is_lost() {
    let mut drawn = Canary::drawn(
        "traffic group=web
           control 30*1 30*2
           canary  31*1 29*2",
    );
    let weights = |web: f64| {
        let weights = [("web".to_owned(), web), ("gone".to_owned(), 100.0 - web)];
        GroupWeights::unchecked_as_in_kayenta(BTreeMap::from(weights))
    };
    drawn.analysis.weights = weights(60.0);
    let verdict = drawn.verdict();
    assert_eq!((verdict.outcome, verdict.scorecard.score), (Outcome::Inconclusive, 60.0));
    assert_warned(&verdict, WarningCode::Weights);

    drawn.analysis.weights = weights(100.0);
    assert_silent(&drawn.verdict(), WarningCode::Weights);
}

#[test]
fn weights_above_a_hundred_count_other_groups_against_the_canary() {
    let mut drawn = Canary::drawn(
        "traffic group=web
           control 30*1 30*2
           canary  31*1 29*2
         errors group=other
           control 30*1 30*2
           canary  31*1 29*2",
    );
    let weights = BTreeMap::from([("web".to_owned(), 150.0)]);
    drawn.analysis.weights = GroupWeights::unchecked_as_in_kayenta(weights);
    let verdict = drawn.verdict();
    assert_eq!(verdict.scorecard.groups[0].weight, -50.0);
    assert_warned(&verdict, WarningCode::Weights);
}

#[test]
fn constants_that_hardly_differ_are_high() {
    let verdict = Canary::of("replicas", &[5.0; HOUR], &[5.0001; HOUR]).verdict();
    assert_metric(&verdict, Classification::High, false);
    assert_warned(&verdict, WarningCode::ConstantArms);
    assert_warned(&verdict, WarningCode::NegligibleDifference);

    let mut moves = [5.0; HOUR];
    moves[0] = 4.0;
    let verdict = Canary::of("replicas", &moves, &[5.0001; HOUR]).verdict();
    assert_silent(&verdict, WarningCode::ConstantArms);
}

#[test]
fn a_metric_that_never_moves_passes() {
    let verdict = Canary::of("replicas", &[5.0; HOUR], &[5.0; 50]).verdict();
    assert_metric(&verdict, Classification::Pass, false);
    assert_warned(&verdict, WarningCode::AllTied);

    let mut moves = [5.0; HOUR];
    moves[0] = 4.0;
    let verdict = Canary::of("replicas", &moves, &[5.0; 50]).verdict();
    assert_silent(&verdict, WarningCode::AllTied);
}

#[test]
fn pairs_that_have_one_side_each_fail_the_canary() {
    let values = [1.0, 2.0, 3.0];
    let verdict = Canary::drawn("cpu")
        .and_pair(("pod", "a"), &values, &[])
        .and_pair(("pod", "b"), &[], &values)
        .verdict();
    assert_eq!((verdict.outcome, verdict.scorecard.score), (Outcome::Fail, 0.0));
    assert_warned(&verdict, WarningCode::HalfEmptyPairs);
    assert_warned(&verdict, WarningCode::MostlyNodata);

    let whole = Canary::drawn("cpu")
        .and_pair(("pod", "a"), &values, &[1.0, 2.0, 2.5])
        .and_pair(("pod", "b"), &values, &[1.0, 2.0, 2.5])
        .verdict();
    assert_silent(&whole, WarningCode::HalfEmptyPairs);
    assert_silent(&whole, WarningCode::MostlyNodata);
}

/// The fences are never inside the 1st and the 99th percentile, so that it takes many values.
#[test]
fn outliers_take_the_regression_with_them() {
    let mut draws = Draws::seeded(7);
    let control = draws.normals(1_000, 100.0, 10.0);
    let mut canary = draws.normals(1_000, 100.0, 10.0);
    let good = Canary::of("latency worse=higher outliers=3", &control, &canary).verdict();
    assert_silent(&good, WarningCode::OutliersRemoved);

    canary.iter_mut().step_by(100).for_each(|value| *value *= 10.0);
    let verdict = Canary::of("latency worse=higher outliers=3", &control, &canary).verdict();
    assert_metric(&verdict, Classification::Pass, false);
    assert_eq!(verdict.metrics[0].canary.points, 990);
    assert_warned(&verdict, WarningCode::OutliersRemoved);
}

#[test]
fn the_common_language_size_overflows() {
    let mut draws = Draws::seeded(9);
    let mut samples = |size| (draws.normals(HOUR, 10.0, 1.0), draws.normals(size, 20.0, 1.0));
    let (control, canary) = samples(46_341);
    let verdict = Canary::of("latency worse=higher effect_size=cles", &control, &canary).verdict();
    assert_warned(&verdict, WarningCode::EffectSizeOverflow);
    assert!(verdict.metrics[0].effect_size.clone().unwrap().value.abs() > 1.0);

    let (control, canary) = samples(1_000);
    let verdict = Canary::of("latency worse=higher effect_size=cles", &control, &canary).verdict();
    assert_silent(&verdict, WarningCode::EffectSizeOverflow);
    assert_eq!(verdict.metrics[0].effect_size.clone().unwrap().value, 1.0);
}

#[test]
fn a_limit_broken_on_both_arms_is_said() {
    let drawing = |control: &str| {
        format!(
            "errors above=0.5
               control {control}
               canary  30*0.8 30*0.9"
        )
    };
    let verdict = Canary::drawn(&drawing("31*0.8 29*0.9")).verdict();
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert_warned(&verdict, WarningCode::GuardrailOnBoth);
    let verdict = Canary::drawn(&drawing("31*0.1 29*0.2")).verdict();
    assert_silent(&verdict, WarningCode::GuardrailOnBoth);
}

/// An hour or more of independent values, and nothing odd about them: nobody wants to be warned.
#[test]
fn ordinary_canaries_are_not_warned_about() {
    let mut draws = Draws::seeded(10);
    type Draw = fn(&mut Draws, usize, f64) -> Vec<f64>;
    let normal: Draw = |draws, size, factor| draws.normals(size, 100.0 * factor, 10.0);
    let counted: Draw = |draws, size, factor| draws.poissons(size, 20.0 * factor);
    let skewed: Draw = |draws, size, factor| {
        draws.normals(size, 0.0, 0.5).into_iter().map(|z| factor * libm::exp(z)).collect()
    };
    let (mut warned, mut all) = (Vec::new(), 0);
    for draw in [normal, counted, skewed] {
        for factor in [1.0, 2.0] {
            for header in ["metric", "metric worse=higher", "metric outliers=3 effect_size=cles"] {
                for index in 0..200 {
                    let size = HOUR * (1 + index % 5);
                    let control = draw(&mut draws, size, 1.0);
                    let canary = draw(&mut draws, size, factor);
                    warned.extend(codes(&Canary::of(header, &control, &canary).verdict()));
                    all += 1;
                }
            }
        }
    }
    println!("{} of {all} warned: {warned:?}", warned.len());
    assert!(200 * warned.len() <= all, "{} of {all} warned: {warned:?}", warned.len());
}

/// Judged every hour, for as many hours as the first arm's drawing has.
fn hourly(drawing: &str, change: impl Fn(&mut JudgementRun)) -> Verdict {
    let mut drawn = Canary::drawn(drawing);
    let points = drawn.series[0].arms.control.replicas[0].observations.len() as u64;
    let mut run = JudgementRun {
        start: at(0),
        lifetime: Duration::from_secs(points * 60),
        interval: Duration::from_secs(3600),
        begin_after: Duration::ZERO,
        lookback: Duration::ZERO,
        control_offset: Duration::ZERO,
        retrospective: true,
    };
    change(&mut run);
    drawn.analysis.judgements = Some(run);
    drawn.verdict()
}

fn is_failure(control: &[f64], canary: &[f64]) -> bool {
    let options = MetricOptions::default();
    classify(control, canary, &options, Strictness::NETFLIX).classification.is_failure()
}

fn share_of(trials: u32, mut holds: impl FnMut(&mut Draws) -> bool) -> f64 {
    let mut draws = Draws::seeded(u64::from(trials));
    let held = (0..trials).filter(|_| holds(&mut draws)).count();
    held as f64 / f64::from(trials)
}

/// Both figures come from draws, the original's from some hundreds.
fn assert_near(share: f64, original: f64, what: &str) {
    let margin = 0.005 + 3.0 * (original * (1.0 - original) / 500.0).sqrt();
    println!("{what}: {share:.3}, the original {original:.3}");
    assert!((share - original).abs() <= margin, "{what}: {share}, the original {original}");
}

fn assert_metric(verdict: &Verdict, classification: Classification, critical: bool) {
    let metric = &verdict.metrics[0];
    let is = (metric.classification, metric.critical);
    assert_eq!(is, (Some(classification), critical), "{}", metric.reason);
}

fn is_warned(verdict: &Verdict, code: WarningCode) -> bool {
    codes(verdict).contains(&code)
}

fn assert_warned(verdict: &Verdict, code: WarningCode) {
    assert!(is_warned(verdict, code), "no {code:?} in {:#?}", verdict.warnings);
}

fn assert_silent(verdict: &Verdict, code: WarningCode) {
    assert!(!is_warned(verdict, code), "{code:?} in {:#?}", verdict.warnings);
}
