//! `serin scorecard` and `serin verdicts`

use std::process::ExitCode;

use clap::Args;
use serin_report::{VerdictTruth, scorecard_table, verdicts_table};
use serin_runner::{USUAL_BOUND, scorecard, verdicts};

use crate::document::DocumentOptions;
use crate::exit::INCONCLUSIVE;
use crate::ledger_location::LedgerLocation;

/// Say how often Checks were right, and whether they are ready to gate
///
/// Counts what came of each verdict, by service and Check: caught, missed, false alarms, overridden and who was
/// right, prevented, undecided; those in shadow and A/A runs apart. Then says in one sentence whether the Check
/// may gate, or what is missing.
#[derive(Debug, Args)]
#[command(after_help = SCORECARD_HELP)]
pub(crate) struct ScorecardCommand {
    #[command(flatten)]
    location: LedgerLocation,

    /// Only this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// The rate of false alarms that a Check must be shown to stay below, such as `1%`
    #[arg(long, value_name = "RATE", default_value_t = Bound(USUAL_BOUND))]
    bound: Bound,

    /// End with 3 unless the newest Check of every service is ready to gate
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    document: DocumentOptions,
}

const SCORECARD_HELP: &str = "\
Exit codes:
  0  the scorecards are printed, whatever they say
  1  serin could not do what was asked, a usage error included
  3  with --strict: the newest Check of some service is not ready to gate

Examples:
  serin scorecard --ledger serin.db
  serin scorecard --ledger serin.db --service checkout --bound 1%
  serin scorecard --ledger serin.db --service checkout --strict --format json";

/// A rate between nothing and everything.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound(f64);

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", 100.0 * self.0)
    }
}

impl std::str::FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hint = || "write a rate above 0 % and below 100 %, such as `5%`".to_owned();
        let number = text.strip_suffix('%').ok_or_else(hint)?;
        let percent: f64 = number.trim().parse().map_err(|_| hint())?;
        let is_rate = percent > 0.0 && percent < 100.0;
        is_rate.then_some(Self(percent / 100.0)).ok_or_else(hint)
    }
}

/// List the verdicts of a service, and what came of each
#[derive(Debug, Args)]
#[command(after_help = VERDICTS_HELP)]
pub(crate) struct Verdicts {
    #[command(flatten)]
    location: LedgerLocation,

    /// The service
    #[arg(long, value_name = "SERVICE")]
    service: String,

    /// Only those of which nobody can say yet whether they were right
    #[arg(long)]
    undecided: bool,

    #[command(flatten)]
    document: DocumentOptions,
}

const VERDICTS_HELP: &str = "\
Examples:
  serin verdicts --ledger serin.db --service checkout
  serin verdicts --ledger serin.db --service checkout --undecided --format json";

impl ScorecardCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut ledger = self.location.open()?;
        let report = scorecard(&mut ledger, self.service.as_deref(), self.bound.0)?;
        self.document.print(&report, scorecard_table)?;
        let newest = report.services.iter().map(|service| service.checks.first());
        let is_ready = newest.into_iter().all(|it| it.is_some_and(|it| it.readiness.is_ready));
        let fails = self.strict && (!is_ready || report.services.is_empty());
        Ok(if fails { ExitCode::from(INCONCLUSIVE) } else { ExitCode::SUCCESS })
    }
}

impl Verdicts {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut report = verdicts(&mut self.location.open()?, &self.service)?;
        if self.undecided {
            report.verdicts.retain(|it| it.truth == VerdictTruth::Undecided);
        }
        self.document.print(&report, verdicts_table)?;
        Ok(ExitCode::SUCCESS)
    }
}
