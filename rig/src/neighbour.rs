//! A noisy neighbour: somebody else on the machine who takes the processor.

use std::collections::hash_map::DefaultHasher;
use std::future::pending;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use tokio::time::sleep;

use crate::clock::parse_lifetime;
use crate::fleet::spawn_tethered;
use crate::lifeline;

/// When a neighbour is there, as shares of the recording from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// When it comes.
    pub from: f64,
    /// When it leaves. Later than `from`.
    pub until: f64,
    /// How many threads it keeps busy.
    pub threads: usize,
}

impl Neighbour {
    /// There from a third to two thirds of the recording.
    pub const IN_THE_MIDDLE: Self = Self { from: 1.0 / 3.0, until: 2.0 / 3.0, threads: 8 };

    /// Is a neighbour for its part of `duration`, and then nobody for ever.
    ///
    /// # Errors
    ///
    /// When its process cannot be started.
    pub async fn visit(self, duration: Duration) -> anyhow::Result<()> {
        sleep(duration.mul_f64(self.from)).await;
        let lifetime = duration.mul_f64(self.until - self.from).max(Duration::from_secs(1));
        let flags = [format!("--threads={}", self.threads), format!("--lifetime={lifetime:?}")];
        let mut process = spawn_tethered("burn", &flags)?;
        // Its input stays open while it is here: `wait` would close it.
        let _tether = process.stdin.take();
        let status = process.wait().await.context("failed to wait for the noisy neighbour")?;
        ensure!(status.success(), "the noisy neighbour failed ({status}); its own error is above");
        pending().await
    }
}

/// Keep processor cores busy: the noisy neighbour
///
/// Ends when its standard input is closed, on Ctrl-C or SIGTERM, and after its
/// lifetime.
#[derive(Debug, Args)]
pub struct BurnArgs {
    /// Threads to keep busy
    #[arg(long, default_value_t = 2)]
    threads: usize,

    /// End after this time at the latest
    #[arg(long, default_value = "1m", value_parser = parse_lifetime)]
    lifetime: Duration,
}

/// Keeps cores busy until its lifeline is cut.
pub async fn burn(args: BurnArgs) {
    for _ in 0..args.threads {
        thread::spawn(|| {
            loop {
                black_box(hash_rounds(0, 1_000));
            }
        });
    }
    lifeline::severed(args.lifetime).await;
}

/// Work for a processor: hashes a number again and again.
#[must_use]
pub fn hash_rounds(seed: u64, rounds: u32) -> u64 {
    (0..rounds).fold(seed, |value, round| {
        let mut hasher = DefaultHasher::new();
        (value, round).hash(&mut hasher);
        hasher.finish()
    })
}
