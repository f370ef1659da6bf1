//! The row groups of a Parquet file, and which of them can hold an answer.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::statistics::Statistics;
use serin_model::{FileError, LabelSelector, Timestamp};

use super::table::Table;
use crate::collect::Collector;

/// Some row groups of a file, in order.
#[derive(Clone, Debug)]
pub(crate) struct RowGroups(Vec<RowGroup>);

/// A row group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowGroup {
    /// Its number in the file, from zero.
    pub(crate) index: usize,
    /// How many rows lie before it.
    first: u64,
    rows: u64,
}

impl RowGroups {
    /// Returns all row groups of a file.
    ///
    /// # Errors
    ///
    /// [`FileError`] when it has more rows than are read.
    pub(crate) fn all(name: &str, metadata: &ArrowReaderMetadata) -> Result<Self, FileError> {
        let mut first = 0u64;
        let mut groups = Vec::new();
        for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
            let rows = u64::try_from(group.num_rows()).unwrap_or(u64::MAX);
            groups.push(RowGroup { index, first, rows });
            first = first.saturating_add(rows);
        }
        if first > MOST_ROWS {
            let problem = format!("the recording has {first} rows, more than {MOST_ROWS}");
            return Err(FileError::new(name, "", None, &problem)
                .with_hint("judge a shorter stretch, or write several files"));
        }
        Ok(Self(groups))
    }

    /// Returns those that can hold what is asked for, by their statistics.
    pub(crate) fn needed(
        &self,
        collector: &Collector<'_>,
        metadata: &ArrowReaderMetadata,
        table: &Table,
        until: Option<Timestamp>,
    ) -> Self {
        let is_needed = |group: &&RowGroup| {
            let group = metadata.metadata().row_group(group.index);
            in_time(table, group, until)
                && of_a_metric(collector, table, group)
                && of_an_arm(collector, table, group)
        };
        Self(self.0.iter().filter(is_needed).copied().collect())
    }

    /// Returns some of these.
    ///
    /// * `places`: which, counted from zero.
    pub(crate) fn some(&self, places: &BTreeSet<usize>) -> Self {
        Self(places.iter().filter_map(|&place| self.0.get(place)).copied().collect())
    }

    /// Returns for each row, in the order they are read, which of these row groups it is in.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        let place = |(place, group): (usize, &RowGroup)| (0..group.rows).map(move |_| place);
        self.0.iter().enumerate().flat_map(place)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn indices(&self) -> Vec<usize> {
        self.0.iter().map(|group| group.index).collect()
    }

    /// Returns the numbers of all rows in the file, from one, in the order they are read.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|group| group.first + 1..=group.first.saturating_add(group.rows))
    }

    /// Returns in which group a row lies, and which of its rows it is; all count from one.
    pub(crate) fn place_of(&self, row: u64) -> Option<(u64, u64)> {
        let group = self.0.iter().rev().find(|group| group.first < row)?;
        Some((group.index as u64 + 1, row - group.first))
    }
}

/// A billion.
const MOST_ROWS: u64 = 1_000_000_000;

fn in_time(table: &Table, group: &RowGroupMetaData, until: Option<Timestamp>) -> bool {
    let Some(until) = until else { return true };
    let first = match statistics(group, table.time_leaf) {
        Some(Statistics::Int64(times)) => times.min_opt().copied(),
        Some(Statistics::Int32(times)) => times.min_opt().map(|&time| i64::from(time)),
        _ => None,
    };
    // Without a unit there is nothing to compare.
    let first = first.zip(table.time_unit).map(|(first, unit)| unit.millis(first));
    first.is_none_or(|first| first < until.as_millis())
}

fn of_a_metric(collector: &Collector<'_>, table: &Table, group: &RowGroupMetaData) -> bool {
    let Some(range) = table.metric_leaf.and_then(|leaf| texts_within(group, leaf)) else {
        return true;
    };
    let asked_for = collector.metrics_asked_for();
    !collector.names_every_metric() || asked_for.iter().any(|name| range.contains(&name.as_bytes()))
}

fn of_an_arm(collector: &Collector<'_>, table: &Table, group: &RowGroupMetaData) -> bool {
    let can_be_of = |arm: &LabelSelector| {
        arm.iter().filter(|(_, value)| !value.is_empty()).all(|(name, value)| {
            let leaf = table.label_leaf(name);
            let range = leaf.and_then(|leaf| texts_within(group, leaf));
            range.is_none_or(|range| range.contains(&value.as_bytes()))
        })
    };
    // A series may name its arm outright.
    table.label_leaf("arm").is_some() || collector.arms().any(can_be_of)
}

/// Returns what lies around all texts of a column that are there.
fn texts_within(group: &RowGroupMetaData, leaf: usize) -> Option<RangeInclusive<&[u8]>> {
    let statistics = statistics(group, leaf)?;
    // Those of old writers compare bytes as if they had a sign.
    if !matches!(statistics, Statistics::ByteArray(_)) || statistics.is_min_max_deprecated() {
        return None;
    }
    Some(statistics.min_bytes_opt()?..=statistics.max_bytes_opt()?)
}

fn statistics(group: &RowGroupMetaData, leaf: usize) -> Option<&Statistics> {
    group.columns().get(leaf)?.statistics()
}
