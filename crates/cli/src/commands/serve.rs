//! `serin serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use serin_runner::live::{MOST_IN_FLIGHT, Stores, SystemClock};
use serin_runner::open_ledger;
use serin_server::{Config, Log, LogFormat, LogLevel, Observed, Server};
use tracing::Level;

/// Serve the ledger over HTTP: the API of serin
///
/// On this machine alone, and to everybody on it, until the first token is issued. It logs to the standard error, and
/// ends with SIGTERM or Ctrl-C once requests that were begun are answered.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Serve {
    /// The operator's configuration, in YAML; what is said here counts more
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,

    /// A file, or `postgres://user@host/database`; `serin.db` unless said
    #[arg(long, env = "SERIN_LEDGER", hide_env_values = true, value_hint = ValueHint::FilePath)]
    ledger: Option<String>,

    /// The address to listen at; 127.0.0.1:7878 unless said
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Let everybody who reaches the address do everything, token or not
    #[arg(long)]
    open: bool,
}

const HELP: &str = "\
Examples:
  serin serve
  serin token issue --ledger serin.db --role admin --name ann
  serin serve --ledger serin.db --listen 0.0.0.0:7878
  serin serve --config /etc/serin/serve.yaml";

/// How long threads may go on once all is answered.
const END_TIME: Duration = Duration::from_secs(1);

impl Serve {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let config = self.config()?;
        log(config.log);
        let location = config.ledger.clone().unwrap_or_else(|| "serin.db".to_owned());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("the system gives no threads to serve with")?;
        let served = runtime.block_on(async {
            let end = signals()?;
            let open = move || open_ledger(&location, true);
            let server = Server::bind(&config, self.open, observed(&config)?, open).await?;
            let address = server.address().context("the address cannot be told")?;
            if !address.ip().is_loopback() && config.tls.is_none() {
                tracing::warn!(
                    "connections are not encrypted: put a proxy with TLS before it, or set `tls`"
                );
            }
            if self.open {
                tracing::warn!("everybody who reaches the address may do everything");
            }
            let scheme = if config.tls.is_some() { "https" } else { "http" };
            tracing::info!("ready at {scheme}://{address}");
            server.run(end).await;
            Ok(ExitCode::SUCCESS)
        });
        // A repository that does not answer keeps nobody from ending.
        runtime.shutdown_timeout(END_TIME);
        served
    }

    /// Returns what file and arguments say together.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!("`{name}` cannot be read\n\nhint: see that the path is right\n\ncause")
                })?;
                Config::read(&name, &text).map_err(|error| anyhow::anyhow!("{error}"))?
            }
        };
        config.ledger = self.ledger.clone().or(config.ledger);
        config.listen = self.listen.or(config.listen);
        Ok(config)
    }
}

/// Returns the stores that Checks may name, and this machine's clock.
fn observed(config: &Config) -> anyhow::Result<Observed> {
    let folder = std::env::current_dir().context("the working directory is gone")?;
    let egress =
        config.egress().map_err(|rule| anyhow::anyhow!("`{rule}` is no rule of `egress`"))?;
    let secrets = config.egress.as_ref().is_some_and(|rules| rules.secrets);
    Ok(Observed {
        sources: Arc::new(Stores::new(folder, MOST_IN_FLIGHT).within(egress, secrets)),
        clock: Arc::new(SystemClock::default()),
    })
}

/// Returns what is there once the process is told to end.
pub(crate) fn signals() -> anyhow::Result<impl Future<Output = ()>> {
    const UNHEARD: &str = "signals to end cannot be heard";
    #[cfg(unix)]
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context(UNHEARD)?;
    #[cfg(unix)]
    let mut interrupted = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
        .context(UNHEARD)?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Has everything logged to the standard error.
pub(crate) fn log(log: Log) {
    let level = match log.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
}
