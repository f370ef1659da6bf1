//! Queries that the parser does not know.

use promql_parser::parser;
use serin_model::FindingCode;

use crate::rows::shown;

/// What is wrong with a query that is no PromQL.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unknown {
    pub(super) code: FindingCode,
    pub(super) problem: String,
    pub(super) hint: String,
}

/// Says what keeps a query from being PromQL; nothing where it is.
///
/// * `of_dialect`: whether the store knows more than PromQL. Then only what no dialect takes is said.
pub(super) fn unknown(text: &str, of_dialect: bool) -> Option<Unknown> {
    let error = parser::parse(text).err()?;
    if let Some((function, operator)) = rate_of_sum(text) {
        return Some(Unknown {
            code: FindingCode::SumBeforeRate,
            problem: format!("`{function}` is taken of a `{operator}`"),
            hint: format!("`{operator}({function}(…))`: the {function} of each series first"),
        });
    }
    let is_closed = ["()", "[]", "{}"].iter().all(|pair| is_balanced(text, pair));
    if of_dialect && is_closed {
        return None;
    }
    let reason = error.lines().next().unwrap_or_default().trim_end_matches('.');
    Some(Unknown {
        code: FindingCode::UnknownPromql,
        problem: format!("it cannot be read as PromQL: {}", shown(reason, 160)),
        hint: hint(&error, is_closed).to_owned(),
    })
}

fn hint(error: &str, is_closed: bool) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    match () {
        () if !is_closed => "a closing bracket for each that opens",
        () if says(&["expected type matrix", "expected type range vector"]) => {
            "a range behind the selector, such as `[$step]`"
        }
        () if says(&["got matrix", "got range vector"]) => {
            "a function of the range, such as `rate(…)` of a counter or `avg_over_time(…)` of a level"
        }
        () if says(&["unknown function", "unknown func"]) => {
            "a function that PromQL has; a store that knows another has the last word"
        }
        () if says(&["escape"]) => "`\\\\d` for `\\d` between double quotes, or `[0-9]`",
        () => "the query as `promtool check` or the store's own page takes it",
    }
}

/// Finds a rate that is asked of an aggregation without a subquery.
fn rate_of_sum(text: &str) -> Option<(&'static str, &'static str)> {
    let words: String = text.split_whitespace().collect();
    let operators = ["sum", "avg", "max", "min", "count"];
    super::resets::RATES.into_iter().find_map(|function| {
        let inside = words.split(&format!("{function}(")).skip(1).find_map(|inside| {
            operators.into_iter().find(|operator| {
                let rest = inside.strip_prefix(operator);
                rest.is_some_and(|rest| rest.starts_with(['(', 'b', 'w']))
            })
        })?;
        Some((function, inside))
    })
}

fn is_balanced(text: &str, pair: &str) -> bool {
    let outside = text.split(['"', '\'', '`']).step_by(2);
    let (open, close) = pair.split_at(1);
    let count =
        |bracket: &str| outside.clone().map(|part| part.matches(bracket).count()).sum::<usize>();
    count(open) == count(close)
}
