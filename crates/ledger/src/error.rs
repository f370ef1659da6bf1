//! What the outside did.

use crate::digest::Digest;

/// Why the ledger could not do what was asked. Nothing was stored half.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// There is no ledger at this place.
    #[error("there is no ledger at `{place}`\n\nhint: see that the path is right")]
    Missing {
        /// The file.
        place: String,
    },
    /// The file is something else.
    #[error("`{place}` is no ledger of serin's: {problem}\n\nhint: see that the path is right")]
    Foreign {
        /// The file or the address.
        place: String,
        /// What it is instead.
        problem: String,
    },
    /// A newer serin wrote it.
    #[error(
        "`{place}` was written by a newer serin: its format is {found}, this one knows {known}\n\nhint: install \
         the serin that wrote it, or a later one"
    )]
    Newer {
        /// The file or the address.
        place: String,
        /// The format it has.
        found: i32,
        /// The newest that is known.
        known: i32,
    },
    /// The file or the database does not open.
    #[error(
        "the ledger `{place}` cannot be opened: {problem}\n\nhint: see that the folder is there, and that \
         serin may write in it"
    )]
    Unopened {
        /// The file.
        place: String,
        /// What the system said.
        problem: String,
    },
    /// The address is not one of a database.
    #[error("`{place}` is no address of a ledger: {problem}\n\nhint: write {}", ADDRESS)]
    Address {
        /// The address, without its password.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody answers there.
    #[error(
        "the ledger `{place}` is out of reach: {problem}\n\nhint: see that the database runs and takes \
         connections; what was accepted before is safe, and what was not can be handed in again"
    )]
    Unreachable {
        /// The address, without its password.
        place: String,
        /// What the system said.
        problem: String,
    },
    /// Somebody else holds it.
    #[error(
        "the ledger `{place}` is held by somebody else\n\nhint: try again; one serin at a time writes into it, \
         and a backup or another program may hold it for long"
    )]
    Locked {
        /// The file or the address.
        place: String,
    },
    /// There is no space left.
    #[error(
        "the ledger `{place}` has no space left: {problem}\n\nhint: make room on its disk, and hand in again \
         what was handed in last: nothing of it is stored. `serin ledger prune` keeps a ledger small"
    )]
    Full {
        /// The file or the address.
        place: String,
        /// What the system said.
        problem: String,
    },
    /// What is stored cannot be read.
    #[error(
        "the ledger `{place}` is damaged: {problem}\n\nhint: `serin ledger verify` says where; restore a backup \
         or an export"
    )]
    Damaged {
        /// The file or the address.
        place: String,
        /// What is damaged, and where.
        problem: String,
    },
    /// The database refused.
    #[error("the ledger `{place}` failed: {problem}\n\nhint: {hint}")]
    Failed {
        /// The file or the address.
        place: String,
        /// What the database said.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// A stream of an export cannot be read or written.
    #[error("the export cannot be {verb}: {error}\n\nhint: {hint}")]
    Stream {
        /// What was tried: `read` or `written`.
        verb: &'static str,
        /// What the system said.
        error: std::io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// An export is not what an export is.
    #[error("line {line} of the export: {problem}\n\nhint: {hint}")]
    Export {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// An export and a ledger have different events in the same place.
    #[error(
        "line {line} of the export: event {position} is another one in this ledger ({ours}, and {theirs} in the \
         export)\n\nhint: they are two ledgers; import into a new one, or into the one that was exported"
    )]
    Diverged {
        /// The line, from 1.
        line: u64,
        /// The position at which they part.
        position: u64,
        /// The link of this ledger's event.
        ours: Digest,
        /// The link of the export's event.
        theirs: Digest,
    },
}

const ADDRESS: &str = "a path such as `serin.db`, or `postgres://user@host/database`";

impl LedgerError {
    /// Returns whether the same may succeed if it is tried again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Locked { .. } | Self::Full { .. } => true,
            Self::Missing { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Unopened { .. }
            | Self::Address { .. }
            | Self::Damaged { .. }
            | Self::Failed { .. }
            | Self::Stream { .. }
            | Self::Export { .. }
            | Self::Diverged { .. } => false,
        }
    }
}

/// Says what went wrong, down to its cause.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
