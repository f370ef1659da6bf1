//! `serin-rig run`: starts the fleets, sends the traffic, keeps the recordings.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use tokio::sync::watch;

use crate::balanced::{self, Balancing};
use crate::behaviour::{parse_amount, parse_share};
use crate::console;
use crate::direct;
use crate::experiment::Experiment;
use crate::lifeline;
use crate::neighbour::Neighbour;
use crate::scenario::{Scenario, find};
use crate::shape::Shape;

/// Every recording is whole.
pub const RECORDED: u8 = 0;
/// Somebody stopped the rig: its last recordings are partial.
pub const INTERRUPTED: u8 = 130;

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
    balancing: Balancing,

    #[command(flatten)]
    overrides: Overrides,
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
/// When a fleet does not start, a recording cannot be written, or a program
/// that is not ours is missing or fails. A replica that does not answer is no
/// error: it is a gap in the recording.
pub async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let experiments = plan(&args)?;
    let (stop, mut stopped) = watch::channel(false);
    tokio::spawn(async move {
        lifeline::told_to_stop().await;
        stop.send_replace(true);
    });

    console::say(&announcement(&experiments, &args.shape));
    let at_once = if args.together { experiments.len() } else { 1 };
    let mut reports = Vec::new();
    let mut kept = None;
    for batch in experiments.chunks(at_once) {
        let RunArgs { shape, balancing, seed, .. } = &args;
        if balancing.is_wanted() {
            let performed = balanced::perform(batch, shape, balancing, *seed, &stopped).await?;
            reports.extend(performed.reports);
            kept = performed.kept;
        } else {
            reports.extend(direct::perform(batch, shape, *seed, &stopped).await?);
        }
        if *stopped.borrow() {
            break;
        }
    }
    for report in &reports {
        console::say(&report.to_string());
    }
    let code = if *stopped.borrow() { INTERRUPTED } else { RECORDED };
    if let Some(kept) = kept {
        kept.hold(&mut stopped).await?;
    }
    Ok(code)
}

fn plan(args: &RunArgs) -> anyhow::Result<Vec<Experiment>> {
    ensure!(
        args.together || args.scenarios.len() == 1 || !args.balancing.keep_prometheus,
        "--keep-prometheus keeps one Prometheus; name one scenario, or run them --together"
    );
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
    fn one_prometheus_is_kept_and_no_more() {
        let flags = ["good", "slow", "--balancer=haproxy", "--keep-prometheus"];
        assert_eq!(
            plan_of(&flags).unwrap_err().to_string(),
            "--keep-prometheus keeps one Prometheus; name one scenario, or run them --together"
        );
        assert_eq!(plan_of(&[&flags[..], &["--together"]].concat()).unwrap().len(), 2);
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
