//! Whether the points lie where they should.

use std::time::Duration;

use serin_model::{Analysis, WarningCode};

use super::Doubts;
use crate::collect::{Series, Wanted};
use crate::increments::{gaps, median};

/// What is computed must be computed when it was asked for.
pub(super) fn other_moments(
    analysis: &Analysis,
    wanted: &Wanted,
    series: &[&Series],
    doubts: &mut Doubts,
) {
    let step = i64::from(analysis.step.seconds()) * 1000;
    let off = |series: &&Series| {
        series.samples.iter().any(|sample| sample.time.as_millis().rem_euclid(step) != 0)
    };
    if series.iter().any(off) {
        let text = format!(
            "the source computed the {} at other moments than the whole steps of {} s that it was \
             asked for; each value counts for the step it lies in",
            wanted.side.as_str(),
            step / 1000
        );
        doubts.warn(wanted.check, WarningCode::OtherStep, text);
    }
}

/// Points that lie further apart than a step leave bins empty.
pub(super) fn other_step(
    analysis: &Analysis,
    check: usize,
    arms: [&Vec<&Series>; 2],
    as_stored: bool,
    doubts: &mut Doubts,
) {
    let step = i64::from(analysis.step.seconds()) * 1000;
    let [control, canary] = arms.map(|series| usual_gap(series).unwrap_or_default());
    let is_wide = |gap: i64| gap > step + step / 2;
    let who = match (is_wide(control), is_wide(canary)) {
        (false, false) => return,
        (true, true) => "the arms have",
        (true, false) => "the control has",
        (false, true) => "the canary has",
    };
    let gap = rounded(control.max(canary));
    let more = if as_stored {
        ""
    } else {
        "; a range in the query, such as `[1m]`, must hold two samples or more"
    };
    let text = format!(
        "{who} a point every {gap} s, and the step is {} s: not every step has one; write a `step` of \
         {gap} s or more{more}",
        step / 1000
    );
    doubts.warn(check, WarningCode::OtherStep, text);
}

/// In whole seconds.
fn rounded(millis: i64) -> i64 {
    (millis + 500) / 1000
}

/// Returns how far apart the points of the usual series lie, in milliseconds.
pub(super) fn usual_gap(series: &[&Series]) -> Option<i64> {
    let of_one = |series: &&Series| gaps(series.samples.iter().map(|sample| sample.time));
    let gaps: Vec<Duration> = series.iter().flat_map(of_one).collect();
    let median = (gaps.len() >= FEWEST_GAPS).then(|| median(gaps)).flatten()?;
    i64::try_from(median.as_millis()).ok()
}

/// Fewer say nothing of how often a store is written to.
const FEWEST_GAPS: usize = 4;
