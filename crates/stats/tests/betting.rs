//! Betting on bounded values against exact fractions, and its mean over every outcome.

mod oracle;
#[path = "../../judge/tests/seeded/mod.rs"]
mod seeded;

use proptest::prelude::*;
use serin_stats::{SampleError, betting_log_e};

use seeded::Draws;

#[test]
fn table() {
    for (name, values, mean, capital) in [
        ("nothing yet", &[][..], 0.3, 1.0),
        ("the first stake is 0 at one half", &[1.0], 0.5, 1.0),
        ("a quarter below it: 1/4 over 5/16", &[1.0], 0.25, 1.6),
        ("no stake above one half", &[1.0], 0.75, 1.0),
        ("a lost bet: 2/5 over 41/100", &[0.0], 0.1, 1.0 - 4.0 / 41.0),
    ] {
        let log_e = betting_log_e(values, mean).unwrap();
        assert!((log_e - libm::log(capital)).abs() < 1e-15, "{name}: {}", libm::exp(log_e));
    }
}

#[test]
fn what_cannot_be_bet_on() {
    for mean in [0.0, 1.0, f64::NAN] {
        assert!(betting_log_e(&[0.5], mean).is_err());
    }
    for value in [-0.1, 1.1] {
        let error = SampleError::OutOfRange { parameter: "values", value, range: "from 0 to 1" };
        assert_eq!(betting_log_e(&[0.5, value], 0.5), Err(error));
    }
    let error = betting_log_e(&[f64::NAN], 0.5).unwrap_err();
    assert_eq!(error.to_string(), "`values` is NaN, not from 0 to 1");
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/betting.tsv")) {
        let [values, mean, log_e] = row;
        let actual = betting_log_e(&oracle::numbers(values), oracle::number(mean)).unwrap();
        let error = (actual - oracle::number(log_e)).abs();
        assert!(error <= 1e-13 * actual.abs().max(1.0), "{row:?}: {actual}");
    }
}

/// Every sequence of twelve values, each 0 or 1 with the hypothesis's own mean.
#[test]
fn the_mean_capital_is_1_and_few_paths_ever_cross() {
    let n = 12;
    for mean in [0.2, 0.5, 0.6] {
        let (mut total, mut crossed) = (0.0, 0.0);
        for path in 0..1_u32 << n {
            let values: Vec<f64> = (0..n).map(|bit| f64::from(path >> bit & 1)).collect();
            let probability: f64 =
                values.iter().map(|&value| if value == 1.0 { mean } else { 1.0 - mean }).product();
            total += probability * libm::exp(betting_log_e(&values, mean).unwrap());
            let crosses =
                |length: usize| betting_log_e(&values[..length], mean).unwrap() >= libm::log(5.0);
            crossed += if (1..=values.len()).any(crosses) { probability } else { 0.0 };
        }
        assert!((total - 1.0).abs() < 1e-12, "{mean}: {total}");
        assert!(0.0 < crossed && crossed <= 0.2, "{mean}: {crossed}");
    }
}

/// Long runs of uneven values, looked at now and then.
#[test]
fn long_runs_cross_with_at_most_their_probability() {
    let n_runs = 1_000;
    let mut draws = Draws::seeded(2024);
    let n_crossed = (0..n_runs)
        .filter(|_| {
            // Their mean is a quarter.
            let values: Vec<f64> = (0..200)
                .map(|_| draws.uniform(0.0, 1.0) * f64::from(draws.below(2) as u32))
                .collect();
            let crosses =
                |length: usize| betting_log_e(&values[..length], 0.25).unwrap() >= libm::log(20.0);
            (1..=20).any(|look| crosses(10 * look))
        })
        .count();
    // Three standard errors above one in twenty.
    assert!(n_crossed > 0 && n_crossed <= 50 + 21, "{n_crossed}");
}

proptest! {
    #[test]
    fn no_value_takes_more_than_half_of_the_capital(
        values in prop::collection::vec(0.0..=1.0, 0..40), mean in 0.05..0.9
    ) {
        let log_e = betting_log_e(&values, mean).unwrap();
        prop_assert!(log_e.is_finite());
        prop_assert!(log_e >= -libm::log(2.0) * values.len() as f64);
    }

    #[test]
    fn values_below_the_hypothesis_are_no_evidence(
        values in prop::collection::vec(0.0..=0.4, 0..40), mean in 0.4..0.9
    ) {
        prop_assert!(betting_log_e(&values, mean).unwrap() <= 0.0);
    }
}
