//! What a metric measures, because the right comparison depends on it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to ask a metrics source for, in the source's own language.
///
/// Never empty. `$arm` in it stands for the label matchers of one arm.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query(String);

impl Query {
    /// Creates a query, or returns `None` when `text` is blank.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self(text.trim().to_owned()))
    }

    /// Returns the text as written, without the white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A metric's kind together with the queries that fetch it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Bad events out of all events. Both are counts; never a ready-made percentage.
    Ratio {
        /// Counts the bad events.
        bad: Query,
        /// Counts all events, the bad ones among them.
        total: Query,
    },
    /// A distribution, as increments of buckets labelled `le`.
    Histogram {
        /// Counts the events at or below each upper edge.
        buckets: Query,
    },
    /// Events, with what they are relative to.
    Count {
        /// Counts the events.
        events: Query,
        /// Counts the opportunities (requests, seconds); one a step and replica when absent.
        exposure: Option<Query>,
    },
    /// A level that goes up and down.
    Gauge {
        /// Reads the level.
        value: Query,
    },
    /// A quantile that somebody else computed, such as a vendor's p99.
    Quantile {
        /// Reads the quantile.
        value: Query,
    },
}

impl Measure {
    /// Returns each query with the key below a check under which a Check file has it, such as
    /// `ratio.bad`, in the order of the file.
    #[must_use]
    pub fn queries(&self) -> Vec<(&'static str, &Query)> {
        match self {
            Self::Ratio { bad, total } => vec![("ratio.bad", bad), ("ratio.total", total)],
            Self::Histogram { buckets } => vec![("histogram", buckets)],
            Self::Count { events, exposure } => {
                let exposure = exposure.iter().map(|query| ("count.exposure", query));
                std::iter::once(("count.events", events)).chain(exposure).collect()
            }
            Self::Gauge { value } => vec![("gauge", value)],
            Self::Quantile { value } => vec![("quantile", value)],
        }
    }

    /// Returns the kind alone.
    #[must_use]
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::Ratio { .. } => MeasureKind::Ratio,
            Self::Histogram { .. } => MeasureKind::Histogram,
            Self::Count { .. } => MeasureKind::Count,
            Self::Gauge { .. } => MeasureKind::Gauge,
            Self::Quantile { .. } => MeasureKind::Quantile,
        }
    }
}

/// The five kinds of metric.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Bad and total counts.
    Ratio,
    /// Bucket increments.
    Histogram,
    /// Events with an exposure.
    Count,
    /// A level.
    Gauge,
    /// A ready-made quantile.
    Quantile,
}

impl MeasureKind {
    /// Returns the word the Check file uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Histogram => "histogram",
            Self::Count => "count",
            Self::Gauge => "gauge",
            Self::Quantile => "quantile",
        }
    }
}

impl fmt::Display for MeasureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
