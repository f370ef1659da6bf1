//! Intervals for a proportion against SciPy and their own laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{SampleError, binomial, clopper_pearson_interval, wilson_interval};

#[test]
fn wilson_agrees_with_scipy() {
    let mut compared = 0;
    for line in include_str!("oracle/wilson_interval.tsv").lines() {
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |index: usize| fields[index].parse::<f64>().unwrap();
        let (successes, trials) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        let (lower, upper) = wilson_interval(successes, trials, number(2)).unwrap();
        // Near the ends SciPy loses digits to cancellation, so that the error is absolute.
        assert!((lower - number(3)).abs() < 1e-14, "{line}: {lower}");
        assert!((upper - number(4)).abs() < 1e-14, "{line}: {upper}");
        compared += 1;
    }
    assert!(compared > 90, "{compared}");
}

#[test]
fn clopper_pearson_agrees_with_scipy() {
    for row in oracle::rows(include_str!("oracle/clopper_pearson_interval.tsv")) {
        let [successes, trials, confidence, lower, upper] = row;
        let (successes, trials) = (successes.parse().unwrap(), trials.parse().unwrap());
        let interval =
            clopper_pearson_interval(successes, trials, oracle::number(confidence)).unwrap();
        // SciPy's eleventh digit is the first to differ from mpmath's.
        oracle::assert_close(interval.0, oracle::number(lower), 1e-11, &row);
        oracle::assert_close(interval.1, oracle::number(upper), 1e-11, &row);
    }
}

/// All outcomes of 40 trials, each with its probability.
#[test]
fn clopper_pearson_covers_whatever_the_probability() {
    let trials = 40;
    for percent in 1..100 {
        let p = f64::from(percent) / 100.0;
        let mass = |k| {
            let above = if k == trials { 0.0 } else { binomial::at_least(k + 1, trials, p) };
            binomial::at_least(k, trials, p) - above
        };
        let covered: f64 = (0..=trials)
            .filter(|&k| {
                let (lower, upper) = clopper_pearson_interval(k, trials, 0.9).unwrap();
                lower <= p && p <= upper
            })
            .map(mass)
            .sum();
        assert!(covered >= 0.9, "{p}: {covered}");
    }
}

#[test]
fn bad_arguments() {
    for interval in [wilson_interval, clopper_pearson_interval] {
        assert_eq!(interval(0, 0, 0.95), Err(SampleError::Empty { sample: "trials" }));
        assert_eq!(interval(1, 2, 1.0), Err(SampleError::Confidence { value: 1.0 }));
        assert!(interval(1, 2, f64::NAN).is_err());
        assert_eq!(interval(9, 2, 0.95), interval(2, 2, 0.95));
    }

    assert_eq!(wilson_interval(0, 0, 0.95), Err(SampleError::Empty { sample: "trials" }));
    for confidence in [0.0, 1.0, -1.0, f64::INFINITY] {
        assert_eq!(
            wilson_interval(1, 2, confidence),
            Err(SampleError::Confidence { value: confidence })
        );
    }
    assert!(wilson_interval(1, 2, f64::NAN).is_err());
}

proptest! {
    #[test]
    fn clopper_pearson_mirrors(trials in 1_u64..100_000, share in 0.0..=1.0_f64) {
        let successes = (share * trials as f64) as u64;
        let (lower, upper) = clopper_pearson_interval(successes, trials, 0.95).unwrap();
        let observed = successes as f64 / trials as f64;
        prop_assert!(0.0 <= lower && lower <= observed && observed <= upper && upper <= 1.0);
        let mirrored = clopper_pearson_interval(trials - successes, trials, 0.95).unwrap();
        prop_assert!((lower - (1.0 - mirrored.1)).abs() < 1e-12);
        prop_assert!((upper - (1.0 - mirrored.0)).abs() < 1e-12);
    }

    #[test]
    fn holds_the_observed_share_and_mirrors(trials in 1_u64..100_000, share in 0.0..=1.0_f64) {
        let successes = (share * trials as f64) as u64;
        let (lower, upper) = wilson_interval(successes, trials, 0.95).unwrap();
        let observed = successes as f64 / trials as f64;
        prop_assert!(0.0 <= lower && lower <= observed && observed <= upper && upper <= 1.0);
        let (mirrored_lower, mirrored_upper) = wilson_interval(trials - successes, trials, 0.95).unwrap();
        prop_assert!((lower - (1.0 - mirrored_upper)).abs() < 1e-12);
        prop_assert!((upper - (1.0 - mirrored_lower)).abs() < 1e-12);
    }
}
