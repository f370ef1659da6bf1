//! Queries as people write them, good and bad, and what lint must say of each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use serin_model::{Finding, FindingCode};
use serin_sources::lint_queries;

const BAD: &str = include_str!("lint/bad_queries.txt");
const GOOD: &str = include_str!("lint/good_queries.txt");

const PROMETHEUS: &str = "{prometheus: {url: 'http://prometheus:9090'}}";

/// What is found of a check, its keys a line each, in a file that names its arms and replicas.
fn found_in(check: &str, source: &str, replica: &str) -> Result<Vec<Finding>, String> {
    let text = format!(
        "service: shop\nsource: {source}\narms:\n  control: {{track: stable}}\n  canary: {{track: \
         canary}}\n{replica}\nchecks:\n  it:\n    {check}\n"
    );
    let written = serin_check::read("serin.yaml", &text).map_err(|error| error.to_string())?;
    Ok(lint_queries(&written.analysis, written.source.as_ref(), None))
}

fn found(check: &str) -> Result<Vec<Finding>, String> {
    found_in(check, PROMETHEUS, "replica: pod")
}

/// The keys of a check that is written in one line, a line each.
fn lines(check: &str) -> Vec<String> {
    let (mut lines, mut depth, mut quoted) = (vec![String::new()], 0, false);
    for letter in check.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth -= 1,
            _ => {}
        }
        match letter {
            ',' if depth == 0 && !quoted => lines.push(String::new()),
            _ => lines.last_mut().unwrap().push(letter),
        }
    }
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

fn block(check: &str) -> String {
    lines(check).join("\n    ")
}

fn codes(check: &str) -> BTreeSet<String> {
    let found = found(&block(check)).unwrap_or_else(|error| panic!("{check}: {error}"));
    found.iter().map(|it| it.code.to_string()).collect()
}

/// Every check of the bad ones, with the codes it must have.
fn bad() -> Vec<(&'static str, BTreeSet<String>)> {
    let lines: Vec<&str> = BAD.lines().filter(|line| !line.starts_with('#')).collect();
    let cases = lines.split(|line| line.is_empty()).filter(|case| !case.is_empty());
    cases
        .map(|case| {
            let [check, expected] = case else { panic!("a check and its codes, not {case:?}") };
            let expected = expected.strip_prefix("=> ").unwrap().split(' ');
            (*check, expected.map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn every_mistake_is_found_and_no_other() {
    let wrong: Vec<String> = bad()
        .into_iter()
        .filter_map(|(check, expected)| {
            let found = codes(check);
            let differs = found != expected;
            differs.then(|| format!("{check}\n  expected {expected:?}\n  found    {found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bad().len(), wrong.join("\n"));
}

#[test]
fn good_queries_are_left_alone() {
    let checks: Vec<&str> =
        GOOD.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let wrong: Vec<String> = checks
        .iter()
        .filter_map(|check| {
            let found = codes(check);
            (!found.is_empty()).then(|| format!("{check}\n  found {found:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), checks.len(), wrong.join("\n"));
}

/// The check that a finding proposes, in the place of the one that it was found in; nothing where it
/// proposes in words.
fn proposed(check: &str, finding: &Finding) -> Option<String> {
    let written = &finding.mend.as_ref()?.write;
    let is_about_it = |line: &&str| !line.starts_with("or") && !line.starts_with("with");
    let proposed: Vec<&str> = written.lines().take_while(is_about_it).collect();
    let (key, value) = proposed.first()?.split_once(": ")?;
    let measure = match key {
        "ratio" | "count" if value.contains('…') => return None,
        // What stands behind the braces is another key, or for people.
        "ratio" | "count" => format!("{key}: {}", &value[..=value.rfind('}')?]),
        "gauge" | "histogram" | "quantile" => format!("{key}: {}", quoted(value)),
        "ratio.bad" | "ratio.total" | "count.events" | "count.exposure" => {
            with_queries(check, key.split_once('.')?.0, &proposed)
        }
        _ => return None,
    };
    let kept = lines(check).into_iter().skip(1);
    Some([measure].into_iter().chain(kept).collect::<Vec<_>>().join("\n    "))
}

fn quoted(query: &str) -> String {
    format!("'{}'", query.replace('\'', "''"))
}

/// A measure of several queries, some of them anew.
fn with_queries(check: &str, kind: &str, anew: &[&str]) -> String {
    let text = format!("service: shop\nchecks:\n  it:\n    {}\n", block(check));
    let written = serin_check::read("serin.yaml", &text).unwrap();
    let queries = written.analysis.checks()[0].measure.queries().into_iter().map(|(key, query)| {
        let instead = anew.iter().find_map(|line| line.strip_prefix(&format!("{key}: ")));
        let name = key.rsplit('.').next().unwrap();
        format!("{name}: {}", quoted(instead.unwrap_or(query.as_str())))
    });
    format!("{kind}: {{{}}}", queries.collect::<Vec<_>>().join(", "))
}

#[test]
fn what_is_proposed_is_accepted_and_not_found_again() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (check, finding) in bad()
        .iter()
        .flat_map(|(check, _)| found(&block(check)).unwrap().into_iter().map(|it| (*check, it)))
    {
        let Some(proposed) = proposed(check, &finding) else { continue };
        tried += 1;
        let again = match found(&proposed) {
            Ok(again) => again.into_iter().map(|it| it.code).collect::<Vec<_>>(),
            Err(error) => {
                wrong.push(format!("{check}\n  {} proposes {proposed}\n  {error}", finding.code));
                continue;
            }
        };
        let is_refused = |code: &FindingCode| {
            use FindingCode::{MissingArm, MixedUnits, QueryRefused, UnknownPromql};
            matches!(code, QueryRefused | UnknownPromql | MissingArm | MixedUnits)
        };
        if again.iter().any(|code| *code == finding.code || is_refused(code)) {
            wrong.push(format!("{check}\n  {} proposes {proposed}\n  {again:?}", finding.code));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    // Two of three findings say the query itself.
    assert!(tried > 120, "{tried}");
}

#[test]
fn sizes_of_arms_are_seen_where_no_label_tells_replicas_apart() {
    let codes = |check: &str| -> Vec<&'static str> {
        let found = found_in(check, PROMETHEUS, "").unwrap();
        found.iter().map(|it| it.code.as_str()).collect()
    };
    for check in [
        "gauge: 'sum(container_memory_working_set_bytes{$arm})'",
        "gauge: '60 * sum(rate(http_requests_total{$arm}[1m]))'",
        "gauge: 'count(up{$arm})'",
    ] {
        assert_eq!(codes(check), ["size-of-arm"], "{check}");
    }
    for check in [
        "gauge: 'avg(container_memory_working_set_bytes{$arm})'",
        "gauge: 'sum(pool_active{$arm}) / sum(pool_max{$arm})'",
        "count: {events: 'http_requests_total{$arm}'}",
    ] {
        assert_eq!(codes(check), [] as [&str; 0], "{check}");
    }
}

#[test]
fn what_only_a_dialect_knows_is_left_to_a_store_that_speaks_it() {
    let of = |source: &str, check: &str| -> Vec<&'static str> {
        let found = found_in(check, source, "replica: pod").unwrap();
        found.iter().map(|it| it.code.as_str()).collect()
    };
    let victoria = "{victoriametrics: {url: 'http://victoria:8428'}}";
    for check in [
        "gauge: 'rollup_rate(queue_depth{$arm}[1m])'",
        "gauge: 'sum by (pod) (queue_depth{$arm}) default 0'",
        "gauge: 'sum(rate(http_requests_total{$arm})) by (pod)'",
        "gauge: 'quantiles(\"q\", 0.5, 0.9, queue_depth{$arm})'",
    ] {
        assert_eq!(of(victoria, check), [] as [&str; 0], "{check}");
        assert_eq!(of(PROMETHEUS, check), ["unknown-promql"], "{check}");
    }
    // No dialect takes these.
    assert_eq!(of(victoria, "gauge: 'sum(rate(a_total{$arm}[1m])'"), ["unknown-promql"]);
    assert_eq!(of(victoria, "gauge: 'rate(sum(a_total{$arm})[1m])'"), ["sum-before-rate"]);
}

#[test]
fn nothing_is_pretended_of_other_languages() {
    for (source, check) in [
        (
            "{influxdb: {url: 'http://influx:8086', parameters: {db: telegraf}}}",
            "gauge: 'SELECT mean(\"usage_idle\") FROM \"cpu\" WHERE $arm AND $time GROUP BY time($step)'",
        ),
        (
            "{influxdb: {url: 'http://influx:8086', parameters: {db: telegraf}}}",
            "quantile: 'SELECT percentile(\"duration\", 99) FROM \"requests\" WHERE $arm AND $time GROUP BY time($step)'",
        ),
        (
            "{graphite: {url: 'http://graphite:8080'}}",
            "gauge: 'averageSeries(servers.$track.*.cpu.percentile99)'",
        ),
        (
            "{graphite: {url: 'http://graphite:8080'}}",
            "gauge: 'asPercent(sumSeries(shop.$track.*.errors), sumSeries(shop.$track.*.requests))'",
        ),
        (
            "{opentsdb: {url: 'http://opentsdb:4242'}}",
            "gauge: 'sum:1m-avg:rate:sys.cpu.user{host=*,$arm}'",
        ),
        (
            "{opentsdb: {url: 'http://opentsdb:4242'}}",
            "gauge: 'avg:1m-p99:http.latency{host=*,$arm}'",
        ),
    ] {
        let found = found_in(check, source, "replica: host").unwrap();
        let of_queries: Vec<&str> = found
            .iter()
            .filter(|it| it.key.as_deref() != Some("worse"))
            .map(|it| it.code.as_str())
            .collect();
        assert_eq!(of_queries, [] as [&str; 0], "{source} {check}");
    }
}
