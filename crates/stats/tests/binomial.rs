//! Binomial tails and the exact test of two rates against a table, R and their laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{Alternative, SampleError, binomial, conditional_binomial_test};

#[test]
fn table_of_tails() {
    for (name, successes, trials, probability, at_least, at_most) in [
        ("nothing tried", 0, 0, 0.5, 1.0, 1.0),
        ("more than tried", 1, 0, 0.5, 0.0, 1.0),
        ("both heads", 2, 2, 0.5, 0.25, 1.0),
        ("no head", 0, 2, 0.5, 1.0, 0.25),
        ("one of three", 1, 3, 0.5, 0.875, 0.5),
        ("impossible", 1, 3, 0.0, 0.0, 1.0),
        ("certain", 2, 3, 1.0, 1.0, 0.0),
    ] {
        let (above, below) = (
            binomial::at_least(successes, trials, probability),
            binomial::at_most(successes, trials, probability),
        );
        assert!((above - at_least).abs() < 1e-15, "{name}: {above}");
        assert!((below - at_most).abs() < 1e-15, "{name}: {below}");
    }
    for outside in [-0.1, 1.1, f64::NAN] {
        assert!(binomial::at_least(1, 2, outside).is_nan());
        assert!(binomial::at_most(1, 2, outside).is_nan());
    }
}

#[test]
fn agrees_with_r() {
    for row in oracle::rows(include_str!("oracle/conditional_binomial_test.tsv")) {
        let [x, y, share, less, greater, two_sided] = row;
        let (x, y) = (x.parse().unwrap(), y.parse().unwrap());
        for (alternative, p_value) in [
            (Alternative::Less, less),
            (Alternative::Greater, greater),
            (Alternative::TwoSided, two_sided),
        ] {
            let actual =
                conditional_binomial_test(x, y, oracle::number(share), alternative).unwrap();
            let p_value = oracle::number(p_value);
            // R has no logarithm to keep a tail beyond the smallest number.
            oracle::assert_close(actual, p_value, 1e-11, &row);
        }
    }
}

#[test]
fn a_share_lies_between_0_and_1() {
    for share in [0.0, 1.0, -0.5, f64::INFINITY] {
        let refused = conditional_binomial_test(1, 2, share, Alternative::Less);
        let range = "between 0 and 1";
        let error = SampleError::OutOfRange { parameter: "share_x", value: share, range };
        assert_eq!(refused, Err(error));
    }
    let error = conditional_binomial_test(1, 2, f64::NAN, Alternative::Less).unwrap_err();
    assert_eq!(error.to_string(), "`share_x` is NaN, not between 0 and 1");
}

#[test]
fn huge_counts_have_an_answer() {
    let p_value = conditional_binomial_test(u64::MAX, 1, 0.5, Alternative::Greater).unwrap();
    assert_eq!(p_value, 0.0);
}

proptest! {
    #[test]
    fn the_tails_overlap_in_the_number_itself(k in 0_u64..200, more in 0_u64..200, p in 0.01..0.99) {
        let trials = k + more;
        let next = binomial::at_least(k + 1, trials, p);
        prop_assert!((binomial::at_most(k, trials, p) + next - 1.0).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_arms_mirrors_the_test(x in 0_u64..1000, y in 0_u64..1000, share in 0.01..0.99) {
        let greater = conditional_binomial_test(x, y, share, Alternative::Greater).unwrap();
        let less = conditional_binomial_test(y, x, 1.0 - share, Alternative::Less).unwrap();
        prop_assert!((greater - less).abs() <= 1e-10 * less);
    }
}
