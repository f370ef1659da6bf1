//! Queries as people write them, and what is said of each. They are the forms that dashboards and the
//! templates of other tools have; none is copied.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use insta::assert_snapshot;
use serin_model::Finding;
use serin_sources::lint_queries;

/// A check as YAML, in a file that names its arms and replicas.
fn found(check: &str) -> Vec<Finding> {
    let text = format!(
        "service: shop\nsource: {{prometheus: {{url: 'http://prometheus:9090'}}}}\narms:\n  control: \
         {{track: stable}}\n  canary: {{track: canary}}\nreplica: pod\nchecks:\n  it: {{{check}}}\n"
    );
    let written = serin_check::read("serin.yaml", &text).unwrap();
    lint_queries(&written.analysis, written.source.as_ref(), None)
}

fn said(check: &str) -> String {
    let mut text = format!("{check}\n");
    for finding in found(check) {
        let key = finding.key.unwrap_or_default();
        text.push_str(&format!(
            "    {} {} ({key}): {}\n",
            finding.severity, finding.code, finding.problem
        ));
        if let Some(mend) = finding.mend {
            let word = if mend.safe { "mend" } else { "instead" };
            text.push_str(&format!(
                "        {word}: {}\n",
                mend.write.replace('\n', "\n              ")
            ));
        }
    }
    text
}

fn table(checks: &[&str]) -> String {
    checks.iter().map(|check| said(check)).collect::<Vec<_>>().join("\n")
}

#[test]
fn quantiles() {
    assert_snapshot!(table(&[
        "quantile: 'avg(histogram_quantile(0.99, sum by (le, pod) (rate(http_request_duration_seconds_bucket{$arm}[1m]))))'",
        "gauge: 'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{app=\"shop\", $arm}[5m])))'",
        "quantile: 'histogram_quantile(99, sum by (le, pod) (rate(istio_request_duration_milliseconds_bucket{$arm}[1m])))'",
        "quantile: 'histogram_quantile(0.99, sum(rate(envoy_cluster_upstream_rq_time_bucket{$arm}[1m])))'",
        "gauge: 'avg by (pod) (rpc_duration_seconds{quantile=\"0.99\", $arm})'",
        "quantile: 'avg_over_time(rpc_duration_seconds{quantile=\"0.99\", $arm}[1m])'",
        "gauge: 'avg(job:request_latency:p99{$arm})'",
        "histogram: 'sum(rate(http_request_duration_seconds_bucket{$arm}[1m]))'",
        "histogram: 'histogram_quantile(0.9, rate(http_request_duration_seconds_bucket{$arm}[1m]))'",
        "gauge: 'rate(http_request_duration_seconds_sum{$arm}[1m]) / rate(http_request_duration_seconds_count{$arm}[1m])'",
    ]));
}

#[test]
fn shares_and_counts() {
    assert_snapshot!(table(&[
        "gauge: 'sum(rate(http_requests_total{code=~\"5..\", $arm}[1m])) / sum(rate(http_requests_total{$arm}[1m]))'",
        "gauge: '100 * (1 - sum by (pod) (rate(http_requests_total{code!~\"5..\", $arm}[1m])) / sum by (pod) (rate(http_requests_total{$arm}[1m])))'",
        "ratio: {bad: 'sum(rate(http_requests_total{code=~\"5..\", $arm}[1m]))', total: 'sum(rate(http_requests_total{$arm}[1m]))'}",
        "ratio: {bad: 'sum(increase(a_total{$arm}[1m]))', total: 'sum(increase(b_total{$arm}[5m]))'}",
        "ratio: {bad: 'errors_total{$arm}', total: 'sum(rate(requests_total{$arm}[1m]))'}",
        "ratio: {bad: 'sum(rate(errors_total{$arm}[1m])) or vector(0)', total: 'sum(rate(requests_total{$arm}[1m]))'}",
        "histogram: 'sum by (le) (rate(http_request_duration_seconds_bucket{$arm}[5m]))'",
        "count: {events: 'sum(rate(exceptions_total{$arm}[1m]))'}",
        "count: {events: 'sum(rate(exceptions_total{$arm}[1m]))'}, limit: {above: 5}",
        "count: {events: 'sum(increase(exceptions_total{$arm}[1m])) * 60'}",
        "count: {events: 'sum(exceptions_total{$arm})'}",
        "count: {events: 'http_request_duration_seconds_bucket{$arm}'}",
        "count: {events: 'container_memory_usage_bytes{$arm}'}",
        "count: {events: 'restarts_total{$arm}', exposure: 'up{$arm}'}",
        "gauge: 'http_requests_total{$arm}'",
        "gauge: 'sum(process_cpu_seconds_total{$arm})'",
        "gauge: 'job:errors:ratio_rate5m{$arm}'",
    ]));
}

#[test]
fn what_is_not_of_both_arms() {
    assert_snapshot!(table(&[
        "gauge: 'sum(rate(cpu_seconds_total[1m]))'",
        "ratio: {bad: 'sum(rate(a_total{code=\"500\"}[1m]))', total: 'sum(rate(a_total[1m]))'}",
        "gauge: 'sum(a{$arm}) / sum(b)'",
        "gauge: 'up{track=\"canary\", $arm}'",
        "gauge: 'up{track=~\"stable|canary\", $arm}'",
        "gauge: 'up{pod=~\"shop-canary-.*\"}'",
    ]));
}

#[test]
fn placeholders_of_other_tools() {
    assert_snapshot!(table(&[
        "ratio: {bad: 'sum(rate(a_total{code=~\"5..\", $arm}[$__rate_interval]))', total: 'sum(rate(a_total{$arm}[$__rate_interval]))'}",
        "gauge: 'avg by (pod) (rate(cpu_seconds_total{$arm}[${__interval}]))'",
        "gauge: 'sum(rate(istio_requests_total{destination_workload=\"{{ target }}\"}[{{ interval }}]))'",
        "gauge: 'sum(irate(istio_requests_total{app=\"{{args.service-name}}\", $arm}[5m]))'",
        "gauge: 'avg(requests{version=\"${scope}\", zone=\"${location}\"})'",
        "gauge: 'queue{namespace=\"$namespace\", $arm}'",
        "gauge: 'rate(a_total{$arm}[[[interval]]])'",
    ]));
}

#[test]
fn silence_time_and_ranges() {
    assert_snapshot!(table(&[
        "gauge: 'sum(queue_depth{$arm}) or vector(0)'",
        "gauge: 'sum by (pod) (queue_depth{$arm}) or on() vector(0)'",
        "ratio: {bad: 'sum(rate(a_total{$arm}[1m]) - rate(c_total{$arm}[1m])) or vector(0)', total: 'b_total{$arm}'}",
        "gauge: 'absent(up{$arm})'",
        "gauge: 'queue_depth{$arm} > 100'",
        "gauge: 'queue_depth{$arm} > bool 100'",
        "gauge: 'topk(5, queue_depth{$arm})'",
        "gauge: 'queue_depth{$arm} offset 1h'",
        "gauge: 'max_over_time(rate(cpu_seconds_total{$arm}[1m])[10m:1m])'",
        "gauge: 'irate(cpu_seconds_total{$arm}[1m])'",
        "gauge: 'rate(cpu_seconds_total{$arm}[20s])'",
        "gauge: 'rate(cpu_seconds_total{$arm}[10m])'",
        "gauge: 'deriv(process_resident_memory_bytes{$arm}[1m])'",
        "gauge: 'predict_linear(disk_free_bytes{$arm}[1m], 3600)'",
    ]));
}

#[test]
fn labels_directions_and_units() {
    assert_snapshot!(table(&[
        "gauge: 'avg(container_memory_working_set_bytes{$arm})'",
        "gauge: 'sum by (pod, container) (container_memory_working_set_bytes{$arm})'",
        "gauge: '{job=\"shop\", $arm}'",
        "ratio: {bad: 'requests_total{$arm}', total: 'requests_total{$arm}'}",
        "ratio: {bad: 'requests_total{code=~\"5..\", $arm}', total: 'requests_total{code=~\"2..|5..\", $arm}'}",
        "ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'requests_total{handler!=\"/health\", $arm}'}",
        "ratio: {bad: 'requests_total{code=\"500\", $arm}', total: 'requests_total{code=~\"[25]..\", $arm}'}",
        "ratio: {bad: 'requests_total{code!~\"[2-4]..\", $arm}', total: 'requests_total{code!=\"\", $arm}'}",
        "ratio: {bad: 'errors_total{$arm}', total: 'requests_total{$arm}'}, worse: either",
        "count: {events: 'errors_count{$arm}', exposure: 'requests_count{$arm}'}, worse: either",
        "gauge: 'error_rate_percent{$arm}'",
        "gauge: 'request_latency_seconds{$arm}', worse: higher, limit: {above: 500}",
        "gauge: 'request_latency_ms{$arm}', worse: higher, limit: {above: 0.5}",
        "gauge: 'disk_usage_ratio{$arm}', worse: higher, limit: {above: 90}",
        "gauge: 'disk_usage_percent{$arm}', worse: higher, limit: {above: 0.9}",
    ]));
}

#[test]
fn good_queries_are_left_alone() {
    for check in [
        "ratio: {bad: 'http_requests_total{code=~\"5..\", $arm}', total: 'http_requests_total{$arm}'}",
        "ratio: {bad: 'http_errors_total{job=\"shop\", $arm}', total: 'http_requests_total{job=\"shop\", $arm}'}",
        "ratio: {bad: 'http_requests_total{code=~\"5..\", $arm}', total: 'http_requests_total{code!=\"\", $arm}'}",
        "count: {events: 'http_request_duration_seconds_count{$arm}'}, worse: either",
        "histogram: 'http_request_duration_seconds_bucket{$arm}'",
        "histogram: 'http_request_duration_seconds{$arm}'",
        "count: {events: 'process_cpu_seconds_total{$arm}', exposure: 'http_requests_total{$arm}'}",
        "count: {events: 'restarts_total{$arm}', exposure: 'sum by (pod) (up{$arm})'}",
        "gauge: 'process_resident_memory_bytes{$arm}', worse: higher",
        "gauge: 'sum by (pod) (container_memory_working_set_bytes{container!=\"\", $arm})'",
        "gauge: 'avg_over_time(queue_depth{$arm}[$step])'",
        "gauge: 'avg by (pod) (rate(container_cpu_usage_seconds_total{$arm}[$step]))'",
        "quantile: 'rpc_duration_seconds{quantile=\"0.99\", $arm}'",
        "ratio: {bad: 'http_request_duration_seconds_bucket{le=\"0.3\", $arm}', total: 'http_request_duration_seconds_count{$arm}'}, worse: lower",
    ] {
        let codes: Vec<&str> = found(check).iter().map(|it| it.code.as_str()).collect();
        let expected: [&str; 0] = [];
        assert_eq!(codes, expected, "{check}");
    }
}

#[test]
fn a_recording_is_asked_by_selectors_alone() {
    let text = "service: shop\nsource: {file: {path: a.csv}}\nreplica: pod\nchecks:\n  it: {gauge: 'sum(queue{$arm})'}\n";
    let written = serin_check::read("serin.yaml", text).unwrap();
    let found = lint_queries(&written.analysis, written.source.as_ref(), None);
    let codes: Vec<&str> = found.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["query-refused"]);
    assert_eq!(
        found[0].problem,
        "it computes in PromQL, which only Prometheus and its relatives do"
    );
}

#[test]
fn what_is_known_of_scrapes_decides_over_ranges() {
    let text = "service: shop\nreplica: pod\nchecks:\n  it: {gauge: 'rate(cpu_seconds_total{$arm}[1m])'}\n";
    let written = serin_check::read("serin.yaml", text).unwrap();
    let codes = |scrape| -> Vec<&str> {
        let found = lint_queries(&written.analysis, None, scrape);
        found.iter().map(|it| it.code.as_str()).collect()
    };
    assert_eq!(codes(None), [] as [&str; 0]);
    assert_eq!(codes(Some(30.0)), [] as [&str; 0]);
    assert_eq!(codes(Some(60.0)), ["window-under-two-scrapes"]);
}
