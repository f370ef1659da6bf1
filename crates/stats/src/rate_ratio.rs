//! The ratio of two Poisson rates, watched as the events come.
//!
//! Given that an event happened, the chance that it happened in the first arm
//! depends on the ratio of the rates alone: what raises both at once cancels.
//! So the arms of the events are coin tosses, and a mixture of coins against
//! the coin of the null hypothesis is a martingale. Its state is two counts.

use std::f64::consts::PI;

use crate::beta;
use crate::sample::{self, SampleError};

/// Returns the logarithm of the e-value against the hypothesis that at most
/// `null_share` of the events belong to `x`.
///
/// The null hypothesis is that each event, given all before, is in `x` with a
/// probability of at most `null_share`. For Poisson events at rates per
/// exposure whose ratio is at most r, that share is r e / (r e + 1) with the
/// ratio e of the exposures, which has to stay the same as events come; where
/// it moves, multiply the e-values of stretches, or take
/// [`rate_gap_above`](crate::rate_gap_above). For the other direction, swap the
/// arms and give 1 − `null_share`.
///
/// * `events_x`, `events_y`: the counts since the start, finite and not
///   negative. They may be fractions: dividing both by a dispersion factor of 1
///   or more is the customary allowance for events in clumps.
/// * `null_share`: between 0 and 1, both excluded.
///
/// The alternative is a share from Jeffreys's prior, Beta(½, ½), cut off below
/// `null_share`. As whole events come the exponential is a nonnegative
/// supermartingale from 1 under the null hypothesis: the chance that it *ever*
/// reaches 1/α is at most α, so one may look after every event and stop at
/// will. No events give exactly 0. NaN for an argument out of its range.
///
/// Costs O(1), less than a microsecond.
///
/// # Examples
///
/// Nine of twenty errors fell on a tenth of the traffic.
///
/// ```
/// use serin_stats::rate_ratio_log_e;
///
/// let log_e = rate_ratio_log_e(9.0, 11.0, 0.1);
/// assert!(log_e > (1.0 / 0.01_f64).ln());
/// assert!(rate_ratio_log_e(2.0, 18.0, 0.1) < 0.0);
/// ```
///
/// # References
///
/// * H. Robbins, "Statistical methods related to the law of the iterated
///   logarithm", *Annals of Mathematical Statistics* 41 (1970), 1397–1409,
///   for mixtures of likelihood ratios.
/// * M. Lindon and A. Malek, "Anytime-valid inference for multinomial count
///   data", *Advances in Neural Information Processing Systems* 35 (2022), of
///   which this is the case of two cells, one-sided.
#[must_use]
pub fn rate_ratio_log_e(events_x: f64, events_y: f64, null_share: f64) -> f64 {
    let is_count = |events: f64| (0.0..f64::INFINITY).contains(&events);
    let is_share = 0.0 < null_share && null_share < 1.0;
    if !(is_count(events_x) && is_count(events_y) && is_share) {
        return f64::NAN;
    }
    if events_x + events_y == 0.0 {
        return 0.0;
    }
    // The likelihood of the null hypothesis is the power term of the posterior
    // over that of the prior, so each of them divides its own tail.
    let (p, q) = (null_share, 1.0 - null_share);
    let posterior =
        beta::ln_lower_tail_over_power(q, p, PRIOR_SHAPE + events_y, PRIOR_SHAPE + events_x);
    let arc = libm::atan2(q.sqrt(), p.sqrt());
    let prior = libm::log(2.0 * arc) - 0.5 * (libm::log(p) + libm::log(q));
    posterior - prior
}

/// Both shapes of Jeffreys's prior for a proportion.
const PRIOR_SHAPE: f64 = 0.5;

/// Returns an interval for the ratio of the rate of `x` to that of `y`, valid
/// however often one looks.
///
/// With probability 1 − `alpha` or more the true ratio lies in the intervals
/// after *all* events at once, as long as the ratio of the exposures and that
/// of the rates stay as they are. It holds the ratios that the two-sided
/// mixture, with the prior Beta(½, ½) not cut off, has not brought to an
/// e-value of 1/`alpha`.
///
/// * `events_x`, `events_y`: the counts since the start, finite and not
///   negative, as for [`rate_ratio_log_e`].
/// * `exposure_ratio`: the exposure of `x` (its requests, or its time)
///   divided by that of `y`.
/// * `alpha`: between 0 and 1.
///
/// The lower end is 0 while `x` has no events, the upper one infinite while
/// `y` has none. An end on this side of a tolerance is not quite the same as a
/// one-sided e-value of 1/`alpha`, which comes earlier.
///
/// Costs O(1), one or two microseconds.
///
/// # Errors
///
/// [`SampleError::OutOfRange`] for a count, a ratio or an `alpha` out of its
/// range.
///
/// # Examples
///
/// ```
/// use serin_stats::rate_ratio_confidence_sequence;
///
/// // 40 errors against 100, on a tenth of the other's traffic.
/// let (lower, upper) = rate_ratio_confidence_sequence(40.0, 100.0, 0.1, 0.05)?;
/// assert!((lower - 2.06).abs() < 0.01 && (upper - 7.35).abs() < 0.01);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * M. Lindon and A. Malek, "Anytime-valid inference for multinomial count
///   data", *Advances in Neural Information Processing Systems* 35 (2022).
pub fn rate_ratio_confidence_sequence(
    events_x: f64,
    events_y: f64,
    exposure_ratio: f64,
    alpha: f64,
) -> Result<(f64, f64), SampleError> {
    sample::check_not_negative("events_x", events_x)?;
    sample::check_not_negative("events_y", events_y)?;
    sample::check_positive("exposure_ratio", exposure_ratio)?;
    sample::check_open_unit("alpha", alpha)?;

    let mixture = beta::ln_beta(PRIOR_SHAPE + events_x, PRIOR_SHAPE + events_y) - libm::log(PI);
    let excess = mixture + libm::log(alpha);
    let ratio = |ln_odds: f64| libm::exp(ln_odds) / exposure_ratio;
    let lower =
        if events_x == 0.0 { 0.0 } else { ratio(lower_ln_odds(events_x, events_y, excess)) };
    let upper = if events_y == 0.0 {
        f64::INFINITY
    } else {
        // The odds of the other arm.
        ratio(-lower_ln_odds(events_y, events_x, excess))
    };
    Ok((lower, upper))
}

/// Returns the lower of the logarithms θ of odds where
/// T ln(1 + e^θ) − k θ + `excess` is 0, for k `events` out of T.
///
/// The function is convex and above its asymptote −k θ + `excess`, so Newton's
/// method, from where that is 0, climbs to the root without passing it.
fn lower_ln_odds(events: f64, others: f64, excess: f64) -> f64 {
    let total = events + others;
    let mut theta = excess / events;
    for _ in 0..MOST_STEPS {
        let scaled = libm::exp(-theta.abs());
        let share = if theta > 0.0 { 1.0 / (1.0 + scaled) } else { scaled / (1.0 + scaled) };
        let softplus = theta.max(0.0) + libm::log1p(scaled);
        let step = (total * softplus - events * theta + excess) / (events - total * share);
        // Downwards only by rounding.
        if step.is_nan() || step <= f64::EPSILON * theta.abs() {
            break;
        }
        theta += step;
    }
    theta
}

/// The approach at least halves what is left of the way.
const MOST_STEPS: usize = 200;
