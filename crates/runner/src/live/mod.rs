//! Live analyses by the thousand, all of whose memory is the ledger.
//!
//! An analysis is what the ledger says of it: what was asked (`commission`), the points that it took
//! (`evidence`), and its report. `schedule` drives all of them by the rules of [`crate::watch`], one event at a
//! time, without a clock or a thread of its own; `service` waits, asks and writes for it. `record` reads an
//! analysis back, to go on with it or to conclude it; `entries` says what is written, `overlap` who else changed
//! the same scope. Points come from a [`PointSource`], most of all from `stores`.

pub mod commission;
mod entries;
pub mod evidence;
mod overlap;
mod points;
mod progress;
mod record;
mod replay;
mod schedule;
mod service;
mod stores;
#[cfg(test)]
mod trial;

pub use commission::NamedText;
pub use entries::{NewAnalysis, SOURCE, fresh_key, subject_of};
pub use overlap::Overlap;
pub use points::{Answered, PointSource, Sources};
pub use progress::{Progress, Snapshot, State, What};
pub use replay::{ReplayAsked, replay};
pub use service::{BeginError, Begun, Live, LiveClock, LiveError, SystemClock};
pub(crate) use stores::Rules;
pub use stores::{MOST_IN_FLIGHT, Stores};
