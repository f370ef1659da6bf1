//! Findings for terminals and logs.

use serin_model::{Finding, Severity};

use super::LintReport;
use crate::label;
use crate::table::{NARROWEST, Style, Text};
use crate::wording::{Tone, sentence};

/// Shows findings as text, one after the other in the order of the file: where, what, why it matters, and
/// what to write instead; the numbers last.
///
/// Queries and names come from anywhere: characters that would steer the terminal are shown as `�`.
#[must_use]
pub fn lint_table(report: &LintReport, style: Style) -> String {
    let style = Style { width: style.width.max(NARROWEST), ..style };
    let mut text = Text { style, lines: Vec::new() };
    for finding in &report.findings {
        text.lines.push(heading(report, finding, &text));
        text.paragraph("", &sentence(&finding.problem).replace('\u{a0}', " "));
        text.paragraph("why: ", &label::one_line(&finding.why));
        if let Some(mend) = &finding.mend {
            let mut start = if mend.safe { "mend: " } else { "instead: " };
            for line in mend.write.lines() {
                text.lines.push(format!("  {start}{}", label::one_line(line)));
                start = if mend.safe { "      " } else { "         " };
            }
        }
        text.blank();
    }
    text.lines.push(summary(report));
    if let Some(asked) = &report.asked {
        let scrape = asked
            .scrape_seconds
            .map(|seconds| format!("; samples lie {seconds} s apart"))
            .unwrap_or_default();
        let asked = format!(
            "{} was asked for the last {} min: {} requests, {} series and {} samples a judgement{scrape}.",
            asked.source, asked.minutes, asked.requests, asked.series, asked.samples
        );
        text.paragraph("", &label::one_line(&asked));
    }
    match report.tried {
        Some(splits) => text.paragraph(
            "",
            &format!("{splits} canaries that are none were judged on the control's history."),
        ),
        None if report.asked.is_some() => text.paragraph("", SELFTEST),
        None => {}
    }
    text.lines.join("\n") + "\n"
}

const SELFTEST: &str =
    "Whether a metric raises false alarms on its own history is tried with `--history 24h`.";

fn heading(report: &LintReport, finding: &Finding, text: &Text) -> String {
    let severity = match finding.severity {
        Severity::Error => text.bold("error", Tone::Bad),
        Severity::Warning => text.bold("warning", Tone::Unclear),
        Severity::Note => text.dimmed("note"),
    };
    let subject = match (&finding.check, finding.key.as_deref()) {
        (Some(check), Some(key)) if !key.is_empty() => format!("{check}, {key}"),
        (Some(check), _) => check.clone(),
        (None, Some(key)) => key.to_owned(),
        (None, None) => report.service.clone(),
    };
    let (place, subject) = (label::one_line(&place(report, finding)), label::one_line(&subject));
    format!("{place}: {severity} {}  {subject}", finding.code)
}

/// Returns where a finding is, as editors follow it.
pub(super) fn place(report: &LintReport, finding: &Finding) -> String {
    match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", report.check.path),
        _ => report.check.path.clone(),
    }
}

fn summary(report: &LintReport) -> String {
    let path = label::one_line(&report.check.path);
    if report.findings.is_empty() {
        return format!("{path}: nothing found");
    }
    let count = |severity: Severity, one: &str| {
        let count = report.count(severity);
        format!("{count} {one}{}", if count == 1 { "" } else { "s" })
    };
    let safe = report.findings.iter().filter(|it| it.mend.as_ref().is_some_and(|it| it.safe));
    let fixable = match safe.count() {
        0 => String::new(),
        1 => "; `--fix` mends one of them".to_owned(),
        many => format!("; `--fix` mends {many} of them"),
    };
    format!(
        "{path}: {}, {}, {}{fixable}",
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
        count(Severity::Note, "note")
    )
}
