//! Many trials of one kind of canary, counted.

use rayon::prelude::*;
use serin_stats::normal;

use crate::canary::Canary;
use crate::draw::Draw;
use crate::trial::{self, Trial};

/// How many of how many, with the bounds that hold the truth 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// Returns the share itself.
    #[must_use]
    pub fn value(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 / self.of as f64 }
    }

    /// Returns Wilson's bounds (E. B. Wilson, "Probable inference, the law of succession, and
    /// statistical inference", *JASA* 22 (1927), 209–212).
    #[must_use]
    pub fn bounds(self) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let z = normal::quantile(0.975);
        let n = self.of as f64;
        let share = self.value();
        let centre = share + z * z / (2.0 * n);
        let radius = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + z * z / n;
        (((centre - radius) / whole).max(0.0), ((centre + radius) / whole).min(1.0))
    }
}

/// What came of the trials of one cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// The trials, in the order of their runs.
    pub trials: Vec<Trial>,
}

impl Tally {
    /// Simulates and judges `runs` canaries. The answer does not depend on the number of threads.
    #[must_use]
    pub fn of(canary: &Canary, runs: u64, seed: u64) -> Self {
        let trial = |run: u64| trial::judge(&canary.draw(&mut Draw::of_run(seed, run)));
        Self { trials: (0..runs).into_par_iter().map(trial).collect() }
    }

    fn share(&self, is: impl Fn(&Trial) -> bool) -> Share {
        let count = self.trials.iter().filter(|trial| is(trial)).count() as u64;
        Share { count, of: self.trials.len() as u64 }
    }

    /// Returns how many were failed at any time.
    #[must_use]
    pub fn failed(&self) -> Share {
        self.share(|trial| trial.failed.is_some())
    }

    /// Returns how many passed at some moment before they failed.
    #[must_use]
    pub fn ever_passed(&self) -> Share {
        self.share(|trial| trial.passed.is_some())
    }

    /// Returns how many passed at the end.
    #[must_use]
    pub fn passed_at_end(&self) -> Share {
        self.share(|trial| trial.passes_at_end)
    }

    /// Returns how many were neither failed nor passed at the end.
    #[must_use]
    pub fn inconclusive(&self) -> Share {
        self.share(|trial| trial.failed.is_none() && !trial.passes_at_end)
    }

    /// Returns the quantile of the minutes to fail over all trials, those that never failed counted
    /// as never; `None` is never.
    #[must_use]
    pub fn minutes_to_fail(&self, probability: f64) -> Option<f64> {
        quantile_of(self.trials.iter().map(|trial| trial.failed), probability)
    }

    /// Returns the quantile of the minutes to pass, as [`Self::minutes_to_fail`].
    #[must_use]
    pub fn minutes_to_pass(&self, probability: f64) -> Option<f64> {
        quantile_of(self.trials.iter().map(|trial| trial.passed), probability)
    }
}

fn quantile_of(minutes: impl Iterator<Item = Option<f64>>, probability: f64) -> Option<f64> {
    let mut all: Vec<f64> = minutes.map(|minutes| minutes.unwrap_or(f64::INFINITY)).collect();
    all.sort_by(f64::total_cmp);
    let place = (probability * all.len() as f64) as usize;
    all.get(place).copied().filter(|minutes| minutes.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Effect, Kind, Metric};
    use crate::noise::Noise;

    #[test]
    fn wilsons_bounds_are_those_of_the_books() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263, and 0 of 20.
        for (count, of, lower, upper) in [(81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611)] {
            let bounds = Share { count, of }.bounds();
            assert!((bounds.0 - lower).abs() < 5e-5, "{bounds:?}");
            assert!((bounds.1 - upper).abs() < 5e-5, "{bounds:?}");
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let noise = Noise::Autoregressive(0.9);
        let kind = Kind::Level { is_quantile: false, noise, deviation: 0.1, offset: 0.0 };
        let metric = Metric::of(kind).written(0.05, None).with(Effect::Times(1.3));
        let canary = Canary::of(vec![metric; 2]);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Tally::of(&canary, 40, 3))
        };
        let one = on(1);
        assert!(one.trials.iter().any(|trial| trial.failed.is_some()));
        assert_eq!(one, on(4));
    }

    #[test]
    fn those_that_never_fail_count_as_never() {
        let trial = |failed| Trial { failed, ..Trial::default() };
        let tally = Tally { trials: vec![trial(Some(3.0)), trial(None), trial(Some(1.0))] };
        assert_eq!(tally.minutes_to_fail(0.5), Some(3.0));
        assert_eq!(tally.minutes_to_fail(0.9), None);
    }
}
