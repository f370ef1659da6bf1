//! How often Checks were right, and whether they are ready to gate, for people and programs.

mod table;
mod verdicts;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{JudgeRevision, Outcome, Rate, Timestamp};

pub use table::scorecard_table;
pub use verdicts::verdicts_table;

/// The scorecards of services. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScorecardReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The rate of false alarms that a Check must be shown to stay below.
    pub bound: f64,
    /// The services that were judged, by name.
    pub services: Vec<ServiceScorecard>,
}

impl ScorecardReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;
}

/// The scorecard of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceScorecard {
    /// The service.
    pub service: String,
    /// Its Checks, by who judged; those that judged last come first.
    pub checks: Vec<CheckScorecard>,
}

/// What came of the verdicts of one Check by one revision of a judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckScorecard {
    /// The SHA-256 of the Check's text; absent where nothing says how its analyses began.
    pub check: Option<String>,
    /// Who judged.
    pub judge: JudgeRevision,
    /// When it first and last judged, in milliseconds since the Unix epoch.
    pub span: (Timestamp, Timestamp),
    /// Verdicts that were acted on, or could have been.
    pub acting: Counts,
    /// Verdicts that nobody acted on, by agreement.
    pub shadow: Counts,
    /// Verdicts on canaries that were none: both arms ran the same.
    pub aa: Counts,
    /// Of the canaries known to be good, without A/A runs, how many failed.
    pub false_alarms: Option<Rate>,
    /// Of the A/A runs, how many failed.
    pub aa_false_alarms: Option<Rate>,
    /// Of the canaries known to be bad that it decided about, how many failed.
    pub caught: Option<Rate>,
    /// Of all verdicts but those of A/A runs, how many were inconclusive.
    pub held: Option<Rate>,
    /// Whether it may gate.
    pub readiness: Readiness,
}

/// How many verdicts came to what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Those that passed.
    pub passed: u64,
    /// Those that were inconclusive.
    pub held: u64,
    /// Those that failed.
    pub failed: u64,
    /// Failed, and rightly.
    pub caught: u64,
    /// Failed, and wrongly.
    pub false_alarms: u64,
    /// Passed, and wrongly.
    pub missed: u64,
    /// Passed, and rightly.
    pub confirmed: u64,
    /// Passed or failed, and nobody can say yet whether rightly.
    pub undecided: u64,
    /// Failed, not known to be wrong, and the change was kept from going on.
    pub prevented: u64,
    /// Overridden by a person: who was right.
    pub overridden: OverriddenCounts,
}

/// Who was right where a person overrode a verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverriddenCounts {
    /// The judge.
    pub judge_right: u64,
    /// The person.
    pub person_right: u64,
    /// Nobody can say yet.
    pub open: u64,
}

/// Whether a Check may gate, and what is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// Whether all of the rule holds.
    pub is_ready: bool,
    /// The rate of false alarms over all canaries known to be good, A/A runs included.
    pub false_alarms: Option<Rate>,
    /// In one sentence: that it is ready, or what is missing.
    pub summary: String,
}

/// The verdicts of a service, and what came of each. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictsReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// The service.
    pub service: String,
    /// Its verdicts, oldest first; withdrawn ones are left out.
    pub verdicts: Vec<ListedVerdict>,
}

impl VerdictsReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;
}

/// A verdict, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListedVerdict {
    /// Its event in the ledger.
    pub event: String,
    /// The analysis.
    pub analysis: String,
    /// The change that was judged, if anybody said which.
    pub change: Option<String>,
    /// When it was given, in milliseconds since the Unix epoch.
    pub occurred_at: Timestamp,
    /// Promote, roll back, or neither.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// Who judged.
    pub judge: JudgeRevision,
    /// The SHA-256 of the Check's text.
    pub check: Option<String>,
    /// Whether nobody acted on it, by agreement.
    pub shadow: bool,
    /// Whether both arms ran the same.
    pub aa: bool,
    /// What it turned out to be.
    pub truth: VerdictTruth,
    /// The label that counts: `right` or `wrong`, and who gave it.
    pub label: Option<Remark>,
    /// What a person decided, and who.
    pub decision: Option<Remark>,
    /// What the change was taken back by.
    pub taken_back_by: Option<String>,
    /// Whether it kept the change from going on.
    pub prevented: bool,
}

/// What a verdict turned out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictTruth {
    /// It failed, and rightly.
    Caught,
    /// It failed, and wrongly.
    FalseAlarm,
    /// It passed, and wrongly.
    Missed,
    /// It passed, and rightly.
    Confirmed,
    /// It passed or failed, and nobody can say yet whether rightly.
    Undecided,
    /// It was inconclusive.
    Held,
}

impl VerdictTruth {
    /// Returns the words for it.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::FalseAlarm => "false alarm",
            Self::Missed => "missed",
            Self::Confirmed => "confirmed",
            Self::Undecided => "undecided",
            Self::Held => "held",
        }
    }
}

/// What somebody said of a verdict.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// What.
    pub word: String,
    /// Who.
    pub by: String,
    /// Why, in a sentence.
    pub reason: Option<String>,
}

/// Returns the JSON Schema of scorecards (draft 2020-12).
#[must_use]
pub fn scorecard_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(ScorecardReport);
    schema.insert("$id".to_owned(), "urn:serin:scorecard:v1".into());
    schema.insert("title".to_owned(), "serin scorecard".into());
    schema
}

/// Returns the JSON Schema of a list of verdicts (draft 2020-12).
#[must_use]
pub fn verdicts_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(VerdictsReport);
    schema.insert("$id".to_owned(), "urn:serin:verdicts:v1".into());
    schema.insert("title".to_owned(), "serin verdicts".into());
    schema
}
