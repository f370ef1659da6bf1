//! Grafana Cloud Metrics, by Prometheus's API under `/api/prom`.
//!
//! ```yaml
//! source:
//!   grafana_cloud:
//!     url: https://prometheus-prod-01-eu-west-0.grafana.net
//!     username: "123456"                              # the number of the instance
//!     password: {env: GRAFANA_CLOUD_TOKEN}            # an access policy's token that may read metrics
//! ```
//!
//! Queries, births, warnings and failures are [those of Prometheus](prometheus.md). Nobody has asked
//! Grafana Cloud itself; serin's tests ask a Prometheus that has its API under the same path.
//!
//! Address and number stand on the stack's page, under Prometheus, as those of a data source. The path
//! `/api/prom` stands between the address and `/api/v1`, unless the address ends with it already.
//!
//! ## Know
//!
//! * 401: number and token do not belong together, or the token's policy lacks `metrics:read`.
//! * 429: lower `in_flight`; serin waits as long as it is told to.
//!
//! Source: <https://grafana.com/docs/grafana-cloud/send-data/metrics/metrics-prometheus/>.

use super::Relative;

/// Grafana Cloud Metrics.
pub(crate) const GRAFANA_CLOUD: Relative = Relative {
    name: "grafana_cloud",
    about: "Grafana Cloud Metrics, by Prometheus's API under `/api/prom`",
    prefix: "/api/prom",
    parameters: &[],
    access: "see that `username` is the number of the instance, and `password` a token whose policy has \
             `metrics:read`",
    signed_for: None,
};
