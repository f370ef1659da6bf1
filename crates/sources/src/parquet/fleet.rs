//! Parquet files of many canaries, read some members at a time.

use std::collections::{BTreeMap, BTreeSet};

use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use ::parquet::file::reader::ChunkReader;
use serin_model::{Analysis, CounterForm, FileError, Timestamp};

use super::batch;
use super::groups::RowGroups;
use super::table::{self, Table};
use super::texts::Texts;
use super::{guarded, guarded_rows, unreadable};
use crate::SourceError;
use crate::collect::{Collected, Collector, Whose};
use crate::fleet::{RecordedFleet, ToldApart, tell_apart, without_labels};
use crate::recording::nothing_found;

/// A Parquet file of a fleet, and which of its members are read together so that they fit into memory.
#[derive(Debug)]
pub struct ParquetFleet<'a> {
    name: &'a str,
    analysis: &'a Analysis,
    counters: CounterForm,
    metadata: ArrowReaderMetadata,
    all: RowGroups,
    batches: Vec<Batch>,
    /// Which row groups have rows of no member, as places among those that are read.
    of_nobody: BTreeSet<usize>,
    strays: ToldApart,
}

/// Members that are read together.
#[derive(Debug)]
struct Batch {
    names: BTreeSet<Vec<String>>,
    /// Which row groups they are in, as places among those that are read.
    groups: BTreeSet<usize>,
    /// How many values they have at most.
    values: usize,
}

impl Batch {
    fn of(name: Vec<String>, place: Place) -> Self {
        Self { names: BTreeSet::from([name]), groups: place.groups, values: place.values }
    }
}

/// Where the rows of one member are.
#[derive(Debug, Default)]
struct Place {
    groups: BTreeSet<usize>,
    values: usize,
}

impl<'a> ParquetFleet<'a> {
    /// Finds out who is where in a file, from the columns that `for_each` names.
    ///
    /// * `most_values`: so many values are read at once, or one member's where that has more;
    ///   [`MOST_VALUES_AT_ONCE`](Self::MOST_VALUES_AT_ONCE) is the usual number.
    ///
    /// The other arguments are those of [`read_parquet`](super::read_parquet).
    ///
    /// # Errors
    ///
    /// As [`read_parquet`](super::read_parquet), and when a column is missing that tells members apart.
    pub fn open<R: ChunkReader + 'static>(
        name: &'a str,
        file: R,
        analysis: &'a Analysis,
        counters: CounterForm,
        until: Option<Timestamp>,
        most_values: usize,
    ) -> Result<Self, SourceError> {
        let source = &file;
        let metadata = guarded(name, move || table::metadata(source))?;
        let collector = Collector::new(name, analysis, counters)?;
        let table = Table::of(&collector, &metadata, analysis)?;
        let all = RowGroups::all(name, &metadata)?;
        let chosen = all.needed(&collector, &metadata, &table, until);
        let Some(columns) = table.places_of(&analysis.for_each) else {
            return Err(without_labels(name, analysis).into());
        };
        let mut places: BTreeMap<Vec<String>, Place> = BTreeMap::new();
        let mut strays = Place::default();
        let values = table.columns.values.len();
        guarded_rows(name, || {
            find_members(
                name,
                file,
                (&table, &columns),
                &metadata,
                &chosen,
                |group, member, rows| {
                    let place = match member {
                        Some(member) => places.entry(member).or_default(),
                        // Which checks they are asked for shows long before all of them are read.
                        None if strays.values > most_values => return,
                        None => &mut strays,
                    };
                    place.groups.insert(group);
                    place.values += rows * values;
                },
            )
        })?;
        if places.is_empty() {
            let (rows, seen) = (all.rows().count() as u64, Default::default());
            return Err(nothing_found(name, analysis, "row", rows, &seen).into());
        }
        let batches = batches(places, most_values);
        let (of_nobody, strays) = (strays.groups, ToldApart::default());
        Ok(Self { name, analysis, counters, metadata, all: chosen, batches, of_nobody, strays })
    }

    /// Reads what is of no member, so that the parts that are read know of it.
    ///
    /// * `file`: the same file.
    ///
    /// # Errors
    ///
    /// As [`read_parquet`](super::read_parquet).
    pub fn with_strays<R: ChunkReader + 'static>(self, file: R) -> Result<Self, SourceError> {
        if self.of_nobody.is_empty() {
            return Ok(self);
        }
        let Collected { wanted, series, .. } = self.collect(file, &self.of_nobody, None)?;
        Ok(Self { strays: tell_apart(&self.analysis.for_each, &wanted, series), ..self })
    }

    /// How many values are usually read at once: 24 bytes each, and as much again while they are judged.
    pub const MOST_VALUES_AT_ONCE: usize = 3_000_000;

    /// Returns how many members there are, those without a canary among them.
    #[must_use]
    pub fn members(&self) -> usize {
        self.batches.iter().map(|batch| batch.names.len()).sum()
    }

    /// Returns how many series do not say which member they are of. Where these are more than are read at
    /// once, only the first of them are counted.
    #[must_use]
    pub fn strays(&self) -> usize {
        self.strays.strays
    }

    /// Returns in how many parts the file is read.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Returns how often each row group is read, on the average: once or twice where the rows of a member
    /// lie together.
    #[must_use]
    pub fn readings(&self) -> f64 {
        let read: usize = self.batches.iter().map(|batch| batch.groups.len()).sum();
        let groups: BTreeSet<usize> =
            self.batches.iter().flat_map(|batch| batch.groups.iter().copied()).collect();
        read as f64 / groups.len().max(1) as f64
    }

    /// Reads one part.
    ///
    /// * `batch`: below [`Self::batches`].
    /// * `file`: the same file.
    ///
    /// # Errors
    ///
    /// As [`read_parquet`](super::read_parquet).
    pub fn read<R: ChunkReader + 'static>(
        &self,
        batch: usize,
        file: R,
    ) -> Result<RecordedFleet, SourceError> {
        let Batch { names, groups, .. } = &self.batches[batch];
        let collected = self.collect(file, groups, Some(names))?;
        let fleet = RecordedFleet::of(self.name, self.analysis, collected, Some(self.all.clone()))?;
        Ok(fleet.beside(&self.strays))
    }

    /// Reads the series of some members, or of none, out of some row groups.
    fn collect<R: ChunkReader + 'static>(
        &self,
        file: R,
        groups: &BTreeSet<usize>,
        names: Option<&BTreeSet<Vec<String>>>,
    ) -> Result<Collected, SourceError> {
        let whose = Whose { for_each: &self.analysis.for_each, names };
        let mut collector = Collector::new(self.name, self.analysis, self.counters)?.only(whose);
        let table = Table::of(&collector, &self.metadata, self.analysis)?;
        let chosen = self.all.some(groups);
        let reader = guarded(
            self.name,
            std::panic::AssertUnwindSafe(|| table.reader(file, &self.metadata, &chosen)),
        )?;
        let in_row_groups = |error: FileError| error.in_row_groups(|row| self.all.place_of(row));
        guarded_rows(self.name, || batch::read_all(&mut collector, &table, reader, &chosen))
            .map_err(in_row_groups)?;
        Ok(collector.finish())
    }
}

/// Puts members together that are near each other, as many as are read at once.
fn batches(places: BTreeMap<Vec<String>, Place>, most_values: usize) -> Vec<Batch> {
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, place)| place.groups.first().copied());
    let mut batches: Vec<Batch> = Vec::new();
    for (name, place) in places {
        match batches.last_mut() {
            Some(batch) if batch.values + place.values <= most_values => {
                batch.names.insert(name);
                batch.values += place.values;
                batch.groups.extend(place.groups);
            }
            Some(_) | None => batches.push(Batch::of(name, place)),
        }
    }
    batches
}

/// Reads who each row is of.
///
/// * `found`: gets the place of a row group among `groups`, a member or nobody, and how many rows it has
///   there.
fn find_members<R: ChunkReader + 'static>(
    name: &str,
    file: R,
    (table, columns): (&Table, &[usize]),
    metadata: &ArrowReaderMetadata,
    groups: &RowGroups,
    mut found: impl FnMut(usize, Option<Vec<String>>, usize),
) -> Result<(), FileError> {
    let damaged = |error: &dyn std::fmt::Display| unreadable(name, &error.to_string());
    let reader =
        table.reader_of(file, metadata, groups, columns).map_err(|error| damaged(&error))?;
    // They come in the order of the file.
    let mut in_order = columns.to_vec();
    in_order.sort_unstable();
    let place = |column: &usize| in_order.binary_search(column).unwrap_or(0);
    let columns: Vec<usize> = columns.iter().map(place).collect();
    let mut texts: Vec<Texts> = columns.iter().map(|_| Texts::new()).collect();
    let mut numbers: Vec<Vec<u32>> = vec![Vec::new(); columns.len()];
    let mut rows = groups.places();
    let mut run: Option<(usize, Vec<u32>, usize)> = None;
    let mut runs: BTreeMap<(usize, Vec<u32>), usize> = BTreeMap::new();
    for batch in reader {
        let batch = batch.map_err(|error| damaged(&error))?;
        for (&column, (texts, numbers)) in columns.iter().zip(texts.iter_mut().zip(&mut numbers)) {
            texts.read(batch.column(column), numbers);
        }
        for row in 0..batch.num_rows() {
            let Some(group) = rows.next() else { break };
            let is_same = |(at, name, _): &(usize, Vec<u32>, usize)| {
                *at == group && name.iter().zip(&numbers).all(|(own, column)| *own == column[row])
            };
            match &mut run {
                Some(run) if is_same(run) => run.2 += 1,
                _ => {
                    let name = numbers.iter().map(|column| column[row]).collect();
                    if let Some((group, name, count)) = run.replace((group, name, 1)) {
                        *runs.entry((group, name)).or_default() += count;
                    }
                }
            }
        }
    }
    if let Some((group, name, count)) = run {
        *runs.entry((group, name)).or_default() += count;
    }
    for ((group, name), count) in runs {
        let name = name.iter().zip(&texts).map(|(&number, texts)| texts.text(number).to_string());
        let name: Vec<String> = name.collect();
        let is_of_a_member = name.iter().all(|value| !value.is_empty());
        found(group, is_of_a_member.then_some(name), count);
    }
    Ok(())
}
