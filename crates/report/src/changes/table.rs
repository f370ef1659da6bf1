//! Changes for terminals and logs.

use serin_model::Timestamp;

use super::{ChangesReport, KnownGoodChange, NotedChange, ScopeChanges};
use crate::grid::{Column, Fitting, LONG_NAME};
use crate::table::{NARROWEST, Style, Text};
use crate::{clock, label};

/// Shows what is known to be good in each scope, and what changed since, as text.
///
/// Names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn changes_table(report: &ChangesReport, style: Style) -> String {
    shown(report, style, |text, scope| {
        known_good(text, scope);
        text.paragraph("", &heading(report, scope));
        changes(text, &scope.changes);
    })
}

/// Shows what is known to be good in each scope as text.
#[must_use]
pub fn known_good_table(report: &ChangesReport, style: Style) -> String {
    shown(report, style, known_good)
}

fn shown(report: &ChangesReport, style: Style, show: impl Fn(&mut Text, &ScopeChanges)) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    for (index, scope) in report.scopes.iter().enumerate() {
        if index > 0 {
            text.blank();
        }
        text.lines.push(label::one_line(&scope_name(&report.service, scope)));
        show(&mut text, scope);
    }
    text.lines.join("\n") + "\n"
}

fn scope_name(service: &str, scope: &ScopeChanges) -> String {
    let labels: Vec<String> =
        scope.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if labels.is_empty() {
        service.to_owned()
    } else {
        format!("{service}{{{}}}", labels.join(", "))
    }
}

fn known_good(text: &mut Text, scope: &ScopeChanges) {
    let Some(KnownGoodChange { change, proof }) = &scope.known_good else {
        text.paragraph("", "known good: nothing; no change has a verdict that passed and stands");
        return;
    };
    let known = format!(
        "known good: {}, {} of {}",
        label::one_line(&change.subject),
        in_words(change),
        moment(change.occurred_at)
    );
    text.paragraph("", &known);
    let proof = format!(
        "proof: {} passed at {} by {}, event {}",
        label::one_line(&proof.analysis),
        moment(proof.occurred_at),
        label::one_line(&proof.judge.to_string()),
        proof.event
    );
    text.paragraph("", &proof);
}

fn heading(report: &ChangesReport, scope: &ScopeChanges) -> String {
    let count = match scope.changes.len() {
        0 => "no change".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    match (report.since, &scope.known_good) {
        (Some(since), _) => format!("{count} since {}", moment(since)),
        (None, Some(_)) => format!("{count} since then"),
        (None, None) => format!("{count} in all"),
    }
}

fn changes(text: &mut Text, changes: &[NotedChange]) {
    if changes.is_empty() {
        return;
    }
    let column = |cell: fn(&NotedChange) -> String| changes.iter().map(cell).collect();
    let columns = vec![
        Column::words("change", column(|it| label::one_line(&it.subject))),
        Column::words("when (UTC)", column(|it| clock::formatted(it.occurred_at, PATTERN))),
        Column::words("what", column(|it| label::one_line(&it.what))),
        Column::words("version", column(versions)),
        Column::words("more", column(more)),
    ];
    let width = text.style.width - INDENT.len();
    let lines =
        Fitting::new(columns, width).with_names_cut_to(LONG_NAME).without(&["more"]).lines();
    text.lines
        .extend(lines.into_iter().map(|line| format!("{INDENT}{line}").trim_end().to_owned()));
}

const INDENT: &str = "  ";
const PATTERN: &str = "%Y-%m-%d %H:%M";

fn moment(time: Timestamp) -> String {
    format!("{} UTC", clock::formatted(time, PATTERN))
}

fn in_words(change: &NotedChange) -> String {
    let versions = versions(change);
    let what = label::one_line(&change.what);
    if versions.is_empty() { what } else { format!("{what} {versions}") }
}

fn versions(change: &NotedChange) -> String {
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{} → {}", label::one_line(from), label::one_line(to)),
        (None, Some(to)) => label::one_line(to),
        (Some(from), None) => format!("{} →", label::one_line(from)),
        (None, None) => String::new(),
    }
}

fn more(change: &NotedChange) -> String {
    let parts = [&change.reference, &change.note];
    let parts: Vec<String> =
        parts.into_iter().flatten().map(|text| label::one_line(text)).collect();
    parts.join("; ")
}
