//! `serin man`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::Arguments;

/// Write the manual pages into a folder
///
/// One page for serin and one for each verb: `serin man ~/.local/share/man/man1`, then
/// `man serin-judge`. Pages that are there already are replaced.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder; it must exist
    #[arg(value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let command = Arguments::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.folder).with_context(|| {
            let folder = self.folder.display();
            format!(
                "the manual pages cannot be written into `{folder}`\n\n\
                 hint: see that the folder exists, and that there is space and permission\n\ncause"
            )
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
