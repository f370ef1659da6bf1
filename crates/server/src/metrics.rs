//! What the server measures of itself.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use serin_runner::live::{Snapshot, State};

/// The server's own metrics. No label has a value that a client chooses.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    refused: Family<Refusal, Counter>,
    events: Counter,
    analyses: Family<Doing, Gauge>,
    paused: Gauge,
    acts: Family<ActEnd, Counter>,
    pub(crate) connections: Gauge,
    pub(crate) streams: Gauge,
    pub(crate) checks_drifted: Gauge,
    pub(crate) checks_failing: Gauge,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Refusal {
    reason: &'static str,
}

/// How acts ended.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ActEnd {
    outcome: &'static str,
}

/// What analyses do.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Doing {
    state: &'static str,
}

/// In seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("serin");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which serin this is", build);
        let requests = Family::default();
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let durations =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took, up to the first byte of the answer",
            Unit::Seconds,
            durations.clone(),
        );
        let refused = Family::default();
        registry.register("refused", "Requests that were not let in, and why", refused.clone());
        let events = Counter::default();
        registry.register(
            "ledger_appended_events",
            "Events that requests appended",
            events.clone(),
        );
        let analyses = Family::default();
        registry.register("analyses", "Analyses that run, by what they do", analyses.clone());
        let paused = Gauge::default();
        registry.register("acting_paused", "Whether all acting is paused", paused.clone());
        let acts = Family::<ActEnd, Counter>::default();
        for outcome in ["done", "failed", "withheld"] {
            // A failure that is the first of all is a rise, too.
            drop(acts.get_or_create(&ActEnd { outcome }));
        }
        registry.register("acts", "Acts on verdicts, by what came of them", acts.clone());
        let connections = Gauge::default();
        registry.register("connections", "Connections that are open", connections.clone());
        let streams = Gauge::default();
        registry.register("event_streams", "Streams of events that are open", streams.clone());
        let checks_drifted = Gauge::default();
        registry.register(
            "checks_drifted",
            "Checks that are not in force as their folder has them",
            checks_drifted.clone(),
        );
        let checks_failing = Gauge::default();
        registry.register(
            "checks_failing",
            "Whether the folder of Checks could not be reconciled the last time",
            checks_failing.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            refused,
            events,
            analyses,
            paused,
            acts,
            connections,
            streams,
            checks_drifted,
            checks_failing,
        }
    }

    /// Counts a request that was answered.
    ///
    /// * `route`: the pattern of its path.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        // A client may call its method anything.
        let method = if METHODS.contains(&method) { method } else { "other" }.to_owned();
        self.durations.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { method, route, status }).inc();
    }

    /// Counts a request that was not let in.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Refusal { reason }).inc();
    }

    /// Counts an act that ended, or was withheld.
    ///
    /// * `outcome`: `done`, `failed` or `withheld`.
    pub(crate) fn acted(&self, outcome: &'static str) {
        self.acts.get_or_create(&ActEnd { outcome }).inc();
    }

    /// Counts events that were appended.
    pub(crate) fn appended(&self, events: u64) {
        self.events.inc_by(events);
    }

    /// Takes down what runs, and whether acting is paused, as it is at this moment.
    pub(crate) fn stands(&self, running: &[Snapshot], is_paused: bool) {
        for state in State::NAMES {
            let count = running.iter().filter(|it| it.state.name() == state).count();
            let gauge = self.analyses.get_or_create(&Doing { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.paused.set(i64::from(is_paused));
    }

    /// Writes all as OpenMetrics.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes what is written");
        text
    }
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The media type of [`Metrics::to_text`].
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
