//! Stores that thousands of analyses ask.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Url;
use serin_check::WrittenAnalysis;
use serin_model::{
    Analysis, Credentials, FetchLimits, HeaderText, Source, Store, Timestamp, Tls, Window,
};
use serin_report::Report;
use serin_sources::Inquiry;
use tokio::sync::Semaphore;

use super::commission::{NamedText, read_checks};
use super::points::{Answered, PointSource, Sources};
use crate::error::RunError;
use crate::fetch::{Fetched, StoreClient, fetch_all};
use crate::http::{Egress, HostVerdict, Names, without_query};
use crate::judge::ask;
use crate::question::{Overrides, Question};
use crate::store::{clock_off, overridden};
use crate::watch::{MOST_RETRIES, Outage, between, length_of, outage, planned, said};

/// The stores that Checks name. All analyses that ask one store share its connections, and wait for each other
/// where they would ask too much at once.
#[derive(Debug)]
pub struct Stores {
    folder: PathBuf,
    most_in_flight: usize,
    /// What may be asked; everything that a Check may name, unless said.
    rules: Option<Rules>,
    /// By the store, with all that is said of how to ask it.
    clients: Mutex<BTreeMap<String, Weak<StoreClient>>>,
    /// By the store's address.
    gates: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// How many queries one store is asked at a time: as many as a Prometheus takes before it has others wait.
pub const MOST_IN_FLIGHT: usize = 20;

impl Stores {
    /// Creates the stores.
    ///
    /// * `folder`: where paths of secrets and certificates start.
    /// * `most_in_flight`: how many queries one store is asked at a time; one at least.
    #[must_use]
    pub fn new(folder: PathBuf, most_in_flight: usize) -> Self {
        let (clients, gates) = (Mutex::default(), Mutex::default());
        Self { folder, most_in_flight: most_in_flight.max(1), rules: None, clients, gates }
    }

    /// Has Checks that come over a network ask no more than they may.
    ///
    /// * `egress`: which hosts and addresses.
    /// * `secrets`: whether a Check may name this machine's files and environment variables, whose contents would be
    ///   sent to the store that it names.
    #[must_use]
    pub fn within(self, egress: Egress, secrets: bool) -> Self {
        Self { rules: Some(Rules { egress: Arc::new(egress), secrets }), ..self }
    }

    fn client(&self, store: &Store, inquiry: &Inquiry<'_>) -> Result<Arc<StoreClient>, RunError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|_, client| client.strong_count() > 0);
        // Secrets are no part of it.
        let key = format!("{store:?}");
        if let Some(client) = clients.get(&key).and_then(Weak::upgrade) {
            return Ok(client);
        }
        let names =
            self.rules.as_ref().map_or_else(|| Ok(Names::default()), |it| it.names(store))?;
        let client = StoreClient::with_names(store, inquiry.source(), &self.folder, names)?;
        let client = Arc::new(client.behind(self.gate(&store.url)));
        clients.insert(key, Arc::downgrade(&client));
        Ok(client)
    }

    fn gate(&self, url: &str) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        let new = || Arc::new(Semaphore::new(self.most_in_flight));
        Arc::clone(gates.entry(url.to_owned()).or_insert_with(new))
    }
}

/// What Checks that come over a network may ask.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rules {
    egress: Arc<Egress>,
    secrets: bool,
}

impl Rules {
    /// Returns how names become addresses for a store, if it may be asked.
    ///
    /// # Errors
    ///
    /// [`RunError::NotAllowed`] and [`RunError::Connection`].
    pub(crate) fn names(&self, store: &Store) -> Result<Names, RunError> {
        if !self.secrets && names_this_machine(store) {
            return Err(RunError::NotAllowed {
                problem: "the Check names files or environment variables of the machine that serin runs on"
                    .to_owned(),
                hint: "leave secrets and certificates out of `source`; those who run serin may allow them with \
                       `egress: {secrets: true}`",
            });
        }
        let url = Url::parse(&store.url);
        let url = url.map_err(|error| RunError::Connection {
            url: store.url.clone(),
            problem: error.to_string(),
        })?;
        match self.egress.verdict(&url) {
            HostVerdict::Allowed => Ok(Names::default()),
            HostVerdict::ByAddress => Ok(Names::within(&self.egress)),
            HostVerdict::Refused => Err(RunError::NotAllowed {
                problem: format!("`{}` may not be asked", without_query(&store.url)),
                hint: "ask those who run serin to name it under `egress: {allow: […]}`",
            }),
        }
    }
}

fn names_this_machine(store: &Store) -> bool {
    let is_secret = |text: &HeaderText| matches!(text, HeaderText::Secret(_));
    store.credentials != Credentials::None
        || store.headers.values().any(is_secret)
        || store.tls != Tls::default()
}

impl Sources for Stores {
    fn judge(&self, checks: &[NamedText], overrides: Overrides<'_>) -> Result<Report, RunError> {
        let mut question = Question::of_texts(checks, read_checks(checks)?);
        if !matches!(question.written.source, Some(Source::Store(_))) {
            return Err(RunError::OtherSource {
                problem: "no recording came with the Check, and it names no store".to_owned(),
                hint: "send the recording, or write `source: {prometheus: {url: …}}` into the Check file",
            });
        }
        question.folder.clone_from(&self.folder);
        question.rules.clone_from(&self.rules);
        ask(&question, overrides, &())
    }

    fn open(
        &self,
        asked: &WrittenAnalysis,
        url: Option<&str>,
    ) -> Result<Arc<dyn PointSource>, RunError> {
        let Some(Source::Store(written)) = &asked.source else {
            return Err(RunError::OtherSource {
                problem: "a live analysis of a service asks a store, and the Check names none"
                    .to_owned(),
                hint: "write `source: {prometheus: {url: …}}` into the Check file",
            });
        };
        let store = overridden(written, Overrides { url, ..Overrides::default() })?;
        // Whether the queries can be asked does not depend on the time.
        let moment = Timestamp::from_millis(0);
        let window = Window { start: moment, end: moment };
        let inquiry = Inquiry::new(&asked.analysis, &store, window)?;
        let (client, name) = (self.client(&store, &inquiry)?, inquiry.name().to_owned());
        Ok(Arc::new(StorePoints {
            analysis: asked.analysis.clone(),
            store,
            client,
            name,
            was_heard: AtomicBool::new(false),
            clock_ahead: AtomicI64::new(UNKNOWN),
        }))
    }
}

/// A store, as one analysis asks it.
struct StorePoints {
    analysis: Analysis,
    store: Store,
    client: Arc<StoreClient>,
    name: String,
    /// Whether anything was ever answered.
    was_heard: AtomicBool,
    /// How far the store's clock is ahead of this machine's, in milliseconds.
    clock_ahead: AtomicI64,
}

/// Nobody said yet how far the store's clock is ahead.
const UNKNOWN: i64 = i64::MIN;

impl fmt::Debug for StorePoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorePoints").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PointSource for StorePoints {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(&self, window: Window, anyhow: bool) -> BoxFuture<'_, Result<Answered, Outage>> {
        self.answer(window, anyhow).boxed()
    }
}

impl StorePoints {
    async fn answer(&self, window: Window, anyhow: bool) -> Result<Answered, Outage> {
        let before = OVERLAP.max(OVERLAP_STEPS * length_of(self.analysis.step));
        let asked = Window { start: window.start.before(before), end: window.end };
        let inquiry = planned(Inquiry::new(&self.analysis, &self.store, asked))?;
        // Who watches asks again anyhow: a long patience within would only keep that from being said.
        let retries = self.store.limits.retries.min(MOST_RETRIES);
        let limits = FetchLimits { retries, ..self.store.limits };
        let Fetched { answers, clock_ahead } =
            fetch_all(&self.client, inquiry.requests(), limits, &()).await;
        if let Some(ahead) = clock_ahead {
            self.clock_ahead.store(ahead, Ordering::Relaxed);
        }
        let all: Vec<usize> = (0..answers.len()).collect();
        let mut was_heard = self.was_heard.load(Ordering::Relaxed);
        let outage = outage(&inquiry, &answers, &all, anyhow, &mut was_heard);
        self.was_heard.store(was_heard, Ordering::Relaxed);
        if let Some(outage) = outage {
            return Err(outage);
        }
        let gathered = inquiry.gather(said(answers));
        let ahead = self.clock_ahead.load(Ordering::Relaxed);
        let mut warnings = gathered.warnings;
        warnings.extend(clock_off((ahead != UNKNOWN).then_some(ahead), false));
        let series = between(&gathered.series, window, self.analysis.arms.control_window);
        Ok(Answered { series, warnings })
    }
}

/// How much before a stretch is asked for as well: what a counter stood at is known from its samples there, and a
/// series that pauses for less is no new one.
const OVERLAP: Duration = Duration::from_secs(300);
const OVERLAP_STEPS: u32 = 5;
