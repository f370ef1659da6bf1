//! What one metric learns from its control's past, before the canary began.

use std::collections::BTreeMap;

use serin_model::{Arm, Check, MeasureKind, Observations, Step, Timestamp, Worse};
use serin_stats::quantile;

use super::counts::{as_value, is_uncountable, rates_of};
use super::levels::{MOST_ZEROS, aspect_of};
use super::margins::sides;
use super::overlap::Overlap;
use super::{MetricState, Reference, Scale};
use crate::sequential::excursions::Excursions;
use crate::sequential::fraction::{Fractions, Whole};
use crate::sequential::intake::{Sample, past_of};
use crate::sequential::noise::{Noise, Past, spread_of};
use crate::sequential::rates::Tally;
use crate::sequential::tail::TailEvidence;
use crate::sequential::values::ValueEvidence;

impl MetricState {
    /// Learns from what the control did before `end`: its noise, how unlike its replicas are, and,
    /// where nothing of it will come any more, what the canary is held against.
    ///
    /// * `canary`: only to see whether it, too, was there before.
    pub(crate) fn learn(
        &mut self,
        check: &Check,
        control: &Arm,
        canary: &Arm,
        step: Step,
        end: Timestamp,
        is_all: bool,
    ) {
        let mut past = past_of(control, step, end);
        self.uncountable = is_uncountable(check, past.iter().flat_map(|(_, steps)| steps.values()));
        if self.uncountable {
            past.iter_mut().flat_map(|(_, steps)| steps.values_mut()).for_each(as_value);
        }
        let was_there = canary.span().is_some_and(|(first, _)| first < end);
        let is_old = |past: &[(String, BTreeMap<i64, Sample>)]| {
            past.iter().any(|(_, steps)| steps.len() >= OLD_STEPS)
        };
        self.control_is_fresh = !is_all && !is_old(&past) && is_old(&past_of(canary, step, end));
        let names = |arm: &Arm| arm.replicas.iter().map(|r| r.name.clone()).collect::<Vec<_>>();
        self.same_replicas = is_all && names(control) == names(canary);
        self.fresh = !is_all && !was_there && is_old(&past);
        self.usual.speaks = past.iter().any(|(_, steps)| is_regular(steps));
        let samples = || past.iter().flat_map(|(_, steps)| steps.values());
        self.control_replicas = past.iter().filter(|(_, steps)| !steps.is_empty()).count();
        if let Some(whole) = whole_of(check, samples()) {
            let mut fractions = Fractions::new(whole);
            samples().for_each(|sample| {
                if let Sample::Value(value) = sample {
                    fractions.observe(*value);
                }
            });
            self.fractions = Some(fractions).filter(|fractions| !fractions.are_refuted());
        }
        self.usual.bad = self.usual_bad(check, samples());
        let past = self.without_overlap(past);
        self.learn_rates(check, &past, is_all);
        self.learn_values(check, &past, is_all);
        self.learn_tails(check, &past, control);
        if is_all {
            self.reference = self.whole_control(check, &past);
        }
    }

    /// Keeps the steps that share no data, numbered as those of the analysis are.
    fn without_overlap(
        &self,
        mut past: Vec<(String, BTreeMap<i64, Sample>)>,
    ) -> Vec<(String, BTreeMap<i64, Sample>)> {
        if self.overlap != Overlap::NONE {
            for (_, steps) in &mut past {
                let all = std::mem::take(steps).into_iter();
                *steps = all.filter_map(|(at, it)| Some((self.overlap.number(at)?, it))).collect();
            }
        }
        past
    }

    pub(super) fn usual_bad<'a>(
        &self,
        check: &Check,
        samples: impl Iterator<Item = &'a Sample>,
    ) -> Option<f64> {
        let share = |sample: &Sample| {
            let tally = self.bad_of(check, sample)?;
            (tally.exposure > 0.0).then(|| tally.events / tally.exposure)
        };
        quantile(&samples.filter_map(share).collect::<Vec<_>>(), 0.5)
    }

    /// Learns how evenly the control's replicas shared what they had together, step by step.
    pub(super) fn learn_rates(
        &mut self,
        check: &Check,
        past: &[(String, BTreeMap<i64, Sample>)],
        is_all: bool,
    ) {
        let tally = |sample: &Sample| match sample {
            Sample::Counted(tally) => Some(*tally),
            Sample::Value(_) | Sample::Buckets(_) | Sample::Garbled => self.bad_of(check, sample),
        };
        let mut steps: BTreeMap<i64, Vec<Tally>> = BTreeMap::new();
        for (at, sample) in past.iter().flat_map(|(_, steps)| steps) {
            steps.entry(*at).or_default().extend(tally(sample));
        }
        let replicas: Vec<Vec<Tally>> =
            past.iter().map(|(_, steps)| steps.values().filter_map(tally).collect()).collect();
        if steps.values().all(Vec::is_empty) {
            return;
        }
        self.rates = rates_of(check);
        for (_, evidence) in &mut self.rates {
            steps.values().for_each(|replicas| evidence.learn_past(replicas));
            // As of values: what one replica did before a change is no pattern.
            if !is_all {
                evidence.learn_excursions(&replicas);
            }
        }
    }

    pub(super) fn learn_values(
        &mut self,
        check: &Check,
        past: &[(String, BTreeMap<i64, Sample>)],
        is_all: bool,
    ) {
        let values: Vec<Vec<(i64, f64)>> = past.iter().map(|(_, steps)| values(steps)).collect();
        let all = || values.iter().flatten().map(|(_, value)| *value);
        if all().next().is_none() {
            return;
        }
        let zeros = all().filter(|value| *value == 0.0).count() as f64;
        self.note_zeros(all());
        let above = all().all(|value| value >= 0.0) && zeros <= MOST_ZEROS * all().count() as f64;
        self.scale = Some(if above { Scale::Logarithm } else { Scale::Plain });
        self.note_size(all());
        let unit = self.unit();
        let scaled: Vec<Past> = values
            .iter()
            .map(|past| {
                past.iter()
                    .filter_map(|(at, value)| Some((*at, self.scaled(*value, unit)?)))
                    .collect()
            })
            .collect();
        self.youth = if self.fresh { youth_of(&scaled) } else { Vec::new() };
        self.noise = Noise::of(&scaled);
        // One replica before a change says little of how it goes out at times after other changes.
        if let (true, Some(noise)) = (is_all, &mut self.noise) {
            noise.excursions = Excursions::default();
        }
        self.spread = spread_of(&scaled, self.noise.as_ref());
        let aspect = aspect_of(check);
        self.values = Some(ValueEvidence::new(aspect, self.noise, &sides(check.worse)));
    }

    pub(super) fn learn_tails(
        &mut self,
        check: &Check,
        past: &[(String, BTreeMap<i64, Sample>)],
        control: &Arm,
    ) {
        let Some(bounds) =
            control.replicas.iter().find_map(|replica| match &replica.observations {
                Observations::Histogram { bounds, .. } => Some(bounds.as_slice()),
                _ => None,
            })
        else {
            return;
        };
        for side in sides(check.worse) {
            let mut tail = TailEvidence::new(side, bounds);
            let replicas: Vec<Vec<(i64, &[f64])>> =
                past.iter().map(|(_, steps)| buckets(steps)).collect();
            tail.learn(&replicas);
            self.tails.push(tail);
        }
    }

    /// Returns an average step of the control, without what a single step did that none else did.
    pub(super) fn whole_control(
        &self,
        check: &Check,
        past: &[(String, BTreeMap<i64, Sample>)],
    ) -> Option<Reference> {
        let middle = || {
            let all: Vec<f64> =
                past.iter().flat_map(|(_, steps)| values(steps)).map(|(_, value)| value).collect();
            quantile(&all, 0.5).map(Reference::Value)
        };
        match check.measure.kind() {
            MeasureKind::Count if self.uncountable => middle(),
            MeasureKind::Ratio | MeasureKind::Count => {
                let steps = past.iter().flat_map(|(_, steps)| steps.values());
                let tallies = steps.filter_map(|sample| match sample {
                    Sample::Counted(tally) => Some(*tally),
                    Sample::Buckets(_) | Sample::Value(_) | Sample::Garbled => None,
                });
                usual_step(tallies.collect())
            }
            MeasureKind::Histogram => {
                let steps = past.iter().flat_map(|(_, steps)| steps.values());
                let mut count = 0.0;
                let mut sum: Option<Vec<f64>> = None;
                for sample in steps {
                    if let Sample::Buckets(buckets) = sample {
                        count += 1.0;
                        match &mut sum {
                            Some(sum) => {
                                sum.iter_mut().zip(buckets).for_each(|(sum, more)| *sum += more);
                            }
                            None => sum = Some(buckets.clone()),
                        }
                    }
                }
                sum.map(|sum| Reference::Buckets(sum.into_iter().map(|all| all / count).collect()))
            }
            MeasureKind::Gauge | MeasureKind::Quantile => middle(),
        }
    }
}

/// A replica with so many steps before the start is old.
pub(super) const OLD_STEPS: usize = 5;

/// Returns the whole that values may be shares of: none where either change is bad, or where one of
/// them lies outside.
pub(super) fn whole_of<'a>(
    check: &Check,
    samples: impl Iterator<Item = &'a Sample>,
) -> Option<Whole> {
    if check.worse == Worse::Either || check.measure.kind() != MeasureKind::Gauge {
        return None;
    }
    let mut largest: f64 = 0.0;
    let mut any = false;
    for sample in samples {
        let Sample::Value(value) = sample else { return None };
        if !(0.0..=100.0).contains(value) {
            return None;
        }
        any = true;
        largest = largest.max(*value);
    }
    any.then_some(if largest > 1.0 { Whole::Hundred } else { Whole::One })
}

/// Returns the control's level at each step of its past from the first, the middle of its replicas,
/// for as long as the canary may count as young.
pub(super) fn youth_of(past: &[Past]) -> Vec<f64> {
    let first = past.iter().filter_map(|past| past.first()).map(|(step, _)| *step).min();
    let Some(first) = first else { return Vec::new() };
    let level = |age: i64| {
        let there = past.iter().flatten().filter(|(step, _)| *step == first + age);
        quantile(&there.map(|(_, value)| *value).collect::<Vec<_>>(), 0.5)
    };
    (0..YOUNG_STEPS).map_while(level).collect()
}

/// How many steps a canary counts as young at most.
pub(super) const YOUNG_STEPS: i64 = 30;

/// Returns whether a replica reported at nearly every step from its first to its last.
pub(super) fn is_regular(steps: &BTreeMap<i64, Sample>) -> bool {
    let span = steps.last_key_value().zip(steps.first_key_value());
    let all = span.map_or(0, |((last, _), (first, _))| last - first + 1);
    steps.len() >= OLD_STEPS && steps.len() as f64 >= REGULAR * all as f64
}

/// Which share of its steps a replica reports that is not missed at random.
pub(super) const REGULAR: f64 = 0.8;

pub(super) fn values(steps: &BTreeMap<i64, Sample>) -> Vec<(i64, f64)> {
    let value = |(at, sample): (&i64, &Sample)| match sample {
        Sample::Value(value) if value.is_finite() => Some((*at, *value)),
        Sample::Value(_) | Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    };
    steps.iter().filter_map(value).collect()
}

pub(super) fn buckets(steps: &BTreeMap<i64, Sample>) -> Vec<(i64, &[f64])> {
    steps
        .iter()
        .filter_map(|(at, sample)| match sample {
            Sample::Buckets(buckets) => Some((*at, buckets.as_slice())),
            Sample::Counted(_) | Sample::Value(_) | Sample::Garbled => None,
        })
        .collect()
}

/// Fewer events than this are no incident, however few there are otherwise.
pub(super) const EVENTS_OF_AN_INCIDENT: f64 = 20.0;

/// Returns the average of the steps, without those that hold more than half of all events by
/// themselves: an incident that was over before the canary began.
pub(super) fn usual_step(mut tallies: Vec<Tally>) -> Option<Reference> {
    tallies.retain(|tally| tally.exposure > 0.0);
    tallies.sort_by(|a, b| (a.events / a.exposure).total_cmp(&(b.events / b.exposure)));
    let left_out = tallies.len() / 10;
    let all: f64 = tallies.iter().map(|tally| tally.events).sum();
    let worst: f64 = tallies.iter().rev().take(left_out).map(|tally| tally.events).sum();
    if worst > all / 2.0 && worst > EVENTS_OF_AN_INCIDENT {
        tallies.truncate(tallies.len() - left_out);
    }
    let count = tallies.len() as f64;
    let sum = tallies.into_iter().reduce(|mut sum, tally| {
        sum.add(tally);
        sum
    })?;
    let average = Tally { events: sum.events / count, exposure: sum.exposure / count };
    Some(Reference::Counted(average, sum.events))
}
