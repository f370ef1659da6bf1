//! `serin watch`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueHint};
use serin_model::Outcome;
use serin_report::Report;
use serin_runner::watch::{Interrupt, Start, TimingAsked, WatchOptions, run_command, watch};
use serin_runner::{
    Overrides, Question, Remote, parse_length, parse_length_or_nothing, parse_moment,
};
use serin_server::remote::AnalysisAsked;

use crate::commands::Counters;
use crate::exit;
use crate::live_view::LiveView;
use crate::output::print_error;
use crate::pipeline::Pipeline;
use crate::progress::Bar;
use crate::report_options::ReportOptions;
use crate::server_options::{AnalysisOptions, ServerOptions, refuse_here_alone, watch_there};
use crate::service_options::ServiceOptions;
use crate::signals::stop_on_signals;

/// Watch a canary while it runs, and say as soon as it is settled: promote or roll back
///
/// Waits until both arms report, leaves out the canary's warm-up, looks at every step as it comes in,
/// and stops as soon as the evidence is enough, or at the horizon. Shows how it stands on the standard
/// error, and prints the same report as `serin judge`. Ctrl-C stops it: the verdict is then inconclusive.
/// The sequential judge judges, whose bounds hold however often one looks.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP, group = ArgGroup::new("question").required(true).args(["file", "service"]))]
pub(crate) struct Watch {
    /// The Check file; `-` reads it from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<String>,

    /// A recording to play as if it were live, without waiting, instead of the Check file's source
    #[arg(long, value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// How counters were recorded, instead of what the Check file says
    #[arg(long, value_name = "FORM")]
    counters: Option<Counters>,

    /// The address of the store to ask, instead of the Check file's
    #[arg(long, visible_alias = "source", value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,

    /// When the canary began: a moment, or `now`; when both arms are first seen, if not said. With it
    /// the silence of a canary that never reports is evidence, and what has passed is caught up at once
    #[arg(long, value_name = "TIME", value_parser = parse_start)]
    start: Option<Start>,

    /// How long to judge at most, and how long to wait for the arms; 60m unless the Check file says
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    horizon: Option<Duration>,

    /// How much of the canary's beginning to leave out; 2m unless the Check file says
    #[arg(long, value_name = "LENGTH", value_parser = parse_length_or_nothing)]
    warm_up: Option<Duration>,

    /// How much of the control's past to learn from; 6h unless the Check file says
    #[arg(long, value_name = "LENGTH", value_parser = parse_length_or_nothing)]
    history: Option<Duration>,

    /// How often to ask the source at most; it is asked when a step is complete
    #[arg(long, value_name = "LENGTH", default_value = "15s", value_parser = parse_length)]
    every: Duration,

    /// How long after its end a step waits for points that come late; one step unless said
    #[arg(long, value_name = "LENGTH", value_parser = parse_length_or_nothing)]
    late: Option<Duration>,

    /// Run a command in the shell when the canary fails, with the report in JSON on its standard input
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    on_fail: Option<String>,

    /// Run a command in the shell when the canary passes, with the report in JSON on its standard input
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    on_pass: Option<String>,

    /// Keep what is known in a file after each step, and go on from it when serin is started again
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    state: Option<PathBuf>,

    #[command(flatten)]
    reports: ReportOptions,

    #[command(flatten)]
    pipeline: Pipeline,

    #[command(flatten)]
    service: ServiceOptions,

    #[command(flatten)]
    pub(crate) server: ServerOptions,

    #[command(flatten)]
    analysis: AnalysisOptions,
}

const LONG_HELP: &str = "\
Exit codes:
  0  pass: promote
  1  serin could not do what was asked, a usage error included
  2  fail: roll back
  3  inconclusive: the horizon came, the source failed, or somebody stopped it; a person must decide
A command that fails is warned of, and changes none of them.

Examples:
  serin watch serin.yaml
  serin watch serin.yaml --start now --horizon 30m -o report.html
  serin watch --service checkout --control track=stable --canary track=canary
  serin watch serin.yaml --server https://serin.example.com --start now
  serin watch serin.yaml --on-fail 'kubectl rollout undo deployment/checkout-canary'
  serin watch serin.yaml --state /var/lib/serin/checkout-4812.json
  serin watch examples/checkout/serin.yaml --data examples/checkout/failing.csv.gz";

/// How long a command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

fn parse_start(text: &str) -> Result<Start, String> {
    if text == "now" {
        return Ok(Start::Now);
    }
    parse_moment(text).map(Start::At).map_err(|hint| format!("{hint}, or `now`"))
}

impl Watch {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.file.as_deref() == Some("-") && self.data.as_deref() == Some("-") {
            return Err(serin_runner::RunError::TwoStandardInputs.into());
        }
        self.reports.refuse_odd_combinations(1)?;
        let remote = self.remote()?;
        let question = self.question()?;
        let interrupt = Interrupt::default();
        stop_on_signals(&interrupt);
        if let Some(remote) = remote {
            return self.run_there(&remote, &question, &interrupt);
        }
        let mut view = LiveView::new(self.reports.color);
        let watched = watch(&question, self.options(), &interrupt, &Bar::new("reading"), &mut view);
        view.finish();
        let mut watched = watched?;
        let reports = [watched.report.clone()];
        let outcome = watched.report.verdict.outcome;
        // A report that cannot be printed or written must not keep anybody from hearing the verdict.
        let printed = self.reports.print(&reports);
        let written = self.reports.write(&reports);
        if let Some(command) = self.command(outcome) {
            self.run_once(command, &mut watched)?;
        }
        self.pipeline.tell(&reports);
        printed?;
        written?;
        Ok(exit::of_outcomes([outcome].into_iter()))
    }

    fn remote(&self) -> anyhow::Result<Option<Remote>> {
        let remote = self.server.remote()?;
        if remote.is_some() {
            refuse_here_alone(&[
                ("--data", self.data.is_some()),
                ("--counters", self.counters.is_some()),
                ("--state", self.state.is_some()),
            ])?;
        } else {
            self.analysis.refuse_without_server()?;
        }
        Ok(remote)
    }

    /// Has a server follow the canary, and does here what its verdict asks for.
    fn run_there(
        &self,
        remote: &Remote,
        question: &Question,
        interrupt: &Interrupt,
    ) -> anyhow::Result<ExitCode> {
        let WatchOptions { overrides, timing, .. } = self.options();
        let asked = AnalysisAsked {
            checks: question.texts(),
            url: overrides.url,
            timing,
            change: self.analysis.change.as_deref(),
            shadow: self.analysis.shadow,
            idempotency_key: self.analysis.idempotency_key.as_deref(),
        };
        let reports = [watch_there(remote, &asked, interrupt)?];
        let outcome = reports[0].verdict.outcome;
        let printed = self.reports.print(&reports);
        let written = self.reports.write(&reports);
        if let Some(command) = self.command(outcome) {
            run_command_on(command, &reports[0])?;
        }
        self.pipeline.tell(&reports);
        printed?;
        written?;
        Ok(exit::of_outcomes([outcome].into_iter()))
    }

    fn question(&self) -> anyhow::Result<Question> {
        let (file, url) = (self.file.as_deref(), self.url.as_deref());
        self.service.question(file, url, self.data.is_some(), &Bar::new("looking"))
    }

    fn options(&self) -> WatchOptions<'_> {
        WatchOptions {
            overrides: Overrides {
                data: self.data.as_deref(),
                counters: self.counters.map(Counters::form),
                url: self.url.as_deref(),
                ..Overrides::default()
            },
            timing: TimingAsked {
                start: self.start.unwrap_or_default(),
                horizon: self.horizon,
                warm_up: self.warm_up,
                history: self.history,
                every: Some(self.every),
                late: self.late,
            },
            state: self.state.as_deref(),
        }
    }

    fn command(&self, outcome: Outcome) -> Option<&str> {
        match outcome {
            Outcome::Fail => self.on_fail.as_deref(),
            Outcome::Pass => self.on_pass.as_deref(),
            Outcome::Inconclusive => None,
        }
    }

    /// Runs a command on the verdict, unless it was begun before serin was killed.
    fn run_once(
        &self,
        command: &str,
        watched: &mut serin_runner::watch::Watch,
    ) -> anyhow::Result<()> {
        match watched.claim_command() {
            Ok(true) => {}
            Ok(false) => {
                warn(&format!(
                    "the command `{command}` is not run: it was begun before serin was started again; \
                     see whether it did its work"
                ));
                return Ok(());
            }
            // It would be done twice only if serin were killed now as well.
            Err(error) => warn(&error.to_string()),
        }
        run_command_on(command, &watched.report)
    }
}

fn warn(text: &str) {
    print_error(&exit::printable(&format!("warning: {text}")));
}

/// Runs a command with a report on its standard input. That it fails changes no verdict.
fn run_command_on(command: &str, report: &Report) -> anyhow::Result<()> {
    if let Err(error) = run_command(command, &BTreeMap::new(), &json(report)?, COMMAND_LIMIT) {
        warn(&format!("{error}; the verdict stands"));
    }
    Ok(())
}

fn json(report: &Report) -> anyhow::Result<String> {
    Ok(serde_json::to_string(report)? + "\n")
}
