//! Which packages are in the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::command::{Cargo, root};

/// The packages that are linked into serin. What only builds or tests it is not among them.
pub(super) struct Linked {
    /// By name and version, serin itself included.
    pub(super) packages: Vec<Package>,
    /// What each package is linked with.
    pub(super) dependencies: BTreeMap<PackageId, Vec<PackageId>>,
    /// The SHA-256 of each package's file in its registry, by name and version.
    pub(super) checksums: BTreeMap<(String, String), String>,
}

impl Linked {
    /// Returns the version of serin.
    pub(super) fn version(&self) -> String {
        let serin = self.packages.iter().find(|package| package.name.as_str() == "serin");
        serin.map(|package| package.version.to_string()).unwrap_or_default()
    }
}

/// Returns what is linked into serin for a target.
pub(super) fn packages(target: &str) -> anyhow::Result<Linked> {
    let names = names(target)?;
    let metadata = MetadataCommand::new()
        .current_dir(root())
        .other_options(["--locked", "--filter-platform", target].map(str::to_owned))
        .exec()?;
    let mut packages: Vec<Package> =
        metadata.packages.iter().filter(|package| names.contains(&key(package))).cloned().collect();
    if packages.len() != names.len() {
        bail!("cargo tree names {} packages, cargo metadata {}", names.len(), packages.len());
    }
    packages.sort_by_key(key);
    let dependencies = dependencies(&metadata, &packages)?;
    let checksums = checksums(&fs::read_to_string(root().join("Cargo.lock"))?);
    Ok(Linked { packages, dependencies, checksums })
}

/// Returns a package's name and version.
pub(super) fn key(package: &Package) -> (String, String) {
    (package.name.to_string(), package.version.to_string())
}

/// `cargo tree` knows the features of this one binary, where metadata has those of the workspace.
fn names(target: &str) -> anyhow::Result<BTreeSet<(String, String)>> {
    let edges = ["tree", "--locked", "--package", "serin", "--edges", "normal,no-proc-macro"];
    let format = ["--target", target, "--prefix", "none", "--format", "{p}"];
    let tree = Cargo::new(&[&edges[..], &format[..]].concat()).output()?;
    let pair = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        let version = rest.split_whitespace().next()?;
        Some((name.to_owned(), version.to_owned()))
    };
    Ok(tree.lines().filter_map(pair).collect())
}

fn dependencies(
    metadata: &Metadata,
    packages: &[Package],
) -> anyhow::Result<BTreeMap<PackageId, Vec<PackageId>>> {
    let linked: BTreeSet<&PackageId> = packages.iter().map(|package| &package.id).collect();
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolves nothing")?;
    let nodes = resolve.nodes.iter().filter(|node| linked.contains(&node.id));
    Ok(nodes
        .map(|node| {
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            let mut to: Vec<PackageId> = normal
                .map(|dependency| dependency.pkg.clone())
                .filter(|package| linked.contains(package))
                .collect();
            to.sort();
            (node.id.clone(), to)
        })
        .collect())
}

/// Reads the checksums of a `Cargo.lock`, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = block.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let entry = |block| {
        Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    };
    lock.split("[[package]]").filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_has_checksums_for_what_came_from_a_registry() {
        let lock = "version = 4\n\n[[package]]\nname = \"anyhow\"\nversion = \"1.0.104\"\n\
                    source = \"registry\"\nchecksum = \"c0ffee\"\n\n[[package]]\n\
                    name = \"serin\"\nversion = \"0.1.0\"\ndependencies = [\n \"anyhow\",\n]\n";
        let expected =
            BTreeMap::from([(("anyhow".to_owned(), "1.0.104".to_owned()), "c0ffee".to_owned())]);
        assert_eq!(checksums(lock), expected);
    }
}
