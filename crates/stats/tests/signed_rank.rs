//! Wilcoxon's signed-rank test against a table, R, enumeration and its laws.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a panic is a failed test")]

mod oracle;

use proptest::prelude::*;
use serin_stats::{Alternative, Method, SampleError, wilcoxon_signed_rank};

const INF: f64 = f64::INFINITY;

#[test]
fn table() {
    // Two-sided and exact: small enough to set the signs by hand.
    for (name, differences, w, n, p_value) in [
        ("one", &[3.0][..], 1.0, 1, 1.0),
        ("three above, 1 of 8 twice", &[1.0, 2.0, 3.0], 6.0, 3, 0.25),
        ("three below, 1 of 8 twice", &[-1.0, -2.0, -3.0], 0.0, 3, 0.25),
        ("the largest below", &[1.0, 2.0, -3.0], 3.0, 3, 1.0),
        ("tied, 1 of 8 twice", &[2.0, 2.0, 2.0], 6.0, 3, 0.25),
        ("zeros are dropped", &[0.0, 1.0, -0.0, 2.0, 3.0], 6.0, 3, 0.25),
        ("nothing but zeros", &[0.0, 0.0], 0.0, 0, 1.0),
        ("infinities tie", &[INF, INF, 1.0], 6.0, 3, 0.25),
    ] {
        let test = wilcoxon_signed_rank(differences, Alternative::TwoSided, Method::Exact).unwrap();
        assert_eq!((test.w, test.n), (w, n), "{name}");
        assert!((test.p_value - p_value).abs() < 1e-15, "{name}: {}", test.p_value);
    }
    let none = wilcoxon_signed_rank(&[0.0], Alternative::Less, Method::Asymptotic).unwrap();
    assert_eq!(none.p_value, 1.0);
}

#[test]
fn agrees_with_r() {
    assert_agreement(include_str!("oracle/signed_rank.r.tsv"));
}

#[test]
fn agrees_with_enumeration() {
    assert_agreement(include_str!("oracle/signed_rank.scipy.tsv"));
}

#[track_caller]
fn assert_agreement(table: &str) {
    for row in oracle::rows(table) {
        let [differences, alternative, method, w, p_value] = row;
        let alternative = match alternative {
            "greater" => Alternative::Greater,
            "less" => Alternative::Less,
            "two.sided" => Alternative::TwoSided,
            other => panic!("{other}"),
        };
        let method = if method == "exact" { Method::Exact } else { Method::Asymptotic };
        let test =
            wilcoxon_signed_rank(&oracle::numbers(differences), alternative, method).unwrap();
        assert_eq!(test.w, oracle::number(w), "{row:?}");
        assert_eq!(test.method, method, "{row:?}");
        oracle::assert_close(test.p_value, oracle::number(p_value), 1e-11, &row);
    }
}

#[test]
fn the_method_follows_the_number() {
    let differences = |n: i32| (1..=n).map(f64::from).collect::<Vec<_>>();
    for (n, method) in [(50, Method::Exact), (51, Method::Asymptotic)] {
        let test =
            wilcoxon_signed_rank(&differences(n), Alternative::Greater, Method::Auto).unwrap();
        assert_eq!(test.method, method);
    }
    let refused = wilcoxon_signed_rank(&differences(701), Alternative::Greater, Method::Exact);
    let error = refused.unwrap_err();
    assert_eq!(error, SampleError::TooMany { sample: "differences", most: 700 });
    assert_eq!(
        error.to_string(),
        "sample `differences` has more than 700 values; take fewer, or an approximate method"
    );
}

#[test]
fn what_is_refused() {
    let test = |values: &[f64]| wilcoxon_signed_rank(values, Alternative::Less, Method::Auto);
    assert_eq!(test(&[]), Err(SampleError::Empty { sample: "differences" }));
    assert!(matches!(test(&[1.0, f64::NAN]), Err(SampleError::NotFinite { index: 1, .. })));
}

fn differences() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-6_i32..7).prop_map(f64::from), 1..60)
}

proptest! {
    #[test]
    fn changing_the_signs_mirrors_the_test(differences in differences(), exact in any::<bool>()) {
        let method = if exact { Method::Exact } else { Method::Asymptotic };
        let negated: Vec<f64> = differences.iter().map(|value| -value).collect();
        let up = wilcoxon_signed_rank(&differences, Alternative::Greater, method).unwrap();
        let down = wilcoxon_signed_rank(&negated, Alternative::Less, method).unwrap();
        let n = up.n as f64;
        prop_assert_eq!(up.w + down.w, n * (n + 1.0) / 2.0);
        prop_assert!((up.p_value - down.p_value).abs() <= 1e-12 * up.p_value);
    }

    #[test]
    fn only_the_order_of_sizes_counts(differences in differences()) {
        let cubed: Vec<f64> = differences.iter().map(|value| value * value * value).collect();
        let test = |values: &[f64]| wilcoxon_signed_rank(values, Alternative::TwoSided, Method::Auto);
        prop_assert_eq!(test(&differences), test(&cubed));
    }

    #[test]
    fn the_approximation_is_close(differences in differences()) {
        prop_assume!(differences.iter().filter(|&&value| value != 0.0).count() >= 25);
        let exact = wilcoxon_signed_rank(&differences, Alternative::Less, Method::Exact).unwrap();
        let close = wilcoxon_signed_rank(&differences, Alternative::Less, Method::Asymptotic).unwrap();
        prop_assert!((exact.p_value - close.p_value).abs() < 0.02);
    }
}
