//! Why Checks are not read or not applied.

use serin_ledger::{Invalid, LedgerError, Refusal, Scope};

use super::git::GitError;

/// Why Checks are not read or not applied. Nothing of them is applied then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksError {
    /// It is no address that is fetched.
    #[error("{problem}\n\nhint: {hint}")]
    Address {
        /// What is wrong.
        problem: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// `git` did not do it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The folder cannot be read.
    #[error(
        "`{folder}` cannot be read: {error}\n\nhint: see that the path is right, and that serin may read it"
    )]
    Unreadable {
        /// The folder.
        folder: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// There are more files than are read.
    #[error(
        "`{folder}` has {problem}\n\nhint: keep the Checks in a folder of their own, or in several"
    )]
    TooMuch {
        /// The folder.
        folder: String,
        /// More of what.
        problem: String,
    },
    /// Files say what cannot be.
    #[error("{}\n\n{} in `{folder}`: nothing of it is applied", faults.join("\n\n"), counted(faults.len()))]
    Faults {
        /// The folder.
        folder: String,
        /// What is wrong, each with its place and what to write instead.
        faults: Vec<String>,
    },
    /// There is no Check.
    #[error(
        "there is no Check file in `{folder}`\n\nhint: Check files end in .yaml or .yml; see that the path is right. If it \
         shall be empty, say so with `--allow-empty` (`allow_empty: true`)"
    )]
    Empty {
        /// The folder.
        folder: String,
    },
    /// More Checks would be removed than was said.
    #[error(
        "{left} of {applied} applied Checks are no longer in `{folder}`, more than {limit} % of them: nothing is applied\n\n\
         hint: see that the right folder and branch are read; if they shall go, raise the limit with `--prune-limit` \
         (`prune_limit`); without `--prune` the other changes are applied"
    )]
    PrunesTooMuch {
        /// The folder.
        folder: String,
        /// How many would go.
        left: usize,
        /// How many of this folder are in force.
        applied: usize,
        /// How many percent may go at once.
        limit: u8,
    },
    /// Another folder's Checks are in force.
    #[error(
        "{}\n\nhint: keep a scope's Check in one folder; to take it over for good, say `--take-over`, and take the \
         file out of the other folder first", taken.join("\n")
    )]
    Taken {
        /// Each with the folder that it is from.
        taken: Vec<String>,
    },
    /// There is more than one parcel holds.
    #[error(
        "{changes} changes are more than the {most} that are applied at once\n\nhint: apply without `--prune` first, or keep the \
         Checks in several folders"
    )]
    TooManyChanges {
        /// How many.
        changes: usize,
        /// How many at most.
        most: usize,
    },
    /// Something is too long for the ledger.
    #[error("`{file}`: {invalid}")]
    Invalid {
        /// The Check file.
        file: String,
        /// What is too long.
        invalid: Invalid,
    },
    /// The database did not do it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Others apply at the same time, again and again.
    #[error(
        "others applied Checks at the same time\n\nhint: run it once more; have one place apply a folder"
    )]
    Contended,
    /// The ledger does not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

fn counted(count: usize) -> String {
    if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") }
}

impl ChecksError {
    /// Says that a scope belongs to another folder.
    pub(super) fn taken(scope: &Scope, file: &str, other: Option<&str>) -> String {
        let other = other.map_or("something else than a folder".to_owned(), |it| format!("`{it}`"));
        format!("the Check of `{scope}` is in force from {other}, and `{file}` is another one")
    }
}
