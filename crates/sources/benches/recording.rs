//! How many rows of a recording are read in a second, on one core.
//!
//! A scrape of 40 pods with 50 series each, over and over: two million rows, of which the checks ask
//! for a sixth. `cargo bench -p serin-sources` prints rows and bytes a second.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as Codec;
use parquet::file::properties::WriterProperties;
use serin_model::{
    Analysis, Arms, Check, CounterForm, KayentaOptions, Margins, Measure, MeasureKind, Query, Worse,
};
use serin_sources::{read_parquet, read_recording};

fn main() {
    divan::main();
}

const ROWS: usize = 2_000_000;

#[divan::bench(sample_count = 3)]
fn csv(bencher: Bencher) {
    rows_a_second(bencher, &recording(csv_row, "time,metric,track,pod,code,value\n"));
}

#[divan::bench(sample_count = 3)]
fn csv_gzipped(bencher: Bencher) {
    let text = recording(csv_row, "time,metric,track,pod,code,value\n");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&text).expect("memory takes bytes");
    rows_a_second(bencher, &packed.finish().expect("memory takes bytes"));
}

#[divan::bench(sample_count = 3)]
fn json_lines(bencher: Bencher) {
    rows_a_second(bencher, &recording(json_row, ""));
}

#[divan::bench(sample_count = 3)]
fn parquet(bencher: Bencher) {
    rows_of_parquet(bencher, |row| row);
}

/// One series after the other, as whoever packs for size writes them.
#[divan::bench(sample_count = 3)]
fn parquet_sorted(bencher: Bencher) {
    const SCRAPES: usize = ROWS / 2000;
    rows_of_parquet(bencher, |row| row % SCRAPES * 2000 + row / SCRAPES);
}

fn rows_of_parquet(bencher: Bencher, order: fn(usize) -> usize) {
    let bytes = parquet_file(order);
    let analysis = analysis();
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(bytes.len())).bench_local(
        || {
            let bytes = bytes.clone();
            let read = read_parquet("bench", bytes, &analysis, CounterForm::Cumulative, None);
            read.expect("the recording is whole").series.len()
        },
    );
}

fn parquet_file(order: fn(usize) -> usize) -> Bytes {
    let rows = || (0..ROWS).map(order);
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(rows().map(|row| Some(text(row))).collect::<StringArray>())
    };
    let pod = |row: usize| row / 50 % 40;
    let times = rows().map(|row| 1_763_886_600_250 + 5000 * (row as i64 / 2000));
    let values = rows().map(|row| (row / 2000 * (row % 50 + 1)) as f64);
    let columns: [(&str, ArrayRef); 6] = [
        ("time", Arc::new(TimestampMillisecondArray::from_iter_values(times))),
        ("metric", texts(&|row| format!("metric_{}_total", row % 50 / 3))),
        ("track", texts(&|row| track(pod(row)).to_owned())),
        ("pod", texts(&|row| format!("shop-{}", pod(row)))),
        ("code", texts(&|row| (200 + 100 * (row % 50 % 4)).to_string())),
        ("value", Arc::new(Float64Array::from_iter_values(values))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("the columns are of one length");
    let properties = WriterProperties::builder().set_compression(Codec::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))
        .expect("the types are plain");
    writer.write(&batch).expect("memory takes bytes");
    writer.close().expect("memory takes bytes");
    bytes.into()
}

fn rows_a_second(bencher: Bencher, bytes: &[u8]) {
    let analysis = analysis();
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(bytes.len())).bench_local(
        || {
            let read = read_recording("bench", bytes, &analysis, CounterForm::Cumulative);
            read.expect("the recording is whole").series.len()
        },
    );
}

/// What a row says: the scrape, the pod, the series of the pod.
type Row = fn(&mut String, usize, usize, usize);

fn recording(row: Row, header: &str) -> Vec<u8> {
    let mut text = header.to_owned();
    for index in 0..ROWS {
        row(&mut text, index / 2000, index / 50 % 40, index % 50);
    }
    text.into_bytes()
}

fn csv_row(text: &mut String, scrape: usize, pod: usize, series: usize) {
    let (time, track) = (1_763_886_600 + 5 * scrape, track(pod));
    let (metric, code, value) = (series / 3, 200 + 100 * (series % 4), scrape * (series + 1));
    let _ = writeln!(text, "{time}.250,metric_{metric}_total,{track},shop-{pod},{code},{value}");
}

fn json_row(text: &mut String, scrape: usize, pod: usize, series: usize) {
    let (time, track) = (1_763_886_600 + 5 * scrape, track(pod));
    let (metric, code, value) = (series / 3, 200 + 100 * (series % 4), scrape * (series + 1));
    let _ = writeln!(
        text,
        "{{\"time\":{time}.25,\"metric\":\"metric_{metric}_total\",\"labels\":{{\"track\":\
         \"{track}\",\"pod\":\"shop-{pod}\",\"code\":\"{code}\"}},\"value\":{value}}}"
    );
}

fn track(pod: usize) -> &'static str {
    if pod < 20 { "stable" } else { "canary" }
}

fn analysis() -> Analysis {
    let arm = |track: &str| [("track".to_owned(), track.to_owned())].into();
    let arms = Arms::new(arm("stable"), arm("canary")).expect("the arms differ");
    let checks = (0..3).map(|metric| check(&format!("metric_{metric}_total"))).collect();
    let mut analysis = Analysis::new("shop".to_owned(), arms, checks).expect("names differ");
    analysis.replica = Some("pod".to_owned());
    analysis
}

fn check(metric: &str) -> Check {
    let query = |text: &str| Query::new(text).expect("it is not blank");
    Check {
        name: metric.to_owned(),
        measure: Measure::Ratio {
            bad: query(&format!("{metric}{{code=~\"5..\", $arm}}")),
            total: query(metric),
        },
        worse: Worse::Higher,
        margins: Margins::of_kind(MeasureKind::Ratio),
        gating: false,
        critical: false,
        muted: false,
        groups: Vec::new(),
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: KayentaOptions::default(),
    }
}
