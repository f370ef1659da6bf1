//! An autoregressive model of a series.

use crate::autocorrelation::product;
use crate::moments::moments;

/// A series in which each value is a sum of a few before it and an innovation,
/// from [`autoregression`].
#[derive(Clone, Debug, PartialEq)]
pub struct Autoregression {
    /// What a value takes over from each one before it, the latest first; none
    /// where the values are best described as independent.
    pub coefficients: Vec<f64>,
    /// The mean of the series.
    pub mean: f64,
    /// The variance of what is new in a value, in the squared unit of the
    /// values.
    pub innovation_variance: f64,
}

impl Autoregression {
    /// Returns the long-run variance of the model: n times the variance of the
    /// mean of n values, for large n.
    ///
    /// The innovations' variance over (1 − the sum of the coefficients)².
    /// Infinite for a sum of 1, where the mean settles nowhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use serin_stats::Autoregression;
    ///
    /// let model =
    ///     Autoregression { coefficients: vec![0.5], mean: 0.0, innovation_variance: 3.0 };
    /// assert_eq!(model.long_run_variance(), 12.0);
    /// ```
    #[must_use]
    pub fn long_run_variance(&self) -> f64 {
        let left: f64 = 1.0 - self.coefficients.iter().sum::<f64>();
        self.innovation_variance / (left * left)
    }
}

/// Fits an autoregressive model, of the order that the values ask for.
///
/// Burg's method, which always gives a stationary model; the order with the
/// least n log σ² + p log n (BIC), from 0 to `most_lags`. Estimates from a
/// series whose mean is estimated too are too small, and most so where they are
/// largest: the first-order bias, −(1 + 3φ)/n for one coefficient, is taken
/// back, up to where the coefficients add up to 1. At 1 the series is a random
/// walk, whose level says nothing.
///
/// * `values`: evenly spaced, in the order of time, without gaps; 10 or more.
/// * `most_lags`: from 0 to 3; more count as 3.
///
/// Returns `None` for fewer than 10 values, when all are equal, and when one is
/// not finite or too large to be squared. Even so the coefficient of a series
/// with φ = 0.9 is off by 0.06 (standard deviation) after 60 values and 0.02
/// after 360: fit on a long history, not on the run that is judged.
///
/// Costs O(n).
///
/// # Examples
///
/// ```
/// use serin_stats::autoregression;
///
/// // A slow wave: each value is nearly twice the last, less the one before.
/// let wave: Vec<f64> = (0..200).map(|t| (f64::from(t) / 5.0).sin() + f64::from(t % 3)).collect();
/// let model = autoregression(&wave, 3).unwrap();
/// assert_eq!(model.coefficients.len(), 3);
/// assert_eq!(autoregression(&[1.0; 50], 3), None);
/// ```
///
/// # References
///
/// * J. P. Burg, *Maximum Entropy Spectral Analysis*, thesis, Stanford
///   University (1975).
/// * G. Schwarz, "Estimating the dimension of a model", *Annals of Statistics* 6
///   (1978), 461–464, for the order.
/// * F. H. C. Marriott and J. A. Pope, "Bias in the estimation of
///   autocorrelations", *Biometrika* 41 (1954), 390–402, for one coefficient; P.
///   Shaman and R. A. Stine, "The bias of autoregressive coefficient
///   estimators", *Journal of the American Statistical Association* 83 (1988),
///   842–848, for more.
#[must_use]
pub fn autoregression(values: &[f64], most_lags: usize) -> Option<Autoregression> {
    if values.len() < LEAST_VALUES {
        return None;
    }
    let mean = moments(values)?.mean;
    let deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let power = product(&deviations, &deviations) / values.len() as f64;
    if !(power > 0.0 && power.is_finite()) {
        return None;
    }

    let biased = burg(&deviations, power, most_lags.min(MOST_LAGS));
    let coefficients = without_bias(&biased, values.len() as f64);
    let innovation_variance = innovation_variance(&deviations, &coefficients);
    Some(Autoregression { coefficients, mean, innovation_variance })
}

const LEAST_VALUES: usize = 10;

/// The largest order whose bias is known here.
const MOST_LAGS: usize = 3;

/// Returns the coefficients of the best order by BIC.
fn burg(deviations: &[f64], power: f64, most_lags: usize) -> Vec<f64> {
    let n = deviations.len() as f64;
    let (mut forward, mut backward) = (deviations.to_vec(), deviations.to_vec());
    let mut coefficients: Vec<f64> = Vec::new();
    let mut variance = power;
    let (mut best, mut best_cost) = (Vec::new(), n * libm::log(power));
    for lags in 1..=most_lags {
        forward.remove(0);
        backward.pop();
        let squares = product(&forward, &forward) + product(&backward, &backward);
        if squares == 0.0 {
            break;
        }
        let reflection = 2.0 * product(&forward, &backward) / squares;
        let mirrored = coefficients.iter().rev().map(|coefficient| reflection * coefficient);
        coefficients = coefficients.iter().zip(mirrored).map(|(own, other)| own - other).collect();
        coefficients.push(reflection);
        for (ahead, behind) in forward.iter_mut().zip(&mut backward) {
            let (before, after) = (*ahead, *behind);
            *ahead = before - reflection * after;
            *behind = after - reflection * before;
        }

        variance *= 1.0 - reflection * reflection;
        let cost = n * libm::log(variance) + lags as f64 * libm::log(n);
        if cost < best_cost {
            (best, best_cost) = (coefficients.clone(), cost);
        }
    }
    best
}

/// Returns the coefficients whose estimates would be these in the mean, as far
/// as they add up to 1 at most.
fn without_bias(biased: &[f64], n: f64) -> Vec<f64> {
    // Solved from the last coefficient, whose bias depends on no other.
    let unbiased = match *biased {
        [a] => vec![(n * a + 1.0) / (n - 3.0)],
        [a, b] => {
            let second = (n * b + 2.0) / (n - 4.0);
            vec![(n * a + 1.0 + second) / (n - 1.0), second]
        }
        [a, b, c] => {
            let third = (n * c + 1.0) / (n - 5.0);
            let first = (n * a + 1.0 + 2.0 * third) / (n - 1.0);
            vec![first, (n * b + 2.0 - first + third) / (n - 4.0), third]
        }
        _ => return biased.to_vec(),
    };
    let (before, after) = (biased.iter().sum::<f64>(), unbiased.iter().sum::<f64>());
    if after <= 1.0 {
        return unbiased;
    }
    let part = ((1.0 - before) / (after - before)).clamp(0.0, 1.0);
    biased
        .iter()
        .zip(unbiased)
        .map(|(biased, unbiased)| biased + part * (unbiased - biased))
        .collect()
}

fn innovation_variance(deviations: &[f64], coefficients: &[f64]) -> f64 {
    let lags = coefficients.len();
    let squares: f64 = deviations
        .windows(lags + 1)
        .map(|window| {
            let (current, before) = window.split_last().unwrap_or((&0.0, &[]));
            let expected: f64 =
                before.iter().rev().zip(coefficients).map(|(value, share)| value * share).sum();
            (current - expected) * (current - expected)
        })
        .sum();
    // One value a coefficient is not predicted, and one more goes into each
    // coefficient and the mean.
    squares / (deviations.len() - 2 * lags - 1) as f64
}
