//! Which series a query means, and which labels its answer keeps.

use promql_parser::label::{Labels, MatchOp, Matcher};
use promql_parser::parser::{Expr, LabelModifier};
use serin_model::{Finding, FindingCode};

use super::expression::{
    Node, aggregation, around, bare, call, change, contains, keeps, matchers, metric, nodes,
    selector, selectors,
};
use super::look::{ARM_MARK, Look, written};
use super::{Rule, counters, levels, means, quantiles, resets};
use crate::collect::{Part, sides};
use crate::rows::shown;

pub(super) const RULES: &[Rule] = &[
    arm_fixed,
    expression_without_arm_somewhere,
    replica_lost,
    several_series,
    values_as_labels,
    no_metric_name,
];

pub(super) fn arm_fixed(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.marked);
    let mut fixed = all.into_iter().flat_map(matchers).filter(|it| it.name != ARM_MARK);
    let (matcher, arm) = fixed.find_map(|matcher| {
        let of_arm = sides(look.analysis).into_iter();
        let mut missed = of_arm.filter_map(|(side, arm)| {
            let value = arm.get(&matcher.name)?;
            (!matcher.is_match(value)).then_some(side)
        });
        missed.next().map(|side| (matcher, side))
    })?;
    let problem = format!(
        "`{}` selects nothing of the {}, which `arms` tells by the same label",
        shown(&matcher.to_string(), 80),
        arm.as_str()
    );
    let finding = look.finding(FindingCode::ArmFixed, problem);
    Some(finding.proposing(format!("{}: {}", look.key, written(&of_one_arm(look)))))
}

/// Returns the query without what it fixes of the arms, and with `$arm` in its place. Where it compared the
/// arms itself, one side of the comparison.
fn of_one_arm(look: &Look<'_>) -> Expr {
    let labels: Vec<&String> =
        sides(look.analysis).into_iter().flat_map(|(_, arm)| arm.keys()).collect();
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| {
        let selector = match part {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &mut matrix.vs,
            _ => return,
        };
        selector.matchers.matchers.retain(|it| !labels.contains(&&it.name));
    });
    add_arm(&mut marked);
    match bare(&marked) {
        Expr::Binary(binary) if binary.lhs == binary.rhs => binary.lhs.as_ref().clone(),
        _ => marked,
    }
}

/// One operand that is the same on both arms is a matter of taste; a selector of the service's own
/// metric without the arm rarely is.
fn expression_without_arm_somewhere(look: &Look<'_>) -> Option<Finding> {
    if !says_arm(&look.marked) {
        return None;
    }
    let all = nodes(&look.marked);
    let without = all.iter().find_map(|node| {
        let without = selector(node.expression)?;
        let is_lost = !says_arm(node.expression) && !is_told_by_join(look, &all, node);
        is_lost.then_some(without)
    })?;
    let name = shown(metric(without).unwrap_or("a selector"), 80);
    let problem = format!("`{name}` in it does not say `$arm`, and is of both arms together");
    let finding = look.finding(FindingCode::MissingArm, problem);
    let mut marked = look.marked.clone();
    add_arm(&mut marked);
    // Both sides of a match have to keep the same labels.
    let replica = look.analysis.replica.as_deref().filter(|replica| {
        contains(&marked, |it| aggregation(it).is_some_and(|(it, _)| keeps(it, replica)))
    });
    if let Some(replica) = replica {
        keep_replica(&mut marked, replica);
    }
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}

/// Returns whether a selector without the arm meets one that says it, label by label, so that only series
/// of the arm are left.
fn is_told_by_join(look: &Look<'_>, all: &[Node<'_>], node: &Node<'_>) -> bool {
    let arms: Vec<&String> =
        sides(look.analysis).into_iter().flat_map(|(_, arm)| arm.keys()).collect();
    let told = look.analysis.replica.iter().chain(arms);
    let told: Vec<&str> = told.map(String::as_str).collect();
    for outer in around(all, node) {
        match outer {
            Expr::Aggregate(aggregate) if !told.iter().any(|label| keeps(aggregate, label)) => {
                return false;
            }
            Expr::Binary(binary) if says_arm(outer) => {
                let matching = binary.modifier.as_ref().and_then(|it| it.matching.as_ref());
                let joins =
                    !matches!(matching, Some(LabelModifier::Include(on)) if on.labels.is_empty());
                let restricts = !matches!(binary.op.to_string().as_str(), "or" | "unless");
                return joins && restricts;
            }
            _ => {}
        }
    }
    false
}

/// Returns whether any selector says where the arm goes.
pub(super) fn says_arm(marked: &Expr) -> bool {
    let all = selectors(marked);
    all.into_iter().flat_map(matchers).any(|matcher| matcher.name == ARM_MARK)
}

/// Adds the arm to every selector that lacks it. Returns to how many.
pub(super) fn add_arm(marked: &mut Expr) -> usize {
    let mut added = 0;
    change(marked, &mut |part| {
        let selector = match part {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &mut matrix.vs,
            _ => return,
        };
        let all = &mut selector.matchers.matchers;
        if !all.iter().any(|it| it.name == ARM_MARK) {
            all.push(Matcher::new(MatchOp::Equal, ARM_MARK, "1"));
            added += 1;
        }
    });
    added
}

/// What makes one series of many.
const ADDS_UP: [&str; 8] = ["sum", "avg", "min", "max", "count", "stddev", "stdvar", "quantile"];

/// Returns whether another rule proposes a query that keeps replicas apart by itself.
fn is_better_asked(look: &Look<'_>) -> bool {
    let better: [Rule; 8] = [
        arm_fixed,
        counters::ready_made_ratio,
        counters::running_total_as_level,
        levels::size_of_arm,
        means::mean_latency,
        means::native_mean,
        quantiles::average_of_quantiles,
        resets::sum_before_rate,
    ];
    better.iter().any(|rule| rule(look).is_some())
}

fn replica_lost(look: &Look<'_>) -> Option<Finding> {
    let replica = look.analysis.replica.as_deref()?;
    // A total of all replicas together is taken for what it is, and a counter that serin can count by
    // itself is better asked for.
    let is_of_all = matches!(look.part, Part::Total | Part::Exposure);
    if is_of_all || look.is_counted() && look.as_selector().is_some() {
        return None;
    }
    // The buckets are better asked for, and they come by replica.
    let is_made = |it: &Expr| call(it, &["histogram_quantile", "histogram_fraction"]).is_some();
    if contains(&look.asked, is_made) || is_better_asked(look) {
        return None;
    }
    let loses = |expression: &Expr| {
        let scalar = call(expression, &["scalar"]).map(|call| call.func.name.to_owned());
        let lost = aggregation(expression).filter(|(aggregate, operator)| {
            ADDS_UP.contains(&operator.as_str()) && !keeps(aggregate, replica)
        });
        scalar.or_else(|| lost.map(|(_, operator)| operator))
    };
    let operator = nodes(&look.asked).iter().find_map(|node| loses(node.expression))?;
    let shown_replica = shown(replica, 40);
    let problem = format!("`{operator}` makes one of what the label `{shown_replica}` tells apart");
    let finding = look.finding(FindingCode::ReplicaLost, problem);
    let mut marked = look.marked.clone();
    keep_replica(&mut marked, replica);
    add_arm(&mut marked);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}

/// Lets every aggregation keep the replicas apart.
fn keep_replica(marked: &mut Expr, replica: &str) {
    change(marked, &mut |part| {
        while let Some(inside) = call(part, &["scalar"]).and_then(|call| call.args.args.first()) {
            *part = inside.as_ref().clone();
        }
        let Expr::Aggregate(aggregate) = part else { return };
        match &mut aggregate.modifier {
            Some(LabelModifier::Include(labels)) => {
                if !labels.labels.iter().any(|label| label == replica) {
                    labels.labels.push(replica.to_owned());
                }
            }
            Some(LabelModifier::Exclude(labels)) => {
                labels.labels.retain(|label| label != replica);
            }
            none @ None => {
                *none = Some(LabelModifier::Include(Labels { labels: vec![replica.to_owned()] }));
            }
        }
    });
}

fn several_series(look: &Look<'_>) -> Option<Finding> {
    if look.is_counted() {
        return None;
    }
    let (aggregate, _) = aggregation(bare(&look.asked))?;
    let Some(LabelModifier::Include(kept)) = &aggregate.modifier else { return None };
    let is_of_arms =
        |label: &str| sides(look.analysis).iter().any(|(_, arm)| arm.contains_key(label));
    let replica = look.analysis.replica.as_deref();
    let others: Vec<String> = kept
        .labels
        .iter()
        .filter(|label| Some(label.as_str()) != replica && !is_of_arms(label))
        .map(|label| format!("`{}`", shown(label, 40)))
        .collect();
    let first = others.first()?;
    let problem = format!("the answer keeps {}, by which no replica is told", others.join(", "));
    let finding = look.finding(FindingCode::SeveralSeries, problem);
    Some(match replica {
        Some(replica) => {
            let mut marked = look.marked.clone();
            if let Expr::Aggregate(aggregate) = outermost(&mut marked) {
                let kept = Labels { labels: vec![replica.to_owned()] };
                aggregate.modifier = Some(LabelModifier::Include(kept));
            }
            finding.proposing(format!("{}: {}", look.key, written(&marked)))
        }
        None => finding.proposing(format!(
            "no `by`, or `replica: {}` in the file if that is what it tells apart",
            first.trim_matches('`')
        )),
    })
}

/// Returns what stands inside the brackets around all of a query.
fn outermost(marked: &mut Expr) -> &mut Expr {
    match marked {
        Expr::Paren(paren) => outermost(&mut paren.expr),
        other => other,
    }
}

fn values_as_labels(look: &Look<'_>) -> Option<Finding> {
    let counts =
        |it: &Expr| aggregation(it).is_some_and(|(_, operator)| operator == "count_values");
    contains(&look.asked, counts).then(|| {
        let problem = "`count_values` makes a series of each value".to_owned();
        look.finding(FindingCode::SeveralSeries, problem)
            .proposing("the level itself: the judge looks at its values".to_owned())
    })
}

fn no_metric_name(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.marked);
    let is_unnamed = all.iter().any(|it| metric(it).is_none());
    is_unnamed.then(|| {
        let problem = "a selector names no metric of its own".to_owned();
        look.finding(FindingCode::NoMetricName, problem)
            .proposing("the metric's name before the braces".to_owned())
    })
}
