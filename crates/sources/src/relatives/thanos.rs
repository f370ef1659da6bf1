//! Thanos, by the API of its querier or query frontend.
//!
//! ```yaml
//! source: {thanos: {url: http://thanos-query:10902}}
//! ```
//!
//! Queries, births, warnings and failures are [those of Prometheus](prometheus.md). No Thanos runs in
//! serin's tests; they ask a Prometheus with the parameters below, which it leaves alone.
//!
//! Every request carries:
//!
//! | parameter | why |
//! | --- | --- |
//! | `dedup=true` | two Prometheus servers that scrape the same pods are two series of each: counts would double |
//! | `partial_response=false` | a store that does not answer is a failure of the query, not a quiet gap. With `true` it is a warning of Thanos', `source_notice` |
//! | `max_source_resolution=0s` | raw samples: those downsampled to 5 minutes and an hour are no counters to count from |
//!
//! `parameters: {partial_response: true}` and so on take them back, one by one.
//!
//! ## Know
//!
//! * The querier must know which labels tell Prometheus servers apart (`--query.replica-label`), or it
//!   has nothing to deduplicate by. serin says `gave the same series twice`, or finds that label in
//!   [`unlike_labels`](../guide/prometheus.md#unlike_labels).
//! * With `--web.route-prefix` the prefix belongs into `url`.
//! * Behind a frontend for tenants: `headers: {THANOS-TENANT: team-a}`.
//!
//! Source: <https://thanos.io/tip/components/query.md/>.

use super::Relative;

/// Thanos.
pub(crate) const THANOS: Relative = Relative {
    name: "thanos",
    about: "Thanos, by Prometheus's API: deduplicated, whole answers, raw samples",
    prefix: "",
    parameters: &[
        ("dedup", "true"),
        ("max_source_resolution", "0s"),
        ("partial_response", "false"),
    ],
    access: "give `token`, or `username` and `password`, and see that the secret is right; where there are \
             tenants, name one: `headers: {THANOS-TENANT: team-a}`",
    signed_for: None,
};
