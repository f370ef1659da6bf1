//! How often a service's Checks were right.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_model::{Outcome, Timestamp};

use crate::aftermath::{Aftermath, Links, Overridden, Truth};
use crate::digest::Digest;
use crate::event::{Cause, Event, Key};
use crate::fact::{ActDone, Alteration, AnalysisBegun, Correction, Fact, Judge, Person};
use crate::history::{Entry, ServiceHistory};
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;

/// The verdicts of one service, and what came of each. To be projected for a service.
///
/// What came of a verdict follows from labels, overrides, acts and the changes that take back; no clock has a
/// part in it, so that a false alarm today may be a catch tomorrow, when the change is taken back after all.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    history: ServiceHistory,
    begun: BTreeMap<EventId, Entry<AnalysisBegun>>,
    acts: BTreeMap<EventId, Act>,
    /// What sources call changes, verdicts and acts: others may name them so.
    keys: BTreeMap<EventId, Key>,
    /// What led to each change.
    causes: BTreeMap<EventId, Vec<Cause>>,
}

/// Something that was done, and whether it was taken back.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Act {
    entry: Entry<ActDone>,
    causes: Vec<Cause>,
    undone: Vec<Entry<Person>>,
}

impl Act {
    fn is_standing(&self) -> bool {
        !self.entry.withdrawn && self.undone.iter().all(|undone| undone.withdrawn)
    }
}

/// The verdicts of one Check by one revision of a judge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckRecord {
    /// The digest of the Check's text, or none where nothing says how the analyses began.
    pub check: Option<Digest>,
    /// Who judged.
    pub judge: Judge,
    /// When it first and last judged.
    pub span: (Timestamp, Timestamp),
    /// Verdicts that were acted on, or could have been.
    pub acting: Tally,
    /// Verdicts that nobody acted on, by agreement.
    pub shadow: Tally,
    /// Verdicts on canaries that were none.
    pub aa: Tally,
}

/// How many verdicts came to what. Withdrawn ones are left out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Those that passed.
    pub passed: u64,
    /// Those that were inconclusive.
    pub held: u64,
    /// Those that failed.
    pub failed: u64,
    /// Failed, and rightly.
    pub caught: u64,
    /// Failed, and wrongly.
    pub false_alarms: u64,
    /// Passed, and wrongly.
    pub missed: u64,
    /// Passed, and rightly.
    pub confirmed: u64,
    /// Passed or failed, and nobody can say yet whether rightly.
    pub undecided: u64,
    /// Failed, not known to be wrong, and the change was kept from going on.
    pub prevented: u64,
    /// Overridden by a person, and the judge was right.
    pub overridden_judge_right: u64,
    /// Overridden by a person, who was right.
    pub overridden_person_right: u64,
    /// Overridden by a person, and nobody can say yet who was right.
    pub overridden_open: u64,
}

impl Tally {
    /// Returns how many verdicts there are.
    #[must_use]
    pub fn verdicts(&self) -> u64 {
        self.passed + self.held + self.failed
    }

    /// Returns how many a person overrode.
    #[must_use]
    pub fn overridden(&self) -> u64 {
        self.overridden_judge_right + self.overridden_person_right + self.overridden_open
    }

    fn add(&mut self, aftermath: &Aftermath<'_>) {
        let count = |is: bool| u64::from(is);
        let outcome = aftermath.verdict.entry.fact.outcome;
        self.passed += count(outcome == Outcome::Pass);
        self.held += count(outcome == Outcome::Inconclusive);
        self.failed += count(outcome == Outcome::Fail);
        match aftermath.truth {
            Truth::Caught => self.caught += 1,
            Truth::FalseAlarm => self.false_alarms += 1,
            Truth::Missed => self.missed += 1,
            Truth::Confirmed => self.confirmed += 1,
            Truth::Undecided => self.undecided += 1,
            Truth::Held => {}
        }
        self.prevented += count(aftermath.is_prevented);
        match aftermath.overridden {
            Some(Overridden::JudgeRight) => self.overridden_judge_right += 1,
            Some(Overridden::PersonRight) => self.overridden_person_right += 1,
            Some(Overridden::Open) => self.overridden_open += 1,
            None => {}
        }
    }
}

impl CheckRecord {
    fn new(aftermath: &Aftermath<'_>) -> Self {
        let occurred_at = aftermath.verdict.entry.occurred_at;
        Self {
            check: aftermath.check(),
            judge: aftermath.verdict.entry.fact.judge.clone(),
            span: (occurred_at, occurred_at),
            acting: Tally::default(),
            shadow: Tally::default(),
            aa: Tally::default(),
        }
    }

    fn add(&mut self, aftermath: &Aftermath<'_>) {
        let occurred_at = aftermath.verdict.entry.occurred_at;
        self.span = (self.span.0.min(occurred_at), self.span.1.max(occurred_at));
        let tally = match (aftermath.is_aa, aftermath.is_shadow) {
            (true, _) => &mut self.aa,
            (false, true) => &mut self.shadow,
            (false, false) => &mut self.acting,
        };
        tally.add(aftermath);
    }
}

impl Projection for Scorecard {
    const NAME: &'static str = "scorecard";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[
        Kind::ChangeNoted,
        Kind::AnalysisBegun,
        Kind::AnalysisEnded,
        Kind::VerdictLabelled,
        Kind::VerdictOverridden,
        Kind::ActDone,
        Kind::ActUndone,
        Kind::Correction,
    ];

    fn apply(&mut self, event: &Event) {
        self.history.apply(event);
        let (id, causes) = (event.id, &event.header.causes);
        match event.fact() {
            Fact::ChangeNoted(_) => {
                self.keys.insert(id, event.header.key.clone());
                self.causes.insert(id, causes.clone());
            }
            Fact::AnalysisBegun(begun) => {
                self.begun.insert(id, Entry::of(event, begun));
            }
            Fact::AnalysisEnded(_) => {
                self.keys.insert(id, event.header.key.clone());
            }
            Fact::ActDone(done) => {
                self.keys.insert(id, event.header.key.clone());
                let (entry, causes) = (Entry::of(event, done), causes.clone());
                self.acts.insert(id, Act { entry, causes, undone: Vec::new() });
            }
            Fact::ActUndone(person) => {
                let act = event.first_cause().and_then(|act| self.acts.get_mut(&act));
                if let Some(act) = act {
                    act.undone.push(Entry::of(event, person));
                }
            }
            Fact::Correction(correction) => {
                if let Some(corrected) = event.first_cause() {
                    self.correct(corrected, correction);
                }
            }
            Fact::PointsTaken(_)
            | Fact::VerdictLabelled(_)
            | Fact::VerdictOverridden(_)
            | Fact::ActBegun(_)
            | Fact::ActFailed(_)
            | Fact::ActWithheld(_)
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

impl Scorecard {
    /// Corrects what the history does not know.
    fn correct(&mut self, corrected: EventId, correction: Correction) {
        if let Some(begun) = self.begun.get_mut(&corrected) {
            begun.correct(correction);
        } else if let Some(act) = self.acts.get_mut(&corrected) {
            act.entry.correct(correction);
        } else if let Some(undone) = self
            .acts
            .values_mut()
            .flat_map(|act| &mut act.undone)
            .find(|undone| undone.id == corrected)
        {
            undone.correct(correction);
        }
    }

    /// Returns the changes and verdicts that it rests on.
    #[must_use]
    pub fn history(&self) -> &ServiceHistory {
        &self.history
    }

    /// Returns what came of each verdict, oldest first; withdrawn ones are left out.
    #[must_use]
    pub fn aftermaths(&self) -> Vec<Aftermath<'_>> {
        let links = self.links();
        let verdicts = self.history.verdicts().into_iter();
        verdicts
            .filter(|verdict| !verdict.entry.withdrawn)
            .map(|verdict| Aftermath::of(&links, verdict))
            .collect()
    }

    /// Returns the counts of each Check and judge, those that judged last first.
    #[must_use]
    pub fn records(&self) -> Vec<CheckRecord> {
        let mut records: BTreeMap<_, CheckRecord> = BTreeMap::new();
        for aftermath in self.aftermaths() {
            let judge = &aftermath.verdict.entry.fact.judge;
            let key = (
                aftermath.check().map(|check| check.to_string()),
                judge.name.clone(),
                judge.revision,
            );
            let record = records.entry(key).or_insert_with(|| CheckRecord::new(&aftermath));
            record.add(&aftermath);
        }
        let mut records: Vec<_> = records.into_values().collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.span.1));
        records
    }

    /// Returns what links the events of this service.
    fn links(&self) -> Links<'_> {
        let by_key: BTreeMap<&Key, EventId> =
            self.keys.iter().map(|(id, key)| (key, *id)).collect();
        let resolve = |cause: &Cause| match cause {
            Cause::Event(id) => Some(*id),
            Cause::Key(key) => by_key.get(key).copied(),
        };
        let mut links = Links::default();
        let mut begun: Vec<_> = self.begun.values().filter(|begun| !begun.withdrawn).collect();
        begun.sort_by_key(|begun| begun.age());
        for begun in begun {
            links.begun.entry((&begun.scope, &begun.subject)).or_insert(begun);
        }
        for change in self.history.changes() {
            links.changes.entry(&change.subject).or_default().push(change);
            if matches!(change.fact.what, Alteration::Rollback | Alteration::Heal) {
                let causes = self.causes.get(&change.id).into_iter().flatten();
                links.taken_back.extend(causes.filter_map(resolve).map(|cause| (cause, change)));
            }
        }
        for (id, act) in self.acts.iter().filter(|(_, act)| act.is_standing()) {
            for verdict in act.causes.iter().filter_map(resolve) {
                links.acts.entry(verdict).or_default().push(*id);
            }
        }
        links
    }
}
