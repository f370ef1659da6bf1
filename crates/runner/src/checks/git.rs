//! What `git` is asked: which commit a folder is at, what is not committed, and to fetch a repository.
//!
//! It is run without a shell, with arguments that no text from outside can become an option of, within a time, and
//! so that it asks nobody anything and runs no hook.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serin_model::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::address::Repository;

/// Why `git` did not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// It is not there.
    #[error(
        "the program `git` is not installed, or not in PATH\n\nhint: install it; or name the folder (`--name`, `name:`), and no commit is recorded"
    )]
    NotInstalled,
    /// It could not be started, or not be heard.
    #[error("the program `git` could not be run: {0}\n\nhint: see how many processes may run")]
    NotRun(#[source] io::Error),
    /// It said that it failed.
    #[error("git {verb} failed: {said}\n\nhint: {hint}")]
    Failed {
        /// What it was asked.
        verb: &'static str,
        /// What it said.
        said: String,
        /// What to do.
        hint: &'static str,
    },
    /// It took too long.
    #[error(
        "git {verb} took longer than {} s and was ended\n\nhint: see that the repository can be reached from this machine, \
         and that it asks for no password",
        .limit.as_secs()
    )]
    TookTooLong {
        /// What it was asked.
        verb: &'static str,
        /// How long it may take.
        limit: Duration,
    },
}

/// A folder of a repository, and what git says of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Checkout {
    /// The root of the repository.
    pub(super) root: String,
    /// The folder, from there; it ends with `/` unless it is the root.
    pub(super) prefix: String,
    /// What is checked out, once anything was committed.
    pub(super) commit: Option<String>,
    /// Whether only the newest commits are known here.
    is_shallow: bool,
}

/// A commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) at: Timestamp,
}

/// How long git may take on this machine, and over the network.
const LIMIT_HERE: Duration = Duration::from_secs(20);
const LIMIT_FETCH: Duration = Duration::from_secs(120);

/// As much as git may say.
const MOST_SAID: u64 = 4 << 20;

/// What holds for every call: nothing that a repository's own configuration could have it run.
const SETTINGS: [&str; 12] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "log.showSignature=false",
    "-c",
    "gc.auto=0",
    "-c",
    "submodule.recurse=false",
];

/// Variables that would have git look elsewhere than it is told to; hooks set them.
const ELSEWHERE: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
];

impl Checkout {
    /// Asks what repository a folder is in. Without a `.git` above it, git is not run.
    pub(super) fn around(folder: &Path) -> Result<Option<Self>, GitError> {
        let known = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if root(&known).is_none() {
            return Ok(None);
        }
        let asked = ["--show-toplevel", "--show-prefix", "--is-shallow-repository"];
        let said = here(folder, "rev-parse", &asked)?;
        let mut lines = said.lines().map(str::to_owned);
        let root = lines.next().unwrap_or_default();
        let prefix = lines.next().unwrap_or_default();
        let is_shallow = lines.next().as_deref() == Some("true");
        // Before the first commit there is none.
        let commit = here(folder, "rev-parse", &["--verify", "--quiet", "HEAD^{commit}"]).ok();
        let commit = commit.map(|said| said.trim().to_owned()).filter(|commit| !commit.is_empty());
        Ok(Some(Self { root, prefix, commit, is_shallow }))
    }

    /// Returns where the repository came from, as its configuration says.
    pub(super) fn address(&self, folder: &Path) -> Option<String> {
        let said = here(folder, "config", &["--get", "remote.origin.url"]).ok()?;
        Some(said.trim().to_owned()).filter(|address| !address.is_empty())
    }

    /// Returns the files that are not as the commit has them, from the root; folders end with `/`.
    pub(super) fn altered(&self, folder: &Path) -> Result<Vec<String>, GitError> {
        let asked = [
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "-uall",
            "--ignored=matching",
            "--ignore-submodules=all",
        ];
        let said = here(folder, "status", &asked)?;
        let entries = said.split('\0').filter_map(|entry| entry.get(3..));
        Ok(entries.map(str::to_owned).collect())
    }

    /// Returns the newest commits that touched files, named from the root. Where only the newest commits are known
    /// here it is the one that is checked out: they changed then or earlier.
    pub(super) fn last_commits(&self, folder: &Path, names: &BTreeSet<String>) -> Commits {
        let mut commits = Commits::default();
        if names.is_empty() {
            return commits;
        }
        let files: Vec<String> = names.iter().map(|name| format!(":(top,literal){name}")).collect();
        let mut asked = vec![FORMAT];
        if self.is_shallow {
            asked.push("--max-count=1");
        } else {
            asked.extend([MOST_COMMITS, "--name-only", "--no-renames", "-z", "--"]);
            asked.extend(files.iter().map(String::as_str));
        }
        // A remark for people: without it the rest is no less true.
        let Ok(said) = here(folder, "log", &asked) else { return commits };
        for part in said.split('\0').map(str::trim) {
            if let Some(commit) = Commit::read(part) {
                commits.newest_first.push(commit);
            } else if !part.is_empty()
                && let Some(last) = commits.newest_first.len().checked_sub(1)
            {
                commits.of_name.entry(part.to_owned()).or_insert(last);
            }
        }
        if self.is_shallow && !commits.newest_first.is_empty() {
            commits.of_name = names.iter().map(|name| (name.clone(), 0)).collect();
        }
        commits
    }
}

/// What begins a commit in the log: no name of a file has it.
const COMMIT: &str = "\u{1}";
const FORMAT: &str = "--format=%x00%x01%H %ct%x00";
/// Commits that are looked at.
const MOST_COMMITS: &str = "--max-count=2000";

impl Commit {
    fn read(text: &str) -> Option<Self> {
        let (id, seconds) = text.strip_prefix(COMMIT)?.split_once(' ')?;
        let at = Timestamp::from_seconds(seconds.parse().ok()?);
        Some(Self { id: id.to_owned(), at })
    }
}

/// The newest commits that touched files.
#[derive(Clone, Debug, Default)]
pub(super) struct Commits {
    newest_first: Vec<Commit>,
    /// Which of them touched a file last.
    of_name: BTreeMap<String, usize>,
}

impl Commits {
    /// Returns the newest that touched any of some files.
    pub(super) fn newest(&self, names: &[String]) -> Option<&Commit> {
        let newest = names.iter().filter_map(|name| self.of_name.get(name)).min()?;
        self.newest_first.get(*newest)
    }
}

/// Returns the folder that has the `.git` above a folder, as the system knows it.
pub(super) fn root(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| folder.join(".git").exists())
}

/// Fetches the newest of what is wanted of a repository into a folder, which may have an older one.
///
/// After a failure the next time begins afresh: whatever broke the older state cannot stay.
pub(super) fn fetch(repository: &Repository, folder: &Path) -> Result<(), GitError> {
    std::fs::create_dir_all(folder).map_err(GitError::NotRun)?;
    let fetched = brought_to_newest(repository, folder);
    if fetched.is_err() {
        // Where it cannot be removed, git says next time what is wrong with it.
        let _ = std::fs::remove_dir_all(folder.join(".git"));
    }
    fetched
}

fn brought_to_newest(repository: &Repository, folder: &Path) -> Result<(), GitError> {
    if !folder.join(".git").exists() {
        here(folder, "init", &["--quiet"])?;
    }
    let (address, wanted) = (repository.address(), repository.wanted());
    let fetched = [
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--no-recurse-submodules",
        "--force",
        "--",
        address,
        wanted,
    ];
    git(folder, "fetch", &fetched, LIMIT_FETCH)?;
    here(folder, "checkout", &["--quiet", "--detach", "--force", "FETCH_HEAD"])?;
    // Nobody else writes here; what an older commit left behind would be read as a Check.
    here(folder, "clean", &["--quiet", "-ffdx"]).map(drop)
}

fn here(folder: &Path, verb: &'static str, arguments: &[&str]) -> Result<String, GitError> {
    git(folder, verb, arguments, LIMIT_HERE)
}

/// Runs git in a folder, and returns what it says.
fn git(
    folder: &Path,
    verb: &'static str,
    arguments: &[&str],
    limit: Duration,
) -> Result<String, GitError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(GitError::NotRun)?;
    runtime.block_on(async {
        let child = command(folder, verb, arguments).spawn();
        let mut child = child.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => GitError::NotInstalled,
            _ => GitError::NotRun(error),
        })?;
        match timeout(limit, heard(&mut child)).await {
            Ok(Ok((status, said, _))) if status.success() => Ok(said),
            Ok(Ok((_, _, complained))) => Err(failed(verb, &complained)),
            Ok(Err(error)) => Err(GitError::NotRun(error)),
            Err(_) => {
                end_group(&child);
                // It is gone already, or killed when it is dropped.
                let _ = child.start_kill();
                let _ = child.wait().await;
                Err(GitError::TookTooLong { verb, limit })
            }
        }
    })
}

/// Waits for the end of a child, and returns what it said and what it complained about.
async fn heard(child: &mut Child) -> io::Result<(ExitStatus, String, String)> {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let (said, complained) =
        futures_util::join!(text(output, MOST_SAID), text(errors, MOST_COMPLAINT));
    Ok((child.wait().await?, said?, complained?))
}

async fn text(stream: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(most).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const MOST_COMPLAINT: u64 = 64 << 10;

fn command(folder: &Path, verb: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(SETTINGS).arg(verb).args(arguments);
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env("GIT_PAGER", "cat")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if std::env::var_os("GIT_SSH_COMMAND").is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Ends git with all that it had started.
#[cfg(unix)]
fn end_group(child: &Child) {
    let group =
        child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended on its own by now.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_: &Child) {}

fn failed(verb: &'static str, complained: &str) -> GitError {
    let lines: Vec<&str> =
        complained.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said: String = lines.join("; ").chars().take(MOST_SHOWN).collect();
    let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
    let hints = [
        (
            "dubious ownership",
            "have the folder belong to whoever runs serin, or trust it as git says",
        ),
        ("couldn't find remote ref", "see which branches and tags there are: `git ls-remote`"),
        ("Authentication failed", CREDENTIALS_HINT),
        ("could not read Username", CREDENTIALS_HINT),
        ("terminal prompts disabled", CREDENTIALS_HINT),
        ("Permission denied", "see that the key of whoever runs serin may read the repository"),
        ("Host key verification failed", "add the host to known_hosts of whoever runs serin"),
    ];
    let hint = hints.iter().find(|(part, _)| said.contains(part)).map(|(_, hint)| *hint);
    let usual = match verb {
        "fetch" => "see that the address is right and can be reached from this machine",
        _ => "run it by hand in that folder, as the user that runs serin",
    };
    GitError::Failed { verb, said, hint: hint.unwrap_or(usual) }
}

const MOST_SHOWN: usize = 500;
const CREDENTIALS_HINT: &str =
    "git has no password for it: set a credential helper (`git help credentials`), or use ssh";
