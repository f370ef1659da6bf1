//! Many cases through all cores, in order, in bounded memory.

use std::io::{BufRead, Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rayon::prelude::*;
use serin_model::FileError;
use serin_sources::unpacked;

use super::case::{JudgedCase, judge_case};
use super::line::Line;
use super::pair::{JudgedPair, judge_pair};
use super::tally::Tally;
use crate::JudgeKind;
use crate::error::RunError;
use crate::large_file::open;
use crate::progress::Progress;
use crate::text_file::shown;

/// Judges the cases of a file, and adds them to `tally`.
///
/// * `judges`: each judges every case, in this order.
/// * `path`: JSON lines, gzipped or not; `-` is standard input.
/// * `output`: gets a JSON line for each case, in the order read, if given.
///
/// One thread reads ahead while all cores judge; at most two batches of about a mebibyte are held.
///
/// # Errors
///
/// [`RunError`] at the first line that is malformed; what came before it has been written.
pub fn bench(
    path: &str,
    judges: &[JudgeKind],
    tally: &mut Tally,
    output: Option<&mut dyn Write>,
    progress: &dyn Progress,
) -> Result<(), RunError> {
    thread::scope(|scope| {
        let (send, batches) = sync_channel(0);
        scope.spawn(move || {
            let result = read_batches(path, progress, |batch| send.send(Ok(batch)).is_ok());
            if let Err(error) = result {
                // Nobody listens any more when the judging failed first.
                let _ = send.send(Err(error));
            }
        });
        judge_batches(path, judges, batches, tally, output)
    })
}

/// Judges cases that came as a text, and returns a JSON line for each, in the order read.
///
/// * `name`: what errors call the text.
/// * `first_line`: the number of its first line, for errors.
///
/// # Errors
///
/// [`RunError`] at the first line that is malformed; then nothing is returned.
pub fn bench_text(
    name: &str,
    text: &[u8],
    first_line: u64,
    judges: &[JudgeKind],
) -> Result<Vec<u8>, RunError> {
    let (mut reader, mut next_line, mut judged) = (text, first_line, Vec::new());
    loop {
        let batch = read_batch(name, &mut reader, next_line)?;
        if batch.lines.is_empty() {
            return Ok(judged);
        }
        next_line += batch.lines.len() as u64;
        judge_batch(name, judges, &batch, &mut Tally::default(), Some(&mut judged))?;
    }
}

/// Reads the cases of a file in parts of whole lines, such as to send them one after the other.
///
/// * `deliver`: takes the number of a part's first line, and its lines as they stand in the file.
///
/// # Errors
///
/// [`RunError`] when the file cannot be read, and what `deliver` says.
pub fn read_cases<E: From<RunError>>(
    path: &str,
    progress: &dyn Progress,
    mut deliver: impl FnMut(u64, Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut failed = None;
    read_batches(path, progress, |batch| {
        failed = deliver(batch.first_line, batch.lines.concat()).err();
        failed.is_none()
    })?;
    failed.map_or(Ok(()), Err)
}

/// Lines that follow each other in a file.
struct Batch {
    first_line: u64,
    lines: Vec<Vec<u8>>,
}

fn read_batches(
    path: &str,
    progress: &dyn Progress,
    mut deliver: impl FnMut(Batch) -> bool,
) -> Result<(), RunError> {
    let unreadable = |error| RunError::Unreadable { path: path.to_owned(), error };
    let mut reader = unpacked(open(path, progress)?).map_err(unreadable)?;
    let mut next_line = 1;
    loop {
        let batch = read_batch(path, &mut reader, next_line)?;
        next_line += batch.lines.len() as u64;
        if batch.lines.is_empty() || !deliver(batch) {
            return Ok(());
        }
    }
}

fn read_batch(path: &str, reader: &mut impl BufRead, first_line: u64) -> Result<Batch, RunError> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES && lines.len() < BATCH_LINES {
        let mut line = Vec::new();
        let number = first_line + lines.len() as u64;
        let read = reader.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line);
        let read = read.map_err(|error| {
            let problem = format!("the cases cannot be read on: {error}");
            FileError::at_line(&shown(path), number, &problem)
                .with_hint("see that the file is whole")
        })?;
        if read as u64 > LONGEST_LINE {
            let problem = format!("this line is longer than {LONGEST_LINE} bytes");
            return Err(FileError::at_line(&shown(path), number, &problem)
                .with_hint("a case is one line of JSON")
                .into());
        }
        if read == 0 {
            break;
        }
        bytes += read;
        lines.push(line);
    }
    Ok(Batch { first_line, lines })
}

const BATCH_BYTES: usize = 1 << 20;
const BATCH_LINES: usize = 1024;
const LONGEST_LINE: u64 = 64 << 20;

fn judge_batches(
    path: &str,
    judges: &[JudgeKind],
    batches: Receiver<Result<Batch, RunError>>,
    tally: &mut Tally,
    mut output: Option<&mut dyn Write>,
) -> Result<(), RunError> {
    for batch in batches {
        // A closure would not give the borrow back.
        let output: Option<&mut dyn Write> = match &mut output {
            Some(output) => Some(&mut **output),
            None => None,
        };
        judge_batch(path, judges, &batch?, tally, output)?;
    }
    Ok(())
}

fn judge_batch(
    path: &str,
    judges: &[JudgeKind],
    batch: &Batch,
    tally: &mut Tally,
    mut output: Option<&mut dyn Write>,
) -> Result<(), RunError> {
    let wanted = output.is_some();
    let judged: Vec<Result<Option<Judged>, String>> =
        batch.lines.par_iter().map(|line| judge_line(line, judges, wanted)).collect();
    for (index, judged) in judged.into_iter().enumerate() {
        let judged = judged.map_err(|problem| {
            FileError::at_line(&shown(path), batch.first_line + index as u64, &problem).with_hint(
                "each line is a case with `metrics`, or a pair with `control` and `experiment`",
            )
        })?;
        let Some(judged) = judged else { continue };
        match &judged.answer {
            Answer::Cases(cases) => cases.iter().for_each(|case| tally.add_case(case)),
            Answer::Pair(pair) => tally.add_pair(pair),
        }
        if let Some(output) = &mut output {
            output.write_all(&judged.json).map_err(|error| RunError::Output { error })?;
        }
    }
    Ok(())
}

struct Judged {
    answer: Answer,
    /// The line to print, if one is wanted.
    json: Vec<u8>,
}

enum Answer {
    Cases(Vec<JudgedCase>),
    Pair(JudgedPair),
}

/// Judges one line; a blank one holds nothing.
fn judge_line(text: &[u8], judges: &[JudgeKind], wanted: bool) -> Result<Option<Judged>, String> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(text).map_err(|error| {
        let message = error.to_string();
        let problem = message.split(" at line ").next().unwrap_or_default();
        format!("this is no case: {problem} (column {})", error.column())
    })?;
    let answer = if line.metrics.is_some() {
        Answer::Cases(judge_case(&line, judges)?)
    } else if !judges.contains(&JudgeKind::Kayenta) {
        return Err("a bare pair is judged by the kayenta judge alone".to_owned());
    } else {
        Answer::Pair(judge_pair(line)?)
    };
    let mut json = Vec::new();
    if wanted {
        match &answer {
            Answer::Cases(cases) => cases.iter().try_for_each(|case| write(&mut json, case))?,
            Answer::Pair(pair) => write(&mut json, pair)?,
        }
    }
    Ok(Some(Judged { answer, json }))
}

fn write(json: &mut Vec<u8>, answer: &impl serde::Serialize) -> Result<(), String> {
    let written = serde_json::to_writer(&mut *json, answer);
    written.map_err(|error| format!("its answer cannot be written: {error}"))?;
    json.push(b'\n');
    Ok(())
}
