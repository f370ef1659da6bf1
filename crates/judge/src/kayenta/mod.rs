//! Kayenta's judge, NetflixACAJudge-v1.0, figure for figure.
//!
//! Its faults stay, so that a team can move without changing a verdict; a warning names each one that
//! touches a verdict. What it lacks and stands beside it here are guardrails and a floor for the
//! number of points: they can bar a pass or fail a canary, and never turn a failure into a pass.

mod classify;
mod clean;
mod faults;
mod interval;
mod outcome;
mod pair;
mod root;
mod run;
mod score;
mod shifted_ranks;
mod windows;

pub use classify::{ClassifiedPair, MetricOptions, Rule, Strictness, classify};
pub use clean::{CleanValues, clean};
pub use interval::{ROOT_TOLERANCE, ShiftInterval, shift_interval};
pub use run::{REVISION, judge};
pub(crate) use score::weight_of_unlisted;
pub use score::{ScoredMetric, score};
pub use shifted_ranks::AllTied;
pub use windows::{
    JudgementWindow, judgement_windows, passes_thresholds, stops_the_run, unjudged_remainder,
};
