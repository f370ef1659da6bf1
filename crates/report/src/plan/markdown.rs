//! A plan for merge requests and issues.

use serin_model::PlannedMetric;

use super::sparkline::sparkline;
use super::table::history;
use super::{PlanReport, wording};
use crate::label;
use crate::markdown_text::{code, sentence};
use crate::wording::NOTHING;

/// The length of a sentence from a file, and of a metric's name.
const LONG_SENTENCE: usize = 600;
const LONG_NAME: usize = 60;

/// So many metrics have a row; the others are counted.
const MOST_METRICS: usize = 60;

/// Shows a plan as GitHub-flavoured Markdown: the sentence that sums it up, the table, and folded what
/// it takes to see more. Names from files cannot become markup.
#[must_use]
pub fn plan_markdown(report: &PlanReport) -> String {
    let plan = &report.plan;
    let service = sentence(report.service.trim(), LONG_NAME);
    let mut page = format!("## Plan: {service}\n\n");
    page.push_str(&format!(
        "{}\n\n",
        sentence(&crate::wording::sentence(&report.summary), LONG_SENTENCE)
    ));
    let asked = format!("{}, {}", wording::asked(&plan.rollout), history(report));
    let asked = crate::wording::sentence(&asked);
    page.push_str(&format!("{}\n\n", sentence(&asked, LONG_SENTENCE)));
    page.push_str("| metric | tolerates | sees half | sees 90 % | unacceptable | seen in | safe in | over time |\n");
    page.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for metric in plan.metrics.iter().take(MOST_METRICS) {
        page.push_str(&row(metric, report));
    }
    let left = plan.metrics.len().saturating_sub(MOST_METRICS);
    if left > 0 {
        page.push_str(&format!("\n{left} more metrics have no room here.\n"));
    }
    page.push_str(
        "\n<details><summary>What it takes to see more, and what was assumed</summary>\n\n",
    );
    for metric in plan.metrics.iter().take(MOST_METRICS) {
        page.push_str(&format!("- {}\n", code(&wording::name(metric), LONG_NAME)));
        for remark in wording::remarks(metric, plan) {
            page.push_str(&format!("  - {}\n", sentence(&remark, LONG_SENTENCE)));
        }
    }
    page.push_str("\n</details>\n");
    for warning in plan.warnings.iter().chain(&report.doubts) {
        page.push_str(&format!("\n> ⚠ {}\n", sentence(&label::one_line(warning), LONG_SENTENCE)));
    }
    page
}

fn row(metric: &PlannedMetric, report: &PlanReport) -> String {
    let name = code(&wording::name(metric), LONG_NAME);
    let Some(outlook) = &metric.outlook else {
        let nothing = [NOTHING; 7].join(" | ");
        return format!("| {name} | {nothing} |\n");
    };
    let effect = |effect| wording::effect(effect, metric.worse);
    let cells = [
        effect(outlook.tolerance),
        wording::seen(outlook.half, metric.worse),
        wording::seen(outlook.nine_in_ten, metric.worse),
        effect(outlook.unacceptable),
        wording::harm(outlook, &report.plan),
        wording::safety(outlook, &report.plan),
        sparkline(&outlook.curve),
    ];
    format!("| {name} | {} |\n", cells.join(" | "))
}
