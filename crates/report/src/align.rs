//! Arms that were measured at different times, laid over each other.

use std::borrow::Cow;

use serin_model::{Timestamp, Trace, TracePoint};

/// Returns a trace whose arms can be drawn over each other, and how many milliseconds later than it
/// was measured the control is drawn in it.
///
/// A control from the same hour of another day is moved to the canary's hour. One that was measured
/// together with the canary, or right before it, stays: its place in time says something.
pub(crate) fn aligned(trace: &Trace) -> (Cow<'_, Trace>, i64) {
    let later = shift(trace);
    if later == 0 {
        return (Cow::Borrowed(trace), 0);
    }
    let moved = |point: &TracePoint| {
        let time = Timestamp::from_millis(point.time.as_millis().saturating_add(later));
        TracePoint { time, ..*point }
    };
    let control = trace.control.iter().map(moved).collect();
    (Cow::Owned(Trace { control, ..trace.clone() }), later)
}

fn shift(trace: &Trace) -> i64 {
    let (Some(control), Some(canary)) = (span(&trace.control), span(&trace.canary)) else {
        return 0;
    };
    let apart = canary.0.saturating_sub(control.1).max(control.0.saturating_sub(canary.1));
    let longest = (control.1.saturating_sub(control.0)).max(canary.1.saturating_sub(canary.0));
    if apart > longest { canary.0.saturating_sub(control.0) } else { 0 }
}

/// Returns the first and the last moment of an arm in milliseconds; `None` without points.
fn span(points: &[TracePoint]) -> Option<(i64, i64)> {
    let times = || points.iter().map(|point| point.time.as_millis());
    Some((times().min()?, times().max()?))
}

/// Says how far the control was moved; empty when it was not.
pub(crate) fn in_words(later: i64) -> String {
    if later == 0 {
        return String::new();
    }
    let minutes = later.unsigned_abs() / 60_000;
    let length = match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    let side = if later > 0 { "earlier" } else { "later" };
    format!("The control was measured {length} {side} and is drawn at the canary’s time.")
}
