//! `serin demo` as somebody types it: it judges five kinds of canaries rightly, and leaves nothing behind.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "what helps a test may fail as the test does")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serin_ledger::{Ledger, ServiceHistory};
use serin_model::Outcome;

/// A demo that runs. It is ended by force where a test failed before it could end it.
struct Running {
    child: Child,
    address: String,
    ledger: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
            .arg("demo")
            .args(["--opening", "2026-11-23T08:00:00Z", "--seed", "1"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut address, mut ledger) = (None, None);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while ledger.is_none() && output.read_line(&mut line).unwrap() > 0 {
            let after = |word: &str| line.split_once(word)?.1.split([' ', '/', '\n']).next();
            address = address.or(after("http://").map(str::to_owned));
            let path = line.split_once("--ledger ").and_then(|it| it.1.split(' ').next());
            ledger = path.map(PathBuf::from);
            line.clear();
        }
        child.stdout = Some(output.into_inner());
        let ledger = ledger.expect("it says where its ledger is");
        Self { child, address: address.expect("it says its address"), ledger }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let host = &self.address;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a signal, and returns what it said on its standard error.
    fn end(&mut self, signal: &str) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{said}");
        said
    }
}

/// Returns the verdict on the first canary after the opening of each service that has one.
fn verdicts(ledger: &Path) -> BTreeMap<&'static str, (Outcome, String)> {
    let mut ledger = Ledger::open_file(ledger, false).unwrap();
    let services = ["checkout", "search", "payments", "cart", "recommendations", "gift-cards"];
    let of = services.into_iter().filter_map(|service| {
        let history = ledger.project::<ServiceHistory>(Some(service)).unwrap().state;
        let change = format!("change/{service}-0");
        let verdicts = history.verdicts().into_iter();
        let mut of_change = verdicts.map(|verdict| verdict.entry.fact.clone());
        let fact = of_change.find(|fact| fact.change.as_ref() == Some(&change))?;
        Some((service, (fact.outcome, fact.reason.unwrap_or_default())))
    });
    of.collect()
}

#[test]
fn five_kinds_of_canaries_are_judged_rightly_and_nothing_is_left() {
    let mut demo = Running::start(&["--speed", "600x", "--listen", "127.0.0.1:0"]);
    assert!(demo.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(demo.get("/api/v1/services/checkout/verdicts").contains("\"pass\""));
    let mut said = verdicts(&demo.ledger);
    // It is over after three seconds and a bit; a machine may be busy.
    for _ in 0..600 {
        if said.len() == 6 {
            break;
        }
        wait();
        said = verdicts(&demo.ledger);
    }
    let errors = demo.end("-INT");
    assert_eq!(errors, "");
    let folder = demo.ledger.parent().unwrap();
    assert!(!folder.exists(), "{} is still there", folder.display());
    let said =
        said.iter().map(|(service, (outcome, why))| format!("{service}: {outcome:?}, {why}\n"));
    insta::assert_snapshot!(said.collect::<String>());
}

#[expect(clippy::disallowed_methods, reason = "a test waits until a process has come so far")]
fn wait() {
    std::thread::sleep(Duration::from_millis(100));
}

#[test]
fn a_ledger_that_is_named_stays_and_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.db");
    let name = path.to_str().unwrap();
    let mut head = 0;
    for _ in 0..2 {
        let mut demo = Running::start(&["--ledger", name, "--listen", "127.0.0.1:0"]);
        assert_eq!(demo.ledger, path);
        assert_eq!(demo.end("-TERM"), "");
        let mut ledger = Ledger::open_file(&path, false).unwrap();
        let grown = ledger.head().unwrap().position;
        assert!(grown >= head && grown > 0);
        head = grown;
    }
}

#[test]
fn an_address_that_is_taken_is_told_or_passed_over() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
        .args(["demo", "--listen", &address])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("serin cannot listen at `{address}`")), "{said}");
}

#[test]
fn check_files_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let serin = || {
        let mut serin = Command::new(assert_cmd::cargo::cargo_bin!("serin"));
        serin.args(["demo", "--checks", "checks"]).current_dir(folder.path());
        serin
    };
    assert_eq!(serin().output().unwrap().status.code(), Some(0));
    let written = std::fs::read_dir(folder.path().join("checks")).unwrap().count();
    assert_eq!(written, 7);
    let again = serin().output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("hint: name a new folder"), "{said}");
}
