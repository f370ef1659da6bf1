//! What no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::command::{Cargo, root};
use crate::rust_version;

/// Checks the walls of ARCHITECTURE.md, the links of the documents and the Rust version they name, and
/// reports all that is wrong.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    wrong.extend(impure_dependencies()?);
    wrong.extend(impure_sources()?);
    wrong.extend(broken_links()?);
    wrong.extend(rust_version::disagreements()?);
    if wrong.is_empty() {
        println!(
            "pure crates are pure, offline ones offline, links lead somewhere, and one minimum Rust is named"
        );
        return Ok(());
    }
    bail!("{}", wrong.join("\n"));
}

/// What each pure crate may depend on. A new name here is a new arrow: say why in an ADR.
const PURE: &[(&str, &[&str])] = &[
    ("stats", &["libm", "thiserror"]),
    ("model", &["schemars", "serde", "thiserror"]),
    ("judge", &["libm", "serde", "serin-model", "serin-stats", "thiserror"]),
];

/// What the ledger may depend on: of serin's own crates, the words alone.
const LEDGER: (&str, &[&str]) = (
    "ledger",
    &[
        "base64",
        "postgres",
        "refinery",
        "rusqlite",
        "rustls",
        "serde",
        "serde_json",
        "serin-model",
        "sha2",
        "thiserror",
        "tokio-postgres-rustls",
        "uuid",
        "zstd",
    ],
);

fn impure_dependencies() -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, allowed) in PURE.iter().chain([&LEDGER]) {
        let package = format!("serin-{name}");
        let tree = Cargo::new(&[
            "tree",
            "--package",
            &package,
            "--edges",
            "normal",
            "--depth",
            "1",
            "--prefix",
            "none",
        ]);
        let tree = tree.output()?;
        let direct = tree.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        for dependency in direct.filter(|dependency| !allowed.contains(dependency)) {
            wrong.push(format!(
                "crates/{name} depends on `{dependency}`; it may depend on {}",
                allowed.join(", ")
            ));
        }
    }
    Ok(wrong)
}

/// What reaches outside of a pure function.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "SystemTime",
    "println!",
    "eprintln!",
];

/// What read and write text without knowing where it comes from.
const OFFLINE: &[&str] = &["check", "report", "sources"];

/// What knows where text comes from.
const ELSEWHERE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "reqwest",
    "tokio",
];

/// What an event must not depend on: moments are handed to the ledger.
const CLOCKS: &[&str] = &["std::env", "std::process", "Instant::now", "SystemTime", "println!"];

fn impure_sources() -> anyhow::Result<Vec<String>> {
    let pure = PURE.iter().map(|(name, _)| (*name, OUTSIDE, "pure"));
    let offline = OFFLINE.iter().map(|name| (*name, ELSEWHERE, "offline"));
    let mut wrong = Vec::new();
    let ledger = [(LEDGER.0, CLOCKS, "told what time it is")];
    for (name, words, kind) in pure.chain(offline).chain(ledger) {
        for file in files_under(&root().join("crates").join(name).join("src"), "rs")? {
            let text = fs::read_to_string(&file)?;
            for (index, line) in text.lines().enumerate() {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    let line = index + 1;
                    wrong.push(format!(
                        "{}:{line}: `{word}` in a crate that is {kind}",
                        shown(&file)
                    ));
                }
            }
        }
    }
    Ok(wrong)
}

fn broken_links() -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut documents = Vec::new();
    for folder in ["calibrate", "crates", "docs", "examples", "fuzz", "rig"] {
        documents.extend(files_under(&root().join(folder), "md")?);
    }
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"] {
        documents.push(root().join(name));
    }
    for file in documents {
        let text = fs::read_to_string(&file).with_context(|| shown(&file))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        for target in links(&text) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !elsewhere && !folder.join(path).exists() {
                wrong.push(format!("{}: the link to `{target}` leads nowhere", shown(&file)));
            }
        }
    }
    Ok(wrong)
}

/// Returns the targets of a Markdown text's links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

fn files_under(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| shown(folder))? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            files.extend(files_under(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
