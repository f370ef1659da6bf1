//! Where live analyses get their points from.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serin_check::WrittenAnalysis;
use serin_model::{MetricSeries, Warning, Window};
use serin_report::Report;

use super::commission::NamedText;
use crate::error::RunError;
use crate::question::Overrides;
use crate::watch::Outage;

/// A source of points that one analysis asks again and again. It remembers nothing of what it answered: who asks
/// for a stretch of time twice gets the same twice.
pub trait PointSource: fmt::Debug + Send + Sync {
    /// Returns what people call the source. Analyses whose sources are called the same share it.
    fn name(&self) -> &str;

    /// Returns what happened in a stretch of time.
    ///
    /// * `anyhow`: whether a check that could not be asked for becomes a failure, so that the others can go on
    ///   without it.
    ///
    /// The answer is [`Outage`] when nothing of it was answered, or not all and more may come.
    fn ask(&self, window: Window, anyhow: bool) -> BoxFuture<'_, Result<Answered, Outage>>;
}

/// What a source said of a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// The answers to the checks, in their order; a check that could not be asked for is a failure.
    pub series: Vec<MetricSeries>,
    /// What a reader of the verdict must know of them.
    pub warnings: Vec<Warning>,
}

/// Finds the sources that Checks name.
pub trait Sources: Send + Sync {
    /// Opens the source of a Check. Nothing is asked yet.
    ///
    /// * `url`: the address to ask instead of the one that the Check names.
    ///
    /// # Errors
    ///
    /// [`RunError`] when there is none, its queries cannot be asked, or it may not be asked.
    fn open(
        &self,
        asked: &WrittenAnalysis,
        url: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError>;

    /// Judges what a store says of a stretch of time that has passed. It blocks until the store has answered.
    ///
    /// * `checks`: the Check file and those that it extends, the nearest first.
    ///
    /// # Errors
    ///
    /// [`RunError`] when there is no store, it may not be asked, or nothing it says is judged; always, where no store
    /// is behind it.
    fn judge(&self, checks: &[NamedText], overrides: Overrides<'_>) -> Result<Report, RunError> {
        let _ = (checks, overrides);
        Err(RunError::OtherSource {
            problem: "what is looked at here can be followed, and not asked about its past"
                .to_owned(),
            hint: "begin an analysis instead",
        })
    }
}
