//! VictoriaMetrics, single or a cluster, by Prometheus's API.
//!
//! ```yaml
//! source: {victoriametrics: {url: http://victoria:8428}}
//! ```
//!
//! A cluster's `url` is that of `vmselect` with the tenant: `http://vmselect:8481/select/0/prometheus`.
//!
//! Queries, births, warnings and failures are [those of Prometheus](prometheus.md). serin's tests ask
//! VictoriaMetrics 1.79, single, where it is installed: the same canaries as Prometheus, with the same
//! verdicts, figure for figure.
//!
//! Every request carries `nocache=1`: without it VictoriaMetrics may move the time of a query to
//! multiples of the step, and answers from a cache that may be older than the last points.
//! `parameters: {nocache: 0}` takes it back.
//!
//! ## Know
//!
//! * It keeps about 15 significant digits: very large or very fine values differ in the last places.
//! * The newest 30 s are left out of answers (`-search.latencyOffset`).
//! * A cluster that lacks a part says `isPartial`: [`partial_answer`](../guide/prometheus.md#partial_answer).
//!   With `parameters: {deny_partial_response: 1}` it fails instead.
//! * MetricsQL that PromQL has not is sent as it stands, if it says `$arm`.
//!
//! Source: <https://docs.victoriametrics.com/victoriametrics/#prometheus-querying-api-usage>.

use super::Relative;

/// VictoriaMetrics.
pub(crate) const VICTORIAMETRICS: Relative = Relative {
    name: "victoriametrics",
    about: "VictoriaMetrics, by Prometheus's API",
    prefix: "",
    parameters: &[("nocache", "1")],
    access: "give the `token`, or the `username` and `password`, that `vmauth` knows, and see that the \
             secret is right",
    signed_for: None,
};
