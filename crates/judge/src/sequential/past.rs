//! What the judge makes of the control's past, metric by metric, before anything is split or planned.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{
    Amount, Analysis, Arm, ArmPair, Check, MetricSeries, Observations, Step, Timestamp,
};

use super::intake::{Sample, past_of};
use super::metric::{MetricState, aspect_of};
use super::noise::{Noise, Past, spread_of};
use super::plan::{FEWEST_STEPS, PastOfArm, refuse_constant, stride, usual_replicas};
use super::run::SequentialJudge;
use super::values::Aspect;

/// What the control's past shows of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PastOfMetric {
    pub(crate) check: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether its growth is compared, and not its level.
    pub(crate) grows: bool,
    /// How many replicas it usually had at one time; none without a point.
    pub(crate) replicas: usize,
    /// The standard deviation of one step of one replica, as a fraction of its level; of levels only.
    pub(crate) deviation: Option<f64>,
    /// The correlation of neighbouring steps.
    pub(crate) correlation: Option<f64>,
    /// The standard deviation of the replicas' levels as a fraction of the level, and how many there were.
    pub(crate) spread: Option<(f64, usize)>,
    /// The share of the points that is missing or no number.
    pub(crate) missing: f64,
    /// Why it says nothing of any canary.
    pub(crate) dead: Option<String>,
    /// Why nothing can be said of it.
    pub(crate) unknown: Option<String>,
}

/// Reads the past of every metric, in the order in which a judge of the same answers numbers them.
pub(crate) fn past_of_metrics(analysis: &Analysis, history: &[MetricSeries]) -> Vec<PastOfMetric> {
    let mut analysis = analysis.clone();
    analysis.arms.control_window = None;
    let of_control = |answer: &MetricSeries| MetricSeries {
        arms: ArmPair { control: answer.arms.control.clone(), canary: Arm::default() },
        ..answer.clone()
    };
    let history: Vec<MetricSeries> = history.iter().map(of_control).collect();
    let mut judge = SequentialJudge::new(&analysis);
    judge.learn(&analysis, &history, Timestamp::from_millis(i64::MAX));
    let checks = judge.checks(&analysis);
    let past = |(learnt, check): (&MetricState, &&Check)| {
        let answer = history
            .iter()
            .find(|answer| answer.check == learnt.check && answer.labels == learnt.labels);
        past_of_metric(check, learnt, answer, analysis.step)
    };
    judge.metrics.iter().zip(&checks).map(past).collect()
}

fn past_of_metric(
    check: &Check,
    learnt: &MetricState,
    answer: Option<&MetricSeries>,
    step: Step,
) -> PastOfMetric {
    let mut known = PastOfMetric {
        check: learnt.check.clone(),
        labels: learnt.labels.clone(),
        grows: aspect_of(check) == Aspect::Growth,
        replicas: 0,
        deviation: None,
        correlation: None,
        spread: None,
        missing: 0.0,
        dead: None,
        unknown: None,
    };
    if let Some(why) = answer.and_then(|answer| answer.failure.as_ref()) {
        known.unknown = Some(why.clone());
        return known;
    }
    let none = Arm::default();
    let control = answer.map_or(&none, |answer| &answer.arms.control);
    let past = past_of(control, step, Timestamp::from_millis(i64::MAX));
    let steps: BTreeSet<i64> =
        past.iter().flat_map(|(_, samples)| samples.keys().copied()).collect();
    if control.is_silent() {
        known.dead = Some("the control never reported it in the time that was read".to_owned());
        return known;
    }
    let stride = stride(&steps);
    known.missing = missing(control, &past, step, stride);
    if steps.is_empty() {
        known.dead = Some("not one value of the control is a number".to_owned());
        return known;
    }
    known.replicas = usual_replicas(&past);
    if steps.len() < FEWEST_STEPS {
        known.unknown = Some(format!(
            "its history has {} steps, and fewer than {FEWEST_STEPS} tell nothing",
            steps.len()
        ));
        return known;
    }
    known.dead = stillness(check, &past, learnt);
    known.describe(&past, learnt, control);
    known
}

impl PastOfMetric {
    /// Takes the judge's own estimates of levels, and its way to estimate of what is counted.
    fn describe(&mut self, past: &PastOfArm, learnt: &MetricState, control: &Arm) {
        if let Some(noise) = learnt.noise() {
            self.deviation = Some(noise.deviation);
            self.correlation = Some(noise.correlation);
            let spread = learnt.spread();
            self.spread = spread.map(|spread| (spread.variance.sqrt(), spread.replicas));
            return;
        }
        let levels = relative_levels(past, control);
        let noise = Noise::of(&levels).filter(|noise| noise.deviation > 0.0);
        self.correlation = noise.map(|noise| noise.correlation);
        let spread = spread_of(&levels, noise.as_ref());
        self.spread = spread.map(|spread| (spread.variance.sqrt(), spread.replicas));
    }
}

/// Returns the rates of what is counted, or the mean of what is in buckets, relative to that of all.
fn relative_levels(past: &PastOfArm, control: &Arm) -> Vec<Past> {
    let bounds = control.replicas.iter().find_map(|replica| match &replica.observations {
        Observations::Histogram { bounds, .. } => Some(bounds.as_slice()),
        Observations::Ratio(_) | Observations::Count(_) | Observations::Value(_) => None,
    });
    let level = |sample: &Sample| match sample {
        Sample::Counted(tally) => (tally.exposure > 0.0).then(|| tally.events / tally.exposure),
        Sample::Buckets(buckets) => mean_of_buckets(bounds?, buckets),
        Sample::Value(value) => Some(*value),
        Sample::Garbled => None,
    };
    let levels: Vec<Past> = past
        .iter()
        .map(|(_, steps)| {
            steps.iter().filter_map(|(at, sample)| Some((*at, level(sample)?))).collect()
        })
        .collect();
    let all = levels.iter().flatten().map(|(_, level)| level.abs());
    let mean = all.sum::<f64>() / levels.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    if mean <= 0.0 {
        return Vec::new();
    }
    let relative = |past: Past| past.into_iter().map(|(at, level)| (at, level / mean)).collect();
    levels.into_iter().map(relative).collect()
}

/// Returns the mean of a histogram's events, each taken for as large as its bucket goes.
fn mean_of_buckets(bounds: &[f64], buckets: &[f64]) -> Option<f64> {
    let all: f64 = buckets.iter().sum();
    let last = bounds.last().copied()?;
    let edges = bounds.iter().copied().chain([last]);
    let sum: f64 = edges.zip(buckets).map(|(edge, events)| edge * events).sum();
    (all > 0.0).then(|| sum / all)
}

/// Says why a metric is the same whatever happens, if it is.
fn stillness(check: &Check, past: &PastOfArm, learnt: &MetricState) -> Option<String> {
    let samples = || past.iter().flat_map(|(_, steps)| steps.values());
    let exposure: f64 = samples()
        .map(|sample| match sample {
            Sample::Counted(tally) => tally.exposure,
            Sample::Buckets(buckets) => buckets.iter().sum(),
            Sample::Value(_) | Sample::Garbled => 0.0,
        })
        .sum();
    let counts = samples().any(|it| matches!(it, Sample::Counted(_) | Sample::Buckets(_)));
    if counts {
        return (exposure <= 0.0).then(|| "its counters did not move".to_owned());
    }
    refuse_constant(check, past, learnt).err()?;
    let first = samples().find_map(|sample| match sample {
        Sample::Value(value) => Some(*value),
        Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    })?;
    Some(format!(
        "each of its {} values is {}",
        samples().count(),
        Amount::new(first, check.measure.kind())
    ))
}

/// Returns which share of the steps between the first and the last point of each replica has no number.
fn missing(control: &Arm, past: &PastOfArm, step: Step, stride: usize) -> f64 {
    let length = i64::from(step.seconds()) * 1000;
    let expected = |arm: &serin_model::Replica| {
        let Some((first, last)) = arm.observations.span() else { return 0.0 };
        let at = |time: Timestamp| time.as_millis().div_euclid(length);
        ((at(last) - at(first)) as usize / stride.max(1) + 1) as f64
    };
    let (mut steps, mut there) = (0.0, 0.0);
    for (name, samples) in past {
        let replica = control.replicas.iter().find(|replica| replica.name == *name);
        let all = replica.map_or(0.0, expected);
        steps += all;
        there += (samples.len() as f64).min(all);
    }
    if steps > 0.0 { 1.0 - there / steps } else { 0.0 }
}
