//! Recordings of many canaries: told apart, in parts that fit into memory, and many replicas in pools.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serin_model::{Analysis, Arm, CounterForm, Observations};
use serin_sources::{ParquetFleet, RecordedMember, read_recorded_fleet};

/// One row: when, of which service, host and arm, and its numbers.
type Row = (i64, String, String, &'static str, [f64; 3]);

const MINUTES: i64 = 20;

fn analysis() -> Analysis {
    let text = "for_each: [service]\nreplica: host\nchecks:\n  level: {gauge: level}\n  \
                errors: {ratio: {bad: errors, total: requests}}\n";
    serin_check::read("fleet.yaml", text).unwrap().analysis
}

/// Services of `hosts` hosts each, one in ten of which runs the canary; host by host.
fn rows(hosts: &[i64]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (service, &hosts) in hosts.iter().enumerate() {
        for host in 0..hosts {
            let arm = if host % 10 == 0 { "canary" } else { "control" };
            for minute in 0..MINUTES {
                let numbers =
                    [(host * 7 + minute) as f64 / 8.0, 100.0 + host as f64, (minute % 3) as f64];
                rows.push((
                    minute * 60,
                    format!("s{service}"),
                    format!("h{host:03}"),
                    arm,
                    numbers,
                ));
            }
        }
    }
    rows
}

fn by_time(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.0);
    rows
}

fn csv(rows: &[Row]) -> String {
    let mut text = String::from("time,service,host,arm,level,requests,errors\n");
    for (time, service, host, arm, [level, requests, errors]) in rows {
        writeln!(text, "{time},{service},{host},{arm},{level},{requests},{errors}").unwrap();
    }
    text
}

/// Writes small row groups, so that members lie in several.
fn parquet(rows: &[Row]) -> Bytes {
    let texts = |text: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(text(row))).collect::<StringArray>())
    };
    let numbers = |at: usize| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.4[at])))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("host", texts(|row| &row.2)),
        ("time", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("arm", texts(|row| row.3)),
        ("level", numbers(0)),
        ("service", texts(|row| &row.1)),
        ("requests", numbers(1)),
        ("errors", numbers(2)),
    ];
    parquet_of(columns)
}

fn parquet_of(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(700)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

type Member = (Vec<String>, RecordedMember);

fn of_csv(rows: &[Row]) -> Vec<Member> {
    let analysis = analysis();
    let text = csv(rows);
    let (mut fleet, _) =
        read_recorded_fleet("fleet.csv", text.as_bytes(), &analysis, CounterForm::Increments)
            .unwrap();
    let members = fleet.take_members().into_iter();
    members
        .map(|member| (member.name.clone(), fleet.assemble(&analysis, member).unwrap()))
        .collect()
}

fn opened<'a>(file: &Bytes, analysis: &'a Analysis, most_values: usize) -> ParquetFleet<'a> {
    let form = CounterForm::Increments;
    ParquetFleet::open("fleet.parquet", file.clone(), analysis, form, None, most_values)
        .and_then(|fleet| fleet.with_strays(file.clone()))
        .unwrap()
}

fn all_members(fleet: &ParquetFleet<'_>, file: &Bytes, analysis: &Analysis) -> Vec<Member> {
    let mut members = Vec::new();
    for batch in 0..fleet.batches() {
        let mut read = fleet.read(batch, file.clone()).unwrap();
        for member in read.take_members() {
            members.push((member.name.clone(), read.assemble(analysis, member).unwrap()));
        }
    }
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members
}

#[test]
fn a_file_says_the_same_whatever_its_format_order_and_parts() {
    let (analysis, sizes) = (analysis(), [3, 120, 40, 11]);
    let expected = of_csv(&rows(&sizes));
    assert_eq!(expected.len(), sizes.len());
    // A host has three values a minute: all hosts have 10,440, and those of the largest member 7,200.
    for (rows, most_values, parts, readings) in [
        (rows(&sizes), 10_440, 1, 1.0),
        (rows(&sizes), 8_000, 2, 1.2),
        (rows(&sizes), 1, 4, 1.6),
        (by_time(rows(&sizes)), 10_440, 1, 1.0),
        (by_time(rows(&sizes)), 1, 4, 4.0),
    ] {
        assert_eq!(of_csv(&rows), expected);
        let file = parquet(&rows);
        let fleet = opened(&file, &analysis, most_values);
        assert_eq!((fleet.members(), fleet.batches()), (sizes.len(), parts));
        assert!((fleet.readings() - readings).abs() < 1e-9, "{}", fleet.readings());
        assert_eq!(all_members(&fleet, &file, &analysis), expected);
    }
}

fn points(arm: &Arm) -> f64 {
    let sum = |observations: &Observations| match observations {
        Observations::Ratio(points) => points.iter().map(|point| point.value.total).sum(),
        Observations::Value(points) => points.iter().map(|point| point.value).sum(),
        Observations::Count(_) | Observations::Histogram { .. } => f64::NAN,
    };
    arm.replicas.iter().map(|replica| sum(&replica.observations)).sum()
}

#[test]
fn many_replicas_are_judged_in_pools_of_one_size() {
    let members = of_csv(&rows(&[32, 400]));
    let sizes = |member: usize, check: usize| {
        let arms = &members[member].1.series[check].arms;
        (arms.control.replicas.len(), arms.canary.replicas.len())
    };
    // 28 and 4 hosts are told apart; 360 are dealt into pools of 12, and 40 into such of no fewer.
    assert_eq!([sizes(0, 0), sizes(0, 1)], [(28, 4); 2]);
    assert_eq!([sizes(1, 0), sizes(1, 1)], [(30, 3); 2]);
    let [level, errors] = [0, 1].map(|check| &members[1].1.series[check].arms);
    let names: BTreeSet<&str> =
        level.control.replicas.iter().map(|replica| replica.name.as_str()).collect();
    assert!(names.iter().all(|name| name.ends_with(" and 11 others")), "{names:?}");
    let others = |name: &str| name.ends_with(" and 12 others") || name.ends_with(" and 13 others");
    assert!(level.canary.replicas.iter().all(|it| others(&it.name)));
    // Not a request is lost, and no level.
    let hosts = |of_arm: fn(i64) -> bool| (0..400).filter(move |&host| of_arm(host));
    let requests: f64 = hosts(|host| host % 10 != 0).map(|host| 100.0 + host as f64).sum();
    assert!((points(&errors.control) - requests * MINUTES as f64).abs() < 1e-6);
    let levels = hosts(|host| host % 10 == 0)
        .flat_map(|host| (0..MINUTES).map(move |minute| (host * 7 + minute) as f64 / 8.0));
    // Pools of 13 and of 14 weigh alike.
    let mean_of_pools = points(&level.canary) / (3 * MINUTES) as f64;
    assert!((mean_of_pools / (levels.sum::<f64>() / (40 * MINUTES) as f64) - 1.0).abs() < 0.02);
}

#[test]
fn who_is_nobody_is_counted_and_who_has_no_canary_is_told() {
    let mut rows = rows(&[20, 20]);
    rows.retain(|row| row.1 == "s0" || row.3 == "control");
    rows.push((0, String::new(), "h999".to_owned(), "control", [1.0, 1.0, 0.0]));
    let (analysis, text) = (analysis(), csv(&rows));
    let (mut fleet, _) =
        read_recorded_fleet("fleet.csv", text.as_bytes(), &analysis, CounterForm::Increments)
            .unwrap();
    assert_eq!(fleet.strays(), 3);
    let members = fleet.take_members();
    let told: Vec<(&str, bool)> =
        members.iter().map(|member| (member.name[0].as_str(), member.has_canary)).collect();
    assert_eq!(told, [("s0", true), ("s1", false)]);
    let file = parquet(&rows);
    assert_eq!(opened(&file, &analysis, 1).strays(), 3);
    let of_services: Vec<Row> = rows.iter().filter(|row| !row.1.is_empty()).cloned().collect();
    assert_eq!(opened(&parquet(&of_services), &analysis, 1).strays(), 0);
}

#[test]
fn errors_of_nobody_are_not_no_errors() {
    let text = "for_each: [service]\nchecks:\n  errors: {ratio: {bad: errors, total: requests}}\n";
    let analysis = serin_check::read("fleet.yaml", text).unwrap().analysis;
    let (mut times, mut names) = (Vec::new(), Vec::new());
    let mut rows = String::from("time,service,arm,metric,value\n");
    for minute in 0..MINUTES {
        for arm in ["control", "canary"] {
            for (service, metric) in [("shop", "requests"), ("", "errors")] {
                times.push(minute * 60);
                names.push((service, arm, metric));
                writeln!(rows, "{},{service},{arm},{metric},50", minute * 60).unwrap();
            }
        }
    }
    let texts = |text: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        let texts = names.iter().map(|name| Some(text(name)).filter(|text| !text.is_empty()));
        Arc::new(texts.collect::<StringArray>()) as ArrayRef
    };
    let file = parquet_of(vec![
        ("time", Arc::new(Int64Array::from(times))),
        ("service", texts(|name| name.0)),
        ("arm", texts(|name| name.1)),
        ("metric", texts(|name| name.2)),
        ("value", Arc::new(Float64Array::from(vec![50.0; names.len()]))),
    ]);
    let of_parquet = all_members(&opened(&file, &analysis, 1), &file, &analysis);
    let form = CounterForm::Increments;
    let (mut fleet, _) =
        read_recorded_fleet("fleet.csv", rows.as_bytes(), &analysis, form).unwrap();
    let member = fleet.take_members().remove(0);
    let of_csv = fleet.assemble(&analysis, member).unwrap();
    for (name, member) in [("CSV", &of_csv), ("Parquet", &of_parquet[0].1)] {
        let failure = member.series[0].failure.as_deref().unwrap_or_default();
        assert!(failure.contains("gave series of no member of the fleet"), "{name}: {failure}");
    }
}

#[test]
fn two_series_of_one_replica_are_seen_in_a_pool_too() {
    let mut text = String::from("time,service,host,container,arm,level,requests,errors\n");
    for (time, service, host, arm, [level, requests, errors]) in rows(&[100]) {
        let containers: &[&str] = if host == "h042" { &["main", "sidecar"] } else { &["main"] };
        for container in containers {
            writeln!(text, "{time},{service},{host},{container},{arm},{level},{requests},{errors}")
                .unwrap();
        }
    }
    let analysis = analysis();
    let (mut fleet, _) =
        read_recorded_fleet("fleet.csv", text.as_bytes(), &analysis, CounterForm::Increments)
            .unwrap();
    let member = fleet.take_members().remove(0);
    let error = fleet.assemble(&analysis, member).unwrap_err().to_string();
    assert!(error.contains("several series answer for replica \"h042\""), "{error}");
    assert!(error.contains("`container`"), "{error}");
}

#[test]
fn errors_of_a_host_without_requests_are_seen_in_a_pool_too() {
    let mut text = String::from("time,service,host,arm,metric,value\n");
    for (time, service, host, arm, [level, requests, _]) in rows(&[100]) {
        writeln!(text, "{time},{service},{host},{arm},level,{level}").unwrap();
        writeln!(text, "{time},{service},{host},{arm},errors,1").unwrap();
        if host != "h042" {
            writeln!(text, "{time},{service},{host},{arm},requests,{requests}").unwrap();
        }
    }
    let analysis = analysis();
    let (mut fleet, _) =
        read_recorded_fleet("fleet.csv", text.as_bytes(), &analysis, CounterForm::Increments)
            .unwrap();
    let member = fleet.take_members().remove(0);
    let error = fleet.assemble(&analysis, member).unwrap_err().to_string();
    assert!(error.contains("replica \"h042\" of the control has events, and no total"), "{error}");
}
