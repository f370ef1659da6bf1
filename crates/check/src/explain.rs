//! The parser's errors in the words of a Check file, each with what to write instead.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location};
use serin_model::{FileError, Place};

use crate::closest::closest;
use crate::file::NO_CHECK;
use crate::source::SECRET_IN_FILE;

/// Makes an error about a place in a file, of a length that a person reads.
pub(crate) fn mistake(
    name: &str,
    text: &str,
    place: Option<Place>,
    problem: &str,
    hint: &str,
) -> FileError {
    FileError::new(name, text, place, &shortened(problem)).with_hint(&shortened(hint))
}

/// Cuts a text that somebody else wrote to a length that fits a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The longest problem, and the longest hint, in characters.
const LONGEST: usize = 400;

/// Returns the place of a value, where the parser knows it.
pub(crate) fn place_of(location: Location) -> Option<Place> {
    (location.line() > 0).then(|| Place { line: location.line(), column: location.column() })
}

/// Explains why a text is no Check file.
///
/// * `above`: how many lines the parser saw above the text.
pub(crate) fn explain(name: &str, text: &str, above: u64, error: &Error) -> FileError {
    let place = error.location().and_then(place_of);
    let place = place.map(|place| Place { line: place.line.saturating_sub(above).max(1), ..place });
    let at = At { text, place };
    let (problem, hint) = at.problem(error);
    let shown = if problem == SECRET_IN_FILE { "" } else { text };
    mistake(name, shown, place, &problem, &hint)
}

/// What stands where the parser stopped.
struct At<'a> {
    text: &'a str,
    place: Option<Place>,
}

impl At<'_> {
    /// Returns what is wrong, and what to write instead.
    fn problem(&self, error: &Error) -> (String, String) {
        match error {
            Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => {
                self.problem(error)
            }
            Error::Message { msg, .. } if msg == NO_CHECK => self.of_another_shape("mapping start"),
            // A value's own error ends in its hint.
            Error::Message { msg, .. } => match msg.rsplit_once('\n') {
                Some((problem, hint)) => (problem.to_owned(), hint.to_owned()),
                None => (msg.clone(), self.written_as("a value")),
            },
            Error::Eof { .. } => said("there is nothing in it", WHOLE_FILE),
            Error::Unexpected { expected, .. } => self.of_another_shape(expected),
            Error::NullIntoString { .. } => self.of_another_shape("string scalar"),
            Error::InvalidBooleanStrict { .. } => {
                let problem = format!("`{}` is neither `true` nor `false`", self.token());
                (problem, "write `true` or `false`".to_owned())
            }
            Error::InvalidScalar { ty, .. } => {
                let (wanted, range) = match *ty {
                    "u32" => ("a whole number", " from 0 to 4294967295"),
                    _ => ("a number", ""),
                };
                let problem = format!("`{}` is not {wanted}{range}", self.token());
                (problem, self.written_as(wanted))
            }
            Error::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected),
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                (format!("unknown value `{variant}`"), one_of(variant, expected))
            }
            Error::SerdeMissingField { field, .. } => {
                let example = example_of(field).map_or(format!("{field}: …"), str::to_owned);
                (format!("`{field}` is missing"), format!("add `{example}`"))
            }
            Error::DuplicateMappingKey { key, .. } => {
                let key = key.as_deref().unwrap_or("this key");
                (format!("`{key}` is written twice"), "keep one of the two".to_owned())
            }
            Error::MultipleDocuments { .. }
            | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => said(
                "a second document begins here",
                "a Check file is about one service; put the other one into a file of its own",
            ),
            Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
                said("this is nested too deeply", "a Check file is nested six levels deep at most")
            }
            Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::AliasReplayCounterOverflow { .. } => said(
                "the file is too large, or its aliases (`*name`) stand for too much",
                "write out what the aliases stand for, or split the file by service",
            ),
            Error::UnknownAnchor { .. } => said(
                "this alias stands for nothing above it",
                "put `&name` before the value it stands for, or quote the text if it is none",
            ),
            Error::MergeValueNotMapOrSeqOfMaps { .. } => {
                said("only a mapping can be merged", "write `<<: *name`, with `&name` at a mapping")
            }
            Error::UnsupportedTag { tag, .. } => {
                (format!("the tag `{tag}` means nothing here"), UNTAGGED.to_owned())
            }
            Error::TaggedScalarCannotDeserializeIntoString { .. }
            | Error::InvalidBinaryBase64 { .. }
            | Error::BinaryNotUtf8 { .. } => said("this tag does not belong here", UNTAGGED),
            Error::ExternalMessage { msg, .. } => syntax(msg),
            _ => {
                let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
                (without_place(&message).to_owned(), self.written_as("a value"))
            }
        }
    }

    fn of_another_shape(&self, expected: &str) -> (String, String) {
        let wanted = match expected {
            "mapping start" => "a mapping",
            "sequence start" => "a list",
            "string scalar" => "a single value",
            other => other,
        };
        let key = self.key();
        let problem = match (key, self.token()) {
            (Some(key), "") => format!("there is nothing after `{key}:`, where {wanted} belongs"),
            (Some(key), _) => format!("`{key}` is not {wanted}"),
            (None, _) => format!("this is not {wanted}"),
        };
        (problem, self.written_as(wanted))
    }

    /// Shows how the key at this place is written, or else what `wanted` looks like.
    fn written_as(&self, wanted: &str) -> String {
        match (self.key().and_then(example_of), wanted) {
            (Some(example), _) => format!("write something like `{example}`"),
            (None, "a mapping") => {
                "write `key: value` lines below the key, indented by two spaces".to_owned()
            }
            (None, wanted) => format!("write {wanted} here"),
        }
    }

    /// Returns the key whose value begins at the place, if it stands on the same line.
    fn key(&self) -> Option<&str> {
        let (before, after) = self.line()?;
        let before = before.trim_end();
        let colon = before.strip_suffix(':').or(after.starts_with(':').then_some(before))?;
        let start = colon.rfind([' ', '{', ',', '\t']).map_or(0, |end| end + 1);
        let key = colon[start..].trim_matches(['"', '\'']);
        (!key.is_empty() && key.len() <= LONGEST).then_some(key)
    }

    /// Returns the plain value that begins at the place; empty if there is none.
    fn token(&self) -> &str {
        let Some((_, after)) = self.line() else { return "" };
        let end = after.find([',', '}', ']', '#']).unwrap_or(after.len());
        let token = after[..end].trim();
        if token.starts_with(':') { "" } else { token }
    }

    /// Returns the line of the place, cut in two at its column.
    fn line(&self) -> Option<(&str, &str)> {
        let Place { line, column } = self.place?;
        let line = self.text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        let cut = line.char_indices().nth(column).map_or(line.len(), |(index, _)| index);
        Some(line.split_at(cut))
    }
}

fn said(problem: &str, hint: &str) -> (String, String) {
    (problem.to_owned(), hint.to_owned())
}

fn syntax(message: &str) -> (String, String) {
    let hint = match message {
        _ if message.contains("tab") => "indent with spaces",
        _ if message.contains("unclosed") => "close it",
        _ if message.contains("nest") || message.contains("recursion") => {
            "a Check file is nested six levels deep at most"
        }
        _ => {
            "indent by two spaces, and put a text that holds one of `: { } [ ] , # & * ! | > % @` \
             into single quotes"
        }
    };
    (message.to_owned(), hint.to_owned())
}

fn unknown_key(key: &str, expected: &[&'static str]) -> (String, String) {
    let problem = format!("unknown key `{key}`");
    let belongs = BELONGS.iter().find(|(name, _)| *name == key);
    let hint = match belongs {
        Some((_, whole)) if closest(key, expected).is_none() => format!("write `{whole}`"),
        _ => one_of(key, expected),
    };
    (problem, hint)
}

/// Says which name was meant, or which there are.
pub(crate) fn one_of(unknown: &str, known: &[&str]) -> String {
    match closest(unknown, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write one of: {}", known.join(", ")),
    }
}

/// The parser ends its messages with the place, which is shown otherwise.
fn without_place(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(end) => &message[..end],
        None => message,
    }
}

/// What a file says at least.
pub(crate) const WHOLE_FILE: &str = "write at least `service: checkout` and `checks: {memory: {gauge: \
                          process_resident_memory_bytes}}`; `docs/guide/check-file.md` shows more";

const UNTAGGED: &str = "leave the tag out, or quote the text if it belongs to it";

/// Returns how a key is written, with a value that makes sense.
pub(crate) fn example_of(key: &str) -> Option<&'static str> {
    let example = EXAMPLES.iter().find(|(name, _)| *name == key)?;
    Some(example.1)
}

/// Every key whose value is not just any text.
const EXAMPLES: &[(&str, &str)] = &[
    ("service", "service: checkout"),
    ("extends", "extends: ../team.yaml"),
    ("use", "use: [golden/http]"),
    ("scope", "scope: {service: $service}"),
    ("source", "source: {file: {path: recording.csv}}"),
    ("file", "file: {path: recording.csv}"),
    ("path", "path: recording.csv"),
    ("prometheus", "prometheus: {url: http://prometheus:9090}"),
    ("url", "url: http://prometheus:9090"),
    ("username", "username: reader"),
    ("password", "password: {env: PROMETHEUS_PASSWORD}"),
    ("token", "token: {env: PROMETHEUS_TOKEN}"),
    ("headers", "headers: {X-Scope-OrgID: team-a}"),
    ("tls", "tls: {authority: ca.pem, certificate: client.pem, key: client-key.pem}"),
    ("authority", "authority: ca.pem"),
    ("certificate", "certificate: client.pem"),
    ("key", "key: client-key.pem"),
    ("in_flight", "in_flight: 4"),
    ("timeout", "timeout: 30s"),
    ("retries", "retries: 3"),
    ("deadline", "deadline: 5m"),
    ("arms", "arms: {control: {track: stable}, canary: {track: canary}}"),
    ("control", "control: {track: stable}"),
    ("canary", "canary: {track: canary}"),
    ("share", "share: 5%"),
    ("for_each", "for_each: [service]"),
    ("replica", "replica: pod"),
    ("step", "step: 60s"),
    ("window", "window: {start: 2026-11-23T08:30:00Z, end: 2026-11-23T09:30:00Z}"),
    ("control_window", "control_window: {start: 2026-11-23T07:30:00Z, end: 2026-11-23T08:30:00Z}"),
    ("start", "start: 2026-11-23T08:30:00Z"),
    ("end", "end: 2026-11-23T09:30:00Z"),
    ("horizon", "horizon: 60m"),
    ("warm_up", "warm_up: 2m"),
    ("history", "history: 6h"),
    ("minimum_time", "minimum_time: 5m"),
    ("score", "score: {pass: 75, marginal: 50}"),
    ("pass", "pass: 75"),
    ("marginal", "marginal: 50"),
    ("weights", "weights: {errors: 60, latency: 40}"),
    ("weight", "weight: 40"),
    ("checks", "checks: {memory: {gauge: process_resident_memory_bytes}}"),
    ("ratio", "ratio: {bad: http_errors_total, total: http_requests_total}"),
    ("bad", "bad: http_errors_total"),
    ("total", "total: http_requests_total"),
    ("histogram", "histogram: http_request_duration_seconds_bucket"),
    ("count", "count: {events: jobs_total}"),
    ("events", "events: jobs_total"),
    ("gauge", "gauge: process_resident_memory_bytes"),
    ("quantile", "quantile: http_request_duration_p99"),
    ("compare", "compare: {tolerance: 25%}"),
    ("tolerance", "tolerance: 25%"),
    ("unacceptable", "unacceptable: 50%"),
    ("limit", "limit: {above: 1%, for: 3}"),
    ("for", "for: 3"),
    ("minimum_events", "minimum_events: 20"),
    ("minimum_points", "minimum_points: 50"),
    ("groups", "groups: [errors]"),
    ("interval", "interval: 10m"),
    ("effect_size", "effect_size: {allowed_increase: 1.1}"),
    ("allowed_increase", "allowed_increase: 1.1"),
    ("allowed_decrease", "allowed_decrease: 0.9"),
    ("critical_increase", "critical_increase: 1.5"),
    ("critical_decrease", "critical_decrease: 0.5"),
    ("remove_outliers_beyond", "remove_outliers_beyond: 3"),
];

/// Keys that stand somewhere else, and Kayenta's words for them.
const BELONGS: &[(&str, &str)] = &[
    ("tolerance", "compare: {tolerance: 25%}"),
    ("unacceptable", "compare: {unacceptable: 50%}"),
    ("floor", "compare: {floor: 0.05pp}"),
    ("above", "limit: {above: 1%}"),
    ("below", "limit: {below: 99%}"),
    ("for", "limit: {above: 1%, for: 3}"),
    ("pass", "score: {pass: 75}"),
    ("marginal", "score: {marginal: 50}"),
    ("weights", "score: {weights: {errors: 60, latency: 40}}"),
    ("path", "file: {path: recording.csv}"),
    ("counters", "source: {file: {path: recording.csv, counters: cumulative}}"),
    ("nan_strategy", "kayenta: {nan_strategy: replace}"),
    ("effect_size", "kayenta: {effect_size: {allowed_increase: 1.1}}"),
    ("must_have_data", "kayenta: {must_have_data: true}"),
    ("remove_outliers_beyond", "kayenta: {remove_outliers_beyond: 3}"),
    ("direction", "worse: higher"),
    ("baseline", "control: {track: stable}"),
    ("experiment", "canary: {track: canary}"),
];
