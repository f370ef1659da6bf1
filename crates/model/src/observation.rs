//! What the two arms of a canary were seen to do.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::measure::MeasureKind;
use crate::time::{Timestamp, Window};

/// One value at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<T> {
    /// When it was measured.
    pub time: Timestamp,
    /// What was measured.
    pub value: T,
}

/// Bad events out of all events, between two points of one replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Bad events; whole where the source counts, never negative.
    pub bad: f64,
    /// All events, the bad ones among them.
    pub total: f64,
}

impl Ratio {
    /// Returns bad out of total, or `None` when nothing happened.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.total > 0.0).then(|| self.bad / self.total)
    }
}

/// Events, and what they are relative to, between two points of one replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// How many events.
    pub events: f64,
    /// How many opportunities, in the unit the Check chose.
    pub exposure: f64,
}

impl Count {
    /// Returns events for each unit of exposure, or `None` without exposure.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.exposure > 0.0).then(|| self.events / self.exposure)
    }
}

/// The upper edges of a histogram's buckets.
///
/// Invariant: at least one, finite, strictly ascending. Above the last edge lies one more bucket,
/// without an upper edge.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketBounds(Vec<f64>);

impl BucketBounds {
    /// Creates the edges of a histogram.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Bounds`] when there are none, or when they are not finite and ascending.
    pub fn new(bounds: Vec<f64>) -> Result<Self, ShapeError> {
        let ascending = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if bounds.is_empty() || !ascending || bounds.iter().any(|bound| !bound.is_finite()) {
            return Err(ShapeError::Bounds);
        }
        Ok(Self(bounds))
    }

    /// Returns the finite upper edges, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }
}

/// What one replica reported of one metric, in ascending time.
#[derive(Clone, Debug, PartialEq)]
pub enum Observations {
    /// Of a ratio.
    Ratio(Vec<Point<Ratio>>),
    /// Of a histogram: the increments of each bucket (not cumulated), one more than bounds.
    Histogram {
        /// The upper edges.
        bounds: BucketBounds,
        /// Increments at each moment.
        points: Vec<Point<Vec<f64>>>,
    },
    /// Of a count.
    Count(Vec<Point<Count>>),
    /// Of a gauge or a ready-made quantile; NaN is a gap.
    Value(Vec<Point<f64>>),
}

impl Observations {
    /// Creates what a replica without a single point reported.
    #[must_use]
    pub fn nothing(kind: MeasureKind) -> Self {
        match kind {
            MeasureKind::Ratio => Self::Ratio(Vec::new()),
            MeasureKind::Count => Self::Count(Vec::new()),
            // A histogram that nobody filled has no edges to speak of.
            MeasureKind::Histogram | MeasureKind::Gauge | MeasureKind::Quantile => {
                Self::Value(Vec::new())
            }
        }
    }

    /// Returns the number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Ratio(points) => points.len(),
            Self::Histogram { points, .. } => points.len(),
            Self::Count(points) => points.len(),
            Self::Value(points) => points.len(),
        }
    }

    /// Returns whether there is not a single point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the points inside `window`.
    pub fn keep(&mut self, window: Window) {
        self.retain(|time| window.contains(time));
    }

    /// Adds the points of a later stretch of time. What is of another kind, or has other edges, is not of
    /// the same metric, and adds nothing.
    pub fn append(&mut self, later: Self) {
        match (self, later) {
            (Self::Ratio(points), Self::Ratio(mut more)) => points.append(&mut more),
            (Self::Count(points), Self::Count(mut more)) => points.append(&mut more),
            (Self::Value(points), Self::Value(mut more)) => points.append(&mut more),
            (
                Self::Histogram { bounds, points },
                Self::Histogram { bounds: other, points: mut more },
            ) if *bounds == other => {
                points.append(&mut more);
            }
            (_, _) => {}
        }
    }

    /// Keeps the points of the times that `is_kept` says.
    pub fn retain(&mut self, is_kept: impl Fn(Timestamp) -> bool) {
        match self {
            Self::Ratio(points) => points.retain(|point| is_kept(point.time)),
            Self::Histogram { points, .. } => points.retain(|point| is_kept(point.time)),
            Self::Count(points) => points.retain(|point| is_kept(point.time)),
            Self::Value(points) => points.retain(|point| is_kept(point.time)),
        }
    }

    /// Returns the times of the first and the last point.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Ratio(points) => span(points),
            Self::Histogram { points, .. } => span(points),
            Self::Count(points) => span(points),
            Self::Value(points) => span(points),
        }
    }
}

fn span<T>(points: &[Point<T>]) -> Option<(Timestamp, Timestamp)> {
    Some((points.first()?.time, points.last()?.time))
}

/// One pod, host or process of an arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// What the source calls it; empty when the source does not tell replicas apart.
    pub name: String,
    /// What it reported.
    pub observations: Observations,
}

/// One side of a canary: the replicas that run one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arm {
    /// The replicas, in the order of their names.
    pub replicas: Vec<Replica>,
}

impl Arm {
    /// Returns whether no replica reported a single point.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.replicas.iter().all(|replica| replica.observations.is_empty())
    }

    /// Keeps the points inside `window`.
    pub fn keep(&mut self, window: Window) {
        for replica in &mut self.replicas {
            replica.observations.keep(window);
        }
    }

    /// Adds what the same replicas reported in a later stretch of time, and what others did.
    pub fn append(&mut self, later: Self) {
        for replica in later.replicas {
            match self.replicas.binary_search_by(|known| known.name.cmp(&replica.name)) {
                Ok(at) => self.replicas[at].observations.append(replica.observations),
                Err(at) => self.replicas.insert(at, replica),
            }
        }
    }

    /// Returns the earliest and the latest moment any replica reported.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let spans = self.replicas.iter().filter_map(|replica| replica.observations.span());
        spans.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }
}

/// One metric, as the control and as the canary saw it.
///
/// The control always comes first: in fields, in arguments and in columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmPair {
    /// The version already trusted.
    pub control: Arm,
    /// The version under test.
    pub canary: Arm,
}

impl ArmPair {
    /// Returns whether neither arm reported a single point.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.control.is_silent() && self.canary.is_silent()
    }
}

/// What a source answered to one check.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSeries {
    /// The check's name.
    pub check: String,
    /// The labels that tell this answer from others to the same check; usually none.
    pub labels: BTreeMap<String, String>,
    /// What each arm reported.
    pub arms: ArmPair,
    /// How far each value looks back, where that is further than a step: neighbouring values share
    /// what they were made from.
    pub looks_back: Option<Duration>,
    /// Why there is no answer, where the source failed, in a sentence without a full stop. What the
    /// arms did is not known then, which is not the same as that they did nothing.
    pub failure: Option<String>,
}

impl MetricSeries {
    /// Creates the answer of a source that knows nothing of a check.
    #[must_use]
    pub fn nothing(check: &str) -> Self {
        Self {
            check: check.to_owned(),
            labels: BTreeMap::new(),
            arms: ArmPair::default(),
            looks_back: None,
            failure: None,
        }
    }

    /// Creates the answer of a source that failed.
    ///
    /// * `why`: a sentence without a full stop.
    #[must_use]
    pub fn failed(check: &str, why: String) -> Self {
        Self { failure: Some(why), ..Self::nothing(check) }
    }
}

/// Observations whose parts do not fit together.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Bucket edges out of order.
    #[error("a histogram needs at least one upper edge, finite and in ascending order")]
    Bounds,
}
