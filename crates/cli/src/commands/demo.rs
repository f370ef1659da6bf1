//! `serin demo`

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use serin_demo::{Demo, Wanted, check_files};
use serin_model::Timestamp;
use serin_runner::{now, parse_moment};
use serin_server::{Log, LogLevel};
use tempfile::TempDir;

use super::serve::{log, signals};
use crate::output::print;

/// Show everything on a simulated shop: canaries judged live, and what came of them
///
/// Six services get canaries, good, slow, failing, silent and with too little traffic to tell, and serin judges each.
/// Nothing is needed and nothing leaves this machine. What is shown is simulated; how it is judged, kept and served is
/// not. The shop has a clock of its own, on which a minute takes a second: times on pages and in the ledger are its
/// times. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct DemoCommand {
    /// The address to listen at, on this machine; 127.0.0.1:7878 unless said, or a free port where that is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Which shop: the same number is the same traffic and the same canaries
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// How much faster than time the shop's time passes, such as 60x
    #[arg(long, value_name = "TIMES", default_value = "60x", value_parser = parse_speed)]
    speed: u32,

    /// When the shop opens, such as 2026-11-23T08:00:00Z; now, if not said
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    opening: Option<Timestamp>,

    /// Keep the ledger in this file, and go on with it the next time; a temporary one, if not said
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ledger: Option<PathBuf>,

    /// Write the shop's Check files into this folder, and end
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    checks: Option<PathBuf>,

    /// Log every request to the standard error
    #[arg(long, short)]
    verbose: bool,
}

const HELP: &str = "\
Examples:
  serin demo
  serin demo --speed 300x --seed 7
  serin demo --ledger demo.db
  serin demo --checks checks";

fn parse_speed(text: &str) -> Result<u32, String> {
    let speed = text.strip_suffix('x').unwrap_or(text).parse().ok();
    let speed = speed.filter(|speed| (1..=Wanted::MOST_SPEED).contains(speed));
    speed.ok_or_else(|| format!("write a whole number from 1x to {}x", Wanted::MOST_SPEED))
}

impl DemoCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(folder) = &self.checks {
            return write_checks(folder);
        }
        let level = if self.verbose { LogLevel::Info } else { LogLevel::Error };
        log(Log { level, ..Log::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build();
        let runtime = runtime.context("the system gives no threads to serve with")?;
        let shown = runtime.block_on(self.show());
        // Nobody is at work in the temporary folder when it goes.
        runtime.shutdown_timeout(PATIENCE);
        if let Some(folder) = shown? {
            remove(folder)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Shows the shop until somebody ends it, and returns the temporary folder that it leaves.
    async fn show(&self) -> anyhow::Result<Option<TempDir>> {
        let end = signals()?;
        tokio::pin!(end);
        let wanted = Wanted {
            listen: self.listen,
            seed: self.seed,
            speed: self.speed,
            opening: self.opening.unwrap_or_else(now),
            ledger: self.ledger.clone(),
        };
        let demo = tokio::select! {
            demo = Demo::open(&wanted) => demo?,
            () = &mut end => return Ok(None),
        };
        self.greet(&demo)?;
        let shown = demo.run(end).await;
        if shown.is_ok() {
            print(&self.farewell())?;
        }
        shown.map_err(|(error, _)| error.into())
    }

    fn greet(&self, demo: &Demo) -> anyhow::Result<()> {
        let address = demo.address().context("the address cannot be told")?;
        let ledger = demo.ledger().display();
        let speed = self.speed;
        print(&format!(
            "serin demo: a simulated shop, judged for real, {speed} times as fast as life\n\
             \n  http://{address}/\n\
             \nWorth looking at:\n\
             \x20 what runs, and what came of it   http://{address}/\n\
             \x20 the newest verdicts as JSON      curl http://{address}/api/v1/services/checkout/verdicts\n\
             \x20 the same on the command line     serin verdicts --ledger {ledger} --service checkout\n\
             \nAll times are the shop's own. Ctrl-C ends it.\n"
        ))?;
        Ok(())
    }

    fn farewell(&self) -> String {
        let ledger = match &self.ledger {
            Some(path) => format!("Its ledger stays: {}", path.display()),
            None => "Its ledger is gone".to_owned(),
        };
        format!(
            "\nThe shop is closed. {ledger}.\n\
             \nWith services of your own:\n\
             \x20 serin init --source http://prometheus:9090 --service checkout   writes a first Check file\n\
             \x20 serin serve                                                     keeps a ledger, and serves it\n"
        )
    }
}

/// Waiting for an answer of a page and for the ledger takes hardly any time of the processor.
const THREADS: usize = 2;

/// How long threads may go on after the end.
const PATIENCE: Duration = Duration::from_millis(300);

/// Removes the temporary folder. A database may still put its files away in there.
fn remove(folder: TempDir) -> anyhow::Result<()> {
    let path = folder.path().to_owned();
    if folder.close().is_err() && path.exists() {
        fs::remove_dir_all(&path).with_context(|| {
            format!("`{}` was not removed\n\nhint: remove it by hand\n\ncause", path.display())
        })?;
    }
    Ok(())
}

fn write_checks(folder: &Path) -> anyhow::Result<ExitCode> {
    let place = folder.display();
    let unwritten = || format!("`{place}` cannot be written\n\nhint: name a new folder\n\ncause");
    fs::create_dir_all(folder).with_context(unwritten)?;
    for file in check_files() {
        // Whoever changed one keeps it.
        fs::File::create_new(folder.join(file.name))
            .and_then(|mut new| std::io::Write::write_all(&mut new, file.text.as_bytes()))
            .with_context(unwritten)?;
    }
    print(&format!("{} Check files are in {place}\n", check_files().len()))?;
    Ok(ExitCode::SUCCESS)
}
