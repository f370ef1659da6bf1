//! The normal mixture against a table, mpmath and its law: that a sum without drift ever crosses
//! 1/α with a probability of at most α.

mod oracle;
#[path = "../../judge/tests/seeded/mod.rs"]
mod seeded;

use proptest::prelude::*;
use serin_stats::{
    normal_mixture_log_e, normal_mixture_radius, normal_mixture_rho, one_sided_normal_mixture_log_e,
};

use seeded::Draws;

const INF: f64 = f64::INFINITY;

#[test]
fn table() {
    for (name, sum, variance, rho, log_e) in [
        ("nothing yet", 0.0, 0.0, 3.0, 0.0),
        ("a sum of nothing", 0.0, 9.0, 3.0, -libm::log(2.0)),
        ("four deviations", 8.0, 3.0, 1.0, 8.0 - libm::log(2.0)),
        ("either sign", -8.0, 3.0, 1.0, 8.0 - libm::log(2.0)),
    ] {
        let actual = normal_mixture_log_e(sum, variance, rho);
        assert!((actual - log_e).abs() < 1e-15, "{name}: {actual}");
    }
    assert_eq!(one_sided_normal_mixture_log_e(0.0, 0.0, 3.0), 0.0);
}

/// The figures that `confseq`, the program of the paper's authors, gives for its own test.
#[test]
fn agrees_with_confseq() {
    let rho = normal_mixture_rho(100.0, 0.05);
    let one_sided_rho = normal_mixture_rho(100.0, 0.1);
    for (name, actual, expected) in [
        ("rho", rho, 12.600_56),
        ("two-sided", normal_mixture_log_e(10.0, 100.0, rho), -0.651_005_2),
        ("one-sided", one_sided_normal_mixture_log_e(10.0, 100.0, one_sided_rho), -0.065_023_91),
        ("radius", normal_mixture_radius(100.0, rho, 0.05), 30.352_09),
    ] {
        assert!((actual - expected).abs() < 5e-6, "{name}: {actual}");
    }
}

#[test]
fn what_is_no_mixture_is_no_number() {
    for (sum, variance, rho) in [
        (INF, 1.0, 1.0),
        (f64::NAN, 1.0, 1.0),
        (1.0, -1.0, 1.0),
        (1.0, INF, 1.0),
        (1.0, 1.0, 0.0),
        (1.0, 1.0, INF),
    ] {
        assert!(normal_mixture_log_e(sum, variance, rho).is_nan());
        assert!(one_sided_normal_mixture_log_e(sum, variance, rho).is_nan());
    }
    for (variance, rho, alpha) in
        [(-1.0, 1.0, 0.1), (1.0, 0.0, 0.1), (1.0, 1.0, 1.0), (1.0, 1.0, 0.0)]
    {
        assert!(normal_mixture_radius(variance, rho, alpha).is_nan());
    }
    for (variance, alpha) in [(0.0, 0.1), (INF, 0.1), (1.0, 1.0), (1.0, f64::NAN)] {
        assert!(normal_mixture_rho(variance, alpha).is_nan());
    }
}

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/normal_mixture.tsv")) {
        let [name, sum, variance, rho, value] = row;
        let [sum, variance, rho, value] = [sum, variance, rho, value].map(oracle::number);
        let (actual, tolerance) = match name {
            // Where the logarithm is near 0, what it is a difference of decides.
            "two_sided" => (normal_mixture_log_e(sum, variance, rho), 1e-14),
            "one_sided" => (one_sided_normal_mixture_log_e(sum, variance, rho), 1e-14),
            "best_rho" => {
                let alpha = rho;
                let chosen =
                    normal_mixture_radius(variance, normal_mixture_rho(variance, alpha), alpha);
                (chosen, 2e-4 * normal_mixture_radius(variance, value, alpha))
            }
            other => panic!("{other}"),
        };
        if name == "best_rho" {
            let best = normal_mixture_radius(variance, value, rho);
            assert!(best <= actual && actual <= best + tolerance, "{row:?}: {actual} {best}");
        } else {
            let error = (actual - value).abs();
            assert!(error <= tolerance * value.abs().max(1.0), "{row:?}: {actual}");
        }
    }
}

/// Returns in which share of runs of 400 increments the evidence ever reaches 20.
///
/// An increment is drawn from the generator and the one before it; `variance` says what it adds to
/// the variance.
fn crossing_share(
    log_e: fn(f64, f64, f64) -> f64,
    increment: fn(&mut Draws, f64) -> f64,
    variance: fn(f64) -> f64,
) -> f64 {
    let n_runs = 4_000;
    let mut draws = Draws::seeded(1970);
    let mut n_crossed = 0;
    for _ in 0..n_runs {
        let (mut before, mut sum, mut total) = (0.0, 0.0, 0.0);
        let has_crossed = (0..400).any(|_| {
            before = increment(&mut draws, before);
            sum += before;
            total += variance(before);
            log_e(sum, total, normal_mixture_rho(100.0, 0.05)) >= libm::log(20.0)
        });
        n_crossed += u32::from(has_crossed);
    }
    f64::from(n_crossed) / f64::from(n_runs)
}

#[test]
fn a_sum_without_drift_crosses_with_at_most_its_probability() {
    let gaussian = |draws: &mut Draws, _| draws.normal(0.0, 1.0);
    // Symmetric and heavy-tailed, on a scale that follows the past.
    let erratic = |draws: &mut Draws, before: f64| {
        draws.normal(0.0, 1.0 + before.abs().min(5.0)) / draws.uniform(0.05, 1.0)
    };
    let known = |_| 1.0;
    let own = |increment| increment * increment;
    // Three standard errors above one in twenty.
    let most = 0.05 + 3.0 * (0.05 * 0.95 / 4_000.0_f64).sqrt();
    for (name, share) in [
        ("two-sided", crossing_share(normal_mixture_log_e, gaussian, known)),
        ("one-sided", crossing_share(one_sided_normal_mixture_log_e, gaussian, known)),
        ("self-normalised", crossing_share(one_sided_normal_mixture_log_e, gaussian, own)),
    ] {
        assert!(0.01 < share && share <= most, "{name}: {share}");
    }
    let share = crossing_share(one_sided_normal_mixture_log_e, erratic, own);
    assert!(share <= most, "erratic: {share}");
}

proptest! {
    #[test]
    fn the_radius_is_where_the_evidence_reaches_its_threshold(
        variance in 0.0..1e6, rho in 1e-3..1e4, alpha in 1e-9..0.999
    ) {
        let radius = normal_mixture_radius(variance, rho, alpha);
        let log_e = normal_mixture_log_e(radius, variance, rho);
        prop_assert!((log_e + libm::log(alpha)).abs() < 1e-12);
    }

    #[test]
    fn units_cancel(sum in -100.0..100.0, variance in 0.0..1e3, rho in 1e-3..1e3, unit in 1e-3..1e3) {
        for log_e in [normal_mixture_log_e, one_sided_normal_mixture_log_e] {
            let scaled = log_e(unit * sum, unit * unit * variance, unit * unit * rho);
            prop_assert!((log_e(sum, variance, rho) - scaled).abs() <= 1e-12 * scaled.abs().max(1.0));
        }
    }

    #[test]
    fn both_directions_average_to_the_two_sided_mixture(
        sum in -50.0..50.0, variance in 0.0..1e3, rho in 0.5..1e3
    ) {
        let up = libm::exp(one_sided_normal_mixture_log_e(sum, variance, rho));
        let down = libm::exp(one_sided_normal_mixture_log_e(-sum, variance, rho));
        let both = libm::exp(normal_mixture_log_e(sum, variance, rho));
        prop_assert!(((up + down) / 2.0 / both - 1.0).abs() < 1e-10);
    }
}
