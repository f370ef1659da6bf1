//! Recordings in Parquet files.
//!
//! The columns mean what those of other recordings mean. They are read a batch of rows at a time,
//! and only those that say something; labels stay numbers of a dictionary until a series is met for
//! the first time, so that a row costs a comparison of a few integers.
//!
//! Source: <https://parquet.apache.org/docs/file-format/>.

mod batch;
mod fleet;
mod groups;
mod table;
mod texts;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::ChunkReader;
use serin_model::{Analysis, CounterForm, FileError, Timestamp};

use crate::SourceError;
use crate::assemble::Assembler;
use crate::collect::{Collected, Collector};
use crate::digest::DigestReader;
use crate::doubts::{Doubts, look_at_recording};
pub use crate::parquet::fleet::ParquetFleet;
pub(crate) use crate::parquet::groups::RowGroups;
use crate::parquet::table::Table;
use crate::recording::{Recording, nothing_found, span_of};
use crate::rows::shown;

/// What a Parquet file begins with.
pub const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Reads what the checks of an analysis ask for from a recording in a Parquet file.
///
/// * `name`: what errors call the recording.
/// * `file`: the whole file; it is read from several places.
/// * `counters`: whether counters are running totals.
/// * `until`: from when on nothing is of use, if there is such a moment.
///
/// Row groups are left out where their statistics show that nothing in them is asked for: other
/// metrics, other arms, or nothing before `until`. What came before a window is read, since it is the
/// control's history.
///
/// Holds a batch of rows, the dictionaries of the columns, and 24 bytes for each point that a check
/// asks for.
///
/// # Errors
///
/// As [`read_recording`](crate::read_recording). An error in a row says its row group and its row in
/// the group, both counted from one.
pub fn read_parquet<R: ChunkReader + 'static>(
    name: &str,
    file: R,
    analysis: &Analysis,
    counters: CounterForm,
    until: Option<Timestamp>,
) -> Result<Recording, SourceError> {
    let unreadable = |error: &dyn std::fmt::Display| unreadable(name, &error.to_string());
    let bytes = file.get_read(0).map_err(|error| unreadable(&error))?;
    let digest = DigestReader::new(bytes).finish().map_err(|error| unreadable(&error))?;
    let source = &file;
    let metadata = guarded(name, move || table::metadata(source))?;
    let mut collector = Collector::new(name, analysis, counters)?;
    let table = Table::of(&collector, &metadata, analysis)?;
    let all = RowGroups::all(name, &metadata)?;
    let chosen = all.needed(&collector, &metadata, &table, until);
    // Whoever finds nothing is told what there is, which takes reading all of it.
    let chosen = if chosen.is_empty() { all.clone() } else { chosen };
    let reader = guarded(name, AssertUnwindSafe(|| table.reader(file, &metadata, &chosen)))?;
    let in_row_groups = |error: FileError| error.in_row_groups(|row| all.place_of(row));
    guarded_rows(name, || batch::read_all(&mut collector, &table, reader, &chosen))
        .map_err(in_row_groups)?;
    let Collected { wanted, series, records, seen } = collector.finish();
    let Some(span) = span_of(&series) else {
        return Err(match records {
            0 => FileError::new(name, "", None, "the recording has no points").with_hint(EXAMPLE),
            _ => nothing_found(name, analysis, "row", records, &seen),
        }
        .into());
    };
    let mut doubts = Doubts::about(name);
    look_at_recording(analysis, &wanted, &series, &mut doubts);
    let warnings = doubts.warnings(analysis.checks());
    let assembled =
        Assembler::new(name, analysis, &wanted, series).and_then(|series| series.assemble());
    Ok(Recording { series: assembled.map_err(in_row_groups)?, warnings, span, digest })
}

/// What a recording without points should hold.
const EXAMPLE: &str =
    "write columns such as `time`, `metric`, `arm` and `value`, and a row for each point";

/// The libraries that unpack Parquet panic at some files that are damaged.
fn guarded<T>(name: &str, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, FileError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| unreadable(name, &error.to_string())),
        Err(_) => Err(unreadable(name, "it is not what its own header says")),
    }
}

fn guarded_rows(name: &str, read: impl FnOnce() -> Result<(), FileError>) -> Result<(), FileError> {
    let read = catch_unwind(AssertUnwindSafe(read));
    read.unwrap_or_else(|_| Err(unreadable(name, "it is not what its own header says")))
}

fn unreadable(name: &str, why: &str) -> FileError {
    let problem = format!("the Parquet file cannot be read: {}", shown(why, 200));
    FileError::new(name, "", None, &problem)
        .with_hint("the file may be cut off or damaged, or not closed by whoever writes it")
}
