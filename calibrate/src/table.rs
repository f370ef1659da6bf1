//! A table of figures, as Markdown.

use std::fmt::Write as _;

use crate::cell::Share;

/// A table, and how to read it.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub reading: String,
    /// What each column has.
    pub columns: Vec<String>,
    /// A cell for each column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table without rows.
    #[must_use]
    pub fn new(title: &str, reading: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            reading: reading.to_owned(),
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Returns the table with its title and its reading.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.title, self.reading);
        let mut line = |cells: &[String]| {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(&self.columns);
        line(&vec!["---".to_owned(); self.columns.len()]);
        self.rows.iter().for_each(|row| line(row));
        text
    }
}

/// Writes a share with the upper of its 95 % bounds.
#[must_use]
pub fn at_most(share: Share) -> String {
    format!("{} (≤ {})", percent(share.value()), percent(share.bounds().1))
}

/// Writes a share with the lower of its 95 % bounds.
#[must_use]
pub fn at_least(share: Share) -> String {
    format!("{} (≥ {})", percent(share.value()), percent(share.bounds().0))
}

/// Writes a fraction as a percentage.
#[must_use]
pub fn percent(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    if percent >= 10.0 { format!("{percent:.1} %") } else { format!("{percent:.2} %") }
}

/// Writes minutes, or that the answer never came.
#[must_use]
pub fn minutes(minutes: Option<f64>) -> String {
    minutes.map_or_else(|| "never".to_owned(), |minutes| format!("{minutes:.0}"))
}
