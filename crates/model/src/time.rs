//! Event time: when something was measured, never when it was read.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A moment in event time, in milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a moment from milliseconds since the Unix epoch; any value is one.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Creates a moment from whole seconds since the Unix epoch, clamped to what
    /// milliseconds can hold (about 292 million years either way).
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the moment `later` after this one, clamped to the largest there is.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(millis(later)))
    }

    /// Returns the moment `earlier` before this one, clamped to the smallest there is.
    #[must_use]
    pub fn before(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(millis(earlier)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A stretch of event time: `start` is inside, `end` is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// The first moment inside, in milliseconds since the Unix epoch.
    pub start: Timestamp,
    /// The first moment after it, in milliseconds since the Unix epoch.
    pub end: Timestamp,
}

impl Window {
    /// All of time.
    pub const ALWAYS: Self =
        Self { start: Timestamp::from_millis(i64::MIN), end: Timestamp::from_millis(i64::MAX) };

    /// Returns whether `time` lies in the window.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Returns the window of the same length that ended `earlier` before this one.
    #[must_use]
    pub fn shifted_back(&self, earlier: Duration) -> Self {
        Self { start: self.start.before(earlier), end: self.end.before(earlier) }
    }
}

/// The resolution of an analysis: the length of one bin of the common clock.
///
/// Bins are aligned to the Unix epoch, so that two arms, two sources and two
/// runs agree on them. A step is from one second to 2³²−1 seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step(NonZeroU32);

impl Step {
    /// One minute, the resolution most dashboards have.
    pub const MINUTE: Self = Self(NonZeroU32::new(60).expect("sixty is not zero"));

    /// Creates a step of whole seconds, or returns `None` for zero.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Option<Self> {
        match NonZeroU32::new(seconds) {
            Some(seconds) => Some(Self(seconds)),
            None => None,
        }
    }

    /// Returns the length of the step in seconds, never zero.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0.get()
    }

    /// Returns the start of the bin that holds `time`.
    #[must_use]
    pub fn bin_of(self, time: Timestamp) -> Timestamp {
        let step = i64::from(self.0.get()) * 1000;
        Timestamp(time.0.div_euclid(step).saturating_mul(step))
    }
}
