//! Mean, variance and range of a sample.

/// The mean, variance and range of a sample, from [`moments`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// The number of values, at least 1.
    pub count: usize,
    /// The smallest value, in the unit of the values.
    pub minimum: f64,
    /// The largest value, in the unit of the values.
    pub maximum: f64,
    /// The arithmetic mean, in the unit of the values, from `minimum` to
    /// `maximum`.
    pub mean: f64,
    /// The sample variance, with divisor `count - 1`, in the squared unit of
    /// the values; 0 for one value.
    pub variance: f64,
}

impl Moments {
    /// Returns the sample standard deviation, in the unit of the values.
    ///
    /// The square root of [`variance`](Self::variance), and NaN where that is.
    ///
    /// # Examples
    ///
    /// ```
    /// let moments = serin_stats::moments(&[1.0, 3.0, 5.0]);
    /// assert_eq!(moments.map(|moments| moments.standard_deviation()), Some(2.0));
    /// ```
    #[must_use]
    pub fn standard_deviation(&self) -> f64 {
        self.variance.sqrt()
    }
}

/// Returns the mean, variance and range of `values`.
///
/// * `values`: one or more values in one unit; their order matters only to the
///   last bit of the result.
///
/// The computation is the corrected two-pass algorithm, on values scaled by a
/// power of two and added with compensation: the mean first, then the squared
/// deviations from it, less what the rounding of the mean contributed. Unlike
/// a single pass it loses nothing to values that are far from zero and close
/// to each other. The mean of values near [`f64::MAX`] is right, too.
///
/// Returns `None` when there are no values. A NaN makes every field but the
/// count NaN. With infinities the mean is infinite, or NaN if both signs
/// occur, and the variance is NaN. `-0.0` counts as smaller than `0.0` for the
/// range. Equal values have variance 0 exactly. The variance is infinite where
/// it exceeds [`f64::MAX`] and 0 where it is below the subnormals, which is a
/// standard deviation beyond 1e154 or under 1e-162.
///
/// Costs O(n) time and no memory.
///
/// # Examples
///
/// ```
/// use serin_stats::moments;
///
/// let load = moments(&[2.0, 4.0, 4.0, 6.0]);
/// assert_eq!(load.map(|load| (load.mean, load.maximum)), Some((4.0, 6.0)));
/// assert_eq!(load.map(|load| load.variance), Some(8.0 / 3.0));
/// assert_eq!(moments(&[]), None);
/// ```
///
/// # References
///
/// * T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the
///   sample variance", *The American Statistician* 37 (1983), 242–247,
///   equation 1.7.
/// * A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation
///   endlicher Summen", *Zeitschrift für Angewandte Mathematik und Mechanik*
///   54 (1974), 39–51, for the summation.
#[must_use]
pub fn moments(values: &[f64]) -> Option<Moments> {
    let count = values.len();
    let minimum = values.iter().copied().min_by(f64::total_cmp)?;
    let maximum = values.iter().copied().max_by(f64::total_cmp)?;
    // In the total order a NaN is an extreme.
    if minimum.is_nan() || maximum.is_nan() {
        let nan = f64::NAN;
        return Some(Moments { count, minimum: nan, maximum: nan, mean: nan, variance: nan });
    }
    if minimum.is_infinite() || maximum.is_infinite() {
        let mean = minimum + maximum;
        let mean = if mean.is_nan() { f64::NAN } else { mean };
        return Some(Moments { count, minimum, maximum, mean, variance: f64::NAN });
    }

    let scale = unit_scale(minimum, maximum);
    let scaled = values.iter().map(|value| value * scale);
    let n = count as f64;
    // The bounds undo a rounding, so that equal values have no deviations.
    let mean = (sum(scaled.clone()) / n).clamp(minimum * scale, maximum * scale);
    let deviations = scaled.map(|value| value - mean);
    let excess = sum(deviations.clone());
    let squares = sum(deviations.map(|deviation| deviation * deviation));
    let variance = if count == 1 { 0.0 } else { (squares - excess * excess / n) / (n - 1.0) };

    Some(Moments {
        count,
        minimum,
        maximum,
        mean: mean / scale,
        variance: variance / scale / scale,
    })
}

/// Returns a power of two that brings the larger of two finite values close to
/// 1, where no sum overflows and no square that matters underflows.
fn unit_scale(minimum: f64, maximum: f64) -> f64 {
    let (_, exponent) = libm::frexp(minimum.abs().max(maximum.abs()));
    // Beyond 2^1023 the scale itself would overflow.
    libm::ldexp(1.0, (-exponent).clamp(-1000, 1000))
}

/// Returns the sum of finite values with Neumaier's compensation.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() < value.abs() { (value - next) + sum } else { (sum - next) + value };
        sum = next;
    }
    sum + lost
}
