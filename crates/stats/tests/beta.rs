//! The beta distribution against a table, mpmath and its laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::beta;

const INF: f64 = f64::INFINITY;

#[test]
fn table_of_probabilities() {
    for (name, x, a, b, below, above) in [
        ("uniform", 0.25, 1.0, 1.0, 0.25, 0.75),
        ("arcsine", 0.5, 0.5, 0.5, 0.5, 0.5),
        ("larger of two", 0.5, 2.0, 1.0, 0.25, 0.75),
        ("smaller of two", 0.5, 1.0, 2.0, 0.75, 0.25),
        ("lower end", 0.0, 2.0, 3.0, 0.0, 1.0),
        ("upper end", 1.0, 2.0, 3.0, 1.0, 0.0),
        ("below the lower end", -INF, 2.0, 3.0, 0.0, 1.0),
        ("above the upper end", INF, 2.0, 3.0, 1.0, 0.0),
        ("far below the mean", 1e-9, 1e9, 1e9, 0.0, 1.0),
        ("at the mean", 0.5, 1e15, 1e15, 0.5, 0.5),
    ] {
        assert!((beta::cdf(x, a, b) - below).abs() < 1e-15, "{name}: {}", beta::cdf(x, a, b));
        assert!((beta::survival(x, a, b) - above).abs() < 1e-15, "{name}");
    }
}

#[test]
fn what_is_no_beta_distribution_has_no_probabilities() {
    for (x, a, b) in [
        (f64::NAN, 1.0, 1.0),
        (0.5, 0.0, 1.0),
        (0.5, 1.0, -1.0),
        (0.5, f64::NAN, 1.0),
        (0.5, 1.0, INF),
        (0.5, f64::MAX, f64::MAX),
    ] {
        for function in [
            beta::cdf,
            beta::survival,
            beta::ln_cdf,
            beta::ln_survival,
            beta::quantile,
            beta::survival_quantile,
        ] {
            assert!(function(x, a, b).is_nan(), "{x} {a} {b}");
        }
    }
    for outside in [-5e-324, 1.0 + f64::EPSILON] {
        assert!(beta::quantile(outside, 2.0, 3.0).is_nan());
        assert!(beta::survival_quantile(outside, 2.0, 3.0).is_nan());
    }
    assert!(beta::ln_beta(0.0, 1.0).is_nan() && beta::ln_beta(1.0, INF).is_nan());
}

#[test]
fn the_ends_are_quantiles() {
    for (a, b) in [(0.5, 0.5), (3.0, 1e6)] {
        assert_eq!((beta::quantile(0.0, a, b), beta::quantile(1.0, a, b)), (0.0, 1.0));
        assert_eq!(beta::survival_quantile(0.0, a, b), 1.0);
        assert_eq!(beta::survival_quantile(1.0, a, b), 0.0);
    }
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/beta.tsv")) {
        let [name, x, a, b, value] = row;
        let [x, a, b, value] = [x, a, b, value].map(oracle::number);
        let (actual, tolerance) = match name {
            "ln_beta" => {
                let error = (beta::ln_beta(a, b) - value).abs();
                assert!(error <= (4e-15 * value.abs()).max(2e-14), "{row:?}: {error:e}");
                continue;
            }
            "cdf" => (beta::cdf(x, a, b), 1e-13 * (1.0 - libm::log(value))),
            "survival" => (beta::survival(x, a, b), 1e-13 * (1.0 - libm::log(value))),
            "ln_cdf" => (beta::ln_cdf(x, a, b), 1e-12),
            "ln_survival" => (beta::ln_survival(x, a, b), 1e-12),
            "quantile" => (beta::quantile(x, a, b), 1e-13),
            "survival_quantile" => (beta::survival_quantile(x, a, b), 1e-13),
            other => panic!("{other}"),
        };
        oracle::assert_close(actual, value, tolerance, &row);
    }
}

fn shape() -> impl Strategy<Value = f64> {
    prop_oneof![0.1..10.0, 10.0..1e3, 1e3..1e6, Just(0.5), Just(1.0), Just(1e9)]
}

proptest! {
    #[test]
    fn the_tails_make_up_the_whole(x in 0.0..=1.0, a in shape(), b in shape()) {
        let whole = beta::cdf(x, a, b) + beta::survival(x, a, b);
        prop_assert!((whole - 1.0).abs() < 1e-12, "{}", whole);
    }

    #[test]
    fn the_arms_mirror(x in 0.5..=1.0, a in shape(), b in shape()) {
        prop_assert_eq!(beta::cdf(x, a, b), beta::survival(1.0 - x, b, a));
    }

    #[test]
    fn a_larger_value_is_never_less_probable(
        z in -6.0..6.0, more in 0.001..1.0, a in shape(), b in shape()
    ) {
        // Around the mean, where the fraction and the expansion meet.
        let mean = a / (a + b);
        let deviation = (mean * (1.0 - mean) / (a + b + 1.0)).sqrt();
        let below = beta::cdf(mean + z * deviation, a, b);
        prop_assert!(below <= beta::cdf(mean + (z + more) * deviation, a, b) * (1.0 + 1e-12));
    }

    #[test]
    fn the_quantile_undoes_the_cdf(p in 1e-9..0.999_f64, a in shape(), b in shape()) {
        let x = beta::quantile(p, a, b);
        // Close to 1 a step of the last bit of x is a step of p.
        if x > 1e-300 && x < 0.999 {
            let back = beta::cdf(x, a, b);
            prop_assert!((back - p).abs() <= 1e-9 * p, "{} is {}", x, back);
        }
    }
}
