//! What a verb found, as a table for people or as JSON for programs.

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use serin_report::{Style, github};

use crate::output::{Colour, is_read_by_github, print, style};

/// A format of what a verb found.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// A table for people
    Table,
    /// One JSON document, with a version and a schema
    Json,
}

/// Options for those who want to see what a verb found.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct DocumentOptions {
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: DocumentFormat,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

impl DocumentOptions {
    /// Prints a document, so that nobody who reads the log takes a line for a command.
    pub(crate) fn print<D: Serialize>(
        self,
        document: &D,
        table: impl Fn(&D, Style) -> String,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            DocumentFormat::Table => table(document, style(self.color)),
            DocumentFormat::Json => serde_json::to_string_pretty(document)? + "\n",
        };
        let text = match self.format {
            _ if !is_read_by_github() => text,
            DocumentFormat::Table => github::without_commands(&text),
            // Inside of a string, where alone it can stand, this is the same text.
            DocumentFormat::Json => text.replace("##[", "#\\u0023["),
        };
        print(&text).context("the standard output cannot be written")
    }
}
