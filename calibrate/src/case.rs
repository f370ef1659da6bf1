//! Labelled cases of real series, one JSON line each, and known effects put into them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serin_model::{
    Analysis, Arm, ArmPair, Arms, Check, KayentaOptions, Margins, Measure, MeasureKind,
    MetricSeries, Observations, Pairing, Point, Query, Replica, Step, Timestamp, Window, Worse,
};

use crate::draw::Draw;

/// A case of two identical arms.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is asked.
    pub analysis: Analysis,
    /// What both arms did, a series for each metric.
    pub series: Vec<MetricSeries>,
    directions: Vec<Worse>,
}

#[derive(Deserialize)]
struct Line {
    kind: String,
    #[serde(default)]
    design: Option<String>,
    step_s: Option<u32>,
    t_start: Option<f64>,
    t_end: Option<f64>,
    metrics: Vec<MetricLine>,
}

#[derive(Deserialize)]
struct MetricLine {
    name: String,
    direction: String,
    measure: Option<MeasureKind>,
    control: Vec<ReplicaLine>,
    experiment: Vec<ReplicaLine>,
}

#[derive(Deserialize)]
struct ReplicaLine {
    src: String,
    points: Vec<(f64, f64)>,
}

/// Reads the cases of a plain or gzipped file that have identical arms, ran side by side, and whose
/// metrics are values.
///
/// # Errors
///
/// A file that cannot be read, or a line that is no such case.
pub fn read_cases(path: &Path) -> anyhow::Result<Vec<Case>> {
    let file = BufReader::new(File::open(path).with_context(|| path.display().to_string())?);
    let zipped = path.extension().is_some_and(|extension| extension == "gz");
    let lines: Box<dyn BufRead> =
        if zipped { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
    let mut cases = Vec::new();
    for (number, line) in lines.lines().enumerate() {
        let place = || format!("{}:{}", path.display(), number + 1);
        let text = line.with_context(place)?;
        let line: Line = serde_json::from_str(&text).with_context(place)?;
        let concurrent = line.design.as_deref().is_none_or(|design| design == "concurrent");
        if line.kind == "aa" && concurrent {
            cases.push(Case::read(line).with_context(place)?);
        }
    }
    Ok(cases)
}

impl Case {
    fn read(line: Line) -> anyhow::Result<Self> {
        let mut series: Vec<MetricSeries> = Vec::new();
        let mut checks = Vec::new();
        let mut directions = Vec::new();
        for (index, metric) in line.metrics.into_iter().enumerate() {
            let name = format!("{} {index}", metric.name);
            let worse = match metric.direction.as_str() {
                "increase" => Worse::Higher,
                "decrease" => Worse::Lower,
                "either" => Worse::Either,
                other => bail!("`{other}` is no direction"),
            };
            checks.push(check(&name, metric.measure, worse)?);
            directions.push(worse);
            let arms = ArmPair { control: arm(metric.control), canary: arm(metric.experiment) };
            series.push(MetricSeries { arms, ..MetricSeries::nothing(&name) });
        }
        let mut analysis = Analysis::new("case".to_owned(), Arms::default(), checks)?;
        if let (Some(start), Some(end)) = (line.t_start, line.t_end) {
            let end = Timestamp::from_millis(time(end).as_millis() + 1);
            analysis.window = Some(Window { start: time(start), end });
            let known = Window { end, ..Window::ALWAYS };
            for answer in &mut series {
                answer.arms.control.keep(known);
                answer.arms.canary.keep(known);
            }
        }
        match line.step_s.and_then(Step::from_seconds) {
            Some(step) => analysis.step = step,
            None => analysis.pairing = Pairing::Order,
        }
        Ok(Self { analysis, series, directions })
    }

    fn values(&self, metric: usize) -> impl Iterator<Item = f64> {
        let replicas = self.series[metric].arms.canary.replicas.iter();
        replicas
            .flat_map(|replica| match &replica.observations {
                Observations::Value(points) => points.as_slice(),
                _ => &[],
            })
            .map(|point| point.value)
    }

    fn varies(&self, metric: usize) -> bool {
        let first = self.values(metric).next();
        self.values(metric).any(|value| Some(value) != first)
    }

    /// Returns whether the metric counts successes in percent.
    #[must_use]
    pub fn is_success_rate(&self, metric: usize) -> bool {
        self.directions[metric] == Worse::Lower
            && self.values(metric).any(|value| value == 100.0)
            && self.values(metric).all(|value| (0.0..=100.0).contains(&value))
    }

    /// Returns whether the metric is a level that varies, and no memory.
    #[must_use]
    pub fn is_level(&self, metric: usize) -> bool {
        let is_memory = self.series[metric].check.to_lowercase().contains("memory");
        !is_memory && !self.is_success_rate(metric) && self.varies(metric)
    }

    /// Returns the series with one level of the canary multiplied in its bad direction.
    #[must_use]
    pub fn with_level_times(&self, metric: usize, times: f64) -> Vec<MetricSeries> {
        let times = if self.directions[metric] == Worse::Lower { 1.0 / times } else { times };
        self.with(metric, |value| value * times)
    }

    /// Returns the series with some of the requests behind one success rate of the canary made to
    /// fail, each by itself.
    #[must_use]
    pub fn with_failures(&self, metric: usize, failing: f64, draw: &mut Draw) -> Vec<MetricSeries> {
        let known: Vec<f64> = self.values(metric).filter_map(requests_behind).collect();
        // A hundred per cent tells nothing of how many there were.
        let usual = serin_stats::quantile(&known, 0.5).unwrap_or(10.0).round();
        self.with(metric, |value| {
            if failing <= 0.0 {
                return value;
            }
            let all = requests_behind(value).unwrap_or(usual);
            let good = draw.binomial((all * value / 100.0).round(), 1.0 - failing);
            (100_000.0 * good / all).round() / 1000.0
        })
    }

    fn with(&self, metric: usize, mut change: impl FnMut(f64) -> f64) -> Vec<MetricSeries> {
        let mut series = self.series.clone();
        for replica in &mut series[metric].arms.canary.replicas {
            if let Observations::Value(points) = &mut replica.observations {
                points.iter_mut().for_each(|point| point.value = change(point.value));
            }
        }
        series
    }
}

/// Returns the smallest number of requests that a percentage other than 0 and 100 can be a share of.
fn requests_behind(percentage: f64) -> Option<f64> {
    if percentage <= 0.0 || percentage >= 100.0 {
        return None;
    }
    (2..=MOST_REQUESTS).map(f64::from).find(|all| {
        let good = all * percentage / 100.0;
        // Three digits are printed.
        (good - good.round()).abs() < all * 0.000_006
    })
}

const MOST_REQUESTS: u32 = 200;

fn check(name: &str, measure: Option<MeasureKind>, worse: Worse) -> anyhow::Result<Check> {
    let value = Query::new(name).context("a metric has an empty name")?;
    let measure = match measure.unwrap_or(MeasureKind::Gauge) {
        MeasureKind::Gauge => Measure::Gauge { value },
        MeasureKind::Quantile => Measure::Quantile { value },
        other => bail!("metric `{name}` is a {other}; only values are read here"),
    };
    Ok(Check {
        name: name.to_owned(),
        worse,
        margins: Margins::of_kind(measure.kind()),
        gating: false,
        critical: false,
        muted: false,
        groups: vec!["all".to_owned()],
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: KayentaOptions::default(),
        measure,
    })
}

fn arm(replicas: Vec<ReplicaLine>) -> Arm {
    let replica = |line: ReplicaLine| {
        let mut points: Vec<Point<f64>> =
            line.points.iter().map(|&(at, value)| Point { time: time(at), value }).collect();
        points.sort_by_key(|point| point.time);
        Replica { name: line.src, observations: Observations::Value(points) }
    };
    Arm { replicas: replicas.into_iter().map(replica).collect() }
}

fn time(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_behind_a_percentage_are_found_where_there_are_few() {
        let table = [
            (35.714, Some(14.0)),
            (50.0, Some(2.0)),
            (99.5, Some(200.0)),
            (100.0, None),
            (0.0, None),
        ];
        for (percentage, all) in table {
            assert_eq!(requests_behind(percentage), all, "{percentage}");
        }
    }
}
