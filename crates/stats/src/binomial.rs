//! Exact tails of the binomial distribution, and the test of two Poisson rates
//! that they make.

use crate::beta;
use crate::sample::{self, Alternative, SampleError};

/// Returns the probability of `successes` or more in `trials`.
///
/// * `successes`: 0 has probability 1, more than `trials` have 0.
/// * `probability`: of each success, from 0 to 1; NaN outside and for NaN.
///
/// The relative error is under 1e-13 times the logarithm of the answer.
///
/// Costs O(1), less than a microsecond.
///
/// # Examples
///
/// ```
/// use serin_stats::binomial;
///
/// assert!((binomial::at_least(3, 4, 0.5) - 5.0 / 16.0).abs() < 1e-15);
/// ```
///
/// # References
///
/// * M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*
///   (1964), equation 26.5.24, for the tie to the incomplete beta function.
#[must_use]
pub fn at_least(successes: u64, trials: u64, probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        f64::NAN
    } else if successes == 0 {
        1.0
    } else if successes > trials {
        0.0
    } else {
        beta::cdf(probability, successes as f64, (trials - successes) as f64 + 1.0)
    }
}

/// Returns the probability of `successes` or fewer in `trials`.
///
/// The mirror of [`at_least`]: both include the number itself, so that the two
/// add up to more than 1.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::binomial;
///
/// assert!((binomial::at_most(0, 300, 0.01) - 0.99_f64.powi(300)).abs() < 1e-15);
/// ```
#[must_use]
pub fn at_most(successes: u64, trials: u64, probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        f64::NAN
    } else if successes >= trials {
        1.0
    } else {
        beta::survival(probability, successes as f64 + 1.0, (trials - successes) as f64)
    }
}

/// Tests whether events of `x` come at a higher or lower rate than those of
/// `y`, exactly, and returns the p-value.
///
/// The null hypothesis is that each event, whichever arm it is in, had a chance
/// of `share_x` to be in `x`: the two are Poisson with rates in the ratio of
/// their exposures, and the total says nothing. Whatever raises both rates
/// alike leaves the answer as it is.
///
/// * `events_x`, `events_y`: how many events each arm saw.
/// * `share_x`: the exposure of `x` divided by that of both, between 0 and 1.
///   To test for a ratio of rates r, give r e / (r e + 1) for the ratio e of
///   the exposures.
/// * `alternative`: [`Alternative::Greater`] that `x` has more than its share.
///
/// The two-sided p-value is twice the smaller of the one-sided ones, and at
/// most 1. Without events it is 1. The test is for one look at the end: for a
/// look after each event take [`rate_ratio_log_e`](crate::rate_ratio_log_e).
///
/// Costs O(1), less than a microsecond.
///
/// # Errors
///
/// [`SampleError::OutOfRange`] when `share_x` is not between 0 and 1.
///
/// # Examples
///
/// Nine errors on a tenth of the traffic, against eleven on the rest.
///
/// ```
/// use serin_stats::{Alternative, conditional_binomial_test};
///
/// let p_value = conditional_binomial_test(9, 11, 0.1, Alternative::Greater)?;
/// assert!((p_value - 0.000_060).abs() < 1e-6);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples
///   from Poisson series", *Biometrika* 31 (1940), 313–323.
pub fn conditional_binomial_test(
    events_x: u64,
    events_y: u64,
    share_x: f64,
    alternative: Alternative,
) -> Result<f64, SampleError> {
    sample::check_open_unit("share_x", share_x)?;
    let total = events_x.saturating_add(events_y);
    let greater = at_least(events_x, total, share_x);
    let less = at_most(events_x, total, share_x);
    Ok(match alternative {
        Alternative::Greater => greater,
        Alternative::Less => less,
        Alternative::TwoSided => (2.0 * greater.min(less)).min(1.0),
    })
}
