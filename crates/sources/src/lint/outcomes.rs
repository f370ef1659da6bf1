//! How requests end, and whether that is bad.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::VectorSelector;
use serin_model::{Finding, FindingCode, Worse};

use super::expression::{matchers, metric, selectors};
use super::look::{ARM_MARK, Look};
use super::names::is_outcome;
use super::rewrite::{renamed, written_selector};
use crate::rows::shown;

/// What went well, as a selector tells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// By a label that says how it ended; the selector of what did not go so.
    Told(Box<VectorSelector>),
    /// By a bucket: no slower than its edge.
    Fast,
}

/// Codes and words for what went well and what did not, of which a matcher may select some.
const WENT_WELL: [&str; 9] =
    ["200", "2xx", "2", "success", "successful", "succeeded", "ok", "OK", "SUCCESS"];
const FAILED: [&str; 10] =
    ["500", "503", "5xx", "5", "error", "failure", "failed", "Internal", "ERROR", "FAILED"];

/// Returns what of the good a selector selects, if it selects nothing that is bad.
pub(super) fn good_outcome(selector: &VectorSelector) -> Option<Outcome> {
    let told = matchers(selector).position(|matcher| {
        // The numbers of gRPC's codes mean other things than those of HTTP.
        let is_other = matcher.name.split('_').any(|word| matches!(word, "grpc" | "rpc"));
        let any = |words: &[&str]| {
            let is_number = |word: &str| word.starts_with(|it: char| it.is_ascii_digit());
            words.iter().any(|word| !(is_other && is_number(word)) && matcher.is_match(word))
        };
        // A matcher that excludes has to exclude something bad; else it says nothing of the outcome.
        let excludes = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRe(_));
        let leaves_out_bad = excludes && FAILED.iter().any(|word| !matcher.is_match(word));
        let is_good = if excludes { leaves_out_bad } else { !any(&FAILED) };
        matcher.name != ARM_MARK && is_outcome(&matcher.name) && is_good && any(&WENT_WELL)
    });
    if let Some(at) = told {
        let mut opposite = selector.clone();
        let matcher = &mut opposite.matchers.matchers[at];
        matcher.op = opposite_of(matcher);
        return Some(Outcome::Told(Box::new(opposite)));
    }
    let is_of_buckets = metric(selector).is_some_and(|name| name.ends_with("_bucket"));
    let one_edge = matchers(selector).any(|it| it.name == "le" && it.op == MatchOp::Equal);
    (is_of_buckets && one_edge).then_some(Outcome::Fast)
}

fn opposite_of(matcher: &Matcher) -> MatchOp {
    match &matcher.op {
        MatchOp::Equal => MatchOp::NotEqual,
        MatchOp::NotEqual => MatchOp::Equal,
        MatchOp::Re(pattern) => MatchOp::NotRe(pattern.clone()),
        MatchOp::NotRe(pattern) => MatchOp::Re(pattern.clone()),
    }
}

/// * `bad`: the query of what is bad.
pub(super) fn good_as_bad(bad: &Look<'_>) -> Option<Finding> {
    if bad.check.worse == Worse::Lower {
        return None;
    }
    let all = selectors(&bad.marked);
    let [selector] = all.as_slice() else { return None };
    let name = shown(metric(selector).unwrap_or_default(), 80);
    Some(match good_outcome(selector)? {
        Outcome::Told(opposite) => {
            let problem = format!("`bad` selects those of `{name}` that went well");
            let finding = bad.finding(FindingCode::GoodAsBad, problem);
            match written_selector(&opposite) {
                Some(query) => finding.proposing(format!("{}: {query}", bad.key)),
                None => finding,
            }
        }
        Outcome::Fast => {
            let problem = format!("`bad` selects those of `{name}` that were fast enough");
            let finding = bad.finding(FindingCode::GoodAsBad, problem);
            let mut all = (*selector).clone();
            all.matchers.matchers.retain(|it| it.name != "le");
            match renamed(&all, name) {
                Some(query) => finding
                    .proposing(format!("histogram: {query}\nor `worse: lower` beside the ratio")),
                None => finding,
            }
        }
    })
}
