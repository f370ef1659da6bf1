//! What a pipeline is told beside the exit code: step summaries, annotations, outputs and statuses.
//!
//! None of it changes how the process ends. The exit code is the verdict's: a status that could not be
//! set says nothing about a canary, and must neither promote it nor roll it back.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serin_report::{FleetReport, Report, github};
use serin_runner::commit_status::{
    Commit, CommitStatus, Forge, InconclusiveState, Patience, set_commit_statuses,
};

use crate::exit::printable;
use crate::output::{
    Colour, Format, is_read_by_github, print_command, print_error, rendered, style,
};

/// Options for those who call serin from a pipeline.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pipelines")]
pub(crate) struct Pipeline {
    /// Whose pipeline to tell: in GitHub Actions a step summary, annotations and outputs
    #[arg(long, value_name = "CI", default_value = "auto")]
    ci: Ci,

    /// Also set the status of the commit, with the token in GITHUB_TOKEN or GITLAB_TOKEN
    #[arg(long, value_name = "FORGE")]
    status: Option<ForgeName>,

    /// The commit to set it of, instead of the one that the pipeline runs for
    #[arg(long, value_name = "SHA", requires = "status")]
    commit: Option<String>,

    /// What an inconclusive verdict is to the commit
    #[arg(long, value_name = "STATE", default_value = "failure", requires = "status")]
    inconclusive_status: InconclusiveStatus,
}

/// Whose pipeline is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Ci {
    /// GitHub's where GITHUB_ACTIONS is `true`, else nobody's
    Auto,
    /// GitHub's
    Github,
    /// Nobody's
    None,
}

/// Who keeps the code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ForgeName {
    /// GitHub, or the GitHub Enterprise Server that GITHUB_API_URL names
    Github,
    /// The GitLab that CI_API_V4_URL names
    Gitlab,
}

/// What an inconclusive verdict is to a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum InconclusiveStatus {
    /// Not passed
    Failure,
    /// Not passed yet: waits until somebody sets it again
    Pending,
}

impl Pipeline {
    /// Tells the pipeline. What cannot be told is warned of on the standard error.
    pub(crate) fn tell(&self, reports: &[Report]) {
        if self.is_github() {
            tell_github(reports);
        }
        if let Some(forge) = self.status {
            self.set_statuses(forge, |state| CommitStatus::of_reports(reports, state));
        }
    }

    /// Tells the pipeline of a whole fleet, as one.
    pub(crate) fn tell_fleet(&self, fleet: &FleetReport) {
        if self.is_github() {
            print_command(&github::fleet_annotations(fleet));
            append("GITHUB_STEP_SUMMARY", &serin_report::fleet_markdown(fleet));
            append("GITHUB_OUTPUT", &github::fleet_outputs(fleet));
        }
        if let Some(forge) = self.status {
            self.set_statuses(forge, |state| vec![CommitStatus::of_fleet(fleet, state)]);
        }
    }

    fn is_github(&self) -> bool {
        match self.ci {
            Ci::Auto => is_read_by_github(),
            Ci::Github => true,
            Ci::None => false,
        }
    }

    fn set_statuses(
        &self,
        forge: ForgeName,
        statuses: impl FnOnce(InconclusiveState) -> Vec<CommitStatus>,
    ) {
        let forge = match forge {
            ForgeName::Github => Forge::GitHub,
            ForgeName::Gitlab => Forge::GitLab,
        };
        let inconclusive = match self.inconclusive_status {
            InconclusiveStatus::Failure => InconclusiveState::Failure,
            InconclusiveStatus::Pending => InconclusiveState::Pending,
        };
        let variable = |name: &str| env::var(name).ok();
        let errors = match Commit::from_environment(forge, &variable, self.commit.as_deref()) {
            Err(error) => vec![error],
            Ok(commit) => {
                set_commit_statuses(&commit, &statuses(inconclusive), Patience::default())
            }
        };
        for error in errors {
            warn(&format!("the status of the commit was not set: {error}"));
        }
    }
}

fn tell_github(reports: &[Report]) {
    // The runner obeys both streams. On this one it cannot get between the lines of a report.
    print_command(&reports.iter().map(github::annotations).collect::<String>());
    match rendered(reports, Format::Markdown, style(Colour::Never)) {
        Ok(summary) => append("GITHUB_STEP_SUMMARY", &summary),
        Err(error) => warn(&format!("there is no step summary: {error:#}")),
    }
    append("GITHUB_OUTPUT", &github::step_outputs(reports));
}

/// Appends to the file that a variable names. Where there is no such variable nobody reads it.
fn append(variable: &str, text: &str) {
    let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) else { return };
    if let Err(error) = append_to(&path, text) {
        let path = path.to_string_lossy();
        warn(&format!("`{path}`, the file of {variable}, cannot be written: {error}"));
    }
}

fn append_to(path: &OsString, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

fn warn(text: &str) {
    print_error(&printable(&format!("warning: {text}")));
}
