//! What a live analysis has to tell while it goes on.

use std::time::Duration;

use serin_model::Timestamp;
use serin_report::LiveVerdict;

/// Hears how a live analysis goes.
pub trait Listener {
    /// Is told what happened.
    fn hear(&mut self, event: Event<'_>);
}

/// Nobody listens.
impl Listener for () {
    fn hear(&mut self, _: Event<'_>) {}
}

/// Something that happened in a live analysis.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// An arm is not there yet.
    Waiting {
        /// Who is missing.
        missing: Missing,
        /// When serin stops waiting.
        until: Timestamp,
    },
    /// The canary began, and when it is judged is known.
    Began {
        /// When it was first seen, or began as the command says.
        start: Timestamp,
        /// The first step that is judged.
        judged_from: Timestamp,
        /// Where the horizon is.
        horizon: Timestamp,
        /// Up to where it was judged before serin was started again.
        resumed_at: Option<Timestamp>,
    },
    /// Something a person should know, once.
    Warned(&'a str),
    /// The source gives no answer, and is asked again.
    Failing {
        /// What people call the source.
        source: &'a str,
        /// Why: completes a sentence that begins with the source.
        why: &'a str,
        /// What to do about it.
        hint: &'a str,
        /// When it is asked again.
        again_at: Timestamp,
    },
    /// The source answers again.
    Recovered {
        /// What people call the source.
        source: &'a str,
        /// How long it did not.
        after: Duration,
    },
    /// More was judged.
    Judged(LiveVerdict<'a>),
    /// Somebody wants to stop.
    Stopping,
}

/// Which arm is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// The control.
    Control,
    /// The canary.
    Canary,
    /// Both.
    Both,
}

impl Missing {
    /// Returns what people call it, as the subject of a sentence about the past.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "the control",
            Self::Canary => "the canary",
            Self::Both => "both arms",
        }
    }
}
