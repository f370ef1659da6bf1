//! A query taken apart: its nodes with what stands around them, and what they are called.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{AggregateExpr, Call, Expr, LabelModifier, VectorSelector};

/// A part of an expression, and where the part stands that is around it.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) expression: &'a Expr,
    /// An index of the same list.
    around: Option<usize>,
}

/// Returns every part of an expression, each before what is in it.
pub(super) fn nodes(expression: &Expr) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    visit(expression, None, &mut nodes);
    nodes
}

fn visit<'a>(expression: &'a Expr, around: Option<usize>, nodes: &mut Vec<Node<'a>>) {
    let here = nodes.len();
    nodes.push(Node { expression, around });
    for part in parts(expression) {
        visit(part, Some(here), nodes);
    }
}

/// Returns what stands around a part, the innermost first.
pub(super) fn around<'a>(nodes: &[Node<'a>], node: &Node<'a>) -> Vec<&'a Expr> {
    let outer = |node: &Node<'a>| node.around.and_then(|at| nodes.get(at));
    std::iter::successors(outer(node), |node| outer(node)).map(|node| node.expression).collect()
}

fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Aggregate(aggregate) => {
            aggregate.param.iter().chain([&aggregate.expr]).map(AsRef::as_ref).collect()
        }
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Call(call) => call.args.args.iter().map(AsRef::as_ref).collect(),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => Vec::new(),
    }
}

/// Changes every part of an expression, each before what is in it.
pub(super) fn change(expression: &mut Expr, how: &mut dyn FnMut(&mut Expr)) {
    how(expression);
    match expression {
        Expr::Aggregate(aggregate) => {
            let parts = aggregate.param.iter_mut().chain([&mut aggregate.expr]);
            parts.for_each(|part| change(part, how));
        }
        Expr::Unary(unary) => change(&mut unary.expr, how),
        Expr::Binary(binary) => {
            change(&mut binary.lhs, how);
            change(&mut binary.rhs, how);
        }
        Expr::Paren(paren) => change(&mut paren.expr, how),
        Expr::Subquery(subquery) => change(&mut subquery.expr, how),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|part| change(part, how)),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => {}
    }
}

/// Takes the brackets off.
pub(super) fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Paren(paren) => bare(&paren.expr),
        other => other,
    }
}

/// Returns the selector of a part that is one, with or without a range.
pub(super) fn selector(expression: &Expr) -> Option<&VectorSelector> {
    match expression {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        _ => None,
    }
}

/// Returns every selector of an expression.
pub(super) fn selectors(expression: &Expr) -> Vec<&VectorSelector> {
    nodes(expression).iter().filter_map(|node| selector(node.expression)).collect()
}

/// Returns the metric that a selector names, before its braces or between them.
pub(super) fn metric(selector: &VectorSelector) -> Option<&str> {
    let between = || {
        let mut named = matchers(selector).filter(|matcher| matcher.name == "__name__");
        named.find(|matcher| matcher.op == MatchOp::Equal).map(|matcher| matcher.value.as_str())
    };
    selector.name.as_deref().or_else(between)
}

/// Returns the matchers that all hold.
pub(super) fn matchers(selector: &VectorSelector) -> impl Iterator<Item = &Matcher> {
    selector.matchers.matchers.iter()
}

/// Returns the call that a part is, if it calls one of these functions.
pub(super) fn call<'a>(expression: &'a Expr, functions: &[&str]) -> Option<&'a Call> {
    match expression {
        Expr::Call(call) if functions.contains(&call.func.name) => Some(call),
        _ => None,
    }
}

/// Returns the aggregation that a part is, with its operator.
pub(super) fn aggregation(expression: &Expr) -> Option<(&AggregateExpr, String)> {
    match expression {
        Expr::Aggregate(aggregate) => Some((aggregate, aggregate.op.to_string())),
        _ => None,
    }
}

/// Returns whether an aggregation keeps a label.
pub(super) fn keeps(aggregate: &AggregateExpr, label: &str) -> bool {
    let names = |modifier: &LabelModifier| modifier.labels().labels.iter().any(|it| it == label);
    match &aggregate.modifier {
        None => false,
        Some(modifier @ LabelModifier::Include(_)) => names(modifier),
        Some(modifier @ LabelModifier::Exclude(_)) => !names(modifier),
    }
}

/// Returns whether any part of an expression is as it should be.
pub(super) fn contains(expression: &Expr, is_it: impl Fn(&Expr) -> bool) -> bool {
    nodes(expression).iter().any(|node| is_it(node.expression))
}

/// Returns a number that stands in a query as one.
pub(super) fn number(expression: &Expr) -> Option<f64> {
    match bare(expression) {
        Expr::NumberLiteral(literal) => Some(literal.val),
        Expr::Unary(unary) => number(&unary.expr).map(|value| -value),
        _ => None,
    }
}
