//! Answers from recordings in files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;

use serin_check::kayenta;
use serin_model::{Analysis, Arm, CounterForm, FileError, MetricSeries, Source, Timestamp, Window};
use serin_sources::{
    DigestReader, MOST_BYTES, PARQUET_MAGIC, read_parquet, read_recording, unpacked,
};

use tempfile::NamedTempFile;

use crate::error::RunError;
use crate::judge::{Answered, refuse_odd_window};
use crate::large_file::open;
use crate::progress::Progress;
use crate::question::{Overrides, Question, TimeAsked, input};
use crate::text_file::shown;

/// How far a recording is of use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Up to the end of what is judged.
    Judged,
    /// To its end.
    Everything,
}

/// Reads the recording that a question means.
///
/// * `written`: what the Check file says of it, if anything.
pub(crate) fn answer(
    question: &Question,
    written: Option<(&str, CounterForm)>,
    overrides: Overrides<'_>,
    reach: Reach,
    progress: &dyn Progress,
) -> Result<Answered, RunError> {
    let path = place(question, written.map(|(path, _)| path), overrides.data)?;
    let path = path.as_str();
    let counters = overrides.counters.or(written.map(|(_, counters)| counters)).unwrap_or_default();
    read(question, path, opened(path, progress)?, counters, overrides.time, reach)
}

/// Reads a recording that came as a text.
///
/// * `name`: what errors and the report call it.
pub(crate) fn answer_from_text(
    question: &Question,
    name: &str,
    text: &str,
    counters: CounterForm,
    time: TimeAsked,
) -> Result<Answered, RunError> {
    let mut reader: Box<dyn BufRead + '_> = Box::new(Cursor::new(text.as_bytes()));
    let is_pairs = is_pair_list(&mut reader).map_err(|error| unreadable(name, error))?;
    let opened = if is_pairs { Opened::Pairs(reader) } else { Opened::Text(reader) };
    read(question, name, opened, counters, time, Reach::Judged)
}

fn read(
    question: &Question,
    path: &str,
    opened: Opened<'_>,
    counters: CounterForm,
    time: TimeAsked,
    reach: Reach,
) -> Result<Answered, RunError> {
    if let Opened::Pairs(reader) = opened {
        return read_pairs(question, path, reader);
    }
    let mut analysis = question.written.analysis.clone();
    analysis.window = recorded_window(&analysis, time)?;
    let recording = match opened {
        Opened::Parquet(file) => {
            let file = file.open().map_err(|error| unreadable(path, error))?;
            let until = match reach {
                Reach::Judged => judged_until(&analysis),
                Reach::Everything => None,
            };
            read_parquet(&shown(path), file, &analysis, counters, until)?
        }
        Opened::Text(reader) | Opened::Pairs(reader) => {
            read_recording(&shown(path), reader, &analysis, counters)?
        }
    };
    Ok(Answered {
        analysis,
        series: recording.series,
        warnings: recording.warnings,
        name: format!("`{}`", shown(path)),
        span: Some(recording.span),
        input: input(path, recording.digest),
        note: None,
    })
}

fn unreadable(path: &str, error: io::Error) -> RunError {
    RunError::Unreadable { path: path.to_owned(), error }
}

/// A recording, by how it begins.
pub(crate) enum Opened<'a> {
    /// Values that Kayenta stored.
    Pairs(Box<dyn BufRead + 'a>),
    Parquet(WholeFile),
    /// CSV or JSON lines, packed or not.
    Text(Box<dyn BufRead + 'a>),
}

/// Opens a recording, and looks how it begins.
///
/// # Errors
///
/// [`RunError::Unreadable`].
pub(crate) fn opened<'a>(path: &str, progress: &'a dyn Progress) -> Result<Opened<'a>, RunError> {
    let unreadable = |error| unreadable(path, error);
    let mut reader = open(path, progress)?;
    // A pipe may hand out its first byte alone.
    let mut start = Vec::with_capacity(PARQUET_MAGIC.len());
    let magic = PARQUET_MAGIC.len() as u64;
    reader.by_ref().take(magic).read_to_end(&mut start).map_err(unreadable)?;
    let is_parquet = start == PARQUET_MAGIC;
    let mut reader = BufReader::new(Cursor::new(start).chain(reader));
    if is_pair_list(&mut reader).map_err(unreadable)? {
        return Ok(Opened::Pairs(Box::new(reader)));
    }
    if is_parquet {
        return Ok(Opened::Parquet(whole_file(path, reader).map_err(unreadable)?));
    }
    Ok(Opened::Text(Box::new(reader)))
}

/// Returns the moment from which on nothing is judged.
pub(crate) fn judged_until(analysis: &Analysis) -> Option<Timestamp> {
    if let Some(run) = analysis.judgements {
        return Some(run.start.after(run.lifetime));
    }
    let own = analysis.arms.control_window.map(|window| window.end);
    analysis.window.map(|window| own.map_or(window.end, |own| own.max(window.end)))
}

/// A file that is read from several places, each time it is opened.
pub(crate) enum WholeFile {
    At(PathBuf),
    /// What came by standard input.
    PutDown(NamedTempFile),
}

impl WholeFile {
    /// Opens it at a position of its own.
    pub(crate) fn open(&self) -> io::Result<File> {
        match self {
            Self::At(path) => File::open(path),
            Self::PutDown(file) => file.reopen(),
        }
    }
}

/// Returns the file that a reader reads. Parquet is read from its end on, so that standard input is
/// put down first.
fn whole_file(path: &str, mut reader: impl Read) -> io::Result<WholeFile> {
    if path != "-" {
        return Ok(WholeFile::At(PathBuf::from(path)));
    }
    let mut file = NamedTempFile::new()?;
    let written = io::copy(&mut reader.by_ref().take(MOST_BYTES + 1), &mut file)?;
    if written > MOST_BYTES {
        let problem = format!("more than {} GiB come in", MOST_BYTES >> 30);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(WholeFile::PutDown(file))
}

/// Returns what a Check file says of a recording, if it names one.
pub(crate) fn written(source: Option<&Source>) -> Option<(&str, CounterForm)> {
    match source? {
        Source::File { path, counters } => Some((path, *counters)),
        Source::Store(_) => None,
    }
}

/// Says where the recording is: what the command names, else what the Check file names, from there.
pub(crate) fn place(
    question: &Question,
    written: Option<&str>,
    data: Option<&str>,
) -> Result<String, RunError> {
    let path = match (data, written) {
        (Some(data), _) => data.to_owned(),
        (None, None) => return Err(RunError::NoSource { file: shown(&question.check.path) }),
        (None, Some(written)) if written == "-" => written.to_owned(),
        (None, Some(written)) => question.folder().join(written).to_string_lossy().into_owned(),
    };
    if path == "-" && question.check.path == shown("-") {
        return Err(RunError::TwoStandardInputs);
    }
    Ok(path)
}

/// Returns the stretch of a recording that is judged.
pub(crate) fn recorded_window(
    analysis: &Analysis,
    time: TimeAsked,
) -> Result<Option<Window>, RunError> {
    if time.last.is_some() {
        return Err(RunError::OtherSource {
            problem: "`--last` is asked for, and a recording knows no now".to_owned(),
            hint: "give `--start` and `--end`, or judge all of it",
        });
    }
    if time == TimeAsked::default() {
        return Ok(analysis.window);
    }
    let whole = analysis.window.unwrap_or(Window::ALWAYS);
    let window =
        Window { start: time.start.unwrap_or(whole.start), end: time.end.unwrap_or(whole.end) };
    refuse_odd_window(analysis, window)?;
    Ok(Some(window))
}

/// A JSON document that is a list is what Kayenta stored; recordings begin otherwise.
fn is_pair_list(reader: &mut impl BufRead) -> io::Result<bool> {
    let start = reader.fill_buf()?;
    Ok(start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'['))
}

/// Values that Kayenta stored lie in the window they were judged in, and were judged once.
fn read_pairs(question: &Question, path: &str, reader: impl Read) -> Result<Answered, RunError> {
    let unreadable = |error| RunError::Unreadable { path: path.to_owned(), error };
    let mut stored = DigestReader::new(reader);
    let mut text = String::new();
    let unpacked = unpacked(&mut stored).map_err(unreadable)?;
    let read = unpacked.take(MOST_PAIRS_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MOST_PAIRS_BYTES {
        let what = "list of metric set pairs";
        return Err(RunError::TooLarge { path: path.to_owned(), what, most: MOST_PAIRS_BYTES });
    }
    let pairs = kayenta::read_pairs(&shown(path), &text)?;
    let digest = stored.finish().map_err(unreadable)?;
    let mut analysis = question.written.analysis.clone();
    analysis.step = pairs.step;
    analysis.window = None;
    analysis.arms.control_window = None;
    analysis.judgements = None;
    let spans = pairs.series.iter().flat_map(|series| [&series.arms.control, &series.arms.canary]);
    let span = spans.filter_map(Arm::span).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    known_metrics(&analysis, &pairs.series, path)?;
    let note = question.written.analysis.judgements.is_some().then_some(
        "several judgements are asked for, and stored pairs are the values of one: they are judged once",
    );
    Ok(Answered {
        analysis,
        series: pairs.series,
        warnings: Vec::new(),
        name: format!("`{}`", shown(path)),
        span,
        input: input(path, digest),
        note,
    })
}

const MOST_PAIRS_BYTES: u64 = 256 << 20;

/// The reference fails a run with a pair that its config does not know.
fn known_metrics(
    analysis: &Analysis,
    series: &[MetricSeries],
    path: &str,
) -> Result<(), FileError> {
    let known: BTreeSet<&str> = analysis.checks().iter().map(|check| check.name.as_str()).collect();
    let Some(stranger) = series.iter().find(|series| !known.contains(series.check.as_str())) else {
        return Ok(());
    };
    let known: Vec<&str> = known.into_iter().collect();
    let problem = format!("it has a pair for `{}`, which no check asks for", stranger.check);
    Err(FileError::new(&shown(path), "", None, &problem)
        .with_hint(&format!("the checks are: {}", known.join(", "))))
}
