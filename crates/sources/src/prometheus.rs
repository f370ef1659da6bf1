//! Prometheus, and whatever speaks its HTTP API.
//!
//! ```yaml
//! source: {prometheus: {url: http://prometheus:9090}}
//! ```
//!
//! Counters and histograms are asked for as raw samples (a range selector at one instant), because
//! only those can be turned into whole increments; what the store has to compute is asked for step
//! by step. [The guide](../guide/prometheus.md) has everything: queries, births and restarts, replicas,
//! time, secrets, limits, warnings and failures. What it says of secrets, limits, warnings and
//! failures holds for every other source, too.
//!
//! serin's tests ask Prometheus 2.42, where it is installed.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serin_model::{CounterForm, Point, Timestamp, Window};

use crate::native_histogram::{NativeBucket, NativeHistogram};
use crate::promql::{Prepared, is_label_name, prepare};
use crate::rows::shown;
use crate::selection::{Remainder, raw};
use crate::source::{
    Answer, AnswerError, Asked, Notice, Plan, Points, Quantity, QueryError, Request, Source,
    StoreSeries,
};
use crate::time_asked::{LOOK_BACK_SECONDS, RAW_CHUNK, chunks, just_before, step_chunks};
use crate::wire::{Seconds, Value, json, list_or_null};

/// Prometheus, and whatever speaks its HTTP API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prometheus;

impl Source for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn about(&self) -> &'static str {
        "Prometheus, and what speaks its HTTP API"
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        refuse_odd_labels(asked)?;
        Ok(match prepare(asked)? {
            Prepared::Selector(selector) => match added_up(asked, &selector) {
                Some(expression) => Plan {
                    requests: steps(&a_step_early(asked), &expression),
                    counters: CounterForm::Increments,
                    per_second: false,
                    notices: Vec::new(),
                    is_selector: false,
                    begins_early: asked.quantity != Quantity::Level,
                    remainder: Remainder::default(),
                },
                None => samples(asked, &selector),
            },
            Prepared::Expression(expression) => Plan {
                requests: steps(asked, &expression.text),
                counters: if expression.makes_increments {
                    CounterForm::Increments
                } else {
                    CounterForm::Unstated
                },
                per_second: expression.is_per_second,
                notices: expression.notices,
                is_selector: false,
                begins_early: false,
                remainder: Remainder::default(),
            },
        })
    }

    fn probe(&self) -> Request {
        Request {
            path: QUERY.to_owned(),
            parameters: vec![("query", "vector(1)".to_owned())],
            points: Points::LastBefore(Timestamp::from_millis(0)),
            body: None,
        }
    }

    /// Prometheus writes `up` for whatever it scrapes.
    fn watched_before(&self, moment: Timestamp) -> Option<Request> {
        Some(Request {
            path: QUERY.to_owned(),
            parameters: vec![
                ("query", format!("count(last_over_time(up[{LOOK_BACK_SECONDS}s]))")),
                ("time", seconds(just_before(moment))),
            ],
            points: Points::LastBefore(moment),
            body: None,
        })
    }

    fn count_of_series(&self, asked: &Asked<'_>) -> Result<Option<Request>, QueryError> {
        Ok(Some(at_end(asked, &format!("count({})", seen_in_window(asked)?))))
    }

    fn series_seen(&self, asked: &Asked<'_>) -> Result<Option<Request>, QueryError> {
        Ok(Some(at_end(asked, &seen_in_window(asked)?)))
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        let envelope: Envelope = json(body, EXPECTED)?;
        if envelope.status != "success" {
            return Err(AnswerError::Failed { words: envelope.words() });
        }
        let Some(data) = envelope.data else {
            return Err(malformed("a success without `data`".to_owned()));
        };
        let expected = match request.points {
            Points::LastBefore(_) => "vector",
            Points::Samples(..) | Points::Steps(..) => "matrix",
        };
        if data.result_type != expected {
            let found = format!("a result of type `{}`", shown(&data.result_type, 40));
            return Err(malformed(format!("{found} where a {expected} was asked for")));
        }
        if data.result.iter().any(Entry::is_nothing) {
            return Err(malformed("a series without a single value".to_owned()));
        }
        let said = envelope.warnings.into_iter().chain(envelope.infos);
        let mut notices: Vec<Notice> = said.map(|text| Notice::Said(shown(&text, 300))).collect();
        if envelope.is_partial {
            notices.push(Notice::Partial("`isPartial` is set in its answer".to_owned()));
        }
        let series = data.result.into_iter().map(|entry| entry.series(request.points)).collect();
        Ok(Answer { series, notices })
    }

    fn speaks_promql(&self) -> bool {
        true
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        let envelope: Envelope = serde_json::from_slice(body).ok()?;
        (envelope.status == "error").then(|| envelope.words())
    }

    fn hint(&self, status: u16, _: &str) -> Option<&'static str> {
        match status {
            401 => Some(
                "give `token`, `username` and `password`, or a tenant's header such as `X-Scope-OrgID`, \
                 and see that the secret is right",
            ),
            403 => {
                Some("see that whoever asks may read, and that a tenant's header is not missing")
            }
            _ => None,
        }
    }
}

/// Returns an expression for the last value of each series of the window: one that ended in it counts,
/// as a canary of an hour ago shows how canaries are labelled.
fn seen_in_window(asked: &Asked<'_>) -> Result<String, QueryError> {
    let Window { start, end } = asked.window;
    let seconds = ((end.as_millis() - start.as_millis()) / 1000).max(1);
    Ok(match prepare(asked)? {
        Prepared::Selector(selector) => format!("last_over_time({selector}[{seconds}s])"),
        Prepared::Expression(expression) => expression.text,
    })
}

/// Asks for what there is at one moment, the end of the window.
fn at_end(asked: &Asked<'_>, query: &str) -> Request {
    let end = asked.window.end;
    Request {
        path: QUERY.to_owned(),
        parameters: vec![
            ("query", query.to_owned()),
            ("time", seconds(just_before(end))),
            timeout(asked),
        ],
        points: Points::LastBefore(end),
        body: None,
    }
}

/// Asks for the samples themselves, and for what counters stood at before them.
fn samples(asked: &Asked<'_>, selector: &str) -> Plan {
    let Window { start, end } = asked.window;
    let mut requests = Vec::new();
    if asked.quantity != Quantity::Level {
        requests.push(Request {
            path: QUERY.to_owned(),
            parameters: vec![
                ("query", format!("last_over_time({selector}[{LOOK_BACK_SECONDS}s])")),
                ("time", seconds(just_before(start))),
                timeout(asked),
            ],
            points: Points::LastBefore(start),
            body: None,
        });
    }
    for (from, to) in chunks(start, end, RAW_CHUNK) {
        // A range is open at its start from version 3 on: a millisecond more, and it does not matter.
        let length = to.as_millis() - from.as_millis();
        requests.push(Request {
            path: QUERY.to_owned(),
            parameters: vec![
                ("query", format!("{selector}[{length}ms]")),
                ("time", seconds(just_before(to))),
                timeout(asked),
            ],
            points: Points::Samples(from, to),
            body: None,
        });
    }
    Plan { is_selector: true, ..raw(requests) }
}

/// What is written into a query is a name and nothing else.
fn refuse_odd_labels(asked: &Asked<'_>) -> Result<(), QueryError> {
    let of_fleet = asked.replica.filter(|_| !asked.for_each.is_empty());
    let mut labels = asked.for_each.iter().map(String::as_str).chain(of_fleet);
    match labels.find(|label| !is_label_name(label)) {
        None => Ok(()),
        Some(label) => Err(QueryError {
            query: shown(asked.query.as_str(), 200),
            reason: format!("`{}`, by which it is added up, is no label name", shown(label, 80)),
            hint: "a label's name has letters, digits and `_`, and begins with no digit".to_owned(),
        }),
    }
}

/// Returns what has the store add up the replicas of each canary of a fleet, step by step; nothing
/// where one canary is asked for, or where the samples themselves are needed.
///
/// A counter's increments are whole: what it stands at, less what it stood at a step ago; all of it
/// where it began again, or anew. A counter that was last seen longer ago than
/// [`LOOK_BACK_OF_A_STEP`] began anew.
fn added_up(asked: &Asked<'_>, selector: &str) -> Option<String> {
    let keep = |also: &[&str]| {
        let labels = asked.for_each.iter().map(String::as_str).chain(asked.replica);
        labels.chain(also.iter().copied()).collect::<Vec<_>>().join(", ")
    };
    let step = asked.step.seconds();
    let before = format!("last_over_time({selector}[{LOOK_BACK_OF_A_STEP}s] offset {step}s)");
    let increments = format!("({selector} - {before} >= 0) or {selector}");
    match asked.quantity {
        _ if asked.for_each.is_empty() => None,
        Quantity::Counter => Some(format!("sum by ({}) ({increments})", keep(&[]))),
        // A histogram that is one sample cannot be compared with zero.
        Quantity::Buckets if !is_of_buckets(selector) => None,
        Quantity::Buckets => Some(format!("sum by ({}) ({increments})", keep(&["le"]))),
        // Which of several series of one replica is meant must be seen.
        Quantity::Level if asked.replica.is_some() => {
            Some(format!("avg_over_time({selector}[{step}s])"))
        }
        Quantity::Level => {
            Some(format!("avg by ({}) (avg_over_time({selector}[{step}s]))", keep(&[])))
        }
    }
}

/// Nobody knows what was before the first increment that a store can tell of.
fn a_step_early<'a>(asked: &Asked<'a>) -> Asked<'a> {
    let mut window = asked.window;
    if asked.quantity != Quantity::Level {
        window.start = window.start.before(Duration::from_secs(asked.step.seconds().into()));
    }
    Asked { window, ..*asked }
}

/// How long a scrape may fail before a counter is taken for a new one, in seconds. A store holds all
/// samples of it in memory, of every host.
const LOOK_BACK_OF_A_STEP: u32 = 900;

fn is_of_buckets(selector: &str) -> bool {
    selector.split('{').next().is_some_and(|name| name.trim_end().ends_with("_bucket"))
}

/// Asks for one value a step, computed at the step's end, which is when all of it has happened.
fn steps(asked: &Asked<'_>, expression: &str) -> Vec<Request> {
    let step = asked.step.seconds();
    let millis = i64::from(step) * 1000;
    let request = |(from, to): (Timestamp, Timestamp)| Request {
        path: "/api/v1/query_range".to_owned(),
        parameters: vec![
            ("query", expression.to_owned()),
            ("start", seconds(Timestamp::from_millis(from.as_millis() + millis))),
            ("end", seconds(to)),
            ("step", step.to_string()),
            timeout(asked),
        ],
        points: Points::Steps(from, to, step),
        body: None,
    };
    step_chunks(asked, MOST_POINTS).map(request).collect()
}

/// The store may stop when nobody waits any more.
fn timeout(asked: &Asked<'_>) -> (&'static str, String) {
    ("timeout", format!("{}ms", asked.timeout.as_millis()))
}

const QUERY: &str = "/api/v1/query";

/// Prometheus computes 11,000 points of a series at once.
const MOST_POINTS: i64 = 11_000;

fn seconds(time: Timestamp) -> String {
    let millis = time.as_millis();
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    format!("{sign}{}.{:03}", millis / 1000, millis % 1000)
}

const EXPECTED: &str = "the JSON of Prometheus's API";

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: EXPECTED, found }
}

/// What every answer comes in.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default, deserialize_with = "list_or_null")]
    warnings: Vec<String>,
    #[serde(default, deserialize_with = "list_or_null")]
    infos: Vec<String>,
    #[serde(default)]
    is_partial: bool,
}

impl Envelope {
    fn words(&self) -> String {
        let words = match (self.error_type.as_str(), self.error.as_str()) {
            ("", "") => "no reason given",
            (kind, "") => kind,
            (_, error) => error,
        };
        shown(words, LONGEST_WORDS)
    }
}

/// In characters.
const LONGEST_WORDS: usize = 400;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    #[serde(default, deserialize_with = "list_or_null")]
    result: Vec<Entry>,
}

/// One series: a vector has one sample of it, a matrix several.
#[derive(serde::Deserialize)]
struct Entry {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<Sample>,
    #[serde(default)]
    values: Vec<Sample>,
    histogram: Option<HistogramSample>,
    #[serde(default)]
    histograms: Vec<HistogramSample>,
}

impl Entry {
    fn is_nothing(&self) -> bool {
        self.value.is_none()
            && self.values.is_empty()
            && self.histogram.is_none()
            && self.histograms.is_empty()
    }

    fn series(self, points: Points) -> StoreSeries {
        let mut labels = self.metric;
        labels.retain(|_, value| !value.is_empty());
        let metric = labels.remove("__name__");
        // The moment of a vector is that of the question.
        let time = |time: Timestamp| match points {
            Points::LastBefore(moment) => just_before(moment),
            // The value at the end of a step is that of the step.
            Points::Steps(_, _, step) => {
                Timestamp::from_millis(time.as_millis() - i64::from(step) * 1000)
            }
            Points::Samples(..) => time,
        };
        let sample = |sample: Sample| Point { time: time(sample.0.0), value: sample.1.0 };
        let samples = self.values.into_iter().chain(self.value).map(sample).collect();
        let whole =
            |sample: HistogramSample| Point { time: time(sample.0.0), value: sample.1.into() };
        let histograms = self.histograms.into_iter().chain(self.histogram).map(whole).collect();
        StoreSeries { metric, labels, samples, histograms }
    }
}

#[derive(serde::Deserialize)]
struct Sample(Seconds, Value);

#[derive(serde::Deserialize)]
struct HistogramSample(Seconds, HistogramEntry);

#[derive(serde::Deserialize)]
struct HistogramEntry {
    count: Value,
    #[serde(default)]
    buckets: Vec<BucketEntry>,
}

impl From<HistogramEntry> for NativeHistogram {
    fn from(entry: HistogramEntry) -> Self {
        let buckets = entry.buckets.into_iter().map(|bucket| bucket.0).collect();
        Self { count: entry.count.0, buckets }
    }
}

/// A bucket, written as `[boundary rule, lower edge, upper edge, count]`.
struct BucketEntry(NativeBucket);

impl<'de> Deserialize<'de> for BucketEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BucketVisitor)
    }
}

struct BucketVisitor;

impl<'de> Visitor<'de> for BucketVisitor {
    type Value = BucketEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket as [boundary rule, lower edge, upper edge, count]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<BucketEntry, A::Error> {
        let short = || A::Error::custom("a bucket has four parts");
        // Whether an edge itself belongs to the bucket is lost: no observation is that exact.
        parts.next_element::<IgnoredAny>()?.ok_or_else(short)?;
        let mut number = || parts.next_element::<Value>()?.map(|value| value.0).ok_or_else(short);
        let (lower, upper, count) = (number()?, number()?, number()?);
        if lower.is_nan() || upper.is_nan() || lower > upper {
            return Err(A::Error::custom(format!("a bucket from {lower} to {upper}")));
        }
        Ok(BucketEntry(NativeBucket { lower, upper, count }))
    }
}
