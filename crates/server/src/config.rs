//! What those who run the server say of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use serin_model::{FileError, Place};
use serin_runner::{Egress, parse_length};

use crate::server::USUAL_ADDRESS;

use crate::acting_config::ActingRules;
use crate::checks_config::ChecksConfig;
use crate::schedule_config::Schedules;

/// The operator's configuration file: everything may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the ledger is: a path, or `postgres://user@host/database`.
    pub ledger: Option<String>,
    /// The address to listen at.
    pub listen: Option<SocketAddr>,
    /// What to prove oneself with; without it, connections are not encrypted.
    pub tls: Option<TlsFiles>,
    /// Networks of proxies whose `X-Forwarded-For` is believed; nobody's unless said.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether `/metrics` is shown to those without a token.
    pub open_metrics: bool,
    /// What Checks that come over the network may ask.
    pub egress: Option<EgressRules>,
    /// A folder or a repository of Checks to keep in force; none unless said.
    pub checks: Option<ChecksConfig>,
    /// What is done about verdicts of live analyses; nothing unless said.
    pub on_verdict: ActingRules,
    /// When analyses of Checks in force begin by the clock; never unless said.
    pub schedules: Schedules,
    /// How much the server takes.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: Log,
}

/// A certificate and its key, each a file in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, and those that lead to an authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What Checks that come over the network may ask.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EgressRules {
    /// Hosts, ends of hosts (`*.example.com`), either with a port, addresses, and networks.
    pub allow: Vec<String>,
    /// Whether such a Check may name files and environment variables of this machine.
    pub secrets: bool,
}

/// How much the server takes.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a body that holds a recording, or cases to judge.
    pub recording_bytes: usize,
    /// Judgements of recordings and of cases at the same time; each takes a core.
    pub judgements: usize,
    /// Bytes of a request's line and headers.
    pub header_bytes: usize,
    /// How long a client may take for its line and headers, and for a TLS handshake.
    #[serde(deserialize_with = "length")]
    pub header_time: Duration,
    /// How long a request may take, its body included; streams may take longer.
    #[serde(deserialize_with = "length")]
    pub request_time: Duration,
    /// How long a client may take nothing of an answer.
    #[serde(deserialize_with = "length")]
    pub write_time: Duration,
    /// How long requests may go on once the server is told to end.
    #[serde(deserialize_with = "length")]
    pub end_time: Duration,
    /// Connections at the same time; further ones wait.
    pub connections: usize,
    /// Streams of events at the same time.
    pub streams: usize,
    /// Requests a second of one token, on average.
    pub requests_per_second: u32,
    /// Requests of one token at once.
    pub burst: u32,
    /// Threads that read the ledger, a connection to its database each.
    pub readers: usize,
    /// Live analyses that ask one source at the same time.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            recording_bytes: 32 << 20,
            judgements: 2,
            header_bytes: 16 << 10,
            header_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            end_time: Duration::from_secs(10),
            connections: 1024,
            streams: 128,
            requests_per_second: 100,
            burst: 200,
            readers: 4,
            at_once: 20,
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// As what.
    pub format: LogFormat,
    /// From which gravity on.
    pub level: LogLevel,
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

/// How grave something is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something may need a person.
    Warn,
    /// Every request.
    #[default]
    Info,
    /// What developers look for.
    Debug,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// * `name`: the file's name, for errors.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn read(name: &str, text: &str) -> Result<Self, FileError> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
            reject_unsupported_tags: true,
        };
        // Nothing at all says nothing, and so does a file of comments.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let read: Result<Self, _> = serde_saphyr::from_str_with_options(text, options);
        let config = read.map_err(|error| {
            let place = error.location().filter(|location| location.line() > 0);
            let place =
                place.map(|location| Place { line: location.line(), column: location.column() });
            let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
            let problem = message.split(" at line ").next().unwrap_or(&message);
            FileError::new(name, text, place, problem)
                .with_hint("docs/guide/serve.md lists every key, and what it may say")
        })?;
        config
            .check()
            .map_err(|(problem, hint)| FileError::new(name, text, None, problem).with_hint(hint))?;
        Ok(config)
    }

    /// Returns what Checks that come over the network may ask: what is written; else everything where only this
    /// machine reaches the server, and nothing where others do.
    ///
    /// # Errors
    ///
    /// The rule that is none.
    pub fn egress(&self) -> Result<Egress, String> {
        match &self.egress {
            Some(rules) => Egress::only(rules.allow.iter().map(String::as_str)),
            None if self.is_loopback() => Ok(Egress::open()),
            None => Egress::only([]),
        }
    }

    /// Returns whether only this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.listen.unwrap_or(USUAL_ADDRESS).ip().to_canonical().is_loopback()
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.egress().is_err() {
            return Err((
                "a rule of `egress.allow` is no host, no address and no network",
                "write such as `prometheus.monitoring:9090`, `*.example.com`, `10.2.0.0/16`",
            ));
        }
        let limits = &self.limits;
        let counts = [
            limits.connections,
            limits.readers,
            limits.at_once,
            limits.body_bytes,
            limits.recording_bytes,
            limits.judgements,
            limits.requests_per_second as usize,
            limits.burst as usize,
        ];
        if counts.contains(&0) {
            return Err((
                "a limit under `limits` is 0, and nothing could be asked",
                "write 1 or more",
            ));
        }
        if limits.header_bytes < LEAST_HEADER_BYTES {
            return Err(("`limits.header_bytes` is under 8192", "write 8192 or more"));
        }
        Ok(())
    }
}

/// What the HTTP library wants at least.
const LEAST_HEADER_BYTES: usize = 8192;

fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_length(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let config = Config::read("serin.yaml", include_str!("../tests/every_key.yaml")).unwrap();
        insta::assert_debug_snapshot!(config);
    }

    #[test]
    fn an_empty_file_says_nothing() {
        let config = Config::read("serin.yaml", "# nothing\n").unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn mistakes_are_shown_with_their_place() {
        let texts = [
            "listen: 7878\n",
            "limits:\n  body: 3\n",
            "limits: {request_time: soon}\n",
            "limits: {readers: 0}\n",
            "limits: {header_bytes: 100}\n",
            "trusted_proxies: [10.0.0.0/64]\n",
            "tls: {certificate: a.pem}\n",
            "log: {format: xml}\n",
            "checks: {}\n",
            "checks: {folder: a, repository: https://example.com/a}\n",
            "checks: {folder: a, ref: main}\n",
            "checks: {folder: a, every: 1ms}\n",
            "checks: {repository: https://example.com/a, name: a}\n",
            "checks: {folder: a, prune_limit: 101}\n",
            "checks: {repository: 'ext::sh -c x'}\n",
            "checks: {repository: file:///srv/checks}\n",
            "checks:\n  repository: https://example.com/a\n  ref: --upload-pack=x\n",
            "on_verdict: [{name: a, outcomes: [], command: 'true'}]\n",
            "on_verdict: [{name: a, outcomes: [bad], command: 'true'}]\n",
            "on_verdict: [{name: a, outcomes: [fail], command: ' '}]\n",
            "on_verdict: [{name: '', outcomes: [fail], command: 'true'}]\n",
            "on_verdict: [{name: a, outcomes: [fail], command: 'true', within: 25h}]\n",
            "on_verdict: [{name: a, outcomes: [fail], command: 'true', time: 0s}]\n",
            "on_verdict:\n- {name: a, outcomes: [fail], command: 'true'}\n- {name: a, outcomes: [pass], command: 'true'}\n",
            "schedules: [{name: a}]\n",
            "schedules: [{name: ' ', cron: '0 2 * * *'}]\n",
            "schedules: [{name: a, cron: every day}]\n",
            "schedules: [{name: a, cron: '* * * * * *'}]\n",
            "schedules: [{name: a, cron: '0 0 30 2 *'}]\n",
            "schedules: [{name: a, cron: '0 2 * * *', within: 25h}]\n",
            "schedules: [{name: a, cron: '0 2 * * *', horizon: 0s}]\n",
            "schedules:\n- {name: a, cron: '0 2 * * *'}\n- {name: a, cron: '0 3 * * *'}\n",
            "- a\n",
            "ledger: a\nledger: b\n",
        ];
        let shown = texts.map(|text| Config::read("serin.yaml", text).unwrap_err().to_string());
        insta::assert_snapshot!(shown.join("\n---\n"));
    }
}
