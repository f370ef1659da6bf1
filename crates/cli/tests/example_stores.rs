//! The example recordings in Parquet, PostgreSQL and CloudWatch: the same verdict as out of their CSV.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod canaries;
mod real_store;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::canaries::{essence, judge};
use crate::real_store::cloudwatch::Moto;
use crate::real_store::postgres::Postgres;
use crate::real_store::{Row, recorded};

const RECORDINGS: [&str; 4] = ["good", "slow", "failing", "silent"];

/// That of both examples, in milliseconds.
const STEP: i64 = 5000;

/// Where an example lies, and its Check file.
fn example(name: &str) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let text = std::fs::read_to_string(folder.join("serin.yaml")).unwrap();
    (folder, text)
}

/// Judges a recording of an example as its Check file does, and returns the verdict.
fn judged_by_example(scratch: &Path, folder: &Path, text: &str, recording: &str) -> (i32, Value) {
    let path = folder.join(format!("{recording}.csv.gz")).display().to_string();
    let (code, report, error) = judge(scratch, "file.yaml", &text.replace("good.csv.gz", &path));
    assert_eq!(error, "");
    assert_eq!(code, if recording == "good" { 0 } else { 2 }, "{recording}");
    (code, report)
}

/// Returns the whole steps that hold all rows, as a Check file writes them.
fn window(rows: &[Row]) -> String {
    let times = || rows.iter().map(|row| row.time);
    let moment = |millis| jiff::Timestamp::from_millisecond(millis).unwrap().to_string();
    let step = |millis: i64| millis.div_euclid(STEP) * STEP;
    let (first, last) = (times().min().unwrap(), times().max().unwrap());
    format!("window: {{start: {}, end: {}}}\n", moment(step(first)), moment(step(last) + STEP))
}

fn label<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.labels.iter().find(|label| label.0 == name).map(|label| label.1.as_str())
}

/// Writes rows as a table in Parquet.
fn write_parquet(rows: &[Row], path: &Path) {
    let times: TimestampMillisecondArray = rows.iter().map(|row| Some(row.time)).collect();
    let metrics: StringArray = rows.iter().map(|row| Some(row.metric.as_str())).collect();
    let values: Float64Array = rows.iter().map(|row| Some(row.value)).collect();
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("time", Arc::new(times)), ("metric", Arc::new(metrics)), ("value", Arc::new(values))];
    for name in ["track", "pod", "code", "le"] {
        let texts: StringArray = rows.iter().map(|row| label(row, name)).collect();
        columns.push((name, Arc::new(texts)));
    }
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn the_examples_give_the_same_verdict_out_of_parquet() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["checkout", "storefront"] {
        let (folder, text) = example(name);
        for recording in RECORDINGS {
            let (code, expected) = judged_by_example(scratch.path(), &folder, &text, recording);
            write_parquet(&recorded(&folder, recording), &scratch.path().join("rows.parquet"));
            let of_parquet = text.replace("good.csv.gz", "rows.parquet");
            let (stored_code, stored, error) = judge(scratch.path(), "store.yaml", &of_parquet);
            assert_eq!((stored_code, error.as_str()), (code, ""), "{name}, {recording}");
            assert_eq!(stored["verdict"], expected["verdict"], "{name}, {recording}");
            assert_eq!(stored["span"], expected["span"], "{name}, {recording}");
        }
    }
}

/// Copies a recording into a table of its name, with a view of what its counters count from sample to
/// sample.
fn copy_into(server: &Postgres, folder: &Path, recording: &str) {
    let file = std::fs::File::open(folder.join(format!("{recording}.csv.gz"))).unwrap();
    let mut csv = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut csv).unwrap();
    let names: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let column = |name: &&str| match *name {
        "time" => "time timestamptz".to_owned(),
        "value" => "value double precision".to_owned(),
        label => format!("{label} text"),
    };
    let columns: Vec<String> = names.iter().map(column).collect();
    let labels: Vec<&str> =
        names.iter().copied().filter(|name| !["time", "value"].contains(name)).collect();
    let labels = labels.join(", ");
    // As in recordings: a series that is there within the first step counts from its first value, one
    // that shows up later from zero.
    server.sql(&format!(
        "drop table if exists {recording} cascade;
        create table {recording} ({});
        copy {recording} from stdin (format csv, header);\n{csv}\\.
        create view counted_{recording} as
          select time, {labels}, value - coalesce(
            lag(value) over (partition by {labels} order by time),
            case when time > min(time) over () + interval '5 seconds' then 0 end) as value
          from {recording};
        grant select on {recording}, counted_{recording} to serin;\n",
        columns.join(", ")
    ));
}

/// Writes the example's selectors as SQL.
fn in_sql(text: &str, recording: &str) -> String {
    let selectors = [
        ("http_requests_total{code=~\"5..\", $arm}", "code like '5__'"),
        ("http_requests_total{$arm}", "true"),
        ("haproxy_server_http_responses_total{code=\"5xx\", $arm}", "code = '5xx'"),
        ("haproxy_server_http_responses_total{$arm}", "true"),
        ("http_request_duration_seconds_bucket{$arm}", "true"),
        ("process_cpu_seconds_total{$arm}", "true"),
        ("process_resident_memory_bytes{$arm}", "true"),
    ];
    let mut text = text.to_owned();
    for (selector, condition) in selectors {
        let metric = selector.split('{').next().unwrap();
        let table = if metric.ends_with("_bytes") {
            recording.to_owned()
        } else {
            format!("counted_{recording}")
        };
        let query = format!(
            "\"select time, pod, code, le, value from {table} where metric = '{metric}' and {condition} \
             and $arm and time >= $start and time < $end\""
        );
        text = text.replace(&format!("'{selector}'"), selector).replace(selector, &query);
    }
    text
}

#[test]
fn the_examples_give_the_same_verdict_out_of_postgres() {
    let Some(server) = Postgres::start() else { return };
    server.sql("create role serin login password 'let me in';");
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("password"), "let me in\n").unwrap();
    let source = format!(
        "postgres: {{url: 'postgres://127.0.0.1:{}/postgres', username: serin, password: {{file: password}}}}",
        server.port
    );
    for name in ["checkout", "storefront"] {
        let (folder, text) = example(name);
        for recording in RECORDINGS {
            let (code, expected) = judged_by_example(scratch.path(), &folder, &text, recording);
            copy_into(&server, &folder, recording);
            let of_store = in_sql(&text, recording)
                .replace("file: {path: good.csv.gz, counters: cumulative}", &source)
                + &window(&recorded(&folder, recording));
            let (stored_code, stored, error) = judge(scratch.path(), "store.yaml", &of_store);
            assert_eq!((stored_code, error.as_str()), (code, ""), "{name}, {recording}");
            for part in ["outcome", "reason", "scorecard", "metrics"] {
                assert_eq!(
                    stored["verdict"][part], expected["verdict"][part],
                    "{name}, {recording}, {part}"
                );
            }
            assert_eq!(stored["span"], expected["span"], "{name}, {recording}");
        }
    }
}

/// Returns what each sample counted since the one before, as recordings count: a series that is there
/// within the first step from its first value, one that shows up later from zero.
fn increments(rows: &[Row]) -> Vec<(&Row, f64)> {
    let start = rows.iter().map(|row| row.time).min().unwrap();
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| (&a.metric, &a.labels, a.time).cmp(&(&b.metric, &b.labels, b.time)));
    let mut counted = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| rows[index]);
        let before = before.filter(|it| (&it.metric, &it.labels) == (&row.metric, &row.labels));
        match before {
            Some(before) => counted.push((*row, row.value - before.value)),
            None if row.time > start + STEP => counted.push((*row, row.value)),
            None => {}
        }
    }
    counted
}

/// What CloudWatch can be asked of the examples: it has no buckets, and a replica would be a dimension.
fn counted_checks(query: impl Fn(&str) -> String) -> String {
    let mut text = "checks:\n".to_owned();
    writeln!(
        text,
        "  errors: {{ratio: {{bad: '{}', total: '{}'}}, critical: true, limit: {{above: 2%, for: 3}}}}",
        query("errors"),
        query("requests")
    )
    .unwrap();
    writeln!(text, "  cpu seconds: {{count: {{events: '{}'}}}}", query("cpu")).unwrap();
    text
}

#[test]
fn the_examples_counts_give_the_same_verdict_out_of_cloudwatch() {
    let Some(server) = Moto::start() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let (folder, _) = example("checkout");
    let mut codes = Vec::new();
    for recording in RECORDINGS {
        let rows = recorded(&folder, recording);
        let mut data = Vec::new();
        for (row, count) in increments(&rows) {
            let is_error = label(row, "code").is_some_and(|code| code.starts_with('5'));
            let names: &[&str] = match row.metric.as_str() {
                "http_requests_total" if is_error => &["requests", "errors"],
                "http_requests_total" => &["requests"],
                "process_cpu_seconds_total" => &["cpu"],
                _ => &[],
            };
            for name in names {
                data.push(json!({
                    "MetricName": name,
                    "Dimensions": [
                        {"Name": "recording", "Value": recording},
                        {"Name": "track", "Value": label(row, "track")},
                    ],
                    "Timestamp": row.time as f64 / 1000.0,
                    "Value": count,
                }));
            }
        }
        server.put(&data);
        let top = "service: checkout\nstep: 5s\narms: {control: {track: stable}, canary: {track: canary}}\n";
        let of_file = counted_checks(|name| {
            let selector = match name {
                "errors" => "http_requests_total{code=~\"5..\", $arm}",
                "requests" => "http_requests_total{$arm}",
                _ => "process_cpu_seconds_total{$arm}",
            };
            selector.to_owned()
        });
        let path = folder.join(format!("{recording}.csv.gz"));
        let of_file = format!(
            "{top}source: {{file: {{path: '{}', counters: cumulative}}}}\n{of_file}",
            path.display()
        );
        let of_store =
            counted_checks(|name| format!("Sum:Shop:{name}{{recording=\"{recording}\", $arm}}"));
        let of_store = format!(
            "{top}source: {{cloudwatch: {{url: 'http://{}', aws: {{region: eu-west-1, access_key_id: \
             {{file: key}}, secret_access_key: {{file: key}}}}}}}}\n{}{of_store}",
            server.address,
            window(&rows)
        );
        std::fs::write(scratch.path().join("key"), "any").unwrap();
        let (code, expected, error) = judge(scratch.path(), "file.yaml", &of_file);
        assert_eq!(error, "");
        let (stored_code, stored, error) = judge(scratch.path(), "store.yaml", &of_store);
        assert_eq!((stored_code, error.as_str()), (code, ""), "{recording}");
        assert_eq!(essence(&stored), essence(&expected), "{recording}");
        codes.push(code);
    }
    assert_eq!(codes, [0, 0, 2, 2]);
}
