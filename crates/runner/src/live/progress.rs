//! How live analyses stand, and what happens in them.

use serde::{Deserialize, Serialize};
use serin_ledger::{Digest, Scope};
use serin_model::{Outcome, Timestamp, Verdict};

use super::overlap::Overlap;
use crate::watch::{Event, Listener};

/// What an analysis does at this moment, and why it does not judge where it does not.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// It waits for an arm to appear.
    Waiting {
        /// Who is missing, as the subject of a sentence about the past; nobody was looked for yet where it is
        /// empty.
        missing: String,
        /// When it gives up.
        until: Option<Timestamp>,
    },
    /// It judges, step by step.
    Judging,
    /// The source gives no answer, and is asked again.
    SourceFailing {
        /// Since when.
        since: Timestamp,
        /// Why: completes a sentence that begins with the source.
        why: String,
        /// What to do about it.
        hint: String,
        /// When it is asked again.
        again_at: Timestamp,
    },
    /// This machine's clock was set forwards, and the source has nothing of that time yet.
    ClockDoubted {
        /// Since when.
        since: Timestamp,
    },
    /// What it heard cannot be written down, and is not judged before it is.
    LedgerFailing {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
    /// It cannot go on, and somebody must have a look.
    Stuck {
        /// Why.
        why: String,
    },
}

impl State {
    /// The names of all states.
    pub const NAMES: [&'static str; 6] =
        ["waiting", "judging", "source_failing", "clock_doubted", "ledger_failing", "stuck"];

    /// Returns the name of the state, as it is serialized.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Judging => "judging",
            Self::SourceFailing { .. } => "source_failing",
            Self::ClockDoubted { .. } => "clock_doubted",
            Self::LedgerFailing { .. } => "ledger_failing",
            Self::Stuck { .. } => "stuck",
        }
    }

    /// Returns why nothing is judged, in words; nothing where it is.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Judging => None,
            Self::Waiting { missing, .. } if missing.is_empty() => None,
            Self::Waiting { missing, .. } => Some(format!("{missing} was not seen yet")),
            Self::SourceFailing { why, .. } => Some(format!("the source {why}")),
            Self::ClockDoubted { .. } => Some(
                "this machine's clock was set forwards, and the source has nothing of that time"
                    .to_owned(),
            ),
            Self::LedgerFailing { .. } => {
                Some("what was heard cannot be written down at the moment".to_owned())
            }
            Self::Stuck { why } => Some(why.clone()),
        }
    }
}

/// An analysis that runs, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The analysis, such as `analysis/5b1e…`.
    pub subject: String,
    /// What is analysed.
    pub scope: Scope,
    /// The change that is looked at.
    pub change: Option<String>,
    /// Whether nobody acts on it.
    pub shadow: bool,
    /// When it began.
    pub begun_at: Timestamp,
    /// What it does.
    pub state: State,
    /// When the canary began, once that is known.
    pub start: Option<Timestamp>,
    /// The first step that is judged.
    pub judged_from: Option<Timestamp>,
    /// Up to where it was judged.
    pub judged_to: Option<Timestamp>,
    /// Up to where it is judged at most.
    pub horizon: Option<Timestamp>,
    /// The outcome as it stands.
    pub outcome: Outcome,
    /// How many batches of points it took.
    pub batches: u64,
    /// What else changed, or is looked at, in the same scope.
    pub overlaps: Vec<Overlap>,
    /// What a person should know, each once.
    pub warnings: Vec<String>,
}

/// Something that happened in an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The analysis.
    pub subject: String,
    /// What is analysed.
    pub scope: Scope,
    /// When it happened, by the clock.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened in an analysis.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Somebody asked for it, or serin was started again and goes on with it.
    Taken {
        /// Up to where it was judged before serin was started again.
        resumed_at: Option<Timestamp>,
    },
    /// An arm is not there yet.
    Waiting {
        /// Who is missing.
        missing: String,
        /// When nobody waits any more.
        until: Timestamp,
    },
    /// The canary began.
    Began {
        /// When.
        start: Timestamp,
        /// The first step that is judged.
        judged_from: Timestamp,
        /// Up to where it is judged at most.
        horizon: Timestamp,
    },
    /// Something a person should know.
    Warned {
        /// What, in a sentence.
        text: String,
    },
    /// The source gives no answer.
    SourceFailing {
        /// Why: completes a sentence that begins with the source.
        why: String,
        /// What to do about it.
        hint: String,
        /// When it is asked again.
        again_at: Timestamp,
    },
    /// The source answers again.
    SourceBack {
        /// For how many seconds it did not.
        after_seconds: u64,
    },
    /// What was heard cannot be written down.
    LedgerFailing {
        /// Why.
        why: String,
    },
    /// This machine's clock was set.
    ClockSet {
        /// By how many milliseconds, below zero where it was set back.
        by_millis: i64,
    },
    /// More was judged.
    Judged {
        /// Up to where.
        judged_to: Timestamp,
        /// Up to where it is judged at most.
        horizon: Timestamp,
        /// The verdict as it stands. The values of the arms are those of the last batch; the evidence is that of
        /// all.
        verdict: Box<Verdict>,
    },
    /// It is over.
    Ended {
        /// The outcome.
        outcome: Outcome,
        /// Why, in a sentence.
        reason: String,
        /// The digest of the report, which is evidence of its `analysis.ended`.
        report: Digest,
    },
    /// It cannot go on.
    Stuck {
        /// Why.
        why: String,
    },
}

/// Hears what a machine tells, and notes what matters of it.
pub(super) struct Ear<'a> {
    pub(super) now: Timestamp,
    /// Whether the canary began.
    pub(super) has_begun: bool,
    pub(super) state: &'a mut State,
    pub(super) warnings: &'a mut Vec<String>,
    pub(super) said: Vec<What>,
}

impl Listener for Ear<'_> {
    fn hear(&mut self, event: Event<'_>) {
        let what = match event {
            Event::Waiting { missing, until } => {
                let missing = missing.as_str().to_owned();
                *self.state = State::Waiting { missing: missing.clone(), until: Some(until) };
                What::Waiting { missing, until }
            }
            Event::Began { start, judged_from, horizon, .. } => {
                *self.state = State::Judging;
                What::Began { start, judged_from, horizon }
            }
            Event::Warned(text) => {
                self.warnings.push(text.to_owned());
                What::Warned { text: text.to_owned() }
            }
            Event::Failing { why, hint, again_at, .. } => {
                let (why, hint) = (why.to_owned(), hint.to_owned());
                *self.state = State::SourceFailing {
                    since: self.now,
                    why: why.clone(),
                    hint: hint.clone(),
                    again_at,
                };
                What::SourceFailing { why, hint, again_at }
            }
            Event::Recovered { after, .. } => {
                *self.state = match self.has_begun {
                    true => State::Judging,
                    false => State::Waiting { missing: String::new(), until: None },
                };
                What::SourceBack { after_seconds: after.as_secs() }
            }
            Event::Judged(live) => What::Judged {
                judged_to: live.judged_to,
                horizon: live.horizon,
                verdict: Box::new(live.verdict.clone()),
            },
            Event::Stopping => return,
        };
        self.said.push(what);
    }
}
