//! Prometheus's relatives by name: the same adapter, with what each adds to a request.

mod amazon_managed_prometheus;
mod grafana_cloud;
mod mimir;
mod thanos;
mod victoriametrics;

use serin_model::Timestamp;

use crate::prometheus::Prometheus;
use crate::source::{Answer, AnswerError, Asked, Plan, QueryError, Request, Source};

pub(crate) use amazon_managed_prometheus::AMAZON_MANAGED_PROMETHEUS;
pub(crate) use grafana_cloud::GRAFANA_CLOUD;
pub(crate) use mimir::MIMIR;
pub(crate) use thanos::THANOS;
pub(crate) use victoriametrics::VICTORIAMETRICS;

/// A store that speaks Prometheus's API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relative {
    name: &'static str,
    about: &'static str,
    /// The path under which it has the API, with a slash before it, or nothing.
    prefix: &'static str,
    /// What every request says beside the query.
    parameters: &'static [(&'static str, &'static str)],
}

impl Source for Relative {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        Prometheus.plan(asked)
    }

    fn probe(&self) -> Request {
        Prometheus.probe()
    }

    fn watched_before(&self, moment: Timestamp) -> Option<Request> {
        Prometheus.watched_before(moment)
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        Prometheus.read(request, body)
    }

    fn count_of_series(&self, asked: &Asked<'_>) -> Result<Option<Request>, QueryError> {
        Prometheus.count_of_series(asked)
    }

    fn series_seen(&self, asked: &Asked<'_>) -> Result<Option<Request>, QueryError> {
        Prometheus.series_seen(asked)
    }

    fn speaks_promql(&self) -> bool {
        Prometheus.speaks_promql()
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        Prometheus.words(body)
    }

    fn prefix(&self) -> &'static str {
        self.prefix
    }

    fn usual_parameters(&self) -> &'static [(&'static str, &'static str)] {
        self.parameters
    }
}
