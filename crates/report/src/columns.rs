//! The metrics of the `kayenta` judge as a grid of text.

use serin_model::{JudgedMetric, Summary, Verdict};

use crate::grid::{Column, Fitting, Grid, LONG_NAME, OUTCOME, SHORT_NAME};
use crate::label;
use crate::wording::{self, NOTHING, Tone};

/// Returns the heading and one line a metric, at most `width` columns wide where that can be.
///
/// What matters least goes first when there is too little room: the p-value, the spread, the end of a
/// long name, the interval, then the points and the means. The name and the outcome stay.
pub(crate) fn grid(verdict: &Verdict, width: usize) -> Grid {
    let interval = wording::interval_heading(&verdict.metrics);
    Fitting::new(columns(verdict, &interval), width)
        .without(&["p", "spread"])
        .with_names_cut_to(LONG_NAME)
        .without(&[&interval])
        .with_shorter(OUTCOME, shorter_outcome)
        .with_names_cut_to(SHORT_NAME)
        .without(&["points", "control", "canary", "effect"])
        .grid()
}

fn columns(verdict: &Verdict, interval_heading: &str) -> Vec<Column> {
    let cells = |cell: fn(&JudgedMetric) -> String| verdict.metrics.iter().map(cell).collect();
    vec![
        Column::words("metric", cells(label::name)),
        Column::words(OUTCOME, cells(outcome)).kept_empty(),
        Column::numbers("control", cells(control)).kept_empty(),
        Column::numbers("canary", cells(canary)).kept_empty(),
        Column::numbers("effect", cells(wording::effect)),
        Column::numbers(interval_heading, cells(interval)),
        Column::numbers("points", cells(points)),
        Column::numbers("spread", cells(spread)),
        Column::numbers("p", cells(|metric| wording::p_value(metric.p_value))),
    ]
}

/// Returns how a metric came out, after a sign that carries it without colour.
pub(crate) fn outcome(metric: &JudgedMetric) -> String {
    format!("{} {}", Tone::of_metric(metric).symbol(), wording::outcome(metric))
}

/// Leaves the word `broken` out: a line below the grid says it.
pub(crate) fn shorter_outcome(cell: &str) -> String {
    cell.replace("limit broken", "limit")
}

/// Returns the control's mean.
pub(crate) fn control(metric: &JudgedMetric) -> String {
    mean(metric, &metric.control)
}

/// Returns the canary's mean.
pub(crate) fn canary(metric: &JudgedMetric) -> String {
    mean(metric, &metric.canary)
}

fn mean(metric: &JudgedMetric, summary: &Summary) -> String {
    wording::amount(summary.mean, summary.points, metric.measure)
}

fn interval(metric: &JudgedMetric) -> String {
    let interval = metric.shift.as_ref();
    interval.map_or_else(|| NOTHING.to_owned(), |shift| wording::shift(shift, metric.measure))
}

fn points(metric: &JudgedMetric) -> String {
    format!("{}/{}", metric.control.points, metric.canary.points)
}

fn spread(metric: &JudgedMetric) -> String {
    let spread = |summary: &Summary| {
        wording::amount(summary.standard_deviation, summary.points, metric.measure)
    };
    format!("{} / {}", spread(&metric.control), spread(&metric.canary))
}
