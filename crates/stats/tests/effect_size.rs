//! Effect sizes against a table, exact rational arithmetic and their laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{Alternative, Method, common_language_effect_size, mann_whitney_u, mean_ratio};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const MAX: f64 = f64::MAX;

struct Case(&'static str, &'static [f64], &'static [f64], Option<f64>);

#[test]
fn table_of_mean_ratios() {
    for Case(name, x, y, expected) in [
        Case("twice as much", &[3.0, 5.0], &[1.0, 2.0, 3.0], Some(2.0)),
        Case("one value each", &[3.0], &[4.0], Some(0.75)),
        Case("all equal", &[0.1, 0.1, 0.1], &[0.1], Some(1.0)),
        Case("opposite signs", &[-3.0], &[4.0], Some(-0.75)),
        Case("x empty", &[], &[1.0], None),
        Case("y empty", &[1.0], &[], None),
        Case("x zero on average", &[-1.0, 1.0], &[1.0], None),
        Case("y zero on average", &[1.0], &[-1.0, 1.0], None),
        Case("negative zero", &[1.0], &[-0.0], None),
        Case("a NaN", &[1.0, NAN], &[1.0], None),
        Case("infinities of both signs", &[1.0], &[INF, -INF], None),
        Case("both infinite", &[INF], &[INF], None),
        Case("x infinite", &[-INF], &[2.0], Some(-INF)),
        Case("y infinite", &[2.0], &[INF], Some(0.0)),
        Case("sums beyond the largest", &[MAX, MAX], &[MAX / 2.0, MAX / 2.0], Some(2.0)),
        Case("a ratio beyond the largest", &[1e200], &[1e-200], Some(INF)),
        Case("subnormals", &[1.5e-323], &[5e-324], Some(3.0)),
    ] {
        assert_eq!(mean_ratio(x, y), expected, "{name}");
    }
}

#[test]
fn table_of_common_language_effect_sizes() {
    for Case(name, x, y, expected) in [
        Case("all above", &[3.0, 4.0], &[1.0, 2.0], Some(1.0)),
        Case("all below", &[1.0, 2.0], &[3.0, 4.0], Some(0.0)),
        Case("three of four", &[2.0, 4.0], &[1.0, 3.0], Some(0.75)),
        Case("a tie is a half", &[1.0, 2.0], &[2.0], Some(0.25)),
        Case("all equal", &[5.0, 5.0], &[5.0], Some(0.5)),
        Case("signed zeros tie", &[0.0], &[-0.0], Some(0.5)),
        Case("subnormals differ", &[5e-324], &[0.0], Some(1.0)),
        Case("infinities tie or win", &[INF], &[INF, 1.0], Some(0.75)),
        Case("x empty", &[], &[1.0], None),
        Case("y empty", &[1.0], &[], None),
        Case("a NaN in x", &[1.0, NAN], &[1.0], None),
        Case("a NaN in y", &[1.0], &[NAN], None),
    ] {
        assert_eq!(common_language_effect_size(x, y), expected, "{name}");
    }
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/effect_size.tsv")) {
        let [x, y, ratio, effect] = row;
        let (x, y) = (oracle::numbers(x), oracle::numbers(y));
        oracle::assert_close(mean_ratio(&x, &y).unwrap(), oracle::number(ratio), 1e-15, &row);
        let actual = common_language_effect_size(&x, &y).unwrap();
        oracle::assert_close(actual, oracle::number(effect), 1e-15, &row);
    }
}

#[test]
fn a_million_ties_are_counted_exactly() {
    let x: Vec<f64> = (0..1_000_000).map(|index| f64::from(index % 2)).collect();
    assert_eq!(common_language_effect_size(&x, &x), Some(0.5));
    assert_eq!(common_language_effect_size(&x, &[0.0]), Some(0.75));
    assert_eq!(mean_ratio(&x, &[2.0]), Some(0.25));
}

proptest! {
    #[test]
    fn the_common_language_effect_size_is_the_share_of_pairs(x in sample(), y in sample()) {
        let test = mann_whitney_u(&x, &y, Alternative::Less, Method::Asymptotic).unwrap();
        let wins: usize = x.iter().map(|a| y.iter().filter(|b| a > b).count()).sum();
        let ties: usize = x.iter().map(|a| y.iter().filter(|b| a == *b).count()).sum();
        let share = (wins as f64 + ties as f64 / 2.0) / (x.len() * y.len()) as f64;
        prop_assert_eq!(common_language_effect_size(&x, &y), Some(share));
        prop_assert_eq!(test.u / (x.len() * y.len()) as f64, share);
    }

    #[test]
    fn swapping_the_samples_mirrors_the_effect(x in sample(), y in sample()) {
        let xy = common_language_effect_size(&x, &y).unwrap();
        let yx = common_language_effect_size(&y, &x).unwrap();
        prop_assert!((xy + yx - 1.0).abs() <= f64::EPSILON);
    }

    #[test]
    fn swapping_the_samples_inverts_the_ratio(x in sample(), y in sample()) {
        let (xy, yx) = (mean_ratio(&x, &y), mean_ratio(&y, &x));
        prop_assert_eq!(xy.is_none(), yx.is_none());
        if let (Some(xy), Some(yx)) = (xy, yx) {
            prop_assert!((xy * yx - 1.0).abs() < 1e-15);
        }
    }
}

/// Few distinct values, so that ties, and means of zero, are common.
fn sample() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-3..=3).prop_map(f64::from), 1..20)
}
