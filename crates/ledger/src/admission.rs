//! Which parcels a ledger takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::body::Body;
use crate::database::{EvidenceState, Transaction, events};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::event::{Cause, Event, Head, Header, Key, Submission};
use crate::evidence::Evidence;
use crate::fact::Fact;
use crate::id::EventId;
use crate::kind::Kind;
use crate::parcel::{Parcel, Receipt, Refusal};

/// What the ledger has of what parcels speak of, and what they add to it.
pub(crate) struct Admission {
    head: Head,
    by_key: BTreeMap<Key, Known>,
    /// Events that are named as causes.
    by_id: BTreeMap<EventId, Named>,
    evidence: BTreeMap<Digest, EvidenceState>,
    added: Vec<Event>,
    added_evidence: Vec<Evidence>,
}

/// An event that is in the ledger.
#[derive(Clone, Copy)]
struct Known {
    receipt: Receipt,
    content: Digest,
}

/// An event that another speaks of.
struct Named {
    kind: Kind,
    version: u32,
    service: String,
}

impl Named {
    fn of(header: &Header) -> Self {
        let service = header.scope.service.clone();
        Self { kind: header.kind.clone(), version: header.version, service }
    }
}

impl Admission {
    /// Looks up, in a few questions, everything that the parcels speak of.
    pub(crate) fn prepare(
        transaction: &mut dyn Transaction,
        parcels: &[Parcel],
        place: &str,
    ) -> Result<Self, LedgerError> {
        let submissions = || parcels.iter().flat_map(Parcel::events);
        let keys: BTreeSet<&Key> = submissions().map(|event| &event.header().key).collect();
        let keys: Vec<&Key> = keys.into_iter().collect();
        let causes = submissions().flat_map(|event| &event.header().causes);
        let ids = causes.filter_map(|cause| match cause {
            Cause::Event(id) => Some(*id),
            Cause::Key(_) => None,
        });
        let ids: Vec<EventId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        let digests = submissions().flat_map(|event| event.header().evidence.iter().copied());
        let digests: Vec<Digest> = digests.collect::<BTreeSet<_>>().into_iter().collect();

        let known = events(transaction.rows_of_keys(&keys)?, place)?.into_iter().map(|event| {
            let content = event.content();
            let receipt = Receipt { position: event.position, id: event.id, was_known: true };
            (event.header.key, Known { receipt, content })
        });
        let causes = events(transaction.rows_of_ids(&ids)?, place)?.into_iter();
        Ok(Self {
            head: transaction.head()?,
            by_key: known.collect(),
            by_id: causes.map(|event| (event.id, Named::of(&event.header))).collect(),
            evidence: transaction.evidence_states(&digests)?,
            added: Vec::new(),
            added_evidence: Vec::new(),
        })
    }

    /// Takes a parcel, or says why not; then nothing of it is taken.
    pub(crate) fn admit(&mut self, parcel: &Parcel) -> Result<Vec<Receipt>, Refusal> {
        let before = (self.head, self.added.len());
        let admitted: Result<Vec<_>, _> =
            parcel.events().iter().map(|event| self.admit_event(event, parcel)).collect();
        if admitted.is_ok() {
            self.take_evidence(parcel);
        } else {
            self.head = before.0;
            for event in self.added.drain(before.1..) {
                self.by_key.remove(&event.header.key);
                self.by_id.remove(&event.id);
            }
        }
        admitted
    }

    fn admit_event(&mut self, event: &Submission, parcel: &Parcel) -> Result<Receipt, Refusal> {
        let (key, content) = (&event.header().key, event.content());
        if let Some(known) = self.by_key.get(key) {
            if known.content == content {
                return Ok(known.receipt);
            }
            return Err(Refusal::Conflict { key: key.clone(), id: known.receipt.id });
        }
        self.check_causes(event)?;
        for digest in &event.header().evidence {
            let is_kept = matches!(self.evidence.get(digest), Some(EvidenceState::Kept(_)));
            let is_here = || parcel.evidence().iter().any(|piece| piece.digest() == *digest);
            if !is_kept && !is_here() {
                return Err(Refusal::NoEvidence { key: key.clone(), digest: *digest });
            }
        }
        let placed = event.to_event(&content, &self.head, parcel.known_at());
        self.head = placed.as_head();
        let receipt = Receipt { position: placed.position, id: placed.id, was_known: false };
        let known = Receipt { was_known: true, ..receipt };
        self.by_key.insert(key.clone(), Known { receipt: known, content });
        self.by_id.insert(placed.id, Named::of(event.header()));
        self.added.push(placed);
        Ok(receipt)
    }

    fn check_causes(&self, event: &Submission) -> Result<(), Refusal> {
        let header = event.header();
        for cause in &header.causes {
            if let Cause::Event(id) = cause
                && !self.by_id.contains_key(id)
            {
                return Err(Refusal::UnknownCause { key: header.key.clone(), cause: *id });
            }
        }
        let Some(expected) = header.kind.speaks_of() else { return Ok(()) };
        let wrong = |problem: String| Refusal::WrongCause {
            key: header.key.clone(),
            kind: header.kind.clone(),
            problem,
        };
        let [Cause::Event(cause)] = *header.causes.as_slice() else {
            return Err(wrong("whose only cause must be the id of an event".to_owned()));
        };
        let Some(Named { kind, version, service }) = self.by_id.get(&cause) else { return Ok(()) };
        if *service != header.scope.service {
            let problem = format!("of another service than {cause}, which is of `{service}`");
            return Err(wrong(problem));
        }
        if !expected.contains(kind) {
            let named: Vec<_> = expected.iter().map(|kind| format!("`{kind}`")).collect();
            let named = named.join(", ");
            return Err(wrong(format!("which speaks of {named}, and {cause} is a `{kind}`")));
        }
        check_correction(event, cause, kind, *version)
    }

    fn take_evidence(&mut self, parcel: &Parcel) {
        for piece in parcel.evidence() {
            let bytes = piece.compressed().len() as u64;
            let state = self.evidence.insert(piece.digest(), EvidenceState::Kept(bytes));
            if !matches!(state, Some(EvidenceState::Kept(_))) {
                self.added_evidence.push(piece.clone());
            }
        }
    }

    /// Writes what was taken.
    pub(crate) fn write(self, transaction: &mut dyn Transaction) -> Result<(), LedgerError> {
        transaction.add_evidence(&self.added_evidence)?;
        transaction.append(&self.added)
    }

    /// Returns whether nothing was taken that was not there.
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.added_evidence.is_empty()
    }
}

/// A correction must say something that the corrected event could have said.
fn check_correction(
    event: &Submission,
    cause: EventId,
    kind: &Kind,
    version: u32,
) -> Result<(), Refusal> {
    let header = event.header();
    let Ok(Fact::Correction(correction)) = Fact::read(&header.kind, header.version, event.body())
    else {
        return Ok(());
    };
    let Some(body) = correction.body else { return Ok(()) };
    let checked = Body::of(&body).and_then(|body| Fact::read(kind, version, &body));
    checked.map(drop).map_err(|invalid| Refusal::WrongCorrection {
        key: header.key.clone(),
        cause,
        invalid: Box::new(invalid),
    })
}
