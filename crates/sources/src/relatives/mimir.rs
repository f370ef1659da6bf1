//! Mimir and Cortex, by Prometheus's API under `/prometheus`.
//!
//! ```yaml
//! source:
//!   mimir:
//!     url: http://mimir:8080
//!     headers: {X-Scope-OrgID: team-a}
//! ```
//!
//! Queries, births, warnings and failures are [those of Prometheus](prometheus.md). No Mimir runs in
//! serin's tests; they ask a Prometheus that has its API under the same path.
//!
//! The path `/prometheus` stands between the address and `/api/v1`, unless the address ends with it
//! already. Where `-http.prometheus-http-prefix` (Cortex: the same) is another, write it into the `url`
//! of a `prometheus` source.
//!
//! ## Know
//!
//! * Without the tenant's header it answers 401, `no org id`. `X-Scope-OrgID: a|b` asks several, where
//!   tenant federation is on; series then have the label `__tenant_id__`.
//! * `-querier.max-query-lookback` and `-store.max-query-length` refuse long times in words.
//! * Samples may arrive late behind several distributors: let `--end` lie a few minutes back, or watch
//!   with a step of a minute.
//!
//! Source: <https://grafana.com/docs/mimir/latest/references/http-api/>,
//! <https://cortexmetrics.io/docs/api/>.

use super::Relative;

/// Mimir, and Cortex.
pub(crate) const MIMIR: Relative = Relative {
    name: "mimir",
    about: "Mimir and Cortex, by Prometheus's API under `/prometheus`; the tenant is a header",
    prefix: "/prometheus",
    parameters: &[],
    access: "name the tenant, `headers: {X-Scope-OrgID: team-a}`; to a gateway before it give `token`, or \
             `username` and `password`, and see that the secret is right",
    signed_for: None,
};
