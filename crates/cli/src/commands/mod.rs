//! The verbs, a file each. A verb's doc comment is its help.

mod bench;
mod changes;
mod checks;
mod completions;
mod convert;
mod demo;
mod explain;
mod init;
mod judge;
mod ledger;
mod lint;
mod man;
mod note;
mod packs;
mod plan;
mod remark;
mod replay;
mod schema;
mod scorecard;
mod selftest;
mod serve;
mod sources;
mod token;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;
use serin_model::CounterForm;
use serin_runner::JudgeKind;

/// What serin can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Judge(judge::Judge),
    Plan(plan::Plan),
    Selftest(selftest::Selftest),
    Lint(lint::Lint),
    Explain(explain::Explain),
    Watch(watch::Watch),
    Init(init::Init),
    Convert(convert::Convert),
    Bench(bench::Bench),
    Note(note::NoteCommand),
    Changes(changes::Changes),
    KnownGood(changes::KnownGood),
    Verdicts(scorecard::Verdicts),
    Label(remark::LabelCommand),
    Override(remark::OverrideCommand),
    Scorecard(scorecard::ScorecardCommand),
    Replay(replay::Replay),
    Checks(checks::ChecksCommand),
    Serve(serve::Serve),
    Demo(demo::DemoCommand),
    Token(token::TokenCommand),
    Ledger(ledger::LedgerCommand),
    Schema(schema::Schema),
    Packs(packs::Packs),
    Sources(sources::Sources),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Has a serin that serves do it.
    pub(crate) fn ask_there(&mut self, server: String) -> anyhow::Result<()> {
        let options = match self {
            Self::Judge(judge) => &mut judge.server,
            Self::Watch(watch) => &mut watch.server,
            Self::Bench(bench) => &mut bench.server,
            _ => anyhow::bail!(
                "`--server` is for `judge`, `watch` and `bench`\n\nhint: leave it out; what a server knows is at \
                 its address, in pages and by its API"
            ),
        };
        options.server = Some(server);
        Ok(())
    }

    /// Does it, and returns how the process ends.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Judge(judge) => judge.run(),
            Self::Plan(plan) => plan.run(),
            Self::Selftest(selftest) => selftest.run(),
            Self::Lint(lint) => lint.run(),
            Self::Explain(explain) => explain.run(),
            Self::Watch(watch) => watch.run(),
            Self::Init(init) => init.run(),
            Self::Convert(convert) => convert.run(),
            Self::Bench(bench) => bench.run(),
            Self::Note(note) => note.run(),
            Self::Changes(changes) => changes.run(),
            Self::KnownGood(known_good) => known_good.run(),
            Self::Verdicts(verdicts) => verdicts.run(),
            Self::Label(label) => label.run(),
            Self::Override(decision) => decision.run(),
            Self::Scorecard(scorecard) => scorecard.run(),
            Self::Replay(replay) => replay.run(),
            Self::Checks(checks) => checks.run(),
            Self::Serve(serve) => serve.run(),
            Self::Demo(demo) => demo.run(),
            Self::Token(token) => token.run(),
            Self::Ledger(ledger) => ledger.run(),
            Self::Schema(schema) => schema.run(),
            Self::Packs(packs) => packs.run(),
            Self::Sources(sources) => sources.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// How counters were recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Counters {
    /// Each value is the count since the one before
    Increments,
    /// Each value is a running total
    Cumulative,
}

impl Counters {
    pub(crate) fn form(self) -> CounterForm {
        match self {
            Self::Increments => CounterForm::Increments,
            Self::Cumulative => CounterForm::Cumulative,
        }
    }
}

/// Which judge is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum JudgeName {
    /// Evidence that holds whenever one looks: an early answer with a bounded chance of being wrong
    Sequential,
    /// Kayenta's NetflixACAJudge-v1.0, figure for figure, with guardrails beside it
    Kayenta,
}

impl JudgeName {
    pub(crate) fn kind(self) -> JudgeKind {
        match self {
            Self::Sequential => JudgeKind::Sequential,
            Self::Kayenta => JudgeKind::Kayenta,
        }
    }
}

/// The version, and that of every judge's mathematics.
pub(crate) fn long_version() -> String {
    format!(
        "{}\njudges: sequential revision {}, kayenta revision {}",
        env!("CARGO_PKG_VERSION"),
        serin_judge::sequential::REVISION,
        serin_judge::kayenta::REVISION,
    )
}
