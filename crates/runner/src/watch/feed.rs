//! Where a live analysis gets its points from.

use std::time::Duration;

use serin_model::{Arm, ArmPair, MetricSeries, Timestamp, Warning, Window};
use serin_report::Input;

use crate::error::RunError;
use crate::watch::Interrupt;

/// A source of points that is asked again and again: a store, or a recording that plays one.
pub trait Feed {
    /// Returns what people call the source.
    fn name(&self) -> &str;

    /// Returns after which moment no more points will come, if that is known: of a recording it is.
    fn ends(&self) -> Option<Timestamp> {
        None
    }

    /// Returns what happened in a stretch of time, and forgets it again.
    ///
    /// # Errors
    ///
    /// [`Outage`] when nothing of it was answered. Where a part was, the other checks' answers are
    /// failures.
    fn look(&mut self, window: Window, interrupt: &Interrupt) -> Result<Vec<MetricSeries>, Outage>;

    /// Says where the points begin that [`Self::ask`] returns. Nothing is asked yet.
    fn begin(&mut self, start: Timestamp);

    /// Asks for what came since it was last asked, and returns all points from the beginning on and
    /// before `until`.
    ///
    /// * `anyhow`: whether a check that could not be asked for becomes a failure, so that the others
    ///   can go on without it. It is asked for again the next time.
    ///
    /// # Errors
    ///
    /// [`Outage`] when nothing was answered, or not all and more may come; then nothing is known of
    /// the time since the last answer, and the next call asks for all of it.
    fn ask(
        &mut self,
        until: Timestamp,
        anyhow: bool,
        interrupt: &Interrupt,
    ) -> Result<Known, Outage>;
}

/// What a source has said so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The answers to the checks; a check that could not be asked for is a failure.
    pub series: Vec<MetricSeries>,
    /// What a reader of the verdict must know of them.
    pub warnings: Vec<Warning>,
    /// What was read.
    pub input: Input,
}

/// A source that gives no answer for now.
#[derive(Debug)]
pub struct Outage {
    /// Why: completes a sentence that begins with the source.
    pub why: String,
    /// What to do, for a person.
    pub hint: String,
    /// Whether some checks were answered.
    pub is_partial: bool,
    /// How long the source asks to be left alone.
    pub retry_after: Option<Duration>,
    /// What it is if nothing was ever answered and asking again cannot help.
    pub error: Option<Box<RunError>>,
}

/// Returns the points inside `window`; failures stay failures.
///
/// * `control`: where the control's time lies, if it is not the canary's.
pub(crate) fn between(
    series: &[MetricSeries],
    window: Window,
    control: Option<Window>,
) -> Vec<MetricSeries> {
    let kept = |arm: &Arm, window| {
        let mut arm = arm.clone();
        arm.keep(window);
        arm
    };
    let arms = |arms: &ArmPair| ArmPair {
        control: kept(&arms.control, control.unwrap_or(window)),
        canary: kept(&arms.canary, window),
    };
    let answer = |answer: &MetricSeries| MetricSeries {
        check: answer.check.clone(),
        labels: answer.labels.clone(),
        arms: arms(&answer.arms),
        looks_back: answer.looks_back,
        failure: answer.failure.clone(),
    };
    series.iter().map(answer).collect()
}
