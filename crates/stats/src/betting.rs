//! Evidence about the mean of bounded values, by betting on them.

use crate::sample::{self, SampleError};

/// Returns the logarithm of the e-value against the hypothesis that the mean of
/// values from 0 to 1 is at most `mean`.
///
/// The null hypothesis is that each value, given all before it, has an
/// expectation of at most `mean`; nothing else is said of their distribution.
/// A gambler stakes on each value being larger, as much as the values before
/// it recommend, and never so much as to be ruined by one: the capital, from 1,
/// is multiplied by 1 + λ (x − `mean`), where
///
/// λ = (μ − `mean`) / (σ² + (μ − `mean`)²), kept between 0 and 1/(2 `mean`),
///
/// with μ and σ² the mean and variance of the values before, to which one value
/// of ½ with variance ¼ is added. For the other direction, give 1 − x and
/// 1 − `mean`.
///
/// * `values`: from 0 to 1, in the order in which they came. The share of bins
///   in which one arm was above the other, or (1 + a − b)/2 of two shares a and
///   b, is of that kind.
/// * `mean`: between 0 and 1, both excluded.
///
/// The chance that the capital after any of the values ever reaches 1/α is at
/// most α. The capital after the first n is that of the slice of the first n.
/// No values give exactly 0.
///
/// Costs O(n) time and no memory.
///
/// # Errors
///
/// [`SampleError::OutOfRange`] when `mean` is not between 0 and 1, or the first
/// value that is not from 0 to 1 or is NaN.
///
/// # Examples
///
/// ```
/// use serin_stats::betting_log_e;
///
/// assert!(betting_log_e(&[0.9; 20], 0.5)? > (1.0 / 0.01_f64).ln());
/// assert!(betting_log_e(&[0.4; 20], 0.5)? <= 0.0);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random
///   variables by betting", *Journal of the Royal Statistical Society B* 86
///   (2024), 1–27, where these stakes are called approximate GRAPA.
pub fn betting_log_e(values: &[f64], mean: f64) -> Result<f64, SampleError> {
    sample::check_open_unit("mean", mean)?;
    if let Some(&value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        let range = "from 0 to 1";
        return Err(SampleError::OutOfRange { parameter: "values", value, range });
    }

    let most = 0.5 / mean;
    let (mut count, mut sum, mut squares) = (1.0, 0.5, 0.25);
    let mut log_e = 0.0;
    for value in values {
        let gain = sum / count - mean;
        let stake = (gain / (squares / count + gain * gain)).clamp(0.0, most);
        log_e += libm::log1p(stake * (value - mean));

        count += 1.0;
        sum += value;
        let deviation = value - sum / count;
        squares += deviation * deviation;
    }
    Ok(log_e)
}
