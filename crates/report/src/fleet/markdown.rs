//! A fleet for step summaries, merge requests and issues.

use serin_model::Outcome;

use super::{FleetReport, wording};
use crate::markdown_text::{code, sentence};
use crate::report::Report;
use crate::wording::{LONG_NAME, symbol, word};

/// Shows a fleet as GitHub-flavoured Markdown: how many came out how, and every canary that did not pass,
/// worst first, in at most 60,000 bytes; what has no room is counted.
#[must_use]
pub fn fleet_markdown(report: &FleetReport) -> String {
    let outcome = report.outcome;
    let action = sentence(&wording::action(report), LONG_SENTENCE);
    let mut text = format!("## {} {}: {action}\n\n", symbol(outcome), word(outcome));
    text.push_str(&format!("{}.\n\n", sentence(&wording::counts(report), LONG_SENTENCE)));
    let listed: Vec<&Report> =
        report.members.iter().filter(|it| it.verdict.outcome != Outcome::Pass).collect();
    if !listed.is_empty() {
        let label = code(&report.for_each.join("/"), LONG_NAME);
        text.push_str(&format!(
            "| {label} | Outcome | Why | Metrics |\n| --- | --- | --- | --- |\n"
        ));
    }
    for (written, member) in listed.iter().enumerate() {
        let row = row(member);
        if text.len() + row.len() > ROOM {
            let more = listed.len() - written;
            text.push_str(&format!("\n… and {more} more: see the report in HTML or JSON.\n"));
            break;
        }
        text.push_str(&row);
    }
    let without = wording::without_canary(report, MOST_NAMES);
    let notes: Vec<String> = wording::notes(report).into_iter().chain(without).collect();
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text.push_str(&format!("- {}\n", sentence(&note, LONG_SENTENCE)));
    }
    text
}

fn row(member: &Report) -> String {
    let outcome = member.verdict.outcome;
    format!(
        "| {} | {} **{}** | {} | {} |\n",
        code(&member.service, LONG_NAME),
        symbol(outcome),
        outcome,
        sentence(&member.verdict.reason, LONG_REASON),
        sentence(&wording::suspects(member), LONG_REASON)
    )
}

/// In bytes: as much as a comment of GitHub takes, with room for what follows.
const ROOM: usize = 52_000;
const LONG_SENTENCE: usize = 600;
const LONG_REASON: usize = 160;
const MOST_NAMES: usize = 12;
