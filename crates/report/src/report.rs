//! A verdict with all that is needed to believe it, and to make it again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{Timestamp, Trace, Verdict};

/// A verdict, what it was asked, and what it was made from. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The service under test.
    pub service: String,
    /// The labels that select the control, as `name=value` pairs.
    pub control: String,
    /// The labels that select the canary, as `name=value` pairs.
    pub canary: String,
    /// The length of one bin, in seconds.
    pub step_seconds: u32,
    /// The start of the first and of the last bin that was judged, in milliseconds since the Unix
    /// epoch.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The answer.
    pub verdict: Verdict,
    /// Where the Check (or Kayenta's config) was read from, and its hash.
    pub check: Input,
    /// The text of the Check.
    pub check_text: String,
    /// What else was read: Kayenta's request if there was one, and the recording.
    pub inputs: Vec<Input>,
    /// The points of each metric, in the order of the verdict's metrics. JSON leaves them out.
    #[serde(skip)]
    pub traces: Vec<Trace>,
}

impl Report {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;
}

/// Returns the JSON Schema of a report (draft 2020-12).
#[must_use]
pub fn json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Report);
    schema.insert("$id".to_owned(), "urn:serin:report:v1".into());
    schema.insert("title".to_owned(), "serin report".into());
    schema
}

/// A file that was read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// Where it was read from, or `standard input`.
    pub path: String,
    /// The SHA-256 of its bytes as stored, in hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}
