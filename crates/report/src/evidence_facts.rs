//! What the sequential judge found out about a metric, one fact after the other.

use serin_model::{Evidence, JudgedMetric};

use crate::change::Change;
use crate::evidence::{self, odds};
use crate::{clock, label, wording};

/// Returns the name and value of each fact, the effect first.
pub(crate) fn facts(metric: &JudgedMetric, evidence: &Evidence) -> Vec<(String, String)> {
    let mut facts = vec![("Effect", evidence::effect(metric))];
    let sequence = evidence::sequence_name(evidence);
    if evidence.effect.is_some() {
        facts.push((&sequence, evidence::sequence(metric)));
    }
    facts.push(("Tolerance", tolerance(metric, evidence)));
    facts.push(("Unacceptable", unacceptable(metric, evidence)));
    if !evidence::is_unjudged(evidence) {
        facts.push(("Evidence of harm", with_needed(evidence.harm, evidence.harm_needed)));
        facts.push(("Evidence of safety", with_needed(evidence.safety, evidence.safety_needed)));
    }
    if let Some(change) = evidence.could_see.filter(|change| change.is_finite()) {
        facts.push(("Could have seen", Change::of(evidence).bad(metric.worse, change)));
    }
    facts.push(("Points", evidence::points(evidence)));
    if let Some(since) = evidence.since {
        facts.push(("Harmed since", format!("{} UTC", clock::hour(since))));
    }
    facts.push(("Share of false alarms", wording::margin(evidence.weight)));
    facts.push(("Gating", if evidence.gating { "yes" } else { "no" }.to_owned()));
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn tolerance(metric: &JudgedMetric, evidence: &Evidence) -> String {
    let tolerance = evidence::tolerance(metric);
    match &evidence.widened {
        Some(why) => format!("{tolerance}: {}", label::one_line(why)),
        None => tolerance,
    }
}

/// Returns from where on a change is unacceptable, such as `from +50 %`.
fn unacceptable(metric: &JudgedMetric, evidence: &Evidence) -> String {
    format!("from {}", Change::of(evidence).bad(metric.worse, metric.unacceptable))
}

/// Returns evidence with what is needed of it: `1 in 12 (needs 1 in 20)`.
pub(crate) fn with_needed(found: f64, needed: f64) -> String {
    if needed.is_finite() {
        format!("{} (needs {})", odds(found), odds(needed))
    } else {
        odds(found)
    }
}
