//! A plan for terminals and logs.

use serin_model::PlannedMetric;

use super::PlanReport;
use super::sparkline::sparkline;
use super::wording;
use crate::clock;
use crate::grid::{Column, Fitting, LONG_NAME, SHORT_NAME};
use crate::label;
use crate::table::{NARROWEST, Style, Text};
use crate::wording::NOTHING;

/// Shows a plan as text: the sentence that sums it up, the metrics with the one that shows least first,
/// what it takes to see more, and what was assumed.
///
/// Names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn plan_table(report: &PlanReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    let plan = &report.plan;
    let service = label::one_line(report.service.trim());
    text.lines.push(format!("PLAN  {service}"));
    text.paragraph("", &crate::wording::sentence(&report.summary).replace('\u{a0}', " "));
    text.paragraph("", &format!("{}, {}", wording::asked(&plan.rollout), history(report)));
    text.blank();
    let mut lines = grid(report, style.width - INDENT.len()).into_iter();
    if let Some(heading) = lines.next() {
        let heading = text.dimmed(&heading);
        text.lines.push(format!("{INDENT}{heading}"));
    }
    text.lines.extend(lines.map(|line| format!("{INDENT}{line}")));
    text.paragraph("", LEGEND);
    for metric in &plan.metrics {
        text.blank();
        let name = wording::name(metric);
        let shows =
            if metric.history.is_empty() { name } else { format!("{name}: {}", metric.history) };
        text.paragraph("", &label::one_line(&shows));
        for remark in wording::remarks(metric, plan) {
            text.paragraph("- ", &remark);
        }
    }
    if !plan.warnings.is_empty() || !report.doubts.is_empty() {
        text.blank();
    }
    for warning in plan.warnings.iter().chain(&report.doubts) {
        text.paragraph("! ", &label::one_line(warning));
    }
    text.blank();
    let judge = label::one_line(&plan.judge.to_string());
    text.paragraph("judge: ", &format!("{judge}, serin {}", label::one_line(&report.serin)));
    text.lines.join("\n") + "\n"
}

const INDENT: &str = "  ";

const LEGEND: &str = "“sees”: called harm within the horizon, in half and in nine of ten canaries; \
     “seen in” and “safe in”: for nine in ten; “over time”: the smallest effect that half show, from the \
     start to the horizon, lower is smaller";

pub(super) fn history(report: &PlanReport) -> String {
    match report.history {
        Some((first, last)) => format!("from the control’s history {}", clock::span(first, last)),
        None => "without a history of the control".to_owned(),
    }
}

fn grid(report: &PlanReport, width: usize) -> Vec<String> {
    let plan = &report.plan;
    let column = |cell: &dyn Fn(&PlannedMetric) -> String| plan.metrics.iter().map(cell).collect();
    let of = |cell: &dyn Fn(&PlannedMetric, &serin_model::Outlook) -> String| {
        column(&|metric| {
            metric
                .outlook
                .as_ref()
                .map_or_else(|| NOTHING.to_owned(), |outlook| cell(metric, outlook))
        })
    };
    let columns = vec![
        Column::words("metric", column(&name)),
        Column::numbers("tolerates", of(&|m, o| wording::effect(o.tolerance, m.worse))),
        Column::numbers("sees half", of(&|m, o| wording::seen(o.half, m.worse))),
        Column::numbers("sees 90 %", of(&|m, o| wording::seen(o.nine_in_ten, m.worse))),
        Column::numbers("unacceptable", of(&|m, o| wording::effect(o.unacceptable, m.worse))),
        Column::numbers("seen in", of(&|_, o| wording::harm(o, plan))),
        Column::numbers("safe in", of(&|_, o| wording::safety(o, plan))),
        Column::words("over time", of(&|_, o| sparkline(&o.curve))),
    ];
    Fitting::new(columns, width)
        .with_names_cut_to(LONG_NAME)
        .without(&["over time", "tolerates"])
        .with_names_cut_to(SHORT_NAME)
        .without(&["sees half", "seen in", "unacceptable", "safe in"])
        .lines()
}

fn name(metric: &PlannedMetric) -> String {
    let name = wording::name(metric);
    match (metric.muted, metric.gating) {
        (true, _) => format!("{name} (muted)"),
        (false, true) => format!("{name} (gating)"),
        (false, false) => name,
    }
}
