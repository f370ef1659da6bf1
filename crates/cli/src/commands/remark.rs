//! `serin label` and `serin override`

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serin_ledger::fact::{Decision, Label};
use serin_runner::{Remark, Remarked, label, override_verdict};

use crate::exit::printable;
use crate::ledger_location::LedgerLocation;
use crate::output::print;

/// Say whether a verdict was right, so that the scorecard knows
///
/// The last label of a verdict counts. `serin verdicts` lists those that nobody labelled yet.
#[derive(Debug, Args)]
#[command(after_help = LABEL_HELP)]
pub(crate) struct LabelCommand {
    /// The verdict: its event, or its analysis
    #[arg(value_name = "VERDICT")]
    verdict: String,

    /// Whether it was right
    #[arg(value_name = "LABEL")]
    label: LabelWord,

    #[command(flatten)]
    remark: RemarkOptions,
}

const LABEL_HELP: &str = "\
Examples:
  serin label analysis/4812 wrong --ledger serin.db --by ann --reason 'the load test ran into it'
  serin label 0174880f-eb20-7000-8000-00034b9f2f9c right --ledger serin.db --by ann";

/// Note what was decided instead of a verdict
///
/// The last decision about a verdict counts. Who was right is known once the verdict is labelled, or what was
/// promoted is taken back.
#[derive(Debug, Args)]
#[command(after_help = OVERRIDE_HELP)]
pub(crate) struct OverrideCommand {
    /// The verdict: its event, or its analysis
    #[arg(value_name = "VERDICT")]
    verdict: String,

    /// What was decided
    #[arg(value_name = "DECISION")]
    decision: DecisionWord,

    #[command(flatten)]
    remark: RemarkOptions,
}

const OVERRIDE_HELP: &str = "\
Examples:
  serin override analysis/4812 promote --ledger serin.db --by ann --reason 'known noise of the load test'
  serin override analysis/4813 roll-back --ledger serin.db --by ann";

/// Who says it, and why.
#[derive(Debug, Args)]
struct RemarkOptions {
    #[command(flatten)]
    location: LedgerLocation,

    /// Who says so
    #[arg(long, value_name = "NAME")]
    by: String,

    /// Why, in a sentence
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// The service that the verdict must be of
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// What its source calls this remark; made from what it says, if not given
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// Who hands it in, such as the address of a bot
    #[arg(long, value_name = "SOURCE", default_value = "serin")]
    source: String,
}

/// Whether a verdict was right.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum LabelWord {
    /// It was right
    Right,
    /// It was wrong
    Wrong,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum DecisionWord {
    /// Go on with the canary
    Promote,
    /// Wait
    Hold,
    /// Take the canary back
    RollBack,
}

impl RemarkOptions {
    fn remark(&self, verdict: &str) -> Remark {
        Remark {
            verdict: verdict.to_owned(),
            service: self.service.clone(),
            by: self.by.clone(),
            reason: self.reason.clone(),
            source: self.source.clone(),
            source_id: self.id.clone(),
        }
    }
}

impl LabelCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (word, said) = match self.label {
            LabelWord::Right => (Label::Right, "right"),
            LabelWord::Wrong => (Label::Wrong, "wrong"),
        };
        let mut ledger = self.remark.location.open()?;
        let remarked = label(&mut ledger, &self.remark.remark(&self.verdict), word)?;
        say(&remarked, &format!("labelled {said} by {}", self.remark.by))
    }
}

impl OverrideCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (decision, said) = match self.decision {
            DecisionWord::Promote => (Decision::Promote, "promote"),
            DecisionWord::Hold => (Decision::Hold, "hold"),
            DecisionWord::RollBack => (Decision::RollBack, "roll back"),
        };
        let mut ledger = self.remark.location.open()?;
        let remarked = override_verdict(&mut ledger, &self.remark.remark(&self.verdict), decision)?;
        say(&remarked, &format!("{} decided: {said}", self.remark.by))
    }
}

fn say(remarked: &Remarked, said: &str) -> anyhow::Result<ExitCode> {
    let known = if remarked.receipt.was_known { " (known already)" } else { "" };
    let text = format!(
        "{} of {}, {}: {said}{known}, event {}\n",
        remarked.analysis, remarked.service, remarked.outcome, remarked.receipt.id
    );
    print(&printable(&text)).context("the standard output cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
