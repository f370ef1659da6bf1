//! Counters that are not counted, and what is counted that is none.

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    aggregation, around, bare, call, contains, matchers, metric, nodes, number, selector, selectors,
};
use super::look::Look;
use super::rewrite::{counted, renamed, written_selector};
use crate::collect::Part;
use crate::promql::{COUNTERS, Prepared, running_total};
use crate::rows::shown;

pub(super) const RULES: &[Rule] = &[
    running_total_as_level,
    ready_made_ratio,
    recorded_ratio,
    scaled_counts,
    buckets_as_events,
    level_as_counter,
    ranked_series,
];

fn running_total_as_level(look: &Look<'_>) -> Option<Finding> {
    if look.is_counted() {
        return None;
    }
    let name = running_total(&look.asked)?;
    let problem = format!("`{}` is taken as it stands, and only ever grows", shown(&name, 80));
    let finding = look.finding(FindingCode::RunningTotal, problem);
    let all = selectors(&look.marked);
    let counter = all.into_iter().find(|it| metric(it) == Some(name.as_str()))?;
    Some(match (name.ends_with("_bucket"), written_selector(counter)) {
        (_, None) => finding,
        (true, Some(query)) => finding.proposing(format!("histogram: {query}")),
        (false, Some(query)) => finding.proposing(format!(
            "count: {{events: '{query}'}}, or a `ratio` of it to something that always happens"
        )),
    })
}

/// Functions that make counts of counters, or something like counts.
const COUNTING: [&str; 4] = ["rate", "increase", "irate", "count_over_time"];

fn is_of_counts(expression: &Expr) -> bool {
    contains(expression, |it| {
        let counts = call(it, &COUNTING).is_some();
        let named = selector(it).and_then(metric);
        counts || named.is_some_and(|name| COUNTERS.iter().any(|end| name.ends_with(end)))
    })
}

fn ready_made_ratio(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.marked);
    let (parts, node) = all.iter().find_map(|node| {
        let Expr::Binary(binary) = node.expression else { return None };
        let parts = (bare(&binary.lhs), bare(&binary.rhs));
        let divides =
            binary.op.to_string() == "/" && is_of_counts(parts.0) && is_of_counts(parts.1);
        let ends = |side: &Expr, end: &str| {
            selectors(side).iter().any(|it| metric(it).is_some_and(|name| name.ends_with(end)))
        };
        let is_mean = ends(parts.0, "_sum") && ends(parts.1, "_count");
        (divides && !is_mean).then_some((parts, node))
    })?;
    let finding = look.finding(
        FindingCode::ReadyMadeRatio,
        "one count is divided by another in the query".to_owned(),
    );
    let query = |side| counted(side, true).and_then(|it| written_selector(it.selector));
    let is_rest = around(&all, node).iter().any(|it| {
        matches!(it, Expr::Binary(binary)
        if binary.op.to_string() == "-" && number(&binary.lhs).is_some())
    });
    Some(match (query(parts.0), query(parts.1), is_rest) {
        (Some(_), Some(total), true) => finding
            .proposing(format!("ratio: {{bad: 'the selector of what is bad', total: '{total}'}}")),
        (Some(bad), Some(total), false) => {
            finding.proposing(format!("ratio: {{bad: '{bad}', total: '{total}'}}"))
        }
        (_, _, _) => finding
            .proposing("ratio: {bad: …, total: …} with the counter's selector in each".to_owned()),
    })
}

/// A rule that recorded a share says so in its name: `job:errors:ratio_rate5m`.
fn recorded_ratio(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.asked);
    let name = all.into_iter().filter_map(metric).find(|name| {
        let recorded = name.contains(':');
        recorded && name.split([':', '_']).any(|word| matches!(word, "ratio" | "percent"))
    })?;
    let problem = format!("`{}` is a share that a rule computed", shown(name, 80));
    Some(
        look.finding(FindingCode::ReadyMadeRatio, problem).proposing(
            "ratio: {bad: …, total: …} with the selectors of the counters that the rule divides"
                .to_owned(),
        ),
    )
}

fn scaled_counts(look: &Look<'_>) -> Option<Finding> {
    if !look.is_counted() {
        return None;
    }
    let all = nodes(&look.asked);
    let (operator, by) = all.iter().find_map(|node| {
        let Expr::Binary(binary) = node.expression else { return None };
        let operator = binary.op.to_string();
        let scales = matches!(operator.as_str(), "*" | "/");
        let by = number(&binary.rhs).or_else(|| number(&binary.lhs)).filter(|by| *by != 0.0);
        by.filter(|_| scales).map(|by| (operator, by))
    })?;
    let problem = format!("the count is taken `{operator} {by}`");
    Some(look.finding(FindingCode::ScaledCounts, problem).proposing(
        "the counter's selector alone; serin shows shares in percent by itself".to_owned(),
    ))
}

fn buckets_as_events(look: &Look<'_>) -> Option<Finding> {
    if matches!(look.part, Part::Buckets | Part::Value) {
        return None;
    }
    let all = selectors(&look.marked);
    let counted = all.into_iter().find(|it| {
        metric(it).is_some_and(|name| name.ends_with("_bucket"))
            && !matchers(it).any(|matcher| matcher.name == "le")
    })?;
    let name = metric(counted)?;
    let base = name.strip_suffix("_bucket")?;
    let problem = format!("every bucket of `{}` is counted", shown(name, 80));
    let finding = look.finding(FindingCode::BucketsAsEvents, problem);
    Some(match renamed(counted, format!("{base}_count")) {
        Some(query) => finding.proposing(format!("{}: {query}", look.key)),
        None => finding,
    })
}

/// How the names of levels end.
const LEVELS: [&str; 6] =
    ["_bytes", "_ratio", "_percent", "_celsius", "_info", "_timestamp_seconds"];

fn level_as_counter(look: &Look<'_>) -> Option<Finding> {
    let is_selector = matches!(look.prepared, Some(Prepared::Selector(_)));
    if !look.is_counted() || !is_selector {
        return None;
    }
    let Expr::VectorSelector(selector) = bare(&look.marked) else { return None };
    let name = metric(selector)?;
    if name != "up" && !LEVELS.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let problem = format!("`{}` is a level by its name, and counted here", shown(name, 80));
    let finding = look.finding(FindingCode::LevelAsCounter, problem);
    let query = written_selector(selector)?;
    Some(match look.part {
        // An expression is taken as it is, step by step.
        Part::Exposure => finding.proposing(format!("count.exposure: sum by (pod) ({query})")),
        _ => finding.proposing(format!("gauge: {query}")),
    })
}

fn ranked_series(look: &Look<'_>) -> Option<Finding> {
    let ranks = ["topk", "bottomk", "limitk", "limit_ratio"];
    let all = nodes(&look.asked);
    let operator = all
        .iter()
        .filter_map(|node| aggregation(node.expression).map(|(_, operator)| operator))
        .find(|operator| ranks.contains(&operator.as_str()))?;
    let problem = format!("`{operator}` picks other series at every step");
    Some(
        look.finding(FindingCode::RankedSeries, problem).proposing(
            "`sum by (…)` with the replica's label, or one series by its labels".to_owned(),
        ),
    )
}
