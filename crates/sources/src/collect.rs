//! From records to the series that the checks ask for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp as Moment;
use serin_model::{Analysis, FileError, LabelSelector, Measure, Query, Timestamp};

use crate::SourceError;
use crate::columns::{Column, Layout};
use crate::rows::Record;
use crate::selector::Selector;

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
pub(crate) struct Wanted {
    pub(crate) check: usize,
    pub(crate) part: Part,
    pub(crate) side: Side,
    selector: Selector,
}

/// A series of the recording that somebody asked for.
#[derive(Default)]
pub(crate) struct Series {
    /// Its labels, by name.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its points, in the order read.
    pub(crate) samples: Vec<Sample>,
    /// Who asked for it, as indices of what is wanted.
    pub(crate) wanted_by: Vec<usize>,
}

/// One point of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) time: Timestamp,
    /// NaN for a gap.
    pub(crate) value: f64,
    /// Where it stands, for errors.
    pub(crate) line: u64,
}

/// Takes records, keeps what is asked for, and remembers what else there was.
pub(crate) struct Collector<'a> {
    file: &'a str,
    pub(crate) wanted: Vec<Wanted>,
    metrics_asked_for: BTreeSet<String>,
    arm_labels: BTreeSet<String>,
    series: BTreeMap<String, Series>,
    samples: usize,
    pub(crate) records: u64,
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
    pub(crate) fn new(file: &'a str, analysis: &Analysis) -> Result<Self, SourceError> {
        let mut wanted = Vec::new();
        for (check, asked) in analysis.checks().iter().enumerate() {
            for (part, query) in parts(&asked.measure) {
                for (side, arm) in sides(analysis) {
                    let selector = Selector::read(query, side, arm)
                        .map_err(|error| SourceError::Query { check: asked.name.clone(), error })?;
                    wanted.push(Wanted { check, part, side, selector });
                }
            }
        }
        let named = wanted.iter().filter_map(|wanted| wanted.selector.metric());
        let arm_labels = sides(analysis).into_iter().flat_map(|(_, arm)| arm.keys().cloned());
        Ok(Self {
            file,
            metrics_asked_for: named.map(str::to_owned).collect(),
            arm_labels: arm_labels.collect(),
            wanted,
            series: BTreeMap::new(),
            samples: 0,
            records: 0,
            seen: Seen::default(),
        })
    }

    /// Takes one record.
    pub(crate) fn add(&mut self, record: &Record<'_>) -> Result<(), FileError> {
        self.records += 1;
        let names = record.fields.iter().map(|(name, _)| name.as_ref());
        let Some(layout) = Layout::of(names, &self.metrics_asked_for) else {
            return Err(self.no_value_column(record));
        };
        let mut metric = None;
        let mut time = None;
        let mut labels = Vec::new();
        let mut values = Vec::new();
        for (name, text) in &record.fields {
            let (name, text) = (name.as_ref(), text.as_ref());
            match layout.column(name, &self.metrics_asked_for) {
                Column::Time => time = Some(self.time(record.line, name, text)?),
                Column::Metric => metric = Some(text),
                Column::Label if !text.is_empty() => labels.push((name, text)),
                Column::Label => {}
                Column::Value => values.push((None, None, self.value(record.line, name, text)?)),
                Column::Arm(side) => {
                    values.push((None, Some(side), self.value(record.line, name, text)?));
                }
                Column::NamedMetric => {
                    values.push((Some(name), None, self.value(record.line, name, text)?));
                }
            }
        }
        let Some(time) = time else { return Err(self.no_time(record)) };
        if metric.is_none() && layout != Layout::Metrics && self.metrics_asked_for.len() > 1 {
            return Err(self.no_metric(record));
        }
        for (named, side, value) in values {
            let sample = Sample { time, value, line: record.line };
            let own_labels = labels.len();
            labels.extend(side.map(|side| ("arm", side.as_str())));
            self.keep(named.or(metric), &labels, sample)?;
            labels.truncate(own_labels);
        }
        Ok(())
    }

    fn keep(
        &mut self,
        metric: Option<&str>,
        labels: &[(&str, &str)],
        sample: Sample,
    ) -> Result<(), FileError> {
        let key = key(metric, labels);
        if !self.series.contains_key(&key) {
            self.meet(&key, metric, labels, sample.line)?;
        }
        let Some(series) = self.series.get_mut(&key) else { return Ok(()) };
        if series.wanted_by.is_empty() {
            return Ok(());
        }
        self.samples += 1;
        if self.samples > MOST_SAMPLES {
            let problem = format!("more than {MOST_SAMPLES} points match the checks");
            return Err(FileError::at_line(self.file, sample.line, &problem)
                .with_hint("judge a shorter stretch, or record a larger step"));
        }
        series.samples.push(sample);
        Ok(())
    }

    /// Finds out who asked for a series that is new.
    fn meet(
        &mut self,
        key: &str,
        metric: Option<&str>,
        labels: &[(&str, &str)],
        line: u64,
    ) -> Result<(), FileError> {
        if self.series.len() >= MOST_SERIES {
            let problem = format!("the recording has more than {MOST_SERIES} series");
            return Err(FileError::at_line(self.file, line, &problem)
                .with_hint("leave out labels that tell single requests apart"));
        }
        self.remember(metric, labels);
        let matches = |(_, wanted): &(usize, &Wanted)| wanted.selector.matches(metric, labels);
        let wanted_by: Vec<usize> =
            self.wanted.iter().enumerate().filter(matches).map(|(index, _)| index).collect();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let labels =
            if wanted_by.is_empty() { BTreeMap::new() } else { labels.iter().map(owned).collect() };
        let series = Series { labels, samples: Vec::new(), wanted_by };
        self.series.insert(key.to_owned(), series);
        Ok(())
    }

    fn remember(&mut self, metric: Option<&str>, labels: &[(&str, &str)]) {
        if let Some(metric) = metric
            && self.seen.metrics.len() < MOST_REMEMBERED
        {
            self.seen.metrics.insert(metric.to_owned());
        }
        for (name, value) in labels {
            if self.seen.labels.len() < MOST_REMEMBERED {
                self.seen.labels.insert((*name).to_owned());
            }
            if self.arm_labels.contains(*name) && self.seen.arm_values.len() < MOST_REMEMBERED {
                self.seen.arm_values.insert(format!("{name}={value}"));
            }
        }
    }

    /// Returns the series that somebody asked for.
    pub(crate) fn into_series(self) -> (Vec<Wanted>, Vec<Series>, Seen) {
        let asked_for = |series: &Series| !series.wanted_by.is_empty();
        (self.wanted, self.series.into_values().filter(asked_for).collect(), self.seen)
    }

    fn time(&self, line: u64, name: &str, text: &str) -> Result<Timestamp, FileError> {
        if let Ok(seconds) = text.parse::<f64>() {
            if seconds.abs() <= LATEST_SECONDS {
                return Ok(Timestamp::from_millis((seconds * 1000.0).round() as i64));
            }
            let problem = format!("`{name}` is {text}, which is no time in seconds");
            return Err(FileError::at_line(self.file, line, &problem)
                .with_hint("write seconds since 1970; these look like milliseconds"));
        }
        match text.parse::<Moment>() {
            Ok(moment) => Ok(Timestamp::from_millis(moment.as_millisecond())),
            Err(_) => {
                let problem = format!("`{name}` is \"{}\", which is no time", shortened(text));
                Err(FileError::at_line(self.file, line, &problem).with_hint(
                    "write seconds since 1970, or RFC 3339 such as 2026-11-23T08:30:00Z",
                ))
            }
        }
    }

    fn value(&self, line: u64, name: &str, text: &str) -> Result<f64, FileError> {
        match text {
            "" | "NaN" | "nan" | "null" => Ok(f64::NAN),
            _ => text.parse().map_err(|_| {
                let problem = format!("`{name}` is \"{}\", which is no number", shortened(text));
                FileError::at_line(self.file, line, &problem)
                    .with_hint("write a number with a decimal point, or leave it empty for a gap")
            }),
        }
    }

    fn no_value_column(&self, record: &Record<'_>) -> FileError {
        let asked: Vec<&str> = self.metrics_asked_for.iter().map(String::as_str).collect();
        let problem = format!("there is no column with values, only {}", names(record));
        FileError::at_line(self.file, record.line, &problem).with_hint(&format!(
            "name a column `value`, or two `control` and `canary`, or one after each metric that is \
             asked for ({})",
            asked.join(", ")
        ))
    }

    fn no_time(&self, record: &Record<'_>) -> FileError {
        let problem = format!("there is no column `time`, only {}", names(record));
        FileError::at_line(self.file, record.line, &problem)
            .with_hint("name the column with the times `time`")
    }

    fn no_metric(&self, record: &Record<'_>) -> FileError {
        let count = self.metrics_asked_for.len();
        let problem = format!("there is no column `metric`, and {count} metrics are asked for");
        FileError::at_line(self.file, record.line, &problem)
            .with_hint("add a column `metric` that says which one each line is of")
    }
}

const MOST_SAMPLES: usize = 50_000_000;
const MOST_SERIES: usize = 1_000_000;
const MOST_REMEMBERED: usize = 20;

/// The year 5138; a time that is later is in another unit.
const LATEST_SECONDS: f64 = 1e11;

fn sides(analysis: &Analysis) -> [(Side, &LabelSelector); 2] {
    [(Side::Control, &analysis.arms.control), (Side::Canary, &analysis.arms.canary)]
}

fn parts(measure: &Measure) -> Vec<(Part, &Query)> {
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

/// Names a series by all that tells it from others; the separators occur in no sensible label.
fn key(metric: Option<&str>, labels: &[(&str, &str)]) -> String {
    let mut key = metric.unwrap_or_default().to_owned();
    for (name, value) in labels {
        key.push('\u{1}');
        key.push_str(name);
        key.push('\u{2}');
        key.push_str(value);
    }
    key
}

fn names(record: &Record<'_>) -> String {
    let names: Vec<&str> = record.fields.iter().map(|(name, _)| name.as_ref()).take(12).collect();
    names.join(", ")
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
