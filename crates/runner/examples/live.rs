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

mod figures;
mod invented;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use serin_ledger::{Ledger, Writer};
use serin_model::Timestamp;
use serin_runner::Stopwatch;
use serin_runner::live::commission::NamedText;
use serin_runner::live::{Live, LiveClock, NewAnalysis, Progress, What};
use serin_runner::watch::{Start, TimingAsked};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::figures::{memory, on_disk, processor_time, quantiles};
use crate::invented::{Invented, check};

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
    let mut before = (clock.elapsed(), processor_time("self"));
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
        let (elapsed, used) = (clock.elapsed(), processor_time("self"));
        let share = 100.0 * (used - before.1) / (elapsed - before.0).as_secs_f64();
        println!(
            "{minute:6}  {share:8.1} %  {:6.0} MiB {:6.0} MiB  {:.1} ms, {:.1} ms",
            memory("self").0,
            on_disk(&path) as f64 / 1_048_576.0,
            1000.0 * slowest[0].as_secs_f64(),
            1000.0 * slowest[1].as_secs_f64()
        );
        before = (elapsed, used);
    }
    drop(live);
    let mut lags = lags.await?;
    println!("\n{} batches were judged behind their watermark by", lags.len());
    println!("  {}", quantiles(&mut lags));
    println!("answers about one analysis took\n  {}", quantiles(&mut answers));
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
