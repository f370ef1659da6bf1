//! OpenTSDB 2.2 and later, by `GET /api/query`.
//!
//! ```yaml
//! source: {opentsdb: {url: http://opentsdb:4242}}
//! ```
//!
//! No OpenTSDB runs in serin's tests. They hold to answers written down from its documentation
//! (2.3 and 2.4), and to a server of our own that fails in every way we know. If yours answers
//! otherwise, the answer is refused with its beginning, and we want to see it.
//!
//! ## Selectors
//!
//! The selector of a Check file works as it stands: a metric's name is a metric's name, and a label is
//! a tag. `http_requests_total{code=~"5..", $arm}` is asked for as
//!
//! ```text
//! none:http_requests_total{track=literal_or(canary),code=regexp(^(5..)$)}
//! ```
//!
//! with the aggregator `none` (since 2.2), so that every series comes as it is stored, in
//! milliseconds. Counters are running totals, and serin counts: whole, aware of restarts, and a series
//! that is born in the judged time counts from zero. What they stood at is read from the hour before.
//!
//! A name with dots or dashes is `{__name__="sys.cpu.user", $arm}`.
//!
//! | matcher | becomes |
//! | --- | --- |
//! | `code="500"` | `code=literal_or(500)` |
//! | `code=~"5..\|4.."` | `code=regexp(^(5..\|4..)$)`, if it is made of letters, digits, `_ - / .` and <code>\| ( ) * + ? [ ]</code> and needs the tag |
//! | any other | is not sent: serin asks for more series and leaves out those that do not match, by PromQL's rules, where a tag that is missing is empty |
//!
//! A value with one of `{ } , = | : ( )` or a space stands in no OpenTSDB tag unless it was told to
//! allow it; such a matcher is not sent either. For a metric of very many series, write matchers that
//! are sent.
//!
//! ## Its own language
//!
//! Anything that begins with one of OpenTSDB's aggregators and a colon is its own `m`:
//!
//! ```yaml
//! checks:
//!   errors:
//!     count: {events: 'zimsum:$step-sum:errors.count{$arm,host=*}'}
//!   load:
//!     gauge: 'avg:$step-avg:sys.load.1m{$arm}'
//! ```
//!
//! | variable | becomes |
//! | --- | --- |
//! | `$arm` | `track=literal_or(canary)`, one for each label of the arm, with commas. A query must say it |
//! | `$step` | the length of a step, such as `60s` |
//! | `$window` | the length of the judged time, such as `1800s` |
//!
//! A value of the arm that holds one of `{ } , = | : ( )`, a space or a quotation mark is refused here.
//!
//! | form | what is judged |
//! | --- | --- |
//! | `none:metric{…}` | raw samples, as those of a selector |
//! | with a downsampler, `sum:1m-sum-zero:metric{…}` | its value for each of its intervals, which begin with whole ones |
//! | without, `sum:metric{…}` | the same, at whatever moments there are points |
//! | either without a fill policy such as `-zero` or `-nan` | the same; OpenTSDB draws a straight line where a series has no point, and `approximate_query` says so (not for `none`, `zimsum`, `mimmin`, `mimmax`, `pfsum` and `count`) |
//! | with `rate` or `rate{counter,max,reset}` | a rate per second, never beside counts: `approximate_query`. A restart is a gap or a guess, and the first events of a new series are lost |
//! | `1m-count` | how many points there were |
//! | `0all-…` | refused: one value is no course |
//!
//! A downsampler longer than the `step` leaves steps without a point, and `other_step` says so.
//! Percentiles and histograms of 2.4, and expressions (`/api/query/exp`, `gexp`), are not asked for.
//!
//! ## What is nothing, and what a failure
//!
//! OpenTSDB answers 400 with `No such name for 'metrics': '…'` for a metric that was never written, and
//! the same for the key and the value of a tag. That is absence, as an empty answer is, where serin
//! asked for that very metric or tag by `literal_or`. For a name in a query of your own it is absence if
//! it is the metric's, and else a failure: `literal_or(500|503)` fails whole if only `503` never
//! was, unless `tsd.query.skip_unresolved_tagvs` is set.
//!
//! | it answers | see |
//! | --- | --- |
//! | `No such aggregator: none` | a version before 2.2, or a query that begins with another |
//! | 413 | `tsd.query.limits.bytes.default`, or a shorter time |
//! | 414, or nothing | a query of more than 4 KiB: OpenTSDB takes no form by POST |
//!
//! ## Know
//!
//! * The hosts' clocks make the times: points of two series need not lie at the same moment.
//! * Numbers with a point may be stored in four bytes: then they keep seven digits. Counts are
//!   whole numbers and exact.
//! * A duplicate point in storage (`tsd.storage.fix_duplicates`) is an error of OpenTSDB's, and said.
//! * Annotations of the series and global ones in the judged time are passed on as `source_notice`.
//! * Times are in milliseconds (`ms=true`); a store that answers in seconds is understood.
//! * A histogram needs a tag `le`. OpenTSDB takes no `+` in tags: write the last bucket as `Inf`.
//!
//! Source: <https://opentsdb.net/docs/build/html/api_http/query/index.html>,
//! <https://opentsdb.net/docs/build/html/user_guide/query/filters.html>.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serin_model::{CounterForm, LabelSelector, Point, Timestamp, Window};

use crate::rows::shown;
use crate::selection::{
    Match, Matching, Remainder, Selection, check_length, is_read_alike, loses_events, raw,
    window_seconds, wrong,
};
use crate::source::{
    Answer, AnswerError, Asked, Notice, Plan, Points, Quantity, QueryError, Request, Source,
    StoreSeries,
};
use crate::template::{Grammar, Wrong, filled, unknown};
use crate::time_asked::{RAW_CHUNK, chunks, just_before, looked_back_from, step_chunks};
use crate::wire::{LATEST_SECONDS, Value, json, list_or_null};

/// OpenTSDB 2.2 and later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenTsdb;

impl Source for OpenTsdb {
    fn name(&self) -> &'static str {
        "opentsdb"
    }

    fn about(&self) -> &'static str {
        "OpenTSDB 2.2 and later, by its HTTP API"
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        if !speaks_its_language(asked.query.as_str()) {
            let selection =
                Selection::read(asked, "an OpenTSDB query such as `sum:1m-sum:errors{$arm}`")?;
            let (query, remainder) = translated(asked, &selection)?;
            return Ok(selection.plan(samples(asked, &query), remainder));
        }
        let query = own(asked)?;
        let parts = Parts::read(&query).map_err(|(reason, hint)| wrong(asked, &reason, &hint))?;
        if parts.is_raw() {
            return Ok(raw(samples(asked, &query)));
        }
        Ok(Plan {
            requests: steps(asked, &query),
            counters: parts.counters(),
            per_second: parts.rate,
            notices: parts.estimate().into_iter().collect(),
            is_selector: false,
            begins_early: false,
            remainder: Remainder::default(),
        })
    }

    fn probe(&self) -> Request {
        let points = Points::LastBefore(Timestamp::from_millis(0));
        Request { path: VERSION.to_owned(), parameters: Vec::new(), points, body: None }
    }

    /// OpenTSDB keeps no record of what it watches.
    fn watched_before(&self, _: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        if request.path == VERSION {
            let version: BTreeMap<String, IgnoredAny> = json(body, EXPECTED)?;
            if version.contains_key("version") {
                return Ok(Answer::default());
            }
            return Err(malformed("an answer without `version`".to_owned()));
        }
        let entries = match json(body, EXPECTED)? {
            Body::Series(entries) => entries,
            Body::Failure { error } => return Err(AnswerError::Failed { words: error.words() }),
        };
        let mut answer = Answer::default();
        for entry in entries.into_iter().filter(|entry| entry.stats_summary.is_none()) {
            let Some(metric) = entry.metric else {
                return Err(malformed("a series without `metric`".to_owned()));
            };
            let notes = entry.annotations.into_iter().chain(entry.global_annotations);
            answer.notices.extend(notes.filter_map(|note| note.notice(request.points)));
            let mut labels = entry.tags;
            labels.retain(|_, value| !value.is_empty());
            let mut samples = entry.dps.0;
            samples.sort_by_key(|point| point.time);
            if let Points::LastBefore(moment) = request.points {
                let is_before = |point: &Point<f64>| point.time < moment && !point.value.is_nan();
                samples = samples.into_iter().rfind(is_before).into_iter().collect();
            }
            // A series of which nothing lies in the time is listed now and then.
            if !samples.is_empty() {
                let metric = Some(metric);
                answer.series.push(StoreSeries { metric, labels, samples, histograms: Vec::new() });
            }
        }
        answer.notices.sort();
        answer.notices.dedup();
        Ok(answer)
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        match serde_json::from_slice(body).ok()? {
            Body::Failure { error } => Some(error.words()),
            Body::Series(_) => None,
        }
    }

    fn is_absence(&self, request: &Request, status: u16, body: &[u8]) -> bool {
        let Some(words) = self.words(body).filter(|_| matches!(status, 400 | 404)) else {
            return false;
        };
        let query = request.query();
        let tags = query.find('{').map_or("", |at| &query[at..]);
        let Some((kind, name)) = unknown_name(&words) else { return false };
        match kind {
            "metrics" => true,
            // Of a value that nothing has there is nothing; one among others says nothing of those.
            "tagv" => tags.contains(&format!("=literal_or({name})")),
            "tagk" => {
                let begins = |before: char| tags.contains(&format!("{before}{name}=literal_or("));
                begins('{') || begins(',')
            }
            _ => false,
        }
    }

    /// OpenTSDB reads the body of a POST as JSON.
    fn takes_forms(&self) -> bool {
        false
    }
}

const QUERY: &str = "/api/query";
const VERSION: &str = "/api/version";
const EXPECTED: &str = "the JSON of OpenTSDB's API";

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: EXPECTED, found }
}

/// OpenTSDB computes what it is asked for in memory; as many points of a series as Prometheus does.
const MOST_POINTS: i64 = 11_000;

/// Returns the kind and the name in "No such name for 'tagv': 'canary'".
fn unknown_name(words: &str) -> Option<(&str, &str)> {
    let (_, rest) = words.split_once("No such name for '")?;
    let (kind, rest) = rest.split_once("': '")?;
    Some((kind, rest.split_once('\'')?.0))
}

/// Asks for the samples themselves, and for what counters stood at before them.
fn samples(asked: &Asked<'_>, query: &str) -> Vec<Request> {
    let Window { start, end } = asked.window;
    let mut requests = Vec::new();
    if asked.quantity != Quantity::Level {
        let mut request = request(query, looked_back_from(start), start, Points::LastBefore(start));
        request.parameters.push(("no_annotations", "true".to_owned()));
        requests.push(request);
    }
    for (from, to) in chunks(start, end, RAW_CHUNK) {
        requests.push(noted(request(query, from, to, Points::Samples(from, to))));
    }
    requests
}

/// Asks for what the store computes.
fn steps(asked: &Asked<'_>, query: &str) -> Vec<Request> {
    let step = asked.step.seconds();
    let request = |(from, to)| noted(request(query, from, to, Points::Steps(from, to, step)));
    step_chunks(asked, MOST_POINTS).map(request).collect()
}

/// Asks for a stretch of time, without its end.
fn request(query: &str, from: Timestamp, to: Timestamp, points: Points) -> Request {
    let parameters = vec![
        ("m", query.to_owned()),
        ("start", from.as_millis().to_string()),
        ("end", just_before(to).as_millis().to_string()),
        ("ms", "true".to_owned()),
        ("arrays", "true".to_owned()),
    ];
    Request { path: QUERY.to_owned(), parameters, points, body: None }
}

/// Asks for the notes that people made, too.
fn noted(mut request: Request) -> Request {
    request.parameters.push(("global_annotations", "true".to_owned()));
    request
}

/// Says a selection in OpenTSDB's words, as far as it has any, and returns what is left.
fn translated(asked: &Asked<'_>, selection: &Selection) -> Result<(String, Remainder), QueryError> {
    if !selection.metric.chars().all(is_of_a_name) {
        let reason = format!("OpenTSDB knows no metric `{}`", shown(&selection.metric, 80));
        let hint = "a metric's name has letters, digits and `-`, `_`, `.`, `/`";
        return Err(wrong(asked, &reason, hint));
    }
    let filters: Vec<Option<String>> = selection.matches.iter().map(filter).collect();
    let rest = selection.matches.iter().zip(&filters).filter(|(_, filter)| filter.is_none());
    let remainder = Remainder::of(rest.map(|(rest, _)| rest));
    let filters: Vec<String> = filters.into_iter().flatten().collect();
    Ok((format!("none:{}{{{}}}", selection.metric, filters.join(",")), remainder))
}

/// Says what a tag must be. A filter holds only for series that have the tag.
fn filter(match_: &Match) -> Option<String> {
    let tag = Some(&match_.label).filter(|label| label.chars().all(is_of_a_name))?;
    match &match_.value {
        Matching::Equal(value) if !value.is_empty() && value.chars().all(is_of_a_name) => {
            Some(format!("{tag}=literal_or({value})"))
        }
        // Java searches where PromQL matches from end to end.
        Matching::Regex(regex) if is_read_alike(regex) && !match_.takes_absence() => {
            Some(format!("{tag}=regexp(^({regex})$)"))
        }
        _ => None,
    }
}

/// Names and values have these characters, unless a server was told to take others.
fn is_of_a_name(character: char) -> bool {
    character.is_alphanumeric() || "-_./".contains(character)
}

/// OpenTSDB quotes nothing.
const GRAMMAR: Grammar = Grammar { quotes: &[], raw_quotes: &[], comment: None, example: "" };

/// Returns whether a query begins as OpenTSDB's own do.
fn speaks_its_language(query: &str) -> bool {
    query.trim_start().split_once(':').is_some_and(|(first, _)| is_aggregator(first))
}

fn is_aggregator(word: &str) -> bool {
    let percentile = word.strip_prefix("ep").or_else(|| word.strip_prefix('p'));
    let is_percentile =
        percentile.is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()));
    is_percentile || AGGREGATORS.contains(&word)
}

const AGGREGATORS: [&str; 17] = [
    "avg",
    "count",
    "dev",
    "diff",
    "first",
    "last",
    "max",
    "median",
    "mimmax",
    "mimmin",
    "min",
    "mult",
    "none",
    "pfsum",
    "squareSum",
    "sum",
    "zimsum",
];

/// Those that take a series without a point as such, and draw no line to it.
const WITHOUT_LINES: [&str; 6] = ["none", "count", "mimmax", "mimmin", "pfsum", "zimsum"];

/// Fills in the variables of a query in OpenTSDB's own language.
fn own(asked: &Asked<'_>) -> Result<String, QueryError> {
    check_length(asked)?;
    let text = asked.query.as_str().trim();
    if !text.contains("$arm") && !text.contains("${arm}") {
        return Err(wrong(
            asked,
            "it does not say where the arm goes: both arms would be the same series",
            "write `$arm` between the braces, such as `sum:1m-sum:errors{$arm}`",
        ));
    }
    let value = |name: &str| match name {
        "arm" => arm_filters(asked.arm),
        "step" => Ok(format!("{}s", asked.step.seconds())),
        "window" => Ok(format!("{}s", window_seconds(asked))),
        // A regular expression may end with it.
        "" => Ok("$".to_owned()),
        other => Err(unknown(
            other,
            "`$arm` (the filters of an arm), `$step` (the length of a step) and `$window` (the length \
             of the judged time)",
        )),
    };
    filled(text, &GRAMMAR, value).map_err(|(reason, hint)| wrong(asked, &reason, &hint))
}

/// Says which arm, in filters.
fn arm_filters(arm: &LabelSelector) -> Result<String, Wrong> {
    let filter = |(tag, value): (&String, &String)| match value.as_str() {
        _ if !tag.chars().all(is_of_a_name) || !value.chars().all(is_of_a_name) => Err((
            format!(
                "`{}={}`, an arm's label, is no tag of OpenTSDB",
                shown(tag, 40),
                shown(value, 80)
            ),
            "tell the arms apart by a tag of letters, digits and `-`, `_`, `.`, `/`".to_owned(),
        )),
        "" => Ok(format!("{tag}=not_key()")),
        value => Ok(format!("{tag}=literal_or({value})")),
    };
    Ok(arm.iter().map(filter).collect::<Result<Vec<String>, Wrong>>()?.join(","))
}

/// What a query in OpenTSDB's own language asks for.
struct Parts<'a> {
    aggregator: &'a str,
    rate: bool,
    downsampler: Option<Downsampler<'a>>,
}

/// Something like `5m-avg-zero`.
struct Downsampler<'a> {
    function: &'a str,
    fills: bool,
}

impl<'a> Parts<'a> {
    /// Reads `aggregator:…:metric{…}`, with whatever stands between.
    fn read(query: &'a str) -> Result<Self, Wrong> {
        let (head, tags) = query.split_at(metric_end(query));
        if tags.contains(':') {
            return Err((
                "OpenTSDB takes a colon between braces for the end of a part".to_owned(),
                "write `[\\x3a]` in a `regexp`, and `(…)` for `(?:…)`".to_owned(),
            ));
        }
        let mut parts = head.split(':');
        let aggregator = parts.next().unwrap_or_default().trim();
        let mut read = Self { aggregator, rate: false, downsampler: None };
        let parts: Vec<&str> = parts.collect();
        for part in &parts[..parts.len().saturating_sub(1)] {
            if part.starts_with("rate") {
                read.rate = true;
            } else if part.starts_with(|first: char| first.is_ascii_digit()) {
                read.downsampler = Some(Downsampler::read(part)?);
            }
        }
        Ok(read)
    }

    /// Returns whether the samples come as they are stored.
    fn is_raw(&self) -> bool {
        self.aggregator == "none" && !self.rate && self.downsampler.is_none()
    }

    fn counters(&self) -> CounterForm {
        let counts = self.downsampler.as_ref().is_some_and(|it| it.function == "count");
        if self.rate || counts { CounterForm::Increments } else { CounterForm::Unstated }
    }

    /// Returns what makes the values estimates.
    fn estimate(&self) -> Option<Notice> {
        if self.rate {
            return Some(loses_events("rate"));
        }
        let fills = self.downsampler.as_ref().is_some_and(|it| it.fills);
        (!WITHOUT_LINES.contains(&self.aggregator) && !fills).then(|| {
            Notice::Estimated(format!(
                "`{}` draws a straight line where a series has no point; write what stands there \
                 instead, as in `$step-sum-zero` or `$step-avg-nan`, or ask for the series with `none`",
                shown(self.aggregator, 40)
            ))
        })
    }
}

impl<'a> Downsampler<'a> {
    fn read(part: &'a str) -> Result<Self, Wrong> {
        let mut words = part.split('-');
        let interval = words.next().unwrap_or_default();
        let (Some(function), false) = (words.next(), interval.contains("all")) else {
            return Err((
                format!(
                    "`{}` makes one value of the whole time, or no downsampler",
                    shown(part, 40)
                ),
                "write an interval and a function, such as `$step-sum`".to_owned(),
            ));
        };
        Ok(Self { function, fills: words.next().is_some_and(|policy| policy != "none") })
    }
}

/// Returns where the metric's name ends: at its braces, which are not those of `rate{…}`.
fn metric_end(query: &str) -> usize {
    let mut depth = 0;
    let mut last_colon = 0;
    for (at, character) in query.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ':' if depth == 0 => last_colon = at,
            _ => {}
        }
    }
    query[last_colon..].find('{').map_or(query.len(), |at| last_colon + at)
}

/// An answer, or why there is none.
enum Body {
    Series(Vec<Entry>),
    Failure { error: Failure },
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Body, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Body::Series(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body, A::Error> {
        let failure = FailureBody::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Body::Failure { error: failure.error })
    }
}

#[derive(serde::Deserialize)]
struct FailureBody {
    error: Failure,
}

#[derive(serde::Deserialize)]
struct Failure {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Option<String>,
}

impl Failure {
    fn words(&self) -> String {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let words = match (said(&self.message), said(&self.details)) {
            // The details of a refused query are the whole query again.
            (Some(message), Some(details)) if details.len() <= 160 => {
                format!("{message}: {details}")
            }
            (Some(words), _) | (None, Some(words)) => words,
            (None, None) => "no reason given".to_owned(),
        };
        shown(&words, LONGEST_WORDS)
    }
}

/// In characters.
const LONGEST_WORDS: usize = 400;

/// One series, or what OpenTSDB has to say about how it found them.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    metric: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    dps: DataPoints,
    #[serde(default, deserialize_with = "list_or_null")]
    annotations: Vec<Annotation>,
    #[serde(default, deserialize_with = "list_or_null")]
    global_annotations: Vec<Annotation>,
    stats_summary: Option<IgnoredAny>,
}

/// What somebody noted at a moment.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Annotation {
    #[serde(default)]
    description: String,
    #[serde(default)]
    start_time: Option<Moment>,
}

impl Annotation {
    /// Returns what to pass on of a note that lies in the time that was asked for.
    fn notice(&self, points: Points) -> Option<Notice> {
        let time = self.start_time.as_ref()?.0;
        let (Points::Samples(from, to) | Points::Steps(from, to, _)) = points else { return None };
        let moment = jiff::Timestamp::from_millisecond(time.as_millis()).ok()?;
        let description = shown(&self.description, 200);
        (from <= time && time < to)
            .then(|| Notice::Said(format!("noted at {moment}: {description}")))
    }
}

/// The points of a series, as `{"time": value}` or `[[time, value]]`.
#[derive(Default)]
struct DataPoints(Vec<Point<f64>>);

impl<'de> Deserialize<'de> for DataPoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataPointsVisitor)
    }
}

struct DataPointsVisitor;

impl<'de> Visitor<'de> for DataPointsVisitor {
    type Value = DataPoints;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("points as a mapping or as pairs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DataPoints, A::Error> {
        let mut points = Vec::new();
        while let Some((Moment(time), Value(value))) = list.next_element()? {
            points.push(Point { time, value });
        }
        Ok(DataPoints(points))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DataPoints, A::Error> {
        let mut points = Vec::new();
        while let Some((Moment(time), Value(value))) = map.next_entry()? {
            points.push(Point { time, value });
        }
        Ok(DataPoints(points))
    }
}

/// A moment in milliseconds, or in seconds if it has ten digits or fewer, as OpenTSDB itself tells
/// them apart.
struct Moment(Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Value(number) = Value::deserialize(deserializer)?;
        let is_time = number.is_finite() && number.fract() == 0.0;
        if !is_time || number.abs() > LATEST_SECONDS * 1000.0 {
            return Err(D::Error::custom(format!("{number:e} is no time")));
        }
        let millis = if number.abs() < 1e10 { number * 1000.0 } else { number };
        Ok(Self(Timestamp::from_millis(millis as i64)))
    }
}
