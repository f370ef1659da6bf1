//! One metric whose events are counted: ratios, counts, and shares that hide small counts.

use serin_model::{Check, Margins, MeasureKind, Worse};

use super::arm::{counted, plain, tallies, voice_of_count};
use super::learn::whole_of;
use super::margins::{margins_of_shares, rate_bounds, sides};
use super::{MetricState, Reference};
use crate::sequential::fraction::Fractions;
use crate::sequential::intake::{ArmStep, MetricStep, Sample};
use crate::sequential::rates::{OutOf, RateEvidence, Tally};
use crate::sequential::silence::Voice;
use crate::sequential::values::Side;

impl MetricState {
    pub(super) fn observe_counts(
        &mut self,
        check: &Check,
        step: &MetricStep,
        most: f64,
    ) -> (Voice, Voice) {
        let control = match &self.reference {
            Some(Reference::Counted(tally, _)) => Some(*tally),
            _ => counted(&step.control),
        };
        let canary = counted(&step.canary);
        if let (Some(control), Some(canary)) = (control, canary)
            && self.overlap.number(step.step).is_some()
        {
            let replicas: Vec<Tally> = tallies(&step.control).collect();
            self.bet_on_rates(check, control, canary, &replicas, &check.margins, most);
        }
        (voice_of_count(control), voice_of_count(canary))
    }

    pub(super) fn bet_on_rates(
        &mut self,
        check: &Check,
        control: Tally,
        canary: Tally,
        replicas: &[Tally],
        margins: &Margins,
        most: f64,
    ) {
        if self.rates.is_empty() {
            self.rates = rates_of(check);
        }
        for (side, evidence) in &mut self.rates {
            let (mut tolerated, unacceptable) = rate_bounds(margins, *side);
            if let Some(Reference::Counted(usual, events)) = &self.reference {
                tolerated = tolerated.beyond_chance(*usual, *events);
            }
            // Fewer on the canary is more on the control: the arms change places.
            match side {
                Side::Higher => evidence.observe(control, canary, tolerated, unacceptable, most),
                Side::Lower => evidence.observe(canary, control, tolerated, unacceptable, most),
            }
            evidence.learn(replicas);
        }
    }

    pub(super) fn look_for_fractions(&mut self, check: &Check, control: &[f64], canary: &[f64]) {
        if self.scale.is_none() {
            let all =
                control.iter().chain(canary).map(|value| Sample::Value(*value)).collect::<Vec<_>>();
            self.fractions = whole_of(check, all.iter()).map(Fractions::new);
        }
        if let Some(fractions) = &mut self.fractions {
            control.iter().chain(canary).for_each(|value| fractions.observe(*value));
            if fractions.are_refuted() {
                self.fractions = None;
            }
        }
    }

    pub(super) fn bet_on_shares(
        &mut self,
        check: &Check,
        shares: &Fractions,
        step: &MetricStep,
        most: f64,
    ) {
        let bad_is_high = check.worse != Worse::Lower;
        let tally = |arm: &ArmStep| {
            let mut sum: Option<Tally> = None;
            for (_, value) in plain(arm) {
                if let Some(tally) = shares.tally(value, bad_is_high) {
                    sum.get_or_insert_default().add(tally);
                }
            }
            sum
        };
        let control = match &self.reference {
            Some(Reference::Value(value)) => shares.tally(*value, bad_is_high),
            _ => tally(&step.control),
        };
        let (Some(control), Some(canary)) = (control, tally(&step.canary)) else { return };
        let replicas: Vec<Tally> = plain(&step.control)
            .filter_map(|(_, value)| shares.tally(value, bad_is_high))
            .collect();
        let margins = margins_of_shares(&check.margins, bad_is_high, control);
        self.bet_on_rates(check, control, canary, &replicas, &margins, most);
    }

    /// Returns what is bad out of all, where a sample says so.
    pub(super) fn bad_of(&self, check: &Check, sample: &Sample) -> Option<Tally> {
        let bad_is_high = check.worse != Worse::Lower;
        match sample {
            Sample::Counted(tally) if check.measure.kind() == MeasureKind::Ratio && bad_is_high => {
                Some(*tally)
            }
            Sample::Value(value) => self.fractions.as_ref()?.tally(*value, bad_is_high),
            Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
        }
    }

    /// What was once found to come in fractions is no count for good.
    pub(super) fn is_uncountable(&mut self, check: &Check, step: &MetricStep) -> bool {
        let samples = step.control.iter().chain(&step.canary).map(|(_, sample)| sample);
        self.uncountable |= is_uncountable(check, samples);
        self.uncountable
    }

    pub(crate) fn is_of_shares(&self) -> bool {
        self.fractions.as_ref().is_some_and(Fractions::hold)
    }

    pub(crate) fn shares_are_shown(&self) -> bool {
        self.fractions.as_ref().is_some_and(Fractions::are_shown)
    }

    /// Returns whether what should be counted comes in fractions, so that its values are compared.
    pub(crate) fn comes_in_fractions(&self) -> bool {
        self.uncountable
    }
}

/// Returns whether a count comes in fractions. A ratio may, where a source had to estimate its counts.
pub(super) fn is_uncountable<'a>(
    check: &Check,
    mut samples: impl Iterator<Item = &'a Sample>,
) -> bool {
    let is_fraction = |sample: &Sample| matches!(sample, Sample::Counted(tally) if (tally.events - libm::round(tally.events)).abs() > WHOLE);
    check.measure.kind() == MeasureKind::Count && samples.any(is_fraction)
}

/// How far from whole a count may be by rounding.
pub(super) const WHOLE: f64 = 1e-6;

pub(crate) fn as_value(sample: &mut Sample) {
    if let Sample::Counted(tally) = sample {
        let rate = if tally.exposure > 0.0 { tally.events / tally.exposure } else { f64::NAN };
        *sample = Sample::Value(rate);
    }
}

/// Makes room for the evidence of counts. Of a share it is the bad part that is counted, whichever
/// part the metric shows.
pub(super) fn rates_of(check: &Check) -> Vec<(Side, RateEvidence)> {
    let sides = match check.measure.kind() {
        MeasureKind::Gauge | MeasureKind::Quantile => vec![Side::Higher],
        MeasureKind::Ratio | MeasureKind::Count | MeasureKind::Histogram => sides(check.worse),
    };
    let out_of = match check.measure.kind() {
        MeasureKind::Count => OutOf::Exposure,
        MeasureKind::Gauge
        | MeasureKind::Quantile
        | MeasureKind::Ratio
        | MeasureKind::Histogram => OutOf::Trials,
    };
    sides.into_iter().map(|side| (side, RateEvidence::new(out_of))).collect()
}
