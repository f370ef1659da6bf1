//! `packs/SOURCES.md` against the packs: every metric is there, of the type and with the labels that it is
//! asked for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serin_check::PACKS;
use serin_model::Measure;

/// A row of the table.
#[derive(Debug)]
struct Metric {
    kind: &'static str,
    labels: BTreeSet<&'static str>,
    page: &'static str,
}

const KINDS: [&str; 4] = ["counter", "gauge", "histogram", "summary"];

/// What each type is asked with, and what then stands behind the name.
const ASKED: [(&str, &str, &str); 7] = [
    ("count", "counter", ""),
    ("count", "histogram", "_count"),
    ("count", "histogram", "_sum"),
    ("count", "summary", "_count"),
    ("count", "summary", "_sum"),
    ("buckets", "histogram", "_bucket"),
    ("level", "gauge", ""),
];

fn rows() -> Vec<(&'static str, Metric)> {
    let table = include_str!("../packs/SOURCES.md");
    let names = |cell: &'static str| -> BTreeSet<&'static str> {
        cell.split(", ").filter_map(|it| it.strip_prefix('`')?.strip_suffix('`')).collect()
    };
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, page, note] = cells[..] else { panic!("{line}") };
        assert!(!note.is_empty(), "{line}");
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let page = page.strip_prefix('<').and_then(|page| page.strip_suffix('>')).unwrap();
        Some((name, Metric { kind, labels: names(labels), page }))
    };
    table.lines().filter(|line| line.starts_with('|')).filter_map(row).collect()
}

/// How a query is asked, the metric it names, and the labels it matches on.
fn queries() -> Vec<(&'static str, &'static str, String, BTreeSet<String>)> {
    static QUERY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"^([a-zA-Z0-9_]+)\{(.*)\$arm\}$"#).unwrap());
    static MATCHER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"([a-z_0-9]+)(?:=~|!~|!=|=)"[^"]*", "#).unwrap());
    let mut all = Vec::new();
    for pack in PACKS {
        for it in pack.checks().unwrap() {
            let how = match it.check.measure {
                Measure::Ratio { .. } | Measure::Count { .. } => "count",
                Measure::Histogram { .. } => "buckets",
                Measure::Gauge { .. } | Measure::Quantile { .. } => "level",
            };
            for (_, query) in it.check.measure.queries() {
                let parts = QUERY.captures(query.as_str());
                let parts = parts.unwrap_or_else(|| panic!("{}: {query}", pack.name));
                assert_eq!(MATCHER.replace_all(&parts[2], ""), "", "{}: {query}", pack.name);
                let labels = MATCHER.captures_iter(&parts[2]).map(|it| it[1].to_owned());
                all.push((pack.name, how, parts[1].to_owned(), labels.collect()));
            }
        }
    }
    all
}

#[test]
fn each_row_says_what_a_metric_is_and_where_that_was_read() {
    let rows = rows();
    assert!(rows.is_sorted_by_key(|(name, _)| *name), "in the order of names");
    for (name, metric) in &rows {
        assert!(KINDS.contains(&metric.kind), "{name}: {}", metric.kind);
        assert!(metric.page.starts_with("https://"), "{name}: {}", metric.page);
    }
}

#[test]
fn packs_ask_for_what_the_table_has_and_nothing_else() {
    let table: BTreeMap<&str, Metric> = rows().into_iter().collect();
    let mut unused: BTreeMap<&str, BTreeSet<&str>> =
        table.iter().map(|(name, metric)| (*name, metric.labels.clone())).collect();
    let mut seen = BTreeSet::new();
    for (pack, how, asked, labels) in queries() {
        let known = ASKED.iter().find_map(|(way, kind, end)| {
            let (name, metric) = table.get_key_value(asked.strip_suffix(end)?)?;
            (*way == how && *kind == metric.kind).then_some((*name, metric))
        });
        let Some((name, metric)) = known else {
            panic!("{pack}: `{asked}` is asked for as a {how}, and the table has no such metric")
        };
        for label in &labels {
            assert!(metric.labels.contains(label.as_str()), "{pack}: {asked} by `{label}`");
            unused.get_mut(name).unwrap().remove(label.as_str());
        }
        seen.insert(name);
    }
    unused.retain(|name, labels| !seen.contains(name) || !labels.is_empty());
    assert_eq!(unused, BTreeMap::new(), "no pack asks for these, or by these labels");
}
