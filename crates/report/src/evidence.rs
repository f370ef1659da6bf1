//! What every format says of evidence in the same words.

use serin_model::{Evidence, Interval, JudgedMetric, Standing, UnclearCause, Verdict};

use crate::change::Change;
use crate::clock;
use crate::report::Report;
use crate::wording::{self, NOTHING};

/// Evidence beyond one in so many is not told apart: no model of a metric is true to that degree.
const RAREST: f64 = 1e9;

/// Returns whether a verdict rests on evidence, as the sequential judge's does.
pub(crate) fn decides(verdict: &Verdict) -> bool {
    verdict.judge.name == "sequential"
        || verdict.metrics.iter().any(|metric| metric.evidence.is_some())
}

/// Returns how seldom so much evidence would be seen if the hypothesis were true, such as
/// `1 in 40,000`, with two digits and never rarer than it is; `none yet` below one in two.
///
/// * `logarithm`: the natural logarithm of an e-value.
pub(crate) fn odds(logarithm: f64) -> String {
    // One part in a billion more, so that the logarithm of 40,000 is not read as 39,999.99.
    let value = libm::exp(logarithm) * (1.0 + 1e-9);
    if value >= RAREST {
        return "1 in 10⁹ or less".to_owned();
    }
    let whole = value as u64;
    if whole < 2 {
        return "none yet".to_owned();
    }
    let unit = 10_u64.pow(whole.ilog10().saturating_sub(1));
    format!("1 in {}", grouped(whole / unit * unit))
}

/// Returns a number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns the effect, such as `× 4.2`; `–` where none is known.
pub(crate) fn effect(metric: &JudgedMetric) -> String {
    let effect = metric.evidence.as_ref().and_then(|evidence| Some((evidence, evidence.effect?)));
    effect.map_or_else(
        || NOTHING.to_owned(),
        |(evidence, effect)| Change::of(evidence).ratio(effect.estimate),
    )
}

/// Returns the interval of the effect, such as `× 3.1 … 5.7`; `–` where none is known.
pub(crate) fn sequence(metric: &JudgedMetric) -> String {
    let effect = metric.evidence.as_ref().and_then(|evidence| Some((evidence, evidence.effect?)));
    effect.map_or_else(
        || NOTHING.to_owned(),
        |(evidence, effect)| Change::of(evidence).range(effect.lower, effect.upper),
    )
}

/// Returns what the interval of one metric is called, such as `95 % sequence`.
pub(crate) fn sequence_name(evidence: &Evidence) -> String {
    let name = |effect: Interval| format!("{} sequence", wording::margin(effect.confidence));
    evidence.effect.map_or_else(|| "sequence".to_owned(), name)
}

/// Returns the heading of the column of intervals, such as `95 % sequence`: intervals that hold at
/// every moment at once.
pub(crate) fn sequence_heading(verdict: &Verdict) -> String {
    let effects = verdict.metrics.iter().filter_map(|metric| metric.evidence.as_ref()?.effect);
    let mut shares = effects.map(|effect| effect.confidence);
    match shares.next() {
        Some(first) if shares.all(|share| share == first) => {
            format!("{} sequence", wording::margin(first))
        }
        Some(_) | None => "sequence".to_owned(),
    }
}

/// Returns what is tolerated, such as `≤ +25 %`: the widened tolerance where it was widened.
pub(crate) fn tolerance(metric: &JudgedMetric) -> String {
    match &metric.evidence {
        Some(evidence) => Change::of(evidence).bounds(metric.worse, evidence.tolerated),
        None => Change::Percent.bounds(metric.worse, metric.tolerance),
    }
}

/// Returns what speaks for a metric's standing: how seldom, or for an unclear one what could have
/// been seen or why nothing could.
pub(crate) fn in_short(metric: &JudgedMetric) -> String {
    let Some(evidence) = &metric.evidence else { return NOTHING.to_owned() };
    match evidence.standing {
        Standing::Harmed => odds(evidence.harm),
        Standing::Safe => odds(evidence.safety),
        Standing::Unclear => unclear(metric, evidence),
    }
}

fn unclear(metric: &JudgedMetric, evidence: &Evidence) -> String {
    match evidence.cause {
        Some(UnclearCause::SourceFailed) => "source failed".to_owned(),
        Some(UnclearCause::NoData) => "no data".to_owned(),
        Some(UnclearCause::ArmsUnlike) => "arms not alike".to_owned(),
        Some(UnclearCause::BetweenMargins) => "between the margins".to_owned(),
        Some(UnclearCause::TooFewPoints) => match missing_steps(evidence) {
            Some(_) => format!("too few points: {}", points(evidence)),
            None => "too few points".to_owned(),
        },
        Some(UnclearCause::TooNoisy) | None => could_see(metric, evidence),
    }
}

/// Returns the smallest change that would have shown, such as `could see +14 %`.
pub(crate) fn could_see(metric: &JudgedMetric, evidence: &Evidence) -> String {
    match evidence.could_see {
        Some(change) if change.is_finite() => {
            format!("could see {}", Change::of(evidence).bad(metric.worse, change))
        }
        Some(_) | None => "could see no change".to_owned(),
    }
}

/// Returns how many steps were compared, and how many it takes where that is more: `6 of 50`.
pub(crate) fn points(evidence: &Evidence) -> String {
    match evidence.steps_needed.filter(|needed| *needed > evidence.steps) {
        Some(needed) => format!("{} of {needed}", evidence.steps),
        None => evidence.steps.to_string(),
    }
}

/// Returns how many more steps it would take to call a metric safe; `None` where none would help.
pub(crate) fn missing_steps(evidence: &Evidence) -> Option<u64> {
    let unclear = evidence.standing == Standing::Unclear;
    let missing = evidence.steps_needed?.saturating_sub(evidence.steps);
    (unclear && missing > 0).then_some(missing)
}

/// Returns whether nothing could be learnt from a metric, however many points it has.
pub(crate) fn is_unjudged(evidence: &Evidence) -> bool {
    matches!(
        evidence.cause,
        Some(UnclearCause::SourceFailed | UnclearCause::NoData | UnclearCause::ArmsUnlike)
    )
}

/// Returns whether a pass waits for this metric: it is gating, it counts, and it is not yet safe.
pub(crate) fn withholds(metric: &JudgedMetric) -> bool {
    let waits = |evidence: &Evidence| evidence.gating && evidence.standing == Standing::Unclear;
    !metric.muted && metric.evidence.as_ref().is_some_and(waits)
}

/// Returns when the verdict was reached, such as `decided after 6 min, at 14:02 UTC`.
pub(crate) fn decided(report: &Report) -> Option<String> {
    Some(format!("decided {}", reached(report)?))
}

/// Returns when the verdict was reached, such as `after 6 min, at 14:02 UTC`.
///
/// The time counts from the first judged bin to the end of the last that was needed.
pub(crate) fn reached(report: &Report) -> Option<String> {
    let at = report.verdict.decided_at?;
    let clock = clock::hour(at);
    let step = 1000 * i64::from(report.step_seconds);
    let passed = report
        .span
        .map(|(first, _)| at.as_millis().saturating_sub(first.as_millis()).saturating_add(step));
    Some(match passed.filter(|passed| *passed >= step && *passed > 0) {
        Some(passed) => format!("after {}, at {clock} UTC", clock::duration(passed)),
        None => format!("at {clock} UTC"),
    })
}

#[cfg(test)]
mod tests {
    use super::odds;

    #[test]
    fn odds_have_two_digits_and_never_claim_more_than_there_is() {
        for (value, words) in [
            (0.0, "none yet"),
            (1.0, "none yet"),
            (1.99, "none yet"),
            (2.0, "1 in 2"),
            (9.9, "1 in 9"),
            (31.9, "1 in 31"),
            (319.0, "1 in 310"),
            (1_000.0, "1 in 1,000"),
            (40_000.0, "1 in 40,000"),
            (39_999.0, "1 in 39,000"),
            (999_999_999.0, "1 in 990,000,000"),
            (1e9, "1 in 10⁹ or less"),
            (f64::INFINITY, "1 in 10⁹ or less"),
        ] {
            assert_eq!(odds(libm::log(value)), words);
        }
        assert_eq!(odds(f64::NAN), "none yet");
        assert_eq!(odds(1e4), "1 in 10⁹ or less");
    }
}
