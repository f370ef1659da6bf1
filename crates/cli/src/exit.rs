//! How the process ends, the same for every verb.

use std::io;
use std::process::ExitCode;

use serin_model::Outcome;

use crate::output::print_error;

/// The exit codes, as `--help` tells them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  pass: promote
  1  serin could not do what was asked, a usage error included
  2  fail: roll back
  3  inconclusive: a person must decide";

/// serin could not do what was asked. Never 2: a typo must not roll a release back.
pub(crate) const NOT_DONE: u8 = 1;

/// A person must decide.
pub(crate) const INCONCLUSIVE: u8 = 3;

/// Returns the code of the worst of several outcomes: a failure before a doubt before a pass.
pub(crate) fn of_outcomes(outcomes: impl Iterator<Item = Outcome>) -> ExitCode {
    ExitCode::from(match outcomes.max().unwrap_or(Outcome::Inconclusive) {
        Outcome::Pass => 0,
        Outcome::Fail => 2,
        Outcome::Inconclusive => INCONCLUSIVE,
    })
}

/// Ends on arguments that say no command: help and version are asked for, the rest is an error.
pub(crate) fn with_usage(error: &clap::Error) -> ExitCode {
    // The reader may be gone already, which is no error of ours.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(NOT_DONE) } else { ExitCode::SUCCESS }
}

/// Ends on an error, unless it is that nobody reads the output any more.
pub(crate) fn with_error(error: &anyhow::Error) -> ExitCode {
    if !is_broken_pipe(error) {
        print_error(&printable(&format!("error: {error:#}")));
    }
    ExitCode::from(NOT_DONE)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Names and paths in a message may come from hostile files, and must not draw on the terminal.
pub(crate) fn printable(message: &str) -> String {
    let shown = |character: char| match character {
        '\n' => '\n',
        character if character.is_control() => '·',
        character => character,
    };
    message.chars().map(shown).collect()
}
