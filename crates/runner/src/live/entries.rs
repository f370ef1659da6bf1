//! What is written into the ledger of a live analysis.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use serin_check::WrittenAnalysis;
use serin_judge::sequential::REVISION;
use serin_ledger::fact::{AnalysisBegun, AnalysisEnded, Judge, PointsTaken};
use serin_ledger::{
    Cause, Digest, EventId, Evidence, Fact, Invalid, Key, Parcel, Scope, Submission,
};
use serin_model::Timestamp;
use serin_report::Report;

use super::commission::{Commission, NamedText};
use super::evidence::Stretch;
use super::overlap::ANALYSIS;
use crate::moment::now;
use crate::question::Question;
use crate::watch::{Start, TimingAsked};

/// Who says so: the `source` of all events that live analyses append.
pub const SOURCE: &str = "serin";

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct NewAnalysis {
    /// The Check file and those that it extends, the nearest first.
    pub checks: Vec<NamedText>,
    /// What else narrows the scope down beside the Check's service.
    pub labels: BTreeMap<String, String>,
    /// The subject of the change that is looked at.
    pub change: Option<String>,
    /// Whether nobody acts on the verdict.
    pub shadow: bool,
    /// When it begins, and how long it takes.
    pub timing: TimingAsked,
    /// The address of the store to ask instead of the one that the Check names.
    pub url: Option<String>,
    /// Whoever asks again under the same key gets the same analysis.
    pub idempotency_key: Option<String>,
}

/// What an analysis is about, from its beginning to its end.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) subject: String,
    pub(super) scope: Scope,
    pub(super) change: Option<String>,
    pub(super) shadow: bool,
    pub(super) commission: Commission,
    /// The event that it began with, once it is in the ledger.
    pub(super) begun: Option<EventId>,
}

/// Returns who judges live analyses.
pub(super) fn judge() -> Judge {
    Judge { name: "sequential".to_owned(), revision: REVISION }
}

/// Returns the key of an analysis's first event.
pub(super) fn key_of_begun(idempotency_key: &str) -> Key {
    Key::new(SOURCE, format!("begun/{}", short(idempotency_key)))
}

/// Returns the name of an analysis that is asked for under a key.
#[must_use]
pub fn subject_of(idempotency_key: &str) -> String {
    format!("{ANALYSIS}{}", short(idempotency_key))
}

/// Returns an idempotency key for somebody who has none: one that nobody else has.
#[must_use]
pub fn fresh_key() -> String {
    let now = now().as_millis();
    let random = || RandomState::new().hash_one(now);
    format!("{now}-{:016x}{:016x}", random(), random())
}

/// As many letters of a digest as make sure that two are not the same.
fn short(key: &str) -> String {
    let digest = Digest::of(key.as_bytes()).to_string();
    digest.chars().take(24).collect()
}

impl About {
    /// Returns who looks for overlaps.
    pub(super) fn since(&self) -> Timestamp {
        match self.commission.start {
            Start::At(moment) => moment.min(self.commission.waiting_since),
            Start::Now | Start::WhenSeen => self.commission.waiting_since,
        }
    }

    /// Says that it begins.
    pub(super) fn begins(&self, key: Key) -> Result<Parcel, Invalid> {
        let texts = self.commission.checks.iter().map(|check| check.text.as_bytes());
        let mut evidence: Vec<Evidence> = texts.map(Evidence::new).collect::<Result<_, _>>()?;
        evidence.insert(1.min(evidence.len()), Evidence::new(&self.commission.write())?);
        let digests: Vec<Digest> = evidence.iter().map(Evidence::digest).collect();
        let timing = &self.commission.timing;
        let check = digests.first().copied().unwrap_or(Digest::ZERO);
        let fact = AnalysisBegun {
            change: self.change.clone(),
            check,
            judge: judge(),
            shadow: self.shadow,
            aa: false,
            horizon: match self.commission.start {
                Start::At(start) => Some(start.after(timing.warm_up).after(timing.horizon)),
                Start::Now | Start::WhenSeen => None,
            },
        };
        let (moment, fact) = (self.commission.waiting_since, Fact::AnalysisBegun(fact));
        let event = Submission::new(key, moment, self.scope.clone(), &self.subject, &fact)?;
        Parcel::new(moment, each_once(evidence), vec![event.proven_by(digests)?])
    }

    /// Says which points it took, before they are judged.
    ///
    /// * `batch`: its number, from 1.
    /// * `past`: the control's past, with the first batch.
    pub(super) fn takes(
        &self,
        now: Timestamp,
        batch: u64,
        points: &Stretch,
        past: Option<&Stretch>,
    ) -> Result<Parcel, Invalid> {
        let pieces = [Some(points), past].into_iter().flatten();
        let evidence: Vec<Evidence> =
            pieces.map(|piece| Evidence::new(&piece.write())).collect::<Result<_, _>>()?;
        let up_to = points.window.end;
        let fact = Fact::PointsTaken(PointsTaken { batch, points: points.points(), up_to });
        self.parcel(now, &format!("points/{batch}"), up_to, &fact, evidence)
    }

    /// Says that it is over.
    ///
    /// * `ended_at`: when that was so.
    pub(super) fn ends(
        &self,
        now: Timestamp,
        ended_at: Timestamp,
        report: &Report,
        bytes: &[u8],
    ) -> Result<Parcel, Invalid> {
        let fact = Fact::AnalysisEnded(AnalysisEnded {
            outcome: report.verdict.outcome,
            reason: Some(report.verdict.reason.clone()),
            change: self.change.clone(),
            judge: judge(),
            shadow: self.shadow,
        });
        self.parcel(now, "ended", ended_at, &fact, vec![Evidence::new(bytes)?])
    }

    fn parcel(
        &self,
        now: Timestamp,
        what: &str,
        occurred_at: Timestamp,
        fact: &Fact,
        evidence: Vec<Evidence>,
    ) -> Result<Parcel, Invalid> {
        let key = Key::new(SOURCE, format!("{}/{what}", self.subject));
        let digests: Vec<Digest> = evidence.iter().map(Evidence::digest).collect();
        let event = Submission::new(key, occurred_at, self.scope.clone(), &self.subject, fact)?
            .caused_by(self.begun.map(Cause::Event).into_iter().collect())?
            .proven_by(digests)?;
        Parcel::new(now, each_once(evidence), vec![event])
    }
}

/// Two pieces with the same bytes are one.
fn each_once(evidence: Vec<Evidence>) -> Vec<Evidence> {
    let mut kept: Vec<Evidence> = Vec::new();
    for piece in evidence {
        if !kept.iter().any(|known| known.digest() == piece.digest()) {
            kept.push(piece);
        }
    }
    kept
}

/// Returns a question as its files would have been read. It is made whenever it is needed: thousands would take much
/// memory.
pub(super) fn question(commission: &Commission, written: WrittenAnalysis) -> Question {
    Question::of_texts(&commission.checks, written)
}
