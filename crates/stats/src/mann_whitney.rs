//! The Mann–Whitney U test.

use crate::normal;
use crate::permutation;
use crate::rank::mid_ranks;
use crate::sample::{self, Alternative, SampleError};

/// Tests whether values of `x` tend to be larger or smaller than values of `y`.
///
/// The null hypothesis is that both samples were drawn from one distribution,
/// whatever its shape. Only the order of the values counts: neither the unit
/// nor the distance of an outlier changes the answer.
///
/// * `x`, `y`: independent samples of `n_x` and `n_y` values, in one common
///   unit and in any order; the sizes may differ.
/// * The statistic is that of `x`: the number of pairs with `x_i > y_j`, ties
///   counting one half.
///
/// The exact p-value comes from the permutation distribution of the mid-ranks,
/// so it is exact with ties as without. The asymptotic one is corrected for
/// ties and for continuity. Either way the two-sided p-value is twice the
/// smaller of the one-sided ones, and at most 1. When all values are equal,
/// the p-value is exactly 1.
///
/// Infinities have their place in the order, equal ones tie, and `-0.0` equals
/// `0.0`.
///
/// Costs O(n log n) time for n = `n_x + n_y`, and the exact method in addition
/// up to O(n² m²) time and O(n m²) memory for m = `min(n_x, n_y)`, bounded as
/// [`Method`] says.
///
/// # Errors
///
/// * [`SampleError::Empty`] when a sample has no values.
/// * [`SampleError::NotFinite`] when a sample holds a NaN.
/// * [`SampleError::TooLarge`] when [`Method::Exact`] is asked for beyond its
///   bound.
///
/// # Examples
///
/// The example of SciPy's `mannwhitneyu`, with the same answer.
///
/// ```
/// use serin_stats::{Alternative, Method, mann_whitney_u};
///
/// let males = [19.0, 22.0, 16.0, 29.0, 24.0];
/// let females = [20.0, 11.0, 17.0, 12.0];
/// let test = mann_whitney_u(&males, &females, Alternative::TwoSided, Method::Auto)?;
///
/// assert_eq!((test.u, test.method), (17.0, Method::Exact));
/// assert!((test.p_value - 1.0 / 9.0).abs() < 1e-15);
/// # Ok::<(), serin_stats::SampleError>(())
/// ```
///
/// # References
///
/// * H. B. Mann and D. R. Whitney, "On a test of whether one of two random
///   variables is stochastically larger than the other", *Annals of
///   Mathematical Statistics* 18 (1947), 50–60.
/// * E. L. Lehmann, *Nonparametrics: Statistical Methods Based on Ranks*
///   (1975), chapter 1, section 4, for the variance with ties.
/// * B. Streitberg and J. Röhmel, "Exact distributions for permutation and rank
///   tests", *Statistical Software Newsletter* 12 (1986), 10–17.
pub fn mann_whitney_u(
    x: &[f64],
    y: &[f64],
    alternative: Alternative,
    method: Method,
) -> Result<MannWhitneyU, SampleError> {
    sample::check_ordered("x", x)?;
    sample::check_ordered("y", y)?;

    let (n_x, n_y) = (x.len(), y.len());
    let ranked = mid_ranks(&[x, y].concat());
    let u = u_statistic(&ranked.ranks, n_x);

    let exact = match method {
        Method::Asymptotic => None,
        Method::Auto if n_x.min(n_y) > permutation::SMALL_SAMPLE => None,
        Method::Auto => exact_tails(&ranked.ranks, n_x, permutation::SMALL_COST),
        Method::Exact => {
            let tails = exact_tails(&ranked.ranks, n_x, permutation::LARGEST_COST);
            Some(tails.ok_or(SampleError::TooLarge { n_x, n_y })?)
        }
    };
    let method = if exact.is_some() { Method::Exact } else { Method::Asymptotic };
    let tails = exact.unwrap_or_else(|| asymptotic_tails(u, n_x, n_y, &ranked.ties));
    Ok(MannWhitneyU { u, p_value: tails.p_value(alternative), method })
}

/// The result of [`mann_whitney_u`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitneyU {
    /// The U statistic of the first sample, a multiple of one half from 0 to
    /// `n_x * n_y`.
    pub u: f64,
    /// The probability, from 0 to 1, of a statistic at least this extreme when
    /// the null hypothesis holds.
    pub p_value: f64,
    /// The method used, [`Method::Asymptotic`] or [`Method::Exact`].
    pub method: Method,
}

/// How the p-value of a rank test is computed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Method {
    /// From the normal approximation.
    Asymptotic,
    /// `Exact` where that is a matter of milliseconds, else `Asymptotic`.
    ///
    /// Exact when the smaller sample has at most 20 values and the other not
    /// many more than 200, or 130 if there are ties. In full: when
    /// n · m · (m · s + 1) is at most 20 million for n values in all, m of them
    /// in the smaller sample, and s steps from the lowest rank to the highest,
    /// a step being the greatest that all differences of ranks are multiples of.
    #[default]
    Auto,
    /// From the exact null distribution, for as long as the product under
    /// `Auto` is at most 1000 million: two samples of about 125 values, or 100
    /// if there are ties.
    Exact,
}

/// Returns the U statistic of the first `n_x` of the pooled values.
///
/// The sum of ranks is exact below 2^52, that is for 60 million values.
pub(crate) fn u_statistic(ranks: &[f64], n_x: usize) -> f64 {
    let rank_sum: f64 = ranks.iter().take(n_x).sum();
    let n_x = n_x as f64;
    rank_sum - n_x * (n_x + 1.0) / 2.0
}

/// The probabilities, under the null hypothesis, of a statistic on either side
/// of the one observed, itself included in both.
struct Tails {
    at_most: f64,
    at_least: f64,
}

impl Tails {
    fn p_value(&self, alternative: Alternative) -> f64 {
        let p_value = match alternative {
            Alternative::Greater => self.at_least,
            Alternative::Less => self.at_most,
            Alternative::TwoSided => 2.0 * self.at_most.min(self.at_least),
        };
        p_value.min(1.0)
    }
}

/// Returns the exact tails, or `None` if they cost more than `budget`.
fn exact_tails(ranks: &[f64], n_x: usize, budget: u128) -> Option<Tails> {
    let scores = permutation::scores(ranks);
    let (scores_x, scores_y) = scores.split_at(n_x);
    let is_x_drawn = scores_x.len() <= scores_y.len();
    let drawn = if is_x_drawn { scores_x } else { scores_y };
    if permutation::cost(&scores, drawn.len()) > budget {
        return None;
    }

    let probabilities = permutation::sum_probabilities(&scores, drawn.len());
    let observed: usize = drawn.iter().sum();
    let (below, from_observed) = probabilities.split_at(observed);
    // The tails from their thin ends inwards, the small terms first.
    let below: f64 = below.iter().sum();
    let above: f64 = from_observed.iter().skip(1).rev().sum();
    let at = from_observed.first().copied().unwrap_or(0.0);
    // The probabilities add up to 1 but for rounding.
    let total = below + at + above;
    let (at_most, at_least) = ((below + at) / total, (above + at) / total);
    Some(if is_x_drawn {
        Tails { at_most, at_least }
    } else {
        Tails { at_most: at_least, at_least: at_most }
    })
}

fn asymptotic_tails(u: f64, n_x: usize, n_y: usize, ties: &[usize]) -> Tails {
    // In whole numbers, as nearly all of it cancels when nearly all values tie.
    let cube_less_self = |n: usize| (n as u128).pow(3) - n as u128;
    let tied: u128 = ties.iter().map(|&t| cube_less_self(t)).sum();
    let untied = (cube_less_self(n_x + n_y) - tied) as f64;
    if untied == 0.0 {
        return Tails { at_most: 1.0, at_least: 1.0 };
    }

    let (n_x, n_y) = (n_x as f64, n_y as f64);
    let n = n_x + n_y;
    let variance = n_x * n_y / 12.0 * (untied / (n * (n - 1.0)));
    let distance = u - n_x * n_y / 2.0;
    // The statistic moves in steps, and each tail includes its own: half a
    // step of continuity correction, against the tail.
    Tails {
        at_most: normal::cdf((distance + 0.5) / variance.sqrt()),
        at_least: normal::survival((distance - 0.5) / variance.sqrt()),
    }
}
