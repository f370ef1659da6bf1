use std::fmt::Write as _;
use std::time::Duration;

use serin_model::{LabelSelector, Query, Step, Timestamp, Window};

use super::Datadog;
use crate::datadog_v1::DatadogV1;
use crate::source::{Answer, AnswerError, Asked, Plan, Quantity, QueryError, Request, Source};

fn plan(
    source: &dyn Source,
    query: &str,
    quantity: Quantity,
    arm: &[(&str, &str)],
    minutes: i64,
) -> Result<Plan, QueryError> {
    let start = 1_600_000_200_000;
    let arm: LabelSelector =
        arm.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    source.plan(&Asked {
        query: &Query::new(query).unwrap(),
        quantity,
        arm: &arm,
        window: Window {
            start: Timestamp::from_millis(start),
            end: Timestamp::from_millis(start + minutes * 60_000),
        },
        step: Step::from_seconds(60).unwrap(),
        for_each: &[],
        replica: None,
        timeout: Duration::from_secs(30),
    })
}

fn drawn(plan: Result<Plan, QueryError>) -> String {
    let mut drawing = String::new();
    match plan {
        Err(error) => writeln!(drawing, "{error}").unwrap(),
        Ok(plan) => {
            for request in &plan.requests {
                let parameters: Vec<String> = request
                    .parameters
                    .iter()
                    .map(|(name, text)| format!("{name}={text}"))
                    .collect();
                writeln!(drawing, "{} {}", request.path, parameters.join(" & ")).unwrap();
                if let Some(body) = &request.body {
                    writeln!(drawing, "  {}\n  shown as {}", body.text, body.query).unwrap();
                }
            }
            writeln!(drawing, "{:?}, per second: {}", plan.counters, plan.per_second).unwrap();
        }
    }
    drawing
}

#[test]
fn queries_are_asked_for_one_arm_or_refused() {
    let canary = [("track", "canary")];
    let queries = [
        ("sum:hits{env:prod,$arm}.as_count()", Quantity::Counter),
        ("sum:hits{$arm} by {host}.as_count().fill(zero)", Quantity::Counter),
        ("sum:hits{$arm}.as_count().rollup(sum, $step)", Quantity::Counter),
        ("sum:a{$arm}.as_count() - sum:b{$arm,code:5xx}.as_count()", Quantity::Counter),
        ("sum:a{$arm}.as_count()-sum:b{$arm}.as_count()", Quantity::Counter),
        (
            "default_zero(100 * avg:a{$arm} / moving_rollup(avg:b{$arm}, $window, 'max'))",
            Quantity::Level,
        ),
        ("sum:hits{$arm}.as_rate()", Quantity::Counter),
        ("p95:latency{$arm}", Quantity::Level),
        ("m{$arm}", Quantity::Level),
        ("sum:hits{$arm}", Quantity::Counter),
        ("avg:hits{$arm}.as_count()", Quantity::Counter),
        ("sum:hits{*}.as_count()", Quantity::Counter),
        ("sum:hits{!$arm}.as_count()", Quantity::Counter),
        ("sum:hits{env:prod OR $arm}.as_count()", Quantity::Counter),
        ("sum:a{$arm}.as_count() + sum:b{*}.as_count()", Quantity::Counter),
        ("sum:hits{env:$env,$arm}.as_count()", Quantity::Counter),
        ("sum:hits{$arm.as_count()", Quantity::Counter),
        ("hits", Quantity::Counter),
        ("latency{$arm}", Quantity::Buckets),
    ];
    let mut all = String::new();
    for (query, quantity) in queries {
        writeln!(all, "── {query}, {quantity:?}").unwrap();
        all += &drawn(plan(&Datadog, query, quantity, &canary, 30));
        all += &drawn(plan(&DatadogV1, query, quantity, &canary, 30));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn labels_that_are_no_tags_are_refused() {
    for arm in [("track", "a} by {host"), ("track", "a,env:prod"), ("track", ""), ("a:b", "c")] {
        let error = plan(&Datadog, "m{$arm}", Quantity::Level, &[arm], 30).unwrap_err();
        assert!(error.reason.ends_with("is no tag of Datadog"), "{error}");
    }
    let several = [("kube_deployment", "shop/v1.2-a"), ("track", "größe_1")];
    let plan = plan(&DatadogV1, "m{$arm}", Quantity::Level, &several, 30).unwrap();
    assert_eq!(plan.requests[0].query(), "m{kube_deployment:shop/v1.2-a,track:größe_1}");
}

#[test]
fn a_long_window_is_asked_for_in_parts_without_overlap() {
    for source in [&Datadog as &dyn Source, &DatadogV1] {
        let plan = plan(source, "m{$arm}", Quantity::Level, &[("track", "a")], 3200).unwrap();
        let points: Vec<_> = plan.requests.iter().map(|request| request.points).collect();
        insta::allow_duplicates! {
            insta::assert_debug_snapshot!(points, @r"
            [
                Steps(
                    Timestamp(
                        1600000200000,
                    ),
                    Timestamp(
                        1600090200000,
                    ),
                    60,
                ),
                Steps(
                    Timestamp(
                        1600090200000,
                    ),
                    Timestamp(
                        1600180200000,
                    ),
                    60,
                ),
                Steps(
                    Timestamp(
                        1600180200000,
                    ),
                    Timestamp(
                        1600192200000,
                    ),
                    60,
                ),
            ]
            ");
        }
    }
}

fn request(source: &dyn Source) -> Request {
    let plan = plan(source, "m{$arm}", Quantity::Level, &[("track", "canary")], 30);
    plan.unwrap().requests.remove(0)
}

fn told(answer: Result<Answer, AnswerError>) -> String {
    match answer {
        Err(error) => format!("{error}\n"),
        Ok(answer) => {
            let mut told = String::new();
            for series in answer.series {
                let points: Vec<String> = series
                    .samples
                    .iter()
                    .map(|point| format!("{}: {}", point.time.as_millis(), point.value))
                    .collect();
                writeln!(told, "{:?} {}", series.labels, points.join("  ")).unwrap();
            }
            for notice in answer.notices {
                writeln!(told, "! {notice:?}").unwrap();
            }
            told
        }
    }
}

/// Answers as the documentation of the API shows them.
#[test]
fn answers_are_read() {
    let v1 = [
        r#"{"error":"","from_date":1600000200000,"group_by":["host"],"message":"","query":"m{track:canary} by {host}","res_type":"time_series","resp_version":1,"series":[{"aggr":"avg","display_name":"m","end":1600000319000,"expression":"m{track:canary,host:a}","interval":60,"length":3,"metric":"m","pointlist":[[1600000200000.0,1.5],[1600000260000.0,null],[1600000320000.0,0.0]],"query_index":0,"scope":"host:a,track:canary","start":1600000200000,"tag_set":["host:a"],"unit":[null,null]}],"status":"ok","times":[],"to_date":1600002000000,"values":[]}"#,
        r#"{"status":"ok","series":[{"scope":"track:canary AND !env:x","interval":300,"pointlist":[[1600000200000.0,1.5]]}]}"#,
        r#"{"status":"ok","series":[],"message":"3 of 4 shards\u001b[2J"}"#,
        r#"{"status":"ok","series":[{"pointlist":[[1e300,1]]}]}"#,
        r#"{"status":"ok","series":[{"pointlist":[[1600000200000,"many"]]}]}"#,
        r#"{"status":"error","error":"Error parsing query: unexpected token","series":[]}"#,
        r#"{"errors":["Forbidden"]}"#,
        r#"{"hello":"world"}"#,
        r#"{"status":"ok","ser"#,
        "",
    ];
    let v2 = [
        r#"{"data":{"type":"timeseries_response","attributes":{"series":[{"group_tags":["host:a","az:1"],"query_index":0,"unit":[{"name":"second"},null]},{"group_tags":["host:b","az:1","az:2"],"query_index":0}],"times":[1600000200000,1600000260000],"values":[[1.5,null],[0.0,2.0]]}}}"#,
        r#"{"data":{"type":"timeseries_response","attributes":{"series":[],"times":[],"values":[]}}}"#,
        r#"{"data":{"type":"timeseries_response","attributes":{"series":[{"group_tags":null}],"times":[1600000200000,1600000500000],"values":[[1,2]]}}}"#,
        r#"{"data":{"type":"timeseries_response","attributes":{"series":[{}],"times":[1600000200000],"values":[[1,2]]}}}"#,
        r#"{"data":{"type":"timeseries_response","attributes":{"series":[{}],"times":[],"values":[]}}}"#,
        r#"{"data":{"attributes":{"series":[],"times":[],"values":[]}},"errors":[{"title":"Generic Error","detail":"a shard is down"}]}"#,
        r#"{"errors":[{"title":"Generic Error","detail":""}]}"#,
    ];
    let mut all = String::new();
    for (source, bodies) in [(&DatadogV1 as &dyn Source, &v1[..]), (&Datadog, &v2[..])] {
        let request = request(source);
        for body in bodies {
            let told = told(source.read(&request, body.as_bytes()));
            write!(all, "── {}: {body}\n{told}", source.name()).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_probe_asks_whether_the_key_is_one() {
    let probe = Datadog.probe();
    assert_eq!(probe.path, "/api/v1/validate");
    assert_eq!(Datadog.read(&probe, br#"{"valid":true}"#), Ok(Answer::default()));
    let words = "the key is not valid".to_owned();
    let failed = Err(AnswerError::Failed { words });
    assert_eq!(DatadogV1.read(&probe, br#"{"valid":false}"#), failed);
}
