//! The verbs, a file each. A verb's doc comment is its help.

mod bench;
mod completions;
mod convert;
mod judge;
mod man;
mod schema;
mod sources;

use std::process::ExitCode;

use clap::Subcommand;

/// What serin can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Judge(judge::Judge),
    Convert(convert::Convert),
    Bench(bench::Bench),
    Schema(schema::Schema),
    Sources(sources::Sources),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Does it, and returns how the process ends.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Judge(judge) => judge.run(),
            Self::Convert(convert) => convert.run(),
            Self::Bench(bench) => bench.run(),
            Self::Schema(schema) => schema.run(),
            Self::Sources(sources) => sources.run(),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// Which judge is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum JudgeName {
    /// Kayenta's NetflixACAJudge-v1.0, figure for figure, with guardrails beside it
    Kayenta,
}

/// The version, and that of every judge's mathematics.
pub(crate) fn long_version() -> String {
    let revision = serin_judge::kayenta::REVISION;
    format!("{}\njudges: kayenta revision {revision}", env!("CARGO_PKG_VERSION"))
}
