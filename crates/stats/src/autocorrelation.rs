//! How much values resemble the ones before them, and what that takes from
//! their evidence.

use crate::moments::moments;

/// Returns the autocorrelation of `values` at `lag`.
///
/// It is the sum of products of deviations from the mean `lag` apart, divided
/// by the sum of their squares: from −1 to 1, and 1 at lag 0. With the divisor
/// the same at every lag it is biased towards 0 and below, for short series by
/// about (1 + 4φ)/n at lag 1.
///
/// * `values`: evenly spaced, in the order of time, without gaps.
///
/// Returns `None` when there are no values at that lag, when all values are
/// equal, and when one is not finite or too large to be squared.
///
/// Costs O(n).
///
/// # Examples
///
/// ```
/// use serin_stats::autocorrelation;
///
/// assert_eq!(autocorrelation(&[1.0, 2.0, 3.0, 4.0], 1), Some(0.25));
/// assert_eq!(autocorrelation(&[5.0, 5.0], 1), None);
/// ```
///
/// # References
///
/// * G. E. P. Box and G. M. Jenkins, *Time Series Analysis: Forecasting and
///   Control* (1970), section 2.1.
#[must_use]
pub fn autocorrelation(values: &[f64], lag: usize) -> Option<f64> {
    let deviations = deviations(values)?;
    let lagged = deviations.get(lag..).filter(|lagged| !lagged.is_empty())?;
    ratio(product(&deviations, lagged), product(&deviations, &deviations))
}

/// Returns the long-run variance of `values`: n times the variance of their
/// mean.
///
/// The sum of the autocovariances at all lags, of which those up to `lags` are
/// estimated and weighted by 1 − l/(`lags` + 1), Bartlett's kernel: with these
/// weights it is never negative. Compare a mean divided by its root over n not
/// with the normal distribution but with [`fixed_b_critical_value`].
///
/// * `values`: evenly spaced, in the order of time, without gaps.
/// * `lags`: 0 gives the variance, with divisor n; see [`lazarus_lags`].
///
/// Returns `None` when there are no values, and when one is not finite or too
/// large to be squared.
///
/// Costs O(n · `lags`).
///
/// # Examples
///
/// ```
/// use serin_stats::long_run_variance;
///
/// // 1.25, and twice half of 0.3125.
/// assert_eq!(long_run_variance(&[1.0, 2.0, 3.0, 4.0], 1), Some(1.5625));
/// ```
///
/// # References
///
/// * W. K. Newey and K. D. West, "A simple, positive semi-definite,
///   heteroskedasticity and autocorrelation consistent covariance matrix",
///   *Econometrica* 55 (1987), 703–708, equation 5.
#[must_use]
pub fn long_run_variance(values: &[f64], lags: usize) -> Option<f64> {
    let deviations = deviations(values)?;
    let products = |lag: usize| product(&deviations, &deviations[lag..]);
    let weighted: f64 = (1..=lags.min(values.len() - 1))
        .map(|lag| (1.0 - lag as f64 / (lags as f64 + 1.0)) * products(lag))
        .sum();
    let variance = (products(0) + 2.0 * weighted) / values.len() as f64;
    // Below 0 only by rounding.
    variance.is_finite().then_some(variance.max(0.0))
}

/// Returns how many independent values would tell as much about the mean.
///
/// n times the variance divided by the long-run variance: less than n where
/// values resemble those before them, more where they alternate.
///
/// * `values`, `lags`: as for [`long_run_variance`].
///
/// Returns `None` where that is `None`, or 0, or no number.
///
/// Costs O(n · `lags`).
///
/// # Examples
///
/// ```
/// use serin_stats::effective_sample_size;
///
/// let drifting = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// assert!(effective_sample_size(&drifting, 3).unwrap() < 4.0);
/// assert_eq!(effective_sample_size(&drifting, 0), Some(8.0));
/// ```
///
/// # References
///
/// * H. J. Thiébaux and F. W. Zwiers, "The interpretation and estimation of
///   effective sample size", *Journal of Climate and Applied Meteorology* 23
///   (1984), 800–811.
#[must_use]
pub fn effective_sample_size(values: &[f64], lags: usize) -> Option<f64> {
    let n = values.len() as f64;
    ratio(n * long_run_variance(values, 0)?, long_run_variance(values, lags)?)
}

/// Returns how many lags to use for a long-run variance of `n` values:
/// 1.3 √n, rounded up, and less than `n`.
///
/// # Examples
///
/// ```
/// use serin_stats::lazarus_lags;
///
/// assert_eq!((lazarus_lags(60), lazarus_lags(2), lazarus_lags(0)), (11, 1, 0));
/// ```
///
/// # References
///
/// * E. Lazarus, D. J. Lewis, J. H. Stock and M. W. Watson, "HAR inference:
///   recommendations for practice", *Journal of Business & Economic Statistics*
///   36 (2018), 541–559.
#[must_use]
pub fn lazarus_lags(n: usize) -> usize {
    ((1.3 * (n as f64).sqrt()).ceil() as usize).min(n.saturating_sub(1))
}

/// The confidence of a one-sided bound for which critical values are tabulated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FixedBConfidence {
    /// 90 %, or 80 % on two sides.
    Percent90,
    /// 95 %, or 90 % on two sides.
    Percent95,
    /// 97.5 %, or 95 % on two sides.
    Percent97_5,
    /// 99 %, or 98 % on two sides.
    Percent99,
}

/// Returns the critical value of a mean divided by its standard error, where
/// that comes from a [`long_run_variance`].
///
/// The normal quantile at b = 0, and larger for larger b, for the variance is
/// itself uncertain and too small in the mean.
///
/// * `b`: the number of lags plus 1 over the number of values, from 0 to 1; NaN
///   outside.
///
/// Within 3 % of the limit for many values. It cannot save a series whose
/// dependence is longer than its lags.
///
/// # Examples
///
/// ```
/// use serin_stats::{FixedBConfidence, fixed_b_critical_value, lazarus_lags};
///
/// let b = (lazarus_lags(60) + 1) as f64 / 60.0;
/// assert!((fixed_b_critical_value(FixedBConfidence::Percent99, b) - 3.17).abs() < 0.01);
/// ```
///
/// # References
///
/// * N. M. Kiefer and T. J. Vogelsang, "A new asymptotic theory for
///   heteroskedasticity-autocorrelation robust tests", *Econometric Theory* 21
///   (2005), 1130–1164, table 1, Bartlett's kernel.
#[must_use]
pub fn fixed_b_critical_value(confidence: FixedBConfidence, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&b) {
        return f64::NAN;
    }
    let [constant, linear, square, cube] = match confidence {
        FixedBConfidence::Percent90 => [1.2816, 1.3040, 0.5135, -0.3386],
        FixedBConfidence::Percent95 => [1.6449, 2.1859, 0.3142, -0.3427],
        FixedBConfidence::Percent97_5 => [1.9600, 2.9694, 0.4160, -0.5324],
        FixedBConfidence::Percent99 => [2.3263, 4.1618, 0.5368, -0.9060],
    };
    constant + b * (linear + b * (square + b * cube))
}

/// Returns each value's deviation from the mean, or `None` when there are no
/// values or the mean is not finite.
fn deviations(values: &[f64]) -> Option<Vec<f64>> {
    let mean = moments(values)?.mean;
    mean.is_finite().then(|| values.iter().map(|value| value - mean).collect())
}

/// Returns the sum of products of one series with another, as far as both go.
pub(crate) fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    let ratio = numerator / denominator;
    ratio.is_finite().then_some(ratio)
}
