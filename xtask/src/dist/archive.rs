//! One file to download, and the checksums of all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Release, sha256};
use crate::command::find_program;

const CHECKSUMS: &str = "SHA256SUMS";

/// Packs all that is in the folder. Names are sorted and times are the commit's, so that the same
/// files make the same archive.
pub(super) fn write(release: &Release) -> anyhow::Result<()> {
    let name = format!("{}.tar.gz", release.name());
    let files = files_under(&release.folder)?;
    let seconds = release.commit.as_ref().map_or(0, |commit| commit.seconds);
    let encoder = GzEncoder::new(File::create(release.folder.join(&name))?, Compression::best());
    let mut archive = tar::Builder::new(encoder);
    for file in files {
        let content = fs::read(release.folder.join(&file))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if file == Path::new("serin") { 0o755 } else { 0o644 });
        header.set_mtime(seconds);
        let path = Path::new(&release.name()).join(&file);
        archive.append_data(&mut header, path, content.as_slice())?;
    }
    archive.into_inner()?.finish()?.flush()?;
    let bytes = fs::metadata(release.folder.join(&name))?.len();
    println!("{name}: {:.1} MB", bytes as f64 / 1e6);
    Ok(())
}

/// Writes the SHA-256 of every file, the archive included, and has `sha256sum` read them back.
pub(super) fn write_checksums(
    release: &Release,
    skipped: &mut Vec<&'static str>,
) -> anyhow::Result<()> {
    let mut sums = String::new();
    for file in files_under(&release.folder)? {
        let sum = sha256(&release.folder.join(&file))?;
        sums.push_str(&format!("{sum}  {}\n", file.display()));
    }
    fs::write(release.folder.join(CHECKSUMS), &sums)?;
    if find_program("sha256sum").is_none() {
        skipped.push("reading the checksums back: there is no `sha256sum`");
        return Ok(());
    }
    let status = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", CHECKSUMS])
        .current_dir(&release.folder)
        .status();
    if !status.context("sha256sum does not start")?.success() {
        bail!("{CHECKSUMS} does not hold");
    }
    println!("{CHECKSUMS}: {} files", sums.lines().count());
    Ok(())
}

/// Returns the files under a folder, relative to it and sorted.
fn files_under(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}
