//! Quantiles that are none, and those of which the buckets can be had.

use promql_parser::parser::{Expr, VectorSelector};
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    Node, aggregation, around, call, contains, keeps, matchers, metric, nodes, number, selector,
    selectors,
};
use super::look::{Look, name_in};
use super::rewrite::written_selector;
use crate::collect::Part;

pub(super) const RULES: &[Rule] =
    &[average_of_quantiles, ready_made_quantile, quantile_out_of_range, edges_lost, native_share];

/// What makes something else of the values it gets.
const AGGREGATIONS: [&str; 4] = ["avg", "sum", "quantile", "stddev"];
const OVER_TIME: [&str; 3] = ["avg_over_time", "sum_over_time", "quantile_over_time"];

pub(super) fn average_of_quantiles(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let (node, name) = all.iter().find_map(|node| {
        let operator = aggregation(node.expression).map(|(_, operator)| operator);
        let operator = operator.filter(|operator| AGGREGATIONS.contains(&operator.as_str()));
        let function = call(node.expression, &OVER_TIME).map(|call| call.func.name.to_owned());
        let name = operator.or(function)?;
        contains(node.expression, is_quantile).then_some((node, name))
    })?;
    let of = match contains(node.expression, |it| call(it, &["histogram_quantile"]).is_some()) {
        true => "histogram_quantile(…)".to_owned(),
        false => name_in(node.expression),
    };
    let problem = format!("`{name}` makes one number of quantiles of `{of}`");
    let finding = look.finding(FindingCode::AverageOfQuantiles, problem);
    Some(match (buckets(&look.marked), summary(&look.marked)) {
        (Some(buckets), _) => finding.proposing(format!("histogram: {buckets}")),
        (None, Some(summary)) => finding.proposing(format!(
            "quantile: {summary}\nwith `replica`, so that each replica is compared by itself"
        )),
        (None, None) => match selectors(&look.marked).first().and_then(|it| written_selector(it)) {
            Some(recorded) => finding.proposing(format!("quantile: {recorded}")),
            None => finding,
        },
    })
}

/// Returns whether a part is a quantile already, by its function, its label or its name.
fn is_quantile(expression: &Expr) -> bool {
    if call(expression, &["histogram_quantile"]).is_some() {
        return true;
    }
    selector(expression).is_some_and(|selector| is_of_a_summary(selector) || is_named_so(selector))
}

/// A summary has a series for each quantile, told by the label `quantile`.
pub(super) fn is_of_a_summary(selector: &VectorSelector) -> bool {
    matchers(selector).any(|it| it.name == "quantile" && !it.is_match(""))
}

fn is_named_so(selector: &VectorSelector) -> bool {
    let Some(name) = metric(selector) else { return false };
    let words = ["p50", "p90", "p95", "p99", "p999", "percentile", "quantile"];
    name.split([':', '_', '.']).any(|word| words.contains(&word.to_ascii_lowercase().as_str()))
}

/// Returns the selector of the buckets in an expression, all of them, as a query.
fn buckets(marked: &Expr) -> Option<String> {
    let all = selectors(marked);
    let of_buckets = all.iter().find(|it| metric(it).is_some_and(|it| it.ends_with("_bucket")));
    let of_native = || {
        let in_quantile = nodes(marked).iter().any(|it| call(it.expression, &MADE).is_some());
        let is_whole =
            |it: &&&VectorSelector| metric(it).is_some_and(|name| part_of(name).is_none());
        all.iter().find(is_whole).filter(|_| in_quantile && all.len() == 1)
    };
    let of_part = || all.iter().find(|it| metric(it).is_some_and(|name| part_of(name).is_some()));
    let found = of_buckets.or_else(of_native).or_else(of_part)?;
    let name = metric(found)?;
    let name = part_of(name).map_or(name.to_owned(), |base| format!("{base}_bucket"));
    let mut whole = VectorSelector { name: Some(name), ..(*found).clone() };
    whole.matchers.matchers.retain(|it| it.name != "le");
    written_selector(&whole)
}

/// What takes the buckets of a histogram.
const MADE: [&str; 2] = ["histogram_quantile", "histogram_fraction"];

/// Returns the name of the histogram of which a name is the sum or the count.
fn part_of(name: &str) -> Option<&str> {
    name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"))
}

fn summary(marked: &Expr) -> Option<String> {
    selectors(marked).into_iter().find(|it| is_of_a_summary(it)).and_then(written_selector)
}

fn ready_made_quantile(look: &Look<'_>) -> Option<Finding> {
    let asks = |it: &Expr| call(it, &["histogram_quantile"]).is_some();
    if look.is_counted() || !contains(&look.asked, asks) || average_of_quantiles(look).is_some() {
        return None;
    }
    let problem = format!("a quantile is made of the buckets of `{}`", name_in(&look.asked));
    let finding = look.finding(FindingCode::ReadyMadeQuantile, problem);
    Some(match buckets(&look.marked) {
        Some(buckets) => finding.proposing(format!("histogram: {buckets}")),
        None => finding,
    })
}

fn quantile_out_of_range(look: &Look<'_>) -> Option<Finding> {
    let functions = ["histogram_quantile", "quantile_over_time"];
    let wrong = nodes(&look.asked).iter().find_map(|node| {
        let of_call = call(node.expression, &functions)
            .and_then(|call| call.args.args.first().and_then(|first| number(first)));
        let of_aggregate = aggregation(node.expression)
            .filter(|(_, operator)| operator == "quantile")
            .and_then(|(aggregate, _)| aggregate.param.as_deref().and_then(number));
        of_call.or(of_aggregate).filter(|quantile| !(0.0..=1.0).contains(quantile))
    })?;
    let finding = look.finding(
        FindingCode::QuantileOutOfRange,
        format!("the quantile {wrong} is not from 0 to 1"),
    );
    let share = wrong / 100.0;
    Some(match (0.0..=1.0).contains(&share) {
        true => finding.proposing(format!("write {share}, or ask for the buckets by `histogram`")),
        false => finding,
    })
}

fn edges_lost(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let is_quantile = |it: &Expr| call(it, &["histogram_quantile"]).is_some();
    let is_wanted = |node: &Node<'_>| {
        look.part == Part::Buckets || around(&all, node).into_iter().any(is_quantile)
    };
    let (problem, is_summary) = all.iter().filter(|node| is_wanted(node)).find_map(|node| {
        let summary = selector(node.expression).is_some_and(is_of_a_summary);
        Some((without_edges(node.expression)?, summary))
    })?;
    let finding = look.finding(FindingCode::EdgesLost, problem.to_owned());
    Some(match (summary(&look.marked).filter(|_| is_summary), buckets(&look.marked)) {
        (Some(summary), _) => finding.proposing(format!("quantile: {summary}")),
        (None, Some(buckets)) => finding.proposing(format!("histogram: {buckets}")),
        (None, None) => finding,
    })
}

/// Says why a part where buckets are wanted has no edges.
fn without_edges(part: &Expr) -> Option<&'static str> {
    if let Some((aggregate, _)) = aggregation(part) {
        let is_of_buckets = selectors(part)
            .iter()
            .any(|it| metric(it).is_some_and(|name| name.ends_with("_bucket")));
        let loses = !keeps(aggregate, "le") && is_of_buckets;
        return loses.then_some("the buckets are added up without `by (le)`");
    }
    if call(part, &["histogram_quantile"]).is_some() {
        return Some("`histogram` gets a quantile, which has no edges any more");
    }
    let selector = selector(part)?;
    if matchers(selector).any(|it| it.name == "le") {
        return Some("a matcher on `le` picks some of the buckets");
    }
    if is_of_a_summary(selector) {
        return Some("`histogram` gets the quantile of a summary, which has no buckets");
    }
    metric(selector).and_then(part_of).map(|_| "the sum or the count of a histogram has no edges")
}

/// The store computes a share of a native histogram.
fn native_share(look: &Look<'_>) -> Option<Finding> {
    let made = call_in(&look.asked, &["histogram_fraction"])?;
    let problem = format!("`{made}` makes a share of the buckets of `{}`", name_in(&look.asked));
    let finding = look.finding(FindingCode::ReadyMadeRatio, problem);
    Some(match buckets(&look.marked) {
        Some(buckets) => finding.proposing(format!("histogram: {buckets}")),
        None => finding,
    })
}

fn call_in(expression: &Expr, functions: &[&str]) -> Option<&'static str> {
    nodes(expression).iter().find_map(|node| Some(call(node.expression, functions)?.func.name))
}
