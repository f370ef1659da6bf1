//! Evidence as a fortune: a mixture of bets, each on its own size of effect and its own beginning.
//!
//! A bet is multiplied at every step by a factor whose expectation is at most one if the hypothesis
//! is true. So is any average of bets whose weights were fixed beforehand, which makes the average an
//! e-process: by Ville's inequality the chance that it ever reaches 1/α is at most α (Ramdas,
//! Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference",
//! *Statistical Science* 38 (2023), section 4).

use serde::{Deserialize, Serialize};
use serin_stats::weighted_log_mean_exp;

/// How many sizes of effect are bet on.
pub(crate) const SIZES: usize = 6;

/// One number for each size of effect that is bet on.
pub(crate) type BySize = [f64; SIZES];

/// Bets on several sizes of effect: a part laid at the start, the rest bit by bit as time goes on,
/// so that an effect that begins late is not buried by the good time before it.
///
/// A step costs O(1), and the state is as many numbers as there are sizes, and three more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bets {
    fortunes: BySize,
    /// What is not laid yet: it stays one for one whatever happens.
    unlaid: f64,
    steps: u64,
    begins: Begins,
}

/// When an effect may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Begins {
    /// At any step.
    AnyTime,
    /// At the first step, to stay.
    AtTheStart,
}

/// The same weight for each size.
pub(crate) const ALIKE: BySize = [1.0 / SIZES as f64; SIZES];

/// The share laid at the first step on an effect that may begin at any time.
const LAID_AT_START: f64 = 0.8;

impl Bets {
    /// Creates bets without a step.
    pub(crate) fn new(begins: Begins) -> Self {
        let laid = match begins {
            Begins::AnyTime => LAID_AT_START,
            Begins::AtTheStart => 1.0,
        };
        Self { fortunes: [laid; SIZES], unlaid: 1.0 - laid, steps: 0, begins }
    }

    /// Multiplies each bet by its factor of this step.
    ///
    /// * `log_factors`: natural logarithms; one that is not a number is no news.
    /// * `price`: what of a bet is lost when it is laid, as a natural logarithm: of a bet laid now
    ///   only `exp(-price)` comes to play.
    pub(crate) fn observe(&mut self, log_factors: &BySize, price: &BySize) {
        let laid = self.lay();
        let first = self.steps == 1;
        for (size, fortune) in self.fortunes.iter_mut().enumerate() {
            let played = if price[size] > 0.0 {
                let kept = libm::exp(-price[size]);
                if first { *fortune * kept } else { *fortune + laid * kept }
            } else {
                *fortune + laid
            };
            let log_factor = log_factors[size];
            if !log_factor.is_nan() {
                *fortune = (played * libm::exp(log_factor)).min(LARGEST_FORTUNE);
            }
        }
    }

    /// Takes from what is not laid what belongs to this step.
    fn lay(&mut self) -> f64 {
        self.steps = self.steps.saturating_add(1);
        if self.begins == Begins::AtTheStart || self.steps == 1 {
            return 0.0;
        }
        let laid = (self.unlaid_at(self.steps - 1) - self.unlaid_at(self.steps)).max(0.0);
        self.unlaid = self.unlaid_at(self.steps);
        laid
    }

    /// What is left to lay after so many steps: it falls with the logarithm of time, so that there
    /// is something left to bet with at every hour of a long analysis.
    fn unlaid_at(&self, steps: u64) -> f64 {
        (1.0 - LAID_AT_START) * LATE_LOG / libm::log(steps as f64 + LATE - 1.0)
    }

    /// Returns the natural logarithm of the whole fortune, an e-value.
    ///
    /// * `weights`: how much of what is laid goes to each size, at every step the same; together one.
    pub(crate) fn log_e(&self, weights: &BySize) -> f64 {
        let laid: f64 =
            self.fortunes.iter().zip(weights).map(|(fortune, weight)| fortune * weight).sum();
        libm::log(self.unlaid + laid)
    }
}

/// Returns the natural logarithm of the mean of e-values; of none it is zero.
pub(crate) fn averaged(logs: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = logs.collect();
    if logs.is_empty() { 0.0 } else { weighted_log_mean_exp(&logs, &vec![1.0; logs.len()]) }
}

/// How many steps the first late bets are worth; `LATE_LOG` is its logarithm.
const LATE: f64 = 6.0;
const LATE_LOG: f64 = 1.791_759_469_228_055;

/// Where a fortune stops growing: far above all that could be asked for, and far from overflow.
const LARGEST_FORTUNE: f64 = 1e250;

#[cfg(test)]
mod tests {
    use super::{ALIKE, Begins, Bets, SIZES};

    #[test]
    fn no_more_is_laid_than_there_is() {
        for begins in [Begins::AnyTime, Begins::AtTheStart] {
            let mut bets = Bets::new(begins);
            for _ in 0..100_000 {
                // A factor of one: what is laid stays what it is.
                bets.observe(&[0.0; SIZES], &[0.0; SIZES]);
                assert!(bets.log_e(&ALIKE).abs() < 1e-9, "{}", bets.log_e(&ALIKE));
            }
            assert!(bets.unlaid >= 0.0);
        }
    }

    #[test]
    fn what_begins_late_is_seen_in_spite_of_the_good_time_before() {
        let run = |begins| {
            let mut bets = Bets::new(begins);
            (0..60).for_each(|_| bets.observe(&[-1.0; SIZES], &[0.0; SIZES]));
            (0..10).for_each(|_| bets.observe(&[1.5; SIZES], &[0.0; SIZES]));
            bets.log_e(&ALIKE)
        };
        assert!(run(Begins::AnyTime) > 6.0, "{}", run(Begins::AnyTime));
        assert!(run(Begins::AtTheStart) < -40.0, "{}", run(Begins::AtTheStart));
    }

    #[test]
    fn a_bet_that_costs_something_to_lay_is_worth_less_at_first() {
        let mut bets = Bets::new(Begins::AtTheStart);
        bets.observe(&[0.0; SIZES], &[2.0; SIZES]);
        assert!((bets.log_e(&ALIKE) + 2.0).abs() < 1e-12);
    }

    #[test]
    fn news_that_is_no_number_is_no_news_and_nothing_overflows() {
        let mut bets = Bets::new(Begins::AnyTime);
        bets.observe(&[f64::NAN; SIZES], &[0.0; SIZES]);
        assert!(bets.log_e(&ALIKE).abs() < 1e-12);
        (0..10_000).for_each(|_| bets.observe(&[700.0; SIZES], &[0.0; SIZES]));
        assert!(bets.log_e(&ALIKE).is_finite());
        (0..10_000).for_each(|_| bets.observe(&[-700.0; SIZES], &[0.0; SIZES]));
        assert!(bets.log_e(&ALIKE).is_finite());
    }
}
