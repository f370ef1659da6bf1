//! A self-test for terminals and logs.

use serin_model::TestedMetric;

use super::{SelfTestReport, wording};
use crate::clock;
use crate::grid::{Column, Fitting, LONG_NAME, SHORT_NAME};
use crate::label;
use crate::table::{NARROWEST, Style, Text};

/// Shows a self-test as text: the sentence that sums it up, what became of whole canaries, the metrics
/// with the one with most false alarms first, and what to write instead.
///
/// Names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn self_test_table(report: &SelfTestReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    let test = &report.self_test;
    text.lines.push(format!("SELFTEST  {}", label::one_line(report.service.trim())));
    text.paragraph("", &crate::wording::sentence(&report.summary).replace('\u{a0}', " "));
    text.paragraph("", &format!("{}, {}", wording::asked(test), history(report)));
    text.blank();
    for line in wording::canaries(test) {
        text.paragraph("", &line);
    }
    text.blank();
    let mut lines = grid(report, style.width - INDENT.len()).into_iter();
    if let Some(heading) = lines.next() {
        let heading = text.dimmed(&heading);
        text.lines.push(format!("{INDENT}{heading}"));
    }
    text.lines.extend(lines.map(|line| format!("{INDENT}{line}")));
    text.paragraph("", LEGEND);
    remarks(&mut text, report);
    text.blank();
    if test.recommendations.is_empty() {
        text.paragraph("", "nothing needs to be changed");
    } else {
        text.paragraph("", "recommended:");
        for recommendation in &test.recommendations {
            text.paragraph("- ", &wording::recommendation(recommendation));
        }
        text.blank();
        text.paragraph("", "in the Check file:");
        text.lines.extend(yaml(report).map(|line| format!("{INDENT}{line}")));
    }
    text.blank();
    let judge = label::one_line(&test.judge.to_string());
    text.paragraph("judge: ", &format!("{judge}, serin {}", label::one_line(&report.serin)));
    text.lines.join("\n") + "\n"
}

const INDENT: &str = "  ";

const LEGEND: &str = "“false alarms”: called harmed at any moment of a split, ≤ the bound of 95 %; “adds”: \
     canaries failed by it; “enough”: the smallest tolerance with at most 1 % of them; “φ”: how much a step \
     is like the one before; “unlike”: how far replicas lie apart; “sees”: what half of the splits would \
     have shown";

/// What is odd about the metrics, and what must be known of the whole.
fn remarks(text: &mut Text, report: &SelfTestReport) {
    let test = &report.self_test;
    let remarks: Vec<String> = test
        .metrics
        .iter()
        .flat_map(|metric| {
            let name = wording::name(metric);
            wording::remarks(metric, test).into_iter().map(move |it| format!("{name}: {it}"))
        })
        .collect();
    if !remarks.is_empty() {
        text.blank();
    }
    for remark in remarks {
        text.paragraph("- ", &remark);
    }
    if !test.warnings.is_empty() || !report.doubts.is_empty() {
        text.blank();
    }
    for warning in test.warnings.iter().chain(&report.doubts) {
        text.paragraph("! ", &label::one_line(warning));
    }
}

/// Returns what to write, without the comments, which stand above it as sentences.
pub(super) fn yaml(report: &SelfTestReport) -> impl Iterator<Item = String> {
    report.changes.lines().filter(|line| !line.starts_with('#')).map(label::one_line)
}

pub(super) fn history(report: &SelfTestReport) -> String {
    match report.history {
        Some((first, last)) => format!("from the control’s history {}", clock::span(first, last)),
        None => "without a history of the control".to_owned(),
    }
}

fn grid(report: &SelfTestReport, width: usize) -> Vec<String> {
    let metrics = &report.self_test.metrics;
    let column = |cell: fn(&TestedMetric) -> String| metrics.iter().map(cell).collect();
    let mut columns = vec![
        Column::words("metric", column(wording::name_and_role)),
        Column::numbers("false alarms", column(|it| wording::alarms(&it.false_alarms))),
        Column::numbers("adds", column(wording::added)),
        Column::numbers("tolerates", column(|it| wording::share(it.tolerance))),
        Column::numbers("enough", column(wording::smallest)),
        Column::numbers("safe", column(wording::safe)),
        Column::numbers("sees", column(wording::sees)),
        Column::numbers("φ", column(wording::correlation)),
        Column::numbers("unlike", column(wording::spread)),
        Column::numbers("missing", column(wording::missing)),
    ];
    if report.self_test.kayenta.is_some() {
        let of_kayenta =
            |it: &TestedMetric| it.kayenta.as_ref().map_or_else(String::new, wording::alarms);
        columns.push(Column::numbers("kayenta", column(of_kayenta)));
    }
    Fitting::new(columns, width)
        .with_names_cut_to(LONG_NAME)
        .without(&["missing", "unlike", "φ"])
        .with_names_cut_to(SHORT_NAME)
        .without(&["sees", "adds", "tolerates", "safe"])
        .lines()
}
