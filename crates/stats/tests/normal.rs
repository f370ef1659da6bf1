//! The normal distribution against a table, mpmath and its laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::normal;

const INF: f64 = f64::INFINITY;

#[test]
fn table_of_probabilities() {
    for (name, z, below, above) in [
        ("median", 0.0, 0.5, 0.5),
        ("negative zero", -0.0, 0.5, 0.5),
        ("subnormal", 5e-324, 0.5, 0.5),
        ("infinity", INF, 1.0, 0.0),
        ("negative infinity", -INF, 0.0, 1.0),
        ("beyond every tail", 1e300, 1.0, 0.0),
        ("just beyond the subnormals", 38.7, 1.0, 0.0),
    ] {
        assert_eq!(normal::cdf(z), below, "{name}");
        assert_eq!(normal::survival(z), above, "{name}");
    }
    assert!(normal::cdf(f64::NAN).is_nan() && normal::survival(f64::NAN).is_nan());
    assert_eq!((normal::ln_survival(INF), normal::ln_survival(-INF)), (-INF, 0.0));
    assert_eq!((normal::ln_cdf(INF), normal::ln_cdf(-INF)), (0.0, -INF));
    assert!(normal::ln_cdf(f64::NAN).is_nan() && normal::ln_survival(f64::NAN).is_nan());
}

#[test]
fn table_of_quantiles() {
    for (name, probability, z) in [
        ("median", 0.5, 0.0),
        ("none", 0.0, -INF),
        ("negative zero", -0.0, -INF),
        ("all", 1.0, INF),
    ] {
        assert_eq!(normal::quantile(probability), z, "{name}");
        assert_eq!(normal::survival_quantile(probability), -z, "{name}");
    }
    for outside in [-5e-324, 1.0 + f64::EPSILON, -INF, INF, f64::NAN] {
        assert!(normal::quantile(outside).is_nan());
        assert!(normal::survival_quantile(outside).is_nan());
    }
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/normal.tsv")) {
        let [name, argument, value] = row;
        let function = match name {
            "cdf" => normal::cdf,
            "survival" => normal::survival,
            "quantile" => normal::quantile,
            "survival_quantile" => normal::survival_quantile,
            "ln_cdf" => normal::ln_cdf,
            "ln_survival" => normal::ln_survival,
            other => panic!("{other}"),
        };
        let actual = function(oracle::number(argument));
        let tolerance = if name.starts_with("ln_") { 4e-15 } else { 2e-15 };
        oracle::assert_close(actual, oracle::number(value), tolerance, &row);
    }
}

proptest! {
    #[test]
    fn the_tails_mirror_each_other(z in -40.0..40.0) {
        prop_assert_eq!(normal::cdf(z), normal::survival(-z));
        prop_assert!((normal::cdf(z) + normal::survival(z) - 1.0).abs() <= f64::EPSILON);
    }

    #[test]
    fn the_quantile_undoes_the_cdf(z in -37.0..0.0) {
        prop_assert!((normal::quantile(normal::cdf(z)) - z).abs() <= 1e-13 * z.abs());
        prop_assert!((normal::survival_quantile(normal::survival(-z)) + z).abs() <= 1e-13 * z.abs());
    }

    #[test]
    fn a_larger_deviate_is_never_less_probable(z in -38.0..38.0, more in 1e-9..1.0) {
        prop_assert!(normal::cdf(z) <= normal::cdf(z + more));
    }
}
