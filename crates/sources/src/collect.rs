//! From records to the series that the checks ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp as Moment;
use serin_model::{Analysis, CounterForm, FileError, LabelSelector, Measure, Query, Timestamp};

use crate::SourceError;
use crate::columns::{Column, ColumnError, Columns, ValueOf};
use crate::rows::{Record, shortened};
use crate::selector::{Selector, is_on_side};

/// What a query's answer is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    Bad,
    Total,
    Buckets,
    Events,
    Exposure,
    Value,
}

/// One of the two arms.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Side {
    Control,
    Canary,
}

impl Side {
    /// Returns the arm's name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Canary => "canary",
        }
    }
}

/// One query of one check for one arm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The check, by its place in the analysis.
    pub(crate) check: usize,
    pub(crate) part: Part,
    pub(crate) side: Side,
}

/// What a query means among the series of a recording.
struct Filter {
    arm: LabelSelector,
    selector: Rc<Selector>,
    side: Side,
}

impl Filter {
    fn matches(&self, metric: Option<&str>, labels: &[(&str, &str)]) -> bool {
        self.selector.matches(metric, labels) && is_on_side(self.side, &self.arm, labels)
    }
}

/// A series of a source.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The metric's name, where the source gives one.
    pub(crate) metric: Option<String>,
    /// Its labels, by name; empty when nobody asked for it.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its points, in the order read.
    pub(crate) samples: Vec<Sample>,
    /// Who asked for it, as indices of what is wanted.
    pub(crate) wanted_by: Vec<usize>,
    /// What its values are, if they count.
    pub(crate) counters: CounterForm,
    /// Whether it came to be while it was watched.
    pub(crate) birth: Birth,
}

/// Whether a series came to be while it was watched.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Birth {
    /// The source does not know what was before; its first sample has to tell.
    #[default]
    Unknown,
    /// It was there before: its first sample lies before the window.
    Before,
    /// The source looked, and it was not there before.
    Inside,
}

/// How a series is found again.
struct Met {
    /// All that tells it from others.
    key: Rc<[u8]>,
    /// The series that came after it the last time.
    next: usize,
}

/// One point of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) time: Timestamp,
    /// NaN for a gap.
    pub(crate) value: f64,
    /// The line or row in which it stands, for errors; zero where there is none.
    pub(crate) line: u64,
}

/// Takes records, keeps what is asked for, and remembers what else there was.
pub(crate) struct Collector<'a> {
    file: &'a str,
    counters: CounterForm,
    wanted: Vec<Wanted>,
    /// A filter for each that is wanted.
    filters: Vec<Filter>,
    metrics_asked_for: BTreeSet<String>,
    arm_labels: BTreeSet<String>,
    columns: Option<Rc<Columns>>,
    series: Vec<Series>,
    /// How each series is found again.
    met: Vec<Met>,
    index: BTreeMap<Rc<[u8]>, usize>,
    key_bytes: usize,
    /// The series of the value before.
    last: usize,
    /// The text of the time before, and what it says.
    last_time: (String, Timestamp),
    samples: usize,
    records: u64,
    seen: Seen,
    /// Whose series are kept; everybody's if nobody is named.
    only: Option<Whose<'a>>,
}

/// Whose series are kept of a fleet.
#[derive(Clone, Debug)]
pub(crate) struct Whose<'a> {
    /// The labels that tell members apart.
    pub(crate) for_each: &'a [String],
    /// Their values, member by member; nothing where the series are meant that are of no member.
    pub(crate) names: Option<&'a BTreeSet<Vec<String>>>,
}

impl Whose<'_> {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        let value = |label: &String| {
            let found = labels.iter().find(|(name, value)| name == label && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned())
        };
        let name: Option<Vec<String>> = self.for_each.iter().map(value).collect();
        match (name, self.names) {
            (Some(name), Some(names)) => names.contains(&name),
            (name, None) => name.is_none(),
            (None, Some(_)) => false,
        }
    }
}

/// The number of every series that nobody asked for.
const NOBODYS: usize = usize::MAX;

/// Everything that was in the recording.
pub(crate) struct Collected {
    /// What was asked for.
    pub(crate) wanted: Vec<Wanted>,
    /// The series that somebody asked for, in the order of their names.
    pub(crate) series: Vec<Series>,
    /// How many records there were.
    pub(crate) records: u64,
    /// What else there was.
    pub(crate) seen: Seen,
}

/// What there was in the recording, for those who found nothing in it.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) metrics: BTreeSet<String>,
    pub(crate) arm_values: BTreeSet<String>,
    pub(crate) labels: BTreeSet<String>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(
        file: &'a str,
        analysis: &Analysis,
        counters: CounterForm,
    ) -> Result<Self, SourceError> {
        let (mut wanted, mut filters) = (Vec::new(), Vec::new());
        for (check, asked) in analysis.checks().iter().enumerate() {
            for (part, query) in parts(&asked.measure) {
                let selector = Selector::read(query).map_err(|error| SourceError::Selector {
                    check: shortened(&asked.name),
                    error,
                })?;
                let selector = Rc::new(selector);
                for (side, arm) in sides(analysis) {
                    let (arm, selector) = (arm.clone(), Rc::clone(&selector));
                    wanted.push(Wanted { check, part, side });
                    filters.push(Filter { arm, selector, side });
                }
            }
        }
        let named = filters.iter().filter_map(|filter| filter.selector.metric());
        let arm_labels = sides(analysis).into_iter().flat_map(|(_, arm)| arm.keys().cloned());
        Ok(Self {
            file,
            counters,
            metrics_asked_for: named.map(str::to_owned).collect(),
            arm_labels: arm_labels.collect(),
            wanted,
            filters,
            columns: None,
            series: Vec::new(),
            met: Vec::new(),
            index: BTreeMap::new(),
            key_bytes: 0,
            last: 0,
            last_time: (String::new(), Timestamp::from_millis(0)),
            samples: 0,
            records: 0,
            seen: Seen::default(),
            only: None,
        })
    }

    /// Keeps nothing but the series of some members of a fleet, or of none.
    pub(crate) fn only(self, whose: Whose<'a>) -> Self {
        Self { only: Some(whose), ..self }
    }

    /// Takes one record. Times and values are read only where somebody asked for the series.
    pub(crate) fn add(&mut self, record: &Record<'_>) -> Result<(), FileError> {
        self.records += 1;
        let columns = self.columns_of(record)?;
        let mut key = Vec::with_capacity(128);
        for label in &columns.labels {
            let text = record.text(label.index);
            if !text.is_empty() {
                add_to_key(&mut key, &label.name, text);
            }
        }
        let labels_end = key.len();
        for (column, value_of) in &columns.values {
            let named = Named::of(record, &columns, column, *value_of);
            key.truncate(labels_end);
            if let Some(side) = named.side {
                add_to_key(&mut key, "arm", side.as_str());
            }
            add_to_key(&mut key, "", named.metric.unwrap_or_default());
            let series = self.series_of(&key, &named)?;
            if self.is_wanted(series) {
                let time = self.time(record, &columns.time)?;
                let value = self.value(record, column)?;
                self.keep(series, Sample { time, value, line: record.line })?;
            }
        }
        Ok(())
    }

    /// Finds out what the columns hold, once for all records with the same ones.
    fn columns_of(&mut self, record: &Record<'_>) -> Result<Rc<Columns>, FileError> {
        if let Some(columns) = self.columns.as_ref().filter(|_| !record.renamed) {
            return Ok(Rc::clone(columns));
        }
        let columns = Columns::of(record.names, &self.metrics_asked_for)
            .map_err(|error| self.wrong_columns(record.names, record.names_line, error))?;
        Ok(Rc::clone(self.columns.insert(Rc::new(columns))))
    }

    /// Finds the series of a key. Recordings repeat the same series in the same order, scrape by
    /// scrape, so that it is most often the one that came next the last time.
    fn series_of(&mut self, key: &[u8], named: &Named<'_>) -> Result<usize, FileError> {
        let guess = self.met.get(self.last).map(|last| last.next);
        if let Some(guess) = guess
            && *self.met[guess].key == *key
        {
            self.last = guess;
            return Ok(guess);
        }
        let found = match self.index.get(key) {
            Some(&known) => known,
            None => self.meet(key, named)?,
        };
        if let Some(last) = self.met.get_mut(self.last) {
            last.next = found;
        }
        self.last = found;
        Ok(found)
    }

    /// Takes up a series that is new, under its key.
    fn meet(&mut self, key: &[u8], named: &Named<'_>) -> Result<usize, FileError> {
        let index = self.add_series(named.metric, &named.labels(), key.len(), named.record.line)?;
        let key: Rc<[u8]> = Rc::from(key);
        self.index.insert(Rc::clone(&key), index);
        self.met.push(Met { key, next: 0 });
        Ok(index)
    }

    /// Takes up a series that is new, finds out who asked for it, and returns its number: they count
    /// up from zero.
    ///
    /// * `key_bytes`: what it takes to find it again.
    /// * `line`: where it was met.
    pub(crate) fn add_series(
        &mut self,
        metric: Option<&str>,
        labels: &[(&str, &str)],
        key_bytes: usize,
        line: u64,
    ) -> Result<usize, FileError> {
        if self.only.as_ref().is_some_and(|only| !only.has(labels)) {
            return Ok(NOBODYS);
        }
        self.key_bytes += key_bytes;
        if self.series.len() >= MOST_SERIES || self.key_bytes > MOST_KEY_BYTES {
            let problem = format!("the recording has more than {} series", self.series.len());
            return Err(FileError::at_line(self.file, line, &problem)
                .with_hint("leave out labels that tell single requests apart"));
        }
        self.remember(metric, labels);
        let matches = |(_, filter): &(usize, &Filter)| filter.matches(metric, labels);
        let wanted_by: Vec<usize> =
            self.filters.iter().enumerate().filter(matches).map(|(index, _)| index).collect();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let labels =
            if wanted_by.is_empty() { BTreeMap::new() } else { labels.iter().map(owned).collect() };
        let metric = metric.map(str::to_owned);
        let (samples, counters, birth) = (Vec::new(), self.counters, Birth::Unknown);
        self.series.push(Series { metric, labels, samples, wanted_by, counters, birth });
        Ok(self.series.len() - 1)
    }

    /// Returns whether somebody asked for a series.
    pub(crate) fn is_wanted(&self, series: usize) -> bool {
        self.series.get(series).is_some_and(|series| !series.wanted_by.is_empty())
    }

    /// Counts records that were read elsewhere.
    pub(crate) fn count_records(&mut self, records: u64) {
        self.records += records;
    }

    /// Returns what the recording is called.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    /// Returns the names of the metrics that are asked for outright.
    pub(crate) fn metrics_asked_for(&self) -> &BTreeSet<String> {
        &self.metrics_asked_for
    }

    /// Returns whether every query names its metric outright.
    pub(crate) fn names_every_metric(&self) -> bool {
        self.filters.iter().all(|filter| filter.selector.metric().is_some())
    }

    /// Returns the labels that somebody asks for by name.
    pub(crate) fn labels_asked_for(&self) -> BTreeSet<&str> {
        let of_queries = self.filters.iter().flat_map(|filter| filter.selector.matched_labels());
        of_queries.chain(self.arm_labels.iter().map(String::as_str)).collect()
    }

    /// Returns the labels of both arms.
    pub(crate) fn arms(&self) -> impl Iterator<Item = &LabelSelector> {
        self.filters.iter().map(|filter| &filter.arm)
    }

    /// Keeps a point of a series.
    pub(crate) fn keep(&mut self, series: usize, sample: Sample) -> Result<(), FileError> {
        self.samples += 1;
        if self.samples > MOST_SAMPLES {
            let problem = format!("more than {MOST_SAMPLES} points match the checks");
            return Err(FileError::at_line(self.file, sample.line, &problem)
                .with_hint("judge a shorter stretch, or record a larger step"));
        }
        self.series[series].samples.push(sample);
        Ok(())
    }

    fn remember(&mut self, metric: Option<&str>, labels: &[(&str, &str)]) {
        if let Some(metric) = metric {
            remember(&mut self.seen.metrics, shortened(metric));
        }
        for (name, value) in labels {
            remember(&mut self.seen.labels, shortened(name));
            if self.arm_labels.contains(*name) {
                let value = format!("{}={}", shortened(name), shortened(value));
                remember(&mut self.seen.arm_values, value);
            }
        }
    }

    /// Returns what was collected. The order of the records leaves no trace in it.
    pub(crate) fn finish(mut self) -> Collected {
        self.series.retain(|series| !series.wanted_by.is_empty());
        self.series.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
        Collected {
            wanted: self.wanted,
            series: self.series,
            records: self.records,
            seen: self.seen,
        }
    }

    fn time(&mut self, record: &Record<'_>, column: &Column) -> Result<Timestamp, FileError> {
        let text = record.text(column.index);
        if self.last_time.0 != text || text.is_empty() {
            let time = read_time(text).map_err(|wrong| {
                let problem = format!("`{}` is \"{}\", {}", column.name, shortened(text), wrong.0);
                FileError::at_line(self.file, record.line, &problem).with_hint(wrong.1)
            })?;
            self.last_time.0.clear();
            self.last_time.0.push_str(text);
            self.last_time.1 = time;
        }
        Ok(self.last_time.1)
    }

    fn value(&self, record: &Record<'_>, column: &Column) -> Result<f64, FileError> {
        let text = record.text(column.index);
        read_number(text).ok_or_else(|| {
            let column = shortened(&column.name);
            let problem = format!("`{column}` is \"{}\", which is no number", shortened(text));
            FileError::at_line(self.file, record.line, &problem)
                .with_hint("write a number with a decimal point, or leave it empty for a gap")
        })
    }

    /// Says what is wrong with the names of columns.
    pub(crate) fn wrong_columns(
        &self,
        names: &[String],
        line: u64,
        error: ColumnError,
    ) -> FileError {
        let names: Vec<String> =
            names.iter().take(MOST_REMEMBERED).map(|name| shortened(name)).collect();
        let names = names.join(", ");
        let asked = self.metrics_asked_for.iter().take(MOST_REMEMBERED);
        let asked = asked.map(|name| shortened(name)).collect::<Vec<_>>().join(", ");
        let (problem, hint) = match error {
            ColumnError::NoValue => (
                format!("there is no column with values, only {names}"),
                format!(
                    "name a column `value`, or two `control` and `canary`, or one after each \
                     metric that is asked for ({asked})"
                ),
            ),
            ColumnError::NoTime => (
                format!("there is no column `time`, only {names}"),
                "name the column with the times `time`".to_owned(),
            ),
            ColumnError::TwoTimes => (
                "there are two columns with times, `time` and `timestamp`".to_owned(),
                "leave one of them out".to_owned(),
            ),
            ColumnError::NoMetric => (
                format!(
                    "there is no column `metric`, and {} metrics are asked for",
                    self.metrics_asked_for.len()
                ),
                format!("add a column `metric` that says which one each line is of: {asked}"),
            ),
            ColumnError::ArmTwice => (
                "each arm has a column of its own, and the column `arm` names one too".to_owned(),
                "leave out the column `arm`, or write one column `value`".to_owned(),
            ),
        };
        FileError::at_line(self.file, line, &problem).with_hint(&hint)
    }
}

/// What names the series of one value.
struct Named<'a> {
    record: &'a Record<'a>,
    columns: &'a Columns,
    metric: Option<&'a str>,
    side: Option<Side>,
}

impl<'a> Named<'a> {
    fn of(
        record: &'a Record<'a>,
        columns: &'a Columns,
        column: &'a Column,
        value_of: ValueOf,
    ) -> Self {
        let metric = columns.metric.map(|index| record.text(index));
        let (metric, side) = match value_of {
            ValueOf::Record => (metric, None),
            ValueOf::Arm(side) => (metric, Some(side)),
            ValueOf::Metric => (Some(column.name.as_str()), None),
        };
        Self { record, columns, metric, side }
    }

    fn labels(&self) -> Vec<(&'a str, &'a str)> {
        let columns = self.columns.labels.iter();
        let label = |label: &'a Column| (label.name.as_str(), self.record.text(label.index));
        let mut labels: Vec<_> = columns.map(label).filter(|(_, text)| !text.is_empty()).collect();
        labels.extend(self.side.map(|side| ("arm", side.as_str())));
        labels
    }
}

/// Adds to a key what no other names and texts add up to.
fn add_to_key(key: &mut Vec<u8>, name: &str, text: &str) {
    for part in [name, text] {
        key.extend_from_slice(&(part.len() as u32).to_le_bytes());
        key.extend_from_slice(part.as_bytes());
    }
}

fn remember(names: &mut BTreeSet<String>, name: String) {
    if names.len() < MOST_REMEMBERED {
        names.insert(name);
    }
}

/// Reads a value; a gap is NaN.
pub(crate) fn read_number(text: &str) -> Option<f64> {
    let number = match text {
        "" | "null" => Some(f64::NAN),
        _ => text.parse::<f64>().ok(),
    };
    // A number of digits that comes out infinite was too large, which nobody meant.
    number.filter(|number| number.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Reads a time, or says what is wrong with it and what to write.
pub(crate) fn read_time(text: &str) -> Result<Timestamp, (&'static str, &'static str)> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => time_of_seconds(seconds),
        _ => match text.parse::<Moment>() {
            Ok(moment) => Ok(Timestamp::from_millis(moment.as_millisecond())),
            Err(_) => Err((
                "which is no time",
                "write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z",
            )),
        },
    }
}

/// Makes a time of seconds since 1970, or says what is wrong with them and what to write.
pub(crate) fn time_of_seconds(seconds: f64) -> Result<Timestamp, (&'static str, &'static str)> {
    if seconds.abs() <= LATEST_SECONDS {
        return Ok(Timestamp::from_millis((seconds * 1000.0).round() as i64));
    }
    Err((
        "which is no time in seconds",
        "write seconds since 1970; these look like milliseconds or less",
    ))
}

const MOST_SAMPLES: usize = 50_000_000;
const MOST_SERIES: usize = 1_000_000;
/// What names and labels of all series may take together: 256 MiB.
const MOST_KEY_BYTES: usize = 256 << 20;
const MOST_REMEMBERED: usize = 12;

/// The year 5138; a time that is later is in another unit.
const LATEST_SECONDS: f64 = 1e11;

pub(crate) fn sides(analysis: &Analysis) -> [(Side, &LabelSelector); 2] {
    [(Side::Control, &analysis.arms.control), (Side::Canary, &analysis.arms.canary)]
}

pub(crate) fn parts(measure: &Measure) -> Vec<(Part, &Query)> {
    match measure {
        Measure::Ratio { bad, total } => vec![(Part::Bad, bad), (Part::Total, total)],
        Measure::Histogram { buckets } => vec![(Part::Buckets, buckets)],
        Measure::Count { events, exposure } => {
            let exposure = exposure.iter().map(|query| (Part::Exposure, query));
            std::iter::once((Part::Events, events)).chain(exposure).collect()
        }
        Measure::Gauge { value } | Measure::Quantile { value } => vec![(Part::Value, value)],
    }
}
