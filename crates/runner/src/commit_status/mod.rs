//! A verdict as the status of a commit, on GitHub or GitLab.
//!
//! What is said is built by pure functions ([`CommitStatus::of_reports`], [`StatusRequest::new`]);
//! [`set_commit_statuses`] sends it.

mod commit;
mod error;
mod request;
mod send;
mod status;

pub use commit::{Commit, Forge};
pub use error::CommitStatusError;
pub use request::StatusRequest;
pub use send::{Patience, set_commit_statuses};
pub use status::{CommitState, CommitStatus, InconclusiveState};
