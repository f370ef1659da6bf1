//! What follows from events: a state, folded from them in ledger order.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::Digest;
use crate::event::Event;
use crate::kind::Kind;

/// A state that follows from events, and from nothing else.
///
/// It sees events in ledger order, which is the order of arrival: what occurred first may come later, and an
/// effect before its cause. The same events give the same state, and the same state is written in the same
/// bytes: ordered maps, no clock, no numbers that are not exact.
///
/// No body that [pruning](crate::Retention) takes away may be read: those of `analysis.points`.
pub trait Projection: Default + Serialize + DeserializeOwned {
    /// Its name, under which snapshots are kept.
    const NAME: &'static str;
    /// Grows whenever the same events give another state; older snapshots are then left alone.
    const REVISION: u32;
    /// The kinds of events that it looks at.
    const KINDS: &'static [Kind];

    /// Takes the next event into account.
    fn apply(&mut self, event: &Event);
}

/// A projection, and how far into the ledger it goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Projected<P> {
    /// The state.
    pub state: P,
    /// The last position that it takes into account; events of other kinds and services included.
    pub position: u64,
    /// The link of the event at that position.
    pub link: Digest,
}

/// A state that is kept, so that not all events need be read again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) revision: u32,
    pub(crate) position: u64,
    /// The link of the event at that position: a snapshot of another ledger does not fit.
    pub(crate) link: Digest,
    pub(crate) state: Vec<u8>,
}

impl<P: Projection> Projected<P> {
    /// Nothing seen yet.
    pub(crate) fn empty() -> Self {
        Self { state: P::default(), position: 0, link: Digest::ZERO }
    }

    /// Returns the state of a snapshot, where this projection can read it.
    pub(crate) fn of_snapshot(snapshot: &Snapshot) -> Option<Self> {
        if snapshot.revision != P::REVISION {
            return None;
        }
        let state = serde_json::from_slice(&snapshot.state).ok()?;
        Some(Self { state, position: snapshot.position, link: snapshot.link })
    }

    pub(crate) fn to_snapshot(&self) -> Snapshot {
        let (position, link) = (self.position, self.link);
        Snapshot { revision: P::REVISION, position, link, state: self.to_bytes() }
    }

    /// Writes the state, in the same bytes for the same events.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state)
            .expect("a state is texts, whole numbers and ordered maps of texts")
    }
}
