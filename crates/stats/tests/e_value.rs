//! Means and rejections of e-values against tables, mpmath and their laws.

mod oracle;
#[path = "../../judge/tests/seeded/mod.rs"]
mod seeded;

use proptest::prelude::*;
use serin_stats::{e_benjamini_hochberg, p_value_of_log_e, weighted_log_mean_exp};

use seeded::Draws;

const INF: f64 = f64::INFINITY;

#[test]
fn table_of_means() {
    for (name, log_values, weights, log_mean) in [
        ("one", &[2.5][..], &[0.3][..], 2.5),
        ("equal", &[7.0, 7.0], &[1.0, 5.0], 7.0),
        ("beyond every number", &[1e300, 1e300], &[1.0, 1.0], 1e300),
        ("half nothing", &[-INF, 0.0], &[1.0, 1.0], -libm::log(2.0)),
        ("all nothing", &[-INF, -INF], &[1.0, 1.0], -INF),
        ("infinite", &[INF, 0.0], &[1.0, 1.0], INF),
        ("left out", &[INF, f64::NAN, 3.0], &[0.0, 0.0, 2.0], 3.0),
    ] {
        assert_eq!(weighted_log_mean_exp(log_values, weights), log_mean, "{name}");
    }
    for (name, log_values, weights) in [
        ("none", &[][..], &[][..]),
        ("no weight", &[1.0], &[0.0]),
        ("a weight too many", &[1.0], &[1.0, 1.0]),
        ("negative weight", &[1.0, 1.0], &[2.0, -1.0]),
        ("infinite weight", &[1.0], &[INF]),
        ("unknown", &[1.0, f64::NAN], &[1.0, 1.0]),
    ] {
        assert!(weighted_log_mean_exp(log_values, weights).is_nan(), "{name}");
    }
}

#[test]
fn table_of_rejections() {
    let log = |values: &[f64]| values.iter().map(|&value| libm::log(value)).collect::<Vec<_>>();
    for (name, e_values, alpha, rejected) in [
        ("none", &[][..], 0.1, &[][..]),
        ("one, enough", &[11.0], 0.1, &[0]),
        ("one, too little", &[9.0], 0.1, &[]),
        ("the second helps the first", &[11.0, 12.0], 0.1, &[0, 1]),
        ("the second does not", &[11.0, 1.0], 0.1, &[]),
        ("a gap in the list of thresholds", &[35.0, 1.0, 14.0, 14.0], 0.1, &[0, 2, 3]),
        ("infinite", &[INF, 0.0], 0.1, &[0]),
        ("not a number counts", &[11.0, f64::NAN], 0.1, &[]),
        ("no such level", &[INF], 0.0, &[]),
        ("no level", &[INF], f64::NAN, &[]),
    ] {
        assert_eq!(e_benjamini_hochberg(&log(e_values), alpha), rejected, "{name}");
    }
}

#[test]
fn table_of_p_values() {
    for (log_e, p_value) in [(0.0, 1.0), (-5.0, 1.0), (-INF, 1.0), (INF, 0.0)] {
        assert_eq!(p_value_of_log_e(log_e), p_value);
    }
    assert!(p_value_of_log_e(f64::NAN).is_nan());
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/e_value.tsv")) {
        let [name, values, weights_or_alpha, value] = row;
        let values = oracle::numbers(values);
        match name {
            "mean" => {
                let mean = weighted_log_mean_exp(&values, &oracle::numbers(weights_or_alpha));
                let error = (mean - oracle::number(value)).abs();
                assert!(error <= 1e-15 * mean.abs().max(1.0), "{row:?}: {mean}");
            }
            "e_bh" => {
                let log_values: Vec<f64> = values.into_iter().map(libm::log).collect();
                let rejected = e_benjamini_hochberg(&log_values, oracle::number(weights_or_alpha));
                let rejected: Vec<String> = rejected.iter().map(ToString::to_string).collect();
                let rejected = if rejected.is_empty() { "none".into() } else { rejected.join(",") };
                assert_eq!(rejected, value, "{row:?}");
            }
            other => panic!("{other}"),
        }
    }
}

/// Twenty hypotheses, fifteen of them true, all sharing half of their noise, 20,000 times.
#[test]
fn few_rejections_are_wrong() {
    let (alpha, n_runs) = (0.2, 20_000);
    let mut draws = Draws::seeded(2022);
    let mut wrong = 0.0;
    for _ in 0..n_runs {
        let common = draws.normal(0.0, 0.5_f64.sqrt());
        let log_e_values: Vec<f64> = (0..20)
            .map(|index| {
                let effect = if index < 15 { 0.0 } else { 3.0 };
                let z = common + draws.normal(effect, 0.5_f64.sqrt());
                // The likelihood ratio of a mean of 2 against 0.
                2.0 * z - 2.0
            })
            .collect();
        let rejected = e_benjamini_hochberg(&log_e_values, alpha);
        let n_wrong = rejected.iter().filter(|&&index| index < 15).count();
        wrong += n_wrong as f64 / rejected.len().max(1) as f64;
    }
    let rate = wrong / f64::from(n_runs);
    assert!(rate <= alpha && rate > 0.0, "{rate}");
}

proptest! {
    #[test]
    fn the_mean_lies_among_its_values(
        values in prop::collection::vec((-800.0..800.0, 0.01..1.0), 1..20)
    ) {
        let (log_values, weights): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let mean = weighted_log_mean_exp(&log_values, &weights);
        let lowest = log_values.iter().copied().fold(INF, f64::min);
        let highest = log_values.iter().copied().fold(-INF, f64::max);
        prop_assert!(lowest - 1e-9 <= mean && mean <= highest + 1e-9);
    }

    #[test]
    fn more_evidence_rejects_no_less(
        mut values in prop::collection::vec(-3.0..8.0, 1..20), more in 0.0..5.0, alpha in 0.01..0.5
    ) {
        let before = e_benjamini_hochberg(&values, alpha);
        values[0] += more;
        let after = e_benjamini_hochberg(&values, alpha);
        prop_assert!(before.iter().all(|index| after.contains(index)));
    }
}
