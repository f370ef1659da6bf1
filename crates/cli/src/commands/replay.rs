//! `serin replay`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum, ValueHint};
use indicatif::ProgressBar;
use serin_model::Timestamp;
use serin_report::{github, replay_markdown, replay_table};
use serin_runner::live::{ReplayAsked, replay};
use serin_runner::{Question, parse_moment};

use crate::exit::INCONCLUSIVE;
use crate::ledger_location::LedgerLocation;
use crate::output::{Colour, is_read_by_github, print, style};

/// Say which verdicts a changed Check, or a newer judge, would have made otherwise
///
/// Judges again what the ledger keeps the evidence of: by the given Check files, or without any by the Check that
/// each verdict was made by. Counts what would be caught, missed, blocked and let go, in the older two thirds apart
/// from the newest one: tune by the former, believe the latter. No source is asked, and no event is written.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Replay {
    /// Changed Check files, one a service
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<String>,

    #[command(flatten)]
    location: LedgerLocation,

    /// Only verdicts about this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// Only verdicts from this moment on, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Timestamp>,

    /// End with 3 if a bad canary would be missed or a good one blocked
    #[arg(long)]
    strict: bool,

    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ReplayFormat,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// What `serin replay` prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ReplayFormat {
    /// A table for people
    Table,
    /// Markdown, such as for a pull request
    Markdown,
    /// One JSON document, with a version and a schema
    Json,
}

const HELP: &str = "\
Exit codes:
  0  it is printed what would be different
  1  serin could not do what was asked, a usage error included
  3  with --strict: a bad canary would be missed, or a good one blocked

Examples:
  serin replay --ledger serin.db
  serin replay checkout.yaml --ledger serin.db --since 2026-11-01T00:00:00Z
  serin replay checkout.yaml --ledger serin.db --format markdown --strict";

impl Replay {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let checks = self.files.iter().map(|file| Question::of_check_file(file));
        let checks = checks.collect::<Result<Vec<_>, _>>()?;
        refuse_odd_checks(&checks, self.service.as_deref())?;
        let asked = ReplayAsked { checks, service: self.service.clone(), since: self.since };
        let bar = ProgressBar::new(0);
        let report = replay(&mut self.location.open()?, &asked, &|done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let report = report?;
        let text = match self.format {
            ReplayFormat::Table => replay_table(&report, style(self.color)),
            ReplayFormat::Markdown => replay_markdown(&report),
            ReplayFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
        };
        let text = match self.format {
            _ if !is_read_by_github() => text,
            ReplayFormat::Table | ReplayFormat::Markdown => github::without_commands(&text),
            // Inside of a string, where alone it can stand, this is the same text.
            ReplayFormat::Json => text.replace("##[", "#\\u0023["),
        };
        print(&text).context("the standard output cannot be written")?;
        let fails = self.strict && report.is_worse();
        Ok(if fails { ExitCode::from(INCONCLUSIVE) } else { ExitCode::SUCCESS })
    }
}

fn refuse_odd_checks(checks: &[Question], service: Option<&str>) -> anyhow::Result<()> {
    for (place, check) in checks.iter().enumerate() {
        let (path, own) = (&check.check.path, &check.written.analysis.service);
        if let Some(other) = checks[..place].iter().find(|it| it.written.analysis.service == *own) {
            bail!(
                "`{}` and `{path}` are both about `{own}`\n\nhint: replay one after the other",
                other.check.path
            );
        }
        if service.is_some_and(|service| service != own) {
            bail!(
                "`{path}` is about `{own}`, and `--service` says otherwise\n\nhint: leave `--service` out"
            );
        }
    }
    Ok(())
}
