//! A plan as one HTML file that needs nothing else.

use askama::Template;
use serin_model::{Outlook, PlannedMetric};

use super::table::history;
use super::{PlanReport, curve, wording};
use crate::label;
use crate::wording::NOTHING;

/// Shows a plan as one HTML file: no script, nothing fetched.
///
/// # Errors
///
/// [`askama::Error`] when the template fails, which no plan makes it do.
pub fn plan_html(report: &PlanReport) -> Result<String, askama::Error> {
    Page::new(report).render()
}

#[derive(Template)]
#[template(path = "plan.html")]
struct Page {
    service: String,
    summary: String,
    asked: String,
    rows: Vec<Row>,
    sections: Vec<Section>,
    warnings: Vec<String>,
    inputs: Vec<InputRow>,
    judge: String,
    serin: String,
}

struct Row {
    number: usize,
    name: String,
    cells: Vec<String>,
}

struct Section {
    number: usize,
    name: String,
    history: String,
    picture: String,
    facts: Vec<(&'static str, String)>,
    remarks: Vec<String>,
}

struct InputRow {
    path: String,
    bytes: u64,
    sha256: String,
}

impl Page {
    fn new(report: &PlanReport) -> Self {
        let plan = &report.plan;
        let numbered = || (1..).zip(&plan.metrics);
        let warnings = plan.warnings.iter().chain(&report.doubts);
        let inputs = [&report.check].into_iter().chain(&report.inputs);
        Self {
            service: label::one_line(report.service.trim()),
            summary: crate::wording::sentence(&report.summary),
            asked: crate::wording::sentence(&format!(
                "{}, {}",
                wording::asked(&plan.rollout),
                history(report)
            )),
            rows: numbered().map(|(number, metric)| row(number, metric, report)).collect(),
            sections: numbered().map(|(number, metric)| section(number, metric, report)).collect(),
            warnings: warnings.map(|warning| crate::wording::sentence(warning)).collect(),
            inputs: inputs
                .map(|input| InputRow {
                    path: label::one_line(&input.path),
                    bytes: input.bytes,
                    sha256: input.sha256.clone(),
                })
                .collect(),
            judge: label::one_line(&plan.judge.to_string()),
            serin: label::one_line(&report.serin),
        }
    }
}

fn row(number: usize, metric: &PlannedMetric, report: &PlanReport) -> Row {
    let cells = metric.outlook.as_ref().map_or_else(
        || vec![NOTHING.to_owned(); 6],
        |outlook| {
            vec![
                wording::effect(outlook.tolerance, metric.worse),
                wording::seen(outlook.half, metric.worse),
                wording::seen(outlook.nine_in_ten, metric.worse),
                wording::effect(outlook.unacceptable, metric.worse),
                wording::harm(outlook, &report.plan),
                wording::safety(outlook, &report.plan),
            ]
        },
    );
    let cells = cells.iter().map(|cell| crate::wording::unbroken(cell)).collect();
    Row { number, name: wording::name(metric), cells }
}

fn section(number: usize, metric: &PlannedMetric, report: &PlanReport) -> Section {
    let remarks = wording::remarks(metric, &report.plan);
    Section {
        number,
        name: wording::name(metric),
        history: label::one_line(&metric.history),
        picture: metric.outlook.as_ref().map_or_else(String::new, |outlook| {
            let title = format!("{}: the effect that can be seen over time", wording::name(metric));
            curve::draw(outlook, metric.worse, number, &title, &described(outlook, metric))
        }),
        facts: metric.outlook.as_ref().map_or_else(Vec::new, facts),
        remarks: remarks.iter().map(|remark| crate::wording::sentence(remark)).collect(),
    }
}

fn described(outlook: &Outlook, metric: &PlannedMetric) -> String {
    let minutes = outlook.curve.last().map_or(0.0, |point| point.minutes);
    format!(
        "After {}, half of the canaries show {}, and nine in ten show {}.",
        wording::minutes(minutes),
        wording::seen(outlook.half, metric.worse),
        wording::seen(outlook.nine_in_ten, metric.worse)
    )
}

fn facts(outlook: &Outlook) -> Vec<(&'static str, String)> {
    let mut facts = vec![(
        "Canaries with an unacceptable effect that are caught within the horizon",
        wording::percent_of_canaries(outlook.harm.within_horizon),
    )];
    facts.extend(outlook.safety.as_ref().map(|safety| {
        (
            "Canaries like their control that are proven safe within it",
            wording::percent_of_canaries(safety.within_horizon),
        )
    }));
    facts.push(("Canaries simulated for each effect", outlook.canaries.to_string()));
    facts
}
