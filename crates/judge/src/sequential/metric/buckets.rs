//! One metric whose events are counted by size: histograms.

use serin_model::Check;

use super::arm::stacked;
use super::margins::sides;
use super::{MetricState, Reference};
use crate::sequential::intake::{MetricStep, Sample};
use crate::sequential::silence::Voice;
use crate::sequential::tail::{TailEvidence, Telling};

impl MetricState {
    pub(super) fn observe_buckets(
        &mut self,
        check: &Check,
        step: &MetricStep,
        most: f64,
    ) -> (Voice, Voice) {
        let control = match &self.reference {
            Some(Reference::Buckets(buckets)) => Some(buckets.clone()),
            _ => stacked(&step.control),
        };
        let canary = stacked(&step.canary);
        if let (Some(control), Some(canary), Some(number)) =
            (&control, &canary, self.overlap.number(step.step))
        {
            if self.tails.is_empty() {
                let bounds = self.intake.bounds.clone().unwrap_or_default();
                self.tails = sides(check.worse)
                    .into_iter()
                    .map(|side| TailEvidence::new(side, &bounds))
                    .collect();
            }
            let replicas: Vec<&[f64]> = step
                .control
                .iter()
                .filter_map(|(_, sample)| match sample {
                    Sample::Buckets(buckets) => Some(buckets.as_slice()),
                    Sample::Counted(_) | Sample::Value(_) | Sample::Garbled => None,
                })
                .collect();
            let margins = &check.margins;
            let of_control =
                if self.reference.is_some() { 0.0 } else { 1.0 / step.control.len().max(1) as f64 };
            let share = of_control + 1.0 / step.canary.len().max(1) as f64;
            for tail in &mut self.tails {
                if tail.bounds().len() + 1 == control.len() && control.len() == canary.len() {
                    tail.observe(
                        number,
                        (control, canary),
                        share,
                        (margins.tolerance(), margins.unacceptable()),
                        most,
                    );
                    tail.learn_replicas(&replicas);
                }
            }
        }
        let voice = |buckets: &Option<Vec<f64>>| match buckets {
            None => Voice::Absent,
            Some(buckets) if buckets.iter().sum::<f64>() > 0.0 => Voice::Speaks,
            Some(_) => Voice::Idle,
        };
        (voice(&control), voice(&canary))
    }

    /// Returns which share of a histogram's events lies beyond the edges that were asked for proof.
    pub(crate) fn proven_tail(&self) -> Option<f64> {
        self.tails.first()?.proven_tail()
    }

    /// Returns the edge of a histogram that says most.
    pub(crate) fn most_telling(&self) -> Option<Telling<'_>> {
        self.tails.first()?.most_telling()
    }
}
