//! Wilcoxon's signed-rank test.

use crate::mann_whitney::Method;
use crate::normal;
use crate::permutation;
use crate::rank::mid_ranks;
use crate::sample::{self, Alternative, SampleError};

/// Tests whether paired differences tend to be above or below 0.
///
/// The null hypothesis is that each difference, whatever its distribution, is
/// as likely to be d as −d. What is common to both members of a pair cancels,
/// so that it finds much smaller effects than
/// [`mann_whitney_u`](crate::mann_whitney_u) where the pairs move together.
/// Differences that resemble the ones before them break the hypothesis.
///
/// * `differences`: first member less second, independent, in one unit and in
///   any order. Those of exactly 0 take no side and are dropped, Wilcoxon's own
///   rule.
/// * The statistic is the sum of the ranks of the positive differences, ranked
///   by size without the sign, equal ones sharing their mean rank.
///
/// The exact p-value comes from all ways to set the signs of the mid-ranks, so
/// it is exact with ties as without; the asymptotic one is corrected for ties
/// and for continuity. Either way the two-sided p-value is twice the smaller of
/// the one-sided ones, and at most 1. When all differences are 0 it is 1.
/// Infinite differences have their place in the order, equal ones tie.
///
/// [`Method::Auto`] is exact up to 50 differences other than 0, and
/// [`Method::Exact`] can do 700.
///
/// Costs O(n log n) time for n differences, and the exact method in addition
/// O(n³) time and O(n²) memory.
///
/// # Errors
///
/// * [`SampleError::Empty`] when there are no differences.
/// * [`SampleError::NotFinite`] when a difference is NaN.
/// * [`SampleError::TooMany`] when [`Method::Exact`] is asked for beyond 700.
///
/// # Examples
///
/// Darwin's maize: how much higher the crossed plants grew, in eighths of an
/// inch, with the answer of R's `wilcox.test`.
///
/// ```
/// use serin_stats::{Alternative, Method, wilcoxon_signed_rank};
///
/// let maize = [49., -67., 8., 16., 6., 23., 28., 41., 14., 29., 56., 24., 75., 60., -48.];
/// let test = wilcoxon_signed_rank(&maize, Alternative::TwoSided, Method::Auto)?;
///
/// assert_eq!((test.w, test.n), (96.0, 15));
/// assert!((test.p_value - 0.041_26).abs() < 1e-5);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * F. Wilcoxon, "Individual comparisons by ranking methods", *Biometrics
///   Bulletin* 1 (1945), 80–83.
/// * E. L. Lehmann, *Nonparametrics: Statistical Methods Based on Ranks*
///   (1975), chapter 3, for the variance with ties.
/// * B. Streitberg and J. Röhmel, "Exact distributions for permutation and rank
///   tests", *Statistical Software Newsletter* 12 (1986), 10–17.
pub fn wilcoxon_signed_rank(
    differences: &[f64],
    alternative: Alternative,
    method: Method,
) -> Result<SignedRank, SampleError> {
    sample::check_ordered("differences", differences)?;
    let signed: Vec<f64> = differences.iter().copied().filter(|&value| value != 0.0).collect();
    let n = signed.len();
    let method = match method {
        Method::Auto if n <= SMALL_SAMPLE => Method::Exact,
        Method::Auto => Method::Asymptotic,
        Method::Exact if n > LARGEST_SAMPLE => {
            return Err(SampleError::TooMany { sample: "differences", most: LARGEST_SAMPLE });
        }
        Method::Asymptotic | Method::Exact => method,
    };

    let sizes: Vec<f64> = signed.iter().map(|value| value.abs()).collect();
    let ranked = mid_ranks(&sizes);
    let is_positive = signed.iter().map(|&value| value > 0.0);
    let positive = ranked.ranks.iter().zip(is_positive).filter(|&(_, is_positive)| is_positive);
    let w: f64 = positive.map(|(rank, _)| rank).sum();

    let (at_most, at_least) = match method {
        Method::Exact => exact_tails(&ranked.ranks, w),
        Method::Asymptotic | Method::Auto => asymptotic_tails(n, &ranked.ties, w),
    };
    let p_value = match alternative {
        Alternative::Greater => at_least,
        Alternative::Less => at_most,
        Alternative::TwoSided => 2.0 * at_most.min(at_least),
    };
    Ok(SignedRank { w, n, p_value: p_value.min(1.0), method })
}

/// The result of [`wilcoxon_signed_rank`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// The sum of the ranks of positive differences, a multiple of one half
    /// from 0 to `n` (`n` + 1) / 2.
    pub w: f64,
    /// The number of differences other than 0.
    pub n: usize,
    /// The probability, from 0 to 1, of a statistic at least this extreme when
    /// the null hypothesis holds.
    pub p_value: f64,
    /// The method used, [`Method::Asymptotic`] or [`Method::Exact`].
    pub method: Method,
}

/// As in R and SciPy.
const SMALL_SAMPLE: usize = 50;

/// A tenth of a second, and 4 MB.
const LARGEST_SAMPLE: usize = 700;

/// Returns the probabilities of at most and of at least `w`.
fn exact_tails(ranks: &[f64], w: f64) -> (f64, f64) {
    // A mid-rank is a multiple of one half.
    let doubled: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank) as usize).collect();
    let probabilities = permutation::subset_sum_probabilities(&doubled);
    let (below, from_observed) = probabilities.split_at((2.0 * w) as usize);
    // The tails from their thin ends inwards, the small terms first.
    let below: f64 = below.iter().sum();
    let above: f64 = from_observed.iter().skip(1).rev().sum();
    let at = from_observed.first().copied().unwrap_or(0.0);
    (below + at, above + at)
}

fn asymptotic_tails(n: usize, ties: &[usize], w: f64) -> (f64, f64) {
    let cube_less_self = |t: usize| (t as f64) * (t as f64 * t as f64 - 1.0);
    let tied: f64 = ties.iter().map(|&t| cube_less_self(t)).sum();
    let n = n as f64;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tied / 48.0).sqrt();
    if deviation == 0.0 {
        return (1.0, 1.0);
    }
    let distance = w - n * (n + 1.0) / 4.0;
    // Half a step of continuity correction, against the tail.
    (normal::cdf((distance + 0.5) / deviation), normal::survival((distance - 0.5) / deviation))
}
