//! Runs the command as its users do, from the root of the repository.

#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The Check file of the example.
pub(crate) const CHECK: &str = "examples/checkout/serin.yaml";

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the recording of one of the example's canaries.
pub(crate) fn recording(name: &str) -> String {
    format!("examples/checkout/{name}.csv.gz")
}

/// Runs serin with these arguments.
pub(crate) fn serin(arguments: &[&str]) -> Run {
    serin_with_input(arguments, &[])
}

/// Runs serin with these arguments and this standard input.
pub(crate) fn serin_with_input(arguments: &[&str], input: &[u8]) -> Run {
    let output = Command::cargo_bin("serin")
        .unwrap()
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("GITHUB_ACTIONS")
        .current_dir(root())
        .write_stdin(input)
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// Shows the run as a terminal would, code first.
    pub(crate) fn shown(&self) -> String {
        let mut shown = format!("exit {}\n", self.code);
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                shown.push_str(&format!("--- {name}\n{text}"));
            }
        }
        shown
    }
}

/// Replaces a folder that differs from run to run.
pub(crate) fn without_folder(text: &str, folder: &Path) -> String {
    text.replace(&folder.display().to_string(), "FOLDER")
}
