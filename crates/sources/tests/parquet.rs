//! What recordings in Parquet answer, and what is said about those that cannot be used.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::types::{
    Decimal128Type, Int32Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int8Array,
    Int64Array, ListArray, PrimitiveArray, RecordBatch, StringArray, UInt64Array,
};
use bytes::Bytes;
use insta::assert_snapshot;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use serin_model::{Analysis, CounterForm, Timestamp};
use serin_sources::{Recording, SourceError, read_parquet, read_recording};

fn analysis(checks: &str) -> Analysis {
    let text = format!(
        "service: checkout\nreplica: pod\nstep: 5s\n\
         arms: {{control: {{track: stable}}, canary: {{track: canary}}}}\nchecks: {checks}\n"
    );
    serin_check::read("serin.yaml", &text).unwrap().analysis
}

const MEMORY: &str = "{memory: {gauge: rss}}";

type Columns = Vec<(&'static str, ArrayRef)>;

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn words(words: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(words.to_vec()))
}

fn whole(numbers: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(numbers.to_vec()))
}

fn numbers(numbers: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(numbers.to_vec()))
}

/// Four points of two pods.
fn long() -> Columns {
    vec![
        ("time", whole(&[0, 0, 5, 5])),
        ("metric", words(&["rss"; 4])),
        ("track", words(&["stable", "canary", "stable", "canary"])),
        ("pod", words(&["a", "b", "a", "b"])),
        ("value", numbers(&[1.0, 2.0, 3.0, 4.0])),
    ]
}

fn with(mut columns: Columns, name: &'static str, values: ArrayRef) -> Columns {
    match columns.iter_mut().find(|(column, _)| *column == name) {
        Some(column) => column.1 = values,
        None => columns.push((name, values)),
    }
    columns
}

fn without(columns: Columns, name: &str) -> Columns {
    columns.into_iter().filter(|(column, _)| *column != name).collect()
}

fn written(columns: Columns, properties: WriterPropertiesBuilder) -> Bytes {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, values)| (name, values, true)),
    );
    let batch = batch.unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

fn usual(columns: Columns) -> Bytes {
    written(columns, WriterProperties::builder())
}

fn read(checks: &str, bytes: Bytes) -> Result<Recording, SourceError> {
    read_parquet("checkout.parquet", bytes, &analysis(checks), CounterForm::Increments, None)
}

/// Says what a file answers, or what is wrong with it.
fn answer(checks: &str, bytes: Bytes) -> String {
    match read(checks, bytes) {
        Ok(recording) => format!("{:?}", recording.series),
        Err(error) => error.to_string(),
    }
}

fn error(bytes: Bytes) -> String {
    read(MEMORY, bytes).map(|recording| recording.series).unwrap_err().to_string()
}

/// What the same points in CSV answer.
fn in_csv(checks: &str, text: &str) -> String {
    let read = read_recording("a", text.as_bytes(), &analysis(checks), CounterForm::Increments);
    format!("{:?}", read.unwrap().series)
}

const LONG: &str = "time,metric,track,pod,value\n0,rss,stable,a,1\n0,rss,canary,b,2\n\
                    5,rss,stable,a,3\n5,rss,canary,b,4\n";

#[test]
fn whatever_the_types_the_points_are_those_of_a_csv() {
    let stamps = |values: [i64; 4]| values;
    let dictionary: DictionaryArray<Int32Type> =
        ["stable", "canary", "stable", "canary"].into_iter().collect();
    let decimals = PrimitiveArray::<Decimal128Type>::from(vec![100, 200, 300, 400])
        .with_precision_and_scale(10, 2)
        .unwrap();
    let cases: Vec<(&str, &str, ArrayRef)> = vec![
        (
            "seconds",
            "time",
            Arc::new(PrimitiveArray::<TimestampSecondType>::from(stamps([0, 0, 5, 5]).to_vec())),
        ),
        (
            "milliseconds",
            "time",
            Arc::new(PrimitiveArray::<TimestampMillisecondType>::from(vec![0, 0, 5000, 5000])),
        ),
        (
            "microseconds in a zone",
            "time",
            Arc::new(
                PrimitiveArray::<TimestampMicrosecondType>::from(vec![0, 0, 5_000_000, 5_000_000])
                    .with_timezone("UTC"),
            ),
        ),
        (
            "nanoseconds",
            "time",
            Arc::new(PrimitiveArray::<TimestampNanosecondType>::from(vec![
                0,
                0,
                5_000_000_000,
                5_000_000_000,
            ])),
        ),
        ("fractions", "time", numbers(&[0.0, 0.0, 5.0, 5.0])),
        (
            "RFC 3339",
            "time",
            words(&[
                "1970-01-01T00:00:00Z",
                "1970-01-01T01:00:00+01:00",
                "1970-01-01T00:00:05Z",
                "5",
            ]),
        ),
        ("a dictionary", "track", Arc::new(dictionary)),
        (
            "bytes",
            "track",
            Arc::new(BinaryArray::from(vec![
                b"stable".as_slice(),
                b"canary",
                b"stable",
                b"canary",
            ])),
        ),
        ("padding", "track", words(&["stable ", "canary ", "stable ", "canary "])),
        ("floats", "value", Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0, 4.0]))),
        ("small numbers", "value", Arc::new(Int8Array::from(vec![1, 2, 3, 4]))),
        ("large numbers", "value", Arc::new(UInt64Array::from(vec![1, 2, 3, 4]))),
        ("decimals", "value", Arc::new(decimals)),
        ("texts", "value", words(&["1", "2.0", "3e0", "4"])),
    ];
    for (name, column, values) in cases {
        let bytes = usual(with(long(), column, values));
        assert_eq!(answer(MEMORY, bytes), in_csv(MEMORY, LONG), "{name}");
    }
}

#[test]
fn however_it_is_packed_the_points_are_the_same() {
    let builder = WriterProperties::builder;
    for (name, properties) in [
        ("snappy", builder().set_compression(Compression::SNAPPY)),
        ("zstd", builder().set_compression(Compression::ZSTD(ZstdLevel::default()))),
        ("gzip", builder().set_compression(Compression::GZIP(Default::default()))),
        ("lz4", builder().set_compression(Compression::LZ4_RAW)),
        ("no dictionary", builder().set_dictionary_enabled(false)),
        ("second version", builder().set_writer_version(WriterVersion::PARQUET_2_0)),
        ("a row group a row", builder().set_max_row_group_row_count(Some(1))),
    ] {
        assert_eq!(answer(MEMORY, written(long(), properties)), in_csv(MEMORY, LONG), "{name}");
    }
}

#[test]
fn labels_may_be_numbers() {
    let columns = || {
        let codes = Arc::new(Int64Array::from(vec![Some(500), Some(200), None, Some(500)]));
        let columns = with(long(), "code", codes);
        with(columns, "leader", Arc::new(BooleanArray::from(vec![true, false, true, true])))
    };
    let csv = "time,metric,track,pod,value,code,leader\n0,rss,stable,a,1,500,true\n\
               0,rss,canary,b,2,200,false\n5,rss,stable,a,3,,true\n5,rss,canary,b,4,500,true\n";
    for query in ["rss{code='500'}", "rss{code=''}", "rss{code=~'5..', leader!='false'}"] {
        let checks = format!("{{memory: {{gauge: \"{query}\"}}}}");
        assert_eq!(answer(&checks, usual(columns())), in_csv(&checks, csv), "{query}");
    }
    // As Prometheus writes upper edges.
    let edges = with(
        with(long(), "le", numbers(&[0.1, f64::INFINITY, 0.1, f64::INFINITY])),
        "track",
        words(&["stable"; 4]),
    );
    let checks = "{memory: {gauge: \"rss{le='+Inf'}\"}}";
    let csv = "time,metric,track,pod,value,le\n0,rss,stable,b,2,+Inf\n5,rss,stable,b,4,+Inf\n";
    assert_eq!(answer(checks, usual(edges)), in_csv(checks, csv));
}

#[test]
fn a_column_for_each_arm_or_metric() {
    let arms = || {
        vec![
            ("timestamp", whole(&[0, 5])),
            ("control", numbers(&[1.0, 3.0])),
            ("canary", numbers(&[2.0, 4.0])),
        ]
    };
    let csv = "time,control,canary\n0,1,2\n5,3,4\n";
    assert_eq!(answer(MEMORY, usual(arms())), in_csv(MEMORY, csv));
    // Another metric's column is no label: every point would be a series of its own.
    let metrics = vec![
        ("time", whole(&[0, 5])),
        ("track", words(&["stable", "canary"])),
        ("rss", numbers(&[1.0, 2.0])),
        ("heap", numbers(&[10.0, 20.0])),
    ];
    let csv = "time,track,rss\n0,stable,1\n5,canary,2\n";
    assert_eq!(answer(MEMORY, usual(metrics)), in_csv(MEMORY, csv));
}

#[test]
fn what_is_not_there_is_a_gap_and_never_zero() {
    let values = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(4.0)]));
    let csv = "time,metric,track,pod,value\n0,rss,stable,a,1\n0,rss,canary,b,\n\
               5,rss,stable,a,NaN\n5,rss,canary,b,4\n";
    let of_texts = texts(&[Some("1"), Some(""), Some("NaN"), Some("4")]);
    for values in [values as ArrayRef, of_texts] {
        assert_eq!(answer(MEMORY, usual(with(long(), "value", values))), in_csv(MEMORY, csv));
    }
}

#[test]
fn columns_that_are_no_labels_are_left_alone() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]); 4]);
    let taken_in = PrimitiveArray::<TimestampMillisecondType>::from(vec![1, 2, 3, 4]);
    let columns = with(with(long(), "trace", Arc::new(lists)), "taken_in", Arc::new(taken_in));
    assert_eq!(answer(MEMORY, usual(columns)), in_csv(MEMORY, LONG));
}

/// Makes one value of the third row wrong, in row groups of two.
fn wrong(name: &'static str, values: ArrayRef) -> String {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2));
    error(written(with(long(), name, values), properties))
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]); 4]);
    let lists: ArrayRef = Arc::new(lists);
    let no_time = Arc::new(Int64Array::from(vec![Some(0), Some(0), None, Some(5)]));
    let counts = "{errors: {count: {events: rss}}}";
    let cases = [
        ("a value that is none", wrong("value", words(&["1", "2", "x\u{1b}[2J", "4"]))),
        ("no time", wrong("time", no_time)),
        ("milliseconds", wrong("time", whole(&[0, 0, 1_600_000_000_000, 5]))),
        ("a time that is none", wrong("time", words(&["0", "0", "noon", "5"]))),
        ("values of another type", wrong("value", lists.clone())),
        ("times of another type", wrong("time", lists.clone())),
        ("an arm of another type", error(usual(with(long(), "track", lists)))),
        ("no time at all", error(usual(without(long(), "time")))),
        ("no value at all", error(usual(without(long(), "value")))),
        ("two times", error(usual(with(long(), "timestamp", whole(&[0; 4]))))),
        ("two values for one moment", wrong("time", whole(&[0, 0, 0, 5]))),
        (
            "a count below zero",
            answer(counts, usual(with(long(), "value", numbers(&[1.0, 2.0, -3.0, 4.0])))),
        ),
        ("another metric", error(usual(with(long(), "metric", words(&["heap"; 4]))))),
        ("other arms", error(usual(with(long(), "track", words(&["old"; 4]))))),
        (
            "no rows",
            error(usual(
                long().into_iter().map(|(name, values)| (name, values.slice(0, 0))).collect(),
            )),
        ),
        (
            "several metrics, and no column for them",
            answer("{a: {gauge: rss}, b: {gauge: heap}}", usual(without(long(), "metric"))),
        ),
        ("no Parquet", error(Bytes::from_static(b"PAR1 and nothing more"))),
        ("nothing", error(Bytes::new())),
    ];
    let mut all = String::new();
    for (name, said) in cases {
        write!(all, "── {name}\n{said}\n\n").unwrap();
    }
    assert_snapshot!(all);
}

/// Destroys the values of all row groups but the first.
fn destroyed_but_for_the_first(bytes: &Bytes, second: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    let end = bytes.len() - 8 - footer_length(&bytes);
    bytes[second..end].fill(0xff);
    bytes.into()
}

fn footer_length(bytes: &[u8]) -> usize {
    let length = &bytes[bytes.len() - 8..bytes.len() - 4];
    u32::from_le_bytes(length.try_into().unwrap()) as usize
}

/// A row group that were read would be an error here.
#[test]
fn row_groups_that_cannot_answer_are_not_read() {
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(2));
    let first = |columns: Columns| columns.into_iter().map(|(n, v)| (n, v.slice(0, 2))).collect();
    let until = Some(Timestamp::from_millis(5000));
    let cases: [(&str, Columns, Option<Timestamp>); 3] = [
        ("another metric", with(long(), "metric", words(&["rss", "rss", "up", "up"])), None),
        ("other arms", with(long(), "track", words(&["stable", "canary", "old", "older"])), None),
        ("after the end", long(), until),
    ];
    for (name, columns, until) in cases {
        let one = written(first(columns.clone()), properties());
        let whole = written(columns, properties());
        let second = one.len() - 8 - footer_length(&one);
        let read = |bytes: Bytes, until| {
            let analysis = analysis(MEMORY);
            read_parquet("a", bytes, &analysis, CounterForm::Increments, until)
        };
        let destroyed = destroyed_but_for_the_first(&whole, second);
        let expected = read(one, None).unwrap().series;
        assert_eq!(read(destroyed, until).unwrap().series, expected, "{name}");
    }
    let whole = written(long(), properties());
    let one = written(first(long()), properties());
    let second = one.len() - 8 - footer_length(&one);
    let said = error(destroyed_but_for_the_first(&whole, second));
    assert!(said.contains("the Parquet file cannot be read"), "{said}");
}

/// Whatever was done to a file, it is an answer or an error.
#[test]
fn damaged_files_are_refused() {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let whole = written(long(), properties);
    let mut refused = 0;
    for place in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[place] ^= change;
            if let Err(error) = read(MEMORY, bytes.into()) {
                refused += 1;
                assert!(!error.to_string().contains('\u{1b}'), "{error}");
            }
        }
        assert!(read(MEMORY, whole.slice(..place)).is_err(), "{place}");
    }
    assert!(refused > whole.len() / 2, "{refused}");
}
