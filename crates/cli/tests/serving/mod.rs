//! A real `serin serve`, for tests that ask it, or kill it.

#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(
    clippy::print_stdout,
    reason = "what a server said that ended is of use to whoever reads the failure"
)]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that runs; it is ended by force.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one on an address, and waits until it is ready.
    pub(crate) fn start(ledger: impl AsRef<OsStr>, listen: &str) -> Self {
        Self::try_start(ledger, listen).expect("it ended before it was ready")
    }

    /// Starts one, which may end before it is ready.
    pub(crate) fn try_start(ledger: impl AsRef<OsStr>, listen: &str) -> Option<Self> {
        Self::try_start_with(ledger, listen, &[])
    }

    /// Starts one with further arguments.
    pub(crate) fn try_start_with(
        ledger: impl AsRef<OsStr>,
        listen: &str,
        more: &[&OsStr],
    ) -> Option<Self> {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
            .args(["serve", "--listen", listen, "--ledger"])
            .arg(ledger.as_ref())
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            if log.read_line(&mut said).unwrap() == 0 {
                let _ = child.wait();
                println!("serin ended: {said}");
                return None;
            }
            if let Some((_, address)) = said[before..].split_once("ready at ") {
                break address.trim().trim_end_matches("\u{1b}[0m").to_owned();
            }
        };
        // What is not read would hold it up.
        std::thread::spawn(move || log.read_to_string(&mut String::new()));
        Some(Self { child, address })
    }
}

/// Sends a request by hand, and returns the answer.
pub(crate) fn request(address: &str, line: &str, body: &str) -> String {
    try_request(address, line, "", body).unwrap()
}

/// Sends a request by hand to a server that may be away.
///
/// * `headers`: further lines, each with its end.
pub(crate) fn try_request(
    address: &str,
    line: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<String> {
    let host = address.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}connection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
