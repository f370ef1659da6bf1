//! How a live analysis ends, and what is said of it then.

use std::rc::Rc;

use serin_model::{Check, MetricSeries, Outcome, Timestamp, Warning, WarningCode, Window};

use super::event::{Event, Missing};
use super::feed::between;
use super::session::{Session, Watched};
use crate::judge::in_words;
use crate::left_out;

/// Why a live analysis ends.
pub(super) enum End {
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
}

impl Session<'_> {
    /// Makes the last verdict.
    pub(super) fn finish(mut self, end: &End) -> Watched {
        if matches!(end, End::Stopped) {
            self.tell(Event::Stopping);
        }
        let shared = Rc::clone(&self.analysis);
        let analysis = shared.as_ref();
        let is_begun = self.state.begun.is_some();
        let (_, judged_from, horizon) = self.times();
        let judged_to = self.begun().watermark;
        let is_judged = is_begun && judged_to > judged_from;
        // What was judged before serin was started again is read once more for the summaries.
        if self.known.is_none() && is_judged {
            let known = self.tools.feed.ask(judged_to, true, self.tools.interrupt).ok();
            self.known = known.map(|known| self.without_left_out(known));
        }
        let window = Window { start: judged_from, end: judged_to };
        let control = analysis.arms.control_window;
        let mut series = self
            .known
            .as_ref()
            .map_or_else(Vec::new, |known| between(&known.series, window, control));
        let failure = self.failing.as_ref().map(|failing| {
            let (name, why, hint) = (self.tools.feed.name(), &failing.why, &failing.hint);
            format!("{name} {why} ({hint})")
        });
        if let (false, Some(why)) = (is_judged, &failure) {
            let failed = |check: &Check| MetricSeries::failed(&check.name, why.clone());
            series = analysis.checks().iter().map(failed).collect();
            self.begun().judge.take(analysis, &series, judged_from);
        }
        let is_over = matches!(end, End::Horizon);
        let mut judged = self.begun().judge.verdict(analysis, &series, is_over);
        let verdict = &mut judged.verdict;
        if let Some(reason) =
            self.why_nothing_is_settled(end, judged_to, horizon, failure.as_deref())
        {
            verdict.outcome = Outcome::Inconclusive;
            let so_far =
                if is_judged { format!("; so far: {}", verdict.reason) } else { String::new() };
            verdict.reason = reason + &so_far;
        }
        if let Some(known) = &self.known {
            verdict.warnings.extend(known.warnings.iter().cloned());
        }
        let begun = self.state.begun.as_ref().filter(|_| is_begun);
        let warning = begun.and_then(|begun| begun.history_warning.clone());
        verdict.warnings.extend(warning.map(|text| Warning {
            code: WarningCode::SourceFailed,
            metric: None,
            text,
        }));
        let left_out = begun.and_then(|begun| begun.left_out.as_ref());
        let words = left_out.and_then(|names| left_out::in_words(self.asked, names));
        verdict.ignored.extend(words);
        if !is_begun {
            self.state.begun = None;
        }
        let state = self.tools.state.is_some().then_some(self.state);
        Watched { judged, input: self.known.map(|known| known.input), state }
    }

    fn why_nothing_is_settled(
        &self,
        end: &End,
        judged_to: Timestamp,
        horizon: Timestamp,
        failure: Option<&str>,
    ) -> Option<String> {
        let now = self.tools.clock.now();
        let waited = in_words(Some((self.state.waiting_since, now)));
        match end {
            End::Decided | End::Horizon => None,
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
