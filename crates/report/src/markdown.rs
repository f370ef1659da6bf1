//! A verdict for step summaries, merge requests and issues.

use serin_model::{JudgedMetric, Verdict};

use crate::markdown_text::{code, sentence};
use crate::report::Report;
use crate::wording::{self, Shared, Tone};
use crate::{clock, evidence, evidence_notes, label, next};

/// Shows a report as GitHub-flavoured Markdown: the answer and its reason first, then the metrics
/// worst first, the limits, the score, folded warnings, and what to do.
///
/// It has at most 60,000 bytes, so that it fits into a comment of GitHub (65,536 characters) with
/// room for a sentence of yours; what has no room is counted, never dropped unsaid. Text from files
/// is shown as it is: it cannot become a link, a picture, HTML or a mention of somebody, nor break
/// the table.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let verdict = &report.verdict;
    let mut page = Page(String::new());
    page.headline(report);
    page.metrics(verdict);
    if evidence::decides(verdict) {
        page.evidence_notes(report);
    }
    page.limits(verdict);
    page.score(verdict);
    page.warnings(verdict);
    page.notes(report);
    page.line(&format!("**Next:** {}", sentence(&next::next(report), LONG_SENTENCE)));
    page.0
}

/// How many bytes there may be before the end of each part, so that every part has room.
mod room {
    pub(super) const METRICS: usize = 28_000;
    pub(super) const EVIDENCE: usize = 32_000;
    pub(super) const LIMITS: usize = 36_000;
    pub(super) const GROUPS: usize = 42_000;
    pub(super) const WARNINGS: usize = 50_000;
    pub(super) const NOTES: usize = 55_000;
}

/// The length of a sentence from a file; there are reports where all of it is shown.
const LONG_SENTENCE: usize = 600;

/// Lines of Markdown as they are written.
struct Page(String);

impl Page {
    fn headline(&mut self, report: &Report) {
        let outcome = report.verdict.outcome;
        let action = sentence(&wording::action(report), LONG_SENTENCE);
        self.line(&format!("## {} {}: {action}", wording::symbol(outcome), wording::word(outcome)));
        self.blank();
        self.line(&format!("**Reason:** {}", sentence(&report.verdict.reason, LONG_SENTENCE)));
        self.blank();
        let when = report
            .span
            .map_or_else(|| "no data".to_owned(), |(first, last)| clock::span(first, last));
        let decided = evidence::decided(report);
        let decided = decided.map(|words| format!(" {}", wording::sentence(&words)));
        self.line(&format!(
            "Canary {} against control {}, {when}, every {} s.{}",
            code(&report.canary, LONG_SENTENCE),
            code(&report.control, LONG_SENTENCE),
            report.step_seconds,
            decided.unwrap_or_default()
        ));
        self.blank();
    }

    fn metrics(&mut self, verdict: &Verdict) {
        if verdict.metrics.is_empty() {
            self.line("No metric was judged.");
            self.blank();
            return;
        }
        let is_evidence = evidence::decides(verdict);
        let (interval, more, rule, row): (_, _, _, fn(&JudgedMetric) -> String) = match is_evidence
        {
            false => (wording::interval_heading(&verdict.metrics), "", "", row),
            true => (
                evidence::sequence_heading(verdict),
                " Tolerance | Evidence |",
                " --- | --- |",
                evidence_row,
            ),
        };
        self.line(&format!(
            "| Metric | Outcome | Control | Canary | Effect | {interval} |{more} Points |"
        ));
        self.line(&format!("| --- | --- | ---: | ---: | ---: | ---: |{rule} ---: |"));
        let rows = verdict.metrics.iter().map(row).collect();
        let left = self.lines_within(rows, room::METRICS);
        self.blank();
        self.say_left(left, "metric");
    }

    fn evidence_notes(&mut self, report: &Report) {
        let note = |(start, text): (&str, String)| {
            let start = if start == "* " { "" } else { start };
            format!("- {}", sentence(&format!("{start}{text}"), LONG_SENTENCE))
        };
        let notes = evidence_notes::notes(report).into_iter().map(note);
        self.list(notes.collect(), room::EVIDENCE, "note");
    }

    fn limits(&mut self, verdict: &Verdict) {
        let limit = |metric: &JudgedMetric| {
            let guardrail = metric.guardrail.as_ref()?;
            let symbol = Tone::of_guardrail(guardrail).symbol();
            let text = sentence(&wording::guardrail(guardrail), LONG_SENTENCE);
            Some(format!("- Limit {symbol} {} {text}", name(metric)))
        };
        self.list(verdict.metrics.iter().filter_map(limit).collect(), room::LIMITS, "limit");
    }

    fn score(&mut self, verdict: &Verdict) {
        let scorecard = &verdict.scorecard;
        let reason = scorecard.reason.as_deref();
        let reason = reason.map(|reason| format!(": {}", sentence(reason, LONG_SENTENCE)));
        let reason = reason.unwrap_or_default();
        self.line(&format!("**Score:** {}{reason}", wording::score(verdict)));
        self.blank();
        let group = |group: &serin_model::GroupScore| {
            format!(
                "- Group {}: {} (weight {} %)",
                code(&group.name, wording::LONG_NAME),
                wording::group_score(group),
                wording::points_of_score(group.weight)
            )
        };
        self.list(scorecard.groups.iter().map(group).collect(), room::GROUPS, "group");
    }

    fn warnings(&mut self, verdict: &Verdict) {
        let warnings = wording::warnings(&verdict.warnings);
        let count = warnings.len();
        if count == 0 {
            return;
        }
        let word = if count == 1 { "warning" } else { "warnings" };
        self.fold(&format!("{count} {word}"), |page| {
            page.list(warnings.iter().map(warning).collect(), room::WARNINGS, "warning");
        });
    }

    fn notes(&mut self, report: &Report) {
        self.fold("How it was judged", |page| {
            let judge = sentence(&report.verdict.judge.to_string(), LONG_SENTENCE);
            let serin = sentence(&report.serin, wording::LONG_NAME);
            let mut lines = vec![format!("- Judge: {judge}, serin {serin}")];
            let tests = wording::tests(&report.verdict.metrics);
            lines.extend(tests.iter().map(|test| format!("- Test: {}", about(test))));
            let ignored = report.verdict.ignored.iter();
            lines.extend(
                ignored.map(|setting| format!("- Ignored: {}", sentence(setting, LONG_SENTENCE))),
            );
            let files = std::iter::once(&report.check).chain(&report.inputs);
            lines.extend(files.map(|file| {
                format!("- Read: {} (SHA-256 {})", code(&file.path, 200), code(&file.sha256, 64))
            }));
            page.list(lines, room::NOTES, "note");
        });
    }

    /// Writes what a reader opens with a click. GitHub and GitLab want blank lines around Markdown in
    /// HTML.
    fn fold(&mut self, summary: &str, inside: impl FnOnce(&mut Self)) {
        self.line(&format!("<details><summary>{summary}</summary>"));
        self.blank();
        inside(self);
        self.line("</details>");
        self.blank();
    }

    fn list(&mut self, lines: Vec<String>, room: usize, what: &str) {
        if lines.is_empty() {
            return;
        }
        let left = self.lines_within(lines, room);
        self.blank();
        self.say_left(left, what);
    }

    /// Writes the first lines that fit before the page has `room` bytes, and returns how many did not.
    fn lines_within(&mut self, lines: Vec<String>, room: usize) -> usize {
        let count = lines.len();
        for (written, line) in lines.iter().enumerate() {
            if self.0.len() + line.len() > room {
                return count - written;
            }
            self.line(line);
        }
        0
    }

    fn say_left(&mut self, left: usize, what: &str) {
        if left > 0 {
            let ending = if left == 1 { "" } else { "s" };
            self.line(&format!(
                "… and {left} {what}{ending} more: see the report in HTML or JSON."
            ));
            self.blank();
        }
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }
}

fn row(metric: &JudgedMetric) -> String {
    let interval = metric
        .shift
        .as_ref()
        .map_or_else(|| wording::NOTHING.to_owned(), |shift| wording::shift(shift, metric.measure));
    format!(
        "{} {} | {interval} | {}/{} |",
        start_of_row(metric),
        wording::effect(metric),
        metric.control.points,
        metric.canary.points
    )
}

fn evidence_row(metric: &JudgedMetric) -> String {
    let points = metric.evidence.as_ref().map(|evidence| evidence.steps.to_string());
    format!(
        "{} {} | {} | {} | {} | {} |",
        start_of_row(metric),
        evidence::effect(metric),
        evidence::sequence(metric),
        evidence::tolerance(metric),
        evidence::in_short(metric),
        points.as_deref().unwrap_or(wording::NOTHING)
    )
}

/// Returns the cells up to the two means.
fn start_of_row(metric: &JudgedMetric) -> String {
    let notes = wording::notes(metric);
    let notes = if notes.is_empty() { notes } else { format!(" ({notes})") };
    let mean = |summary: &serin_model::Summary| {
        wording::amount(summary.mean, summary.points, metric.measure)
    };
    format!(
        "| {} | {} **{}**{notes} | {} | {} |",
        name(metric),
        Tone::of_metric(metric).symbol(),
        wording::class(metric),
        mean(&metric.control),
        mean(&metric.canary)
    )
}

fn name(metric: &JudgedMetric) -> String {
    code(&label::name(metric), wording::LONG_NAME)
}

fn warning(warning: &Shared) -> String {
    format!("- {}", about(warning))
}

/// The metrics that a sentence is about, as far as a line should name them.
const MOST_NAMES: usize = 8;

/// Returns a sentence after the metrics it is about.
fn about(shared: &Shared) -> String {
    let text = sentence(&shared.text, LONG_SENTENCE);
    if shared.about.is_empty() {
        return text;
    }
    let names = shared.about.iter().take(MOST_NAMES).map(|name| code(name, wording::LONG_NAME));
    let names: Vec<String> = names.collect();
    let left = shared.about.len().saturating_sub(MOST_NAMES);
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    format!("{}{more}: {text}", names.join(", "))
}
