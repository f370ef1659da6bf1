//! The ledger: what happened, when anyone could know of it, and what proves it.
//!
//! Events are only ever appended. Each is tied to all before it by a digest, so that damage and tampering
//! show; each carries two clocks, when it was true and when it was known; and one that was handed in before
//! is known to be the same. States such as what is known to be good follow from events, and from nothing
//! else. A ledger lies in one file of SQLite's, or in a PostgreSQL database.
//!
//! This crate reads no clock and draws no random number: moments are handed in, and ids follow from them. It
//! knows nothing of HTTP and of how points are judged.
//!
//! ```
//! use serin_ledger::fact::{Alteration, ChangeNoted};
//! use serin_ledger::{Fact, Key, Ledger, Parcel, Scope, ServiceHistory, Submission};
//! use serin_model::Timestamp;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("serin.db");
//! let mut ledger = Ledger::open_file(&path, true)?;
//! let fact = Fact::ChangeNoted(ChangeNoted {
//!     what: Alteration::Deploy,
//!     from: Some("1.0".to_owned()),
//!     to: Some("1.1".to_owned()),
//!     reference: None,
//!     ended_at: None,
//!     note: None,
//! });
//! let occurred_at = Timestamp::from_seconds(1_600_000_000);
//! let key = Key::new("pipeline", "run-4812");
//! let event =
//!     Submission::new(key, occurred_at, Scope::of_service("checkout"), "change/1.1", &fact)?;
//! let known_at = Timestamp::from_seconds(1_600_000_005);
//! let parcel = Parcel::new(known_at, Vec::new(), vec![event])?;
//!
//! // Handed in twice, it is one event.
//! for was_known in [false, true] {
//!     let receipts = ledger.append(&[parcel.clone()])?.remove(0)?;
//!     assert_eq!((receipts[0].position, receipts[0].was_known), (1, was_known));
//! }
//!
//! let history = ledger.project::<ServiceHistory>(Some("checkout"))?.state;
//! assert_eq!(history.changes_since(None, Timestamp::from_seconds(0))[0].subject, "change/1.1");
//! assert!(history.known_good(&Scope::of_service("checkout")).is_none());
//! # Ok(())
//! # }
//! ```

#![warn(clippy::missing_errors_doc)]

mod acting;
mod acts;
mod admission;
mod aftermath;
mod applied_checks;
mod body;
mod database;
mod digest;
mod error;
mod event;
mod evidence;
mod export;
mod export_line;
pub mod fact;
mod history;
mod id;
mod import;
mod kind;
mod ledger;
pub mod limits;
mod parcel;
mod postgres;
mod projection;
mod prune;
mod pruned;
mod running;
mod scope;
mod scorecard;
mod sqlite;
mod tokens;
mod verify;
mod writer;

pub use crate::acting::{Acting, Pause};
pub use crate::acts::{Act, ActState, Acts};
pub use crate::aftermath::{Aftermath, Overridden, Truth};
pub use crate::applied_checks::{AppliedChecks, NoOneCheck};
pub use crate::body::Body;
pub use crate::database::Selection;
pub use crate::digest::Digest;
pub use crate::error::LedgerError;
pub use crate::event::{Cause, Event, Head, Header, Key, StoredBody, Submission};
pub use crate::evidence::Evidence;
pub use crate::export::Exported;
pub use crate::fact::Fact;
pub use crate::history::{Entry, KnownGood, ServiceHistory, Verdict};
pub use crate::id::EventId;
pub use crate::import::Imported;
pub use crate::kind::Kind;
pub use crate::ledger::{Answers, Ledger};
pub use crate::limits::Invalid;
pub use crate::parcel::{Parcel, Receipt, Refusal};
pub use crate::postgres::PostgresAddress;
pub use crate::projection::{Projected, Projection};
pub use crate::prune::{Pruning, Retention};
pub use crate::running::{Running, RunningAnalyses};
pub use crate::scope::{ITSELF, Scope};
pub use crate::scorecard::{CheckRecord, Scorecard, Tally};
pub use crate::tokens::{Token, Tokens};
pub use crate::verify::{MOST_FAULTS, NotedHead, Verification};
pub use crate::writer::{WriteError, Writer};
