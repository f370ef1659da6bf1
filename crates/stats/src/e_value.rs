//! What is done with e-values, all of it in logarithms.
//!
//! An e-value is a number of 0 or more whose mean is at most 1 under its null
//! hypothesis: the capital of one who bets against it. Averages of e-values are
//! e-values, however they depend on each other. Their maximum is not.

/// Returns the logarithm of the weighted mean of numbers given by their
/// logarithms.
///
/// The mean of e-values is an e-value of the hypothesis that all of their null
/// hypotheses hold, under any dependence.
///
/// * `log_values`: any number of logarithms. Negative infinity is the value 0;
///   positive infinity makes the mean infinite.
/// * `weights`: as many, 0 or more and finite, chosen before looking; only
///   their proportions matter. A weight of 0 leaves its value out, whatever it
///   is.
///
/// Nothing overflows. Returns NaN when the lengths differ, when a weight is out
/// of its range, when no weight is more than 0 (so too for no values), and for
/// a NaN of positive weight.
///
/// Costs O(n).
///
/// # Examples
///
/// ```
/// use serin_stats::weighted_log_mean_exp;
///
/// let log_e = weighted_log_mean_exp(&[4.0_f64.ln(), 1.0_f64.ln()], &[2.0, 1.0]);
/// assert!((log_e - 3.0_f64.ln()).abs() < 1e-15);
/// assert_eq!(weighted_log_mean_exp(&[5_000.0, 5_000.0], &[0.5, 0.5]), 5_000.0);
/// ```
///
/// # References
///
/// * V. Vovk and R. Wang, "E-values: calibration, combination and
///   applications", *Annals of Statistics* 49 (2021), 1736–1754, section 3:
///   means are the only merging functions that matter.
#[must_use]
pub fn weighted_log_mean_exp(log_values: &[f64], weights: &[f64]) -> f64 {
    let is_weight = |&weight: &f64| (0.0..f64::INFINITY).contains(&weight);
    if log_values.len() != weights.len() || !weights.iter().all(is_weight) {
        return f64::NAN;
    }
    let weighted = || log_values.iter().zip(weights).filter(|&(_, &weight)| weight > 0.0);
    if weighted().any(|(value, _)| value.is_nan()) {
        return f64::NAN;
    }
    let total: f64 = weighted().map(|(_, weight)| weight).sum();
    let highest = weighted().map(|(&value, _)| value).fold(f64::NEG_INFINITY, f64::max);
    if total == 0.0 {
        return f64::NAN;
    }
    if highest.is_infinite() {
        return highest;
    }
    let sum: f64 = weighted().map(|(value, weight)| weight * libm::exp(value - highest)).sum();
    highest + libm::log(sum / total)
}

/// Returns the places of the hypotheses that e-values reject, with the false
/// discovery rate kept at `alpha`.
///
/// Of K hypotheses the k with the largest e-values are rejected, for the
/// largest k whose smallest e-value is still K/(`alpha` k) or more. However the
/// e-values depend on each other, the share of wrong rejections among all
/// rejections is at most `alpha` in the mean.
///
/// * `log_e_values`: logarithms of e-values, one a hypothesis. A NaN is never
///   rejected, and counts as a hypothesis.
/// * `alpha`: more than 0 and at most 1; nothing is rejected outside and for
///   NaN.
///
/// Returns indices into `log_e_values`, in ascending order; of equal e-values
/// all or none. No hypotheses, no rejections.
///
/// Costs O(n log n).
///
/// # Examples
///
/// ```
/// use serin_stats::e_benjamini_hochberg;
///
/// let log_e_values = [45.0_f64, 3.0, 31.0, 0.5].map(f64::ln);
/// // At 0.1 the largest needs 40, the two largest 20 each, and three 13.3 each.
/// assert_eq!(e_benjamini_hochberg(&log_e_values, 0.1), [0, 2]);
/// ```
///
/// # References
///
/// * R. Wang and A. Ramdas, "False discovery rate control with e-values",
///   *Journal of the Royal Statistical Society B* 84 (2022), 822–852.
#[must_use]
pub fn e_benjamini_hochberg(log_e_values: &[f64], alpha: f64) -> Vec<usize> {
    if !(0.0 < alpha && alpha <= 1.0) {
        return Vec::new();
    }
    let mut descending: Vec<f64> =
        log_e_values.iter().copied().filter(|value| !value.is_nan()).collect();
    descending.sort_unstable_by(|a, b| b.total_cmp(a));
    let needed = |k: usize| libm::log(log_e_values.len() as f64 / (alpha * k as f64));
    let smallest =
        (1..).zip(&descending).filter(|&(k, &value)| value >= needed(k)).map(|(_, &v)| v).last();
    let Some(smallest) = smallest else { return Vec::new() };
    let rejected = log_e_values.iter().enumerate().filter(|&(_, &value)| value >= smallest);
    rejected.map(|(index, _)| index).collect()
}

/// Returns the p-value that an e-value is worth: its reciprocal, and at most 1.
///
/// For an e-value watched over time give the largest so far: the p-value then
/// holds at any stopping time. An e-value of 0 has the p-value 1, an infinite
/// one 0; NaN gives NaN.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::p_value_of_log_e;
///
/// assert!((p_value_of_log_e(100.0_f64.ln()) - 0.01).abs() < 1e-15);
/// assert_eq!(p_value_of_log_e(-3.0), 1.0);
/// ```
///
/// # References
///
/// * V. Vovk and R. Wang, "E-values: calibration, combination and
///   applications", *Annals of Statistics* 49 (2021), 1736–1754, proposition
///   2.2: no other calibrator is as good.
#[must_use]
pub fn p_value_of_log_e(log_e: f64) -> f64 {
    if log_e.is_nan() { f64::NAN } else { libm::exp(-log_e.max(0.0)) }
}
