//! What the bodies of events say, kind by kind and version by version.
//!
//! A key may be added to a version: readers leave keys alone that they do not know. A key that changes its
//! meaning or goes away makes the next version, and older ones stay readable.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serin_model::{Outcome, Timestamp};

use crate::body::Body;
use crate::digest::Digest;
use crate::kind::Kind;
use crate::limits::Invalid;

/// What an event says, in types.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// `change.noted`
    ChangeNoted(ChangeNoted),
    /// `analysis.begun`
    AnalysisBegun(AnalysisBegun),
    /// `analysis.points`
    PointsTaken(PointsTaken),
    /// `analysis.ended`
    AnalysisEnded(AnalysisEnded),
    /// `verdict.labelled`
    VerdictLabelled(VerdictLabelled),
    /// `verdict.overridden`
    VerdictOverridden(VerdictOverridden),
    /// `act.begun`
    ActBegun(ActBegun),
    /// `act.done`
    ActDone(ActDone),
    /// `act.failed`
    ActFailed(ActFailed),
    /// `act.withheld`
    ActWithheld(ActWithheld),
    /// `act.undone`
    ActUndone(Person),
    /// `acting.paused`
    ActingPaused(Person),
    /// `acting.resumed`
    ActingResumed(Person),
    /// `check.applied`
    CheckApplied(CheckApplied),
    /// `token.issued`
    TokenIssued(TokenIssued),
    /// `token.revoked`
    TokenRevoked(Person),
    /// `correction`
    Correction(Correction),
    /// `ledger.pruned`
    LedgerPruned(LedgerPruned),
    /// A kind or a version that this serin does not know; its body is left alone.
    Unknown,
}

/// The version of every body that is written today.
pub(crate) const VERSION: u32 = 1;

/// Something altered a scope. Its event's subject names the change, and analyses name it by that.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChangeNoted {
    /// What was altered.
    pub what: Alteration,
    /// What was there before, such as a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What is there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Where to read more: a commit, a pull request, a ticket.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When it was over, in milliseconds since 1970; it began when the event occurred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// A remark for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a change alters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alteration {
    /// The software.
    Deploy,
    /// Its configuration.
    Config,
    /// A feature flag.
    Flag,
    /// What it runs on.
    Infrastructure,
    /// Whatever was needed to bring it back to health.
    Heal,
    /// Back to what was there before.
    Rollback,
    /// Something by hand.
    Manual,
}

/// A judge, and the revision of its mathematics.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    /// Its name, such as `sequential`.
    pub name: String,
    /// The revision: the same points, Check and revision give the same bits.
    pub revision: u32,
}

/// A judge looks at a change. Its event's subject names the analysis; points and verdict have the same.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AnalysisBegun {
    /// The subject of the change that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The digest of the Check's text, which is evidence of this event.
    pub check: Digest,
    /// Who judges.
    pub judge: Judge,
    /// Whether nobody acts on it.
    #[serde(default)]
    pub shadow: bool,
    /// Whether both arms run the same: whatever it finds is a false alarm.
    #[serde(default, skip_serializing_if = "is_false")]
    pub aa: bool,
    /// When it ends at the latest, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Timestamp>,
}

/// An analysis took a batch of points, which are evidence of this event.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PointsTaken {
    /// The number of the batch within its analysis, from 1.
    pub batch: u64,
    /// How many points it has.
    pub points: u64,
    /// Event time up to which everything was asked for, in milliseconds since 1970.
    pub up_to: Timestamp,
}

/// The verdict of an analysis. The report is evidence of this event.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AnalysisEnded {
    /// Promote, roll back, or hold for a person.
    pub outcome: Outcome,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The subject of the change that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Who judged.
    pub judge: Judge,
    /// Whether nobody acted on it.
    #[serde(default)]
    pub shadow: bool,
}

/// Somebody says whether a verdict was right. The verdict is the event's only cause.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct VerdictLabelled {
    /// Whether it was.
    pub label: Label,
    /// Who says so.
    pub by: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a verdict turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// It was right.
    Right,
    /// It was wrong.
    Wrong,
}

/// Somebody decided otherwise than a verdict. The verdict is the event's only cause.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct VerdictOverridden {
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub by: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What to do with a canary.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on with it.
    Promote,
    /// Wait.
    Hold,
    /// Take it back.
    RollBack,
}

/// A rule demands an act about a verdict, and it is about to be done. The verdict is the event's only cause.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ActBegun {
    /// What is done, in a few words.
    pub act: String,
    /// The rule that demands it.
    pub rule: String,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// When it is over at the latest, in milliseconds since 1970: from then on nobody does it any more.
    pub until: Timestamp,
}

/// An act failed, or nobody knows what became of it. Its beginning is the event's only cause.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ActFailed {
    /// Why, in a sentence.
    pub why: String,
}

/// A rule demanded an act about a verdict, and it is not done. The verdict is the event's only cause.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ActWithheld {
    /// What would have been done, in a few words.
    pub act: String,
    /// The rule that demanded it.
    pub rule: String,
    /// Why not, in a sentence.
    pub why: String,
}

/// Something was done about a verdict.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ActDone {
    /// What was done, in a few words.
    pub act: String,
    /// The rule that demanded it, or none where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The person who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

/// Who did something, and why.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub by: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A Check came into force, changed or left. Its texts are evidence of this event.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CheckApplied {
    /// The digest of the text that was in force, or none where there was no such Check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Digest>,
    /// The digest of the text in force now, or none where the Check left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Digest>,
    /// Who applied it.
    pub by: String,
    /// Where the text came from, such as a commit.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The Check file in force now, whose digest is `to`, and those that it extends, the nearest first. Empty
    /// where the Check left, or its text is the whole of it and has no name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<CheckText>,
    /// Who keeps it: only from there it is changed and taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<CheckOrigin>,
}

/// A text of a Check, which is evidence of the event that names it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CheckText {
    /// What errors call it: its path in the repository or the folder.
    pub name: String,
    /// Its digest.
    pub sha256: Digest,
}

/// Where a Check came from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CheckOrigin {
    /// The folder of Checks, such as `github.com/acme/checks/production` or `/etc/serin/checks`: the same
    /// wherever a repository is checked out.
    pub folder: String,
    /// The Check file, as a path in that folder.
    pub file: String,
    /// The commit that was checked out, where the folder is in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether its texts were not as that commit has them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dirty: bool,
}

/// Somebody may ask the server. Its event's subject names the token.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TokenIssued {
    /// What people call it, such as `deploy pipeline`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only services that it may speak of; empty are all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// From when on it is worth nothing, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The SHA-256 of the token, whose 256 random bits nobody keeps.
    pub hash: Digest,
    /// Who issued it.
    pub by: String,
}

/// What a token may do. Each may do what those before it may.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything but tokens and the audit.
    Read,
    /// Tell of changes, and have them judged.
    Submit,
    /// Speak of verdicts, and pause and resume acting.
    Act,
    /// Issue and revoke tokens, and read the audit.
    Admin,
}

impl Role {
    /// Returns the word for it, as tokens carry it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Act => "act",
            Self::Admin => "admin",
        }
    }
}

/// An earlier event, the only cause, is withdrawn or said anew. The last correction of an event counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// What the event shall have said, in a body of its kind and version; none withdraws it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
    /// Who corrects.
    pub by: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Evidence and bodies were let go. What went is listed in the evidence of this event.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LedgerPruned {
    /// Bodies of point batches.
    pub bodies: u64,
    /// Pieces of evidence.
    pub evidence: u64,
    /// The rules by which they went, in words.
    pub policy: Vec<String>,
}

impl Fact {
    /// Reads a body. A kind or a version that is not known is [`Fact::Unknown`].
    ///
    /// # Errors
    ///
    /// Where the body of a known kind and version does not say what it must.
    pub fn read(kind: &Kind, version: u32, body: &Body) -> Result<Self, Invalid> {
        if version != VERSION {
            return Ok(Self::Unknown);
        }
        Ok(match kind {
            Kind::ChangeNoted => Self::ChangeNoted(read(kind, body)?),
            Kind::AnalysisBegun => Self::AnalysisBegun(read(kind, body)?),
            Kind::PointsTaken => Self::PointsTaken(read(kind, body)?),
            Kind::AnalysisEnded => Self::AnalysisEnded(read(kind, body)?),
            Kind::VerdictLabelled => Self::VerdictLabelled(read(kind, body)?),
            Kind::VerdictOverridden => Self::VerdictOverridden(read(kind, body)?),
            Kind::ActBegun => Self::ActBegun(read(kind, body)?),
            Kind::ActDone => Self::ActDone(read(kind, body)?),
            Kind::ActFailed => Self::ActFailed(read(kind, body)?),
            Kind::ActWithheld => Self::ActWithheld(read(kind, body)?),
            Kind::ActUndone => Self::ActUndone(read(kind, body)?),
            Kind::ActingPaused => Self::ActingPaused(read(kind, body)?),
            Kind::ActingResumed => Self::ActingResumed(read(kind, body)?),
            Kind::CheckApplied => Self::CheckApplied(read(kind, body)?),
            Kind::TokenIssued => Self::TokenIssued(read(kind, body)?),
            Kind::TokenRevoked => Self::TokenRevoked(read(kind, body)?),
            Kind::Correction => Self::Correction(read(kind, body)?),
            Kind::LedgerPruned => Self::LedgerPruned(read(kind, body)?),
            Kind::Other(_) => Self::Unknown,
        })
    }

    /// Returns the kind of event that says this, or `None` for what is not known.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::ChangeNoted(_) => Kind::ChangeNoted,
            Self::AnalysisBegun(_) => Kind::AnalysisBegun,
            Self::PointsTaken(_) => Kind::PointsTaken,
            Self::AnalysisEnded(_) => Kind::AnalysisEnded,
            Self::VerdictLabelled(_) => Kind::VerdictLabelled,
            Self::VerdictOverridden(_) => Kind::VerdictOverridden,
            Self::ActBegun(_) => Kind::ActBegun,
            Self::ActDone(_) => Kind::ActDone,
            Self::ActFailed(_) => Kind::ActFailed,
            Self::ActWithheld(_) => Kind::ActWithheld,
            Self::ActUndone(_) => Kind::ActUndone,
            Self::ActingPaused(_) => Kind::ActingPaused,
            Self::ActingResumed(_) => Kind::ActingResumed,
            Self::CheckApplied(_) => Kind::CheckApplied,
            Self::TokenIssued(_) => Kind::TokenIssued,
            Self::TokenRevoked(_) => Kind::TokenRevoked,
            Self::Correction(_) => Kind::Correction,
            Self::LedgerPruned(_) => Kind::LedgerPruned,
            Self::Unknown => return None,
        })
    }

    /// Writes the body that says this; an empty object for what is not known.
    ///
    /// # Errors
    ///
    /// Where it is beyond [the limits](crate::limits).
    pub fn body(&self) -> Result<Body, Invalid> {
        match self {
            Self::ChangeNoted(fact) => write(fact),
            Self::AnalysisBegun(fact) => write(fact),
            Self::PointsTaken(fact) => write(fact),
            Self::AnalysisEnded(fact) => write(fact),
            Self::VerdictLabelled(fact) => write(fact),
            Self::VerdictOverridden(fact) => write(fact),
            Self::ActBegun(fact) => write(fact),
            Self::ActDone(fact) => write(fact),
            Self::ActFailed(fact) => write(fact),
            Self::ActWithheld(fact) => write(fact),
            Self::ActUndone(fact)
            | Self::ActingPaused(fact)
            | Self::ActingResumed(fact)
            | Self::TokenRevoked(fact) => write(fact),
            Self::CheckApplied(fact) => write(fact),
            Self::TokenIssued(fact) => write(fact),
            Self::Correction(fact) => write(fact),
            Self::LedgerPruned(fact) => write(fact),
            Self::Unknown => Body::read("{}"),
        }
    }
}

/// A key that was added to a version is not written where it says nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

fn read<T: DeserializeOwned>(kind: &Kind, body: &Body) -> Result<T, Invalid> {
    serde_json::from_str(body.as_str()).map_err(|error| {
        // Where in the canonical form it stands helps nobody who wrote another.
        let problem = error.to_string();
        let problem = problem.split(" at line ").next().unwrap_or(&problem);
        Invalid::new(
            "body",
            format!("{problem}, in a body of `{kind}` version {VERSION}"),
            "docs/spec/ledger.md lists what each kind says",
        )
    })
}

fn write<T: Serialize>(fact: &T) -> Result<Body, Invalid> {
    let value = serde_json::to_value(fact).map_err(|error| {
        Invalid::new("body", error.to_string(), "see that its texts and numbers are plain")
    })?;
    Body::of(&value)
}
