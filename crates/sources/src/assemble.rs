//! From series to what each replica of each arm reported.

use std::collections::BTreeMap;

use serin_model::{
    Analysis, Arm, ArmPair, BucketBounds, Count, CounterForm, FileError, Measure, MeasureKind,
    MetricSeries, Observations, Point, Ratio, Replica, Timestamp,
};

use crate::collect::{Part, Sample, Series, Side, Wanted};
use crate::increments::increments;

/// Everything that was collected, ready to be put together check by check.
pub(crate) struct Assembler<'a> {
    pub(crate) file: &'a str,
    pub(crate) analysis: &'a Analysis,
    pub(crate) counters: CounterForm,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) series: Vec<Series>,
    /// The first moment of the whole recording.
    pub(crate) start: Timestamp,
}

impl Assembler<'_> {
    /// Returns what the arms reported to every check, in order.
    pub(crate) fn assemble(&mut self) -> Result<Vec<MetricSeries>, FileError> {
        for series in &mut self.series {
            in_time_order(self.file, series)?;
        }
        let analysis = self.analysis;
        let mut answers = Vec::new();
        for (index, check) in analysis.checks().iter().enumerate() {
            let arms = ArmPair {
                control: self.arm(index, Side::Control)?,
                canary: self.arm(index, Side::Canary)?,
            };
            let mut answer = MetricSeries::nothing(&check.name);
            answer.arms = arms;
            answers.push(answer);
        }
        Ok(answers)
    }

    fn arm(&self, check: usize, side: Side) -> Result<Arm, FileError> {
        let replicas = match &self.analysis.checks()[check].measure {
            Measure::Ratio { .. } => self.ratios(check, side)?,
            Measure::Count { exposure, .. } => self.counts(check, side, exposure.is_some())?,
            Measure::Histogram { .. } => self.histograms(check, side)?,
            measure @ (Measure::Gauge { .. } | Measure::Quantile { .. }) => {
                self.values(check, side, measure.kind())?
            }
        };
        Ok(Arm { replicas })
    }

    /// Returns the series that answer one part of a check on one arm.
    fn answers(&self, check: usize, side: Side, part: Part) -> impl Iterator<Item = &Series> {
        let is_meant = move |&index: &usize| {
            let wanted = &self.wanted[index];
            (wanted.check, wanted.side, wanted.part) == (check, side, part)
        };
        self.series.iter().filter(move |series| series.wanted_by.iter().any(is_meant))
    }

    /// Names the replica of a series: the value of the replica label, or nobody in particular.
    fn replica_of(&self, series: &Series) -> String {
        let label = self.analysis.replica.as_ref();
        label.and_then(|label| series.labels.get(label)).cloned().unwrap_or_default()
    }

    /// Returns what a counter counted, at each moment.
    fn counted(&self, series: &Series) -> Result<Vec<Point<f64>>, FileError> {
        if let Some(sample) = series.samples.iter().find(|sample| sample.value < 0.0) {
            let problem = format!("a count is {}, below zero", sample.value);
            return Err(FileError::at_line(self.file, sample.line, &problem)
                .with_hint("counts never fall below zero; a level that does is a `gauge`"));
        }
        let samples = || series.samples.iter().map(|sample| (sample.time, sample.value));
        Ok(match self.counters {
            CounterForm::Increments => {
                samples().map(|(time, value)| Point { time, value }).collect()
            }
            CounterForm::Cumulative => {
                let step = std::time::Duration::from_secs(self.analysis.step.seconds().into());
                let first = series.samples.first().map(|sample| sample.time);
                let born_inside = first.is_some_and(|first| first > self.start.after(step));
                increments(&samples().collect::<Vec<_>>(), born_inside)
            }
        })
    }

    /// Adds up the counters of one part, by replica and moment.
    fn sums(&self, check: usize, side: Side, part: Part) -> Result<SumsByReplica, FileError> {
        let mut sums = SumsByReplica::new();
        for series in self.answers(check, side, part) {
            let replica = sums.entry(self.replica_of(series)).or_default();
            for point in self.counted(series)? {
                *replica.entry(point.time).or_insert(0.0) += point.value;
            }
        }
        Ok(sums)
    }

    /// A moment without bad events is one without errors; a moment without a total is a gap.
    fn ratios(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let bad = self.sums(check, side, Part::Bad)?;
        let total = self.sums(check, side, Part::Total)?;
        Ok(each_replica(total, |name, totals| {
            let bad = bad.get(name);
            let bad_at = |time| bad.and_then(|bad| bad.get(time)).copied().unwrap_or(0.0);
            let present = totals.iter().filter(|(_, total)| !total.is_nan());
            let points = present
                .map(|(time, &total)| (time, Ratio { bad: bad_at(time), total }))
                .filter(|(_, ratio)| !ratio.bad.is_nan())
                .map(|(&time, value)| Point { time, value });
            Observations::Ratio(points.collect())
        }))
    }

    fn counts(&self, check: usize, side: Side, exposed: bool) -> Result<Vec<Replica>, FileError> {
        let events = self.sums(check, side, Part::Events)?;
        let exposure = self.sums(check, side, Part::Exposure)?;
        let moments = if exposed { exposure.clone() } else { events.clone() };
        Ok(each_replica(moments, |name, moments| {
            let at = |sums: &SumsByReplica, time: &Timestamp| {
                sums.get(name).and_then(|sums| sums.get(time)).copied()
            };
            let point = |time: &Timestamp| {
                let events = at(&events, time).unwrap_or(0.0);
                let exposure = if exposed { at(&exposure, time)? } else { 1.0 };
                let missing = events.is_nan() || exposure.is_nan();
                let value = Count { events, exposure };
                (!missing).then_some(Point { time: *time, value })
            };
            Observations::Count(moments.keys().filter_map(point).collect())
        }))
    }

    fn histograms(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let mut by_replica: BTreeMap<String, Vec<Bucket>> = BTreeMap::new();
        for series in self.answers(check, side, Part::Buckets) {
            let upper = self.upper_edge(series)?;
            let buckets = by_replica.entry(self.replica_of(series)).or_default();
            let known = buckets.iter().position(|bucket| bucket.upper == upper);
            let index = known.unwrap_or_else(|| {
                buckets.push(Bucket { upper, counts: BTreeMap::new() });
                buckets.len() - 1
            });
            for point in self.counted(series)? {
                *buckets[index].counts.entry(point.time).or_insert(0.0) += point.value;
            }
        }
        let mut replicas = Vec::new();
        for (name, buckets) in by_replica {
            let observations = self.histogram(buckets)?;
            replicas.push(Replica { name, observations });
        }
        Ok(replicas)
    }

    fn upper_edge(&self, series: &Series) -> Result<f64, FileError> {
        let line = series.samples.first().map_or(1, |sample| sample.line);
        let Some(edge) = series.labels.get("le") else {
            return Err(FileError::at_line(
                self.file,
                line,
                "a histogram's series has no label `le`",
            )
            .with_hint("select the buckets, such as `http_request_duration_seconds_bucket`"));
        };
        edge.parse::<f64>().ok().filter(|edge| !edge.is_nan()).ok_or_else(|| {
            let problem = format!("`le` is \"{edge}\", which is no upper edge");
            FileError::at_line(self.file, line, &problem).with_hint("write a number or +Inf")
        })
    }

    fn histogram(&self, mut buckets: Vec<Bucket>) -> Result<Observations, FileError> {
        buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
        let finite: Vec<f64> =
            buckets.iter().map(|bucket| bucket.upper).filter(|upper| upper.is_finite()).collect();
        let Ok(bounds) = BucketBounds::new(finite) else {
            return Err(FileError::new(
                self.file,
                "",
                None,
                "a histogram has no finite upper edge",
            )
            .with_hint("record all buckets, not just the one with `le=\"+Inf\"`"));
        };
        let moments = buckets.first().map(|bucket| bucket.counts.keys()).into_iter().flatten();
        let points = moments.filter_map(|time| {
            let below: Option<Vec<f64>> =
                buckets.iter().map(|bucket| bucket.counts.get(time).copied()).collect();
            let value = within_buckets(&below?, bounds.as_slice().len());
            value.iter().all(|count| !count.is_nan()).then_some(Point { time: *time, value })
        });
        let points = points.collect();
        Ok(Observations::Histogram { bounds, points })
    }

    /// Without a replica label every series is a replica of its own.
    fn values(
        &self,
        check: usize,
        side: Side,
        kind: MeasureKind,
    ) -> Result<Vec<Replica>, FileError> {
        let mut by_replica: BTreeMap<String, &Series> = BTreeMap::new();
        for series in self.answers(check, side, Part::Value) {
            let name = match self.analysis.replica {
                Some(_) => self.replica_of(series),
                None => described(&series.labels),
            };
            if let Some(other) = by_replica.insert(name.clone(), series) {
                return Err(self.two_series(check, kind, &name, [other, series]));
            }
        }
        let replica = |(name, series): (String, &Series)| {
            let point = |sample: &Sample| Point { time: sample.time, value: sample.value };
            let observations = Observations::Value(series.samples.iter().map(point).collect());
            Replica { name, observations }
        };
        Ok(by_replica.into_iter().map(replica).collect())
    }

    fn two_series(
        &self,
        check: usize,
        kind: MeasureKind,
        replica: &str,
        [one, other]: [&Series; 2],
    ) -> FileError {
        let check = &self.analysis.checks()[check].name;
        let line = other.samples.first().map_or(1, |sample| sample.line);
        let problem = format!(
            "check `{check}` is a {kind}, and several series answer for replica \"{replica}\": {{{}}} \
             and {{{}}}",
            described(&one.labels),
            described(&other.labels)
        );
        FileError::at_line(self.file, line, &problem)
            .with_hint("select one of them in the query; serin does not average them away")
    }
}

type SumsByReplica = BTreeMap<String, BTreeMap<Timestamp, f64>>;

/// The events at or below an upper edge, by moment.
struct Bucket {
    upper: f64,
    counts: BTreeMap<Timestamp, f64>,
}

fn each_replica(
    sums: SumsByReplica,
    observations: impl Fn(&str, &BTreeMap<Timestamp, f64>) -> Observations,
) -> Vec<Replica> {
    let replica = |(name, sums): (String, BTreeMap<Timestamp, f64>)| {
        let observations = observations(&name, &sums);
        Replica { name, observations }
    };
    sums.into_iter().map(replica).collect()
}

/// Takes counts at or below each edge apart into counts between the edges. Buckets that were read at
/// different instants may disagree by an event or two; none holds fewer than zero.
fn within_buckets(at_or_below: &[f64], finite: usize) -> Vec<f64> {
    let mut within = Vec::with_capacity(finite + 1);
    let mut before = 0.0;
    for &count in at_or_below {
        within.push((count - before).max(0.0));
        before = count;
    }
    within.resize(finite + 1, 0.0);
    within
}

fn described(labels: &BTreeMap<String, String>) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}={value}");
    labels.iter().map(label).collect::<Vec<_>>().join(", ")
}

/// Sorts a series by time; a point that is written twice counts once.
fn in_time_order(file: &str, series: &mut Series) -> Result<(), FileError> {
    series.samples.sort_by_key(|sample| (sample.time, sample.line));
    for pair in series.samples.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        let same = first.value == second.value || (first.value.is_nan() && second.value.is_nan());
        if first.time == second.time && !same {
            let problem = format!(
                "a second value for the same series and time: {}, and {} on line {}",
                second.value, first.value, first.line
            );
            return Err(FileError::at_line(file, second.line, &problem)
                .with_hint("keep one of them, or add the label that tells the two series apart"));
        }
    }
    series.samples.dedup_by_key(|sample| sample.time);
    Ok(())
}
