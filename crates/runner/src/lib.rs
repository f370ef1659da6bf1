//! One analysis from its question to its answer, and many labelled ones for comparison.
//!
//! The only crate that knows the wall clock. It opens files, asks sources, hands what they answer to
//! a judge, and makes a report of what the judge says.

pub mod bench;
pub mod commit_status;
mod error;
mod fetch;
mod http;
mod judge;
mod large_file;
mod lint;
mod moment;
mod plan;
mod progress;
mod question;
mod recording;
mod store;
mod text_file;
pub mod watch;

pub use crate::error::RunError;
pub use crate::judge::ask;
pub use crate::lint::{LintAsk, lint};
pub use crate::moment::{parse_length, parse_length_or_nothing, parse_moment};
pub use crate::plan::{PlanAsked, plan};
pub use crate::progress::{Progress, Stopwatch};
pub use crate::question::{JudgeKind, Overrides, Question, TimeAsked};
