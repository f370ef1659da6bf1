//! What is known to be good, and what changed since, for people and programs.

mod table;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{JudgeRevision, Timestamp};

pub use table::{changes_table, known_good_table};

/// The changes of a service, scope by scope. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangesReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The service.
    pub service: String,
    /// The moment after which changes are listed, where one was asked for.
    pub since: Option<Timestamp>,
    /// Its scopes, by their labels.
    pub scopes: Vec<ScopeChanges>,
}

impl ChangesReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;
}

/// The changes of one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScopeChanges {
    /// What tells the scope from others of the service.
    pub labels: BTreeMap<String, String>,
    /// The newest change that is known to be good, if any is.
    pub known_good: Option<KnownGoodChange>,
    /// The changes after that, or after the moment that was asked for, oldest first.
    pub changes: Vec<NotedChange>,
}

/// A change that is known to be good, and what proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KnownGoodChange {
    /// The change.
    pub change: NotedChange,
    /// The verdict that proves it.
    pub proof: Proof,
}

/// A verdict that proves a change to be good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// Its event in the ledger.
    pub event: String,
    /// The analysis.
    pub analysis: String,
    /// Who judged.
    pub judge: JudgeRevision,
    /// When it was given, in milliseconds since the Unix epoch.
    pub occurred_at: Timestamp,
    /// Why, in a sentence.
    pub reason: Option<String>,
}

/// A change that is in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotedChange {
    /// Its event in the ledger.
    pub event: String,
    /// What analyses call it.
    pub subject: String,
    /// What was altered: `deploy`, `config`, `flag`, `infrastructure`, `heal`, `rollback` or `manual`.
    pub what: String,
    /// The version that it came from.
    pub from: Option<String>,
    /// The version that it went to.
    pub to: Option<String>,
    /// Where to read more.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// A remark for people.
    pub note: Option<String>,
    /// When it was, or began, in milliseconds since the Unix epoch.
    pub occurred_at: Timestamp,
    /// When it was over, if anybody said so.
    pub ended_at: Option<Timestamp>,
    /// When the ledger heard of it.
    pub known_at: Timestamp,
}

/// Returns the JSON Schema of a list of changes (draft 2020-12).
#[must_use]
pub fn changes_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(ChangesReport);
    schema.insert("$id".to_owned(), "urn:serin:changes:v1".into());
    schema.insert("title".to_owned(), "serin changes".into());
    schema
}
