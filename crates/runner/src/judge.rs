//! One judgement over recorded data.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serin_check::{WrittenAnalysis, kayenta};
use serin_model::{
    Analysis, Arm, CounterForm, FileError, JudgedMetric, LabelSelector, MetricSeries, Source,
    Timestamp, Trace, Verdict,
};
use serin_report::{Input, Report};
use serin_sources::{Digest, DigestReader, read_recording, unpacked};

use crate::error::RunError;
use crate::large_file::open;
use crate::progress::Progress;
use crate::text_file::{read_text, shown};

/// What is asked: an analysis, and the files that say so.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked.
    pub written: WrittenAnalysis,
    /// The Check file, or the Kayenta config.
    pub check: Input,
    /// Its text.
    pub check_text: String,
    /// Other files that had a say, such as Kayenta's request.
    pub others: Vec<Input>,
    /// Kayenta's queries by metric, for people to read; empty for a Check file.
    pub queries: Vec<(String, String)>,
}

/// Where the recordings are, if not where the Check file says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Recordings<'a> {
    /// The recording to judge; `-` is standard input.
    pub data: Option<&'a str>,
    /// How its counters were recorded, if not as the Check file says.
    pub counters: Option<CounterForm>,
}

impl Question {
    /// Reads a Check file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// [`RunError`] when it cannot be read, or says what cannot be.
    pub fn of_check_file(path: &str) -> Result<Self, RunError> {
        let text = read_text(path, "Check file", MOST_CHECK_BYTES)?;
        let written = serin_check::read(&shown(path), &text)?;
        let check = input(path, Digest::of(&text));
        Ok(Self { written, check, check_text: text, others: Vec::new(), queries: Vec::new() })
    }

    /// Reads Kayenta's own files.
    ///
    /// # Errors
    ///
    /// [`RunError`] when one cannot be read, or says what cannot be.
    pub fn of_kayenta(config: &str, request: Option<&str>) -> Result<Self, RunError> {
        let text = read_text(config, "canary config", MOST_KAYENTA_BYTES)?;
        let read = kayenta::read_config(&shown(config), &text)?;
        let mut others = Vec::new();
        let request = match request {
            Some(path) => {
                let text = read_text(path, "execution request", MOST_KAYENTA_BYTES)?;
                others.push(input(path, Digest::of(&text)));
                Some(kayenta::read_request(&shown(path), &text)?)
            }
            None => None,
        };
        let written = kayenta::analysis(&read, request.as_ref())?;
        let check = input(config, Digest::of(&text));
        let queries = read.metrics.into_iter().map(|metric| (metric.name, metric.query)).collect();
        Ok(Self { written, check, check_text: text, others, queries })
    }
}

impl Question {
    /// Returns what a reader of the converted Check file should know of where it came from.
    #[must_use]
    pub fn comment(&self) -> Vec<String> {
        let mut lines = vec![format!("Converted from the Kayenta config {}.", self.check.path)];
        lines.extend(self.written.notes.iter().map(|note| format!("Note: {note}.")));
        let queries = self.queries.iter().filter(|(_, query)| !query.is_empty());
        lines
            .extend(queries.map(|(metric, query)| format!("Kayenta's query of {metric}: {query}")));
        lines
    }
}

const MOST_CHECK_BYTES: u64 = 1 << 20;
const MOST_KAYENTA_BYTES: u64 = 16 << 20;

/// Answers a question from a recording.
///
/// # Errors
///
/// [`RunError`] when there is no recording, it cannot be read, or it answers no check.
pub fn ask(
    question: &Question,
    recordings: Recordings<'_>,
    progress: &dyn Progress,
) -> Result<Report, RunError> {
    let (path, counters) = place(question, recordings)?;
    let answered = read(question, &path, counters, progress)?;
    let (mut verdict, traces) =
        judge(&answered.analysis, &answered.series, &question.written.notes);
    let anything = |metric: &JudgedMetric| metric.control.points + metric.canary.points > 0;
    if !verdict.metrics.iter().any(anything) {
        return Err(RunError::NoAnswer {
            path: shown(&path),
            recorded: in_words(answered.span),
            judged: in_words(judged_span(&answered.analysis)),
        });
    }
    verdict.ignored.extend(answered.note.map(str::to_owned));
    let mut inputs = question.others.clone();
    inputs.push(answered.input);
    Ok(Report {
        version: Report::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: answered.analysis.service.clone(),
        control: labels(&answered.analysis.arms.control),
        canary: labels(&answered.analysis.arms.canary),
        step_seconds: answered.analysis.step.seconds(),
        span: judged_stretch(&traces),
        verdict,
        check: question.check.clone(),
        check_text: question.check_text.clone(),
        inputs,
        traces,
    })
}

/// Judges what the sources answered, and adds what the reader of the files had to say.
fn judge(analysis: &Analysis, series: &[MetricSeries], notes: &[String]) -> (Verdict, Vec<Trace>) {
    let mut judged = serin_judge::kayenta::judge(analysis, series);
    judged.verdict.ignored.extend_from_slice(notes);
    (judged.verdict, judged.traces)
}

/// Returns the first and the last bin that either arm was judged in.
fn judged_stretch(traces: &[Trace]) -> Option<(Timestamp, Timestamp)> {
    let points = traces.iter().flat_map(|trace| trace.control.iter().chain(&trace.canary));
    points
        .map(|point| (point.time, point.time))
        .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
}

/// Returns the stretch of time in which anything at all is judged.
fn judged_span(analysis: &Analysis) -> Option<(Timestamp, Timestamp)> {
    let run = analysis.judgements.map(|run| (run.start, run.start.after(run.lifetime)));
    run.or(analysis.window.map(|window| (window.start, window.end)))
}

fn in_words(span: Option<(Timestamp, Timestamp)>) -> String {
    let moment = |time: Timestamp| match jiff::Timestamp::from_millisecond(time.as_millis()) {
        Ok(moment) => moment.to_string(),
        Err(_) => format!("{} ms", time.as_millis()),
    };
    match span {
        Some((start, end)) => format!("from {} to {}", moment(start), moment(end)),
        None => "at all times".to_owned(),
    }
}

/// What a recording answered, and to what exactly.
struct Answered {
    analysis: Analysis,
    series: Vec<MetricSeries>,
    span: Option<(Timestamp, Timestamp)>,
    input: Input,
    /// What the recording made serin pass over.
    note: Option<&'static str>,
}

/// Says where the recording is: what the command names, else what the Check file names, from there.
fn place(
    question: &Question,
    recordings: Recordings<'_>,
) -> Result<(String, CounterForm), RunError> {
    let source = question.written.source.as_ref();
    let Source::File { path: written, counters } = match (recordings.data, source) {
        (_, Some(source)) => source.clone(),
        (Some(_), None) => Source::File { path: String::new(), counters: CounterForm::default() },
        (None, None) => return Err(RunError::NoSource { file: shown(&question.check.path) }),
    };
    let path = match recordings.data {
        Some(data) => data.to_owned(),
        None if written == "-" || Path::new(&written).is_absolute() => written,
        None => {
            let folder = Path::new(&question.check.path).parent().unwrap_or(Path::new(""));
            folder.join(written).to_string_lossy().into_owned()
        }
    };
    if path == "-" && question.check.path == shown("-") {
        return Err(RunError::TwoStandardInputs);
    }
    Ok((path, recordings.counters.unwrap_or(counters)))
}

fn read(
    question: &Question,
    path: &str,
    counters: CounterForm,
    progress: &dyn Progress,
) -> Result<Answered, RunError> {
    let unreadable = |error| RunError::Unreadable { path: path.to_owned(), error };
    let mut reader = BufReader::new(open(path, progress)?);
    if is_pair_list(&mut reader).map_err(unreadable)? {
        return read_pairs(question, path, reader);
    }
    let analysis = question.written.analysis.clone();
    let recording = read_recording(&shown(path), reader, &analysis, counters)?;
    Ok(Answered {
        analysis,
        series: recording.series,
        span: Some(recording.span),
        input: input(path, recording.digest),
        note: None,
    })
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
    Ok(Answered { analysis, series: pairs.series, span, input: input(path, digest), note })
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

fn input(path: &str, digest: Digest) -> Input {
    Input { path: shown(path), sha256: digest.sha256, bytes: digest.bytes }
}

fn labels(selector: &LabelSelector) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}={value}");
    selector.iter().map(label).collect::<Vec<_>>().join(", ")
}
