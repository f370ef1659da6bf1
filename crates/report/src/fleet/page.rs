//! A fleet as one HTML file, with links to a page of each member.

use askama::Template;
use serin_model::Outcome;

use super::{FleetReport, wording};
use crate::report::{Input, Report};
use crate::wording::Tone;
use crate::{evidence, label};

/// Shows a fleet as one HTML file: no script, nothing fetched.
///
/// * `link`: returns where the page of a member is, relative to this one, by the member's place in the
///   report; nothing where there is none.
///
/// # Errors
///
/// [`askama::Error`] when the template fails, which no fleet makes it do.
pub fn fleet_html(
    report: &FleetReport,
    link: &dyn Fn(&Report) -> Option<String>,
) -> Result<String, askama::Error> {
    Page::new(report, link).render()
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct Page {
    fleet: String,
    tone: &'static str,
    symbol: char,
    word: &'static str,
    action: String,
    counts: String,
    label: String,
    sections: Vec<Section>,
    notes: Vec<String>,
    without_canary: Vec<String>,
    inputs: Vec<InputRow>,
    judge: Option<String>,
    serin: String,
}

/// The members of one outcome.
struct Section {
    name: &'static str,
    heading: &'static str,
    tone: &'static str,
    symbol: char,
    rows: Vec<Row>,
}

struct Row {
    service: String,
    link: Option<String>,
    reason: String,
    suspects: String,
    decided: String,
}

struct InputRow {
    path: String,
    bytes: u64,
    sha256: String,
}

impl Page {
    fn new(report: &FleetReport, link: &dyn Fn(&Report) -> Option<String>) -> Self {
        let outcome = report.outcome;
        let tone = Tone::of_outcome(outcome);
        let section = |outcome| section(report, outcome, link);
        let sections = [Outcome::Fail, Outcome::Inconclusive, Outcome::Pass].map(section);
        Self {
            fleet: wording::name(report),
            tone: tone.as_str(),
            symbol: tone.symbol(),
            word: crate::wording::word(outcome),
            action: wording::action(report),
            counts: crate::wording::sentence(&wording::counts(report)),
            label: label::one_line(&report.for_each.join("/")),
            sections: sections.into_iter().filter(|section| !section.rows.is_empty()).collect(),
            notes: wording::notes(report)
                .iter()
                .map(|note| crate::wording::sentence(note))
                .collect(),
            without_canary: report.without_canary.iter().map(|it| label::one_line(it)).collect(),
            inputs: [&report.check].into_iter().chain(&report.inputs).map(input).collect(),
            judge: report.members.first().map(|it| label::one_line(&it.verdict.judge.to_string())),
            serin: label::one_line(&report.serin),
        }
    }
}

fn section(
    report: &FleetReport,
    outcome: Outcome,
    link: &dyn Fn(&Report) -> Option<String>,
) -> Section {
    let row = |(_, member): (usize, &Report)| Row {
        service: label::one_line(&member.service),
        link: link(member),
        reason: crate::wording::unbroken(&member.verdict.reason),
        suspects: wording::suspects(member),
        decided: evidence::reached(member).unwrap_or_default(),
    };
    let tone = Tone::of_outcome(outcome);
    let (name, heading) = match outcome {
        Outcome::Fail => ("fail", "Fail"),
        Outcome::Inconclusive => ("inconclusive", "Inconclusive"),
        Outcome::Pass => ("pass", "Pass"),
    };
    let rows = report.with(outcome).map(row).collect();
    Section { name, heading, tone: tone.as_str(), symbol: tone.symbol(), rows }
}

fn input(input: &Input) -> InputRow {
    InputRow {
        path: label::one_line(&input.path),
        bytes: input.bytes,
        sha256: label::one_line(&input.sha256),
    }
}
