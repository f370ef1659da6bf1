//! The judge at work on canaries that never were.

use serin_model::{Check, Step, Timestamp};

use crate::sequential::intake::MetricStep;
use crate::sequential::metric::MetricState;
use crate::sequential::outcome::is_safe;

use super::simulation::{Run, Simulation, Sizes};

/// One metric, with all that the judge knows of it before its first step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rehearsal<'a> {
    pub(super) check: &'a Check,
    pub(super) learnt: &'a MetricState,
    pub(super) simulation: &'a Simulation,
    pub(super) step: Step,
    /// Every how many steps there are points.
    pub(super) stride: usize,
    /// The largest logarithm by which one step may raise the evidence of counts.
    pub(super) most: f64,
    /// The evidence at which this metric alone fails the canary, as a logarithm.
    pub(super) needed: f64,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Decision {
    Harm,
    Safety,
}

/// After how many steps each of several canaries was decided, if it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Times(Vec<Option<usize>>);

impl Rehearsal<'_> {
    /// Rehearses `canaries` canaries for `steps` steps each, or fewer once it is plain that not half of
    /// them will be decided. Their noise is the same whatever the effect is.
    pub(super) fn times(
        &self,
        sizes: Sizes,
        effect: f64,
        decision: Decision,
        steps: usize,
        canaries: usize,
    ) -> Times {
        let mut times = Vec::with_capacity(canaries);
        for seed in 0..canaries {
            if seed == HOPELESS && times.iter().all(Option::is_none) {
                break;
            }
            times.push(self.time(sizes, effect, decision, steps, seed as u64));
        }
        Times(times)
    }

    fn time(
        &self,
        sizes: Sizes,
        effect: f64,
        decision: Decision,
        steps: usize,
        seed: u64,
    ) -> Option<usize> {
        let mut metric = self.learnt.clone();
        let mut run = self.simulation.run(sizes, self.check.worse, effect, seed);
        (0..steps).step_by(self.stride).find_map(|number| {
            let minutes = self.minutes(number);
            self.observe(&mut metric, &mut run, number, minutes);
            let is_reached = match decision {
                Decision::Harm => metric.harm >= self.needed,
                Decision::Safety => is_safe(&metric),
            };
            is_reached.then_some(number + 1)
        })
    }

    fn observe(&self, metric: &mut MetricState, run: &mut Run<'_>, number: usize, minutes: f64) {
        let (control, canary) = run.next(number);
        let length = i64::from(self.step.seconds()) * 1000;
        let end = |steps: usize| {
            Timestamp::from_millis(i64::try_from(steps).unwrap_or(i64::MAX).saturating_mul(length))
        };
        let step = MetricStep {
            step: i64::try_from(number).unwrap_or(i64::MAX),
            closed: end(number + 1),
            last_point: end(number),
            control,
            canary,
        };
        metric.observe(self.check, &step, minutes, self.most);
    }

    /// Returns what is tolerated once the canary is as old as its control, with why it is more than
    /// the Check says.
    pub(super) fn tolerated_at_last(&self, sizes: Sizes) -> (f64, Option<String>) {
        let mut metric = self.learnt.clone();
        let mut run = self.simulation.run(sizes, self.check.worse, 0.0, 0);
        self.observe(&mut metric, &mut run, 0, A_DAY);
        metric.tolerated(self.check)
    }

    /// Returns how many minutes lie before a step.
    pub(super) fn minutes(&self, steps: usize) -> f64 {
        steps as f64 * f64::from(self.step.seconds()) / 60.0
    }
}

/// If of so many canaries not one is decided, half of them are not (but once in a million plans).
const HOPELESS: usize = 20;

/// No canary is young after so many minutes.
const A_DAY: f64 = 1440.0;

impl Times {
    /// Returns the share of the canaries that were decided within so many steps.
    pub(super) fn share_by(&self, steps: usize) -> f64 {
        let by_then = self.0.iter().flatten().filter(|time| **time <= steps).count();
        by_then as f64 / self.0.len().max(1) as f64
    }

    /// Returns after how many steps this share of the canaries was decided.
    pub(super) fn quantile(&self, share: f64) -> Option<usize> {
        let mut times: Vec<usize> = self.0.iter().map(|time| time.unwrap_or(usize::MAX)).collect();
        times.sort_unstable();
        let place = libm::ceil(share * times.len() as f64) as usize;
        times.get(place.saturating_sub(1)).copied().filter(|time| *time < usize::MAX)
    }
}
