//! What can be seen of a canary before it begins, for people and programs.

mod curve;
mod markdown;
mod page;
mod sparkline;
mod table;
pub(crate) mod wording;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{Plan, Timestamp};

use crate::report::Input;

pub use markdown::plan_markdown;
pub use page::plan_html;
pub use table::plan_table;
pub use wording::summary;

/// A plan, and what it was made from. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The service that shall be rolled out.
    pub service: String,
    /// The labels that select the control, as `name=value` pairs.
    pub control: String,
    /// The first and the last moment of the control's history, in milliseconds since the Unix epoch.
    pub history: Option<(Timestamp, Timestamp)>,
    /// The plan in one sentence.
    pub summary: String,
    /// What can be seen.
    pub plan: Plan,
    /// What the source's answers made serin say, a sentence each.
    pub doubts: Vec<String>,
    /// Where the Check was read from, and its hash.
    pub check: Input,
    /// What else was read: the recording, or the points that a store gave.
    pub inputs: Vec<Input>,
}

impl PlanReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;
}

/// Returns the JSON Schema of a plan (draft 2020-12).
#[must_use]
pub fn plan_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(PlanReport);
    schema.insert("$id".to_owned(), "urn:serin:plan:v1".into());
    schema.insert("title".to_owned(), "serin plan".into());
    schema
}
