//! Intervals for a proportion.

use crate::normal;
use crate::sample::SampleError;

/// Returns Wilson's score interval for the probability behind `successes` out of `trials`.
///
/// * `successes`: at most `trials`.
/// * `confidence`: of the two-sided interval, between 0 and 1.
///
/// Unlike the textbook interval it stays within 0 to 1 and has width at 0 and at `trials`, which is
/// where a rate of false alarms usually lies. Costs O(1).
///
/// # Errors
///
/// * [`SampleError::Empty`] when there are no trials: nothing is known.
/// * [`SampleError::Confidence`] when `confidence` is not between 0 and 1.
///
/// # Examples
///
/// No false alarm in 253 trials does not mean that there is none.
///
/// ```
/// use serin_stats::wilson_interval;
///
/// let (lower, upper) = wilson_interval(0, 253, 0.95)?;
/// assert_eq!(lower, 0.0);
/// assert!((upper - 0.014_96).abs() < 1e-5);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * E. B. Wilson, "Probable inference, the law of succession, and statistical inference", *Journal
///   of the American Statistical Association* 22 (1927), 209–212.
pub fn wilson_interval(
    successes: u64,
    trials: u64,
    confidence: f64,
) -> Result<(f64, f64), SampleError> {
    if trials == 0 {
        return Err(SampleError::Empty { sample: "trials" });
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(SampleError::Confidence { value: confidence });
    }
    let z = normal::survival_quantile((1.0 - confidence) / 2.0);
    let n = trials as f64;
    let p = (successes.min(trials) as f64) / n;
    let shrink = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / shrink;
    let half_width = z / shrink * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    // At the ends the formula gives 0 and 1 but for rounding.
    let lower = if successes == 0 { 0.0 } else { (centre - half_width).max(0.0) };
    let upper = if successes >= trials { 1.0 } else { (centre + half_width).min(1.0) };
    Ok((lower, upper))
}
