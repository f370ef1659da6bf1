//! Check files of a folder or a repository, and which of them are in force.
//!
//! One road for the command and the server: [`WrittenChecks::read`] what is written, [`ChecksPlan::of`] what
//! would change, [`ChecksPlan::parcel`] with a guard, and append it.

mod address;
mod applied;
mod apply;
mod error;
mod files;
mod folder;
mod git;
mod plan;
mod written;

pub use address::{ChecksSource, Repository};
pub use applied::{AppliedCheckError, CheckInForce, applied_check};
pub use apply::{ApplyAsked, apply_checks};
pub use error::ChecksError;
pub use folder::ChecksFolder;
pub use git::GitError;
pub use plan::{ChecksPlan, PlannedCheck, applied_statuses};
pub use serin_report::{AppliedCheck, AppliedText, CheckState, CheckStatus};
pub use written::{WrittenCheck, WrittenChecks};
