//! The verdicts on a fleet as text, and a page for each member.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serin_report::{FleetReport, Report, Style};
use serin_sources::Digest;

use crate::output::{Format, write_file};

/// Where the page of each member goes, while they come in from several threads.
pub(crate) struct FleetPages {
    /// A folder beside each HTML file that is asked for.
    folders: Vec<PathBuf>,
    /// Why a page could not be written; the first reason stands.
    failed: Mutex<Option<anyhow::Error>>,
}

impl FleetPages {
    /// Makes a folder beside each file, of the same name without its ending.
    pub(crate) fn beside<'a>(files: impl Iterator<Item = &'a str>) -> anyhow::Result<Self> {
        let folders: Vec<PathBuf> = files.map(folder_of).collect();
        for folder in &folders {
            fs::create_dir_all(folder).with_context(|| {
                format!(
                    "the folder `{}`, for a page of each canary, cannot be made\n\n\
                     hint: see that there is permission, and no file of that name\n\ncause",
                    folder.display()
                )
            })?;
        }
        Ok(Self { folders, failed: Mutex::new(None) })
    }

    /// Writes the page of one member.
    pub(crate) fn write(&self, report: &Report) {
        if self.folders.is_empty() {
            return;
        }
        let written = serin_report::html(report).map_err(anyhow::Error::from).and_then(|page| {
            let name = page_of(&report.service);
            self.folders
                .iter()
                .try_for_each(|folder| write_file(&folder.join(&name).to_string_lossy(), &page))
        });
        if let Err(error) = written {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Says whether all pages were written.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), Err)
    }
}

fn folder_of(file: &str) -> PathBuf {
    let path = Path::new(file);
    if path.extension().is_some() { path.with_extension("") } else { path.with_extension("pages") }
}

/// Names the file of a member: what its name has of letters, digits, `-`, `_` and `.`, and where that is
/// not all of it the start of the name's hash, so that no two members share a file.
fn page_of(service: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let kept: String = service.chars().filter(|&letter| plain(letter)).take(LONGEST).collect();
    if kept == service && !kept.is_empty() && service.chars().all(|it| !it.is_ascii_uppercase()) {
        return format!("{kept}.html");
    }
    let hash = Digest::of(service).sha256;
    format!("{}-{}.html", kept.to_ascii_lowercase(), &hash[..12])
}

/// In letters; with the hash it stays below what file systems take.
const LONGEST: usize = 100;

/// Returns the verdicts on a fleet as text.
///
/// * `file`: where an HTML page will be, for links to the pages of the members.
pub(crate) fn rendered_fleet(
    fleet: &FleetReport,
    format: Format,
    style: Style,
    file: Option<&str>,
) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table => serin_report::fleet_table(fleet, style),
        Format::Lines => serin_report::fleet_lines(fleet),
        Format::Json => serde_json::to_string_pretty(fleet)? + "\n",
        Format::Markdown => serin_report::fleet_markdown(fleet),
        Format::Html => serin_report::fleet_html(fleet, &|member| {
            let folder = folder_of(file?);
            let folder = folder.file_name()?.to_string_lossy().into_owned();
            let folder = utf8_percent_encode(&folder, NON_ALPHANUMERIC);
            Some(format!("{folder}/{}", page_of(&member.service)))
        })?,
        Format::Junit => serin_report::junit(&fleet.members)?,
        Format::Metrics => serin_report::metrics(&fleet.members),
    })
}
