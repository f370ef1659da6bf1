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
    Answer, AnswerError, Asked, LEFT_OUT_STEPS, Notice, Plan, Points, Quantity, QueryError,
    Request, Source, StoreSeries,
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
                    requests: added_up_steps(asked, &expression),
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
                requests: steps(asked, &expression.text, MOST_POINTS),
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
/// A counter's increments are whole: what it stands at, less what it stood at when it was last seen; all of
/// it where it began again, or anew. Each step is looked at in parts, so that of a counter that begins
/// again within a step nothing is lost but what raw samples would not show either, or what was counted
/// within one part.
fn added_up(asked: &Asked<'_>, selector: &str) -> Option<String> {
    let keep = |also: &[&str]| {
        let labels = asked.for_each.iter().map(String::as_str).chain(asked.replica);
        labels.chain(also.iter().copied()).collect::<Vec<_>>().join(", ")
    };
    let step = asked.step.seconds();
    let increments = |also: &[&str]| increments(selector, &keep(also), step);
    match asked.quantity {
        _ if asked.for_each.is_empty() => None,
        Quantity::Counter => Some(increments(&[])),
        // A histogram that is one sample cannot be compared with zero.
        Quantity::Buckets if !is_of_buckets(selector) => None,
        Quantity::Buckets => Some(increments(&["le"])),
        // Which of several series of one replica is meant must be seen.
        Quantity::Level if asked.replica.is_some() => Some(average(selector, step)),
        Quantity::Level => Some(format!("avg by ({}) ({})", keep(&[]), average(selector, step))),
    }
}

/// Returns what has the store count a step's increments, summed over the series with the same labels.
///
/// A range is closed at its end, and a step is open there: everything is looked at a millisecond earlier.
///
/// * `labels`: those that are kept, with commas between them.
/// * `step`: in seconds.
fn increments(selector: &str, labels: &str, step: u32) -> String {
    let part = part_of(step);
    let now = format!("last_over_time({selector}[{part}s] offset 1ms)");
    let since = u64::from(part) * 1000 + 1;
    let before = format!("last_over_time({selector}[{LOOK_BACK_SECONDS}s] offset {since}ms)");
    let of_part = format!("sum by ({labels}) (({now} - {before} >= 0) or {now})");
    if part == step {
        return of_part;
    }
    // Version 2 has a range closed at its beginning, too: the part that ends there is another step's.
    let others = u64::from(step) * 1000 - 1;
    format!("sum_over_time(({of_part})[{others}ms:{part}s])")
}

fn average(selector: &str, step: u32) -> String {
    format!("avg_over_time({selector}[{step}s] offset 1ms)")
}

/// Returns the length of the parts in which a step is looked at, all of one length, in seconds.
fn part_of(step: u32) -> u32 {
    let divides = |parts: &u32| step.is_multiple_of(*parts);
    let fewest = step.div_ceil(LONGEST_PART);
    (fewest..=step).find(divides).map_or(step, |parts| step / parts)
}

/// The usual time from scrape to scrape, in seconds.
const LONGEST_PART: u32 = 15;

/// Asks for what the store adds up, in stretches of like length.
///
/// Nobody knows what was before the first increment that a store can tell of, and not all targets are
/// scraped in the same step: two steps more are asked for, and are left out when they are the first.
fn added_up_steps(asked: &Asked<'_>, expression: &str) -> Vec<Request> {
    let step = asked.step.seconds();
    let mut window = asked.window;
    let mut most = MOST_POINTS;
    if asked.quantity != Quantity::Level {
        let early = u64::from(LEFT_OUT_STEPS) * u64::from(step);
        window.start = window.start.before(Duration::from_secs(early));
        most = (i64::from(part_of(step)) * MOST_PARTS / i64::from(step)).max(1);
    }
    let asked = Asked { window, ..*asked };
    let all: i64 = step_chunks(&asked, 1).map(|_| 1).sum();
    let stretches = (all + most - 1) / most;
    steps(&asked, expression, (all + stretches - 1) / stretches.max(1))
}

/// How many parts of steps a store looks at for one query. It holds a number for each of them and each
/// series three times over, and Prometheus refuses to hold more than 50 million: that is 140,000 series.
const MOST_PARTS: i64 = 120;

fn is_of_buckets(selector: &str) -> bool {
    selector.split('{').next().is_some_and(|name| name.trim_end().ends_with("_bucket"))
}

/// Asks for one value a step, computed at the step's end, which is when all of it has happened.
///
/// * `most`: how many steps one request may ask for.
fn steps(asked: &Asked<'_>, expression: &str, most: i64) -> Vec<Request> {
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
    step_chunks(asked, most).map(request).collect()
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
