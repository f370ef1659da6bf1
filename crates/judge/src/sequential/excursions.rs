//! How often the control goes further out than noise does, and how long it stays there.

use serde::{Deserialize, Serialize};

/// The steps of the control's replicas that lay far out, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Excursions {
    began: f64,
    stayed: f64,
    steps: f64,
}

/// So many standard deviations from its level a replica is far out.
pub(crate) const FAR_OUT: f64 = 3.0;

/// Fewer steps than this do not tell how often what is rare happens.
const FEWEST_STEPS: f64 = 100.0;

impl Excursions {
    /// Counts the excursions of replicas.
    ///
    /// * `replicas`: for each step of each replica, in order, whether it lay far out.
    pub(crate) fn of(replicas: impl Iterator<Item = impl Iterator<Item = bool>>) -> Self {
        let mut excursions = Self::default();
        for steps in replicas {
            let mut was_out = false;
            for is_out in steps {
                excursions.steps += 1.0;
                excursions.began += f64::from(u8::from(is_out && !was_out));
                excursions.stayed += f64::from(u8::from(is_out && was_out));
                was_out = is_out;
            }
        }
        excursions
    }

    /// Returns the most that a step far out can say for harm, as a logarithm: a canary that is harmed
    /// goes out and stays there, a healthy one does so as often as the control did. It is the
    /// likelihood ratio of these two, with one excursion more than was seen; infinite where none was,
    /// or where too little is known.
    pub(crate) fn most(&self, was_out: bool) -> f64 {
        if self.began == 0.0 || self.steps < FEWEST_STEPS {
            return f64::INFINITY;
        }
        let chance = if was_out {
            (self.stayed + 1.0) / (self.stayed + self.began + 2.0)
        } else {
            (self.began + 1.0) / (self.steps - self.stayed).max(1.0)
        };
        -libm::log(chance.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Excursions;

    fn seen(steps: &str) -> Excursions {
        Excursions::of([steps.chars().map(|step| step == '!')].into_iter())
    }

    #[test]
    fn a_control_that_never_goes_far_out_and_a_short_past_limit_nothing() {
        let quiet = ".".repeat(1_000);
        assert_eq!(seen(&quiet).most(false), f64::INFINITY);
        assert_eq!(seen("..!!..!...").most(true), f64::INFINITY);
    }

    #[test]
    fn what_the_control_does_often_says_little() {
        let often = seen(&"!!!!!!!!............".repeat(50));
        let seldom = seen(&format!("{}!{}", ".".repeat(500), ".".repeat(499)));
        // It begins at 51 of 650 steps, and stays at 351 of 402.
        assert!((often.most(false) - libm::log(650.0 / 51.0)).abs() < 1e-12);
        assert!((often.most(true) - libm::log(402.0 / 351.0)).abs() < 1e-12);
        assert!(seldom.most(false) > 6.0 && seldom.most(true) > 1.0);
    }
}
