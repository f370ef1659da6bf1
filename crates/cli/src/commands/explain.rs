//! `serin explain`

use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgGroup, Args, ValueHint};
use serin_runner::{explain_file, explain_service};

use crate::output::print;
use crate::progress::Bar;
use crate::service_options::ServiceOptions;

/// Show the whole of a Check, and where each value comes from
///
/// Prints what a Check file says together with the files that it extends and the packs that it uses, as one
/// Check file: behind each value the file or the pack with the line that it comes from, and below what holds
/// because nobody says otherwise. Asks no store, but to find packs for a service without a file.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP, group = ArgGroup::new("question").required(true).args(["file", "service"]))]
pub(crate) struct Explain {
    /// The Check file; `-` reads it from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<String>,

    /// The address of the store, for a service without a Check file
    #[arg(long, visible_alias = "source", value_name = "URL", value_hint = ValueHint::Url, conflicts_with = "file")]
    url: Option<String>,

    #[command(flatten)]
    service: ServiceOptions,
}

const LONG_HELP: &str = "\
Exit codes:
  0  the Check can be asked
  1  serin could not do what was asked, a usage error included

Examples:
  serin explain payments/checkout/serin.yaml
  serin explain --service checkout --defaults organisation.yaml
  serin explain serin.yaml > whole.yaml";

impl Explain {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match &self.file {
            Some(file) => {
                self.service.refuse_beside_a_file()?;
                explain_file(file)?
            }
            None => {
                let asked = self.service.asked(self.url.as_deref(), false);
                explain_service(&asked, &Bar::new("looking"))?
            }
        };
        print(&text).context("the standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    }
}
