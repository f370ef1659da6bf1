//! Programs that are not ours, as child processes that die with the rig.
//!
//! Such a program does not watch its standard input as a replica does, so the
//! kernel is asked to kill it when its parent is gone, however that went:
//! `setpriv --pdeathsig` asks, and becomes the program. This is Linux's own.

use std::env;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::client::client_builder;

/// How long a program may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How often a program that starts is asked whether it is ready.
const PATIENCE: Duration = Duration::from_millis(50);

/// Lines of a program's log that an error shows.
const SHOWN_LINES: usize = 5;

/// Where Debian keeps daemons, which the path of an ordinary user leaves out.
const DAEMON_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A program that is installed on this machine.
#[derive(Debug, Clone)]
pub struct Program {
    name: &'static str,
    path: PathBuf,
    setpriv: PathBuf,
}

impl Program {
    /// Finds a program by its name, in the path and among the daemons.
    ///
    /// * `package`: the Debian package that it comes with.
    ///
    /// # Errors
    ///
    /// When the program is not installed, or `setpriv` is not.
    pub fn find(name: &'static str, package: &str) -> anyhow::Result<Self> {
        let path = find(name, package)?;
        Ok(Self { name, path, setpriv: find("setpriv", "util-linux")? })
    }
}

fn find(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let search_path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&search_path)
        .chain(DAEMON_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| missing(name, package))
}

fn missing(name: &str, package: &str) -> String {
    format!(
        "`{name}` is not installed\nhint: on Debian it comes with a package: apt-get install \
         --no-install-recommends {package}"
    )
}

/// A program that runs. It is killed when this is dropped, and when the rig
/// dies.
#[derive(Debug)]
pub struct Daemon {
    name: &'static str,
    process: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program whose output goes to the file `log`.
    ///
    /// Call it from the main thread: the kernel kills a program when the
    /// thread that started it is gone.
    ///
    /// # Errors
    ///
    /// When the log cannot be made, or the operating system refuses a process.
    pub fn start(program: &Program, flags: &[String], log: PathBuf) -> anyhow::Result<Self> {
        let out = File::create(&log)
            .with_context(|| format!("failed to make the file `{}`", log.display()))?;
        let err = out.try_clone().context("failed to open a log twice")?;
        let mut command = Command::new(&program.setpriv);
        command.args(["--pdeathsig", "KILL", "--"]).arg(&program.path).args(flags);
        command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
        // Ctrl-C is for the rig, which still needs what its daemons know.
        #[cfg(unix)]
        command.process_group(0);
        let process =
            command.spawn().with_context(|| format!("failed to start `{}`", program.name))?;
        Ok(Self { name: program.name, process, log })
    }

    /// Waits until the program answers at `url` with success.
    ///
    /// # Errors
    ///
    /// When it ends instead, or does not answer in time.
    pub async fn ready(&mut self, url: &str) -> anyhow::Result<()> {
        let name = self.name;
        let client = client_builder()
            .timeout(Duration::from_secs(1))
            .no_proxy()
            .build()
            .context("failed to set up the HTTP client")?;
        let answered = async {
            loop {
                match client.get(url).send().await {
                    Ok(response) if response.status().is_success() => break,
                    _ => sleep(PATIENCE).await,
                }
            }
        };
        tokio::select! {
            answered = timeout(START_LIMIT, answered) => {
                answered.with_context(|| format!("`{name}` did not answer within {START_LIMIT:?}"))
            }
            error = self.ended() => Err(error),
        }
    }

    /// Completes when the program ends by itself, which it should not.
    pub async fn ended(&mut self) -> anyhow::Error {
        match self.process.wait().await {
            Ok(status) => anyhow!("{}", obituary(self.name, status, &self.log)),
            Err(error) => anyhow!("failed to wait for `{}`: {error}", self.name),
        }
    }

    /// Kills the program and waits until it is gone. What it wrote is for one
    /// run only, so that it has nothing to tidy up.
    ///
    /// # Errors
    ///
    /// When the operating system will not say that it ended.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.process.kill().await.with_context(|| format!("failed to end `{}`", self.name))
    }
}

/// How a program ended, with the last that it said.
fn obituary(name: &str, status: ExitStatus, log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    let ended = format!("`{name}` ended by itself ({status})");
    if last.is_empty() {
        return format!("{ended}, and said nothing");
    }
    format!("{ended}; its last words:\n  {}", last.join("\n  "))
}

/// Finds ports of the loopback that nobody listens on, all different.
///
/// # Errors
///
/// When there is none.
pub fn free_ports<const COUNT: usize>() -> anyhow::Result<[SocketAddr; COUNT]> {
    let mut held = Vec::new();
    let mut addresses = [SocketAddr::from(([127, 0, 0, 1], 0)); COUNT];
    for address in &mut addresses {
        // Held until all are found, so that none is found twice.
        let listener = TcpListener::bind(*address).context("failed to find a free port")?;
        *address = listener.local_addr().context("failed to find a free port")?;
        held.push(listener);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_is_said_with_its_package() {
        let error = Program::find("no-such-balancer", "haproxy").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`no-such-balancer` is not installed\nhint: on Debian it comes with a package: \
             apt-get install --no-install-recommends haproxy"
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_program_that_ends_too_early_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let shell = Program::find("sh", "dash").unwrap();
        for (script, message) in [
            (
                "echo starting; echo cannot bind socket >&2; exit 1",
                "`sh` ended by itself (exit status: 1); its last words:\n  starting\n  cannot bind \
                 socket",
            ),
            ("exit 2", "`sh` ended by itself (exit status: 2), and said nothing"),
        ] {
            let flags = ["-c".to_owned(), script.to_owned()];
            let mut daemon = Daemon::start(&shell, &flags, folder.path().join("log")).unwrap();
            let [nobody] = free_ports().unwrap();
            let waited = daemon.ready(&format!("http://{nobody}/")).await;
            assert_eq!(waited.unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn ports_are_free_and_different() {
        let [one, other] = free_ports().unwrap();
        assert_ne!(one, other);
        TcpListener::bind(one).unwrap();
    }
}
