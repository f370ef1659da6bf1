//! What a release is made of, in `target/dist`.

mod archive;
mod binary;
mod container;
mod empty_root;
mod linked;
mod notices;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use sha2::{Digest as _, Sha256};

use crate::command::root;

/// A release in the making.
struct Release {
    folder: PathBuf,
    version: String,
    target: String,
    commit: Option<Commit>,
}

/// The commit that is released. Files carry its time, so that the same commit makes the same bytes.
struct Commit {
    hash: String,
    /// Seconds since 1970.
    seconds: u64,
    /// The same, as RFC 3339.
    time: String,
}

impl Release {
    /// Returns what the archive unpacks to.
    fn name(&self) -> String {
        format!("serin-{}-{}-linux", self.version, std::env::consts::ARCH)
    }
}

/// Makes everything anew, checks each piece as it is made, and returns which checks were skipped.
pub(crate) fn run() -> anyhow::Result<Vec<&'static str>> {
    let folder = root().join("target/dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("target/dist cannot be emptied")?;
    }
    fs::create_dir_all(&folder)?;
    let target = binary::target()?;
    let linked = linked::packages(&target)?;
    let release = Release { folder, version: linked.version(), target, commit: commit() };

    let mut skipped = Vec::new();
    let serin = binary::build(&release)?;
    empty_root::run(&serin, &mut skipped)?;
    completions(&serin, &release.folder)?;
    manual_pages(&serin, &release.folder)?;
    for name in ["LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(root().join(name), release.folder.join(name)).context(name)?;
    }
    notices::write(&release, &linked)?;
    sbom::write(&release, &linked, &serin, &mut skipped)?;
    container::write(&release, &mut skipped)?;
    archive::write(&release)?;
    archive::write_checksums(&release, &mut skipped)?;
    Ok(skipped)
}

/// Shells, and the names by which they find completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "serin.bash"),
    ("elvish", "serin.elv"),
    ("fish", "serin.fish"),
    ("powershell", "_serin.ps1"),
    ("zsh", "_serin"),
];

fn completions(serin: &Path, folder: &Path) -> anyhow::Result<()> {
    let folder = folder.join("completions");
    fs::create_dir_all(&folder)?;
    for (shell, name) in COMPLETIONS {
        fs::write(folder.join(name), output(serin, &["completions", shell])?)?;
    }
    println!("completions for {} shells", COMPLETIONS.len());
    Ok(())
}

fn manual_pages(serin: &Path, folder: &Path) -> anyhow::Result<()> {
    let folder = folder.join("man");
    fs::create_dir_all(&folder)?;
    output(serin, &["man", &folder.display().to_string()])?;
    println!("{} manual pages", fs::read_dir(&folder)?.count());
    Ok(())
}

fn output(program: &Path, words: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(program).args(words).output();
    let output = output.with_context(|| format!("{} does not start", program.display()))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("`{} {}` failed: {message}", program.display(), words.join(" "));
    }
    Ok(output.stdout)
}

/// Returns the commit, if this is a git repository.
fn commit() -> Option<Commit> {
    let git = ["log", "-1", "--format=%H %ct %cI"];
    let output = Command::new("git").args(git).current_dir(root()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut words = text.split_whitespace();
    let (hash, seconds, time) = (words.next()?, words.next()?, words.next()?);
    Some(Commit { hash: hash.to_owned(), seconds: seconds.parse().ok()?, time: time.to_owned() })
}

/// Returns the SHA-256 of a file, in hexadecimal.
fn sha256(file: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
