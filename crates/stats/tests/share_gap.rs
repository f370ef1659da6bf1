//! The e-value for a gap of two shares against mpmath, and its mean over every outcome.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod oracle;

use proptest::prelude::*;
use serin_stats::{rate_gap_below, share_gap_below};

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/share_gap.tsv")) {
        let [tilt, trials_x, trials_y, gap, event_x, event_y, bin] = row.map(oracle::number);
        let weights = share_gap_below(tilt, trials_x, trials_y, gap).unwrap();
        oracle::assert_close(weights.event_x, event_x, 0.0, &row);
        oracle::assert_close(weights.event_y, event_y, 1e-13, &row);
        oracle::assert_close(weights.bin, bin, 1e-13, &row);
    }
}

#[test]
fn what_has_no_weights() {
    for (name, tilt, trials_x, trials_y, gap) in [
        ("no tilt", 0.0, 1.0, 1.0, 0.1),
        ("no trials of x", 0.1, 0.0, 1.0, 0.1),
        ("no trials of y", 0.1, 1.0, 0.0, 0.1),
        ("a gap of all", 0.1, 1.0, 1.0, 1.0),
        ("a gap below nothing", 0.1, 1.0, 1.0, -0.1),
        ("an unknown gap", 0.1, 1.0, 1.0, f64::NAN),
        ("an infinite tilt", f64::INFINITY, 1.0, 1.0, 0.1),
    ] {
        assert_eq!(share_gap_below(tilt, trials_x, trials_y, gap), None, "{name}");
    }
}

/// Returns the probabilities of 0 to `trials` events.
fn binomial(trials: usize, share: f64) -> Vec<f64> {
    let mut probabilities = vec![1.0];
    for n in 1..=trials {
        probabilities.push(0.0);
        for k in (0..=n).rev() {
            let below = if k > 0 { probabilities[k - 1] } else { 0.0 };
            probabilities[k] = probabilities[k] * (1.0 - share) + below * share;
        }
    }
    probabilities
}

fn mean(tilt: f64, trials: (usize, usize), shares: (f64, f64), gap: f64) -> f64 {
    let weights = share_gap_below(tilt, trials.0 as f64, trials.1 as f64, gap).unwrap();
    let mut mean = 0.0;
    for (k, x) in binomial(trials.0, shares.0).iter().enumerate() {
        for (b, y) in binomial(trials.1, shares.1).iter().enumerate() {
            mean += x * y * libm::exp(weights.log_e(k as f64, b as f64));
        }
    }
    mean
}

#[test]
fn the_mean_e_value_is_1_where_nothing_happens_in_y() {
    for trials in [(1, 1), (1, 40), (14, 3), (60, 60)] {
        for gap in [0.0, 0.001, 0.2, 0.9] {
            for tilt in [0.05, 0.7, 4.0] {
                let mean = mean(tilt, trials, (gap, 0.0), gap);
                assert!((mean - 1.0).abs() < 1e-12, "{mean} {trials:?} {gap} {tilt}");
            }
        }
    }
}

#[test]
fn many_trials_with_few_events_are_events_in_time() {
    let share = share_gap_below(0.7, 60_000.0, 40_000.0, 0.001).unwrap().log_e(60.0, 2.0);
    let rate = rate_gap_below(0.7, 60_000.0, 40_000.0).unwrap().log_e(60.0, 2.0, 0.001);
    assert!(share > rate && share < rate + 0.05, "{share} {rate}");
}

proptest! {
    #[test]
    fn the_mean_e_value_is_at_most_1_wherever_the_share_is_unacceptable(
        tilt in 0.01..6.0, trials in (1_usize..40, 1_usize..40), of_y in 0.0..1.0, gap in 0.0..0.9,
        beyond in 0.0..1.0,
    ) {
        let of_y = of_y * (1.0 - gap);
        let of_x = of_y + gap + beyond * (1.0 - of_y - gap);
        let mean = mean(tilt, trials, (of_x, of_y), gap);
        prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
    }
}
