//! Waiting for both arms to appear.

use std::time::Duration;

use serin_model::{Analysis, Arm, MetricSeries, Timestamp, Window};

use super::ending::End;
use super::event::{Event, Listener, Missing};
use super::feed::Outage;
use super::machine::{Machine, Phase, Wish};
use super::timing::length_of;

impl Machine {
    /// Says what it wants while the arms are waited for, at most for the horizon.
    pub(super) fn wish_for_arms(&mut self, now: Timestamp) -> Wish {
        if self.is_stopped {
            return self.end(End::Stopped);
        }
        if let Some(moment) = self.rests_until.filter(|moment| now < *moment) {
            return Wish::Wait(moment);
        }
        let until = self.complete_until(now);
        let since = self.complete_until(self.memory.waiting_since).min(until);
        let step = length_of(self.analysis.step);
        let looked_back = until.before(self.timing.warm_up).before(step * LOOK_BACK_STEPS);
        let Phase::Arms { answered_until, .. } = &self.phase else { return Wish::Begin };
        // After an outage, or after serin was started again, what happened meanwhile is looked at, too.
        let answered_until = answered_until.unwrap_or(since);
        Wish::Look(match self.timing.within {
            Some(within) => Window { end: until.min(within.end), ..within },
            None => Window { start: looked_back.min(answered_until.before(step)), end: until },
        })
    }

    /// Returns when nobody is waited for any more.
    fn gives_up_at(&self) -> Timestamp {
        let give_up = self.memory.waiting_since.after(self.timing.horizon);
        let end = self.end_of_points().map(|end| end.after(self.timing.late));
        let give_up = end.map_or(give_up, |end| give_up.min(end));
        let within = self.timing.within;
        within.map_or(give_up, |it| give_up.min(it.end.after(self.timing.late)))
    }

    /// Begins if both arms are there, and else waits on or gives up.
    ///
    /// * `until`: up to where it looked.
    pub(super) fn looked_for_arms(
        &mut self,
        until: Timestamp,
        answer: Result<Vec<MetricSeries>, Outage>,
        now: Timestamp,
        listener: &mut dyn Listener,
    ) {
        let give_up = self.gives_up_at();
        let wait = match answer {
            Ok(series) => {
                self.recovered(now, listener);
                match first_seen(&self.analysis, &series) {
                    Ok(start) => {
                        self.begin(start);
                        return;
                    }
                    Err(who) => self.note_missing(who, until, give_up, listener),
                }
                self.timing.every.max(Duration::from_secs(1))
            }
            Err(outage) => {
                let Some(pause) = self.failed(outage, give_up, now, listener) else { return };
                pause
            }
        };
        if now >= give_up {
            self.give_up();
        } else {
            self.rests_until = Some(now.after(wait).min(give_up));
        }
    }

    fn note_missing(
        &mut self,
        who: Missing,
        until: Timestamp,
        give_up: Timestamp,
        listener: &mut dyn Listener,
    ) {
        let Phase::Arms { answered_until, missing, .. } = &mut self.phase else { return };
        *answered_until = Some(until);
        if missing.replace(who) != Some(who) {
            listener.hear(Event::Waiting { missing: who, until: give_up });
        }
    }

    fn give_up(&mut self) {
        let Phase::Arms { missing, .. } = &self.phase else { return };
        match (*missing, self.timing.within) {
            _ if self.failing.is_some() => self.end(End::Unanswered),
            (None, _) => self.end(End::Unanswered),
            // The Check file says when it lived: it was silent all that time.
            (Some(Missing::Canary), Some(within)) => self.begin(within.start),
            (Some(missing), _) => self.end(End::NeverCame(missing)),
        };
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
