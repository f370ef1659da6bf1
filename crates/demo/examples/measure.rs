//! Measures the demo.
//!
//! ```sh
//! cargo run --release -p serin-demo --example measure -- verdicts 20
//! cargo run --release -p serin-demo --example measure -- run target/release/serin
//! ```
//!
//! `verdicts` has the past of so many shops judged, and prints what each kind of canary was said to be. `run` starts a
//! `serin demo` as a user would, and prints when it tells its address, when each kind has its verdict, what it takes,
//! as Linux counts it, and how it ends.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serin_demo::shop::{Kind, SERVICES, Shop};
use serin_demo::{Demo, Wanted};
use serin_ledger::{Ledger, ServiceHistory};
use serin_model::{Outcome, Timestamp};
use serin_runner::Stopwatch;

/// 2026-11-23T08:00:00Z
const OPENING: Timestamp = Timestamp::from_seconds(1_795_420_800);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["verdicts", shops] => verdicts(shops.parse()?).await,
        ["run", serin] => run(Path::new(serin)).await,
        _ => Err("say `verdicts SHOPS` or `run PROGRAM`".into()),
    }
}

/// What canaries were said to be, and why, by the number of the canary.
type Said = BTreeMap<(&'static str, i64), (Outcome, String)>;

async fn verdicts(shops: u64) -> Result<(), Box<dyn Error>> {
    let mut counts: BTreeMap<(Kind, Outcome), u32> = BTreeMap::new();
    let took = Stopwatch::start();
    for seed in 0..shops {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("serin.db");
        // The past is elsewhere in the day, and each shop is another.
        let opening = OPENING.after(Duration::from_secs(5000 * seed));
        let ledger = Some(path.clone());
        let any = Some(([127, 0, 0, 1], 0).into());
        let wanted = Wanted { listen: any, seed, speed: 1, opening, ledger };
        drop(Demo::open(&wanted).await?);
        let shop = Shop { seed, opening };
        for ((service, number), (outcome, reason)) in said(&path)? {
            let service = SERVICES.iter().find(|it| it.name == service);
            let Some(canary) = service.and_then(|it| shop.canary(it, number)) else { continue };
            *counts.entry((canary.kind, outcome)).or_default() += 1;
            if outcome != right(canary.kind) {
                let name = canary.service.name;
                println!("seed {seed}: {:?} {name} {number}: {outcome:?}, {reason}", canary.kind);
            }
        }
    }
    println!("\n{shops} shops took {:.1} s", took.elapsed().as_secs_f64());
    for ((kind, outcome), count) in counts {
        println!("{:12} {:13} {count:5}", format!("{kind:?}"), format!("{outcome:?}"));
    }
    Ok(())
}

fn right(kind: Kind) -> Outcome {
    match kind {
        Kind::Good => Outcome::Pass,
        Kind::Slow | Kind::Failing | Kind::Silent => Outcome::Fail,
        Kind::Undecidable => Outcome::Inconclusive,
    }
}

fn said(path: &Path) -> Result<Said, Box<dyn Error>> {
    let mut ledger = Ledger::open_file(path, false)?;
    let mut said = Said::new();
    for service in &SERVICES {
        let history = ledger.project::<ServiceHistory>(Some(service.name))?.state;
        for verdict in history.verdicts() {
            let fact = &verdict.entry.fact;
            let change = fact.change.as_deref().unwrap_or_default();
            let number =
                change.strip_prefix("change/").and_then(|it| it.strip_prefix(service.name));
            if let Some(Ok(number)) = number.and_then(|it| it.strip_prefix('-')).map(str::parse) {
                let reason = fact.reason.clone().unwrap_or_default();
                said.insert((service.name, number), (fact.outcome, reason));
            }
        }
    }
    Ok(said)
}

async fn run(program: &Path) -> Result<(), Box<dyn Error>> {
    let clock = Stopwatch::start();
    let mut child = Command::new(program);
    let mut child = child.arg("demo").stdout(Stdio::piped()).spawn()?;
    let (address, ledger) = greeting(&mut child)?;
    println!("{:5.2} s  address {address}", clock.elapsed().as_secs_f64());
    let shop = Shop { seed: 1, opening: OPENING };
    let mut known = said(&ledger)?.len();
    println!("{:5.2} s  {known} verdicts of the past", clock.elapsed().as_secs_f64());
    let mut missing = Kind::ALL.to_vec();
    let mut shown = 0;
    while shown < 9 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = said(&ledger)?;
        if now.len() > known {
            known = now.len();
            missing.retain(|kind| {
                let is_there = now.iter().any(|((service, number), (outcome, reason))| {
                    let service = SERVICES.iter().find(|it| it.name == *service);
                    let canary = service.and_then(|it| shop.canary(it, *number));
                    let is_right = *number >= 0 && *outcome == right(*kind);
                    let is_it = is_right && canary.is_some_and(|canary| canary.kind == *kind);
                    if is_it {
                        let after = clock.elapsed().as_secs_f64();
                        println!("{after:5.2} s  {kind:?}: {outcome:?}, {reason}");
                    }
                    is_it
                });
                !is_there
            });
        }
        if clock.elapsed().as_secs() / 10 >= shown {
            shown += 1;
            println!("{:5.2} s  {}", clock.elapsed().as_secs_f64(), taken(child.id())?);
        }
    }
    println!("not seen: {missing:?}");
    let ending = Stopwatch::start();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    let status = child.wait()?;
    println!("it ended after {:.2} s, {status}", ending.elapsed().as_secs_f64());
    println!("its ledger is {}", if ledger.exists() { "still there" } else { "gone" });
    Ok(())
}

/// Returns what it says first: its address, and where its ledger is.
fn greeting(child: &mut Child) -> Result<(String, PathBuf), Box<dyn Error>> {
    let output = child.stdout.take().ok_or("it has no output")?;
    let (mut address, mut ledger) = (String::new(), PathBuf::new());
    for line in BufReader::new(output).lines() {
        let line = line?;
        let after = |word: &str| Some(line.split_once(word)?.1.split(' ').next()?.to_owned());
        if let Some(found) = after("http://").filter(|_| address.is_empty()) {
            address = found;
        }
        if let Some(found) = after("--ledger ") {
            ledger = PathBuf::from(found);
            break;
        }
    }
    Ok((address, ledger))
}

/// Returns memory and processor time of a process.
fn taken(id: u32) -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().split(' ').next().and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0);
    let (memory, peak) = (line("VmRSS:"), line("VmHWM:"));
    // Hundredths of a second, as Linux has them.
    let processor = (ticks(12) + ticks(13)) / 100.0;
    Ok(format!(
        "{memory:.0} MiB resident, at most {peak:.0} MiB; {processor:.2} s of processor time"
    ))
}
