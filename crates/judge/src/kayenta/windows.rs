//! When a run of several judgements looks, and at what.

use std::time::Duration;

use serin_model::{JudgementRun, Thresholds, Window};

/// One of several judgements: what it looks at on each side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JudgementWindow {
    /// The stretch of the control's time.
    pub control: Window,
    /// The stretch of the canary's time.
    pub canary: Window,
}

/// Returns the windows of all judgements of a run, in order.
///
/// Windows grow from the start, or slide when the run looks back. The part of the lifetime after
/// the last whole interval is never judged, as in Kayenta. At most
/// [`JudgementRun::MOST_JUDGEMENTS`] are made; a lifetime of less than a minute makes none.
#[must_use]
pub fn judgement_windows(run: &JudgementRun) -> Vec<JudgementWindow> {
    let interval = run.interval_minutes();
    let shift = if run.retrospective { Duration::ZERO } else { run.begin_after };
    let start = run.start.after(shift);
    (1..=made(run))
        .map(|k| {
            let end = start.after(minutes(k * interval));
            let begin = if run.lookback.is_zero() { start } else { end.before(run.lookback) };
            let canary = Window { start: begin, end };
            JudgementWindow { control: canary.shifted_back(run.control_offset), canary }
        })
        .collect()
}

/// Returns how much of the lifetime no judgement looks at.
#[must_use]
pub fn unjudged_remainder(run: &JudgementRun) -> Duration {
    let whole_minutes = run.lifetime.as_secs() / 60;
    minutes(whole_minutes - made(run) * run.interval_minutes())
}

fn made(run: &JudgementRun) -> u64 {
    run.judgements().min(JudgementRun::MOST_JUDGEMENTS)
}

/// Returns whether a run that ends with `score` passes, as the reference's orchestration sees it: a
/// score equal to the marginal threshold stops the run, although the judge calls it marginal.
///
/// A threshold that is `None` is not applied; with neither, everything passes.
#[must_use]
pub fn passes_thresholds(score: f64, pass: Option<f64>, marginal: Option<f64>) -> bool {
    marginal.is_none_or(|marginal| score > marginal) && pass.is_none_or(|pass| score >= pass)
}

/// Returns whether a judgement with `score` ends the run before its time.
#[must_use]
pub fn stops_the_run(score: f64, thresholds: Thresholds) -> bool {
    score <= thresholds.marginal()
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(60))
}
