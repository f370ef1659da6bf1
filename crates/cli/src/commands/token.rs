//! `serin token`

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serin_ledger::fact;
use serin_model::Timestamp;
use serin_runner::{now, parse_moment};
use serin_server::{Grant, issue_token, revoke_token, tokens};

use super::ledger::say;
use crate::ledger_location::LedgerLocation;

/// Issue, list or revoke the tokens by which a server lets somebody in
///
/// They are events of the ledger, which keeps their SHA-256 alone. A server that runs takes them up within two
/// seconds.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct TokenCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Issue(Issue),
    List(List),
    Revoke(Revoke),
}

/// Issue a token, and show it this once
#[derive(Debug, Args)]
#[command(after_help = ISSUE_HELP)]
struct Issue {
    #[command(flatten)]
    location: LedgerLocation,

    /// What people call it
    #[arg(long)]
    name: String,

    /// What it may do; each may do what those before it may
    #[arg(long, value_enum)]
    role: Role,

    /// The only service that it is for; may be given several times, and without it, it is for all
    #[arg(long = "service", value_name = "SERVICE")]
    services: Vec<String>,

    /// From when on it is worth nothing, such as `2027-01-01T00:00:00Z`; never unless said
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    expires: Option<Timestamp>,
}

const ISSUE_HELP: &str = "\
Examples:
  serin token issue --ledger serin.db --role admin --name ann
  serin token issue --ledger serin.db --role submit --service checkout --name 'deploy pipeline'";

/// List the tokens that were ever issued
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    location: LedgerLocation,
}

/// Revoke a token
#[derive(Debug, Args)]
struct Revoke {
    #[command(flatten)]
    location: LedgerLocation,

    /// What `serin token list` calls it
    id: String,

    /// Why, in a sentence
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Look at everything but tokens and the audit
    Read,
    /// Tell of changes, and have them judged
    Submit,
    /// Speak of verdicts, and pause and resume acting
    Act,
    /// Issue and revoke tokens, and read the audit
    Admin,
}

impl From<Role> for fact::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Read => Self::Read,
            Role::Submit => Self::Submit,
            Role::Act => Self::Act,
            Role::Admin => Self::Admin,
        }
    }
}

impl TokenCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.verb {
            Verb::Issue(issue) => issue.run(),
            Verb::List(list) => list.run(),
            Verb::Revoke(revoke) => revoke.run(),
        }
    }
}

/// Who types this, as far as the system knows.
pub(super) fn somebody() -> String {
    std::env::var("USER")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "somebody".to_owned())
}

impl Issue {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let grant = Grant {
            name: self.name.clone(),
            role: self.role.into(),
            services: self.services.clone(),
            expires_at: self.expires,
            by: somebody(),
        };
        let secret = issue_token(&mut self.location.open_or_create()?, &grant)?;
        say(&format!("{}\n", secret.expose()))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["ID", "NAME", "ROLE", "SERVICES", "STATE"]);
        for (id, token) in tokens(&mut self.location.open()?)? {
            let services = match token.issued.services.as_slice() {
                [] => "all".to_owned(),
                some => some.join(", "),
            };
            let state = match (token.revoked_at, token.is_valid(now())) {
                (Some(_), _) => "revoked",
                (None, true) => "valid",
                (None, false) => "expired",
            };
            let name = crate::exit::printable(&token.issued.name);
            let services = crate::exit::printable(&services);
            table.add_row([&id, &name, token.issued.role.as_str(), &services, state]);
        }
        say(&format!("{}\n", table.trim_fmt()))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Revoke {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let ledger = &mut self.location.open()?;
        let is_new = revoke_token(ledger, &self.id, &somebody(), self.reason.as_deref())?;
        say(if is_new { "revoked\n" } else { "it was revoked before\n" })?;
        Ok(ExitCode::SUCCESS)
    }
}
