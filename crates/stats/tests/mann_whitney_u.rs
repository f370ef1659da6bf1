//! The Mann–Whitney U test against a table, SciPy, R and its laws.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a panic is a failed test")]

mod oracle;

use proptest::prelude::*;
use serin_stats::{Alternative, Method, SampleError, mann_whitney_u};

const ALTERNATIVES: [Alternative; 3] =
    [Alternative::Greater, Alternative::Less, Alternative::TwoSided];
const INF: f64 = f64::INFINITY;

#[test]
fn table() {
    struct Case(&'static str, &'static [f64], &'static [f64], f64, f64);

    // Two-sided and exact: small enough to count the permutations by hand.
    for Case(name, x, y, u, p_value) in [
        Case("one pair", &[1.0], &[2.0], 0.0, 1.0),
        Case("x above, 1 of 6 twice", &[3.0, 4.0], &[1.0, 2.0], 4.0, 1.0 / 3.0),
        Case("x below, 1 of 6 twice", &[1.0, 2.0], &[3.0, 4.0], 0.0, 1.0 / 3.0),
        Case("nested", &[1.0, 4.0], &[2.0, 3.0], 2.0, 1.0),
        Case("x above, 1 of 20 twice", &[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0], 9.0, 0.1),
        Case("one tie, 2 of 6 twice", &[2.0, 3.0], &[1.0, 2.0], 3.5, 2.0 / 3.0),
        Case("two groups, 1 of 6 twice", &[1.0, 1.0], &[0.0, 0.0], 4.0, 1.0 / 3.0),
        Case("all equal", &[5.0, 5.0], &[5.0, 5.0, 5.0], 3.0, 1.0),
        Case("signed zeros tie", &[0.0, -0.0], &[-0.0], 1.0, 1.0),
        Case("infinities at the ends", &[INF, 7.0], &[-INF, 1.0], 4.0, 1.0 / 3.0),
        Case("equal infinities tie", &[INF], &[INF], 0.5, 1.0),
        Case("subnormals differ", &[5e-324, 1e-323], &[0.0, -5e-324], 4.0, 1.0 / 3.0),
    ] {
        let test = mann_whitney_u(x, y, Alternative::TwoSided, Method::Exact).unwrap();
        assert_eq!(test.u, u, "{name}");
        assert!((test.p_value - p_value).abs() < 1e-15, "{name}: p = {}", test.p_value);
    }
}

#[test]
fn agrees_with_scipy() {
    assert_agreement(include_str!("oracle/mann_whitney_u.scipy.tsv"));
}

#[test]
fn agrees_with_r() {
    assert_agreement(include_str!("oracle/mann_whitney_u.r.tsv"));
}

fn assert_agreement(table: &str) {
    for row in oracle::rows(table) {
        let [x, y, alternative, method, u, p_value] = row;
        let alternative = match alternative {
            "greater" => Alternative::Greater,
            "less" => Alternative::Less,
            "two-sided" => Alternative::TwoSided,
            other => panic!("{other}"),
        };
        let method = match method {
            "asymptotic" => Method::Asymptotic,
            "exact" => Method::Exact,
            other => panic!("{other}"),
        };
        let (x, y) = (oracle::numbers(x), oracle::numbers(y));
        let test = mann_whitney_u(&x, &y, alternative, method).unwrap();
        assert_eq!(test.method, method, "{row:?}");
        assert_eq!(test.u, oracle::number(u), "{row:?}");
        oracle::assert_close(test.p_value, oracle::number(p_value), 1e-13, &row);
    }
}

#[test]
fn the_thinnest_tail_is_one_permutation() {
    // 1 / C(120, 60), 36 orders of magnitude below 1.
    let (low, high) = (numbers(0..60), numbers(60..120));
    let test = mann_whitney_u(&high, &low, Alternative::Greater, Method::Exact).unwrap();
    let ways = (1..=60).fold(1.0, |ways, k| ways * f64::from(60 + k) / f64::from(k));
    oracle::assert_close(test.p_value, 1.0 / ways, 1e-13, &[]);
}

#[test]
fn all_equal_is_no_evidence_at_all() {
    for n in [1, 3, 20, 21, 1000] {
        let sample = vec![0.25; n];
        for alternative in ALTERNATIVES {
            for method in [Method::Auto, Method::Asymptotic] {
                let test = mann_whitney_u(&sample, &sample, alternative, method).unwrap();
                assert_eq!((test.u, test.p_value), ((n * n) as f64 / 2.0, 1.0));
            }
        }
    }
}

#[test]
fn auto_is_exact_while_that_is_quick() {
    let method = |n_x: i32, n_y: i32, step: f64| {
        let values: Vec<f64> = numbers(0..n_x + n_y).iter().map(|v| (v * step).floor()).collect();
        let (x, y) = values.split_at(n_x as usize);
        let xy = mann_whitney_u(x, y, Alternative::Less, Method::Auto).unwrap();
        let yx = mann_whitney_u(y, x, Alternative::Greater, Method::Auto).unwrap();
        assert_eq!(xy.method, yx.method);
        xy.method
    };
    assert_eq!(method(20, 20, 1.0), Method::Exact);
    assert_eq!(method(21, 21, 1.0), Method::Asymptotic);
    assert_eq!(method(20, 204, 1.0), Method::Exact);
    assert_eq!(method(20, 205, 1.0), Method::Asymptotic);
    assert_eq!(method(20, 130, 0.99), Method::Exact);
    assert_eq!(method(20, 203, 0.99), Method::Asymptotic);
    assert_eq!(method(1, 4000, 1.0), Method::Exact);
    assert_eq!(method(1, 5000, 1.0), Method::Asymptotic);
}

#[test]
fn exact_is_bounded() {
    let test = |n: i32| {
        mann_whitney_u(&numbers(0..n), &numbers(n..2 * n), Alternative::Less, Method::Exact)
    };
    assert_eq!(test(125).map(|test| test.method), Ok(Method::Exact));
    let error = test(127).unwrap_err();
    assert_eq!(error, SampleError::TooLarge { n_x: 127, n_y: 127 });
    assert_eq!(
        error.to_string(),
        "the exact distribution for samples of 127 and 127 values is too large; \
         use the asymptotic method",
    );
    assert!(test(1_000_000).is_err());
}

#[test]
fn one_exception_among_a_million_ties() {
    let y = vec![1.0; 1_000_000];
    let mut x = y.clone();
    x[0] = 2.0;
    let test = mann_whitney_u(&x, &y, Alternative::Greater, Method::Auto).unwrap();
    assert_eq!(test.u, 5e11 + 5e5);
    // The variance is n_x n_y / 12 of 3 (n - 1) n / (n (n - 1)), for n values in
    // all: 2.5e11. So z is 1 but for the continuity correction.
    oracle::assert_close(test.p_value, 0.158_655_495_902_302_56, 1e-12, &[]);
}

#[test]
fn unusable_samples() {
    let message = |x: &[f64], y: &[f64]| {
        mann_whitney_u(x, y, Alternative::TwoSided, Method::Auto).unwrap_err().to_string()
    };
    assert_eq!(message(&[], &[1.0]), "sample `x` is empty");
    assert_eq!(message(&[1.0], &[]), "sample `y` is empty");
    assert_eq!(
        message(&[1.0], &[INF, f64::NAN]),
        "sample `y` has the unusable value NaN at index 1"
    );
    assert_eq!(message(&[f64::NAN], &[]), "sample `x` has the unusable value NaN at index 0");
}

proptest! {
    #[test]
    fn exact_is_the_enumeration_of_all_permutations(x in sample(1..7), y in sample(1..7)) {
        let [greater, less] = enumerate(&x, &y);
        let expected = [greater, less, (2.0 * greater.min(less)).min(1.0)];
        for (alternative, expected) in ALTERNATIVES.into_iter().zip(expected) {
            let test = mann_whitney_u(&x, &y, alternative, Method::Exact).unwrap();
            prop_assert!((test.p_value - expected).abs() < 1e-13 * expected, "{alternative:?}");
        }
    }

    #[test]
    fn u_counts_the_pairs_in_order(x in sample(1..40), y in sample(1..40)) {
        let test = mann_whitney_u(&x, &y, Alternative::Less, Method::Asymptotic).unwrap();
        prop_assert_eq!(test.u, pairs_in_order(&x, &y));
    }

    #[test]
    fn swapping_the_samples_mirrors_the_test(x in sample(1..25), y in sample(1..25)) {
        for method in [Method::Asymptotic, Method::Auto, Method::Exact] {
            let xy = mann_whitney_u(&x, &y, Alternative::Greater, method).unwrap();
            let yx = mann_whitney_u(&y, &x, Alternative::Less, method).unwrap();
            prop_assert_eq!(xy.u + yx.u, (x.len() * y.len()) as f64);
            prop_assert!((xy.p_value - yx.p_value).abs() <= 1e-12 * xy.p_value);
        }
    }

    #[test]
    fn only_the_order_of_values_matters(x in sample(1..40), y in sample(1..40)) {
        // Neither makes nor breaks ties, and sends the top to infinity.
        let stretch = |values: &[f64]| -> Vec<f64> {
            values.iter().map(|value| if *value == 3.0 { INF } else { value * 8.0 + 1.0 }).collect()
        };
        let before = mann_whitney_u(&x, &y, Alternative::TwoSided, Method::Auto);
        let after = mann_whitney_u(&stretch(&x), &stretch(&y), Alternative::TwoSided, Method::Auto);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn the_order_within_a_sample_does_not_matter(x in sample(1..30), y in sample(1..30)) {
        let reversed: Vec<f64> = x.iter().rev().copied().collect();
        let test = |x: &[f64]| mann_whitney_u(x, &y, Alternative::Greater, Method::Auto);
        prop_assert_eq!(test(&x), test(&reversed));
    }

    #[test]
    fn a_p_value_is_a_probability_above_zero(x in sample(1..25), y in sample(1..25)) {
        for alternative in ALTERNATIVES {
            for method in [Method::Asymptotic, Method::Exact] {
                let test = mann_whitney_u(&x, &y, alternative, method).unwrap();
                prop_assert!(0.0 < test.p_value && test.p_value <= 1.0, "{test:?}");
            }
        }
    }
}

/// Few distinct values, so that ties are common.
fn sample(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-4..=3).prop_map(f64::from), size)
}

/// Returns the shares of all divisions of the pooled values whose U is at least
/// and at most that of the given one.
fn enumerate(x: &[f64], y: &[f64]) -> [f64; 2] {
    let pooled = [x, y].concat();
    let observed = pairs_in_order(x, y);
    let (mut at_least, mut at_most, mut all) = (0, 0, 0);
    for mask in 0_u32..1 << pooled.len() {
        if mask.count_ones() as usize == x.len() {
            let (drawn, left): (Vec<_>, Vec<_>) =
                (0..pooled.len()).partition(|index| mask >> index & 1 == 1);
            let values = |indices: Vec<usize>| -> Vec<f64> {
                indices.into_iter().map(|index| pooled[index]).collect()
            };
            let u = pairs_in_order(&values(drawn), &values(left));
            at_least += i32::from(u >= observed);
            at_most += i32::from(u <= observed);
            all += 1;
        }
    }
    [f64::from(at_least) / f64::from(all), f64::from(at_most) / f64::from(all)]
}

fn pairs_in_order(x: &[f64], y: &[f64]) -> f64 {
    let score = |a: f64, b: f64| f64::from(u8::from(a > b)) + f64::from(u8::from(a == b)) / 2.0;
    x.iter().flat_map(|&a| y.iter().map(move |&b| score(a, b))).sum()
}

fn numbers(range: std::ops::Range<i32>) -> Vec<f64> {
    range.map(f64::from).collect()
}
