//! Simulated metrics: what a replica reports step by step.

use serin_model::{Margins, MeasureKind, Worse};
use serin_stats::normal;

use crate::canary::{Swing, Value};
use crate::draw::Draw;
use crate::noise::{Course, Noise};

/// One simulated metric of both arms.
#[derive(Clone, Debug)]
pub struct Metric {
    /// What it is, and how it behaves when nothing is wrong.
    pub kind: Kind,
    /// What its Check tolerates.
    pub margins: Margins,
    /// Which direction its Check calls bad.
    pub worse: Worse,
    /// Whether its Check is gating.
    pub gating: bool,
    /// The truth about the canary.
    pub effect: Effect,
}

/// How a metric behaves when nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A level above zero.
    Level {
        /// Whether it is measured as a quantile rather than as a gauge.
        is_quantile: bool,
        /// How it wanders.
        noise: Noise,
        /// How much, one replica and step, as a standard deviation of the logarithm.
        deviation: f64,
        /// How unlike replicas are for good, likewise.
        offset: f64,
    },
    /// Bad requests out of all.
    Ratio {
        /// The share that is bad.
        base: f64,
        /// Requests a minute, both arms together.
        requests: f64,
        /// The share of them that the canary gets.
        share: f64,
    },
    /// Events out of an exposure of one request each.
    Count {
        /// Events a minute and arm.
        events: f64,
    },
    /// Latencies, lognormal with a median of 80 ms, in the default buckets of Prometheus clients.
    Histogram {
        /// Requests a minute and arm.
        requests: f64,
        /// How the median wanders.
        noise: Noise,
        /// How much, as a standard deviation of the logarithm.
        deviation: f64,
    },
    /// A percentage of successes out of a few requests, given as a gauge.
    Percentage {
        /// The share that fails.
        base: f64,
        /// Requests a minute and arm.
        requests: f64,
    },
    /// Memory: levels differ between replicas by a third, and wander slowly.
    Memory,
}

/// The truth about the canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// It does what the control does.
    None,
    /// It is exactly as much worse as the Check tolerates.
    Tolerated,
    /// It is exactly as much worse as the Check calls unacceptable.
    Unacceptable,
    /// The metric, or its rate of bad events, is multiplied; what the percentage says falls.
    Times(f64),
    /// It grows by this factor an hour, evenly.
    GrowsHourly(f64),
}

/// The upper edges that client libraries of Prometheus have by default, in seconds.
pub const DEFAULT_BUCKETS: [f64; 11] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The median and the spread of simulated latencies, in seconds and as a logarithm.
const MEDIAN_LATENCY: f64 = 0.08;
const SPREAD_OF_LATENCY: f64 = 0.6;

impl Kind {
    /// Returns the kind as the model has it.
    #[must_use]
    pub fn measure(&self) -> MeasureKind {
        match self {
            Self::Level { is_quantile: true, .. } => MeasureKind::Quantile,
            Self::Level { .. } | Self::Percentage { .. } | Self::Memory => MeasureKind::Gauge,
            Self::Ratio { .. } => MeasureKind::Ratio,
            Self::Count { .. } => MeasureKind::Count,
            Self::Histogram { .. } => MeasureKind::Histogram,
        }
    }

    /// Returns a word for names; the judge tells memory by it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Percentage { .. } => "percentage",
            Self::Level { .. } => "level",
            Self::Ratio { .. } => "ratio",
            Self::Count { .. } => "count",
            Self::Histogram { .. } => "histogram",
        }
    }
}

impl Metric {
    /// Creates a metric with the default margins of its kind, of which a rise is bad, and nothing
    /// wrong.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            margins: Self::margins(&kind, None, None),
            worse: Self::worse_of(&kind),
            gating: true,
            effect: Effect::None,
            kind,
        }
    }

    /// Returns the metric with this truth.
    #[must_use]
    pub fn with(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    /// Returns the metric with margins as a Check would write them.
    #[must_use]
    pub fn written(self, tolerance: f64, unacceptable: Option<f64>) -> Self {
        let margins = Self::margins(&self.kind, Some(tolerance), unacceptable);
        Self { margins, ..self }
    }

    /// Returns the metric with this tolerance, twice of it unacceptable, and without a floor.
    #[must_use]
    pub fn without_floor(self, tolerance: f64) -> Self {
        let kind = self.kind.measure();
        let margins = Margins::new(kind, Some(tolerance), None, Some(0.0), Some(0.0));
        Self { margins: margins.unwrap_or(self.margins), ..self }
    }

    /// Begins what one replica reports.
    pub(crate) fn begin(&self, is_canary: bool, replicas: usize, draw: &mut Draw) -> Source<'_> {
        let (noise, offset) = match self.kind {
            Kind::Level { noise, offset, .. } => (noise, offset),
            Kind::Histogram { noise, .. } => (noise, 0.0),
            Kind::Memory => (Noise::Autoregressive(0.9), 0.3),
            Kind::Ratio { .. } | Kind::Count { .. } | Kind::Percentage { .. } => {
                (Noise::Independent, 0.0)
            }
        };
        let offset = if offset > 0.0 { offset * draw.normal() } else { 0.0 };
        let course = Course::begin(noise, draw);
        Source { metric: self, is_canary, replicas: replicas as f64, offset, course }
    }

    /// Returns by which factor the effect changes a level.
    fn times(&self, step: i64) -> f64 {
        let relative = |margin: f64| match self.worse {
            Worse::Lower => 1.0 - margin,
            Worse::Higher | Worse::Either => 1.0 + margin,
        };
        match self.effect {
            Effect::None => 1.0,
            Effect::Tolerated => relative(self.margins.tolerance()),
            Effect::Unacceptable => relative(self.margins.unacceptable()),
            Effect::Times(times) => times,
            Effect::GrowsHourly(times) => libm::pow(times, (step as f64 / 60.0).max(0.0)),
        }
    }

    /// Returns the canary's rate of bad events where the control's is `base`.
    fn rate(&self, base: f64, step: i64) -> f64 {
        let margins = &self.margins;
        match self.effect {
            Effect::Tolerated => (base * (1.0 + margins.tolerance())).max(base + margins.floor()),
            Effect::Unacceptable => {
                (base * (1.0 + margins.unacceptable())).max(base + margins.unacceptable_floor())
            }
            Effect::None | Effect::Times(_) | Effect::GrowsHourly(_) => base * self.times(step),
        }
    }

    /// Returns the canary's share of failures behind a percentage of successes. Unless a tolerance is
    /// written, the percentage is judged by the margins of a ratio, and what it tolerates is theirs.
    fn failing(&self, base: f64, step: i64) -> f64 {
        let ratio = Margins::of_kind(MeasureKind::Ratio);
        match self.effect {
            Effect::Tolerated if !self.margins.written().tolerance => {
                (base * (1.0 + ratio.tolerance())).max(base + ratio.floor())
            }
            Effect::Tolerated | Effect::Unacceptable => 1.0 - (1.0 - base) * self.times(step),
            Effect::None | Effect::Times(_) | Effect::GrowsHourly(_) => base * self.times(step),
        }
    }
}

/// What one replica reports, step by step.
pub(crate) struct Source<'a> {
    metric: &'a Metric,
    is_canary: bool,
    /// How many replicas share what the arm does.
    replicas: f64,
    offset: f64,
    course: Course,
}

impl Source<'_> {
    /// Draws the next step.
    ///
    /// * `changed`: whether the canary's effect shows.
    /// * `step`: counted from the start of what is judged.
    pub(crate) fn step(
        &mut self,
        swing: Swing,
        changed: bool,
        step: i64,
        draw: &mut Draw,
    ) -> Value {
        let metric = self.metric;
        let Swing { load, rise } = swing;
        let times = |changed: bool| if changed { metric.times(step) } else { 1.0 };
        match metric.kind {
            Kind::Level { deviation, .. } => {
                let noise = deviation * self.course.step(draw);
                Value::Level(100.0 * times(changed) * libm::exp(load + rise + self.offset + noise))
            }
            Kind::Memory => {
                let noise = 0.02 * self.course.step(draw);
                Value::Level(5e8 * times(changed) * libm::exp(self.offset + noise))
            }
            Kind::Ratio { base, requests, share } => {
                let share = if self.is_canary { share } else { 1.0 - share };
                let total = draw.poisson(requests * share / self.replicas * libm::exp(load));
                let rate = if changed { metric.rate(base, step) } else { base };
                let bad = draw.binomial(total, (rate * libm::exp(rise)).min(0.9));
                Value::Counted(bad, total)
            }
            Kind::Count { events } => {
                let exposure = 600.0 / self.replicas;
                let rate = if changed { metric.rate(events / 600.0, step) } else { events / 600.0 };
                Value::Counted(draw.poisson(rate * exposure * libm::exp(load + rise)), exposure)
            }
            Kind::Histogram { requests, deviation, .. } => {
                let wander = if deviation > 0.0 { deviation * self.course.step(draw) } else { 0.0 };
                let median = MEDIAN_LATENCY * times(changed) * libm::exp(wander + rise);
                let requests = requests / self.replicas * libm::exp(load);
                Value::Buckets(buckets(median, requests, draw))
            }
            Kind::Percentage { base, requests } => {
                let total = draw.poisson(requests / self.replicas * libm::exp(load));
                let rate = if changed { metric.failing(base, step) } else { base };
                let bad = draw.binomial(total, (rate * libm::exp(rise)).min(0.9));
                if total > 0.0 {
                    // Sources print three digits: 35.714 is 5 of 14.
                    Value::Level((100_000.0 * (total - bad) / total).round() / 1000.0)
                } else {
                    Value::Nothing
                }
            }
        }
    }
}

fn buckets(median: f64, requests: f64, draw: &mut Draw) -> Vec<f64> {
    let mut below = 0.0;
    let mut increments = Vec::with_capacity(DEFAULT_BUCKETS.len() + 1);
    for edge in DEFAULT_BUCKETS {
        let up_to = normal::cdf(libm::log(edge / median) / SPREAD_OF_LATENCY);
        increments.push(draw.poisson(requests * (up_to - below)));
        below = up_to;
    }
    increments.push(draw.poisson(requests * (1.0 - below)));
    increments
}
