//! What hides silence, or makes some.

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::expression::{
    around, bare, call, change, contains, metric, nodes, number, selector, selectors,
};
use super::look::{Look, written};
use super::{Rule, labels, shortened_query};
use crate::collect::Part;

pub(super) const RULES: &[Rule] = &[filled_silence, filtered_values, absence_asked, shifted_time];

fn filled_silence(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.asked);
    let fills = all.iter().any(|node| {
        let by_or = without_filling(node.expression).is_some();
        by_or
            || matches!(node.expression, Expr::Binary(binary) if binary.modifier.as_ref()
            .is_some_and(|it| it.fill_values.lhs.is_some() || it.fill_values.rhs.is_some()))
    });
    if !fills {
        return None;
    }
    let problem = "a constant answers where nothing was measured".to_owned();
    let finding = look.finding(FindingCode::FilledSilence, problem);
    let Some(rest) = without_filling(bare(&look.marked)) else {
        let mut marked = look.marked.clone();
        change(&mut marked, &mut |part| {
            while let Some(rest) = without_filling(part) {
                *part = rest.clone();
            }
        });
        return Some(finding.proposing(format!("{}: {}", look.key, written(&marked))));
    };
    let text = written(rest);
    // Bad events that are not there are none: serin says so itself.
    Some(if look.part == Part::Bad {
        finding.mended(vec![look.edit(text)])
    } else {
        finding.proposing(format!("{}: {text}", look.key))
    })
}

/// Returns what stands beside `or vector(0)`, where an expression is filled in so.
pub(super) fn without_filling(expression: &Expr) -> Option<&Expr> {
    let Expr::Binary(binary) = expression else { return None };
    let fills = |side: &Expr| binary.op.to_string() == "or" && is_constant(side);
    match (fills(&binary.rhs), fills(&binary.lhs)) {
        (true, _) => Some(bare(&binary.lhs)),
        // What is there always leaves the rest unheard.
        (false, true) => Some(bare(&binary.rhs)),
        (false, false) => None,
    }
}

/// Returns whether a part is there whatever was measured: `vector(0)`, or something times nought.
fn is_constant(expression: &Expr) -> bool {
    match bare(expression) {
        Expr::Binary(binary) => {
            let sides = [&binary.lhs, &binary.rhs];
            binary.op.to_string() == "*" && sides.iter().any(|side| number(side) == Some(0.0))
        }
        other => call(other, &["vector"]).is_some(),
    }
}

fn filtered_values(look: &Look<'_>) -> Option<Finding> {
    let all = nodes(&look.marked);
    let filter = all.iter().find_map(|node| {
        let Expr::Binary(binary) = node.expression else { return None };
        let operator = binary.op.to_string();
        let leaves_out = match operator.as_str() {
            "==" | "!=" | ">" | "<" | ">=" | "<=" => {
                let keeps_all = binary.modifier.as_ref().is_some_and(|it| it.return_bool);
                !keeps_all && !guards_divisor(&around(&all, node), node.expression)
            }
            // What has no arm may be told by what has.
            "and" => labels::says_arm(&binary.lhs),
            "unless" => true,
            _ => false,
        };
        leaves_out.then_some(operator)
    })?;
    let problem = format!("`{filter}` leaves out every value of which it is not true");
    let finding = look.finding(FindingCode::FilteredValues, problem);
    let (unfiltered, bound) = unfiltered(look);
    let query = format!("{}: {}", look.key, written(&unfiltered));
    Some(match bound {
        Some(bound) if look.part == Part::Value => finding.proposing(format!(
            "{query}\nwith `limit: {{{bound}}}` beside it, if that is what must never be"
        )),
        _ => finding.proposing(query),
    })
}

/// Returns a query with every value left in, and the bound that it was compared with.
fn unfiltered(look: &Look<'_>) -> (Expr, Option<String>) {
    let mut bound = None;
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| {
        while let Expr::Binary(binary) = part {
            let keeps_all = binary.modifier.as_ref().is_some_and(|it| it.return_bool);
            let word = match binary.op.to_string().as_str() {
                ">" | ">=" if !keeps_all => Some("above"),
                "<" | "<=" if !keeps_all => Some("below"),
                "==" | "!=" if !keeps_all => None,
                "and" | "unless" if labels::says_arm(&binary.lhs) => None,
                _ => break,
            };
            let at = number(&binary.rhs);
            bound = bound.take().or_else(|| Some(format!("{}: {}", word?, at?)));
            let is_number = number(&binary.lhs).is_some();
            let kept = if is_number { &binary.rhs } else { &binary.lhs };
            *part = bare(kept).clone();
        }
    });
    (marked, bound)
}

/// Returns whether a comparison only keeps a divisor from being nought: what it leaves out is no number
/// anyway.
fn guards_divisor(around: &[&Expr], comparison: &Expr) -> bool {
    let is_inside = |side: &Expr| contains(side, |it| std::ptr::eq(it, comparison));
    around.iter().any(|outer| {
        matches!(outer, Expr::Binary(binary) if binary.op.to_string() == "/" && is_inside(&binary.rhs))
    })
}

fn absence_asked(look: &Look<'_>) -> Option<Finding> {
    let asks = ["absent", "absent_over_time", "present_over_time"];
    let all = nodes(&look.asked);
    let name = all.iter().find_map(|node| {
        let of_call = call(node.expression, &asks).map(|call| call.func.name);
        // Prometheus writes it as long as an alert is up.
        let is_alert = |name: &&str| matches!(*name, "ALERTS" | "ALERTS_FOR_STATE");
        of_call.or_else(|| metric(selector(node.expression)?).filter(is_alert))
    })?;
    let problem = format!("`{name}` answers with a constant or not at all");
    let finding = look.finding(FindingCode::AbsenceAsked, problem);
    Some(
        finding.proposing(
            "leave the check out: a canary that is silent is not called safe".to_owned(),
        ),
    )
}

fn shifted_time(look: &Look<'_>) -> Option<Finding> {
    let of_selectors = selectors(&look.asked);
    let is_shifted = of_selectors.iter().any(|it| it.offset.is_some() || it.at.is_some())
        || nodes(&look.asked).iter().any(|node| match node.expression {
            Expr::Subquery(subquery) => subquery.offset.is_some() || subquery.at.is_some(),
            _ => false,
        });
    is_shifted.then(|| {
        let query = shortened_query(&look.marked);
        let problem = format!("`{query}` looks at another time than the one that is judged");
        look.finding(FindingCode::ShiftedTime, problem).proposing(format!(
            "{}: {}\nwith the arms' `control_window`, if an earlier time is what to compare with",
            look.key,
            written(&unshifted(look))
        ))
    })
}

/// Returns a query that looks at the time that is judged. Where it compared two times, one side of the
/// comparison.
fn unshifted(look: &Look<'_>) -> Expr {
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| match part {
        Expr::VectorSelector(selector) => (selector.offset, selector.at) = (None, None),
        Expr::MatrixSelector(matrix) => (matrix.vs.offset, matrix.vs.at) = (None, None),
        Expr::Subquery(subquery) => (subquery.offset, subquery.at) = (None, None),
        _ => {}
    });
    match bare(&marked) {
        Expr::Binary(binary) if binary.lhs == binary.rhs => binary.lhs.as_ref().clone(),
        _ => marked,
    }
}
