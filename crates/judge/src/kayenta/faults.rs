//! Where one of the reference's known faults touches a verdict.
//!
//! The faults stay, because a team that moves must not find its verdicts changed; what is new is
//! that they are said. `docs/guide/kayenta.md` describes each.

use serin_model::{
    Amount, Classification, EffectSizeMeasure, EffectSizeOptions, GroupWeights, GuardrailOutcome,
    Judgement, JudgementRun, MeasureKind, Multiple, NanStrategy, Scorecard, Summary, Thresholds,
    Warning, WarningCode, Worse,
};
use serin_stats::{Alternative, Method, hodges_lehmann_shift, mann_whitney_u};

use super::classify::{Rule, Strictness, common_language_overflows};
use super::interval::ROOT_TOLERANCE;
use super::pair::JudgedPair;
use super::score::ScoredMetric;
use super::windows::unjudged_remainder;

/// Returns the warnings about one judged metric.
pub(crate) fn of_pair(pair: &JudgedPair<'_>) -> Vec<Warning> {
    if let Some(why) = &pair.failure {
        let text = format!("it was not judged, which bars a pass: {why}");
        let metric = Some(pair.metric.name.clone());
        return vec![Warning { code: WarningCode::SourceFailed, metric, text }];
    }
    let found = [
        all_tied(pair),
        constant_arms(pair),
        replaced_nodata(pair),
        infinite_values(pair),
        must_have_data_ignored(pair),
        half_empty(pair),
        error_not_counted(pair),
        tiny_sample(pair),
        negligible_difference(pair),
        difference_passed(pair),
        fine_scale(pair),
        tail_passed(pair),
        negative_means(pair),
        effect_size_off(pair),
        effect_size_overflow(pair),
        outliers_removed(pair),
        autocorrelation(pair),
        few_points(pair),
        ungrouped(pair),
        guardrail_on_both(pair),
    ];
    let warning = |(code, text)| Warning { code, metric: Some(pair.metric.name.clone()), text };
    found.into_iter().flatten().map(warning).collect()
}

type Found = Option<(WarningCode, String)>;

fn all_tied(pair: &JudgedPair<'_>) -> Found {
    let same = matches!(pair.classified.rule, Rule::Identical | Rule::OneValue);
    let constant = pair.metric.control.minimum == pair.metric.control.maximum;
    let histogram = pair.metric.measure == MeasureKind::Histogram;
    let text = if constant && histogram {
        "all observations tied: Kayenta scores this as a pass. The 99th percentile may lie beyond the \
         histogram's last edge"
    } else if constant {
        "all observations tied: Kayenta scores this as a pass. A metric that never moves may be dead"
    } else {
        "both arms report the very same values: Kayenta scores this as a pass. They may be one series"
    };
    same.then(|| (WarningCode::AllTied, text.to_owned()))
}

fn constant_arms(pair: &JudgedPair<'_>) -> Found {
    (pair.classified.rule == Rule::TestWithNoise).then(|| {
        let text = "each arm is constant: Kayenta adds random noise to such data, so the original \
                    may answer otherwise from run to run";
        (WarningCode::ConstantArms, text.to_owned())
    })
}

fn replaced_nodata(pair: &JudgedPair<'_>) -> Found {
    let replaced = pair.check.kayenta.nan_strategy == NanStrategy::Replace;
    let silent = match (pair.trace.control.is_empty(), pair.trace.canary.is_empty()) {
        (false, false) => return None,
        (true, true) => "neither arm reported a value",
        (true, false) => "the control reported no value",
        (false, true) => "the canary reported no value",
    };
    replaced.then(|| {
        let text = format!("{silent}, and the strategy `replace` makes zeros or a pass of that");
        (WarningCode::ReplacedNodata, text)
    })
}

/// Ranks take infinities as they are, and means do not survive them.
fn infinite_values(pair: &JudgedPair<'_>) -> Found {
    let infinite = |arm: &Summary| arm.maximum == f64::INFINITY || arm.minimum == f64::NEG_INFINITY;
    (infinite(&pair.metric.control) || infinite(&pair.metric.canary)).then(|| {
        let text = "some values are infinite, which Kayenta's means and tolerance do not survive: a \
                    difference may pass unseen";
        (WarningCode::InfiniteValues, text.to_owned())
    })
}

fn must_have_data_ignored(pair: &JudgedPair<'_>) -> Found {
    let ignored = pair.check.kayenta.must_have_data && pair.check.critical;
    (ignored && pair.classified.rule == Rule::Missing).then(|| {
        let text =
            "`must_have_data` is not heeded on a critical metric: it is Nodata, and critical";
        (WarningCode::MustHaveDataIgnored, text.to_owned())
    })
}

fn half_empty(pair: &JudgedPair<'_>) -> Found {
    let one_sided = (pair.metric.control.points == 0) != (pair.metric.canary.points == 0);
    (one_sided && !pair.metric.labels.is_empty()).then(|| {
        let text = "one arm alone has these labels, so that each pair has an empty side: label \
                    values that differ between the arms should not tell pairs apart";
        (WarningCode::HalfEmptyPairs, text.to_owned())
    })
}

fn error_not_counted(pair: &JudgedPair<'_>) -> Found {
    (pair.classified.classification == Classification::Error).then(|| {
        let text = "it could not be judged, and Kayenta leaves such a metric out of the score, \
                    even a critical one";
        (WarningCode::ErrorNotCounted, text.to_owned())
    })
}

/// Kayenta's interval is clamped to the differences there are, so that values which do not overlap
/// are always significant, however few.
fn tiny_sample(pair: &JudgedPair<'_>) -> Found {
    if !pair.classified.classification.is_failure() || !was_tested(pair) {
        return None;
    }
    let p_value = two_sided_p_value(pair)?;
    (p_value > 1.0 - Strictness::NETFLIX.confidence).then(|| {
        let text = format!(
            "{} against {} values can differ like this by chance (exact p = {p_value:.2}): Kayenta \
             decides whatever the size of the sample",
            pair.metric.canary.points, pair.metric.control.points
        );
        (WarningCode::TinySample, text)
    })
}

fn negligible_difference(pair: &JudgedPair<'_>) -> Found {
    let ratio = pair.metric.mean_ratio?;
    let negligible = (ratio - 1.0).abs() < pair.metric.tolerance;
    let failed = pair.classified.classification.is_failure() && was_tested(pair);
    (failed && negligible).then(|| {
        let text = format!(
            "{} is within the tolerance of {}: Kayenta knows no margin unless `effect_size` sets one",
            Multiple(ratio),
            Multiple(1.0 + pair.metric.tolerance)
        );
        (WarningCode::NegligibleDifference, text)
    })
}

/// A difference that the ranks show clearly passes all the same, though the effect-size condition
/// would have let it count.
fn difference_passed(pair: &JudgedPair<'_>) -> Found {
    if pair.classified.classification != Classification::Pass || !was_tested(pair) {
        return None;
    }
    let p_value = pair.metric.p_value?;
    if p_value >= CLEAR || !effect_size_would_count(pair) {
        return None;
    }
    let (canary, control) = (&pair.classified.canary.values, &pair.classified.control.values);
    let shift = hodges_lehmann_shift(canary, control, Strictness::NETFLIX.confidence).ok()?;
    let kind = pair.metric.measure;
    if shift.estimate != 0.0 && shift.estimate.abs() < 10.0 * ROOT_TOLERANCE {
        let text = format!(
            "a clear difference (p = {p_value:.1e}) passes: the shift of {} is near the 0.0001 to \
             which Kayenta searches. In a larger unit it may fail",
            Amount::new(shift.estimate, kind)
        );
        return Some((WarningCode::SmallScale, text));
    }
    let text = format!(
        "a clear difference (p = {p_value:.1e}; {} against {} of control) passes: Kayenta's \
         tolerance is a share of the shift itself, which sparse and spread-out values cannot clear",
        Amount::new(pair.metric.canary.mean, kind),
        Amount::new(pair.metric.control.mean, kind)
    );
    Some((WarningCode::DifferencePassed, text))
}

/// Values so close together that where the root search stops matters more than what they are.
fn fine_scale(pair: &JudgedPair<'_>) -> Found {
    let shift = pair.classified.shift?;
    let outside = shift.estimate < shift.lower || shift.upper < shift.estimate;
    let passed = pair.classified.classification == Classification::Pass;
    let already_said = difference_passed(pair).is_some();
    let fine = |summary: &Summary| {
        summary.standard_deviation > 0.0 && summary.standard_deviation < 10.0 * ROOT_TOLERANCE
    };
    let both_fine = fine(&pair.metric.control) && fine(&pair.metric.canary);
    let narrow = shift.upper - shift.lower < 2.0 * ROOT_TOLERANCE;
    (passed && both_fine && narrow && outside && !already_said).then(|| {
        let text = "the values differ by little more than the 0.0001 to which Kayenta searches, so \
                    that its interval is off. Measure in a larger unit";
        (WarningCode::SmallScale, text.to_owned())
    })
}

/// Below which probability a difference is clear, on the side that is bad: of a thousand metrics
/// without one, one is said to have one.
const CLEAR: f64 = 0.001;

fn effect_size_would_count(pair: &JudgedPair<'_>) -> bool {
    let Some(size) = pair.classified.effect_size else { return true };
    let bounds = &pair.check.kayenta.effect_size;
    let rises = size >= bounds.allowed_increase;
    let falls = size <= bounds.allowed_decrease;
    match pair.check.worse {
        Worse::Higher => rises,
        Worse::Lower => falls,
        Worse::Either => rises || falls,
    }
}

/// So many canary values beyond every control value, or so far, that equal arms would hardly show
/// them.
fn tail_passed(pair: &JudgedPair<'_>) -> Found {
    if pair.classified.classification != Classification::Pass || !was_tested(pair) {
        return None;
    }
    let control = &pair.metric.control;
    let above = || Tail::of(pair, control.maximum, |value, from| value - from);
    let below = || Tail::of(pair, control.minimum, |value, from| from - value);
    let tail = match pair.check.worse {
        Worse::Higher => above(),
        Worse::Lower => below(),
        Worse::Either if below().chance < above().chance => below(),
        Worse::Either => above(),
    };
    let already_clear = pair.metric.p_value.is_some_and(|p_value| p_value < CLEAR);
    (tail.chance < CLEAR && !already_clear).then(|| {
        let text = format!(
            "{} of {} canary values lie beyond every control value, and it passes: Kayenta \
             compares where the bulk lies and does not see tails",
            tail.beyond, pair.metric.canary.points
        );
        (WarningCode::TailPassed, text)
    })
}

/// The canary's values beyond the most extreme one of the control.
struct Tail {
    beyond: usize,
    /// How probable so heavy a tail is between equal arms, at most.
    chance: f64,
}

impl Tail {
    fn of(pair: &JudgedPair<'_>, edge: f64, distance: fn(f64, f64) -> f64) -> Self {
        let (control, canary) = (&pair.metric.control, &pair.classified.canary.values);
        let reach = distance(edge, control.median);
        let past_edge =
            |least: f64| canary.iter().filter(|&&value| distance(value, edge) > least).count();
        let beyond = past_edge(0.0);
        // Even where values have no mean, half of those past the edge lie within twice its reach.
        let far = if reach > 0.0 { past_edge(reach) } else { 0 };
        // That the most extreme values of both arms all fall to the canary.
        let (m, n) = (canary.len() as f64, control.points as f64);
        let all_canary: f64 = (0..beyond).map(|k| (m - k as f64) / (m + n - k as f64)).product();
        let all_far: f64 = (0..far).map(|_| 0.5).product();
        Self { beyond, chance: all_canary * all_far }
    }
}

/// The interval is clear of the tolerance, and a ratio of negative means says that it fell.
fn negative_means(pair: &JudgedPair<'_>) -> Found {
    let shift = pair.classified.shift?;
    let bound = Strictness::NETFLIX.tolerance * shift.estimate.abs();
    let significant = match pair.check.worse {
        Worse::Higher => shift.lower > bound,
        Worse::Lower => shift.upper < -bound,
        Worse::Either => shift.lower > bound || shift.upper < -bound,
    };
    let negative = pair.metric.control.mean < 0.0 || pair.metric.canary.mean < 0.0;
    let passed = pair.classified.classification == Classification::Pass;
    (uses_mean_ratio(pair) && negative && significant && passed).then(|| {
        let text = "a significant difference passes: means below zero turn the ratio of means \
                    around, so that a rise from −10 to −5 reads as a half";
        (WarningCode::NegativeMeans, text.to_owned())
    })
}

fn effect_size_off(pair: &JudgedPair<'_>) -> Found {
    let off = uses_mean_ratio(pair) && pair.classified.effect_size.is_none();
    let without_margin = EffectSizeOptions::without_margin(EffectSizeMeasure::MeanRatio);
    let has_margin = pair.check.kayenta.effect_size != without_margin;
    let failed = pair.classified.classification.is_failure();
    (off && has_margin && failed).then(|| {
        let text = "a mean is exactly zero, which switches Kayenta's effect-size condition off: any \
                    significant difference counts";
        (WarningCode::EffectSizeOff, text.to_owned())
    })
}

fn effect_size_overflow(pair: &JudgedPair<'_>) -> Found {
    let common_language =
        pair.check.kayenta.effect_size.measure == EffectSizeMeasure::CommonLanguage;
    let (control, canary) = (pair.metric.control.points, pair.metric.canary.points);
    let overflows =
        common_language && was_tested(pair) && common_language_overflows(control, canary);
    overflows.then(|| {
        let text = format!(
            "with {canary} against {control} values Kayenta's `cles` overflows its 32-bit integers: \
             the effect size is not one"
        );
        (WarningCode::EffectSizeOverflow, text)
    })
}

fn outliers_removed(pair: &JudgedPair<'_>) -> Found {
    let (control, canary) = (pair.classified.control.outliers, pair.classified.canary.outliers);
    let passed = pair.classified.classification == Classification::Pass;
    // Two standard deviations: between equal arms, outliers fall to either by the toss of a coin.
    let excess = canary as f64 - control as f64;
    let unlikely = excess > 2.0 * ((canary + control) as f64).sqrt();
    (passed && unlikely).then(|| {
        let text = format!(
            "{canary} values of the canary were removed as outliers, and {control} of the control: \
             the regression may be among them"
        );
        (WarningCode::OutliersRemoved, text)
    })
}

/// Values that resemble their neighbours are less evidence than Kayenta takes them for.
fn autocorrelation(pair: &JudgedPair<'_>) -> Found {
    let failed = pair.classified.classification.is_failure() && was_tested(pair);
    let control = lag_one_correlation(&pair.classified.control.values);
    let canary = lag_one_correlation(&pair.classified.canary.values);
    let strongest = control.max(canary);
    let points = pair.metric.control.points.min(pair.metric.canary.points);
    let by_chance = 3.0 / (points as f64).sqrt();
    (failed && strongest >= ALIKE.max(by_chance)).then(|| {
        let text = format!(
            "neighbouring values resemble each other (correlation {strongest:.2}), and Kayenta takes \
             them for independent: at 0.5 it blames 8 of 100 good canaries, at 0.8 it blames 29"
        );
        (WarningCode::Autocorrelation, text)
    })
}

/// From which correlation of neighbours on it is said; Kayenta's false alarms have doubled there.
const ALIKE: f64 = 0.4;

/// Returns the correlation of each value with the next; zero where there is none.
fn lag_one_correlation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square = |value: &f64| (value - mean) * (value - mean);
    let variance: f64 = values.iter().map(square).sum();
    let products = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean));
    let correlation = products.sum::<f64>() / variance;
    if correlation.is_finite() { correlation } else { 0.0 }
}

fn few_points(pair: &JudgedPair<'_>) -> Found {
    let points = pair.metric.control.points.min(pair.metric.canary.points);
    (was_tested(pair) && points < ENOUGH_POINTS).then(|| {
        let text = format!("{points} points; Kayenta's authors ask for {ENOUGH_POINTS} or more");
        (WarningCode::FewPoints, text)
    })
}

/// What the original warns below.
const ENOUGH_POINTS: usize = 50;

fn ungrouped(pair: &JudgedPair<'_>) -> Found {
    (pair.metric.groups.is_empty() && !pair.metric.muted).then(|| {
        let text = "it is in no group, so that Kayenta never counts it in the score";
        (WarningCode::Ungrouped, text.to_owned())
    })
}

fn guardrail_on_both(pair: &JudgedPair<'_>) -> Found {
    let guardrail = pair.metric.guardrail.as_ref()?;
    (guardrail.outcome == GuardrailOutcome::BrokenOnBoth)
        .then(|| (WarningCode::GuardrailOnBoth, guardrail.reason.clone()))
}

fn was_tested(pair: &JudgedPair<'_>) -> bool {
    matches!(pair.classified.rule, Rule::Test | Rule::TestWithNoise)
}

fn uses_mean_ratio(pair: &JudgedPair<'_>) -> bool {
    was_tested(pair) && pair.check.kayenta.effect_size.measure == EffectSizeMeasure::MeanRatio
}

fn two_sided_p_value(pair: &JudgedPair<'_>) -> Option<f64> {
    let (canary, control) = (&pair.classified.canary.values, &pair.classified.control.values);
    Some(mann_whitney_u(canary, control, Alternative::TwoSided, Method::Auto).ok()?.p_value)
}

/// Returns the warnings about the score as a whole.
pub(crate) fn of_scorecard(
    scorecard: &Scorecard,
    metrics: &[ScoredMetric<'_>],
    weights: &GroupWeights,
) -> Vec<Warning> {
    let found = [
        mostly_nodata(metrics),
        group_without_data(scorecard),
        odd_weights(scorecard, weights),
        nothing_counts(scorecard),
    ];
    let warning = |(code, text)| Warning { code, metric: None, text };
    found.into_iter().flatten().map(warning).collect()
}

fn mostly_nodata(metrics: &[ScoredMetric<'_>]) -> Found {
    let counted: Vec<_> = metrics.iter().filter(|metric| !metric.muted).collect();
    let nodata =
        counted.iter().filter(|metric| metric.classification == Classification::Nodata).count();
    (nodata > 0).then(|| {
        let all = counted.len();
        let text = if 2 * nodata >= all {
            format!(
                "{nodata} of {all} metrics have no data: from half on, Kayenta fails the canary \
                     whatever the others say"
            )
        } else {
            format!(
                "{nodata} of {all} metrics have no data: below half, Kayenta scores the canary \
                     as if they did not exist"
            )
        };
        (WarningCode::MostlyNodata, text)
    })
}

fn group_without_data(scorecard: &Scorecard) -> Found {
    let empty: Vec<&str> = scorecard
        .groups
        .iter()
        .filter(|group| group.score.is_none() && group.weight != 0.0)
        .map(|group| group.name.as_str())
        .collect();
    (!empty.is_empty()).then(|| {
        let text = format!(
            "nothing could be scored in {}: Kayenta counts such a group as if all of it had passed",
            empty.join(", ")
        );
        (WarningCode::GroupWithoutData, text)
    })
}

fn odd_weights(scorecard: &Scorecard, weights: &GroupWeights) -> Found {
    let negative = scorecard.groups.iter().any(|group| group.weight < 0.0);
    let sum: f64 = scorecard.groups.iter().map(|group| group.weight).sum();
    let off = !scorecard.groups.is_empty() && (sum - 100.0).abs() > 0.5;
    (negative || off).then(|| {
        let listed = weights.listed().len();
        let what = if negative { "and one of them is negative" } else { "not to 100" };
        let text = format!(
            "the weights of the groups that have metrics add up to {sum}, {what} ({listed} are \
             listed): Kayenta does not check, and the score cannot be read as a percentage"
        );
        (WarningCode::Weights, text)
    })
}

fn nothing_counts(scorecard: &Scorecard) -> Found {
    scorecard.groups.is_empty().then(|| {
        let text = "no metric counts in any group, which Kayenta scores as 0";
        (WarningCode::Ungrouped, text.to_owned())
    })
}

/// Returns the warnings about a run of several judgements.
pub(crate) fn of_run(
    run: &JudgementRun,
    judgements: &[Judgement],
    thresholds: Thresholds,
) -> Vec<Warning> {
    let found = [
        repeated_looks(judgements),
        marginal_stops(judgements, thresholds),
        remainder_not_judged(run),
    ];
    let warning = |(code, text)| Warning { code, metric: None, text };
    found.into_iter().flatten().map(warning).collect()
}

fn repeated_looks(judgements: &[Judgement]) -> Found {
    (judgements.len() > 1).then(|| {
        let text = format!(
            "it looked {} times, and Kayenta does not correct for looking more than once",
            judgements.len()
        );
        (WarningCode::RepeatedLooks, text)
    })
}

fn marginal_stops(judgements: &[Judgement], thresholds: Thresholds) -> Found {
    let last = judgements.last()?;
    (last.score == thresholds.marginal()).then(|| {
        let text = "a score equal to the marginal threshold is marginal to the judge, and stops the \
                    run as a failure";
        (WarningCode::MarginalStops, text.to_owned())
    })
}

fn remainder_not_judged(run: &JudgementRun) -> Found {
    let remainder = unjudged_remainder(run);
    (!remainder.is_zero()).then(|| {
        let text = format!(
            "the last {} minutes of the lifetime are less than an interval and were not judged",
            remainder.as_secs() / 60
        );
        (WarningCode::RemainderNotJudged, text)
    })
}
