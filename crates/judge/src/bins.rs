//! Points of many replicas, put on the common clock.

use std::collections::BTreeMap;

use serin_model::{Arm, BucketBounds, Count, Observations, Ratio, Step, Timestamp, TracePoint};

use crate::histogram::bucket_quantile;

/// Returns what the arm did in each bin it has a point in, ascending: each replica becomes one
/// number, and the numbers of a bin are averaged over the replicas, which count alike however often
/// each was read.
///
/// Within a replica counts are added up before they are divided, so that a total and its bad events
/// may be read at different instants of a bin: a ratio is bad over total, a count is events over
/// exposure, a histogram is its 99th percentile, a value is its mean. NaN is a gap, and the value of
/// a bin in which nothing happened is NaN.
pub(crate) fn averaged(arm: &Arm, step: Step) -> Vec<TracePoint> {
    let mut bins: BTreeMap<Timestamp, Average> = BTreeMap::new();
    for replica in &arm.replicas {
        let mut sums = BTreeMap::new();
        add_replica(&mut sums, &replica.observations, step);
        for (time, sums) in sums {
            let value = sums.total(time).map_or(f64::NAN, |total| total.value);
            bins.entry(time).or_default().add(value);
        }
    }
    bins.into_iter().map(|(time, average)| average.at(time)).collect()
}

fn percentile(bounds: &BucketBounds, increments: &[f64]) -> Option<f64> {
    bucket_quantile(bounds, increments, HISTOGRAM_QUANTILE)
}

/// Which quantile stands for a histogram where one number must.
pub(crate) const HISTOGRAM_QUANTILE: f64 = 0.99;

/// The running mean of one bin, with its extremes.
#[derive(Default)]
struct Average {
    sum: f64,
    count: u32,
    lowest: Option<f64>,
    highest: Option<f64>,
}

impl Average {
    fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.sum += value;
        self.count += 1;
        self.lowest = Some(self.lowest.map_or(value, |lowest| lowest.min(value)));
        self.highest = Some(self.highest.map_or(value, |highest| highest.max(value)));
    }

    fn at(&self, time: Timestamp) -> TracePoint {
        let value = self.sum / f64::from(self.count);
        let (lowest, highest) = (self.lowest.unwrap_or(value), self.highest.unwrap_or(value));
        TracePoint { time, value, lowest, highest }
    }
}

/// What an arm did as a whole in one bin: all its replicas added up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    /// The start of the bin.
    pub(crate) time: Timestamp,
    /// The arm's value.
    pub(crate) value: f64,
    /// How many events stand behind it, where the measure counts events.
    pub(crate) events: Option<f64>,
}

/// Returns what the arm did as a whole in each bin, ascending: counts are added up before they are
/// divided, values without a count are averaged. A bin in which nothing happened is absent.
pub(crate) fn totals(arm: &Arm, step: Step) -> Vec<Total> {
    let mut bins: BTreeMap<Timestamp, Sums> = BTreeMap::new();
    for replica in &arm.replicas {
        add_replica(&mut bins, &replica.observations, step);
    }
    let totals = bins.into_iter().filter_map(|(time, sums)| sums.total(time));
    totals.filter(|total| !total.value.is_nan()).collect()
}

fn add_replica(bins: &mut BTreeMap<Timestamp, Sums>, observations: &Observations, step: Step) {
    let mut bin = |time: Timestamp, add: &dyn Fn(&mut Sums)| {
        add(bins.entry(step.bin_of(time)).or_default());
    };
    match observations {
        Observations::Ratio(points) => {
            for point in points {
                let Ratio { bad, total } = point.value;
                bin(point.time, &|sums| sums.divide(bad, total, total));
            }
        }
        Observations::Count(points) => {
            for point in points {
                let Count { events, exposure } = point.value;
                bin(point.time, &|sums| sums.divide(events, exposure, events));
            }
        }
        Observations::Histogram { bounds, points } => {
            for point in points {
                bin(point.time, &|sums| sums.stack(bounds, &point.value));
            }
        }
        Observations::Value(points) => {
            for point in points {
                bin(point.time, &|sums| sums.average(point.value));
            }
        }
    }
}

#[derive(Default)]
enum Sums {
    #[default]
    Nothing,
    Divided {
        above: f64,
        below: f64,
        events: f64,
    },
    Stacked {
        bounds: BucketBounds,
        increments: Vec<f64>,
    },
    Averaged(Average),
}

impl Sums {
    fn divide(&mut self, more_above: f64, more_below: f64, more_events: f64) {
        if more_above.is_nan() || more_below.is_nan() {
            return;
        }
        let (mut above, mut below, mut events) = (more_above, more_below, more_events);
        if let Self::Divided { above: a, below: b, events: e } = self {
            above += *a;
            below += *b;
            events += *e;
        }
        *self = Self::Divided { above, below, events };
    }

    /// Replicas whose edges differ cannot be added; the first one's edges stand.
    fn stack(&mut self, edges: &BucketBounds, more: &[f64]) {
        if more.iter().any(|increment| increment.is_nan()) {
            return;
        }
        match self {
            Self::Stacked { bounds, increments } if bounds == edges => {
                increments.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
            Self::Stacked { .. } => {}
            Self::Nothing | Self::Divided { .. } | Self::Averaged(_) => {
                *self = Self::Stacked { bounds: edges.clone(), increments: more.to_vec() };
            }
        }
    }

    fn average(&mut self, value: f64) {
        match self {
            Self::Averaged(average) => average.add(value),
            Self::Nothing | Self::Divided { .. } | Self::Stacked { .. } => {
                let mut average = Average::default();
                average.add(value);
                *self = Self::Averaged(average);
            }
        }
    }

    fn total(&self, time: Timestamp) -> Option<Total> {
        match self {
            Self::Nothing => None,
            Self::Divided { above, below, events } => {
                (*below > 0.0).then(|| Total { time, value: above / below, events: Some(*events) })
            }
            Self::Stacked { bounds, increments } => Some(Total {
                time,
                value: percentile(bounds, increments)?,
                events: Some(increments.iter().sum()),
            }),
            Self::Averaged(average) => {
                Some(Total { time, value: average.at(time).value, events: None })
            }
        }
    }
}
