//! A verdict as test results, for the test pages of GitLab, Jenkins and GitHub reporters.

use askama::Template;
use serin_model::{Evidence, JudgedMetric, Outcome};

use crate::report::Report;
use crate::wording::{self, Tone};
use crate::{clock, evidence, evidence_facts, label, next};

/// Shows reports as one JUnit XML document: a test suite a report, in it a test for the verdict and
/// one a metric.
///
/// The verdict decides the colour, so that a pipeline that reads nothing else goes the right way:
///
/// * pass: no test fails. A metric that speaks against the canary all the same is skipped, with its
///   reason, as is one that could not be judged.
/// * fail: the verdict's test is a `failure`, and so is each metric that speaks against the canary.
/// * inconclusive: the verdict's test is an `error`, which every reader counts as not passed.
///
/// In the last two a metric that could not be judged is an `error`; one that is only not yet clear is
/// that where a pass waits for it, and is skipped otherwise. Muted metrics never count: they
/// pass or are skipped. A character that XML 1.0 does not allow becomes `�`.
///
/// # Errors
///
/// [`askama::Error`] when the template fails, which no report makes it do.
pub fn junit(reports: &[Report]) -> Result<String, askama::Error> {
    let suites: Vec<Suite> = reports.iter().map(Suite::new).collect();
    let document = Document {
        tests: suites.iter().map(|suite| suite.cases.len()).sum(),
        failures: suites.iter().map(|suite| suite.failures).sum(),
        errors: suites.iter().map(|suite| suite.errors).sum(),
        suites,
    };
    Ok(document.render()?.chars().map(allowed).collect::<String>() + "\n")
}

#[derive(Template)]
#[template(path = "junit.xml", escape = "html")]
struct Document {
    tests: usize,
    failures: usize,
    errors: usize,
    suites: Vec<Suite>,
}

struct Suite {
    name: String,
    timestamp: Option<String>,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suite {
    fn new(report: &Report) -> Self {
        let verdict = &report.verdict;
        let metrics = verdict.metrics.iter().map(|metric| Case::of_metric(metric, verdict.outcome));
        let cases: Vec<Case> = std::iter::once(Case::of_verdict(report)).chain(metrics).collect();
        let count = |result| cases.iter().filter(|case| case.result == result).count();
        Self {
            name: wording::service(report),
            timestamp: report.span.map(|(first, _)| clock::formatted(first, "%Y-%m-%dT%H:%M:%S")),
            properties: properties(report),
            failures: count(CaseResult::Failed),
            errors: count(CaseResult::Unclear),
            skipped: count(CaseResult::Skipped),
            cases,
        }
    }
}

fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let verdict = &report.verdict;
    vec![
        ("outcome", verdict.outcome.to_string()),
        ("score", wording::score(verdict)),
        ("control", label::one_line(&report.control)),
        ("canary", label::one_line(&report.canary)),
        ("check", label::one_line(&report.check.path)),
        ("judge", label::one_line(&verdict.judge.to_string())),
        ("serin", label::one_line(&report.serin)),
    ]
}

/// How a test came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum CaseResult {
    Passed,
    Failed,
    /// An `error` in JUnit's words.
    Unclear,
    Skipped,
}

struct Case {
    name: String,
    result: CaseResult,
    /// The word that says how it did not pass.
    kind: String,
    message: String,
    /// The numbers, a line each.
    text: String,
}

impl Case {
    fn of_verdict(report: &Report) -> Self {
        let verdict = &report.verdict;
        let result = match verdict.outcome {
            Outcome::Pass => CaseResult::Passed,
            Outcome::Inconclusive => CaseResult::Unclear,
            Outcome::Fail => CaseResult::Failed,
        };
        let mut lines =
            vec![label::one_line(&verdict.reason), format!("score: {}", wording::score(verdict))];
        lines.extend(evidence::decided(report));
        let warnings = wording::warnings(&verdict.warnings);
        lines.extend(warnings.iter().map(|warning| format!("warning: {}", warning.in_words())));
        lines.push(format!("next: {}", next::next(report)));
        Self {
            name: "verdict".to_owned(),
            result,
            kind: verdict.outcome.to_string(),
            message: format!("{}: {}", verdict.outcome, label::one_line(&verdict.reason)),
            text: lines.join("\n"),
        }
    }

    fn of_metric(metric: &JudgedMetric, outcome: Outcome) -> Self {
        let decides = outcome != Outcome::Pass && !metric.muted;
        let result = match Tone::of_metric(metric) {
            Tone::Good => CaseResult::Passed,
            Tone::Unclear | Tone::Bad if !decides => CaseResult::Skipped,
            Tone::Unclear if is_idle(metric) => CaseResult::Skipped,
            Tone::Unclear => CaseResult::Unclear,
            Tone::Bad => CaseResult::Failed,
        };
        let why_not = match result {
            CaseResult::Skipped if metric.muted => "muted, so it does not count: ",
            CaseResult::Skipped if decides => "it did not decide, as it is not gating: ",
            CaseResult::Skipped => "it did not decide, the verdict is pass: ",
            CaseResult::Passed | CaseResult::Failed | CaseResult::Unclear => "",
        };
        Self {
            name: label::name(metric),
            result,
            kind: wording::class(metric).to_owned(),
            message: format!("{why_not}{}", message(metric)),
            text: numbers(metric).join("\n"),
        }
    }
}

/// Returns whether a metric is not yet clear, and nothing waits for it.
fn is_idle(metric: &JudgedMetric) -> bool {
    let limit = metric.guardrail.as_ref().map_or(Tone::Good, Tone::of_guardrail);
    let is_idle = |evidence: &Evidence| !evidence.gating && !evidence::is_unjudged(evidence);
    limit == Tone::Good && metric.evidence.as_ref().is_some_and(is_idle)
}

/// Returns a metric's class and reason in one sentence, with its limit where that was not held.
fn message(metric: &JudgedMetric) -> String {
    let reason = label::one_line(&metric.reason);
    let sentence = format!("{}: {reason}", wording::outcome(metric));
    match &metric.guardrail {
        Some(limit) if Tone::of_guardrail(limit) != Tone::Good => {
            format!("{sentence}; limit {}", wording::guardrail(limit))
        }
        Some(_) | None => sentence,
    }
}

fn numbers(metric: &JudgedMetric) -> Vec<String> {
    let amount = |summary: &serin_model::Summary| {
        let mean = wording::amount(summary.mean, summary.points, metric.measure);
        format!("{mean} ({} points)", summary.points)
    };
    let mut lines = vec![
        format!("outcome: {}", wording::outcome(metric)),
        format!("control: {}", amount(&metric.control)),
        format!("canary: {}", amount(&metric.canary)),
    ];
    match &metric.evidence {
        None => lines.push(format!("effect: {}", wording::effect(metric))),
        Some(evidence) => {
            let facts = evidence_facts::facts(metric, evidence).into_iter();
            lines.extend(facts.map(|(name, value)| format!("{}: {value}", name.to_lowercase())));
        }
    }
    if let Some(shift) = &metric.shift {
        let confidence = wording::margin(shift.confidence);
        let range = wording::shift(shift, metric.measure);
        lines.push(format!("shift, {confidence} interval: {range}"));
    }
    if let Some(guardrail) = &metric.guardrail {
        lines.push(format!("limit: {}", wording::guardrail(guardrail)));
    }
    lines.push(format!("test: {}", label::one_line(&metric.test)));
    lines
}

/// The production `Char` of XML 1.0; anything else makes a document unreadable, even when escaped.
fn allowed(letter: char) -> char {
    match letter {
        '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => letter,
        '\u{10000}'..='\u{10ffff}' => letter,
        _ => '\u{fffd}',
    }
}
