//! Intervals for a proportion.

use crate::beta;
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
    check(trials, confidence)?;
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

/// Returns Clopper and Pearson's exact interval for the probability behind `successes` out of
/// `trials`.
///
/// It covers that probability with at least the given confidence, whatever the probability: use it
/// where a bound has to hold, and [`wilson_interval`] where the confidence should be right on
/// average, for this interval is the wider. Each end is the probability at which the observed number
/// or one beyond it, seen from that end, has a chance of (1 − `confidence`)/2.
///
/// * `successes`: at most `trials`; more count as `trials`.
/// * `confidence`: of the two-sided interval, between 0 and 1. For a one-sided bound of confidence c
///   give 2c − 1 and take one end.
///
/// The lower end is 0 without successes and the upper one 1 without failures. Costs O(1), some ten
/// microseconds.
///
/// # Errors
///
/// * [`SampleError::Empty`] when there are no trials: nothing is known.
/// * [`SampleError::Confidence`] when `confidence` is not between 0 and 1.
///
/// # Examples
///
/// The rule of three: after n trials without success, at most about 3/n with 95 % confidence.
///
/// ```
/// use serin_stats::clopper_pearson_interval;
///
/// let (lower, upper) = clopper_pearson_interval(0, 300, 0.90)?;
/// assert_eq!(lower, 0.0);
/// assert!((upper - 0.009_936).abs() < 1e-6);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
///   case of the binomial", *Biometrika* 26 (1934), 404–413.
pub fn clopper_pearson_interval(
    successes: u64,
    trials: u64,
    confidence: f64,
) -> Result<(f64, f64), SampleError> {
    check(trials, confidence)?;
    let tail = (1.0 - confidence) / 2.0;
    let successes = successes.min(trials);
    let (hits, misses) = (successes as f64, (trials - successes) as f64);
    let lower = if hits == 0.0 { 0.0 } else { beta::quantile(tail, hits, misses + 1.0) };
    let upper = if misses == 0.0 { 1.0 } else { beta::survival_quantile(tail, hits + 1.0, misses) };
    Ok((lower, upper))
}

fn check(trials: u64, confidence: f64) -> Result<(), SampleError> {
    if trials == 0 {
        return Err(SampleError::Empty { sample: "trials" });
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(SampleError::Confidence { value: confidence });
    }
    Ok(())
}
