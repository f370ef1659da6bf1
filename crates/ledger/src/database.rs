//! What a database must do for a ledger. Everything else is said once, above it.

use std::collections::BTreeMap;
use std::fmt;

use serin_model::{Timestamp, Window};

use crate::body::Body;
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::event::{Event, Head, Header, Key, StoredBody};
use crate::evidence::Evidence;
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Snapshot;
use crate::scope::Scope;

/// A database that holds a ledger.
pub(crate) trait Database: fmt::Debug + Send {
    /// Begins a transaction. One that writes waits for others that write; one that reads sees the ledger as
    /// it was at its first look, whatever is appended meanwhile.
    fn begin(&mut self, access: Access) -> Result<Box<dyn Transaction + '_>, LedgerError>;

    /// Gives space of what was let go back to the system.
    fn reclaim(&mut self) -> Result<(), LedgerError>;

    /// Has the database look at its own files, and returns what it finds wrong with them.
    fn check(&mut self) -> Result<Vec<String>, LedgerError>;

    /// Returns where it is, without a password.
    fn place(&self) -> &str;
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A transaction. Dropped without [`commit`](Self::commit), it never was.
pub(crate) trait Transaction {
    fn head(&mut self) -> Result<Head, LedgerError>;

    /// Returns the rows of events behind the position `after`, in ledger order: at most `most` of them, and no
    /// more once they are [`MOST_PAGE_BYTES`] large.
    fn rows(
        &mut self,
        selection: &Selection,
        after: u64,
        most: usize,
    ) -> Result<Vec<Row>, LedgerError>;

    /// Returns the rows of events that have one of these keys.
    fn rows_of_keys(&mut self, keys: &[&Key]) -> Result<Vec<Row>, LedgerError>;

    /// Returns the rows of events that have one of these ids.
    fn rows_of_ids(&mut self, ids: &[EventId]) -> Result<Vec<Row>, LedgerError>;

    /// Returns every service that has an event, by name.
    fn services(&mut self) -> Result<Vec<String>, LedgerError>;

    /// Appends events, which follow the head, and makes the last of them the head.
    fn append(&mut self, events: &[Event]) -> Result<(), LedgerError>;

    /// Takes the bodies of these events away.
    fn prune_bodies(&mut self, positions: &[u64], by: u64) -> Result<(), LedgerError>;

    /// Returns what is known of these pieces of evidence, bytes apart.
    fn evidence_states(
        &mut self,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, EvidenceState>, LedgerError>;

    /// Returns one piece, by its digest.
    fn evidence(&mut self, digest: &Digest) -> Result<Option<StoredEvidence>, LedgerError>;

    /// Returns the pieces behind `after`, by their digests: at most `most`, and no more once they are
    /// [`MOST_PAGE_BYTES`] large.
    fn evidence_after(
        &mut self,
        after: Option<&Digest>,
        most: usize,
    ) -> Result<Vec<StoredEvidence>, LedgerError>;

    /// Stores pieces whose bytes are not there.
    fn add_evidence(&mut self, pieces: &[Evidence]) -> Result<(), LedgerError>;

    /// Stores that pieces were let go, for those that are not there.
    fn add_pruned_evidence(&mut self, pieces: &[StoredEvidence]) -> Result<(), LedgerError>;

    /// Takes the bytes of these pieces away.
    fn prune_evidence(&mut self, digests: &[Digest], by: u64) -> Result<(), LedgerError>;

    fn snapshot(
        &mut self,
        projection: &str,
        service: &str,
    ) -> Result<Option<Snapshot>, LedgerError>;

    fn keep_snapshot(
        &mut self,
        projection: &str,
        service: &str,
        snapshot: &Snapshot,
    ) -> Result<(), LedgerError>;

    fn commit(self: Box<Self>) -> Result<(), LedgerError>;
}

/// A page of rows ends behind the one with which it is this large.
pub(crate) const MOST_PAGE_BYTES: usize = 8 << 20;

/// Which events to read. Everything that is given must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// Events of this service.
    pub service: Option<String>,
    /// Events of this subject; only together with a service.
    pub subject: Option<String>,
    /// Events that this source says.
    pub source: Option<String>,
    /// Events of one of these kinds; none given, of all.
    pub kinds: Vec<Kind>,
    /// Events that were known at this moment.
    pub known_by: Option<Timestamp>,
    /// Events that occurred in this window.
    pub occurred: Option<Window>,
}

/// A value of a condition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

impl Selection {
    /// Returns the condition in SQL with its values, numbered from `first`.
    pub(crate) fn condition(&self, first: usize) -> (String, Vec<Value>) {
        let mut text = String::new();
        let mut values = Vec::new();
        let mut add = |before: &str, after: &str, value: Value| {
            let number = first + values.len();
            text.push_str(&format!("{before}${number}{after}"));
            values.push(value);
        };
        if let Some(service) = &self.service {
            add(" AND service = ", "", Value::Text(service.clone()));
        }
        if let Some(subject) = &self.subject {
            add(" AND subject = ", "", Value::Text(subject.clone()));
        }
        if let Some(source) = &self.source {
            add(" AND source = ", "", Value::Text(source.clone()));
        }
        for (index, kind) in self.kinds.iter().enumerate() {
            let before = if index == 0 { " AND kind IN (" } else { ", " };
            let after = if index + 1 == self.kinds.len() { ")" } else { "" };
            add(before, after, Value::Text(kind.as_str().to_owned()));
        }
        if let Some(known_by) = self.known_by {
            add(" AND known_at <= ", "", Value::Number(known_by.as_millis()));
        }
        if let Some(window) = self.occurred {
            add(" AND occurred_at >= ", "", Value::Number(window.start.as_millis()));
            add(" AND occurred_at < ", "", Value::Number(window.end.as_millis()));
        }
        (text, values)
    }
}

/// Whether the bytes of a piece of evidence are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EvidenceState {
    /// They are, and take so many compressed.
    Kept(u64),
    Pruned,
}

impl EvidenceState {
    /// Reads the length of compressed bytes, which those that were pruned have not.
    pub(crate) fn of_length(bytes: Option<i64>) -> Self {
        bytes.map_or(Self::Pruned, |bytes| Self::Kept(bytes.unsigned_abs()))
    }
}

/// A piece of evidence as a database has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum StoredEvidence {
    Kept(Evidence),
    Pruned {
        digest: Digest,
        size: usize,
        by: u64,
    },
    /// Its bytes are gone, and nothing says why.
    Lost {
        digest: Digest,
    },
}

impl StoredEvidence {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Kept(evidence) => evidence.digest(),
            Self::Pruned { digest, .. } | Self::Lost { digest } => *digest,
        }
    }

    /// Reads the columns of a row.
    pub(crate) fn of_columns(
        digest: &[u8],
        size: i64,
        compressed: Option<Vec<u8>>,
        pruned_by: Option<i64>,
    ) -> Result<Self, String> {
        let digest = Digest::from_bytes(digest).ok_or("a digest of evidence has not 32 bytes")?;
        let size =
            usize::try_from(size).map_err(|_| format!("evidence {digest} has {size} bytes"))?;
        match (compressed, pruned_by) {
            (Some(compressed), _) => Ok(Self::Kept(Evidence::stored(digest, size, compressed))),
            (None, Some(by)) => Ok(Self::Pruned { digest, size, by: by.unsigned_abs() }),
            (None, None) => Ok(Self::Lost { digest }),
        }
    }
}

/// The columns of an event, in the order of [`COLUMNS`], before anybody looked at them.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) position: i64,
    pub(crate) id: Vec<u8>,
    pub(crate) known_at: i64,
    pub(crate) source: String,
    pub(crate) source_id: String,
    pub(crate) occurred_at: i64,
    pub(crate) service: String,
    pub(crate) labels: String,
    pub(crate) kind: String,
    pub(crate) version: i64,
    pub(crate) subject: String,
    pub(crate) causes: String,
    pub(crate) evidence: String,
    pub(crate) body: Option<String>,
    pub(crate) body_digest: Vec<u8>,
    pub(crate) pruned_by: Option<i64>,
    pub(crate) link: Vec<u8>,
}

/// The columns of an event.
pub(crate) const COLUMNS: &str = "position, id, known_at, source, source_id, occurred_at, service, labels, \
     kind, version, subject, causes, evidence, body, body_digest, pruned_by, link";

impl Row {
    /// Writes an event as a row.
    pub(crate) fn of(event: &Event) -> Self {
        let header = &event.header;
        let json = "texts, ids and digests are written without fail";
        let (body, pruned_by) = match &event.body {
            StoredBody::Kept(body) => (Some(body.as_str().to_owned()), None),
            StoredBody::Pruned { by, .. } => (None, Some(number(*by))),
        };
        Self {
            position: number(event.position),
            id: event.id.as_bytes().to_vec(),
            known_at: event.known_at.as_millis(),
            source: header.key.source.clone(),
            source_id: header.key.source_id.clone(),
            occurred_at: header.occurred_at.as_millis(),
            service: header.scope.service.clone(),
            labels: serde_json::to_string(&header.scope.labels).expect(json),
            kind: header.kind.as_str().to_owned(),
            version: header.version.into(),
            subject: header.subject.clone(),
            causes: serde_json::to_string(&header.causes).expect(json),
            evidence: serde_json::to_string(&header.evidence).expect(json),
            body,
            body_digest: event.body.digest().as_bytes().to_vec(),
            pruned_by,
            link: event.link.as_bytes().to_vec(),
        }
    }

    /// Returns about how much memory it takes.
    pub(crate) fn size(&self) -> usize {
        let body = self.body.as_ref().map_or(0, String::len);
        200 + self.causes.len() + self.evidence.len() + self.labels.len() + body
    }

    /// Reads the row as an event.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that follow "event 7: ".
    pub(crate) fn into_event(self) -> Result<Event, String> {
        let digest = |bytes: &[u8], what: &str| {
            Digest::from_bytes(bytes).ok_or_else(|| format!("its {what} has not 32 bytes"))
        };
        let unreadable =
            |what: &str, error: serde_json::Error| format!("its {what} cannot be read: {error}");
        let body_digest = digest(&self.body_digest, "digest of the body")?;
        let body = match (self.body, self.pruned_by) {
            (Some(body), _) => {
                let body = Body::trusted(body);
                if body.digest() != body_digest {
                    return Err("its body is not the one that was appended".to_owned());
                }
                StoredBody::Kept(body)
            }
            (None, Some(by)) => StoredBody::Pruned { digest: body_digest, by: by.unsigned_abs() },
            (None, None) => return Err("its body is gone, and was not pruned".to_owned()),
        };
        let labels = serde_json::from_str(&self.labels);
        let header = Header {
            key: Key { source: self.source, source_id: self.source_id },
            occurred_at: Timestamp::from_millis(self.occurred_at),
            scope: Scope {
                service: self.service,
                labels: labels.map_err(|error| unreadable("labels", error))?,
            },
            kind: Kind::named(&self.kind),
            version: u32::try_from(self.version).map_err(|_| "its version is no version")?,
            subject: self.subject,
            causes: serde_json::from_str(&self.causes)
                .map_err(|error| unreadable("causes", error))?,
            evidence: serde_json::from_str(&self.evidence)
                .map_err(|error| unreadable("evidence", error))?,
        };
        Ok(Event {
            position: self.position.unsigned_abs(),
            id: EventId::from_bytes(&self.id).ok_or("its id has not 16 bytes")?,
            known_at: Timestamp::from_millis(self.known_at),
            header,
            body,
            link: digest(&self.link, "link")?,
        })
    }
}

/// Returns a position or a size as databases have it.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads rows as events, or says which of them is damaged.
pub(crate) fn events(rows: Vec<Row>, place: &str) -> Result<Vec<Event>, LedgerError> {
    rows.into_iter()
        .map(|row| {
            let position = row.position;
            row.into_event().map_err(|problem| LedgerError::Damaged {
                place: place.to_owned(),
                problem: format!("event {position}: {problem}"),
            })
        })
        .collect()
}
