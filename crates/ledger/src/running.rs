//! Which analyses run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use crate::event::Event;
use crate::fact::{AnalysisBegun, Fact};
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::scope::Scope;

/// The analyses of all services that began and have not ended. To be projected for all services.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct RunningAnalyses {
    /// By service, then by the analysis's subject.
    running: BTreeMap<String, BTreeMap<String, Running>>,
    /// Analyses whose end arrived before their beginning.
    ended_early: BTreeMap<String, BTreeSet<String>>,
}

/// An analysis that runs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The event that it began with.
    pub id: EventId,
    /// What is analysed.
    pub scope: Scope,
    /// The analysis.
    pub subject: String,
    /// When it began.
    pub begun_at: Timestamp,
    /// What was said when it began, as it was last corrected.
    pub begun: AnalysisBegun,
}

impl Projection for RunningAnalyses {
    const NAME: &'static str = "running-analyses";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[Kind::AnalysisBegun, Kind::AnalysisEnded, Kind::Correction];

    fn apply(&mut self, event: &Event) {
        let header = &event.header;
        let (service, subject) = (&header.scope.service, &header.subject);
        match event.fact() {
            Fact::AnalysisBegun(begun) => {
                if remove(&mut self.ended_early, service, |ended| ended.remove(subject)) {
                    return;
                }
                let running = Running {
                    id: event.id,
                    scope: header.scope.clone(),
                    subject: subject.clone(),
                    begun_at: header.occurred_at,
                    begun,
                };
                let of_service = self.running.entry(service.clone()).or_default();
                of_service.entry(subject.clone()).or_insert(running);
            }
            Fact::AnalysisEnded(_) => {
                if !remove(&mut self.running, service, |running| running.remove(subject).is_some())
                {
                    let ended = self.ended_early.entry(service.clone()).or_default();
                    ended.insert(subject.clone());
                }
            }
            Fact::Correction(correction) => {
                let Some(corrected) = event.first_cause() else { return };
                let of_service = self.running.entry(service.clone()).or_default();
                if let Some(running) = of_service.values_mut().find(|it| it.id == corrected) {
                    match correction.body.map(serde_json::from_value) {
                        Some(Ok(begun)) => running.begun = begun,
                        Some(Err(_)) => {}
                        None => of_service.retain(|_, it| it.id != corrected),
                    }
                }
                if of_service.is_empty() {
                    self.running.remove(service);
                }
            }
            Fact::ChangeNoted(_)
            | Fact::PointsTaken(_)
            | Fact::VerdictLabelled(_)
            | Fact::VerdictOverridden(_)
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

/// Takes something out of the collection of a service, and the collection too once it is empty.
fn remove<C: Default + PartialEq>(
    by_service: &mut BTreeMap<String, C>,
    service: &str,
    take: impl FnOnce(&mut C) -> bool,
) -> bool {
    let Some(collection) = by_service.get_mut(service) else { return false };
    let is_taken = take(collection);
    if *collection == C::default() {
        by_service.remove(service);
    }
    is_taken
}

impl RunningAnalyses {
    /// Returns all that run, by service and subject.
    pub fn all(&self) -> impl Iterator<Item = &Running> {
        self.running.values().flat_map(BTreeMap::values)
    }

    /// Returns those that run in a scope: more than one overlap.
    pub fn of_scope<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a Running> {
        let of_service = self.running.get(&scope.service).into_iter().flat_map(BTreeMap::values);
        of_service.filter(move |running| running.scope == *scope)
    }
}
