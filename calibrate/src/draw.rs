//! Random numbers that are the same on every machine.

use rand::{RngExt, SeedableRng};
use rand_distr::{Binomial, Distribution, Poisson, StandardNormal, StudentT};
use rand_pcg::Pcg64;

/// A source of random numbers for one simulated canary.
///
/// The generator is PCG XSL RR 128/64, whose output is fixed by its definition, and the transcendental
/// functions come from `libm`, so that a table can be made again anywhere, at any number of threads.
#[derive(Clone, Debug)]
pub struct Draw(Pcg64);

impl Draw {
    /// Creates the source of the canary with number `run`.
    #[must_use]
    pub fn of_run(seed: u64, run: u64) -> Self {
        // An odd constant spreads the seeds, which are small numbers, over all 64 bits.
        Self(Pcg64::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(run)))
    }

    /// Draws from 0 to 1, with 1 left out.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Draws whether something with this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// Draws from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Draws from Student's distribution with three degrees of freedom, scaled to a variance of one.
    pub fn heavy(&mut self) -> f64 {
        StudentT::new(3.0).map_or(0.0, |student| student.sample(&mut self.0) / 3.0_f64.sqrt())
    }

    /// Draws a count with this mean; zero where the mean is not above zero.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(&mut self.0))
    }

    /// Draws how many of `trials` happen.
    pub fn binomial(&mut self, trials: f64, probability: f64) -> f64 {
        let binomial = Binomial::new(trials as u64, probability.clamp(0.0, 1.0));
        binomial.map_or(0.0, |binomial| binomial.sample(&mut self.0) as f64)
    }
}
