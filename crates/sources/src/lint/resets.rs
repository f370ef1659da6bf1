//! Counters and levels that are taken for each other, where restarts show it.

use promql_parser::parser::{Expr, VectorSelector};
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    aggregation, around, bare, call, contains, metric, nodes, selector, selectors,
};
use super::look::Look;
use super::names::{is_counter, is_level};
use super::quantiles::is_of_a_summary;
use super::rewrite::written_selector;
use crate::rows::shown;

pub(super) const RULES: &[Rule] = &[sum_before_rate, resets_ignored, rate_of_level];

/// What takes every fall for a restart.
pub(super) const RATES: [&str; 3] = ["rate", "increase", "irate"];

pub(super) fn sum_before_rate(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.marked);
    let (function, range) = all.iter().find_map(|node| {
        let call = call(node.expression, &RATES)?;
        let range = call.args.args.first()?;
        is_of_a_sum(range).then_some((call.func.name, range))
    })?;
    let problem = format!("`{function}` is taken of a sum");
    let finding = look.finding(FindingCode::SumBeforeRate, problem);
    let summed = match bare(range) {
        // What a rule added up has no selector here.
        Expr::Subquery(subquery) => selectors(&subquery.expr).first().copied().cloned(),
        _ => None,
    };
    Some(match summed.as_ref().and_then(written_selector) {
        Some(query) => finding.proposing(rate_of_each(look, function, &query)),
        None => finding.proposing(format!(
            "the counter's own selector: `sum({function}(…))` adds up what each replica counted"
        )),
    })
}

/// Returns what to write so that each replica's restarts are seen.
pub(super) fn rate_of_each(look: &Look<'_>, function: &str, selector: &str) -> String {
    if look.is_counted() {
        return format!("{}: {selector}", look.key);
    }
    let by = look.analysis.replica.as_deref().map(|label| format!("by ({}) ", shown(label, 40)));
    format!("{}: sum {}({function}({selector}[$step]))", look.key, by.unwrap_or_default())
}

/// Returns whether a range is of counters that were added up, here or by a rule that says so in its name.
fn is_of_a_sum(range: &Expr) -> bool {
    match bare(range) {
        Expr::Subquery(subquery) => {
            let sums = |it: &Expr| aggregation(it).is_some_and(|(_, operator)| operator == "sum");
            contains(&subquery.expr, sums)
                && !contains(&subquery.expr, |it| call(it, &RATES).is_some())
        }
        Expr::MatrixSelector(matrix) => {
            let name = metric(&matrix.vs).unwrap_or_default();
            let operations = name.rsplit_once(':').map_or("", |(_, operations)| operations);
            operations == "sum" || operations.starts_with("sum_") && !operations.contains("rate")
        }
        _ => false,
    }
}

/// What subtracts one sample from another.
const DIFFERENCES: [&str; 4] = ["delta", "idelta", "deriv", "predict_linear"];

fn resets_ignored(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.marked);
    let (by, counter) = all.iter().find_map(|node| match node.expression {
        Expr::Binary(binary) if binary.op.to_string() == "-" => {
            let sides = (selector(bare(&binary.lhs))?, selector(bare(&binary.rhs))?);
            let is_shifted = sides.1.offset.is_some() && metric(sides.0) == metric(sides.1);
            is_shifted.then_some(("-", sides.0))
        }
        part => {
            let call = call(part, &DIFFERENCES)?;
            let counter = call.args.args.first().and_then(|range| selector(bare(range)))?;
            Some((call.func.name, counter))
        }
    })?;
    let name = metric(counter).filter(|name| is_counter(name))?;
    let problem = format!("`{by}` subtracts samples of the counter `{}`", shown(name, 80));
    let finding = look.finding(FindingCode::ResetsIgnored, problem);
    let plain = VectorSelector { offset: None, at: None, ..counter.clone() };
    Some(match written_selector(&plain) {
        Some(query) => finding.proposing(rate_of_each(look, "rate", &query)),
        None => finding,
    })
}

fn rate_of_level(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.marked);
    let (function, level) = all.iter().find_map(|node| {
        let level = selector(node.expression)?;
        let is_one = metric(level).is_some_and(is_level) || is_of_a_summary(level);
        let rates = around(&all, node).into_iter().find_map(|it| call(it, &RATES))?;
        is_one.then_some((rates.func.name, level))
    })?;
    let name = shown(metric(level).unwrap_or("it"), 80);
    let problem = format!("`{function}` is taken of `{name}`, a level by its name");
    let finding = look.finding(FindingCode::LevelAsCounter, problem);
    let kind = if is_of_a_summary(level) { "quantile" } else { "gauge" };
    Some(match written_selector(level) {
        Some(query) => finding.proposing(format!("{kind}: {query}")),
        None => finding,
    })
}
