//! The e-value for a gap of two rates against mpmath, and its mean over every outcome.

mod oracle;
#[path = "../../judge/tests/seeded/mod.rs"]
mod seeded;

use proptest::prelude::*;
use serin_stats::{RateGapWeights, rate_gap_above, rate_gap_below};

use seeded::Draws;

#[test]
fn oracle() {
    for row in oracle::rows(include_str!("oracle/rate_gap.tsv")) {
        let [direction, tilt, exposure_x, exposure_y, event_x, event_y, gap] = row;
        let [tilt, exposure_x, exposure_y] = [tilt, exposure_x, exposure_y].map(oracle::number);
        let weigh = if direction == "above" { rate_gap_above } else { rate_gap_below };
        let weights = weigh(tilt, exposure_x, exposure_y);
        if event_x == "none" {
            assert_eq!(weights, None, "{row:?}");
            continue;
        }
        let weights = weights.unwrap();
        oracle::assert_close(weights.event_x, oracle::number(event_x), 0.0, &row);
        oracle::assert_close(weights.event_y, oracle::number(event_y), 1e-14, &row);
        oracle::assert_close(weights.gap, oracle::number(gap), 1e-14, &row);
    }
}

#[test]
fn what_has_no_weights() {
    for (name, tilt, exposure_x, exposure_y) in [
        ("no tilt", 0.0, 1.0, 1.0),
        ("nothing to count in x", 0.1, 0.0, 1.0),
        ("nothing to count in y", 0.1, 1.0, 0.0),
        ("negative", -0.1, 1.0, 1.0),
        ("unknown", f64::NAN, 1.0, 1.0),
        ("infinite", 0.1, f64::INFINITY, 1.0),
    ] {
        assert_eq!(rate_gap_above(tilt, exposure_x, exposure_y), None, "{name}");
        assert_eq!(rate_gap_below(tilt, exposure_x, exposure_y), None, "{name}");
    }
    // The last factor that an even split can bear is two.
    assert_eq!(rate_gap_above(0.7, 9.0, 9.0), None);
    assert!(rate_gap_above(0.69, 9.0, 9.0).is_some());
}

/// Returns the probabilities of 0, 1, 2, … Poisson events.
fn poisson(mean: f64) -> Vec<f64> {
    let mut probabilities = vec![libm::exp(-mean)];
    for k in 1..160 {
        probabilities.push(probabilities[k - 1] * mean / k as f64);
    }
    probabilities
}

/// Returns the probabilities of 0 to `trials` binomial events.
fn binomial(trials: usize, p: f64) -> Vec<f64> {
    let mut probabilities = vec![1.0];
    for n in 1..=trials {
        probabilities.push(0.0);
        for k in (0..=n).rev() {
            let below = if k > 0 { probabilities[k - 1] } else { 0.0 };
            probabilities[k] = probabilities[k] * (1.0 - p) + below * p;
        }
    }
    probabilities
}

/// Returns the mean of the e-value over all outcomes.
fn mean(weights: &RateGapWeights, gap: f64, of_x: &[f64], of_y: &[f64]) -> f64 {
    let mut mean = 0.0;
    for (k, x) in of_x.iter().enumerate() {
        for (b, y) in of_y.iter().enumerate() {
            mean += x * y * libm::exp(weights.log_e(k as f64, b as f64, gap));
        }
    }
    mean
}

#[test]
fn the_mean_e_value_is_1_at_the_gap_whatever_the_rates() {
    for (exposure_x, exposure_y) in [(20.0, 30.0), (30.0, 20.0), (5.0, 40.0)] {
        for gap in [0.0, 0.05, 0.4] {
            for rate_y in [0.0, 0.01, 0.3, 1.0] {
                let of_y = poisson(exposure_y * rate_y);
                let x = |rate_x: f64| poisson(exposure_x * rate_x);
                for tilt in [0.1, 0.4] {
                    let above = rate_gap_above(tilt, exposure_x, exposure_y).unwrap();
                    let below = rate_gap_below(tilt, exposure_x, exposure_y).unwrap();
                    let at_gap = rate_y + gap;
                    assert!((mean(&above, gap, &x(at_gap), &of_y) - 1.0).abs() < 1e-10);
                    assert!((mean(&below, gap, &x(at_gap), &of_y) - 1.0).abs() < 1e-10);
                    assert!(mean(&above, gap, &x(0.9 * at_gap), &of_y) <= 1.0);
                    assert!(mean(&below, gap, &x(1.1 * at_gap + 0.01), &of_y) < 1.0);
                }
            }
        }
    }
}

#[test]
fn failures_out_of_requests_are_worth_less_still() {
    for (requests_x, requests_y) in [(20, 30), (30, 20), (5, 40)] {
        for (gap, share_y) in [(0.0, 0.2), (0.05, 0.0), (0.3, 0.6)] {
            let of_x = binomial(requests_x, share_y + gap);
            let of_y = binomial(requests_y, share_y);
            for weigh in [rate_gap_above, rate_gap_below] {
                let weights = weigh(0.4, requests_x as f64, requests_y as f64).unwrap();
                let mean = mean(&weights, gap, &of_x, &of_y);
                assert!(mean < 1.0 && mean > 0.0, "{requests_x} {gap} {share_y}: {mean}");
            }
        }
    }
}

/// Two hundred minutes of moving traffic and moving rates, at the gap, 1,000 times.
#[test]
fn the_product_ever_crosses_with_at_most_its_probability() {
    let (gap, n_runs) = (0.001, 1_000);
    let mut draws = Draws::seeded(1952);
    let mut n_crossed = [0_u32; 2];
    for _ in 0..n_runs {
        let mut log_e = [0.0; 2];
        let mut has_crossed = [false; 2];
        for _ in 0..200 {
            let (exposure_x, exposure_y) =
                (draws.uniform(50.0, 200.0), draws.uniform(300.0, 900.0));
            let rate_y = draws.uniform(0.0, 0.01);
            let events_x = draws.poisson(exposure_x * (rate_y + gap));
            let events_y = draws.poisson(exposure_y * rate_y);
            for (direction, weigh) in [rate_gap_above, rate_gap_below].into_iter().enumerate() {
                let weights = weigh(0.3, exposure_x, exposure_y).unwrap();
                log_e[direction] += weights.log_e(events_x, events_y, gap);
                has_crossed[direction] |= log_e[direction] >= libm::log(10.0);
            }
        }
        n_crossed[0] += u32::from(has_crossed[0]);
        n_crossed[1] += u32::from(has_crossed[1]);
    }
    for n_crossed in n_crossed {
        let share = f64::from(n_crossed) / f64::from(n_runs);
        // Three standard errors above one in ten.
        assert!(share <= 0.1 + 3.0 * 0.009_5 && share > 0.01, "{share}");
    }
}

proptest! {
    #[test]
    fn a_wider_gap_is_harder_to_exceed_and_easier_to_exclude(
        tilt in 0.01..2.0, exposure_x in 1.0..1e3, exposure_y in 1e4..1e6, gap in 0.0..0.1
    ) {
        let above = rate_gap_above(tilt, exposure_x, exposure_y).unwrap();
        let below = rate_gap_below(tilt, exposure_x, exposure_y).unwrap();
        prop_assert!(above.log_e(5.0, 5.0, gap + 0.01) < above.log_e(5.0, 5.0, gap));
        prop_assert!(below.log_e(5.0, 5.0, gap + 0.01) > below.log_e(5.0, 5.0, gap));
        prop_assert!(above.log_e(6.0, 5.0, gap) > above.log_e(5.0, 5.0, gap));
        prop_assert!(below.log_e(5.0, 6.0, gap) > below.log_e(5.0, 5.0, gap));
    }
}
