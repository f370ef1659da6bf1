//! A command that is run on a verdict.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Why a command did not do what it was run for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It could not be started.
    #[error("the command `{command}` could not be started: {error}")]
    NotStarted {
        /// The command.
        command: String,
        /// What the system said.
        error: io::Error,
    },
    /// It said that it failed, or something ended it.
    #[error("the command `{command}` failed: {how}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        how: String,
    },
    /// It took too long, and was ended with all that it had started.
    #[error("the command `{command}` was ended: it took longer than {}s", .limit.as_secs_f64())]
    TookTooLong {
        /// The command.
        command: String,
        /// How long it may take.
        limit: Duration,
    },
}

/// Runs a command through the shell with a text on its standard input, and waits for its end.
///
/// What it prints goes to the standard error: the standard output is the report's. It need not read its
/// input. It gets a process group of its own, which is ended as a whole once `limit` is over.
///
/// # Errors
///
/// [`CommandError`] unless it ended well.
pub fn run_command(command: &str, input: &str, limit: Duration) -> Result<(), CommandError> {
    let not_started = |error| CommandError::NotStarted { command: command.to_owned(), error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(not_started)?.block_on(async {
        let mut child = shell(command).spawn()?;
        let ended = timeout(limit, fed(&mut child, input)).await;
        if ended.is_err() {
            end_group(&child);
            child.start_kill()?;
            child.wait().await?;
        }
        Ok(ended.ok())
    });
    match ended.map_err(not_started)? {
        None => Err(CommandError::TookTooLong { command: command.to_owned(), limit }),
        Some(Err(error)) => Err(not_started(error)),
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => {
            Err(CommandError::Failed { command: command.to_owned(), how: status.to_string() })
        }
    }
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
