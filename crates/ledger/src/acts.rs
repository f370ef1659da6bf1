//! What was done about verdicts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use crate::event::{Cause, Event};
use crate::fact::{ActDone, Correction, Fact};
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::scope::Scope;

/// What was done about verdicts, or was not, and what became of it. To be projected for a service, or for all.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Acts {
    acts: BTreeMap<EventId, Act>,
    /// Which act each `act.done` ended.
    done: BTreeMap<EventId, EventId>,
}

/// Something that was done about a verdict, or would have been.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The first event that says so.
    pub id: EventId,
    /// What the verdict is about.
    pub scope: Scope,
    /// The verdict, where it is named by its id.
    pub verdict: Option<EventId>,
    /// What is done, in a few words.
    pub act: String,
    /// The rule that demanded it, or none where a person did.
    pub rule: Option<String>,
    /// The person who did it.
    pub by: Option<String>,
    /// How to take it back.
    pub undo: Option<String>,
    /// When it began, or was withheld.
    pub at: Timestamp,
    /// What became of it.
    pub state: ActState,
}

/// What became of an act.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ActState {
    /// Nothing yet.
    Begun {
        /// When it is over at the latest.
        until: Timestamp,
    },
    /// It was done.
    Done,
    /// It failed, or nobody knows.
    Failed {
        /// Why, in a sentence.
        why: String,
    },
    /// It was not done.
    Withheld {
        /// Why, in a sentence.
        why: String,
    },
    /// It was done, and taken back.
    Undone {
        /// By whom.
        by: String,
    },
}

impl Projection for Acts {
    const NAME: &'static str = "acts";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[
        Kind::ActBegun,
        Kind::ActDone,
        Kind::ActFailed,
        Kind::ActWithheld,
        Kind::ActUndone,
        Kind::Correction,
    ];

    fn apply(&mut self, event: &Event) {
        match event.fact() {
            Fact::ActBegun(begun) => {
                let state = ActState::Begun { until: begun.until };
                let act = Act { undo: begun.undo, ..Act::of(event, begun.act, state) };
                self.acts.insert(event.id, Act { rule: Some(begun.rule), ..act });
            }
            Fact::ActWithheld(withheld) => {
                let state = ActState::Withheld { why: withheld.why };
                let act = Act::of(event, withheld.act, state);
                self.acts.insert(event.id, Act { rule: Some(withheld.rule), ..act });
            }
            Fact::ActDone(done) => self.is_done(event, done),
            Fact::ActFailed(failed) => {
                let begun = event.first_cause().and_then(|begun| self.acts.get_mut(&begun));
                if let Some(act) = begun {
                    act.end(ActState::Failed { why: failed.why });
                }
            }
            Fact::ActUndone(person) => {
                if let Some(act) = event.first_cause().and_then(|done| self.of_done(done)) {
                    act.state = ActState::Undone { by: person.by };
                }
            }
            Fact::Correction(correction) => {
                if let Some(corrected) = event.first_cause() {
                    self.correct(corrected, correction);
                }
            }
            _ => {}
        }
    }
}

impl Acts {
    fn is_done(&mut self, event: &Event, done: ActDone) {
        let mut causes = event.header.causes.iter().filter_map(|cause| match cause {
            Cause::Event(id) => Some(*id),
            Cause::Key(_) => None,
        });
        let begun = causes.find(|cause| self.acts.contains_key(cause));
        let id = begun.unwrap_or(event.id);
        self.done.insert(event.id, id);
        match self.acts.get_mut(&id) {
            Some(act) => act.end(ActState::Done),
            None => {
                let act = Act::of(event, String::new(), ActState::Done);
                self.acts.insert(id, act.saying(done));
            }
        }
    }

    fn of_done(&mut self, done: EventId) -> Option<&mut Act> {
        self.acts.get_mut(self.done.get(&done)?)
    }

    /// Corrects what was done; one that is withdrawn was not.
    fn correct(&mut self, done: EventId, correction: Correction) {
        match correction.body.map(serde_json::from_value::<ActDone>) {
            None => {
                if let Some(act) = self.done.remove(&done) {
                    self.acts.remove(&act);
                }
            }
            Some(Ok(said)) => {
                if let Some(act) = self.of_done(done) {
                    *act = act.clone().saying(said);
                }
            }
            // Of a version that is not known here.
            Some(Err(_)) => {}
        }
    }

    /// Returns what was done about a verdict, or was not, in the order in which it was.
    pub fn about(&self, verdict: EventId) -> impl Iterator<Item = &Act> {
        self.acts.values().filter(move |act| act.verdict == Some(verdict))
    }

    /// Returns what was begun, and nobody said how it ended, though it must be over.
    pub fn overdue(&self, now: Timestamp) -> impl Iterator<Item = &Act> {
        let is_overdue =
            move |act: &&Act| matches!(act.state, ActState::Begun { until } if until < now);
        self.acts.values().filter(is_overdue)
    }
}

impl Act {
    fn of(event: &Event, act: String, state: ActState) -> Self {
        Self {
            id: event.id,
            scope: event.header.scope.clone(),
            verdict: event.first_cause(),
            act,
            rule: None,
            by: None,
            undo: None,
            at: event.header.occurred_at,
            state,
        }
    }

    fn saying(self, done: ActDone) -> Self {
        Self { act: done.act, rule: done.rule, by: done.by, undo: done.undo, ..self }
    }

    /// What ended first counts.
    fn end(&mut self, state: ActState) {
        if matches!(self.state, ActState::Begun { .. }) {
            self.state = state;
        }
    }
}
