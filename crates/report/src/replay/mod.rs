//! What a changed Check, or a newer judge, would have said of verdicts that are known, for people and programs.

mod markdown;
mod table;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serin_model::{JudgeRevision, Outcome, Timestamp};

use crate::clock;

pub use markdown::replay_markdown;
pub use table::replay_table;

/// What would have been said. Version 1 of the written format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayReport {
    /// The version of this format.
    pub version: u32,
    /// Which serin wrote it.
    pub serin: String,
    /// Who judged again.
    pub judge: JudgeRevision,
    /// The changed Checks; none where each verdict was judged again by its own.
    pub checks: Vec<ReplayedCheck>,
    /// When the newer part begins: a third of the verdicts; absent where there are fewer than three.
    pub split_at: Option<Timestamp>,
    /// Of the older part, by which a Check may be tuned.
    pub older: ReplayCounts,
    /// Of the newer part, which says whether that holds.
    pub newer: ReplayCounts,
    /// The verdicts that would have been others, oldest first.
    pub flips: Vec<Flip>,
    /// The verdicts of which it cannot be told, oldest first.
    pub untold: Vec<Untold>,
}

impl ReplayReport {
    /// The version of the format that this library writes.
    pub const VERSION: u32 = 1;

    /// Returns whether something is worse than it was: a bad canary would be missed, or a good one blocked.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        let all = self.all();
        all.missed + all.blocked > 0
    }

    /// Returns the counts of both parts together.
    #[must_use]
    pub fn all(&self) -> ReplayCounts {
        let (a, b) = (&self.older, &self.newer);
        ReplayCounts {
            verdicts: a.verdicts + b.verdicts,
            good: a.good + b.good,
            bad: a.bad + b.bad,
            caught: a.caught + b.caught,
            missed: a.missed + b.missed,
            blocked: a.blocked + b.blocked,
            released: a.released + b.released,
            changed: a.changed + b.changed,
        }
    }

    /// Says in a sentence what would be different.
    #[must_use]
    pub fn sentence(&self) -> String {
        let all = self.all();
        let who = if self.checks.is_empty() { "this judge" } else { "the changed Check" };
        if all.verdicts == 0 {
            return "nothing could be judged again".to_owned();
        }
        if self.flips.is_empty() {
            return format!("{who} says the same of all {} verdicts", all.verdicts);
        }
        let mut parts = Vec::new();
        let caught: Vec<String> =
            self.flips.iter().filter(|it| it.kind == FlipKind::Catches).map(Flip::deploy).collect();
        match caught.as_slice() {
            [] => {}
            [one] => parts.push(format!("would have failed {one}, which was bad")),
            many => {
                let words =
                    format!("would have failed {} of {} bad ones more", many.len(), all.bad);
                parts.push(words);
            }
        }
        if all.missed > 0 {
            parts.push(format!(
                "would miss {} of {} bad ones that were caught",
                all.missed, all.bad
            ));
        }
        if all.blocked > 0 {
            let also = if parts.is_empty() { "" } else { "also " };
            parts.push(format!("would {also}block {} of {} good ones", all.blocked, all.good));
        }
        if all.released > 0 {
            parts.push(format!("would let {} go that were blocked wrongly", all.released));
        }
        if all.changed > 0 {
            parts.push(format!("would say something else of {}", all.changed));
        }
        format!("{who} {}", parts.join("; "))
    }
}

/// A Check that was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayedCheck {
    /// The service.
    pub service: String,
    /// The file.
    pub path: String,
    /// The SHA-256 of its text.
    pub sha256: String,
    /// The metrics that some verdict has no points of, because the store was never asked for them.
    pub not_stored: Vec<String>,
}

/// How many verdicts would be what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayCounts {
    /// Verdicts that were judged again.
    pub verdicts: u64,
    /// Canaries that were good: somebody says so, both arms ran the same, or they passed and nobody took them back.
    pub good: u64,
    /// Canaries that were bad: somebody says so, or they were taken back.
    pub bad: u64,
    /// Bad ones that would fail and did not.
    pub caught: u64,
    /// Bad ones that failed and would not.
    pub missed: u64,
    /// Good ones that would fail and did not.
    pub blocked: u64,
    /// Good ones that failed and would not.
    pub released: u64,
    /// Others of which something else would be said.
    pub changed: u64,
}

impl ReplayCounts {
    /// Counts a verdict that would be another.
    pub fn add(&mut self, kind: FlipKind) {
        *match kind {
            FlipKind::Catches => &mut self.caught,
            FlipKind::Misses => &mut self.missed,
            FlipKind::Blocks => &mut self.blocked,
            FlipKind::Releases => &mut self.released,
            FlipKind::Changes => &mut self.changed,
        } += 1;
    }
}

/// What is known of a canary, beside what was said of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CanaryTruth {
    /// It was good: somebody says so, both arms ran the same, or it passed and nobody took it back.
    Good,
    /// It was bad: somebody says so, or it was taken back.
    Bad,
    /// Nobody can say.
    Unknown,
}

/// What it means that a verdict would be another.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlipKind {
    /// A bad canary would fail.
    Catches,
    /// A bad canary would not fail any more.
    Misses,
    /// A good canary would fail.
    Blocks,
    /// A good canary would not fail any more.
    Releases,
    /// The truth does not say which is better.
    Changes,
}

impl FlipKind {
    /// Returns what it means that a verdict becomes another; nothing where it stays.
    #[must_use]
    pub fn of(truth: CanaryTruth, was: Outcome, would_be: Outcome) -> Option<Self> {
        if was == would_be {
            return None;
        }
        Some(match (truth, was, would_be) {
            (CanaryTruth::Bad, _, Outcome::Fail) => Self::Catches,
            (CanaryTruth::Bad, Outcome::Fail, _) => Self::Misses,
            (CanaryTruth::Good, _, Outcome::Fail) => Self::Blocks,
            (CanaryTruth::Good, Outcome::Fail, _) => Self::Releases,
            (_, _, _) => Self::Changes,
        })
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Catches => "catches a bad one",
            Self::Misses => "misses a bad one",
            Self::Blocks => "blocks a good one",
            Self::Releases => "lets a good one go",
            Self::Changes => "says something else",
        }
    }

    fn is_worse(self) -> bool {
        matches!(self, Self::Misses | Self::Blocks)
    }
}

/// A verdict that would be another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flip {
    /// The event of the verdict.
    pub event: String,
    /// The service.
    pub service: String,
    /// The change that was judged, if anybody said which.
    pub change: Option<String>,
    /// When it was said, in milliseconds since the Unix epoch.
    pub occurred_at: Timestamp,
    /// What was said.
    pub was: Outcome,
    /// What would be said.
    pub would_be: Outcome,
    /// Why, in a sentence.
    pub reason: String,
    /// What is known of the canary.
    pub truth: CanaryTruth,
    /// What that means.
    pub kind: FlipKind,
    /// Whether it is in the newer part.
    pub is_newer: bool,
}

impl Flip {
    /// Returns what people call it.
    fn deploy(&self) -> String {
        format!("the {} deploy of {}", clock::formatted(self.occurred_at, "%H:%M"), self.service)
    }
}

/// A verdict of which it cannot be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Untold {
    /// The event of the verdict.
    pub event: String,
    /// The service.
    pub service: String,
    /// When it was said, in milliseconds since the Unix epoch.
    pub occurred_at: Timestamp,
    /// What was said.
    pub was: Outcome,
    /// Why it cannot be told.
    pub why: String,
}

/// Returns the JSON Schema of a [`ReplayReport`].
#[must_use]
pub fn replay_json_schema() -> schemars::Schema {
    schemars::schema_for!(ReplayReport)
}

/// Reasons why verdicts cannot be told, each with how many, the most frequent first.
fn reasons(untold: &[Untold]) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    untold.iter().for_each(|it| *counts.entry(&it.why).or_default() += 1);
    let mut counts: Vec<(String, usize)> =
        counts.into_iter().map(|(why, count)| (why.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(flips: &[(CanaryTruth, Outcome, Outcome)]) -> ReplayReport {
        let mut newer = ReplayCounts { verdicts: 220, good: 214, bad: 4, ..Default::default() };
        let flip = |&(truth, was, would_be): &(CanaryTruth, Outcome, Outcome)| {
            let kind = FlipKind::of(truth, was, would_be).unwrap();
            newer.add(kind);
            Flip {
                event: "01a1fd8e".to_owned(),
                service: "checkout".to_owned(),
                change: Some("change/1.4".to_owned()),
                occurred_at: Timestamp::from_seconds(1_795_253_640),
                was,
                would_be,
                reason: "errors | is higher".to_owned(),
                truth,
                kind,
                is_newer: true,
            }
        };
        let flips = flips.iter().map(flip).collect();
        let not_stored = vec!["threads".to_owned()];
        let check = ReplayedCheck {
            service: "checkout".to_owned(),
            path: "checkout.yaml".to_owned(),
            sha256: "9b5c".to_owned(),
            not_stored,
        };
        ReplayReport {
            version: ReplayReport::VERSION,
            serin: "0.1.0".to_owned(),
            judge: JudgeRevision { name: "sequential".to_owned(), revision: 1 },
            checks: vec![check],
            split_at: Some(Timestamp::from_seconds(1_795_000_000)),
            older: ReplayCounts::default(),
            newer,
            flips,
            untold: Vec::new(),
        }
    }

    #[test]
    fn one_sentence_says_it() {
        use CanaryTruth::{Bad, Good};
        use Outcome::{Fail, Pass};
        let blocks = (Good, Pass, Fail);
        let report = report(&[(Bad, Pass, Fail), blocks, blocks, blocks, (Bad, Fail, Pass)]);
        assert_eq!(
            report.sentence(),
            "the changed Check would have failed the 09:34 deploy of checkout, which was bad; would miss 1 of 4 bad \
             ones that were caught; would also block 3 of 214 good ones"
        );
        assert!(report.is_worse());
        insta::assert_snapshot!(replay_markdown(&report));
        let style = crate::Style { colour: false, width: 120 };
        insta::assert_snapshot!("table", replay_table(&report, style));
    }

    #[test]
    fn what_is_better_or_the_same_is_not_worse() {
        use CanaryTruth::{Bad, Good, Unknown};
        use Outcome::{Fail, Inconclusive, Pass};
        let better = [
            (Bad, Pass, Fail),
            (Good, Fail, Pass),
            (Unknown, Fail, Pass),
            (Good, Pass, Inconclusive),
        ];
        assert!(!report(&better).is_worse());
        let report = report(&[]);
        assert!(!report.is_worse());
        assert_eq!(report.sentence(), "the changed Check says the same of all 220 verdicts");
    }

    #[test]
    fn the_truth_says_what_a_flip_means() {
        use CanaryTruth::{Bad, Good, Unknown};
        use Outcome::{Fail, Inconclusive, Pass};
        let rows = [
            (Bad, Pass, Fail, Some(FlipKind::Catches)),
            (Bad, Inconclusive, Fail, Some(FlipKind::Catches)),
            (Bad, Fail, Inconclusive, Some(FlipKind::Misses)),
            (Bad, Fail, Pass, Some(FlipKind::Misses)),
            (Bad, Fail, Fail, None),
            (Good, Pass, Fail, Some(FlipKind::Blocks)),
            (Good, Fail, Pass, Some(FlipKind::Releases)),
            (Good, Pass, Inconclusive, Some(FlipKind::Changes)),
            (Unknown, Pass, Fail, Some(FlipKind::Changes)),
        ];
        for (truth, was, would_be, expected) in rows {
            assert_eq!(
                FlipKind::of(truth, was, would_be),
                expected,
                "{truth:?} {was:?} {would_be:?}"
            );
        }
    }
}
