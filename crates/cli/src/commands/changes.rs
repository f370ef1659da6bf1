//! `serin changes` and `serin known-good`

use std::process::ExitCode;

use clap::Args;
use serin_model::Timestamp;
use serin_report::{changes_table, known_good_table};
use serin_runner::{ChangesAsked, changes, parse_moment};

use super::note::{labels, parse_label};
use crate::document::DocumentOptions;
use crate::exit::INCONCLUSIVE;
use crate::ledger_location::LedgerLocation;

/// Say what changed since the service was last known to be good
///
/// Known to be good is the newest change of a scope whose newest deciding verdict is a pass that stands: not
/// withdrawn, not labelled wrong, not overridden. Each scope of the service is told apart by its labels.
#[derive(Debug, Args)]
#[command(after_help = CHANGES_HELP)]
pub(crate) struct Changes {
    #[command(flatten)]
    scope: ScopeOptions,

    /// List what changed after this moment instead, such as 2026-11-23T08:30:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    since: Option<Timestamp>,

    #[command(flatten)]
    document: DocumentOptions,
}

const CHANGES_HELP: &str = "\
Examples:
  serin changes --ledger serin.db --service checkout
  serin changes --ledger serin.db --service checkout --label environment=prod --format json
  serin changes --ledger serin.db --service checkout --since 2026-11-23T08:30:00Z";

/// Say which version of a service is known to be good, and what proves it
///
/// Where to go back to: the newest change of each scope whose newest deciding verdict is a pass that stands.
#[derive(Debug, Args)]
#[command(after_help = KNOWN_GOOD_HELP)]
pub(crate) struct KnownGood {
    #[command(flatten)]
    scope: ScopeOptions,

    #[command(flatten)]
    document: DocumentOptions,
}

const KNOWN_GOOD_HELP: &str = "\
Exit codes:
  0  every scope has a change that is known to be good
  1  serin could not do what was asked, a usage error included
  3  some scope has none

Examples:
  serin known-good --ledger serin.db --service checkout --label environment=prod
  serin known-good --ledger serin.db --service checkout --format json | jq -r '.scopes[0].known_good.change.to'";

/// Which scopes are meant.
#[derive(Debug, Args)]
struct ScopeOptions {
    #[command(flatten)]
    location: LedgerLocation,

    /// The service
    #[arg(long, value_name = "SERVICE")]
    service: String,

    /// Only scopes with this label; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_label)]
    label: Vec<(String, String)>,
}

impl ScopeOptions {
    fn ask(&self, since: Option<Timestamp>) -> anyhow::Result<serin_report::ChangesReport> {
        let (service, labels) = (self.service.clone(), labels(&self.label)?);
        let asked = ChangesAsked { service, labels, since };
        Ok(changes(&mut self.location.open()?, &asked)?)
    }
}

impl Changes {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.document.print(&self.scope.ask(self.since)?, changes_table)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl KnownGood {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let report = self.scope.ask(None)?;
        self.document.print(&report, known_good_table)?;
        let is_known = report.scopes.iter().all(|scope| scope.known_good.is_some());
        Ok(if is_known { ExitCode::SUCCESS } else { ExitCode::from(INCONCLUSIVE) })
    }
}
