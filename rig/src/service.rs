//! The service under trial: a shop with one endpoint, `GET /checkout`.

use std::future::pending;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Args;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use tokio::net::TcpListener;
use tokio::time::{Instant, interval, sleep};

use crate::behaviour::Behaviour;
use crate::clock::parse_lifetime;
use crate::console;
use crate::lifeline;
use crate::neighbour::hash_rounds;
use crate::telemetry::Telemetry;

/// Spread of the latency: the standard deviation of its logarithm. The p99 is
/// then 2.3 times the median.
const LATENCY_SPREAD: f64 = 0.35;

/// Serve one replica of the shop on a free loopback port
///
/// Prints its address as its first line. Ends when its standard input is
/// closed, on Ctrl-C or SIGTERM, and after its lifetime, so it cannot outlive
/// whoever started it.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Name of the replica, for its answers
    #[arg(long, default_value = "checkout")]
    name: String,

    /// Seed of its latencies and errors
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// End after this time at the latest
    #[arg(long, default_value = "15m", value_parser = parse_lifetime)]
    lifetime: Duration,

    #[command(flatten)]
    behaviour: Behaviour,
}

/// One replica: its knobs, its dice and what it counted.
#[derive(Debug)]
struct Replica {
    name: String,
    behaviour: Behaviour,
    latency_ms: LogNormal<f64>,
    dice: Mutex<StdRng>,
    telemetry: Telemetry,
}

/// Serves one replica until its lifeline is cut.
///
/// # Errors
///
/// When no loopback port can be had, or a knob makes no distribution.
pub async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let replica = Arc::new(Replica::new(&args)?);
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).await.context("failed to listen on 127.0.0.1")?;
    console::show(&format!("http://{}", listener.local_addr()?));

    let router = Router::new()
        .route("/checkout", get(checkout))
        .route("/metrics", get(metrics))
        .with_state(replica);
    tokio::select! {
        served = axum::serve(listener, router) => served.context("failed to serve")?,
        () = leak(args.behaviour.leak_mb_per_minute) => {}
        // No graceful shutdown: a silent replica's /metrics never completes.
        () = lifeline::severed(args.lifetime) => {}
    }
    Ok(())
}

impl Replica {
    fn new(args: &ServeArgs) -> anyhow::Result<Self> {
        let behaviour = args.behaviour.clone();
        let median_ms = behaviour.median_ms * behaviour.latency_factor;
        Ok(Self {
            name: args.name.clone(),
            latency_ms: LogNormal::new(libm::log(median_ms), LATENCY_SPREAD)
                .map_err(|error| anyhow!("a median of {median_ms} ms: {error}"))?,
            dice: Mutex::new(StdRng::seed_from_u64(args.seed)),
            telemetry: Telemetry::new().context("failed to set up the metrics")?,
            behaviour,
        })
    }

    /// How long this request waits, and what it is answered with.
    fn draw(&self) -> (Duration, StatusCode) {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = Duration::from_secs_f64(self.latency_ms.sample(&mut *dice) / 1_000.0);
        let code = if dice.random_bool(self.behaviour.error_rate) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        };
        (wait, code)
    }
}

async fn checkout(State(replica): State<Arc<Replica>>) -> (StatusCode, String) {
    let started = Instant::now();
    let (wait, code) = replica.draw();
    let order = black_box(hash_rounds(1, replica.behaviour.hash_rounds));
    sleep(wait).await;
    replica.telemetry.count(code.as_u16(), started.elapsed());
    (code, format!("{} took order {order:x}\n", replica.name))
}

async fn metrics(State(replica): State<Arc<Replica>>) -> (StatusCode, String) {
    if replica.behaviour.silent {
        pending::<()>().await;
    }
    match replica.telemetry.expose() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Takes memory every second and never gives it back.
async fn leak(mb_per_minute: f64) {
    let bytes_per_second = (mb_per_minute * 1_000_000.0 / 60.0) as usize;
    let mut kept = Vec::new();
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        // Ones, not zeros: pages that nobody wrote to are not resident.
        kept.push(vec![1_u8; bytes_per_second]);
        black_box(&kept);
    }
}
