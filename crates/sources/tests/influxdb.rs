//! What InfluxDB is asked, and how its answers are read.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod store;

use serin_model::Timestamp;
use serin_sources::{Points, Quantity, source_named};

use crate::store::{START, Store};

#[test]
fn selectors_and_influxql_are_asked() {
    use Quantity::{Buckets, Counter, Level};
    let queries = [
        (Counter, "http_requests_total{code=~\"5..\", $arm}"),
        (Level, "cpu{__field__=\"usage_user\", cpu!=\"cpu-total\", $arm}"),
        (Buckets, "duration_bucket"),
        (Level, "m{a=\"\", path!~\"/a/\\\\\\\\d+\", b='it\\'s', $arm}"),
        (Level, "{__name__=\"sys.\\\"cpu\\\"\", $arm}"),
        (Level, "rate(m{$arm}[5m])"),
        (Level, "m{a=\"$arm\"}"),
        (Counter, "select \"count\" from http where $arm and $time group by *"),
        (
            Counter,
            "SELECT sum(\"errors\") FROM \"http\" WHERE $arm AND $time AND path =~ /^x$/ GROUP BY time($step), \"host\"",
        ),
        (
            Counter,
            "SELECT count(\"errors\") FROM \"http\" WHERE $arm AND $time GROUP BY time($step)",
        ),
        (
            Counter,
            "SELECT non_negative_derivative(max(\"requests\"), 1s) FROM http WHERE ${arm} AND ${time} GROUP BY time($step)",
        ),
        (
            Counter,
            "SELECT difference(max(\"requests\")) FROM http WHERE $arm AND $time GROUP BY time($step)",
        ),
        (
            Level,
            "SELECT moving_average(mean(\"load\"), 5) FROM system WHERE $arm AND $time GROUP BY time($step)",
        ),
        (Level, "SELECT mean(\"load\") FROM system WHERE $time GROUP BY time($step)"),
        (Level, "SELECT mean(\"load\") FROM system WHERE $arm GROUP BY time($step)"),
        (Level, "SELECT mean(\"load\") FROM system WHERE $arm AND $time"),
        (Level, "SELECT \"load\" FROM system WHERE $arm AND $time"),
        (
            Level,
            "SELECT mean(\"load\") INTO copy FROM system WHERE $arm AND $time GROUP BY time($step)",
        ),
        (
            Level,
            "SELECT \"load\" FROM system WHERE $arm AND $time GROUP BY *; DROP DATABASE telegraf",
        ),
        (
            Level,
            "SELECT mean(\"load\") FROM system WHERE $arm AND $timeFilter AND $time GROUP BY time($__interval)",
        ),
        (Level, "SHOW SERIES"),
    ];
    insta::assert_snapshot!(Store::of("influxdb").plans(&queries));
}

#[test]
fn no_value_of_a_label_gets_out_of_its_quotes() {
    let store = Store::of("influxdb");
    let mut all = String::new();
    for value in
        ["a' OR ''='", "a\\", "a\\' OR 1=1 --", "a\nb", "\"", "; DROP DATABASE m", "$time", "näry"]
    {
        let arm = [("tra\"ck", value)];
        for query in ["m{$arm}", "SELECT f FROM m WHERE $arm AND $time GROUP BY *"] {
            all += &store.plan(query, Quantity::Level, &arm);
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn answers_of_every_shape_are_read() {
    let answers = [
        (
            "two series",
            r#"{"results":[{"statement_id":0,"series":[{"name":"r","tags":{"code":"","track":"canary"},"columns":["time","value"],"values":[[1600000200000,7]]},{"name":"r","tags":{"code":"200"},"columns":["time","value"],"values":[[1600000200000,1e+300],[1600000260500,0.1]]}]}]}"#,
        ),
        (
            "several fields, and nulls",
            r#"{"results":[{"series":[{"name":"cpu","columns":["time","idle","user"],"values":[[1600000200000,null,3],[1600000260000,9,null]]}]}]}"#,
        ),
        ("nothing", r#"{"results":[{"statement_id":0}]}"#),
        (
            "nothing but nulls",
            r#"{"results":[{"series":[{"name":"m","columns":["time","mean"],"values":[[1600000200000,null]]}]}]}"#,
        ),
        (
            "partial",
            r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[[1600000200000,1]],"partial":true}]}]}"#,
        ),
        (
            "messages",
            r#"{"results":[{"messages":[{"level":"warning","text":"deprecated use of '\u001b[2J'"}]}]}"#,
        ),
        (
            "a failure called a success",
            r#"{"results":[{"statement_id":0,"error":"undefined function foo()"}]}"#,
        ),
        ("no database", r#"{"results":[{"statement_id":0,"error":"database name required"}]}"#),
        (
            "a text",
            r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[[1600000200000,"up"]]}]}]}"#,
        ),
        (
            "a boolean",
            r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[[1600000200000,true]]}]}]}"#,
        ),
        (
            "a time that is none",
            r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[[1e300,1]]}]}]}"#,
        ),
        (
            "a time in words",
            r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[["2020-09-13T12:30:00Z",1]]}]}]}"#,
        ),
        (
            "a row too short",
            r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[[1600000200000]]}]}]}"#,
        ),
        (
            "no time",
            r#"{"results":[{"series":[{"name":"databases","columns":["name"],"values":[]}]}]}"#,
        ),
        ("other JSON", r#"{"hello":"world"}"#),
        ("half of it", r#"{"results":[{"series":[{"na"#),
    ];
    insta::assert_snapshot!(Store::of("influxdb").read_all(&answers));
}

#[test]
fn the_last_point_before_the_judged_time_is_what_counters_count_on_from() {
    let moment = Timestamp::from_seconds(START);
    let body = r#"{"results":[{"series":[{"name":"m","columns":["time","value"],"values":[[1599999960000,7],[1599999900000,3],[1600000200000,9]]}]}]}"#;
    let said = Store::of("influxdb").reads(Points::LastBefore(moment), "", body);
    assert_eq!(said, "  m {} 1599999960000=7\n");
}

#[test]
fn a_probe_is_answered_by_any_server() {
    let source = source_named("influxdb").unwrap();
    let body = r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["m"]]}]}]}"#;
    assert!(source.read(&source.probe(), body.as_bytes()).unwrap().series.is_empty());
}
