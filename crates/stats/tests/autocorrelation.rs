//! Autocorrelation, long-run variances and autoregressive models against tables, R and simulation.

mod oracle;
#[path = "../../judge/tests/seeded/mod.rs"]
mod seeded;

use proptest::prelude::*;
use serin_stats::{
    Autoregression, FixedBConfidence, autocorrelation, autoregression, effective_sample_size,
    fixed_b_critical_value, lazarus_lags, long_run_variance,
};

use seeded::Draws;

const INF: f64 = f64::INFINITY;

#[test]
fn table_of_autocorrelations() {
    for (name, values, lag, expected) in [
        ("itself", &[1.0, 5.0, 2.0][..], 0, Some(1.0)),
        ("alternating", &[1.0, -1.0, 1.0, -1.0], 1, Some(-0.75)),
        ("steps", &[0.0, 0.0, 1.0, 1.0], 1, Some(0.25)),
        ("the last lag", &[0.0, 1.0], 1, Some(-0.5)),
        ("beyond the last lag", &[0.0, 1.0], 2, None),
        ("constant", &[3.0, 3.0, 3.0], 1, None),
        ("none", &[], 0, None),
        ("one", &[3.0], 0, None),
        ("unknown", &[1.0, f64::NAN, 2.0], 1, None),
        ("infinite", &[1.0, INF, 2.0], 1, None),
        ("too large", &[1e300, -1e300, 1e300], 1, None),
    ] {
        assert_eq!(autocorrelation(values, lag), expected, "{name}");
    }
}

#[test]
fn table_of_long_run_variances() {
    for (name, values, lags, variance, size) in [
        ("no lags", &[1.0, 2.0, 3.0, 4.0][..], 0, Some(1.25), Some(4.0)),
        ("one lag", &[1.0, 2.0, 3.0, 4.0], 1, Some(1.5625), Some(3.2)),
        ("alternating", &[1.0, -1.0, 1.0, -1.0], 1, Some(0.25), Some(16.0)),
        ("constant", &[3.0, 3.0], 1, Some(0.0), None),
        ("one", &[3.0], 5, Some(0.0), None),
        ("none", &[], 5, None, None),
        ("unknown", &[1.0, f64::NAN], 1, None, None),
        ("infinite", &[1.0, INF], 1, None, None),
        ("too large", &[1e300, -1e300], 1, None, None),
    ] {
        assert_eq!(long_run_variance(values, lags), variance, "{name}");
        assert_eq!(effective_sample_size(values, lags), size, "{name}");
    }
    assert_eq!([1, 4, 60, 1440].map(lazarus_lags), [0, 3, 11, 50]);
}

#[test]
fn what_has_no_model() {
    for (name, values) in [
        ("too few", vec![1.0, 2.0, 1.5, 4.0, 2.0, 7.0, 1.0, 3.0, 2.0]),
        ("constant", vec![2.0; 20]),
        ("unknown", (0..20).map(|t| if t == 7 { f64::NAN } else { f64::from(t) }).collect()),
        ("infinite", (0..20).map(|t| if t == 7 { INF } else { f64::from(t) }).collect()),
        ("too large", (0..20).map(|t| 1e200 * f64::from(t % 3)).collect()),
    ] {
        assert_eq!(autoregression(&values, 3), None, "{name}");
    }
}

#[test]
fn a_perfect_alternation_leaves_nothing_new() {
    let values: Vec<f64> = (0..40).map(|t| f64::from(t % 2)).collect();
    let model = autoregression(&values, 3).unwrap();
    assert!((model.coefficients[0] + 1.0).abs() < 0.1, "{model:?}");
    assert!(model.innovation_variance < 0.01, "{model:?}");
}

#[test]
fn a_random_walk_settles_nowhere() {
    let walk = Autoregression { coefficients: vec![1.0], mean: 0.0, innovation_variance: 1.0 };
    assert_eq!(walk.long_run_variance(), INF);
}

#[test]
fn agrees_with_r() {
    for row in oracle::rows(include_str!("oracle/autocorrelation.r.tsv")) {
        let [name, values, argument, value] = row;
        let values = oracle::numbers(values);
        let argument = argument.parse().unwrap();
        let single = |actual: Option<f64>| {
            let error = (actual.unwrap() - oracle::number(value)).abs();
            // R adds products of values around 50, whose sum may be close to 0.
            assert!(error <= 1e-12 * oracle::number(value).abs().max(1.0), "{row:?}: {actual:?}");
        };
        match name {
            "autocorrelation" => single(autocorrelation(&values, argument)),
            "long_run_variance" => single(long_run_variance(&values, argument)),
            "autoregression" => {
                let model = autoregression(&values, argument).unwrap();
                let expected = if value == "none" { Vec::new() } else { oracle::numbers(value) };
                assert_eq!(model.coefficients.len(), expected.len(), "{row:?}");
                for (actual, expected) in model.coefficients.iter().zip(expected) {
                    assert!((actual - expected).abs() <= 1e-10, "{row:?}: {actual}");
                }
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn critical_values_agree_with_simulation() {
    for row in oracle::rows(include_str!("oracle/fixed_b.tsv")) {
        let [confidence, b, value] = row;
        let confidence = match confidence {
            "0.9" => FixedBConfidence::Percent90,
            "0.95" => FixedBConfidence::Percent95,
            "0.975" => FixedBConfidence::Percent97_5,
            "0.99" => FixedBConfidence::Percent99,
            other => panic!("{other}"),
        };
        let actual = fixed_b_critical_value(confidence, oracle::number(b));
        oracle::assert_close(actual, oracle::number(value), 0.03, &row);
    }
    for outside in [-0.1, 1.1, f64::NAN] {
        assert!(fixed_b_critical_value(FixedBConfidence::Percent95, outside).is_nan());
    }
}

/// What is estimated from many series of known coefficients is right in the mean.
#[test]
fn estimates_are_unbiased() {
    let mut draws = Draws::seeded(1954);
    for (coefficient, n) in [(0.3, 400), (0.6, 100), (0.8, 200)] {
        let n_runs = 1_500;
        let (mut sum, mut variances) = (0.0, 0.0);
        for _ in 0..n_runs {
            let values = draws.autocorrelated(n, 10.0, coefficient);
            let model = autoregression(&values, 1).unwrap();
            sum += model.coefficients.iter().sum::<f64>();
            variances += model.innovation_variance;
        }
        let error = sum / f64::from(n_runs) - coefficient;
        let new = variances / f64::from(n_runs) / (1.0 - coefficient * coefficient);
        let standard_error = (1.0 / (n as f64 * f64::from(n_runs))).sqrt();
        assert!(error.abs() < 4.0 * standard_error, "{coefficient}: {error}");
        assert!((new - 1.0).abs() < 0.03, "{coefficient}: {new}");
    }
}

#[test]
fn three_coefficients_are_unbiased() {
    let (coefficients, n, n_runs) = ([0.5, -0.3, 0.5], 150, 1_500);
    let mut draws = Draws::seeded(1988);
    let mut sums = [0.0; 3];
    for _ in 0..n_runs {
        let mut values = draws.normals(3, 0.0, 1.0);
        for t in 3..n + 100 {
            let expected: f64 =
                coefficients.iter().zip(values[..t].iter().rev()).map(|(a, b)| a * b).sum();
            values.push(expected + draws.normal(0.0, 1.0));
        }
        let model = autoregression(&values[100..], 3).unwrap();
        for (sum, coefficient) in sums.iter_mut().zip(&model.coefficients) {
            *sum += coefficient;
        }
    }
    for (sum, coefficient) in sums.into_iter().zip(coefficients) {
        let error = sum / f64::from(n_runs) - coefficient;
        assert!(error.abs() < 0.01, "{coefficient}: {error}");
    }
}

#[test]
fn the_effective_size_is_that_of_the_model() {
    let values = Draws::seeded(7).autocorrelated(40_000, 0.0, 0.6);
    let size = effective_sample_size(&values, 100).unwrap();
    assert!((size / 10_000.0 - 1.0).abs() < 0.1, "{size}");
    let model = autoregression(&values, 3).unwrap();
    assert!((model.long_run_variance() / 4.0 - 1.0).abs() < 0.1, "{model:?}");
}

proptest! {
    #[test]
    fn units_and_levels_cancel(
        values in prop::collection::vec(-5.0..5.0, 12..60), unit in 0.01..100.0, level in -50.0..50.0
    ) {
        let moved: Vec<f64> = values.iter().map(|value| level + unit * value).collect();
        let close = |a: Option<f64>, b: Option<f64>, scale: f64| {
            let (a, b) = (a.unwrap(), scale * b.unwrap());
            (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-6)
        };
        prop_assert!(close(autocorrelation(&moved, 1), autocorrelation(&values, 1), 1.0));
        prop_assert!(close(long_run_variance(&moved, 4), long_run_variance(&values, 4), unit * unit));
    }

    #[test]
    fn a_model_is_never_explosive(values in prop::collection::vec(-5.0..5.0, 10..40), lags in 0_usize..5) {
        if let Some(model) = autoregression(&values, lags) {
            prop_assert!(model.coefficients.len() <= lags.min(3));
            prop_assert!(model.coefficients.iter().sum::<f64>() <= 1.0 + 1e-12);
            prop_assert!(model.innovation_variance >= 0.0 && model.long_run_variance() >= 0.0);
        }
    }
}
