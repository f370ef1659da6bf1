//! How a live analysis ends, and what is said of it then.

use std::sync::Arc;

use serin_judge::Judged;
use serin_model::{Check, MetricSeries, Outcome, Timestamp, Warning, WarningCode, Window};

use super::event::Missing;
use super::feed::between;
use super::machine::{Machine, Phase};
use crate::error::RunError;
use crate::judge::in_words;
use crate::left_out;

/// Why a live analysis ends.
#[derive(Debug)]
pub(crate) enum End {
    /// Something is settled.
    Decided,
    /// All of the horizon was judged.
    Horizon,
    /// The horizon came, and the source did not answer.
    Unanswered,
    /// An arm never came.
    NeverCame(Missing),
    /// Somebody stopped it.
    Stopped,
    /// Nothing was ever answered, and asking again cannot help.
    Hopeless(Box<RunError>),
}

impl Machine {
    /// Returns whether somebody stopped it before anything was settled.
    pub(crate) fn was_stopped(&self) -> bool {
        matches!(self.phase, Phase::Ended(End::Stopped))
    }

    /// Takes out why nothing was ever answered, if that ended it.
    pub(crate) fn take_error(&mut self) -> Option<RunError> {
        match std::mem::replace(&mut self.phase, Phase::Ended(End::Unanswered)) {
            Phase::Ended(End::Hopeless(error)) => Some(*error),
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    /// Returns up to where something was judged, if anything was.
    pub(crate) fn judged_to(&mut self) -> Option<Timestamp> {
        self.memory.begun.as_ref()?;
        let (_, judged_from, _) = self.times();
        Some(self.begun().watermark).filter(|judged_to| *judged_to > judged_from)
    }

    /// Makes the last verdict, from the points that are known.
    pub(crate) fn conclude(&mut self, now: Timestamp) -> Judged {
        let shared = Arc::clone(&self.analysis);
        let analysis = shared.as_ref();
        let is_begun = self.memory.begun.is_some();
        let is_judged = self.judged_to().is_some();
        let (_, judged_from, horizon) = self.times();
        let judged_to = self.begun().watermark;
        let window = Window { start: judged_from, end: judged_to };
        let control = analysis.arms.control_window;
        let mut series = self
            .known
            .as_ref()
            .map_or_else(Vec::new, |known| between(&known.series, window, control));
        let failure = self.failure();
        if let (false, Some(why)) = (is_judged, &failure) {
            let failed = |check: &Check| MetricSeries::failed(&check.name, why.clone());
            series = analysis.checks().iter().map(failed).collect();
            self.begun().judge.take(analysis, &series, judged_from);
        }
        let is_over = matches!(self.phase, Phase::Ended(End::Horizon));
        let mut judged = self.begun().judge.verdict(analysis, &series, is_over);
        let verdict = &mut judged.verdict;
        if let Some(reason) =
            self.why_nothing_is_settled(now, judged_to, horizon, failure.as_deref())
        {
            verdict.outcome = Outcome::Inconclusive;
            let so_far =
                if is_judged { format!("; so far: {}", verdict.reason) } else { String::new() };
            verdict.reason = reason + &so_far;
        }
        if let Some(known) = &self.known {
            verdict.warnings.extend(known.warnings.iter().cloned());
        }
        let begun = self.memory.begun.as_ref().filter(|_| is_begun);
        let warning = begun.and_then(|begun| begun.history_warning.clone());
        verdict.warnings.extend(warning.map(|text| Warning {
            code: WarningCode::SourceFailed,
            metric: None,
            text,
        }));
        let left_out = begun.and_then(|begun| begun.left_out.as_ref());
        let words = left_out.and_then(|names| left_out::in_words(&self.asked, names));
        verdict.ignored.extend(words);
        if !is_begun {
            self.memory.begun = None;
        }
        judged
    }

    /// Says why the source gives no answer, if it gives none.
    fn failure(&self) -> Option<String> {
        if let Phase::Ended(End::Hopeless(error)) = &self.phase {
            return Some(error.to_string());
        }
        let failing = self.failing.as_ref()?;
        Some(format!("{} {} ({})", self.source, failing.why, failing.hint))
    }

    fn why_nothing_is_settled(
        &self,
        now: Timestamp,
        judged_to: Timestamp,
        horizon: Timestamp,
        failure: Option<&str>,
    ) -> Option<String> {
        let waited = in_words(Some((self.memory.waiting_since, now)));
        let Phase::Ended(end) = &self.phase else { return None };
        match end {
            End::Decided | End::Horizon => None,
            End::Hopeless(error) => {
                let why = error.to_string();
                let first = why.lines().next().unwrap_or_default();
                Some(format!("the source answered nothing, and asking again cannot help: {first}"))
            }
            End::Unanswered => {
                let why = failure.unwrap_or("the source gave no answer");
                Some(format!(
                    "the horizon came while the source failed, and what lies {} was not judged: {why}",
                    in_words(Some((judged_to, horizon)))
                ))
            }
            End::NeverCame(Missing::Canary) => Some(format!(
                "the canary did not appear while it was waited for, {waited}, and the control did; where \
                 it is known to run, `--start` makes its silence evidence"
            )),
            End::NeverCame(missing) => Some(format!(
                "{} did not appear, {waited}: see that the queries and the labels of the arms are right",
                missing.as_str()
            )),
            End::Stopped => Some("stopped by hand before anything was settled".to_owned()),
        }
    }
}
