//! Checks for terminals and logs.

use super::{AppliedCheck, CheckState, CheckStatus, ChecksReport, ComparedFolder};
use crate::grid::{Column, Fitting, LONG_NAME};
use crate::table::{NARROWEST, Style, Text};
use crate::{clock, label};

/// What becomes of Checks that are no longer in their folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Removal {
    /// They stay in force.
    Stay,
    /// They are removed.
    Go,
}

/// Shows what applying a folder would change, or changed, as text: what is new, changed and gone, and how the texts
/// differ.
///
/// * `is_done`: whether it was applied.
///
/// Names and texts come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn checks_plan_table(
    report: &ChecksReport,
    removal: Removal,
    is_done: bool,
    style: Style,
) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    if let Some(folder) = &report.folder {
        text.lines.push(folder_in_words(folder));
    }
    changes(&mut text, report, removal);
    if !is_done {
        differences(&mut text, report);
    }
    text.blank();
    text.lines.push(summary(report, removal, is_done));
    if let Some(folder) = report.folder.as_ref().filter(|folder| folder.warnings > 0) {
        let count = counted(folder.warnings, "warning");
        text.paragraph("", &format!("`serin lint` has {count} of these files"));
    }
    text.lines.join("\n") + "\n"
}

/// Shows which Checks are in force as text, and how each compares with the folder, where one was read.
#[must_use]
pub fn checks_list_table(report: &ChecksReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    if let Some(folder) = &report.folder {
        text.lines.push(folder_in_words(folder));
        text.blank();
    }
    if report.checks.is_empty() {
        text.lines.push("no Check is applied".to_owned());
        return text.lines.join("\n") + "\n";
    }
    let checks = &report.checks;
    let column = |cell: &dyn Fn(&CheckStatus) -> String| checks.iter().map(cell).collect();
    let applied = |cell: &dyn Fn(&AppliedCheck) -> String| {
        column(&|it| it.applied.as_ref().map(cell).unwrap_or_default())
    };
    let mut columns = vec![Column::words("check", column(&|it| label::one_line(&it.name())))];
    if report.folder.is_some() {
        columns.push(Column::words("state", column(&state)));
    }
    columns.extend([
        Column::words("file", column(&|it| label::one_line(&file(it)))),
        Column::words("since (UTC)", applied(&|it| clock::formatted(it.since, PATTERN))),
        Column::words("commit", applied(&|it| commit(it.commit.as_ref(), it.dirty))),
        Column::words("by", applied(&|it| label::one_line(&it.by))),
    ]);
    let own = report.folder.as_ref().map(|folder| &folder.name);
    let is_elsewhere = |it: &AppliedCheck| own.is_none() || it.folder.as_ref() != own;
    if checks.iter().filter_map(|check| check.applied.as_ref()).any(is_elsewhere) {
        columns.push(Column::words("folder", applied(&|it| label::one_line(&folder(it)))));
    }
    let fitting = Fitting::new(columns, text.style.width).with_names_cut_to(WHOLE_NAME);
    let lines = fitting.without(&["by", "folder"]).lines();
    text.lines.extend(lines.into_iter().map(|line| line.trim_end().to_owned()));
    if report.folder.is_some() {
        text.blank();
        let drifted = checks.iter().filter(|check| check.state.is_drift()).count();
        let shown = match drifted {
            0 => "in sync: what is in force is what the folder has".to_owned(),
            1 => "1 drifted; `serin checks plan` shows how".to_owned(),
            count => format!("{count} drifted; `serin checks plan` shows how"),
        };
        text.lines.push(shown);
    }
    text.lines.join("\n") + "\n"
}

/// Names tell Checks apart by their ends: other columns go first.
const WHOLE_NAME: usize = 48;
const PATTERN: &str = "%Y-%m-%d %H:%M";

fn folder_in_words(folder: &ComparedFolder) -> String {
    let count = counted(folder.checks, "Check");
    let at = match &folder.commit {
        Some(commit) => format!(" at {}", shortened(commit)),
        None => String::new(),
    };
    let dirty = if folder.dirty { ", with changes that are not committed" } else { "" };
    format!("{count} in {}{at}{dirty}", label::one_line(&folder.name))
}

fn changes(text: &mut Text, report: &ChecksReport, removal: Removal) {
    let shown: Vec<&CheckStatus> =
        report.checks.iter().filter(|check| check.state.is_drift()).collect();
    if shown.is_empty() {
        return;
    }
    text.blank();
    let column = |cell: &dyn Fn(&CheckStatus) -> String| shown.iter().map(|it| cell(it)).collect();
    let columns = vec![
        Column::words("", column(&|it| sign(it.state, removal).to_owned())),
        Column::words("check", column(&|it| label::one_line(&it.name()))),
        Column::words("file", column(&|it| label::one_line(&file(it)))),
        Column::words("what", column(&|it| label::one_line(&what(it, removal)))),
    ];
    let lines = Fitting::new(columns, text.style.width).with_names_cut_to(LONG_NAME).lines();
    // The heading says nothing that the rows do not.
    text.lines.extend(lines.into_iter().skip(1).map(|line| line.trim_end().to_owned()));
}

fn sign(state: CheckState, removal: Removal) -> &'static str {
    match (state, removal) {
        (CheckState::NotApplied, _) => "+",
        (CheckState::Changed, _) => "~",
        (CheckState::Left, Removal::Go) => "-",
        (CheckState::Taken, _) => "!",
        (CheckState::Left | CheckState::Applied | CheckState::InSync, _) => "",
    }
}

fn what(check: &CheckStatus, removal: Removal) -> String {
    let by = check.changed_by.as_ref().map(|commit| format!(" by {}", shortened(commit)));
    let since = check.changed_at.map(|at| format!(" of {}", clock::formatted(at, PATTERN)));
    let by = by.map(|by| by + &since.unwrap_or_default()).unwrap_or_default();
    match (check.state, removal) {
        (CheckState::NotApplied, _) => format!("new{by}"),
        (CheckState::Changed, _) => match changed_elsewhere(check) {
            Some(names) => format!("changed through {names}{by}"),
            None if check.differs.is_empty() => "moved".to_owned(),
            None => format!("changed{by}"),
        },
        (CheckState::Left, removal) => {
            let gone = if by.is_empty() {
                "no longer in the folder".to_owned()
            } else {
                format!("taken out{by}")
            };
            let stays = if removal == Removal::Stay { "; stays without --prune" } else { "" };
            gone + stays
        }
        (CheckState::Taken, _) => {
            let other = check.applied.as_ref().map(folder).unwrap_or_default();
            format!("in force from {other}")
        }
        (CheckState::Applied | CheckState::InSync, _) => String::new(),
    }
}

/// Returns the texts that differ, where the Check's own does not.
fn changed_elsewhere(check: &CheckStatus) -> Option<String> {
    let own = check.file.as_deref()?;
    let is_own = check.differs.iter().any(|name| name == own || name.ends_with(&format!("/{own}")));
    (!is_own && !check.differs.is_empty()).then(|| check.differs.join(", "))
}

fn differences(text: &mut Text, report: &ChecksReport) {
    for difference in &report.differences {
        text.blank();
        if difference.difference.is_empty() {
            let name = label::one_line(&difference.name);
            text.paragraph("", &format!("{name}: the text in force is no longer kept"));
        }
        let lines = label::lines(&difference.difference);
        text.lines.extend(lines.lines().map(str::to_owned));
    }
}

fn summary(report: &ChecksReport, removal: Removal, is_done: bool) -> String {
    let (added, changed) =
        (report.count(CheckState::NotApplied), report.count(CheckState::Changed));
    let (left, taken) = (report.count(CheckState::Left), report.count(CheckState::Taken));
    let removed = match removal {
        Removal::Go => left,
        Removal::Stay => 0,
    };
    let unchanged = report.count(CheckState::InSync);
    if added + changed + removed + taken == 0 {
        return format!("nothing to do: {} unchanged", counted(unchanged, "Check"));
    }
    let parts = [(added, "add"), (changed, "change"), (taken, "take over"), (removed, "remove")];
    let done = ["added", "changed", "taken over", "removed"];
    let parts: Vec<String> = parts
        .into_iter()
        .zip(done)
        .filter(|((count, verb), _)| *count > 0 || *verb != "take over")
        .map(
            |((count, verb), done)| {
                if is_done { format!("{count} {done}") } else { format!("{count} to {verb}") }
            },
        )
        .collect();
    let start = if is_done { "applied: " } else { "" };
    format!("{start}{}, {unchanged} unchanged", parts.join(", "))
}

fn state(check: &CheckStatus) -> String {
    let by = check.changed_by.as_ref().map(|commit| format!(" by {}", shortened(commit)));
    let by = by.unwrap_or_default();
    match check.state {
        CheckState::Applied => "elsewhere".to_owned(),
        CheckState::InSync => "in sync".to_owned(),
        CheckState::NotApplied => format!("not applied{by}"),
        CheckState::Changed => format!("drifted{by}"),
        CheckState::Left => format!("left the folder{by}"),
        CheckState::Taken => "taken".to_owned(),
    }
}

fn file(check: &CheckStatus) -> String {
    let applied = check.applied.as_ref().and_then(|applied| applied.file.clone());
    check.file.clone().or(applied).unwrap_or_default()
}

fn folder(applied: &AppliedCheck) -> String {
    applied.folder.clone().unwrap_or_else(|| "no folder".to_owned())
}

fn commit(commit: Option<&String>, dirty: bool) -> String {
    let Some(commit) = commit else { return String::new() };
    let dirty = if dirty { "+" } else { "" };
    format!("{}{dirty}", shortened(commit))
}

/// As many letters of a commit as people are used to.
fn shortened(commit: &str) -> String {
    label::one_line(commit).chars().take(9).collect()
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::TextDifference;

    fn report(service: &str, state: CheckState) -> ChecksReport {
        let applied = AppliedCheck {
            event: "01a20be1-3243-7000-8000-28ea6df2ae10".to_owned(),
            since: serin_model::Timestamp::from_seconds(1_600_000_000),
            by: "ann\u{1b}[2J".to_owned(),
            folder: Some("elsewhere\u{202e}".to_owned()),
            file: Some("a.yaml".to_owned()),
            commit: Some("5205c8b6b464a44cec241cb3".to_owned()),
            dirty: true,
            texts: Vec::new(),
        };
        let check = CheckStatus {
            service: service.to_owned(),
            labels: [("region".to_owned(), "eu\n".to_owned())].into(),
            state,
            file: Some("a\tb.yaml".to_owned()),
            differs: vec!["team/a\tb.yaml".to_owned()],
            changed_by: Some("464a44cec241cb356a21".to_owned()),
            changed_at: Some(serin_model::Timestamp::from_seconds(1_600_003_600)),
            applied: Some(applied),
        };
        let difference =
            TextDifference { name: "a".to_owned(), difference: "-\tone\u{7}\n+\ttwo\n".to_owned() };
        ChecksReport {
            version: ChecksReport::VERSION,
            serin: "0.1.0".to_owned(),
            folder: Some(ComparedFolder {
                name: "git.example/checks\u{9b}".to_owned(),
                commit: Some("464a44cec241cb356a21".to_owned()),
                dirty: false,
                checks: 1,
                warnings: 2,
            }),
            checks: vec![check],
            differences: vec![difference],
        }
    }

    #[test]
    fn names_and_texts_cannot_steer_a_terminal() {
        let style = Style { colour: false, width: 120 };
        let mut shown = String::new();
        for state in [CheckState::Changed, CheckState::Taken, CheckState::Left] {
            let report = report("check\u{1b}[31mout", state);
            shown += &checks_plan_table(&report, Removal::Stay, false, style);
            shown += &checks_list_table(&report, style);
        }
        let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
        assert!(!shown.contains(steers), "{shown}");
        assert!(!shown.contains('\u{202e}'), "{shown}");
        insta::assert_snapshot!(shown);
    }
}
