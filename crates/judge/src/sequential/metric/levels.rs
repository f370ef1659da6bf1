//! One metric whose values are compared as they are: gauges, and quantiles somebody else computed.

use serin_model::{Check, Measure};

use super::arm::{mean, plain};
use super::margins::sides;
use super::{MetricState, Reference, RunningMean, Scale};
use crate::sequential::intake::MetricStep;
use crate::sequential::noise::Spread;
use crate::sequential::silence::Voice;
use crate::sequential::values::{Aspect, Bounds, Difference, ValueEvidence};

impl MetricState {
    pub(super) fn observe_values(
        &mut self,
        check: &Check,
        step: &MetricStep,
        most: f64,
    ) -> (Voice, Voice) {
        let control: Vec<f64> = match &self.reference {
            Some(Reference::Value(value)) => vec![*value],
            _ => plain(&step.control).map(|(_, value)| value).collect(),
        };
        let canary: Vec<f64> = plain(&step.canary).map(|(_, value)| value).collect();
        self.look_for_fractions(check, &control, &canary);
        self.note_zeros(control.iter().copied());
        if self.scale.is_none() && !control.is_empty() {
            let above = control.iter().all(|value| *value > 0.0);
            self.scale = Some(if above { Scale::Logarithm } else { Scale::Plain });
        }
        if self.values.is_none() && self.scale.is_some() {
            self.values = Some(ValueEvidence::new(aspect_of(check), None, &sides(check.worse)));
        }
        let shares = self.fractions.as_ref().filter(|fractions| fractions.hold()).cloned();
        match (&shares, self.overlap.number(step.step)) {
            (Some(shares), Some(_)) => self.bet_on_shares(check, shares, step, most),
            (None, Some(number)) => self.bet_on_values(check, step, number, &control),
            (_, None) => {}
        }
        self.note_levels(step);
        self.note_size(control.iter().copied());
        let aspect = aspect_of(check);
        let voice = |values: &[f64]| {
            if values.is_empty() {
                return Voice::Absent;
            }
            // Memory is held by the dead, too.
            let speaks = |value: &f64| {
                aspect == Aspect::Level
                    && match (&shares, self.scale) {
                        (Some(shares), _) => shares.tells(*value),
                        (None, Some(Scale::Logarithm)) => *value != 0.0 || self.zero_is_usual(),
                        (None, _) => true,
                    }
            };
            if values.iter().any(speaks) { Voice::Speaks } else { Voice::Hums }
        };
        (voice(&control), voice(&canary))
    }

    /// * `number`: of the step, among those that are compared.
    pub(super) fn bet_on_values(
        &mut self,
        check: &Check,
        step: &MetricStep,
        number: i64,
        control: &[f64],
    ) {
        if self.size.steps == 0.0 {
            self.note_size(control.iter().copied());
        }
        let unit = self.unit();
        let scaled = |values: &mut dyn Iterator<Item = f64>| -> Vec<f64> {
            values.filter_map(|value| self.scaled(value, unit)).collect()
        };
        let control = scaled(&mut control.iter().copied());
        let canary = scaled(&mut plain(&step.canary).map(|(_, value)| value));
        let (Some(on_control), Some(on_canary)) = (mean(&control), mean(&canary)) else { return };
        let difference = Difference {
            step: number,
            value: on_canary - on_control,
            share: 1.0 / canary.len() as f64 + self.share_of_control(control.len()),
        };
        self.margin = self.margin_now(check);
        let bounds: Vec<Bounds> = sides(check.worse)
            .into_iter()
            .map(|side| self.bounds(check, side, on_control))
            .collect();
        if let Some(values) = &mut self.values {
            values.observe(difference, &bounds);
        }
        let lately = self.lately.unwrap_or(on_control);
        self.lately = Some(lately + LATEST * (on_control - lately));
    }

    /// A control that was known whole adds no noise of its own to a step; what it adds to all of
    /// them is in the margin.
    pub(super) fn share_of_control(&self, replicas: usize) -> f64 {
        if self.reference.is_some() { 0.0 } else { 1.0 / replicas as f64 }
    }

    /// Returns the value on the scale of the comparison; a zero on a logarithmic scale is none.
    pub(super) fn scaled(&self, value: f64, unit: f64) -> Option<f64> {
        match self.scale? {
            Scale::Logarithm => (value > 0.0).then(|| libm::log(value)),
            Scale::Plain => (unit > 0.0).then(|| value / unit),
        }
    }

    /// Takes note of how large the control's values are: what a difference of one means on the plain
    /// scale.
    pub(super) fn note_size(&mut self, values: impl Iterator<Item = f64>) {
        for value in values {
            self.size.steps += 1.0;
            self.size.mean += (value.abs() - self.size.mean) / self.size.steps;
        }
    }

    pub(super) fn note_zeros(&mut self, values: impl Iterator<Item = f64>) {
        for value in values {
            self.zeros.steps += 1.0;
            let zero = f64::from(u8::from(value == 0.0));
            self.zeros.mean += (zero - self.zeros.mean) / self.zeros.steps;
        }
    }

    /// Returns whether the control, too, is often at zero: zero is a level then, and no silence.
    pub(super) fn zero_is_usual(&self) -> bool {
        self.zeros.mean > MOST_ZEROS
    }

    pub(super) fn unit(&self) -> f64 {
        if self.size.mean > 0.0 { self.size.mean } else { 1.0 }
    }

    /// Where the past showed nothing, the replicas of the control show as they go how unlike they are.
    pub(super) fn running_spread(&self) -> Option<Spread> {
        let levels: Vec<f64> =
            self.levels.iter().filter(|level| level.steps >= 5.0).map(|level| level.mean).collect();
        if levels.len() < 2 {
            return None;
        }
        let variance = serin_stats::moments(&levels)?.variance;
        Some(Spread { variance, replicas: levels.len() })
    }

    pub(super) fn note_levels(&mut self, step: &MetricStep) {
        if self.reference.is_some() || self.is_of_shares() || step.control.len() < 2 {
            return;
        }
        let unit = self.unit();
        let scaled: Vec<(usize, f64)> = plain(&step.control)
            .filter_map(|(replica, value)| Some((replica, self.scaled(value, unit)?)))
            .collect();
        let Some(centre) = mean(&scaled.iter().map(|(_, value)| *value).collect::<Vec<_>>()) else {
            return;
        };
        for (replica, value) in scaled {
            if replica >= MOST_LEVELS {
                continue;
            }
            if self.levels.len() <= replica {
                self.levels.resize(replica + 1, RunningMean::default());
            }
            let level = &mut self.levels[replica];
            level.steps += 1.0;
            level.mean += (value - centre - level.mean) / level.steps;
        }
    }

    /// Returns whether values are compared, and not counts.
    pub(crate) fn compares_values(&self) -> bool {
        self.values.as_ref().is_some_and(|values| values.steps() > 0)
    }
}

/// How many of the control's values may be zero before zero counts as a level like any other.
pub(super) const MOST_ZEROS: f64 = 0.1;

/// Levels of more replicas than this are not kept apart.
pub(super) const MOST_LEVELS: usize = 64;

/// Returns whether the level of a metric is compared or its growth. The level of memory says more
/// about the replica, its age and its caches than about the version.
pub(crate) fn aspect_of(check: &Check) -> Aspect {
    let text = match &check.measure {
        Measure::Gauge { value } => value.as_str(),
        Measure::Ratio { .. }
        | Measure::Histogram { .. }
        | Measure::Count { .. }
        | Measure::Quantile { .. } => {
            return Aspect::Level;
        }
    };
    let says_memory = |text: &str| {
        let text = text.to_lowercase();
        MEMORY_WORDS.iter().any(|word| text.contains(word))
    };
    if says_memory(text) || says_memory(&check.name) { Aspect::Growth } else { Aspect::Level }
}

pub(super) const MEMORY_WORDS: [&str; 5] = ["memory", "heap", "_rss", "working_set", "resident"];

/// How much of the latest step is in the level of the last few.
pub(super) const LATEST: f64 = 0.3;
