//! The exact null distribution of a rank sum.
//!
//! Under the null hypothesis every way to draw n of the N pooled ranks is
//! equally likely. The distribution of their sum is built one rank at a time,
//! the shift algorithm of Streitberg and Röhmel, in probabilities rather than
//! counts: they neither overflow nor cancel, so that every tail keeps its
//! relative accuracy.
//!
//! * B. Streitberg and J. Röhmel, "Exact distributions for permutation and rank
//!   tests: an introduction to some recently published algorithms", *Statistical
//!   Software Newsletter* 12 (1986), 10–17.

/// Returns mid-ranks as whole numbers from 0, equally spaced where the ranks
/// are and as small as that allows. Without ties they are 0 to N - 1.
pub(crate) fn scores(mid_ranks: &[f64]) -> Vec<usize> {
    // A mid-rank is a multiple of one half.
    let doubled = || mid_ranks.iter().map(|rank| (2.0 * rank) as usize);
    let lowest = doubled().min().unwrap_or(0);
    let spacing = doubled().fold(0, |divisor, rank| common_divisor(divisor, rank - lowest)).max(1);
    doubled().map(|rank| (rank - lowest) / spacing).collect()
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Returns a bound on the additions that [`sum_probabilities`] takes.
pub(crate) fn cost(scores: &[usize], n_drawn: usize) -> u128 {
    let (n, n_drawn) = (scores.len() as u128, n_drawn as u128);
    let highest = scores.iter().copied().max().unwrap_or(0) as u128;
    n * n_drawn * (n_drawn * highest + 1)
}

/// The largest smaller sample, and with it the largest [`cost`], for which the
/// exact distribution is used unasked: beyond 20 values a side the normal
/// approximation is good, and the cost keeps a call within milliseconds.
pub(crate) const SMALL_SAMPLE: usize = 20;
pub(crate) const SMALL_COST: u128 = 20_000_000;

/// The largest [`cost`] at all: a tenth of a second, and 40 MB.
pub(crate) const LARGEST_COST: u128 = 1_000_000_000;

/// Returns, for each sum from 0 to `n_drawn` times the highest score, the
/// probability that `n_drawn` of the scores, drawn at random, have it.
///
/// The caller has found the [`cost`] affordable.
pub(crate) fn sum_probabilities(scores: &[usize], n_drawn: usize) -> Vec<f64> {
    let mut ascending = scores.to_vec();
    ascending.sort_unstable();
    let width = n_drawn * ascending.last().copied().unwrap_or(0) + 1;

    // Row k holds, for each sum, the probability that k of the scores so far
    // are drawn and have that sum.
    let mut table = vec![0.0; (n_drawn + 1) * width];
    table[0] = 1.0;
    for (n_seen, &score) in ascending.iter().enumerate() {
        let n_left = ascending.len() - n_seen;
        // With fewer drawn, the scores left could not make up the number.
        let fewest = n_drawn.saturating_sub(n_left);
        // Downwards, so that row k - 1 is still that of the step before.
        for k in (fewest..=n_drawn.min(n_seen + 1)).rev() {
            let n_missing = n_drawn - k;
            let (rows_before, row) = table.split_at_mut(k * width);
            // Scores ascend, so k of them have at most this sum.
            let row = &mut row[..=k * score];
            let passed_over = (n_left - n_missing) as f64 / n_left as f64;
            row.iter_mut().for_each(|probability| *probability *= passed_over);
            if k > 0 {
                let drawn = (n_missing + 1) as f64 / n_left as f64;
                let row_before = &rows_before[(k - 1) * width..];
                for (probability, before) in row[score..].iter_mut().zip(row_before) {
                    *probability += drawn * before;
                }
            }
        }
    }
    table.split_off(n_drawn * width)
}

/// Returns, for each sum from 0 to that of all scores, the probability that
/// the scores of which a fair coin each says to keep have it.
pub(crate) fn subset_sum_probabilities(scores: &[usize]) -> Vec<f64> {
    let mut probabilities = vec![0.0; scores.iter().sum::<usize>() + 1];
    probabilities[0] = 1.0;
    let mut highest = 0;
    for &score in scores {
        highest += score;
        // Downwards, so that what is added is still of the step before.
        for sum in (0..=highest).rev() {
            let before = sum.checked_sub(score).map_or(0.0, |rest| probabilities[rest]);
            probabilities[sum] = 0.5 * (probabilities[sum] + before);
        }
    }
    probabilities
}
