//! The answers of SciPy and R, asked again.

use std::fs::{self, File};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{find_program, root};

/// Runs every script beside the tables of `crates/stats/tests/oracle`, as its README lists them.
pub(crate) fn run() -> anyhow::Result<()> {
    let folder = root().join("crates/stats/tests/oracle");
    let readme = fs::read_to_string(folder.join("README.md"))?;
    let commands = readme.lines().filter_map(|line| line.split_once(" > "));
    for (command, table) in commands {
        let mut words = command.split_whitespace();
        let (Some(program), Some(script)) = (words.next(), words.next()) else { continue };
        if find_program(program).is_none() {
            bail!("`{program}` is not installed; README.md beside the tables says what it takes");
        }
        let status = Command::new(program)
            .arg(script)
            .current_dir(&folder)
            .stdout(File::create(folder.join(table.trim()))?)
            .status()
            .with_context(|| format!("{program} does not start"))?;
        if !status.success() {
            bail!("`{command}` failed");
        }
        println!("wrote {}", table.trim());
    }
    println!("`git diff --stat` shows whether any answer has changed");
    Ok(())
}
