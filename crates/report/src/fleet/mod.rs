//! The verdicts on a whole fleet, for people and programs.

mod lines;
mod markdown;
mod page;
mod table;
mod wording;

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{JudgedMetric, Outcome};

use crate::report::{Input, Report};

pub use lines::fleet_lines;
pub use markdown::fleet_markdown;
pub use page::fleet_html;
pub use table::fleet_table;
pub use wording::fleet_headline;

/// The verdicts on every canary of a fleet. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// What all of it is called.
    pub fleet: String,
    /// The labels that tell members apart.
    pub for_each: Vec<String>,
    /// The worst outcome of any member; inconclusive where none was judged.
    pub outcome: Outcome,
    /// The members that have a canary, worst first: each with its verdict, and the values of its labels,
    /// joined by `/`, for the service.
    pub members: Vec<Report>,
    /// Those of which the source has the control alone: nothing of theirs is rolled out.
    pub without_canary: Vec<String>,
    /// How many series do not say which member they are of; no verdict knows of them.
    pub strays: usize,
    /// What must be known of the reading, a sentence each.
    pub notes: Vec<String>,
    /// Where the Check was read from, and its hash.
    pub check: Input,
    /// What was read of all members at once.
    pub inputs: Vec<Input>,
}

impl FleetReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;

    /// Puts the worst first, and finds out the outcome of all.
    #[must_use]
    pub fn ranked(mut self) -> Self {
        self.members.sort_by(worst_first);
        self.without_canary.sort();
        let worst = self.members.first().map(|member| member.verdict.outcome);
        self.outcome = worst.unwrap_or(Outcome::Inconclusive);
        self
    }

    /// Returns how many members have an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.with(outcome).count()
    }

    pub(crate) fn with(&self, outcome: Outcome) -> impl Iterator<Item = (usize, &Report)> {
        self.members.iter().enumerate().filter(move |(_, it)| it.verdict.outcome == outcome)
    }
}

/// Puts what failed before what is undecided, the strongest evidence first, and names in their order.
fn worst_first(a: &Report, b: &Report) -> Ordering {
    let (outcome, strength) = (|it: &Report| it.verdict.outcome, |it: &Report| strength(it));
    outcome(b)
        .cmp(&outcome(a))
        .then_with(|| strength(b).total_cmp(&strength(a)))
        .then_with(|| a.service.cmp(&b.service))
}

/// Returns the strongest evidence of harm, as a share of what fails a canary alone; where Kayenta's judge
/// scored, how far the score lies below 100.
fn strength(report: &Report) -> f64 {
    let of_metric = |metric: &JudgedMetric| {
        let evidence = metric.evidence.as_ref().filter(|_| !metric.muted)?;
        Some(evidence.harm / evidence.harm_needed.max(f64::MIN_POSITIVE))
    };
    let strongest = report.verdict.metrics.iter().filter_map(of_metric).reduce(f64::max);
    strongest.unwrap_or(1.0 - report.verdict.scorecard.score / 100.0)
}

/// Returns the JSON Schema of a fleet's verdicts (draft 2020-12).
#[must_use]
pub fn fleet_json_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(FleetReport);
    schema.insert("$id".to_owned(), "urn:serin:fleet:v1".into());
    schema.insert("title".to_owned(), "serin fleet".into());
    schema
}
