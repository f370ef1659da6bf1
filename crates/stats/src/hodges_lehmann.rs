//! The Hodges–Lehmann estimate of a shift.

use crate::normal;
use crate::permutation;
use crate::rank::mid_ranks;
use crate::sample::{self, SampleError};

/// Estimates by how much values of `x` exceed values of `y`, with a confidence
/// interval.
///
/// The estimate is the median of all differences `x_i - y_j`. If the
/// distributions of the samples have one shape and differ by a shift, the
/// interval covers that shift with the given confidence: it holds the shifts
/// that a two-sided [`mann_whitney_u`](crate::mann_whitney_u) would not reject.
///
/// * `x`, `y`: independent samples of `n_x` and `n_y` finite values, in one
///   common unit and in any order; the sizes may differ.
/// * `confidence`: the nominal confidence level, between 0 and 1, both
///   excluded; 0.95 is usual.
///
/// With D_(1) ≤ … ≤ D_(N) for the N = `n_x * n_y` differences in order, the
/// interval is from D_(k+1) to D_(N-k), for a k from the null distribution of
/// the U statistic:
///
/// * Without ties among the values, and where
///   [`Method::Auto`](crate::Method::Auto) would be exact, the largest k with
///   P(U ≤ k) < (1 - `confidence`) / 2.
/// * Otherwise floor(N/2 - z σ - 1/2) with the normal quantile z of
///   (1 + `confidence`) / 2 and σ² = N (`n_x + n_y` + 1) / 12, which with ties
///   is an interval on the wide side.
/// * Never less than 0: the interval of very small samples is the whole range
///   of differences, whose confidence may be less than asked for.
///
/// All differences equal give an interval of no width. A difference of 0 is
/// `0.0`, not `-0.0`. A difference too large for a `f64` is infinite, and so
/// may be the results.
///
/// Costs O(n log n) time for n = `n_x + n_y` and O(n) memory, for the
/// differences are searched and never listed; where k is exact, the time and
/// memory of [`Method::Auto`](crate::Method::Auto) in addition. A million
/// values a side take a few seconds.
///
/// # Errors
///
/// * [`SampleError::Empty`] when a sample has no values.
/// * [`SampleError::NotFinite`] when a sample holds a NaN or an infinity.
/// * [`SampleError::Confidence`] when `confidence` is not between 0 and 1.
///
/// # Examples
///
/// ```
/// use serin_stats::hodges_lehmann_shift;
///
/// let x = [13.0, 17.0, 22.0];
/// let y = [10.0, 11.0, 15.0];
/// let shift = hodges_lehmann_shift(&x, &y, 0.9)?;
///
/// // The differences: -2, 2, 2, 3, 6, 7, 7, 11, 12.
/// assert_eq!((shift.estimate, shift.lower, shift.upper), (6.0, -2.0, 12.0));
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank
///   tests", *Annals of Mathematical Statistics* 34 (1963), 598–611.
/// * M. Hollander and D. A. Wolfe, *Nonparametric Statistical Methods*, second
///   edition (1999), section 4.3, for the interval and its approximation.
pub fn hodges_lehmann_shift(x: &[f64], y: &[f64], confidence: f64) -> Result<Shift, SampleError> {
    sample::check_finite("x", x)?;
    sample::check_finite("y", y)?;
    if !(0.0 < confidence && confidence < 1.0) {
        return Err(SampleError::Confidence { value: confidence });
    }

    let (k, confidence) = exact_cut(x, y, confidence)
        .unwrap_or_else(|| (asymptotic_cut(x.len(), y.len(), confidence), confidence));
    let differences = Differences::new(x, y);
    let n = differences.count();
    Ok(Shift {
        estimate: f64::midpoint(differences.select(n.div_ceil(2)), differences.select(n / 2 + 1)),
        lower: differences.select(k + 1),
        upper: differences.select(n - k),
        confidence,
    })
}

/// The result of [`hodges_lehmann_shift`], in the unit of the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The median difference: positive where the first sample is higher.
    pub estimate: f64,
    /// The lower end of the interval, at most `estimate`.
    pub lower: f64,
    /// The upper end of the interval, at least `estimate`.
    pub upper: f64,
    /// The confidence level of the interval: the one attained where the null
    /// distribution is exact, else the one asked for.
    ///
    /// The attained level is at least the one asked for, save where even the
    /// whole range of differences falls short of it.
    pub confidence: f64,
}

/// Returns the exact k and the confidence level it attains, or `None` where
/// there are ties or the samples are not small.
fn exact_cut(x: &[f64], y: &[f64], confidence: f64) -> Option<(u128, f64)> {
    let n_drawn = x.len().min(y.len());
    if n_drawn > permutation::SMALL_SAMPLE || !mid_ranks(&[x, y].concat()).ties.is_empty() {
        return None;
    }
    let scores: Vec<usize> = (0..x.len() + y.len()).collect();
    if permutation::cost(&scores, n_drawn) > permutation::SMALL_COST {
        return None;
    }

    let sums = permutation::sum_probabilities(&scores, n_drawn);
    let smallest_sum = n_drawn * (n_drawn - 1) / 2;
    // A tail equal to the one asked for but for rounding counts as equal; the
    // margin is that of R's `qwilcox`, and keeps k below the median of U too.
    let tail = (1.0 - confidence) / 2.0 - 10.0 * f64::EPSILON;
    let mut lower_tails = sums.iter().skip(smallest_sum).scan(0.0, |sum, p| {
        *sum += p;
        Some(*sum)
    });
    let mut cut = (0, lower_tails.next()?);
    for (k, lower_tail) in (1..).zip(lower_tails.take_while(|&lower_tail| lower_tail < tail)) {
        cut = (k, lower_tail);
    }
    Some((cut.0, 1.0 - 2.0 * cut.1))
}

/// Returns k from the normal approximation.
fn asymptotic_cut(n_x: usize, n_y: usize, confidence: f64) -> u128 {
    let (n_x, n_y) = (n_x as f64, n_y as f64);
    let z = normal::survival_quantile((1.0 - confidence) / 2.0);
    let deviation = (n_x * n_y * (n_x + n_y + 1.0) / 12.0).sqrt();
    // The cast takes what is negative to 0.
    (n_x * n_y / 2.0 - z * deviation - 0.5).floor() as u128
}

/// The differences of two samples, as a matrix that is never written down.
///
/// With both samples ascending, a difference grows with the index into `x` and
/// shrinks with the index into `y`. So one sweep along the boundary counts the
/// differences up to a threshold, and bisection of the threshold finds any of
/// them by its rank, as in D. B. Johnson and T. Mizoguchi, "Selecting the Kth
/// element in X + Y and X1 + X2 + … + Xm", *SIAM Journal on Computing* 7 (1978),
/// 147–153. Bisecting the floating-point numbers themselves, rather than an
/// interval of reals, ends after 64 sweeps at most, with the exact answer.
struct Differences {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Differences {
    fn new(x: &[f64], y: &[f64]) -> Self {
        let ascending = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        Self { x: ascending(x), y: ascending(y) }
    }

    fn count(&self) -> u128 {
        self.x.len() as u128 * self.y.len() as u128
    }

    /// Returns the difference of this rank, counted from 1 to the count.
    fn select(&self, rank: u128) -> f64 {
        let (mut low, mut high) = (ordinal(f64::NEG_INFINITY), ordinal(f64::INFINITY));
        while low < high {
            let middle = u64::midpoint(low, high);
            if self.count_at_most(with_ordinal(middle)) >= rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        // Of the two zeros, the positive one.
        with_ordinal(low) + 0.0
    }

    fn count_at_most(&self, threshold: f64) -> u128 {
        let mut count = 0;
        let mut y = self.y.as_slice();
        for x in &self.x {
            while let [lowest, rest @ ..] = y
                && x - lowest > threshold
            {
                y = rest;
            }
            count += y.len() as u128;
        }
        count
    }
}

/// Returns the place of a number in the order of all numbers.
fn ordinal(number: f64) -> u64 {
    let bits = number.to_bits();
    if number.is_sign_negative() { !bits } else { bits | SIGN }
}

/// Returns the number at a place in the order of all numbers.
fn with_ordinal(ordinal: u64) -> f64 {
    f64::from_bits(if ordinal & SIGN == 0 { !ordinal } else { ordinal & !SIGN })
}

const SIGN: u64 = 1 << 63;
