//! Random values that are the same on every machine and in every run.

#![allow(dead_code, reason = "each test file draws its own kind")]

use serin_stats::normal;

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
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

    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * normal::quantile(self.unit())
    }

    pub(crate) fn normals(&mut self, size: usize, mean: f64, deviation: f64) -> Vec<f64> {
        (0..size).map(|_| self.normal(mean, deviation)).collect()
    }

    /// How many events come in a stretch in which `mean` are expected.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        let (limit, mut product, mut events) = (libm::exp(-mean), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            events += 1.0;
        }
        events
    }

    pub(crate) fn poissons(&mut self, size: usize, mean: f64) -> Vec<f64> {
        (0..size).map(|_| self.poisson(mean)).collect()
    }

    /// Normal values of which each resembles the one before, with deviation 1 around `mean`.
    pub(crate) fn autocorrelated(&mut self, size: usize, mean: f64, correlation: f64) -> Vec<f64> {
        let fresh = (1.0 - correlation * correlation).sqrt();
        let mut value = self.normal(0.0, 1.0);
        let mut next = || {
            let current = value;
            value = correlation * value + fresh * self.normal(0.0, 1.0);
            mean + current
        };
        (0..size).map(|_| next()).collect()
    }
}
