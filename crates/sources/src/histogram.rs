//! Histograms: series that count what lies at or below an edge, the label `le`.

use std::collections::BTreeMap;

use serin_model::{BucketBounds, CounterForm, FileError, Observations, Point, Timestamp};

use crate::collect::{Sample, Series, Side};
use crate::increments::{Births, joint_increments};
use crate::rows::shortened;

/// The series of one edge.
pub(crate) struct Bucket<'a> {
    upper: f64,
    series: &'a Series,
}

/// What one histogram counted at or below each of its edges, moment by moment.
pub(crate) struct Histogram {
    /// The edges, ascending; the last one is infinite.
    edges: Vec<f64>,
    /// A count for each edge.
    points: Vec<Point<Vec<f64>>>,
    /// Where it begins, for errors.
    line: u64,
}

/// Takes the series of a replica apart into histograms: series that differ in `le` alone.
pub(crate) fn apart<'a>(
    file: &str,
    series: &[&'a Series],
) -> Result<Vec<Vec<Bucket<'a>>>, FileError> {
    let mut histograms: BTreeMap<_, Vec<Bucket<'a>>> = BTreeMap::new();
    for &series in series {
        let upper = upper_edge(file, series)?;
        let mut labels = series.labels.clone();
        labels.remove("le");
        let buckets = histograms.entry((&series.metric, labels)).or_default();
        if let Some(same) = buckets.iter().find(|bucket| bucket.upper == upper) {
            let problem = format!(
                "the same bucket is written in two ways, \"{}\" and \"{}\"",
                le(same.series),
                le(series)
            );
            return Err(at(file, series, &problem).with_hint("write `le` alike on every line"));
        }
        if buckets.len() == MOST_BUCKETS {
            let problem = format!("a histogram has more than {MOST_BUCKETS} buckets");
            return Err(at(file, series, &problem)
                .with_hint("record fewer; a latency is well described by twenty"));
        }
        buckets.push(Bucket { upper, series });
    }
    Ok(histograms.into_values().collect())
}

fn upper_edge(file: &str, series: &Series) -> Result<f64, FileError> {
    if !series.labels.contains_key("le") {
        return Err(at(file, series, "a histogram's series has no label `le`")
            .with_hint("select the buckets, such as `http_request_duration_seconds_bucket`"));
    }
    let edge = le(series).parse::<f64>().ok();
    edge.filter(|&edge| edge > f64::NEG_INFINITY).ok_or_else(|| {
        let problem = format!("`le` is \"{}\", which is no upper edge", shortened(le(series)));
        at(file, series, &problem).with_hint("write a number or +Inf")
    })
}

/// More edges are request ids in disguise.
const MOST_BUCKETS: usize = 1000;

impl Histogram {
    /// Puts buckets together, at the moments at which all of them were read: a bucket that is
    /// missing once is made up for at the next moment, and so are all others.
    pub(crate) fn of(
        file: &str,
        mut buckets: Vec<Bucket<'_>>,
        births: Births,
        side: Side,
    ) -> Result<Self, FileError> {
        buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
        let edges: Vec<f64> = buckets.iter().map(|bucket| bucket.upper).collect();
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return Ok(Self { edges, points: Vec::new(), line: 1 });
        };
        if last.upper != f64::INFINITY {
            return Err(at(file, last.series, "a histogram has no bucket `le=\"+Inf\"`")
                .with_hint("record all buckets; without the last one the slowest are not seen"));
        }
        let counts = whole_moments(&buckets);
        if counts.is_empty() && buckets.iter().any(|bucket| has_values(bucket.series)) {
            let problem = format!("at no moment are all {} buckets there", buckets.len());
            return Err(at(file, first.series, &problem)
                .with_hint("record every bucket at every moment, with the same time"));
        }
        let points = match last.series.counters {
            CounterForm::Unstated | CounterForm::Increments => counts,
            CounterForm::Cumulative => {
                joint_increments(counts, births.is_born_inside(last.series, side))
            }
        };
        Ok(Self { edges, points, line: line_of(first.series) })
    }

    /// Returns where the counts at some of the edges stand.
    fn positions(&self, edges: &[f64]) -> Vec<usize> {
        let position = |edge: &f64| self.edges.iter().position(|own| own == edge);
        edges.iter().filter_map(position).collect()
    }
}

/// Returns the counts of all buckets, at the moments at which none is missing.
fn whole_moments(buckets: &[Bucket<'_>]) -> Vec<Point<Vec<f64>>> {
    let mut samples: Vec<&[Sample]> =
        buckets.iter().map(|bucket| bucket.series.samples.as_slice()).collect();
    let mut moments = Vec::new();
    // Each round drops a sample or more, so that it ends.
    while let Some(time) = samples.iter().map(|left| left.first().map(|next| next.time)).max() {
        let Some(time) = time.filter(|_| samples.iter().all(|left| !left.is_empty())) else {
            return moments;
        };
        let mut counts = Vec::with_capacity(samples.len());
        for left in &mut samples {
            let earlier = left.iter().take_while(|sample| sample.time < time).count();
            *left = &left[earlier..];
            if let Some((sample, rest)) = left.split_first()
                && sample.time == time
            {
                counts.push(sample.value);
                *left = rest;
            }
        }
        if counts.len() == buckets.len() && counts.iter().all(|count| !count.is_nan()) {
            moments.push(Point { time, value: counts });
        }
    }
    moments
}

/// Adds up the histograms of one replica, at the edges that all of them have.
pub(crate) fn added_up(file: &str, histograms: &[Histogram]) -> Result<Observations, FileError> {
    let Some((first, others)) = histograms.split_first() else {
        return Ok(Observations::Value(Vec::new()));
    };
    let shared = |edge: &f64| others.iter().all(|other| other.edges.contains(edge));
    let edges: Vec<f64> = first.edges.iter().copied().filter(shared).collect();
    let finite = edges.iter().copied().filter(|edge| edge.is_finite()).collect();
    let Ok(bounds) = BucketBounds::new(finite) else {
        let problem = "the histograms of a replica share no finite edge";
        return Err(FileError::at_line(file, first.line, problem)
            .with_hint("record all buckets, not just the one with `le=\"+Inf\"`"));
    };
    let mut sums: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
    for histogram in histograms {
        let positions = histogram.positions(&edges);
        for point in &histogram.points {
            let sum = sums.entry(point.time).or_insert_with(|| vec![0.0; edges.len()]);
            for (sum, &position) in sum.iter_mut().zip(&positions) {
                *sum += point.value[position];
            }
        }
    }
    refuse_separate_buckets(file, first.line, &edges, sums.values())?;
    let point = |(time, at_or_below): (Timestamp, Vec<f64>)| Point {
        time,
        value: between_edges(&at_or_below),
    };
    Ok(Observations::Histogram { bounds, points: sums.into_iter().map(point).collect() })
}

/// Buckets that were read at different instants may disagree by an event or two. Where they disagree
/// by more they do not count what lies below their edge, but only what lies between two.
fn refuse_separate_buckets<'a>(
    file: &str,
    line: u64,
    edges: &[f64],
    counts: impl Iterator<Item = &'a Vec<f64>>,
) -> Result<(), FileError> {
    let mut totals = vec![0.0; edges.len()];
    for counts in counts {
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
    }
    let falls = |index: &usize| totals[*index] < 0.99 * totals[index - 1] - 10.0;
    let Some(index) = (1..edges.len()).find(falls) else { return Ok(()) };
    let problem = format!(
        "the bucket le=\"{}\" counts {} events, fewer than le=\"{}\" with {}",
        edges[index],
        totals[index],
        edges[index - 1],
        totals[index - 1]
    );
    Err(FileError::at_line(file, line, &problem)
        .with_hint("each bucket counts all events at or below its edge, as Prometheus does"))
}

/// Takes counts at or below each edge apart into counts between the edges; none is below zero.
fn between_edges(at_or_below: &[f64]) -> Vec<f64> {
    let below = std::iter::once(&0.0).chain(at_or_below);
    at_or_below.iter().zip(below).map(|(count, below)| (count - below).max(0.0)).collect()
}

fn le(series: &Series) -> &str {
    series.labels.get("le").map_or("", String::as_str)
}

fn has_values(series: &Series) -> bool {
    series.samples.iter().any(|sample| !sample.value.is_nan())
}

fn line_of(series: &Series) -> u64 {
    series.samples.first().map_or(1, |sample| sample.line)
}

fn at(file: &str, series: &Series, problem: &str) -> FileError {
    FileError::at_line(file, line_of(series), problem)
}
