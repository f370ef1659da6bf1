//! Amazon Managed Service for Prometheus, by Prometheus's API.
//!
//! ```yaml
//! source:
//!   amazon_managed_prometheus:
//!     url: http://localhost:8005/workspaces/ws-12345678-1234-1234-1234-123456789012
//! ```
//!
//! Queries, births, warnings and failures are [those of Prometheus](prometheus.md). Nobody has asked
//! the service itself; serin's tests ask a Prometheus by this name.
//!
//! The service takes requests that are signed (Signature Version 4, service `aps`), and this source
//! does not sign. Let a signing proxy stand between, such as AWS' own `aws-sigv4-proxy`, which asks
//! `https://aps-workspaces.eu-west-1.amazonaws.com`. The workspace is part of the `url`.
//!
//! ## Know
//!
//! * 403 with `Missing Authentication Token`: the request was not signed.
//! * Whoever signs needs `aps:QueryMetrics`.
//!
//! Source: <https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-APIReference-Prometheus-Compatible-Apis.html>.

use super::Relative;

/// Amazon Managed Service for Prometheus.
pub(crate) const AMAZON_MANAGED_PROMETHEUS: Relative = Relative {
    name: "amazon_managed_prometheus",
    about: "Amazon Managed Service for Prometheus, through a proxy that signs",
    prefix: "",
    parameters: &[],
};
