//! A command that is run on a verdict.

use std::collections::BTreeMap;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A command that did not do what it was run for.
#[derive(Debug, thiserror::Error)]
#[error("the command `{command}` {failure}")]
pub struct CommandError {
    /// The command, which may hold what not everybody shall read.
    pub command: String,
    /// What became of it.
    pub failure: CommandFailure,
}

/// Why a command did not do what it was run for: completes a sentence that begins with the command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFailure {
    /// It could not be started.
    #[error("could not be started: {0}")]
    NotStarted(io::Error),
    /// It said that it failed, or something ended it.
    #[error("failed: {0}")]
    Failed(ExitStatus),
    /// It took too long, and was ended with all that it had started.
    #[error("was ended: it took longer than {}s", .0.as_secs_f64())]
    TookTooLong(Duration),
}

/// Runs a command through the shell with a text on its standard input, and waits for its end.
///
/// What it prints goes to the standard error: the standard output is the report's. It need not read its
/// input. It gets a process group of its own, which is ended as a whole once `limit` is over.
///
/// * `variables`: what it finds in its environment beside that of this process.
///
/// # Errors
///
/// [`CommandError`] unless it ended well.
pub fn run_command(
    command: &str,
    variables: &BTreeMap<&str, String>,
    input: &str,
    limit: Duration,
) -> Result<(), CommandError> {
    let run = || -> io::Result<Result<(), CommandFailure>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut child = shell(command).envs(variables).spawn()?;
            let Ok(ended) = timeout(limit, fed(&mut child, input)).await else {
                end_group(&child);
                child.start_kill()?;
                child.wait().await?;
                return Ok(Err(CommandFailure::TookTooLong(limit)));
            };
            let status = ended?;
            Ok(if status.success() { Ok(()) } else { Err(CommandFailure::Failed(status)) })
        })
    };
    let ended = run().unwrap_or_else(|error| Err(CommandFailure::NotStarted(error)));
    ended.map_err(|failure| CommandError { command: command.to_owned(), failure })
}

/// Gives a child its input, and waits for its end.
async fn fed(child: &mut Child, input: &str) -> io::Result<ExitStatus> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input.as_bytes()).await {
            // It need not read to the end.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    child.wait().await
}

#[cfg(unix)]
fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", text]).process_group(0);
    with_streams(command)
}

#[cfg(not(unix))]
fn shell(text: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", text]);
    with_streams(command)
}

fn with_streams(mut command: Command) -> Command {
    command.stdin(Stdio::piped()).stdout(io::stderr()).kill_on_drop(true);
    command
}

#[cfg(unix)]
fn end_group(child: &Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
        // What ended meanwhile needs no signal.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_: &Child) {}
