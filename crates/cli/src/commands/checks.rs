//! `serin checks`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueHint};
use serin_ledger::AppliedChecks;
use serin_report::{ChecksReport, Removal, checks_list_table, checks_plan_table};
use serin_runner::checks::{
    ApplyAsked, ChecksPlan, ChecksSource, WrittenChecks, applied_statuses, apply_checks,
};
use tempfile::TempDir;

use super::token::somebody;
use crate::document::DocumentOptions;
use crate::ledger_location::LedgerLocation;

/// Keep Checks in a folder or a git repository: plan, apply, and see what drifted
///
/// Applied Checks are in the ledger, each with its texts and the commit that it came from: a live analysis can begin
/// by the name of a service alone. Every .yaml and .yml file below the folder is a Check, or extended by one.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct ChecksCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Plan(Plan),
    Apply(Apply),
    List(List),
}

/// Show what applying a folder would change
///
/// Reads every Check file below the folder, says all that is wrong with them, and compares with what is applied:
/// what is new, changed and gone, and how the texts differ. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = PLAN_HELP)]
struct Plan {
    #[command(flatten)]
    source: SourceOptions,

    #[command(flatten)]
    location: LedgerLocation,

    #[command(flatten)]
    apply: ApplyOptions,

    /// End with 2 where there is something to do
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    document: DocumentOptions,
}

const PLAN_HELP: &str = "\
Exit codes:
  0  it could be applied, whether or not there is anything to do
  1  it could not, a Check that is wrong and a usage error included
  2  with --exit-code: there is something to do

Examples:
  serin checks plan checks --ledger serin.db
  serin checks plan checks --ledger serin.db --prune --exit-code
  serin checks plan https://github.com/acme/checks --ref main --path production --ledger serin.db";

/// Have a folder's Checks come into force
///
/// All that changed, or nothing: one Check that is wrong keeps all from being applied. Applied again it changes
/// nothing. Checks that are no longer in the folder stay, unless `--prune` is given; those that another folder applied
/// always do.
#[derive(Debug, Args)]
#[command(after_help = APPLY_HELP)]
struct Apply {
    #[command(flatten)]
    source: SourceOptions,

    #[command(flatten)]
    location: LedgerLocation,

    #[command(flatten)]
    apply: ApplyOptions,

    /// Who applies them; you, if not said
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    #[command(flatten)]
    document: DocumentOptions,
}

const APPLY_HELP: &str = "\
Exit codes:
  0  what the folder has is in force
  1  nothing was applied

Examples:
  serin checks apply checks --ledger serin.db
  serin checks apply checks --ledger serin.db --prune
  serin checks apply git@github.com:acme/checks.git --ref v12 --ledger postgres://serin@db/serin";

/// List the Checks in force, and where they drifted from a folder
///
/// Since when each is in force, from which file and commit, and who applied it. With a folder, whether it still is what
/// the folder has, and which commit changed it since.
#[derive(Debug, Args)]
#[command(after_help = LIST_HELP)]
struct List {
    /// The folder or repository to compare with; nothing, if not given
    #[arg(value_name = "FOLDER|REPOSITORY", value_hint = ValueHint::DirPath)]
    source: Option<String>,

    #[command(flatten)]
    part: PartOptions,

    #[command(flatten)]
    location: LedgerLocation,

    /// End with 2 where something drifted
    #[arg(long, requires = "source")]
    exit_code: bool,

    #[command(flatten)]
    document: DocumentOptions,
}

const LIST_HELP: &str = "\
Exit codes:
  0  it is listed
  1  serin could not do what was asked, a usage error included
  2  with --exit-code: something drifted

Examples:
  serin checks list --ledger serin.db
  serin checks list checks --ledger serin.db --exit-code
  serin checks list --ledger serin.db --format json | jq -r '.checks[] | [.service, .applied.commit] | @tsv'";

/// Where the Checks are kept.
#[derive(Debug, Args)]
struct SourceOptions {
    /// A folder, or a repository: https://…, ssh://…, user@host:path or file://…
    #[arg(value_name = "FOLDER|REPOSITORY", value_hint = ValueHint::DirPath)]
    source: String,

    #[command(flatten)]
    part: PartOptions,
}

/// What of a repository is wanted.
#[derive(Debug, Args)]
struct PartOptions {
    /// The branch, tag or commit of a repository; what it has checked out, if not said
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,

    /// The folder in a repository; all of it, if not said
    #[arg(long, value_name = "FOLDER")]
    path: Option<String>,

    /// What the ledger calls a folder, instead of by its repository or its path; with it, git may be missing
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// How the folder is applied.
#[derive(Debug, Args)]
struct ApplyOptions {
    /// Remove Checks that came from this folder and are no longer in it
    #[arg(long)]
    prune: bool,

    /// How many percent of the folder's applied Checks may be removed at once; one may always
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = ApplyAsked::USUAL_PRUNE_LIMIT,
        value_parser = clap::value_parser!(u8).range(0..=100)
    )]
    prune_limit: u8,

    /// Take a folder without a Check for one that shall have none: with `--prune`, all are removed
    #[arg(long)]
    allow_empty: bool,

    /// Take over scopes whose Check another folder applied
    #[arg(long)]
    take_over: bool,
}

/// There is something to do.
const DIFFERENT: u8 = 2;

impl ChecksCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.verb {
            Verb::Plan(plan) => plan.run(),
            Verb::Apply(apply) => apply.run(),
            Verb::List(list) => list.run(),
        }
    }
}

impl Plan {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (written, _clone) = self.source.part.read(&self.source.source)?;
        // Nothing is made for a look: where no ledger is, nothing is applied.
        let mut ledger = self.location.open_if_there()?;
        let applied = match &mut ledger {
            Some(ledger) => ledger.project::<AppliedChecks>(None)?.state,
            None => AppliedChecks::default(),
        };
        let plan = ChecksPlan::of(written, &applied);
        let report = plan.report(ledger.as_mut())?;
        let removal = self.apply.removal();
        self.document
            .print(&report, |report, style| checks_plan_table(report, removal, false, style))?;
        let asked = self.apply.asked(String::new());
        plan.guard(&asked)?;
        let is_different = plan.has_changes(&asked);
        let code = if self.exit_code && is_different { DIFFERENT } else { 0 };
        Ok(ExitCode::from(code))
    }
}

impl Apply {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (written, _clone) = self.source.part.read(&self.source.source)?;
        let mut ledger = self.location.open_or_create()?;
        let by = self.by.clone().unwrap_or_else(somebody);
        let (plan, _) = apply_checks(&mut ledger, &written, &self.apply.asked(by))?;
        let report = plan.report(Some(&mut ledger))?;
        let removal = self.apply.removal();
        self.document
            .print(&report, |report, style| checks_plan_table(report, removal, true, style))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let written = self.source.as_ref().map(|source| self.part.read(source)).transpose()?;
        let mut ledger = self.location.open()?;
        let applied = ledger.project::<AppliedChecks>(None)?.state;
        let report = match written {
            Some((written, _clone)) => {
                ChecksPlan::of(written, &applied).report(Some(&mut ledger))?
            }
            None => ChecksReport {
                version: ChecksReport::VERSION,
                serin: env!("CARGO_PKG_VERSION").to_owned(),
                folder: None,
                checks: applied_statuses(&applied),
                differences: Vec::new(),
            },
        };
        self.document.print(&report, checks_list_table)?;
        let code = if self.exit_code && report.is_drifted() { DIFFERENT } else { 0 };
        Ok(ExitCode::from(code))
    }
}

impl PartOptions {
    /// Reads the Checks of a folder, or of a repository that is fetched into a folder, which is gone once it is let go.
    fn read(&self, source: &str) -> anyhow::Result<(WrittenChecks, TempDir)> {
        let (reference, path) = (self.reference.as_deref(), self.path.as_deref());
        let source = ChecksSource::parse(source, reference, path, self.name.as_deref())?;
        let clone = tempfile::Builder::new().prefix("serin-checks-").tempdir();
        let clone = clone.context("no folder can be made for what is temporary")?;
        Ok((WrittenChecks::read(&source, clone.path())?, clone))
    }
}

impl ApplyOptions {
    fn asked(&self, by: String) -> ApplyAsked {
        ApplyAsked {
            by,
            prune: self.prune,
            prune_limit: self.prune_limit,
            allow_empty: self.allow_empty,
            take_over: self.take_over,
        }
    }

    fn removal(&self) -> Removal {
        if self.prune { Removal::Go } else { Removal::Stay }
    }
}
