//! What was changed in a service, and what was made of it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serin_model::{Outcome, Timestamp};

use crate::event::Event;
use crate::fact::{
    AnalysisEnded, ChangeNoted, Correction, Decision, Fact, Label, VerdictLabelled,
    VerdictOverridden,
};
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::scope::Scope;

/// The changes and verdicts of one service, with what people said of them. To be projected for a service.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServiceHistory {
    changes: BTreeMap<EventId, Entry<ChangeNoted>>,
    verdicts: BTreeMap<EventId, Verdict>,
    /// Labels and overrides, and the verdict that each speaks of.
    remarks: BTreeMap<EventId, EventId>,
}

/// What an event says, as it was last corrected.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Entry<F> {
    /// The event.
    pub id: EventId,
    /// Its place in the ledger.
    pub position: u64,
    /// What it is about, as those who run it say.
    pub scope: Scope,
    /// The one thing it is about.
    pub subject: String,
    /// When it was true.
    pub occurred_at: Timestamp,
    /// When it was known.
    pub known_at: Timestamp,
    /// Whether a correction withdrew it.
    pub withdrawn: bool,
    /// What it says.
    pub fact: F,
}

/// A verdict, and what people said of it. The subject of its entry is the analysis.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The verdict itself.
    pub entry: Entry<AnalysisEnded>,
    /// Whether it was right, in ledger order; the last that is not withdrawn counts.
    pub labels: Vec<Entry<VerdictLabelled>>,
    /// What was decided instead, in ledger order; the last that is not withdrawn counts.
    pub overrides: Vec<Entry<VerdictOverridden>>,
}

/// The newest change that is known to be good, and what proves it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KnownGood<'a> {
    /// The change.
    pub change: &'a Entry<ChangeNoted>,
    /// The verdict that proves it.
    pub proof: &'a Verdict,
}

impl<F: DeserializeOwned> Entry<F> {
    pub(crate) fn of(event: &Event, fact: F) -> Self {
        Self {
            id: event.id,
            position: event.position,
            scope: event.header.scope.clone(),
            subject: event.header.subject.clone(),
            occurred_at: event.header.occurred_at,
            known_at: event.known_at,
            withdrawn: false,
            fact,
        }
    }

    pub(crate) fn correct(&mut self, correction: Correction) {
        let Some(body) = correction.body else {
            self.withdrawn = true;
            return;
        };
        // What cannot be read was not admitted, unless it is of a version that is not known here.
        if let Ok(fact) = serde_json::from_value(body) {
            (self.fact, self.withdrawn) = (fact, false);
        }
    }

    /// What occurred last, and of that what arrived last, is the newest.
    pub(crate) fn age(&self) -> (Timestamp, u64) {
        (self.occurred_at, self.position)
    }
}

impl Verdict {
    /// Returns whether it was right, if anybody said so.
    #[must_use]
    pub fn label(&self) -> Option<Label> {
        self.labels.iter().rfind(|entry| !entry.withdrawn).map(|entry| entry.fact.label)
    }

    /// Returns what was decided instead, if anything was.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.overrides.iter().rfind(|entry| !entry.withdrawn).map(|entry| entry.fact.decision)
    }

    /// Returns whether it counts: not withdrawn, and not labelled wrong.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        !self.entry.withdrawn && self.label() != Some(Label::Wrong)
    }

    fn is_proof(&self) -> bool {
        let decided = match self.decision() {
            None | Some(Decision::Promote) => true,
            Some(Decision::Hold | Decision::RollBack) => false,
        };
        self.is_standing() && self.entry.fact.outcome == Outcome::Pass && decided
    }
}

impl Projection for ServiceHistory {
    const NAME: &'static str = "service-history";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[
        Kind::ChangeNoted,
        Kind::AnalysisEnded,
        Kind::VerdictLabelled,
        Kind::VerdictOverridden,
        Kind::Correction,
    ];

    fn apply(&mut self, event: &Event) {
        match event.fact() {
            Fact::ChangeNoted(fact) => {
                self.changes.insert(event.id, Entry::of(event, fact));
            }
            Fact::AnalysisEnded(fact) => {
                let entry = Entry::of(event, fact);
                let verdict = Verdict { entry, labels: Vec::new(), overrides: Vec::new() };
                self.verdicts.insert(event.id, verdict);
            }
            Fact::VerdictLabelled(fact) => {
                if let Some(verdict) = self.spoken_of(event) {
                    verdict.labels.push(Entry::of(event, fact));
                }
            }
            Fact::VerdictOverridden(fact) => {
                if let Some(verdict) = self.spoken_of(event) {
                    verdict.overrides.push(Entry::of(event, fact));
                }
            }
            Fact::Correction(correction) => {
                if let Some(corrected) = event.first_cause() {
                    self.correct(corrected, correction);
                }
            }
            Fact::AnalysisBegun(_)
            | Fact::PointsTaken(_)
            | Fact::ActBegun(_)
            | Fact::ActDone(_)
            | Fact::ActFailed(_)
            | Fact::ActWithheld(_)
            | Fact::ActUndone(_)
            | Fact::ActingPaused(_)
            | Fact::ActingResumed(_)
            | Fact::CheckApplied(_)
            | Fact::TokenIssued(_)
            | Fact::TokenRevoked(_)
            | Fact::LedgerPruned(_)
            | Fact::Unknown => {}
        }
    }
}

impl ServiceHistory {
    fn spoken_of(&mut self, remark: &Event) -> Option<&mut Verdict> {
        let verdict = remark.first_cause()?;
        self.remarks.insert(remark.id, verdict);
        self.verdicts.get_mut(&verdict)
    }

    fn correct(&mut self, corrected: EventId, correction: Correction) {
        if let Some(change) = self.changes.get_mut(&corrected) {
            change.correct(correction);
        } else if let Some(verdict) = self.verdicts.get_mut(&corrected) {
            verdict.entry.correct(correction);
        } else if let Some(verdict) =
            self.remarks.get(&corrected).and_then(|verdict| self.verdicts.get_mut(verdict))
        {
            if let Some(label) = verdict.labels.iter_mut().find(|label| label.id == corrected) {
                label.correct(correction);
            } else if let Some(decided) =
                verdict.overrides.iter_mut().find(|decided| decided.id == corrected)
            {
                decided.correct(correction);
            }
        }
    }

    /// Returns the newest change of a scope that is known to be good.
    ///
    /// A change is good when the newest verdict about it that decides anything is a pass that stands: that was
    /// not withdrawn, not labelled wrong, and not overridden by a person who held or rolled back. Newest is
    /// what occurred last; of two that occurred at once, what arrived last.
    #[must_use]
    pub fn known_good(&self, scope: &Scope) -> Option<KnownGood<'_>> {
        let mut deciding: BTreeMap<&str, &Verdict> = BTreeMap::new();
        for verdict in self.verdicts.values() {
            let entry = &verdict.entry;
            let is_about = entry.scope == *scope && verdict.is_standing();
            let Some(change) = entry.fact.change.as_deref().filter(|_| is_about) else { continue };
            if entry.fact.outcome == Outcome::Inconclusive {
                continue;
            }
            let newest = deciding.entry(change).or_insert(verdict);
            if newest.entry.age() < entry.age() {
                *newest = verdict;
            }
        }
        let changes = self.changes.values().filter(|it| !it.withdrawn && it.scope == *scope);
        let proven = changes.filter_map(|change| {
            let proof = *deciding.get(change.subject.as_str())?;
            proof.is_proof().then_some(KnownGood { change, proof })
        });
        proven.max_by_key(|good| good.change.age())
    }

    /// Returns a verdict by its event.
    #[must_use]
    pub fn verdict(&self, id: EventId) -> Option<&Verdict> {
        self.verdicts.get(&id)
    }

    /// Returns every scope that has a change or a verdict.
    #[must_use]
    pub fn scopes(&self) -> Vec<&Scope> {
        let changed = self.changes.values().map(|change| &change.scope);
        let judged = self.verdicts.values().map(|verdict| &verdict.entry.scope);
        let mut scopes: Vec<&Scope> = changed.chain(judged).collect();
        scopes.sort();
        scopes.dedup();
        scopes
    }

    /// Returns the changes that occurred after a moment, oldest first; withdrawn ones are left out.
    ///
    /// * `scope`: of this scope only.
    #[must_use]
    pub fn changes_since(
        &self,
        scope: Option<&Scope>,
        since: Timestamp,
    ) -> Vec<&Entry<ChangeNoted>> {
        let changes = self.changes.values().filter(|it| !it.withdrawn && it.occurred_at > since);
        let changes = changes.filter(|change| scope.is_none_or(|scope| change.scope == *scope));
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by_key(|change| change.age());
        changes
    }

    /// Returns all changes, oldest first; withdrawn ones are left out.
    #[must_use]
    pub fn changes(&self) -> Vec<&Entry<ChangeNoted>> {
        // Nothing occurs before 1970.
        self.changes_since(None, Timestamp::from_millis(-1))
    }

    /// Returns all verdicts, oldest first, withdrawn ones included.
    #[must_use]
    pub fn verdicts(&self) -> Vec<&Verdict> {
        let mut verdicts: Vec<_> = self.verdicts.values().collect();
        verdicts.sort_by_key(|verdict| verdict.entry.age());
        verdicts
    }
}
