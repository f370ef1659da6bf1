//! The binary where there is nothing else: no C library, no `/dev`, no `/tmp`, no passwd.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{find_program, root};
use crate::install::is_root;

/// What is asked there, the exit code that answers, and what is said on the standard error.
///
/// Nothing listens on port 1. That it is found out takes a name, authorities to trust and random
/// numbers: all that a store's address needs of a machine.
const QUESTIONS: &[(&[&str], i32, &str)] = &[
    (&["--version"], 0, ""),
    (&["judge", "serin.yaml"], 0, ""),
    (&["judge", "serin.yaml", "--data", "failing.csv.gz", "--output", "report.html"], 2, ""),
    (&["judge", "store.yaml"], 1, "Connection refused"),
    (&["judge", "store.yaml", "--url", "https://no-such-host.invalid"], 1, "cannot be reached"),
];

const STORE: &str = "\
service: checkout
source: {prometheus: {url: http://localhost:1, retries: 0}}
checks: {memory: {gauge: process_resident_memory_bytes}}
";

/// Copies the binary and the example into an empty folder, and judges there as the container's user.
pub(super) fn run(serin: &Path, skipped: &mut Vec<&'static str>) -> anyhow::Result<()> {
    let Some(chroot) = find_program("chroot").filter(|_| is_root()) else {
        skipped.push("running serin in an empty root: it takes root and `chroot`");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
    fs::copy(serin, folder.path().join("serin"))?;
    for name in ["serin.yaml", "good.csv.gz", "failing.csv.gz"] {
        let file = root().join("examples/checkout").join(name);
        fs::copy(&file, folder.path().join(name)).with_context(|| file.display().to_string())?;
    }
    fs::write(folder.path().join("store.yaml"), STORE)?;
    for (words, code, said) in QUESTIONS {
        let output = Command::new(&chroot)
            .arg("--userspec=65532:65532")
            .arg(folder.path())
            .arg("/serin")
            .args(*words)
            .env_clear()
            .output()
            .context("chroot does not start")?;
        let message = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(*code) || !message.contains(said) {
            bail!(
                "in an empty root, `serin {}` ended with {}: {message}",
                words.join(" "),
                output.status
            );
        }
    }
    if !fs::read_to_string(folder.path().join("report.html"))?.contains("roll back") {
        bail!("in an empty root, the report is not what it is elsewhere");
    }
    println!("serin judges in an empty root");
    Ok(())
}
