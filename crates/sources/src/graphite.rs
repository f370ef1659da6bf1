//! Graphite 1.1 and later, by `GET /render?format=json`.
//!
//! ```yaml
//! source: {graphite: {url: http://graphite:8080}}
//! ```
//!
//! serin's tests ask graphite-web 1.1.8 over carbon and Whisper 1.1.7, where they are installed: the
//! same canaries as Prometheus, with the same verdicts, figure for figure, where each scrape has a slot
//! of its own.
//!
//! ## Selectors
//!
//! The selector of a Check file works on [tagged series](https://graphite.readthedocs.io/en/latest/tags.html):
//! the metric is the tag `name`, and a label is a tag. `http_requests_total{code=~"5..", $arm}` is asked
//! for as
//!
//! ```text
//! seriesByTag('name=http_requests_total','track=canary','code=~^(5..)$')
//! ```
//!
//! Counters are running totals, and serin counts: whole, aware of restarts, and a series that is born
//! in the judged time counts from zero. What they stood at is read from the hour before.
//!
//! A name that is no identifier is `{__name__="http.requests", $arm}`.
//!
//! `=` and `!=` are sent, and so are regular expressions of letters, digits, spaces,
//! `_ - / .` and <code>| ( ) * + ? [ ]</code>. For any other, and for values with quotation marks,
//! backslashes or control characters, serin asks for more series and leaves out those that do not match,
//! by PromQL's rules. A tag that is missing is empty, to Graphite too.
//!
//! ## Paths
//!
//! In a dotted path `$name` stands for a node: that of the arm, if an arm is told by the label `name`,
//! and otherwise any, which becomes the label `name` of the series.
//!
//! ```yaml
//! arms: {control: {track: stable}, canary: {track: canary}}
//! replica: pod
//! checks:
//!   errors:
//!     ratio:
//!       bad: shop.$track.$pod.requests.error
//!       total: shop.$track.$pod.requests.all
//! ```
//!
//! ```text
//! aliasSub(shop.canary.*.requests.error,'^shop\.([^.]+)\.([^.]+)\.requests\.error$',
//!   'shop.requests.error;track=\1;pod=\2')
//! ```
//!
//! Nodes with `*`, `?`, `[…]` or `{…}` become labels, too: `node2` is the third. A path is asked for
//! raw, as a selector is. The arms' values must be made of letters, digits and `_ - : @ % # + ~`.
//!
//! ## Functions
//!
//! | form | what is judged |
//! | --- | --- |
//! | a selector, a path | in `ratio`, `count` and `histogram` running totals; in `gauge` and `quantile` the mean of each step |
//! | functions | what Graphite computes for each of its slots. In `ratio` and `count` it is taken for what happened in that slot. Slots shorter than the `step` are gathered in it, and `other_step` says so; `summarize(…, $step, 'sum')` around it does that in Graphite |
//! | `perSecond` | a rate per second, never beside counts: `approximate_query` |
//! | `nonNegativeDerivative`, `derivative` | increments, without the first of a series and those over a restart: `approximate_query` |
//! | `movingAverage(…, '5min')` and its like | `overlapping_windows` |
//!
//! Counts that are stored as such, slot by slot (StatsD's), are no running totals. Write them as
//! `sumSeries(seriesByTag('name=requests.count', $arm))`, or with paths as
//! `sumSeries(stats.$track.*.requests)`.
//!
//! | variable | becomes |
//! | --- | --- |
//! | `$arm` | `'track=canary'`, one for each label of the arm, with commas: for `seriesByTag` |
//! | `$track` | the value of the arm's label `track`, as a node of a path |
//! | `$step`, `$window` | `'60s'`, `'1800s'`, with quotes |
//!
//! A query must say `$arm`, or each label of the arm.
//!
//! ## Know
//!
//! * Graphite has regular slots. One that nobody wrote into is `null`, which is left out: there is
//!   nothing, and nothing is drawn through it.
//! * The slots should be as long as the scrape interval. Two scrapes in one slot leave the later; a
//!   longer slot than the `step` leaves steps without a point, and `other_step` says so.
//! * What is older than the finest archive has been averaged, counters too: judge younger data.
//! * NaN is written as `null`.
//! * Graphite answers an expression that it cannot parse with an empty list. serin refuses unbalanced
//!   brackets and PromQL's braces itself; "has no point of any check" may still mean a mistyped
//!   function's argument.
//! * A new tagged series is found some seconds after its first point, when carbon has registered it.
//!
//! Source: <https://graphite.readthedocs.io/en/latest/render_api.html>,
//! <https://graphite.readthedocs.io/en/latest/functions.html>.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use serin_model::{CounterForm, Point, Timestamp, Window};

use crate::rows::shown;
use crate::selection::{
    Match, Matching, Remainder, Selection, check_length, is_read_alike, loses_events, raw,
    window_seconds, wrong,
};
use crate::source::{
    Answer, AnswerError, Asked, Notice, Plan, Points, Quantity, QueryError, Request, Source,
    StoreSeries,
};
use crate::template::{Grammar, Piece, Wrong, filled, outside_quotes, pieces, unknown};
use crate::time_asked::{RAW_CHUNK, chunks, looked_back_from, step_chunks};
use crate::wire::{Seconds, json};

/// Graphite 1.1 and later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Graphite;

impl Source for Graphite {
    fn name(&self) -> &'static str {
        "graphite"
    }

    fn about(&self) -> &'static str {
        "Graphite 1.1 and later, by its render API: tags, paths and functions"
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        let refused = |(reason, hint): Wrong| wrong(asked, &reason, &hint);
        match language(asked.query.as_str()) {
            Language::Selector => {
                let hint = "a path such as `shop.$track.*.requests`, or functions of Graphite";
                let selection = Selection::read(asked, hint)?;
                let (target, remainder) = translated(&selection);
                Ok(selection.plan(samples(asked, &target), remainder))
            }
            Language::Path => {
                check_length(asked)?;
                let target = path(asked).map_err(refused)?;
                Ok(raw(samples(asked, &target)))
            }
            Language::Functions => {
                check_length(asked)?;
                let target = functions(asked).map_err(refused)?;
                let shape = Shape::of(asked);
                Ok(Plan {
                    requests: steps(asked, &target),
                    counters: shape.counters(),
                    per_second: shape.per_second(),
                    notices: shape.notices(asked),
                    is_selector: false,
                    begins_early: false,
                    remainder: Remainder::default(),
                })
            }
        }
    }

    fn probe(&self) -> Request {
        let (from, to) = (Timestamp::from_seconds(0), Timestamp::from_seconds(60));
        request("constantLine(1)", from, to, Points::Samples(from, to))
    }

    /// Graphite keeps no record of what it watches.
    fn watched_before(&self, _: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        let entries: Vec<Entry<'_>> = json(body, EXPECTED)?;
        let mut answer = Answer::default();
        for entry in entries {
            answer.series.extend(entry.series(request.points)?);
        }
        Ok(answer)
    }

    /// Graphite says what is wrong as text, or as a page of its framework.
    fn words(&self, body: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(body).ok()?.trim();
        (!text.is_empty() && !text.starts_with(['<', '{', '['])).then(|| shown(text, LONGEST_WORDS))
    }
}

const EXPECTED: &str = "the JSON of Graphite's render API";

/// In characters.
const LONGEST_WORDS: usize = 400;

/// As many points of a series as Prometheus computes at once.
const MOST_POINTS: i64 = 11_000;

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: EXPECTED, found }
}

/// Asks for a stretch of time, without its end. Graphite leaves out the second that it begins with,
/// and goes up to the one that it ends with.
fn request(target: &str, from: Timestamp, to: Timestamp, points: Points) -> Request {
    let second_before = |time: Timestamp| (time.as_millis() - 1).div_euclid(1000);
    let parameters = vec![
        ("target", target.to_owned()),
        ("from", second_before(from).to_string()),
        ("until", second_before(to).to_string()),
        ("format", "json".to_owned()),
    ];
    Request { path: "/render".to_owned(), parameters, points, body: None }
}

/// Asks for the samples themselves, and for what counters stood at before them.
fn samples(asked: &Asked<'_>, target: &str) -> Vec<Request> {
    let Window { start, end } = asked.window;
    let mut requests = Vec::new();
    if asked.quantity != Quantity::Level {
        requests.push(request(target, looked_back_from(start), start, Points::LastBefore(start)));
    }
    for (from, to) in chunks(start, end, RAW_CHUNK) {
        requests.push(request(target, from, to, Points::Samples(from, to)));
    }
    requests
}

/// Asks for what the store computes.
fn steps(asked: &Asked<'_>, target: &str) -> Vec<Request> {
    let step = asked.step.seconds();
    let request = |(from, to)| request(target, from, to, Points::Steps(from, to, step));
    step_chunks(asked, MOST_POINTS).map(request).collect()
}

/// What a query is written in.
enum Language {
    /// A selector of PromQL.
    Selector,
    /// Nodes between dots.
    Path,
    /// What Graphite computes.
    Functions,
}

fn language(query: &str) -> Language {
    let outside = outside_quotes(query, &GRAMMAR);
    let before_braces = outside.split('{').next().unwrap_or_default();
    if outside.contains('(') {
        Language::Functions
    } else if before_braces.contains(['.', '*', '?', '[']) {
        Language::Path
    } else {
        Language::Selector
    }
}

/// Says a selection by tags, as far as Graphite can tell them apart, and returns what is left.
fn translated(selection: &Selection) -> (String, Remainder) {
    let mut terms = vec![expression("name", "=", &selection.metric)];
    let mut rest = Vec::new();
    if terms[0].is_none() {
        // A name that cannot be quoted is looked for by a sign in the place of each odd one.
        terms = vec![Some(format!("'name=~^{}$'", with_signs(&selection.metric)))];
    }
    for it in &selection.matches {
        let term = term(it);
        if term.is_none() {
            rest.push(it);
        }
        terms.push(term);
    }
    let terms: Vec<String> = terms.into_iter().flatten().collect();
    (format!("seriesByTag({})", terms.join(",")), Remainder::of(rest.into_iter()))
}

/// Says what a tag must be.
fn term(match_: &Match) -> Option<String> {
    let tag = match_.label.as_str();
    match &match_.value {
        Matching::Equal(value) => expression(tag, "=", value),
        Matching::NotEqual(value) => expression(tag, "!=", value),
        // Graphite searches from the beginning where PromQL matches to the end as well.
        Matching::Regex(regex) if is_read_alike(regex) => {
            expression(tag, "=~", &format!("^({regex})$"))
        }
        Matching::NotRegex(regex) if is_read_alike(regex) => {
            expression(tag, "!=~", &format!("^({regex})$"))
        }
        Matching::Regex(_) | Matching::NotRegex(_) => None,
    }
}

/// Quotes a term, if nothing in it ends the quotation: Graphite has no word for a quotation mark
/// between quotes.
fn expression(tag: &str, sign: &str, value: &str) -> Option<String> {
    let ends = |it: char| matches!(it, '\'' | '"' | '\\') || it.is_control();
    let begins_as_a_sign = value.starts_with(['~', '=']);
    (!tag.contains(ends) && !value.contains(ends) && !begins_as_a_sign)
        .then(|| format!("'{tag}{sign}{value}'"))
}

/// Writes a regular expression of a text in which anything but letters and digits may be anything.
fn with_signs(text: &str) -> String {
    text.chars().map(|it| if it.is_alphanumeric() || it == '_' { it } else { '.' }).collect()
}

const GRAMMAR: Grammar = Grammar {
    quotes: &['"', '\''],
    raw_quotes: &[],
    comment: None,
    example: "write `$arm` beside the other expressions, such as `seriesByTag('name=requests', $arm)`, \
              and `$track` between the dots of a path",
};

const VARIABLES: &str = "`$arm` (the tags of an arm), `$step`, `$window`, and in a path each label as a \
                         node, such as `$track`";

fn is_of_a_node(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-:@%#+~".contains(character)
}

/// Returns a value that can stand between the dots of a path.
fn node(name: &str, value: &str) -> Result<String, Wrong> {
    if !value.is_empty() && value.chars().all(is_of_a_node) {
        return Ok(value.to_owned());
    }
    Err((
        format!("`{}={}`, an arm's label, is no node of a path", shown(name, 40), shown(value, 80)),
        "tell the arms apart by a node of letters, digits and `_`, `-`, `:`, `@`, `%`, `#`, `+`, `~`, \
         or by tags"
            .to_owned(),
    ))
}

/// Fills in the arm between the dots of a path, and has Graphite name the series by its nodes.
fn path(asked: &Asked<'_>) -> Result<String, Wrong> {
    let text = asked.query.as_str().trim();
    let (mut path, mut regex) = (Vec::new(), Vec::new());
    let (mut names, mut labels) = (Vec::new(), Vec::new());
    let mut said = BTreeSet::new();
    for (index, written) in text.split('.').enumerate() {
        let (mut node_path, mut node_regex, mut is_plain) = (String::new(), String::new(), true);
        for piece in pieces(written, &GRAMMAR)? {
            match piece {
                Piece::Text(text) if text.contains(['*', '?', '[', ']', '{', '}', ',']) => {
                    (is_plain, node_path) = (false, node_path + text);
                    labels.push(format!("node{index}"));
                    node_regex.push_str("([^.]+)");
                }
                Piece::Text("") => {}
                Piece::Text(text) => {
                    if !text.chars().all(is_of_a_node) {
                        return Err((
                            format!("`{}` is no part of a path", shown(text, 80)),
                            "write letters, digits and `_`, `-`, `:`, `@`, `%`, `#`, `+`, `~` between \
                             the dots, or use `{__name__=\"…\", $arm}` for a name with others"
                                .to_owned(),
                        ));
                    }
                    node_path.push_str(text);
                    node_regex.push_str(&with_signs(text));
                }
                Piece::Variable("arm" | "step" | "window" | "") => {
                    return Err((
                        "a path has no place for `$arm`, `$step` or `$window`".to_owned(),
                        "write each label of the arm in the place of its node, such as \
                         `shop.$track.*.requests`"
                            .to_owned(),
                    ));
                }
                Piece::Variable(name) => {
                    is_plain = false;
                    node_path.push_str(&match asked.arm.get(name) {
                        Some(value) => node(name, value)?,
                        None => "*".to_owned(),
                    });
                    if !said.insert(name.to_owned()) {
                        return Err((
                            format!("`${}` stands for two nodes", shown(name, 40)),
                            "write `*` for one of them".to_owned(),
                        ));
                    }
                    labels.push(name.to_owned());
                    node_regex.push_str("([^.]+)");
                }
            }
        }
        if is_plain {
            names.push(node_path.clone());
        }
        path.push(node_path);
        regex.push(node_regex);
    }
    refuse_unsaid(asked, &said)?;
    let mut name = names.join(".");
    for (label, number) in labels.iter().zip(1..) {
        name += &format!(";{label}=\\{number}");
    }
    Ok(format!("aliasSub({},'^{}$','{name}')", path.join("."), regex.join("\\.")))
}

/// Both arms would be the same series without the labels that tell them apart.
fn refuse_unsaid(asked: &Asked<'_>, said: &BTreeSet<String>) -> Result<(), Wrong> {
    match asked.arm.keys().find(|name| !said.contains(*name)) {
        None => Ok(()),
        Some(name) => Err((
            format!("it does not say where `{}`, a label of the arm, goes", shown(name, 40)),
            format!(
                "write `${}` in the place of its node, or `$arm` in `seriesByTag('name=requests', $arm)`",
                shown(name, 40)
            ),
        )),
    }
}

/// Fills in the variables of functions.
fn functions(asked: &Asked<'_>) -> Result<String, Wrong> {
    let text = asked.query.as_str().trim();
    let outside = outside_quotes(text, &GRAMMAR);
    let count = |sign: char| outside.matches(sign).count();
    if count('(') != count(')') || count('{') != count('}') || has_open_quote(text) {
        return Err((
            "its brackets or quotation marks do not pair".to_owned(),
            "pair them; Graphite would answer with nothing".to_owned(),
        ));
    }
    let braces = outside.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    if braces.into_iter().any(|between| between.contains(['=', '$'])) {
        return Err((
            "it computes in PromQL, which only Prometheus and its relatives do".to_owned(),
            "write functions of Graphite over `seriesByTag('name=requests', $arm)`, or a selector alone"
                .to_owned(),
        ));
    }
    let said = RefCell::new(BTreeSet::new());
    let query = filled(text, &GRAMMAR, |name| match name {
        "arm" => {
            said.borrow_mut().extend(asked.arm.keys().cloned());
            let tag = |(name, value): (&String, &String)| {
                expression(name, "=", value).ok_or_else(|| {
                    (
                        format!(
                            "`{}={}`, an arm's label, cannot be quoted",
                            shown(name, 40),
                            shown(value, 80)
                        ),
                        "tell the arms apart by values without quotation marks and backslashes"
                            .to_owned(),
                    )
                })
            };
            Ok(asked.arm.iter().map(tag).collect::<Result<Vec<String>, Wrong>>()?.join(","))
        }
        "step" => Ok(format!("'{}s'", asked.step.seconds())),
        "window" => Ok(format!("'{}s'", window_seconds(asked))),
        name => match asked.arm.get(name) {
            Some(value) => {
                said.borrow_mut().insert(name.to_owned());
                node(name, value)
            }
            None => Err(unknown(name, VARIABLES)),
        },
    })?;
    refuse_unsaid(asked, &said.into_inner())?;
    Ok(query)
}

/// Returns whether a quotation does not end.
fn has_open_quote(text: &str) -> bool {
    let mut open = None;
    for character in text.chars() {
        match open {
            None if matches!(character, '"' | '\'') => open = Some(character),
            Some(quote) if character == quote => open = None,
            None | Some(_) => {}
        }
    }
    open.is_some()
}

/// What a query computes, as far as serin must know.
struct Shape<'a> {
    query: &'a str,
}

impl<'a> Shape<'a> {
    fn of(asked: &Asked<'a>) -> Self {
        Self { query: asked.query.as_str() }
    }

    /// Returns what stands behind the name and the bracket of a function.
    fn call(&self, name: &str) -> Option<&'a str> {
        let mut found = self.query.match_indices(name);
        found.find_map(|(at, _)| {
            let before = self.query[..at].chars().next_back();
            let is_whole = !before.is_some_and(|it| it.is_ascii_alphanumeric() || it == '_');
            let rest = self.query[at + name.len()..].trim_start();
            rest.strip_prefix('(').filter(|_| is_whole)
        })
    }

    fn first_of(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.call(name).is_some())
    }

    fn per_second(&self) -> bool {
        self.first_of(&PER_SECOND).is_some()
    }

    fn counters(&self) -> CounterForm {
        match self.first_of(&PER_SECOND).or(self.first_of(&DIFFERENCES)) {
            Some(_) => CounterForm::Increments,
            None => CounterForm::Unstated,
        }
    }

    fn notices(&self, asked: &Asked<'_>) -> Vec<Notice> {
        let step = asked.step.seconds();
        let loss = self.first_of(&PER_SECOND).or(self.first_of(&DIFFERENCES)).map(loses_events);
        let overlap = MOVING.iter().filter_map(|name| self.call(name)).find_map(|arguments| {
            let quoted = arguments.split(['\'', '"']).skip(1).step_by(2);
            let seconds = quoted.filter_map(duration_seconds).max()?;
            (seconds > u64::from(step)).then_some(Notice::Overlapping(seconds, step))
        });
        loss.into_iter().chain(overlap).collect()
    }
}

/// The functions that divide by time.
const PER_SECOND: [&str; 2] = ["perSecond", "scaleToSeconds"];

/// The functions that subtract.
const DIFFERENCES: [&str; 2] = ["nonNegativeDerivative", "derivative"];

/// The functions that look back from every slot.
const MOVING: [&str; 7] = [
    "movingAverage",
    "movingMax",
    "movingMedian",
    "movingMin",
    "movingSum",
    "movingWindow",
    "exponentialMovingAverage",
];

/// Reads a length such as `5min`.
fn duration_seconds(text: &str) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// One series.
#[derive(serde::Deserialize)]
struct Entry<'a> {
    target: String,
    /// Values may be text where somebody tagged with a number.
    #[serde(default)]
    tags: BTreeMap<String, serde_json::Value>,
    #[serde(borrow)]
    datapoints: Vec<Slot<'a>>,
}

/// A value as it is written, and its moment. Graphite writes infinity as a number that is too large
/// for most readers.
#[derive(serde::Deserialize)]
struct Slot<'a>(#[serde(borrow)] &'a RawValue, Seconds);

impl Entry<'_> {
    /// Returns nothing of a series that nobody wrote into.
    fn series(self, points: Points) -> Result<Option<StoreSeries>, AnswerError> {
        let mut samples = Vec::new();
        for Slot(written, Seconds(time)) in &self.datapoints {
            let value = number(written.get())?;
            if !value.is_nan() {
                samples.push(Point { time: *time, value });
            }
        }
        if let Points::LastBefore(moment) = points {
            samples.retain(|point| point.time < moment);
            samples.sort_by_key(|point| point.time);
            samples = samples.pop().into_iter().collect();
        }
        if samples.is_empty() {
            return Ok(None);
        }
        let (metric, labels) = named(&self.target, self.tags);
        Ok(Some(StoreSeries { metric: Some(metric), labels, samples, histograms: Vec::new() }))
    }
}

/// Reads a value of a slot; null is nothing.
fn number(written: &str) -> Result<f64, AnswerError> {
    match written {
        "null" | "NaN" => Ok(f64::NAN),
        _ => {
            let unquoted = written.trim_matches('"');
            let wrong = |_| malformed(format!("`{}` is no number", shown(unquoted, 40)));
            unquoted.parse().map_err(wrong)
        }
    }
}

/// Returns the name and the labels of a series: those in its name, as `name;tag=value;tag=value`, or
/// else its tags.
fn named(
    target: &str,
    tags: BTreeMap<String, serde_json::Value>,
) -> (String, BTreeMap<String, String>) {
    let mut parts = target.split(';');
    let name = parts.next().unwrap_or_default();
    let pairs: Option<BTreeMap<String, String>> = parts
        .map(|part| part.split_once('=').map(|(tag, value)| (tag.to_owned(), value.to_owned())))
        .collect();
    // What a function made is called after its arguments.
    let is_stored = !name.contains('(');
    if let Some(mut labels) = pairs.filter(|pairs| is_stored && !pairs.is_empty()) {
        labels.retain(|_, value| !value.is_empty());
        return (name.to_owned(), labels);
    }
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let tags = tags.into_iter().map(|(tag, value)| (tag, text(value)));
    let labels = tags.filter(|(tag, value)| tag != "name" && !value.is_empty()).collect();
    (target.to_owned(), labels)
}
