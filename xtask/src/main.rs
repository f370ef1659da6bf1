//! What people who work on serin type: `cargo xtask` lists it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a tool for a terminal, and prints its progress"
)]

mod api_document;
mod browser;
mod chart;
mod codegen;
mod command;
mod demo;
mod dist;
mod install;
mod oracle;
mod pipelines;
mod python;
mod rust_version;
mod source_pages;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::command::{Cargo, root};

/// Tasks of the serin workspace
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build, lint and test everything, and say what was skipped
    Test {
        /// Install what is missing first
        #[arg(long)]
        install: bool,
    },
    /// Write what is generated from the code: JSON Schemas and the command reference
    Codegen {
        /// Only say whether it is up to date
        #[arg(long)]
        check: bool,
    },
    /// Check what no compiler checks: the purity of crates, links, the minimum Rust
    Tidy,
    /// Make a release in target/dist: static binary, completions, manual, SBOM, archive, checksums
    Dist,
    /// Ask SciPy and R again, and write their answers beside the tests
    Oracle,
    /// Hold the server against its OpenAPI document, with schemathesis
    ApiDocument,
    /// Look at the reports of the example in a real browser
    Browser,
    /// Check the pipelines that others copy, by their schemas and with linters
    Pipelines,
    /// Measure the judge, and the original's figures beside it
    Bench,
    /// Simulate canaries whose truth is known, and count how the judges err
    Calibrate {
        /// What it is told; `cargo xtask calibrate --help` lists it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Record simulated fleets, and measure how fast they are judged
    Fleet {
        /// What it is told; `cargo xtask fleet --help` lists it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure `serin demo`, count its verdicts, or make its picture
    #[command(subcommand)]
    Demo(demo::Demo),
    /// Run a real canary on this machine and record it
    Rig {
        /// What the rig is told; `cargo xtask rig --help` lists it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let Some(task) = Arguments::parse().task else {
        println!("{}", Arguments::command().render_help());
        return ExitCode::SUCCESS;
    };
    let done = match task {
        Task::Test { install } => test::run(install),
        Task::Codegen { check } => codegen::run(check),
        Task::Tidy => tidy::run(),
        Task::Dist => dist::run().map(|skipped| {
            println!("\nAll is in target/dist.");
            name_skipped(&skipped);
        }),
        Task::Oracle => oracle::run(),
        Task::ApiDocument => api_document::run().map(|skipped| {
            skipped.into_iter().for_each(|what| println!("skipped  {what}"));
        }),
        Task::Browser => browser::run().map(|skipped| {
            skipped.iter().for_each(|what| println!("skipped  {what}"));
        }),
        Task::Pipelines => pipelines::run().map(|skipped| name_skipped(&skipped)),
        Task::Bench => Cargo::new(&["bench", "--package", "serin-judge"]).run(),
        Task::Calibrate { arguments } => run_tool("serin-calibrate", &arguments),
        Task::Fleet { arguments } => run_fleet(arguments),
        Task::Demo(task) => demo::run(&task),
        Task::Rig { arguments } => run_tool("serin-rig", &arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn name_skipped(skipped: &[&str]) {
    for what in skipped {
        println!("skipped  {what}");
    }
}

/// What is measured is the serin of this tree, unless another is named.
fn run_fleet(mut arguments: Vec<String>) -> anyhow::Result<()> {
    let measures = arguments.first().is_some_and(|task| task == "measure" || task == "live");
    if measures && !arguments.iter().any(|argument| argument == "--serin") {
        Cargo::new(&["build", "--quiet", "--release", "--package", "serin"]).run()?;
        let serin = root().join("target/release/serin");
        arguments.extend(["--serin".to_owned(), serin.to_string_lossy().into_owned()]);
    }
    run_tool("serin-fleet", &arguments)
}

/// Runs a tool for developers, built for speed.
fn run_tool(package: &str, arguments: &[String]) -> anyhow::Result<()> {
    let mut words = vec!["run", "--quiet", "--release", "--package", package, "--"];
    words.extend(arguments.iter().map(String::as_str));
    Cargo::new(&words).run()
}
