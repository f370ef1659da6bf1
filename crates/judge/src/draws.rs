//! Random values that are the same on every machine and in every run.

use serin_stats::normal;

/// A seeded stream of random values.
///
/// The generator is that of Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014.
#[derive(Clone, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    /// Creates the stream of a seed. Neighbouring seeds give unlike streams.
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut draws = Self(seed.wrapping_mul(0xd134_2543_de82_ef95));
        draws.0 = draws.bits();
        draws
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Strictly between 0 and 1.
    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.unit() * bound as f64) as usize
    }

    /// A standard normal value.
    pub(crate) fn normal(&mut self) -> f64 {
        normal::quantile(self.unit())
    }

    /// How many events come where `mean` are expected.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        match mean {
            mean if mean <= 0.0 || mean.is_nan() => 0.0,
            mean if mean < FEW_EVENTS => self.few_events(mean),
            mean if mean < MOST_EVENTS => self.many_events(mean),
            mean => libm::round(mean + mean.sqrt() * self.normal()),
        }
    }

    /// Counts steps of an exponential clock.
    fn few_events(&mut self, mean: f64) -> f64 {
        let (limit, mut product, mut events) = (libm::exp(-mean), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            events += 1.0;
        }
        events
    }

    /// Transformed rejection: Hörmann, "The transformed rejection method for generating Poisson random
    /// variables", *Insurance: Mathematics and Economics* 12 (1993), algorithm PTRS.
    fn many_events(&mut self, mean: f64) -> f64 {
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.024_83 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let squeeze = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let u = self.unit() - 0.5;
            let v = self.unit();
            let left = 0.5 - u.abs();
            let events = libm::floor((2.0 * a / left + b) * u + mean + 0.43);
            if left >= 0.07 && v <= squeeze {
                return events;
            }
            if events < 0.0 || (left < 0.013 && v > left) {
                continue;
            }
            let height = libm::log(v * inverse_alpha / (a / (left * left) + b));
            if height <= events * libm::log(mean) - mean - libm::lgamma(events + 1.0) {
                return events;
            }
        }
    }

    /// How many of `trials` come out, each with `probability`; `trials` is rounded.
    pub(crate) fn binomial(&mut self, trials: f64, probability: f64) -> f64 {
        let trials = libm::round(trials.max(0.0));
        let probability = probability.clamp(0.0, 1.0);
        if probability > 0.5 {
            return trials - self.binomial(trials, 1.0 - probability);
        }
        let mean = trials * probability;
        let variance = mean * (1.0 - probability);
        let drawn = if probability < RARE && trials > FEW_TRIALS {
            self.poisson(mean)
        } else if variance > MANY_OF_BOTH {
            libm::round(mean + variance.sqrt() * self.normal())
        } else {
            let trials = trials as u64;
            (0..trials).filter(|_| self.unit() < probability).count() as f64
        };
        drawn.clamp(0.0, trials)
    }

    /// A value of a gamma distribution: Marsaglia and Tsang, "A simple method for generating gamma
    /// variables", *ACM Transactions on Mathematical Software* 26 (2000).
    pub(crate) fn gamma(&mut self, mean: f64, variance: f64) -> f64 {
        if !(mean > 0.0 && variance > 0.0) {
            return mean.max(0.0);
        }
        let (shape, scale) = (mean * mean / variance, variance / mean);
        if shape < 1.0 {
            let boost = libm::pow(self.unit(), 1.0 / shape);
            return scale * boost * self.standard_gamma(shape + 1.0);
        }
        scale * self.standard_gamma(shape)
    }

    /// The shape is one or more.
    fn standard_gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if libm::log(self.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }
}

/// Below this the exponential clock is the faster way.
const FEW_EVENTS: f64 = 12.0;

/// Above this a normal distribution is told from Poisson's by nobody.
const MOST_EVENTS: f64 = 1e7;

/// Rarer events than this among more trials than that are Poisson's.
const RARE: f64 = 0.02;
const FEW_TRIALS: f64 = 100.0;

/// With a larger variance the binomial is as good as normal.
const MANY_OF_BOTH: f64 = 30.0;

#[cfg(test)]
mod tests {
    use serin_stats::moments;

    use super::Draws;

    /// Returns whether mean and variance lie within five standard errors of what they should be.
    fn has(mean: f64, variance: f64, draw: impl Fn(&mut Draws) -> f64) -> bool {
        let mut draws = Draws::seeded(7);
        let values: Vec<f64> = (0..40_000).map(|_| draw(&mut draws)).collect();
        let moments = moments(&values).unwrap();
        let squares = values.iter().map(|value| (value - moments.mean) * (value - moments.mean));
        let fourth = squares.map(|square| square * square).sum::<f64>() / 40_000.0;
        let error_of_mean = (variance / 40_000.0).sqrt();
        let error_of_variance = ((fourth - variance * variance) / 40_000.0).sqrt();
        (moments.mean - mean).abs() < 5.0 * error_of_mean
            && (moments.variance - variance).abs() < 5.0 * error_of_variance
    }

    #[test]
    fn draws_have_the_mean_and_the_variance_they_should() {
        assert!(has(0.0, 1.0, Draws::normal));
        for mean in [0.02, 0.9, 5.0, 11.9, 12.1, 40.0, 900.0] {
            assert!(has(mean, mean, |draws| draws.poisson(mean)), "Poisson, {mean}");
        }
        for (trials, probability) in [(3.0, 0.4), (40.0, 0.9), (1000.0, 0.3), (1000.0, 0.97)] {
            let mean = trials * probability;
            let variance = mean * (1.0 - probability);
            assert!(
                has(mean, variance, |draws| draws.binomial(trials, probability)),
                "binomial, {trials} × {probability}"
            );
        }
        for (mean, variance) in [(1.0, 0.01), (1.0, 4.0), (30.0, 60.0)] {
            assert!(has(mean, variance, |draws| draws.gamma(mean, variance)), "gamma, {mean}");
        }
    }

    #[test]
    fn what_cannot_happen_does_not() {
        let mut draws = Draws::seeded(1);
        assert_eq!(draws.poisson(0.0), 0.0);
        assert_eq!(draws.poisson(f64::NAN), 0.0);
        assert_eq!(draws.binomial(10.0, 0.0), 0.0);
        assert_eq!(draws.binomial(10.0, 1.0), 10.0);
        assert_eq!(draws.gamma(2.0, 0.0), 2.0);
    }
}
