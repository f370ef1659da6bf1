//! What to do with a verdict, once it has been read.

use serin_model::{GuardrailOutcome, JudgedMetric, Outcome, UnclearCause, Verdict};

use crate::report::Report;
use crate::wording::{self, LONG_NAME, Tone};
use crate::{clock, evidence, label};

/// Returns what to do: the verb, the service, and where to look first.
pub(crate) fn next(report: &Report) -> String {
    let (service, verdict) = (wording::service(report), &report.verdict);
    let suspects = names(&suspects(verdict));
    match (verdict.outcome, suspects.is_empty(), verdict.warnings.len()) {
        (Outcome::Fail, false, _) => format!("roll back {service}, then look at {suspects}"),
        (Outcome::Fail, true, _) => format!("roll back {service}"),
        (Outcome::Inconclusive, is_empty, _) => {
            let first = missing(report).unwrap_or_else(|| match is_empty {
                true => "gather more points, or".to_owned(),
                false => format!("look at {suspects}, then"),
            });
            format!("{first} promote or roll back {service} by hand")
        }
        (Outcome::Pass, _, 0) => format!("promote {service}"),
        (Outcome::Pass, _, 1) => format!("promote {service}, once the warning above is read"),
        (Outcome::Pass, _, _) => format!("promote {service}, once the warnings above are read"),
    }
}

/// Returns the metrics that stand between the canary and a pass, worst first.
fn suspects(verdict: &Verdict) -> Vec<&JudgedMetric> {
    let counted = || verdict.metrics.iter().filter(|metric| !metric.muted);
    if !evidence::decides(verdict) {
        return counted().filter(|metric| is_suspect(metric)).collect();
    }
    let against: Vec<_> = counted().filter(|metric| Tone::of_metric(metric) == Tone::Bad).collect();
    if !against.is_empty() {
        return against;
    }
    let silent: Vec<_> = counted().filter(|metric| is_unjudged(metric)).collect();
    if verdict.outcome == Outcome::Fail || !silent.is_empty() {
        return silent;
    }
    counted().filter(|metric| evidence::withholds(metric) || !is_inside(metric)).collect()
}

fn is_suspect(metric: &JudgedMetric) -> bool {
    Tone::of_comparison(metric) != Tone::Good || !is_inside(metric)
}

/// Returns whether a metric kept inside its limit, if it has one.
fn is_inside(metric: &JudgedMetric) -> bool {
    let limit = metric.guardrail.as_ref();
    limit.is_none_or(|limit| limit.outcome == GuardrailOutcome::Held)
}

fn is_unjudged(metric: &JudgedMetric) -> bool {
    metric.evidence.as_ref().is_some_and(evidence::is_unjudged)
}

/// Returns what would let the judge answer itself; `None` where nothing is sure to.
fn missing(report: &Report) -> Option<String> {
    let verdict = &report.verdict;
    let counted = || verdict.metrics.iter().filter(|metric| !metric.muted);
    let unread: Vec<_> = counted().filter(|metric| is_unread(metric)).collect();
    if !unread.is_empty() {
        let names = names(&unread);
        return Some(format!("see why the source failed for {names} and judge again, or"));
    }
    let waiting: Vec<_> = counted().filter(|metric| evidence::withholds(metric)).collect();
    let is_clear = |metric: &&JudgedMetric| {
        Tone::of_metric(metric) != Tone::Bad && is_inside(metric) && !is_unjudged(metric)
    };
    if waiting.is_empty() || !counted().all(|metric| is_clear(&metric)) {
        return None;
    }
    let steps = waiting.iter().map(|metric| evidence::missing_steps(metric.evidence.as_ref()?));
    let steps = steps.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    let length = clock::duration(1000_i64.saturating_mul(
        i64::try_from(steps).unwrap_or(i64::MAX).saturating_mul(i64::from(report.step_seconds)),
    ));
    Some(format!("let {} gather points for {length} more, or", names(&waiting)))
}

fn is_unread(metric: &JudgedMetric) -> bool {
    let cause = metric.evidence.as_ref().and_then(|evidence| evidence.cause);
    cause == Some(UnclearCause::SourceFailed)
}

/// Returns up to two names, as a sentence takes them.
fn names(metrics: &[&JudgedMetric]) -> String {
    let names = metrics.iter().take(2);
    let names = names.map(|metric| label::shortened(&label::name(metric), LONG_NAME));
    names.collect::<Vec<_>>().join(" and ")
}
