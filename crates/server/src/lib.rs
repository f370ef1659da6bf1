//! The service: HTTP in, ledger and answers out.
//!
//! The only crate that knows the shapes of the wire. A handler reads a request, asks the ledger and writes what it
//! says; it judges nothing. The ledger's calls block, and are made on threads of their own.

#![warn(clippy::missing_errors_doc)]

mod acting;
mod acting_config;
mod api;
mod app;
mod books;
mod caller;
mod checks_config;
mod client;
mod config;
mod grant;
mod layers;
mod metrics;
mod moment;
mod pages;
mod problem;
mod rate;
mod reconcile;
pub mod remote;
mod request;
mod schedule;
mod schedule_config;
mod secret;
mod server;

pub use crate::acting_config::ActingRules;
pub use crate::api::openapi;
pub use crate::checks_config::ChecksConfig;
pub use crate::config::{Config, EgressRules, Limits, Log, LogFormat, LogLevel, TlsFiles};
pub use crate::grant::{Grant, TokenError, issue_token, revoke_token, tokens};
pub use crate::schedule_config::{Pattern, Schedule, Schedules};
pub use crate::secret::Secret;
pub use crate::server::{Observed, ServeError, Server, USUAL_ADDRESS};
