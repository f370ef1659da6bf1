//! Where the points of an analysis come from.
//!
//! A source fetches and nothing else: it does not bin, clean or judge. A query that matches nothing
//! is a series without points; a file that cannot be read is an error; the two are never confused.
//!
//! There is one source so far, recordings in files: [`read_recording`].

mod assemble;
mod collect;
mod columns;
mod digest;
mod histogram;
mod increments;
mod json_lines;
mod recording;
mod rows;
mod selector;

pub use crate::digest::{Digest, DigestReader};
pub use crate::recording::{MOST_BYTES, Recording, read_recording};
pub use crate::rows::unpacked;
pub use crate::selector::SelectorError;

/// A source that could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The recording cannot be used.
    #[error(transparent)]
    File(#[from] serin_model::FileError),
    /// A check asks in a language that the source does not speak.
    #[error("check `{check}`: {error}")]
    Query {
        /// The check's name.
        check: String,
        /// What is wrong with its query.
        error: SelectorError,
    },
}
