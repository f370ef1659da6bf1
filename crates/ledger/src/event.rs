//! Events: what is handed in, and what the ledger makes of it.

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use crate::body::Body;
use crate::digest::Digest;
use crate::fact::{Fact, VERSION};
use crate::id::EventId;
use crate::kind::Kind;
use crate::limits::{
    Invalid, MOST_CAUSES, MOST_EVIDENCE, MOST_NAME_CHARACTERS, MOST_VALUE_CHARACTERS, check_count,
    check_text, check_time,
};
use crate::scope::Scope;

/// What its source calls an event. One key is one event, however often it is handed in.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Key {
    /// Who says it, such as `github` or the address of a pipeline.
    pub source: String,
    /// What that source calls it.
    pub source_id: String,
}

impl Key {
    /// Creates a key.
    #[must_use]
    pub fn new(source: impl Into<String>, source_id: impl Into<String>) -> Self {
        Self { source: source.into(), source_id: source_id.into() }
    }

    fn check(&self, place: &str) -> Result<(), Invalid> {
        check_text(&format!("{place}source"), &self.source, MOST_NAME_CHARACTERS)?;
        check_text(&format!("{place}source_id"), &self.source_id, MOST_VALUE_CHARACTERS)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` of `{}`", self.source_id, self.source)
    }
}

/// Another event that led to this one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cause {
    /// An event of this ledger, by its id; it must be there.
    Event(EventId),
    /// An event by what its source calls it; it may arrive later, or never.
    Key(Key),
}

/// Everything about an event but its body.
///
/// The order of the fields is the order in which they are written, and so part of what the chain covers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// What its source calls it.
    #[serde(flatten)]
    pub key: Key,
    /// When it was true, in milliseconds since 1970.
    pub occurred_at: Timestamp,
    /// What it is about, as those who run it say.
    pub scope: Scope,
    /// What it tells of.
    pub kind: Kind,
    /// The version of the kind's body.
    pub version: u32,
    /// The one thing it is about, such as `analysis/4812`.
    pub subject: String,
    /// Events that led to it.
    pub causes: Vec<Cause>,
    /// Digests of what proves it.
    pub evidence: Vec<Digest>,
}

/// An event as it is handed in: everything but what only the ledger knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    header: Header,
    body: Body,
}

impl Submission {
    /// Creates an event that says `fact`; its kind and version follow from that.
    ///
    /// # Errors
    ///
    /// Where something is beyond [the limits](crate::limits).
    pub fn new(
        key: Key,
        occurred_at: Timestamp,
        scope: Scope,
        subject: impl Into<String>,
        fact: &Fact,
    ) -> Result<Self, Invalid> {
        let kind = fact.kind().ok_or_else(|| {
            let hint = "write its body yourself: `Submission::of_parts`";
            Invalid::new("kind", "it is not known", hint)
        })?;
        let header = Header {
            key,
            occurred_at,
            scope,
            kind,
            version: VERSION,
            subject: subject.into(),
            causes: Vec::new(),
            evidence: Vec::new(),
        };
        Self::of_parts(header, fact.body()?)
    }

    /// Creates an event of any kind and version.
    ///
    /// # Errors
    ///
    /// Where something is beyond [the limits](crate::limits), or the body of a known kind and version does
    /// not say what it must.
    pub fn of_parts(header: Header, body: Body) -> Result<Self, Invalid> {
        header.check()?;
        if header.kind == Kind::LedgerPruned {
            let hint = "`serin ledger prune` prunes, and writes it";
            return Err(Invalid::new(
                "kind",
                "only the ledger itself writes `ledger.pruned`",
                hint,
            ));
        }
        Fact::read(&header.kind, header.version, &body)?;
        Ok(Self { header, body })
    }

    /// Names what led to it.
    ///
    /// # Errors
    ///
    /// Where there are too many.
    pub fn caused_by(self, causes: Vec<Cause>) -> Result<Self, Invalid> {
        let header = Header { causes, ..self.header };
        header.check()?;
        Ok(Self { header, body: self.body })
    }

    /// Names what proves it.
    ///
    /// # Errors
    ///
    /// Where there are too many.
    pub fn proven_by(self, evidence: Vec<Digest>) -> Result<Self, Invalid> {
        let header = Header { evidence, ..self.header };
        header.check()?;
        Ok(Self { header, body: self.body })
    }

    /// Makes the event by which the ledger itself says that it pruned.
    pub(crate) fn of_pruning(header: Header, body: Body) -> Self {
        Self { header, body }
    }

    /// Returns everything but the body.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Returns the digest of header and body: two events that say the same have the same.
    #[must_use]
    pub fn content(&self) -> Digest {
        content_digest(&self.header, &self.body.digest())
    }

    /// Places the event behind the last of a ledger.
    ///
    /// * `content`: what [`content`](Self::content) returns.
    pub(crate) fn to_event(&self, content: &Digest, head: &Head, known_at: Timestamp) -> Event {
        let id = EventId::following(head.id, known_at, content);
        let link = link(&head.link, &id, known_at, content);
        let (position, body) = (head.position + 1, StoredBody::Kept(self.body.clone()));
        Event { position, id, known_at, header: self.header.clone(), body, link }
    }
}

impl Header {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        self.key.check("")?;
        check_time("occurred_at", self.occurred_at.as_millis())?;
        self.scope.check()?;
        check_text("kind", self.kind.as_str(), MOST_NAME_CHARACTERS)?;
        check_text("subject", &self.subject, MOST_VALUE_CHARACTERS)?;
        let hint = "name those that led to it directly";
        check_count("causes", self.causes.len(), MOST_CAUSES, hint)?;
        for (index, cause) in self.causes.iter().enumerate() {
            if let Cause::Key(key) = cause {
                key.check(&format!("causes[{index}]."))?;
            }
        }
        let hint = "put several into one piece";
        check_count("evidence", self.evidence.len(), MOST_EVIDENCE, hint)
    }
}

/// An event in its ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the ledger, from 1, without gaps.
    pub position: u64,
    /// Its identity, which sorts by arrival.
    pub id: EventId,
    /// When anyone could know of it, by the clock of whoever took it in.
    pub known_at: Timestamp,
    /// Everything but the body.
    pub header: Header,
    /// What it says.
    pub body: StoredBody,
    /// The digest of this event and of all before it.
    pub link: Digest,
}

/// The body of an event in its ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredBody {
    /// It is there.
    Kept(Body),
    /// It was let go.
    Pruned {
        /// The digest that it had.
        digest: Digest,
        /// The position of the event that says so.
        by: u64,
    },
}

impl StoredBody {
    /// Returns the digest of the body, there or not.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Kept(body) => body.digest(),
            Self::Pruned { digest, .. } => *digest,
        }
    }
}

impl Event {
    /// Returns what it says; [`Fact::Unknown`] where the body was pruned or is of a newer serin.
    #[must_use]
    pub fn fact(&self) -> Fact {
        match &self.body {
            StoredBody::Kept(body) => {
                Fact::read(&self.header.kind, self.header.version, body).unwrap_or(Fact::Unknown)
            }
            StoredBody::Pruned { .. } => Fact::Unknown,
        }
    }

    /// Returns the first of its causes that is an event of this ledger.
    #[must_use]
    pub fn first_cause(&self) -> Option<EventId> {
        self.header.causes.iter().find_map(|cause| match cause {
            Cause::Event(id) => Some(*id),
            Cause::Key(_) => None,
        })
    }

    /// Returns the digest of header and body.
    pub(crate) fn content(&self) -> Digest {
        content_digest(&self.header, &self.body.digest())
    }

    /// Returns the link that this event has behind `before`, by its own words.
    pub(crate) fn link_after(&self, before: &Digest) -> Digest {
        link(before, &self.id, self.known_at, &self.content())
    }

    /// Returns what the ledger's head is when this is the last event.
    pub(crate) fn as_head(&self) -> Head {
        Head { position: self.position, id: Some(self.id), link: self.link }
    }
}

/// The last event of a ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// Its position; 0 in an empty ledger.
    pub position: u64,
    /// Its id.
    pub id: Option<EventId>,
    /// The digest of all events.
    pub link: Digest,
}

impl Head {
    /// The head of an empty ledger.
    pub const EMPTY: Self = Self { position: 0, id: None, link: Digest::ZERO };

    /// Reads the columns of a row.
    pub(crate) fn of_columns(
        position: i64,
        id: Option<&[u8]>,
        link: &[u8],
    ) -> Result<Self, &'static str> {
        let position = u64::try_from(position).map_err(|_| "the head is before the first event")?;
        let id = match id {
            Some(id) => Some(EventId::from_bytes(id).ok_or("the head's id has not 16 bytes")?),
            None => None,
        };
        let link = Digest::from_bytes(link).ok_or("the head's link has not 32 bytes")?;
        Ok(Self { position, id, link })
    }
}

/// What the chain covers of an event beside its place: the header as JSON, a line break, the body's digest.
fn content_digest(header: &Header, body: &Digest) -> Digest {
    let header =
        serde_json::to_vec(header).expect("keys are texts, and nothing fails to be written");
    Digest::of_parts(&[&header, b"\n", body.as_bytes()])
}

fn link(before: &Digest, id: &EventId, known_at: Timestamp, content: &Digest) -> Digest {
    let known_at = known_at.as_millis().to_be_bytes();
    Digest::of_parts(&[before.as_bytes(), id.as_bytes(), &known_at, content.as_bytes()])
}
