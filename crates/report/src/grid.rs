//! Columns of text that fit a terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use crate::label;
use crate::wording::NOTHING;

/// The space between two columns.
const GUTTER: usize = 2;

/// The width that a metric's name keeps before numbers are left out.
pub(crate) const LONG_NAME: usize = 24;

/// The width that a metric's name always keeps.
pub(crate) const SHORT_NAME: usize = 16;

/// The heading of the column that says how a metric came out.
pub(crate) const OUTCOME: &str = "outcome";

/// One column of the grid.
pub(crate) struct Column {
    heading: String,
    alignment: CellAlignment,
    cells: Vec<String>,
    /// Whether it stays where it has nothing to say, because that says something.
    kept_empty: bool,
}

impl Column {
    /// Creates a column of text.
    pub(crate) fn words(heading: &str, cells: Vec<String>) -> Self {
        let alignment = CellAlignment::Left;
        Self { heading: heading.to_owned(), alignment, cells, kept_empty: false }
    }

    /// Creates a column of numbers.
    pub(crate) fn numbers(heading: &str, cells: Vec<String>) -> Self {
        Self { alignment: CellAlignment::Right, ..Self::words(heading, cells) }
    }

    /// Returns the column so that it stays when all its cells are `–`.
    pub(crate) fn kept_empty(self) -> Self {
        Self { kept_empty: true, ..self }
    }

    fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| cell.width());
        widths.chain([self.heading.width()]).max().unwrap_or(0)
    }

    fn has_something(&self) -> bool {
        self.kept_empty || self.cells.iter().any(|cell| cell != NOTHING)
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

/// Columns on their way to fitting a width. The first has the metrics' names.
pub(crate) struct Fitting {
    columns: Vec<Column>,
    width: usize,
}

impl Fitting {
    /// Takes all columns that have something to say.
    pub(crate) fn new(mut columns: Vec<Column>, width: usize) -> Self {
        columns.retain(Column::has_something);
        Self { columns, width }
    }

    /// Leaves columns out, one after the other, as long as there is too little room.
    pub(crate) fn without(mut self, headings: &[&str]) -> Self {
        for heading in headings {
            if self.excess() > 0 {
                self.columns.retain(|column| column.heading != *heading);
            }
        }
        self
    }

    /// Leaves out columns that say little without each other, where there is too little room.
    pub(crate) fn without_all_of(mut self, headings: &[&str]) -> Self {
        if self.excess() > 0 {
            self.columns.retain(|column| !headings.contains(&&*column.heading));
        }
        self
    }

    /// Cuts names by as much as is needed, but not below `shortest`.
    pub(crate) fn with_names_cut_to(mut self, shortest: usize) -> Self {
        let excess = self.excess();
        if let Some(names) = self.columns.first_mut() {
            let limit = names.width().saturating_sub(excess).max(shortest);
            names.cells = names.cells.iter().map(|name| label::shortened(name, limit)).collect();
        }
        self
    }

    /// Says the same in fewer words in one column, where there is too little room.
    pub(crate) fn with_shorter(mut self, heading: &str, shorter: fn(&str) -> String) -> Self {
        if self.excess() > 0 {
            for column in self.columns.iter_mut().filter(|column| column.heading == heading) {
                column.cells = column.cells.iter().map(|cell| shorter(cell)).collect();
            }
        }
        self
    }

    /// Returns the grid as it is now, whether it fits or not.
    pub(crate) fn grid(self) -> Grid {
        let mut lines = self.drawn().into_iter();
        let heading = lines.next().unwrap_or_default();
        let outcomes = self.columns.into_iter().find(|column| column.heading == OUTCOME);
        let outcomes = outcomes.map(|column| column.cells).unwrap_or_default();
        let rows = lines.zip(outcomes).map(|(line, outcome)| Row { line, outcome }).collect();
        Grid { heading, rows }
    }

    /// Returns the heading and the lines as they are now, where no line has an outcome.
    pub(crate) fn lines(self) -> Vec<String> {
        self.drawn()
    }

    fn excess(&self) -> usize {
        let gutters = GUTTER * self.columns.len().saturating_sub(1);
        let total = self.columns.iter().map(Column::width).sum::<usize>() + gutters;
        total.saturating_sub(self.width)
    }

    fn drawn(&self) -> Vec<String> {
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|column| Cell::new(&column.heading)));
        for row in 0..rows {
            table.add_row(self.columns.iter().map(|column| Cell::new(&column.cells[row])));
        }
        for (drawn, column) in table.column_iter_mut().zip(&self.columns) {
            drawn.set_padding((0, GUTTER as u16));
            drawn.set_cell_alignment(column.alignment);
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}
