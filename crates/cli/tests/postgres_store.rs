//! The same canary through a recording and through PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod real_store;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::real_store::postgres::Postgres;

/// 2020-09-13T12:30:00Z
const START: i64 = 1_600_000_200;
const MINUTES: i64 = 45;

const TOP: &str = "service: shop\nreplica: pod\nstep: 1m\n\
                   window: {start: 2020-09-13T12:30:00Z, end: 2020-09-13T13:15:00Z}\n";

const ARMS: &str = "arms: {control: {track: stable}, canary: {track: 'can''ary'}}\n";

const CHECKS: &str = "checks:
  errors:
    ratio:
      bad: >-
        select date_bin($step, at, 'epoch') as time, pod, sum(events) as value from requests
        where $arm and at >= $start and at < $end and code >= 500 group by 1, 2
      total: >-
        select date_bin($step, at, 'epoch') as time, pod, sum(events) as value from requests
        where $arm and at >= $start and at < $end group by 1, 2
  load:
    gauge: select at as time, pod, load as value from loads where $arm and at >= $start and at < $end
  latency:
    histogram: select at as time, pod, le, events as value from latencies where $arm and at >= $start and at < $end
";

fn source(server: &Postgres, more: &str) -> String {
    format!(
        "source: {{postgres: {{url: 'postgres://127.0.0.1:{}/postgres', username: serin, \
         password: {{file: password}}, retries: 0{more}}}}}\n",
        server.port
    )
}

fn judge(folder: &Path, text: &str) -> (Option<i32>, Value, String) {
    serin(&["judge"], folder, text)
}

/// Runs a verb with a Check file, and returns its code, its report and its complaints.
fn serin(verb: &[&str], folder: &Path, text: &str) -> (Option<i32>, Value, String) {
    let path = folder.join("serin.yaml");
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.join("password"), "let me in\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(verb)
        .args(["--format", "json"])
        .arg(&path)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null), error)
}

fn noise(salt: i64, minute: i64) -> i64 {
    (minute * minute * 7919 + minute * 104_729 + salt) / 17 % 10
}

/// Fills the tables, and returns the same points as a recording.
fn fill(server: &Postgres, harm: bool) -> String {
    let mut csv = "time,metric,track,pod,code,le,value\n".to_owned();
    let mut sql = "drop table if exists requests, loads, latencies;
        create table requests (at timestamptz, track text, pod text, code int, events bigint);
        create table loads (at timestamptz, track text, pod text, load double precision);
        create table latencies (at timestamptz, track text, pod text, le text, events numeric);
        grant select on requests, loads, latencies to serin;\n"
        .to_owned();
    for (arm, track) in ["stable", "can'ary"].into_iter().enumerate() {
        for (number, pod) in ["a", "b"].into_iter().enumerate() {
            for minute in 0..MINUTES {
                let noise =
                    |salt: i64| noise(salt + 1000 * arm as i64 + 77 * number as i64, minute);
                let time = START + 60 * minute;
                let quoted = track.replace('\'', "''");
                let row = format!("to_timestamp({time}), '{quoted}', '{pod}'");
                let errors = if harm && arm == 1 { 90 } else { noise(7) / 5 };
                for (code, events) in [(200, 1000 + noise(31)), (500, errors)] {
                    // Two rows, so that a sum is no single value; a row of nothing is none.
                    for (after, part) in [(0, events - events / 3), (20, events / 3)] {
                        if part > 0 {
                            let row = row.replace(&time.to_string(), &(time + after).to_string());
                            writeln!(sql, "insert into requests values ({row}, {code}, {part});")
                                .unwrap();
                        }
                    }
                    if events > 0 {
                        writeln!(csv, "{time},requests,{track},{pod},{code},,{events}").unwrap();
                    }
                }
                let load = 0.5 + noise(13) as f64 / 64.0;
                writeln!(csv, "{time},loads,{track},{pod},,,{load}").unwrap();
                writeln!(sql, "insert into loads values ({row}, {load});").unwrap();
                for (le, share) in [("0.1", 50), ("0.5", 90), ("+Inf", 100)] {
                    let events = (100 + noise(31)) * share / 100;
                    writeln!(csv, "{time},latencies,{track},{pod},,{le},{events}").unwrap();
                    writeln!(sql, "insert into latencies values ({row}, '{le}', {events});")
                        .unwrap();
                }
            }
        }
    }
    server.sql(&sql);
    csv
}

#[test]
fn a_recording_and_postgres_give_the_same_verdict() {
    let Some(server) = Postgres::start() else { return };
    server.sql("create role serin login password 'let me in';");
    let folder = tempfile::tempdir().unwrap();
    for (harm, expected) in [(false, 0), (true, 2)] {
        std::fs::write(folder.path().join("rows.csv"), fill(&server, harm)).unwrap();
        let of_file = "checks:\n  errors: {ratio: {bad: 'requests{code=~\"5..\"}', total: requests}}\n  \
                       load: {gauge: loads}\n  latency: {histogram: latencies}\n";
        let source_file = "source: {file: {path: rows.csv, counters: increments}}\n";
        let (code, recorded, error) =
            judge(folder.path(), &format!("{TOP}{ARMS}{source_file}{of_file}"));
        assert_eq!((code, error.as_str()), (Some(expected), ""));
        let text = format!("{TOP}{ARMS}{}{CHECKS}", source(&server, ""));
        let (code, stored, error) = judge(folder.path(), &text);
        assert_eq!((code, error.as_str()), (Some(expected), ""));
        for part in ["outcome", "reason", "scorecard", "metrics", "warnings"] {
            assert_eq!(stored["verdict"][part], recorded["verdict"][part], "{part}");
        }
        assert_eq!(stored["span"], recorded["span"]);
    }
}

#[test]
fn what_the_control_did_before_the_canary_is_asked_for_too() {
    let Some(server) = Postgres::start() else { return };
    server.sql("create role serin login password 'let me in';");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), fill(&server, true)).unwrap();
    let top = TOP.replace("start: 2020-09-13T12:30:00Z", "start: 2020-09-13T12:55:00Z");
    let of_file = "source: {file: {path: rows.csv, counters: increments}}\nchecks:\n  \
                   errors: {ratio: {bad: 'requests{code=~\"5..\"}', total: requests}}\n  \
                   load: {gauge: loads}\n  latency: {histogram: latencies}\n";
    let (code, recorded, error) = judge(folder.path(), &format!("{top}{ARMS}{of_file}"));
    assert_eq!((code, error.as_str()), (Some(2), ""));
    let text = format!("{top}{ARMS}{}{CHECKS}", source(&server, ""));
    let (code, stored, error) = judge(folder.path(), &text);
    assert_eq!((code, error.as_str()), (Some(2), ""));
    let of_past = stored["inputs"][1]["path"].as_str().unwrap();
    assert!(of_past.ends_with(" queries of the past"), "{of_past}");
    for part in ["outcome", "reason", "metrics", "warnings"] {
        assert_eq!(stored["verdict"][part], recorded["verdict"][part], "{part}");
    }
}

#[test]
fn a_plan_and_a_self_test_learn_from_the_last_hour() {
    let Some(server) = Postgres::start() else { return };
    server.sql("create role serin login password 'let me in';");
    fill(&server, false);
    let end = START + 60 * MINUTES;
    for table in ["requests", "loads", "latencies"] {
        let moved = format!("date_trunc('minute', now()) - to_timestamp({end})");
        server.sql(&format!("update {table} set at = at + ({moved});"));
    }
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{TOP}{ARMS}{}{CHECKS}", source(&server, ""));
    let last_hour = ["--history", "1h", "--horizon", "15m"];
    let plan = [&["plan"][..], &last_hour].concat();
    let (code, report, error) = serin(&plan, folder.path(), &text);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    for metric in report["plan"]["metrics"].as_array().unwrap() {
        assert!(metric["outlook"]["half"].as_f64().unwrap() > 0.0, "{metric:#}");
    }
    let self_test = [&["selftest", "--splits", "20"][..], &last_hour].concat();
    let (code, report, error) = serin(&self_test, folder.path(), &text);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(report["self_test"]["canary"]["blamed"]["of"], 20, "{report:#}");
    assert_eq!(report["self_test"]["metrics"].as_array().unwrap().len(), 3);
}

#[test]
fn what_a_database_refuses_is_said_in_its_words() {
    let Some(server) = Postgres::start() else { return };
    server.sql("create role serin login password 'let me in';");
    fill(&server, false);
    server.sql("create table secrets (at timestamptz, track text, value int);");
    server
        .sql("create function spoilt() returns int language sql as 'delete from loads; select 1';");
    server.sql("grant delete on loads to serin;");
    let folder = tempfile::tempdir().unwrap();
    let all = "$arm and at >= $start and at < $end";
    let load = format!("select at as time, pod, load as value from loads where {all}");
    let cases = [
        ("no such table", "", format!("select at as time, 1 as value from nowhere where {all}")),
        ("no column `time`", "", format!("select at, load as value from loads where {all}")),
        ("no such label", "", load.replace("loads", "(select at, pod, load from loads) as x")),
        (
            "values that are none",
            "",
            format!("select at as time, pod as value from loads where {all}"),
        ),
        ("no right to read", "", format!("select at as time, value from secrets where {all}")),
        ("a change", "", load.replace("load as", "spoilt() as")),
        (
            "too slow",
            ", timeout: 2s",
            load.replace("load as", "load + extract(epoch from pg_sleep(9)::text::interval) as"),
        ),
        ("slow", ", timeout: 2s", load.replace("load as", "(select 1 from pg_sleep(9)) as")),
        (
            "too many rows",
            ", timeout: 60s",
            format!(
                "select at as time, n as value from loads, generate_series(1, 100000) as n where {all}"
            ),
        ),
        (
            "two values for one moment",
            "",
            format!(
                "select at as time, n as value from loads, generate_series(1, 2) as n where {all}"
            ),
        ),
        ("nothing", "", load.replace("where", "where false and")),
        ("not a single value", "", load.replace("pod,", "array[pod] as pods,")),
        ("another database", "/nowhere", load.clone()),
        ("another user", "nobody", load.clone()),
        ("no such name", "name", load.clone()),
    ];
    let mut told = String::new();
    for (name, more, query) in cases {
        let settings = if more.starts_with(", timeout") { more } else { "" };
        let mut source = source(&server, settings);
        match more {
            "/nowhere" => source = source.replace("/postgres'", "/nowhere'"),
            "nobody" => source = source.replace("username: serin", "username: nobody"),
            "name" => source = source.replace("127.0.0.1", "no-such-host.invalid"),
            _ => {}
        }
        let text = format!("{TOP}{ARMS}{source}checks:\n  load:\n    gauge: >-\n      {query}\n");
        let (code, report, error) = judge(folder.path(), &text);
        let error = error.replace(&server.port.to_string(), "PORT");
        let reason = report["verdict"]["reason"].as_str().unwrap_or_default();
        let reason = reason.replace(&server.port.to_string(), "PORT");
        writeln!(told, "── {name}\nexit {} {reason}{error}", code.unwrap()).unwrap();
    }
    insta::assert_snapshot!(told);
    // Nothing was changed.
    server.sql(
        "do $$ begin if (select count(*) from loads) <> 180 then raise 'changed'; end if; end $$;",
    );
}

#[test]
fn a_connection_is_made_to_those_alone_who_are_trusted() {
    let has_openssl = Command::new("openssl").arg("version").output().is_ok();
    let secured = |server: &Postgres| {
        let openssl =
            |words: &str| server.run("openssl", &words.split(' ').collect::<Vec<_>>(), "");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        for name in ["authority", "other"] {
            openssl(&format!(
                "req -x509 {key} -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ));
        }
        openssl(&format!("req {key} -subj /CN=server -keyout server.key -out server.csr"));
        let names = server.folder.path().join("names");
        std::fs::write(names, "subjectAltName=IP:127.0.0.1\n").unwrap();
        openssl(
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 \
             -extfile names -out server.pem",
        );
        let folder = server.folder.path().display();
        format!(
            "-c ssl=on -c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server.key"
        )
    };
    let Some(server) = has_openssl.then(|| Postgres::started(secured)).flatten() else { return };
    server.sql("create role serin login password 'let me in';");
    fill(&server, false);
    let folder = tempfile::tempdir().unwrap();
    for name in ["authority.pem", "other.pem"] {
        std::fs::copy(server.folder.path().join(name), folder.path().join(name)).unwrap();
    }
    server.sql("create view sessions as select ssl::int as is_secured from pg_stat_ssl where pid = pg_backend_pid(); grant select on sessions to serin;");
    let secured = "checks:\n  secured:\n    gauge: select at as time, pod, is_secured as value from loads, sessions where $arm and at >= $start and at < $end\n    limit: {below: 0.5}\n";
    let mut told = String::new();
    for (name, more) in [
        ("an authority that signed it", ", tls: {authority: authority.pem}"),
        ("another authority", ", tls: {authority: other.pem}"),
        ("nothing said, on this machine", ""),
    ] {
        let text = format!("{TOP}{ARMS}{}{secured}", source(&server, more));
        let (code, report, error) = judge(folder.path(), &text);
        let value = &report["verdict"]["metrics"][0]["canary"]["mean"];
        let said = error.lines().nth(2).unwrap_or_default().trim();
        writeln!(told, "── {name}\nexit {} {value} {said}", code.unwrap()).unwrap();
    }
    insta::assert_snapshot!(told);
}
