//! Wilson's interval against an oracle and its own laws.

use proptest::prelude::*;
use serin_stats::{SampleError, wilson_interval};

#[test]
fn oracle() {
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
fn bad_arguments() {
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
