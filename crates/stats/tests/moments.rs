//! Moments against a table, exact rational arithmetic and their laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{Moments, moments};

const INF: f64 = f64::INFINITY;
const MAX: f64 = f64::MAX;
/// The smallest number above 0.
const TINY: f64 = 5e-324;

#[test]
fn table() {
    struct Case(&'static str, &'static [f64], [f64; 4]);

    // Minimum, maximum, mean, variance.
    for Case(name, values, [minimum, maximum, mean, variance]) in [
        Case("one value", &[7.0], [7.0, 7.0, 7.0, 0.0]),
        Case("two values", &[1.0, 3.0], [1.0, 3.0, 2.0, 2.0]),
        Case("one to five", &[5.0, 3.0, 1.0, 4.0, 2.0], [1.0, 5.0, 3.0, 2.5]),
        Case("all equal", &[0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.0]),
        Case("zeros", &[0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
        Case("what a plain sum loses", &[1e16, 1.0, -1e16, 3.0], [-1e16, 1e16, 1.0, 2e32 / 3.0]),
        Case("the largest", &[MAX, MAX, MAX], [MAX, MAX, MAX, 0.0]),
        Case("the widest", &[MAX, -MAX], [-MAX, MAX, 0.0, INF]),
        Case("subnormals", &[TINY, 3.0 * TINY], [TINY, 3.0 * TINY, 2.0 * TINY, 0.0]),
        Case("a far apart pair", &[MAX, TINY], [TINY, MAX, MAX / 2.0, INF]),
    ] {
        let count = values.len();
        let expected = Moments { count, minimum, maximum, mean, variance };
        assert_eq!(moments(values), Some(expected), "{name}");
    }
    assert_eq!(moments(&[]), None);
}

#[test]
fn a_nan_is_every_moment() {
    for values in [[f64::NAN, 1.0, INF], [1.0, -f64::NAN, 2.0]] {
        let moments = moments(&values).unwrap();
        assert_eq!(moments.count, 3);
        let Moments { minimum, maximum, mean, variance, .. } = moments;
        for field in [minimum, maximum, mean, variance, moments.standard_deviation()] {
            assert!(field.is_nan());
        }
    }
}

#[test]
fn infinities_have_a_range_and_perhaps_a_mean() {
    for (values, minimum, maximum, mean) in [
        ([1.0, INF], 1.0, INF, Some(INF)),
        ([-INF, 1.0], -INF, 1.0, Some(-INF)),
        ([INF, INF], INF, INF, Some(INF)),
        ([INF, -INF], -INF, INF, None),
    ] {
        let moments = moments(&values).unwrap();
        assert_eq!((moments.minimum, moments.maximum), (minimum, maximum));
        assert_eq!(Some(moments.mean).filter(|mean| !mean.is_nan()), mean);
        assert!(moments.variance.is_nan());
    }
}

#[test]
fn negative_zero_is_the_smaller_zero() {
    for values in [[0.0, -0.0], [-0.0, 0.0]] {
        let moments = moments(&values).unwrap();
        assert_eq!(moments.minimum.to_bits(), (-0.0_f64).to_bits());
        assert_eq!(moments.maximum.to_bits(), 0.0_f64.to_bits());
    }
}

#[test]
fn the_standard_deviation_is_in_the_unit_of_the_values() {
    assert_eq!(moments(&[1.0, 4.0, 7.0]).unwrap().standard_deviation(), 3.0);
    assert_eq!(moments(&[1.0]).unwrap().standard_deviation(), 0.0);
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/moments.tsv")) {
        let [values, mean, variance] = row;
        let moments = moments(&oracle::numbers(values)).unwrap();
        oracle::assert_close(moments.mean, oracle::number(mean), 1e-15, &row);
        oracle::assert_close(moments.variance, oracle::number(variance), 1e-15, &row);
    }
}

#[test]
fn a_million_ties_have_exact_moments() {
    let values: Vec<f64> = (0..1_000_000).map(|index| f64::from(index % 2)).collect();
    let moments = moments(&values).unwrap();
    assert_eq!((moments.mean, moments.variance), (0.5, 250_000.0 / 999_999.0));
}

proptest! {
    #[test]
    fn the_mean_lies_in_the_range(values in prop::collection::vec(finite(), 1..20)) {
        let Moments { minimum, maximum, mean, variance, .. } = moments(&values).unwrap();
        prop_assert!(minimum <= mean && mean <= maximum);
        prop_assert!(variance >= 0.0);
    }

    #[test]
    fn equal_values_have_no_variance(value in finite(), count in 1_usize..50) {
        let moments = moments(&vec![value; count]).unwrap();
        prop_assert_eq!((moments.mean, moments.variance), (value, 0.0));
    }

    #[test]
    fn moving_the_values_leaves_their_variance(values in few()) {
        // Exact in binary, at a million times the spread.
        let moved: Vec<f64> = values.iter().map(|value| value + 1e6).collect();
        let (before, after) = (moments(&values).unwrap(), moments(&moved).unwrap());
        prop_assert!((after.variance - before.variance).abs() <= 1e-14 * before.variance);
    }

    #[test]
    fn scaling_by_a_power_of_two_is_exact(values in few(), exponent in -400..400) {
        let scale = libm::ldexp(1.0, exponent);
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        let (before, after) = (moments(&values).unwrap(), moments(&scaled).unwrap());
        prop_assert_eq!(after.mean, before.mean * scale);
        prop_assert_eq!(after.variance, before.variance * scale * scale);
    }
}

fn few() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-9..=9).prop_map(|value| f64::from(value) / 8.0), 1..30)
}

/// Every sign and exponent there is.
fn finite() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    NEGATIVE | POSITIVE | NORMAL | SUBNORMAL | ZERO
}
