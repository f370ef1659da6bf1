//! What every format says in the same words.

use std::collections::BTreeSet;

use serin_model::{
    Amount, Classification, GroupScore, GuardrailOutcome, Interval, JudgedGuardrail, JudgedMetric,
    MeasureKind, Multiple, Outcome, ScoreClass, Standing, Verdict, Warning,
};

use crate::report::Report;
use crate::{clock, evidence, label};

/// The length of a metric's name in a sentence; there is one place where all of it is shown.
pub(crate) const LONG_NAME: usize = 60;

/// What stands where there is nothing to say.
pub(crate) const NOTHING: &str = "–";

/// Returns the sign that carries an outcome where colour cannot.
pub(crate) fn symbol(outcome: Outcome) -> char {
    match outcome {
        Outcome::Pass => '✓',
        Outcome::Inconclusive => '?',
        Outcome::Fail => '✗',
    }
}

/// Returns an outcome as a heading writes it.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "Pass",
        Outcome::Inconclusive => "Inconclusive",
        Outcome::Fail => "Fail",
    }
}

/// Returns what an outcome asks for: the verb, the service, and who must act where it is a person.
pub(crate) fn action(report: &Report) -> String {
    let service = service(report);
    match report.verdict.outcome {
        Outcome::Pass => format!("promote {service}"),
        Outcome::Inconclusive => format!("hold {service}: a person must decide"),
        Outcome::Fail => format!("roll back {service}"),
    }
}

pub(crate) fn service(report: &Report) -> String {
    let service = label::one_line(report.service.trim());
    if service.is_empty() { "the canary".to_owned() } else { service }
}

/// How bad a line is, for the eye: it decides symbols and colours and nothing else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    /// Nothing speaks against it.
    Good,
    /// It could not be told.
    Unclear,
    /// It speaks against the canary.
    Bad,
}

impl Tone {
    pub(crate) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Good,
            Outcome::Inconclusive => Self::Unclear,
            Outcome::Fail => Self::Bad,
        }
    }

    pub(crate) fn of_metric(metric: &JudgedMetric) -> Self {
        let limit = metric.guardrail.as_ref().map(Self::of_guardrail);
        match (limit, Self::of_comparison(metric)) {
            (Some(Self::Bad), _) | (_, Self::Bad) => Self::Bad,
            (Some(Self::Unclear), _) | (_, Self::Unclear) => Self::Unclear,
            (Some(Self::Good) | None, Self::Good) => Self::Good,
        }
    }

    /// Returns how the comparison of the arms came out, without the limit beside it.
    pub(crate) fn of_comparison(metric: &JudgedMetric) -> Self {
        if let Some(evidence) = &metric.evidence {
            return match evidence.standing {
                Standing::Harmed => Self::Bad,
                Standing::Unclear => Self::Unclear,
                Standing::Safe => Self::Good,
            };
        }
        match metric.classification {
            Some(Classification::High | Classification::Low | Classification::NodataFailMetric) => {
                Self::Bad
            }
            Some(Classification::Error | Classification::Nodata) | None => Self::Unclear,
            Some(Classification::Pass) => Self::Good,
        }
    }

    pub(crate) fn of_guardrail(guardrail: &JudgedGuardrail) -> Self {
        match guardrail.outcome {
            GuardrailOutcome::Held => Self::Good,
            GuardrailOutcome::BrokenOnBoth | GuardrailOutcome::Nodata => Self::Unclear,
            GuardrailOutcome::Broken => Self::Bad,
        }
    }

    pub(crate) fn symbol(self) -> char {
        match self {
            Self::Good => '✓',
            Self::Unclear => '?',
            Self::Bad => '✗',
        }
    }

    /// Returns the name of the tone, as style sheets use it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unclear => "unclear",
            Self::Bad => "bad",
        }
    }
}

/// Returns the judge's word for a metric: where it stands, or its class in Kayenta's words.
pub(crate) fn class(metric: &JudgedMetric) -> &'static str {
    match (&metric.evidence, metric.classification) {
        (Some(evidence), _) => evidence.standing.as_str(),
        (None, Some(classification)) => classification.as_str(),
        (None, None) => NOTHING,
    }
}

/// Returns a metric's classification with what else decides how to read it.
pub(crate) fn outcome(metric: &JudgedMetric) -> String {
    let mut words = class(metric).to_owned();
    if metric.critical {
        words.push_str(" (critical)");
    }
    if metric.muted {
        words.push_str(" (muted)");
    }
    if let Some(limit) = broken_limit(metric) {
        words.push_str(", ");
        words.push_str(limit);
    }
    words
}

/// Returns what else than the classification decides how to read a metric, such as `critical`.
pub(crate) fn notes(metric: &JudgedMetric) -> String {
    let is_gating = metric.evidence.as_ref().is_some_and(|evidence| evidence.gating);
    let gating = is_gating.then_some("gating");
    let critical = metric.critical.then_some("critical");
    let muted = metric.muted.then_some("muted");
    let notes = [gating, critical, muted, broken_limit(metric)];
    notes.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn broken_limit(metric: &JudgedMetric) -> Option<&'static str> {
    match metric.guardrail.as_ref()?.outcome {
        GuardrailOutcome::Broken => Some("limit broken"),
        GuardrailOutcome::BrokenOnBoth => Some("limit broken on both"),
        GuardrailOutcome::Held | GuardrailOutcome::Nodata => None,
    }
}

/// Returns how a guardrail came out, in one sentence without the metric's name.
pub(crate) fn guardrail(guardrail: &JudgedGuardrail) -> String {
    let reason = label::one_line(&guardrail.reason);
    let since = guardrail
        .broken_since
        .map(|time| format!(" since {} UTC", clock::hour(time)))
        .unwrap_or_default();
    match guardrail.outcome {
        GuardrailOutcome::Held => format!("held: {reason}"),
        GuardrailOutcome::Broken => format!("broken{since}: {reason}"),
        GuardrailOutcome::BrokenOnBoth => format!("broken on both arms{since}: {reason}"),
        GuardrailOutcome::Nodata => format!("unknown: {reason}"),
    }
}

/// Returns a value of `metric`, or `–` when its arm has no points.
pub(crate) fn amount(value: f64, points: usize, kind: MeasureKind) -> String {
    if points == 0 { NOTHING.to_owned() } else { Amount::new(value, kind).to_string() }
}

/// Returns the canary's mean over the control's, as a change.
pub(crate) fn effect(metric: &JudgedMetric) -> String {
    metric.mean_ratio.map_or_else(|| NOTHING.to_owned(), |ratio| Multiple(ratio).to_string())
}

/// Returns an absolute shift: percentage points for a ratio, and the metric's own unit otherwise.
pub(crate) fn shift(interval: &Interval, kind: MeasureKind) -> String {
    let (factor, unit) = match kind {
        MeasureKind::Ratio => (100.0, " pp"),
        MeasureKind::Histogram
        | MeasureKind::Count
        | MeasureKind::Gauge
        | MeasureKind::Quantile => (1.0, ""),
    };
    range(factor * interval.lower, factor * interval.upper, unit)
}

/// Returns `lower … upper` with their signs and one unit.
pub(crate) fn range(lower: f64, upper: f64, unit: &str) -> String {
    format!("{} … {}{unit}", signed(lower), signed(upper))
}

/// Returns a number with three significant digits and its sign.
pub(crate) fn signed(value: f64) -> String {
    let digits = Amount::new(value.abs(), MeasureKind::Gauge).to_string();
    if value < 0.0 {
        format!("−{digits}")
    } else if value > 0.0 {
        format!("+{digits}")
    } else {
        digits
    }
}

/// Returns a margin as a percentage of control.
pub(crate) fn margin(fraction: f64) -> String {
    format!("{} %", trimmed(&Amount::new(100.0 * fraction, MeasureKind::Gauge).to_string()))
}

/// Returns a number without the zeros at the end of its fraction.
pub(crate) fn trimmed(number: &str) -> String {
    let (digits, rest) = match number.find([' ', 'e']) {
        Some(at) => number.split_at(at),
        None => (number, ""),
    };
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    format!("{digits}{rest}")
}

/// Returns a probability with as many digits as help.
pub(crate) fn p_value(probability: Option<f64>) -> String {
    match probability {
        Some(p_value) if p_value < 0.001 => "< 0.001".to_owned(),
        Some(p_value) if p_value < 0.1 => format!("{p_value:.3}"),
        Some(p_value) if p_value.is_finite() => format!("{p_value:.2}"),
        Some(_) | None => NOTHING.to_owned(),
    }
}

/// Returns how often the interval of the shift holds the truth, when all metrics agree on it.
pub(crate) fn confidence(metrics: &[JudgedMetric]) -> Option<f64> {
    let mut all = metrics.iter().filter_map(|metric| Some(metric.shift?.confidence));
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// Returns the heading of the column of intervals, such as `98 % interval`.
pub(crate) fn interval_heading(metrics: &[JudgedMetric]) -> String {
    confidence(metrics)
        .map_or_else(|| "interval".to_owned(), |share| format!("{} interval", margin(share)))
}

/// Returns a score, a threshold or a weight: at most two decimals.
pub(crate) fn points_of_score(score: f64) -> String {
    if score.abs() < 1e9 {
        trimmed(&format!("{score:.2}")).replace('-', "−")
    } else {
        Amount::new(score, MeasureKind::Gauge).to_string()
    }
}

/// Returns the score with its thresholds, or with where it is from when it decides nothing.
pub(crate) fn score(verdict: &Verdict) -> String {
    let scorecard = &verdict.scorecard;
    let score = points_of_score(scorecard.score);
    if evidence::decides(verdict) {
        return format!("{score} of 100, derived from the verdict");
    }
    format!(
        "{score} of 100 (pass {}, marginal {})",
        points_of_score(scorecard.pass),
        points_of_score(scorecard.marginal)
    )
}

pub(crate) fn score_class(class: ScoreClass) -> &'static str {
    match class {
        ScoreClass::Pass => "pass",
        ScoreClass::Marginal => "marginal",
        ScoreClass::Fail => "fail",
    }
}

/// Returns a group's score; one without data has none.
pub(crate) fn group_score(group: &GroupScore) -> String {
    group.score.map_or_else(|| "no data".to_owned(), points_of_score)
}

/// A sentence with all that it is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Shared {
    /// The metrics' names, each once; none when it is about the whole verdict.
    pub(crate) about: Vec<String>,
    /// The sentence.
    pub(crate) text: String,
}

impl Shared {
    /// Returns the sentence after the names it is about.
    pub(crate) fn in_words(&self) -> String {
        if self.about.is_empty() {
            self.text.clone()
        } else {
            format!("{}: {}", self.about.join(", "), self.text)
        }
    }
}

/// Returns the warnings in their order, those of one text as one.
pub(crate) fn warnings(warnings: &[Warning]) -> Vec<Shared> {
    let pairs = warnings.iter().map(|warning| {
        let metric = warning.metric.as_deref().map(label::one_line);
        let metric = metric.map(|name| label::shortened(&name, LONG_NAME));
        (metric, label::one_line(&warning.text))
    });
    shared(pairs)
}

/// Returns each test that decided, with the metrics it decided; no metrics when there was one test.
pub(crate) fn tests(metrics: &[JudgedMetric]) -> Vec<Shared> {
    let pairs = metrics.iter().map(|metric| {
        let name = label::shortened(&label::name(metric), LONG_NAME);
        (Some(name), label::one_line(&metric.test))
    });
    let mut tests = shared(pairs);
    if let [only] = &mut tests[..] {
        only.about.clear();
    }
    tests
}

fn shared(pairs: impl Iterator<Item = (Option<String>, String)>) -> Vec<Shared> {
    let mut shared: Vec<Shared> = Vec::new();
    let mut said = BTreeSet::new();
    for (about, text) in pairs {
        if !said.insert((about.clone(), text.clone())) {
            continue;
        }
        match shared.iter_mut().find(|known| known.text == text) {
            Some(known) => known.about.extend(about),
            None => shared.push(Shared { about: about.into_iter().collect(), text }),
        }
    }
    shared
}

/// Returns `text` as a sentence of its own: with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = unbroken(text.trim());
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}

/// Returns `text` on one line, its numbers kept together with their signs by spaces that do not break.
pub(crate) fn unbroken(text: &str) -> String {
    label::one_line(text).replace(" %", "\u{a0}%").replace("× ", "×\u{a0}")
}
