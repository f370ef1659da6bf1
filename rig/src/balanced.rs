//! Behind a balancer: HAProxy chooses the replica, and Prometheus scrapes both.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use indicatif::ProgressBar;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock::next_step;
use crate::console;
use crate::daemon::Program;
use crate::experiment::{Experiment, progress_bar};
use crate::exposition::Sample;
use crate::fleet::{Fleet, Track};
use crate::haproxy::{Dial, Haproxy};
use crate::load::{Arrivals, Tallies, drive};
use crate::prometheus::{Prometheus, Scraping, Watched};
use crate::recording::Recording;
use crate::report::{Report, Rounds, Seen};
use crate::shape::Shape;
use crate::weights::{Schedule, Weights, parse_schedule};

/// Whether a balancer stands before the replicas, and how it divides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Behind a balancer")]
pub struct Balancing {
    /// Send all requests to a balancer before the replicas, and take the
    /// recording from a Prometheus that scrapes it and them
    #[arg(long, value_name = "PROGRAM")]
    balancer: Option<Balancer>,

    /// Percentages that the balancer gives to stable and canary; several,
    /// divided by commas, hold for an equal share of the recording each
    #[arg(long, value_name = "STABLE/CANARY", default_value = "80/20",
        requires = "balancer", conflicts_with = "canary_percent", value_parser = parse_schedule)]
    weights: Schedule,

    /// Keep Prometheus running after the recording, until Ctrl-C
    #[arg(long, requires = "balancer")]
    pub keep_prometheus: bool,
}

impl Balancing {
    /// Whether there is to be a balancer at all.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.balancer.is_some()
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Balancer {
    Haproxy,
}

/// What came of experiments behind a balancer.
#[derive(Debug)]
pub struct Performed {
    /// A report for each experiment.
    pub reports: Vec<Report>,
    /// Prometheus, when it is to be kept.
    pub kept: Option<Kept>,
}

/// Performs experiments at once, each with its own fleet and its own HAProxy,
/// all scraped by one Prometheus, and records them.
///
/// # Errors
///
/// When HAProxy or Prometheus is not installed or ends early, when a fleet
/// does not start, or when a recording cannot be written. A replica that does
/// not answer is no error: it is a gap in the recording.
pub async fn perform(
    experiments: &[Experiment],
    shape: &Shape,
    balancing: &Balancing,
    seed: u64,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<Performed> {
    let haproxy = Program::find("haproxy", "haproxy")?;
    let prometheus = Program::find("prometheus", "prometheus")?;
    // The first to be made is the last to go: nobody writes to it any more.
    let folder = TempDir::with_prefix("serin-rig-")?;

    let mut deployments = Vec::new();
    for experiment in experiments {
        let dice = experiment.dice(seed);
        let weights = balancing.weights.first();
        let deployment =
            Deployment::start(experiment, shape, weights, &haproxy, folder.path(), dice).await?;
        deployments.push(deployment);
    }
    let mut prometheus = watch_over(&deployments, shape, &prometheus, folder.path()).await?;
    console::say(&format!("Prometheus scrapes them and answers at {}", prometheus.url()));

    let bar = progress_bar("recorded".to_owned(), shape.rounds());
    bar.tick();
    let mut window = Window::default();
    let mut stopped = stopped.clone();
    let traffic = deployments.iter_mut().map(|one| one.send_traffic(shape, &balancing.weights));
    let interrupted = tokio::select! {
        () = window.pass(shape, &bar) => false,
        Err(error) = try_join_all(traffic) => return Err(error),
        error = prometheus.ended() => return Err(error),
        _ = stopped.wait_for(|&stopped| stopped) => {
            window.end = Timestamp::now();
            true
        }
    };
    bar.finish_and_clear();

    let mut reports = Vec::new();
    for deployment in deployments {
        reports.push(deployment.record(&prometheus, window, interrupted).await?);
    }
    if balancing.keep_prometheus && !interrupted {
        return Ok(Performed { reports, kept: Some(Kept { prometheus, window, _folder: folder }) });
    }
    prometheus.stop().await?;
    Ok(Performed { reports, kept: None })
}

async fn watch_over(
    deployments: &[Deployment<'_>],
    shape: &Shape,
    program: &Program,
    folder: &Path,
) -> anyhow::Result<Prometheus> {
    let watched: Vec<_> = deployments
        .iter()
        .map(|deployment| Watched {
            scenario: deployment.experiment.scenario.name,
            pods: deployment.fleet.pods(),
            balancer: deployment.haproxy.exporter(),
        })
        .collect();
    let scraping =
        Scraping { service: &shape.service, interval: shape.step(), limit: shape.scrape_limit() };
    Prometheus::start(program, folder, &scraping, &watched).await
}

/// What is recorded, from the start up to and without the end.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Timestamp,
    end: Timestamp,
}

impl Default for Window {
    /// Empty, as long as nothing is recorded.
    fn default() -> Self {
        Self { start: Timestamp::MAX, end: Timestamp::MAX }
    }
}

impl Window {
    /// Waits until everything is scraped, and says in itself when that was.
    async fn pass(&mut self, shape: &Shape, bar: &ProgressBar) {
        sleep(shape.warm_up).await;
        self.start = next_step(shape.step).await;
        for _ in 0..shape.rounds() {
            self.end = next_step(shape.step).await;
            bar.inc(1);
        }
        // A scrape bears the time at which it began.
        sleep(shape.scrape_limit()).await;
    }
}

/// One scenario that runs: its replicas, and HAProxy before them.
#[derive(Debug)]
struct Deployment<'run> {
    experiment: &'run Experiment,
    fleet: Fleet,
    haproxy: Haproxy,
    recording: Recording,
    dice: StdRng,
    tallies: Tallies,
}

impl<'run> Deployment<'run> {
    async fn start(
        experiment: &'run Experiment,
        shape: &Shape,
        weights: Weights,
        program: &Program,
        folder: &Path,
        mut dice: StdRng,
    ) -> anyhow::Result<Self> {
        // Made before there is anything to write: who cannot write it is to know at once.
        let recording = Recording::create(&experiment.path)?;
        let fleet = Fleet::start(&experiment.scenario, shape, &mut dice).await?;
        let timeout = Duration::from_millis(shape.timeout_ms);
        let name = experiment.scenario.name;
        let haproxy = Haproxy::start(program, folder, name, fleet.pods(), weights, timeout).await?;
        Ok(Self { experiment, fleet, haproxy, recording, dice, tallies: Tallies::default() })
    }

    /// Sends requests and turns the weights, for ever.
    async fn send_traffic(&mut self, shape: &Shape, schedule: &Schedule) -> anyhow::Result<()> {
        let client = shape.client()?;
        let arrivals = Arrivals::new(shape.rate, StdRng::seed_from_u64(self.dice.random()))?;
        let (route, dial) = (self.haproxy.route(), self.haproxy.dial());
        tokio::select! {
            () = drive(&client, arrivals, route, &mut self.tallies) => {
                bail!("the traffic ended too early")
            }
            error = self.haproxy.ended() => Err(error),
            Err(error) = turn(&dial, shape, schedule) => Err(error),
            Err(error) = self.experiment.visit(shape) => Err(error),
        }
    }

    /// Ends the replicas and HAProxy, and writes what Prometheus has of them.
    async fn record(
        mut self,
        prometheus: &Prometheus,
        window: Window,
        interrupted: bool,
    ) -> anyhow::Result<Report> {
        self.haproxy.stop().await?;
        self.fleet.stop().await?;
        let scenario = self.experiment.scenario.name;
        let selector = format!("{{scenario=\"{scenario}\",{RECORDED_SERIES}}}");
        let samples = prometheus.samples(&selector, window.start, window.end).await?;

        for (time, sample) in &samples {
            self.recording.write_sample(*time, sample)?;
        }
        let path =
            if interrupted { self.recording.finish_partial()? } else { self.recording.finish()? };
        let seen = Seen { tallies: self.tallies, rounds: count_rounds(&samples) };
        Ok(Report { scenario, interrupted, path, seen })
    }
}

/// Which series of a scenario are recorded: all of its replicas and of the
/// balancer's servers, but what Prometheus says of its own scraping. `up` stays,
/// since it is all that there is of a silent replica.
const RECORDED_SERIES: &str = r#"track!="",__name__!~"scrape_.+|.+_(sum|count)""#;

/// Turns the weights one after the other, and then waits for ever.
async fn turn(dial: &Dial, shape: &Shape, schedule: &Schedule) -> anyhow::Result<()> {
    sleep(shape.warm_up).await;
    next_step(shape.step).await;
    for &weights in schedule.later() {
        sleep(schedule.share_of(shape.duration)).await;
        dial.turn(weights).await?;
    }
    pending().await
}

/// Counts rounds, and reports that did not come, by what Prometheus noted as
/// `up` for each replica in each round.
fn count_rounds(samples: &[(Timestamp, Sample)]) -> Rounds {
    let mut rounds = Rounds::default();
    let mut by_pod: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, sample) in samples.iter().filter(|(_, sample)| sample.name == "up") {
        let label = |name| sample.labels.get(name).map_or("", String::as_str);
        *by_pod.entry(label("pod")).or_default() += 1;
        if sample.value == 0.0 {
            let canary = Track::Canary.to_string();
            rounds.miss(if label("track") == canary { Track::Canary } else { Track::Stable });
        }
    }
    rounds.kept = by_pod.into_values().max().unwrap_or_default();
    rounds
}

/// A Prometheus that outlives its recording.
#[derive(Debug)]
pub struct Kept {
    prometheus: Prometheus,
    window: Window,
    _folder: TempDir,
}

impl Kept {
    /// Says how to ask Prometheus, and keeps it until somebody stops the rig.
    ///
    /// # Errors
    ///
    /// When Prometheus ends by itself.
    pub async fn hold(mut self, stopped: &mut watch::Receiver<bool>) -> anyhow::Result<()> {
        let Window { start, end } = self.window;
        console::say(&format!(
            "\
Prometheus stays until Ctrl-C. For a Check file:
  source: {{prometheus: {{url: {}}}}}
  window: {{start: {start}, end: {end}}}
The label `scenario` tells the scenarios apart.",
            self.prometheus.url()
        ));
        tokio::select! {
            error = self.prometheus.ended() => Err(error),
            _ = stopped.wait_for(|&stopped| stopped) => self.prometheus.stop().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::exposition;

    use super::*;

    #[derive(Debug, Parser)]
    struct Rig {
        #[command(flatten)]
        shape: Shape,
        #[command(flatten)]
        balancing: Balancing,
    }

    #[test]
    fn weights_are_for_a_balancer() {
        let rig = |flags: &[&str]| Rig::try_parse_from([&["rig"], flags].concat());
        assert!(
            rig(&["--balancer=haproxy", "--weights=95/5,50/50"]).unwrap().balancing.is_wanted()
        );
        assert!(!rig(&["--canary-percent=10"]).unwrap().balancing.is_wanted());
        for refused in [
            &["--weights=95/5"][..],
            &["--keep-prometheus"],
            &["--balancer=haproxy", "--weights=95/5", "--canary-percent=5"],
        ] {
            assert!(rig(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn reports_that_did_not_come_are_counted_by_version() {
        let text = "\
up{track=\"stable\",pod=\"a\"} 1
up{track=\"canary\",pod=\"b\"} 0
up{track=\"stable\",pod=\"a\"} 0
up{track=\"canary\",pod=\"b\"} 0
up{track=\"stable\",pod=\"a\"} 1
http_requests_total{track=\"canary\",pod=\"b\"} 0
";
        let samples = exposition::parse(text).unwrap();
        let samples: Vec<_> =
            samples.into_iter().map(|sample| (Timestamp::UNIX_EPOCH, sample)).collect();
        let rounds = count_rounds(&samples);
        assert_eq!((rounds.kept, rounds.missed_by_stable, rounds.missed_by_canary), (3, 1, 2));
    }
}
