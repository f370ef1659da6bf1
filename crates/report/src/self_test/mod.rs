//! How often the judge errs on canaries that are none, for people and programs.

mod markdown;
mod table;
mod wording;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{SelfTest, Timestamp};

use crate::report::Input;

pub use markdown::self_test_markdown;
pub use table::self_test_table;
pub use wording::{recommendations_in_words, self_test_summary};

/// A self-test, and what it was made from. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTestReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The service whose Check was tested.
    pub service: String,
    /// The labels that select the control, as `name=value` pairs.
    pub control: String,
    /// The first and the last moment of the control's history, in milliseconds since the Unix epoch.
    pub history: Option<(Timestamp, Timestamp)>,
    /// The test in one sentence.
    pub summary: String,
    /// What the splits show.
    pub self_test: SelfTest,
    /// What to write into the Check file instead, as YAML; empty where nothing is recommended.
    pub changes: String,
    /// What the source's answers made serin say, a sentence each.
    pub doubts: Vec<String>,
    /// Where the Check was read from, and its hash.
    pub check: Input,
    /// What else was read: the recording, or the points that a store gave.
    pub inputs: Vec<Input>,
}

impl SelfTestReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;
}

/// Returns the JSON Schema of a self-test (draft 2020-12).
#[must_use]
pub fn self_test_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(SelfTestReport);
    schema.insert("$id".to_owned(), "urn:serin:selftest:v1".into());
    schema.insert("title".to_owned(), "serin selftest".into());
    schema
}
