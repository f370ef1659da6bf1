//! Whole analyses: each case is a drawing of the two arms and the sentence on them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod drawing;
mod seeded;

use std::collections::BTreeMap;
use std::time::Duration;

use drawing::{Canary, at, sentence};
use insta::assert_snapshot;
use proptest::prelude::*;
use seeded::Draws;
use serin_judge::Judged;
use serin_judge::kayenta::REVISION;
use serin_model::{Classification, GroupWeights, JudgementRun, Outcome, Timestamp, Window};

#[test]
fn higher() {
    assert_snapshot!(sentence("
        latency worse=higher
          control 10 11 12 _ 10 11 12
          canary  20 21 22 _ 20 21 22
    "), @"fail: latency is higher: 21.0 against 11.0 of control (+90.9 %); score 0, under 50 fails");
}

#[test]
fn lower() {
    assert_snapshot!(sentence("
        traffic worse=lower
          control 20 21 22 20 21
          canary  10 11 12 10 11
    "), @"fail: traffic is lower: 10.8 against 20.8 of control (−48.1 %); score 0, under 50 fails");
}

#[test]
fn higher_where_only_lower_is_worse() {
    assert_snapshot!(sentence("
        traffic worse=lower
          control 10 11 12 10 11
          canary  20 21 22 20 21
    "), @"pass: traffic did not get worse; score 100, 75 passes");
}

#[test]
fn none_of_several_got_worse() {
    assert_snapshot!(sentence("
        latency
          control 10 11 12
          canary  11 12 10 11
        traffic
          control 100 110
          canary  105 108
    "), @"pass: none of 2 metrics got worse; score 100, 75 passes");
}

#[test]
fn a_critical_metric_fails_the_canary_alone() {
    assert_snapshot!(sentence("
        latency
          control 10 11 12
          canary  11 12 10 11
        errors ratio critical
          control 5*2/1000 5*3/1000
          canary  5*40/1000 5*41/1000
    "), @"fail: errors is critical and higher: 4.05 % against 0.250 % of control (× 16.2); score 0, under 50 fails");
}

#[test]
fn a_failure_that_is_outvoted() {
    assert_snapshot!(sentence("
        latency
          control 5*10 5*11
          canary  5*10 5*12
        errors
          control 5*1 5*2
          canary  5*8 5*9
        memory
          control 5*10 5*11
          canary  5*10 5*12
        traffic
          control 5*10 5*11
          canary  5*10 5*12
    "), @"pass: errors is higher: 8.50 against 1.50 of control (× 5.67), but that is not enough to fail; score 75, 75 passes");
}

#[test]
fn marginal() {
    assert_snapshot!(sentence("
        latency
          control 5*10 5*11
          canary  5*10 5*12
        errors
          control 5*1 5*2
          canary  5*8 5*9
    "), @"inconclusive: errors is higher: 8.50 against 1.50 of control (× 5.67); score 50 is marginal, 75 passes");
}

#[test]
fn several_failures() {
    assert_snapshot!(sentence("
        latency
          control 5*10 5*11
          canary  5*30 5*31
        errors
          control 5*1 5*2
          canary  5*8 5*9
        memory
          control 5*10 5*11
          canary
    "), @"fail: errors is higher: 8.50 against 1.50 of control (× 5.67), and 2 more metrics did not pass; score 0, under 50 fails");
}

#[test]
fn a_muted_metric_is_shown_and_never_counted() {
    let drawing = "
        errors muted critical above=0
          control 5*1 5*2
          canary  5*8 5*9
        latency
          control 5*10 5*11
          canary  5*10 5*12
    ";
    assert_snapshot!(sentence(drawing), @"pass: latency did not get worse; score 100, 75 passes");
    let verdict = Canary::drawn(drawing).verdict();
    let errors = verdict.metrics.iter().find(|metric| metric.name == "errors").unwrap();
    assert_eq!(errors.classification, Some(Classification::High));
}

#[test]
fn a_silent_canary() {
    assert_snapshot!(sentence("
        latency critical
          control 10 11 12
          canary  _ _ _
    "), @"fail: the canary reported nothing, while the control did; score 0, under 50 fails");
}

#[test]
fn a_silent_control() {
    assert_snapshot!(sentence("
        latency must_have_data
          control
          canary  10 11 12
    "), @"fail: latency is without data: the control reported no values; score 0, under 50 fails");
}

#[test]
fn silence_on_both_arms() {
    assert_snapshot!(sentence("latency"), @"fail: latency is without data: neither arm reported a value; score 0, under 50 fails");
}

#[test]
fn half_of_the_metrics_are_silent() {
    assert_snapshot!(sentence("
        latency
          control 10 11 12
          canary  10 11 13
        errors
          control 10 11 12
    "), @"fail: 1 of 2 metrics have no data, which is half or more; score 0, under 50 fails");
}

#[test]
fn fewer_than_half_are_silent() {
    assert_snapshot!(sentence("
        latency
          control 10 11 12
          canary  10 11 13
        traffic
          control 10 11 12
          canary  10 11 13
        errors
          control 10 11 12
    "), @"pass: errors is without data: the canary reported no values, but that is not enough to fail; score 100, 75 passes");
}

#[test]
fn the_same_values() {
    assert_snapshot!(sentence("
        replicas
          control 5 5 5 5
          canary  5 5 5
    "), @"pass: replicas did not get worse; score 100, 75 passes");
}

#[test]
fn one_value_against_another() {
    assert_snapshot!(sentence("
        errors critical
          control 0
          canary  100
    "), @"pass: errors is not comparable: all values are tied once one arm is shifted onto the other, but that is not enough to fail; score 100, 75 passes");
}

#[test]
fn nothing_is_in_a_group() {
    assert_snapshot!(sentence("
        errors group=none
          control 10 11
          canary  10 12
    "), @"fail: no metric counts in any group; score 0, under 50 fails");
}

#[test]
fn an_answer_is_named_with_its_labels() {
    let drawn = Canary::drawn("latency")
        .and_pair(("zone", "a"), &[1.0, 2.0, 3.0], &[1.5, 2.0, 3.0])
        .and_pair(("zone", "b"), &[1.0, 2.0, 3.0], &[11.0, 12.0, 13.0]);
    assert_snapshot!(drawn.verdict().reason, @"latency{zone=b} is higher: 12.0 against 2.00 of control (× 6.00); score 50 is marginal, 75 passes");
}

#[test]
fn groups_count_by_their_weights() {
    let mut drawn = Canary::drawn(
        "latency group=web
           control 5*10 5*11
           canary  5*10 5*12
         errors group=other,third
           control 5*1 5*2
           canary  5*8 5*9",
    );
    drawn.analysis.weights =
        GroupWeights::unchecked_as_in_kayenta(BTreeMap::from([("web".to_owned(), 60.0)]));
    let verdict = drawn.verdict();
    let groups: Vec<String> = verdict
        .scorecard
        .groups
        .iter()
        .map(|group| format!("{} {:?} × {}", group.name, group.score, group.weight))
        .collect();
    assert_snapshot!(groups.join(", "), @"other Some(0.0) × 20, third Some(0.0) × 20, web Some(100.0) × 60");
    assert_eq!(verdict.scorecard.score, 60.0);
}

#[test]
fn weights_that_are_lost_are_named() {
    let mut drawn = Canary::drawn(
        "latency group=web
           control 5*10 5*11
           canary  5*10 5*12",
    );
    let weights = [("web".to_owned(), 40.0), ("gone".to_owned(), 60.0)];
    drawn.analysis.weights = GroupWeights::unchecked_as_in_kayenta(BTreeMap::from(weights));
    assert_snapshot!(drawn.verdict().reason, @"latency did not get worse, but the weights do not reach 100; score 40, under 50 fails");
}

#[test]
fn a_limit_is_broken_whatever_the_score() {
    assert_snapshot!(sentence("
        errors ratio above=0.05 consecutive=2
          control 1/100 2/100 1/100 2/100 1/100
          canary  1/100 6/100 9/100 1/100 1/100
    "), @"fail: errors is above its limit of 5.00 % for 2 points in a row, at worst 9.00 %");
}

#[test]
fn a_limit_holds_when_no_run_is_long_enough() {
    let drawing = "
        errors ratio above=0.05 consecutive=2
          control 1/100 2/100 1/100 2/100 1/100
          canary  1/100 9/100 1/100 9/100 1/100
    ";
    assert_snapshot!(limit(drawing), @"Held: never above its limit of 5.00 % for 2 points in a row");
    assert_snapshot!(sentence(drawing), @"pass: errors did not get worse; score 100, 75 passes");
}

#[test]
fn a_limit_broken_on_both_arms_settles_nothing() {
    assert_snapshot!(sentence("
        errors ratio above=0.05 consecutive=1
          control 1/100 9/100 1/100 2/100 1/100
          canary  1/100 6/100 9/100 1/100 1/100
    "), @"inconclusive: errors is above its limit of 5.00 %, but on the control too");
}

#[test]
fn a_limit_below() {
    assert_snapshot!(sentence("
        traffic below=50
          control 5*100 5*101
          canary  7*100 3*20
    "), @"fail: traffic is below its limit of 50.0 for 3 points in a row, at worst 20.0");
}

#[test]
fn a_limit_without_points_settles_nothing() {
    assert_snapshot!(sentence("
        latency
          control 10 11 12
          canary  11 12 10 11
        traffic
          control 10 11 12
          canary  11 12 10 11
        errors ratio above=0.05
          control 1/100
          canary  0/0 0/0
    "), @"inconclusive: errors is without points of the canary to hold against its limit of 5.00 %");
}

#[test]
fn gaps_neither_count_nor_start_a_run_over() {
    let drawing = |canary: &str| {
        format!(
            "errors ratio above=0.05 consecutive=3
               control 10*1/100
               canary  {canary}"
        )
    };
    assert_eq!(outcome_of_limit(&drawing("9/100 9/100 _ . 9/100")), "Broken");
    assert_eq!(outcome_of_limit(&drawing("9/100 9/100 _ . 1/100 9/100")), "Held");
    assert_eq!(outcome_of_limit(&drawing("9/100 9/100 _ _ _")), "Held");
}

#[test]
fn a_broken_run_needs_enough_events() {
    let drawing = |canary: &str| {
        format!(
            "errors ratio above=0.05 consecutive=2 minimum_events=20
               control 10*1/100
               canary  {canary}"
        )
    };
    assert_eq!(outcome_of_limit(&drawing("1/3 1/3 1/3 0/100")), "Held");
    assert_eq!(outcome_of_limit(&drawing("1/10 1/10 0/100")), "Broken");
}

/// Each replica alone would break the limit in turn; together they never do.
#[test]
fn a_limit_is_for_the_arm_as_a_whole() {
    let drawing = "
        errors ratio above=0.05 consecutive=1
          control 4*1/100
          canary  9/100 0/100 9/100 0/100
          canary  0/100 9/100 0/100 9/100
    ";
    assert_eq!(outcome_of_limit(drawing), "Held");
}

#[test]
fn too_few_points_bar_a_pass() {
    assert_snapshot!(sentence("
        latency minimum_points=10
          control 10 11 12
          canary  11 12 10 11
    "), @"inconclusive: too few points to pass: latency has 3, and 10 are asked for");
}

#[test]
fn too_few_points_never_bar_a_failure() {
    assert_snapshot!(sentence("
        latency minimum_points=10
          control 10 11 12
          canary  21 22 20 21
    "), @"fail: latency is higher: 21.0 against 11.0 of control (+90.9 %); score 0, under 50 fails");
}

#[test]
fn a_ratio_is_bad_over_total_and_a_zero_total_a_gap() {
    let judged = Canary::drawn(
        "errors ratio
           control 1/100 0/0 3/100
           canary  2/50 4/50 0/0",
    )
    .judged();
    assert_eq!(values(&judged), (vec![0.01, 0.03], vec![0.04, 0.08]));
}

#[test]
fn a_count_is_events_over_exposure() {
    let judged = Canary::drawn(
        "restarts count
           control 1/4 2/4
           canary  3 5/0 8/2",
    )
    .judged();
    assert_eq!(values(&judged), (vec![0.25, 0.5], vec![3.0, 4.0]));
}

/// Of 200 events the 198th is three fifths into the bucket from 0.2 to 0.4.
#[test]
fn a_histogram_is_its_99th_percentile() {
    let judged = Canary::drawn(
        "latency histogram bounds=0.1,0.2,0.4
           control 100,95,5,0
           canary  200,0,0,0",
    )
    .judged();
    let (control, canary) = values(&judged);
    assert!((control[0] - 0.32).abs() < 1e-12, "{control:?}");
    assert!((canary[0] - 0.099).abs() < 1e-12, "{canary:?}");
}

#[test]
fn replicas_are_averaged_in_each_bin() {
    let mut drawn = Canary::drawn(
        "cpu
           control 1 2 _
           control 3 _ _
           canary  1 2 3 4",
    );
    let judged = drawn.judged();
    assert_eq!(values(&judged), (vec![2.0, 2.0], vec![1.0, 2.0, 3.0, 4.0]));
    let first = judged.traces[0].control[0];
    assert_eq!((first.lowest, first.highest), (1.0, 3.0));

    drawn.analysis.step = serin_model::Step::from_seconds(120).unwrap();
    // Replicas count alike: (1.5 + 3) / 2, not the mean of the three points.
    assert_eq!(values(&drawn.judged()), (vec![2.25], vec![1.5, 3.5]));
}

/// The reference closes up what was never reported, and can only replace what was.
#[test]
fn a_gap_is_replaced_and_a_missing_point_is_not() {
    let points = |canary: &str| {
        let verdict =
            Canary::drawn(&format!("cpu replace\n control 1 2\n canary {canary}")).verdict();
        (verdict.metrics[0].canary.points, verdict.metrics[0].canary.mean)
    };
    assert_eq!(points("4 _ 8"), (3, 4.0));
    assert_eq!(points("4 . 8"), (2, 6.0));
}

#[test]
fn windows_grow() {
    assert_snapshot!(looks(|_| {}), @"0–10, 0–20, 0–30; 30 points in the last");
}

#[test]
fn windows_slide() {
    assert_snapshot!(looks(|run| run.lookback = minutes(10)), @"0–10, 10–20, 20–30; 10 points in the last");
}

#[test]
fn the_beginning_is_left_out() {
    assert_snapshot!(looks(|run| run.begin_after = minutes(5)), @"5–15, 5–25, 5–35; 30 points in the last");
    assert_snapshot!(looks(|run| {
        run.begin_after = minutes(5);
        run.retrospective = true;
    }), @"0–10, 0–20, 0–30; 30 points in the last");
}

#[test]
fn what_is_left_of_the_lifetime_is_not_judged() {
    assert_snapshot!(looks(|run| run.lifetime = minutes(35)), @"0–10, 0–20, 0–30; 30 points in the last");
}

#[test]
fn an_interval_longer_than_the_lifetime_is_the_lifetime() {
    assert_snapshot!(looks(|run| run.interval = minutes(500)), @"0–30; 30 points in the last");
}

#[test]
fn no_lifetime_is_one_judgement_of_all_there_is() {
    assert_snapshot!(looks(|run| run.lifetime = Duration::from_secs(59)), @"; 60 points in the last");
}

/// An hour ago the control did what the canary does today.
#[test]
fn the_control_can_be_of_another_time() {
    let offset = |run: &mut JudgementRun| {
        run.start = at(60);
        run.control_offset = minutes(60);
    };
    let drawing = "
        latency
          control 30*10 30*11 60*50
          canary  60*. 30*10 30*12
    ";
    assert_eq!(run_of(drawing, offset).outcome, Outcome::Pass);
    assert_eq!(run_of(drawing, |run| run.start = at(60)).outcome, Outcome::Fail);
}

#[test]
fn a_run_stops_at_the_first_failure() {
    let verdict = run_of(
        "latency
           control 60*10
           canary  10*10 50*90",
        |run| run.lookback = minutes(10),
    );
    let scores: Vec<f64> = verdict.judgements.iter().map(|judgement| judgement.score).collect();
    assert_eq!(scores, [100.0, 0.0]);
    assert_snapshot!(verdict.reason, @"latency is higher: 90.0 against 10.0 of control (× 9.00); score 0, under 50 fails");
}

#[test]
fn a_run_stops_at_the_marginal_threshold_itself() {
    let verdict = run_of(
        "latency
           control 30*10 30*11
           canary  30*10 30*12
         errors
           control 30*1 30*2
           canary  30*8 30*9",
        |_| {},
    );
    assert_eq!(verdict.judgements.len(), 1);
    assert_snapshot!(format!("{}: {}", verdict.outcome, verdict.reason), @"fail: errors is higher: 8.00 against 1.00 of control (× 8.00); score 50 is marginal, 75 passes, and stops the run");
}

/// Its window has slid on by the end of the run, but it was broken.
#[test]
fn a_broken_limit_stops_the_run() {
    let verdict = run_of(
        "latency above=50
           control 60*10
           canary  10*10 3*90 47*10",
        |run| run.lookback = minutes(10),
    );
    assert_eq!((verdict.outcome, verdict.judgements.len()), (Outcome::Fail, 2));
}

#[test]
fn only_the_window_is_judged() {
    let mut drawn = Canary::drawn(
        "latency
           control 5*10 5*90
           canary  5*11 5*10",
    );
    drawn.analysis.window = Some(Window { start: at(0), end: at(5) });
    assert_eq!(values(&drawn.judged()), (vec![10.0; 5], vec![11.0; 5]));
    drawn.analysis.arms.control_window = Some(Window { start: at(5), end: at(10) });
    assert_eq!(values(&drawn.judged()), (vec![90.0; 5], vec![11.0; 5]));
}

#[test]
fn metrics_come_worst_first() {
    let judged = Canary::drawn(
        "fine
           control 5*10 5*11
           canary  5*10 5*12
         muted muted
           control 5*1 5*2
           canary  5*8 5*9
         silent
           control 1
         high
           control 5*1 5*2
           canary  5*8 5*9
         limit above=1
           control 5*0 5*1
           canary  5*2 5*1
         critical critical
           control 5*1 5*2
           canary  5*8 5*9",
    )
    .judged();
    let names: Vec<&str> =
        judged.verdict.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["limit", "critical", "high", "silent", "fine", "muted"]);
    let traces: Vec<&str> = judged.traces.iter().map(|trace| trace.metric.as_str()).collect();
    assert_eq!(traces, names);
}

#[test]
fn what_is_not_heeded_is_named() {
    let mut drawn = Canary::drawn("latency tolerance=0.5\n control 1 2\n canary 1 3");
    drawn.analysis.horizon = Some(minutes(60));
    let verdict = drawn.verdict();
    assert_snapshot!(
        verdict.ignored.join("\n"),
        @"`tolerance` and `horizon` are ignored by the kayenta judge"
    );
    assert_eq!(verdict.judge.to_string(), format!("kayenta revision {REVISION}"));
}

proptest! {
    #[test]
    fn the_order_of_replicas_changes_nothing(seed in any::<u64>()) {
        let drawn = random(seed);
        let mut shuffled = Canary { analysis: drawn.analysis.clone(), series: drawn.series.clone() };
        for series in &mut shuffled.series {
            series.arms.control.replicas.reverse();
            series.arms.canary.replicas.rotate_left(1);
        }
        prop_assert_eq!(bits(&drawn.judged()), bits(&shuffled.judged()));
    }

    #[test]
    fn another_day_changes_nothing_but_the_times(seed in any::<u64>(), minutes in -1_000_000..1_000_000_i64) {
        let drawn = random(seed);
        let drawing = drawing_of(seed);
        let later = Canary::drawn_at(&drawing, minutes);
        let (mut now, mut then) = (drawn.judged(), later.judged());
        for judged in [&mut now, &mut then] {
            for metric in &mut judged.verdict.metrics {
                metric.guardrail.iter_mut().for_each(|limit| limit.broken_since = None);
            }
            for trace in &mut judged.traces {
                let points = trace.control.iter_mut().chain(&mut trace.canary);
                points.for_each(|point| point.time = at(0));
            }
        }
        prop_assert_eq!(bits(&now), bits(&then));
    }

    #[test]
    fn the_same_input_gives_the_same_bits(seed in any::<u64>()) {
        prop_assert_eq!(bits(&random(seed).judged()), bits(&random(seed).judged()));
    }

    #[test]
    fn any_value_has_a_verdict(
        control in prop::collection::vec(any_value(), 0..12),
        canary in prop::collection::vec(any_value(), 0..12),
        header in prop::sample::select(HEADERS),
    ) {
        let judged = Canary::of(header, &control, &canary).judged();
        prop_assert!((0.0..=100.0).contains(&judged.verdict.scorecard.score));
        prop_assert_eq!(judged.verdict.metrics.len(), 1);
    }

    #[test]
    fn any_counts_have_a_verdict(
        counts in prop::collection::vec((any_value(), any_value(), any_value()), 0..12),
        header in prop::sample::select(HEADERS),
    ) {
        let join = |separator: &str| -> String {
            let words = counts.iter().map(|(a, b, c)| match separator {
                "/" => format!(" {a}/{b}"),
                _ => format!(" {a},{b},{c}"),
            });
            words.collect()
        };
        let (divided, stacked) = (join("/"), join(","));
        for kind in ["ratio", "count"] {
            Canary::drawn(&format!("{header} {kind}\n control{divided}\n canary 1/2{divided}")).judged();
        }
        Canary::drawn(&format!("{header} histogram bounds=0,1\n control{stacked}\n canary 1,2,3{stacked}")).judged();
    }

    #[test]
    fn a_muted_metric_never_changes_the_outcome(seed in any::<u64>()) {
        let drawing = drawing_of(seed);
        let alone = Canary::drawn(&drawing).verdict();
        let muted = format!("{drawing}
            noise muted critical above=0 minimum_points=9
              control {} {}
              canary  {}", seed % 7, seed % 5, seed % 3);
        let with_muted = Canary::drawn(&muted).verdict();
        prop_assert_eq!(alone.outcome, with_muted.outcome);
        prop_assert_eq!(alone.reason, with_muted.reason);
        prop_assert_eq!(alone.scorecard, with_muted.scorecard);
    }
}

/// Gauges with every option that takes another way through the judge.
const HEADERS: &[&str] = &[
    "metric",
    "metric critical worse=higher",
    "metric replace outliers=3",
    "metric effect_size=cles outliers=0.5",
    "metric above=1 consecutive=1",
    "metric below=-1 must_have_data minimum_points=3",
];

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => prop::num::f64::ANY,
        4 => (-3..4).prop_map(f64::from),
        1 => prop::sample::select(&[
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -0.0,
        ][..]),
    ]
}

fn random(seed: u64) -> Canary {
    Canary::drawn(&drawing_of(seed))
}

/// Three metrics of three replicas an arm, with gaps and fractions.
fn drawing_of(seed: u64) -> String {
    let mut draws = Draws::seeded(seed);
    let mut text = String::new();
    for header in [
        "latency above=14",
        "errors ratio critical above=0.3 consecutive=1",
        "size histogram bounds=1,2,4",
    ] {
        text += &format!("{header}\n");
        for arm in ["control", "canary"] {
            for _ in 0..3 {
                text += &format!("  {arm}");
                for _ in 0..draws.below(8) {
                    text += &format!(" {}", word(&mut draws, header));
                }
                text += "\n";
            }
        }
    }
    text
}

fn word(draws: &mut Draws, header: &str) -> String {
    let mut amount = || draws.uniform(0.0, 10.0);
    if header.contains("ratio") {
        let (bad, good) = (amount(), amount());
        format!("{bad}/{}", bad + good)
    } else if header.contains("histogram") {
        format!("{},{},{},{}", amount(), amount(), amount(), amount())
    } else if amount() < 1.0 {
        "_".to_owned()
    } else {
        format!("{}", 10.0 + amount())
    }
}

/// Every figure that can be told apart, NaN and the sign of zero among them.
fn bits(judged: &Judged) -> String {
    format!("{judged:?}")
}

fn values(judged: &Judged) -> (Vec<f64>, Vec<f64>) {
    let trace = &judged.traces[0];
    let of = |points: &[serin_model::TracePoint]| points.iter().map(|point| point.value).collect();
    (of(&trace.control), of(&trace.canary))
}

fn limit(drawing: &str) -> String {
    let verdict = Canary::drawn(drawing).verdict();
    let limit = verdict.metrics[0].guardrail.clone().unwrap();
    format!("{:?}: {}", limit.outcome, limit.reason)
}

fn outcome_of_limit(drawing: &str) -> String {
    limit(drawing).split_once(':').unwrap().0.to_owned()
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// Half an hour, judged every ten minutes.
fn run_of(drawing: &str, change: impl Fn(&mut JudgementRun)) -> serin_model::Verdict {
    let mut drawn = Canary::drawn(drawing);
    let mut run = JudgementRun {
        start: at(0),
        lifetime: minutes(30),
        interval: minutes(10),
        begin_after: Duration::ZERO,
        lookback: Duration::ZERO,
        control_offset: Duration::ZERO,
        retrospective: false,
    };
    change(&mut run);
    drawn.analysis.judgements = Some(run);
    drawn.verdict()
}

/// The minutes that each judgement of a healthy canary looked at.
fn looks(change: impl Fn(&mut JudgementRun)) -> String {
    let verdict = run_of("latency\n control 60*1\n canary 60*1", change);
    let minute = |time: Timestamp| time.as_millis() / 60_000;
    let looks = verdict.judgements.iter().map(|judgement| {
        format!("{}–{}", minute(judgement.window.start), minute(judgement.window.end))
    });
    let looks: Vec<String> = looks.collect();
    let last = verdict.metrics[0].canary.points;
    format!("{}; {last} points in the last", looks.join(", "))
}
