//! A list of verdicts for terminals and logs.

use super::{ListedVerdict, VerdictsReport};
use crate::grid::{Column, Fitting, LONG_NAME};
use crate::table::{NARROWEST, Style, Text};
use crate::{clock, label};

/// Shows verdicts and what came of each as text, a line each, oldest first.
///
/// Names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn verdicts_table(report: &VerdictsReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    let count = match report.verdicts.len() {
        1 => "1 verdict".to_owned(),
        count => format!("{count} verdicts"),
    };
    text.lines.push(format!("{}  {count}", label::one_line(report.service.trim())));
    if report.verdicts.is_empty() {
        return text.lines.join("\n") + "\n";
    }
    let verdicts = &report.verdicts;
    let column = |cell: fn(&ListedVerdict) -> String| verdicts.iter().map(cell).collect();
    let columns = vec![
        Column::words("analysis", column(|it| label::one_line(&it.analysis))),
        Column::words(
            "when (UTC)",
            column(|it| clock::formatted(it.occurred_at, "%Y-%m-%d %H:%M")),
        ),
        Column::words("outcome", column(|it| it.outcome.as_str().to_owned())),
        Column::words("turned out", column(|it| it.truth.in_words().to_owned())),
        Column::words("mode", column(mode)),
        Column::words("said", column(said)),
        Column::words("event", column(|it| it.event.clone())),
    ];
    let width = text.style.width - INDENT.len();
    let lines = Fitting::new(columns, width)
        .with_names_cut_to(LONG_NAME)
        .without(&["mode", "said"])
        .lines();
    text.lines
        .extend(lines.into_iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned()));
    text.lines.join("\n") + "\n"
}

const INDENT: &str = "  ";

fn mode(verdict: &ListedVerdict) -> String {
    match (verdict.aa, verdict.shadow) {
        (true, _) => "A/A".to_owned(),
        (false, true) => "shadow".to_owned(),
        (false, false) => "acting".to_owned(),
    }
}

fn said(verdict: &ListedVerdict) -> String {
    let remarks = [&verdict.label, &verdict.decision];
    let mut said: Vec<String> = remarks
        .into_iter()
        .flatten()
        .map(|remark| label::one_line(&format!("{} ({})", remark.word, remark.by)))
        .collect();
    said.extend(verdict.taken_back_by.iter().map(|it| format!("by {}", label::one_line(it))));
    said.join(", ")
}
