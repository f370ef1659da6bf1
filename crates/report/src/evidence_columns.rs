//! The metrics of the sequential judge as a grid of text.

use serin_model::{JudgedMetric, Verdict};

use crate::grid::{Column, Fitting, Grid, LONG_NAME, OUTCOME, SHORT_NAME};
use crate::wording::NOTHING;
use crate::{columns, evidence, label};

/// What stands beside a tolerance that was widened; a line below the grid has the reason.
pub(crate) const WIDENED: char = '*';

/// Returns the heading and one line a metric, at most `width` columns wide where that can be.
///
/// What matters least goes first when there is too little room: the means, which the effect sums up,
/// the end of a long name, the points, the tolerance, the interval, and last the evidence. The name,
/// the outcome and, down to 40 columns, the effect stay.
pub(crate) fn grid(verdict: &Verdict, width: usize) -> Grid {
    let sequence = evidence::sequence_heading(verdict);
    Fitting::new(columns(verdict, &sequence), width)
        .without_all_of(&["control", "canary"])
        .with_shorter("evidence", shorter_evidence)
        .with_names_cut_to(LONG_NAME)
        .with_shorter(OUTCOME, shorter_outcome)
        .without(&["points"])
        .with_names_cut_to(SHORT_NAME)
        .without(&["tolerance", &sequence, "evidence", "effect"])
        .grid()
}

fn columns(verdict: &Verdict, sequence_heading: &str) -> Vec<Column> {
    let cells = |cell: fn(&JudgedMetric) -> String| verdict.metrics.iter().map(cell).collect();
    vec![
        Column::words("metric", cells(label::name)),
        Column::words(OUTCOME, cells(columns::outcome)).kept_empty(),
        Column::numbers("control", cells(columns::control)),
        Column::numbers("canary", cells(columns::canary)),
        Column::numbers("effect", cells(evidence::effect)),
        Column::numbers(sequence_heading, cells(evidence::sequence)),
        Column::words("tolerance", cells(tolerance)),
        Column::words("evidence", cells(evidence::in_short)),
        Column::numbers("points", cells(points)),
    ]
}

fn tolerance(metric: &JudgedMetric) -> String {
    let tolerance = evidence::tolerance(metric);
    let is_widened = metric.evidence.as_ref().is_some_and(|evidence| evidence.widened.is_some());
    if is_widened { format!("{tolerance}{WIDENED}") } else { tolerance }
}

fn points(metric: &JudgedMetric) -> String {
    let evidence = metric.evidence.as_ref();
    evidence.map_or_else(|| NOTHING.to_owned(), |evidence| evidence.steps.to_string())
}

/// Leaves out what lines below the grid say, and that a metric is critical: it decides no more than
/// another here.
fn shorter_outcome(cell: &str) -> String {
    columns::shorter_outcome(cell).replace(" (critical)", "")
}

/// Says `6 of 50 points` for `too few points: 6 of 50`.
fn shorter_evidence(cell: &str) -> String {
    match cell.strip_prefix("too few points: ") {
        Some(points) => format!("{points} points"),
        None => cell.to_owned(),
    }
}
