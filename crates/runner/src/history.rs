//! What the control did before anybody thought of a canary.

use std::time::Duration;

use serin_model::{
    Analysis, CounterForm, LabelSelector, MetricSeries, Source, Step, Timestamp, Warning,
    WarningCode, Window,
};

use crate::error::RunError;
use crate::judge::Answered;
use crate::left_out::{in_words, leave_out, unknown_to_source};
use crate::progress::Progress;
use crate::question::{JudgeKind, Overrides, Question, TimeAsked};
use crate::recording::Reach;
use crate::{recording, store};

/// Where the control's past is, and how much of it is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryAsked<'a> {
    /// The recording to read; `-` is standard input.
    pub data: Option<&'a str>,
    /// How its counters were recorded.
    pub counters: Option<CounterForm>,
    /// The address of the store to ask, instead of the Check file's.
    pub url: Option<&'a str>,
    /// How much of it there shall be, up to now or to the end of the recording.
    pub history: Duration,
}

/// What the control did, and when.
pub(crate) struct ControlHistory {
    /// The answers, with no more of the control than was asked for.
    pub(crate) answered: Answered,
    /// The first and the last moment; none where every metric failed.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    /// Which checks of packs the source has nothing of, in words.
    pub(crate) left_out: Option<String>,
}

/// Reads the control's past.
///
/// * `done`: what cannot be done without: completes the sentence "nothing can be …".
///
/// # Errors
///
/// [`RunError`] when there is no source, or when it has nothing of the control and did not fail.
pub(crate) fn of_control(
    question: &Question,
    asked: HistoryAsked<'_>,
    done: &'static str,
    progress: &dyn Progress,
) -> Result<ControlHistory, RunError> {
    let mut answered = answer(question, asked, progress)?;
    let unknown = unknown_to_source(&answered.analysis, &answered.series);
    leave_out(&unknown, &mut answered.analysis, &mut answered.series, &mut answered.warnings);
    let left_out = in_words(&question.written.analysis, &unknown);
    answered.series = last_of_control(answered.series, asked.history);
    let span = answered.series.iter().filter_map(|answer| answer.arms.control.span());
    let span = span.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    let failed = answered.series.iter().any(|answer| answer.failure.is_some());
    if span.is_none() && !failed {
        return Err(RunError::NoHistory {
            name: answered.name,
            control: labels(&answered.analysis.arms.control),
            done,
        });
    }
    Ok(ControlHistory { answered, span, left_out })
}

/// Returns the question as it is asked of the past: whatever the Check file says of the time to judge
/// is about a canary.
pub(crate) fn of_past(question: &Question, step: Option<Step>) -> Question {
    let mut question = question.clone();
    let analysis: &mut Analysis = &mut question.written.analysis;
    analysis.window = None;
    analysis.judgements = None;
    if let Some(step) = step {
        analysis.step = step;
    }
    question
}

fn answer(
    question: &Question,
    asked: HistoryAsked<'_>,
    progress: &dyn Progress,
) -> Result<Answered, RunError> {
    let overrides = Overrides {
        data: asked.data,
        counters: asked.counters,
        url: asked.url,
        time: TimeAsked::default(),
        judge: JudgeKind::Sequential,
    };
    match (asked.data, &question.written.source) {
        (None, Some(Source::Store(store))) => {
            let time = TimeAsked { last: Some(asked.history), ..TimeAsked::default() };
            store::answer(question, store, Overrides { time, ..overrides }, progress)
        }
        (_, source) => {
            crate::judge::refuse_url(overrides)?;
            let written = match source {
                Some(Source::File { path, counters }) => Some((path.as_str(), *counters)),
                Some(Source::Store(_)) | None => None,
            };
            recording::answer(question, written, overrides, Reach::Everything, progress)
        }
    }
}

/// Returns the control of the answers up to its end, and no more than the history that was asked for.
fn last_of_control(mut series: Vec<MetricSeries>, history: Duration) -> Vec<MetricSeries> {
    let ends = series.iter().filter_map(|answer| answer.arms.control.span());
    let Some(end) = ends.map(|(_, end)| end).max() else { return series };
    let after = Timestamp::from_millis(end.as_millis().saturating_add(1));
    let window = Window { start: end.before(history), end: after };
    for answer in &mut series {
        answer.arms.control.keep(window);
    }
    series
}

/// Returns what the source's answers made serin say, where it is not about a canary.
pub(crate) fn doubts(warnings: &[Warning]) -> Vec<String> {
    let is_of_history = |warning: &&Warning| {
        matches!(
            warning.code,
            WarningCode::SourceNotice
                | WarningCode::PartialAnswer
                | WarningCode::ApproximateQuery
                | WarningCode::OverlappingWindows
                | WarningCode::ClockOff
        )
    };
    let words = |warning: &Warning| match &warning.metric {
        Some(metric) => format!("{metric}: {}", warning.text),
        None => warning.text.clone(),
    };
    let mut doubts: Vec<String> = warnings.iter().filter(is_of_history).map(words).collect();
    doubts.dedup();
    doubts
}

pub(crate) fn labels(selector: &LabelSelector) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}={value}");
    selector.iter().map(label).collect::<Vec<_>>().join(", ")
}
