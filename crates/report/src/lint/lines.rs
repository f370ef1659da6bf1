//! Findings as plain lines for logs: one a line, in words that stay.

use super::LintReport;
use super::table::place;
use crate::lines::Pairs;

/// Shows findings as plain lines, one each: `PLACE: serin severity=code` and `key=value` pairs, written
/// and as stable as those of a report. The place is `FILE:LINE:COLUMN`, which CI systems and editors take
/// for a place.
///
/// The last line is always `serin findings=COUNT`.
#[must_use]
pub fn lint_lines(report: &LintReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let mut pairs = Pairs::default().word(finding.severity.as_str(), finding.code.as_str());
        for (key, value) in [("check", &finding.check), ("key", &finding.key)] {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                pairs = pairs.word(key, value);
            }
        }
        pairs = pairs.word("text", &finding.problem).word("why", &finding.why);
        if let Some(mend) = &finding.mend {
            let key = if mend.safe { "mend" } else { "instead" };
            pairs = pairs.word(key, &mend.write);
        }
        let place = crate::label::one_line(&place(report, finding));
        text.push_str(&format!("{place}: serin{}\n", pairs.as_str()));
    }
    let pairs = Pairs::default()
        .word("findings", &report.findings.len().to_string())
        .word("service", &report.service)
        .word("file", &report.check.path);
    text.push_str(&format!("serin{}\n", pairs.as_str()));
    text
}
