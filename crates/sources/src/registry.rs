//! The sources there are.

use crate::amazon_managed_prometheus::AmazonManagedPrometheus;
use crate::cloudwatch::CloudWatch;
use crate::datadog::{Datadog, DatadogV1};
use crate::postgres::Postgres;
use crate::prometheus::Prometheus;
use crate::source::Source;

/// Every kind of store that serin can ask: a line each.
pub static SOURCES: &[&dyn Source] =
    &[&Prometheus, &Datadog, &DatadogV1, &CloudWatch, &AmazonManagedPrometheus, &Postgres];

/// Finds a kind of store by its name.
#[must_use]
pub fn source_named(name: &str) -> Option<&'static dyn Source> {
    SOURCES.iter().copied().find(|source| source.name() == name)
}
