//! Ranking with ties.

use std::cmp::Ordering;

/// Ranks of values, and the sizes of the groups of equal ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks {
    /// A rank for each value, in the order of the input. Ranks count from 1;
    /// equal values share the mean of the ranks they occupy, a multiple of one
    /// half.
    pub ranks: Vec<f64>,
    /// The size of each group of two or more equal values, lowest group first.
    pub ties: Vec<usize>,
}

/// Returns the mid-ranks of `values`.
///
/// * `values`: any number of values in one unit, in any order.
///
/// Every input has an answer. No values have no ranks. `-0.0` equals `0.0`.
/// Infinities rank at the ends, each sign a group of its own. NaNs rank above
/// everything, positive infinity too, and are one group whatever their sign
/// and payload.
///
/// Costs O(n log n) time and O(n) memory.
///
/// # Examples
///
/// ```
/// use serin_stats::mid_ranks;
///
/// let ranked = mid_ranks(&[120.0, 95.0, 120.0, 310.0]);
/// assert_eq!(ranked.ranks, [2.5, 1.0, 2.5, 4.0]);
/// assert_eq!(ranked.ties, [2]);
/// ```
///
/// # References
///
/// * M. G. Kendall, "The treatment of ties in ranking problems", *Biometrika*
///   33 (1945), 239–251, for the mid-rank.
#[must_use]
pub fn mid_ranks(values: &[f64]) -> Ranks {
    let mut order: Vec<(f64, usize)> =
        values.iter().enumerate().map(|(index, &value)| (value, index)).collect();
    order.sort_unstable_by(|a, b| nan_last(a.0, b.0));

    let mut ranks = vec![0.0; values.len()];
    let mut ties = Vec::new();
    let mut n_below = 0;
    for group in order.chunk_by(|a, b| nan_last(a.0, b.0).is_eq()) {
        let mid_rank = n_below as f64 + (group.len() as f64 + 1.0) / 2.0;
        for &(_, index) in group {
            ranks[index] = mid_rank;
        }
        if group.len() > 1 {
            ties.push(group.len());
        }
        n_below += group.len();
    }
    Ranks { ranks, ties }
}

fn nan_last(a: f64, b: f64) -> Ordering {
    // Only a NaN makes two values incomparable.
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
