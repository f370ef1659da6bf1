//! A labelled case, judged as an analysis like any other.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use serin_model::{
    Analysis, Arm, ArmPair, Arms, BucketBounds, Check, Count, Evidence, JudgedMetric,
    KayentaOptions, Margins, Measure, MeasureKind, MetricSeries, Observations, Outcome, Pairing,
    Point, Query, Ratio, Replica, Step, Timestamp, Verdict, Window, Worse,
};

use crate::JudgeKind;

use super::line::{Design, Direction, Label, Line, MetricLine, PointLine, ReplicaLine, Values};

/// What a judge says of a case.
#[derive(Debug, Serialize)]
pub(super) struct JudgedCase {
    pub(super) judge: &'static str,
    id: Value,
    pub(super) dataset: Value,
    pub(super) kind: Value,
    pub(super) label: Option<Label>,
    pub(super) verdict: Outcome,
    reason: String,
    score: Option<f64>,
    pub(super) decided_after_s: Option<f64>,
    passed_after_s: Option<f64>,
    metrics: Vec<CaseMetric>,
}

#[derive(Debug, Serialize)]
struct CaseMetric {
    name: String,
    outcome: &'static str,
    reason: String,
    estimate: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    effect_size: Option<f64>,
    deviation: Option<f64>,
    critical: bool,
    control_points: usize,
    canary_points: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
}

/// Judges a case with each judge, in their order, or says what is wrong with the case.
pub(super) fn judge_case(line: &Line, judges: &[JudgeKind]) -> Result<Vec<JudgedCase>, String> {
    let metrics = line.metrics.as_deref().unwrap_or_default();
    let case = Case::read(line, metrics)?;
    let judged = judges.iter().map(|judge| {
        let (judge, verdict, decided_after_s, passed_after_s) = match judge {
            JudgeKind::Sequential => case.judge_sequentially(),
            JudgeKind::Kayenta => case.judge_as_kayenta(),
        };
        JudgedCase {
            judge,
            metrics: in_order_read(&case.series, &verdict),
            score: Some(verdict.scorecard.score),
            passed_after_s,
            decided_after_s,
            verdict: verdict.outcome,
            reason: verdict.reason,
            id: line.id.clone(),
            dataset: line.dataset.clone(),
            kind: line.kind.clone(),
            label: line.label,
        }
    });
    Ok(judged.collect())
}

/// A case in the words of an analysis.
struct Case {
    analysis: Analysis,
    series: Vec<MetricSeries>,
    start: Option<Timestamp>,
    concurrent: bool,
    /// The clock of the sequential judge; the other one's is a minute, whatever the case says.
    step: Step,
    pairing: Pairing,
}

impl Case {
    fn read(line: &Line, metrics: &[MetricLine]) -> Result<Self, String> {
        let mut checks: Vec<Check> = Vec::new();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut series = Vec::new();
        for (index, metric) in metrics.iter().enumerate() {
            let wrong = |problem| format!("metric `{}`: {problem}", metric.name);
            let check = check(metric).map_err(wrong)?;
            let mut answer = MetricSeries::nothing(&metric.name);
            match known.get(metric.name.as_str()).map(|&place| &checks[place]) {
                Some(other) if *other != check => {
                    return Err(wrong("stands here twice, with different settings".to_owned()));
                }
                Some(_) => {
                    answer.labels.insert("series".to_owned(), index.to_string());
                }
                None => {
                    known.insert(&metric.name, checks.len());
                    checks.push(check);
                }
            }
            answer.arms = ArmPair {
                control: arm(metric, &metric.control).map_err(wrong)?,
                canary: arm(metric, &metric.experiment).map_err(wrong)?,
            };
            series.push(answer);
        }
        let service = line.id.as_str().unwrap_or("case");
        let mut analysis = Analysis::new(service.to_owned(), Arms::default(), checks)
            .map_err(|error| error.to_string())?;
        let concurrent = line.design.unwrap_or_default() == Design::Concurrent;
        let (start, window) = judged_window(line, &series)?;
        analysis.window = window;
        // A trial in retrospect knows all of its control beforehand, whatever its time stamps.
        analysis.arms.control_window = (!concurrent).then_some(Window::ALWAYS);
        let (step, pairing) = match line.step_s {
            None => (Step::MINUTE, Pairing::Time),
            Some(None) => (Step::MINUTE, Pairing::Order),
            Some(Some(seconds)) => (step(seconds)?, Pairing::Time),
        };
        Ok(Self { analysis, series, start, concurrent, step, pairing })
    }

    fn judge_as_kayenta(&self) -> (&'static str, Verdict, Option<f64>, Option<f64>) {
        let verdict = serin_judge::kayenta::judge(&self.analysis, &self.series).verdict;
        let decided_after_s = self.decided_after_seconds();
        let passed_after_s = decided_after_s.filter(|_| verdict.outcome == Outcome::Pass);
        ("kayenta", verdict, decided_after_s, passed_after_s)
    }

    fn judge_sequentially(&self) -> (&'static str, Verdict, Option<f64>, Option<f64>) {
        let mut analysis = self.analysis.clone();
        (analysis.step, analysis.pairing) = (self.step, self.pairing);
        let (judged, judge) = serin_judge::sequential::judge(&analysis, &self.series);
        let verdict = judged.verdict;
        let decided_after_s = verdict.decided_at.and_then(|time| self.seconds_after_start(time));
        let passed_after_s = judge.first_passed().and_then(|time| self.seconds_after_start(time));
        ("sequential", verdict, decided_after_s, passed_after_s)
    }

    fn seconds_after_start(&self, time: Timestamp) -> Option<f64> {
        let millis = time.as_millis().saturating_sub(self.start?.as_millis());
        Some(millis as f64 / 1000.0)
    }

    /// Returns how long after the start the last point lies that was judged.
    fn decided_after_seconds(&self) -> Option<f64> {
        let window = self.analysis.window?;
        let last = |arm: &Arm| {
            let mut arm = arm.clone();
            arm.keep(window);
            arm.span().map(|(_, last)| last)
        };
        let of_canary = self.series.iter().filter_map(|series| last(&series.arms.canary)).max();
        let of_control = self.series.iter().filter_map(|series| last(&series.arms.control)).max();
        let judged = if self.concurrent { of_canary.max(of_control) } else { of_canary };
        self.seconds_after_start(judged?)
    }
}

/// The window as the case states it, else from the first to the last point of the canary. Both of
/// its ends are inside.
fn judged_window(
    line: &Line,
    series: &[MetricSeries],
) -> Result<(Option<Timestamp>, Option<Window>), String> {
    let spans = series.iter().filter_map(|series| series.arms.canary.span());
    let span = spans.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    let stated = |seconds: Option<f64>| seconds.map(timestamp).transpose();
    let start = stated(line.t_start)?.or(span.map(|(first, _)| first));
    let end = stated(line.t_end)?.or(span.map(|(_, last)| last));
    let window = start.zip(end).map(|(start, end)| Window {
        start,
        end: Timestamp::from_millis(end.as_millis().saturating_add(1)),
    });
    Ok((start, window))
}

fn step(seconds: f64) -> Result<Step, String> {
    let whole = seconds.round();
    let fits = (1.0..=f64::from(u32::MAX)).contains(&whole);
    fits.then(|| Step::from_seconds(whole as u32))
        .flatten()
        .ok_or_else(|| format!("`step_s` is {seconds}; a step is a second or more"))
}

fn timestamp(seconds: f64) -> Result<Timestamp, String> {
    if seconds.abs() <= 1e11 {
        Ok(Timestamp::from_millis((seconds * 1000.0).round() as i64))
    } else {
        Err(format!("{seconds} is no time in seconds since 1970"))
    }
}

fn check(metric: &MetricLine) -> Result<Check, String> {
    let query = || Query::new(&metric.name).ok_or("a metric has an empty name".to_owned());
    let measure = match metric.measure.unwrap_or(MeasureKind::Gauge) {
        MeasureKind::Ratio => Measure::Ratio { bad: query()?, total: query()? },
        MeasureKind::Histogram => Measure::Histogram { buckets: query()? },
        MeasureKind::Count => Measure::Count { events: query()?, exposure: Some(query()?) },
        MeasureKind::Gauge => Measure::Gauge { value: query()? },
        MeasureKind::Quantile => Measure::Quantile { value: query()? },
    };
    let margins = Margins::new(measure.kind(), metric.tolerance, metric.unacceptable, None, None);
    Ok(Check {
        name: metric.name.clone(),
        worse: match metric.direction {
            Some(Direction::Increase) => Worse::Higher,
            Some(Direction::Decrease) => Worse::Lower,
            Some(Direction::Either) | None => Worse::Either,
        },
        margins: margins.map_err(|error| error.to_string())?,
        gating: metric.gating.unwrap_or(false),
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

fn arm(metric: &MetricLine, replicas: &[ReplicaLine]) -> Result<Arm, String> {
    let replicas = replicas.iter().map(|replica| {
        let observations = observations(metric, &replica.points)
            .map_err(|problem| format!("replica `{}`: {problem}", replica.src))?;
        Ok(Replica { name: replica.src.clone(), observations })
    });
    Ok(Arm { replicas: replicas.collect::<Result<_, String>>()? })
}

fn observations(metric: &MetricLine, points: &[PointLine]) -> Result<Observations, String> {
    let kind = metric.measure.unwrap_or(MeasureKind::Gauge);
    let wrong = |wanted: &str| format!("a point of a {kind} is {wanted}");
    match kind {
        MeasureKind::Gauge | MeasureKind::Quantile => {
            let value = |values: &Values| match values {
                Values::One(value) => Ok(*value),
                Values::Two(..) | Values::Buckets(_) => Err(wrong("[seconds, value]")),
            };
            Ok(Observations::Value(each_point(points, value)?))
        }
        MeasureKind::Ratio => {
            let ratio = |values: &Values| match *values {
                Values::Two(bad, total) => Ok(Ratio { bad, total }),
                Values::One(_) | Values::Buckets(_) => Err(wrong("[seconds, bad, total]")),
            };
            Ok(Observations::Ratio(each_point(points, ratio)?))
        }
        MeasureKind::Count => {
            let count = |values: &Values| match *values {
                Values::Two(events, exposure) => Ok(Count { events, exposure }),
                Values::One(_) | Values::Buckets(_) => Err(wrong("[seconds, events, exposure]")),
            };
            Ok(Observations::Count(each_point(points, count)?))
        }
        MeasureKind::Histogram => {
            let bounds = metric.bounds.clone().ok_or("a histogram has no `bounds`".to_owned())?;
            let bounds = BucketBounds::new(bounds).map_err(|error| error.to_string())?;
            let buckets = bounds.as_slice().len() + 1;
            let increments = |values: &Values| match values {
                Values::Buckets(increments) if increments.len() == buckets => {
                    Ok(increments.clone())
                }
                _ => Err(wrong(&format!("[seconds, [{buckets} increments]]"))),
            };
            Ok(Observations::Histogram { points: each_point(points, increments)?, bounds })
        }
    }
}

fn each_point<T>(
    points: &[PointLine],
    value: impl Fn(&Values) -> Result<T, String>,
) -> Result<Vec<Point<T>>, String> {
    let point = |line: &PointLine| {
        Ok(Point { time: timestamp(line.seconds)?, value: value(&line.values)? })
    };
    let mut points = points.iter().map(point).collect::<Result<Vec<_>, String>>()?;
    points.sort_by_key(|point| point.time);
    Ok(points)
}

fn in_order_read(series: &[MetricSeries], verdict: &Verdict) -> Vec<CaseMetric> {
    let by_pair: BTreeMap<_, &JudgedMetric> =
        verdict.metrics.iter().map(|metric| ((&metric.name, &metric.labels), metric)).collect();
    let judged = |series: &MetricSeries| by_pair.get(&(&series.check, &series.labels)).copied();
    series.iter().filter_map(judged).map(case_metric).collect()
}

/// The judge's word for a metric.
fn word(metric: &JudgedMetric) -> &'static str {
    let standing = metric.evidence.as_ref().map(|evidence| evidence.standing.as_str());
    standing.or(metric.classification.map(serin_model::Classification::as_str)).unwrap_or("unclear")
}

fn case_metric(metric: &JudgedMetric) -> CaseMetric {
    let evidence = metric.evidence.as_ref();
    let interval = evidence.map_or(metric.shift, |evidence| evidence.effect);
    CaseMetric {
        name: metric.name.clone(),
        outcome: word(metric),
        reason: metric.reason.clone(),
        estimate: interval.map(|interval| interval.estimate),
        lower: interval.map(|interval| interval.lower),
        upper: interval.map(|interval| interval.upper),
        effect_size: metric.effect_size.as_ref().map(|size| size.value),
        deviation: metric.mean_ratio,
        critical: metric.critical,
        control_points: metric.control.points,
        canary_points: metric.canary.points,
        evidence: metric.evidence.clone(),
    }
}
