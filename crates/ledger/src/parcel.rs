//! What is handed in together, and what is said of it.

use serin_model::Timestamp;

use crate::digest::Digest;
use crate::event::{Key, Submission};
use crate::evidence::Evidence;
use crate::id::EventId;
use crate::kind::Kind;
use crate::limits::{Invalid, MOST_PARCEL_BYTES, MOST_PARCEL_EVENTS, check_count, check_time};

/// Events and their evidence that are taken together: all of them, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    known_at: Timestamp,
    evidence: Vec<Evidence>,
    events: Vec<Submission>,
}

impl Parcel {
    /// Creates a parcel.
    ///
    /// * `known_at`: what time it is.
    /// * `evidence`: what the events name as evidence, as far as the ledger does not have it yet.
    ///
    /// # Errors
    ///
    /// Where it is beyond [the limits](crate::limits), or holds evidence that none of its events names.
    pub fn new(
        known_at: Timestamp,
        evidence: Vec<Evidence>,
        events: Vec<Submission>,
    ) -> Result<Self, Invalid> {
        check_time("known_at", known_at.as_millis())?;
        check_count("events", events.len(), MOST_PARCEL_EVENTS, "hand them in as several parcels")?;
        let bytes: usize = evidence.iter().map(Evidence::size).sum();
        if bytes > MOST_PARCEL_BYTES {
            let problem = format!("it has {bytes} bytes, at most {MOST_PARCEL_BYTES} are taken");
            return Err(Invalid::new("evidence", problem, "hand it in as several parcels"));
        }
        for piece in &evidence {
            let digest = piece.digest();
            if !events.iter().any(|event| event.header().evidence.contains(&digest)) {
                let problem = format!("no event of the parcel names {digest}");
                let hint = "name it in the `evidence` of the event that it proves";
                return Err(Invalid::new("evidence", problem, hint));
            }
        }
        Ok(Self { known_at, evidence, events })
    }

    /// Returns when it arrived.
    #[must_use]
    pub fn known_at(&self) -> Timestamp {
        self.known_at
    }

    /// Returns its evidence.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Returns its events.
    #[must_use]
    pub fn events(&self) -> &[Submission] {
        &self.events
    }
}

/// What the ledger says of an event that it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// Its place in the ledger.
    pub position: u64,
    /// Its identity.
    pub id: EventId,
    /// Whether it was there before: the same event was handed in earlier.
    pub was_known: bool,
}

/// Why the ledger did not take a parcel. Nothing of it is stored.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The key is taken by an event that says something else.
    #[error(
        "{key} is known already, as {id}, and says something else there\n\nhint: an event is never \
         overwritten; hand in a `correction` with {id} as its cause, or the new event under an id of its own"
    )]
    Conflict {
        /// The key.
        key: Key,
        /// The event that has it.
        id: EventId,
    },
    /// A cause is no event of this ledger.
    #[error(
        "{key} names {cause} as a cause, which is no event of this ledger\n\nhint: name an event that is yet to \
         arrive by its `source` and `source_id`"
    )]
    UnknownCause {
        /// The key of the event.
        key: Key,
        /// The cause.
        cause: EventId,
    },
    /// An event that speaks of another does not say of which, or of one of the wrong kind.
    #[error(
        "{key} is a `{kind}`, {problem}\n\nhint: name the one event that it speaks of, by its id"
    )]
    WrongCause {
        /// The key of the event.
        key: Key,
        /// Its kind.
        kind: Kind,
        /// What is wrong with its causes.
        problem: String,
    },
    /// Evidence is neither in the ledger nor in the parcel.
    #[error(
        "{key} names the evidence {digest}, which the ledger does not have\n\nhint: hand it in with the event"
    )]
    NoEvidence {
        /// The key of the event.
        key: Key,
        /// The digest of the evidence.
        digest: Digest,
    },
    /// A correction says something that the corrected event cannot say.
    #[error("{key} corrects {cause}: {invalid}")]
    WrongCorrection {
        /// The key of the correction.
        key: Key,
        /// The event that is corrected.
        cause: EventId,
        /// What is wrong.
        invalid: Box<Invalid>,
    },
}
