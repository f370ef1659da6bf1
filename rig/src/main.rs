//! The `serin-rig` command: see the crate documentation for what it does.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serin_rig::{console, neighbour, run, scenario, service};

/// Run real canaries on this machine and record what they count
#[derive(Debug, Parser)]
#[command(name = "serin-rig", version, arg_required_else_help = true)]
struct Cli {
    /// Print the scenarios and what each does to the canary
    #[arg(long)]
    list: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Serve(service::ServeArgs),
    Burn(neighbour::BurnArgs),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match dispatch(Cli::parse()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<u8> {
    if cli.list {
        console::show(&scenario::describe_all());
        return Ok(run::RECORDED);
    }
    match cli.command {
        Some(Command::Run(args)) => run::run(args).await,
        Some(Command::Serve(args)) => service::serve(args).await.map(|()| run::RECORDED),
        Some(Command::Burn(args)) => {
            neighbour::burn(args).await;
            Ok(run::RECORDED)
        }
        None => Ok(run::RECORDED),
    }
}
