//! What the binary is made of, as a CycloneDX document.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use cargo_metadata::{Package, PackageId};
use serde_json::{Value, json};

use super::linked::{Linked, key};
use super::{Release, sha256};
use crate::python::SBOM_VALIDATION;

const FILE: &str = "serin.cdx.json";

/// Writes the document, and checks it against the schema of CycloneDX where that is installed.
pub(super) fn write(
    release: &Release,
    linked: &Linked,
    serin: &Path,
    skipped: &mut Vec<&'static str>,
) -> anyhow::Result<()> {
    let runtime = runtime(&release.target)?;
    let time = release.commit.as_ref().map(|commit| commit.time.as_str());
    let document = document(linked, &runtime, &sha256(serin)?, time)?;
    let file = release.folder.join(FILE);
    fs::write(&file, serde_json::to_string_pretty(&document)? + "\n")?;
    let (packages, others) = (linked.packages.len() - 1, runtime.len());
    println!("{FILE}: {packages} packages and {others} parts of the toolchain");
    validate(&file, skipped)
}

/// Makes the document: serin, the packages that are linked into it, and which needs which.
fn document(
    linked: &Linked,
    runtime: &[Value],
    hash: &str,
    time: Option<&str>,
) -> anyhow::Result<Value> {
    let (serin, others): (Vec<&Package>, Vec<&Package>) =
        linked.packages.iter().partition(|package| package.name.as_str() == "serin");
    let serin = serin.first().context("serin is not among its own packages")?;
    let mut application = component(serin, linked)?;
    application["type"] = json!("application");
    application["hashes"] = json!([{"alg": "SHA-256", "content": hash}]);
    let mut metadata = json!({
        "component": application,
        "tools": {"components": [{"type": "application", "name": "cargo xtask dist"}]},
    });
    if let Some(time) = time {
        metadata["timestamp"] = json!(time);
    }
    let packages = others.iter().map(|package| component(package, linked));
    let mut components = packages.collect::<anyhow::Result<Vec<Value>>>()?;
    components.extend(runtime.iter().cloned());
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(hash),
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": dependencies(linked, serin, runtime),
    }))
}

fn component(package: &Package, linked: &Linked) -> anyhow::Result<Value> {
    let licence = package.license.as_deref();
    let licence = licence.with_context(|| format!("{} names no licence", package.name))?;
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name.as_str(),
        "version": package.version.to_string(),
        "licenses": [{"expression": expression(licence)}],
    });
    if package.source.is_some() {
        let checksum = linked.checksums.get(&key(package));
        let checksum = checksum.with_context(|| format!("{} has no checksum", package.name))?;
        component["purl"] = json!(reference(package));
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    Ok(component)
}

/// Older manifests write a slash where SPDX has OR.
fn expression(licence: &str) -> String {
    let words = licence.replace('/', " OR ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Only packages of a registry have a package URL.
fn reference(package: &Package) -> String {
    match package.source {
        Some(_) => format!("pkg:cargo/{}@{}", package.name, package.version),
        None => format!("{}@{}", package.name, package.version),
    }
}

fn dependencies(linked: &Linked, serin: &Package, runtime: &[Value]) -> Vec<Value> {
    let named = |id: &PackageId| {
        let package = linked.packages.iter().find(|package| package.id == *id)?;
        Some(json!(reference(package)))
    };
    linked
        .packages
        .iter()
        .map(|package| {
            let to = linked.dependencies.get(&package.id).into_iter().flatten();
            let mut to: Vec<Value> = to.filter_map(named).collect();
            if package.id == serin.id {
                to.extend(runtime.iter().map(|part| part["bom-ref"].clone()));
            }
            json!({"ref": reference(package), "dependsOn": to})
        })
        .collect()
}

/// What the toolchain links in: Rust's standard library, and the C library that makes it static.
fn runtime(target: &str) -> anyhow::Result<Vec<Value>> {
    let part = |name: &str, version: &str, licence: &str| {
        json!({
            "type": "library",
            "bom-ref": format!("pkg:generic/{name}@{version}"),
            "purl": format!("pkg:generic/{name}@{version}"),
            "name": name,
            "version": version,
            "licenses": [{"expression": licence}],
        })
    };
    let rust = word("rustc", &["--version"], 1)?;
    let mut parts = vec![part("rust-std", &rust, "MIT OR Apache-2.0")];
    if target.ends_with("-gnu") {
        let glibc = word("getconf", &["GNU_LIBC_VERSION"], 1)?;
        parts.push(part("glibc", &glibc, "LGPL-2.1-or-later"));
        let gcc = word("cc", &["-dumpfullversion"], 0)?;
        parts.push(part("libgcc", &gcc, "GPL-3.0-or-later WITH GCC-exception-3.1"));
    } else {
        parts.push(part("musl", &format!("of-rust-{rust}"), "MIT"));
    }
    Ok(parts)
}

/// Returns one word of what a program prints.
fn word(program: &str, arguments: &[&str], index: usize) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("{program} does not start"))?;
    let text = String::from_utf8(output.stdout)?;
    let word = text.split_whitespace().nth(index);
    Ok(word.with_context(|| format!("`{program}` prints no version"))?.to_owned())
}

/// A UUID of the binary's own: version 8 is for what others calculate.
fn serial_number(hash: &str) -> String {
    let [a, b, c, d, e] = [&hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32]];
    format!("urn:uuid:{a}-{b}-8{c}-8{d}-{e}")
}

fn validate(file: &Path, skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let Some(mut python) = SBOM_VALIDATION.python() else {
        skipped.push("checking the SBOM: what checks it is not installed");
        return Ok(());
    };
    let script = "import sys\n\
        from cyclonedx.schema import SchemaVersion\n\
        from cyclonedx.validation.json import JsonStrictValidator\n\
        text = open(sys.argv[1], encoding='utf-8').read()\n\
        sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))\n";
    let output =
        python.args(["-c", script]).arg(file).output().context("python3 does not start")?;
    if !output.status.success() {
        bail!("{FILE} is not CycloneDX 1.6: {}", String::from_utf8_lossy(&output.stderr));
    }
    println!("{FILE} is CycloneDX 1.6 by its schema");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dist::linked;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn of_this_workspace() -> Value {
        let linked = linked::packages("x86_64-unknown-linux-gnu").unwrap();
        document(&linked, &[], HASH, None).unwrap()
    }

    #[test]
    fn what_is_linked_is_a_component_and_what_builds_or_tests_is_not() {
        let document = of_this_workspace();
        let components = document["components"].as_array().unwrap();
        let names: BTreeSet<&str> =
            components.iter().map(|component| component["name"].as_str().unwrap()).collect();
        for (name, expected) in [
            ("clap", true),
            ("serin-judge", true),
            ("clap_derive", false),
            ("insta", false),
            ("proptest", false),
            ("serin-rig", false),
            ("xtask", false),
        ] {
            assert_eq!(names.contains(name), expected, "{name}");
        }
    }

    #[test]
    fn what_came_from_a_registry_says_so_and_carries_its_checksum() {
        let document = of_this_workspace();
        for component in document["components"].as_array().unwrap() {
            let is_ours = component["name"].as_str().unwrap().starts_with("serin-");
            assert_eq!(component["purl"].is_null(), is_ours, "{component}");
            let checksum = component["hashes"][0]["content"].as_str().unwrap_or_default();
            assert_eq!(checksum.len(), if is_ours { 0 } else { 64 }, "{component}");
        }
    }

    #[test]
    fn every_dependency_is_a_component() {
        let document = of_this_workspace();
        let references: BTreeSet<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["bom-ref"].as_str().unwrap())
            .collect();
        for entry in document["dependencies"].as_array().unwrap() {
            for to in entry["dependsOn"].as_array().unwrap() {
                assert!(references.contains(to.as_str().unwrap()), "{to}");
            }
        }
    }

    #[test]
    fn licences_are_spdx_expressions() {
        for (written, expected) in [
            ("MIT", "MIT"),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
            ("Apache-2.0 / MIT", "Apache-2.0 OR MIT"),
            ("Apache-2.0  OR  MIT", "Apache-2.0 OR MIT"),
        ] {
            assert_eq!(expression(written), expected);
        }
    }

    #[test]
    fn a_serial_number_is_a_uuid_of_version_eight() {
        assert_eq!(serial_number(HASH), "urn:uuid:01234567-89ab-8def-8123-456789abcdef");
    }
}
