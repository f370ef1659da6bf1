//! The minimum Rust version, in every place that names it.

use std::fs;

use anyhow::Context;
use cargo_metadata::{MetadataCommand, Package};

use crate::command::root;

/// Returns each document that names another minimum than `Cargo.toml`, and each dependency that
/// asks for more.
pub(crate) fn disagreements() -> anyhow::Result<Vec<String>> {
    let metadata =
        MetadataCommand::new().current_dir(root()).other_options(["--locked".to_owned()]).exec()?;
    let (ours, others): (Vec<&Package>, Vec<&Package>) =
        metadata.packages.iter().partition(|package| package.source.is_none());
    let minimum = ours.iter().filter_map(|package| package.rust_version.as_ref()).max();
    let minimum = minimum.context("Cargo.toml names no `rust-version`")?;
    let highest = others.iter().max_by_key(|package| &package.rust_version);
    let highest = highest.context("there are no dependencies")?;
    let floor = highest.rust_version.as_ref().context("no dependency names a `rust-version`")?;

    let mut wrong = Vec::new();
    if floor > minimum {
        let name = &highest.name;
        wrong.push(format!("Cargo.toml: `rust-version` is {minimum}, but {name} needs {floor}"));
    }
    let minimum = format!("{}.{}", minimum.major, minimum.minor);
    let floor = format!("`{}` asks for {}.{}", highest.name, floor.major, floor.minor);
    for (document, sentence) in [
        ("README.md", format!("{minimum} or later")),
        ("docs/guide/installation.md", format!("Rust {minimum} or later")),
        ("docs/guide/installation.md", floor),
    ] {
        let text = fs::read_to_string(root().join(document)).context(document)?;
        if !text.contains(&sentence) {
            wrong.push(format!("{document}: does not say \"{sentence}\""));
        }
    }
    Ok(wrong)
}
