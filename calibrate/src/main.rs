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
    /// How many canaries a cell simulates that holds a promised figure
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    promised_runs: u64,
    /// How many canaries any other cell simulates; those that cost much get fewer
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// What all random numbers come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Make one table alone
    #[arg(long, value_name = "TABLE")]
    only: Option<Name>,
    /// Make only the rows whose name has this text
    #[arg(long, value_name = "TEXT")]
    rows: Option<String>,
    /// Labelled cases of real series, for `semi-synthetic`; those that are not there are skipped
    #[arg(long, value_name = "FILE", num_args = 1..)]
    cases: Vec<PathBuf>,
    /// Check a few cells against bounds, in less than a minute, and fail if one is broken
    #[arg(long, conflicts_with_all = ["promised_runs", "runs", "only", "rows", "cases", "write"])]
    quick: bool,
    /// Write `docs/calibration.md`
    #[arg(long, conflicts_with_all = ["only", "rows"])]
    write: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Name {
    /// False rollback of levels
    Levels,
    /// False rollback of ratios, counts and percentages
    Counts,
    /// False rollback of histograms, memory and metrics of all kinds together
    Mixtures,
    /// Faults caught, and after how long
    Power,
    /// Harmless canaries passed, and unacceptable ones
    Passing,
    /// Both judges on the same draws
    Kayenta,
    /// Known effects in real series
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
    let run = Run {
        promised_runs: cli.promised_runs,
        runs: cli.runs,
        seed: cli.seed,
        rows: cli.rows.clone(),
    };
    let mut all = Vec::new();
    for name in Name::value_variants() {
        if cli.only.is_none_or(|only| only == *name) {
            let table = match name {
                Name::Levels => Some(false_rollback::of_levels(&run)),
                Name::Counts => Some(false_rollback::of_counts(&run)),
                Name::Mixtures => Some(false_rollback::of_mixtures(&run)),
                Name::Power => Some(power::table(&run)),
                Name::Passing => Some(passing::table(&run)),
                Name::Kayenta => Some(beside_kayenta::table(&run)),
                Name::SemiSynthetic => semi_synthetic::table(&run, &cli.cases)?,
            };
            table.iter().for_each(show);
            all.extend(table);
        }
    }
    if cli.write {
        document::write(&run, &cli.cases, &all, began.elapsed())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_quickly(seed: u64) -> ExitCode {
    let (table, broken) = quick::check(seed);
    show(&table);
    for bound in &broken {
        say(&format!("broken: {bound}"));
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn show(table: &Table) {
    println!("{}", table.markdown());
}
