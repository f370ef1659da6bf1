//! Patterns that select more or less than they seem to.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::Expr;
use serin_model::{Finding, FindingCode};

use super::Rule;
use super::expression::{call, change, matchers, nodes, selectors};
use super::look::{Look, written};
use super::names::is_status_code;
use crate::collect::sides;
use crate::rows::shown;

pub(super) const RULES: &[Rule] = &[whole_pattern, any_value, labels_rewritten];

fn is_pattern(matcher: &Matcher) -> bool {
    matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_))
}

fn whole_pattern(look: &Look<'_>) -> Option<Finding> {
    let all = selectors(&look.marked);
    let mut of_codes = all.into_iter().flat_map(matchers);
    let matcher = of_codes.find(|it| {
        let is_part = |word: &str| {
            let digits = word.trim_end_matches('-');
            matches!(digits.len(), 1 | 2) && digits.chars().all(|it| it.is_ascii_digit())
        };
        is_pattern(it) && is_status_code(&it.name) && it.value.split('|').any(is_part)
    })?;
    let text = shown(&matcher.to_string(), 80);
    let problem = format!("`{text}` selects no status code, for a code has three digits");
    let whole: Vec<String> = matcher
        .value
        .split('|')
        .map(|word| format!("{:.<3}", word.trim_end_matches('-')))
        .collect();
    let instead = Matcher { value: whole.join("|"), ..matcher.clone() };
    Some(look.finding(FindingCode::WholePattern, problem).proposing(format!("`{instead}`")))
}

fn any_value(look: &Look<'_>) -> Option<Finding> {
    let is_any = |it: &Matcher| matches!(it.op, MatchOp::Re(_)) && it.value == ".*";
    let all = selectors(&look.marked);
    let matcher = all.into_iter().flat_map(matchers).find(|it| is_any(it))?;
    let problem = format!("`{}` leaves nothing out", shown(&matcher.to_string(), 80));
    let mut marked = look.marked.clone();
    change(&mut marked, &mut |part| match part {
        Expr::VectorSelector(selector) => selector.matchers.matchers.retain(|it| !is_any(it)),
        Expr::MatrixSelector(matrix) => matrix.vs.matchers.matchers.retain(|it| !is_any(it)),
        _ => {}
    });
    let finding = look.finding(FindingCode::AnyValue, problem);
    Some(finding.proposing(format!("{}: {}", look.key, written(&marked))))
}

fn labels_rewritten(look: &Look<'_>) -> Option<Finding> {
    let told: Vec<&str> = sides(look.analysis)
        .into_iter()
        .flat_map(|(_, arm)| arm.keys().map(String::as_str))
        .chain(look.analysis.replica.as_deref())
        .collect();
    let all = nodes(&look.marked);
    let (function, label) = all.iter().find_map(|node| {
        let call = call(node.expression, &["label_replace", "label_join"])?;
        let Expr::StringLiteral(label) = call.args.args.get(1)?.as_ref() else { return None };
        told.contains(&label.val.as_str()).then_some((call.func.name, &label.val))
    })?;
    let problem = format!("`{function}` writes `{}`", shown(label, 40));
    Some(look.finding(FindingCode::LabelsRewritten, problem).proposing(
        "a label that the series have, under `arms` and `replica`; or write it when scraping, by \
         `relabel_configs`"
            .to_owned(),
    ))
}
