//! Shows a verdict to people and programs.
//!
//! Each format is a pure function of a [`Report`]: a table for terminals and logs, one HTML file that
//! needs nothing else, and JSON by the report's own `serde`. Nothing here decides anything, reads a
//! clock, or knows where its text goes.

mod report;

pub use crate::report::{Input, Report};
