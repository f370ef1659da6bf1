//! Points of many replicas, put on the common clock.

use std::collections::BTreeMap;

use serin_model::{
    Arm, BucketBounds, Count, Observations, Point, Ratio, Step, Timestamp, TracePoint,
};

use crate::histogram::bucket_quantile;

/// Returns what the arm did in each bin it has a point in, ascending: each point becomes one number,
/// and all numbers of a bin are averaged over the replicas.
///
/// A ratio is read as bad over total, a count as events over exposure, a histogram as its 99th
/// percentile. A point in which nothing happened is a gap, NaN too, and the value of a bin that
/// holds nothing else is NaN.
pub(crate) fn averaged(arm: &Arm, step: Step) -> Vec<TracePoint> {
    let mut bins: BTreeMap<Timestamp, Average> = BTreeMap::new();
    for replica in &arm.replicas {
        for (time, value) in values(&replica.observations) {
            bins.entry(step.bin_of(time)).or_default().add(value);
        }
    }
    bins.into_iter().map(|(time, average)| average.at(time)).collect()
}

fn values(observations: &Observations) -> Vec<(Timestamp, f64)> {
    fn of<T>(points: &[Point<T>], read: impl Fn(&T) -> Option<f64>) -> Vec<(Timestamp, f64)> {
        points.iter().map(|point| (point.time, read(&point.value).unwrap_or(f64::NAN))).collect()
    }
    match observations {
        Observations::Ratio(points) => of(points, Ratio::value),
        Observations::Count(points) => of(points, Count::value),
        Observations::Histogram { bounds, points } => {
            of(points, |increments| percentile(bounds, increments))
        }
        Observations::Value(points) => of(points, |&value| Some(value)),
    }
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
                bin(point.time, &|sums| sums.divide(point.value.bad, point.value.total));
            }
        }
        Observations::Count(points) => {
            for point in points {
                bin(point.time, &|sums| sums.divide(point.value.events, point.value.exposure));
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
    },
    Stacked {
        bounds: BucketBounds,
        increments: Vec<f64>,
    },
    Averaged(Average),
}

impl Sums {
    fn divide(&mut self, more_above: f64, more_below: f64) {
        let (mut above, mut below) = (more_above, more_below);
        if let Self::Divided { above: so_far, below: so_far_below } = self {
            above += *so_far;
            below += *so_far_below;
        }
        *self = Self::Divided { above, below };
    }

    /// Replicas whose edges differ cannot be added; the first one's edges stand.
    fn stack(&mut self, edges: &BucketBounds, more: &[f64]) {
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
            Self::Divided { above, below } => {
                (*below > 0.0).then(|| Total { time, value: above / below, events: Some(*below) })
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
