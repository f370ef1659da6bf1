//! Means of what has a distribution.

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{call, contains, metric, nodes, selectors};
use super::look::{Look, name_in};
use super::rewrite::{renamed, written_selector};
use crate::promql::Prepared;

pub(super) const RULES: &[Rule] = &[mean_latency, native_mean];

/// Returns whether the two sides of a division are the sum and the count of one distribution.
pub(super) fn is_mean((sum, count): (&Expr, &Expr)) -> bool {
    let ends = |side: &Expr, end: &str| {
        selectors(side).iter().any(|it| metric(it).is_some_and(|name| name.ends_with(end)))
    };
    ends(sum, "_sum") && ends(count, "_count")
        || contains(sum, |it| call(it, &["histogram_sum"]).is_some())
}

pub(super) fn mean_latency(look: &Look<'_>) -> Option<Finding> {
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
    let of = |end: &str| renamed(&sum, format!("{base}{end}"));
    Some(match (of("_bucket"), of("_sum"), of("_count")) {
        (Some(buckets), Some(sum), Some(count)) => finding.proposing(format!(
            "histogram: {buckets}\nor, where there are no buckets: count: {{events: '{sum}', exposure: \
             '{count}'}}"
        )),
        _ => finding,
    })
}

/// Native histograms have a function for it.
pub(super) fn native_mean(look: &Look<'_>) -> Option<Finding> {
    let functions = ["histogram_avg", "histogram_sum"];
    if look.is_counted() || !contains(&look.asked, |it| call(it, &functions).is_some()) {
        return None;
    }
    let problem = format!("the mean is made of the histogram `{}`", name_in(&look.asked));
    let finding = look.finding(FindingCode::MeanLatency, problem);
    Some(match selectors(&look.marked).first().and_then(|it| written_selector(it)) {
        Some(query) => finding.proposing(format!("histogram: {query}")),
        None => finding,
    })
}
