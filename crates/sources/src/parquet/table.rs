//! What the columns of a Parquet file are.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::ChunkReader;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use serin_model::{Analysis, FileError};

use super::EXAMPLE;
use super::groups::RowGroups;
use crate::collect::Collector;
use crate::columns::{Column, Columns, ValueOf};
use crate::rows::shortened;

/// The columns of a Parquet file that say something.
#[derive(Debug)]
pub(crate) struct Table {
    /// What each is; their indices are places among [`Self::roots`].
    pub(crate) columns: Columns,
    /// The columns that are read, by their place in the file, in ascending order.
    roots: Vec<usize>,
    leaves: Vec<(String, usize)>,
    pub(crate) time_leaf: usize,
    /// What whole numbers among the times count.
    pub(crate) time_unit: Option<Unit>,
    pub(crate) metric_leaf: Option<usize>,
}

/// What a time counts since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    /// Returns milliseconds since 1970, without what is less.
    pub(crate) fn millis(self, time: i64) -> i64 {
        match self {
            Self::Seconds => time.saturating_mul(1000),
            Self::Milliseconds => time,
            Self::Microseconds => time.div_euclid(1000),
            Self::Nanoseconds => time.div_euclid(1_000_000),
        }
    }
}

/// Reads what a file says of itself, and asks for its texts as numbers of a dictionary.
pub(crate) fn metadata<R: ChunkReader>(file: &R) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let written = ArrowReaderMetadata::load(file, options())?;
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => {
            let texts = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(texts))
        }
        _ => Arc::clone(field),
    };
    let fields: Vec<Arc<Field>> = written.schema().fields().iter().map(field).collect();
    let schema = Schema::new_with_metadata(fields, written.schema().metadata().clone());
    ArrowReaderMetadata::try_new(
        Arc::clone(written.metadata()),
        options().with_schema(Arc::new(schema)),
    )
}

impl Table {
    /// Finds out what the columns of a file are.
    ///
    /// # Errors
    ///
    /// [`FileError`] when they do not make a recording.
    pub(crate) fn of(
        collector: &Collector<'_>,
        metadata: &ArrowReaderMetadata,
        analysis: &Analysis,
    ) -> Result<Self, FileError> {
        let fields = metadata.schema().fields();
        let names: Vec<String> =
            fields.iter().map(|field| field.name().trim().to_owned()).collect();
        check_names(collector.file(), &names)?;
        let mut columns = Columns::of(&names, collector.metrics_asked_for())
            .map_err(|error| collector.wrong_columns(&names, 0, error))?;
        let asked_for = collector.labels_asked_for();
        let mut said: BTreeSet<&str> = asked_for;
        said.extend(analysis.replica.as_deref());
        said.extend(analysis.for_each.iter().map(String::as_str));
        said.extend(["arm", "le"]);
        let of_metrics = columns.values.iter().all(|(_, value)| *value == ValueOf::Metric);
        let is_label = |column: &Column| {
            let kind = fields[column.index].data_type();
            let is_said = said.contains(column.name.as_str());
            // Where each metric has a column, one of numbers that nobody asks for is another metric.
            is_said || (is_text(kind) || (!of_metrics && is_plain(kind)))
        };
        columns.labels.retain(is_label);
        Self::with(collector.file(), columns, metadata)
    }

    /// Looks at the types, and counts the columns that are read.
    fn with(
        file: &str,
        mut columns: Columns,
        metadata: &ArrowReaderMetadata,
    ) -> Result<Self, FileError> {
        let fields = metadata.schema().fields();
        for column in columns.labels.iter().chain(columns.values.iter().map(|(column, _)| column)) {
            let kind = fields[column.index].data_type();
            if !is_text(kind) && !is_plain(kind) {
                return Err(wrong_type(file, &column.name, kind, "texts or numbers"));
            }
        }
        let time = fields[columns.time.index].data_type();
        let time_unit = unit_of(time);
        if time_unit.is_none() && !is_text(time) && !time.is_floating() {
            return Err(wrong_type(file, &columns.time.name, time, "timestamps"));
        }
        let leaf = |root: usize| {
            let schema = metadata.parquet_schema();
            (0..schema.num_columns()).find(|&leaf| schema.get_column_root_idx(leaf) == root)
        };
        let leaves = columns.labels.iter();
        let leaves = leaves.filter_map(|label| Some((label.name.clone(), leaf(label.index)?)));
        let leaves = leaves.collect();
        let time_leaf = leaf(columns.time.index).unwrap_or(usize::MAX);
        let metric_leaf = columns.metric.and_then(leaf);
        let mut roots: Vec<usize> = vec![columns.time.index];
        roots.extend(columns.metric);
        roots.extend(columns.labels.iter().map(|label| label.index));
        roots.extend(columns.values.iter().map(|(column, _)| column.index));
        roots.sort_unstable();
        roots.dedup();
        let place = |index: &mut usize| {
            *index = roots.binary_search(index).expect("every column that is read is among them");
        };
        place(&mut columns.time.index);
        columns.metric.iter_mut().for_each(place);
        columns.labels.iter_mut().for_each(|label| place(&mut label.index));
        columns.values.iter_mut().for_each(|(column, _)| place(&mut column.index));
        Ok(Self { columns, roots, leaves, time_leaf, time_unit, metric_leaf })
    }

    /// Returns where the statistics of a label are.
    pub(crate) fn label_leaf(&self, name: &str) -> Option<usize> {
        self.leaves.iter().find(|(label, _)| label == name).map(|(_, leaf)| *leaf)
    }

    /// Returns where the columns of some labels are in the file; nothing if one is missing.
    pub(crate) fn places_of(&self, labels: &[String]) -> Option<Vec<usize>> {
        let place = |label: &String| {
            let column = self.columns.labels.iter().find(|column| column.name == *label)?;
            self.roots.get(column.index).copied()
        };
        labels.iter().map(place).collect()
    }

    /// Returns a reader of some row groups, and of no other columns than those that say something.
    pub(crate) fn reader<R: ChunkReader + 'static>(
        &self,
        file: R,
        metadata: &ArrowReaderMetadata,
        groups: &RowGroups,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        self.reader_of(file, metadata, groups, &self.roots)
    }

    /// Returns a reader of some row groups and of some columns.
    ///
    /// * `roots`: their places in the file; they are read in the order of the file.
    pub(crate) fn reader_of<R: ChunkReader + 'static>(
        &self,
        file: R,
        metadata: &ArrowReaderMetadata,
        groups: &RowGroups,
        roots: &[usize],
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_projection(mask)
            .with_row_groups(groups.indices())
            .with_batch_size(BATCH)
            .build()
    }
}

/// In rows: what the columns of a batch take fits into the second cache.
const BATCH: usize = 16 * 1024;

fn check_names(file: &str, names: &[String]) -> Result<(), FileError> {
    if names.is_empty() {
        return Err(
            FileError::new(file, "", None, "the recording has no columns").with_hint(EXAMPLE)
        );
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
    let problem = format!("two columns are called `{}`", shortened(twice[0]));
    Err(FileError::new(file, "", None, &problem).with_hint("rename one of them"))
}

fn wrong_type(file: &str, column: &str, kind: &DataType, wanted: &str) -> FileError {
    let (column, kind) = (shortened(column), shortened(&kind.to_string()));
    let problem = format!("column `{column}` is of type {kind}, where {wanted} belong");
    FileError::new(file, "", None, &problem)
        .with_hint("write single values: a column of texts for each label, and one of numbers")
}

/// Returns what the whole numbers of a column of times count.
fn unit_of(kind: &DataType) -> Option<Unit> {
    match kind {
        DataType::Timestamp(TimeUnit::Second, _) => Some(Unit::Seconds),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Some(Unit::Milliseconds),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(Unit::Microseconds),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(Unit::Nanoseconds),
        kind if kind.is_integer() => Some(Unit::Seconds),
        _ => None,
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::Binary | DataType::Boolean | DataType::Null => true,
        DataType::Dictionary(_, texts) => **texts == DataType::Utf8,
        _ => false,
    }
}

fn is_plain(kind: &DataType) -> bool {
    kind.is_integer() || kind.is_floating() || matches!(kind, DataType::Decimal128(..))
}
