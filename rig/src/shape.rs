//! The shape of a run: how much traffic, for how long, on how many replicas.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reqwest::Client;

use crate::behaviour::parse_amount;
use crate::client::client_builder;
use crate::clock::parse_duration;
use crate::fleet::{Track, parse_service};

/// What a replica may live beyond the recording: for the start and the end.
const GRACE: Duration = Duration::from_secs(60);

/// How much traffic, for how long, on how many replicas.
#[derive(Debug, Args)]
pub struct Shape {
    /// Name of the service, which its replicas are called after
    #[arg(long, value_name = "NAME", default_value = "checkout", value_parser = parse_service)]
    pub service: String,

    /// How long to record
    #[arg(long, default_value = "10m", value_parser = parse_duration)]
    pub duration: Duration,

    /// Seconds between two rounds of scraping
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=300))]
    pub step: u32,

    /// Time of traffic before the first round, which is not recorded
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub warm_up: Duration,

    /// Replicas of each arm
    #[arg(long, value_name = "COUNT", default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(1..=50))]
    pub replicas: u8,

    /// Replicas of the canary, where they are not as many as those of stable
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub canary_replicas: Option<u8>,

    /// Requests a second on average, to both arms of a scenario together
    #[arg(long, value_name = "PER_SECOND", default_value_t = 60.0, value_parser = parse_amount)]
    pub rate: f64,

    /// Percentage of the requests that the canary gets, without a balancer
    #[arg(long, value_name = "PERCENT", default_value_t = 50,
        value_parser = clap::value_parser!(u8).range(0..=100))]
    pub canary_percent: u8,

    /// Milliseconds after which a request is given up
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    pub timeout_ms: u64,
}

impl Shape {
    /// Rounds of scraping, both ends included.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.duration.as_secs() / u64::from(self.step) + 1
    }

    /// The time between two rounds.
    #[must_use]
    pub fn step(&self) -> Duration {
        Duration::from_secs(u64::from(self.step))
    }

    /// How long a replica may take to report. Half a step, so that a silent
    /// replica does not delay the next round.
    #[must_use]
    pub fn scrape_limit(&self) -> Duration {
        self.step() / 2
    }

    /// How long a replica lives at most.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.warm_up + self.duration + self.step() + GRACE
    }

    /// Replicas of one arm.
    #[must_use]
    pub fn replicas_of(&self, track: Track) -> u8 {
        match track {
            Track::Stable => self.replicas,
            Track::Canary => self.canary_replicas.unwrap_or(self.replicas),
        }
    }

    /// The sender of requests, which gives each up after its time.
    ///
    /// # Errors
    ///
    /// When the HTTP library cannot be set up.
    pub fn client(&self) -> anyhow::Result<Client> {
        client_builder()
            .timeout(Duration::from_millis(self.timeout_ms))
            .no_proxy()
            .build()
            .context("failed to set up the HTTP client")
    }
}
