//! `serin sources`

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serin_check::{StoreKey, store_keys};
use serin_sources::{SOURCES, Transport};

use crate::output::print;

/// List where metrics can come from, and what each source needs
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const FILE: (&str, &str) = (
    "file",
    "A recording: CSV or JSON lines, gzipped or not, or Parquet (docs/guide/recordings.md)",
);

impl Sources {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = if self.json { as_json()? } else { as_text() };
        print(&text).context("the standard output cannot be written")?;
        Ok(ExitCode::SUCCESS)
    }
}

fn as_text() -> String {
    let mut text = String::from("A Check file names one of these under `source`:\n\n");
    let (name, about) = FILE;
    let _ = writeln!(text, "  {name}\n      {about}");
    let _ = writeln!(text, "      source: {{file: {{path: recording.csv.gz}}}}\n");
    for source in SOURCES {
        let scheme = match source.transport() {
            Transport::Http => "http",
            Transport::Postgres => "postgres",
        };
        let _ = writeln!(text, "  {}\n      {}", source.name(), source.about());
        let _ = writeln!(text, "      source: {{{}: {{url: {scheme}://…}}}}\n", source.name());
    }
    text.push_str("Every source but `file` is asked over a network, and can be told:\n\n");
    for StoreKey { name, required, about } in store_keys() {
        let needed = if required { "required. " } else { "" };
        let _ = writeln!(text, "  {name:12}{needed}{about}");
    }
    text
}

fn as_json() -> anyhow::Result<String> {
    let keys: Vec<_> = store_keys()
        .into_iter()
        .map(|key| serde_json::json!({"name": key.name, "required": key.required, "about": key.about}))
        .collect();
    let file = serde_json::json!({"name": FILE.0, "about": FILE.1});
    let stores = SOURCES.iter().map(|source| {
        serde_json::json!({"name": source.name(), "about": source.about(), "settings": keys})
    });
    let sources: Vec<_> = std::iter::once(file).chain(stores).collect();
    Ok(serde_json::to_string_pretty(&sources)? + "\n")
}
