//! The licence texts that go with the code that is linked in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::Release;
use super::linked::Linked;

const FILE: &str = "THIRD-PARTY-LICENSES.txt";

/// Writes the licence texts of all packages, each text once, under the names of its packages.
pub(super) fn write(release: &Release, linked: &Linked) -> anyhow::Result<()> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for package in linked.packages.iter().filter(|package| package.source.is_some()) {
        let name = format!("{} {}", package.name, package.version);
        let folder = package.manifest_path.parent().context("a manifest lies in no folder")?;
        let found = licence_texts(folder.as_std_path())?;
        if found.is_empty() {
            let licence = package.license.as_deref().unwrap_or("no licence named");
            without.push(format!("{name}: {licence}"));
        }
        for text in found {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut page = "serin is linked with the packages named here, whose licences ask that their \
                    texts go along.\n"
        .to_owned();
    for (text, names) in &texts {
        page.push_str(&format!("\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join("\n")));
    }
    if !without.is_empty() {
        let names = without.join("\n");
        page.push_str(&format!("\n{}\nWithout a text of their own:\n{names}\n", "=".repeat(80)));
    }
    fs::write(release.folder.join(FILE), page)?;
    println!("{FILE}: {} texts, {} packages without one", texts.len(), without.len());
    Ok(())
}

fn licence_texts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_licence && entry.file_type()?.is_file() {
            let text = fs::read(entry.path())?;
            texts.push(String::from_utf8_lossy(&text).replace('\r', "").trim().to_owned());
        }
    }
    Ok(texts)
}
