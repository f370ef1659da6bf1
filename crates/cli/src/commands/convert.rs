//! `serin convert`

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueHint};
use serin_model::{CounterForm, Source};
use serin_runner::{Question, RunError};

use crate::output::{print, write_file};

/// Turn a Kayenta config into a Check file
///
/// The Check file asks the same questions, and `serin judge` gives it the same verdict. Kayenta's
/// queries are kept as comments: they are for its own stores.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Convert {
    /// The Kayenta canary config
    #[arg(long, value_name = "CONFIG", value_hint = ValueHint::FilePath)]
    kayenta: String,

    /// The Kayenta request that goes with it: scopes, times, thresholds
    #[arg(long, value_name = "REQUEST", value_hint = ValueHint::FilePath)]
    request: Option<String>,

    /// The recording that the Check file names as its source
    #[arg(long, value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// Where to write the Check file; the standard output unless given
    #[arg(long, short, value_name = "PATH", value_hint = ValueHint::FilePath)]
    output: Option<String>,
}

const HELP: &str = "\
Exit codes:
  0  the Check file is written
  1  serin could not do what was asked";

impl Convert {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut question = Question::of_kayenta(&self.kayenta, self.request.as_deref())?;
        question.written.source = self.source()?;
        let text = serin_check::write(&question.written, &question.comment())
            .map_err(RunError::from)
            .with_context(|| format!("`{}` cannot be converted", self.kayenta))?;
        match &self.output {
            Some(path) => write_file(path, &text)?,
            None => print(&text).context("the standard output cannot be written")?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A path in a Check file starts at that file, wherever it is written to.
    fn source(&self) -> anyhow::Result<Option<Source>> {
        let Some(data) = &self.data else { return Ok(None) };
        let path = match &self.output {
            Some(output) if data != "-" => from_folder_of(output, data)?,
            Some(_) | None => data.clone(),
        };
        Ok(Some(Source::File { path, counters: CounterForm::Unstated }))
    }
}

/// Returns the path of `data` as seen from the folder of `file`, if it lies there or below.
fn from_folder_of(file: &str, data: &str) -> anyhow::Result<String> {
    let data = std::path::absolute(data)?;
    let file = std::path::absolute(file)?;
    let folder = file.parent().unwrap_or(&file);
    let seen = data.strip_prefix(folder).unwrap_or(&data);
    Ok(seen.to_string_lossy().into_owned())
}
