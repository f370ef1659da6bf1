//! The sources there are.

use crate::cloudwatch::CloudWatch;
use crate::datadog::Datadog;
use crate::datadog_v1::DatadogV1;
use crate::graphite::Graphite;
use crate::influxdb::InfluxDb;
use crate::opentsdb::OpenTsdb;
use crate::postgres::Postgres;
use crate::prometheus::Prometheus;
use crate::relatives::{AMAZON_MANAGED_PROMETHEUS, GRAFANA_CLOUD, MIMIR, THANOS, VICTORIAMETRICS};
use crate::source::Source;

/// Every kind of store that serin can ask: a line each.
pub static SOURCES: &[&dyn Source] = &[
    &AMAZON_MANAGED_PROMETHEUS,
    &CloudWatch,
    &Datadog,
    &DatadogV1,
    &GRAFANA_CLOUD,
    &Graphite,
    &InfluxDb,
    &MIMIR,
    &OpenTsdb,
    &Postgres,
    &Prometheus,
    &THANOS,
    &VICTORIAMETRICS,
];

/// Finds a kind of store by its name.
#[must_use]
pub fn source_named(name: &str) -> Option<&'static dyn Source> {
    SOURCES.iter().copied().find(|source| source.name() == name)
}
