//! Changes that people and pipelines note.

use serin_ledger::fact::{Alteration, ChangeNoted};
use serin_ledger::{
    Cause, Digest, Entry, Event, EventId, Fact, Invalid, Key, Kind, Ledger, Receipt, Scope,
    ServiceHistory, Submission,
};
use serin_model::Timestamp;

use crate::entry::{EntryError, append};
use crate::moment::now;

/// A change as somebody notes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// What was altered, in the words of those who run it.
    pub scope: Scope,
    /// What was done.
    pub change: ChangeNoted,
    /// When it was, or began; this moment if nobody says.
    pub occurred_at: Option<Timestamp>,
    /// Who says so.
    pub source: String,
    /// What that source calls it. Without one it follows from everything else, the moment included.
    pub source_id: Option<String>,
    /// What analyses call it; without one it follows from the id.
    pub subject: Option<String>,
    /// The change that it takes back or mends: its subject or its event.
    pub of: Option<String>,
    /// What else led to it.
    pub causes: Vec<Cause>,
}

/// A change that is in the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Noted {
    /// Its event.
    pub receipt: Receipt,
    /// What analyses call it.
    pub subject: String,
    /// When it was.
    pub occurred_at: Timestamp,
    /// The change that it takes back or mends, where one was found.
    pub of: Option<String>,
}

/// Writes a change to a ledger.
///
/// The same id with the same content is the same change, however often it is noted; what a note leaves open
/// then is what it was the first time. A rollback that does not say what it takes back takes back the newest
/// change of its scope before it, which must have gone to the version that it comes from, where it names one.
///
/// # Errors
///
/// Where the ledger does not take it, or has no such change as it shall take back.
pub fn note(ledger: &mut Ledger, note: &Note) -> Result<Noted, EntryError> {
    note_at(ledger, note, now())
}

/// Writes a change to a ledger, as [`note`] does, by another clock than this machine's.
///
/// * `now`: what time it is.
///
/// # Errors
///
/// As for [`note`].
pub fn note_at(ledger: &mut Ledger, note: &Note, now: Timestamp) -> Result<Noted, EntryError> {
    let PreparedNote { submission, occurred_at, of } = note.prepare(ledger, now)?;
    let subject = submission.header().subject.clone();
    let receipt = append(ledger, submission, now)?;
    Ok(Noted { receipt, subject, occurred_at, of })
}

/// A change as it is to be written, by somebody who writes for many.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedNote {
    /// Its event.
    pub submission: Submission,
    /// When it was.
    pub occurred_at: Timestamp,
    /// The change that it takes back or mends, where one was found.
    pub of: Option<String>,
}

impl Note {
    /// Finds out what an event of it says, as [`note`] writes it; nothing is written.
    ///
    /// * `now`: what time it is.
    ///
    /// # Errors
    ///
    /// Where it is no event, or the ledger cannot be read, or has no such change as it shall take back.
    pub fn prepare(&self, ledger: &mut Ledger, now: Timestamp) -> Result<PreparedNote, EntryError> {
        let occurred_at = self.occurred_at.unwrap_or(now);
        let id = self.id(occurred_at)?;
        let known = ledger.event_of_key(&Key::new(&self.source, &id))?;
        let occurred_at = match (&known, self.occurred_at) {
            (Some(known), None) => known.header.occurred_at,
            (_, _) => occurred_at,
        };
        let linked = self.linked(ledger)?;
        let (causes, of) = match &known {
            Some(known) if self.of.is_none() => {
                let causes = known.header.causes.clone();
                let of = match causes.is_empty() {
                    true => None,
                    false => taken_back(&self.history(ledger)?, known),
                };
                (causes, of.or(linked))
            }
            Some(_) | None => self.caused(ledger, occurred_at, linked)?,
        };
        let submission = self.submission(&id, occurred_at)?.caused_by(causes)?;
        Ok(PreparedNote { submission, occurred_at, of })
    }

    fn history(&self, ledger: &mut Ledger) -> Result<ServiceHistory, EntryError> {
        Ok(ledger.project::<ServiceHistory>(Some(&self.scope.service))?.state)
    }

    /// Looks whether a ledger could take it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Invalid> {
        let moment = self.occurred_at.unwrap_or(Timestamp::from_millis(0));
        self.submission(&self.id(moment)?, moment)?.caused_by(self.causes.clone()).map(drop)
    }

    /// Returns what its source calls it, or else what follows from all that it says.
    fn id(&self, occurred_at: Timestamp) -> Result<String, Invalid> {
        if let Some(id) = &self.source_id {
            return Ok(id.clone());
        }
        let body = Fact::ChangeNoted(self.change.clone()).body()?;
        let parts = [
            self.scope.to_string(),
            body.as_str().to_owned(),
            occurred_at.as_millis().to_string(),
            self.of.clone().unwrap_or_default(),
        ];
        let digest = Digest::of(parts.join("\n").as_bytes()).to_string();
        Ok(digest.get(..ID_CHARACTERS).unwrap_or(&digest).to_owned())
    }

    fn submission(&self, id: &str, occurred_at: Timestamp) -> Result<Submission, Invalid> {
        let subject = self.subject.clone().unwrap_or_else(|| format!("change/{id}"));
        let fact = Fact::ChangeNoted(self.change.clone());
        let key = Key::new(&self.source, id);
        Submission::new(key, occurred_at, self.scope.clone(), subject, &fact)
    }

    /// Returns what analyses call the first of its causes that is a change which the ledger has.
    fn linked(&self, ledger: &mut Ledger) -> Result<Option<String>, EntryError> {
        for cause in &self.causes {
            let event = match cause {
                Cause::Event(id) => ledger.event(*id)?,
                Cause::Key(key) => ledger.event_of_key(key)?,
            };
            let is_change = |event: &Event| event.header.kind == Kind::ChangeNoted;
            if let Some(event) = event.filter(is_change) {
                return Ok(Some(event.header.subject));
            }
        }
        Ok(None)
    }

    /// Returns what led to it, and the subject of the change that it takes back or mends.
    fn caused(
        &self,
        ledger: &mut Ledger,
        occurred_at: Timestamp,
        linked: Option<String>,
    ) -> Result<(Vec<Cause>, Option<String>), EntryError> {
        let mut causes = self.causes.clone();
        let is_rollback = self.change.what == Alteration::Rollback && linked.is_none();
        if self.of.is_none() && !is_rollback {
            return Ok((causes, linked));
        }
        let history = self.history(ledger)?;
        let changes = history.changes();
        let found = match &self.of {
            Some(name) => Some(named(&changes, name).ok_or_else(|| self.no_such_change(name))?),
            None => self.newest_before(&changes, occurred_at),
        };
        causes.extend(found.map(|change| Cause::Event(change.id)));
        Ok((causes, found.map(|change| change.subject.clone()).or(linked)))
    }

    fn newest_before<'a>(
        &self,
        changes: &[&'a Entry<ChangeNoted>],
        occurred_at: Timestamp,
    ) -> Option<&'a Entry<ChangeNoted>> {
        let is_meant = |change: &&&Entry<ChangeNoted>| {
            let comes_from = self.change.from.as_ref();
            change.scope == self.scope
                && change.occurred_at < occurred_at
                && can_be_taken_back(change.fact.what)
                && comes_from.is_none_or(|from| change.fact.to.as_ref() == Some(from))
        };
        changes.iter().rfind(is_meant).copied()
    }

    fn no_such_change(&self, name: &str) -> EntryError {
        let service = &self.scope.service;
        EntryError::NotFound {
            problem: format!("the ledger has no change `{name}` of `{service}`"),
            hint: format!(
                "name its subject or its event, as `serin changes --service {service}` lists them"
            ),
        }
    }
}

/// As many as people can copy, and far more than two notes of one service share by chance.
const ID_CHARACTERS: usize = 16;

fn can_be_taken_back(what: Alteration) -> bool {
    match what {
        Alteration::Deploy
        | Alteration::Config
        | Alteration::Flag
        | Alteration::Infrastructure
        | Alteration::Manual => true,
        Alteration::Heal | Alteration::Rollback => false,
    }
}

/// Returns the newest change of a subject, or the one of an event.
fn named<'a>(changes: &[&'a Entry<ChangeNoted>], name: &str) -> Option<&'a Entry<ChangeNoted>> {
    let id = name.parse::<EventId>().ok();
    let is_named = |change: &&&Entry<ChangeNoted>| change.subject == name || Some(change.id) == id;
    changes.iter().rfind(is_named).copied()
}

/// Returns the subject of the change that an event takes back, by its causes.
fn taken_back(history: &ServiceHistory, event: &Event) -> Option<String> {
    let changes = history.changes();
    let is_cause =
        |change: &&&Entry<ChangeNoted>| event.header.causes.contains(&Cause::Event(change.id));
    changes.iter().find(is_cause).map(|change| change.subject.clone())
}
