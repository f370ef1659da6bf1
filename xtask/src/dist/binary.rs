//! The binary, and that it needs no other file.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use super::Release;
use crate::command::{Cargo, find_program, root};

/// What a download may weigh.
const LARGEST: u64 = 45_000_000;

/// Returns the target to build for: musl where its standard library is installed, else the C library
/// of this machine.
///
/// # Errors
///
/// Elsewhere than on Linux, where no binary is static.
pub(super) fn target() -> anyhow::Result<String> {
    ensure!(cfg!(target_os = "linux"), "a static binary can be made on Linux only");
    let musl = format!("{ARCH}-unknown-linux-musl");
    if sysroot()?.join("lib/rustlib").join(&musl).join("lib").is_dir() {
        println!("target: {musl}");
        return Ok(musl);
    }
    let gnu = format!("{ARCH}-unknown-linux-gnu");
    println!("target: {gnu}, glibc linked statically ({musl} is not installed)");
    Ok(gnu)
}

/// Builds serin into the folder of the release, and checks that it is static and small.
pub(super) fn build(release: &Release) -> anyhow::Result<PathBuf> {
    let words =
        ["build", "--release", "--locked", "--package", "serin", "--target", &release.target];
    // Proc-macros must stay dynamic: with an explicit target, these flags are not theirs.
    Cargo::new(&words).with("CARGO_ENCODED_RUSTFLAGS", rustc_flags()?.join("\u{1f}")).run()?;
    let built = root().join("target").join(&release.target).join("release/serin");
    let serin = release.folder.join("serin");
    fs::copy(&built, &serin).with_context(|| built.display().to_string())?;
    assert_static(&serin)?;
    let bytes = fs::metadata(&serin)?.len();
    if bytes > LARGEST {
        bail!("serin has {bytes} bytes, more than {LARGEST}");
    }
    println!("serin: {:.1} MB, statically linked", bytes as f64 / 1e6);
    Ok(serin)
}

fn rustc_flags() -> anyhow::Result<Vec<String>> {
    let cargo = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir().context("there is no home folder")?.join(".cargo"),
    };
    Ok(vec![
        "-Ctarget-feature=+crt-static".to_owned(),
        // A static binary cannot look `getrandom` up at run time, and would want /dev/urandom.
        "--cfg=getrandom_backend=\"linux_getrandom\"".to_owned(),
        // Messages name source files; these paths are the same on every machine.
        format!("--remap-path-prefix={}=/cargo", cargo.display()),
        format!("--remap-path-prefix={}=/serin", root().canonicalize()?.display()),
    ])
}

fn sysroot() -> anyhow::Result<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output();
    let output = output.context("rustc does not start")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Fails on a binary that names a loader or a library, and on one that `ldd` finds libraries for.
fn assert_static(binary: &Path) -> anyhow::Result<()> {
    let data = fs::read(binary)?;
    let header = elf::FileHeader64::<object::Endianness>::parse(&*data)?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, &*data)? {
        if segment.p_type(endian) == elf::PT_INTERP {
            bail!("{} names a loader: it is not static", binary.display());
        }
        let entries = segment.dynamic(endian, &*data)?.unwrap_or_default();
        if entries.iter().any(|entry| entry.d_tag.get(endian) == elf::DT_NEEDED) {
            bail!("{} names a library: it is not static", binary.display());
        }
    }
    if find_program("ldd").is_some() {
        let output = Command::new("ldd").arg(binary).output()?;
        let libraries = String::from_utf8_lossy(&output.stdout).into_owned();
        if libraries.contains("=>") || libraries.contains(".so") {
            bail!("`ldd {}` lists libraries:\n{libraries}", binary.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    fn a_dynamic_binary_is_refused() {
        let dynamic = std::env::current_exe().unwrap_or_default();
        let refused = assert_static(&dynamic).map_err(|error| error.to_string());
        assert!(
            matches!(&refused, Err(message) if message.ends_with("it is not static")),
            "{refused:?}"
        );
    }
}
