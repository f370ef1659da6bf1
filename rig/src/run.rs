//! `serin-rig run`: starts the fleets, sends the traffic, keeps the recordings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use futures_util::future::{join_all, try_join_all};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::behaviour::{parse_amount, parse_share};
use crate::clock::{next_step, parse_duration};
use crate::console;
use crate::exposition::{self, Sample};
use crate::fleet::{Fleet, Pod};
use crate::lifeline;
use crate::load::{Arrivals, Split, drive};
use crate::neighbour::Neighbour;
use crate::recording::Recording;
use crate::report::{Report, Rounds, Seen};
use crate::scenario::{SCENARIOS, Scenario, find};

/// Every recording is whole.
pub const RECORDED: u8 = 0;
/// Somebody stopped the rig: its last recordings are partial.
pub const INTERRUPTED: u8 = 130;

/// What a replica may live beyond the recording: for the start and the end.
const GRACE: Duration = Duration::from_secs(60);

/// Run scenarios and record what their replicas count
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenarios, by name: `serin-rig --list` prints them
    #[arg(required = true, value_name = "SCENARIO", value_parser = find)]
    scenarios: Vec<Scenario>,

    /// Run the scenarios at once rather than one after the other
    #[arg(long)]
    together: bool,

    /// Where to write: a file ending in .csv or .csv.gz for one scenario, or a
    /// folder that gets a SCENARIO.csv.gz for each
    #[arg(long, value_name = "PATH", default_value = "target/rig")]
    out: PathBuf,

    /// Seed of the arrivals, and of the latencies and errors of every replica
    #[arg(long, default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    shape: Shape,

    #[command(flatten)]
    overrides: Overrides,
}

/// How much traffic, for how long, on how many replicas.
#[derive(Debug, Args)]
struct Shape {
    /// How long to record
    #[arg(long, default_value = "10m", value_parser = parse_duration)]
    duration: Duration,

    /// Seconds between two rounds of scraping
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=300))]
    step: u32,

    /// Time of traffic before the first round, which is not recorded
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    warm_up: Duration,

    /// Replicas of each arm
    #[arg(long, value_name = "COUNT", default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(1..=50))]
    replicas: u8,

    /// Requests a second on average, to both arms of a scenario together
    #[arg(long, value_name = "PER_SECOND", default_value_t = 60.0, value_parser = parse_amount)]
    rate: f64,

    /// Percentage of the requests that the canary gets
    #[arg(long, value_name = "PERCENT", default_value_t = 50,
        value_parser = clap::value_parser!(u8).range(0..=100))]
    canary_percent: u8,

    /// Milliseconds after which a request is given up
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    timeout_ms: u64,
}

impl Shape {
    /// Rounds of scraping, both ends included.
    fn rounds(&self) -> u64 {
        self.duration.as_secs() / u64::from(self.step) + 1
    }

    /// How long a replica may take to report. Half a step, so that a silent
    /// replica does not delay the next round.
    fn scrape_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.step)) / 2
    }

    fn lifetime(&self) -> Duration {
        self.warm_up + self.duration + Duration::from_secs(u64::from(self.step)) + GRACE
    }
}

/// Knobs that change the named scenarios: compose your own from `good`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Knobs that change the scenarios")]
struct Overrides {
    /// Median latency of both arms, in milliseconds
    #[arg(long, value_name = "MS", value_parser = parse_amount)]
    median_ms: Option<f64>,

    /// Share of requests that both arms fail, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    error_rate: Option<f64>,

    /// Rounds of hashing for each request, in both arms
    #[arg(long, value_name = "ROUNDS")]
    hash_rounds: Option<u32>,

    /// Times by which the canary is slower
    #[arg(long, value_name = "TIMES", value_parser = parse_amount)]
    canary_latency_factor: Option<f64>,

    /// Share of requests that the canary fails, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    canary_error_rate: Option<f64>,

    /// Memory that the canary leaks, in megabytes a minute
    #[arg(long, value_name = "MB", value_parser = parse_amount)]
    canary_leak_mb_per_minute: Option<f64>,

    /// Rounds of hashing for each request, in the canary
    #[arg(long, value_name = "ROUNDS")]
    canary_hash_rounds: Option<u32>,

    /// The canary never reports
    #[arg(long)]
    canary_silent: bool,

    /// A noisy neighbour keeps the processor busy for the middle third
    #[arg(long)]
    neighbour: bool,
}

impl Overrides {
    fn apply(&self, scenario: &mut Scenario) {
        for arm in [&mut scenario.stable, &mut scenario.canary] {
            replace(&mut arm.median_ms, self.median_ms);
            replace(&mut arm.error_rate, self.error_rate);
            replace(&mut arm.hash_rounds, self.hash_rounds);
        }
        let canary = &mut scenario.canary;
        replace(&mut canary.latency_factor, self.canary_latency_factor);
        replace(&mut canary.error_rate, self.canary_error_rate);
        replace(&mut canary.leak_mb_per_minute, self.canary_leak_mb_per_minute);
        replace(&mut canary.hash_rounds, self.canary_hash_rounds);
        canary.silent |= self.canary_silent;
        if self.neighbour {
            scenario.neighbour = Some(Neighbour::IN_THE_MIDDLE);
        }
    }
}

fn replace<T>(knob: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *knob = value;
    }
}

/// Runs the scenarios and returns the exit code.
///
/// # Errors
///
/// When a fleet does not start or a recording cannot be written. A replica
/// that does not answer is no error: it is a gap in the recording.
pub async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let experiments = plan(&args)?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        lifeline::told_to_stop().await;
        stop.send_replace(true);
    });

    console::say(&announcement(&experiments, &args.shape));
    let bars = MultiProgress::new();
    let mut reports = Vec::new();
    if args.together {
        let performed = experiments.iter().map(|one| one.perform(&args, stopped.clone(), &bars));
        reports = try_join_all(performed).await?;
    } else {
        for experiment in &experiments {
            reports.push(experiment.perform(&args, stopped.clone(), &bars).await?);
            if *stopped.borrow() {
                break;
            }
        }
    }
    for report in &reports {
        console::say(&report.to_string());
    }
    Ok(if *stopped.borrow() { INTERRUPTED } else { RECORDED })
}

fn plan(args: &RunArgs) -> anyhow::Result<Vec<Experiment>> {
    let mut experiments = Vec::new();
    for scenario in &args.scenarios {
        let mut scenario = scenario.clone();
        args.overrides.apply(&mut scenario);
        let path = if names_file(&args.out) {
            args.out.clone()
        } else {
            args.out.join(format!("{}.csv.gz", scenario.name))
        };
        ensure!(
            experiments.iter().all(|other: &Experiment| other.path != path),
            "two scenarios would be written to `{}`; name each scenario once, and give --out a \
             folder",
            path.display()
        );
        experiments.push(Experiment { scenario, path });
    }
    Ok(experiments)
}

fn announcement(experiments: &[Experiment], shape: &Shape) -> String {
    let names: Vec<_> = experiments.iter().map(|experiment| experiment.scenario.name).collect();
    format!("recording {} for {:?} each; Ctrl-C ends it early", names.join(", "), shape.duration)
}

fn names_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "csv" || extension == "gz")
}

/// One scenario and where its recording goes.
#[derive(Debug)]
struct Experiment {
    scenario: Scenario,
    path: PathBuf,
}

impl Experiment {
    async fn perform(
        &self,
        args: &RunArgs,
        mut stopped: watch::Receiver<bool>,
        bars: &MultiProgress,
    ) -> anyhow::Result<Report> {
        let shape = &args.shape;
        let mut dice = StdRng::seed_from_u64(args.seed.wrapping_add(self.stream()));
        let mut recording = Recording::create(&self.path)?;
        let fleet =
            Fleet::start(&self.scenario, usize::from(shape.replicas), shape.lifetime(), &mut dice)
                .await?;

        let mut seen = Seen::default();
        let bar = bars.add(progress_bar(self.scenario.name, shape.rounds()));
        // Drawn before the first round, which comes only after the warm-up.
        bar.tick();
        let interrupted = tokio::select! {
            observed = self.observe(shape, dice, fleet.pods(), &mut recording, &mut seen, &bar) => {
                observed?;
                false
            }
            _ = stopped.wait_for(|&stopped| stopped) => true,
        };
        bar.finish_and_clear();
        fleet.stop().await?;
        let path = if interrupted { recording.finish_partial()? } else { recording.finish()? };
        Ok(Report { scenario: self.scenario.name, interrupted, path, seen })
    }

    /// Sets scenarios that share a seed apart, so that recordings made together
    /// are independent.
    fn stream(&self) -> u64 {
        let place = SCENARIOS.iter().position(|known| known.name == self.scenario.name);
        (place.unwrap_or_default() as u64) << 32
    }

    async fn observe(
        &self,
        shape: &Shape,
        mut dice: StdRng,
        pods: &[Pod],
        recording: &mut Recording,
        seen: &mut Seen,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let client = Client::builder()
            .timeout(Duration::from_millis(shape.timeout_ms))
            .no_proxy()
            .build()
            .context("failed to set up the HTTP client")?;
        let arrivals = Arrivals::new(shape.rate, StdRng::seed_from_u64(dice.random()))?;
        let split = Split::new(pods, shape.canary_percent);
        let Seen { tallies, rounds } = seen;
        tokio::select! {
            kept = keep(&client, pods, shape, recording, rounds, bar) => kept,
            () = drive(&client, arrivals, split, tallies) => bail!("the traffic ended too early"),
            Err(error) = self.visit(shape) => Err(error),
        }
    }

    async fn visit(&self, shape: &Shape) -> anyhow::Result<()> {
        sleep(shape.warm_up).await;
        match self.scenario.neighbour {
            Some(neighbour) => neighbour.visit(shape.duration).await,
            None => Ok(()),
        }
    }
}

/// Scrapes every replica at every step and records what they report.
async fn keep(
    client: &Client,
    pods: &[Pod],
    shape: &Shape,
    recording: &mut Recording,
    rounds: &mut Rounds,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    sleep(shape.warm_up).await;
    for _ in 0..shape.rounds() {
        let time = next_step(shape.step).await;
        let limit = shape.scrape_limit();
        let reports = join_all(pods.iter().map(|pod| scrape(client, pod, limit))).await;
        rounds.kept += 1;
        for (pod, report) in pods.iter().zip(reports) {
            match report {
                Some(samples) => recording.write(time, pod, &samples)?,
                None => rounds.miss(pod.track),
            }
        }
        bar.inc(1);
    }
    Ok(())
}

/// What a replica reports; `None` when it does not, or not in time. A gap stays
/// a gap: whoever reads the recording has to cope with it.
async fn scrape(client: &Client, pod: &Pod, limit: Duration) -> Option<Vec<Sample>> {
    let request = client.get(format!("{}/metrics", pod.address)).timeout(limit);
    let response = request.send().await.ok()?.error_for_status().ok()?;
    exposition::parse(&response.text().await.ok()?).ok()
}

fn progress_bar(name: &'static str, rounds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>9} {wide_bar} {pos}/{len} rounds")
        .expect("the template is written a line above");
    ProgressBar::new(rounds).with_style(style).with_prefix(name)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Rig {
        #[command(flatten)]
        run: RunArgs,
    }

    fn plan_of(flags: &[&str]) -> anyhow::Result<Vec<Experiment>> {
        plan(&Rig::try_parse_from([&["rig"], flags].concat()).unwrap().run)
    }

    #[test]
    fn a_folder_gets_a_file_for_each_scenario() {
        let experiments = plan_of(&["good", "slow", "--out", "examples/checkout"]).unwrap();
        let paths: Vec<_> = experiments.iter().map(|one| one.path.display().to_string()).collect();
        assert_eq!(paths, ["examples/checkout/good.csv.gz", "examples/checkout/slow.csv.gz"]);
    }

    #[test]
    fn two_scenarios_do_not_share_a_file() {
        assert_eq!(
            plan_of(&["good", "slow", "--out", "a.csv"]).unwrap_err().to_string(),
            "two scenarios would be written to `a.csv`; name each scenario once, and give --out \
             a folder"
        );
    }

    #[test]
    fn knobs_for_the_canary_leave_the_stable_version_alone() {
        let flags = ["good", "--median-ms=20", "--canary-error-rate=0.1", "--canary-silent"];
        let scenario = plan_of(&flags).unwrap().remove(0).scenario;
        assert_eq!(scenario.stable.median_ms, 20.0);
        assert_eq!(scenario.stable.error_rate, 0.002);
        assert_eq!(scenario.canary.median_ms, 20.0);
        assert_eq!(scenario.canary.error_rate, 0.1);
        assert!(scenario.canary.silent && !scenario.stable.silent);
    }
}
