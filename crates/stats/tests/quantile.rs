//! Quantiles against a table, NumPy, R and their laws.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod oracle;

use proptest::prelude::*;
use serin_stats::{quantile, quantile_of_sorted};

const INF: f64 = f64::INFINITY;
const MAX: f64 = f64::MAX;
/// The largest power of two.
const HUGE: f64 = 8.98846567431158e307;

#[test]
fn table() {
    struct Case(&'static str, &'static [f64], f64, Option<f64>);

    for Case(name, values, probability, expected) in [
        Case("no values", &[], 0.5, None),
        Case("one value", &[7.0], 0.3, Some(7.0)),
        Case("median of an odd count", &[3.0, 1.0, 2.0], 0.5, Some(2.0)),
        Case("median of an even count", &[4.0, 1.0, 2.0, 8.0], 0.5, Some(3.0)),
        Case("a quarter of the way", &[10.0, 20.0], 0.25, Some(12.5)),
        Case("minimum", &[3.0, 1.0, 2.0], 0.0, Some(1.0)),
        Case("maximum", &[3.0, 1.0, 2.0], 1.0, Some(3.0)),
        Case("all equal", &[0.1, 0.1, 0.1], 0.7, Some(0.1)),
        Case("a NaN", &[1.0, f64::NAN, 2.0], 0.0, None),
        Case("a NaN with a sign", &[1.0, -f64::NAN, 2.0], 1.0, None),
        Case("probability too small", &[1.0], -0.001, None),
        Case("probability too large", &[1.0], 1.001, None),
        Case("probability NaN", &[1.0], f64::NAN, None),
        Case("the finite value itself", &[1.0, INF], 0.0, Some(1.0)),
        Case("towards infinity", &[1.0, INF], 0.01, Some(INF)),
        Case("away from infinity", &[-INF, 1.0], 0.99, Some(-INF)),
        Case("between equal infinities", &[INF, INF], 0.5, Some(INF)),
        Case("nearer to the lower infinity", &[-INF, INF], 0.49, Some(-INF)),
        Case("between the infinities", &[-INF, INF], 0.5, Some(INF)),
        Case("a width beyond the largest", &[-HUGE, HUGE], 0.75, Some(HUGE / 2.0)),
        Case("subnormals", &[0.0, 2e-323], 0.5, Some(1e-323)),
    ] {
        assert_eq!(quantile(values, probability), expected, "{name}");
    }
}

#[test]
fn negative_zero_sorts_below_zero() {
    let bits = |probability| quantile(&[0.0, -0.0], probability).map(f64::to_bits);
    assert_eq!(bits(0.0), Some((-0.0_f64).to_bits()));
    assert_eq!(bits(1.0), Some(0.0_f64.to_bits()));
}

#[test]
fn agrees_with_numpy() {
    assert_agreement(include_str!("oracle/quantile.numpy.tsv"));
}

#[test]
fn agrees_with_r() {
    assert_agreement(include_str!("oracle/quantile.r.tsv"));
}

fn assert_agreement(table: &str) {
    for row in oracle::rows(table) {
        let [values, probability, expected] = row;
        let actual = quantile(&oracle::numbers(values), oracle::number(probability)).unwrap();
        oracle::assert_close(actual, oracle::number(expected), 1e-15, &row);
    }
}

#[test]
fn a_million_ties_have_two_quantiles() {
    let values: Vec<f64> = (0..1_000_000).map(|index| f64::from(index % 2)).collect();
    assert_eq!(quantile(&values, 0.4999), Some(0.0));
    assert_eq!(quantile(&values, 0.5), Some(0.5));
    assert_eq!(quantile(&values, 0.5001), Some(1.0));
}

#[test]
fn values_out_of_order_mean_nothing_but_do_not_panic() {
    assert!(quantile_of_sorted(&[3.0, 1.0, 2.0], 0.4).is_some());
    assert!(quantile_of_sorted(&[1.0, f64::NAN, 2.0], 0.4).is_some());
}

proptest! {
    #[test]
    fn sorting_first_changes_nothing(values in values(), probability in 0.0..=1.0) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        prop_assert_eq!(quantile(&values, probability), quantile_of_sorted(&sorted, probability));
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours(values in values(), probability in 0.0..=1.0) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let position = (values.len() - 1) as f64 * probability;
        let quantile = quantile(&values, probability).unwrap();
        prop_assert!(sorted[position.floor() as usize] <= quantile);
        prop_assert!(quantile <= sorted[position.ceil() as usize]);
    }

    #[test]
    fn whole_positions_are_the_values_themselves(values in values()) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        prop_assert_eq!(quantile(&values, 0.0), Some(sorted[0]));
        prop_assert_eq!(quantile(&values, 1.0), sorted.last().copied());
        if values.len() % 2 == 1 {
            prop_assert_eq!(quantile(&values, 0.5), Some(sorted[values.len() / 2]));
        }
    }
}

/// Few distinct values and many magnitudes, infinities among them.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        (-3..=3).prop_map(f64::from),
        prop::num::f64::NORMAL,
        Just(INF),
        Just(-INF),
        Just(MAX),
        Just(-MAX),
    ];
    prop::collection::vec(value, 1..20)
}
