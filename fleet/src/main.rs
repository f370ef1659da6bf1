//! Simulated fleets, and what it costs to judge them.
//!
//! It is a tool for those who work on serin: never shipped, and nothing of the product needs it. What a
//! fleet does is drawn from a seed, so that a figure can be measured again anywhere.

mod live;
mod measure;
mod record;
mod shape;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::shape::Shape;

/// Record simulated fleets, and measure how they are judged
#[derive(Debug, Parser)]
#[command(name = "serin-fleet", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Write a Parquet recording of a fleet, and the Check file that asks for it beside it
    Record {
        /// Where the recording goes
        #[arg(value_name = "FILE.parquet")]
        path: PathBuf,
        #[command(flatten)]
        shape: Shape,
    },
    /// Record fleets of several sizes, have a serin judge each, and print time and memory
    Measure {
        /// The serin that judges
        #[arg(long, value_name = "PATH")]
        serin: PathBuf,
        /// How many services each fleet has
        #[arg(long, value_name = "N", num_args = 1.., default_values_t = [100, 200, 400])]
        sizes: Vec<usize>,
        #[command(flatten)]
        shape: Shape,
    },
    /// Write a fleet into a Prometheus of its own, have a serin judge it, and print what was asked
    Live {
        /// The serin that judges
        #[arg(long, value_name = "PATH")]
        serin: PathBuf,
        #[command(flatten)]
        shape: Shape,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Record { path, shape } => record::record(&path, &shape).map(|written| say(&written)),
        Task::Live { serin, shape } => live::live(&serin, &shape, &say),
        Task::Measure { serin, sizes, shape } => measure::measure(&serin, &sizes, &shape, &say),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "it is what the command is for")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "this is a tool for a terminal")]
fn complain(text: &str) {
    eprintln!("{text}");
}
