//! Evidence about a drift, watched as a sum grows: the normal mixture.
//!
//! A sum of increments with mean μ and known variance, each variance known
//! before its increment, is compared with a sum without drift; the mixture over
//! μ has a closed form. `rho` says for which variance it is at its sharpest.

use std::f64::consts::LN_2;

use crate::normal;

/// Returns the logarithm of the e-value against the hypothesis that a sum has
/// no drift, in either direction.
///
/// The null hypothesis is that exp(λ S − λ² V / 2) is a supermartingale for
/// every λ, where S is the sum and V its variance so far. So it is for Gaussian
/// increments of mean 0, and, with the sum of their squares for V, for
/// increments that are symmetric about 0 given what came before, whatever
/// their scale.
///
/// * `sum`: S, in any unit.
/// * `variance`: V, in that unit squared, 0 or more.
/// * `rho`: more than 0, in that unit squared, chosen before looking; see
///   [`normal_mixture_rho`]. The prior of the drift per unit of variance is
///   normal with mean 0 and variance 1/`rho`.
///
/// The chance that the exponential of this ever reaches 1/α is at most α under
/// the null hypothesis. Nothing summed gives exactly 0. NaN for an argument out
/// of its range or not finite.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::normal_mixture_log_e;
///
/// assert_eq!(normal_mixture_log_e(0.0, 0.0, 4.0), 0.0);
/// // Half the logarithm of 4/16, and 12²/(2 · 16).
/// assert!((normal_mixture_log_e(12.0, 12.0, 4.0) - (4.5 - 2.0_f64.ln())).abs() < 1e-15);
/// ```
///
/// # References
///
/// * H. Robbins, "Statistical methods related to the law of the iterated
///   logarithm", *Annals of Mathematical Statistics* 41 (1970), 1397–1409.
/// * S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform,
///   nonparametric, nonasymptotic confidence sequences", *Annals of Statistics*
///   49 (2021), 1055–1080, equation 3.7.
/// * V. H. de la Peña, "A general class of exponential inequalities for
///   martingales and ratios", *Annals of Probability* 27 (1999), 537–564, lemma
///   6.1, for symmetric increments.
#[must_use]
pub fn normal_mixture_log_e(sum: f64, variance: f64, rho: f64) -> f64 {
    if !is_mixture(sum, variance, rho) {
        return f64::NAN;
    }
    let z = sum / (variance + rho).sqrt();
    ln_shrinkage(variance, rho) + z * z / 2.0
}

/// Returns the logarithm of the e-value against the hypothesis that a sum has
/// no drift upwards.
///
/// The null hypothesis is that of [`normal_mixture_log_e`] for λ of 0 or more
/// only: the drift is 0 or negative. For the other direction change the sign of
/// the sum. The prior is the upper half of the normal one, so a sum far below 0
/// is evidence of nothing, and a sum above 0 about twice the evidence.
///
/// * `sum`, `variance`, `rho`: as for [`normal_mixture_log_e`].
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::one_sided_normal_mixture_log_e;
///
/// assert_eq!(one_sided_normal_mixture_log_e(0.0, 0.0, 4.0), 0.0);
/// assert!(one_sided_normal_mixture_log_e(12.0, 12.0, 4.0) > 4.0);
/// assert!(one_sided_normal_mixture_log_e(-12.0, 12.0, 4.0) < 0.0);
/// ```
///
/// # References
///
/// * S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform,
///   nonparametric, nonasymptotic confidence sequences", *Annals of Statistics*
///   49 (2021), 1055–1080, proposition S2 of its appendix.
#[must_use]
pub fn one_sided_normal_mixture_log_e(sum: f64, variance: f64, rho: f64) -> f64 {
    if !is_mixture(sum, variance, rho) {
        return f64::NAN;
    }
    let z = sum / (variance + rho).sqrt();
    // z²/2 and the logarithm of the tail cancel for a sum far below 0.
    let ln_tail = if z < 0.0 {
        libm::log(normal::scaled_survival(-z))
    } else {
        z * z / 2.0 + normal::ln_cdf(z)
    };
    LN_2 + ln_shrinkage(variance, rho) + ln_tail
}

/// Returns how far from 0 a sum without drift may be, ever, with probability
/// 1 − `alpha`.
///
/// It is where [`normal_mixture_log_e`] reaches log(1/`alpha`). Divided by the
/// number of increments it is the half width of a confidence sequence for their
/// mean.
///
/// * `variance`, `rho`: as for [`normal_mixture_log_e`].
/// * `alpha`: between 0 and 1; NaN outside.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::{normal_mixture_log_e, normal_mixture_radius};
///
/// let radius = normal_mixture_radius(100.0, 10.0, 0.05);
/// assert!((radius - 30.3).abs() < 0.1);
/// assert!((normal_mixture_log_e(radius, 100.0, 10.0) - 20.0_f64.ln()).abs() < 1e-14);
/// ```
///
/// # References
///
/// * S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform,
///   nonparametric, nonasymptotic confidence sequences", *Annals of Statistics*
///   49 (2021), 1055–1080, equation 3.7.
#[must_use]
pub fn normal_mixture_radius(variance: f64, rho: f64, alpha: f64) -> f64 {
    if !is_mixture(0.0, variance, rho) || !is_level(alpha) {
        return f64::NAN;
    }
    let bound = -2.0 * (ln_shrinkage(variance, rho) + libm::log(alpha));
    (variance + rho).sqrt() * bound.sqrt()
}

/// Returns the `rho` that makes [`normal_mixture_radius`] about as small as it
/// can be at one variance.
///
/// * `variance`: the variance at which to be sharpest, more than 0; NaN
///   otherwise.
/// * `alpha`: the level of the two-sided radius, between 0 and 1; NaN outside.
///   For a one-sided e-value to reach 1/α give 2α.
///
/// The radius it leads to is within 0.02 % of the smallest for an `alpha` up to
/// 0.2. Nor does the variance need to be right: at an `alpha` of 0.01, a tenth
/// of it costs 5 % of radius, and ten times as much 20 %.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::{normal_mixture_radius, normal_mixture_rho};
///
/// let radius = |rho| normal_mixture_radius(60.0, rho, 0.01);
/// let rho = normal_mixture_rho(60.0, 0.01);
/// assert!(radius(rho) < radius(2.0 * rho) && radius(rho) < radius(rho / 2.0));
/// ```
///
/// # References
///
/// * S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform,
///   nonparametric, nonasymptotic confidence sequences", *Annals of Statistics*
///   49 (2021), 1055–1080, proposition 3, with log(1 + 2 log(1/α)) in place of
///   the next terms of Lambert's W.
#[must_use]
pub fn normal_mixture_rho(variance: f64, alpha: f64) -> f64 {
    let is_variance = 0.0 < variance && variance < f64::INFINITY;
    if !is_variance || !is_level(alpha) {
        return f64::NAN;
    }
    let bound = -2.0 * libm::log(alpha);
    variance / (bound + libm::log1p(bound))
}

/// Returns half the logarithm of `rho` / (`variance` + `rho`).
fn ln_shrinkage(variance: f64, rho: f64) -> f64 {
    -0.5 * libm::log1p(variance / rho)
}

fn is_mixture(sum: f64, variance: f64, rho: f64) -> bool {
    let is_variance = (0.0..f64::INFINITY).contains(&variance);
    let is_rho = 0.0 < rho && rho < f64::INFINITY;
    sum.is_finite() && is_variance && is_rho
}

fn is_level(alpha: f64) -> bool {
    0.0 < alpha && alpha < 1.0
}
