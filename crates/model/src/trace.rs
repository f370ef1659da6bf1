//! What a judged metric looked like over time, for those who would rather look.

use crate::time::Timestamp;

/// One metric of both arms, a point a bin, as it was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The metric's name.
    pub metric: String,
    /// The bins of the control, ascending; a bin without data is absent.
    pub control: Vec<TracePoint>,
    /// The bins of the canary, ascending; a bin without data is absent.
    pub canary: Vec<TracePoint>,
}

/// One arm in one bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TracePoint {
    /// The start of the bin, in milliseconds since the Unix epoch.
    pub time: Timestamp,
    /// The mean of the replicas, in the metric's unit.
    pub value: f64,
    /// The lowest replica.
    pub lowest: f64,
    /// The highest replica.
    pub highest: f64,
}
