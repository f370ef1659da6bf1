//! Points as they come in, put in the order they happened.
//!
//! A point waits until the watermark has passed the end of its step; then the step is closed and
//! given out once, whatever order its points came in and however often each came. What comes for a
//! step that is closed is passed over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serin_model::{Arm, BucketBounds, Count, Observations, Pairing, Ratio, Step, Timestamp};

use super::rates::Tally;
use super::tail::MOST_BUCKETS;

/// What one replica reported in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Sample {
    /// Events out of an exposure, added up.
    Counted(Tally),
    /// Increments of buckets, added up.
    Buckets(Vec<f64>),
    /// A level, averaged.
    Value(f64),
    /// Something that is no measurement: NaN, an infinity, a count below zero, buckets with other
    /// edges. The replica spoke; what it said is not known.
    Garbled,
}

/// What one arm did in one closed step: a sample for each replica that reported, by name.
pub(crate) type ArmStep = Vec<(usize, Sample)>;

/// One metric in one closed step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricStep {
    /// Which step, counted in steps; of runs that are paired in order, which pair.
    pub(crate) step: i64,
    /// When the step is over.
    pub(crate) closed: Timestamp,
    /// The time of its last point.
    pub(crate) last_point: Timestamp,
    pub(crate) control: ArmStep,
    pub(crate) canary: ArmStep,
}

/// One arm's points that wait, and the names of its replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// The replicas in the order they were first heard of; a place in it is a replica's number.
    pub(crate) names: Vec<String>,
    points: BTreeMap<(Timestamp, usize), Sample>,
}

/// More replicas than this are not told apart: those beyond are taken as one.
const MOST_REPLICAS: usize = 256;

/// More points than this do not wait; the newest are passed over.
const MOST_WAITING: usize = 500_000;

/// The points of one metric that wait for their step to close.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intake {
    pub(crate) control: Waiting,
    pub(crate) canary: Waiting,
    /// The upper edges of a histogram, as the first replica showed them.
    pub(crate) bounds: Option<Vec<f64>>,
    /// Whether a replica showed other edges, or more than can be kept.
    pub(crate) other_bounds: bool,
    /// Where the last closed step ended.
    closed_until: Option<Timestamp>,
    pairs: i64,
}

impl Waiting {
    fn number(&mut self, name: &str) -> usize {
        match self.names.iter().position(|known| known == name) {
            Some(number) => number,
            None if self.names.len() < MOST_REPLICAS => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
            None => MOST_REPLICAS - 1,
        }
    }

    fn take(&mut self, time: Timestamp, replica: usize, sample: Sample) {
        if self.points.len() >= MOST_WAITING {
            return;
        }
        match self.points.get_mut(&(time, replica)) {
            // Of two that claim one moment the larger stands, whichever came first.
            Some(known) => {
                if is_larger(&sample, known) {
                    *known = sample;
                }
            }
            None => {
                self.points.insert((time, replica), sample);
            }
        }
    }

    /// Takes the points before `end` out, as one sample a replica, in the order of the names.
    fn before(&mut self, end: Timestamp) -> (ArmStep, Option<Timestamp>) {
        let later = self.points.split_off(&(end, 0));
        let points = std::mem::replace(&mut self.points, later);
        let last = points.last_key_value().map(|((time, _), _)| *time);
        let mut sums: BTreeMap<usize, (Sample, f64)> = BTreeMap::new();
        for ((_, replica), sample) in points {
            match sums.get_mut(&replica) {
                // What is known stands for what is not.
                Some((sum @ Sample::Garbled, count)) => (*sum, *count) = (sample, 1.0),
                Some(_) if sample == Sample::Garbled => {}
                Some((sum, count)) => {
                    add(sum, &sample);
                    *count += 1.0;
                }
                None => {
                    sums.insert(replica, (sample, 1.0));
                }
            }
        }
        let mut step: ArmStep = sums
            .into_iter()
            .map(|(replica, (sum, count))| (replica, averaged(sum, count)))
            .collect();
        step.sort_by(|a, b| self.names[a.0].cmp(&self.names[b.0]));
        (step, last)
    }

    fn first(&self) -> Option<Timestamp> {
        self.points.first_key_value().map(|((time, _), _)| *time)
    }
}

fn is_larger(sample: &Sample, than: &Sample) -> bool {
    let size = |sample: &Sample| match sample {
        Sample::Counted(tally) => (tally.exposure, tally.events),
        Sample::Buckets(buckets) => (buckets.iter().sum(), 0.0),
        Sample::Value(value) => (*value, 0.0),
        Sample::Garbled => (f64::NEG_INFINITY, 0.0),
    };
    let (a, b) = (size(sample), size(than));
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).is_gt()
}

fn add(sum: &mut Sample, more: &Sample) {
    match (sum, more) {
        (Sample::Counted(sum), Sample::Counted(more)) => sum.add(*more),
        (Sample::Buckets(sum), Sample::Buckets(more)) => {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        (Sample::Value(sum), Sample::Value(more)) => *sum += more,
        // One metric is of one kind.
        (_, _) => {}
    }
}

fn averaged(sum: Sample, count: f64) -> Sample {
    match sum {
        Sample::Value(sum) => Sample::Value(sum / count),
        Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => sum,
    }
}

impl Intake {
    /// Takes what an arm reported from `start` on; anything may come again.
    pub(crate) fn take(&mut self, is_canary: bool, arm: &Arm, start: Timestamp) {
        for replica in &arm.replicas {
            let from = self.closed_until.map_or(start, |closed| closed.max(start));
            let samples = self.samples(&replica.observations);
            let waiting = if is_canary { &mut self.canary } else { &mut self.control };
            let number = waiting.number(&replica.name);
            for (time, sample) in samples {
                if time >= from {
                    waiting.take(time, number, sample);
                }
            }
        }
    }

    /// Returns what the points are worth, without those that are no measurement.
    fn samples(&mut self, observations: &Observations) -> Vec<(Timestamp, Sample)> {
        match observations {
            Observations::Ratio(points) => {
                let tally = |ratio: &Ratio| tally(ratio.bad, ratio.total);
                points.iter().map(|p| (p.time, tally(&p.value))).collect()
            }
            Observations::Count(points) => {
                let tally = |count: &Count| tally(count.events, count.exposure);
                points.iter().map(|p| (p.time, tally(&p.value))).collect()
            }
            Observations::Histogram { bounds, points } => {
                let is_known = self.is_of(bounds);
                let sample = |buckets: &Vec<f64>| {
                    let whole = buckets.len() == bounds.as_slice().len() + 1;
                    let count = |increment: &f64| (0.0..=LARGEST_COUNT).contains(increment);
                    if is_known && whole && buckets.iter().all(count) {
                        Sample::Buckets(buckets.clone())
                    } else {
                        Sample::Garbled
                    }
                };
                points.iter().map(|point| (point.time, sample(&point.value))).collect()
            }
            Observations::Value(points) => {
                let sample = |value: f64| {
                    if value.is_finite() { Sample::Value(value) } else { Sample::Garbled }
                };
                points.iter().map(|point| (point.time, sample(point.value))).collect()
            }
        }
    }

    fn is_of(&mut self, bounds: &BucketBounds) -> bool {
        let bounds = bounds.as_slice();
        if bounds.len() >= MOST_BUCKETS {
            self.other_bounds = true;
            return false;
        }
        let same = *self.bounds.get_or_insert_with(|| bounds.to_vec()) == *bounds;
        self.other_bounds |= !same;
        same
    }

    /// Closes and returns the steps that end at or before `watermark`.
    pub(crate) fn close(
        &mut self,
        watermark: Timestamp,
        step: Step,
        pairing: Pairing,
    ) -> Vec<MetricStep> {
        match pairing {
            Pairing::Time => self.close_by_time(watermark, step),
            Pairing::Order => self.close_by_order(watermark),
        }
    }

    fn close_by_time(&mut self, watermark: Timestamp, step: Step) -> Vec<MetricStep> {
        let mut closed = Vec::new();
        while let Some(first) = self.control.first().into_iter().chain(self.canary.first()).min() {
            let start = step.bin_of(first);
            let length = i64::from(step.seconds()) * 1000;
            let end = Timestamp::from_millis(start.as_millis().saturating_add(length));
            if end > watermark || end <= start {
                break;
            }
            let (control, last_of_control) = self.control.before(end);
            let (canary, last_of_canary) = self.canary.before(end);
            closed.push(MetricStep {
                step: start.as_millis().div_euclid(length),
                closed: end,
                last_point: last_of_control.max(last_of_canary).unwrap_or(start),
                control,
                canary,
            });
            self.closed_until = Some(end);
        }
        closed
    }

    /// Pairs the runs of both arms in the order they ended: the first with the first.
    fn close_by_order(&mut self, watermark: Timestamp) -> Vec<MetricStep> {
        let mut closed = Vec::new();
        let mut control: VecDeque<_> = self.control.points.clone().into_iter().collect();
        let mut canary: VecDeque<_> = self.canary.points.clone().into_iter().collect();
        while let (Some(one), Some(other)) = (control.pop_front(), canary.pop_front()) {
            let ((control_time, _), (canary_time, _)) = (one.0, other.0);
            let last_point = control_time.max(canary_time);
            if last_point >= watermark {
                break;
            }
            self.control.points.remove(&one.0);
            self.canary.points.remove(&other.0);
            self.pairs += 1;
            closed.push(MetricStep {
                step: self.pairs,
                closed: last_point,
                last_point,
                control: vec![(one.0.1, one.1)],
                canary: vec![(other.0.1, other.1)],
            });
        }
        closed
    }
}

/// A count is a number that is not below zero.
fn tally(events: f64, exposure: f64) -> Sample {
    let known = |count: f64| (0.0..=LARGEST_COUNT).contains(&count);
    if known(events) && known(exposure) {
        Sample::Counted(Tally { events, exposure })
    } else {
        Sample::Garbled
    }
}

/// Nobody counts further between two looks, and sums of what is counted stay finite.
const LARGEST_COUNT: f64 = 1e15;

/// Returns the past of each replica that ended before `end`, in steps, as plain values.
pub(crate) fn past_of(
    arm: &Arm,
    step: Step,
    end: Timestamp,
) -> Vec<(String, BTreeMap<i64, Sample>)> {
    let length = i64::from(step.seconds()) * 1000;
    let mut intake = Intake::default();
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for replica in &arm.replicas {
        if !seen.insert(replica.name.as_str()) {
            continue;
        }
        let mut sums: BTreeMap<i64, (Sample, f64)> = BTreeMap::new();
        for (time, sample) in intake.samples(&replica.observations) {
            if time >= end || sample == Sample::Garbled {
                continue;
            }
            match sums.get_mut(&time.as_millis().div_euclid(length)) {
                Some((sum, count)) => {
                    add(sum, &sample);
                    *count += 1.0;
                }
                None => {
                    sums.insert(time.as_millis().div_euclid(length), (sample, 1.0));
                }
            }
        }
        let steps = sums.into_iter().map(|(at, (sum, count))| (at, averaged(sum, count)));
        all.push((replica.name.clone(), steps.collect()));
    }
    all
}
