//! Options that say which reports to print and to write.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};

use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use serin_report::{FleetReport, Report};

use crate::fleet_pages::{FleetPages, rendered_fleet};
use crate::output::{Colour, Format, OutputFile, print, printable, rendered, style, write_file};

/// Options for those who want reports.
#[derive(Debug, Args)]
pub(crate) struct ReportOptions {
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    /// Also write the report to a file: .html, .json, .md, .txt or .xml (JUnit), or FORMAT=PATH for
    /// other names; may be given several times
    #[arg(long, short, value_name = "[FORMAT=]PATH", value_hint = ValueHint::FilePath)]
    output: Vec<OutputFile>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
}

impl ReportOptions {
    /// Refuses what cannot be printed or written, before anything is judged.
    ///
    /// * `files`: how many files are judged.
    pub(crate) fn refuse_odd_combinations(&self, files: usize) -> anyhow::Result<()> {
        let mut formats = self.output.iter().map(|file| file.format).chain([self.format]);
        if files > 1 && formats.any(|format| format == Format::Html) {
            bail!(
                "an HTML report holds one verdict, and {files} files are judged\n\nhint: judge them one by one"
            );
        }
        let paths: BTreeSet<&str> = self.output.iter().map(|file| file.path.as_str()).collect();
        if paths.len() < self.output.len() {
            bail!("two outputs go to one file\n\nhint: give each `--output` a path of its own");
        }
        if self.format == Format::Html && io::stdout().is_terminal() {
            bail!(
                "HTML is not for a terminal\n\nhint: write it to a file with `--output report.html`"
            );
        }
        Ok(())
    }

    /// Prints the reports.
    pub(crate) fn print(&self, reports: &[Report]) -> anyhow::Result<()> {
        let text = rendered(reports, self.format, style(self.color))?;
        print(&printable(text, self.format)).context("the standard output cannot be written")
    }

    /// Writes the reports to the files that were asked for.
    pub(crate) fn write(&self, reports: &[Report]) -> anyhow::Result<()> {
        self.output.iter().try_for_each(|file| {
            write_file(&file.path, &rendered(reports, file.format, style(Colour::Never))?)
        })
    }

    /// Returns where the page of each member of a fleet goes: a folder beside each HTML file that is
    /// asked for, of the same name without its ending.
    pub(crate) fn pages(&self) -> anyhow::Result<FleetPages> {
        let files = self.output.iter().filter(|file| file.format == Format::Html);
        FleetPages::beside(files.map(|file| file.path.as_str()))
    }

    /// Prints the verdicts on a fleet.
    pub(crate) fn print_fleet(&self, fleet: &FleetReport) -> anyhow::Result<()> {
        let text = rendered_fleet(fleet, self.format, style(self.color), None)?;
        print(&printable(text, self.format)).context("the standard output cannot be written")
    }

    /// Writes the verdicts on a fleet to the files that were asked for.
    pub(crate) fn write_fleet(&self, fleet: &FleetReport) -> anyhow::Result<()> {
        self.output.iter().try_for_each(|file| {
            let text = rendered_fleet(fleet, file.format, style(Colour::Never), Some(&file.path))?;
            write_file(&file.path, &text)
        })
    }
}
