//! The recipe of the container.

use std::fs;
use std::process::Command;

use anyhow::{Context, bail};

use super::Release;
use crate::command::root;
use crate::tools;

/// Where the recipe lies in the repository.
const FILE: &str = "packaging/Dockerfile";

/// Puts the recipe beside the binary, with this release's version and commit as its defaults.
pub(super) fn write(release: &Release, skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let commit = release.commit.as_ref().map_or("unknown", |commit| commit.hash.as_str());
    let mut text = fs::read_to_string(root().join(FILE)).context(FILE)?;
    for (name, value) in [("VERSION", release.version.as_str()), ("REVISION", commit)] {
        let argument = format!("ARG {name}\n");
        if !text.contains(&argument) {
            bail!("{FILE} has no line `ARG {name}`");
        }
        text = text.replace(&argument, &format!("ARG {name}={value}\n"));
    }
    let file = release.folder.join("Dockerfile");
    fs::write(&file, text)?;
    let Some(hadolint) = tools::find("hadolint") else {
        skipped.push("linting the Dockerfile: hadolint is not installed");
        return Ok(());
    };
    let status = Command::new(hadolint).args(["--failure-threshold", "info"]).arg(&file).status();
    if !status.context("hadolint does not start")?.success() {
        bail!("hadolint finds fault with {FILE}");
    }
    println!("Dockerfile: hadolint finds nothing");
    Ok(())
}
