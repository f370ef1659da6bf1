//! A verdict as one HTML file that needs nothing else.

use askama::Template;
use serin_model::{JudgedMetric, Judgement};

use crate::forest::{Forest, RowName};
use crate::report::Report;
use crate::section::{Fact, Section};
use crate::wording::{self, Shared, Tone};
use crate::{clock, evidence, evidence_notes, label, next};

/// The styles of all pages, to be followed by what a page adds to them.
pub const STYLES: &str = include_str!("../templates/report.css");

/// Shows a report as one HTML file: no script, nothing fetched, readable on a phone and on paper.
///
/// Whatever comes from files is escaped. Metrics whose points are not in the report have no graphs,
/// and say so; a report without metrics is a page without them.
///
/// # Errors
///
/// [`askama::Error`] when the template fails, which no report makes it do.
pub fn html(report: &Report) -> Result<String, askama::Error> {
    Page::new(report).render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    tone: &'static str,
    symbol: char,
    word: &'static str,
    action: String,
    reason: String,
    next: String,
    facts: Vec<Fact>,
    score: Score,
    judgements: Vec<JudgementRow>,
    warnings: Vec<Shared>,
    ignored: Vec<String>,
    headings: Headings,
    /// What stands below the table of all metrics.
    notes: Vec<String>,
    /// Whether the sequential judge decided.
    is_evidence: bool,
    /// Whether more of a metric is tolerated than the Check says.
    is_widened: bool,
    /// The scale of the forest plot; none when no metric has a relative change.
    forest_axis: Option<String>,
    sections: Vec<Section>,
    check_name: String,
    check_text: String,
    inputs: Vec<InputRow>,
    serin: String,
}

/// What the table of all metrics calls what it shows.
struct Headings {
    caption: &'static str,
    drawn: &'static str,
    effect: &'static str,
    interval: String,
}

impl Headings {
    fn of(report: &Report) -> Self {
        let verdict = &report.verdict;
        if evidence::decides(verdict) {
            return Self {
                caption: "The effect of each metric, the canary over the control, with an interval that holds however often one looks",
                drawn: "Effect, drawn",
                effect: "Effect",
                interval: evidence::sequence_heading(verdict),
            };
        }
        Self {
            caption: "How far each metric moved: the shift and its interval, divided by the control’s mean",
            drawn: "Shift, drawn",
            effect: "Means",
            interval: format!("Shift, {}", wording::interval_heading(&verdict.metrics)),
        }
    }
}

/// Returns what the table has no room for; why tolerances were widened stands beside each metric.
fn notes(report: &Report, is_evidence: bool) -> Vec<String> {
    let notes = if is_evidence { evidence_notes::of_all(report) } else { Vec::new() };
    notes.into_iter().map(|(start, note)| wording::sentence(&format!("{start}{note}"))).collect()
}

fn is_widened(metric: &JudgedMetric) -> bool {
    metric.evidence.as_ref().is_some_and(|evidence| evidence.widened.is_some())
}

/// The score, as the template shows it.
struct Score {
    words: String,
    reason: Option<String>,
    groups: Vec<GroupRow>,
}

struct GroupRow {
    name: String,
    score: String,
    weight: String,
}

struct JudgementRow {
    from: String,
    to: String,
    score: String,
    class: &'static str,
}

struct InputRow {
    role: &'static str,
    path: String,
    bytes: u64,
    sha256: String,
}

impl Page {
    fn new(report: &Report) -> Self {
        let verdict = &report.verdict;
        let tone = Tone::of_outcome(verdict.outcome);
        let is_evidence = evidence::decides(verdict);
        let forest = Forest::of(&verdict.metrics, is_evidence);
        let axis = RowName { class: "forest", number: 0 };
        let indexes = 0..verdict.metrics.len();
        Self {
            title: format!("{}: {}", wording::service(report), verdict.outcome),
            tone: tone.as_str(),
            symbol: tone.symbol(),
            word: wording::word(verdict.outcome),
            action: wording::action(report),
            reason: wording::unbroken(&verdict.reason),
            next: wording::sentence(&next::next(report)),
            facts: facts(report),
            score: score(report),
            judgements: verdict.judgements.iter().map(judgement_row).collect(),
            warnings: wording::warnings(&verdict.warnings),
            ignored: verdict.ignored.iter().map(|setting| wording::sentence(setting)).collect(),
            headings: Headings::of(report),
            notes: notes(report, is_evidence),
            is_evidence,
            is_widened: verdict.metrics.iter().any(is_widened),
            forest_axis: forest.map(|forest| forest.axis(axis)),
            sections: indexes.filter_map(|index| Section::new(report, index, forest)).collect(),
            check_name: label::one_line(&report.check.path),
            check_text: label::lines(&report.check_text),
            inputs: inputs(report),
            serin: label::one_line(&report.serin),
        }
    }
}

fn facts(report: &Report) -> Vec<Fact> {
    let when =
        report.span.map_or_else(|| "no data".to_owned(), |(first, last)| clock::span(first, last));
    let mut facts = vec![
        Fact::new("Canary", label::one_line(&report.canary)),
        Fact::new("Control", label::one_line(&report.control)),
        Fact::new("Measured", when),
    ];
    facts.extend(evidence::reached(report).map(|when| Fact::new("Decided", when)));
    facts.push(Fact::new("Step", format!("{} s", report.step_seconds)));
    facts.push(Fact::new("Judge", label::one_line(&report.verdict.judge.to_string())));
    facts
}

fn score(report: &Report) -> Score {
    let scorecard = &report.verdict.scorecard;
    let groups = scorecard.groups.iter().map(|group| GroupRow {
        name: label::one_line(&group.name),
        score: wording::group_score(group),
        weight: format!("{} %", wording::points_of_score(group.weight)),
    });
    Score {
        words: wording::score(&report.verdict),
        reason: scorecard.reason.as_deref().map(wording::sentence),
        groups: groups.collect(),
    }
}

fn judgement_row(judgement: &Judgement) -> JudgementRow {
    JudgementRow {
        from: clock::formatted(judgement.window.start, "%Y-%m-%d %H:%M"),
        to: clock::formatted(judgement.window.end, "%Y-%m-%d %H:%M"),
        score: wording::points_of_score(judgement.score),
        class: wording::score_class(judgement.class),
    }
}

/// Returns the Check and the recordings, as files that were read.
fn inputs(report: &Report) -> Vec<InputRow> {
    let check = std::iter::once(("Check", &report.check));
    let recordings = report.inputs.iter().map(|input| ("Recording", input));
    let row = |(role, input): (&'static str, &crate::report::Input)| InputRow {
        role,
        path: label::one_line(&input.path),
        bytes: input.bytes,
        sha256: label::one_line(&input.sha256),
    };
    check.chain(recordings).map(row).collect()
}
