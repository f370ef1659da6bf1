//! Which series of a recording a query means.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr};
use serin_model::{LabelSelector, Query};

use crate::collect::Side;

/// A query for one arm: a metric's name and label matchers, as PromQL writes them.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    metric: Option<String>,
    matchers: Vec<Matcher>,
    arm: LabelSelector,
    side: Side,
}

impl Selector {
    /// Reads a query for one side. Its labels hold whether or not the query says `$arm`.
    pub(crate) fn read(
        query: &Query,
        side: Side,
        arm: &LabelSelector,
    ) -> Result<Self, SelectorError> {
        let text = query.as_str();
        let wrong = |reason: String| SelectorError { query: text.to_owned(), reason };
        let expression = parser::parse(&text.replace("$arm", ANYTHING)).map_err(|error| {
            wrong(format!("it is not PromQL ({})", error.lines().next().unwrap_or_default()))
        })?;
        let Expr::VectorSelector(selector) = expression else {
            return Err(wrong(
                "a recording is read series by series, and this computes".to_owned(),
            ));
        };
        if selector.offset.is_some() || selector.at.is_some() {
            return Err(wrong("a recording knows no `offset` and no `@`".to_owned()));
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
        Ok(Self { metric, matchers, arm: arm.clone(), side })
    }

    /// Returns the metric's name, where the query gives it literally.
    pub(crate) fn metric(&self) -> Option<&str> {
        self.metric.as_deref()
    }

    /// Returns whether a series is meant. Without a name of its own a series has the one that is
    /// asked for; a label that it lacks is empty, as in PromQL.
    pub(crate) fn matches(&self, metric: Option<&str>, labels: &[(&str, &str)]) -> bool {
        let label = |name: &str| {
            let found = labels.iter().find(|(label, _)| *label == name);
            found.map_or("", |(_, value)| value)
        };
        let named = match (metric, &self.metric) {
            (Some(metric), Some(wanted)) => metric == wanted,
            (Some(_) | None, None) | (None, Some(_)) => true,
        };
        named
            && self.is_on_side(label)
            && self.matchers.iter().all(|matcher| match matcher.name.as_str() {
                "__name__" => metric.is_none_or(|metric| matcher.is_match(metric)),
                name => matcher.is_match(label(name)),
            })
    }

    /// A series that has none of the labels that tell the arms apart may name its arm outright.
    fn is_on_side<'s>(&self, label: impl Fn(&str) -> &'s str) -> bool {
        if self.arm.keys().all(|name| label(name).is_empty()) {
            return label("arm") == self.side.as_str();
        }
        self.arm.iter().all(|(name, value)| label(name) == value)
    }
}

/// A matcher that holds for every series.
const ANYTHING: &str = "arm=~\".*\"";

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
    use super::{Query, Selector, Side};
    use serin_model::LabelSelector;

    fn selector(query: &str) -> Result<Selector, super::SelectorError> {
        let arm = LabelSelector::from([("track".to_owned(), "can\"ary".to_owned())]);
        Selector::read(&Query::new(query).unwrap(), Side::Canary, &arm)
    }

    #[test]
    fn an_arm_holds_with_and_without_being_named() {
        for query in ["up", "up{$arm}", "up{job=\"a\", $arm}", "{__name__=\"up\"}"] {
            let selector = selector(query).unwrap();
            let series = |track| [("job", "a"), ("track", track)];
            assert!(selector.matches(Some("up"), &series("can\"ary")), "{query}");
            assert!(!selector.matches(Some("up"), &series("stable")), "{query}");
            assert!(!selector.matches(Some("down"), &series("can\"ary")), "{query}");
        }
    }

    #[test]
    fn a_series_without_the_labels_may_name_its_arm() {
        let selector = selector("up").unwrap();
        assert!(selector.matches(Some("up"), &[("arm", "canary")]));
        assert!(!selector.matches(Some("up"), &[("arm", "control")]));
        assert!(!selector.matches(Some("up"), &[("arm", "canary"), ("track", "stable")]));
        assert!(!selector.matches(Some("up"), &[]));
    }

    #[test]
    fn regular_expressions_are_anchored() {
        let selector = selector("up{code=~\"5..\"}").unwrap();
        let series = |code| [("code", code), ("track", "can\"ary")];
        assert!(selector.matches(Some("up"), &series("503")));
        assert!(!selector.matches(Some("up"), &series("1503")));
        assert!(!selector.matches(Some("up"), &series("5030")));
    }

    #[test]
    fn a_missing_label_is_empty() {
        assert!(selector("up{code=\"\"}").unwrap().matches(Some("up"), &[("track", "can\"ary")]));
        assert!(selector("up{code!=\"5\"}").unwrap().matches(Some("up"), &[("track", "can\"ary")]));
    }

    #[test]
    fn what_computes_is_refused_with_what_to_write() {
        insta::assert_snapshot!(selector("rate(up[5m])").unwrap_err(), @r#"
        the query `rate(up[5m])` cannot be read from a recording: a recording is read series by series, and this computes

        hint: write a metric's name, or a selector such as `http_requests_total{code=~"5..", $arm}`; a name with other characters is `{__name__="Error rate"}`
        "#);
        assert!(selector("Error rate").is_err());
        assert!(selector("up offset 5m").is_err());
    }
}
