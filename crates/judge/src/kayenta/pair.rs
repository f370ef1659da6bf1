//! One metric of both arms, from its points to its place among the others.

use serin_model::{
    Amount, Analysis, Arm, ArmPair, Check, Classification, EffectSize, EffectSizeMeasure,
    GuardrailOutcome, Interval, JudgedMetric, MetricSeries, Multiple, Trace, TracePoint, Window,
    Worse,
};
use serin_stats::{Alternative, Method, mann_whitney_u};

use super::classify::{ClassifiedPair, MetricOptions, Rule, Strictness, classify};
use super::windows::JudgementWindow;
use crate::bins::averaged;
use crate::guardrail::judge_guardrail;
use crate::summary::{missing, summary, without_gaps};

/// One answer to one check, judged, with what its warnings are made from.
pub(crate) struct JudgedPair<'a> {
    pub(crate) check: &'a Check,
    /// Why nothing is known of the metric, where its source failed.
    pub(crate) failure: Option<String>,
    pub(crate) classified: ClassifiedPair,
    pub(crate) metric: JudgedMetric,
    pub(crate) trace: Trace,
}

impl JudgedPair<'_> {
    /// How the canary stands to the control; an error where the source failed.
    pub(crate) fn classification(&self) -> Classification {
        match self.failure {
            Some(_) => Classification::Error,
            None => self.classified.classification,
        }
    }

    /// Orders metrics worst first: what failed the canary, what could not be judged, the rest by
    /// how far it moved in the direction that is bad.
    pub(crate) fn badness(&self) -> f64 {
        let broken = self.metric.guardrail.as_ref().map(|guardrail| guardrail.outcome);
        let class = match (broken, self.classification()) {
            (Some(GuardrailOutcome::Broken), _) => 7.0,
            (_, _) if self.metric.critical => 6.0,
            (_, class) if class.is_failure() => 5.0,
            (Some(GuardrailOutcome::BrokenOnBoth), _) => 4.0,
            (_, Classification::Error) => 3.0,
            (_, Classification::Nodata) => 2.0,
            (_, _) => 1.0,
        };
        let counted = if self.metric.muted { 0.0 } else { 10.0 };
        counted + class + 0.4 * self.moved()
    }

    /// How far the canary moved, from −1 (all the way to the better) to 1 (all the way to the worse).
    fn moved(&self) -> f64 {
        let change = self.metric.mean_ratio.map_or(0.0, |ratio| ratio - 1.0);
        let size = 1.0 - 1.0 / (1.0 + change.abs());
        match self.metric.worse {
            Worse::Higher => size.copysign(change),
            Worse::Lower => size.copysign(-change),
            Worse::Either => size,
        }
    }
}

/// Judges one answer to one check, inside a window.
pub(crate) fn judge_pair<'a>(
    analysis: &Analysis,
    check: &'a Check,
    answer: &MetricSeries,
    window: JudgementWindow,
) -> JudgedPair<'a> {
    let arms = ArmPair {
        control: in_window(&answer.arms.control, window.control),
        canary: in_window(&answer.arms.canary, window.canary),
    };
    let control = averaged(&arms.control, analysis.step);
    let canary = averaged(&arms.canary, analysis.step);

    let options = MetricOptions {
        worse: check.worse,
        critical: check.critical,
        kayenta: check.kayenta.clone(),
    };
    let classified = classify(&values(&control), &values(&canary), &options, Strictness::NETFLIX);
    let guardrail =
        check.guardrail.as_ref().filter(|_| answer.failure.is_none()).map(|guardrail| {
            judge_guardrail(guardrail, &arms, check.measure.kind(), analysis.step)
        });
    let metric = JudgedMetric {
        name: check.name.clone(),
        labels: answer.labels.clone(),
        measure: check.measure.kind(),
        worse: check.worse,
        classification: Some(match answer.failure {
            Some(_) => Classification::Error,
            None => classified.classification,
        }),
        evidence: None,
        reason: match &answer.failure {
            Some(why) => format!("not judged: {why}"),
            None => reason(check, &classified),
        },
        critical: classified.critical && answer.failure.is_none(),
        muted: check.muted,
        groups: check.groups.clone(),
        owner: check.owner.clone(),
        control: summary(&classified.control.values, &classified.control.sorted),
        canary: summary(&classified.canary.values, &classified.canary.sorted),
        mean_ratio: classified.shift.and(classified.deviation),
        shift: classified.shift.map(|shift| Interval {
            estimate: shift.estimate,
            lower: shift.lower,
            upper: shift.upper,
            confidence: Strictness::NETFLIX.confidence,
        }),
        effect_size: classified.effect_size.map(|value| EffectSize {
            measure: effect_size_name(check.kayenta.effect_size.measure).to_owned(),
            value,
        }),
        p_value: p_value(&classified, check),
        test: match answer.failure {
            Some(_) => "none: the source failed".to_owned(),
            None => test_name(classified.rule).to_owned(),
        },
        tolerance: check.margins.tolerance(),
        unacceptable: check.margins.unacceptable(),
        guardrail,
    };
    let trace = Trace {
        metric: check.name.clone(),
        control: without_gaps(control),
        canary: without_gaps(canary),
    };
    JudgedPair { check, failure: answer.failure.clone(), classified, metric, trace }
}

/// Returns what the arm reported inside the window. The replicas are in the order of their names,
/// because a sum depends on the order of its terms.
fn in_window(arm: &Arm, window: Window) -> Arm {
    let mut arm = arm.clone();
    arm.keep(window);
    arm.replicas.sort_by(|a, b| a.name.cmp(&b.name));
    arm
}

/// A bin in which nothing could be measured is a gap. Bins that no replica reported are not: the
/// reference closes them up.
fn values(bins: &[TracePoint]) -> Vec<f64> {
    bins.iter().map(|bin| bin.value).collect()
}

fn effect_size_name(measure: EffectSizeMeasure) -> &'static str {
    match measure {
        EffectSizeMeasure::MeanRatio => "meanRatio",
        EffectSizeMeasure::CommonLanguage => "cles",
    }
}

fn test_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Missing | Rule::MissingReplaced => "none: a side has no values",
        Rule::Identical | Rule::OneValue => "none: both sides are the same",
        Rule::Test => "Mann–Whitney interval, 98 %, normal approximation",
        Rule::TestWithNoise => "Mann–Whitney interval, 98 %, on constants with noise",
        Rule::Failed => "none: all values are tied once shifted",
    }
}

fn p_value(classified: &ClassifiedPair, check: &Check) -> Option<f64> {
    let alternative = match check.worse {
        Worse::Higher => Alternative::Greater,
        Worse::Lower => Alternative::Less,
        Worse::Either => Alternative::TwoSided,
    };
    let (canary, control) = (&classified.canary.values, &classified.control.values);
    let test = mann_whitney_u(canary, control, alternative, Method::Auto).ok()?;
    Some(test.p_value)
}

/// Says how the metric came out. Each reason completes "the metric is …", so that it reads alone in
/// a table and joined to a name in a sentence.
fn reason(check: &Check, classified: &ClassifiedPair) -> String {
    let kind = check.measure.kind();
    let (control, canary) = (
        summary(&classified.control.values, &classified.control.sorted),
        summary(&classified.canary.values, &classified.canary.sorted),
    );
    let compared = format!(
        "{} against {} of control",
        Amount::new(canary.mean, kind),
        Amount::new(control.mean, kind)
    );
    match (classified.rule, classified.classification) {
        (Rule::Missing | Rule::MissingReplaced, _) => {
            format!("without data: {}", missing(control.points, canary.points))
        }
        (Rule::Identical | Rule::OneValue, _) => "the same on both arms".to_owned(),
        (Rule::Failed, _) => {
            "not comparable: all values are tied once one arm is shifted onto the other".to_owned()
        }
        (_, Classification::High) => format!("higher: {compared}{}", times(classified)),
        (_, Classification::Low) => format!("lower: {compared}{}", times(classified)),
        (_, _) => format!("not different enough to count: {compared}"),
    }
}

fn times(classified: &ClassifiedPair) -> String {
    classified.deviation.map(|ratio| format!(" ({})", Multiple(ratio))).unwrap_or_default()
}
