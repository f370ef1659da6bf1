//! How far apart two samples are, without a unit.

use crate::mann_whitney::u_statistic;
use crate::moments::moments;
use crate::rank::mid_ranks;

/// Returns the mean of `x` divided by the mean of `y`.
///
/// A ratio of 1.2 says that `x` is 20 % higher on average. It is only
/// meaningful on a scale with a true zero.
///
/// * `x`, `y`: samples in one common unit; the sizes may differ.
///
/// Returns `None` when a sample is empty, when a mean is exactly 0, and when a
/// mean or the ratio is NaN: a sample with a NaN or with infinities of both
/// signs, or both means infinite. One infinite mean gives an infinite ratio or
/// 0, by its place.
///
/// Costs O(`n_x + n_y`).
///
/// # Examples
///
/// ```
/// use serin_stats::mean_ratio;
///
/// assert_eq!(mean_ratio(&[120.0, 180.0], &[100.0, 140.0]), Some(1.25));
/// assert_eq!(mean_ratio(&[120.0], &[-1.0, 1.0]), None);
/// ```
///
/// # References
///
/// * L. V. Hedges, J. Gurevitch and P. S. Curtis, "The meta-analysis of
///   response ratios in experimental ecology", *Ecology* 80 (1999), 1150–1156.
#[must_use]
pub fn mean_ratio(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mean_x, mean_y) = (moments(x)?.mean, moments(y)?.mean);
    if mean_x == 0.0 || mean_y == 0.0 {
        return None;
    }
    let ratio = mean_x / mean_y;
    if ratio.is_nan() { None } else { Some(ratio) }
}

/// Returns the probability that a value of `x` exceeds a value of `y`, ties
/// counting one half.
///
/// From 0, every `x` below every `y`, through 0.5, no tendency, to 1, every `x`
/// above every `y`. It is the Mann–Whitney `u` divided by `n_x * n_y`, also
/// known as the Vargha–Delaney A.
///
/// * `x`, `y`: samples in one common unit; the sizes may differ.
///
/// Returns `None` when a sample is empty or holds a NaN. Infinities have their
/// place in the order, equal ones tie, and `-0.0` equals `0.0`.
///
/// Costs O(n log n) for n = `n_x + n_y`.
///
/// # Examples
///
/// ```
/// use serin_stats::common_language_effect_size;
///
/// // Of the four pairs, x is larger in two and equal in one.
/// assert_eq!(common_language_effect_size(&[2.0, 3.0], &[2.0, 2.5]), Some(0.625));
/// ```
///
/// # References
///
/// * K. O. McGraw and S. P. Wong, "A common language effect size statistic",
///   *Psychological Bulletin* 111 (1992), 361–365.
/// * A. Vargha and H. D. Delaney, "A critique and improvement of the CL common
///   language effect size statistics of McGraw and Wong", *Journal of
///   Educational and Behavioral Statistics* 25 (2000), 101–132, for ties.
#[must_use]
pub fn common_language_effect_size(x: &[f64], y: &[f64]) -> Option<f64> {
    let pooled = [x, y].concat();
    if x.is_empty() || y.is_empty() || pooled.iter().any(|value| value.is_nan()) {
        return None;
    }
    let u = u_statistic(&mid_ranks(&pooled).ranks, x.len());
    Some(u / (x.len() as f64 * y.len() as f64))
}
