//! Having a folder's Checks come into force.

use std::collections::BTreeSet;

use serin_ledger::fact::{CheckApplied, CheckOrigin};
use serin_ledger::{
    AppliedChecks, Digest, Evidence, Fact, Invalid, Key, Ledger, Parcel, Refusal, Submission,
    limits,
};
use serin_model::Timestamp;
use serin_report::CheckState;

use super::error::ChecksError;
use super::plan::{ChecksPlan, PlannedCheck};
use super::written::{WrittenCheck, WrittenChecks};
use crate::moment::now;

/// How a folder is applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApplyAsked {
    /// Who applies it.
    pub by: String,
    /// Whether Checks that came from the folder and are no longer there are removed.
    pub prune: bool,
    /// How many percent of the folder's Checks in force may be removed at once; one may always.
    pub prune_limit: u8,
    /// Whether a folder without a Check is meant to be one.
    pub allow_empty: bool,
    /// Whether scopes are taken over whose Check came from another folder.
    pub take_over: bool,
}

impl ApplyAsked {
    /// How many percent may be removed at once, unless somebody says otherwise.
    pub const USUAL_PRUNE_LIMIT: u8 = 50;
}

/// Who says so: the `source` of all events that apply Checks.
const SOURCE: &str = "serin checks";

impl ChecksPlan {
    /// Looks whether it may be applied.
    ///
    /// # Errors
    ///
    /// Where there is no Check, too many would be removed, or others are in force.
    pub fn guard(&self, asked: &ApplyAsked) -> Result<(), ChecksError> {
        let folder = self.folder.name.clone();
        if self.written() == 0 && !asked.allow_empty {
            return Err(ChecksError::Empty { folder });
        }
        let taken = self.of_state(CheckState::Taken).filter_map(|check| {
            let origin = check.applied.as_ref()?.fact.origin.as_ref();
            let (other, file) =
                (origin.map(|it| it.folder.as_str()), &check.written.as_ref()?.file);
            Some(ChecksError::taken(&check.scope, file, other))
        });
        let taken: Vec<String> = taken.collect();
        if !taken.is_empty() && !asked.take_over {
            return Err(ChecksError::Taken { taken });
        }
        let left = self.of_state(CheckState::Left).count();
        let own = [CheckState::InSync, CheckState::Changed, CheckState::Left];
        let applied = own.into_iter().map(|state| self.of_state(state).count()).sum();
        let is_meant = self.written() == 0;
        let is_within = left <= 1 || left * 100 <= applied * usize::from(asked.prune_limit);
        if asked.prune && !is_meant && !is_within {
            let limit = asked.prune_limit;
            return Err(ChecksError::PrunesTooMuch { folder, left, applied, limit });
        }
        Ok(())
    }

    /// Returns whether applying it would change anything.
    #[must_use]
    pub fn has_changes(&self, asked: &ApplyAsked) -> bool {
        self.checks.iter().any(|check| check.is_altered(asked.prune))
    }

    /// Returns the events that apply it and their texts, to be taken as a whole or not at all; nothing where there is
    /// nothing to do.
    ///
    /// A key names the last event of its scope: of two that apply at once, one is refused.
    ///
    /// # Errors
    ///
    /// As [`guard`](Self::guard), or where something is too long for the ledger.
    pub fn parcel(
        &self,
        asked: &ApplyAsked,
        now: Timestamp,
    ) -> Result<Option<Parcel>, ChecksError> {
        self.guard(asked)?;
        let (mut events, mut evidence) = (Vec::new(), Vec::<Evidence>::new());
        let mut known = BTreeSet::new();
        for check in self.checks.iter().filter(|check| check.is_altered(asked.prune)) {
            let invalid = |invalid| ChecksError::Invalid { file: check.file(), invalid };
            let (event, texts) = self.submission(check, asked, now).map_err(invalid)?;
            events.push(event);
            evidence.extend(texts.into_iter().filter(|text| known.insert(text.digest())));
        }
        if events.is_empty() {
            return Ok(None);
        }
        if events.len() > limits::MOST_PARCEL_EVENTS {
            let (changes, most) = (events.len(), limits::MOST_PARCEL_EVENTS);
            return Err(ChecksError::TooManyChanges { changes, most });
        }
        let invalid = |invalid| ChecksError::Invalid { file: self.folder.name.clone(), invalid };
        Parcel::new(now, evidence, events).map(Some).map_err(invalid)
    }

    fn of_state(&self, state: CheckState) -> impl Iterator<Item = &PlannedCheck> {
        self.checks.iter().filter(move |check| check.state == state)
    }

    fn submission(
        &self,
        check: &PlannedCheck,
        asked: &ApplyAsked,
        now: Timestamp,
    ) -> Result<(Submission, Vec<Evidence>), Invalid> {
        let written = check.written.as_ref();
        let texts = written.map(WrittenCheck::named).unwrap_or_default();
        let evidence = written.map(WrittenCheck::evidence).transpose()?.unwrap_or_default();
        let fact = Fact::CheckApplied(CheckApplied {
            from: check.applied.as_ref().and_then(|applied| applied.fact.to),
            to: texts.first().map(|text| text.sha256),
            by: asked.by.clone(),
            reference: self.folder.commit.clone(),
            origin: Some(CheckOrigin {
                folder: self.folder.name.clone(),
                file: check.file(),
                commit: self.folder.commit.clone(),
                dirty: written.map_or(self.folder.dirty, |written| written.dirty),
            }),
            texts,
        });
        let subject = format!("check/{}", check.scope.service);
        let key = Key::new(SOURCE, check.source_id());
        let event = Submission::new(key, now, check.scope.clone(), subject, &fact)?;
        let mut digests: Vec<Digest> = evidence.iter().map(Evidence::digest).collect();
        let mut known = BTreeSet::new();
        digests.retain(|digest| known.insert(*digest));
        Ok((event.proven_by(digests)?, evidence))
    }
}

impl PlannedCheck {
    /// Returns whether applying changes anything for it.
    fn is_altered(&self, prune: bool) -> bool {
        match self.state {
            CheckState::NotApplied | CheckState::Changed | CheckState::Taken => true,
            CheckState::Left => prune,
            CheckState::Applied | CheckState::InSync => false,
        }
    }

    /// Returns its file in the folder, or where it was.
    fn file(&self) -> String {
        let origin = self.applied.as_ref().and_then(|applied| applied.fact.origin.as_ref());
        let written = self.written.as_ref().map(|written| written.file.clone());
        written.or_else(|| origin.map(|origin| origin.file.clone())).unwrap_or_default()
    }

    fn source_id(&self) -> String {
        let last = self.last_event.map(|event| event.to_string()).unwrap_or_default();
        let scope = serde_json::to_string(&self.scope).expect("a scope is texts");
        Digest::of(format!("{scope}\n{last}").as_bytes()).to_string()
    }
}

/// Applies a folder's Checks: all that changes, or nothing. Returns the plan that was carried out, and whether
/// anything was to do.
///
/// # Errors
///
/// [`ChecksError`]; then nothing is applied.
pub fn apply_checks(
    ledger: &mut Ledger,
    written: &WrittenChecks,
    asked: &ApplyAsked,
) -> Result<(ChecksPlan, bool), ChecksError> {
    for _ in 0..MOST_TRIES {
        let applied = ledger.project::<AppliedChecks>(None)?.state;
        let plan = ChecksPlan::of(written.clone(), &applied);
        let Some(parcel) = plan.parcel(asked, now())? else { return Ok((plan, false)) };
        match ledger.append(&[parcel])?.into_iter().next() {
            // Somebody else was faster; what they applied is looked at anew.
            Some(Err(Refusal::Conflict { .. })) => {}
            Some(Err(refusal)) => return Err(refusal.into()),
            Some(Ok(_)) | None => return Ok((plan, true)),
        }
    }
    Err(ChecksError::Contended)
}

const MOST_TRIES: usize = 4;
