//! What the tests need beside a Rust toolchain.

use std::process::Command;

use anyhow::{Context, bail};

use crate::command::find_program;
use crate::python::{API_DOCUMENT, AWS_SERVER, PAGES, PIPELINE_VALIDATION, SBOM_VALIDATION};
use crate::tools;

/// A program that some test needs, and the Debian package that brings it.
pub(crate) struct Need {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
    pub(crate) purpose: &'static str,
}

/// Everything there is to install.
pub(crate) const NEEDS: &[Need] = &[
    Need {
        program: "chromium",
        package: "chromium",
        purpose: "looks at the HTML report as a phone and a desk would show it",
    },
    Need {
        program: "prometheus",
        package: "prometheus",
        purpose: "is asked for the same canary that a recording holds",
    },
    Need {
        program: "victoria-metrics",
        package: "victoria-metrics",
        purpose: "is asked for the same canary through the same API",
    },
    Need {
        program: "influxd",
        package: "influxdb",
        purpose: "is asked for the same canary in InfluxQL",
    },
    Need {
        program: "carbon-cache",
        package: "graphite-carbon",
        purpose: "takes the same canary for Graphite",
    },
    Need {
        program: "graphite-manage",
        package: "graphite-web",
        purpose: "is asked for the same canary by Graphite's render API",
    },
    Need {
        program: "pg_ctlcluster",
        package: "postgresql",
        purpose: "is asked for the same canary by SQL",
    },
    Need {
        program: "openssl",
        package: "openssl",
        purpose: "makes the certificates by which a test proves who asks",
    },
];

/// Installs what is missing: tools into `target`, Debian packages when root, else it says what to install.
pub(crate) fn run() -> anyhow::Result<()> {
    rustup_components()?;
    tools::install()?;
    SBOM_VALIDATION.install();
    PIPELINE_VALIDATION.install();
    AWS_SERVER.install();
    PAGES.install();
    API_DOCUMENT.install();
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| find_program(need.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("{} is missing, which {}", need.program, need.purpose);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !is_root() || find_program("apt-get").is_none() {
        println!("Not installed, for want of root and apt-get: {}", packages.join(" "));
        println!("As root: apt-get install --no-install-recommends {}", packages.join(" "));
        return Ok(());
    }
    apt_get(&["update", "--quiet"])?;
    let mut words = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    words.extend(packages);
    apt_get(&words)
}

/// A minimal toolchain lacks what formats and lints.
fn rustup_components() -> anyhow::Result<()> {
    let missing = find_program("cargo-clippy").is_none() || find_program("cargo-fmt").is_none();
    if !missing || find_program("rustup").is_none() {
        return Ok(());
    }
    let status = Command::new("rustup").args(["component", "add", "clippy", "rustfmt"]).status();
    if !status.context("rustup does not start")?.success() {
        bail!("rustup could not add clippy and rustfmt");
    }
    Ok(())
}

/// Returns whether this user may do anything.
pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt_get(words: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("apt-get")
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("apt-get does not start")?;
    if !status.success() {
        bail!("`apt-get {}` failed", words.join(" "));
    }
    Ok(())
}
