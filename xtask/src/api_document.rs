//! A server against the OpenAPI document that it serves.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use crate::command::{Cargo, root};
use crate::python::API_DOCUMENT;

/// Has schemathesis ask a server all that its document allows and much that it does not, as `api-document.toml` says.
/// Returns what was skipped.
pub(crate) fn run() -> anyhow::Result<Option<&'static str>> {
    let Some(mut ask) = API_DOCUMENT.python() else {
        return Ok(Some("the API and its document: schemathesis is not installed"));
    };
    Cargo::new(&["build", "--quiet", "--package", "serin"]).run()?;
    let folder = tempfile::tempdir()?;
    let server = Running::start(folder.path())?;
    ask.args(["-c", "from schemathesis.cli import schemathesis; schemathesis()"]);
    ask.arg("--config-file").arg(root().join("xtask/api-document.toml"));
    ask.args(["run", "--no-color", &format!("{}/api/v1/openapi.json", server.address)]);
    ask.env("SERIN_ADDRESS", &server.address).env("SERIN_TOKEN", &server.token);
    let modules = std::env::join_paths([API_DOCUMENT.file(""), root().join("xtask")])?;
    ask.env("PYTHONPATH", modules).env("SCHEMATHESIS_HOOKS", "api_document");
    // It keeps notes where it runs.
    ask.current_dir(folder.path());
    let status = ask.status().context("python3 does not start")?;
    if !status.success() {
        bail!("the server does not do what its document says");
    }
    Ok(None)
}

/// A server on a free port of this machine.
struct Running {
    child: Child,
    address: String,
    token: String,
}

const CONFIG: &str = "limits: {requests_per_second: 1000000, burst: 1000000}\negress: {allow: []}\nlog: {level: info}\n";

impl Running {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let serin = root().join("target/debug/serin");
        let (ledger, config) = (folder.join("serin.db"), folder.join("serve.yaml"));
        std::fs::write(&config, CONFIG)?;
        let issued = Command::new(&serin)
            .args(["token", "issue", "--role", "admin", "--name", "schemathesis", "--ledger"])
            .arg(&ledger)
            .output()
            .context("serin does not start")?;
        let issued = String::from_utf8_lossy(&issued.stdout).into_owned();
        let token = issued.split_whitespace().find(|word| word.starts_with("serin_"));
        let token = token.context("serin issues no token")?.to_owned();
        let child = Command::new(&serin)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .args([&config, Path::new("--ledger"), &ledger])
            .stderr(Stdio::piped())
            .spawn()
            .context("serin does not start")?;
        let mut running = Self { child, address: String::new(), token };
        let mut log = BufReader::new(running.child.stderr.take().context("serin has no log")?);
        let mut line = String::new();
        while running.address.is_empty() {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                bail!("serin ended before it was ready");
            }
            if let Some((_, address)) = line.split_once("ready at ") {
                running.address = address.trim().to_owned();
            }
        }
        // What is not read would hold it up.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
