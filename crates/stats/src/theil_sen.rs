//! The Theil–Sen estimate of a slope.

use crate::normal;
use crate::rank::mid_ranks;
use crate::sample::{self, SampleError};

/// Estimates how fast values rise with time, with a confidence interval.
///
/// The estimate is the median of the slopes between any two points at different
/// times. Nearly a third of the values may be anything without moving it far.
/// The interval holds the slopes that Kendall's test would not reject, by the
/// normal approximation with corrections for ties; it assumes that the
/// distances from the line are independent and alike, and is too narrow where
/// each resembles the one before.
///
/// * `times`, `values`: the points, finite, in any order; at most 5,000.
/// * `confidence`: between 0 and 1.
///
/// Points at equal times have no slope between them. A slope too large for an
/// `f64` is infinite. For fewer than about six points the interval is that of
/// all slopes, whose confidence may be less than asked for.
///
/// Costs O(n² log n) time and O(n²) memory: half a second and 100 MB for the most
/// there may be.
///
/// # Errors
///
/// * [`SampleError::Empty`] when there are no points.
/// * [`SampleError::Unpaired`] when there are not as many values as times.
/// * [`SampleError::NotFinite`] when a time or a value is NaN or infinite.
/// * [`SampleError::TooMany`] beyond 5,000 points.
/// * [`SampleError::Constant`] when all times are equal.
/// * [`SampleError::Confidence`] when `confidence` is not between 0 and 1.
///
/// # Examples
///
/// Memory, in MB, that grows by 2 a minute, and one reading gone wrong.
///
/// ```
/// use serin_stats::theil_sen_slope;
///
/// let minutes = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let memory = [500.0, 502.0, 504.0, 0.0, 508.0, 510.0, 512.0];
/// assert_eq!(theil_sen_slope(&minutes, &memory, 0.95)?.estimate, 2.0);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * P. K. Sen, "Estimates of the regression coefficient based on Kendall's
///   tau", *Journal of the American Statistical Association* 63 (1968),
///   1379–1389.
pub fn theil_sen_slope(
    times: &[f64],
    values: &[f64],
    confidence: f64,
) -> Result<Slope, SampleError> {
    sample::check_finite("times", times)?;
    sample::check_finite("values", values)?;
    if times.len() != values.len() {
        return Err(SampleError::Unpaired { n_x: times.len(), n_y: values.len() });
    }
    if times.len() > MOST_POINTS {
        return Err(SampleError::TooMany { sample: "times", most: MOST_POINTS });
    }
    if !(0.0 < confidence && confidence < 1.0) {
        return Err(SampleError::Confidence { value: confidence });
    }

    let mut slopes = pairwise_slopes(times, values);
    let Some(last) = slopes.len().checked_sub(1) else {
        return Err(SampleError::Constant { sample: "times" });
    };
    slopes.sort_unstable_by(f64::total_cmp);
    let n_slopes = slopes.len() as f64;
    let reach =
        normal::survival_quantile((1.0 - confidence) / 2.0) * kendall_deviation(times, values);
    // The casts take what is negative to 0.
    let lower = (((n_slopes - reach) / 2.0).round_ties_even() - 1.0) as usize;
    let upper = (((n_slopes + reach) / 2.0).round_ties_even() as usize).min(last);
    Ok(Slope {
        estimate: f64::midpoint(slopes[last / 2], slopes[last.div_ceil(2)]),
        lower: slopes[lower.min(last)],
        upper: slopes[upper],
    })
}

/// The result of [`theil_sen_slope`], in the unit of the values per unit of
/// time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The median slope.
    pub estimate: f64,
    /// The lower end of the interval, at most `estimate`.
    pub lower: f64,
    /// The upper end of the interval, at least `estimate`.
    pub upper: f64,
}

const MOST_POINTS: usize = 5_000;

fn pairwise_slopes(times: &[f64], values: &[f64]) -> Vec<f64> {
    let points = || times.iter().zip(values);
    let mut slopes = Vec::with_capacity(times.len() * (times.len() - 1) / 2);
    for (index, (time, value)) in points().enumerate() {
        let later = points().skip(index + 1).filter(|&(other, _)| other != time);
        // Halved, so that a difference of finite numbers is finite.
        let slope = |(t, v): (&f64, &f64)| (v / 2.0 - value / 2.0) / (t - time) * 2.0;
        slopes.extend(later.map(slope));
    }
    slopes
}

/// Returns the standard deviation of Kendall's score when values do not depend
/// on time.
fn kendall_deviation(times: &[f64], values: &[f64]) -> f64 {
    let part = |n: usize| {
        let n = n as f64;
        n * (n - 1.0) * (2.0 * n + 5.0)
    };
    let tied = |values: &[f64]| mid_ranks(values).ties.into_iter().map(part).sum::<f64>();
    ((part(times.len()) - tied(times) - tied(values)) / 18.0).max(0.0).sqrt()
}
