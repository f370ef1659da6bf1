//! Judgements of what somebody sent: Check files and a recording as texts, without a file being opened.

use std::io::Read;

use serin_model::{CounterForm, FileError, Source};
use serin_report::Report;
use serin_sources::unpacked;

use crate::error::RunError;
use crate::judge::{conclude, leave_out_unknown, refuse_fleet};
use crate::live::commission::{NamedText, read_checks};
use crate::progress::Progress;
use crate::question::{JudgeKind, Overrides, Question, TimeAsked};
use crate::recording::{Opened, answer_from_text, opened, place, written};
use crate::text_file::shown;

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

/// Reads the recording that a question means as a text, to send it elsewhere; nothing where a store is asked.
///
/// # Errors
///
/// [`RunError`] when there is no source, the recording cannot be read, is no text, or is larger than 256 MiB unpacked.
pub fn recording_to_send(
    question: &Question,
    overrides: Overrides<'_>,
    progress: &dyn Progress,
) -> Result<Option<NamedText>, RunError> {
    let source = question.written.source.as_ref();
    if overrides.data.is_none() && matches!(source, Some(Source::Store(_))) {
        return Ok(None);
    }
    let path = place(question, written(source).map(|(path, _)| path), overrides.data)?;
    let unreadable = |error| RunError::Unreadable { path: path.clone(), error };
    let mut text = String::new();
    let mut reader = match opened(&path, progress)? {
        Opened::Pairs(reader) | Opened::Text(reader) => unpacked(reader).map_err(unreadable)?,
        Opened::Parquet(_) => {
            return Err(RunError::OtherSource {
                problem: format!("`{}` is a Parquet file, and a server takes texts", shown(&path)),
                hint: "judge it here, without a server; or write it as CSV",
            });
        }
    };
    reader.by_ref().take(MOST_SENT_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MOST_SENT_BYTES {
        return Err(RunError::OtherSource {
            problem: format!("`{}` is more than 256 MiB of text", shown(&path)),
            hint: "judge it here, without a server",
        });
    }
    Ok(Some(NamedText { name: shown(&path), text }))
}

const MOST_SENT_BYTES: u64 = 256 << 20;
