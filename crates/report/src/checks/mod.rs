//! Which Checks are in force, and how a folder differs, for people and programs.

mod table;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::Timestamp;

pub use table::{Removal, checks_list_table, checks_plan_table};

/// Which Checks are in force, and how a folder of Checks differs. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChecksReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The folder that was compared with, if one was.
    pub folder: Option<ComparedFolder>,
    /// The Checks, by service and labels: those that are in force, and those of the folder.
    pub checks: Vec<CheckStatus>,
    /// How texts differ, each once, however many Checks extend it.
    pub differences: Vec<TextDifference>,
}

impl ChecksReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;

    /// Returns how many Checks are in a state.
    #[must_use]
    pub fn count(&self, state: CheckState) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    /// Returns whether the folder and what is in force are not the same.
    #[must_use]
    pub fn is_drifted(&self) -> bool {
        self.checks.iter().any(|check| check.state.is_drift())
    }
}

/// A folder of Checks, as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFolder {
    /// What it is called, such as `github.com/acme/checks/production`.
    pub name: String,
    /// The commit that is checked out, where it is in a repository.
    pub commit: Option<String>,
    /// Whether Check files are not as that commit has them.
    pub dirty: bool,
    /// How many Checks it has.
    pub checks: usize,
    /// How many warnings `serin lint` has of them.
    pub warnings: usize,
}

/// How a Check of the folder and the one in force compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// In force; it is not of the folder that was compared with.
    Applied,
    /// In force as the folder has it.
    InSync,
    /// The folder has it, and it is not in force.
    NotApplied,
    /// The folder has other texts.
    Changed,
    /// In force, and no longer in the folder that it came from.
    Left,
    /// The folder has one, and another folder's is in force.
    Taken,
}

impl CheckState {
    /// Returns whether the folder and what is in force are not the same.
    #[must_use]
    pub fn is_drift(self) -> bool {
        match self {
            Self::Applied | Self::InSync => false,
            Self::NotApplied | Self::Changed | Self::Left | Self::Taken => true,
        }
    }
}

/// A Check that is in force, or of the folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckStatus {
    /// The service.
    pub service: String,
    /// What narrows it down: the labels of the Check's `scope`.
    pub labels: BTreeMap<String, String>,
    /// How the folder and what is in force compare.
    pub state: CheckState,
    /// Its file in the folder that was compared with.
    pub file: Option<String>,
    /// The texts that differ, by their names.
    pub differs: Vec<String>,
    /// The newest commit that touched the texts that differ, where they are committed.
    pub changed_by: Option<String>,
    /// When that commit was made, in milliseconds since the Unix epoch: since when the two differ.
    pub changed_at: Option<Timestamp>,
    /// What is in force.
    pub applied: Option<AppliedCheck>,
}

impl CheckStatus {
    /// Returns what people call it, such as `checkout{region=eu}`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.labels.is_empty() {
            return self.service.clone();
        }
        let labels: Vec<String> =
            self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}{{{}}}", self.service, labels.join(", "))
    }
}

/// A Check that is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedCheck {
    /// The event that applied it.
    pub event: String,
    /// Since when it is in force, in milliseconds since the Unix epoch.
    pub since: Timestamp,
    /// Who applied it.
    pub by: String,
    /// The folder that it came from.
    pub folder: Option<String>,
    /// Its file in that folder.
    pub file: Option<String>,
    /// The commit that was checked out then.
    pub commit: Option<String>,
    /// Whether its texts were not as that commit has them.
    pub dirty: bool,
    /// The Check file and those that it extends, the nearest first.
    pub texts: Vec<AppliedText>,
}

/// A text of a Check that is in force; it is evidence in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedText {
    /// Its path in the repository or the folder.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// How a text of the folder differs from the one in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TextDifference {
    /// The text.
    pub name: String,
    /// The difference, as `patch` reads it; empty where the text in force is no longer kept.
    pub difference: String,
}

/// Returns the JSON Schema of a list of Checks (draft 2020-12).
#[must_use]
pub fn checks_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(ChecksReport);
    schema.insert("$id".to_owned(), "urn:serin:checks:v1".into());
    schema.insert("title".to_owned(), "serin checks".into());
    schema
}
