//! HAProxy, between the sender and the replicas of one scenario.
//!
//! <https://docs.haproxy.org/2.6/configuration.html>

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::daemon::{Daemon, Program, free_ports};
use crate::fleet::{Pod, Track};
use crate::load::{Route, SERVED_BY};
use crate::weights::Weights;

/// A running HAProxy. It ends when this is dropped.
#[derive(Debug)]
pub struct Haproxy {
    daemon: Daemon,
    addresses: Addresses,
    dial: Dial,
}

/// Where HAProxy listens.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    /// For the shop's traffic.
    shop: SocketAddr,
    /// For Prometheus.
    exporter: SocketAddr,
}

impl Haproxy {
    /// Starts HAProxy before these replicas and waits until it answers.
    ///
    /// * `folder`: for its files, which are called after `scenario`.
    /// * `timeout`: how long a replica may take to answer.
    ///
    /// # Errors
    ///
    /// When its files cannot be written, or it does not start.
    pub async fn start(
        program: &Program,
        folder: &Path,
        scenario: &str,
        pods: &[Pod],
        weights: Weights,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let file = |kind| folder.join(format!("{scenario}.haproxy.{kind}"));
        let (settings, socket) = (file("cfg"), file("socket"));
        let [shop, exporter] = free_ports()?;
        let addresses = Addresses { shop, exporter };
        let dial = Dial { socket, pods: pods.to_vec() };
        fs::write(&settings, configuration(addresses, &dial, weights, timeout))
            .with_context(|| format!("failed to write the file `{}`", settings.display()))?;
        let flags = ["-db".to_owned(), "-f".to_owned(), settings.display().to_string()];
        let mut daemon = Daemon::start(program, &flags, file("log"))?;
        daemon.ready(&format!("http://{exporter}/metrics")).await?;
        Ok(Self { daemon, addresses, dial })
    }

    /// Where Prometheus finds what HAProxy counts, without the path.
    #[must_use]
    pub fn exporter(&self) -> SocketAddr {
        self.addresses.exporter
    }

    /// The way to the replicas through HAProxy.
    #[must_use]
    pub fn route(&self) -> Route {
        let tracks: BTreeMap<_, _> =
            self.dial.pods.iter().map(|pod| (pod.name.clone(), pod.track)).collect();
        Route::Balancer { address: format!("http://{}", self.addresses.shop), tracks }
    }

    /// What turns its weights while it runs.
    #[must_use]
    pub fn dial(&self) -> Dial {
        self.dial.clone()
    }

    /// Completes when HAProxy ends by itself, which it should not.
    pub async fn ended(&mut self) -> anyhow::Error {
        self.daemon.ended().await
    }

    /// Ends HAProxy and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the operating system will not say that it ended.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.daemon.stop().await
    }
}

/// Turns the weights of a running HAProxy, through its runtime socket.
#[derive(Debug, Clone)]
pub struct Dial {
    socket: PathBuf,
    pods: Vec<Pod>,
}

impl Dial {
    /// Gives the versions other weights, from the next request on.
    ///
    /// # Errors
    ///
    /// When HAProxy does not answer, or refuses a weight.
    pub async fn turn(&self, weights: Weights) -> anyhow::Result<()> {
        let commands: Vec<_> = self
            .weigh(weights)
            .map(|(pod, weight)| format!("set server replicas/{} weight {weight}", pod.name))
            .collect();
        let answer = ask(&self.socket, &format!("{}\n", commands.join("; ")))
            .await
            .context("failed to reach the runtime socket of HAProxy")?;
        ensure!(answer.trim().is_empty(), "HAProxy refused the weights: {}", answer.trim());
        Ok(())
    }

    /// Each replica with its weight.
    fn weigh(&self, weights: Weights) -> impl Iterator<Item = (&Pod, u32)> {
        let count = |track| self.pods.iter().filter(|pod| pod.track == track).count();
        // There are at most fifty a version.
        let [stable, canary] =
            weights.of_replicas(count(Track::Stable) as u8, count(Track::Canary) as u8);
        self.pods.iter().map(move |pod| match pod.track {
            Track::Stable => (pod, stable),
            Track::Canary => (pod, canary),
        })
    }
}

#[cfg(unix)]
async fn ask(socket: &Path, commands: &str) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::UnixStream::connect(socket).await?;
    stream.write_all(commands.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(not(unix))]
async fn ask(_socket: &Path, _commands: &str) -> std::io::Result<String> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn configuration(addresses: Addresses, dial: &Dial, weights: Weights, timeout: Duration) -> String {
    let Addresses { shop, exporter } = addresses;
    let mut text = format!(
        "\
global
  nbthread 1
  stats socket \"{socket}\" mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client {timeout}ms
  timeout server {timeout}ms
frontend shop
  bind {shop}
  http-after-response set-header {SERVED_BY} %s
  default_backend replicas
frontend exporter
  bind {exporter}
  http-request use-service prometheus-exporter if {{ path /metrics }}
backend replicas
  balance roundrobin
",
        socket = dial.socket.display(),
        timeout = timeout.as_millis(),
    );
    for (Pod { name, address, .. }, weight) in dial.weigh(weights) {
        let address = address.trim_start_matches("http://");
        writeln!(text, "  server {name} {address} weight {weight}")
            .expect("a string can always be written to");
    }
    text
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::weights::parse_schedule;

    use super::*;

    #[test]
    fn the_weights_of_a_version_are_spread_over_its_replicas() {
        let pod = |track, number| Pod {
            track,
            name: format!("storefront-{track}-{number}"),
            address: format!("http://127.0.0.1:4000{number}"),
        };
        let dial = Dial {
            socket: "/tmp/rig/good.haproxy.socket".into(),
            pods: vec![pod(Track::Stable, 1), pod(Track::Stable, 2), pod(Track::Canary, 3)],
        };
        let addresses = Addresses {
            shop: "127.0.0.1:41000".parse().unwrap(),
            exporter: "127.0.0.1:42000".parse().unwrap(),
        };
        let weights = parse_schedule("90/10").unwrap().first();
        assert_snapshot!(
            configuration(addresses, &dial, weights, Duration::from_secs(2)),
            @r#"
        global
          nbthread 1
          stats socket "/tmp/rig/good.haproxy.socket" mode 600 level admin
        defaults
          mode http
          timeout connect 1s
          timeout client 2000ms
          timeout server 2000ms
        frontend shop
          bind 127.0.0.1:41000
          http-after-response set-header x-served-by %s
          default_backend replicas
        frontend exporter
          bind 127.0.0.1:42000
          http-request use-service prometheus-exporter if { path /metrics }
        backend replicas
          balance roundrobin
          server storefront-stable-1 127.0.0.1:40001 weight 9
          server storefront-stable-2 127.0.0.1:40002 weight 9
          server storefront-canary-3 127.0.0.1:40003 weight 2
        "#
        );
    }
}
