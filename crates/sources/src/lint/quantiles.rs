//! Quantiles that are none, and those of which the buckets can be had.

use promql_parser::parser::{Expr, VectorSelector};
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    aggregation, around, call, contains, keeps, matchers, metric, nodes, number, selector,
    selectors,
};
use super::look::{Look, name_in};
use super::rewrite::{renamed, written_selector};
use crate::collect::Part;
use crate::promql::Prepared;

pub(super) const RULES: &[Rule] =
    &[average_of_quantiles, ready_made_quantile, quantile_out_of_range, edges_lost, mean_latency];

/// What makes something else of the values it gets.
const AGGREGATIONS: [&str; 4] = ["avg", "sum", "quantile", "stddev"];
const OVER_TIME: [&str; 3] = ["avg_over_time", "sum_over_time", "quantile_over_time"];

fn average_of_quantiles(look: &Look<'_>) -> Option<Finding> {
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
        (None, None) => finding,
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
fn is_of_a_summary(selector: &VectorSelector) -> bool {
    matchers(selector).any(|it| it.name == "quantile" && !it.is_match(""))
}

fn is_named_so(selector: &VectorSelector) -> bool {
    let Some(name) = metric(selector) else { return false };
    let words = ["p50", "p90", "p95", "p99", "p999", "percentile", "quantile"];
    name.split([':', '_', '.']).any(|word| words.contains(&word.to_ascii_lowercase().as_str()))
}

/// Returns the selector of the buckets in an expression, as a query.
fn buckets(marked: &Expr) -> Option<String> {
    let all = selectors(marked);
    let of_buckets =
        all.into_iter().find(|it| metric(it).is_some_and(|it| it.ends_with("_bucket")));
    of_buckets.and_then(written_selector)
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
    let of_buckets = |it: &Expr| {
        selectors(it).iter().any(|it| metric(it).is_some_and(|name| name.ends_with("_bucket")))
    };
    let is_in_quantile =
        |around: &[&Expr]| around.iter().any(|it| call(it, &["histogram_quantile"]).is_some());
    let lost = all.iter().any(|node| {
        let wanted = look.part == Part::Buckets || is_in_quantile(&around(&all, node));
        let drops = aggregation(node.expression).is_some_and(|(it, _)| !keeps(it, "le"));
        wanted && drops && of_buckets(node.expression)
    });
    let made = look.part == Part::Buckets
        && contains(&look.asked, |it| call(it, &["histogram_quantile"]).is_some());
    let problem = match (lost, made) {
        (true, _) => "the buckets are added up without `by (le)`",
        (false, true) => "`histogram` gets a quantile, which has no edges any more",
        (false, false) => return None,
    };
    let finding = look.finding(FindingCode::EdgesLost, problem.to_owned());
    Some(match buckets(&look.marked) {
        Some(buckets) => finding.proposing(format!("histogram: {buckets}")),
        None => finding,
    })
}

fn mean_latency(look: &Look<'_>) -> Option<Finding> {
    if look.is_counted() || matches!(look.prepared, Some(Prepared::Selector(_))) {
        return None;
    }
    let marked = nodes(&look.marked);
    let (sum, base) = marked.iter().find_map(|node| {
        let Expr::Binary(binary) = node.expression else { return None };
        let named = |side: &Expr, end: &str| {
            selectors(side).iter().find_map(|it| metric(it)?.strip_suffix(end).map(str::to_owned))
        };
        let base = named(&binary.lhs, "_sum").filter(|_| binary.op.to_string() == "/")?;
        (named(&binary.rhs, "_count")? == base)
            .then(|| selectors(&binary.lhs).first().map(|it| ((*it).clone(), base)))?
    })?;
    let finding = look.finding(
        FindingCode::MeanLatency,
        format!("`{base}_sum` over `{base}_count` is the mean of `{base}`"),
    );
    Some(match renamed(&sum, format!("{base}_bucket")) {
        Some(buckets) => finding.proposing(format!(
            "histogram: {buckets}\nor, where there are no buckets: count: {{events: {base}_sum{{$arm}}, \
             exposure: {base}_count{{$arm}}}}"
        )),
        None => finding,
    })
}
