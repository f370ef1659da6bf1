//! What would have been said, for terminals and logs.

use super::{Flip, ReplayCounts, ReplayReport, reasons};
use crate::grid::{Column, Fitting, LONG_NAME};
use crate::table::{NARROWEST, Style, Text};
use crate::{clock, label};

/// Shows what would have been said as text: a sentence, the counts of both parts, and a line a verdict.
///
/// Names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn replay_table(report: &ReplayReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    text.paragraph("", &label::one_line(&report.sentence()));
    for check in report.checks.iter().filter(|check| !check.not_stored.is_empty()) {
        let missing = check.not_stored.join(", ");
        let words = format!("not stored, and left out of {}: {missing}", check.path);
        text.paragraph("  ", &label::one_line(&words));
    }
    text.blank();
    let parts = [("older", &report.older), ("newer", &report.newer)];
    let column =
        |cell: fn(&ReplayCounts) -> u64| parts.iter().map(|(_, it)| cell(it).to_string()).collect();
    let columns = vec![
        Column::words("part", parts.iter().map(|(name, _)| (*name).to_owned()).collect()),
        Column::numbers("verdicts", column(|it| it.verdicts)),
        Column::numbers("good", column(|it| it.good)),
        Column::numbers("blocked", column(|it| it.blocked)),
        Column::numbers("released", column(|it| it.released)),
        Column::numbers("bad", column(|it| it.bad)),
        Column::numbers("caught", column(|it| it.caught)),
        Column::numbers("missed", column(|it| it.missed)),
        Column::numbers("changed", column(|it| it.changed)),
    ];
    add(&mut text, columns, &["changed", "released"]);
    if let Some(split) = report.split_at {
        let words =
            format!("  the newer part begins at {}", clock::formatted(split, "%Y-%m-%d %H:%M UTC"));
        text.lines.push(words);
    }
    if !report.flips.is_empty() {
        text.blank();
        flips(&mut text, &report.flips);
    }
    if !report.untold.is_empty() {
        text.blank();
        for (why, count) in reasons(&report.untold) {
            text.paragraph("  ", &label::one_line(&format!("cannot be told of {count}: {why}")));
        }
    }
    text.lines.join("\n") + "\n"
}

fn flips(text: &mut Text, flips: &[Flip]) {
    let column = |cell: fn(&Flip) -> String| flips.iter().map(cell).collect();
    let columns = vec![
        Column::words("service", column(|it| label::one_line(&it.service))),
        Column::words(
            "when (UTC)",
            column(|it| clock::formatted(it.occurred_at, "%Y-%m-%d %H:%M")),
        ),
        Column::words("was", column(|it| it.was.as_str().to_owned())),
        Column::words("would be", column(|it| it.would_be.as_str().to_owned())),
        Column::words("that", column(|it| it.kind.in_words().to_owned())),
        Column::words("part", column(|it| part(it).to_owned())),
        Column::words("change", column(|it| label::one_line(it.change.as_deref().unwrap_or("–")))),
        Column::words("event", column(|it| it.event.clone())),
    ];
    add(text, columns, &["event", "change"]);
}

fn part(flip: &Flip) -> &'static str {
    if flip.is_newer { "newer" } else { "older" }
}

fn add(text: &mut Text, columns: Vec<Column>, without: &[&'static str]) {
    let width = text.style.width - INDENT.len();
    let lines = Fitting::new(columns, width).with_names_cut_to(LONG_NAME).without(without).lines();
    text.lines
        .extend(lines.into_iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned()));
}

const INDENT: &str = "  ";
