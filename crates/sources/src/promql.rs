//! PromQL as far as serin must understand what it asks for.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/basics/>.

use std::cell::Cell;
use std::fmt::Write;

use promql_parser::parser::{self, Expr};
use promql_parser::util::{ExprVisitor, walk_expr};
use serin_model::LabelSelector;

use crate::rows::shown;
use crate::source::{Asked, Notice, Quantity, QueryError};
use crate::template::{self, Grammar, Wrong, unknown};

/// A query for one arm, ready to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Prepared {
    /// A selector, of which the samples themselves can be had.
    Selector(String),
    /// Anything that the store has to compute.
    Expression(Expression),
}

/// A query that the store has to compute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Expression {
    pub(crate) text: String,
    pub(crate) notices: Vec<Notice>,
    /// Whether it makes increments of counters, as far as its functions tell.
    pub(crate) makes_increments: bool,
    /// Whether its values are per second.
    pub(crate) is_per_second: bool,
}

/// Puts an arm, a step and a window into a query, and finds out what it is.
///
/// `$arm` stands for the label matchers of the arm, `$step` and `$window` for the length of a step
/// and of the judged stretch of time. A selector that does not say `$arm` is asked for one arm all
/// the same; an expression must say it, or both arms would be the same series.
pub(crate) fn prepare(asked: &Asked<'_>) -> Result<Prepared, QueryError> {
    let text = asked.query.as_str();
    let wrong = |reason: &str, hint: &str| QueryError {
        query: shown(text, LONGEST_SHOWN),
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    };
    let Filled { text: filled, matchers, says_arm } = filled(asked)?;
    let parsed = parser::parse(&filled);
    if let (Ok(expression), Quantity::Counter | Quantity::Buckets) = (&parsed, asked.quantity)
        && !matches!(expression, Expr::VectorSelector(_))
        && let Some(total) = running_total(expression)
    {
        return Err(wrong(
            &format!("it takes `{}` as it stands, a running total", shown(&total, 80)),
            "ask for the counter's selector alone, such as `http_requests_total{$arm}`: serin counts \
             from sample to sample and sums by replica itself",
        ));
    }
    if let Ok(Expr::MatrixSelector(_) | Expr::Subquery(_)) = &parsed {
        return Err(wrong(
            "it asks for a range of samples, and a check needs a value at each step",
            "leave the range out, or digest it, such as `avg_over_time(queue_depth{$arm}[$step])`",
        ));
    }
    match (&parsed, says_arm) {
        (Ok(Expr::VectorSelector(selector)), _)
            if selector.offset.is_none() && selector.at.is_none() =>
        {
            let text = filled.trim();
            Ok(Prepared::Selector(if says_arm { text.to_owned() } else { with(text, &matchers) }))
        }
        (Ok(_), false) => Err(wrong(
            "it computes, and does not say where the arm goes: both arms would be the same series",
            "write `$arm` between the braces, such as `sum(rate(http_requests_total{$arm}[1m]))`",
        )),
        (Err(error), _) if looks_like_a_selector(&filled) => Err(wrong(
            &format!(
                "it is not PromQL ({})",
                shown(error.lines().next().unwrap_or_default(), LONGEST_SHOWN)
            ),
            "write a metric's name, or a selector such as `http_requests_total{code=~\"5..\", $arm}`",
        )),
        (Err(_), false) => Err(wrong(
            "it is no PromQL that serin knows, and does not say where the arm goes",
            "write `$arm` between the braces of a selector",
        )),
        // What serin cannot parse may be a dialect: the store has the last word.
        (_, true) => {
            let text = filled.trim().to_owned();
            Ok(Prepared::Expression(expression(parsed.ok().as_ref(), text, asked.step.seconds())))
        }
    }
}

const VARIABLES: &str = "`$arm` (the labels of an arm), `$step` (the length of a step) and `$window` (the length of the \
     judged time)";

/// A query with its variables filled in, and without its comments.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    pub(crate) text: String,
    /// The label matchers of the arm.
    matchers: String,
    /// Whether the query says where they go.
    pub(crate) says_arm: bool,
}

/// Puts an arm, a step and a window into a query.
pub(crate) fn filled(asked: &Asked<'_>) -> Result<Filled, QueryError> {
    let text = asked.query.as_str();
    let wrong =
        |(reason, hint): Wrong| QueryError { query: shown(text, LONGEST_SHOWN), reason, hint };
    if text.len() > LONGEST_QUERY || text.matches(['(', '-', '+']).count() > MOST_OPERATORS {
        return Err(wrong((
            "it is longer than 16 KiB, or has more than 500 brackets and signs".to_owned(),
            "record what it computes by a rule in the store, and ask for that".to_owned(),
        )));
    }
    let matchers = arm_matchers(asked.arm).map_err(wrong)?;
    let window_seconds = (asked.window.end.as_millis() - asked.window.start.as_millis()) / 1000;
    let says_arm = Cell::new(false);
    let value = |name: &str| match name {
        "arm" => {
            says_arm.set(true);
            Ok(matchers.clone())
        }
        "step" => Ok(format!("{}s", asked.step.seconds())),
        "window" => Ok(format!("{}s", window_seconds.max(1))),
        other => Err(unknown(other, VARIABLES)),
    };
    let text = template::filled(text, &GRAMMAR, value).map_err(wrong)?;
    Ok(Filled { text, says_arm: says_arm.get(), matchers })
}

/// In bytes.
const LONGEST_QUERY: usize = 16 << 10;
/// The parser calls itself for every bracket and sign.
const MOST_OPERATORS: usize = 500;
/// In characters.
const LONGEST_SHOWN: usize = 200;

const GRAMMAR: Grammar = Grammar {
    quotes: &['"', '\''],
    raw_quotes: &['`'],
    comment: Some('#'),
    example: "write `$arm` between the braces, beside the other matchers, such as \
              `{job=\"checkout\", $arm}`; a `$` that is meant is `[$]` in a regular expression",
};

/// Returns the label matchers of an arm, whatever its values hold.
fn arm_matchers(arm: &LabelSelector) -> Result<String, Wrong> {
    let mut matchers = String::new();
    for (name, value) in arm {
        if !is_label_name(name) {
            return Err((
                format!("`{}`, by which an arm is told apart, is no label name", shown(name, 80)),
                "a label's name has letters, digits and `_`, and begins with no digit".to_owned(),
            ));
        }
        let comma = if matchers.is_empty() { "" } else { "," };
        write!(matchers, "{comma}{name}={}", quoted(value)).expect("a string takes all");
    }
    Ok(matchers)
}

pub(crate) fn is_label_name(name: &str) -> bool {
    name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !name.starts_with(|character: char| character.is_ascii_digit())
        && !name.is_empty()
}

/// Quotes a text so that nothing in it ends the quotation.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            character if character.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(character)).expect("a string takes all");
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Adds matchers to a selector that has none for the arm.
fn with(selector: &str, matchers: &str) -> String {
    match selector.strip_suffix('}') {
        None => format!("{selector}{{{matchers}}}"),
        Some(open) if open.trim_end().ends_with(['{', ',']) => format!("{open}{matchers}}}"),
        Some(open) => format!("{open},{matchers}}}"),
    }
}

/// A query without brackets is meant as a selector, so that what is wrong with it can be said here.
fn looks_like_a_selector(query: &str) -> bool {
    let outside = query.split(['"', '\'', '`']).step_by(2);
    !outside.into_iter().any(|text| text.contains(['(', '[', '/', '*', '+']))
}

/// Finds out what a reader must know of the answer to an expression.
fn expression(parsed: Option<&Expr>, text: String, step_seconds: u32) -> Expression {
    let mut looks = Looks::default();
    let makes_increments = match parsed {
        Some(expression) => {
            let _ = walk_expr(&mut looks, expression);
            looks.makes_increments || says_increments(&text)
        }
        None => {
            looks.estimates = ESTIMATES.into_iter().find(|name| calls(&text, name));
            looks.estimates.is_some() || says_increments(&text)
        }
    };
    let estimate = looks.estimates.map(|name| Notice::Approximate(name.to_owned()));
    let overlap = (looks.back_seconds > u64::from(step_seconds))
        .then_some(Notice::Overlapping(looks.back_seconds, step_seconds));
    let notices = estimate.into_iter().chain(overlap).collect();
    let is_per_second =
        looks.estimates.is_some_and(|name| PER_SECOND.contains(&name)) && !looks.is_scaled;
    Expression { text, notices, makes_increments, is_per_second }
}

/// Rules that record increments say so in their names.
fn says_increments(text: &str) -> bool {
    [":increase", ":delta", ":rate", "_increase", "_delta"].iter().any(|word| text.contains(word))
}

/// Returns the name of a counter that is taken as it stands, without what it was before: by its
/// name a running total, of which nothing makes increments.
pub(crate) fn running_total(expression: &Expr) -> Option<String> {
    let mut totals = Totals::default();
    let _ = walk_expr(&mut totals, expression);
    totals.first.filter(|_| !totals.compares_moments)
}

/// Running totals in an expression.
#[derive(Default)]
struct Totals {
    first: Option<String>,
    /// Whether it looks at more than a moment, by a range, an `offset` or an `@`, or only counts
    /// series.
    compares_moments: bool,
}

impl ExprVisitor for Totals {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        match expression {
            Expr::VectorSelector(selector) => {
                self.compares_moments |= selector.offset.is_some() || selector.at.is_some();
                let name = selector.name.as_deref().unwrap_or_default();
                if COUNTERS.iter().any(|end| name.ends_with(end)) {
                    self.first.get_or_insert_with(|| name.to_owned());
                }
            }
            Expr::Subquery(_) | Expr::MatrixSelector(_) => self.compares_moments = true,
            Expr::Aggregate(aggregate) => {
                self.compares_moments |=
                    matches!(aggregate.op.to_string().as_str(), "count" | "group");
            }
            _ => {}
        }
        Ok(true)
    }
}

/// How the names of counters end, by Prometheus's conventions.
pub(crate) const COUNTERS: [&str; 2] = ["_total", "_bucket"];

fn calls(text: &str, function: &str) -> bool {
    text.match_indices(function).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        !before.is_some_and(is_word) && text[at + function.len()..].trim_start().starts_with('(')
    })
}

/// The functions that extrapolate, in the order in which they are named.
const ESTIMATES: [&str; 7] =
    ["rate", "increase", "irate", "delta", "deriv", "idelta", "predict_linear"];

/// The functions that divide by time.
const PER_SECOND: [&str; 3] = ["rate", "irate", "deriv"];

/// The functions that count what happened in a range, exactly.
const COUNTING: [&str; 3] = ["changes", "resets", "count_over_time"];

/// What an expression looks at.
#[derive(Default)]
struct Looks {
    /// The first function in it that estimates.
    estimates: Option<&'static str>,
    /// How far it looks back, at most.
    back_seconds: u64,
    makes_increments: bool,
    /// Whether something is multiplied or divided, after which nobody knows the unit.
    is_scaled: bool,
}

impl ExprVisitor for Looks {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        match expression {
            Expr::Call(call) => {
                let name = ESTIMATES.into_iter().find(|name| *name == call.func.name);
                self.estimates = self.estimates.or(name);
                self.makes_increments |= name.is_some() || COUNTING.contains(&call.func.name);
            }
            Expr::Binary(binary) => {
                self.is_scaled |= matches!(binary.op.to_string().as_str(), "*" | "/");
            }
            Expr::MatrixSelector(matrix) => {
                self.back_seconds = self.back_seconds.max(matrix.range.as_secs());
            }
            Expr::Subquery(subquery) => {
                self.back_seconds = self.back_seconds.max(subquery.range.as_secs());
            }
            _ => {}
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serin_model::{LabelSelector, Query, Step, Timestamp, Window};

    use super::{Prepared, Quantity, prepare};
    use crate::source::Asked;

    fn prepared(query: &str, arm: &[(&str, &str)]) -> String {
        let arm: LabelSelector =
            arm.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let asked = Asked {
            query: &Query::new(query).unwrap(),
            quantity: Quantity::Counter,
            arm: &arm,
            window: Window {
                start: Timestamp::from_seconds(0),
                end: Timestamp::from_seconds(1800),
            },
            step: Step::MINUTE,
            for_each: &[],
            replica: None,
            timeout: Duration::from_secs(30),
        };
        match prepare(&asked) {
            Ok(Prepared::Selector(text)) => format!("selector    {text}"),
            Ok(Prepared::Expression(it)) => format!("expression  {}  {:?}", it.text, it.notices),
            Err(error) => format!("refused     {}", error.reason),
        }
    }

    #[test]
    fn queries_are_filled_in_and_told_apart() {
        let queries = [
            "up",
            "up{}",
            "up{job=\"a\"}",
            "up{job=\"a\",}",
            "up{$arm}",
            "up{job=~\"a}$\", $arm} # the arm",
            "{__name__=\"up\"}",
            "# a comment with $arm\n up{job='a'}",
            "sum(rate(up{$arm}[1m]))",
            "sum by (pod) (increase(up{$arm}[5m])) / 2",
            "avg_over_time(up{$arm}[$window])",
            "max_over_time(deriv(up{$arm}[$step])[10m:])",
            "up{$arm} offset 1h",
            "sum(requests_total{$arm})",
            "sum by (le) ((duration_bucket{$arm}))",
            "sum(requests_total{$arm} - requests_total{$arm} offset 1m)",
            "count(up{$arm})",
            "count(requests_total{$arm})",
            "a_total{$arm} or b_total{$arm}",
            "up{code=~\"$code\", $arm}",
            "up{code=~\"${code:regex}\", $arm}",
            "up{code=~\"5..$|4..$\", $arm}",
            "rate(up[1m])",
            "up{job=\"$arm\"}",
            "rate(up{$arm}[$__rate_interval])",
            "sum(up{${arm}}) / ${window} * ${other}",
            "avg_over_time(up{${arm}}[${step}])",
            "up{",
            "Error rate",
            "WITH (x = up{$arm}) rate(x[1m])",
            "up{job=\"unclosed, $arm}",
        ];
        let lines: Vec<String> = queries
            .iter()
            .map(|query| {
                format!(
                    "{:50} {}",
                    query.replace('\n', " "),
                    prepared(query, &[("track", "canary")])
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn no_label_value_gets_out_of_its_quotes() {
        let hostile =
            ["a\"} or up{x=\"", "a\\", "\\\"", "a\nb", "a`b'c", "\u{1b}[2J", "$step", "}"];
        for value in hostile {
            let Prepared::Selector(text) = ({
                let arm = LabelSelector::from([("track".to_owned(), value.to_owned())]);
                let query = Query::new("up{$arm}").unwrap();
                let window =
                    Window { start: Timestamp::from_seconds(0), end: Timestamp::from_seconds(60) };
                let step = Step::MINUTE;
                let quantity = Quantity::Level;
                prepare(&Asked {
                    query: &query,
                    quantity,
                    arm: &arm,
                    window,
                    step,
                    for_each: &[],
                    replica: None,
                    timeout: Duration::from_secs(30),
                })
                .unwrap()
            }) else {
                panic!("`{value}` made an expression of a selector")
            };
            let Ok(promql_parser::parser::Expr::VectorSelector(read)) =
                promql_parser::parser::parse(&text)
            else {
                panic!("`{value}` gave {text}")
            };
            assert_eq!(read.matchers.matchers.len(), 1, "{text}");
            assert_eq!(read.matchers.matchers[0].value, value, "{text}");
        }
    }

    #[test]
    fn label_names_that_are_none_are_refused() {
        for name in ["a b", "1a", "a\"", "", "é"] {
            assert!(prepared("up{$arm}", &[(name, "x")]).starts_with("refused"), "{name}");
        }
    }
}
