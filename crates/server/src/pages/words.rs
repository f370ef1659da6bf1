//! What several pages say in the same words.

use serin_ledger::{Scope, Verdict};
use serin_model::{Outcome, Timestamp};
use serin_runner::live::{Snapshot, State};

use crate::moment::Moment;

/// How an outcome looks: the class of its colour, its sign, and its word.
pub(super) fn outcome(outcome: Outcome) -> (&'static str, char, &'static str) {
    match outcome {
        Outcome::Pass => ("good", '✓', "Pass"),
        Outcome::Fail => ("bad", '✗', "Fail"),
        Outcome::Inconclusive => ("unclear", '?', "Inconclusive"),
    }
}

/// Returns a moment to the second, such as `2026-11-23 08:30:00`.
pub(super) fn moment(moment: Timestamp) -> String {
    let text = Moment(moment).to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// Returns a service with what tells apart where it runs.
pub(super) fn scope(scope: &Scope) -> String {
    scope.to_string()
}

/// An analysis that runs, in a row of a table.
#[derive(Debug)]
pub(super) struct RunningRow {
    pub(super) id: String,
    pub(super) service: String,
    pub(super) scope: String,
    pub(super) tone: &'static str,
    pub(super) symbol: char,
    pub(super) word: &'static str,
    /// Why it does not judge, where it does not.
    pub(super) why: Option<String>,
    pub(super) change: Option<String>,
    pub(super) is_shadow: bool,
    pub(super) judged_to: String,
    pub(super) horizon: String,
}

impl From<&Snapshot> for RunningRow {
    fn from(it: &Snapshot) -> Self {
        let (tone, symbol, word) = standing(it);
        let or_none = |at: Option<Timestamp>| at.map_or_else(|| "–".to_owned(), moment);
        Self {
            id: it.subject.strip_prefix("analysis/").unwrap_or(&it.subject).to_owned(),
            service: it.scope.service.clone(),
            scope: scope(&it.scope),
            tone,
            symbol,
            word,
            why: it.state.why(),
            change: it.change.clone(),
            is_shadow: it.shadow,
            judged_to: or_none(it.judged_to),
            horizon: or_none(it.horizon),
        }
    }
}

/// How an analysis that runs looks: undecided is no bad sign yet.
pub(super) fn standing(it: &Snapshot) -> (&'static str, char, &'static str) {
    match (&it.state, it.outcome) {
        (State::Judging, Outcome::Inconclusive) => ("", '…', "Not yet"),
        (State::Judging, decided) => outcome(decided),
        (State::Waiting { .. }, _) => ("", '…', "Waiting"),
        (State::SourceFailing { .. }, _) => ("unclear", '!', "No data"),
        (State::ClockDoubted { .. }, _) => ("unclear", '!', "Clock doubted"),
        (State::LedgerFailing { .. }, _) => ("unclear", '!', "Ledger failing"),
        (State::Stuck { .. }, _) => ("bad", '!', "Stuck"),
    }
}

/// A verdict, in a row.
#[derive(Debug)]
pub(super) struct VerdictRow {
    pub(super) id: String,
    pub(super) service: String,
    pub(super) scope: String,
    pub(super) tone: &'static str,
    pub(super) symbol: char,
    pub(super) word: &'static str,
    pub(super) reason: String,
    pub(super) at: String,
}

impl From<&Verdict> for VerdictRow {
    fn from(verdict: &Verdict) -> Self {
        let entry = &verdict.entry;
        let (tone, symbol, word) = outcome(entry.fact.outcome);
        Self {
            id: entry.id.to_string(),
            service: entry.scope.service.clone(),
            scope: scope(&entry.scope),
            tone,
            symbol,
            word,
            reason: entry.fact.reason.clone().unwrap_or_default(),
            at: moment(entry.occurred_at),
        }
    }
}

/// Something that is known, with its name.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// The page that says more.
    pub(super) link: Option<String>,
}

impl Fact {
    pub(super) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), link: None }
    }

    pub(super) fn at(self, link: String) -> Self {
        Self { link: Some(link), ..self }
    }
}

/// Returns what somebody wrote into a field that may be left empty.
pub(super) fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|it| !it.is_empty())
}

/// Writes a text as a part of an address.
pub(super) fn in_address(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Returns the page of a change.
pub(super) fn page_of_change(subject: &str, service: &str) -> String {
    format!("/changes/{}?service={}", in_address(subject), in_address(service))
}
