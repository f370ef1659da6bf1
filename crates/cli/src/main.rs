//! The `serin` command: arguments in, text and exit codes out.
//!
//! The only crate that prints and that decides how the process ends. Everything it does is a call
//! into the crates below.

mod commands;
mod document;
mod exit;
mod fleet_pages;
mod ledger_location;
mod live_view;
mod output;
mod pipeline;
mod progress;
mod report_options;
mod server_options;
mod service_options;
mod signals;

use std::process::ExitCode;

use clap::{Parser, ValueHint};

use crate::commands::Command;

/// Automated canary analysis: compares a canary with its control and says promote, roll back, or
/// not yet.
#[derive(Debug, Parser)]
#[command(name = "serin", version, long_version = commands::long_version(), after_help = exit::HELP)]
struct Arguments {
    /// Have a serin that serves do it: judge, watch or bench
    #[arg(long = "server", id = "server_first", value_name = "URL", value_hint = ValueHint::Url)]
    server: Option<String>,

    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::with_usage(&error),
    };
    let mut command = arguments.command;
    let ran = match arguments.server {
        Some(server) => command.ask_there(server).and_then(|()| command.run()),
        None => command.run(),
    };
    match ran {
        Ok(code) => code,
        Err(error) => exit::with_error(&error),
    }
}
