//! Quantiles of a sample.

/// Returns the quantile of `values` at `probability`.
///
/// The definition is number 7 of Hyndman and Fan, the default of R and NumPy:
/// among n values in ascending order, counted from 0, the quantile is at
/// position `(n - 1) * probability`, and between two positions it is
/// interpolated linearly. Probability 0 is the minimum, 0.5 the median, 1 the
/// maximum.
///
/// * `values`: any number of values in one unit, in any order.
/// * `probability`: from 0 to 1, both included.
///
/// Returns `None` when there are no values, when one is NaN, or when
/// `probability` is NaN or outside its range. A single value is every quantile
/// of itself. The result lies between its two neighbours, and a larger
/// probability never gives a smaller quantile by more than a rounding error.
///
/// Infinities are values like others: anything between a finite value and an
/// infinite neighbour is that infinity. Between the two infinities there is
/// nothing to interpolate, and the nearer one is the answer, the positive one
/// half-way.
///
/// Costs O(n log n) time and a copy of the values. For several quantiles of
/// one sample, sort it once and use [`quantile_of_sorted`].
///
/// # Examples
///
/// ```
/// use serin_stats::quantile;
///
/// let latencies = [31.0, 12.0, 25.0, 17.0];
/// assert_eq!(quantile(&latencies, 0.5), Some(21.0));
/// assert_eq!(quantile(&latencies, 0.25), Some(15.75));
/// assert_eq!(quantile(&[], 0.5), None);
/// ```
///
/// # References
///
/// * R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages",
///   *The American Statistician* 50 (1996), 361–365, definition 7.
#[must_use]
pub fn quantile(values: &[f64], probability: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, probability)
}

/// Returns the quantile of ascending values at `probability`.
///
/// The same as [`quantile`], without the copy and the sort.
///
/// * `sorted`: values in the order of [`f64::total_cmp`]. In another order the
///   answer means nothing, but there is no panic.
///
/// In that order a NaN can only be first or last, so those two are all that is
/// checked. Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::quantile_of_sorted;
///
/// assert_eq!(quantile_of_sorted(&[12.0, 17.0, 25.0, 31.0], 1.0), Some(31.0));
/// ```
#[must_use]
pub fn quantile_of_sorted(sorted: &[f64], probability: f64) -> Option<f64> {
    let (first, last) = (sorted.first()?, sorted.last()?);
    if first.is_nan() || last.is_nan() || !(0.0..=1.0).contains(&probability) {
        return None;
    }

    let position = (sorted.len() - 1) as f64 * probability;
    let below = position as usize;
    let lower = *sorted.get(below)?;
    let upper = *sorted.get(below + 1).unwrap_or(last);
    Some(interpolate(lower, upper, position - below as f64))
}

/// Returns the point a `fraction` of the way from `lower` to `upper`, where
/// `0 <= fraction < 1`.
fn interpolate(lower: f64, upper: f64, fraction: f64) -> f64 {
    if fraction == 0.0 || lower.is_infinite() && (upper.is_finite() || fraction < 0.5) {
        return lower;
    }
    if upper.is_infinite() {
        return upper;
    }

    let width = upper - lower;
    if width.is_infinite() {
        lower * (1.0 - fraction) + upper * fraction
    } else {
        // Never past `upper`: even the largest fraction below 1 takes off more
        // than the rounding of the width put on.
        lower + fraction * width
    }
}
