//! The `serin-calibrate` command: see the crate documentation for what it does.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serin_calibrate::run::{Run, now, say};
use serin_calibrate::table::Table;
use serin_calibrate::tables::{beside_kayenta, false_rollback, passing, power, semi_synthetic};
use serin_calibrate::{document, quick};

/// Simulate canaries whose truth is known, and count how the judges err
#[derive(Debug, Parser)]
#[command(name = "serin-calibrate", version)]
struct Cli {
    /// How many canaries a cell simulates; cells that cost much, or hold no promised figure, get fewer
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// What all random numbers come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Make one table alone
    #[arg(long, value_name = "TABLE")]
    only: Option<Name>,
    /// Labelled cases of real series, for `semi-synthetic`; those that are not there are skipped
    #[arg(long, value_name = "FILE", num_args = 1..)]
    cases: Vec<PathBuf>,
    /// Check a few cells against bounds, in less than a minute, and fail if one is broken
    #[arg(long, conflicts_with_all = ["runs", "only", "cases", "write"])]
    quick: bool,
    /// Write `docs/calibration.md`
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Name {
    FalseRollback,
    Power,
    Passing,
    Kayenta,
    SemiSynthetic,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    if cli.quick {
        return Ok(check_quickly(cli.seed));
    }
    let began = now();
    let run = Run { runs: cli.runs, seed: cli.seed };
    let mut all = Vec::new();
    for name in Name::value_variants() {
        if cli.only.is_none_or(|only| only == *name) {
            let tables = match name {
                Name::FalseRollback => false_rollback::tables(&run),
                Name::Power => power::tables(&run),
                Name::Passing => passing::tables(&run),
                Name::Kayenta => beside_kayenta::tables(&run),
                Name::SemiSynthetic => semi_synthetic::tables(&run, &cli.cases)?,
            };
            show(&tables);
            all.extend(tables);
        }
    }
    if cli.write {
        document::write(&run, &all, began.elapsed())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_quickly(seed: u64) -> ExitCode {
    let (table, broken) = quick::check(seed);
    show(&[table]);
    for bound in &broken {
        say(&format!("broken: {bound}"));
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn show(tables: &[Table]) {
    for table in tables {
        println!("{}", table.markdown());
    }
}
