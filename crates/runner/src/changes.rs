//! What is known to be good, and what changed since.

use std::collections::BTreeMap;

use serin_ledger::fact::{Alteration, ChangeNoted, Judge};
use serin_ledger::{Entry, ITSELF, KnownGood, Ledger, Scope, ServiceHistory};
use serin_model::{JudgeRevision, Timestamp};
use serin_report::{ChangesReport, KnownGoodChange, NotedChange, Proof, ScopeChanges};

use crate::entry::EntryError;

/// Which changes somebody wants to see.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChangesAsked {
    /// The service.
    pub service: String,
    /// Only scopes with these labels; they may have others.
    pub labels: BTreeMap<String, String>,
    /// After this moment; else after the change that is known to be good, or all where none is.
    pub since: Option<Timestamp>,
}

/// Says of each scope of a service what is known to be good, and what changed since.
///
/// # Errors
///
/// Where the ledger cannot be read, or knows no such scope.
pub fn changes(ledger: &mut Ledger, asked: &ChangesAsked) -> Result<ChangesReport, EntryError> {
    let history = ledger.project::<ServiceHistory>(Some(&asked.service))?.state;
    let has_labels = |scope: &&&Scope| {
        asked.labels.iter().all(|(name, value)| scope.labels.get(name) == Some(value))
    };
    let scopes = history.scopes();
    let scopes: Vec<ScopeChanges> = scopes
        .iter()
        .filter(has_labels)
        .map(|scope| of_scope(&history, scope, asked.since))
        .collect();
    if scopes.is_empty() {
        return Err(no_such_scope(ledger, asked)?);
    }
    Ok(ChangesReport {
        version: ChangesReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: asked.service.clone(),
        since: asked.since,
        scopes,
    })
}

fn of_scope(history: &ServiceHistory, scope: &Scope, since: Option<Timestamp>) -> ScopeChanges {
    let good = history.known_good(scope);
    // Nothing occurs before 1970.
    let all = Timestamp::from_millis(-1);
    let after = since.or(good.map(|good| good.change.occurred_at)).unwrap_or(all);
    ScopeChanges {
        labels: scope.labels.clone(),
        known_good: good.map(known_good),
        changes: history.changes_since(Some(scope), after).into_iter().map(noted).collect(),
    }
}

fn known_good(good: KnownGood<'_>) -> KnownGoodChange {
    let verdict = &good.proof.entry;
    KnownGoodChange {
        change: noted(good.change),
        proof: Proof {
            event: verdict.id.to_string(),
            analysis: verdict.subject.clone(),
            judge: revision(&verdict.fact.judge),
            occurred_at: verdict.occurred_at,
            reason: verdict.fact.reason.clone(),
        },
    }
}

pub(crate) fn revision(judge: &Judge) -> JudgeRevision {
    JudgeRevision { name: judge.name.clone(), revision: judge.revision }
}

fn noted(change: &Entry<ChangeNoted>) -> NotedChange {
    let fact = &change.fact;
    NotedChange {
        event: change.id.to_string(),
        subject: change.subject.clone(),
        what: alteration_in_words(fact.what).to_owned(),
        from: fact.from.clone(),
        to: fact.to.clone(),
        reference: fact.reference.clone(),
        note: fact.note.clone(),
        occurred_at: change.occurred_at,
        ended_at: fact.ended_at,
        known_at: change.known_at,
    }
}

/// Returns the word for what a change alters, as events carry it.
fn alteration_in_words(what: Alteration) -> &'static str {
    match what {
        Alteration::Deploy => "deploy",
        Alteration::Config => "config",
        Alteration::Flag => "flag",
        Alteration::Infrastructure => "infrastructure",
        Alteration::Heal => "heal",
        Alteration::Rollback => "rollback",
        Alteration::Manual => "manual",
    }
}

fn no_such_scope(ledger: &mut Ledger, asked: &ChangesAsked) -> Result<EntryError, EntryError> {
    let scope = Scope { service: asked.service.clone(), labels: asked.labels.clone() };
    Ok(EntryError::NotFound {
        problem: format!("the ledger has no change and no verdict of `{scope}`"),
        hint: known_services(ledger)?,
    })
}

/// Says which services a ledger knows.
pub(crate) fn known_services(ledger: &mut Ledger) -> Result<String, EntryError> {
    let services: Vec<String> =
        ledger.services()?.into_iter().filter(|service| service != ITSELF).collect();
    if services.is_empty() {
        return Ok("it is empty: `serin note` writes the first change".to_owned());
    }
    let shown: Vec<String> =
        services.iter().take(MOST_SHOWN).map(|service| format!("`{service}`")).collect();
    let more = if services.len() > MOST_SHOWN { ", …" } else { "" };
    Ok(format!("it knows {}{more}", shown.join(", ")))
}

const MOST_SHOWN: usize = 12;
