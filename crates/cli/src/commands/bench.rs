//! `serin bench`

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum, ValueHint};
use comfy_table::{Table, presets};
use serin_runner::bench::{Tally, bench, read_cases};
use serin_runner::watch::Interrupt;
use serin_runner::{JudgeKind, Remote, RemoteListener};
use serin_server::remote;

use crate::output::print;
use crate::progress::Bar;
use crate::server_options::{ServerOptions, tell};

/// Judge labelled cases, and count how often the judge was right
///
/// Reads cases of which it is known whether the canary was good or bad, one JSON object a line, and
/// prints how many bad ones a judge caught and how many good ones it blamed. Bare pairs of samples,
/// for parity with Kayenta, may stand among them. All cores are used; memory does not grow with the
/// number of cases.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Bench {
    /// JSON lines, gzipped or not; `-` is the standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required = true)]
    files: Vec<String>,

    /// Who judges
    #[arg(long, value_name = "JUDGE", default_value = "sequential")]
    judge: BenchJudges,

    /// What to print: a table unless the output is piped
    #[arg(long, value_name = "FORMAT")]
    format: Option<BenchFormat>,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

const HELP: &str = "\
Exit codes:
  0  all cases were judged
  1  serin could not do what was asked: the first malformed line stops it";

/// Who judges the cases.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum BenchJudges {
    /// The sequential judge
    Sequential,
    /// Kayenta's judge, which alone judges bare pairs
    Kayenta,
    /// Both, beside each other
    Both,
}

impl BenchJudges {
    fn kinds(self) -> &'static [JudgeKind] {
        match self {
            Self::Sequential => &[JudgeKind::Sequential],
            Self::Kayenta => &[JudgeKind::Kayenta],
            Self::Both => &[JudgeKind::Sequential, JudgeKind::Kayenta],
        }
    }
}

/// What `serin bench` prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum BenchFormat {
    /// A row for each data set
    Table,
    /// A JSON line for each case, in the order read
    Json,
}

impl Bench {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let on_terminal = io::stdout().is_terminal();
        let by_default = if on_terminal { BenchFormat::Table } else { BenchFormat::Json };
        match self.format.unwrap_or(by_default) {
            BenchFormat::Json => self.print_lines()?,
            BenchFormat::Table => self.print_table()?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn print_lines(&self) -> anyhow::Result<()> {
        let remote = self.server.remote()?;
        let mut stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut tally = Tally::default();
        for file in &self.files {
            let judged = self.judge_file(remote.as_ref(), file, &mut tally, Some(&mut stdout));
            // What was judged before an error is printed before it.
            stdout.flush().context("the standard output cannot be written")?;
            judged?;
        }
        Ok(())
    }

    fn judge_file(
        &self,
        remote: Option<&Remote>,
        file: &str,
        tally: &mut Tally,
        mut output: Option<&mut dyn Write>,
    ) -> anyhow::Result<()> {
        let (judges, bar) = (self.judge.kinds(), Bar::new("judging"));
        let Some(remote) = remote else { return Ok(bench(file, judges, tally, output, &bar)?) };
        read_cases(file, &bar, |first_line, cases| {
            let listener = RemoteListener { tell: &tell, interrupt: &Interrupt::default() };
            let judged = remote::bench(remote, judges, first_line, cases, &listener)
                .with_context(|| format!("`{file}`"))?;
            tally.add_lines(&judged).context("the server answered what this serin cannot read")?;
            match &mut output {
                Some(output) => {
                    output.write_all(&judged).context("the standard output cannot be written")
                }
                None => Ok(()),
            }
        })
    }

    fn print_table(&self) -> anyhow::Result<()> {
        let (remote, mut tally) = (self.server.remote()?, Tally::default());
        for file in &self.files {
            self.judge_file(remote.as_ref(), file, &mut tally, None)?;
        }
        print(&table(&tally)).context("the standard output cannot be written")
    }
}

fn table(tally: &Tally) -> String {
    let mut text = String::new();
    let rows = tally.rows();
    if !rows.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(Tally::headings());
        for row in rows {
            table.add_row(row);
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
        text.push_str(&lines.join("\n"));
        text.push_str("\n\nA case is caught or blamed when it fails, by Kayenta when its score is below 75; intervals are 95 % (Wilson).\n");
    }
    if !tally.pairs().is_empty() {
        let classes: Vec<String> =
            tally.pairs().iter().map(|(class, count)| format!("{class} {count}")).collect();
        let all: u64 = tally.pairs().values().sum();
        text.push_str(&format!("bare pairs: {all}, of which {}\n", classes.join(", ")));
    }
    if tally.judged() == 0 {
        text.push_str("no cases\n");
    }
    text
}
