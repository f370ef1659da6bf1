//! How often the judge errs on canaries that are none: a written format of its own, version 1
//! (`docs/schema/selftest-v1.json`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Worse;
use crate::measure::MeasureKind;
use crate::verdict::JudgeRevision;

/// How many pretended canaries there shall be, and of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitsAsked {
    /// How many times the control is split into a pretended control and a pretended canary.
    pub splits: usize,
    /// Which splits: the same seed gives the same.
    pub seed: u64,
    /// How often the judge looks, in seconds.
    pub step_seconds: u32,
    /// How long each pretended analysis takes, in minutes.
    pub horizon_minutes: f64,
    /// How much of the past each of them learns from at most, in minutes.
    pub learning_minutes: f64,
    /// Whether the `kayenta` judge judges the same splits.
    pub kayenta: bool,
}

/// What the judge made of canaries that are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// Who judged.
    pub judge: JudgeRevision,
    /// What was asked; the horizon and the number of splits as they could be.
    pub asked: SplitsAsked,
    /// The chance of a false alarm over all metrics that the judge promises to stay below.
    pub promised: f64,
    /// What became of whole canaries.
    pub canary: CanaryRates,
    /// The same of the `kayenta` judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kayenta: Option<CanaryRates>,
    /// The metrics, the one with most false alarms first.
    pub metrics: Vec<TestedMetric>,
    /// What should be written instead, in the order of the Check's metrics.
    pub recommendations: Vec<Recommendation>,
    /// What must be known of the test as a whole.
    pub warnings: Vec<String>,
}

/// How the control was split.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// Some replicas against the others, at the same time.
    SideBySide,
    /// The same replicas against themselves, one stretch of time after the other.
    BeforeAfter,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// So many times.
    pub count: usize,
    /// Out of so many.
    pub of: usize,
    /// The lower bound of Wilson's interval of 95 %, as if the splits shared no points.
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
}

impl Rate {
    /// Returns the share, or 0 where nothing was tried.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 / self.of as f64 }
    }
}

/// What became of the pretended canaries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CanaryRates {
    /// How the control was split.
    pub kind: SplitKind,
    /// Failed, at whatever moment: a false alarm.
    pub blamed: Rate,
    /// Passed within the horizon.
    pub passed: Rate,
    /// Neither.
    pub inconclusive: Rate,
    /// How many of the failed ones failed because the pretended canary was silent.
    pub by_silence: usize,
    /// How many failed because a limit was broken.
    pub by_limit: usize,
    /// After how many minutes nine in ten of those that passed had passed; absent where too few did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes_to_pass: Option<f64>,
    /// How many rollouts the history holds that share no point: what the splits together are worth.
    pub independent: usize,
}

/// What the splits show of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestedMetric {
    /// The check's name.
    pub name: String,
    /// The labels that tell it from other answers to the same check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it measures.
    pub measure: MeasureKind,
    /// Which change is bad.
    pub worse: Worse,
    /// Whether its growth is compared, and not its level: it can harm a canary, and never proves one
    /// safe.
    pub grows: bool,
    /// Whether a promotion needs it to be safe.
    pub gating: bool,
    /// Whether it is never counted.
    pub muted: bool,
    /// How its control was split; absent where it could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SplitKind>,
    /// Its share of the canary's chance of a false alarm, from 0 to 1.
    pub weight: f64,
    /// In how many splits it was called harmed, at whatever moment.
    pub false_alarms: Rate,
    /// In how many splits it was what failed the canary: what it adds to the canary's false alarms.
    pub failed_canary: Rate,
    /// In how many splits it was proven safe at the horizon.
    pub safe: Rate,
    /// In how many splits the `kayenta` judge called it high or low, or failed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kayenta: Option<Rate>,
    /// What the Check tolerates, as a fraction of control.
    pub tolerance: f64,
    /// What the Check calls unacceptable, as a fraction of control.
    pub unacceptable: f64,
    /// The smallest tolerance of those tried with at most the promised share of false alarms; absent
    /// where not even the widest is enough, or nothing could be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smallest_tolerance: Option<f64>,
    /// The smallest effect that half of the splits would more likely than not have shown at the
    /// horizon, as a fraction of control; absent where no effect would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub could_see: Option<f64>,
    /// How much a step resembles the one before, from −1 to 1, as the judge estimates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
    /// The standard deviation of one step of one replica, as a fraction of its level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// How unlike the replicas are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<ReplicaSpread>,
    /// The share of the points that are missing or no numbers, between the first and the last of each
    /// replica.
    pub missing: f64,
    /// Why it says nothing of any canary: completes the sentence "it says nothing: …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<String>,
    /// Why it could not be tested: completes the sentence "not tested: …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untested: Option<String>,
}

/// How unlike the replicas of the control are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaSpread {
    /// The standard deviation of their levels, as a fraction of the level, less what noise explains.
    pub deviation: f64,
    /// How many replicas showed it.
    pub replicas: usize,
}

/// Something that should be written instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// The check that it is about; absent where it is about the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What to write.
    pub action: RecommendedAction,
    /// Why, with figures, in one sentence without a full stop.
    pub reason: String,
}

/// What to write into a Check file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum RecommendedAction {
    /// Tolerate more.
    Tolerate {
        /// What is tolerated, as a fraction of control.
        tolerance: f64,
        /// What is unacceptable then.
        unacceptable: f64,
    },
    /// Show it, and never count it.
    Mute,
    /// Let a promotion need it.
    Gate,
    /// Let no promotion wait for it.
    Ungate,
    /// Let the analysis take so long.
    Horizon {
        /// Minutes.
        minutes: u32,
    },
    /// Give a group less weight in Kayenta's score, and the others what it loses.
    Weigh {
        /// The group.
        group: String,
        /// Percent of the score.
        percent: f64,
    },
}
