//! What OpenTSDB is asked, and how its answers are read.
//!
//! The answers have the shapes of its documentation of 2.3 and 2.4; no server is asked here.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod store;

use serin_model::Timestamp;
use serin_sources::{Points, Quantity, Request, source_named};

use crate::store::{START, Store};

#[test]
fn selectors_and_its_own_queries_are_asked() {
    use Quantity::{Buckets, Counter, Level};
    let queries = [
        (Counter, "http_requests_total{code=~\"5..\", $arm}"),
        (Counter, "http_requests_total"),
        (Level, "{__name__=\"sys.cpu.user\", $arm}"),
        (Buckets, "duration_bucket{$arm}"),
        (
            Level,
            "m{a!=\"x\", b=\"\", c!~\"y|z\", d=~\".*\", e=~\"a{2,3}\", f=~\"(?i)x\", g=\"a:b\", $arm}",
        ),
        (Level, "{__name__=~\"a|b\", $arm}"),
        (Level, "{__name__=\"Error rate\", $arm}"),
        (Level, "m{code=~\"$code\", $arm}"),
        (Level, "m{$stage}"),
        (Level, "sum(m{$arm})"),
        (Counter, "none:errors{$arm,host=*}"),
        (Level, "zimsum:$step-sum:errors{$arm}{dc=wildcard(eu*)}"),
        (Counter, "sum:1m-sum:errors{$arm}"),
        (Counter, "sum:1m-sum-zero:errors{$arm}"),
        (Counter, "sum:1m-count:errors{$arm}"),
        (Counter, "sum:rate{counter,,1000}:1m-avg:errors{$arm}"),
        (Level, "p99:latency{$arm,path=regexp(^/pay$)}"),
        (Level, "avg:0all-avg:load{$arm}"),
        (Level, "avg:1m-avg:load"),
        (Level, "avg:1m-avg:load{$arm,a=regexp((?:x|y))}"),
        (Level, "avg:1m-avg:load{$arm,a=$other}"),
    ];
    insta::assert_snapshot!(Store::of("opentsdb").plans(&queries));
}

#[test]
fn an_arm_may_be_told_by_what_it_lacks_or_by_many_tags() {
    let store = Store::of("opentsdb");
    let arms: [&[(&str, &str)]; 3] =
        [&[("track", "")], &[("track", "canary"), ("dc", "eu/1")], &[("version", "2.4 rc=1")]];
    let mut all = String::new();
    for arm in arms {
        for query in ["m{$arm}", "avg:m{$arm}"] {
            all += &format!("{arm:?} {query}\n{}\n", store.plan(query, Quantity::Level, arm));
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn no_value_of_a_label_gets_out_of_its_filter() {
    let store = Store::of("opentsdb");
    for value in ["a}", "a,b=c", "a)|b", "a|b", "{", "a:b", "*", "a b", "\"", "a=b", "\n"] {
        let arm = [("track", value)];
        let own = store.plan("avg:1m-avg:m{$arm}", Quantity::Level, &arm);
        assert!(own.starts_with("  refused: "), "{value:?}: {own}");
        // What cannot be asked for is told apart in the answer.
        let selector = store.plan("m{$arm}", Quantity::Level, &arm);
        assert!(selector.starts_with("  samples m=none:m{}  start="), "{value:?}: {selector}");
    }
}

#[test]
fn answers_of_every_shape_are_read() {
    let answers = [
        (
            "a mapping, in seconds",
            r#"[{"metric":"errors","tags":{"host":"a"},"aggregateTags":[],"dps":{"1600000260":7,"1600000200":3758788892}}]"#,
        ),
        (
            "pairs, in milliseconds",
            r#"[{"metric":"errors","tags":{"host":"a"},"aggregateTags":["dc"],"dps":[[1600000200500,25595461080],[1600000260000,0.1]]}]"#,
        ),
        (
            "numbers that are none",
            r#"[{"metric":"m","tags":{},"dps":[[1600000200000,"NaN"],[1600000260000,null],[1600000320000,"Infinity"],[1600000380000,"1.5"]]}]"#,
        ),
        ("nothing", "[]"),
        ("a series of which nothing lies in the time", r#"[{"metric":"m","tags":{},"dps":{}}]"#),
        (
            "notes",
            r#"[{"metric":"m","tags":{},"annotations":[{"tsuid":"00001C0000FB0000FB","description":"deployed 2.4\u001b[2J","notes":"","custom":{"owner":"jdoe"},"endTime":0,"startTime":1600000262}],"globalAnnotations":[{"description":"DAL was down","notes":"","custom":null,"endTime":0,"startTime":1600000264},{"description":"long before","startTime":1500000000}],"dps":[[1600000200000,1]]},{"statsSummary":{"processingPreWriteTime":20}}]"#,
        ),
        ("empty tags", r#"[{"metric":"m","tags":{"host":""},"dps":[[1600000200000,1]]}]"#),
        ("a number that is none", r#"[{"metric":"m","tags":{},"dps":[[1600000200000,"many"]]}]"#),
        ("a time that is none", r#"[{"metric":"m","tags":{},"dps":{"yesterday":1}}]"#),
        ("a time in nanoseconds", r#"[{"metric":"m","tags":{},"dps":[[1600000200000000000,1]]}]"#),
        (
            "a failure called a success",
            r#"{"error":{"code":500,"message":"HBase is down","details":"region 7"}}"#,
        ),
        ("no metric", r#"[{"tags":{},"dps":[]}]"#),
        ("other JSON", r#"{"hello":"world"}"#),
        ("half of it", r#"[{"metric":"m","ta"#),
        ("a page", "<html>"),
    ];
    insta::assert_snapshot!(Store::of("opentsdb").read_all(&answers));
}

#[test]
fn the_last_point_before_the_judged_time_is_what_counters_count_on_from() {
    let moment = Timestamp::from_seconds(START);
    let body = r#"[{"metric":"m","tags":{},"annotations":[{"description":"old","startTime":1599999000}],
        "dps":[[1599999900000,3],[1599999960000,7],[1600000020000,"NaN"],[1600000200000,9]]}]"#;
    let said = Store::of("opentsdb").reads(Points::LastBefore(moment), "", body);
    assert_eq!(said, "  m {} 1599999960000=7\n");
}

#[test]
fn a_name_that_was_never_written_is_absence_where_it_was_asked_for() {
    let source = source_named("opentsdb").unwrap();
    let request = |query: &str| Request {
        path: "/api/query".to_owned(),
        parameters: vec![("m", query.to_owned())],
        points: Points::LastBefore(Timestamp::from_seconds(START)),
        body: None,
    };
    let body = |kind: &str, name: &str| {
        format!(
            r#"{{"error":{{"code":400,"message":"No such name for '{kind}': '{name}'","trace":"…"}}}}"#
        )
    };
    let one = "none:m{track=literal_or(canary),code=literal_or(500)}";
    for (query, status, kind, name, is_absence) in [
        (one, 400, "metrics", "m", true),
        (one, 404, "metrics", "m", true),
        (one, 400, "tagv", "500", true),
        (one, 400, "tagk", "code", true),
        (one, 500, "metrics", "m", false),
        (one, 400, "tagv", "5", false),
        ("none:m{code=literal_or(500|503)}", 400, "tagv", "503", false),
        ("none:m{code=not_literal_or(500)}", 400, "tagv", "500", false),
        ("none:m{code=not_literal_or(500)}", 400, "tagk", "code", false),
        ("none:m{code=regexp(^(5..)$)}", 400, "tagk", "code", false),
    ] {
        let said = source.is_absence(&request(query), status, body(kind, name).as_bytes());
        assert_eq!(said, is_absence, "{query} {status} {kind} {name}");
    }
    let other = br#"{"error":{"code":400,"message":"No such aggregator: none"}}"#;
    assert!(!source.is_absence(&request(one), 400, other));
    assert!(!source.is_absence(
        &request(one),
        400,
        b"<html>No such name for 'metrics': 'm'</html>"
    ));
}
