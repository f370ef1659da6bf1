//! What is done about verdicts of live analyses, by rules of those who run the server.
//!
//! An act is begun in the ledger before it is done: whoever finds it begun leaves it alone, so that a command that may
//! have run does not run again, whatever died when.

use std::collections::BTreeMap;
use std::time::Duration;

use serin_ledger::fact::{ActBegun, ActDone, ActFailed, ActWithheld, AnalysisEnded};
use serin_ledger::{
    Act, ActState, Cause, Event, EventId, Fact, Invalid, Key, Parcel, Scope, Submission,
};
use serin_model::{Outcome, Timestamp};

use crate::live::SOURCE;
use crate::watch::run_command;

/// Which verdicts demand what.
#[derive(Clone, Debug, PartialEq)]
pub struct ActingRule {
    /// What people call it; the ledger names it.
    pub name: String,
    /// The outcomes that demand it.
    pub outcomes: Vec<Outcome>,
    /// The only services that it is for; empty are all.
    pub services: Vec<String>,
    /// Labels that the scope of a verdict must have.
    pub labels: BTreeMap<String, String>,
    /// What the shell runs, with the report as JSON on its standard input.
    pub command: String,
    /// What that does, in a few words.
    pub act: String,
    /// How to take it back, in words.
    pub undo: Option<String>,
    /// How long the command may take.
    pub time: Duration,
    /// How old a verdict may be.
    pub within: Duration,
}

/// A rule demands an act about a verdict.
#[derive(Clone, Debug)]
pub struct ActAsked {
    rule: ActingRule,
    verdict: Event,
    ended: AnalysisEnded,
}

/// What came of an act.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Acted {
    /// The command ended well.
    Done,
    /// It did not; why, in a sentence that does not name it.
    Failed(String),
}

impl ActAsked {
    /// Returns what a rule demands about an event: nothing where it is no verdict of a live analysis, is in shadow, or
    /// not of those that the rule is for.
    #[must_use]
    pub fn of(rule: &ActingRule, event: &Event) -> Option<Self> {
        let Fact::AnalysisEnded(ended) = event.fact() else { return None };
        let header = &event.header;
        let Scope { service, labels } = &header.scope;
        let is_asked = header.key.source == SOURCE
            && !ended.shadow
            && rule.outcomes.contains(&ended.outcome)
            && (rule.services.is_empty() || rule.services.contains(service))
            && rule.labels.iter().all(|(name, value)| labels.get(name) == Some(value));
        is_asked.then(|| Self { rule: rule.clone(), verdict: event.clone(), ended })
    }

    /// Returns the rule.
    #[must_use]
    pub fn rule(&self) -> &ActingRule {
        &self.rule
    }

    /// Returns the event of the verdict.
    #[must_use]
    pub fn verdict(&self) -> &Event {
        &self.verdict
    }

    /// Returns from when on the verdict is too old to be acted upon.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.verdict.known_at.after(self.rule.within)
    }

    /// Says that it is about to be done. Only whoever has this taken by the ledger, and is not told that it was known,
    /// may do it.
    ///
    /// # Errors
    ///
    /// Where a text is too long.
    pub fn begins(&self, now: Timestamp) -> Result<Parcel, Invalid> {
        let fact = Fact::ActBegun(ActBegun {
            act: self.rule.act.clone(),
            rule: self.rule.name.clone(),
            undo: self.rule.undo.clone(),
            until: now.after(self.rule.time).after(TIME_TO_TELL),
        });
        self.parcel(now, &fact, &self.name(), vec![Cause::Event(self.verdict.id)])
    }

    /// Says that it is not done, now and later.
    ///
    /// # Errors
    ///
    /// Where a text is too long.
    pub fn is_withheld(&self, now: Timestamp, why: &str) -> Result<Parcel, Invalid> {
        let (act, rule) = (self.rule.act.clone(), self.rule.name.clone());
        let fact = Fact::ActWithheld(ActWithheld { act, rule, why: why.to_owned() });
        self.parcel(now, &fact, &self.name(), vec![Cause::Event(self.verdict.id)])
    }

    /// Does it. This blocks until the command has ended.
    ///
    /// * `report`: the report of the verdict, as JSON.
    #[must_use]
    pub fn act(&self, report: &str) -> Acted {
        let scope = &self.verdict.header.scope;
        let labels: Vec<String> =
            scope.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let variables = BTreeMap::from([
            ("SERIN_SERVICE", scope.service.clone()),
            ("SERIN_LABELS", labels.join(",")),
            ("SERIN_OUTCOME", self.ended.outcome.as_str().to_owned()),
            ("SERIN_REASON", self.ended.reason.clone().unwrap_or_default()),
            ("SERIN_CHANGE", self.ended.change.clone().unwrap_or_default()),
            ("SERIN_ANALYSIS", self.verdict.header.subject.clone()),
            ("SERIN_VERDICT", self.verdict.id.to_string()),
            ("SERIN_RULE", self.rule.name.clone()),
        ]);
        match run_command(&self.rule.command, &variables, report, self.rule.time) {
            Ok(()) => Acted::Done,
            Err(error) => Acted::Failed(format!("the command {}", error.failure)),
        }
    }

    /// Says what came of it.
    ///
    /// * `begun`: the event that it began with.
    ///
    /// # Errors
    ///
    /// Where a text is too long.
    pub fn ends(&self, now: Timestamp, begun: EventId, acted: &Acted) -> Result<Parcel, Invalid> {
        let (fact, causes) = match acted {
            Acted::Done => {
                let fact = ActDone {
                    act: self.rule.act.clone(),
                    rule: Some(self.rule.name.clone()),
                    by: None,
                    undo: self.rule.undo.clone(),
                };
                (Fact::ActDone(fact), vec![Cause::Event(self.verdict.id), Cause::Event(begun)])
            }
            Acted::Failed(why) => {
                (Fact::ActFailed(ActFailed { why: why.clone() }), vec![Cause::Event(begun)])
            }
        };
        self.parcel(now, &fact, &ended(begun), causes)
    }

    fn name(&self) -> String {
        format!("act/{}/{}", self.verdict.id, self.rule.name)
    }

    fn parcel(
        &self,
        now: Timestamp,
        fact: &Fact,
        source_id: &str,
        causes: Vec<Cause>,
    ) -> Result<Parcel, Invalid> {
        let (key, scope) = (Key::new(SOURCE, source_id), self.verdict.header.scope.clone());
        let event = Submission::new(key, now, scope, self.name(), fact)?.caused_by(causes)?;
        Parcel::new(now, Vec::new(), vec![event])
    }
}

/// Says of an act whose end nobody told of that nobody knows it.
///
/// # Errors
///
/// Never for an act that is in a ledger.
pub fn is_unknown(act: &Act, now: Timestamp) -> Result<Parcel, Invalid> {
    let fact = Fact::ActFailed(ActFailed { why: UNKNOWN.to_owned() });
    let key = Key::new(SOURCE, ended(act.id));
    let subject = match (&act.verdict, &act.rule) {
        (Some(verdict), Some(rule)) => format!("act/{verdict}/{rule}"),
        _ => "act".to_owned(),
    };
    let event = Submission::new(key, now, act.scope.clone(), subject, &fact)?
        .caused_by(vec![Cause::Event(act.id)])?;
    Parcel::new(now, Vec::new(), vec![event])
}

/// Returns an act's state in a sentence about it.
#[must_use]
pub fn act_in_words(state: &ActState) -> String {
    match state {
        ActState::Begun { .. } => "is being done".to_owned(),
        ActState::Done => "done".to_owned(),
        ActState::Failed { why } => format!("failed: {why}"),
        ActState::Withheld { why } => format!("not done: {why}"),
        ActState::Undone { by } => format!("done, and taken back by {by}"),
    }
}

/// An act ends once, whoever says how.
fn ended(begun: EventId) -> String {
    format!("act/{begun}/ended")
}

const UNKNOWN: &str =
    "serin ended while it was done, so that nobody knows whether it was: see to it by hand";

/// How long after a command may be over somebody may still say how it ended.
const TIME_TO_TELL: Duration = Duration::from_secs(60);
