//! The demo: its figures, and the picture of it that documents show.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::command::{Cargo, root};

/// What is done with the demo.
#[derive(Debug, Subcommand)]
pub(crate) enum Demo {
    /// Start it as a user would, and print when it shows what, and what it takes
    Measure,
    /// Have so many simulated shops judged, and print what each kind of canary was said to be
    Verdicts {
        /// How many shops
        #[arg(default_value_t = 20)]
        shops: u32,
    },
    /// Make the picture of its first page, docs/images/demo.png, with chromium
    Picture,
}

pub(crate) fn run(task: &Demo) -> anyhow::Result<()> {
    match task {
        Demo::Measure => {
            Cargo::new(&["build", "--quiet", "--release", "--package", "serin"]).run()?;
            measure(&["run", &root().join("target/release/serin").to_string_lossy()])
        }
        Demo::Verdicts { shops } => measure(&["verdicts", &shops.to_string()]),
        Demo::Picture => picture(),
    }
}

fn measure(arguments: &[&str]) -> anyhow::Result<()> {
    let words = ["run", "--quiet", "--release", "--package", "serin-demo", "--example", "measure"];
    Cargo::new(&[&words[..], &["--"], arguments].concat()).run()
}

/// A demo that shows something, and is ended however this ends.
pub(crate) struct Running {
    demo: Child,
    /// Its host and port.
    pub(crate) address: String,
}

impl Running {
    /// Starts a demo from the debug build, and waits until there is one of everything.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Cargo::new(&["build", "--quiet", "--package", "serin"]).run()?;
        let mut demo = Command::new(root().join("target/debug/serin"));
        demo.args(["demo", "--seed", "1", "--opening", "2026-11-23T08:00:00Z"]);
        demo.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let demo = demo.spawn().context("serin does not start")?;
        let mut running = Self { demo, address: String::new() };
        let output = running.demo.stdout.take().context("serin has no output")?;
        let address = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("http://")?.1.trim_end_matches('/').to_owned()));
        running.address = address.context("serin does not say its address")?;
        wait(PICTURE_AFTER);
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.demo.id().to_string();
        // Where there is no `kill`, its ledger stays in the temporary folder.
        let asked = Command::new("kill").args(["-INT", &id]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.demo.kill();
        }
        let _ = self.demo.wait();
    }
}

/// Twelve seconds after the opening there is one of everything: what runs, what passed and what was rolled back.
const PICTURE_AFTER: Duration = Duration::from_secs(12);

/// Documents that are read on a phone shall not wait for it.
const MOST_BYTES: u64 = 200_000;

fn picture() -> anyhow::Result<()> {
    let demo = Running::start()?;
    let address = &demo.address;
    if !answers(address)? {
        bail!("http://{address}/ is no page");
    }
    let file = root().join("docs/images/demo.png");
    shoot(&format!("http://{address}/"), &file)?;
    let bytes = fs::metadata(&file)?.len();
    if bytes > MOST_BYTES {
        bail!("{} has {bytes} bytes, more than {MOST_BYTES}", file.display());
    }
    println!("docs/images/demo.png: {bytes} bytes");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "nobody tells when there is enough to see")]
fn wait(length: Duration) {
    std::thread::sleep(length);
}

fn answers(address: &str) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

fn shoot(address: &str, file: &Path) -> anyhow::Result<()> {
    let profile = tempfile::tempdir()?;
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--window-size=1280,860", "--timeout=5000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", file.display()))
        .arg(address)
        .output()
        .context("chromium does not start")?;
    if !output.status.success() || !file.is_file() {
        bail!("chromium made no picture: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
