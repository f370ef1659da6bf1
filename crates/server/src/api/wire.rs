//! The shapes of answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_ledger::fact::{AnalysisEnded, ChangeNoted};
use serin_ledger::{Act, ActState, Cause, Entry, Event, KnownGood, StoredBody, Verdict};
use utoipa::ToSchema;

use crate::moment::Moment;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The part.
    pub(crate) items: Vec<T>,
    /// What to ask for as `cursor` to get the next part; missing where this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A service, and what tells apart where it runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Scope {
    #[schema(example = "checkout")]
    service: String,
    /// What narrows it down, such as `environment`.
    labels: BTreeMap<String, String>,
}

impl From<&serin_ledger::Scope> for Scope {
    fn from(scope: &serin_ledger::Scope) -> Self {
        Self { service: scope.service.clone(), labels: scope.labels.clone() }
    }
}

/// What a change alters.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Alteration {
    Deploy,
    Config,
    Flag,
    Infrastructure,
    Heal,
    Rollback,
    Manual,
}

/// Translates words of the ledger to those of the wire and back, which happen to be the same.
macro_rules! same_words {
    ($wire:ty, $ledger:ty, $($word:ident),*) => {
        impl From<$ledger> for $wire {
            fn from(word: $ledger) -> Self {
                match word { $(<$ledger>::$word => Self::$word),* }
            }
        }

        impl From<$wire> for $ledger {
            fn from(word: $wire) -> Self {
                match word { $(<$wire>::$word => Self::$word),* }
            }
        }
    };
}

same_words!(
    Alteration,
    serin_ledger::fact::Alteration,
    Deploy,
    Config,
    Flag,
    Infrastructure,
    Heal,
    Rollback,
    Manual
);

/// Something altered a service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    /// The event that says so.
    id: String,
    /// What verdicts call it.
    #[schema(example = "change/1.4.2")]
    subject: String,
    scope: Scope,
    /// What was altered.
    what: Alteration,
    /// What was there before, such as a version.
    from: Option<String>,
    /// What is there now.
    to: Option<String>,
    /// Where to read more.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// A remark for people.
    note: Option<String>,
    /// When it began.
    occurred_at: Moment,
    /// When it was over.
    ended_at: Option<Moment>,
    /// When anyone could know of it.
    known_at: Moment,
}

impl From<&Entry<ChangeNoted>> for Change {
    fn from(entry: &Entry<ChangeNoted>) -> Self {
        let fact = entry.fact.clone();
        Self {
            id: entry.id.to_string(),
            subject: entry.subject.clone(),
            scope: (&entry.scope).into(),
            what: fact.what.into(),
            from: fact.from,
            to: fact.to,
            reference: fact.reference,
            note: fact.note,
            occurred_at: Moment(entry.occurred_at),
            ended_at: fact.ended_at.map(Moment),
            known_at: Moment(entry.known_at),
        }
    }
}

/// Promote, hold for a person, or roll back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Pass,
    Inconclusive,
    Fail,
}

same_words!(Outcome, serin_model::Outcome, Pass, Inconclusive, Fail);

/// Whether a verdict was right.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Label {
    Right,
    Wrong,
}

same_words!(Label, serin_ledger::fact::Label, Right, Wrong);

/// What was decided instead of a verdict.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Promote,
    Hold,
    RollBack,
}

same_words!(Decision, serin_ledger::fact::Decision, Promote, Hold, RollBack);

/// Who judged, and the revision of its mathematics.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Judge {
    #[schema(example = "sequential")]
    name: String,
    revision: u32,
}

impl From<&serin_ledger::fact::Judge> for Judge {
    fn from(judge: &serin_ledger::fact::Judge) -> Self {
        Self { name: judge.name.clone(), revision: judge.revision }
    }
}

/// The verdict of an analysis, and what people said of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct VerdictShape {
    /// The event that says so.
    id: String,
    /// The analysis.
    analysis: String,
    /// The subject of the change that was judged.
    change: Option<String>,
    scope: Scope,
    outcome: Outcome,
    /// Why, in a sentence.
    reason: Option<String>,
    judge: Judge,
    /// Whether nobody acted on it.
    shadow: bool,
    /// When it was given.
    occurred_at: Moment,
    /// When anyone could know of it.
    known_at: Moment,
    /// Whether a correction withdrew it.
    withdrawn: bool,
    /// Whether it counts: not withdrawn, and not labelled wrong.
    standing: bool,
    /// Whether it was right, by the last label that counts.
    label: Option<Label>,
    /// What was decided instead, by the last override that counts.
    decision: Option<Decision>,
    /// Every label and override, in the order in which they came.
    remarks: Vec<Remark>,
    /// What was done about it, or was not; where one verdict is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    acts: Option<Vec<ActShape>>,
}

/// Something that was done about a verdict, or would have been.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ActShape {
    /// The first event that says so.
    id: String,
    /// What is done, in a few words.
    act: String,
    /// The rule that demanded it.
    rule: Option<String>,
    /// The person who did it.
    by: Option<String>,
    /// How to take it back.
    undo: Option<String>,
    /// When it began, or was withheld.
    occurred_at: Moment,
    state: ActStateShape,
    /// Why it failed or was withheld, or who took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
}

/// What became of an act.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActStateShape {
    /// Nothing yet.
    Begun,
    Done,
    /// It failed, or nobody knows.
    Failed,
    /// It was not done.
    Withheld,
    /// It was done, and taken back.
    Undone,
}

impl From<&Act> for ActShape {
    fn from(act: &Act) -> Self {
        let (state, state_reason) = match &act.state {
            ActState::Begun { .. } => (ActStateShape::Begun, None),
            ActState::Done => (ActStateShape::Done, None),
            ActState::Failed { why } => (ActStateShape::Failed, Some(why)),
            ActState::Withheld { why } => (ActStateShape::Withheld, Some(why)),
            ActState::Undone { by } => (ActStateShape::Undone, Some(by)),
        };
        Self {
            id: act.id.to_string(),
            act: act.act.clone(),
            rule: act.rule.clone(),
            by: act.by.clone(),
            undo: act.undo.clone(),
            occurred_at: Moment(act.at),
            state,
            state_reason: state_reason.cloned(),
        }
    }
}

impl VerdictShape {
    pub(crate) fn with_acts(self, acts: &[Act]) -> Self {
        Self { acts: Some(acts.iter().map(Into::into).collect()), ..self }
    }
}

/// What somebody said of a verdict: either a label or a decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Remark {
    /// The event that says so.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    by: String,
    reason: Option<String>,
    occurred_at: Moment,
    withdrawn: bool,
    #[serde(skip)]
    position: u64,
}

impl From<&Verdict> for VerdictShape {
    fn from(verdict: &Verdict) -> Self {
        let entry: &Entry<AnalysisEnded> = &verdict.entry;
        Self {
            id: entry.id.to_string(),
            analysis: entry.subject.clone(),
            change: entry.fact.change.clone(),
            scope: (&entry.scope).into(),
            outcome: entry.fact.outcome.into(),
            reason: entry.fact.reason.clone(),
            judge: (&entry.fact.judge).into(),
            shadow: entry.fact.shadow,
            occurred_at: Moment(entry.occurred_at),
            known_at: Moment(entry.known_at),
            withdrawn: entry.withdrawn,
            standing: verdict.is_standing(),
            label: verdict.label().map(Into::into),
            decision: verdict.decision().map(Into::into),
            remarks: remarks(verdict),
            acts: None,
        }
    }
}

fn remarks(verdict: &Verdict) -> Vec<Remark> {
    fn remark<F>(entry: &Entry<F>, by: &str, reason: Option<&String>) -> Remark {
        Remark {
            id: entry.id.to_string(),
            label: None,
            decision: None,
            by: by.to_owned(),
            reason: reason.cloned(),
            occurred_at: Moment(entry.occurred_at),
            withdrawn: entry.withdrawn,
            position: entry.position,
        }
    }
    let labels = verdict.labels.iter().map(|entry| Remark {
        label: Some(entry.fact.label.into()),
        ..remark(entry, &entry.fact.by, entry.fact.reason.as_ref())
    });
    let overrides = verdict.overrides.iter().map(|entry| Remark {
        decision: Some(entry.fact.decision.into()),
        ..remark(entry, &entry.fact.by, entry.fact.reason.as_ref())
    });
    let mut remarks: Vec<_> = labels.chain(overrides).collect();
    remarks.sort_by_key(|remark| remark.position);
    remarks
}

/// The newest change of a scope that is known to be good, and the verdict that proves it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct KnownGoodShape {
    scope: Scope,
    change: Change,
    proof: VerdictShape,
}

impl From<&KnownGood<'_>> for KnownGoodShape {
    fn from(good: &KnownGood<'_>) -> Self {
        Self {
            scope: (&good.change.scope).into(),
            change: good.change.into(),
            proof: good.proof.into(),
        }
    }
}

/// Something that happened, as the ledger has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct EventShape {
    /// Its place in the ledger.
    position: u64,
    id: String,
    /// When anyone could know of it.
    known_at: Moment,
    /// When it was true.
    occurred_at: Moment,
    /// Who says so.
    source: String,
    /// What that source calls it.
    source_id: String,
    scope: Scope,
    /// What it tells of, such as `change.noted`.
    kind: String,
    /// The version of the body.
    version: u32,
    subject: String,
    /// Events that led to it.
    causes: Vec<CauseShape>,
    /// SHA-256 of what proves it.
    evidence: Vec<String>,
    /// What it says, by its kind and version; missing where it was pruned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    body: Option<serin_ledger::Body>,
    /// SHA-256 of the body.
    body_sha256: String,
    /// The digest of this event and of all before it.
    link: String,
}

/// An event that led to another: by its id, or by what its source calls it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CauseShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<String>,
}

impl From<&Cause> for CauseShape {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Event(id) => Self { id: Some(id.to_string()), source: None, source_id: None },
            Cause::Key(key) => Self {
                id: None,
                source: Some(key.source.clone()),
                source_id: Some(key.source_id.clone()),
            },
        }
    }
}

impl From<&Event> for EventShape {
    fn from(event: &Event) -> Self {
        let header = &event.header;
        let body = match &event.body {
            StoredBody::Kept(body) => Some(body.clone()),
            StoredBody::Pruned { .. } => None,
        };
        Self {
            position: event.position,
            id: event.id.to_string(),
            known_at: Moment(event.known_at),
            occurred_at: Moment(header.occurred_at),
            source: header.key.source.clone(),
            source_id: header.key.source_id.clone(),
            scope: (&header.scope).into(),
            kind: header.kind.to_string(),
            version: header.version,
            subject: header.subject.clone(),
            causes: header.causes.iter().map(Into::into).collect(),
            evidence: header.evidence.iter().map(ToString::to_string).collect(),
            body,
            body_sha256: event.body.digest().to_string(),
            link: event.link.to_string(),
        }
    }
}
