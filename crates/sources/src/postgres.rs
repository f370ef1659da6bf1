//! PostgreSQL, and what speaks its protocol and its SQL: TimescaleDB.
//!
//! ```yaml
//! source:
//!   postgres:
//!     url: postgres://metrics.internal:5432/metrics
//!     username: serin
//!     password: {env: PGPASSWORD}
//! arms:
//!   control: {version: v41}
//!   canary: {version: v42}
//! replica: pod
//! step: 1m
//! checks:
//!   errors:
//!     ratio:
//!       bad: |
//!         select date_bin($step, at, 'epoch') as time, pod, count(*) as value
//!         from requests where $arm and at >= $start and at < $end and status >= 500
//!         group by 1, 2
//!       total: |
//!         select date_bin($step, at, 'epoch') as time, pod, count(*) as value
//!         from requests where $arm and at >= $start and at < $end
//!         group by 1, 2
//! ```
//!
//! A query is one `select`. What it answers:
//!
//! | column | what it is |
//! | --- | --- |
//! | `time` | `timestamptz`, or `timestamp`, which is taken as UTC: the beginning of the step |
//! | `value` | any number; null and `NaN` are gaps |
//! | `le` | of a histogram, the upper edge of the bucket; `+Inf` must be there |
//! | any other | a label, by the column's name; null is none. The column that `replica` names is one |
//!
//! What stands for something in it is bound as a parameter of the statement, and never written into
//! its text:
//!
//! | variable | what it stands for |
//! | --- | --- |
//! | `$arm` | the condition that a row is of the arm: `"version"::text = $1`. A label of an arm is the name of a column; one that is to be empty is met by null too |
//! | `$start`, `$end` | the stretch that is asked for, as `timestamptz`; the end does not belong to it |
//! | `$step` | the length of a step, as `interval`: what `date_bin` and TimescaleDB's `time_bucket` take |
//! | `$window` | the length of the judged time, as `interval` |
//!
//! * Counters are what happened in each step, as `count(*)` and `sum(…)` give it. Running totals are
//!   refused as far as their course shows them: take differences in SQL (`lag`).
//! * A step without rows has no row. In a ratio, one without bad events had none; a step without a
//!   total is a gap.
//! * The statement runs in a transaction of its own that may only read, with a `statement_timeout` of
//!   the `timeout` of the source, and gives at most a million rows: more is an error, not a part.
//! * The connection is TLS, with a certificate that is checked, but to this machine itself. Where the
//!   network is trusted, `?sslmode=disable` behind the address switches it off. `tls` names an
//!   authority or a certificate of one's own, as for every store.
//! * The role that asks needs `select` on what it asks for, and nothing else.
//!
//! PostgreSQL 15 is asked in serin's own tests.
//!
//! Source: <https://www.postgresql.org/docs/current/protocol.html>.

use std::collections::BTreeMap;

use serde::Deserialize;
use serin_model::{CounterForm, Point, Timestamp};

use crate::rows::shown;
use crate::selection::raw;
use crate::source::{
    Answer, AnswerError, Asked, Body, Plan, Points, QueryError, Request, Source, StoreSeries,
    Transport,
};

/// PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Postgres;

impl Source for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL and TimescaleDB, by SQL"
    }

    fn transport(&self) -> Transport {
        Transport::Postgres
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        let query = asked.query.as_str();
        let filled = Filled::of(asked).map_err(|(reason, hint)| QueryError {
            query: shown(query, LONGEST_SHOWN),
            reason,
            hint: hint.to_owned(),
        })?;
        let (start, end) =
            (asked.step.bin_of(asked.window.start), asked.step.bin_of(asked.window.end));
        let points = Points::Steps(start, end, asked.step.seconds());
        let request = statement(&filled.text, query, filled.parameters, points);
        // Tables hold what was counted, or running totals: their course has to tell.
        Ok(Plan { counters: CounterForm::Unstated, ..raw(vec![request]) })
    }

    fn probe(&self) -> Request {
        let nothing = "select to_timestamp(0) as time, 0 as value where false";
        let points = Points::LastBefore(Timestamp::from_millis(0));
        statement(nothing, nothing, Vec::new(), points)
    }

    fn watched_before(&self, _: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, _: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        let rows: Vec<Row> = serde_json::from_slice(body).map_err(|error| {
            if error.is_eof() { AnswerError::Truncated } else { malformed(error.to_string()) }
        })?;
        let mut all: BTreeMap<BTreeMap<String, String>, Vec<Point<f64>>> = BTreeMap::new();
        for Row(time, value, labels) in rows {
            let labels = labels.into_iter().filter_map(|(name, value)| label(name, value));
            let labels = labels.collect::<Result<_, _>>()?;
            let point = Point { time: moment(time)?, value: number(value)? };
            all.entry(labels).or_default().push(point);
        }
        let series = all.into_iter().map(|(labels, samples)| StoreSeries {
            labels,
            samples,
            ..StoreSeries::default()
        });
        Ok(Answer { series: series.collect(), notices: Vec::new() })
    }

    /// The driver reads what the server says.
    fn words(&self, _: &[u8]) -> Option<String> {
        None
    }
}

/// In characters.
const LONGEST_SHOWN: usize = 200;
/// In bytes.
const LONGEST_QUERY: usize = 64 << 10;

/// The most rows of an answer.
pub const MOST_ROWS: usize = 1_000_000;

/// Lets the server bring whatever the query answers into three columns: seconds, a number, and the
/// labels as JSON.
fn statement(
    text: &str,
    query: &str,
    parameters: Vec<(&'static str, String)>,
    points: Points,
) -> Request {
    let text = format!(
        "select extract(epoch from answer.\"time\")::float8, answer.\"value\"::float8, \
         (to_jsonb(answer) - 'time' - 'value')::text from (\n{text}\n) as answer limit {}",
        MOST_ROWS + 1
    );
    let body = Body { text, headers: &[], query: query.trim().to_owned() };
    Request { path: "/".to_owned(), parameters, points, body: Some(body) }
}

/// What is wrong, and what to write instead.
type Wrong = (String, &'static str);

/// A query whose variables are parameters of the statement.
struct Filled {
    text: String,
    /// Their values, each under its type: `text`, or `float8`.
    parameters: Vec<(&'static str, String)>,
}

impl Filled {
    fn of(asked: &Asked<'_>) -> Result<Self, Wrong> {
        let query = asked.query.as_str().trim().trim_end_matches(';');
        if query.len() > LONGEST_QUERY {
            return Err(("it is longer than 64 KiB".to_owned(), "ask a view instead"));
        }
        let mut filled = Self { text: String::new(), parameters: Vec::new() };
        let mut known: BTreeMap<&str, String> = BTreeMap::new();
        let mut rest = query;
        while let Some(at) = rest.find(['\'', '"', '-', '/', '$', ';']) {
            let (before, from) = rest.split_at(at);
            filled.text.push_str(before);
            let length = match inert_length(before, from)? {
                Some(length) => {
                    filled.text.push_str(&from[..length]);
                    length
                }
                None if from.starts_with('$') => {
                    let name = variable_name(&from[1..]);
                    if !known.contains_key(name) {
                        let bound = filled.bind(name, asked)?;
                        known.insert(name, bound);
                    }
                    filled.text.push_str(&known[name]);
                    1 + name.len()
                }
                None if from.starts_with(';') => {
                    return Err(("it is more than one statement".to_owned(), "write one `select`"));
                }
                None => {
                    filled.text.push_str(&from[..1]);
                    1
                }
            };
            rest = &from[length..];
        }
        filled.text.push_str(rest);
        for needed in ["arm", "start", "end"] {
            if !known.contains_key(needed) {
                return Err((
                    format!("it does not say `${needed}`"),
                    "write `where $arm and at >= $start and at < $end`, with the column of times \
                     for `at`",
                ));
            }
        }
        Ok(filled)
    }

    /// Binds a variable, and returns what stands in its place.
    fn bind(&mut self, name: &str, asked: &Asked<'_>) -> Result<String, Wrong> {
        let seconds = |time: Timestamp| (time.as_millis() as f64 / 1000.0).to_string();
        let window = asked.window.end.as_millis() - asked.window.start.as_millis();
        let (start, end) =
            (asked.step.bin_of(asked.window.start), asked.step.bin_of(asked.window.end));
        Ok(match name {
            "arm" => {
                let conditions: Vec<String> =
                    asked.arm.iter().map(|(name, value)| self.condition(name, value)).collect();
                format!("({})", conditions.join(" and "))
            }
            "start" => format!("to_timestamp({})", self.parameter("float8", seconds(start))),
            "end" => format!("to_timestamp({})", self.parameter("float8", seconds(end))),
            "step" => {
                let step = asked.step.seconds().to_string();
                format!("make_interval(secs => {})", self.parameter("float8", step))
            }
            "window" => {
                let window = (window as f64 / 1000.0).to_string();
                format!("make_interval(secs => {})", self.parameter("float8", window))
            }
            other => {
                return Err((
                    format!("`${}` stands for nothing", shown(other, 40)),
                    "serin binds `$arm`, `$start`, `$end`, `$step` and `$window`; a text in dollars \
                     is written between single quotes",
                ));
            }
        })
    }

    /// A column is named, and what it must be is bound.
    fn condition(&mut self, name: &str, value: &str) -> String {
        let column = format!("\"{}\"", name.replace('"', "\"\""));
        if value.is_empty() {
            return format!("coalesce({column}::text, '') = ''");
        }
        let value = self.parameter("text", value.to_owned());
        format!("{column}::text = {value}")
    }

    fn parameter(&mut self, kind: &'static str, value: String) -> String {
        self.parameters.push((kind, value));
        format!("${}", self.parameters.len())
    }
}

/// Returns how many bytes a quoted text or a comment takes, in which nothing is bound.
///
/// * `before`: what stands before it.
/// * `from`: from where on it is looked for.
fn inert_length(before: &str, from: &str) -> Result<Option<usize>, Wrong> {
    let unclosed = || {
        let reason = "a quote or a comment in it is never closed".to_owned();
        (reason, "close it; within quotes a quote is written twice")
    };
    let length = if from.starts_with("--") {
        Some(from.find('\n').unwrap_or(from.len()))
    } else if from.starts_with("/*") {
        Some(comment_length(from).ok_or_else(unclosed)?)
    } else if from.starts_with('\'') {
        let escapes = before.ends_with(['e', 'E']);
        Some(quoted_length(from, '\'', escapes).ok_or_else(unclosed)?)
    } else if from.starts_with('"') {
        Some(quoted_length(from, '"', false).ok_or_else(unclosed)?)
    } else {
        None
    };
    if let Some(length) = length
        && !from.starts_with(['-', '/'])
        && let Some(name) = VARIABLES.iter().find(|name| from[..length].contains(**name))
    {
        return Err((
            format!("`{name}` stands between quotes, where nothing is bound"),
            "write it without quotes: it is a value already",
        ));
    }
    Ok(length)
}

const VARIABLES: [&str; 5] = ["$arm", "$start", "$end", "$step", "$window"];

fn quoted_length(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut escaped = false;
    // A quote that is written twice ends one text and begins the next, which comes to the same.
    for (index, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && escapes {
            escaped = true;
        } else if character == quote {
            return Some(index + 1);
        }
    }
    None
}

fn comment_length(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

fn variable_name(text: &str) -> &str {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    &text[..text.find(|character| !is_part(character)).unwrap_or(text.len())]
}

/// A row as the transport hands it on: seconds, a number, and the labels.
#[derive(Deserialize)]
struct Row(Option<f64>, serde_json::Value, BTreeMap<String, serde_json::Value>);

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: "times, numbers and labels", found }
}

fn moment(seconds: Option<f64>) -> Result<Timestamp, AnswerError> {
    match seconds {
        Some(seconds) if seconds.abs() <= LATEST_SECONDS => {
            Ok(Timestamp::from_millis((seconds * 1000.0).round() as i64))
        }
        Some(seconds) => Err(malformed(format!("{seconds:e} seconds in the column `time`"))),
        None => Err(malformed("null in the column `time`".to_owned())),
    }
}

/// The year 5138.
const LATEST_SECONDS: f64 = 1e11;

/// What JSON has no number for is written as text.
fn number(value: serde_json::Value) -> Result<f64, AnswerError> {
    let read = match &value {
        serde_json::Value::Null => Some(f64::NAN),
        serde_json::Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    read.ok_or_else(|| {
        malformed(format!("`{}` in the column `value`", shown(&value.to_string(), 40)))
    })
}

fn label(name: String, value: serde_json::Value) -> Option<Result<(String, String), AnswerError>> {
    let text = match value {
        serde_json::Value::Null => return None,
        serde_json::Value::String(text) => text,
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => value.to_string(),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            let name = shown(&name, 40);
            return Some(Err(malformed(format!("no single value in the column `{name}`"))));
        }
    };
    (!text.is_empty()).then_some(Ok((name, text)))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use serin_model::{LabelSelector, Query, Step, Timestamp, Window};

    use super::{Postgres, Source};
    use crate::source::{Asked, Quantity};

    fn planned(query: &str, arm: &[(&str, &str)]) -> String {
        let arm: LabelSelector =
            arm.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let plan = Postgres.plan(&Asked {
            query: &Query::new(query).unwrap(),
            quantity: Quantity::Counter,
            arm: &arm,
            window: Window {
                start: Timestamp::from_seconds(1_600_000_200),
                end: Timestamp::from_seconds(1_600_002_000),
            },
            step: Step::from_seconds(60).unwrap(),
            for_each: &[],
            replica: None,
            timeout: Duration::from_secs(30),
        });
        match plan {
            Err(error) => format!("{error}\n"),
            Ok(plan) => {
                let request = &plan.requests[0];
                let text = &request.body.as_ref().unwrap().text;
                let inner = text.split_once("from (\n").unwrap().1.rsplit_once("\n)").unwrap().0;
                format!("{inner}\n  {:?}\n", request.parameters)
            }
        }
    }

    #[test]
    fn variables_are_bound_and_never_written_into_the_text() {
        let canary = [("track", "canary")];
        let all = "$arm and at >= $start and at < $end";
        let queries = [
            format!("select at as time, value from m where {all};"),
            format!(
                "select time_bucket($step, at) as time, sum(n) / extract(epoch from $step) as value from m where {all} group by 1"
            ),
            format!(
                "select at as time, 'it''s $5' as \"a $b\", 1 as value -- $arm $x\nfrom m /* $y /* $z */ */ where {all}"
            ),
            format!(
                "select at as time, e'\\'' as x, 1 as value from m where {all} and at > $end - $window"
            ),
            "select at as time, value from m".to_owned(),
            "select at as time, value from m where $arm".to_owned(),
            format!("select at as time, value from m where {all} and a = $1"),
            format!("select at as time, value from m where {all} and a = $env"),
            format!("select at as time, value from m where {all} and a = '$arm'"),
            format!("select at as time, value from m where {all} and a = $$text$$"),
            format!("select at as time, value from m where {all}; drop table m"),
            format!("select at as time, value from m where {all} and a = 'open"),
        ];
        let mut told = String::new();
        for query in queries {
            write!(told, "── {query}\n{}", planned(&query, &canary)).unwrap();
        }
        let hostile = [("a\" or true --", "x' or true --"), ("empty", "")];
        let query = format!("select at as time, value from m where {all}");
        write!(told, "── a hostile arm\n{}", planned(&query, &hostile)).unwrap();
        insta::assert_snapshot!(told);
    }

    #[test]
    fn rows_are_read() {
        let probe = Postgres.probe();
        let bodies = [
            r#"[[1600000200.0,1.5,{"pod":"a","code":200,"ok":true,"zone":null,"x":""}],[1600000260.0,null,{"pod":"a","code":200,"ok":true}],[1600000200.0,"NaN",{}],[1600000260.0,"Infinity",{}]]"#,
            "[]",
            r#"[[null,1,{}]]"#,
            r#"[[1e300,1,{}]]"#,
            r#"[[1,"many",{}]]"#,
            r#"[[1,1,{"tags":{"a":1}}]]"#,
            "[[1,",
        ];
        let mut told = String::new();
        for body in bodies {
            writeln!(told, "── {body}").unwrap();
            match Postgres.read(&probe, body.as_bytes()) {
                Err(error) => writeln!(told, "{error}").unwrap(),
                Ok(answer) => {
                    for series in answer.series {
                        let points = series.samples.iter();
                        let points = points
                            .map(|point| format!("{}: {}", point.time.as_millis(), point.value));
                        let points: Vec<String> = points.collect();
                        writeln!(told, "{:?} {}", series.labels, points.join("  ")).unwrap();
                    }
                }
            }
        }
        insta::assert_snapshot!(told);
    }
}
