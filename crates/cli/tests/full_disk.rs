//! A server whose disk is full: it says so, keeps what it accepted, and goes on once there is space.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod serving;

use std::path::Path;
use std::process::Command;

use crate::serving::{Server, request};

/// A disk of a few megabytes.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Returns none where disks cannot be made here.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// Tells of a change, and returns whether it was accepted.
fn tell(server: &Server, number: u32) -> Result<(), String> {
    let note = "x".repeat(20_000);
    let change = format!(r#"{{"service":"till","what":"flag","to":"{number}","note":"{note}"}}"#);
    let answer = request(&server.address, "POST /api/v1/changes", &change);
    if answer.starts_with("HTTP/1.1 201") { Ok(()) } else { Err(answer) }
}

fn changes(server: &Server) -> usize {
    let list = request(&server.address, "GET /api/v1/services/till/changes?limit=500", "");
    assert!(list.starts_with("HTTP/1.1 200"), "{}", &list[..200.min(list.len())]);
    list.matches(r#""to":""#).count()
}

#[test]
fn a_full_disk_refuses_and_nothing_accepted_is_lost() {
    let Some(disk) = Disk::new() else {
        println!("skipped: no disk can be mounted here");
        return;
    };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let ledger = disk.path().join("serin.db");
    let server = Server::start(&ledger, "127.0.0.1:0");
    let (mut accepted, mut number) = (0, 0);
    let refusal = loop {
        number += 1;
        assert!(number < 1000, "the disk is never full");
        match tell(&server, number) {
            Ok(()) => accepted += 1,
            Err(answer) => break answer,
        }
    };
    assert!(accepted > 20, "{accepted}");
    assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
    assert!(
        refusal.contains("no space left; nothing was stored") && refusal.contains("\"hint\""),
        "{refusal}"
    );
    // It still reads, and says how it is, and does so when it is started anew.
    assert_eq!(changes(&server), accepted);
    assert!(request(&server.address, "GET /healthz", "").starts_with("HTTP/1.1 200"));
    drop(server);
    let server = Server::start(&ledger, "127.0.0.1:0");
    assert_eq!(changes(&server), accepted);
    assert!(tell(&server, number).is_err());
    std::fs::remove_file(&ballast).unwrap();
    tell(&server, number).unwrap();
    drop(server);
    let verified = Command::new(assert_cmd::cargo::cargo_bin!("serin"))
        .args(["ledger", "verify", "--ledger"])
        .arg(&ledger)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let server = Server::start(&ledger, "127.0.0.1:0");
    assert_eq!(changes(&server), accepted + 1);
}
