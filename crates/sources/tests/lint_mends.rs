//! What holds of every mend, however the query was written into its file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use serin_check::{Mended, mend};
use serin_model::Finding;
use serin_sources::lint_queries;

/// Queries that can be mended beside some that cannot, each for what it counts.
const QUERIES: [&str; 12] = [
    "sum(rate(a_total{$arm}[1m]))",
    "sum by (pod) (rate(a_total{code=~\"5..\", $arm}[5m]))",
    "sum(increase(a_total{path='/it''s', $arm}[1m]))",
    "sum(a_total{$arm})",
    "sum(a_total)",
    "sum(rate(a_total{$arm}[$__rate_interval]))",
    "sum(rate(a_total{re=~\"\\\\d+#\", $arm}[1m])) or vector(0)",
    "rate(a_total{$arm}[1m]) * 60",
    "a_total{$arm}",
    "a_total",
    "sum(rate({__name__=\"a.b\", $arm}[1m]))",
    "topk(3, a_total{$arm} - a_total{$arm} offset 1m)",
];

/// How a scalar is written. The indent is that of what is below the key.
fn scalar(style: usize, query: &str) -> String {
    match style {
        0 => format!("'{}'", query.replace('\'', "''")),
        1 => format!("\"{}\"", query.replace('\\', "\\\\").replace('"', "\\\"")),
        2 => format!(">-\n          {query}"),
        3 => format!("|\n          {query}\n"),
        4 => format!(">2-\n          {query}"),
        _ if query.starts_with(['{', '"', '\'']) || query.contains(" #") => {
            format!("'{}'", query.replace('\'', "''"))
        }
        _ => query.to_owned(),
    }
}

/// A file with a ratio and a count, with comments around them.
fn file(queries: &[(usize, usize)], with_limit: bool) -> String {
    let [bad, total, events] = [0, 1, 2].map(|at| scalar(queries[at].1, QUERIES[queries[at].0]));
    let limit = if with_limit { "\n    limit: {above: 5}   # of something" } else { "" };
    format!(
        "# été\nservice: shop # the shop\nreplica:   pod\nchecks:\n  errors:\n    ratio:\n      # bad ones\n      \
         bad: {bad}\n      total: {total}\n    worse: higher\n  \"crashes\":\n    count:\n      events: {events}\n    \
         # done\n    worse:  higher{limit}\n"
    )
}

fn found(text: &str) -> Vec<Finding> {
    let written = serin_check::read("serin.yaml", text).unwrap();
    lint_queries(&written.analysis, None, None)
}

/// Mends until nothing is left to mend, as `serin lint --fix` does.
fn mended(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..10 {
        let Mended { text: next, count } = mend(&text, &found(&text));
        if count == 0 {
            return text;
        }
        text = next;
    }
    panic!("there was always something left to mend in\n{text}")
}

/// A file without what stands at its queries.
fn rest(text: &str) -> Vec<&str> {
    let is_query = |line: &&str| {
        let line = line.trim_start();
        ["bad:", "total:", "events:"].iter().any(|key| line.starts_with(key))
            || line.contains("a_total")
            || line.contains("a.b")
            || line.is_empty()
    };
    text.lines().filter(|line| !is_query(line)).collect()
}

proptest! {
    #[test]
    fn a_mend_ends_and_changes_queries_alone(
        queries in prop::collection::vec((0..QUERIES.len(), 0..6_usize), 3),
        with_limit: bool,
    ) {
        let before = file(&queries, with_limit);
        // Not every way to write a scalar holds every query.
        prop_assume!(serin_check::read("serin.yaml", &before).is_ok());
        let after = mended(&before);
        prop_assert_eq!(mended(&after), after.clone());
        prop_assert_eq!(rest(&before), rest(&after));
        let read = |text: &str| serin_check::read("serin.yaml", text).unwrap();
        let (one, other) = (read(&before), read(&after));
        for (one, other) in one.analysis.checks().iter().zip(other.analysis.checks()) {
            let mut same = other.clone();
            same.measure = one.measure.clone();
            prop_assert_eq!(one, &same);
        }
        // What was mended is not found again.
        let safe = |text: &str| {
            found(text).into_iter().filter(|it| it.mend.as_ref().is_some_and(|it| it.safe)).count()
        };
        prop_assert_eq!(safe(&after), 0, "{}", after);
    }
}
