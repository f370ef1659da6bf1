//! Prometheus's relatives by name: the same adapter, with what each adds to a request.

mod amazon_managed_prometheus;
mod grafana_cloud;
mod mimir;
mod thanos;
mod victoriametrics;

use serin_model::Timestamp;

use crate::prometheus::Prometheus;
use crate::rows::shown;
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
    /// What to do where it does not let in whoever asks.
    access: &'static str,
    /// The service of AWS that requests are signed for, if they are.
    signed_for: Option<&'static str>,
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
        let of_aws = || self.signed_for.and_then(|_| words_of_aws(body));
        Prometheus.words(body).or_else(of_aws)
    }

    fn hint(&self, status: u16, words: &str) -> Option<&'static str> {
        match status {
            401 | 403 => Some(self.access),
            _ => Prometheus.hint(status, words),
        }
    }

    fn prefix(&self) -> &'static str {
        self.prefix
    }

    fn usual_parameters(&self) -> &'static [(&'static str, &'static str)] {
        self.parameters
    }

    fn signed_for(&self) -> Option<&'static str> {
        self.signed_for
    }
}

/// Returns what stands before the API says, in AWS' way.
fn words_of_aws(body: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    let words = document.get("message").or_else(|| document.get("Message"))?;
    Some(shown(words.as_str()?, LONGEST_WORDS))
}

/// In characters.
const LONGEST_WORDS: usize = 400;
