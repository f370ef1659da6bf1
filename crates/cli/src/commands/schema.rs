//! `serin schema`

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::output::print;

/// Print the JSON Schema of a format, or the OpenAPI document of the server
///
/// Editors complete and check a Check file with it: put
/// `# yaml-language-server: $schema=check-v1.json` on its first line.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which format
    #[arg(value_name = "FORMAT")]
    format: SchemaOf,
}

/// A format with a published schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum SchemaOf {
    /// Check files
    Check,
    /// Reports, as `serin judge --format json` writes them
    Report,
    /// Plans, as `serin plan --format json` writes them
    Plan,
    /// Self-tests, as `serin selftest --format json` writes them
    Selftest,
    /// The verdicts on a fleet, as `serin judge --format json` writes them
    Fleet,
    /// What changed, as `serin changes --format json` writes it
    Changes,
    /// Verdicts, as `serin verdicts --format json` writes them
    Verdicts,
    /// Scorecards, as `serin scorecard --format json` writes them
    Scorecard,
    /// What would have been said, as `serin replay --format json` writes it
    Replay,
    /// Applied Checks, as `serin checks list --format json` writes them
    Checks,
    /// Findings, as `serin lint --format json` writes them
    Lint,
    /// The server's API, as an OpenAPI document
    Api,
}

impl Schema {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let schema = match self.format {
            SchemaOf::Check => serin_check::json_schema(),
            SchemaOf::Report => serin_report::json_schema(),
            SchemaOf::Plan => serin_report::plan_json_schema(),
            SchemaOf::Selftest => serin_report::self_test_json_schema(),
            SchemaOf::Fleet => serin_report::fleet_json_schema(),
            SchemaOf::Changes => serin_report::changes_json_schema(),
            SchemaOf::Verdicts => serin_report::verdicts_json_schema(),
            SchemaOf::Scorecard => serin_report::scorecard_json_schema(),
            SchemaOf::Replay => serin_report::replay_json_schema(),
            SchemaOf::Checks => serin_report::checks_json_schema(),
            SchemaOf::Lint => serin_report::lint_json_schema(),
            SchemaOf::Api => return show(&serin_server::openapi()),
        };
        show(&serde_json::to_string_pretty(&schema)?)
    }
}

fn show(json: &str) -> anyhow::Result<ExitCode> {
    print(&format!("{json}\n")).context("the standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
