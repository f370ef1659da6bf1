//! Canaries that never were: both arms of a rollout, drawn as the control's history would have them.
//!
//! What is common to both arms is left out of levels, since the comparison takes it off, and noise is
//! that of the first order: each step resembles the one before, with normal innovations. Counts are
//! Poisson's or the binomial's, spread by as much as the control's own replicas were.

use serin_model::Worse;
use serin_stats::normal;

use crate::draws::Draws;
use crate::sequential::intake::{ArmStep, Sample};
use crate::sequential::rates::Tally;

/// How large the arms are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sizes {
    pub(super) control: usize,
    pub(super) canary: usize,
    /// The share of the traffic that the canary gets.
    pub(super) share: f64,
}

/// How one metric behaves.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Simulation {
    Levels(Levels),
    Rates(Rates),
    Shares(Shares),
    Buckets(Buckets),
}

/// Values that are compared as they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Levels {
    pub(super) is_logarithmic: bool,
    /// Whether an effect grows from nothing to all of itself within so many steps.
    pub(super) grows_over: Option<usize>,
    /// The control's level on the scale of the comparison.
    pub(super) level: f64,
    /// What one stands for on the plain scale.
    pub(super) unit: f64,
    /// The standard deviation of one step of one replica, and the correlation of neighbours.
    pub(super) deviation: f64,
    pub(super) correlation: f64,
    /// The standard deviation of the replicas' own levels.
    pub(super) spread: f64,
}

/// Events out of opportunities.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rates {
    /// Events for each opportunity.
    pub(super) rate: f64,
    pub(super) exposures: Exposures,
    pub(super) events: Events,
    /// How many times Poisson's (or the binomial's) the variance of a count is.
    pub(super) dispersion: f64,
}

/// What events are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Events {
    /// Whole ones, never more than opportunities.
    PartOfWhole,
    /// Whole ones.
    Whole,
}

/// How many opportunities there are in a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Exposures {
    /// What all replicas of the control had together, step after step.
    Traffic(Vec<f64>),
    /// So many for each replica.
    OfReplica(f64),
}

/// Small counts hidden in a percentage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares {
    /// The share that is bad.
    pub(super) rate: f64,
    /// What a value is out of, for one replica.
    pub(super) out_of: f64,
    /// What the whole is written as.
    pub(super) whole: f64,
    pub(super) bad_is_high: bool,
    pub(super) dispersion: f64,
}

/// Histograms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buckets {
    pub(super) bounds: Vec<f64>,
    /// The control's events over its history, a bucket each.
    pub(super) past: Vec<f64>,
    pub(super) traffic: Vec<f64>,
    /// The standard deviation of the logarithm by which a step of one replica is slower than another.
    pub(super) jitter: f64,
}

/// Counts of an arm are drawn as those of so many replicas at most: more would cost time and change
/// nothing.
const MOST_PARTS: usize = 4;

/// One canary and its control on their way.
pub(super) struct Run<'a> {
    simulation: &'a Simulation,
    sizes: Sizes,
    worse: Worse,
    effect: f64,
    draws: Draws,
    /// Where in the control's history the traffic of the next step is.
    traffic_at: usize,
    is_first: bool,
    /// What each replica's level is off by, and what its last step was; the control's come first.
    replicas: Vec<Replica>,
    /// How the events of the control and of the canary fall on buckets, once it is known.
    shares: Vec<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Replica {
    offset: f64,
    noise: f64,
}

impl Simulation {
    /// Begins a canary.
    ///
    /// * `effect`: in the bad direction, as a fraction of control.
    pub(super) fn run(&self, sizes: Sizes, worse: Worse, effect: f64, seed: u64) -> Run<'_> {
        let mut draws = Draws::seeded(seed);
        let steps_of_traffic = match self {
            Self::Rates(Rates { exposures: Exposures::Traffic(traffic), .. })
            | Self::Buckets(Buckets { traffic, .. }) => traffic.len(),
            Self::Levels(_) | Self::Rates(_) | Self::Shares(_) => 1,
        };
        let traffic_at = draws.below(steps_of_traffic.max(1));
        let replicas = match self {
            Self::Levels(levels) => (0..sizes.control + sizes.canary)
                .map(|_| Replica {
                    offset: levels.spread * draws.normal(),
                    noise: levels.deviation * draws.normal(),
                })
                .collect(),
            Self::Rates(_) | Self::Shares(_) | Self::Buckets(_) => Vec::new(),
        };
        Run {
            simulation: self,
            sizes,
            worse,
            effect,
            draws,
            traffic_at,
            is_first: true,
            replicas,
            shares: Vec::new(),
        }
    }
}

impl Run<'_> {
    /// Returns the next step of the control and of the canary.
    ///
    /// * `number`: of the step, from zero; some may be left out.
    pub(super) fn next(&mut self, number: usize) -> (ArmStep, ArmStep) {
        let step = match self.simulation {
            Simulation::Levels(levels) => self.levels(levels, number),
            Simulation::Rates(rates) => self.rates(rates),
            Simulation::Shares(shares) => self.shares(shares),
            Simulation::Buckets(buckets) => self.buckets(buckets),
        };
        self.traffic_at += 1;
        self.is_first = false;
        step
    }

    /// Returns what the canary's rate is, times the control's.
    fn times(&self) -> f64 {
        match self.worse {
            Worse::Higher | Worse::Either => 1.0 + self.effect,
            Worse::Lower => (1.0 - self.effect).max(0.0),
        }
    }

    fn levels(&mut self, levels: &Levels, number: usize) -> (ArmStep, ArmStep) {
        let grown =
            levels.grows_over.map_or(1.0, |steps| (number + 1) as f64 / steps.max(1) as f64);
        let shift = if levels.is_logarithmic {
            libm::log(self.times().max(1e-12))
        } else {
            self.times() - 1.0
        };
        let fresh = (1.0 - levels.correlation * levels.correlation).max(0.0).sqrt();
        let mut values = Vec::with_capacity(self.replicas.len());
        for (place, replica) in self.replicas.iter_mut().enumerate() {
            if !self.is_first {
                replica.noise = levels.correlation * replica.noise
                    + fresh * levels.deviation * self.draws.normal();
            }
            let is_canary = place >= self.sizes.control;
            let own = levels.level
                + replica.offset
                + replica.noise
                + if is_canary { shift * grown } else { 0.0 };
            let value = if levels.is_logarithmic { libm::exp(own) } else { own * levels.unit };
            values.push(Sample::Value(value));
        }
        let canary = values.split_off(self.sizes.control.min(values.len()));
        (numbered(values), numbered(canary))
    }

    fn rates(&mut self, rates: &Rates) -> (ArmStep, ArmStep) {
        let (of_control, of_canary) = match &rates.exposures {
            Exposures::Traffic(traffic) => self.traffic(traffic),
            Exposures::OfReplica(each) => {
                (each * self.sizes.control as f64, each * self.sizes.canary as f64)
            }
        };
        let of_canary_rate = rates.rate * self.times();
        let parts = [self.sizes.control, self.sizes.canary].map(|size| size.clamp(1, MOST_PARTS));
        let control = self.tallies(rates, rates.rate, of_control, parts[0]);
        let canary = self.tallies(rates, of_canary_rate, of_canary, parts[1]);
        (numbered(control), numbered(canary))
    }

    /// Returns the traffic of both arms in this step.
    fn traffic(&self, traffic: &[f64]) -> (f64, f64) {
        let at = self.traffic_at % traffic.len().max(1);
        let all = traffic.get(at).copied().unwrap_or(0.0);
        (all * (1.0 - self.sizes.share), all * self.sizes.share)
    }

    fn tallies(&mut self, rates: &Rates, rate: f64, exposure: f64, parts: usize) -> Vec<Sample> {
        let each = exposure / parts as f64;
        let tally = |_| {
            let mean = each * rate;
            let tally = match rates.events {
                Events::Whole => {
                    let now = self.uneven(mean, mean, rates.dispersion);
                    Tally { events: self.draws.poisson(now), exposure: each }
                }
                Events::PartOfWhole => {
                    let whole = libm::round(each);
                    let now = self.uneven(rate, whole * rate, rates.dispersion);
                    Tally { events: self.draws.binomial(whole, now), exposure: whole }
                }
            };
            Sample::Counted(tally)
        };
        (0..parts).map(tally).collect()
    }

    /// Returns `value`, varied so that a count with mean `events` is as uneven as it should be.
    fn uneven(&mut self, value: f64, events: f64, dispersion: f64) -> f64 {
        if dispersion <= EVEN || events <= 0.0 {
            return value;
        }
        self.draws.gamma(value, value * value * (dispersion - 1.0) / events)
    }

    fn shares(&mut self, shares: &Shares) -> (ArmStep, ArmStep) {
        let of_canary = shares.rate * (1.0 + self.effect);
        let arms = [(shares.rate, self.sizes.control), (of_canary, self.sizes.canary)];
        let [control, canary] = arms.map(|(rate, replicas)| {
            let value = |_| {
                let now = self.uneven(rate, rate * shares.out_of, shares.dispersion);
                let bad = self.draws.binomial(shares.out_of, now) / shares.out_of;
                let share = if shares.bad_is_high { bad } else { 1.0 - bad };
                Sample::Value(shares.whole * share)
            };
            numbered((0..replicas).map(value).collect())
        });
        (control, canary)
    }

    fn buckets(&mut self, buckets: &Buckets) -> (ArmStep, ArmStep) {
        let (of_control, of_canary) = self.traffic(&buckets.traffic);
        let slower = self.times();
        if self.shares.is_empty() {
            self.shares = vec![buckets.slowed(1.0), buckets.slowed(slower)];
        }
        let arms =
            [(of_control, 1.0, self.sizes.control, 0), (of_canary, slower, self.sizes.canary, 1)];
        let [control, canary] = arms.map(|(events, slower, replicas, arm)| {
            let parts = replicas.clamp(1, MOST_PARTS);
            let part = |_| {
                let events = events / parts as f64;
                if buckets.jitter == 0.0 {
                    return Sample::Buckets(buckets.drawn(
                        &mut self.draws,
                        events,
                        &self.shares[arm],
                    ));
                }
                let jitter = libm::exp(buckets.jitter * self.draws.normal());
                let shares = buckets.slowed(slower * jitter);
                Sample::Buckets(buckets.drawn(&mut self.draws, events, &shares))
            };
            numbered((0..parts).map(part).collect())
        });
        (control, canary)
    }
}

/// Counts hardly more uneven than Poisson's are drawn as Poisson's.
const EVEN: f64 = 1.02;

fn numbered(samples: Vec<Sample>) -> ArmStep {
    samples.into_iter().enumerate().collect()
}

impl Buckets {
    /// Returns how the events of a step fall on the buckets if each takes `slower` times as long.
    fn slowed(&self, slower: f64) -> Vec<f64> {
        let all: f64 = self.past.iter().sum();
        if slower == 1.0 {
            return self.past.iter().map(|inside| inside / all).collect();
        }
        let mut below = 0.0;
        let mut shares: Vec<f64> = self
            .bounds
            .iter()
            .map(|bound| {
                let until = self.share_below(bound / slower).max(below);
                let inside = until - below;
                below = until;
                inside
            })
            .collect();
        shares.push((1.0 - below).max(0.0));
        shares
    }

    /// Returns the share of the control's events below a value. Inside a bucket they lie as those of a
    /// log-normal distribution do, the usual shape of latencies: spread evenly, the end of the tail
    /// would be far too heavy.
    fn share_below(&self, value: f64) -> f64 {
        let all: f64 = self.past.iter().sum();
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let below: f64 = self.past.iter().take(bucket).sum::<f64>() / all;
        let (Some(upper), Some(inside)) = (self.bounds.get(bucket), self.past.get(bucket)) else {
            return below;
        };
        let until = below + inside / all;
        let lower = bucket.checked_sub(1).map_or(0.0, |before| self.bounds[before]);
        let inner = 0.0 < below && until < 1.0 && lower > 0.0;
        if !inner {
            let lower = lower.min(*upper);
            let part = if *upper > lower { (value - lower) / (upper - lower) } else { 1.0 };
            return below + inside / all * part.clamp(0.0, 1.0);
        }
        let part = libm::log(value / lower) / libm::log(upper / lower);
        let (from, to) = (normal::quantile(below), normal::quantile(until));
        normal::cdf(from + part * (to - from))
    }

    fn drawn(&self, draws: &mut Draws, events: f64, shares: &[f64]) -> Vec<f64> {
        shares.iter().map(|share| draws.poisson(events * share)).collect()
    }
}
