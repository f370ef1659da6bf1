//! Evidence from histograms: how many events lie beyond what the control's usually reach.
//!
//! At a few edges near quantiles of the control's own past, the events beyond are counted on both
//! arms and compared like errors. A tolerance in time becomes one in counts by the control's own
//! distribution: if the canary is slower by a factor, as many of its events lie beyond an edge as of
//! the control's beyond the edge divided by that factor. The evidence of the edges is averaged.

use serde::{Deserialize, Serialize};

use super::rates::{RateBound, RateEvidence, Tally};
use super::values::Side;

/// Which shares of the control's events lie beyond the edges that are looked at.
const TAILS: [f64; 3] = [0.5, 0.1, 0.01];

/// How many events of the control fix the edges.
const EVENTS_TO_START: f64 = 100.0;

/// More buckets than this are not kept.
pub(crate) const MOST_BUCKETS: usize = 1_000;

/// The evidence of one histogram. Its size grows with the number of buckets and not with time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TailEvidence {
    side: Side,
    /// Upper edges; above the last lies one more bucket.
    bounds: Vec<f64>,
    /// What the control did so far, a bucket each.
    control: Vec<f64>,
    edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Edge {
    /// The bucket whose upper edge it is.
    bucket: usize,
    evidence: RateEvidence,
}

impl TailEvidence {
    pub(crate) fn new(side: Side, bounds: &[f64]) -> Self {
        Self {
            side,
            bounds: bounds.to_vec(),
            control: vec![0.0; bounds.len() + 1],
            edges: Vec::new(),
        }
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// Learns from what the control did before the start.
    pub(crate) fn learn(&mut self, control: &[f64]) {
        self.remember(control);
    }

    /// Takes the next step: increments of each bucket, added up over the replicas.
    pub(crate) fn observe(
        &mut self,
        control: &[f64],
        canary: &[f64],
        tolerance: f64,
        unacceptable: f64,
        most: f64,
    ) {
        self.fix_edges();
        let (side, past, bounds) = (self.side, &self.control, &self.bounds);
        for edge in &mut self.edges {
            let beyond = |buckets: &[f64]| beyond(buckets, edge.bucket, side);
            let allowed = |change: f64| RateBound {
                times: times_beyond(past, bounds, edge.bucket, side, change),
                plus: 0.0,
            };
            edge.evidence.observe(
                beyond(control),
                beyond(canary),
                allowed(tolerance),
                allowed(unacceptable),
                most,
            );
        }
        self.remember(control);
    }

    /// Replicas of the control in one step, for what they have unlike.
    pub(crate) fn learn_replicas(&mut self, replicas: &[&[f64]]) {
        let side = self.side;
        for edge in &mut self.edges {
            let tallies: Vec<Tally> =
                replicas.iter().map(|buckets| beyond(buckets, edge.bucket, side)).collect();
            edge.evidence.learn(&tallies);
        }
    }

    fn remember(&mut self, control: &[f64]) {
        self.control.iter_mut().zip(control).for_each(|(sum, more)| *sum += more);
    }

    /// Edges are chosen once, from what the control did before: a choice that saw what is judged
    /// would be a bet laid after the race.
    fn fix_edges(&mut self) {
        let all: f64 = self.control.iter().sum();
        if !self.edges.is_empty() || all < EVENTS_TO_START {
            return;
        }
        let mut chosen: Vec<usize> = TAILS
            .iter()
            .filter_map(|tail| {
                let off = |bucket: &usize| {
                    let share = beyond(&self.control, *bucket, self.side).events / all;
                    if share > 0.0 { libm::log(share / tail).abs() } else { f64::INFINITY }
                };
                (0..self.bounds.len())
                    .filter(|bucket| off(bucket).is_finite())
                    .min_by(|a, b| off(a).total_cmp(&off(b)))
            })
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        self.edges = chosen
            .into_iter()
            .map(|bucket| Edge { bucket, evidence: RateEvidence::new() })
            .collect();
    }

    pub(crate) fn log_harm(&self) -> f64 {
        averaged(self.edges.iter().map(|edge| edge.evidence.log_harm()))
    }

    pub(crate) fn log_safety(&self) -> f64 {
        averaged(self.edges.iter().map(|edge| edge.evidence.log_safety()))
    }

    pub(crate) fn steps(&self) -> u64 {
        self.edges.iter().map(|edge| edge.evidence.steps).max().unwrap_or(0)
    }

    /// Returns the evidence of the edge nearest the end of the tail, for what it can show.
    pub(crate) fn most_telling(&self) -> Option<&RateEvidence> {
        self.edges
            .iter()
            .map(|edge| &edge.evidence)
            .max_by(|a, b| a.log_harm().total_cmp(&b.log_harm()))
    }
}

/// Returns the natural logarithm of the mean of e-values; of none it is zero.
fn averaged(logs: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) =
        logs.fold((0.0, 0u32), |(sum, count), log| (sum + libm::exp(log), count + 1));
    if count == 0 { 0.0 } else { libm::log(sum / f64::from(count)) }
}

/// Returns how many events lie on the bad side of an edge, out of all.
fn beyond(buckets: &[f64], bucket: usize, side: Side) -> Tally {
    let below: f64 = buckets.iter().take(bucket + 1).sum();
    let all: f64 = buckets.iter().sum();
    let events = match side {
        Side::Higher => all - below,
        Side::Lower => below,
    };
    Tally { events: events.max(0.0), exposure: all }
}

/// Returns how many times as many events lie beyond an edge once all take `change` longer (or, where
/// less is worse, shorter), by the control's own distribution, spread evenly inside a bucket.
fn times_beyond(past: &[f64], bounds: &[f64], bucket: usize, side: Side, change: f64) -> f64 {
    let now = beyond(past, bucket, side).events;
    let edge = bounds.get(bucket).copied().unwrap_or(0.0);
    let moved = match side {
        Side::Higher => edge / (1.0 + change),
        Side::Lower => edge / (1.0 - change).max(0.01),
    };
    let below = events_below(past, bounds, moved);
    let then = match side {
        Side::Higher => past.iter().sum::<f64>() - below,
        Side::Lower => below,
    };
    // Where nobody was just before the edge, the share itself is the margin.
    if now > 0.0 { (then / now).max(1.0 + change) } else { 1.0 + change }
}

pub(crate) fn events_below(past: &[f64], bounds: &[f64], value: f64) -> f64 {
    let mut below = 0.0;
    for (bucket, inside) in past.iter().enumerate() {
        let lower = match bucket.checked_sub(1) {
            Some(previous) => bounds.get(previous).copied().unwrap_or(value),
            None => bounds.first().map_or(0.0, |first| first.min(0.0)),
        };
        match bounds.get(bucket) {
            Some(upper) if *upper <= value => below += inside,
            Some(upper) if value > lower => {
                return below + inside * (value - lower) / (upper - lower);
            }
            _ => return below,
        }
    }
    below
}
