//! How many rows of a recording are read in a second, on one core.
//!
//! A scrape of 40 pods with 50 series each, over and over: two million rows, of which the checks ask
//! for a sixth. `cargo bench -p serin-sources` prints rows and bytes a second.

use std::fmt::Write as _;
use std::io::Write as _;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flate2::Compression;
use flate2::write::GzEncoder;
use serin_model::{
    Analysis, Arms, Check, CounterForm, KayentaOptions, Margins, Measure, MeasureKind, Query, Worse,
};
use serin_sources::read_recording;

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
