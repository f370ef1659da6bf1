//! Which series of a recording a query means.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr};
use serin_model::{LabelSelector, Query};

use crate::collect::Side;
use crate::rows::shown;

/// A query: a metric's name and label matchers, as PromQL writes them.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    metric: Option<String>,
    matchers: Vec<Matcher>,
}

impl Selector {
    /// Reads a query. Whether or not it says `$arm`, it is asked for one arm at a time.
    pub(crate) fn read(query: &Query) -> Result<Self, SelectorError> {
        let text = query.as_str();
        let wrong = |reason: String| SelectorError { query: shown(text, LONGEST_QUERY), reason };
        if text.len() > LONGEST_QUERY_READ || text.matches(['(', '-', '+']).count() > MOST_OPERATORS
        {
            return Err(wrong("it is longer, or nested deeper, than any selector".to_owned()));
        }
        let expression = parser::parse(&text.replace("${arm}", ANYTHING).replace("$arm", ANYTHING))
            .map_err(|error| {
                let reason = error.lines().next().unwrap_or_default();
                wrong(format!("it is not PromQL ({})", shown(reason, LONGEST_QUERY)))
            })?;
        let Expr::VectorSelector(selector) = expression else {
            return Err(wrong(
                "it computes in PromQL, which only Prometheus and its relatives do".to_owned(),
            ));
        };
        if selector.offset.is_some() || selector.at.is_some() {
            return Err(wrong(
                "only Prometheus and its relatives know `offset` and `@`".to_owned(),
            ));
        }
        if !selector.matchers.or_matchers.is_empty() {
            return Err(wrong("matchers joined by `or` are not read".to_owned()));
        }
        let mut metric = selector.name;
        let mut matchers = Vec::new();
        for matcher in selector.matchers.matchers {
            if matcher.name == "__name__" && matcher.op == MatchOp::Equal {
                metric = Some(matcher.value);
            } else {
                matchers.push(matcher);
            }
        }
        Ok(Self { metric, matchers })
    }

    /// Returns the metric's name, where the query gives it literally.
    pub(crate) fn metric(&self) -> Option<&str> {
        self.metric.as_deref()
    }

    /// Returns what the labels must be, but for the metric's name given literally.
    pub(crate) fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        self.matchers.iter().filter(|matcher| matcher.name != "__arm__")
    }

    /// Returns the labels that a series must have in order to be meant.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let needed = self.matchers.iter().filter(|matcher| !matcher.is_match(""));
        needed.map(|matcher| matcher.name.as_str()).filter(|name| *name != "__arm__")
    }

    /// Returns all labels that the query speaks of.
    pub(crate) fn matched_labels(&self) -> impl Iterator<Item = &str> {
        self.matchers.iter().map(|matcher| matcher.name.as_str())
    }

    /// Returns whether a series is meant. Without a name of its own a series has the one that is
    /// asked for; a label that it lacks is empty, as in PromQL.
    pub(crate) fn matches(&self, metric: Option<&str>, labels: &[(&str, &str)]) -> bool {
        let named = match (metric, &self.metric) {
            (Some(metric), Some(wanted)) => metric == wanted,
            (Some(_) | None, None) | (None, Some(_)) => true,
        };
        named
            && self.matchers.iter().all(|matcher| match matcher.name.as_str() {
                "__name__" => metric.is_none_or(|metric| matcher.is_match(metric)),
                name => matcher.is_match(value_of(labels, name)),
            })
    }
}

/// Returns whether a series belongs to an arm. One that has none of the labels that tell the arms
/// apart may name its arm outright.
pub(crate) fn is_on_side(side: Side, arm: &LabelSelector, labels: &[(&str, &str)]) -> bool {
    let named = value_of(labels, "arm");
    if !named.is_empty() && arm.keys().all(|name| value_of(labels, name).is_empty()) {
        return named == side.as_str();
    }
    arm.iter().all(|(name, value)| value_of(labels, name) == value)
}

fn value_of<'a>(labels: &[(&'a str, &'a str)], name: &str) -> &'a str {
    labels.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
}

/// The parser calls itself for every bracket and sign; a regular expression may hold a few.
const MOST_OPERATORS: usize = 100;
const LONGEST_QUERY_READ: usize = 4096;

/// A matcher that holds for every series: none has such a label.
const ANYTHING: &str = "__arm__!=\"$arm\"";

/// In characters.
const LONGEST_QUERY: usize = 200;

/// A query that is not a selector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the query `{query}` cannot be read from a recording: {reason}\n\nhint: write a metric's name, or \
     a selector such as `http_requests_total{{code=~\"5..\", $arm}}`; a name with other characters \
     is `{{__name__=\"Error rate\"}}`"
)]
pub struct SelectorError {
    /// The query as written.
    pub query: String,
    /// Why it cannot be read.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::{Query, Selector, Side, is_on_side};
    use serin_model::LabelSelector;

    fn selector(query: &str) -> Result<Selector, super::SelectorError> {
        Selector::read(&Query::new(query).unwrap())
    }

    #[test]
    fn a_query_means_the_same_with_and_without_the_arm() {
        for query in ["up", "up{$arm}", "up{job=\"a\", $arm}", "{__name__=\"up\"}"] {
            let selector = selector(query).unwrap();
            let labels = [("job", "a"), ("track", "canary"), ("arm", "canary")];
            assert!(selector.matches(Some("up"), &labels), "{query}");
            assert!(selector.matches(None, &labels), "{query}");
            assert!(!selector.matches(Some("down"), &labels), "{query}");
        }
    }

    #[test]
    fn a_series_is_on_the_side_its_labels_say() {
        let arm = LabelSelector::from([("track".to_owned(), "can\"ary".to_owned())]);
        let is_canary = |labels: &[(&str, &str)]| is_on_side(Side::Canary, &arm, labels);
        assert!(is_canary(&[("job", "a"), ("track", "can\"ary")]));
        assert!(!is_canary(&[("job", "a"), ("track", "stable")]));
        assert!(!is_canary(&[]));
    }

    #[test]
    fn a_series_without_the_labels_may_name_its_arm() {
        let arm = LabelSelector::from([("track".to_owned(), "canary".to_owned())]);
        let is_canary = |labels: &[(&str, &str)]| is_on_side(Side::Canary, &arm, labels);
        assert!(is_canary(&[("arm", "canary")]));
        assert!(!is_canary(&[("arm", "control")]));
        assert!(!is_canary(&[("arm", "canary"), ("track", "stable")]));
    }

    #[test]
    fn an_arm_may_be_what_lacks_a_label() {
        let arm = LabelSelector::from([("track".to_owned(), String::new())]);
        assert!(is_on_side(Side::Control, &arm, &[("job", "a")]));
        assert!(!is_on_side(Side::Control, &arm, &[("track", "canary")]));
    }

    #[test]
    fn regular_expressions_are_anchored() {
        let selector = selector("up{code=~\"5..\"}").unwrap();
        assert!(selector.matches(Some("up"), &[("code", "503")]));
        assert!(!selector.matches(Some("up"), &[("code", "1503")]));
        assert!(!selector.matches(Some("up"), &[("code", "5030")]));
    }

    #[test]
    fn a_missing_label_is_empty() {
        assert!(selector("up{code=\"\"}").unwrap().matches(Some("up"), &[]));
        assert!(selector("up{code!=\"5\"}").unwrap().matches(Some("up"), &[]));
    }

    #[test]
    fn what_computes_is_refused_with_what_to_write() {
        insta::assert_snapshot!(selector("rate(up[5m])").unwrap_err(), @r#"
        the query `rate(up[5m])` cannot be read from a recording: it computes in PromQL, which only Prometheus and its relatives do

        hint: write a metric's name, or a selector such as `http_requests_total{code=~"5..", $arm}`; a name with other characters is `{__name__="Error rate"}`
        "#);
        let hostile = format!("\u{1b}[31m{}", "x".repeat(100_000));
        let error = selector(&hostile).unwrap_err().to_string();
        assert!(error.len() < 1000 && !error.contains('\u{1b}'), "{error}");
        assert!(selector("Error rate").is_err());
        assert!(selector("up offset 5m").is_err());
    }
}
