//! What both judges say of the values of an arm.

use serin_model::{Summary, TracePoint};
use serin_stats::{moments, quantile_of_sorted};

/// Leaves out the points that no replica reported.
pub(crate) fn without_gaps(points: Vec<TracePoint>) -> Vec<TracePoint> {
    points.into_iter().filter(|point| !point.value.is_nan()).collect()
}

/// Sums up the values of an arm; of none all figures are zero.
///
/// * `sorted`: the same values in ascending order.
pub(crate) fn summary(values: &[f64], sorted: &[f64]) -> Summary {
    let Some(moments) = moments(values) else { return Summary::default() };
    Summary {
        points: moments.count,
        mean: moments.mean,
        median: quantile_of_sorted(sorted, 0.5).unwrap_or(moments.mean),
        standard_deviation: moments.standard_deviation(),
        minimum: moments.minimum,
        maximum: moments.maximum,
    }
}

/// Says which arm has nothing to compare, given how many values each reported.
pub(crate) fn missing(control: usize, canary: usize) -> &'static str {
    match (control, canary) {
        (0, 0) => "neither arm reported a value",
        (0, _) => "the control reported no values",
        (_, 0) => "the canary reported no values",
        (_, _) => "the arms never reported in the same step",
    }
}
