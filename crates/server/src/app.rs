//! What all handlers share.

use std::sync::Arc;

use serin_runner::ActingRule;
use serin_runner::live::{Live, Sources};
use tokio::sync::{Semaphore, watch};

use crate::books::Books;
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::pages::Sessions;
use crate::rate::Rates;
use crate::reconcile::Checks;
use crate::schedule::Scheduled;
use crate::schedule_config::Schedule;

/// What all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) books: Books,
    /// The analyses that run.
    pub(crate) live: Live,
    /// What Checks may ask about time that has passed.
    pub(crate) sources: Sourced,
    /// The Checks in force, and the folder that they are kept in.
    pub(crate) checks: Checks,
    /// The analyses that begin by the clock.
    pub(crate) scheduled: Scheduled,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Settings,
    /// Requests of each token.
    pub(crate) rates: Rates,
    /// Attempts without a valid token that are logged, of each address.
    pub(crate) refusals: Rates,
    /// Streams of events that may still begin.
    pub(crate) streams: Arc<Semaphore>,
    /// Judgements of what is sent that may still begin.
    pub(crate) judgements: Arc<Semaphore>,
    /// Who is signed in with a browser.
    pub(crate) sessions: Sessions,
    /// Whether the server is about to end.
    pub(crate) ending: watch::Sender<bool>,
}

/// The sources that Checks name.
#[derive(Clone)]
pub(crate) struct Sourced(pub(crate) Arc<dyn Sources>);

impl std::fmt::Debug for Sourced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sourced").finish_non_exhaustive()
    }
}

/// What does not change while the server runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether everybody may do everything, token or not.
    pub(crate) open: bool,
    /// Whether only this machine can reach the server.
    pub(crate) is_loopback: bool,
    /// Whether connections are encrypted.
    pub(crate) is_encrypted: bool,
    pub(crate) open_metrics: bool,
    /// What this server does about verdicts.
    pub(crate) acting: Vec<ActingRule>,
    pub(crate) limits: Limits,
}

/// Attempts without a valid token of one address that are logged: a second, and at once.
const REFUSALS: (u32, u32) = (5, 20);

impl App {
    pub(crate) fn new(
        books: Books,
        live: Live,
        sources: Arc<dyn Sources>,
        schedules: Vec<Schedule>,
        settings: Settings,
    ) -> Self {
        let limits = &settings.limits;
        Self {
            books,
            live,
            sources: Sourced(sources),
            checks: Checks::default(),
            scheduled: Scheduled::new(schedules),
            metrics: Metrics::new(),
            rates: Rates::new(limits.requests_per_second, limits.burst),
            refusals: Rates::new(REFUSALS.0, REFUSALS.1),
            streams: Arc::new(Semaphore::new(limits.streams)),
            judgements: Arc::new(Semaphore::new(limits.judgements)),
            sessions: Sessions::default(),
            ending: watch::Sender::new(false),
            settings,
        }
    }

    /// Returns whether those without a token are let in: where the operator said so, and on this machine
    /// until the first token was issued.
    pub(crate) fn is_open(&self, never_issued: bool) -> bool {
        self.settings.open || (self.settings.is_loopback && never_issued)
    }
}
