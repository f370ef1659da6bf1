//! What the runner of GitHub Actions reads: annotations, step outputs, and what it must not read.

use serin_model::{JudgedMetric, Outcome};

use crate::fleet::{FleetReport, fleet_headline};
use crate::report::Report;
use crate::wording::{self, Tone};
use crate::{evidence, label, plain_number::plain_number};

/// Of a step's annotations GitHub shows ten of each level; one is the verdict's.
const MOST_METRICS: usize = 9;

/// Returns a report as workflow commands, which the runner shows as annotations: the verdict first,
/// then up to nine metrics that speak against the canary or that a pass waits for.
///
/// A failure is an `error`, an inconclusive verdict a `warning`, a pass a `notice`; a metric that
/// speaks against a canary that passed all the same is a `warning`. They point at the Check file,
/// where its path is relative and so may lie in the repository.
#[must_use]
pub fn annotations(report: &Report) -> String {
    let verdict = &report.verdict;
    let service = wording::service(report);
    let level = level(verdict.outcome);
    let title = format!("{service}: {}", verdict.outcome);
    let mut text = command(level, report, &title, &verdict.reason);
    let level = if verdict.outcome == Outcome::Fail { "error" } else { "warning" };
    let waits = |metric: &JudgedMetric| {
        verdict.outcome == Outcome::Inconclusive && evidence::withholds(metric)
    };
    let against = |metric: &&JudgedMetric| {
        !metric.muted && (Tone::of_metric(metric) == Tone::Bad || waits(metric))
    };
    for metric in verdict.metrics.iter().filter(against).take(MOST_METRICS) {
        let name = label::shortened(&label::name(metric), wording::LONG_NAME);
        let title = format!("{service}: {name} {}", wording::outcome(metric));
        text.push_str(&command(level, report, &title, &reason(metric)));
    }
    text
}

/// Returns a fleet as workflow commands: what came of all, then up to nine canaries that did not pass,
/// worst first.
#[must_use]
pub fn fleet_annotations(fleet: &FleetReport) -> String {
    let Some(worst) = fleet.members.first() else { return String::new() };
    let level = level(fleet.outcome);
    let title = format!("{}: {}", label::one_line(&fleet.fleet), fleet.outcome);
    let mut text = command(level, worst, &title, &fleet_headline(fleet));
    let failed = fleet.members.iter().filter(|member| member.verdict.outcome != Outcome::Pass);
    for member in failed.take(MOST_METRICS) {
        let title = format!("{}: {}", wording::service(member), member.verdict.outcome);
        text.push_str(&command(
            self::level(member.verdict.outcome),
            member,
            &title,
            &member.verdict.reason,
        ));
    }
    text
}

/// Returns the outputs of a step about a fleet: `outcome`, and the `reason`.
#[must_use]
pub fn fleet_outputs(fleet: &FleetReport) -> String {
    let outputs = [("outcome", fleet.outcome.to_string()), ("reason", fleet_headline(fleet))];
    outputs.iter().map(|(name, value)| step_output(name, value)).collect()
}

fn level(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "notice",
        Outcome::Inconclusive => "warning",
        Outcome::Fail => "error",
    }
}

/// Returns why a metric came out as it did, with the evidence where there is some.
fn reason(metric: &JudgedMetric) -> String {
    let mut parts = vec![comparison(metric)];
    if let Some(evidence) = metric.evidence.as_ref().filter(|known| !evidence::is_unjudged(known)) {
        if evidence.effect.is_some() {
            parts.push(format!(
                "effect {} ({}), tolerated {}",
                evidence::effect(metric),
                evidence::sequence(metric),
                evidence::tolerance(metric)
            ));
        }
        parts.push(format!("evidence: {}", evidence::in_short(metric)));
    }
    parts.join("; ")
}

fn comparison(metric: &JudgedMetric) -> String {
    match &metric.guardrail {
        Some(limit) if Tone::of_guardrail(limit) == Tone::Bad => {
            format!("limit {}; the comparison says: {}", wording::guardrail(limit), metric.reason)
        }
        Some(_) | None => metric.reason.clone(),
    }
}

fn command(level: &str, report: &Report, title: &str, message: &str) -> String {
    let path = report.check.path.as_str();
    let is_in_repository = path != "standard input" && !path.starts_with(['/', '\\']);
    let file = if is_in_repository { format!("file={},", property(path)) } else { String::new() };
    format!("::{level} {file}title={}::{}\n", property(title), data(message))
}

/// Escapes what follows the second `::` of a workflow command.
fn data(text: &str) -> String {
    label::one_line(text).replace('%', "%25")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Returns the outputs of a step, as the file that `GITHUB_OUTPUT` names takes them: `outcome`,
/// `score` and `reason` of the worst report, the first of them where several are as bad.
///
/// Each is written between two delimiters of its own, so that no value can begin another output.
/// Returns nothing for no report.
#[must_use]
pub fn step_outputs(reports: &[Report]) -> String {
    let worst = reports.iter().rev().max_by_key(|report| report.verdict.outcome);
    let Some(Report { verdict, .. }) = worst else { return String::new() };
    let outputs = [
        ("outcome", verdict.outcome.to_string()),
        ("score", plain_number(verdict.scorecard.score)),
        ("reason", label::one_line(&verdict.reason)),
    ];
    outputs.iter().map(|(name, value)| step_output(name, value)).collect()
}

fn step_output(name: &str, value: &str) -> String {
    let mut delimiter = "end_of_value".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('_');
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

/// Returns `text` so that the runner of GitHub Actions takes no line of it for a command of its own.
///
/// The runner obeys what follows `::` at the start of a line, after any white space, and `##[`
/// anywhere. An invisible word joiner parts them; nothing else changes.
#[must_use]
pub fn without_commands(text: &str) -> String {
    let lines = text.split_inclusive(['\n', '\r']).map(|line| {
        let start = line.len() - line.trim_start().len();
        let (space, words) = line.split_at(start);
        match words.strip_prefix("::") {
            Some(rest) => format!("{space}:\u{2060}:{rest}"),
            None => line.to_owned(),
        }
    });
    lines.collect::<String>().replace("##[", "##\u{2060}[")
}

#[cfg(test)]
mod tests {
    use super::{data, property, step_output, without_commands};

    #[test]
    fn values_are_escaped_as_the_runner_reads_them() {
        assert_eq!(data("100 %: a,b\nc\rd"), "100 %25: a,b c\u{fffd}d");
        assert_eq!(property("100 %: a,b"), "100 %25%3A a%2Cb");
        assert_eq!(data("%0A::error::x"), "%250A::error::x");
    }

    #[test]
    fn no_value_begins_another_output() {
        assert_eq!(step_output("score", "0"), "score<<end_of_value\n0\nend_of_value\n");
        let hostile = step_output("reason", "end_of_value");
        assert_eq!(hostile, "reason<<end_of_value_\nend_of_value\nend_of_value_\n");
    }

    #[test]
    fn lines_are_no_commands() {
        for (text, shown) in [
            ("a ::error::b\n", "a ::error::b\n"),
            ("::error::b\n", ":\u{2060}:error::b\n"),
            ("x\n  \u{a0}::stop-commands::t", "x\n  \u{a0}:\u{2060}:stop-commands::t"),
            ("x\r::error::b", "x\r:\u{2060}:error::b"),
            ("errors ##[add-mask]e", "errors ##\u{2060}[add-mask]e"),
            ("###[error]", "###\u{2060}[error]"),
        ] {
            assert_eq!(without_commands(text), shown);
        }
    }
}
