//! What all formats of a self-test say in the same words.

use serin_model::{
    CanaryRates, Rate, Recommendation, RecommendedAction, SelfTest, SplitKind, TestedMetric,
};

use crate::label;
use crate::plan::wording as planned;
use crate::wording::NOTHING;

/// Sums a self-test up in one sentence without a full stop.
#[must_use]
pub fn self_test_summary(test: &SelfTest) -> String {
    let canary = &test.canary;
    let blamed = format!(
        "the judge blamed {} of {} canaries that were none ({} to {}; at most {} is promised)",
        canary.blamed.count,
        canary.blamed.of,
        share(canary.blamed.lower),
        share(canary.blamed.upper),
        share(test.promised),
    );
    let passed =
        format!("{} passed, {} were inconclusive", canary.passed.count, canary.inconclusive.count);
    let changes = match test.recommendations.len() {
        0 => "nothing needs to be changed".to_owned(),
        1 => "one change is recommended".to_owned(),
        several => format!("{several} changes are recommended"),
    };
    format!("{blamed}; {passed}; {changes}")
}

/// Says what was split and how.
pub(super) fn asked(test: &SelfTest) -> String {
    let asked = &test.asked;
    let how = match test.canary.kind {
        SplitKind::SideBySide => "some replicas against the others",
        SplitKind::BeforeAfter => "the same replicas, after against before",
    };
    format!(
        "{} splits of the control, {how}, {} each, a step of {}, seed {}",
        test.canary.blamed.of,
        planned::minutes(asked.horizon_minutes),
        planned::minutes(f64::from(asked.step_seconds) / 60.0),
        asked.seed,
    )
}

pub(super) fn name(metric: &TestedMetric) -> String {
    planned::titled(&metric.name, &metric.labels)
}

/// Returns the name, with what else decides how to read its figures.
pub(super) fn name_and_role(metric: &TestedMetric) -> String {
    let name = name(metric);
    match (metric.muted, metric.gating) {
        (true, _) => format!("{name} (muted)"),
        (false, true) => format!("{name} (gating)"),
        (false, false) => name,
    }
}

pub(super) fn share(share: f64) -> String {
    planned::share(share)
}

/// Returns a rate with its upper bound: `0 % ≤ 1.9 %`.
pub(super) fn alarms(rate: &Rate) -> String {
    if rate.of == 0 {
        return NOTHING.to_owned();
    }
    format!("{} ≤ {}", share(rate.share()), share(rate.upper))
}

fn part(rate: &Rate) -> String {
    if rate.of == 0 { NOTHING.to_owned() } else { share(rate.share()) }
}

/// Returns how often it was proven safe; what grows never is, and of what never moves it says nothing.
pub(super) fn safe(metric: &TestedMetric) -> String {
    let never = metric.grows || metric.dead.is_some();
    if never { NOTHING.to_owned() } else { part(&metric.safe) }
}

/// Returns how many false alarms of whole canaries are a metric's.
pub(super) fn added(metric: &TestedMetric) -> String {
    part(&metric.failed_canary)
}

pub(super) fn correlation(metric: &TestedMetric) -> String {
    metric.correlation.map_or_else(
        || NOTHING.to_owned(),
        |correlation| format!("{correlation:.2}").replace('-', "−").replace("−0.00", "0.00"),
    )
}

pub(super) fn spread(metric: &TestedMetric) -> String {
    metric.spread.map_or_else(|| NOTHING.to_owned(), |spread| share(spread.deviation))
}

/// Returns the smallest effect that half of the splits would have shown.
pub(super) fn sees(metric: &TestedMetric) -> String {
    if metric.false_alarms.of == 0 || metric.dead.is_some() {
        return NOTHING.to_owned();
    }
    planned::seen(metric.could_see, metric.worse)
}

pub(super) fn smallest(metric: &TestedMetric) -> String {
    match metric.smallest_tolerance {
        Some(tolerance) => share(tolerance),
        None if metric.false_alarms.of == 0 || metric.dead.is_some() => NOTHING.to_owned(),
        None => "none".to_owned(),
    }
}

pub(super) fn missing(metric: &TestedMetric) -> String {
    share(metric.missing)
}

/// Says what became of whole canaries, a line for each judge.
pub(super) fn canaries(test: &SelfTest) -> Vec<String> {
    let mut lines = vec![of_judge("sequential", &test.canary)];
    lines.extend(test.kayenta.as_ref().map(|rates| of_judge("kayenta", rates)));
    lines
}

fn of_judge(judge: &str, rates: &CanaryRates) -> String {
    let all = rates.blamed.of;
    let each = |rate: &Rate| format!("{} ({})", rate.count, share(rate.share()));
    let mut line = format!(
        "{judge}: of {all} canaries {} blamed, {} passed, {} inconclusive; false alarms {} to {}",
        each(&rates.blamed),
        each(&rates.passed),
        each(&rates.inconclusive),
        share(rates.blamed.lower),
        share(rates.blamed.upper),
    );
    if rates.by_silence > 0 {
        line.push_str(&format!("; {} of them for silence", rates.by_silence));
    }
    if rates.by_limit > 0 {
        line.push_str(&format!("; {} of them for a broken limit", rates.by_limit));
    }
    if let Some(minutes) = rates.minutes_to_pass {
        line.push_str(&format!("; nine in ten had passed after {}", planned::minutes(minutes)));
    }
    line
}

/// Says what is odd about a metric: completes a sentence that begins with its name.
pub(super) fn remarks(metric: &TestedMetric, test: &SelfTest) -> Vec<String> {
    let mut remarks = Vec::new();
    remarks.extend(metric.dead.as_ref().map(|why| format!("says nothing of any canary: {why}")));
    remarks.extend(metric.untested.as_ref().map(|why| format!("not tested: {why}")));
    if metric.kind == Some(SplitKind::BeforeAfter) && test.canary.kind == SplitKind::SideBySide {
        remarks.push("one replica: what it did is held against what it did just before".to_owned());
    }
    if metric.grows && metric.dead.is_none() {
        remarks.push(
            "its growth is compared, not its level: it can harm a canary, and never proves one safe"
                .to_owned(),
        );
    }
    remarks.into_iter().map(|remark| label::one_line(&remark)).collect()
}

/// Says a recommendation in one sentence.
pub(super) fn recommendation(recommendation: &Recommendation) -> String {
    let what = match &recommendation.action {
        RecommendedAction::Tolerate { tolerance, unacceptable } => {
            format!(
                "tolerate {}, and call {} unacceptable",
                share(*tolerance),
                share(*unacceptable)
            )
        }
        RecommendedAction::Mute => "mute it, or drop it".to_owned(),
        RecommendedAction::Gate => "make it gating".to_owned(),
        RecommendedAction::Ungate => "make it gating no longer".to_owned(),
        RecommendedAction::Horizon { minutes } => {
            format!("a horizon of {}", planned::minutes(f64::from(*minutes)))
        }
        RecommendedAction::Weigh { group, percent } => {
            format!("a weight of {} for the group {group}", share(percent / 100.0))
        }
    };
    let text = match &recommendation.check {
        Some(check) => format!("{check}: {what}: {}", recommendation.reason),
        None => format!("{what}: {}", recommendation.reason),
    };
    label::one_line(&text)
}

/// Returns the recommendations as comment lines.
#[must_use]
pub fn recommendations_in_words(recommendations: &[Recommendation]) -> Vec<String> {
    recommendations.iter().map(recommendation).collect()
}
