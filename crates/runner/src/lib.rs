//! One analysis from its question to its answer, and many labelled ones for comparison.
//!
//! The only crate that knows the wall clock. It opens files, asks sources, hands what they answer to
//! a judge, and makes a report of what the judge says.

pub mod bench;
pub mod commit_status;
mod error;
mod judge;
mod large_file;
mod progress;
mod text_file;

pub use crate::error::RunError;
pub use crate::judge::{Question, Recordings, ask};
pub use crate::progress::{Progress, Stopwatch};
