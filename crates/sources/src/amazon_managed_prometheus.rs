//! Amazon Managed Service for Prometheus: Prometheus's API, with signed requests.
//!
//! ```yaml
//! source:
//!   amazon_managed_prometheus:
//!     url: https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0a1b2c3d
//! ```
//!
//! Queries, counters and warnings are those of `prometheus`. Requests are signed (SigV4) as those of
//! `cloudwatch` are, with the same keys: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where it is
//! set, `AWS_SESSION_TOKEN`, or what stands under `aws`. Whoever asks needs `aps:QueryMetrics`.
//!
//! A Prometheus behind a proxy that signs is asked as `prometheus`.
//!
//! The signature is held against AWS's own library, and the rest against a real Prometheus; a
//! workspace of AWS's was not asked.
//!
//! Source: <https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-APIReference-Prometheus-Compatible-Apis.html>.

use serin_model::Timestamp;

use crate::prometheus::Prometheus;
use crate::source::{Answer, AnswerError, Asked, Plan, QueryError, Request, Source};

/// Amazon Managed Service for Prometheus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AmazonManagedPrometheus;

impl Source for AmazonManagedPrometheus {
    fn name(&self) -> &'static str {
        "amazon_managed_prometheus"
    }

    fn about(&self) -> &'static str {
        "Amazon Managed Service for Prometheus, with signed requests"
    }

    fn signed_for(&self) -> Option<&'static str> {
        Some("aps")
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

    fn words(&self, body: &[u8]) -> Option<String> {
        Prometheus.words(body).or_else(|| {
            // What stands before the API answers in AWS's way.
            let document: serde_json::Value = serde_json::from_slice(body).ok()?;
            let words = document.get("message").or_else(|| document.get("Message"))?;
            Some(crate::rows::shown(words.as_str()?, 400))
        })
    }
}
