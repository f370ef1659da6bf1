//! Counters that are not counted, and what is counted that is none.

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    Node, aggregation, around, bare, call, change, contains, matchers, metric, nodes, number,
    selector, selectors,
};
use super::look::{Look, written};
use super::names::{is_counter, is_level};
use super::outcomes::{Outcome, good_outcome};
use super::rewrite::{counted, renamed, written_selector};
use super::{labels, means};
use crate::collect::Part;
use crate::promql::Prepared;
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

/// What tells what happened from what was counted before.
const COMPARES_MOMENTS: [&str; 10] = [
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "deriv",
    "predict_linear",
    "changes",
    "resets",
    "count_over_time",
];

pub(super) fn running_total_as_level(look: &Look<'_>) -> Option<Finding> {
    if look.is_counted() {
        return None;
    }
    let all = nodes(&look.marked);
    let counter = all.iter().find_map(|node| {
        let counter = selector(node.expression)?;
        let is_total = metric(counter).is_some_and(is_counter);
        (is_total && !around(&all, node).into_iter().any(is_no_total)).then_some(counter)
    })?;
    let name = metric(counter)?;
    let problem = format!("`{}` is taken as it stands, and only ever grows", shown(name, 80));
    let finding = look.finding(FindingCode::RunningTotal, problem);
    Some(match (name.ends_with("_bucket"), written_selector(counter)) {
        (_, None) => finding,
        (true, Some(query)) => finding.proposing(format!("histogram: {query}")),
        (false, Some(query)) => finding.proposing(format!(
            "count: {{events: '{query}'}}, or a `ratio` of it to something that always happens"
        )),
    })
}

/// Returns whether what stands inside is no longer a running total: a difference between moments, or only
/// whether something is there.
fn is_no_total(around: &Expr) -> bool {
    let asks_whether = ["absent", "absent_over_time", "present_over_time", "timestamp"];
    match around {
        Expr::Call(_) => {
            call(around, &COMPARES_MOMENTS).or_else(|| call(around, &asks_whether)).is_some()
        }
        Expr::Aggregate(_) => aggregation(around)
            .is_some_and(|(_, operator)| matches!(operator.as_str(), "count" | "group")),
        Expr::Subquery(_) => true,
        Expr::Binary(binary) => {
            let is_shifted = |side: &Expr| selectors(side).iter().any(|it| it.offset.is_some());
            is_shifted(&binary.lhs) != is_shifted(&binary.rhs)
        }
        _ => false,
    }
}

/// Functions that make counts of counters, or something like counts.
const COUNTING: [&str; 4] = ["rate", "increase", "irate", "count_over_time"];

fn is_of_counts(expression: &Expr) -> bool {
    contains(expression, |it| {
        let counts = call(it, &COUNTING).is_some();
        counts || selector(it).and_then(metric).is_some_and(is_counter)
    })
}

pub(super) fn ready_made_ratio(look: &Look<'_>) -> Option<Finding> {
    if labels::arm_fixed(look).is_some() {
        return None;
    }
    let all = nodes(&look.marked);
    let (parts, node) = all.iter().find_map(|node| Some((share(node.expression)?, node)))?;
    let (code, problem) = match averaging(&all, node) {
        Some(by) => (FindingCode::AverageOfRatios, format!("`{by}` makes one number of shares")),
        None => {
            let problem = "one count is divided by another in the query".to_owned();
            (FindingCode::ReadyMadeRatio, problem)
        }
    };
    let is_rest = around(&all, node).iter().any(|it| {
        matches!(it, Expr::Binary(binary)
        if binary.op.to_string() == "-" && number(&binary.lhs).is_some())
    });
    Some(look.finding(code, problem).proposing(counts_instead(parts, is_rest)))
}

/// Returns both counts of a share, if an expression divides one count by another.
fn share(expression: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::Binary(binary) = expression else { return None };
    let parts = (bare(&binary.lhs), bare(&binary.rhs));
    let divides = binary.op.to_string() == "/" && is_of_counts(parts.0) && is_of_counts(parts.1);
    (divides && !means::is_mean(parts)).then_some(parts)
}

/// Returns what averages or adds up what a part is.
fn averaging(all: &[Node<'_>], node: &Node<'_>) -> Option<String> {
    let functions = ["avg_over_time", "sum_over_time", "quantile_over_time"];
    around(all, node).into_iter().find_map(|it| {
        let operator = aggregation(it).map(|(_, operator)| operator);
        let operator = operator.filter(|it| matches!(it.as_str(), "avg" | "sum" | "quantile"));
        operator.or_else(|| call(it, &functions).map(|call| call.func.name.to_owned()))
    })
}

/// Returns the check that asks for the counts of a share.
///
/// * `is_rest`: whether the query takes the share from a whole.
fn counts_instead(parts: (&Expr, &Expr), is_rest: bool) -> String {
    let query = |side| counted(unguarded(side), true);
    let (Some(bad), Some(total)) = (query(parts.0), query(parts.1)) else {
        return "ratio: {bad: …, total: …} with the counter's selector in each".to_owned();
    };
    let (bad, worse) = match (good_outcome(bad.selector), is_rest) {
        (None, false) => (written_selector(bad.selector), ""),
        // What is left of a share of good events is a share of bad ones.
        (Some(Outcome::Told(opposite)), _) => (written_selector(&opposite), ""),
        (Some(Outcome::Fast), false) => (written_selector(bad.selector), ", worse: lower"),
        (None | Some(Outcome::Fast), true) => (Some("…".to_owned()), ""),
    };
    match (bad, written_selector(total.selector)) {
        (Some(bad), Some(total)) => format!("ratio: {{bad: '{bad}', total: '{total}'}}{worse}"),
        (_, _) => "ratio: {bad: …, total: …} with the counter's selector in each".to_owned(),
    }
}

/// Takes off what keeps a divisor from being nought.
fn unguarded(expression: &Expr) -> &Expr {
    match bare(expression) {
        Expr::Binary(binary)
            if matches!(binary.op.to_string().as_str(), ">" | "!=" | ">=")
                && number(&binary.rhs).is_some() =>
        {
            unguarded(&binary.lhs)
        }
        other => match call(other, &["clamp_min"]).and_then(|call| call.args.args.first()) {
            Some(inside) => unguarded(inside),
            None => other,
        },
    }
}

/// A rule that recorded a share says so in its name: `job:errors:ratio_rate5m`.
fn recorded_ratio(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.asked);
    let name = all.into_iter().filter_map(metric).find(|name| {
        let recorded = name.contains(':');
        let is_share = |word: &str| word.starts_with("ratio") || word.starts_with("percent");
        recorded && name.split([':', '_']).any(is_share)
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
    let finding = look.finding(FindingCode::ScaledCounts, problem);
    let all = selectors(&look.marked);
    let only = all.first().filter(|_| all.len() == 1).and_then(|it| written_selector(it));
    let is_alone = look.check.measure.queries().len() == 1;
    Some(match only {
        Some(query) if is_alone => finding.proposing(format!("{}: {query}", look.key)),
        Some(query) => finding
            .proposing(format!("`{query}`, and the selector alone in the check's other query")),
        None => finding.proposing("the counter's selector alone".to_owned()),
    })
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
    let key = if look.part == Part::Bad { "histogram" } else { look.key };
    // All of them are no more bad than good.
    let end = if look.part == Part::Bad { "_bucket" } else { "_count" };
    Some(match renamed(counted, format!("{base}{end}")) {
        Some(query) => finding.proposing(format!("{key}: {query}")),
        None => finding,
    })
}

fn level_as_counter(look: &Look<'_>) -> Option<Finding> {
    let is_selector = matches!(look.prepared, Some(Prepared::Selector(_)));
    if !look.is_counted() || !is_selector {
        return None;
    }
    let Expr::VectorSelector(selector) = bare(&look.marked) else { return None };
    let name = metric(selector)?;
    if !is_level(name) {
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
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| {
        while let Some((aggregate, _)) =
            aggregation(part).filter(|(_, operator)| ranks.contains(&operator.as_str()))
        {
            *part = aggregate.expr.as_ref().clone();
        }
    });
    let finding = look.finding(FindingCode::RankedSeries, problem);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}
