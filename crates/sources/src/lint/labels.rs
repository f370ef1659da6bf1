//! Which series a query means, and which labels its answer keeps.

use promql_parser::label::{Labels, MatchOp, Matcher};
use promql_parser::parser::{Expr, LabelModifier};
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{
    aggregation, bare, call, change, contains, keeps, matchers, metric, nodes, selectors,
};
use super::look::{ARM_MARK, Look, written};
use crate::collect::{Part, sides};
use crate::rows::shown;

pub(super) const RULES: &[Rule] =
    &[arm_fixed, expression_without_arm_somewhere, replica_lost, several_series, no_metric_name];

fn arm_fixed(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.marked);
    let mut written = all.into_iter().flat_map(matchers).filter(|it| it.name != ARM_MARK);
    let (matcher, arm) = written.find_map(|matcher| {
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
    Some(look.finding(FindingCode::ArmFixed, problem).proposing(format!(
        "leave `{}` out: `$arm` stands for the labels of each arm",
        shown(&matcher.to_string(), 80)
    )))
}

/// One operand that is the same on both arms is a matter of taste; a selector of the service's own
/// metric without the arm rarely is.
fn expression_without_arm_somewhere(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.marked);
    let says = |it: &&promql_parser::parser::VectorSelector| {
        matchers(it).any(|matcher| matcher.name == ARM_MARK)
    };
    if all.len() < 2 || !all.iter().any(says) {
        return None;
    }
    let without = all.into_iter().find(|it| !says(it))?;
    let name = shown(metric(without).unwrap_or("a selector"), 80);
    let problem = format!("`{name}` in it does not say `$arm`, and is of both arms together");
    let finding = look.finding(FindingCode::MissingArm, problem);
    let mut marked = look.marked.clone();
    add_arm(&mut marked);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
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

fn replica_lost(look: &Look<'_>) -> Option<Finding> {
    let replica = look.analysis.replica.as_deref()?;
    // A total of all replicas together is taken for what it is, and a counter that serin can count by
    // itself is better asked for.
    let is_of_all = matches!(look.part, Part::Total | Part::Exposure);
    if is_of_all || look.is_counted() && look.as_selector().is_some() {
        return None;
    }
    // The buckets are better asked for, and they come by replica.
    if contains(&look.asked, |it| call(it, &["histogram_quantile"]).is_some()) {
        return None;
    }
    let loses = |expression: &Expr| {
        aggregation(expression).is_some_and(|(aggregate, operator)| {
            ADDS_UP.contains(&operator.as_str()) && !keeps(aggregate, replica)
        })
    };
    let all = nodes(&look.asked);
    let lost = all.iter().find(|node| loses(node.expression))?;
    let operator = aggregation(lost.expression).map(|(_, operator)| operator)?;
    let shown_replica = shown(replica, 40);
    let problem = format!("`{operator}` adds up what the label `{shown_replica}` tells apart");
    let finding = look.finding(FindingCode::ReplicaLost, problem);
    let mut marked = look.marked.clone();
    keep_replica(&mut marked, replica);
    add_arm(&mut marked);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}

/// Lets every aggregation keep the replicas apart.
fn keep_replica(marked: &mut Expr, replica: &str) {
    change(marked, &mut |part| {
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
    let problem = format!("the answer keeps {}, which tell no replicas apart", others.join(", "));
    let finding = look.finding(FindingCode::SeveralSeries, problem);
    Some(match replica {
        Some(replica) => finding.proposing(format!("`by ({})` alone", shown(replica, 40))),
        None => finding.proposing(format!(
            "no `by`, or `replica: {}` in the file if that is what it tells apart",
            first.trim_matches('`')
        )),
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
