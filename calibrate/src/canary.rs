//! A canary whose truth is known.

use serin_model::{
    Analysis, Arm, ArmPair, Arms, BucketBounds, Check, Count, KayentaOptions, Margins, Measure,
    MeasureKind, MetricSeries, Observations, Point, Query, Ratio, Replica, Timestamp, Window,
    Worse,
};

use crate::draw::Draw;
use crate::metric::{Kind, Metric};
use crate::noise::{Bursts, Course, Noise};

/// What is simulated: metrics of two arms that run side by side, a step a minute.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The metrics, each with its true effect.
    pub metrics: Vec<Metric>,
    /// How many steps are judged.
    pub horizon: usize,
    /// How many steps of the control are known before.
    pub history: usize,
    /// How many replicas the control has.
    pub control: usize,
    /// How many replicas the canary has.
    pub canary: usize,
    /// The standard deviation of a load that both arms and all metrics share, as a logarithm; it is
    /// autoregressive with a correlation of 0.95.
    pub load: f64,
    /// Bursts that hit both arms and all metrics at once.
    pub shared_bursts: Option<Bursts>,
    /// Bursts of one arm and one metric, as likely on either arm.
    pub own_bursts: Option<Bursts>,
    /// The share of points that are missing, each by itself.
    pub gaps: f64,
    /// The step from which the canary reports nothing.
    pub silent_from: Option<usize>,
    /// The step at which the effects begin.
    pub effect_from: usize,
}

impl Canary {
    /// Creates the base that every table varies: an hour, six hours of history, one replica an arm,
    /// nothing shared, nothing missing.
    #[must_use]
    pub fn of(metrics: Vec<Metric>) -> Self {
        Self {
            metrics,
            horizon: 60,
            history: 360,
            control: 1,
            canary: 1,
            load: 0.0,
            shared_bursts: None,
            own_bursts: None,
            gaps: 0.0,
            silent_from: None,
            effect_from: 0,
        }
    }

    /// Draws one such canary: what is asked, and what both arms did.
    #[must_use]
    pub fn draw(&self, draw: &mut Draw) -> Drawn {
        let steps = self.history + self.horizon;
        let mut load = vec![0.0; steps];
        if self.load > 0.0 {
            let mut course = Course::begin(Noise::Autoregressive(0.95), draw);
            load.iter_mut().for_each(|load| *load = self.load * course.step(draw));
        }
        let bursts = match self.shared_bursts {
            Some(bursts) => bursts.draw(steps, draw),
            None => vec![0.0; steps],
        };
        let shared: Vec<Swing> =
            load.into_iter().zip(bursts).map(|(load, burst)| Swing { load, rise: burst }).collect();
        let series = self.metrics.iter().enumerate().map(|(index, metric)| {
            let arms = ArmPair {
                control: self.arm(metric, &shared, false, draw),
                canary: self.arm(metric, &shared, true, draw),
            };
            MetricSeries { arms, ..MetricSeries::nothing(&name(metric, index)) }
        });
        let series = series.collect();
        Drawn { analysis: self.analysis(), series }
    }

    /// Returns what is asked of such a canary.
    #[must_use]
    pub fn analysis(&self) -> Analysis {
        let checks = self
            .metrics
            .iter()
            .enumerate()
            .map(|(index, metric)| metric.check(name(metric, index)));
        let mut analysis = Analysis::new("simulated".to_owned(), Arms::default(), checks.collect())
            .expect("metrics have names of their own, and there is at least one");
        analysis.window = Some(Window { start: START, end: minute(self.horizon as i64) });
        analysis
    }

    fn arm(&self, metric: &Metric, shared: &[Swing], is_canary: bool, draw: &mut Draw) -> Arm {
        let mut swings = shared.to_vec();
        if let Some(bursts) = self.own_bursts {
            let own = bursts.draw(swings.len(), draw);
            swings.iter_mut().zip(own).for_each(|(swing, own)| swing.rise += own);
        }
        let (count, word) =
            if is_canary { (self.canary, "canary") } else { (self.control, "control") };
        let replicas = (0..count).map(|number| {
            let observations = self.replica(metric, &swings, is_canary, count, draw);
            Replica { name: format!("{word}-{number}"), observations }
        });
        Arm { replicas: replicas.collect() }
    }

    fn replica(
        &self,
        metric: &Metric,
        swings: &[Swing],
        is_canary: bool,
        replicas: usize,
        draw: &mut Draw,
    ) -> Observations {
        let mut source = metric.begin(is_canary, replicas, draw);
        let first = if is_canary { self.history } else { 0 };
        let mut sampled = Sampled::of(metric.kind.measure());
        for (at, swing) in swings.iter().enumerate().skip(first) {
            let step = at as i64 - self.history as i64;
            let changed = is_canary && step >= self.effect_from as i64;
            let value = source.step(*swing, changed, step, draw);
            let silent = is_canary && self.silent_from.is_some_and(|from| step >= from as i64);
            if !silent && !draw.happens(self.gaps) {
                sampled.push(minute(step), value);
            }
        }
        sampled.into_observations()
    }
}

/// What one arm is under in one step, as logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Swing {
    /// The load.
    pub(crate) load: f64,
    /// Bursts.
    pub(crate) rise: f64,
}

/// What one replica reports in one step.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing.
    Nothing,
    /// A level.
    Level(f64),
    /// Events, and out of how many.
    Counted(f64, f64),
    /// Increments of buckets.
    Buckets(Vec<f64>),
}

enum Sampled {
    Values(Vec<Point<f64>>),
    Ratios(Vec<Point<Ratio>>),
    Counts(Vec<Point<Count>>),
    Histograms(Vec<Point<Vec<f64>>>),
}

impl Sampled {
    fn of(kind: MeasureKind) -> Self {
        match kind {
            MeasureKind::Ratio => Self::Ratios(Vec::new()),
            MeasureKind::Count => Self::Counts(Vec::new()),
            MeasureKind::Histogram => Self::Histograms(Vec::new()),
            MeasureKind::Gauge | MeasureKind::Quantile => Self::Values(Vec::new()),
        }
    }

    fn push(&mut self, time: Timestamp, value: Value) {
        match (self, value) {
            (Self::Values(points), Value::Level(value)) => points.push(Point { time, value }),
            (Self::Ratios(points), Value::Counted(bad, total)) => {
                points.push(Point { time, value: Ratio { bad, total } });
            }
            (Self::Counts(points), Value::Counted(events, exposure)) => {
                points.push(Point { time, value: Count { events, exposure } });
            }
            (Self::Histograms(points), Value::Buckets(value)) => points.push(Point { time, value }),
            (_, _) => {}
        }
    }

    fn into_observations(self) -> Observations {
        match self {
            Self::Values(points) => Observations::Value(points),
            Self::Ratios(points) => Observations::Ratio(points),
            Self::Counts(points) => Observations::Count(points),
            Self::Histograms(points) => Observations::Histogram {
                bounds: BucketBounds::new(crate::metric::DEFAULT_BUCKETS.to_vec())
                    .expect("the default buckets ascend"),
                points,
            },
        }
    }
}

/// A canary as a source would answer it.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// What is asked.
    pub analysis: Analysis,
    /// What both arms did, the control with its history.
    pub series: Vec<MetricSeries>,
}

/// The first judged minute of every simulated canary.
pub const START: Timestamp = Timestamp::from_seconds(1_700_000_040);

/// Returns the beginning of a minute, counted from [`START`].
#[must_use]
pub fn minute(step: i64) -> Timestamp {
    Timestamp::from_millis(START.as_millis() + 60_000 * step)
}

fn name(metric: &Metric, index: usize) -> String {
    format!("{}-{index}", metric.kind.word())
}

impl Metric {
    fn check(&self, name: String) -> Check {
        let query = || Query::new(&name).expect("the name is not blank");
        let measure = match self.kind.measure() {
            MeasureKind::Ratio => Measure::Ratio { bad: query(), total: query() },
            MeasureKind::Histogram => Measure::Histogram { buckets: query() },
            MeasureKind::Count => Measure::Count { events: query(), exposure: Some(query()) },
            MeasureKind::Gauge => Measure::Gauge { value: query() },
            MeasureKind::Quantile => Measure::Quantile { value: query() },
        };
        Check {
            worse: self.worse,
            margins: self.margins,
            gating: self.gating,
            critical: false,
            muted: false,
            groups: vec!["all".to_owned()],
            guardrail: None,
            minimum_points: None,
            owner: None,
            kayenta: KayentaOptions::default(),
            measure,
            name,
        }
    }

    /// Returns the margins of a kind, with what is written in their place.
    ///
    /// # Panics
    ///
    /// Where what is unacceptable is not more than what is tolerated: tables are written here.
    #[must_use]
    pub fn margins(kind: &Kind, tolerance: Option<f64>, unacceptable: Option<f64>) -> Margins {
        Margins::new(kind.measure(), tolerance, unacceptable, None, None)
            .expect("a table states margins in their order")
    }

    /// Returns the direction that is bad for a kind here: up, and down for a share of what is good.
    #[must_use]
    pub fn worse_of(kind: &Kind) -> Worse {
        if let Kind::Percentage { .. } = kind { Worse::Lower } else { Worse::Higher }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Effect;

    fn points(arm: &Arm) -> Vec<f64> {
        let values = |replica: &Replica| match &replica.observations {
            Observations::Value(points) => points.iter().map(|point| point.value).collect(),
            Observations::Ratio(points) => {
                points.iter().filter_map(|point| point.value.value()).collect()
            }
            Observations::Count(_) | Observations::Histogram { .. } => Vec::new(),
        };
        arm.replicas.iter().flat_map(values).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn level() -> Metric {
        let noise = Noise::Independent;
        Metric::of(Kind::Level { is_quantile: false, noise, deviation: 0.1, offset: 0.0 })
    }

    #[test]
    fn a_run_is_the_same_whenever_it_is_drawn() {
        let canary = Canary::of(vec![level(); 3]);
        let draw = |run| canary.draw(&mut Draw::of_run(1, run)).series;
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn only_the_control_has_a_past() {
        let drawn = Canary::of(vec![level()]).draw(&mut Draw::of_run(1, 1));
        let arms = &drawn.series[0].arms;
        assert_eq!((points(&arms.control).len(), points(&arms.canary).len()), (420, 60));
        assert_eq!(arms.canary.span().map(|(first, _)| first), Some(START));
        assert_eq!(drawn.analysis.window.map(|window| window.end), Some(minute(60)));
    }

    #[test]
    fn an_effect_is_as_large_as_it_says_and_begins_when_it_says() {
        let ratio = Kind::Ratio { base: 0.01, requests: 2e6, share: 0.5 };
        let table = [
            (level().with(Effect::Times(1.5)), 1.5),
            (level().with(Effect::Tolerated), 1.1),
            (level().written(0.05, None).with(Effect::Unacceptable), 1.1),
            (Metric::of(ratio).with(Effect::Tolerated), 1.25),
        ];
        for (metric, times) in table {
            let canary = Canary { horizon: 4000, effect_from: 2000, ..Canary::of(vec![metric]) };
            let drawn = canary.draw(&mut Draw::of_run(1, 1));
            let values = points(&drawn.series[0].arms.canary);
            let seen = mean(&values[2000..]) / mean(&values[..2000]);
            assert!((seen / times - 1.0).abs() < 0.01, "{:?}: {seen}", canary.metrics[0]);
        }
    }

    #[test]
    fn a_shared_load_cancels_and_a_silent_canary_says_nothing() {
        let mut canary = Canary::of(vec![level()]);
        (canary.load, canary.silent_from) = (1.0, Some(30));
        let drawn = canary.draw(&mut Draw::of_run(1, 1));
        let arms = &drawn.series[0].arms;
        let (control, canary) = (points(&arms.control), points(&arms.canary));
        assert_eq!(canary.len(), 30);
        for (control, canary) in control[360..].iter().zip(canary) {
            assert!(libm::log(control / canary).abs() < 0.8, "{control} {canary}");
        }
    }
}
