//! The Hodges–Lehmann shift against a table, R, NumPy and its laws.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod oracle;

use proptest::prelude::*;
use serin_stats::{Alternative, Method, SampleError, hodges_lehmann_shift, mann_whitney_u, normal};

const INF: f64 = f64::INFINITY;
const MAX: f64 = f64::MAX;

#[test]
fn table() {
    struct Case(&'static str, &'static [f64], &'static [f64], f64, [f64; 3]);

    for Case(name, x, y, confidence, expected) in [
        Case("one pair", &[5.0], &[3.0], 0.95, [2.0, 2.0, 2.0]),
        Case("an even count", &[1.0, 2.0], &[0.0], 0.95, [1.5, 1.0, 2.0]),
        // Of 20 divisions, 1 has U = 0 and 1 has U = 1: k is 0 at 90 %, as 1/20
        // is not less than 5 %, and 1 at 75 %.
        Case("k = 0", &[13.0, 17.0, 22.0], &[10.0, 11.0, 15.0], 0.9, [6.0, -2.0, 12.0]),
        Case("k = 1", &[13.0, 17.0, 22.0], &[10.0, 11.0, 15.0], 0.75, [6.0, 2.0, 11.0]),
        Case("all equal", &[7.0, 7.0], &[7.0, 7.0, 7.0], 0.9, [0.0, 0.0, 0.0]),
        Case("two constants", &[9.0; 30], &[7.0; 40], 0.9, [2.0, 2.0, 2.0]),
        Case("subnormals", &[5e-324, 1e-323], &[0.0], 0.9, [1e-323, 5e-324, 1e-323]),
        Case("large, even count", &[MAX, MAX / 2.0], &[0.0], 0.9, [0.75 * MAX, MAX / 2.0, MAX]),
        Case("beyond the largest", &[MAX], &[-MAX], 0.9, [INF, INF, INF]),
        Case("beyond at the ends", &[MAX, -MAX], &[MAX, -MAX], 0.9, [0.0, -INF, INF]),
    ] {
        let shift = hodges_lehmann_shift(x, y, confidence).unwrap();
        assert_eq!([shift.estimate, shift.lower, shift.upper], expected, "{name}");
    }
}

#[test]
fn the_attained_confidence_is_reported() {
    let attained = |x: &[f64], y: &[f64]| hodges_lehmann_shift(x, y, 0.9).unwrap().confidence;
    // With one pair the interval is a point, whose confidence is none.
    assert_eq!(attained(&[5.0], &[3.0]), 0.0);
    assert!((attained(&[1.0, 3.0], &[2.0, 4.0]) - (1.0 - 2.0 / 6.0)).abs() < 1e-15);
    // With ties, and beyond 20 values, it is the nominal one.
    assert_eq!(attained(&[1.0], &[1.0]), 0.9);
    let numbers: Vec<f64> = (0..42).map(f64::from).collect();
    assert_eq!(attained(&numbers[..21], &numbers[21..]), 0.9);
}

#[test]
fn a_tail_equal_to_the_one_asked_for_is_not_less() {
    // With one value against n, U is uniform on 0 to n.
    for n in 3..60 {
        let y: Vec<f64> = (0..n).map(f64::from).collect();
        for tail in 2..=n / 2 {
            let confidence = 1.0 - 2.0 * f64::from(tail) / f64::from(n + 1);
            let shift = hodges_lehmann_shift(&[0.5], &y, confidence).unwrap();
            let attained = 1.0 - 2.0 * f64::from(tail - 1) / f64::from(n + 1);
            assert!((shift.confidence - attained).abs() < 1e-14, "{n}, {tail}: {shift:?}");
        }
    }
}

#[test]
fn zero_is_positive() {
    for (x, y) in [(-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0), (1.5, 1.5)] {
        let shift = hodges_lehmann_shift(&[x], &[y], 0.9).unwrap();
        for zero in [shift.estimate, shift.lower, shift.upper] {
            assert_eq!(zero.to_bits(), 0.0_f64.to_bits(), "{x:?} - {y:?}");
        }
    }
}

#[test]
fn agrees_with_r() {
    assert_agreement(include_str!("oracle/hodges_lehmann.r.tsv"));
}

#[test]
fn agrees_with_numpy() {
    assert_agreement(include_str!("oracle/hodges_lehmann.numpy.tsv"));
}

fn assert_agreement(table: &str) {
    for row in oracle::rows(table) {
        let [x, y, confidence, estimate, lower, upper, attained] = row;
        let (x, y) = (oracle::numbers(x), oracle::numbers(y));
        let shift = hodges_lehmann_shift(&x, &y, oracle::number(confidence)).unwrap();
        oracle::assert_close(shift.estimate, oracle::number(estimate), 1e-15, &row);
        assert_eq!(shift.lower, oracle::number(lower), "{row:?}");
        assert_eq!(shift.upper, oracle::number(upper), "{row:?}");
        oracle::assert_close(shift.confidence, oracle::number(attained), 1e-14, &row);
    }
}

#[test]
fn a_million_ties_shift_by_nothing() {
    let x: Vec<f64> = (0..1_000_000).map(|index| f64::from(index % 2)).collect();
    let shift = hodges_lehmann_shift(&x, &[0.0, 1.0], 0.95).unwrap();
    assert_eq!([shift.estimate, shift.lower, shift.upper], [0.0, -1.0, 1.0]);
}

#[test]
fn unusable_input() {
    let message = |x: &[f64], y: &[f64], confidence| {
        hodges_lehmann_shift(x, y, confidence).unwrap_err().to_string()
    };
    assert_eq!(message(&[], &[1.0], 0.9), "sample `x` is empty");
    assert_eq!(message(&[1.0], &[], 0.9), "sample `y` is empty");
    assert_eq!(
        message(&[1.0, f64::NAN], &[1.0], 0.9),
        "sample `x` has the unusable value NaN at index 1",
    );
    assert_eq!(
        message(&[1.0], &[f64::NEG_INFINITY], 0.9),
        "sample `y` has the unusable value -inf at index 0",
    );
    assert_eq!(message(&[1.0], &[1.0], 95.0), "confidence level 95 is not between 0 and 1");
    for value in [0.0, 1.0, -0.5, INF] {
        let error = hodges_lehmann_shift(&[1.0], &[1.0], value).unwrap_err();
        assert_eq!(error, SampleError::Confidence { value });
    }
    assert_eq!(message(&[1.0], &[1.0], f64::NAN), "confidence level NaN is not between 0 and 1");
}

#[test]
fn every_confidence_level_has_an_interval() {
    let values: Vec<f64> = (0..9).map(f64::from).collect();
    for confidence in [5e-324, 1e-17, 1e-9, 0.5, 1.0 - 1e-9, 1.0 - f64::EPSILON / 2.0] {
        for (x, y) in [values.split_at(4), values.split_at(1), (&values[..], &values[..])] {
            let shift = hodges_lehmann_shift(x, y, confidence).unwrap();
            assert!(shift.lower <= shift.estimate && shift.estimate <= shift.upper, "{shift:?}");
        }
    }
}

proptest! {
    #[test]
    fn the_estimate_is_the_median_of_all_differences(x in few(1..30), y in few(1..30)) {
        let shift = hodges_lehmann_shift(&x, &y, 0.9).unwrap();
        prop_assert_eq!(shift.estimate, median(&differences(&x, &y)));
    }

    #[test]
    fn the_estimate_is_the_median_at_any_magnitude(x in any_finite(), y in any_finite()) {
        let shift = hodges_lehmann_shift(&x, &y, 0.9).unwrap();
        prop_assert_eq!(shift.estimate, median(&differences(&x, &y)));
    }

    #[test]
    fn with_ties_the_interval_ends_at_the_order_statistics_of_the_approximation(
        mut x in few(1..30),
        y in few(1..30),
        confidence in 0.01..0.999,
    ) {
        x.push(y[0]);
        let shift = hodges_lehmann_shift(&x, &y, confidence).unwrap();
        let (n_x, n_y) = (x.len() as f64, y.len() as f64);
        let z = normal::survival_quantile((1.0 - confidence) / 2.0);
        let k = n_x * n_y / 2.0 - z * (n_x * n_y * (n_x + n_y + 1.0) / 12.0).sqrt() - 0.5;
        let k = k.floor().max(0.0) as usize;
        let all = differences(&x, &y);
        prop_assert_eq!(shift.lower, all[k]);
        prop_assert_eq!(shift.upper, all[all.len() - 1 - k]);
    }

    #[test]
    fn without_ties_the_interval_holds_the_shifts_that_the_test_does_not_reject(
        x in distinct(),
        y in distinct(),
        confidence in 0.5..0.999,
        shift in -40..40,
    ) {
        // Odd less even: neither the samples nor the shifted samples have ties.
        let x: Vec<f64> = x.iter().map(|value| f64::from(2 * value + 1)).collect();
        let y: Vec<f64> = y.iter().map(|value| f64::from(2 * value)).collect();
        let shift = f64::from(2 * shift);
        let interval = hodges_lehmann_shift(&x, &y, confidence).unwrap();
        let shifted: Vec<f64> = x.iter().map(|value| value - shift).collect();
        let test = mann_whitney_u(&shifted, &y, Alternative::TwoSided, Method::Exact).unwrap();

        let is_inside = interval.lower < shift && shift < interval.upper;
        let is_accepted = test.p_value >= 1.0 - confidence;
        if interval.confidence >= confidence {
            prop_assert_eq!(is_inside, is_accepted, "{:?} {:?}", interval, test);
        } else {
            let all = differences(&x, &y);
            prop_assert_eq!(interval.lower, all[0]);
            prop_assert_eq!(interval.upper, all[all.len() - 1]);
        }
    }

    #[test]
    fn swapping_the_samples_negates_the_shift(x in few(1..30), y in few(1..30)) {
        let xy = hodges_lehmann_shift(&x, &y, 0.95).unwrap();
        let yx = hodges_lehmann_shift(&y, &x, 0.95).unwrap();
        prop_assert_eq!(xy.estimate, -yx.estimate);
        prop_assert_eq!(xy.lower, -yx.upper);
        prop_assert_eq!(xy.upper, -yx.lower);
    }

    #[test]
    fn moving_a_sample_moves_the_shift_with_it(x in few(1..30), y in few(1..30), by in -9..9) {
        let by = f64::from(by);
        let moved: Vec<f64> = x.iter().map(|value| value + by).collect();
        let before = hodges_lehmann_shift(&x, &y, 0.95).unwrap();
        let after = hodges_lehmann_shift(&moved, &y, 0.95).unwrap();
        prop_assert_eq!(after.estimate, before.estimate + by);
    }

    #[test]
    fn more_confidence_is_a_wider_interval(
        x in few(1..30),
        y in few(1..30),
        low in 0.01..0.99,
        more in 0.0..0.009,
    ) {
        let narrow = hodges_lehmann_shift(&x, &y, low).unwrap();
        let wide = hodges_lehmann_shift(&x, &y, low + more).unwrap();
        prop_assert!(wide.lower <= narrow.lower && narrow.upper <= wide.upper);
    }
}

/// Few distinct values, so that ties are common; all differences are exact.
fn few(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-6..=6).prop_map(|value| f64::from(value) / 4.0), size)
}

fn distinct() -> impl Strategy<Value = std::collections::BTreeSet<i32>> {
    prop::collection::btree_set(-20..20, 1..12)
}

/// Every sign and exponent there is.
fn any_finite() -> impl Strategy<Value = Vec<f64>> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop::collection::vec(NEGATIVE | POSITIVE | NORMAL | SUBNORMAL | ZERO, 1..12)
}

/// Returns all differences in order.
fn differences(x: &[f64], y: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| x - y)).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2])
}
