//! `--server`: a serin that serves does what the command asks for.

use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::{Args, ValueHint};
use serin_report::Report;
use serin_runner::watch::Interrupt;
use serin_runner::{Remote, RemoteError, RemoteListener};
use serin_server::remote::{self, AnalysisAsked};

use crate::exit::printable;
use crate::output::print_error;

/// A serin that serves, to ask instead of judging here.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServerOptions {
    /// Have a serin that serves do it, such as `https://serin.example.com`; SERIN_TOKEN holds the token
    #[arg(long, env = "SERIN_SERVER", value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) server: Option<String>,

    /// Send the token without encryption, over a network that you trust
    #[arg(long)]
    plain_http: bool,
}

impl ServerOptions {
    /// Returns the server to ask, if one is named.
    pub(crate) fn remote(&self) -> anyhow::Result<Option<Remote>> {
        // A pipeline blanks a variable that it cannot unset.
        let address = self.server.as_deref().filter(|address| !address.trim().is_empty());
        let Some(address) = address else { return Ok(None) };
        let token = std::env::var("SERIN_TOKEN").ok().map(|token| token.trim().to_owned());
        let token = token.filter(|token| !token.is_empty());
        Ok(Some(Remote::new(address, token, self.plain_http)?))
    }
}

/// What a server writes down of an analysis.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AnalysisOptions {
    /// With a server: the change that is judged, such as `change/1.4.2`, as `serin note` or the API called it
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) change: Option<String>,

    /// With a server: nobody acts on the verdict; the scorecard counts it
    #[arg(long)]
    pub(crate) shadow: bool,

    /// With a server: run again under the same key, such as a job's number, this follows the same analysis
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    pub(crate) idempotency_key: Option<String>,
}

impl AnalysisOptions {
    /// Refuses what is of use to a server alone.
    pub(crate) fn refuse_without_server(&self) -> anyhow::Result<()> {
        let given = [
            ("--change", self.change.is_some()),
            ("--shadow", self.shadow),
            ("--idempotency-key", self.idempotency_key.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => bail!(
                "`{option}` is of no use without `--server`: nothing is written down here\n\nhint: leave it out, or \
                 name a server"
            ),
        }
    }
}

fn parse_key(text: &str) -> Result<String, String> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if !(1..=200).contains(&text.len()) || !is_visible {
        return Err("write 1 to 200 visible characters, such as the number of a job".to_owned());
    }
    Ok(text.to_owned())
}

/// Refuses options that only this machine can follow.
pub(crate) fn refuse_here_alone(given: &[(&str, bool)]) -> anyhow::Result<()> {
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => bail!(
            "`{option}` is of no use with `--server`: the server does not have it\n\nhint: leave one of both out"
        ),
    }
}

/// Says why a server is asked again.
pub(crate) fn tell(error: &RemoteError, pause: Duration) {
    let text = error.to_string();
    let problem = text.split("\n\nhint: ").next().unwrap_or_default();
    print_error(&printable(&format!(
        "warning: {problem}; it is asked again in {} s",
        pause.as_secs().max(1)
    )));
}

/// How often a server is asked how an analysis stands.
const EVERY: Duration = Duration::from_secs(2);

/// Has a server follow a canary until that is settled. Says on the standard error how it stands.
pub(crate) fn watch_there(
    remote: &Remote,
    asked: &AnalysisAsked<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Report> {
    let listener = RemoteListener { tell: &tell, interrupt };
    let id = remote::begin(remote, asked, &listener)?;
    let page = remote.address(&format!("/analyses/{id}"));
    print_error(&printable(&format!("it runs at {page}")));
    follow(remote, &id, &listener).map_err(|error| {
        let (problem, hint) = match error.to_string().split_once("\n\nhint: ") {
            Some((problem, hint)) => (problem.to_owned(), format!("{hint}; ")),
            None => (error.to_string(), String::new()),
        };
        let stop = remote.address(&format!("/api/v1/analyses/{id}/stop"));
        anyhow!(
            "{problem}; the analysis itself goes on at {page}\n\nhint: {hint}to end it, \
             `curl -X POST -H \"authorization: Bearer $SERIN_TOKEN\" {stop}`"
        )
    })
}

fn follow(remote: &Remote, id: &str, listener: &RemoteListener<'_>) -> anyhow::Result<Report> {
    let mut said = String::new();
    loop {
        if listener.interrupt.is_stopped() {
            bail!("nobody waits for the verdict any more");
        }
        let standing = remote::standing(remote, id, listener)?;
        if standing.has_ended() {
            return Ok(remote::report(remote, id, listener)?);
        }
        if let Some(why) = standing.stuck() {
            bail!("the analysis is stuck: {why}");
        }
        let words = standing.in_words();
        if words != said {
            print_error(&printable(&words));
            said = words;
        }
        remote.pause(EVERY, listener.interrupt);
    }
}
