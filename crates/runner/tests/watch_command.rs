//! Commands that are run on a verdict.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serin_runner::watch::run_command;

const LONG: Duration = Duration::from_secs(60);

fn failure(command: &str, limit: Duration) -> String {
    run_command(command, &BTreeMap::new(), "{}", limit).unwrap_err().to_string()
}

#[test]
fn a_command_reads_the_verdict_from_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("got.json");
    let verdict = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    run_command(&format!("cat > '{}'", path.display()), &BTreeMap::new(), &verdict, LONG).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), verdict);
}

#[test]
fn a_command_need_not_read() {
    run_command("true", &BTreeMap::new(), &"x".repeat(1 << 20), LONG).unwrap();
}

#[test]
fn a_command_that_fails_is_said_to() {
    assert_eq!(failure("exit 3", LONG), "the command `exit 3` failed: exit status: 3");
    assert_eq!(failure("kill -9 $$", LONG), "the command `kill -9 $$` failed: signal: 9 (SIGKILL)");
    let said = failure("/no/such/program", LONG);
    assert_eq!(said, "the command `/no/such/program` failed: exit status: 127");
}

/// What the command started ends with it: the last line of it is never written.
#[test]
fn a_command_that_takes_too_long_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let (pid, late) = (folder.path().join("pid"), folder.path().join("late"));
    let command = format!(
        "(echo begun > '{}'; sleep 600; echo late > '{}') & wait",
        pid.display(),
        late.display()
    );
    let said = failure(&command, Duration::from_millis(500));
    assert!(said.ends_with("was ended: it took longer than 0.5s"), "{said}");
    assert_eq!(std::fs::read_to_string(pid).unwrap(), "begun\n");
    assert!(!late.exists());
    assert!(!is_running("sleep 600", folder.path()), "its child lives on");
}

/// Whether a process of this command runs in a group whose leader was started for the folder.
fn is_running(command: &str, folder: &Path) -> bool {
    let listed = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.lines().any(|line| line.contains(&*folder.to_string_lossy()) && !line.contains(command))
}
