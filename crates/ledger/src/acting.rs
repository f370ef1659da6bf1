//! Whether serin acts.

use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

use crate::event::Event;
use crate::fact::{Fact, Person};
use crate::id::EventId;
use crate::kind::Kind;
use crate::projection::Projection;

/// Whether acting is paused. To be projected for [the scope of serin itself](crate::Scope::itself).
///
/// The last event in ledger order counts, whenever it says that it occurred: whoever pauses wants it now.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Acting {
    /// The pause that holds, if one does.
    pub paused: Option<Pause>,
}

/// A pause: judging goes on, acting does not.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// The event that it began with.
    pub id: EventId,
    /// When it began.
    pub since: Timestamp,
    /// Who paused, and why.
    pub person: Person,
}

impl Projection for Acting {
    const NAME: &'static str = "acting";
    const REVISION: u32 = 1;
    const KINDS: &'static [Kind] = &[Kind::ActingPaused, Kind::ActingResumed];

    fn apply(&mut self, event: &Event) {
        match event.fact() {
            Fact::ActingPaused(person) => {
                let since = event.header.occurred_at;
                self.paused.get_or_insert(Pause { id: event.id, since, person });
            }
            Fact::ActingResumed(_) => self.paused = None,
            _ => {}
        }
    }
}
