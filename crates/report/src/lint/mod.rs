//! What is wrong with a Check file, for people and programs.

mod lines;
mod table;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{Finding, FindingCode, Severity};

use crate::report::Input;

pub use lines::lint_lines;
pub use table::lint_table;

/// The findings about one Check file. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LintReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The service that the file is about.
    pub service: String,
    /// The file, and its hash.
    pub check: Input,
    /// What the store was asked; absent where none was, or where it did not answer.
    pub asked: Option<LintAsked>,
    /// How many canaries that are none were judged on the control's history; absent where none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<usize>,
    /// What was found, in the order of the file.
    pub findings: Vec<Finding>,
}

/// What a store was asked in order to find something, and what that brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LintAsked {
    /// What people call the store.
    pub source: String,
    /// How many minutes were asked for.
    pub minutes: f64,
    /// How many requests a judgement of that time makes.
    pub requests: usize,
    /// How many series it brings.
    pub series: usize,
    /// How many samples it brings.
    pub samples: usize,
    /// How far apart the samples lie, where that can be seen.
    pub scrape_seconds: Option<f64>,
}

impl LintReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;

    /// Returns how many findings are this bad.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Returns the JSON Schema of findings (draft 2020-12).
#[must_use]
pub fn lint_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(LintReport);
    schema.insert("$id".to_owned(), "urn:serin:lint:v1".into());
    schema.insert("title".to_owned(), "serin lint".into());
    schema
}

/// Returns every code in a table of GitHub-flavoured Markdown: what is found, and why it matters.
#[must_use]
pub fn lint_codes() -> String {
    let mut text = "| code | severity | what is found | why it matters for the verdict |\n\
                    | --- | --- | --- | --- |\n"
        .to_owned();
    for code in FindingCode::ALL {
        let (severity, found, why) = (code.severity(), code.found(), code.why());
        text.push_str(&format!("| `{code}` | {severity} | {found} | {why} |\n"));
    }
    text
}
