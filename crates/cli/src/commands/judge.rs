//! `serin judge`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::{ArgGroup, Args, ValueHint};
use serin_model::{Outcome, Timestamp};
use serin_report::Report;
use serin_runner::watch::Interrupt;
use serin_runner::{
    JudgeKind, Overrides, Question, Remote, RemoteListener, TimeAsked, ask, ask_each, parse_length,
    parse_moment, recording_to_send,
};
use serin_server::remote::{self, JudgementAsked};

use crate::commands::{Counters, JudgeName};
use crate::exit;
use crate::pipeline::Pipeline;
use crate::progress::Bar;
use crate::report_options::ReportOptions;
use crate::server_options::{ServerOptions, refuse_here_alone, tell};
use crate::service_options::ServiceOptions;

/// Judge a canary on metrics of a stretch of time that has passed
///
/// Reads a Check file, which says what to compare and where the metrics are (a store such as
/// Prometheus, or a recording), and prints the verdict with its reason first and every metric below,
/// worst first. Kayenta's own files work too: give `--kayenta` and `--request` instead of a Check
/// file.
#[derive(Debug, Args)]
#[command(after_help = LONG_HELP, group = ArgGroup::new("question").required(true).args(["files", "kayenta", "service"]))]
pub(crate) struct Judge {
    /// Check files to judge; `-` reads one from the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<String>,

    /// A Kayenta canary config to judge instead of a Check file
    #[arg(long, value_name = "CONFIG", value_hint = ValueHint::FilePath)]
    kayenta: Option<String>,

    /// The Kayenta request that goes with it: scopes, times, thresholds
    #[arg(long, value_name = "REQUEST", value_hint = ValueHint::FilePath, requires = "kayenta")]
    request: Option<String>,

    /// The recording to judge, instead of the Check file's source; `-` is the standard input
    #[arg(long, value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// How counters were recorded, instead of what the Check file says
    #[arg(long, value_name = "FORM")]
    counters: Option<Counters>,

    /// The address of the store to ask, instead of the Check file's
    #[arg(long, visible_alias = "source", value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,

    /// The first moment to judge, such as 2026-11-23T08:30:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    start: Option<Timestamp>,

    /// The first moment after it; now, if a store is asked and nothing else is said
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    end: Option<Timestamp>,

    /// How much to judge up to the end, such as 30m
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, conflicts_with = "start")]
    last: Option<Duration>,

    /// Who judges: sequential, or kayenta for a config of Kayenta's, unless said otherwise
    #[arg(long, value_name = "JUDGE")]
    judge: Option<JudgeName>,

    #[command(flatten)]
    reports: ReportOptions,

    #[command(flatten)]
    pipeline: Pipeline,

    #[command(flatten)]
    service: ServiceOptions,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

const LONG_HELP: &str = "\
Exit codes:
  0  pass: promote
  1  serin could not do what was asked, a usage error included
  2  fail: roll back
  3  inconclusive: a person must decide
With several files the worst decides: 1 before 2 before 3 before 0.

Examples:
  serin judge examples/checkout/serin.yaml
  serin judge examples/checkout/serin.yaml --data examples/checkout/slow.csv.gz -o slow.html
  serin judge serin.yaml --url http://prometheus:9090 --last 30m
  serin judge --service checkout --source http://prometheus:9090 --last 30m
  serin judge serin.yaml --format lines -o junit=report.xml -o metrics=metrics.txt
  serin judge serin.yaml --server https://serin.example.com --last 30m
  serin judge --kayenta config.json --request request.json --data recording.csv
  zcat recording.csv.gz | serin judge serin.yaml --data - --format json";

impl Judge {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.refuse_odd_combinations()?;
        let remote = self.remote()?;
        let questions = self.questions()?;
        if let Some(fleet) = questions.iter().find(|it| !it.written.analysis.for_each.is_empty()) {
            refuse_here_alone(&[("for_each", self.server.remote()?.is_some())])?;
            return match questions.as_slice() {
                [fleet] => self.judge_fleet(fleet),
                _ => Err(several_and_a_fleet(fleet)),
            };
        }
        let mut reports = Vec::new();
        for question in questions {
            reports.push(match &remote {
                Some(remote) => self.ask_there(remote, &question)?,
                None => self.ask(&question)?,
            });
        }
        self.reports.print(&reports)?;
        // A report that cannot be written must not keep the pipeline from hearing the verdict.
        let written = self.reports.write(&reports);
        self.pipeline.tell(&reports);
        written?;
        Ok(exit::of_outcomes(outcomes(&reports)))
    }

    fn refuse_odd_combinations(&self) -> anyhow::Result<()> {
        let named = self.files.iter().chain(&self.kayenta).chain(&self.request).chain(&self.data);
        let files = self.files.len().max(1);
        let from_input = named.filter(|path| *path == "-").count();
        let data_again = self.data.as_deref() == Some("-") && files > 1;
        if from_input > 1 || data_again {
            return Err(serin_runner::RunError::TwoStandardInputs.into());
        }
        self.reports.refuse_odd_combinations(self.files.len())
    }

    fn questions(&self) -> anyhow::Result<Vec<Question>> {
        if let Some(config) = &self.kayenta {
            return Ok(vec![Question::of_kayenta(config, self.request.as_deref())?]);
        }
        if self.service.service.is_some() {
            let (url, bar) = (self.url.as_deref(), Bar::new("looking"));
            return Ok(vec![self.service.question(None, url, self.data.is_some(), &bar)?]);
        }
        self.service.refuse_beside_a_file()?;
        let questions = self.files.iter().map(|file| Question::of_check_file(file));
        Ok(questions.collect::<Result<_, _>>()?)
    }

    /// Who moves from Kayenta with a config of Kayenta's expects Kayenta's verdict.
    fn judge_kind(&self) -> JudgeKind {
        match (self.judge, &self.kayenta) {
            (Some(judge), _) => judge.kind(),
            (None, Some(_)) => JudgeKind::Kayenta,
            (None, None) => JudgeKind::Sequential,
        }
    }

    fn ask(&self, question: &Question) -> anyhow::Result<Report> {
        Ok(ask(question, self.overrides(), &Bar::new("reading"))?)
    }

    fn remote(&self) -> anyhow::Result<Option<Remote>> {
        let remote = self.server.remote()?;
        if remote.is_some() && self.kayenta.is_some() {
            bail!(
                "a server takes Check files, and `--kayenta` names a config of Kayenta's\n\nhint: `serin convert` \
                 makes a Check file of it"
            );
        }
        Ok(remote)
    }

    fn ask_there(&self, remote: &Remote, question: &Question) -> anyhow::Result<Report> {
        let (overrides, bar) = (self.overrides(), Bar::new("reading"));
        let recording = recording_to_send(question, overrides, &bar)?;
        bar.clear();
        let asked = JudgementAsked {
            checks: question.texts(),
            recording,
            counters: overrides.counters,
            url: overrides.url,
            time: overrides.time,
            judge: overrides.judge,
        };
        let listener = RemoteListener { tell: &tell, interrupt: &Interrupt::default() };
        Ok(remote::judge(remote, &asked, &listener)?)
    }

    /// Judges every canary that the source knows.
    fn judge_fleet(&self, question: &Question) -> anyhow::Result<ExitCode> {
        let pages = self.reports.pages()?;
        let bar = Bar::new("reading");
        let fleet = ask_each(question, self.overrides(), &bar, &|report| pages.write(report))?;
        bar.clear();
        self.reports.print_fleet(&fleet)?;
        let written = pages.finish().and_then(|()| self.reports.write_fleet(&fleet));
        self.pipeline.tell_fleet(&fleet);
        written?;
        Ok(exit::of_outcomes(std::iter::once(fleet.outcome)))
    }

    fn overrides(&self) -> Overrides<'_> {
        Overrides {
            data: self.data.as_deref(),
            counters: self.counters.map(Counters::form),
            url: self.url.as_deref(),
            time: TimeAsked { start: self.start, end: self.end, last: self.last },
            judge: self.judge_kind(),
        }
    }
}

fn several_and_a_fleet(fleet: &Question) -> anyhow::Error {
    anyhow!(
        "`{}` is about a whole fleet (`for_each`), and several files are judged\n\n\
         hint: judge a fleet by itself",
        fleet.check.path
    )
}

fn outcomes(reports: &[Report]) -> impl Iterator<Item = Outcome> + '_ {
    reports.iter().map(|report| report.verdict.outcome)
}
