//! Waiting for both arms to appear.

use std::time::Duration;

use serin_model::{Analysis, Arm, MetricSeries, Timestamp, Window};

use super::ending::End;
use super::event::{Event, Missing};
use super::session::Session;
use super::timing::length_of;
use crate::error::RunError;

impl Session<'_> {
    /// Waits until both arms are there, at most for the horizon, and returns when they were.
    pub(super) fn wait_for_arms(&mut self) -> Result<Result<Timestamp, End>, RunError> {
        let step = length_of(self.analysis.step);
        let give_up = self.state.waiting_since.after(self.timing.horizon);
        let end = self.end_of_points().map(|end| end.after(self.timing.late));
        let give_up = end.map_or(give_up, |end| give_up.min(end));
        let within = self.timing.within;
        let give_up = within.map_or(give_up, |it| give_up.min(it.end.after(self.timing.late)));
        let mut answered_until = self.complete_until();
        let mut missing = None;
        loop {
            if self.tools.interrupt.is_stopped() {
                return Ok(Err(End::Stopped));
            }
            let until = self.complete_until();
            let looked_back = until.before(self.timing.warm_up).before(step * LOOK_BACK_STEPS);
            // After an outage, what happened meanwhile is looked at, too.
            let window = match within {
                Some(within) => Window { end: until.min(within.end), ..within },
                None => Window { start: looked_back.min(answered_until.before(step)), end: until },
            };
            let wait = match self.tools.feed.look(window, self.tools.interrupt) {
                Ok(series) => {
                    self.recovered();
                    answered_until = until;
                    match first_seen(&self.analysis, &series) {
                        Ok(start) => return Ok(Ok(start)),
                        Err(who) if missing != Some(who) => {
                            missing = Some(who);
                            self.tell(Event::Waiting { missing: who, until: give_up });
                        }
                        Err(_) => {}
                    }
                    self.timing.every.max(Duration::from_secs(1))
                }
                Err(outage) => self.failed(outage, give_up)?,
            };
            let now = self.tools.clock.now();
            if now >= give_up {
                return Ok(match (missing, within) {
                    _ if self.failing.is_some() => Err(End::Unanswered),
                    (None, _) => Err(End::Unanswered),
                    // The Check file says when it lived: it was silent all that time.
                    (Some(Missing::Canary), Some(within)) => Ok(within.start),
                    (Some(missing), _) => Err(End::NeverCame(missing)),
                });
            }
            self.tools.clock.wait(now.after(wait).min(give_up), self.tools.interrupt);
        }
    }
}

/// Returns since when both arms are there, or who is not.
fn first_seen(analysis: &Analysis, series: &[MetricSeries]) -> Result<Timestamp, Missing> {
    let first = |arm: fn(&MetricSeries) -> &Arm| {
        series.iter().filter_map(|answer| arm(answer).span()).map(|(first, _)| first).min()
    };
    let canary = first(|answer| &answer.arms.canary);
    let control = first(|answer| &answer.arms.control);
    match (control, canary) {
        (_, Some(canary)) if analysis.arms.control_window.is_some() => Ok(canary),
        (Some(control), Some(canary)) => Ok(canary.max(control)),
        (Some(_), None) => Err(Missing::Canary),
        (None, Some(_)) => Err(Missing::Control),
        (None, None) => Err(Missing::Both),
    }
}

/// How many steps before now an arm is looked for, beside the warm-up: a canary may have begun a
/// little before serin did.
const LOOK_BACK_STEPS: u32 = 5;
