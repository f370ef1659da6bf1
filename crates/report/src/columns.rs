//! The metrics as a grid of text that fits a terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serin_model::{JudgedMetric, Verdict};
use unicode_width::UnicodeWidthStr;

use crate::label;
use crate::wording::{self, NOTHING, Tone};

/// The space between two columns.
const GUTTER: usize = 2;

/// The width that a metric's name keeps before numbers are left out.
const LONG_NAME: usize = 24;

/// The width that a metric's name always keeps.
const SHORT_NAME: usize = 16;

const OUTCOME: &str = "outcome";

/// The columns in which it says something that there is nothing.
const NEVER_EMPTY: [&str; 3] = [OUTCOME, "control", "canary"];

/// One column of the grid.
struct Column {
    heading: String,
    alignment: CellAlignment,
    cells: Vec<String>,
}

impl Column {
    fn new(heading: &str, alignment: CellAlignment, cells: Vec<String>) -> Self {
        Self { heading: heading.to_owned(), alignment, cells }
    }

    fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| cell.width());
        widths.chain([self.heading.width()]).max().unwrap_or(0)
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell == NOTHING)
    }
}

/// The metrics as lines of text.
pub(crate) struct Grid {
    pub(crate) heading: String,
    pub(crate) rows: Vec<Row>,
}

/// One metric's line.
pub(crate) struct Row {
    pub(crate) line: String,
    /// What the line says of the outcome: the last place in it where these words stand.
    pub(crate) outcome: String,
}

/// Returns the heading and one line a metric, at most `width` columns wide where that can be.
///
/// What matters least goes first when there is too little room: the p-value, the spread, the end of a
/// long name, the interval, then the points and the means. The name and the outcome stay.
pub(crate) fn grid(verdict: &Verdict, width: usize) -> Grid {
    let columns = fitting(columns(verdict), width);
    let mut lines = drawn(&columns, verdict.metrics.len()).into_iter();
    let heading = lines.next().unwrap_or_default();
    let outcomes = columns.iter().find(|column| column.heading == OUTCOME);
    let outcomes = outcomes.map(|column| column.cells.clone()).unwrap_or_default();
    let rows = lines.zip(outcomes).map(|(line, outcome)| Row { line, outcome }).collect();
    Grid { heading, rows }
}

fn drawn(columns: &[Column], rows: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| Cell::new(&column.heading)));
    for row in 0..rows {
        table.add_row(columns.iter().map(|column| Cell::new(&column.cells[row])));
    }
    for (drawn, column) in table.column_iter_mut().zip(columns) {
        drawn.set_padding((0, GUTTER as u16));
        drawn.set_cell_alignment(column.alignment);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn columns(verdict: &Verdict) -> Vec<Column> {
    let metrics = &verdict.metrics;
    let cells = |cell: fn(&JudgedMetric) -> String| metrics.iter().map(cell).collect::<Vec<_>>();
    let (left, right) = (CellAlignment::Left, CellAlignment::Right);
    vec![
        Column::new("metric", left, cells(label::name)),
        Column::new(OUTCOME, left, cells(outcome)),
        Column::new("control", right, cells(|metric| mean(metric, Side::Control))),
        Column::new("canary", right, cells(|metric| mean(metric, Side::Canary))),
        Column::new("effect", right, cells(wording::effect)),
        Column::new(&wording::interval_heading(metrics), right, cells(interval)),
        Column::new("points", right, cells(points)),
        Column::new("spread", right, cells(spread)),
        Column::new("p", right, cells(|metric| wording::p_value(metric.p_value))),
    ]
}

fn outcome(metric: &JudgedMetric) -> String {
    format!("{} {}", Tone::of_metric(metric).symbol(), wording::outcome(metric))
}

#[derive(Clone, Copy)]
enum Side {
    Control,
    Canary,
}

fn mean(metric: &JudgedMetric, side: Side) -> String {
    let summary = match side {
        Side::Control => metric.control,
        Side::Canary => metric.canary,
    };
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
    let (control, canary) = (metric.control, metric.canary);
    let spread = |summary: serin_model::Summary| {
        wording::amount(summary.standard_deviation, summary.points, metric.measure)
    };
    format!("{} / {}", spread(control), spread(canary))
}

fn fitting(mut columns: Vec<Column>, width: usize) -> Vec<Column> {
    columns.retain(|column| !column.is_empty() || NEVER_EMPTY.contains(&&*column.heading));
    let interval = columns.iter().find(|column| column.heading.ends_with("interval"));
    let interval = interval.map(|column| column.heading.clone()).unwrap_or_default();
    for heading in ["p", "spread"] {
        drop_when_too_wide(&mut columns, heading, width);
    }
    shorten_names(&mut columns, LONG_NAME, width);
    drop_when_too_wide(&mut columns, &interval, width);
    shorten_outcomes(&mut columns, width);
    shorten_names(&mut columns, SHORT_NAME, width);
    for heading in ["points", "control", "canary", "effect"] {
        drop_when_too_wide(&mut columns, heading, width);
    }
    columns
}

/// Leaves the word `broken` out where there is too little room: a line below the grid says it.
fn shorten_outcomes(columns: &mut [Column], width: usize) {
    if total_width(columns) <= width {
        return;
    }
    for column in columns.iter_mut().filter(|column| column.heading == OUTCOME) {
        column.cells =
            column.cells.iter().map(|cell| cell.replace("limit broken", "limit")).collect();
    }
}

fn drop_when_too_wide(columns: &mut Vec<Column>, heading: &str, width: usize) {
    if total_width(columns) > width {
        columns.retain(|column| column.heading != heading);
    }
}

/// Cuts names by as much as is needed, but not below `shortest`.
fn shorten_names(columns: &mut [Column], shortest: usize, width: usize) {
    let excess = total_width(columns).saturating_sub(width);
    let Some(names) = columns.first_mut() else { return };
    let limit = names.width().saturating_sub(excess).max(shortest);
    names.cells = names.cells.iter().map(|name| label::shortened(name, limit)).collect();
}

fn total_width(columns: &[Column]) -> usize {
    let gutters = GUTTER * columns.len().saturating_sub(1);
    columns.iter().map(Column::width).sum::<usize>() + gutters
}
