//! Scorecards for terminals and logs.

use serin_model::Rate;

use super::{CheckScorecard, Counts, ScorecardReport};
use crate::grid::{Column, Fitting};
use crate::table::{NARROWEST, Style, Text};
use crate::wording::Tone;
use crate::{clock, label};

/// Shows scorecards as text: for each Check and judge the sentence on whether it may gate, then the counts by
/// mode, then the rates.
///
/// Names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn scorecard_table(report: &ScorecardReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    for service in &report.services {
        for (index, check) in service.checks.iter().enumerate() {
            if !text.lines.is_empty() {
                text.blank();
            }
            let tone = if check.readiness.is_ready { Tone::Good } else { Tone::Unclear };
            let word = if check.readiness.is_ready { "READY" } else { "NOT READY" };
            let word = text.bold(&format!("{} {word}", tone.symbol()), tone);
            text.lines.push(format!("{word}  {}", label::one_line(service.service.trim())));
            check_card(&mut text, check, index == 0);
        }
    }
    if text.lines.is_empty() {
        text.lines.push("no verdicts yet".to_owned());
    }
    text.lines.join("\n") + "\n"
}

const INDENT: &str = "  ";

/// Digits of a digest that tell the Checks of one service apart.
const DIGEST_CHARACTERS: usize = 12;

fn check_card(text: &mut Text, check: &CheckScorecard, is_newest: bool) {
    text.paragraph("", &check.readiness.summary);
    let name = match &check.check {
        Some(digest) => format!("Check {}", digest.get(..DIGEST_CHARACTERS).unwrap_or(digest)),
        None => "a Check that nothing names".to_owned(),
    };
    let judge = label::one_line(&check.judge.to_string());
    let older = if is_newest { "" } else { ", no longer the newest" };
    let span = clock::span(check.span.0, check.span.1);
    text.paragraph("", &format!("{name} by {judge}{older}; verdicts {span}"));
    text.blank();
    let modes = [("acting", &check.acting), ("shadow", &check.shadow), ("A/A", &check.aa)];
    let modes: Vec<_> = modes.into_iter().filter(|(_, counts)| verdicts(counts) > 0).collect();
    let column =
        |cell: fn(&Counts) -> u64| modes.iter().map(|(_, it)| cell(it).to_string()).collect();
    let columns = vec![
        Column::words("mode", modes.iter().map(|(name, _)| (*name).to_owned()).collect()),
        Column::numbers("pass", column(|it| it.passed)),
        Column::numbers("hold", column(|it| it.held)),
        Column::numbers("fail", column(|it| it.failed)),
        Column::numbers("caught", column(|it| it.caught)),
        Column::numbers("missed", column(|it| it.missed)),
        Column::numbers("false alarms", column(|it| it.false_alarms)),
        Column::numbers("confirmed", column(|it| it.confirmed)),
        Column::numbers("undecided", column(|it| it.undecided)),
        Column::numbers("prevented", column(|it| it.prevented)),
        Column::numbers("overridden", column(overridden)),
    ];
    let width = text.style.width - INDENT.len();
    let lines = Fitting::new(columns, width)
        .without(&["prevented", "overridden", "confirmed", "undecided", "hold"])
        .lines();
    text.lines.extend(lines.into_iter().map(|line| format!("{INDENT}{line}")));
    text.blank();
    rate(text, "false alarms among good canaries", check.false_alarms);
    rate(text, "false alarms in A/A runs", check.aa_false_alarms);
    rate(text, "caught of bad canaries", check.caught);
    rate(text, "left to people", check.held);
    who_was_right(text, check);
}

fn verdicts(counts: &Counts) -> u64 {
    counts.passed + counts.held + counts.failed
}

fn overridden(counts: &Counts) -> u64 {
    counts.overridden.judge_right + counts.overridden.person_right + counts.overridden.open
}

fn rate(text: &mut Text, what: &str, rate: Option<Rate>) {
    let words = match rate {
        Some(rate) => format!(
            "{what}: {} of {}, {} (95 %: {} to {})",
            rate.count,
            rate.of,
            percent(rate.share()),
            percent(rate.lower),
            percent(rate.upper)
        ),
        None => format!("{what}: none to count"),
    };
    text.paragraph("", &words);
}

fn who_was_right(text: &mut Text, check: &CheckScorecard) {
    let sum = |cell: fn(&Counts) -> u64| cell(&check.acting) + cell(&check.shadow);
    if sum(overridden) == 0 {
        return;
    }
    let words = format!(
        "overridden by people: {}; the judge was right {} times, the person {}, nobody can say yet {}",
        sum(overridden),
        sum(|it| it.overridden.judge_right),
        sum(|it| it.overridden.person_right),
        sum(|it| it.overridden.open)
    );
    text.paragraph("", &words);
}

/// Returns a share with the digits that so few verdicts can carry.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent == 0.0 || percent >= 9.95 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}
