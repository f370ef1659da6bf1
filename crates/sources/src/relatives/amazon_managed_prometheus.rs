//! Amazon Managed Service for Prometheus: Prometheus's API, with signed requests.
//!
//! ```yaml
//! source:
//!   amazon_managed_prometheus:
//!     url: https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0a1b2c3d
//! ```
//!
//! Queries, births, warnings and failures are [those of Prometheus](prometheus.md). The workspace is
//! part of the `url`.
//!
//! Requests are signed (SigV4), as those of [`cloudwatch`](cloudwatch.md) are and with the same keys:
//! `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, where it is set, `AWS_SESSION_TOKEN`, or what
//! stands under `aws`. The region is that of the address unless `aws: {region: …}` says it.
//!
//! ## Know
//!
//! * Whoever asks needs `aps:QueryMetrics`.
//! * A proxy that signs, such as AWS' own `aws-sigv4-proxy`, is asked as `prometheus`: what is behind
//!   it needs no key here.
//!
//! The signature is held against AWS' own test cases; serin's tests ask a Prometheus by this name.
//! Nobody has asked the service itself.
//!
//! Source: <https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-APIReference-Prometheus-Compatible-Apis.html>.

use super::Relative;

/// Amazon Managed Service for Prometheus.
pub(crate) const AMAZON_MANAGED_PROMETHEUS: Relative = Relative {
    name: "amazon_managed_prometheus",
    about: "Amazon Managed Service for Prometheus, with signed requests",
    prefix: "",
    parameters: &[],
    access: "see that the key of AWS is right and in force, that the region is that of the workspace, \
             and that the key may do `aps:QueryMetrics`",
    signed_for: Some("aps"),
};
