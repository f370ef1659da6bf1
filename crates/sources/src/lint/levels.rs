//! Levels that say nothing of a version.

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    aggregation, around, bare, call, change, keeps, metric, nodes, number, selector, selectors,
};
use super::look::{Look, written};
use super::names::{is_age, is_constant};
use crate::rows::shown;

pub(super) const RULES: &[Rule] = &[age_measured, constant_level, size_of_arm, clipped_values];

fn age_measured(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let name = all.iter().find_map(|node| {
        let name = metric(selector(node.expression)?).filter(|name| is_age(name))?;
        let moves = ["changes", "resets", "count_over_time"];
        let is_counted = around(&all, node).iter().any(|it| {
            let counts = aggregation(it).is_some_and(|(_, operator)| operator == "count");
            counts || call(it, &moves).is_some()
        });
        (!is_counted).then_some(name)
    })?;
    let name = shown(name, 80);
    let problem = format!("`{name}` says since when something runs, or for how long");
    Some(
        look.finding(FindingCode::AgeMeasured, problem).proposing(
            "leave the check out; to see restarts, `count: {events: …}` of a counter of them, or \
         `changes(…_start_time_seconds{$arm}[$step])` as a gauge"
                .to_owned(),
        ),
    )
}

fn constant_level(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.asked);
    let names: Vec<&str> = all.iter().filter_map(|it| metric(it)).collect();
    let name = names.first()?;
    if look.is_counted() || names.len() < all.len() || !names.iter().all(|name| is_constant(name)) {
        return None;
    }
    let problem = format!("`{}` is always 1, and carries labels", shown(name, 80));
    Some(look.finding(FindingCode::ConstantLevel, problem).proposing(
        "leave the check out: such series are for joins, and versions are told apart under `arms`"
            .to_owned(),
    ))
}

/// Only where no label tells replicas apart; otherwise the sum is better asked for by replica.
pub(super) fn size_of_arm(look: &Look<'_>) -> Option<Finding> {
    if look.is_counted() {
        return None;
    }
    let (aggregate, operator) = aggregation(unscaled(&look.marked))?;
    let replica = look.analysis.replica.as_deref();
    let is_kept = replica.is_some_and(|replica| keeps(aggregate, replica));
    let grows = match operator.as_str() {
        "sum" => replica.is_none(),
        "count" => !is_kept,
        _ => false,
    };
    if !grows {
        return None;
    }
    let problem = format!("`{operator}` over an arm is more where there are more replicas");
    let finding = look.finding(FindingCode::SizeOfArm, problem);
    Some(match operator.as_str() {
        "count" => finding.proposing(
            "leave the check out: how many replicas an arm has is decided by the rollout"
                .to_owned(),
        ),
        _ => finding.proposing(format!(
            "gauge: {}\nor `replica: pod` in the file and `sum by (pod)` here, or, of a counter, \
             `count: {{events: …, exposure: …}}` over what it is of, such as requests",
            written(&Expr::Aggregate(aggregate.clone())).replacen("sum", "avg", 1)
        )),
    })
}

/// Takes off what only changes the unit.
fn unscaled(expression: &Expr) -> &Expr {
    match bare(expression) {
        Expr::Binary(binary) if number(&binary.rhs).is_some() => unscaled(&binary.lhs),
        Expr::Binary(binary) if number(&binary.lhs).is_some() => unscaled(&binary.rhs),
        other => other,
    }
}

/// What makes different values the same.
const CLIPS: [&str; 7] = ["clamp", "clamp_max", "clamp_min", "round", "floor", "ceil", "sgn"];

fn clipped_values(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let function = all.iter().find_map(|node| Some(call(node.expression, &CLIPS)?.func.name))?;
    let problem = format!("`{function}` makes unlike values alike");
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| {
        while let Some(inside) = call(part, &CLIPS).and_then(|call| call.args.args.first()) {
            *part = inside.as_ref().clone();
        }
    });
    let finding = look.finding(FindingCode::ClippedValues, problem);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}
