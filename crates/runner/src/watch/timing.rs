//! When a live analysis begins, how long it goes on, and how late points may come.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serin_model::{Analysis, Step, Timestamp, Window};

use crate::usual::{HISTORY, HORIZON};

/// When the canary began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Start {
    /// When both arms are first seen.
    #[default]
    WhenSeen,
    /// Now: whoever says so knows that the canary runs, and its silence is evidence.
    Now,
    /// At a moment, most of all one that has passed.
    At(Timestamp),
}

/// What the command says of the time instead of the Check file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TimingAsked {
    /// When the canary began.
    pub start: Start,
    /// How long it is judged at most.
    pub horizon: Option<Duration>,
    /// How much of its beginning is left out.
    pub warm_up: Option<Duration>,
    /// How much of the control's past is learned from.
    pub history: Option<Duration>,
    /// How often the source is asked at most.
    pub every: Option<Duration>,
    /// How long after the end of a step its points may come.
    pub late: Option<Duration>,
}

/// The lengths of a live analysis.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// How long the canary is judged at most, and how long it is waited for.
    pub horizon: Duration,
    /// How much of the canary's beginning is left out.
    pub warm_up: Duration,
    /// How much of the control's past is learned from.
    pub history: Duration,
    /// How often the source is asked at most.
    pub every: Duration,
    /// How long after the end of a step its points may come.
    pub late: Duration,
    /// When the canary lives, where the Check file says so: it is looked for in there alone.
    pub within: Option<Window>,
}

impl Timing {
    /// Returns what the command says, else what the analysis says, else what `docs/defaults.md`
    /// argues for. A horizon is a step or more. A window that the analysis names is judged whole, from
    /// the canary's first step in it on, unless the command says when the canary began.
    #[must_use]
    pub fn of(analysis: &Analysis, asked: TimingAsked) -> Self {
        let step = length_of(analysis.step);
        let window = analysis.window.filter(|_| asked.start == Start::WhenSeen);
        let whole = window.map(|window| {
            let millis = window.end.as_millis().saturating_sub(window.start.as_millis());
            Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        });
        let written = (whole.or(analysis.horizon), whole.map(|_| Duration::ZERO));
        Self {
            horizon: asked.horizon.or(written.0).unwrap_or(HORIZON).max(step),
            warm_up: asked.warm_up.or(written.1).or(analysis.warm_up).unwrap_or(WARM_UP),
            history: asked.history.or(analysis.history).unwrap_or(HISTORY),
            every: asked.every.unwrap_or(EVERY),
            late: asked.late.unwrap_or(step),
            within: window,
        }
    }

    /// Returns the first step of a canary that is judged, and where the last one ends. Without a
    /// warm-up the first is the one that the canary began in, as in [`crate::ask`].
    pub(crate) fn judged(&self, start: Timestamp, step: Step) -> (Timestamp, Timestamp) {
        let one = length_of(step);
        let warm = start.after(self.warm_up);
        let first = if self.warm_up.is_zero() || step.bin_of(warm) == warm {
            step.bin_of(warm)
        } else {
            step.bin_of(warm.after(one))
        };
        let end = step.bin_of(first.after(self.horizon));
        let end = self.within.map_or(end, |window| end.min(step.bin_of(window.end)));
        (first, end.max(first.after(one)))
    }
}

const WARM_UP: Duration = Duration::from_secs(120);
const EVERY: Duration = Duration::from_secs(15);

pub(crate) fn length_of(step: Step) -> Duration {
    Duration::from_secs(step.seconds().into())
}
