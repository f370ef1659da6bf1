//! Without a balancer: the rig sends to the replicas and scrapes them itself.

use std::time::Duration;

use anyhow::bail;
use futures_util::future::{join_all, try_join_all};
use indicatif::{MultiProgress, ProgressBar};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock::next_step;
use crate::experiment::{Experiment, progress_bar};
use crate::exposition::{self, Sample};
use crate::fleet::{Fleet, Pod};
use crate::load::{Arrivals, Route, Split, drive};
use crate::recording::Recording;
use crate::report::{Report, Rounds, Seen};
use crate::shape::Shape;

/// Performs experiments at once, each with its own fleet, and records them.
///
/// # Errors
///
/// When a fleet does not start or a recording cannot be written. A replica
/// that does not answer is no error: it is a gap in the recording.
pub async fn perform(
    experiments: &[Experiment],
    shape: &Shape,
    seed: u64,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<Vec<Report>> {
    let bars = MultiProgress::new();
    let performed = experiments
        .iter()
        .map(|experiment| perform_one(experiment, shape, seed, stopped.clone(), &bars));
    try_join_all(performed).await
}

async fn perform_one(
    experiment: &Experiment,
    shape: &Shape,
    seed: u64,
    mut stopped: watch::Receiver<bool>,
    bars: &MultiProgress,
) -> anyhow::Result<Report> {
    let mut dice = experiment.dice(seed);
    let mut recording = Recording::create(&experiment.path)?;
    let fleet = Fleet::start(&experiment.scenario, shape, &mut dice).await?;

    let mut seen = Seen::default();
    let bar = bars.add(progress_bar(experiment.scenario.name.to_owned(), shape.rounds()));
    // Drawn before the first round, which comes only after the warm-up.
    bar.tick();
    let interrupted = tokio::select! {
        observed = observe(experiment, shape, dice, fleet.pods(), &mut recording, &mut seen, &bar) => {
            observed?;
            false
        }
        _ = stopped.wait_for(|&stopped| stopped) => true,
    };
    bar.finish_and_clear();
    fleet.stop().await?;
    let path = if interrupted { recording.finish_partial()? } else { recording.finish()? };
    Ok(Report { scenario: experiment.scenario.name, interrupted, path, seen })
}

async fn observe(
    experiment: &Experiment,
    shape: &Shape,
    mut dice: StdRng,
    pods: &[Pod],
    recording: &mut Recording,
    seen: &mut Seen,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let client = shape.client()?;
    let arrivals = Arrivals::new(shape.rate, StdRng::seed_from_u64(dice.random()))?;
    let route = Route::Replicas(Split::new(pods, shape.canary_percent));
    let Seen { tallies, rounds } = seen;
    tokio::select! {
        kept = keep(&client, pods, shape, recording, rounds, bar) => kept,
        () = drive(&client, arrivals, route, tallies) => bail!("the traffic ended too early"),
        Err(error) = experiment.visit(shape) => Err(error),
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
