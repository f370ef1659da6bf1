//! What an export is made of: a line a thing, each a JSON object with one key.

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use crate::body::Body;
use crate::digest::Digest;
use crate::event::{Event, Header, StoredBody};
use crate::id::EventId;

/// The version of the format.
pub(crate) const FORMAT: u32 = 1;

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first line.
    Ledger { format: u32, position: u64, link: Digest },
    /// A piece of evidence; they are sorted by their digests, and all come before the events.
    Evidence(EvidenceLine),
    /// An event; they come in ledger order.
    Event(Box<EventLine>),
    /// The last line.
    End { events: u64, evidence: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EvidenceLine {
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pruned_by: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventLine {
    position: u64,
    id: EventId,
    known_at: Timestamp,
    header: Header,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Body>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pruned_by: Option<u64>,
    link: Digest,
}

impl EventLine {
    pub(crate) fn of(event: Event) -> Self {
        let (body, body_sha256, pruned_by) = match event.body {
            StoredBody::Kept(body) => (Some(body), None, None),
            StoredBody::Pruned { digest, by } => (None, Some(digest), Some(by)),
        };
        let Event { position, id, known_at, header, link, .. } = event;
        Self { position, id, known_at, header, body, body_sha256, pruned_by, link }
    }

    /// Returns about how much memory it takes.
    pub(crate) fn size(&self) -> usize {
        1000 + self.body.as_ref().map_or(0, |body| body.as_str().len())
    }

    /// Returns the event, or `None` where it has neither a body nor says that it was pruned.
    pub(crate) fn into_event(self) -> Option<Event> {
        let body = match (self.body, self.body_sha256, self.pruned_by) {
            (Some(body), _, _) => StoredBody::Kept(body),
            (None, Some(digest), Some(by)) => StoredBody::Pruned { digest, by },
            (None, _, _) => return None,
        };
        let Self { position, id, known_at, header, link, .. } = self;
        Some(Event { position, id, known_at, header, body, link })
    }
}
