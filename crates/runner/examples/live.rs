//! Runs thousands of live analyses from a source in this process, and prints what they take.
//!
//! ```sh
//! cargo run --release -p serin-runner --example live -- 5000 20 10 4
//! ```
//!
//! The arguments are the number of analyses, the metrics of each, for how many minutes of their time they run, and
//! how much faster than real time that passes. They are judged on one thread at steps of 60 s; the ledger is a file of
//! SQLite's in a temporary folder, which has a thread to write and one to read. Processor time and memory are those of
//! the whole process, as Linux counts them.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serin_check::WrittenAnalysis;
use serin_ledger::{Ledger, Writer};
use serin_model::{
    Analysis, Arm, ArmPair, BucketBounds, MeasureKind, MetricSeries, Observations, Point, Ratio,
    Replica, Timestamp, Window,
};
use serin_runner::live::commission::NamedText;
use serin_runner::live::{
    Answered, Live, LiveClock, NewAnalysis, PointSource, Progress, Sources, What,
};
use serin_runner::watch::{Outage, Start, TimingAsked};
use serin_runner::{RunError, Stopwatch};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise: u32| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(otherwise),
    };
    let asked = Asked {
        analyses: number(5000)?,
        metrics: number(20)?.max(1),
        minutes: number(10)?.max(1),
        speed: number(1)?.max(1),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(asked))
}

#[derive(Clone, Copy)]
struct Asked {
    analyses: u32,
    metrics: u32,
    minutes: u32,
    speed: u32,
}

/// A clock that runs faster than others.
#[derive(Clone, Copy, Debug)]
struct FastClock {
    stopwatch: Stopwatch,
    speed: u32,
}

/// 2020-09-13T12:30:00Z
const ORIGIN: Timestamp = Timestamp::from_seconds(1_600_000_200);

impl LiveClock for FastClock {
    fn now(&self) -> Timestamp {
        ORIGIN.after(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.stopwatch.elapsed() * self.speed
    }

    fn wait(&self, length: Duration) -> Duration {
        length / self.speed
    }
}

/// A store that makes its points up.
#[derive(Debug)]
struct Invented;

#[derive(Debug)]
struct InventedPoints {
    analysis: Analysis,
    seed: u64,
}

impl Sources for Invented {
    fn open(
        &self,
        asked: &WrittenAnalysis,
        _: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let name = asked.analysis.service.bytes();
        let seed = name.fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        Ok(Arc::new(InventedPoints { analysis: asked.analysis.clone(), seed }))
    }
}

impl PointSource for InventedPoints {
    fn name(&self) -> &str {
        "the source in this process"
    }

    fn ask(&self, window: Window, _: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        let checks = self.analysis.checks().iter().zip(0_u64..);
        let series = checks.map(|(check, number)| {
            let arm = |is_canary: bool| {
                let replica = |replica: u64| Replica {
                    name: format!("pod-{}", replica + 2 * u64::from(is_canary)),
                    observations: observations(
                        check.measure.kind(),
                        window,
                        self.seed ^ (number << 32) ^ (replica << 8) ^ u64::from(is_canary),
                    ),
                };
                Arm { replicas: (0..2).map(replica).collect() }
            };
            let arms = ArmPair { control: arm(false), canary: arm(true) };
            MetricSeries { arms, ..MetricSeries::nothing(&check.name) }
        });
        ready(Ok(Answered { series: series.collect(), warnings: Vec::new() })).boxed()
    }
}

/// A point a minute.
fn observations(kind: MeasureKind, window: Window, seed: u64) -> Observations {
    let first = window.start.as_millis().div_euclid(60_000) * 60_000 + 30_000;
    let times = (first..window.end.as_millis()).step_by(60_000).map(Timestamp::from_millis);
    let draw = |time: Timestamp, of: u64| {
        let mut mixed = seed ^ time.as_millis().unsigned_abs() ^ (of << 48);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    match kind {
        MeasureKind::Ratio => Observations::Ratio(
            times
                .map(|time| {
                    let total = 200.0 + (100.0 * draw(time, 1)).floor();
                    Point { time, value: Ratio { bad: (6.0 * draw(time, 2)).floor(), total } }
                })
                .collect(),
        ),
        MeasureKind::Histogram => {
            let edges = (0..12_u32).map(|edge| 0.005 * f64::from(1 << edge)).collect();
            let Ok(bounds) = BucketBounds::new(edges) else { return Observations::nothing(kind) };
            let increments = |time| (0..13).map(move |of| (30.0 * draw(time, of)).floor());
            let points =
                times.map(|time| Point { time, value: increments(time).collect() }).collect();
            Observations::Histogram { bounds, points }
        }
        MeasureKind::Count | MeasureKind::Gauge | MeasureKind::Quantile => Observations::Value(
            times.map(|time| Point { time, value: 100.0 + 40.0 * draw(time, 3) }).collect(),
        ),
    }
}

/// Asks about ratios, histograms and levels, and never passes before the horizon.
fn check(service: u32, metrics: u32) -> String {
    let mut text = format!(
        "service: service-{service}\nreplica: pod\nstep: 60s\nhorizon: 4h\nminimum_time: 4h\nwarm_up: 0s\n\
         history: 30m\nchecks:\n"
    );
    for metric in 0..metrics {
        let measure = match metric % 10 {
            0..4 => "ratio: {bad: bad, total: total}",
            4 => "histogram: seconds",
            _ => "gauge: level",
        };
        text += &format!("  metric {metric}: {{{measure}}}\n");
    }
    text
}

async fn measure(asked: Asked) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("serin.db");
    let open = || Ledger::open_file(&path, true);
    let (writer, _) = Writer::start(open()?)?;
    let clock = FastClock { stopwatch: Stopwatch::start(), speed: asked.speed };
    let live = Live::start(writer, open()?, Arc::new(Invented), Arc::new(clock), 64).await?;
    let lags = tokio::spawn(listen(live.subscribe(), clock));
    let begun = Stopwatch::start();
    let mut subjects = Vec::new();
    for service in 0..asked.analyses {
        let text = check(service, asked.metrics);
        let new = NewAnalysis {
            checks: vec![NamedText { name: "serin.yaml".to_owned(), text }],
            timing: TimingAsked { start: Start::Now, ..TimingAsked::default() },
            ..NewAnalysis::default()
        };
        subjects.push(live.begin(new).await?.subject);
    }
    println!(
        "{} analyses of {} metrics began in {:.1} s",
        asked.analyses,
        asked.metrics,
        begun.elapsed().as_secs_f64()
    );
    println!("\nminute  processor  memory     ledger    slowest of 20 answers (one, all that run)");
    let mut before = (clock.elapsed(), processor_time());
    let mut answers = Vec::new();
    for minute in 1..=asked.minutes {
        let mut slowest = [Duration::ZERO; 2];
        for part in 0..20 {
            tokio::time::sleep(clock.wait(Duration::from_secs(3))).await;
            let subject = &subjects[(minute * 20 + part) as usize % subjects.len()];
            let one = Stopwatch::start();
            live.one(subject).await?;
            answers.push(one.elapsed());
            slowest[0] = slowest[0].max(one.elapsed());
            let all = Stopwatch::start();
            live.running().await;
            slowest[1] = slowest[1].max(all.elapsed());
        }
        let (elapsed, used) = (clock.elapsed(), processor_time());
        let share = 100.0 * (used - before.1) / (elapsed - before.0).as_secs_f64();
        println!(
            "{minute:6}  {share:8.1} %  {:6.0} MiB {:6.0} MiB  {:.1} ms, {:.1} ms",
            memory(),
            on_disk(&path) as f64 / 1_048_576.0,
            1000.0 * slowest[0].as_secs_f64(),
            1000.0 * slowest[1].as_secs_f64()
        );
        before = (elapsed, used);
    }
    drop(live);
    let lags = lags.await?;
    println!("\n{} batches were judged behind their watermark by", lags.len());
    println!("  {}", quantiles(lags));
    println!("answers about one analysis took\n  {}", quantiles(answers));
    println!("processor: share of one core, were it real time; {} times as fast", asked.speed);
    Ok(())
}

/// Notes how much later than it could have been each batch was judged, in real time, until nobody judges any more.
async fn listen(mut events: Receiver<Arc<Progress>>, clock: FastClock) -> Vec<Duration> {
    let mut lags = Vec::new();
    loop {
        match events.recv().await {
            Ok(event) => {
                let What::Judged { judged_to, .. } = event.what else { continue };
                // Points may come for a step's time.
                let due = judged_to.after(Duration::from_secs(60));
                let late = event.at.as_millis() - due.as_millis();
                let late = Duration::from_millis(u64::try_from(late).unwrap_or(0));
                lags.push(clock.wait(late));
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return lags,
        }
    }
}

fn quantiles(mut lengths: Vec<Duration>) -> String {
    lengths.sort_unstable();
    let at = |share: f64| {
        let index = (share * lengths.len().saturating_sub(1) as f64) as usize;
        1000.0 * lengths.get(index).copied().unwrap_or_default().as_secs_f64()
    };
    format!("p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms", at(0.5), at(0.99), at(1.0))
}

/// Returns how many seconds of processor time this process has used.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, in hundredths of a second.
    (ticks(12) + ticks(13)) / 100.0
}

/// Returns how many bytes a ledger has, with what is not in its file yet.
fn on_disk(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.len())).sum()
}

/// Returns how much memory this process takes, in MiB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
