//! The spread of a sample, in spite of outliers.

use crate::moments::moments;
use crate::quantile::{quantile, quantile_of_sorted};

/// The standard deviation of a normal distribution divided by its median
/// absolute deviation.
pub const DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION: f64 = 1.482_602_218_505_602;

/// Returns the median of the distances from the median, in the unit of the
/// values.
///
/// Up to half of the values may be anything without moving it far. Not scaled:
/// times [`DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION`] it estimates the standard
/// deviation of normal values.
///
/// * `values`: any number of finite values in one unit, in any order.
///
/// Returns `None` when there are no values, and when one is not finite. It is 0
/// when more than half of the values are equal.
///
/// Costs O(n log n) time and a copy of the values.
///
/// # Examples
///
/// ```
/// use serin_stats::median_absolute_deviation;
///
/// assert_eq!(median_absolute_deviation(&[1.0, 2.0, 3.0, 4.0, 900.0]), Some(1.0));
/// ```
///
/// # References
///
/// * F. R. Hampel, "The influence curve and its role in robust estimation",
///   *Journal of the American Statistical Association* 69 (1974), 383–393.
#[must_use]
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    Some(centre_and_deviation(values)?.1)
}

/// Returns the standard deviation of the values after those far from the median
/// are moved to the edge.
///
/// The edges are `clip` scaled median absolute deviations below and above the
/// median. The divisor is n − 1. With a `clip` of 3 normal values keep 99 % of
/// their deviation, while a thousandfold value weighs no more than one of three
/// deviations.
///
/// * `values`: two or more finite values in one unit, in any order.
/// * `clip`: more than 0, in standard deviations of normal values.
///
/// Where the median absolute deviation is 0, more than half of the values being
/// equal, nothing says what is far: the answer is then the plain standard
/// deviation, which is the cautious one. It is 0 only when all values are
/// equal.
///
/// Returns `None` for fewer than two values, for a value that is not finite,
/// and for a `clip` that is not more than 0.
///
/// Costs O(n log n) time and a copy of the values.
///
/// # Examples
///
/// ```
/// use serin_stats::winsorised_standard_deviation;
///
/// let calm = [-2.0, -1.0, 0.0, 1.0, 2.0];
/// let jolted = [-2.0, -1.0, 0.0, 1.0, 500.0];
/// let [calm, jolted] = [calm, jolted].map(|values| winsorised_standard_deviation(&values, 3.0));
/// assert_eq!(calm, Some(2.5_f64.sqrt()));
/// assert!(jolted.unwrap() < 2.5);
/// ```
///
/// # References
///
/// * J. W. Tukey, "The future of data analysis", *Annals of Mathematical
///   Statistics* 33 (1962), 1–67, for winsorising.
#[must_use]
pub fn winsorised_standard_deviation(values: &[f64], clip: f64) -> Option<f64> {
    let (median, deviation) = centre_and_deviation(values)?;
    if values.len() < 2 || clip.is_nan() || clip <= 0.0 {
        return None;
    }
    let reach = clip * DEVIATIONS_PER_MEDIAN_ABSOLUTE_DEVIATION * deviation;
    if deviation == 0.0 || reach == 0.0 {
        return Some(moments(values)?.standard_deviation());
    }
    let clipped: Vec<f64> =
        values.iter().map(|value| value.clamp(median - reach, median + reach)).collect();
    Some(moments(&clipped)?.standard_deviation())
}

/// Returns the median and the median absolute deviation.
fn centre_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    if !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let median = quantile(values, 0.5)?;
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    Some((median, quantile_of_sorted(&distances, 0.5)?))
}
