//! Which Checks are in force.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::fact::{CheckApplied, Fact};
use crate::history::Entry;
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::scope::Scope;

/// The Checks that were applied, scope by scope. To be projected for all services, or for one.
///
/// Of a scope the Check holds that was applied by the event that arrived last and was not withdrawn; where that
/// event says that the Check left, none does.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct AppliedChecks {
    /// Ids sort by arrival.
    entries: BTreeMap<EventId, Entry<CheckApplied>>,
    /// The last correction of each.
    corrections: BTreeMap<EventId, EventId>,
}

/// Why no one Check is that of a scope.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoOneCheck {
    /// There is none.
    #[error(
        "no Check of `{0}` is applied\n\nhint: hand one in with the request, or apply one with `serin checks apply`"
    )]
    None(Scope),
    /// Several fit alike.
    #[error(
        "several applied Checks fit `{asked}` alike: {}\n\nhint: name the labels that tell them apart",
        listed(.fitting)
    )]
    Several {
        /// What was asked for.
        asked: Scope,
        /// The scopes of the Checks that fit.
        fitting: Vec<Scope>,
    },
}

fn listed(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(", ")
}

impl Projection for AppliedChecks {
    const NAME: &'static str = "applied-checks";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[Kind::CheckApplied, Kind::Correction];

    fn apply(&mut self, event: &Event) {
        match event.fact() {
            Fact::CheckApplied(applied) => {
                self.entries.insert(event.id, Entry::of(event, applied));
            }
            Fact::Correction(correction) => {
                let Some(corrected) = event.first_cause() else { return };
                if let Some(entry) = self.entries.get_mut(&corrected) {
                    entry.correct(correction);
                    self.corrections.insert(corrected, event.id);
                }
            }
            _ => {}
        }
    }
}

impl AppliedChecks {
    /// Returns the Checks in force, by scope.
    pub fn in_force(&self) -> impl Iterator<Item = &Entry<CheckApplied>> {
        let mut last: BTreeMap<&Scope, &Entry<CheckApplied>> = BTreeMap::new();
        for entry in self.entries.values().filter(|entry| !entry.withdrawn) {
            last.insert(&entry.scope, entry);
        }
        last.into_values().filter(|entry| entry.fact.to.is_some())
    }

    /// Returns the last event that changed anything for each scope, corrections included. Whoever appends the next
    /// names it in their event's key, so that of two who do so at once one is refused.
    #[must_use]
    pub fn last_events(&self) -> BTreeMap<&Scope, EventId> {
        let mut last = BTreeMap::new();
        for entry in self.entries.values() {
            let newest = self.corrections.get(&entry.id).copied().unwrap_or(entry.id);
            let of_scope = last.entry(&entry.scope).or_insert(newest);
            *of_scope = newest.max(*of_scope);
        }
        last
    }

    /// Returns the Check in force to judge a scope by: of its service, with no label that contradicts one of the
    /// scope; of several the one that has the most of the scope's labels, then the one with the fewest others.
    ///
    /// # Errors
    ///
    /// Where there is none, or several fit alike.
    pub fn fitting(&self, scope: &Scope) -> Result<&Entry<CheckApplied>, NoOneCheck> {
        let asked = &scope.labels;
        let rank = |entry: &Entry<CheckApplied>| {
            let labels = &entry.scope.labels;
            let shared = labels.iter().filter(|(name, value)| asked.get(*name) == Some(*value));
            let shared = shared.count();
            (Reverse(shared), labels.len() - shared)
        };
        let contradicts =
            |(name, value): (&String, &String)| asked.get(name).is_some_and(|asked| asked != value);
        let fitting = self.in_force().filter(|entry| {
            entry.scope.service == scope.service && !entry.scope.labels.iter().any(contradicts)
        });
        let fitting: Vec<_> = fitting.collect();
        let best = fitting.iter().copied().map(rank).min();
        let mut fitting = fitting.into_iter().filter(|entry| Some(rank(entry)) == best);
        let Some(first) = fitting.next() else { return Err(NoOneCheck::None(scope.clone())) };
        let mut alike = vec![first.scope.clone()];
        alike.extend(fitting.map(|entry| entry.scope.clone()));
        if alike.len() > 1 {
            return Err(NoOneCheck::Several { asked: scope.clone(), fitting: alike });
        }
        Ok(first)
    }
}
