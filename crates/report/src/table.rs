//! A verdict for terminals and logs.

use anstyle::{AnsiColor, Effects};
use serin_model::Verdict;
use unicode_width::UnicodeWidthStr;

use crate::grid::Row;
use crate::report::Report;
use crate::wording::{self, Shared, Tone};
use crate::{clock, columns, evidence, evidence_columns, evidence_notes, label, next};

/// How a terminal shows text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Style {
    /// Whether it understands ANSI colours. Without them there is not one escape code.
    pub colour: bool,
    /// How many columns it has. Below 40 it is taken for 40.
    pub width: usize,
}

/// The least number of columns the text is laid out for.
pub(crate) const NARROWEST: usize = 40;

/// What stands before everything below the first line.
const INDENT: &str = "  ";

/// What parts the action from the time of the verdict on the first line.
const BEFORE_TIME: &str = "     ";

/// Shows a report as text: the answer first, then why, the metrics worst first, and what to do.
///
/// Names of metrics, reasons and warnings may come from anywhere: characters that would steer the
/// terminal are shown as `�`. A report without metrics has no table. Words longer than a line run over.
#[must_use]
pub fn table(report: &Report, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    text.headline(report);
    text.metrics(report);
    text.guardrails(&report.verdict);
    text.score(&report.verdict);
    text.warnings(&report.verdict);
    text.notes(report);
    text.blank();
    text.paragraph("next: ", &next::next(report));
    text.lines.join("\n") + "\n"
}

/// Lines of text as they are written.
pub(crate) struct Text {
    pub(crate) style: Style,
    pub(crate) lines: Vec<String>,
}

impl Text {
    fn headline(&mut self, report: &Report) {
        let verdict = &report.verdict;
        let word = verdict.outcome.as_str().to_uppercase();
        let answer = format!("{} {word}", wording::symbol(verdict.outcome));
        let action = wording::action(report);
        let taken = answer.width() + INDENT.len() + action.width() + BEFORE_TIME.len();
        let answer = self.bold(&answer, Tone::of_outcome(verdict.outcome));
        let time = evidence::decided(report);
        let (beside, below) = match time {
            Some(time) if taken + time.width() <= self.style.width => (Some(time), None),
            time => (None, time),
        };
        let beside = beside.map(|time| format!("{BEFORE_TIME}{}", self.dimmed(&time)));
        self.lines.push(format!("{answer}{INDENT}{action}{}", beside.unwrap_or_default()));
        self.paragraph("", &label::one_line(&verdict.reason));
        if let Some(time) = below {
            self.paragraph("", &time);
        }
        self.paragraph("", &compared(report));
    }

    fn metrics(&mut self, report: &Report) {
        let verdict = &report.verdict;
        self.blank();
        if verdict.metrics.is_empty() {
            self.paragraph("", "no metric was judged");
            return;
        }
        let is_evidence = evidence::decides(verdict);
        let grid = if is_evidence { evidence_columns::grid } else { columns::grid };
        let grid = grid(verdict, self.style.width - INDENT.len());
        let heading = self.dimmed(&grid.heading);
        self.lines.push(format!("{INDENT}{heading}"));
        for (row, metric) in grid.rows.iter().zip(&verdict.metrics) {
            let line = self.coloured_row(row, Tone::of_metric(metric));
            self.lines.push(format!("{INDENT}{line}"));
        }
        if is_evidence {
            for (start, note) in evidence_notes::notes(report) {
                self.paragraph(start, &note);
            }
        } else {
            self.tests(verdict);
        }
    }

    fn tests(&mut self, verdict: &Verdict) {
        for test in wording::tests(&verdict.metrics) {
            self.shared("test: ", &test);
        }
    }

    fn coloured_row(&self, row: &Row, tone: Tone) -> String {
        let Some((before, after)) = row.line.rsplit_once(&row.outcome) else {
            return row.line.clone();
        };
        format!("{before}{}{after}", self.bold(&row.outcome, tone))
    }

    fn guardrails(&mut self, verdict: &Verdict) {
        let limits: Vec<_> = verdict
            .metrics
            .iter()
            .filter_map(|metric| Some((metric, metric.guardrail.as_ref()?)))
            .collect();
        if !limits.is_empty() {
            self.blank();
        }
        for (metric, guardrail) in limits {
            let symbol = Tone::of_guardrail(guardrail).symbol();
            let name = label::shortened(&label::name(metric), self.style.width / 2);
            let text = format!("{name} {}", wording::guardrail(guardrail));
            self.paragraph(&format!("limit {symbol} "), &text);
        }
    }

    fn score(&mut self, verdict: &Verdict) {
        let scorecard = &verdict.scorecard;
        let mut words = wording::score(verdict);
        if let Some(reason) = &scorecard.reason {
            words.push_str(&format!(": {}", label::one_line(reason)));
        }
        let groups: Vec<String> = scorecard
            .groups
            .iter()
            .map(|group| {
                let name = label::one_line(&group.name);
                let weight = wording::points_of_score(group.weight);
                format!("{name} {} (weight {weight} %)", wording::group_score(group))
            })
            .collect();
        self.blank();
        self.paragraph("score ", &words);
        if !groups.is_empty() {
            self.paragraph("groups: ", &groups.join(", "));
        }
        if !verdict.judgements.is_empty() {
            self.paragraph("judgements: ", &judgements(verdict));
        }
    }

    fn warnings(&mut self, verdict: &Verdict) {
        let warnings = wording::warnings(&verdict.warnings);
        if !warnings.is_empty() {
            self.blank();
        }
        for warning in warnings {
            self.shared("! ", &warning);
        }
    }

    fn notes(&mut self, report: &Report) {
        let verdict = &report.verdict;
        self.blank();
        let ignored: Vec<String> =
            verdict.ignored.iter().map(|setting| label::one_line(setting)).collect();
        if !ignored.is_empty() {
            self.paragraph("ignored: ", &ignored.join("; "));
        }
        if evidence::decides(verdict) {
            self.tests(verdict);
        }
        let judge = label::one_line(&verdict.judge.to_string());
        self.paragraph("judge: ", &format!("{judge}, serin {}", label::one_line(&report.serin)));
    }

    pub(crate) fn blank(&mut self) {
        self.lines.push(String::new());
    }

    /// Writes a sentence with the metrics it is about.
    fn shared(&mut self, start: &str, shared: &Shared) {
        self.paragraph(start, &shared.in_words());
    }

    /// Writes `text` after `start`, the following lines indented under its first word.
    pub(crate) fn paragraph(&mut self, start: &str, text: &str) {
        let hang = start.chars().count().min(2 * INDENT.len());
        let room = self.style.width - INDENT.len();
        let words = format!("{start}{text}");
        for (number, line) in label::wrapped(&words, room - hang).iter().enumerate() {
            let indent = if number == 0 { 0 } else { hang };
            self.lines.push(format!("{INDENT}{:indent$}{line}", ""));
        }
    }

    pub(crate) fn bold(&self, text: &str, tone: Tone) -> String {
        let colour = match tone {
            Tone::Good => AnsiColor::Green,
            Tone::Unclear => AnsiColor::Yellow,
            Tone::Bad => AnsiColor::Red,
        };
        self.styled(text, colour.on_default().effects(Effects::BOLD))
    }

    pub(crate) fn dimmed(&self, text: &str) -> String {
        self.styled(text, anstyle::Style::new().effects(Effects::DIMMED))
    }

    fn styled(&self, text: &str, style: anstyle::Style) -> String {
        if self.style.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Says what was compared with what, and when.
fn compared(report: &Report) -> String {
    let arms = format!(
        "canary {} against control {}",
        label::one_line(&report.canary),
        label::one_line(&report.control)
    );
    match report.span {
        None => format!("{arms}, no data, every {} s", report.step_seconds),
        Some((first, last)) => {
            format!("{arms}, {}, every {} s", clock::span(first, last), report.step_seconds)
        }
    }
}

fn judgements(verdict: &Verdict) -> String {
    let one = |judgement: &serin_model::Judgement| {
        format!(
            "{}–{} {} ({})",
            clock::hour(judgement.window.start),
            clock::hour(judgement.window.end),
            wording::points_of_score(judgement.score),
            wording::score_class(judgement.class)
        )
    };
    verdict.judgements.iter().map(one).collect::<Vec<_>>().join(", ")
}
