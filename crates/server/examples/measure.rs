//! Measures the server.
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p serin-server --example measure -- idle target/release/serin
//! cargo run --release -p serin-server --example measure -- load 5000 20 10
//! ```
//!
//! `idle` starts `serin serve` on an empty ledger, and prints when it is ready and what it takes while nobody asks.
//! `load` has so many analyses of so many metrics run for so many minutes, at steps of 60 s and in real time, from a
//! source in the server's process, into SQLite; that process has one core to itself, and whoever asks it over HTTP has
//! another. It prints each minute what the server takes, and how long answers took, up to their last byte. Both are
//! for Linux, where `taskset` is.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

#[path = "../../runner/examples/figures/mod.rs"]
mod figures;
#[path = "../../runner/examples/invented/mod.rs"]
mod invented;

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use reqwest::Client;
use serde_json::{Value, json};
use serin_ledger::Ledger;
use serin_runner::Stopwatch;
use serin_runner::live::SystemClock;
use serin_server::{Config, Observed, Server};

use crate::figures::{memory, on_disk, processor_time, quantiles};
use crate::invented::{Invented, check};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // A second call finds the provider of the first, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments[..] {
        ["idle", serin] => runtime.block_on(idle(Path::new(serin))),
        ["load", analyses, metrics, minutes] => {
            pin(&std::process::id().to_string(), 1)?;
            runtime.block_on(load(analyses.parse()?, metrics.parse()?, minutes.parse()?))
        }
        ["serve", ledger] => runtime.block_on(serve(Path::new(ledger).to_owned())),
        _ => Err("say `idle PROGRAM` or `load ANALYSES METRICS MINUTES`".into()),
    }
}

/// Leaves a process one core.
fn pin(process: &str, core: u32) -> Outcome<()> {
    let core = core.to_string();
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", &core, process]).output()?;
    if pinned.status.success() { Ok(()) } else { Err("there are no two cores".into()) }
}

/// A server that is ended however this ends.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    /// Starts a command, and waits until it says at which address it is ready.
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("it has no log")?);
        let mut line = String::new();
        let address = loop {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                return Err("it ended before it was ready".into());
            }
            if let Some((_, address)) = line.split_once("ready at ") {
                break address.trim().to_owned();
            }
        };
        // What is not read would hold it up.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Ok(Self { child, address })
    }

    fn process(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const IDLE_SECONDS: u32 = 60;

async fn idle(serin: &Path) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let clock = Stopwatch::start();
    let mut command = Command::new(serin);
    command.args(["serve", "--listen", "127.0.0.1:0", "--ledger"]);
    let running = Running::start(command.arg(folder.path().join("serin.db")))?;
    let ready = format!("{}/readyz", running.address);
    Client::builder().no_proxy().build()?.get(ready).send().await?.error_for_status()?;
    println!("ready after {:.0} ms", 1000.0 * clock.elapsed().as_secs_f64());
    let before = processor_time(&running.process());
    tokio::time::sleep(Duration::from_secs(IDLE_SECONDS.into())).await;
    let used = processor_time(&running.process()) - before;
    let (now, most) = memory(&running.process());
    println!(
        "idle for {IDLE_SECONDS} s: {used:.2} s of processor time, {now:.1} MiB, at most {most:.1} MiB"
    );
    Ok(())
}

/// The server that is measured: as `serin serve`, but for its source.
async fn serve(ledger: std::path::PathBuf) -> Outcome<()> {
    let config = "listen: 127.0.0.1:0\nlimits: {requests_per_second: 1000000, burst: 1000000}\n";
    let config = Config::read("measure.yaml", config)?;
    let observed =
        Observed { sources: Arc::new(Invented), clock: Arc::new(SystemClock::default()) };
    let open = move || Ledger::open_file(&ledger, true);
    let server = Server::bind(&config, false, observed, open).await?;
    #[expect(clippy::print_stderr, reason = "whoever measures waits for it there")]
    {
        eprintln!("ready at http://{}", server.address()?);
    }
    server.run(std::future::pending()).await;
    Ok(())
}

/// What is asked in turn.
#[derive(Clone, Copy)]
enum Question {
    Analysis,
    Running,
    Change,
    Now,
    AnalysisPage,
    Service,
}

impl Question {
    const ALL: [(Self, &str); 6] = [
        (Self::Analysis, "GET /api/v1/analyses/{id}"),
        (Self::Running, "GET /api/v1/analyses, 50 of all"),
        (Self::Change, "POST /api/v1/changes"),
        (Self::Now, "GET /, the page"),
        (Self::AnalysisPage, "GET /analyses/{id}, the page"),
        (Self::Service, "GET /services/{service}, the page"),
    ];
}

/// Asks, and returns how many bytes the answer had.
async fn ask(
    client: &Client,
    address: &str,
    question: Question,
    id: &str,
    number: usize,
) -> Outcome<usize> {
    let get = |path: String| client.get(format!("{address}{path}"));
    let request = match question {
        Question::Analysis => get(format!("/api/v1/analyses/{id}")),
        Question::Running => get("/api/v1/analyses".to_owned()),
        Question::Change => {
            let body = json!({"service": format!("till-{}", number % 10), "what": "flag"});
            client.post(format!("{address}/api/v1/changes")).json(&body)
        }
        Question::Now => get("/".to_owned()),
        Question::AnalysisPage => get(format!("/analyses/{id}")),
        Question::Service => get(format!("/services/till-{}", number % 10)),
    };
    Ok(request.send().await?.error_for_status()?.bytes().await?.len())
}

async fn begin(client: &Client, address: &str, service: u32, metrics: u32) -> Outcome<String> {
    let checks = json!([{"name": "serin.yaml", "text": check(service, metrics)}]);
    let body = json!({"checks": checks, "start": "now"});
    let begun = client.post(format!("{address}/api/v1/analyses")).json(&body).send().await?;
    let begun: Value = begun.error_for_status()?.json().await?;
    Ok(begun["id"].as_str().ok_or("an analysis has no id")?.to_owned())
}

/// Requests at the same time while analyses begin.
const AT_ONCE: usize = 16;

/// One request so often.
const EVERY: Duration = Duration::from_millis(100);

async fn load(analyses: u32, metrics: u32, minutes: u32) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let ledger = folder.path().join("serin.db");
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(std::env::current_exe()?).arg("serve").arg(&ledger);
    let running = Running::start(&mut command)?;
    let (address, process) = (running.address.as_str(), running.process());
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let clock = Stopwatch::start();
    let begun = iter(0..analyses).map(|service| begin(&client, address, service, metrics));
    let begun: Vec<Outcome<String>> = begun.buffered(AT_ONCE).collect().await;
    let ids: Vec<String> = begun.into_iter().collect::<Outcome<_>>()?;
    println!(
        "{analyses} analyses of {metrics} metrics began in {:.1} s",
        clock.elapsed().as_secs_f64()
    );
    for number in 0..10 {
        ask(&client, address, Question::Change, "", number).await?;
    }
    println!("\nminute  processor  memory     ledger    p99 and slowest of all answers");
    let mut answers = vec![Vec::new(); Question::ALL.len()];
    let mut sizes = vec![0; Question::ALL.len()];
    let mut before = (clock.elapsed(), processor_time(&process));
    let mut number = 0;
    for minute in 1..=minutes {
        let mut of_minute = Vec::new();
        let end = before.0 + Duration::from_secs(60);
        while clock.elapsed() < end {
            tokio::time::sleep(EVERY).await;
            let place = number % Question::ALL.len();
            let id = &ids[number * 7919 % ids.len()];
            let took = Stopwatch::start();
            let size = ask(&client, address, Question::ALL[place].0, id, number).await?;
            answers[place].push(took.elapsed());
            of_minute.push(took.elapsed());
            sizes[place] = sizes[place].max(size);
            number += 1;
        }
        let (elapsed, used) = (clock.elapsed(), processor_time(&process));
        let share = 100.0 * (used - before.1) / (elapsed - before.0).as_secs_f64();
        println!(
            "{minute:6}  {share:8.1} %  {:6.0} MiB {:6.0} MiB  {}",
            memory(&process).0,
            on_disk(&ledger) as f64 / 1_048_576.0,
            quantiles(&mut of_minute)
        );
        before = (elapsed, used);
    }
    println!();
    for ((of_question, size), (_, name)) in answers.iter_mut().zip(&sizes).zip(Question::ALL) {
        println!("{name}: {}, at most {size} bytes", quantiles(of_question));
    }
    println!("memory at most: {:.0} MiB", memory(&process).1);
    Ok(())
}
