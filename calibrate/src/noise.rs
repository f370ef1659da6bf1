//! How a level wanders from step to step.

use crate::draw::Draw;

/// How the steps of one replica hang together. Every one has a mean of zero and a variance of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Each step by itself, normal.
    Independent,
    /// Autoregressive of order one, normal, with this correlation of neighbours.
    Autoregressive(f64),
    /// The mean of so many independent normal steps.
    MovingAverage(usize),
    /// Each step by itself, from Student's distribution with three degrees of freedom.
    HeavyTailed,
    /// Each step by itself, the exponential of a normal: long on the upper side alone.
    Skewed,
}

/// One replica's course under a [`Noise`].
#[derive(Clone, Debug)]
pub struct Course {
    noise: Noise,
    last: f64,
    recent: Vec<f64>,
    next: usize,
}

impl Course {
    /// Begins a course that has been going on for ever.
    pub fn begin(noise: Noise, draw: &mut Draw) -> Self {
        let recent = match noise {
            Noise::MovingAverage(length) => (0..length).map(|_| draw.normal()).collect(),
            _ => Vec::new(),
        };
        let last = if let Noise::Autoregressive(_) = noise { draw.normal() } else { 0.0 };
        Self { noise, last, recent, next: 0 }
    }

    /// Draws the next step.
    pub fn step(&mut self, draw: &mut Draw) -> f64 {
        match self.noise {
            Noise::Independent => draw.normal(),
            Noise::Autoregressive(correlation) => {
                let fresh = (1.0 - correlation * correlation).sqrt() * draw.normal();
                self.last = correlation * self.last + fresh;
                self.last
            }
            Noise::MovingAverage(length) => {
                self.recent[self.next] = draw.normal();
                self.next = (self.next + 1) % length;
                self.recent.iter().sum::<f64>() / (length as f64).sqrt()
            }
            Noise::HeavyTailed => draw.heavy(),
            Noise::Skewed => {
                // Mean e^½ and variance e² − e.
                let e = std::f64::consts::E;
                (libm::exp(draw.normal()) - e.sqrt()) / (e * e - e).sqrt()
            }
        }
    }
}

/// Sudden rises that end after a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// How likely one begins at a step.
    pub begins: f64,
    /// How likely one that is there goes on for another step.
    pub stays: f64,
    /// By which factor the level rises, from and to.
    pub times: (f64, f64),
}

impl Bursts {
    /// Draws the rise at each of `steps` steps, as a logarithm.
    #[must_use]
    pub fn draw(self, steps: usize, draw: &mut Draw) -> Vec<f64> {
        let mut now = 0.0;
        let (least, most) = (libm::log(self.times.0), libm::log(self.times.1));
        (0..steps)
            .map(|_| {
                if now > 0.0 {
                    if !draw.happens(self.stays) {
                        now = 0.0;
                    }
                } else if draw.happens(self.begins) {
                    now = least + (most - least) * draw.unit();
                }
                now
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_noise_has_a_variance_of_about_one_and_the_correlation_it_says() {
        let table = [
            (Noise::Independent, 0.0),
            (Noise::Autoregressive(0.6), 0.6),
            (Noise::MovingAverage(5), 0.8),
            (Noise::Skewed, 0.0),
        ];
        for (noise, correlation) in table {
            let mut draw = Draw::of_run(1, 1);
            let mut course = Course::begin(noise, &mut draw);
            let steps: Vec<f64> = (0..200_000).map(|_| course.step(&mut draw)).collect();
            let count = steps.len() as f64;
            let mean = steps.iter().sum::<f64>() / count;
            let variance = steps.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
            let products: f64 =
                steps.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
            assert!(mean.abs() < 0.02, "{noise:?}: mean {mean}");
            assert!((variance - 1.0).abs() < 0.1, "{noise:?}: variance {variance}");
            let seen = products / count / variance;
            assert!((seen - correlation).abs() < 0.02, "{noise:?}: correlation {seen}");
        }
    }
}
