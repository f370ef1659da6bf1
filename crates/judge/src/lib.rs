//! Turns what two arms were seen to do into a verdict.
//!
//! A judge is a pure and total function of the points, the Check and its own revision: the same
//! input gives the same bits today and when the incident is replayed next month, and bad data is an
//! outcome, never an error. It knows nothing of files, clocks, terminals or pages.

mod bins;
mod draws;
mod guardrail;
mod histogram;
mod ignored;
pub mod kayenta;
pub mod self_test;
pub mod sequential;
mod summary;

pub use crate::guardrail::judge_guardrail;

use serin_model::{Trace, Verdict};

/// A verdict, and the points it rests on for those who would rather look.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The answer.
    pub verdict: Verdict,
    /// A trace for each judged metric, in the order of the verdict's metrics.
    pub traces: Vec<Trace>,
}
