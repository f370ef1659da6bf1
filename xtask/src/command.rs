//! Other programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A call of cargo, in the root of the workspace.
pub(crate) struct Cargo {
    words: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
}

impl Cargo {
    pub(crate) fn new(words: &[&str]) -> Self {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Self { words, environment: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs it where people see what it prints.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let mut command = self.command();
        let status = command.status().context("cargo does not start")?;
        if !status.success() {
            bail!("`cargo {}` failed", self.words.join(" "));
        }
        Ok(())
    }

    /// Runs it, and returns what it prints.
    pub(crate) fn output(&self) -> anyhow::Result<String> {
        let output = self.command().output().context("cargo does not start")?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!("`cargo {}` failed: {message}", self.words.join(" "));
        }
        String::from_utf8(output.stdout).context("cargo does not print UTF-8")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("cargo");
        command.args(&self.words).current_dir(root());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Returns where a program is, if it is anywhere on the path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
