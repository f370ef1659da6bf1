//! `serin completions`

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::Arguments;
use crate::output::print;

/// Print completions for a shell
///
/// Bash reads them from `~/.local/share/bash-completion/completions/serin`, fish from
/// `~/.config/fish/completions/serin.fish`, zsh from a file `_serin` in any folder of `$fpath`.
/// PowerShell and Elvish run them as they start: put them into `$PROFILE` or `rc.elv`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        generate(self.shell, &mut Arguments::command(), "serin", &mut script);
        let text = String::from_utf8(script).context("the completions are not UTF-8")?;
        print(&text).context("the standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    }
}
