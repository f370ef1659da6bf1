//! A whole analysis, judged as Kayenta would.

use serin_model::{
    Amount, Analysis, Check, Classification, EffectSize, EffectSizeMeasure, GuardrailOutcome,
    Interval, JudgeRevision, JudgedMetric, Judgement, MetricSeries, Multiple, Outcome, ScoreClass,
    Scorecard, Summary, Trace, TracePoint, Verdict, Warning, Window, Worse,
};
use serin_stats::{Alternative, Method, mann_whitney_u, moments, quantile_of_sorted};

use super::classify::{ClassifiedPair, MetricOptions, Rule, Strictness, classify};
use super::clean::CleanValues;
use super::faults;
use super::score::{ScoredMetric, score};
use super::windows::{JudgementWindow, judgement_windows, stops_the_run};
use crate::bins::{averaged, occupied};
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
/// bin. Where the analysis asks for several judgements they are made in order until one stops the
/// run, and the last one is the verdict.
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
    for window in &windows {
        let judged = judge_window(analysis, series, *window);
        let (score, class) = (judged.verdict.scorecard.score, judged.verdict.scorecard.class);
        judgements.push(Judgement { window: window.canary, score, class });
        last = Some(judged);
        if stops_the_run(score, analysis.thresholds) {
            break;
        }
    }
    let mut judged = last.unwrap_or_else(|| judge_window(analysis, series, whole));
    if let Some(run) = &analysis.judgements {
        judged.verdict.warnings.extend(faults::of_run(run, &judgements, analysis.thresholds));
        if let Some(judgement) = judgements.last()
            && stops_the_run(judgement.score, analysis.thresholds)
        {
            judged.verdict.outcome = Outcome::Fail;
        }
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
    let scored: Vec<ScoredMetric<'_>> = judged.iter().map(|pair| scored_metric(&pair.metric)).collect();
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
        // Less than one, so that it only orders within a class.
        let moved = self.metric.mean_ratio.map_or(0.0, |ratio| (ratio - 1.0).abs());
        counted + class + moved / (1.0 + moved)
    }
}

fn judge_pair<'a>(
    analysis: &Analysis,
    check: &'a Check,
    answer: &MetricSeries,
    window: JudgementWindow,
) -> JudgedPair<'a> {
    let mut arms = answer.arms.clone();
    arms.control.keep(window.control);
    arms.canary.keep(window.canary);
    let trace = Trace {
        metric: check.name.clone(),
        control: averaged(&arms.control, analysis.step),
        canary: averaged(&arms.canary, analysis.step),
    };
    let (control_bins, canary_bins) =
        (occupied(&arms.control, analysis.step), occupied(&arms.canary, analysis.step));
    let control = with_gaps(&trace.control, control_bins.len());
    let canary = with_gaps(&trace.canary, canary_bins.len());

    let options = MetricOptions {
        worse: check.worse,
        critical: check.critical,
        kayenta: check.kayenta.clone(),
    };
    let classified = classify(&control, &canary, &options, Strictness::NETFLIX);
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
    JudgedPair { check, classified, metric, trace }
}

/// A bin in which nothing could be measured is a gap. Bins that a replica never reported are not:
/// the reference closes them up.
fn with_gaps(trace: &[TracePoint], bins: usize) -> Vec<f64> {
    let mut values: Vec<f64> = trace.iter().map(|point| point.value).collect();
    values.resize(bins.max(values.len()), f64::NAN);
    values
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

/// One sentence that says how this metric came out.
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
        (Rule::Identical | Rule::OneValue, _) => "both arms have the same values".to_owned(),
        (Rule::Failed, _) => "all values are tied once one arm is shifted onto the other".to_owned(),
        (_, Classification::High) => format!("higher: {compared}{}", times(classified)),
        (_, Classification::Low) => format!("lower: {compared}{}", times(classified)),
        (_, _) => format!("no difference that counts: {compared}"),
    }
}

fn missing(control: usize, canary: usize) -> String {
    match (control, canary) {
        (0, 0) => "neither arm reported anything".to_owned(),
        (0, _) => "the control reported nothing".to_owned(),
        (_, _) => "the canary reported nothing".to_owned(),
    }
}

fn times(classified: &ClassifiedPair) -> String {
    classified.deviation.map(|ratio| format!(" ({})", Multiple(ratio))).unwrap_or_default()
}

/// The outcome, and the one sentence a reader sees first.
fn decide(
    analysis: &Analysis,
    scorecard: &Scorecard,
    judged: &[JudgedPair<'_>],
) -> (Outcome, String) {
    let counted = || judged.iter().filter(|pair| !pair.metric.muted);
    let with_guardrail = |outcome: GuardrailOutcome| {
        judged.iter().find_map(|pair| {
            let guardrail = pair.metric.guardrail.as_ref()?;
            let name = &pair.metric.name;
            (guardrail.outcome == outcome).then(|| format!("{name} is {}", guardrail.reason))
        })
    };
    let score = score_in_words(scorecard);

    if let Some(broken) = with_guardrail(GuardrailOutcome::Broken) {
        return (Outcome::Fail, broken);
    }
    let worst = worst_in_words(counted().map(|pair| &pair.metric));
    if scorecard.class == ScoreClass::Fail {
        return (Outcome::Fail, join(&score, scorecard.reason.clone().or(worst)));
    }
    if let Some(both) = with_guardrail(GuardrailOutcome::BrokenOnBoth) {
        return (Outcome::Inconclusive, both);
    }
    if let Some(nothing) = with_guardrail(GuardrailOutcome::Nodata) {
        return (Outcome::Inconclusive, nothing.replace(" is the canary", ": the canary"));
    }
    if scorecard.class == ScoreClass::Marginal {
        return (Outcome::Inconclusive, join(&score, worst));
    }
    if let Some(few) = counted().find_map(too_few_points) {
        return (Outcome::Inconclusive, few);
    }
    let agreed = match counted().filter(|pair| pair.metric.classification.is_failure()).count() {
        0 => format!("none of {} metrics got worse", analysis.checks().len()),
        _ => worst.unwrap_or_default(),
    };
    (Outcome::Pass, join(&score, Some(agreed)))
}

fn join(score: &str, detail: Option<String>) -> String {
    match detail {
        Some(detail) => format!("{score}: {detail}"),
        None => score.to_owned(),
    }
}

fn score_in_words(scorecard: &Scorecard) -> String {
    let Scorecard { score, pass, marginal, .. } = scorecard;
    match scorecard.class {
        ScoreClass::Pass => format!("score {score} of 100, {pass} is enough"),
        ScoreClass::Marginal => format!("score {score} of 100, marginal: {pass} is enough"),
        ScoreClass::Fail => format!("score {score} of 100, below {marginal}"),
    }
}

fn worst_in_words<'a>(metrics: impl Iterator<Item = &'a JudgedMetric>) -> Option<String> {
    let failed: Vec<&JudgedMetric> =
        metrics.filter(|metric| metric.classification != Classification::Pass).collect();
    let first = failed.first()?;
    let others = match failed.len() {
        1 => String::new(),
        2 => ", and one more metric did not pass".to_owned(),
        all => format!(", and {} more metrics did not pass", all - 1),
    };
    Some(format!("{} is {}{others}", first.name, first.reason).replace(" is the ", ": the ").replace(" is neither ", ": neither "))
}

fn too_few_points(pair: &JudgedPair<'_>) -> Option<String> {
    let minimum = pair.check.minimum_points?.get() as usize;
    let points = pair.metric.control.points.min(pair.metric.canary.points);
    (points < minimum).then(|| {
        format!("too few points to pass: {} has {points} of {minimum}", pair.metric.name)
    })
}
