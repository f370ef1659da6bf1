//! Student's t distribution against a table, mpmath and its laws.

mod oracle;

use proptest::prelude::*;
use serin_stats::{normal, student_t};

const INF: f64 = f64::INFINITY;

#[test]
fn table_of_probabilities() {
    for (name, t, degrees_of_freedom, above) in [
        ("median", 0.0, 3.0, 0.5),
        ("negative zero", -0.0, 3.0, 0.5),
        ("Cauchy's quartile", 1.0, 1.0, 0.25),
        ("infinity", INF, 2.0, 0.0),
        ("negative infinity", -INF, 2.0, 1.0),
        ("as many degrees as there can be", 1.0, INF, normal::survival(1.0)),
        ("nearly as many", 1.0, 1e19, normal::survival(1.0)),
    ] {
        let tail = student_t::survival(t, degrees_of_freedom);
        assert!((tail - above).abs() < 1e-14, "{name}: {tail}");
        assert_eq!(student_t::cdf(-t, degrees_of_freedom), tail, "{name}");
    }
    for (t, degrees_of_freedom) in [(f64::NAN, 1.0), (1.0, 0.0), (1.0, -1.0), (1.0, f64::NAN)] {
        assert!(student_t::survival(t, degrees_of_freedom).is_nan());
        assert!(student_t::cdf(t, degrees_of_freedom).is_nan());
    }
}

#[test]
fn table_of_quantiles() {
    for (name, probability, degrees_of_freedom, t) in [
        ("median", 0.5, 3.0, 0.0),
        ("none", 0.0, 3.0, -INF),
        ("all", 1.0, 3.0, INF),
        ("none of a normal", 0.0, INF, -INF),
    ] {
        assert_eq!(student_t::quantile(probability, degrees_of_freedom), t, "{name}");
        assert_eq!(student_t::survival_quantile(probability, degrees_of_freedom), -t, "{name}");
    }
    for (probability, degrees_of_freedom) in
        [(-0.1, 1.0), (1.1, 1.0), (f64::NAN, 1.0), (0.2, 0.0), (0.2, f64::NAN)]
    {
        assert!(student_t::quantile(probability, degrees_of_freedom).is_nan());
        assert!(student_t::survival_quantile(probability, degrees_of_freedom).is_nan());
    }
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/student_t.tsv")) {
        let [name, argument, degrees_of_freedom, value] = row;
        let function = match name {
            "cdf" => student_t::cdf,
            "survival" => student_t::survival,
            "quantile" => student_t::quantile,
            "survival_quantile" => student_t::survival_quantile,
            other => panic!("{other}"),
        };
        let actual = function(oracle::number(argument), oracle::number(degrees_of_freedom));
        let value = oracle::number(value);
        // A relative error of the logarithm of a tail is magnified by it.
        let is_tail = matches!(name, "cdf" | "survival");
        let tolerance = if is_tail { 1e-13 * (1.0 - libm::log(value)) } else { 1e-13 };
        oracle::assert_close(actual, value, tolerance, &row);
    }
}

proptest! {
    #[test]
    fn the_tails_mirror_each_other(t in -40.0..40.0, freedom in 0.2..1e4) {
        prop_assert_eq!(student_t::cdf(t, freedom), student_t::survival(-t, freedom));
        let whole = student_t::cdf(t, freedom) + student_t::survival(t, freedom);
        prop_assert!((whole - 1.0).abs() < 1e-13);
    }

    #[test]
    fn the_quantile_undoes_the_cdf(p in 1e-9..0.999_f64, freedom in 0.2..1e4) {
        let back = student_t::cdf(student_t::quantile(p, freedom), freedom);
        prop_assert!((back - p).abs() <= 1e-11 * p, "{}", back);
    }

    #[test]
    fn fewer_degrees_of_freedom_have_heavier_tails(t in 0.01..30.0, freedom in 0.2..1e4) {
        let tail = student_t::survival(t, freedom);
        prop_assert!(tail > student_t::survival(t, freedom * 1.01));
        prop_assert!(tail > normal::survival(t));
    }
}
