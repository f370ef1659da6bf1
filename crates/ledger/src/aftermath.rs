//! What came of a verdict.

use std::collections::BTreeMap;

use serin_model::{Outcome, Timestamp};

use crate::digest::Digest;
use crate::fact::{AnalysisBegun, ChangeNoted, Decision, Label};
use crate::history::{Entry, Verdict};
use crate::id::EventId;
use crate::scope::Scope;

/// A verdict, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aftermath<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// How its analysis began, if anything says so.
    pub begun: Option<&'a Entry<AnalysisBegun>>,
    /// The change that was judged, if it was noted.
    pub change: Option<&'a Entry<ChangeNoted>>,
    /// The rollback or heal that took the change back, the newest of them.
    pub taken_back: Option<&'a Entry<ChangeNoted>>,
    /// Whether both arms ran the same.
    pub is_aa: bool,
    /// Whether nobody acted on it, by agreement.
    pub is_shadow: bool,
    /// Whether it was right.
    pub truth: Truth,
    /// Who was right, where a person overrode it.
    pub overridden: Option<Overridden>,
    /// Whether it failed, is not known to be wrong, and the change was kept from going on.
    pub is_prevented: bool,
}

/// Whether a verdict was right, as far as anybody can say.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Truth {
    /// It failed, and rightly: somebody says so, or the change was taken back by people who did not hear of it,
    /// or after they had promoted it all the same.
    Caught,
    /// It failed, and wrongly: somebody says so, or promoted the change and did not take it back; or both arms
    /// ran the same.
    FalseAlarm,
    /// It passed, and wrongly: somebody says so, or the change was taken back.
    Missed,
    /// It passed, and rightly: somebody says so, or both arms ran the same.
    Confirmed,
    /// It passed or failed, and nobody can say yet whether rightly.
    Undecided,
    /// It was inconclusive, and left it to people.
    Held,
}

/// Who was right, where a person overrode a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overridden {
    /// The judge.
    JudgeRight,
    /// The person.
    PersonRight,
    /// Nobody can say yet.
    Open,
}

impl<'a> Aftermath<'a> {
    pub(crate) fn of(links: &Links<'a>, verdict: &'a Verdict) -> Self {
        let begun = links.begun.get(&(&verdict.entry.scope, &verdict.entry.subject)).copied();
        let change = links.change_of(verdict, begun);
        let acts = links.acts.get(&verdict.entry.id).map_or(&[][..], Vec::as_slice);
        let taken_back = links.taken_back_of(verdict, change, acts);
        let mut aftermath = Self {
            verdict,
            begun,
            change,
            taken_back,
            is_aa: begun.is_some_and(|begun| begun.fact.aa),
            is_shadow: verdict.entry.fact.shadow || begun.is_some_and(|begun| begun.fact.shadow),
            truth: Truth::Undecided,
            overridden: None,
            is_prevented: false,
        };
        aftermath.truth = aftermath.find_truth();
        aftermath.overridden = aftermath.find_overridden();
        aftermath.is_prevented = verdict.entry.fact.outcome == Outcome::Fail
            && !aftermath.is_aa
            && !aftermath.is_shadow
            && matches!(aftermath.truth, Truth::Caught | Truth::Undecided)
            && (taken_back.is_some() || !acts.is_empty());
        aftermath
    }

    /// Returns the digest of the Check's text, if anything says how the analysis began.
    #[must_use]
    pub fn check(&self) -> Option<Digest> {
        self.begun.map(|begun| begun.fact.check)
    }

    /// Returns what analyses call the change that was judged, if anybody said which.
    #[must_use]
    pub fn change_subject(&self) -> Option<&'a str> {
        let of_verdict = self.verdict.entry.fact.change.as_deref();
        of_verdict.or_else(|| self.begun.and_then(|begun| begun.fact.change.as_deref()))
    }

    /// Returns whether the canary was good, known by more than the verdict itself.
    #[must_use]
    pub fn is_known_good(&self) -> bool {
        match self.truth {
            Truth::FalseAlarm | Truth::Confirmed => true,
            Truth::Held => self.is_aa,
            Truth::Caught | Truth::Missed | Truth::Undecided => false,
        }
    }

    /// Returns whether the canary was bad, known by more than the verdict itself.
    #[must_use]
    pub fn is_known_bad(&self) -> bool {
        matches!(self.truth, Truth::Caught | Truth::Missed)
    }

    /// A label decides; without one, what people did.
    fn find_truth(&self) -> Truth {
        let (caught, missed) = (self.was_taken_back_after_promotion(), self.taken_back.is_some());
        match (self.verdict.entry.fact.outcome, self.verdict.label()) {
            (Outcome::Inconclusive, _) => Truth::Held,
            (Outcome::Fail, Some(Label::Right)) => Truth::Caught,
            (Outcome::Fail, Some(Label::Wrong)) => Truth::FalseAlarm,
            (Outcome::Pass, Some(Label::Right)) => Truth::Confirmed,
            (Outcome::Pass, Some(Label::Wrong)) => Truth::Missed,
            (Outcome::Fail, None) if self.is_aa => Truth::FalseAlarm,
            (Outcome::Pass, None) if self.is_aa => Truth::Confirmed,
            (Outcome::Fail, None) if caught => Truth::Caught,
            (Outcome::Fail, None) if self.promoted_at().is_some() => Truth::FalseAlarm,
            (Outcome::Fail, None) if self.is_shadow && missed => Truth::Caught,
            (Outcome::Pass, None) if missed => Truth::Missed,
            (Outcome::Fail | Outcome::Pass, None) => Truth::Undecided,
        }
    }

    /// Returns when a person decided to promote what had failed.
    fn promoted_at(&self) -> Option<Timestamp> {
        let last = self.verdict.overrides.iter().rfind(|entry| !entry.withdrawn)?;
        (last.fact.decision == Decision::Promote).then_some(last.occurred_at)
    }

    fn was_taken_back_after_promotion(&self) -> bool {
        let (Some(promoted), Some(taken_back)) = (self.promoted_at(), self.taken_back) else {
            return false;
        };
        taken_back.occurred_at >= promoted
    }

    fn find_overridden(&self) -> Option<Overridden> {
        let contradicts = match (self.verdict.entry.fact.outcome, self.verdict.decision()?) {
            (Outcome::Pass, Decision::Hold | Decision::RollBack)
            | (Outcome::Fail, Decision::Promote | Decision::Hold) => true,
            (Outcome::Pass, Decision::Promote)
            | (Outcome::Fail, Decision::RollBack)
            | (Outcome::Inconclusive, _) => false,
        };
        // What people did because they overrode it does not prove that they were right.
        contradicts.then(|| match (self.verdict.label(), self.truth) {
            (Some(Label::Right), _) | (None, Truth::Caught) => Overridden::JudgeRight,
            (Some(Label::Wrong), _) => Overridden::PersonRight,
            (None, _) => Overridden::Open,
        })
    }
}

/// What links the events of a service, to be looked up.
#[derive(Debug, Default)]
pub(crate) struct Links<'a> {
    /// How analyses began, by scope and subject.
    pub(crate) begun: BTreeMap<(&'a Scope, &'a String), &'a Entry<AnalysisBegun>>,
    /// Changes by their subjects, oldest first.
    pub(crate) changes: BTreeMap<&'a str, Vec<&'a Entry<ChangeNoted>>>,
    /// The newest rollback or heal that names an event as its cause.
    pub(crate) taken_back: BTreeMap<EventId, &'a Entry<ChangeNoted>>,
    /// Acts that stand, by the verdict that they were done about.
    pub(crate) acts: BTreeMap<EventId, Vec<EventId>>,
}

impl<'a> Links<'a> {
    /// Returns the change that a verdict is about: of those with its subject the newest that was there when it
    /// was given.
    fn change_of(
        &self,
        verdict: &Verdict,
        begun: Option<&Entry<AnalysisBegun>>,
    ) -> Option<&'a Entry<ChangeNoted>> {
        let entry = &verdict.entry;
        let begun = || begun.and_then(|begun| begun.fact.change.as_deref());
        let subject = entry.fact.change.as_deref().or_else(begun)?;
        let named = self.changes.get(subject)?;
        let before = named.iter().rfind(|change| change.occurred_at <= entry.occurred_at);
        before.or(named.first()).copied()
    }

    /// Returns the newest change that takes back what a verdict is about. It names as its cause the change, the
    /// verdict, or what was done about it.
    fn taken_back_of(
        &self,
        verdict: &Verdict,
        change: Option<&Entry<ChangeNoted>>,
        acts: &[EventId],
    ) -> Option<&'a Entry<ChangeNoted>> {
        let ids = [verdict.entry.id].into_iter().chain(change.map(|change| change.id));
        let ids = ids.chain(acts.iter().copied());
        ids.filter_map(|id| self.taken_back.get(&id).copied()).max_by_key(|change| change.age())
    }
}
