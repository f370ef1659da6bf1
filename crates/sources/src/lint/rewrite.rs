//! Queries as serin would rather be asked them.

use promql_parser::parser::{Expr, VectorSelector};

use super::expression::{aggregation, bare, call, matchers, metric};
use super::look::ARM_MARK;
use super::silence::without_filling;

/// A selector that was found inside an expression which counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted<'a> {
    pub(super) selector: &'a VectorSelector,
    /// In which unit the expression counts.
    pub(super) by: Counting,
}

/// In which unit an expression counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Counting {
    /// As the samples say: it is the selector alone.
    Whole,
    /// Per second.
    PerSecond,
    /// Over a range of so many seconds.
    Over(u64),
}

/// Returns the selector whose counts an expression estimates and adds up, if it does nothing else.
///
/// * `fills`: whether what fills in silence may be left out, because silence is zero there.
pub(super) fn counted(expression: &Expr, fills: bool) -> Option<Counted<'_>> {
    let expression = bare(expression);
    if fills && let Some(filled) = without_filling(expression) {
        return counted(filled, fills);
    }
    if let Some((aggregate, operator)) = aggregation(expression) {
        let adds_up = operator == "sum" && aggregate.param.is_none();
        return adds_up.then(|| counted(&aggregate.expr, fills)).flatten();
    }
    if let Expr::VectorSelector(selector) = expression {
        let is_now = selector.offset.is_none() && selector.at.is_none();
        return is_now.then_some(Counted { selector, by: Counting::Whole });
    }
    let estimate = call(expression, &["rate", "increase", "irate"])?;
    let [range] = estimate.args.args.as_slice() else { return None };
    let Expr::MatrixSelector(matrix) = bare(range) else { return None };
    let is_now = matrix.vs.offset.is_none() && matrix.vs.at.is_none();
    let by = match estimate.func.name {
        "increase" => Counting::Over(matrix.range.as_secs()),
        _ => Counting::PerSecond,
    };
    (is_now && metric(&matrix.vs).is_some()).then_some(Counted { selector: &matrix.vs, by })
}

/// Writes a selector with the arm's variable last, its matchers in the order they were written.
pub(super) fn written_selector(selector: &VectorSelector) -> Option<String> {
    if !selector.matchers.or_matchers.is_empty() {
        return None;
    }
    let others = matchers(selector).filter(|matcher| matcher.name != ARM_MARK);
    let mut all: Vec<String> = others.map(ToString::to_string).collect();
    all.push("$arm".to_owned());
    Some(format!("{}{{{}}}", selector.name.as_deref().unwrap_or_default(), all.join(", ")))
}

/// Writes a selector under another name, such as that of the buckets beside a sum.
pub(super) fn renamed(selector: &VectorSelector, name: String) -> Option<String> {
    written_selector(&VectorSelector { name: Some(name), ..selector.clone() })
}
