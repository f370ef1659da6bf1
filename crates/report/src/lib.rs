//! Shows a verdict to people and programs.
//!
//! Each format is a pure function of a [`Report`]: [`table()`] for terminals and logs, [`html`] for one
//! file that needs nothing else, and JSON by the report's own `serde`. Nothing here decides anything,
//! reads a clock, or knows where its text goes.

mod align;
mod axis;
mod clock;
mod columns;
mod distribution;
mod forest;
mod label;
mod overlay;
mod page;
mod report;
mod scale;
mod section;
mod svg;
mod table;
mod wording;

pub use crate::page::html;
pub use crate::report::{Input, Report, json_schema};
pub use crate::table::{Style, table};
