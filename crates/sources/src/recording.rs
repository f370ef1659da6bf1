//! Recordings: points in a CSV or JSON-lines file.

use std::io::{self, Read};

use serin_model::{Analysis, CounterForm, FileError, MetricSeries, Timestamp, Warning};

use crate::SourceError;
use crate::assemble::Assembler;
use crate::collect::{Collected, Collector, Seen, Series};
use crate::digest::{Digest, DigestReader, LimitedReader};
use crate::doubts::{Doubts, look_at_recording};
use crate::fleet::RecordedFleet;
use crate::rows::{EXAMPLE, for_each_record, shortened, unpacked};

/// What a recording answered to an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The answers to the checks, in their order; an answer may be empty.
    pub series: Vec<MetricSeries>,
    /// What a reader of the verdict must know of them.
    pub warnings: Vec<Warning>,
    /// The first and the last moment that any check was answered for.
    pub span: (Timestamp, Timestamp),
    /// Which bytes were read.
    pub digest: Digest,
}

/// Reads what the checks of an analysis ask for from a recording.
///
/// * `name`: what errors call the recording.
/// * `reader`: CSV with a header, or JSON lines, either of them gzipped or not; told apart by how
///   they begin. `docs/guide/recordings.md` describes the columns.
/// * `counters`: whether counters are running totals.
///
/// Reads to the end in one pass. Only points that a check asks for are kept, 24 bytes each.
///
/// # Errors
///
/// [`SourceError::Query`] when a check's query is not a selector. [`SourceError::File`] when the
/// recording is damaged, larger than [`MOST_BYTES`] unpacked, holds a value that is none, or answers
/// no check at all.
pub fn read_recording(
    name: &str,
    reader: impl Read,
    analysis: &Analysis,
    counters: CounterForm,
) -> Result<Recording, SourceError> {
    let (Collected { wanted, series, records, seen }, digest) =
        read_all(name, reader, analysis, counters)?;
    let Some(span) = span_of(&series) else {
        return Err(nothing_found(name, analysis, "line", records, &seen).into());
    };
    let mut doubts = Doubts::about(name);
    look_at_recording(analysis, &wanted, &series, &mut doubts);
    let warnings = doubts.warnings(analysis.checks());
    let series = Assembler::new(name, analysis, &wanted, series)?.assemble()?;
    Ok(Recording { series, warnings, span, digest })
}

/// Reads what the checks of an analysis ask for from a recording of many canaries, told apart by the
/// labels that its `for_each` names.
///
/// Takes what [`read_recording`] takes, and as much memory: 24 bytes for each point that a check asks
/// for, of all members together.
///
/// # Errors
///
/// As [`read_recording`].
pub fn read_recorded_fleet(
    name: &str,
    reader: impl Read,
    analysis: &Analysis,
    counters: CounterForm,
) -> Result<(RecordedFleet, Digest), SourceError> {
    let (collected, digest) = read_all(name, reader, analysis, counters)?;
    if collected.series.is_empty() {
        let Collected { records, seen, .. } = collected;
        return Err(nothing_found(name, analysis, "line", records, &seen).into());
    }
    let fleet = RecordedFleet::of(name, analysis, collected, None)?;
    Ok((fleet, digest))
}

fn read_all(
    name: &str,
    reader: impl Read,
    analysis: &Analysis,
    counters: CounterForm,
) -> Result<(Collected, Digest), SourceError> {
    let mut collector = Collector::new(name, analysis, counters)?;
    let unreadable = |error: io::Error| {
        FileError::new(name, "", None, &format!("the recording cannot be read: {error}"))
            .with_hint("see that the file is whole and may be read")
    };
    let mut stored = DigestReader::new(reader);
    let unpacked = unpacked(&mut stored).map_err(unreadable)?;
    let limited = LimitedReader::new(unpacked, MOST_BYTES);
    for_each_record(name, limited, |record| collector.add(record))?;
    let digest = stored.finish().map_err(unreadable)?;
    Ok((collector.finish(), digest))
}

/// Returns the first and the last moment of all series.
pub(crate) fn span_of(series: &[Series]) -> Option<(Timestamp, Timestamp)> {
    let times = || series.iter().flat_map(|series| series.samples.iter().map(|sample| sample.time));
    times().min().zip(times().max())
}

/// The largest recording that is read, unpacked: 4 GiB.
pub const MOST_BYTES: u64 = 4 << 30;

/// Says what a recording holds that answers no check.
///
/// * `unit`: what a point stands in, such as a line.
pub(crate) fn nothing_found(
    name: &str,
    analysis: &Analysis,
    unit: &str,
    records: u64,
    seen: &Seen,
) -> FileError {
    if records == 0 {
        return FileError::new(name, "", None, "the recording has no points").with_hint(EXAMPLE);
    }
    let list = |names: &std::collections::BTreeSet<String>| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let arms = [&analysis.arms.control, &analysis.arms.canary].map(|arm| {
        let labels = arm
            .iter()
            .map(|(name, value)| format!("{}={}", shortened(name), shortened(value)))
            .take(3);
        labels.collect::<Vec<_>>().join(" ")
    });
    let problem = format!("no {unit} of it answers a check on either arm; {unit}s read: {records}");
    FileError::new(name, "", None, &problem).with_hint(&format!(
        "its metrics are: {}. Its labels are: {}. The arms are {} and {}; of those labels it has: {}",
        list(&seen.metrics),
        list(&seen.labels),
        arms[0],
        arms[1],
        list(&seen.arm_values),
    ))
}
