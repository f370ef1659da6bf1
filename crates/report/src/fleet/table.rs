//! A fleet for terminals and logs.

use serin_model::Outcome;
use unicode_width::UnicodeWidthStr;

use super::{FleetReport, wording};
use crate::grid::{Column, Fitting, OUTCOME, SHORT_NAME};
use crate::label;
use crate::report::Report;
use crate::table::{NARROWEST, Style, Text};
use crate::wording::{Tone, symbol};

/// Members that did not pass are listed up to here.
const MOST_ROWS: usize = 100;

/// Names in a sentence.
const MOST_NAMES: usize = 12;

/// Shows a fleet as text: how many came out how, then every canary that did not pass with its reason,
/// worst first, and what to do.
///
/// Names and reasons may come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn fleet_table(report: &FleetReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    let answer = report.outcome.as_str().to_uppercase();
    let answer = text
        .bold(&format!("{} {answer}", symbol(report.outcome)), Tone::of_outcome(report.outcome));
    text.lines.push(format!("{answer}  {}", wording::action(report)));
    text.paragraph("", &format!("{}.", wording::counts(report)));
    members(&mut text, report);
    let passed: Vec<&str> =
        report.with(Outcome::Pass).map(|(_, member)| member.service.as_str()).collect();
    if !passed.is_empty() {
        text.blank();
        let names = wording::listed(passed.iter().copied(), MOST_NAMES);
        text.paragraph(&format!("{} passed: ", passed.len()), &names);
    }
    if let Some(without) = wording::without_canary(report, MOST_NAMES) {
        text.paragraph("", &without);
    }
    let notes = wording::notes(report);
    if !notes.is_empty() {
        text.blank();
    }
    notes.iter().for_each(|note| text.paragraph("! ", note));
    text.blank();
    if let Some(judge) = report.members.first().map(|member| member.verdict.judge.to_string()) {
        let serin = label::one_line(&report.serin);
        text.paragraph("judge: ", &format!("{}, serin {serin}", label::one_line(&judge)));
    }
    text.paragraph("next: ", &next(report));
    text.lines.join("\n") + "\n"
}

/// Lists the members that did not pass.
fn members(text: &mut Text, report: &FleetReport) {
    let listed: Vec<&Report> =
        report.members.iter().filter(|it| it.verdict.outcome != Outcome::Pass).collect();
    if listed.is_empty() {
        return;
    }
    text.blank();
    let shown = &listed[..listed.len().min(MOST_ROWS)];
    let room = text.style.width - INDENT.len();
    let names: Vec<String> = shown.iter().map(|it| label::one_line(&it.service)).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0).min(room / 3);
    let names = names.iter().map(|name| label::shortened(name, widest.max(SHORT_NAME))).collect();
    let outcome = |it: &&Report| format!("{} {}", symbol(it.verdict.outcome), it.verdict.outcome);
    // The outcome and two gutters stand between a name and its reason.
    let taken = widest.max(SHORT_NAME) + "? inconclusive".len() + 2 * 2;
    let why = |it: &&Report| {
        label::shortened(
            &label::one_line(it.verdict.reason.trim()),
            room.saturating_sub(taken).max(20),
        )
    };
    let grid = Fitting::new(
        vec![
            Column::words(&label::one_line(&report.for_each.join("/")), names),
            Column::words(OUTCOME, shown.iter().map(outcome).collect()),
            Column::words("why", shown.iter().map(why).collect()),
        ],
        room,
    )
    .grid();
    let heading = text.dimmed(&grid.heading);
    text.lines.push(format!("{INDENT}{}", heading.trim_end()));
    for (row, member) in grid.rows.iter().zip(shown) {
        // The reason may hold the same words: the outcome is what comes first.
        let coloured = match row.line.split_once(&row.outcome) {
            Some((before, after)) => {
                let tone = Tone::of_outcome(member.verdict.outcome);
                format!("{before}{}{after}", text.bold(&row.outcome, tone))
            }
            None => row.line.clone(),
        };
        text.lines.push(format!("{INDENT}{}", coloured.trim_end()));
    }
    if listed.len() > shown.len() {
        let more = listed.len() - shown.len();
        text.paragraph("", &format!("… and {more} more: see the report in HTML or JSON"));
    }
}

const INDENT: &str = "  ";

fn next(report: &FleetReport) -> String {
    let names = |outcome| {
        let members = report.with(outcome).map(|(_, member)| member.service.as_str());
        wording::listed(members, MOST_NAMES)
    };
    match report.outcome {
        _ if report.members.is_empty() => {
            "see that the labels of `arms.canary` are those of what is rolled out".to_owned()
        }
        Outcome::Fail => format!("roll back {}", names(Outcome::Fail)),
        Outcome::Inconclusive => {
            format!("gather more points, or decide by hand: {}", names(Outcome::Inconclusive))
        }
        Outcome::Pass => "promote them".to_owned(),
    }
}
