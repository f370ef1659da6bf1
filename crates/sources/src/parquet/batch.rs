//! From batches of rows to points of series.

use std::collections::BTreeMap;
use std::rc::Rc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use serin_model::{FileError, Timestamp};

use super::groups::RowGroups;
use super::table::{Table, Unit};
use super::texts::Texts;
use super::unreadable;
use crate::collect::{Collector, Sample, read_number, read_time, time_of_seconds};
use crate::columns::ValueOf;
use crate::rows::shortened;

/// Reads all rows of some row groups, and keeps the points that are asked for.
pub(crate) fn read_all(
    collector: &mut Collector<'_>,
    table: &Table,
    reader: ParquetRecordBatchReader,
    groups: &RowGroups,
) -> Result<(), FileError> {
    let mut rows = Rows::of(table);
    let mut numbers = groups.rows();
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(collector.file(), &error.to_string()))?;
        collector.count_records(batch.num_rows() as u64);
        rows.take(collector, &batch, &mut numbers)?;
    }
    Ok(())
}

/// What is known of the rows so far.
struct Rows<'a> {
    table: &'a Table,
    /// The texts of the columns that name a series: the metric's, then those of the labels.
    texts: Vec<Texts>,
    /// For each of those columns, the number of each row's text.
    numbers: Vec<Vec<u32>>,
    names: Names,
    times: Vec<Option<Timestamp>>,
    values: Vec<Vec<f64>>,
}

/// The names of series, as numbers of texts.
struct Names {
    /// How many numbers make a name.
    length: usize,
    /// The names, one after the other.
    all: Vec<u32>,
    index: BTreeMap<Box<[u32]>, usize>,
    /// The name that came after each one the last time.
    next: Vec<usize>,
    last: usize,
    /// For each name and each column of values, the series and whether somebody asked for it.
    series: Vec<(usize, bool)>,
}

impl Names {
    fn is(&self, name: usize, numbers: &[Vec<u32>], row: usize) -> bool {
        let name = &self.all[name * self.length..][..self.length];
        name.iter().zip(numbers).all(|(&own, column)| column[row] == own)
    }

    /// Returns which name a row has, if it is known. Files hold series after series, or all series
    /// again and again in the same order.
    fn find(&mut self, numbers: &[Vec<u32>], row: usize) -> Option<usize> {
        if self.next.is_empty() {
            return None;
        }
        if self.is(self.last, numbers, row) {
            return Some(self.last);
        }
        let guess = self.next[self.last];
        if self.is(guess, numbers, row) {
            self.last = guess;
            return Some(guess);
        }
        let name: Vec<u32> = numbers.iter().map(|column| column[row]).collect();
        let found = *self.index.get(name.as_slice())?;
        self.next[self.last] = found;
        self.last = found;
        Some(found)
    }

    fn add(&mut self, numbers: &[Vec<u32>], row: usize, series: &[(usize, bool)]) -> usize {
        let name: Box<[u32]> = numbers.iter().map(|column| column[row]).collect();
        let added = self.next.len();
        self.all.extend_from_slice(&name);
        self.index.insert(name, added);
        self.series.extend_from_slice(series);
        if let Some(next) = self.next.get_mut(self.last) {
            *next = added;
        }
        self.next.push(0);
        self.last = added;
        added
    }
}

impl<'a> Rows<'a> {
    fn of(table: &'a Table) -> Self {
        let length = 1 + table.columns.labels.len();
        let names = Names {
            length,
            all: Vec::new(),
            index: BTreeMap::new(),
            next: Vec::new(),
            last: 0,
            series: Vec::new(),
        };
        Self {
            table,
            texts: (0..length).map(|_| Texts::new()).collect(),
            numbers: vec![Vec::new(); length],
            names,
            times: Vec::new(),
            values: vec![Vec::new(); table.columns.values.len()],
        }
    }

    /// Takes a batch of rows; `rows` gives the number of each in the file.
    fn take(
        &mut self,
        collector: &mut Collector<'_>,
        batch: &RecordBatch,
        rows: &mut impl Iterator<Item = u64>,
    ) -> Result<(), FileError> {
        self.read_names(batch);
        let columns = &self.table.columns;
        let times = batch.column(columns.time.index);
        read_times(times, self.table.time_unit, &mut self.times);
        for ((column, _), values) in columns.values.iter().zip(&mut self.values) {
            read_values(batch.column(column.index), values);
        }
        let per_name = columns.values.len();
        for row in 0..batch.num_rows() {
            let number = rows.next().unwrap_or(0);
            let name = match self.names.find(&self.numbers, row) {
                Some(name) => name,
                None => self.meet(collector, row, number)?,
            };
            for (value, (column, _)) in columns.values.iter().enumerate() {
                let (series, is_wanted) = self.names.series[name * per_name + value];
                if !is_wanted {
                    continue;
                }
                let Some(time) = self.times[row] else {
                    return Err(self.wrong_time(collector.file(), times, row, number));
                };
                let value = self.values[value][row];
                if value.to_bits() == NO_NUMBER.to_bits() {
                    let column_at = batch.column(column.index);
                    return Err(wrong_value(
                        collector.file(),
                        &column.name,
                        column_at,
                        row,
                        number,
                    ));
                }
                collector.keep(series, Sample { time, value, line: number })?;
            }
        }
        Ok(())
    }

    fn read_names(&mut self, batch: &RecordBatch) {
        let columns = &self.table.columns;
        match columns.metric {
            Some(metric) => self.texts[0].read(batch.column(metric), &mut self.numbers[0]),
            None => {
                self.numbers[0].clear();
                self.numbers[0].resize(batch.num_rows(), 0);
            }
        }
        for (label, column) in columns.labels.iter().enumerate() {
            let numbers = &mut self.numbers[label + 1];
            self.texts[label + 1].read(batch.column(column.index), numbers);
        }
    }

    /// Takes up the series of a row whose name is new.
    fn meet(
        &mut self,
        collector: &mut Collector<'_>,
        row: usize,
        number: u64,
    ) -> Result<usize, FileError> {
        let columns = &self.table.columns;
        let text = |column: usize| Rc::clone(self.texts[column].text(self.numbers[column][row]));
        let metric = columns.metric.map(|_| text(0));
        let texts: Vec<Rc<str>> = (1..self.texts.len()).map(text).collect();
        let labels = columns.labels.iter().zip(&texts);
        let labels = labels.map(|(column, text)| (column.name.as_str(), text.as_ref()));
        let labels: Vec<_> = labels.filter(|(_, text)| !text.is_empty()).collect();
        let bytes = self.names.length * size_of::<u32>();
        let mut series = Vec::with_capacity(columns.values.len());
        for (column, value_of) in &columns.values {
            let mut labels = labels.clone();
            let metric = match value_of {
                ValueOf::Record => metric.as_deref(),
                ValueOf::Arm(side) => {
                    labels.push(("arm", side.as_str()));
                    metric.as_deref()
                }
                ValueOf::Metric => Some(column.name.as_str()),
            };
            let added = collector.add_series(metric, &labels, bytes, number)?;
            series.push((added, collector.is_wanted(added)));
        }
        Ok(self.names.add(&self.numbers, row, &series))
    }

    fn wrong_time(&self, file: &str, times: &ArrayRef, row: usize, number: u64) -> FileError {
        let name = shortened(&self.table.columns.time.name);
        let text = text_at(times, row);
        let seconds = || text.parse::<f64>().map_err(|_| ());
        let (why, hint) = if times.is_null(row) {
            ("which is no time", "write a time into every row")
        } else if self.table.time_unit == Some(Unit::Seconds) {
            seconds().ok().and_then(|seconds| time_of_seconds(seconds).err()).unwrap_or(OTHER_TIME)
        } else {
            read_time(text.trim()).err().unwrap_or(OTHER_TIME)
        };
        let problem = format!("`{name}` is \"{}\", {why}", shortened(&text));
        FileError::at_line(file, number, &problem).with_hint(hint)
    }
}

const OTHER_TIME: (&str, &str) =
    ("which is no time", "write timestamps, or seconds since 1970, or RFC 3339");

/// Marks what is written and no number, and no gap either: a NaN with bits of its own.
const NO_NUMBER: f64 = f64::from_bits(0x7ff8_0000_dead_beef);

fn wrong_value(file: &str, name: &str, column: &ArrayRef, row: usize, number: u64) -> FileError {
    let text = text_at(column, row);
    let problem = format!("`{}` is \"{}\", which is no number", shortened(name), shortened(&text));
    FileError::at_line(file, number, &problem).with_hint("write a number, or nothing for a gap")
}

/// Returns a value as text, for a message.
fn text_at(column: &ArrayRef, row: usize) -> String {
    let mut texts = Texts::new();
    let mut numbers = Vec::new();
    let one = column.slice(row, 1);
    let one = as_integers(&one).unwrap_or(one);
    texts.read(&one, &mut numbers);
    numbers.first().map(|&number| texts.text(number).to_string()).unwrap_or_default()
}

/// Reads times; one that is not there, or is no time, is none.
fn read_times(column: &ArrayRef, unit: Option<Unit>, times: &mut Vec<Option<Timestamp>>) {
    times.clear();
    let is_timestamp = matches!(column.data_type(), DataType::Timestamp(..));
    let whole = match column.data_type() {
        DataType::Timestamp(..) => as_integers(column),
        _ => Some(ArrayRef::clone(column)),
    };
    let whole = whole.as_ref().filter(|_| unit.is_some()).and_then(integers).zip(unit);
    if let Some((whole, unit)) = whole {
        let millis = whole.into_iter().map(|time| {
            let time = i64::try_from(time?).ok()?;
            if is_timestamp {
                Some(Timestamp::from_millis(unit.millis(time)))
            } else {
                time_of_seconds(time as f64).ok()
            }
        });
        times.extend(millis);
        return;
    }
    if column.data_type().is_floating() {
        let mut seconds = Vec::new();
        read_values(column, &mut seconds);
        let finite = seconds.into_iter().map(|it| Some(it).filter(|it| it.is_finite()));
        times.extend(finite.map(|it| time_of_seconds(it?).ok()));
        return;
    }
    let mut texts = Texts::new();
    let mut numbers = Vec::new();
    texts.read(column, &mut numbers);
    let mut known: BTreeMap<u32, Option<Timestamp>> = BTreeMap::new();
    let of =
        |&number: &u32| *known.entry(number).or_insert_with(|| read_time(texts.text(number)).ok());
    times.extend(numbers.iter().map(of));
}

/// Reads values; one that is not there is NaN, and one that is no number is [`NO_NUMBER`].
fn read_values(column: &ArrayRef, values: &mut Vec<f64>) {
    values.clear();
    match column.data_type() {
        DataType::Float64 => {
            let column = column.as_primitive::<Float64Type>();
            if column.null_count() == 0 {
                values.extend(column.values().iter().map(|&value| plain(value)));
            } else {
                values.extend(column.iter().map(|value| value.map_or(f64::NAN, plain)));
            }
        }
        DataType::Float32 => {
            let column = column.as_primitive::<Float32Type>();
            values.extend(column.iter().map(|value| value.map_or(f64::NAN, f64::from)));
        }
        DataType::Decimal128(_, scale) => {
            let column = column.as_primitive::<Decimal128Type>();
            let scale = i32::from(*scale);
            // Through its text, so that the number is the nearest one.
            let number = |value: i128| format!("{value}e{}", -scale).parse().unwrap_or(NO_NUMBER);
            values.extend(column.iter().map(|value| value.map_or(f64::NAN, number)));
        }
        _ => match integers(column) {
            Some(whole) => {
                values.extend(whole.into_iter().map(|it| it.map_or(f64::NAN, |it| it as f64)));
            }
            None => {
                let mut texts = Texts::new();
                let mut numbers = Vec::new();
                texts.read(column, &mut numbers);
                let number = |&number: &u32| read_number(texts.text(number)).unwrap_or(NO_NUMBER);
                values.extend(numbers.iter().map(number));
            }
        },
    }
}

/// All NaN that were written are the same gap.
fn plain(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// Returns the numbers behind timestamps.
fn as_integers(column: &ArrayRef) -> Option<ArrayRef> {
    let DataType::Timestamp(unit, _) = column.data_type() else { return None };
    macro_rules! counted {
        ($kind:ty) => {
            std::sync::Arc::new(column.as_primitive::<$kind>().reinterpret_cast::<Int64Type>())
        };
    }
    Some(match unit {
        TimeUnit::Second => counted!(TimestampSecondType),
        TimeUnit::Millisecond => counted!(TimestampMillisecondType),
        TimeUnit::Microsecond => counted!(TimestampMicrosecondType),
        TimeUnit::Nanosecond => counted!(TimestampNanosecondType),
    })
}

/// Returns the whole numbers of a column of any width.
pub(crate) fn integers(column: &ArrayRef) -> Option<Vec<Option<i128>>> {
    macro_rules! widened {
        ($kind:ty) => {
            column.as_primitive::<$kind>().iter().map(|value| value.map(i128::from)).collect()
        };
    }
    Some(match column.data_type() {
        DataType::Int8 => widened!(Int8Type),
        DataType::Int16 => widened!(Int16Type),
        DataType::Int32 => widened!(Int32Type),
        DataType::Int64 => widened!(Int64Type),
        DataType::UInt8 => widened!(UInt8Type),
        DataType::UInt16 => widened!(UInt16Type),
        DataType::UInt32 => widened!(UInt32Type),
        DataType::UInt64 => widened!(UInt64Type),
        _ => return None,
    })
}
