//! The mixture for two Poisson rates against a table, mpmath and its law: that all paths together
//! cross 1/α with a probability of at most α.

mod oracle;

use proptest::prelude::*;
use serin_stats::{SampleError, binomial, rate_ratio_confidence_sequence, rate_ratio_log_e};

#[test]
fn table() {
    // One event has the mean of the cut prior as its likelihood: (1/2 + 1/π) / (1/2) for one half.
    let one = libm::log(1.0 + 2.0 / std::f64::consts::PI);
    for (name, x, y, share, log_e) in [
        ("nothing yet", 0.0, 0.0, 0.2, 0.0),
        ("one in x", 1.0, 0.0, 0.5, one),
        ("one in y", 0.0, 1.0, 0.5, libm::log(1.0 - 2.0 / std::f64::consts::PI)),
    ] {
        let actual = rate_ratio_log_e(x, y, share);
        assert!((actual - log_e).abs() < 1e-14, "{name}: {actual}");
    }
    for (x, y, share) in [
        (-1.0, 1.0, 0.5),
        (1.0, f64::INFINITY, 0.5),
        (f64::NAN, 1.0, 0.5),
        (1.0, 1.0, 0.0),
        (1.0, 1.0, 1.0),
        (1.0, 1.0, f64::NAN),
    ] {
        assert!(rate_ratio_log_e(x, y, share).is_nan(), "{x} {y} {share}");
    }
}

#[test]
fn ends_of_the_interval() {
    assert_eq!(rate_ratio_confidence_sequence(0.0, 0.0, 0.1, 0.05), Ok((0.0, f64::INFINITY)));
    assert_eq!(rate_ratio_confidence_sequence(0.0, 9.0, 0.1, 0.05).unwrap().0, 0.0);
    assert_eq!(rate_ratio_confidence_sequence(9.0, 0.0, 0.1, 0.05).unwrap().1, f64::INFINITY);
    let range = "finite and at least 0";
    assert_eq!(
        rate_ratio_confidence_sequence(-1.0, 0.0, 0.1, 0.05),
        Err(SampleError::OutOfRange { parameter: "events_x", value: -1.0, range })
    );
    for (y, ratio, alpha) in [(f64::NAN, 1.0, 0.1), (1.0, 0.0, 0.1), (1.0, 1.0, 1.0)] {
        assert!(rate_ratio_confidence_sequence(1.0, y, ratio, alpha).is_err());
    }
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/rate_ratio.tsv")) {
        let [name, x, y, share_or_ratio, alpha, value] = row;
        let [x, y, share_or_ratio, alpha, value] =
            [x, y, share_or_ratio, alpha, value].map(oracle::number);
        let interval = || rate_ratio_confidence_sequence(x, y, share_or_ratio, alpha).unwrap();
        let actual = match name {
            "log_e" => rate_ratio_log_e(x, y, share_or_ratio),
            "lower" => interval().0,
            "upper" => interval().1,
            other => panic!("{other}"),
        };
        oracle::assert_close(actual, value, 2e-12, &row);
    }
}

/// Every outcome of so many events, each with its probability.
#[test]
fn the_mean_e_value_is_1_at_the_null_share_and_less_below() {
    for null_share in [0.05, 0.5, 0.8] {
        for total in [1, 2, 7, 60] {
            let mean = |share: f64| -> f64 {
                let mass = |k| {
                    binomial::at_least(k, total, share) - binomial::at_least(k + 1, total, share)
                };
                let e_value =
                    |k| libm::exp(rate_ratio_log_e(k as f64, (total - k) as f64, null_share));
                (0..=total).map(|k| mass(k) * e_value(k)).sum()
            };
            assert!((mean(null_share) - 1.0).abs() < 1e-11, "{null_share} {total}");
            assert!(mean(0.7 * null_share) < 1.0, "{null_share} {total}");
        }
    }
}

/// Returns the probability that `has_stopped` ever holds on the way to `n` events, over all paths.
fn crossing_probability(n: usize, share: f64, has_stopped: impl Fn(f64, f64) -> bool) -> f64 {
    let mut crossed = 0.0;
    // For each number of events in x, the probability of having come there uncrossed.
    let mut alive = vec![1.0];
    for total in 1..=n {
        let mut next = vec![0.0; total + 1];
        for (k, probability) in alive.iter().enumerate() {
            next[k] += probability * (1.0 - share);
            next[k + 1] += probability * share;
        }
        for (k, probability) in next.iter_mut().enumerate() {
            if *probability > 0.0 && has_stopped(k as f64, (total - k) as f64) {
                crossed += std::mem::take(probability);
            }
        }
        alive = next;
    }
    crossed
}

#[test]
fn the_e_value_ever_crosses_with_at_most_its_probability() {
    for (null_share, alpha) in [(0.05, 0.05), (0.5, 0.01), (0.8, 0.2)] {
        let threshold = -libm::log(alpha);
        let has_crossed = |x, y| rate_ratio_log_e(x, y, null_share) >= threshold;
        let at_null = crossing_probability(400, null_share, has_crossed);
        assert!(at_null <= alpha, "{null_share}: {at_null}");
        // Nor is it idle.
        assert!(at_null > 0.1 * alpha, "{null_share}: {at_null}");
        assert!(crossing_probability(400, 0.8 * null_share, has_crossed) < at_null);
    }
}

#[test]
fn the_interval_ever_misses_with_at_most_alpha() {
    for (share, alpha) in [(0.1, 0.05), (0.5, 0.2)] {
        let odds = share / (1.0 - share);
        let misses = |x, y| {
            let (lower, upper) = rate_ratio_confidence_sequence(x, y, odds, alpha).unwrap();
            1.0 < lower || 1.0 > upper
        };
        let missed = crossing_probability(250, share, misses);
        assert!(missed <= alpha && missed > 0.1 * alpha, "{share}: {missed}");
    }
}

proptest! {
    #[test]
    fn an_event_in_x_is_evidence_and_one_in_y_is_none(
        x in 0.0..1e4, y in 0.0..1e4, share in 0.01..0.99
    ) {
        let log_e = rate_ratio_log_e(x, y, share);
        prop_assert!(rate_ratio_log_e(x + 1.0, y, share) > log_e);
        prop_assert!(rate_ratio_log_e(x, y + 1.0, share) < log_e);
    }

    #[test]
    fn swapping_the_arms_inverts_the_interval(x in 1.0..1e4, y in 1.0..1e4, ratio in 0.01..100.0) {
        let (lower, upper) = rate_ratio_confidence_sequence(x, y, ratio, 0.05).unwrap();
        let swapped = rate_ratio_confidence_sequence(y, x, 1.0 / ratio, 0.05).unwrap();
        prop_assert!(lower < x / y / ratio && x / y / ratio < upper);
        prop_assert!((lower * swapped.1 - 1.0).abs() < 1e-10);
        prop_assert!((upper * swapped.0 - 1.0).abs() < 1e-10);
    }

    #[test]
    fn large_counts_have_an_answer(x in 0.0..1e15, y in 0.0..1e15, share in 1e-6..0.999_999) {
        prop_assert!(rate_ratio_log_e(x, y, share).is_finite());
        let (lower, upper) = rate_ratio_confidence_sequence(x, y, 1.0, 0.01).unwrap();
        prop_assert!(lower <= upper);
    }
}
