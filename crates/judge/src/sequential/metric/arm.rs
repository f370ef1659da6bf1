//! What an arm did in one step, over all its replicas.

use serin_model::{BucketBounds, MeasureKind, Timestamp};

use crate::bins::{HISTOGRAM_QUANTILE, Total};
use crate::histogram::bucket_quantile;
use crate::sequential::intake::{ArmStep, Sample};
use crate::sequential::rates::Tally;
use crate::sequential::silence::Voice;

pub(super) fn plain(arm: &ArmStep) -> impl Iterator<Item = (usize, f64)> {
    arm.iter().filter_map(|(replica, sample)| match sample {
        Sample::Value(value) if value.is_finite() => Some((*replica, *value)),
        Sample::Value(_) | Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    })
}

pub(super) fn tallies(arm: &ArmStep) -> impl Iterator<Item = Tally> {
    arm.iter().filter_map(|(_, sample)| match sample {
        Sample::Counted(tally) => Some(*tally),
        Sample::Buckets(_) | Sample::Value(_) | Sample::Garbled => None,
    })
}

/// Returns the replicas of an arm added up, or `None` when none counted.
pub(super) fn counted(arm: &ArmStep) -> Option<Tally> {
    tallies(arm).reduce(|mut sum, tally| {
        sum.add(tally);
        sum
    })
}

pub(super) fn stacked(arm: &ArmStep) -> Option<Vec<f64>> {
    let mut sum: Option<Vec<f64>> = None;
    for (_, sample) in arm {
        if let Sample::Buckets(buckets) = sample {
            match &mut sum {
                Some(sum) => sum.iter_mut().zip(buckets).for_each(|(sum, more)| *sum += more),
                None => sum = Some(buckets.clone()),
            }
        }
    }
    sum
}

/// Returns what an arm did as a whole in one step, as guardrails see it.
pub(crate) fn whole_arm(
    arm: &ArmStep,
    time: Timestamp,
    kind: MeasureKind,
    bounds: Option<&[f64]>,
) -> Option<Total> {
    let values: Vec<f64> = plain(arm).map(|(_, value)| value).collect();
    if let Some(value) = mean(&values) {
        return Some(Total { time, value, events: None });
    }
    if let Some(tally) = counted(arm).filter(|tally| tally.exposure > 0.0) {
        let events = if kind == MeasureKind::Ratio { tally.exposure } else { tally.events };
        return Some(Total { time, value: tally.events / tally.exposure, events: Some(events) });
    }
    let buckets = stacked(arm)?;
    let bounds = BucketBounds::new(bounds?.to_vec()).ok()?;
    let value = bucket_quantile(&bounds, &buckets, HISTOGRAM_QUANTILE)?;
    Some(Total { time, value, events: Some(buckets.iter().sum()) })
}

pub(super) fn voice_of_count(tally: Option<Tally>) -> Voice {
    match tally {
        None => Voice::Absent,
        Some(tally) if tally.exposure > 0.0 => Voice::Speaks,
        Some(_) => Voice::Idle,
    }
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
