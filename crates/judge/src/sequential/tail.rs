//! Evidence from histograms: how many events lie beyond what the control's usually reach.
//!
//! At a few edges near quantiles of the control's own past, the events beyond are counted on both
//! arms and compared like errors. A tolerance in time becomes one in counts by the control's own
//! distribution: if the canary is slower by a factor, as many of its events lie beyond an edge as of
//! the control's beyond the edge divided by that factor. The evidence of the edges is averaged.

use serde::{Deserialize, Serialize};

use super::bet::averaged;
use super::noise::{Noise, Past};
use super::rates::{OutOf, RateBound, RateEvidence, Tally};
use super::values::{Aspect, Bounds, Difference, Side, ValueEvidence};

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
    /// Over how many steps it did that.
    usual_steps: f64,
    edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Edge {
    /// The bucket whose upper edge it is.
    bucket: usize,
    /// Which share of the control's events lay beyond it when it was chosen.
    share: f64,
    /// How many times as many may lie beyond it, as of the last step.
    tolerated: f64,
    unacceptable: f64,
    /// Both arms' events so far, and the evidence of them where they are few.
    counts: RateEvidence,
    /// The evidence of the share beyond, where there are many.
    level: Option<ValueEvidence>,
}

/// The edge that says most, for those who want to know why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    /// In the metric's unit.
    pub(crate) edge: f64,
    /// How many times as many events as on the control may lie beyond it.
    pub(crate) tolerated: f64,
    pub(crate) unacceptable: f64,
    pub(crate) counts: &'a RateEvidence,
}

impl TailEvidence {
    pub(crate) fn new(side: Side, bounds: &[f64]) -> Self {
        Self {
            side,
            bounds: bounds.to_vec(),
            control: vec![0.0; bounds.len() + 1],
            usual_steps: 0.0,
            edges: Vec::new(),
        }
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// Learns from what the control's replicas did before the start, each step by step.
    pub(crate) fn learn(&mut self, replicas: &[Vec<(i64, &[f64])>]) {
        for (_, buckets) in replicas.iter().flatten() {
            self.remember(buckets);
        }
        self.usual_steps = replicas.iter().map(Vec::len).max().unwrap_or(0) as f64;
        self.fix_edges();
        let side = self.side;
        for edge in &mut self.edges {
            let past = |replica: &Vec<(i64, &[f64])>| -> Past {
                replica
                    .iter()
                    .filter_map(|(at, buckets)| {
                        Some((*at, log_share(beyond(buckets, edge.bucket, side))?))
                    })
                    .collect()
            };
            if edge.level.is_some() {
                let noise = Noise::of(&replicas.iter().map(past).collect::<Vec<_>>());
                edge.level = Some(ValueEvidence::new(Aspect::Level, noise, &[Side::Higher]));
            }
        }
    }

    /// Takes the next step: increments of each bucket, added up over the replicas.
    ///
    /// * `share`: the variance of the difference where one replica has a variance of one.
    pub(crate) fn observe(
        &mut self,
        step: i64,
        (control, canary): (&[f64], &[f64]),
        share: f64,
        (tolerance, unacceptable): (f64, f64),
        most: f64,
    ) {
        self.fix_edges();
        self.usual_steps += 1.0;
        let (side, past, bounds) = (self.side, &self.control, &self.bounds);
        for edge in &mut self.edges {
            let beyond = |buckets: &[f64]| beyond(buckets, edge.bucket, side);
            let times = |change: f64| times_beyond(past, bounds, edge.bucket, side, change);
            (edge.tolerated, edge.unacceptable) = (times(tolerance), times(unacceptable));
            let (on_control, on_canary) = (beyond(control), beyond(canary));
            match &mut edge.level {
                Some(level) => {
                    edge.counts.count(on_control, on_canary);
                    let logs = log_share(on_control).zip(log_share(on_canary));
                    if let Some((on_control, on_canary)) = logs {
                        let difference = Difference { step, value: on_canary - on_control, share };
                        let bounds = Bounds {
                            tolerated: libm::log(edge.tolerated),
                            unacceptable: libm::log(edge.unacceptable),
                        };
                        level.observe(difference, &[bounds]);
                    }
                }
                None => {
                    let bound = |times: f64| RateBound { times, plus: 0.0 };
                    let (tolerated, unacceptable) =
                        (bound(edge.tolerated), bound(edge.unacceptable));
                    edge.counts.observe(on_control, on_canary, tolerated, unacceptable, most);
                }
            }
        }
        self.remember(control);
    }

    /// Replicas of the control in one step, for what they have unlike.
    pub(crate) fn learn_replicas(&mut self, replicas: &[&[f64]]) {
        let side = self.side;
        for edge in &mut self.edges {
            let tallies: Vec<Tally> =
                replicas.iter().map(|buckets| beyond(buckets, edge.bucket, side)).collect();
            edge.counts.learn(&tallies);
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
            .map(|bucket| {
                let share = beyond(&self.control, bucket, self.side).events / all;
                let each_step = share * all / self.usual_steps.max(1.0);
                let level = (each_step >= MANY_EVENTS)
                    .then(|| ValueEvidence::new(Aspect::Level, None, &[Side::Higher]));
                let counts = RateEvidence::new(OutOf::Trials);
                Edge { bucket, share, tolerated: 1.0, unacceptable: 1.0, counts, level }
            })
            .collect();
    }

    pub(crate) fn log_harm(&self) -> f64 {
        averaged(self.edges.iter().map(Edge::log_harm))
    }

    /// Safe is what is safe at each edge that more than a few events lie beyond. The far end of the
    /// tail can only harm: there is too little in it to ever prove it harmless.
    pub(crate) fn log_safety(&self) -> f64 {
        let shared = self.edges.iter().filter(|edge| edge.share >= LEAST_SHARE_TO_PROVE);
        let least = shared.map(Edge::log_safety).fold(f64::INFINITY, f64::min);
        if least.is_finite() { least } else { averaged(self.edges.iter().map(Edge::log_safety)) }
    }

    pub(crate) fn steps(&self) -> u64 {
        self.edges.iter().map(|edge| edge.counts.steps).max().unwrap_or(0)
    }

    /// Returns the share of events beyond the last edge that was asked for proof.
    pub(crate) fn proven_tail(&self) -> Option<f64> {
        let shares = self.edges.iter().map(|edge| edge.share);
        shares.filter(|share| *share >= LEAST_SHARE_TO_PROVE).reduce(f64::min)
    }

    /// Returns the edge with the most evidence of harm.
    pub(crate) fn most_telling(&self) -> Option<Telling<'_>> {
        let most = self.edges.iter().max_by(|a, b| a.log_harm().total_cmp(&b.log_harm()))?;
        Some(Telling {
            edge: self.bounds.get(most.bucket).copied()?,
            tolerated: most.tolerated,
            unacceptable: most.unacceptable,
            counts: &most.counts,
        })
    }
}

impl Edge {
    fn log_harm(&self) -> f64 {
        self.level.as_ref().map_or_else(|| self.counts.log_harm(), ValueEvidence::log_harm)
    }

    fn log_safety(&self) -> f64 {
        self.level.as_ref().map_or_else(|| self.counts.log_safety(), ValueEvidence::log_safety)
    }
}

/// With so many events beyond an edge at every step they are many.
const MANY_EVENTS: f64 = 10.0;

/// Half an event keeps a share of nothing on the scale.
fn log_share(tally: Tally) -> Option<f64> {
    (tally.exposure > 0.0).then(|| libm::log((tally.events + 0.5) / (tally.exposure + 1.0)))
}

/// A tail with a smaller share of the control's events than this is not asked for proof.
const LEAST_SHARE_TO_PROVE: f64 = 0.05;

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
