//! A PromQL selector in parts, for stores that speak another language.
//!
//! What a store can tell apart goes into its query; the rest, a [`Remainder`], serin tells apart in
//! the answer. So a selector means the same everywhere, and a regular expression is PromQL's even
//! where the store has others.

use std::collections::BTreeMap;

use promql_parser::label::{MatchOp, Matcher};
use serin_model::CounterForm;

use crate::rows::shown;
use crate::selector::Selector;
use crate::source::{Asked, Notice, Plan, QueryError, Request};
use crate::template::{Grammar, Wrong, filled, unknown};

/// What a selector asks of one arm.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// The metric's name.
    pub(crate) metric: String,
    /// What the labels must be, those of the arm first.
    pub(crate) matches: Vec<Match>,
}

/// What one label must be.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    pub(crate) label: String,
    pub(crate) value: Matching,
    matcher: Matcher,
}

/// What the value of a label must be. A label that is not there is empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Matching {
    /// This, or not there if this is empty.
    Equal(String),
    /// Anything else.
    NotEqual(String),
    /// What the whole of a regular expression matches.
    Regex(String),
    /// What it does not match.
    NotRegex(String),
}

/// What of a query a store cannot tell apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remainder {
    matchers: Vec<Matcher>,
}

impl Remainder {
    /// Takes what the store cannot do.
    pub(crate) fn of<'a>(matches: impl Iterator<Item = &'a Match>) -> Self {
        Self { matchers: matches.map(|it| it.matcher.clone()).collect() }
    }

    /// Returns whether a series with these labels is asked for.
    pub(crate) fn holds_for(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matchers
            .iter()
            .all(|matcher| matcher.is_match(labels.get(&matcher.name).map_or("", String::as_str)))
    }
}

impl Selection {
    /// Reads a query as a selector of one arm.
    ///
    /// * `language`: what else might have been meant, for the hint.
    ///
    /// # Errors
    ///
    /// [`QueryError`] when the query is no selector, or names no metric.
    pub(crate) fn read(asked: &Asked<'_>, language: &str) -> Result<Self, QueryError> {
        let wrong = |(reason, hint): Wrong| wrong(asked, &reason, &hint);
        check_length(asked)?;
        let hint = format!(
            "write a metric's name, or a selector such as `http_requests_total{{code=~\"5..\", $arm}}`, \
             which serin translates, or {language}"
        );
        // Only to refuse variables that nobody fills in; the selector itself is read as it stands.
        filled(asked.query.as_str(), &GRAMMAR, |name| match name {
            "arm" => Ok(String::new()),
            other => Err(unknown(other, "`$arm` in a selector")),
        })
        .map_err(wrong)?;
        let selector =
            Selector::read(asked.query).map_err(|error| wrong((error.reason, hint.clone())))?;
        let is_named_twice = selector.matchers().any(|matcher| matcher.name == "__name__");
        let named = selector.metric().filter(|metric| !metric.is_empty() && !is_named_twice);
        let Some(metric) = named else {
            let reason = "it does not say which metric, letter for letter".to_owned();
            return Err(wrong((reason, hint)));
        };
        let arm = asked.arm.iter().map(|(label, value)| Match {
            label: label.clone(),
            value: Matching::Equal(value.clone()),
            matcher: Matcher::new(MatchOp::Equal, label, value),
        });
        let query = selector.matchers().map(|matcher| Match {
            label: matcher.name.clone(),
            value: match &matcher.op {
                MatchOp::Equal => Matching::Equal(matcher.value.clone()),
                MatchOp::NotEqual => Matching::NotEqual(matcher.value.clone()),
                MatchOp::Re(_) => Matching::Regex(matcher.value.clone()),
                MatchOp::NotRe(_) => Matching::NotRegex(matcher.value.clone()),
            },
            matcher: matcher.clone(),
        });
        Ok(Self { metric: metric.to_owned(), matches: arm.chain(query).collect() })
    }

    /// Makes a plan of requests for the samples of a selection.
    pub(crate) fn plan(&self, requests: Vec<Request>, remainder: Remainder) -> Plan {
        Plan { is_selector: true, remainder, ..raw(requests) }
    }
}

/// Makes a plan of requests for samples as the store has them, in its own language.
pub(crate) fn raw(requests: Vec<Request>) -> Plan {
    Plan {
        requests,
        counters: CounterForm::Cumulative,
        per_second: false,
        notices: Vec::new(),
        is_selector: false,
        begins_early: false,
        remainder: Remainder::default(),
    }
}

impl Match {
    /// Returns whether the label may be missing, or empty, which is the same.
    pub(crate) fn takes_absence(&self) -> bool {
        self.matcher.is_match("")
    }
}

/// Returns the plain text in a regular expression that every dialect reads alike, and that holds
/// nothing but letters, digits, the usual signs of names, and the simplest signs of regular
/// expressions.
pub(crate) fn is_read_alike(regex: &str) -> bool {
    let is_simple =
        |character: char| character.is_ascii_alphanumeric() || "_-/.|()*+?[] ".contains(character);
    regex.chars().all(is_simple) && !regex.contains("(?") && !regex.contains("[[")
}

/// Says of a function that subtracts neighbouring points what it loses.
pub(crate) fn loses_events(function: &str) -> Notice {
    Notice::Estimated(format!(
        "`{function}` knows nothing before the first point of a series, nor over a restart: its values \
         are no whole counts; ask for the counter itself"
    ))
}

/// Refuses what no parser should be given.
pub(crate) fn check_length(asked: &Asked<'_>) -> Result<(), QueryError> {
    if asked.query.as_str().len() <= LONGEST_QUERY {
        return Ok(());
    }
    Err(wrong(asked, "it is longer than 16 KiB", "select by fewer or shorter labels"))
}

/// Says what is wrong with a query.
pub(crate) fn wrong(asked: &Asked<'_>, reason: &str, hint: &str) -> QueryError {
    QueryError {
        query: shown(asked.query.as_str(), LONGEST_SHOWN),
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    }
}

/// Returns how long the window is, in seconds.
pub(crate) fn window_seconds(asked: &Asked<'_>) -> i64 {
    ((asked.window.end.as_millis() - asked.window.start.as_millis()) / 1000).max(1)
}

const GRAMMAR: Grammar = Grammar {
    quotes: &['"', '\''],
    raw_quotes: &['`'],
    comment: Some('#'),
    example: "write `$arm` between the braces, beside the other matchers, such as \
              `{job=\"checkout\", $arm}`; a `$` that is meant is `[$]` in a regular expression",
};

/// In bytes.
const LONGEST_QUERY: usize = 16 << 10;
/// In characters.
const LONGEST_SHOWN: usize = 200;
