//! Datadog's queries as far as serin must understand what it asks for.
//!
//! Source: <https://docs.datadoghq.com/metrics/advanced-filtering/>.

use serin_model::{LabelSelector, Step};

use crate::rows::shown;
use crate::source::{Asked, Quantity, QueryError};

/// A query for one arm.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Prepared {
    pieces: Vec<Piece>,
    /// Whether its values are per second.
    pub(crate) is_rate: bool,
}

/// A stretch of a query.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    /// What is computed with the metrics.
    Formula(String),
    /// One metric with its scope, what it is grouped by, and what is called on it.
    Metric(String),
}

impl Prepared {
    /// Returns the whole query.
    pub(crate) fn text(&self) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Formula(text) | Piece::Metric(text) => text.clone(),
        };
        self.pieces.iter().map(text).collect()
    }

    /// Returns the metrics of the query, one after the other.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &String> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Metric(text) => Some(text),
            Piece::Formula(_) => None,
        })
    }

    /// Returns the query with a name for each metric.
    pub(crate) fn formula(&self, name: impl Fn(usize) -> String) -> String {
        let mut metrics = 0;
        let text = |piece: &Piece| match piece {
            Piece::Formula(text) => text.clone(),
            Piece::Metric(_) => {
                metrics += 1;
                name(metrics - 1)
            }
        };
        self.pieces.iter().map(text).collect()
    }

    /// Returns the whole query, whose counts are added up by step unless it says otherwise: the first
    /// version of the API takes no interval.
    pub(crate) fn with_rollup(&self, step: Step) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Metric(text) if is_count(text) && !text.contains(".rollup(") => {
                format!("{text}.rollup(sum, {})", step.seconds())
            }
            Piece::Formula(text) | Piece::Metric(text) => text.clone(),
        };
        self.pieces.iter().map(text).collect()
    }
}

/// Puts an arm, a step and a window into a query, and takes it apart.
///
/// # Errors
///
/// [`QueryError`] where a metric has no `$arm` in its scope, where a count is none, and where a label
/// of the arm is no tag.
pub(crate) fn prepare(asked: &Asked<'_>) -> Result<Prepared, QueryError> {
    let text = asked.query.as_str().trim();
    let refused = |(reason, hint): (String, &str)| QueryError {
        query: shown(text, LONGEST_SHOWN),
        reason,
        hint: hint.to_owned(),
    };
    if text.len() > LONGEST_QUERY {
        return Err(refused(("it is longer than 16 KiB".to_owned(), "ask for less at once")));
    }
    if asked.quantity == Quantity::Buckets {
        return Err(refused((
            "Datadog hands out no buckets of a histogram".to_owned(),
            "ask for a percentile of a distribution instead, as a level: \
             `quantile: \"p95:http.request.duration{$arm}\"`",
        )));
    }
    let tags = tags(asked.arm).map_err(refused)?;
    let pieces = pieces(text).map_err(refused)?;
    let metrics = pieces.iter().filter_map(|piece| match piece {
        Piece::Metric(text) => Some(text.as_str()),
        Piece::Formula(_) => None,
    });
    let metrics: Vec<&str> = metrics.collect();
    if metrics.is_empty() {
        return Err(refused((
            "it asks for no metric with a scope".to_owned(),
            "write one, such as `sum:http.requests{$arm}.as_count()`",
        )));
    }
    for metric in &metrics {
        check_metric(metric, asked.quantity).map_err(refused)?;
    }
    let is_rate = metrics.iter().any(|metric| metric.contains(".as_rate()"));
    let fill = |text: &str| filled(text, &tags, asked);
    let fill = |piece: &Piece| {
        Ok(match piece {
            Piece::Formula(text) => Piece::Formula(fill(text)?),
            Piece::Metric(text) => Piece::Metric(fill(text)?),
        })
    };
    let pieces: Result<Vec<Piece>, _> = pieces.iter().map(fill).collect();
    Ok(Prepared { pieces: pieces.map_err(refused)?, is_rate })
}

/// In bytes.
const LONGEST_QUERY: usize = 16 << 10;
/// In characters.
const LONGEST_SHOWN: usize = 200;

/// What is wrong, and what to write instead.
type Wrong = (String, &'static str);

/// Takes a query apart into its metrics and what is computed with them.
fn pieces(text: &str) -> Result<Vec<Piece>, Wrong> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let is_of_name = |character: char| {
            character.is_alphanumeric() || ['.', '_', ':', '-', '/'].contains(&character)
        };
        let before = &rest[..open];
        let name = before.trim_end_matches(is_of_name).len();
        // A minus before a name is arithmetic: names begin with letters.
        let letter = before[name..].find(char::is_alphabetic).unwrap_or(before.len() - name);
        let start = name + letter;
        let end = open + metric_length(&rest[open..])?;
        pieces.push(Piece::Formula(rest[..start].to_owned()));
        pieces.push(Piece::Metric(rest[start..end].to_owned()));
        rest = &rest[end..];
    }
    pieces.push(Piece::Formula(rest.to_owned()));
    pieces.retain(|piece| *piece != Piece::Formula(String::new()));
    Ok(pieces)
}

/// Returns how many bytes belong to a metric from its scope on: the scope, what it is grouped by, and
/// what is called on it.
fn metric_length(text: &str) -> Result<usize, Wrong> {
    let unclosed = || {
        let reason = "a brace or bracket in it is never closed".to_owned();
        (reason, "write a metric such as `sum:http.requests{$arm}.as_count()`")
    };
    let mut end = text.find('}').ok_or_else(unclosed)? + 1;
    let after = text[end..].trim_start();
    let groups = after.strip_prefix("by").map(str::trim_start);
    if let Some(groups) = groups.filter(|groups| groups.starts_with('{')) {
        end = text.len() - groups.len() + groups.find('}').ok_or_else(unclosed)? + 1;
    }
    while let Some(call) = text[end..].strip_prefix('.') {
        let is_called = call.find('(').is_some_and(|open| {
            call[..open].chars().all(|character| character.is_alphanumeric() || character == '_')
        });
        if !is_called {
            break;
        }
        end += 1 + call.find(')').ok_or_else(unclosed)? + 1;
    }
    Ok(end)
}

fn check_metric(metric: &str, quantity: Quantity) -> Result<(), Wrong> {
    let scope = metric.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let scope = scope.map_or("", |(scope, _)| scope);
    // Behind a `!`, a `NOT` or an `OR` it would select something else than the arm.
    if !scope.split(',').any(|tag| tag.trim() == "$arm") {
        return Err((
            format!("`{}` does not say where the arm goes", shown(metric, 80)),
            "write `$arm` between the braces of every metric, with commas around it, such as \
             `{env:prod,$arm}`",
        ));
    }
    if quantity != Quantity::Counter || metric.contains(".as_rate()") {
        return Ok(());
    }
    if !is_count(metric) {
        return Err((
            format!("`{}` gives no whole counts", shown(metric, 80)),
            "write `sum:` before the metric and `.as_count()` behind it: without them Datadog answers \
             with means, or with rates per second",
        ));
    }
    if metric.starts_with("sum:") || metric.starts_with("count:") {
        return Ok(());
    }
    Err((
        format!("`{}` does not add up over its hosts", shown(metric, 80)),
        "write `sum:` before the metric: a mean over hosts is no count",
    ))
}

fn is_count(metric: &str) -> bool {
    metric.contains(".as_count()")
}

/// Returns the tags of an arm as a scope has them.
fn tags(arm: &LabelSelector) -> Result<String, Wrong> {
    let is_of_tag = |character: char| {
        character.is_alphanumeric() || ['_', '-', ':', '.', '/'].contains(&character)
    };
    let mut tags = Vec::new();
    for (name, value) in arm {
        let is_tag = |text: &str| !text.is_empty() && text.chars().all(is_of_tag);
        if !is_tag(name) || !is_tag(value) || name.contains(':') {
            return Err((
                format!(
                    "`{}:{}`, by which an arm is told apart, is no tag of Datadog",
                    shown(name, 80),
                    shown(value, 80)
                ),
                "a tag has letters, digits, `_`, `-`, `:`, `.` and `/`; Datadog writes `_` for \
                 whatever else was sent to it",
            ));
        }
        tags.push(format!("{name}:{value}"));
    }
    Ok(tags.join(","))
}

/// Fills in the variables of a query.
fn filled(text: &str, tags: &str, asked: &Asked<'_>) -> Result<String, Wrong> {
    let window = asked.window.end.as_millis() - asked.window.start.as_millis();
    let mut filled = String::new();
    let mut parts = text.split('$');
    filled.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let end = part.find(|character| !is_part(character)).unwrap_or(part.len());
        match &part[..end] {
            "arm" => filled.push_str(tags),
            "step" => filled.push_str(&asked.step.seconds().to_string()),
            "window" => filled.push_str(&(window / 1000).max(1).to_string()),
            other => {
                return Err((
                    format!("`${}` stands for nothing", shown(other, 40)),
                    "serin fills in `$arm` (the tags of an arm), `$step` and `$window` (lengths in \
                     seconds); write a tag instead of a dashboard's template variable",
                ));
            }
        }
        filled.push_str(&part[end..]);
    }
    Ok(filled)
}
