//! InfluxDB 1.x, by InfluxQL over `GET /query`.
//!
//! ```yaml
//! source:
//!   influxdb:
//!     url: http://influxdb:8086
//!     parameters: {db: telegraf, rp: autogen}     # the database; `rp` where it is not the default
//!     username: serin
//!     password: {env: INFLUXDB_PASSWORD}
//! ```
//!
//! serin's tests ask InfluxDB 1.6, where it is installed: the same canaries as Prometheus, with the
//! same verdicts, figure for figure. InfluxDB 2 and 3 answer `/query` too where their 1.x
//! compatibility is set up; nobody has tried them.
//!
//! ## Selectors
//!
//! The selector of a Check file works as it stands: the metric is a measurement, a label is a tag, and
//! the value is the field `value`, which is how Prometheus itself writes to InfluxDB.
//! `http_requests_total{code=~"5..", $arm}` is asked for as
//!
//! ```sql
//! SELECT "value" FROM "http_requests_total" WHERE time >= … AND time < …
//!   AND "track"='canary' AND "code"=~/^(?:5..)$/ GROUP BY *
//! ```
//!
//! Every series comes as it is stored, in milliseconds. Counters are running totals, and serin counts:
//! whole, aware of restarts, and a series that is born in the judged time counts from zero. What they
//! stood at is the `last` value of the hour before.
//!
//! Another field is named by the label `__field__`: `cpu{__field__="usage_user", cpu="cpu-total", $arm}`.
//! A name that is no identifier is `{__name__="http.requests", $arm}`.
//!
//! All four matchers are InfluxDB's own, with the same regular expressions and the same rule for a tag
//! that is missing: it is empty.
//!
//! ## InfluxQL
//!
//! What begins with `SELECT` is InfluxQL:
//!
//! ```yaml
//! checks:
//!   errors:
//!     count: {events: 'SELECT sum("errors") FROM "http" WHERE $arm AND $time GROUP BY time($step), "host"'}
//!   load:
//!     gauge: 'SELECT mean("load1") FROM "system" WHERE $arm AND $time GROUP BY time($step)'
//! ```
//!
//! | variable | becomes |
//! | --- | --- |
//! | `$arm` | `("track"='canary')`, with `AND` between the labels of the arm. A query must say it |
//! | `$time` | `time >= …ms AND time < …ms`, the time that is asked for. A query must say it |
//! | `$step` | the length of a step, such as `60s` |
//! | `$window` | the length of the judged time, such as `1800s` |
//!
//! | form | what is judged |
//! | --- | --- |
//! | a field, `GROUP BY *` or by tags | raw samples, as those of a selector; what they stood at before is asked for with the same query |
//! | functions, `GROUP BY time($step)` and tags | one value a step; in `ratio` and `count` taken for the count of that step |
//! | `derivative`, `non_negative_derivative` | a rate per second, never beside counts: `approximate_query`. The unit must be a second |
//! | `difference`, `non_negative_difference` | increments, without the first of a series: `approximate_query` |
//! | `moving_average(…, n)` | `overlapping_windows` |
//!
//! Each field is a series of its own; where there are several, or one of raw samples that is not called
//! `value`, its name is the label `__field__`. A single statement is taken, and no `INTO`: serin reads.
//!
//! ## Know
//!
//! * `database name required`: write `parameters: {db: …}`.
//! * A limit of the server's (`max-row-limit`) cuts answers, and says so: `partial_answer`.
//! * A `null`, as `GROUP BY time` gives for an interval without points, is left out: there is nothing.
//!   `fill(previous)` and `fill(linear)` make points that nobody measured; write neither.
//! * InfluxDB stores no NaN and no infinity: whoever writes has to leave them out.
//! * Whole numbers written with an `i` beyond 2⁵³ lose their last digits.
//!
//! Source: <https://docs.influxdata.com/influxdb/v1/query_language/spec/>,
//! <https://docs.influxdata.com/influxdb/v1/tools/api/#query-http-endpoint>.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::de::IgnoredAny;
use serin_model::{CounterForm, LabelSelector, Point, Timestamp, Window};

use crate::rows::shown;
use crate::selection::{
    Match, Matching, Remainder, Selection, check_length, loses_events, raw, window_seconds, wrong,
};
use crate::source::{
    Answer, AnswerError, Asked, Notice, Plan, Points, Quantity, QueryError, Request, Source,
    StoreSeries,
};
use crate::template::{Grammar, filled, outside_quotes, unknown};
use crate::time_asked::{RAW_CHUNK, chunks, looked_back_from, step_chunks};
use crate::wire::{Millis, Value, json, list_or_null};

/// InfluxDB 1.x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InfluxDb;

impl Source for InfluxDb {
    fn name(&self) -> &'static str {
        "influxdb"
    }

    fn about(&self) -> &'static str {
        "InfluxDB 1.x, by InfluxQL; the database is `parameters: {db: …}`"
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        if !is_influxql(asked.query.as_str()) {
            let selection = Selection::read(asked, "InfluxQL that begins with `SELECT`")?;
            let requests =
                samples(asked, |select, from, to| Ok(translated(&selection, select, from, to)));
            return Ok(selection.plan(requests?, Remainder::default()));
        }
        let shape = Shape::of(asked)?;
        if shape.is_raw() {
            return Ok(raw(samples(asked, |_, from, to| own(asked, from, to))?));
        }
        Ok(Plan {
            requests: steps(asked)?,
            counters: shape.counters(),
            per_second: shape.per_second(),
            notices: shape.notices(asked),
            is_selector: false,
            begins_early: false,
            remainder: Remainder::default(),
        })
    }

    fn probe(&self) -> Request {
        request("SHOW DATABASES".to_owned(), Points::LastBefore(Timestamp::from_millis(0)))
    }

    /// InfluxDB keeps no record of what it watches.
    fn watched_before(&self, _: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        if *request == self.probe() {
            json::<Envelope<IgnoredAny>>(body, EXPECTED)?.result()?;
            return Ok(Answer::default());
        }
        let result = json::<Envelope<Table>>(body, EXPECTED)?.result()?;
        let mut answer = Answer::default();
        let said = |message: Message| Notice::Said(shown(&message.text, 300));
        answer.notices.extend(result.messages.into_iter().map(said));
        if result.partial || result.series.iter().any(|table| table.partial) {
            answer.notices.push(Notice::Partial("`partial` is set in its answer".to_owned()));
        }
        for table in result.series {
            answer.series.extend(table.series(request.points)?);
        }
        Ok(answer)
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        serde_json::from_slice::<Envelope<IgnoredAny>>(body).ok()?.failure()
    }

    fn hint(&self, status: u16, _: &str) -> Option<&'static str> {
        match status {
            200 | 400 | 422 => Some("mend the query; try it in the shell `influx`"),
            401 => Some("give `username` and `password`, and see that the secret is right"),
            403 => Some("let the user read: `GRANT READ ON <database> TO <user>`"),
            _ => None,
        }
    }
}

const EXPECTED: &str = "the JSON of InfluxDB's API";

/// In characters.
const LONGEST_WORDS: usize = 400;

/// InfluxDB computes a hundred thousand buckets and more; as many points of a series as Prometheus.
const MOST_POINTS: i64 = 11_000;

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: EXPECTED, found }
}

fn request(query: String, points: Points) -> Request {
    let parameters = vec![("q", query), ("epoch", "ms".to_owned())];
    Request { path: "/query".to_owned(), parameters, points, body: None }
}

/// Which of the samples of a stretch of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Select {
    All,
    Last,
}

/// Asks for the samples themselves, and for what counters stood at before them.
///
/// * `query`: asks for samples from a moment on and before another.
fn samples(
    asked: &Asked<'_>,
    query: impl Fn(Select, Timestamp, Timestamp) -> Result<String, QueryError>,
) -> Result<Vec<Request>, QueryError> {
    let Window { start, end } = asked.window;
    let mut requests = Vec::new();
    if asked.quantity != Quantity::Level {
        let query = query(Select::Last, looked_back_from(start), start)?;
        requests.push(request(query, Points::LastBefore(start)));
    }
    for (from, to) in chunks(start, end, RAW_CHUNK) {
        requests.push(request(query(Select::All, from, to)?, Points::Samples(from, to)));
    }
    Ok(requests)
}

/// Asks for what the store computes.
fn steps(asked: &Asked<'_>) -> Result<Vec<Request>, QueryError> {
    let step = asked.step.seconds();
    let request = |(from, to): (Timestamp, Timestamp)| {
        Ok(request(own(asked, from, to)?, Points::Steps(from, to, step)))
    };
    step_chunks(asked, MOST_POINTS).map(request).collect()
}

/// Says a selection in InfluxQL.
fn translated(selection: &Selection, select: Select, from: Timestamp, to: Timestamp) -> String {
    let of_field = |it: &&Match| it.label == FIELD;
    let field = selection.matches.iter().find(of_field).map_or("value", |it| match &it.value {
        Matching::Equal(field) => field.as_str(),
        _ => "value",
    });
    let field = identifier(field);
    let selected = match select {
        Select::All => field,
        Select::Last => format!("last({field}) AS {field}"),
    };
    let mut query = format!(
        "SELECT {selected} FROM {} WHERE {}",
        identifier(&selection.metric),
        time_between(from, to)
    );
    for match_ in selection.matches.iter().filter(|it| it.label != FIELD) {
        let (sign, value) = match &match_.value {
            Matching::Equal(value) => ("=", text(value)),
            Matching::NotEqual(value) => ("!=", text(value)),
            Matching::Regex(regex) => ("=~", anchored(regex)),
            Matching::NotRegex(regex) => ("!~", anchored(regex)),
        };
        write!(query, " AND {}{sign}{value}", identifier(&match_.label))
            .expect("a string takes all");
    }
    query + " GROUP BY *"
}

/// The label that names the field.
const FIELD: &str = "__field__";

fn time_between(from: Timestamp, to: Timestamp) -> String {
    format!("time >= {}ms AND time < {}ms", from.as_millis(), to.as_millis())
}

/// Quotes a name so that nothing in it ends the quotation.
fn identifier(name: &str) -> String {
    format!("\"{}\"", escaped(name, '"'))
}

/// Quotes a text so that nothing in it ends the quotation.
fn text(value: &str) -> String {
    format!("'{}'", escaped(value, '\''))
}

fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            it if it == quote || it == '\\' => escaped.extend(['\\', it]),
            it => escaped.push(it),
        }
    }
    escaped
}

/// Writes a regular expression that holds from end to end, as in PromQL.
fn anchored(regex: &str) -> String {
    let mut escaped = String::new();
    let mut is_escaped = false;
    for character in regex.chars() {
        match character {
            // A slash would end it, escaped already or not.
            '/' if !is_escaped => escaped.push_str("\\/"),
            '\n' => escaped.push_str("\\n"),
            it => escaped.push(it),
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    format!("/^(?:{escaped})$/")
}

const GRAMMAR: Grammar = Grammar {
    quotes: &['"', '\''],
    raw_quotes: &[],
    comment: None,
    example: "write `$arm` outside, such as `WHERE $arm AND $time`; a `$` that is meant is `[$]` in a \
              regular expression",
};

fn is_influxql(query: &str) -> bool {
    let first = query.split_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case("select")
}

/// Fills in the variables of a query in InfluxQL.
fn own(asked: &Asked<'_>, from: Timestamp, to: Timestamp) -> Result<String, QueryError> {
    let value = |name: &str| match name {
        "arm" => Ok(arm_condition(asked.arm)),
        "time" => Ok(time_between(from, to)),
        "step" => Ok(format!("{}s", asked.step.seconds())),
        "window" => Ok(format!("{}s", window_seconds(asked))),
        // A regular expression may end with it.
        "" => Ok("$".to_owned()),
        other => Err(unknown(
            other,
            "`$arm` (a condition that tells an arm), `$time` (one that tells the time), `$step` (the \
             length of a step) and `$window` (the length of the judged time)",
        )),
    };
    let query = filled(asked.query.as_str().trim(), &GRAMMAR, value);
    query.map_err(|(reason, hint)| wrong(asked, &reason, &hint))
}

/// Says which arm, as a condition.
fn arm_condition(arm: &LabelSelector) -> String {
    let equal = |(name, value): (&String, &String)| format!("{}={}", identifier(name), text(value));
    let conditions: Vec<String> = arm.iter().map(equal).collect();
    // What has no labels is everything.
    let all = || "time > 0".to_owned();
    format!("({})", if conditions.is_empty() { all() } else { conditions.join(" AND ") })
}

/// What a query in InfluxQL computes, as far as serin must know.
struct Shape {
    /// The functions it calls, in lower case and in order.
    functions: Vec<String>,
    /// The query in lower case, without what stands between quotes.
    words: String,
}

impl Shape {
    /// Looks at a query.
    fn of(asked: &Asked<'_>) -> Result<Self, QueryError> {
        check_length(asked)?;
        let words = outside_quotes(asked.query.as_str(), &GRAMMAR).to_ascii_lowercase();
        let says = |name: &str| {
            words.contains(&format!("${name}")) || words.contains(&format!("${{{name}}}"))
        };
        let wrong = |reason: &str, hint: &str| Err(wrong(asked, reason, hint));
        if !says("arm") {
            return wrong(
                "it does not say where the arm goes: both arms would be the same series",
                "write `WHERE $arm AND $time`",
            );
        }
        if !says("time") {
            return wrong("it does not say where the time goes", "write `WHERE $arm AND $time`");
        }
        if words.contains(';') || words.contains("--") || words.contains("/*") {
            return wrong("it is more than one statement", "write one `SELECT`, without comments");
        }
        let is_into = |word: &str| word == "into";
        if words.split(|it: char| !it.is_alphanumeric() && it != '_').any(is_into) {
            return wrong("it writes, by `INTO`", "leave `INTO` out: serin only reads");
        }
        let shape = Self { functions: functions(&words), words };
        let is_grouped_by_time = shape.functions.iter().any(|name| name == "time");
        if !shape.is_raw() && !is_grouped_by_time {
            return wrong(
                "it makes one value of the whole time",
                "add `GROUP BY time($step)`, and the tag that tells replicas apart",
            );
        }
        if shape.is_raw() && !shape.words.contains("group by") {
            return wrong(
                "it mixes all series into one",
                "add `GROUP BY *`, or a function and `GROUP BY time($step)`",
            );
        }
        Ok(shape)
    }

    /// Returns whether the samples come as they are stored.
    fn is_raw(&self) -> bool {
        self.functions.is_empty()
    }

    fn calls(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.functions.iter().any(|called| called == name))
    }

    fn per_second(&self) -> bool {
        self.calls(&PER_SECOND).is_some()
    }

    fn counters(&self) -> CounterForm {
        let makes = self.calls(&PER_SECOND).or(self.calls(&DIFFERENCES)).or(self.calls(&["count"]));
        if makes.is_some() { CounterForm::Increments } else { CounterForm::Unstated }
    }

    fn notices(&self, asked: &Asked<'_>) -> Vec<Notice> {
        let loss = self.calls(&PER_SECOND).or(self.calls(&DIFFERENCES)).map(loses_events);
        let overlap = self.moving_points().map(|points| {
            let step = asked.step.seconds();
            Notice::Overlapping(points.saturating_mul(u64::from(step)), step)
        });
        loss.into_iter().chain(overlap).collect()
    }

    /// Returns over how many points a moving average goes.
    fn moving_points(&self) -> Option<u64> {
        let (_, rest) = self.words.split_once("moving_average(")?;
        let numbers = rest.split(|it: char| !it.is_ascii_digit()).filter(|it| !it.is_empty());
        numbers.filter_map(|number| number.parse().ok()).find(|&points| points > 1)
    }
}

/// The functions that divide by time.
const PER_SECOND: [&str; 2] = ["derivative", "non_negative_derivative"];

/// The functions that subtract.
const DIFFERENCES: [&str; 2] = ["difference", "non_negative_difference"];

/// Returns the names before brackets.
fn functions(words: &str) -> Vec<String> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let name = |(at, _)| {
        let before: &str = &words[..at];
        let start = before.rfind(|it| !is_part(it)).map_or(0, |at| at + 1);
        before[start..].to_owned()
    };
    let is_function = |name: &String| {
        !name.is_empty()
            && !["and", "or", "where", "in", "from", "fill", "tz"].contains(&name.as_str())
    };
    words.match_indices('(').map(name).filter(is_function).collect()
}

/// What every answer comes in.
#[derive(serde::Deserialize)]
struct Envelope<T> {
    results: Option<Vec<StatementResult<T>>>,
    error: Option<String>,
}

impl<T> Envelope<T> {
    /// Returns what the one statement gave.
    fn result(self) -> Result<StatementResult<T>, AnswerError> {
        if let Some(words) = self.failure() {
            return Err(AnswerError::Failed { words });
        }
        let result = self.results.and_then(|results| results.into_iter().next());
        result.ok_or_else(|| malformed("an answer without `results`".to_owned()))
    }

    /// Returns why it is no answer.
    fn failure(&self) -> Option<String> {
        let results = self.results.iter().flatten();
        let words = self.error.as_ref().or(results.filter_map(|it| it.error.as_ref()).next())?;
        let hint = if words.contains("database name required") {
            "; write `parameters: {db: …}` beside `url`"
        } else {
            ""
        };
        Some(shown(words, LONGEST_WORDS) + hint)
    }
}

#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "T: serde::Deserialize<'de>"))]
struct StatementResult<T> {
    #[serde(default, deserialize_with = "list_or_null")]
    series: Vec<T>,
    #[serde(default, deserialize_with = "list_or_null")]
    messages: Vec<Message>,
    #[serde(default)]
    partial: bool,
    error: Option<String>,
}

#[derive(serde::Deserialize)]
struct Message {
    #[serde(default)]
    text: String,
}

/// The points of one set of tags, a column a field.
#[derive(serde::Deserialize)]
struct Table {
    name: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default, deserialize_with = "list_or_null")]
    values: Vec<Row>,
    #[serde(default)]
    partial: bool,
}

/// A moment, and the value of each field.
struct Row(Timestamp, Vec<f64>);

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> serde::de::Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a time and values")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut cells: A) -> Result<Row, A::Error> {
        let Some(Millis(time)) = cells.next_element()? else {
            return Err(serde::de::Error::custom("a row without a time"));
        };
        let mut values = Vec::new();
        while let Some(Value(value)) = cells.next_element()? {
            values.push(value);
        }
        Ok(Row(time, values))
    }
}

impl Table {
    /// Makes a series of each field.
    fn series(self, points: Points) -> Result<Vec<StoreSeries>, AnswerError> {
        let fields = self.columns.get(1..).unwrap_or_default();
        let is_whole = |row: &Row| row.1.len() == fields.len();
        if self.columns.first().is_none_or(|column| column != "time")
            || !self.values.iter().all(is_whole)
        {
            return Err(malformed("a series without `time`, or with a row too short".to_owned()));
        }
        let is_computed = matches!(points, Points::Steps(..));
        let mut labels = self.tags;
        labels.retain(|_, value| !value.is_empty());
        let mut all = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let point = |row: &Row| Point { time: row.0, value: row.1[index] };
            // Null is where nobody wrote anything.
            let points_there = self.values.iter().map(point).filter(|point| !point.value.is_nan());
            let mut samples: Vec<Point<f64>> = points_there.collect();
            if let Points::LastBefore(moment) = points {
                samples.retain(|point| point.time < moment);
                samples.sort_by_key(|point| point.time);
                samples = samples.pop().into_iter().collect();
            }
            if samples.is_empty() {
                continue;
            }
            let mut labels = labels.clone();
            if fields.len() > 1 || !is_computed && field != "value" {
                labels.insert(FIELD.to_owned(), field.clone());
            }
            let metric = self.name.clone();
            all.push(StoreSeries { metric, labels, samples, histograms: Vec::new() });
        }
        Ok(all)
    }
}
