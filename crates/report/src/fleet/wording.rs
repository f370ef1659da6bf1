//! What every format says of a fleet in the same words.

use serin_model::{JudgedMetric, Outcome};

use super::FleetReport;
use crate::report::Report;
use crate::wording::{self, LONG_NAME, Tone};
use crate::{evidence, label};

/// Returns the outcome of a fleet in one line without control characters, such as `fail: 7 of 400
/// canaries fail, 12 are undecided, 381 pass`.
#[must_use]
pub fn fleet_headline(report: &FleetReport) -> String {
    format!("{}: {}", report.outcome, counts(report))
}

/// Returns what the outcome asks for.
pub(crate) fn action(report: &FleetReport) -> String {
    let canaries = number(report.members.len(), "canary", "canaries");
    let fleet = name(report);
    match report.outcome {
        _ if report.members.is_empty() => format!("no canary in {fleet}"),
        Outcome::Fail => {
            format!("roll back {} of {canaries} in {fleet}", report.count(Outcome::Fail))
        }
        Outcome::Inconclusive => {
            let held = report.count(Outcome::Inconclusive);
            format!("hold {held} of {canaries} in {fleet}: a person must decide")
        }
        Outcome::Pass => format!("promote {canaries} in {fleet}"),
    }
}

pub(crate) fn name(report: &FleetReport) -> String {
    let name = label::one_line(report.fleet.trim());
    if name.is_empty() { "the fleet".to_owned() } else { name }
}

/// Returns how many came out how, as a sentence without its stop.
pub(crate) fn counts(report: &FleetReport) -> String {
    let all = report.members.len();
    if all == 0 {
        return "no member has a canary, and nothing was judged".to_owned();
    }
    let of = [
        (Outcome::Fail, "fails", "fail"),
        (Outcome::Inconclusive, "is undecided", "are undecided"),
        (Outcome::Pass, "passes", "pass"),
    ];
    let mut parts = Vec::new();
    for (outcome, one, many) in of {
        let count = report.count(outcome);
        let canaries = if parts.is_empty() {
            format!(" of {}", number(all, "canary", "canaries"))
        } else {
            String::new()
        };
        if count > 0 {
            parts.push(format!("{count}{canaries} {}", if count == 1 { one } else { many }));
        }
    }
    parts.join(", ")
}

/// Returns what a reader must know before acting on all verdicts together, a sentence each without its
/// stop.
pub(crate) fn notes(report: &FleetReport) -> Vec<String> {
    let mut notes = Vec::new();
    let is_evidence = |it: &Report| evidence::decides(&it.verdict);
    let judged = report.members.iter().filter(|member| is_evidence(member)).count();
    if judged >= FEW {
        let expected = (judged as f64 * FALSE_ROLLBACK).ceil();
        notes.push(format!(
            "each verdict alone errs against a harmless canary at most once in {:.0}: of {judged}, up \
             to {expected:.0} are expected to fail by chance",
            1.0 / FALSE_ROLLBACK
        ));
    }
    if report.strays > 0 {
        notes.push(format!(
            "{} left out: the label that `for_each` names is missing",
            number(report.strays, "series is", "series are")
        ));
    }
    notes.extend(report.notes.iter().map(|note| label::one_line(note)));
    notes
}

/// From so many canaries on it is worth saying what chance does.
const FEW: usize = 20;

/// What the sequential judge promises of one canary.
const FALSE_ROLLBACK: f64 = 0.01;

/// Returns who has no canary, as far as a line should name them.
pub(crate) fn without_canary(report: &FleetReport, most: usize) -> Option<String> {
    let names = &report.without_canary;
    (!names.is_empty()).then(|| {
        format!(
            "{} without a canary: {}",
            names.len(),
            listed(names.iter().map(String::as_str), most)
        )
    })
}

/// Returns the first names and how many more there are.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(most).map(|name| label::one_line(name)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Returns the metrics that speak against a canary, worst first, as far as a cell should name them.
pub(crate) fn suspects(report: &Report) -> String {
    let speaks = |metric: &&JudgedMetric| !metric.muted && Tone::of_metric(metric) == Tone::Bad;
    let metrics = report.verdict.metrics.iter().filter(speaks);
    let names: Vec<String> =
        metrics.map(|metric| label::shortened(&label::name(metric), LONG_NAME)).collect();
    if names.is_empty() {
        return wording::NOTHING.to_owned();
    }
    listed(names.iter().map(String::as_str), MOST_SUSPECTS)
}

const MOST_SUSPECTS: usize = 3;

pub(crate) fn number(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
