//! What hides silence, or makes some.

use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::expression::{bare, call, nodes, number, selectors};
use super::look::{Look, written};
use super::{Rule, shortened_query};
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
    let problem = "`or vector(…)` answers where nothing was measured".to_owned();
    let finding = look.finding(FindingCode::FilledSilence, problem);
    let Some(rest) = without_filling(bare(&look.marked)) else { return Some(finding) };
    let text = written(rest);
    // Bad events that are not there are none: serin says so itself.
    Some(if look.part == Part::Bad {
        finding.mended(vec![look.edit(text)])
    } else {
        finding.proposing(format!("{}: {text}", look.key))
    })
}

/// Returns what stands before `or vector(0)`, where an expression ends so.
pub(super) fn without_filling(expression: &Expr) -> Option<&Expr> {
    let Expr::Binary(binary) = expression else { return None };
    let fills = binary.op.to_string() == "or" && is_constant(&binary.rhs);
    fills.then(|| bare(&binary.lhs))
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
    let comparisons = ["==", "!=", ">", "<", ">=", "<="];
    let all = nodes(&look.asked);
    let filter = all.iter().find_map(|node| match node.expression {
        Expr::Binary(binary) => {
            let keeps_all = binary.modifier.as_ref().is_some_and(|it| it.return_bool);
            let operator = binary.op.to_string();
            (!keeps_all && comparisons.contains(&operator.as_str())).then_some(operator)
        }
        _ => None,
    })?;
    let problem = format!("`{filter}` leaves out every value of which it is not true");
    Some(look.finding(FindingCode::FilteredValues, problem).proposing(
        "leave the comparison out and write a `limit` beside the query; `bool` behind the sign keeps \
         a 0 where it is not true"
            .to_owned(),
    ))
}

fn absence_asked(look: &Look<'_>) -> Option<Finding> {
    let asks = ["absent", "absent_over_time"];
    let name = nodes(&look.asked)
        .iter()
        .find_map(|node| call(node.expression, &asks).map(|call| call.func.name))?;
    let problem = format!("`{name}` answers 1 where nothing is, and nothing where something is");
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
        look.finding(FindingCode::ShiftedTime, problem).proposing(
            "leave `offset` and `@` out; to compare with an earlier time give the arms a \
             `control_window`"
                .to_owned(),
        )
    })
}
