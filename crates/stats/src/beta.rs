//! The beta distribution, accurate in both tails, and in logarithms beyond them.
//!
//! Its cumulative distribution function is the regularised incomplete beta
//! function, from which come the tails of the binomial, of Student's t and of
//! the beta-binomial mixtures. All of them share one quantity: a tail divided
//! by xᵃ(1 − x)ᵇ/B(a, b), the power term, which neither underflows nor cancels
//! where the tail itself does.

use std::f64::consts::{PI, SQRT_2};

use crate::normal;

/// Returns the natural logarithm of the beta function B(a, b).
///
/// * `a`, `b`: positive and finite, and so is their sum; NaN otherwise.
///
/// The error is under 4e-15 of the result or 2e-14, whichever is larger.
/// Unlike a sum of three logarithms of gamma functions it loses nothing to
/// large arguments.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::beta;
///
/// assert!((beta::ln_beta(2.0, 3.0) - (1.0_f64 / 12.0).ln()).abs() < 1e-14);
/// assert!(beta::ln_beta(0.0, 1.0).is_nan());
/// ```
///
/// # References
///
/// * A. R. DiDonato and A. H. Morris, "Algorithm 708: Significant digit
///   computation of the incomplete beta function ratios", *ACM Transactions on
///   Mathematical Software* 18 (1992), 360–373, routine BETALN.
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    if !are_shapes(a, b) {
        return f64::NAN;
    }
    let (mut small, mut large) = (a.min(b), a.max(b));
    // B(a, b) = B(a + 1, b) (a + b)/a, up to where the asymptotic series holds.
    let mut raised = 0.0;
    while small < LEAST_FOR_STIRLING {
        raised += libm::log(small + large) - libm::log(small);
        small += 1.0;
    }
    while large < LEAST_FOR_STIRLING {
        raised += libm::log(small + large) - libm::log(large);
        large += 1.0;
    }
    let constant = (2.0 * PI).sqrt();
    libm::log(constant) - 0.5 * libm::log(large) + stirling_excess(small, large)
        - large * libm::log1p(small / large)
        + (small - 0.5) * libm::log(small / (small + large))
        + raised
}

/// Returns the probability that a beta variable is at most `x`: the
/// regularised incomplete beta function Iₓ(a, b).
///
/// * `x`: any number; 0 below 0, 1 above 1, and NaN for NaN.
/// * `a`, `b`: the shapes, positive and finite, and so is their sum; NaN
///   otherwise.
///
/// The relative error is under 1e-13 for shapes from 0.1 to a million, and
/// grows in proportion to the logarithm of the answer. Ask [`survival`] for the
/// other tail rather than taking this from 1, and [`ln_cdf`] for what is below
/// the smallest `f64`.
///
/// Costs O(1), less than a microsecond.
///
/// # Examples
///
/// The chance that three of four fair coins or more fall on one named side.
///
/// ```
/// use serin_stats::beta;
///
/// assert!((beta::cdf(0.5, 3.0, 2.0) - 5.0 / 16.0).abs() < 1e-15);
/// ```
///
/// # References
///
/// * A. R. DiDonato and A. H. Morris, "Algorithm 708: Significant digit
///   computation of the incomplete beta function ratios", *ACM Transactions on
///   Mathematical Software* 18 (1992), 360–373, routines BFRAC and BASYM.
#[must_use]
pub fn cdf(x: f64, a: f64, b: f64) -> f64 {
    lower_tail(x, 1.0 - x, a, b)
}

/// Returns the probability that a beta variable exceeds `x`: 1 − Iₓ(a, b).
///
/// The mirror of [`cdf`], as accurate in the upper tail as that is in the
/// lower.
///
/// Costs as much as [`cdf`].
///
/// # Examples
///
/// ```
/// use serin_stats::beta;
///
/// assert!((beta::survival(0.75, 1.0, 2.0) - 0.0625).abs() < 1e-16);
/// ```
#[must_use]
pub fn survival(x: f64, a: f64, b: f64) -> f64 {
    lower_tail(1.0 - x, x, b, a)
}

/// Returns the natural logarithm of [`cdf`], however small that is.
///
/// Negative infinity at 0 and below, 0 at 1 and above. The relative error is
/// under 1e-12 for shapes from 0.1 to a million.
///
/// Costs as much as [`cdf`].
///
/// # Examples
///
/// The probability of a hundred thousand heads in a row.
///
/// ```
/// use serin_stats::beta;
///
/// let heads = beta::ln_cdf(0.5, 1e5, 1.0);
/// assert!((heads / (1e5 * 0.5_f64.ln()) - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn ln_cdf(x: f64, a: f64, b: f64) -> f64 {
    ln_lower_tail(x, 1.0 - x, a, b)
}

/// Returns the natural logarithm of [`survival`], however small that is.
///
/// 0 at 0 and below, negative infinity at 1 and above.
///
/// Costs as much as [`cdf`].
///
/// # Examples
///
/// ```
/// use serin_stats::beta;
///
/// assert!((beta::ln_survival(0.5, 1.0, 1e5) / (1e5 * 0.5_f64.ln()) - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn ln_survival(x: f64, a: f64, b: f64) -> f64 {
    ln_lower_tail(1.0 - x, x, b, a)
}

/// Returns the `x` with `cdf(x, a, b) = probability`.
///
/// * `probability`: from 0, which gives 0, to 1, which gives 1; NaN outside
///   and for NaN.
/// * `a`, `b`: the shapes, as for [`cdf`].
///
/// The relative error is under 1e-13 for shapes from 0.1 to a million. For
/// probabilities close to 1 give the complement to [`survival_quantile`].
///
/// Costs some ten to thirty times as much as [`cdf`].
///
/// # Examples
///
/// ```
/// use serin_stats::beta;
///
/// assert!((beta::quantile(0.25, 2.0, 1.0) - 0.5).abs() < 1e-15);
/// ```
#[must_use]
pub fn quantile(probability: f64, a: f64, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) || !are_shapes(a, b) {
        return f64::NAN;
    }
    // In the smaller tail, where a probability has all its digits.
    if probability <= 0.5 {
        logistic(ln_odds_quantile(probability, a, b))
    } else {
        logistic(-ln_odds_quantile(1.0 - probability, b, a))
    }
}

/// Returns the `x` with `survival(x, a, b) = probability`.
///
/// The mirror of [`quantile`]: 1 at 0 and 0 at 1.
///
/// Costs as much as [`quantile`].
///
/// # Examples
///
/// ```
/// use serin_stats::beta;
///
/// assert!((beta::survival_quantile(0.25, 1.0, 2.0) - 0.5).abs() < 1e-15);
/// ```
#[must_use]
pub fn survival_quantile(probability: f64, a: f64, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) || !are_shapes(a, b) {
        return f64::NAN;
    }
    if probability <= 0.5 {
        logistic(-ln_odds_quantile(probability, b, a))
    } else {
        logistic(ln_odds_quantile(1.0 - probability, a, b))
    }
}

/// Returns Iₓ(a, b) from `x` and `y` = 1 − `x`, of which the smaller has all
/// its digits.
pub(crate) fn lower_tail(x: f64, y: f64, a: f64, b: f64) -> f64 {
    match beyond_the_ends(x, y, a, b) {
        Some(tail) => tail,
        None if is_below_mean(x, y, a, b) => libm::exp(ln_power(x, y, a, b)) * ratio(x, y, a, b),
        None => (1.0 - libm::exp(ln_power(y, x, b, a)) * ratio(y, x, b, a)).clamp(0.0, 1.0),
    }
}

/// Returns ln Iₓ(a, b) from `x` and `y` = 1 − `x`.
fn ln_lower_tail(x: f64, y: f64, a: f64, b: f64) -> f64 {
    match beyond_the_ends(x, y, a, b) {
        Some(tail) => libm::log(tail),
        None if is_below_mean(x, y, a, b) => ln_power(x, y, a, b) + libm::log(ratio(x, y, a, b)),
        None => libm::log1p(-lower_tail(y, x, b, a)).min(0.0),
    }
}

/// Returns the logarithm of Iₓ(a, b) divided by the power term
/// xᵃ yᵇ / B(a, b), where `x` + `y` = 1.
///
/// Nothing cancels where the tail is the thin one, and the power term is never
/// formed there. `x` and `y` lie between 0 and 1, and the shapes are shapes.
pub(crate) fn ln_lower_tail_over_power(x: f64, y: f64, a: f64, b: f64) -> f64 {
    if is_below_mean(x, y, a, b) {
        libm::log(ratio(x, y, a, b))
    } else {
        ln_lower_tail(x, y, a, b) - ln_power(x, y, a, b)
    }
}

/// Returns the logarithm of the odds x/(1 − x) of the `x` with
/// Iₓ(a, b) = `probability`, which is at most one half.
///
/// In the odds' logarithm t the logarithm of the tail is concave, and bounded
/// from above by its asymptote a t − ln a − ln B(a, b). So the asymptote's
/// solution is below the true one, and Newton's method climbs from there
/// without ever passing it.
pub(crate) fn ln_odds_quantile(probability: f64, a: f64, b: f64) -> f64 {
    if probability == 0.0 {
        return f64::NEG_INFINITY;
    }
    let ln_probability = libm::log(probability);
    let mut t = (ln_probability + libm::log(a) + ln_beta(a, b)) / a;
    // Where x² is nothing beside x, the asymptote is the tail.
    if t < -350.0 {
        return t;
    }
    for _ in 0..MOST_STEPS {
        let (x, y) = (logistic(t), logistic(-t));
        let ln_tail = ln_lower_tail(x, y, a, b);
        let slope = libm::exp(ln_power(x, y, a, b) - ln_tail);
        let step = (ln_probability - ln_tail) / slope;
        // Downwards only by rounding.
        if step.is_nan() || step <= f64::EPSILON * t.abs() {
            return if step.abs() < 1e-9 { t + step } else { t };
        }
        t += step;
    }
    t
}

/// The approach at least halves what is left of the way.
const MOST_STEPS: usize = 200;

/// Returns 1/(1 + e⁻ᵗ).
fn logistic(t: f64) -> f64 {
    if t < 0.0 { libm::exp(t) / (1.0 + libm::exp(t)) } else { 1.0 / (1.0 + libm::exp(-t)) }
}

fn are_shapes(a: f64, b: f64) -> bool {
    a > 0.0 && b > 0.0 && (a + b).is_finite()
}

/// Returns the lower tail where it takes no computing.
fn beyond_the_ends(x: f64, y: f64, a: f64, b: f64) -> Option<f64> {
    if x.is_nan() || !are_shapes(a, b) {
        Some(f64::NAN)
    } else if x <= 0.0 {
        Some(0.0)
    } else if y <= 0.0 {
        Some(1.0)
    } else {
        None
    }
}

/// Returns whether `x` is below about the mean: at most (a + 1)/(a + b + 2), up
/// to where the continued fraction converges fast, or at most a/(a + b) where
/// the expansion about the mean takes its place.
fn is_below_mean(x: f64, y: f64, a: f64, b: f64) -> bool {
    let distance = a * y - b * x;
    distance >= 0.0 || a.min(b) < LEAST_FOR_EXPANSION && distance + y - x >= 0.0
}

/// Returns the logarithm of the power term xᵃ yᵇ / B(a, b).
///
/// For large shapes it is taken from the distance to the mean, by Stirling's
/// series, so that two large logarithms never cancel.
pub(crate) fn ln_power(x: f64, y: f64, a: f64, b: f64) -> f64 {
    if a.min(b) < LEAST_FOR_STIRLING {
        let ln_x = if x > 0.5 { libm::log1p(-y) } else { libm::log(x) };
        let ln_y = if y > 0.5 { libm::log1p(-x) } else { libm::log(y) };
        return a * ln_x + b * ln_y - ln_beta(a, b);
    }
    let spread = a * (b / (a + b)) / (2.0 * PI);
    0.5 * libm::log(spread) - deviance(x, y, a, b) - stirling_excess(a, b)
}

/// Returns a ln(p/x) + b ln(q/y) for the mean p = a/(a + b) and q = 1 − p: how
/// many times less likely than the mean `x` is, in logarithms.
fn deviance(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let distance = a * y - b * x;
    a * excess_over_log(-distance / a, x * ((a + b) / a))
        + b * excess_over_log(distance / b, y * ((a + b) / b))
}

/// Returns u − ln(1 + u), given `u` and `ratio` = 1 + u.
fn excess_over_log(u: f64, ratio: f64) -> f64 {
    if u.abs() >= 0.5 {
        return u - libm::log(ratio);
    }
    // ln(1 + u) = 2(r + r³/3 + r⁵/5 + …) for r = u/(2 + u).
    let r = u / (2.0 + u);
    let squared = r * r;
    let series = (1..=17).rev().fold(0.0, |sum, k| sum * squared + 1.0 / f64::from(2 * k + 1));
    r * (u - 2.0 * squared * series)
}

/// Where Stirling's series, cut after x⁻¹³, is exact to the last bit.
const LEAST_FOR_STIRLING: f64 = 10.0;

/// Returns δ(a) + δ(b) − δ(a + b), where δ is what Stirling's formula leaves
/// of the logarithm of the gamma function.
fn stirling_excess(a: f64, b: f64) -> f64 {
    stirling_error(a) + stirling_error(b) - stirling_error(a + b)
}

fn stirling_error(x: f64) -> f64 {
    let inverse = 1.0 / x;
    let squared = inverse * inverse;
    inverse * STIRLING.iter().rev().fold(0.0, |sum, coefficient| sum * squared + coefficient)
}

/// B₂ₖ / (2k (2k − 1)), the Bernoulli numbers of Stirling's series.
const STIRLING: [f64; 7] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
];

/// Returns Iₓ(a, b) divided by the power term, for `x` at most about the mean.
fn ratio(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let smaller = a.min(b);
    let distance = a * y - b * x;
    if smaller >= LEAST_FOR_EXPANSION && (0.0..=0.03 * smaller).contains(&distance) {
        expansion(deviance(x, y, a, b), a, b)
    } else {
        1.0 / continued_fraction(x, y, a, b)
    }
}

/// Where the expansion about the mean becomes quicker than the fraction.
const LEAST_FOR_EXPANSION: f64 = 1000.0;

/// BFRAC, evaluated by Lentz's method as modified by Thompson and Barnett.
fn continued_fraction(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let distance = a * y - b * x;
    let mut fraction = a * (distance + 1.0) / (a + 1.0);
    if fraction == 0.0 {
        fraction = f64::MIN_POSITIVE;
    }
    let (mut upwards, mut downwards) = (fraction, 0.0);
    for m in 1..MOST_TERMS {
        let m = f64::from(m);
        let before = a + 2.0 * m - 1.0;
        // Divided first: for large shapes the products would overflow.
        let numerator =
            ((a + m - 1.0) / before) * ((a + b + m - 1.0) / before) * m * (b - m) * x * x;
        let denominator = m
            + m * (b - m) * x / before
            + (a + m) * (distance + 1.0 + m * (1.0 + y)) / (before + 2.0);
        downwards = denominator + numerator * downwards;
        upwards = denominator + numerator / upwards;
        if downwards == 0.0 {
            downwards = f64::MIN_POSITIVE;
        }
        if upwards == 0.0 {
            upwards = f64::MIN_POSITIVE;
        }
        downwards = 1.0 / downwards;
        let change = upwards * downwards;
        fraction *= change;
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

/// Convergence takes a few hundred at the worst place, a shape just under
/// [`LEAST_FOR_EXPANSION`] with `x` at the mean.
const MOST_TERMS: u32 = 100_000;

/// BASYM: the expansion about the mean for two large shapes, by powers of the
/// width of the distribution, each with an integral of the normal tail.
fn expansion(deviance: f64, a: f64, b: f64) -> f64 {
    let smaller = a.min(b);
    let h = smaller / a.max(b);
    let r0 = 1.0 / (1.0 + h);
    let r1 = (b - a) / a.max(b);
    let w0 = 1.0 / (smaller * (1.0 + h)).sqrt();

    let z = (2.0 * deviance).sqrt();
    // √π/4 erfc(z/√2) exp(z²/2), and 2^(-3/2).
    let (mut even, mut odd) = (PI.sqrt() / 2.0 * normal::scaled_survival(z), SQRT_2 / 4.0);
    let (mut even_power, mut odd_power) = (SQRT_2 / 4.0 * z, SQRT_2 / 4.0 * z * z);

    let mut series = [0.0; ORDERS + 1];
    let mut powers = [0.0; ORDERS + 1];
    let mut reverted = [0.0; ORDERS + 1];
    let mut inverse = [0.0; ORDERS + 1];
    series[0] = 2.0 / 3.0 * r1;
    reverted[0] = -0.5 * series[0];
    inverse[0] = -reverted[0];
    let mut sum = even + inverse[0] * w0 * odd;
    let (mut s, mut h_power, mut w) = (1.0, 1.0, w0);

    for n in (2..=ORDERS).step_by(2) {
        let order = n as f64;
        h_power *= h * h;
        series[n - 1] = 2.0 * r0 * (1.0 + h * h_power) / (order + 2.0);
        s += h_power;
        series[n] = 2.0 * r1 * s / (order + 3.0);
        for i in n..=n + 1 {
            let r = -0.5 * (i as f64 + 1.0);
            powers[0] = r * series[0];
            for m in 2..=i {
                let convolved: f64 = (1..m)
                    .map(|j| (j as f64 * r - (m - j) as f64) * series[j - 1] * powers[m - j - 1])
                    .sum();
                powers[m - 1] = r * series[m - 1] + convolved / m as f64;
            }
            reverted[i - 1] = powers[i - 1] / (i as f64 + 1.0);
            let convolved: f64 = (1..i).map(|j| inverse[i - j - 1] * reverted[j - 1]).sum();
            inverse[i - 1] = -(convolved + reverted[i - 1]);
        }
        even = even_power + (order - 1.0) * even;
        odd = odd_power + order * odd;
        even_power *= z * z;
        odd_power *= z * z;
        w *= w0;
        let even_term = inverse[n - 1] * w * even;
        w *= w0;
        let odd_term = inverse[n] * w * odd;
        sum += even_term + odd_term;
        if even_term.abs() + odd_term.abs() <= f64::EPSILON * sum {
            break;
        }
    }
    2.0 * SQRT_2 * (1.0 / a + 1.0 / b).sqrt() * sum
}

const ORDERS: usize = 20;
