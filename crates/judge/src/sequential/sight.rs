//! How large the effect is, and how large it would have to be to be seen.

use serin_model::{Check, Interval, Worse};
use serin_stats::{normal_mixture_radius, normal_mixture_rho, rate_ratio_confidence_sequence};

use super::metric::{MetricState, aspect_of, sides};
use super::rates::{RateEvidence, Tally};
use super::values::{Aspect, Side};

/// How often the interval holds the truth at every moment at once.
const CONFIDENCE: f64 = 0.95;

/// The number of steps at which the interval is tightest for its level.
const TIGHTEST_AT: f64 = 30.0;

/// What a mixture pays for not knowing the size of the effect beforehand, as a logarithm.
const PRICE_OF_NOT_KNOWING: f64 = 1.5;

/// Returns the canary over the control, with an interval that holds at every moment at once.
pub(super) fn effect(metric: &MetricState, check: &Check) -> Option<Interval> {
    if metric.steps() == 0 {
        return None;
    }
    if let Some(counts) = counts(metric, check) {
        return rate_effect(&counts);
    }
    let values = metric.values.as_ref()?;
    let (estimate, variance) = (values.estimate()?, values.variance_of_a_step()?);
    let steps = values.steps() as f64;
    let alpha = 1.0 - CONFIDENCE;
    let rho = normal_mixture_rho(TIGHTEST_AT, alpha);
    let sum_radius = normal_mixture_radius(steps, rho, alpha) * variance.sqrt();
    let radius = match aspect_of(check) {
        Aspect::Level => sum_radius / steps,
        Aspect::Growth => sum_radius,
    };
    let ratio = |difference: f64| {
        if metric.is_logarithmic() { libm::exp(difference) } else { 1.0 + difference }
    };
    Some(Interval {
        estimate: ratio(estimate),
        lower: ratio(estimate - radius),
        upper: ratio(estimate + radius),
        confidence: CONFIDENCE,
    })
}

/// The counts of both arms so far, where counts are compared.
struct Counts {
    control: Tally,
    canary: Tally,
    unevenness: f64,
    /// How many times the control's rate is tolerated, and how much above it.
    times: f64,
    plus: f64,
}

fn counts(metric: &MetricState, check: &Check) -> Option<Counts> {
    let of = |evidence: &RateEvidence, side: Side, times: f64, plus: f64| {
        let (one, other) = evidence.totals();
        let (control, canary) = match side {
            Side::Higher => (one, other),
            Side::Lower => (other, one),
        };
        Counts { control, canary, unevenness: evidence.unevenness(), times, plus }
    };
    let margins = &check.margins;
    let times = 1.0 + margins.tolerance();
    let of_rates = metric
        .rates
        .iter()
        .find(|(_, evidence)| evidence.steps > 0)
        .map(|(side, evidence)| of(evidence, *side, times, margins.floor()));
    let of_tails = || {
        let telling = metric.most_telling()?;
        Some(of(telling.counts, Side::Higher, telling.tolerated, 0.0))
    };
    of_rates.or_else(of_tails)
}

fn rate_effect(counts: &Counts) -> Option<Interval> {
    let Counts { control, canary, unevenness, .. } = *counts;
    let exposures = canary.exposure / control.exposure;
    let estimate = canary.events / control.events / exposures;
    let (events, of_control) = (canary.events / unevenness, control.events / unevenness);
    let (lower, upper) =
        rate_ratio_confidence_sequence(events, of_control, exposures, 1.0 - CONFIDENCE).ok()?;
    // Neither arm counted a thing: any ratio would do.
    let estimate = if estimate.is_nan() { 1.0 } else { estimate };
    Some(Interval { estimate, lower, upper, confidence: CONFIDENCE })
}

/// Returns the smallest change in the bad direction, as a fraction of control, that the steps so far
/// would more likely than not have shown to be harm.
pub(super) fn could_see(metric: &MetricState, check: &Check, needed: f64) -> Option<f64> {
    if metric.steps() == 0 {
        return None;
    }
    let needed = needed + PRICE_OF_NOT_KNOWING;
    if let Some(counts) = counts(metric, check) {
        return smallest_visible_rate(&counts, needed * counts.unevenness);
    }
    let values = metric.values.as_ref()?;
    let variance = values.variance_of_a_step()?;
    let steps = values.steps() as f64;
    let beyond = match aspect_of(check) {
        Aspect::Level => (2.0 * variance * needed / steps).sqrt(),
        Aspect::Growth => (2.0 * variance * needed * steps).sqrt(),
    };
    let side = sides(check.worse)[0];
    let (tolerated, _) = metric.tolerated(check);
    Some(match (metric.is_logarithmic(), side, check.worse) {
        (true, Side::Higher, _) => (1.0 + tolerated) * libm::exp(beyond) - 1.0,
        (true, Side::Lower, Worse::Lower | Worse::Either | Worse::Higher) => {
            1.0 - (1.0 - tolerated) * libm::exp(-beyond)
        }
        (false, _, _) => tolerated + beyond,
    })
}

/// Looks for the smallest rate, times the control's, whose expected evidence is enough.
fn smallest_visible_rate(counts: &Counts, needed: f64) -> Option<f64> {
    let Counts { control, canary, times: tolerated, plus: floor, .. } = *counts;
    let rate = (control.events + 0.5) / control.exposure;
    let share = |times: f64| times * canary.exposure / (times * canary.exposure + control.exposure);
    let null = share(tolerated);
    let evidence = |times: f64| {
        let there = share(times);
        let above = libm::log(there / null) * times * rate * canary.exposure;
        let below = libm::log((1.0 - there) / (1.0 - null)) * rate * control.exposure;
        above + below - canary.exposure * floor * (there / null - 1.0)
    };
    let mut times = tolerated;
    while times < MOST_TIMES {
        times *= 1.02;
        if evidence(times) >= needed {
            return Some(times - 1.0);
        }
    }
    None
}

/// Beyond this no rate is looked for.
const MOST_TIMES: f64 = 1e4;
