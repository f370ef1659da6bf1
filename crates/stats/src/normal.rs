//! The standard normal distribution, accurate in the tails.
//!
//! A p-value is often a tail far out, and `1 - cdf(z)` has no digits left
//! there: ask for [`survival`] instead.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Returns the probability that a standard normal variable is at most `z`.
///
/// From 0 at negative infinity to 1 at positive infinity; NaN for NaN. The
/// relative error is under 2e-15 down to `z = -37`; below that come the
/// subnormals, and 0 from about -38.6.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::normal;
///
/// assert_eq!(normal::cdf(0.0), 0.5);
/// assert!((normal::cdf(-1.959963984540054) - 0.025).abs() < 1e-15);
/// ```
///
/// # References
///
/// * M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*
///   (1964), equation 26.2.29, for the tie to the error function.
#[must_use]
pub fn cdf(z: f64) -> f64 {
    survival(-z)
}

/// Returns the probability that a standard normal variable exceeds `z`.
///
/// The mirror of [`cdf`], as accurate in the upper tail as that is in the
/// lower: from 1 at negative infinity to 0 at positive infinity; NaN for NaN.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::normal;
///
/// // One minus the cdf is 0 here.
/// assert!((normal::survival(10.0) / 7.619853024160526e-24 - 1.0).abs() < 1e-13);
/// ```
#[must_use]
pub fn survival(z: f64) -> f64 {
    let scaled = z * FRAC_1_SQRT_2;
    let tail = libm::erfc(scaled) / 2.0;
    if tail == 0.0 || tail == 1.0 || tail.is_nan() {
        return tail;
    }
    // The tail magnifies the rounding of `scaled` by a factor of z²: one step
    // of Newton takes back what was rounded off.
    let rounded_off = libm::fma(z, FRAC_1_SQRT_2, -scaled) + z * FRAC_1_SQRT_2_REST;
    let slope = -libm::exp(-scaled * scaled) / PI.sqrt();
    tail + slope * rounded_off
}

/// What is left of 1/√2 below the last bit of its `f64`.
const FRAC_1_SQRT_2_REST: f64 = -4.833_646_656_726_457e-17;

/// Returns the natural logarithm of [`survival`], however small that is.
///
/// From 0 at negative infinity to negative infinity at positive infinity; NaN
/// for NaN. The relative error is under 4e-15.
///
/// Costs O(1).
///
/// # Examples
///
/// The probability itself is below the smallest `f64`.
///
/// ```
/// use serin_stats::normal;
///
/// assert!((normal::ln_survival(100.0) / -5_005.524_208_694_205 - 1.0).abs() < 1e-14);
/// ```
///
/// # References
///
/// * M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*
///   (1964), equation 26.2.12, for the asymptotic series.
#[must_use]
pub fn ln_survival(z: f64) -> f64 {
    if z < 0.0 {
        return libm::log1p(-cdf(z));
    }
    if z < LEAST_FOR_SERIES { libm::log(survival(z)) } else { ln_far_tail(z) }
}

fn ln_far_tail(z: f64) -> f64 {
    if z.is_infinite() { -z } else { libm::log(scaled_survival(z)) - z * z / 2.0 }
}

/// Returns the natural logarithm of [`cdf`], however small that is.
///
/// The mirror of [`ln_survival`].
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::normal;
///
/// assert!((normal::ln_cdf(-100.0) / -5_005.524_208_694_205 - 1.0).abs() < 1e-14);
/// ```
#[must_use]
pub fn ln_cdf(z: f64) -> f64 {
    ln_survival(-z)
}

/// Returns exp(z²/2) times the survival function, for `z` of 0 or more: what
/// is left of the tail when its density is taken out.
pub(crate) fn scaled_survival(z: f64) -> f64 {
    if z < LEAST_FOR_SERIES {
        return survival(z) * libm::exp(z * z / 2.0);
    }
    // 1 − 1/z² + 1·3/z⁴ − 1·3·5/z⁶ + …, from the small end.
    let inverse_square = 1.0 / (z * z);
    let series =
        (0..10).rev().fold(1.0, |sum, k| 1.0 - f64::from(2 * k + 1) * inverse_square * sum);
    series / (z * (2.0 * PI).sqrt())
}

/// From here on ten terms of the asymptotic series are exact to the last bit.
const LEAST_FOR_SERIES: f64 = 15.0;

/// Returns the `z` with `cdf(z) = probability`.
///
/// * `probability`: from 0, which gives negative infinity, to 1, which gives
///   positive infinity. NaN outside that range and for NaN.
///
/// The relative error is under 2e-15, the subnormal probabilities included.
/// For probabilities close to 1 give the complement to
/// [`survival_quantile`]: a `f64` is too coarse there.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::normal;
///
/// assert!((normal::quantile(0.975) - 1.959963984540054).abs() < 1e-15);
/// assert_eq!(normal::quantile(0.0), f64::NEG_INFINITY);
/// ```
///
/// # References
///
/// * M. J. Wichura, "Algorithm AS 241: The percentage points of the normal
///   distribution", *Applied Statistics* 37 (1988), 477–484, routine PPND16.
#[must_use]
pub fn quantile(probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    let from_median = probability - 0.5;
    if from_median.abs() <= 0.425 {
        let r = 0.180_625 - from_median * from_median;
        return from_median * horner(&CENTRE.0, r) / horner(&CENTRE.1, r);
    }
    let z = upper_tail_quantile(probability.min(1.0 - probability));
    if from_median < 0.0 { -z } else { z }
}

/// Returns the `z` with `survival(z) = probability`.
///
/// The mirror of [`quantile`], with its range and accuracy: positive infinity
/// at 0, negative infinity at 1, NaN elsewhere.
///
/// Costs O(1).
///
/// # Examples
///
/// ```
/// use serin_stats::normal;
///
/// assert!((normal::survival_quantile(0.025) - 1.959963984540054).abs() < 1e-15);
/// ```
#[must_use]
pub fn survival_quantile(probability: f64) -> f64 {
    -quantile(probability)
}

fn upper_tail_quantile(tail: f64) -> f64 {
    if tail == 0.0 {
        return f64::INFINITY;
    }
    let r = (-libm::log(tail)).sqrt();
    if r <= 5.0 {
        horner(&TAIL.0, r - 1.6) / horner(&TAIL.1, r - 1.6)
    } else {
        horner(&FAR_TAIL.0, r - 5.0) / horner(&FAR_TAIL.1, r - 5.0)
    }
}

/// Returns the value at `r` of the polynomial with these coefficients, the
/// constant first.
fn horner(coefficients: &[f64; 8], r: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |value, coefficient| value * r + coefficient)
}

/// Numerator and denominator of a rational function.
type Rational = ([f64; 8], [f64; 8]);

/// a and b of PPND16, for probabilities from 0.075 to 0.925.
const CENTRE: Rational = (
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
);

/// c and d of PPND16, for tails down to exp(-25).
const TAIL: Rational = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);

/// e and f of PPND16, for the tails beyond.
const FAR_TAIL: Rational = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);
