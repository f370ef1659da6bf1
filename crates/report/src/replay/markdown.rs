//! What would have been said, as Markdown for a pull request.

use super::{ReplayReport, reasons};
use crate::clock;
use crate::markdown_text::{code, sentence};

/// Shows what would have been said as Markdown. At most 50 verdicts are listed.
#[must_use]
pub fn replay_markdown(report: &ReplayReport) -> String {
    let mark = if report.is_worse() { "⚠️" } else { "✅" };
    let mut text =
        format!("### {mark} serin replay\n\n{}.\n", sentence(&report.sentence(), LONGEST));
    for check in report.checks.iter().filter(|check| !check.not_stored.is_empty()) {
        let missing: Vec<String> = check.not_stored.iter().map(|it| code(it, LONGEST)).collect();
        text += &format!(
            "\nNot stored, and left out of {}: {}.\n",
            code(&check.path, LONGEST),
            missing.join(", ")
        );
    }
    text += "\n| part | verdicts | good | blocked | released | bad | caught | missed | changed |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (name, it) in [("older", &report.older), ("newer", &report.newer)] {
        text += &format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            it.verdicts, it.good, it.blocked, it.released, it.bad, it.caught, it.missed, it.changed
        );
    }
    if let Some(split) = report.split_at {
        text += &format!(
            "\nThe newer part begins at {}.\n",
            clock::formatted(split, "%Y-%m-%d %H:%M UTC")
        );
    }
    if !report.flips.is_empty() {
        text += "\n| service | when (UTC) | was | would be | that | why |\n| --- | --- | --- | --- | --- | --- |\n";
        for flip in report.flips.iter().take(MOST_ROWS) {
            let bold = if flip.kind.is_worse() { "**" } else { "" };
            text += &format!(
                "| {} | {} | {} | {} | {bold}{}{bold} | {} |\n",
                code(&flip.service, LONGEST),
                clock::formatted(flip.occurred_at, "%Y-%m-%d %H:%M"),
                flip.was.as_str(),
                flip.would_be.as_str(),
                flip.kind.in_words(),
                sentence(&flip.reason, LONGEST),
            );
        }
        if report.flips.len() > MOST_ROWS {
            text += &format!("\n{} more flip.\n", report.flips.len() - MOST_ROWS);
        }
    }
    for (why, count) in reasons(&report.untold) {
        text += &format!("\nCannot be told of {count}: {}.\n", sentence(&why, LONGEST));
    }
    text
}

/// In characters.
const LONGEST: usize = 200;
const MOST_ROWS: usize = 50;
