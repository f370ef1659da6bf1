//! The replicas of both arms, as child processes.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::scenario::Scenario;
use crate::shape::Shape;

/// How long a replica may take to bind its port.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long a replica may take to end once its standard input is closed.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// Which of the two arms something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Track {
    /// The version in production: the control.
    Stable,
    /// The version on trial.
    Canary,
}

impl fmt::Display for Track {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
        })
    }
}

/// Where one replica is and what it is called.
#[derive(Debug, Clone)]
pub struct Pod {
    /// The arm it belongs to.
    pub track: Track,
    /// Its name, such as `checkout-canary-2`.
    pub name: String,
    /// Its address without a path, such as `http://127.0.0.1:40123`.
    pub address: String,
}

/// All replicas of one scenario. They end when the fleet is dropped.
#[derive(Debug)]
pub struct Fleet {
    pods: Vec<Pod>,
    processes: Vec<Child>,
}

impl Fleet {
    /// Starts the replicas of both arms and waits until all of them listen.
    ///
    /// # Errors
    ///
    /// When a replica cannot be started or does not listen in time; those
    /// already started end.
    pub async fn start(
        scenario: &Scenario,
        shape: &Shape,
        dice: &mut StdRng,
    ) -> anyhow::Result<Self> {
        let mut fleet = Self { pods: Vec::new(), processes: Vec::new() };
        for (track, behaviour) in
            [(Track::Stable, &scenario.stable), (Track::Canary, &scenario.canary)]
        {
            for number in 1..=shape.replicas_of(track) {
                let name = format!("{}-{track}-{number}", shape.service);
                let mut flags = behaviour.to_flags();
                flags.push(format!("--name={name}"));
                flags.push(format!("--seed={}", dice.random::<u64>()));
                flags.push(format!("--lifetime={:?}", shape.lifetime()));
                let mut process = spawn_tethered("serve", &flags)?;
                let address = read_address(&mut process, &name).await?;
                fleet.pods.push(Pod { track, name, address });
                fleet.processes.push(process);
            }
        }
        Ok(fleet)
    }

    /// The replicas, stable before canary, by number.
    #[must_use]
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// Ends every replica and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the operating system will not say that a replica ended.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            drop(process.stdin.take());
        }
        for (process, pod) in self.processes.iter_mut().zip(&self.pods) {
            end(process).await.with_context(|| format!("failed to end `{}`", pod.name))?;
        }
        Ok(())
    }
}

/// Reads the name of a service: it becomes part of its replicas' names, which
/// stand in the configuration of other programs.
///
/// # Errors
///
/// A sentence for the command line.
pub fn parse_service(text: &str) -> Result<String, String> {
    let is_plain = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
    };
    if text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 40
        && text.chars().all(is_plain)
    {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no name for a service; begin with a letter, and use up to 40 of a-z, 0-9 and -"
    ))
}

async fn end(process: &mut Child) -> std::io::Result<()> {
    match timeout(STOP_LIMIT, process.wait()).await {
        Ok(status) => status.map(|_| ()),
        Err(_) => process.kill().await,
    }
}

async fn read_address(process: &mut Child, name: &str) -> anyhow::Result<String> {
    let stdout = process.stdout.take().context("the replica was started without a pipe")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = timeout(START_LIMIT, lines.next_line())
        .await
        .with_context(|| format!("`{name}` did not listen within {START_LIMIT:?}"))?
        .with_context(|| format!("failed to read the address of `{name}`"))?;
    match line {
        Some(address) => Ok(address),
        None => bail!("`{name}` ended before it listened; its own error is above"),
    }
}

/// Starts this program once more with another subcommand.
///
/// The process ends with this one: it watches its standard input, whose other
/// end is only here. It has a process group of its own, so that Ctrl-C reaches
/// the rig first and the recording is closed before its replicas are gone.
///
/// # Errors
///
/// When the operating system refuses another process.
pub fn spawn_tethered(subcommand: &str, flags: &[String]) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("failed to find this program's own file")?;
    let mut command = Command::new(program);
    command.arg(subcommand).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().with_context(|| format!("failed to start `serin-rig {subcommand}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_name_that_needs_no_quotes() {
        assert_eq!(parse_service("shop-2"), Ok("shop-2".to_owned()));
        for name in ["", "2shop", "Shop", "shop_2", "shop\n", &"a".repeat(41)] {
            assert_eq!(
                parse_service(name),
                Err(format!(
                    "`{name}` is no name for a service; begin with a letter, and use up to 40 of \
                     a-z, 0-9 and -"
                ))
            );
        }
    }
}
