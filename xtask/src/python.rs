//! Python modules that check what we write, in versions that are pinned, under `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{find_program, root};

/// Modules that belong together.
pub(crate) struct Modules {
    /// Names the folder that they are in, and the list of their versions beside this crate.
    name: &'static str,
    /// Completes "installed what …".
    purpose: &'static str,
}

/// `cyclonedx`, with the schema of an SBOM.
pub(crate) const SBOM_VALIDATION: Modules =
    Modules { name: "sbom-validation", purpose: "checks an SBOM" };

/// `check_jsonschema`, with the schemas of GitHub's and GitLab's files, and `kubernetes_validate`, with those of
/// Kubernetes.
pub(crate) const PIPELINE_VALIDATION: Modules =
    Modules { name: "pipeline-validation", purpose: "checks pipelines by their schemas" };

/// `moto`, a server that speaks the protocols of AWS.
pub(crate) const AWS_SERVER: Modules =
    Modules { name: "moto", purpose: "speaks CloudWatch's protocol to a test" };

/// `playwright`, which drives a browser, and `axe`, which looks at pages as who sees or hears otherwise.
pub(crate) const PAGES: Modules =
    Modules { name: "browser-pages", purpose: "looks at pages in a browser" };

/// `schemathesis`, which asks a server whatever its OpenAPI document allows, and what it does not.
pub(crate) const API_DOCUMENT: Modules =
    Modules { name: "api-document", purpose: "holds the server against its OpenAPI document" };

/// A copy of the list, put beside the modules once they are all there.
const INSTALLED: &str = "installed.txt";

impl Modules {
    fn list(&self) -> PathBuf {
        root().join("xtask").join(format!("{}.txt", self.name))
    }

    fn folder(&self) -> PathBuf {
        root().join("target/tools").join(self.name)
    }

    fn are_installed(&self) -> bool {
        let installed = fs::read(self.folder().join(INSTALLED)).ok();
        installed.is_some() && installed == fs::read(self.list()).ok()
    }

    /// Returns a file that one of them has.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.folder().join(path)
    }

    /// Returns a call of Python that finds these modules, if they are installed.
    pub(crate) fn python(&self) -> Option<Command> {
        let mut python = Command::new(find_program("python3")?);
        python.env("PYTHONPATH", self.folder());
        self.are_installed().then_some(python)
    }

    /// Installs them unless they are there, and says so, or why not.
    pub(crate) fn install(&self) {
        if self.are_installed() {
            return;
        }
        match self.install_all() {
            Ok(()) => println!("installed what {} into target/tools", self.purpose),
            Err(error) => println!("not installed: what {}: {error:#}", self.purpose),
        }
    }

    fn install_all(&self) -> anyhow::Result<()> {
        pip_install(&self.folder(), &self.list(), &[])?;
        fs::copy(self.list(), self.folder().join(INSTALLED))?;
        Ok(())
    }
}

/// Installs wheels into a folder.
///
/// * `list`: a file of requirements.
/// * `options`: more options of `pip install`.
pub(crate) fn pip_install(folder: &Path, list: &Path, options: &[&str]) -> anyhow::Result<()> {
    let python = find_program("python3").context("python3 is not installed")?;
    let output = Command::new(python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:", "--upgrade", "--target"])
        .arg(folder)
        .args(options)
        .arg("--requirement")
        .arg(list)
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .output()
        .context("python3 does not start")?;
    if !output.status.success() {
        bail!("pip failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
