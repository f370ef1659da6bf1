//! What a healthy store of each kind answers, and how it says that something is wrong.

use std::fmt::Write as _;

/// How a kind of store speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    CloudWatch,
    Datadog,
    DatadogV1,
    Graphite,
    InfluxDb,
    OpenTsdb,
    Prometheus,
}

/// 2020-09-13T12:30:00Z, in seconds.
const START: i64 = 1_600_000_200;

impl Dialect {
    /// Returns that of a kind of store.
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "cloudwatch" => Self::CloudWatch,
            "datadog" => Self::Datadog,
            "datadog_v1" => Self::DatadogV1,
            "graphite" => Self::Graphite,
            "influxdb" => Self::InfluxDb,
            "opentsdb" => Self::OpenTsdb,
            "amazon_managed_prometheus"
            | "grafana_cloud"
            | "mimir"
            | "prometheus"
            | "thanos"
            | "victoriametrics" => Self::Prometheus,
            other => panic!("`{other}` has no healthy answer here: a source without conformance"),
        }
    }

    /// Answers a request with an hour at one point a minute, the canary as good as the control.
    pub(crate) fn healthy(self, request: &str) -> String {
        match self {
            Self::CloudWatch => cloudwatch_body(request),
            Self::Datadog => datadog_body(request),
            Self::DatadogV1 => datadog_v1_body(request),
            Self::Graphite => graphite_body(request),
            Self::InfluxDb => influxdb_body(request),
            Self::OpenTsdb => opentsdb_body(request),
            Self::Prometheus => prometheus_body(request, |_| true),
        }
    }

    /// Writes the queries of checks, which are selectors, as the store wants them.
    pub(crate) fn spoken(self, checks: &str) -> String {
        match self {
            Self::CloudWatch => checks.replace("gauge: '", "gauge: 'Average:Shop:"),
            _ => checks.to_owned(),
        }
    }

    /// Returns whether a request asks for a metric.
    pub(crate) fn is_about(self, metric: &str, request: &str) -> bool {
        self.metric(request) == metric
    }

    /// Returns the metric that a request asks for.
    fn metric(self, request: &str) -> &str {
        let (before, after) = match self {
            Self::CloudWatch => ("\"MetricName\":\"", "\""),
            Self::Datadog => ("\"query\":\"", "{"),
            Self::Graphite => ("name%3D", "%27"),
            Self::InfluxDb => ("FROM+%22", "%22"),
            Self::OpenTsdb => ("m=none%3A", "%7B"),
            Self::DatadogV1 | Self::Prometheus => ("query=", "%7B"),
        };
        let query = request.split(before).nth(1).unwrap_or_default();
        query.split(after).next().unwrap_or_default()
    }

    /// Says in the store's words that it failed.
    pub(crate) fn failure(self, kind: &str, words: &str) -> String {
        if self == Self::Graphite {
            return words.to_owned();
        }
        let words = words.replace('"', "\\\"");
        match self {
            Self::CloudWatch => {
                format!(r#"{{"__type":"com.amazonaws.cloudwatch#Fault","message":"{words}"}}"#)
            }
            Self::Datadog => format!(r#"{{"errors":["{words}"]}}"#),
            Self::DatadogV1 => format!(r#"{{"status":"error","error":"{words}"}}"#),
            Self::Graphite | Self::InfluxDb => format!(r#"{{"error":"{words}"}}"#),
            Self::OpenTsdb => {
                format!(
                    r#"{{"error":{{"code":400,"message":"{words}","trace":"at net.opentsdb"}}}}"#
                )
            }
            Self::Prometheus => {
                format!(r#"{{"status":"error","errorType":"{kind}","error":"{words}"}}"#)
            }
        }
    }

    /// Answers with one point.
    pub(crate) fn point(self, seconds: &str, value: &str) -> String {
        match self {
            Self::CloudWatch => metric_data(seconds, value),
            Self::Datadog => timeseries(seconds, value),
            Self::DatadogV1 => query_result("canary", &format!("[{seconds},{value}]")),
            Self::Graphite => {
                format!(r#"[{{"target":"m","tags":{{}},"datapoints":[[{value},{seconds}]]}}]"#)
            }
            Self::InfluxDb => {
                format!(
                    r#"{{"results":[{{"statement_id":0,"series":[{{"name":"m","columns":["time","value"],"values":[[{seconds},{value}]]}}]}}]}}"#
                )
            }
            Self::OpenTsdb => {
                format!(
                    r#"[{{"metric":"m","tags":{{}},"aggregateTags":[],"dps":[[{seconds},{value}]]}}]"#
                )
            }
            Self::Prometheus => {
                let value = value.trim_matches('"');
                format!(
                    r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[[{seconds},"{value}"]]}}]}}}}"#
                )
            }
        }
    }
}

/// Returns what a kind of store needs beside its address.
pub(crate) fn settings(kind: &str) -> &'static str {
    match kind {
        "cloudwatch" | "amazon_managed_prometheus" => {
            ", aws: {region: eu-west-1, access_key_id: {env: PATH}, secret_access_key: {env: PATH}}"
        }
        _ => "",
    }
}

/// The value of a minute.
fn value(minute: i64) -> i64 {
    100 + (minute * 7919) % 13
}

/// Writes an hour of points, each by its time in seconds and its value.
fn points(point: impl Fn(i64, i64) -> String) -> String {
    let mut points = String::new();
    for minute in 0..60 {
        let comma = if minute == 0 { "" } else { "," };
        write!(points, "{comma}{}", point(START + minute * 60, value(minute))).unwrap();
    }
    points
}

/// Returns the arm that a request asks for.
fn track(request: &str) -> &'static str {
    if request.contains("canary") { "canary" } else { "stable" }
}

pub(crate) fn cloudwatch_body(request: &str) -> String {
    if request.contains("\"probe\"") {
        return metric_data("", "");
    }
    let times = points(|seconds, _| seconds.to_string());
    metric_data(&times, &points(|_, value| format!("{value}.0")))
}

fn metric_data(times: &str, values: &str) -> String {
    format!(
        r#"{{"MetricDataResults":[{{"Id":"q","Label":"m Average","StatusCode":"Complete","Timestamps":[{times}],"Values":[{values}]}}]}}"#
    )
}

pub(crate) fn datadog_body(request: &str) -> String {
    if request.contains(VALIDATE) {
        return VALID.to_owned();
    }
    let times = points(|seconds, _| format!("{seconds}000"));
    timeseries(&times, &points(|_, value| value.to_string()))
}

/// Takes times in milliseconds.
fn timeseries(times: &str, values: &str) -> String {
    format!(
        r#"{{"data":{{"type":"timeseries_response","attributes":{{"series":[{{"group_tags":[],"query_index":0,"unit":null}}],"times":[{times}],"values":[[{values}]]}}}}}}"#
    )
}

pub(crate) fn datadog_v1_body(request: &str) -> String {
    if request.contains(VALIDATE) {
        return VALID.to_owned();
    }
    let points = points(|seconds, value| format!("[{seconds}000.0,{value}]"));
    query_result(track(request), &points)
}

/// Takes points whose times are in milliseconds.
fn query_result(track: &str, points: &str) -> String {
    format!(
        r#"{{"status":"ok","res_type":"time_series","message":"","group_by":[],"series":[{{"metric":"m","scope":"track:{track}","tag_set":[],"interval":60,"length":60,"pointlist":[{points}]}}]}}"#
    )
}

/// Where Datadog is asked whether a key is one.
const VALIDATE: &str = "/api/v1/validate";
const VALID: &str = r#"{"valid":true}"#;

fn graphite_body(request: &str) -> String {
    if request.contains("constantLine") {
        return r#"[{"target":"1","tags":{},"datapoints":[[1,0],[1,30]]}]"#.to_owned();
    }
    let (metric, track) = (Dialect::Graphite.metric(request), track(request));
    let points = points(|seconds, value| format!("[{value}.0,{seconds}]"));
    format!(
        r#"[{{"target":"{metric};track={track}","tags":{{"name":"{metric}","track":"{track}"}},"datapoints":[{points}]}}]"#
    )
}

fn influxdb_body(request: &str) -> String {
    if request.contains("SHOW+DATABASES") {
        return r#"{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["telegraf"]]}]}]}"#.to_owned();
    }
    let (metric, track) = (Dialect::InfluxDb.metric(request), track(request));
    let points = points(|seconds, value| format!("[{seconds}000,{value}]"));
    format!(
        r#"{{"results":[{{"statement_id":0,"series":[{{"name":"{metric}","tags":{{"track":"{track}"}},"columns":["time","value"],"values":[{points}]}}]}}]}}"#
    )
}

fn opentsdb_body(request: &str) -> String {
    if request.contains("/api/version") {
        return r#"{"version":"2.4.1","short_revision":"","repo":"/opt/opentsdb"}"#.to_owned();
    }
    let (metric, track) = (Dialect::OpenTsdb.metric(request), track(request));
    let points = points(|seconds, value| format!("[{seconds}000,{value}]"));
    format!(
        r#"[{{"metric":"{metric}","tags":{{"track":"{track}"}},"aggregateTags":[],"dps":[{points}]}}]"#
    )
}

/// Answers as Prometheus would, for the minutes it has.
pub(crate) fn prometheus_body(request: &str, has: impl Fn(u32) -> bool) -> String {
    if request.contains("last_over_time") {
        return r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned();
    }
    if request.contains("vector%281%29") {
        return r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1600000200,"1"]}]}}"#
            .to_owned();
    }
    let (name, track) = (Dialect::Prometheus.metric(request), track(request));
    let points: Vec<String> = (0..60)
        .filter(|&minute| has(minute))
        .map(|minute| {
            let minute = i64::from(minute);
            format!("[{},\"{}\"]", START + minute * 60, value(minute))
        })
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"{name}","track":"{track}"}},"values":[{}]}}]}}}}"#,
        points.join(",")
    )
}
