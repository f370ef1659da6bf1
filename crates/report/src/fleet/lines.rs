//! A fleet as plain lines for logs.

use super::{FleetReport, wording};
use crate::lines::Pairs;

/// Shows a fleet as plain lines: one of all, then those of each member as [`lines`](crate::lines())
/// writes them, worst first.
#[must_use]
pub fn fleet_lines(report: &FleetReport) -> String {
    use serin_model::Outcome::{Fail, Inconclusive, Pass};
    let count = |outcome| report.count(outcome).to_string();
    let pairs = Pairs::default()
        .word("for_each", &report.for_each.join(","))
        .word("members", &report.members.len().to_string())
        .word("fail", &count(Fail))
        .word("inconclusive", &count(Inconclusive))
        .word("pass", &count(Pass))
        .word("without_canary", &report.without_canary.len().to_string())
        .word("strays", &report.strays.to_string());
    let line = |key, subject: &str, pairs: &Pairs| {
        let start = Pairs::default().word(key, subject).word("fleet_name", &wording::name(report));
        format!("serin{}{}\n", start.as_str(), pairs.as_str())
    };
    let mut text = line("fleet", report.outcome.as_str(), &pairs);
    for note in wording::notes(report) {
        text.push_str(&line("fleet_note", &note, &Pairs::default()));
    }
    for member in &report.members {
        text.push_str(&crate::lines(member));
    }
    text
}
