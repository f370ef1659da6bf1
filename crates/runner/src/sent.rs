//! Judgements of what somebody sent: Check files and a recording as texts, without a file being opened.

use serin_model::{CounterForm, FileError};
use serin_report::Report;

use crate::error::RunError;
use crate::judge::{conclude, leave_out_unknown, refuse_fleet};
use crate::live::commission::{NamedText, read_checks};
use crate::question::{JudgeKind, Question, TimeAsked};
use crate::recording::{answer_from_text, written};

/// What is to be judged.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The Check file and those that it extends, the nearest first.
    pub checks: Vec<NamedText>,
    /// The recording: CSV, JSON lines, or what Kayenta stored.
    pub recording: NamedText,
    /// How its counters were recorded; as the Check says, unless said.
    pub counters: Option<CounterForm>,
    /// The stretch of time to judge; all of it, unless said.
    pub time: TimeAsked,
    /// Who judges.
    pub judge: JudgeKind,
}

/// Returns the service that Checks are about.
///
/// # Errors
///
/// [`FileError`] for the first thing that is wrong with them.
pub fn service_of(checks: &[NamedText]) -> Result<String, FileError> {
    Ok(read_checks(checks)?.analysis.service)
}

/// Judges what somebody sent. Nothing but what was sent is read, and the same gives the same report.
///
/// Memory is that of the recording's points that a check asks for, 24 bytes each, beside the texts.
///
/// # Errors
///
/// [`RunError`] when a text says what cannot be, or nothing of the recording is judged.
pub fn judge_sent(sent: &Sent) -> Result<Report, RunError> {
    let question = Question::of_texts(&sent.checks, read_checks(&sent.checks)?);
    refuse_fleet(&question)?;
    let own = written(question.written.source.as_ref()).map(|(_, counters)| counters);
    let counters = sent.counters.or(own).unwrap_or_default();
    let NamedText { name, text } = &sent.recording;
    let mut answered = answer_from_text(&question, name, text, counters, sent.time)?;
    let unknown = leave_out_unknown(&mut answered);
    conclude(&question, sent.judge, answered, &unknown, None)
}
