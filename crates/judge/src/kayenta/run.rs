//! A whole analysis, judged as Kayenta would.

use serin_model::{
    Amount, Analysis, Arm, ArmPair, Check, Classification, EffectSize, EffectSizeMeasure,
    GuardrailOutcome, Interval, JudgeRevision, JudgedMetric, Judgement, MetricSeries, Multiple,
    Outcome, Summary, Trace, TracePoint, Verdict, Warning, Window, Worse,
};
use serin_stats::{Alternative, Method, mann_whitney_u, moments, quantile_of_sorted};

use super::classify::{ClassifiedPair, MetricOptions, Rule, Strictness, classify};
use super::clean::CleanValues;
use super::faults;
use super::outcome::decide;
use super::score::{ScoredMetric, score};
use super::windows::{JudgementWindow, judgement_windows};
use crate::bins::averaged;
use crate::guardrail::judge_guardrail;
use crate::{Judged, ignored};

/// Grows with every change that could change a verdict of this judge.
pub const REVISION: u32 = 1;

/// Judges an analysis as Kayenta would, with guardrails beside it.
///
/// * `series`: the answers to the analysis's checks, any number a check; a check without one is
///   judged as one pair without data. Answers to other checks are passed over.
///
/// A ratio is judged as bad over total, a histogram as its 99th percentile, replicas averaged a
/// bin. Where the analysis asks for several judgements they are made in order until one fails, and
/// the last one made is the verdict.
#[must_use]
pub fn judge(analysis: &Analysis, series: &[MetricSeries]) -> Judged {
    let whole = JudgementWindow {
        control: analysis.arms.control_window.or(analysis.window).unwrap_or(Window::ALWAYS),
        canary: analysis.window.unwrap_or(Window::ALWAYS),
    };
    let windows = match &analysis.judgements {
        None => Vec::new(),
        Some(run) => judgement_windows(run),
    };
    let mut judgements = Vec::new();
    let mut last = None;
    for window in windows {
        let judged = judge_window(analysis, series, window);
        let (score, class) = (judged.verdict.scorecard.score, judged.verdict.scorecard.class);
        judgements.push(Judgement { window: window.canary, score, class });
        let failed = judged.verdict.outcome == Outcome::Fail;
        last = Some(judged);
        if failed {
            break;
        }
    }
    let mut judged = last.unwrap_or_else(|| judge_window(analysis, series, whole));
    if let Some(run) = &analysis.judgements {
        judged.verdict.warnings.extend(faults::of_run(run, &judgements, analysis.thresholds));
        judged.verdict.judgements = judgements;
    }
    judged
}

fn judge_window(analysis: &Analysis, series: &[MetricSeries], window: JudgementWindow) -> Judged {
    let mut judged: Vec<JudgedPair> = Vec::new();
    for check in analysis.checks() {
        let mut answers = series.iter().filter(|series| series.check == check.name).peekable();
        if answers.peek().is_none() {
            judged.push(judge_pair(analysis, check, &MetricSeries::nothing(&check.name), window));
        }
        judged.extend(answers.map(|answer| judge_pair(analysis, check, answer, window)));
    }
    let scored: Vec<ScoredMetric<'_>> =
        judged.iter().map(|pair| scored_metric(&pair.metric)).collect();
    let scorecard = score(&scored, &analysis.weights, analysis.thresholds);

    let mut warnings: Vec<Warning> = judged.iter().flat_map(faults::of_pair).collect();
    warnings.extend(faults::of_scorecard(&scorecard, &scored, &analysis.weights));

    judged.sort_by(|a, b| b.badness().total_cmp(&a.badness()));
    let (metrics, traces): (Vec<JudgedMetric>, Vec<Trace>) =
        judged.iter().map(|pair| (pair.metric.clone(), pair.trace.clone())).unzip();
    let (outcome, reason) = decide(analysis, &scorecard, &judged);
    let verdict = Verdict {
        outcome,
        reason,
        judge: JudgeRevision { name: "kayenta".to_owned(), revision: REVISION },
        scorecard,
        judgements: Vec::new(),
        metrics,
        warnings,
        ignored: ignored::by_kayenta(analysis),
    };
    Judged { verdict, traces }
}

fn scored_metric(metric: &JudgedMetric) -> ScoredMetric<'_> {
    ScoredMetric {
        name: &metric.name,
        classification: metric.classification,
        critical: metric.critical,
        muted: metric.muted,
        groups: &metric.groups,
    }
}

/// One answer to one check, judged, with what its warnings are made from.
pub(crate) struct JudgedPair<'a> {
    pub(crate) check: &'a Check,
    pub(crate) classified: ClassifiedPair,
    pub(crate) metric: JudgedMetric,
    pub(crate) trace: Trace,
}

impl JudgedPair<'_> {
    /// Orders metrics worst first: what failed the canary, what could not be judged, the rest by
    /// how far it moved.
    fn badness(&self) -> f64 {
        let broken = self.metric.guardrail.as_ref().map(|guardrail| guardrail.outcome);
        let class = match (broken, self.metric.classification) {
            (Some(GuardrailOutcome::Broken), _) => 7.0,
            (_, _) if self.metric.critical => 6.0,
            (_, class) if class.is_failure() => 5.0,
            (Some(GuardrailOutcome::BrokenOnBoth), _) => 4.0,
            (_, Classification::Error) => 3.0,
            (_, Classification::Nodata) => 2.0,
            (_, _) => 1.0,
        };
        let counted = if self.metric.muted { 0.0 } else { 10.0 };
        let moved = self.metric.mean_ratio.map_or(0.0, |ratio| (ratio - 1.0).abs());
        // Less than one, so that it only orders within a class; infinitely far is one half.
        counted + class + 0.5 - 0.5 / (1.0 + moved)
    }
}

fn judge_pair<'a>(
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
    let guardrail = check
        .guardrail
        .as_ref()
        .map(|guardrail| judge_guardrail(guardrail, &arms, check.measure.kind(), analysis.step));
    let metric = JudgedMetric {
        name: check.name.clone(),
        labels: answer.labels.clone(),
        measure: check.measure.kind(),
        worse: check.worse,
        classification: classified.classification,
        reason: reason(check, &classified),
        critical: classified.critical,
        muted: check.muted,
        groups: check.groups.clone(),
        control: summary(&classified.control),
        canary: summary(&classified.canary),
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
        test: test_name(classified.rule).to_owned(),
        tolerance: check.margins.tolerance(),
        unacceptable: check.margins.unacceptable(),
        guardrail,
    };
    let trace = Trace {
        metric: check.name.clone(),
        control: without_gaps(control),
        canary: without_gaps(canary),
    };
    JudgedPair { check, classified, metric, trace }
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

fn without_gaps(bins: Vec<TracePoint>) -> Vec<TracePoint> {
    bins.into_iter().filter(|bin| !bin.value.is_nan()).collect()
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

fn summary(values: &CleanValues) -> Summary {
    let Some(moments) = moments(&values.values) else { return Summary::default() };
    Summary {
        points: moments.count,
        mean: moments.mean,
        median: quantile_of_sorted(&values.sorted, 0.5).unwrap_or(moments.mean),
        standard_deviation: moments.standard_deviation(),
        minimum: moments.minimum,
        maximum: moments.maximum,
    }
}

/// Says how the metric came out. Each reason completes "the metric is …", so that it reads alone in
/// a table and joined to a name in a sentence.
fn reason(check: &Check, classified: &ClassifiedPair) -> String {
    let kind = check.measure.kind();
    let (control, canary) = (summary(&classified.control), summary(&classified.canary));
    let compared = format!(
        "{} against {} of control",
        Amount::new(canary.mean, kind),
        Amount::new(control.mean, kind)
    );
    match (classified.rule, classified.classification) {
        (Rule::Missing | Rule::MissingReplaced, _) => missing(control.points, canary.points),
        (Rule::Identical | Rule::OneValue, _) => "the same on both arms".to_owned(),
        (Rule::Failed, _) => {
            "not comparable: all values are tied once one arm is shifted onto the other".to_owned()
        }
        (_, Classification::High) => format!("higher: {compared}{}", times(classified)),
        (_, Classification::Low) => format!("lower: {compared}{}", times(classified)),
        (_, _) => format!("not different enough to count: {compared}"),
    }
}

fn missing(control: usize, canary: usize) -> String {
    let silent = match (control, canary) {
        (0, 0) => "neither arm reported a value",
        (0, _) => "the control reported no values",
        (_, _) => "the canary reported no values",
    };
    format!("without data: {silent}")
}

fn times(classified: &ClassifiedPair) -> String {
    classified.deviation.map(|ratio| format!(" ({})", Multiple(ratio))).unwrap_or_default()
}
