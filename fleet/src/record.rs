//! A fleet as a Parquet file.

use std::borrow::Cow;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, TimestampSecondArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::shape::{Metric, Shape};

/// The rows of a row group.
const ROWS: usize = 100_000;

/// When the recording begins.
const START: i64 = 1_763_856_000;

/// Writes a recording and its Check file, and says what was written.
pub(crate) fn record(path: &Path, shape: &Shape) -> anyhow::Result<String> {
    let name = path.file_name().context("the recording has no name")?.to_string_lossy();
    let check = path.with_extension("yaml");
    fs::write(&check, shape.check_file(&name))
        .with_context(|| format!("`{}` cannot be written", check.display()))?;
    let file =
        File::create(path).with_context(|| format!("`{}` cannot be written", path.display()))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS))
        .set_dictionary_enabled(false);
    // What repeats is written once; values hardly do.
    let properties = ["service", "host", "arm", "time"]
        .into_iter()
        .fold(properties, |properties, column| {
            properties.set_column_dictionary_enabled(column.into(), true)
        })
        .build();
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut file = Some(file);
    // Who writes minute by minute needs all hosts at once.
    let drawn = shape.by_time.then(|| Drawn::of(shape));
    for rows in batches(shape) {
        let batch = batch(shape, &rows, drawn.as_ref())?;
        if let Some(file) = file.take() {
            writer = Some(ArrowWriter::try_new(file, batch.schema(), Some(properties.clone()))?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    writer.context("a fleet has at least one service")?.close()?;
    let bytes = fs::metadata(path)?.len();
    let broken = (0..shape.services).filter(|&service| shape.is_broken(service)).count();
    Ok(format!(
        "{}: {} services of {} hosts, {} metrics, {} points each, {} MB; {broken} services are broken",
        path.display(),
        shape.services,
        shape.hosts,
        shape.metrics,
        shape.minutes,
        bytes / 1_000_000
    ))
}

/// Some rows that are written together: of which hosts, and of which minutes.
struct Rows {
    hosts: Vec<(usize, usize)>,
    minutes: std::ops::Range<usize>,
}

/// The numbers of all hosts, column by column.
struct Drawn(Vec<Vec<Vec<f64>>>);

impl Drawn {
    fn of(shape: &Shape) -> Self {
        let hosts = (0..shape.services).flat_map(|it| (0..shape.hosts).map(move |host| (it, host)));
        Self(hosts.map(|(service, host)| shape.draw(service, host)).collect())
    }
}

fn batches(shape: &Shape) -> Box<dyn Iterator<Item = Rows> + '_> {
    let hosts = move |service| (0..shape.hosts).map(move |host| (service, host));
    let minutes = 0..shape.minutes;
    if shape.by_time {
        let all: Vec<(usize, usize)> = (0..shape.services).flat_map(hosts).collect();
        return Box::new(
            minutes.map(move |minute| Rows { hosts: all.clone(), minutes: minute..minute + 1 }),
        );
    }
    Box::new(
        (0..shape.services)
            .map(move |service| Rows { hosts: hosts(service).collect(), minutes: minutes.clone() }),
    )
}

fn batch(shape: &Shape, rows: &Rows, drawn: Option<&Drawn>) -> anyhow::Result<RecordBatch> {
    let length = rows.minutes.len();
    let each = |text: &dyn Fn(usize, usize) -> String| -> ArrayRef {
        let texts: Vec<String> =
            rows.hosts.iter().map(|&(service, host)| text(service, host)).collect();
        let repeated = texts.iter().flat_map(|text| std::iter::repeat_n(text.as_str(), length));
        Arc::new(repeated.collect::<DictionaryArray<Int32Type>>())
    };
    let moments = || rows.minutes.clone().map(|minute| START + 60 * minute as i64);
    let times: Vec<i64> = rows.hosts.iter().flat_map(|_| moments()).collect();
    let arm = |host| if shape.is_canary(host) { "canary" } else { "control" };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("time".to_owned(), Arc::new(TimestampSecondArray::from(times))),
        ("service".to_owned(), each(&|service, _| shape.service(service))),
        ("host".to_owned(), each(&|service, host| shape.host(service, host))),
        ("arm".to_owned(), each(&|_, host| arm(host).to_owned())),
    ];
    let names: Vec<String> = shape
        .metrics()
        .into_iter()
        .flat_map(|metric| match metric {
            Metric::Level(name) => vec![name],
            Metric::Counters { total, bad } => vec![total, bad],
        })
        .collect();
    let mut values: Vec<Vec<f64>> =
        vec![Vec::with_capacity(rows.hosts.len() * length); names.len()];
    for &(service, host) in &rows.hosts {
        let own = match drawn {
            Some(drawn) => Cow::Borrowed(&drawn.0[service * shape.hosts + host]),
            None => Cow::Owned(shape.draw(service, host)),
        };
        for (all, own) in values.iter_mut().zip(own.iter()) {
            all.extend_from_slice(&own[rows.minutes.clone()]);
        }
    }
    for (name, values) in names.into_iter().zip(values) {
        columns.push((name, Arc::new(Float64Array::from(values))));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}
