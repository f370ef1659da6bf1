//! The sources there are.

use crate::opentsdb::OpenTsdb;
use crate::prometheus::Prometheus;
use crate::source::Source;

/// Every kind of store that serin can ask: a line each.
pub static SOURCES: &[&dyn Source] = &[&OpenTsdb, &Prometheus];

/// Finds a kind of store by its name.
#[must_use]
pub fn source_named(name: &str) -> Option<&'static dyn Source> {
    SOURCES.iter().copied().find(|source| source.name() == name)
}
