//! A verdict in one line, for places with little room.

use crate::report::Report;
use crate::{label, wording};

/// Returns the outcome and its reason in one line without control characters, such as
/// `fail: errors is above its limit of 2.00 %`.
#[must_use]
pub fn headline(report: &Report) -> String {
    let verdict = &report.verdict;
    format!("{}: {}", verdict.outcome, label::one_line(verdict.reason.trim()))
}

/// Returns the service's name in one line without control characters; `the canary` for a blank one.
#[must_use]
pub fn service(report: &Report) -> String {
    wording::service(report)
}
