//! What can be seen of a canary before it begins: a written format of its own, version 1
//! (`docs/schema/plan-v1.json`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Worse;
use crate::measure::MeasureKind;
use crate::verdict::JudgeRevision;

/// How a canary shall be rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// How often the judge looks, in seconds.
    pub step_seconds: u32,
    /// How long the analysis may take, in minutes.
    pub horizon_minutes: f64,
    /// The share of the traffic that the canary gets, above 0 and at most 0.5. The control keeps the
    /// rest.
    pub share: f64,
    /// How many replicas the control has; 0 for as many as its history shows, metric by metric.
    pub control_replicas: usize,
    /// How many replicas the canary has.
    pub canary_replicas: usize,
}

/// What a rollout can show, metric by metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Who will judge.
    pub judge: JudgeRevision,
    /// What was asked about.
    pub rollout: Rollout,
    /// Longer analyses were not looked at, in minutes.
    pub longest_minutes: f64,
    /// The metrics, the one that shows least first.
    pub metrics: Vec<PlannedMetric>,
    /// What must be known of the plan as a whole.
    pub warnings: Vec<String>,
}

/// What a rollout can show of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedMetric {
    /// The check's name.
    pub name: String,
    /// The labels that tell it from other answers to the same check.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it measures.
    pub measure: MeasureKind,
    /// Which change is bad.
    pub worse: Worse,
    /// Whether a promotion needs it to be safe.
    pub gating: bool,
    /// Whether it is never counted.
    pub muted: bool,
    /// What the control's history shows of it, in words.
    pub history: String,
    /// What can be seen; absent where nothing can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// Why nothing can be said: completes the sentence "nothing can be said: …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What was assumed, and what limits it: sentences.
    pub notes: Vec<String>,
}

/// What can be seen of one metric. An effect is a fraction of control in the bad direction: 0.25 is a
/// quarter more where more is worse, and a quarter less where less is. Of a metric whose growth is
/// compared it is what it has grown by at the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outlook {
    /// What is compared.
    pub aspect: PlannedAspect,
    /// What the Check tolerates, its floor included.
    pub tolerance: f64,
    /// What the Check calls unacceptable, its floor included.
    pub unacceptable: f64,
    /// The smallest effect that is called harm within the horizon in half of the canaries; absent
    /// where not even a thousandfold is.
    pub half: Option<f64>,
    /// The same for nine canaries in ten.
    pub nine_in_ten: Option<f64>,
    /// What replicas alone may differ by: no smaller effect is ever harm, however long one waits.
    /// Absent where the tolerance is wider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// How long until a canary with the unacceptable effect is called harmed.
    pub harm: Delay,
    /// How long until a canary like its control is proven safe; absent for what can only harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<Delay>,
    /// What it takes to see the unacceptable effect within the horizon nine times in ten.
    pub to_see_unacceptable: Needs,
    /// What it takes to see an effect of the tolerance's size nine times in ten, by a Check that
    /// tolerates nothing; absent where it tolerates nothing as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_see_tolerance: Option<Needs>,
    /// Which effect can be seen after how long.
    pub curve: Vec<CurvePoint>,
    /// How many canaries were simulated for each effect.
    pub canaries: usize,
}

/// What is compared of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAspect {
    /// Rates of events, whose number is what limits what can be seen.
    Counts,
    /// Levels, whose noise and replicas are.
    Level,
    /// How much it grows.
    Growth,
}

/// How long a decision takes, over simulated canaries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delay {
    /// The share of the canaries for which it falls within the horizon, from 0 to 1.
    pub within_horizon: f64,
    /// After how many minutes it has fallen for half of them; absent if it takes longer than was
    /// looked at.
    pub half: Option<f64>,
    /// The same for nine in ten.
    pub nine_in_ten: Option<f64>,
}

/// What it takes to see an effect. Each of them alone; absent where it does not help enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Needs {
    /// The effect.
    pub effect: f64,
    /// So many minutes.
    pub minutes: Option<f64>,
    /// So large a share of the traffic within the horizon; where traffic is what counts.
    pub share: Option<f64>,
    /// So many replicas of the canary within the horizon; where replicas are what counts.
    pub replicas: Option<usize>,
    /// Where neither is enough alone: the most of what counts, and so many minutes.
    pub together: Option<Together>,
}

impl Needs {
    /// Returns whether anything that was looked at is enough.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.minutes.is_some()
            || self.share.is_some()
            || self.replicas.is_some()
            || self.together.is_some()
    }
}

/// More of the canary and more time at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Together {
    /// The share of the traffic; where traffic is what counts.
    pub share: Option<f64>,
    /// The canary's replicas; where replicas are what counts.
    pub replicas: Option<usize>,
    /// The minutes.
    pub minutes: f64,
}

/// Which effect can be seen by a minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Minutes since the canary took traffic.
    pub minutes: f64,
    /// The smallest effect called harm by then in half of the canaries.
    pub half: Option<f64>,
    /// The same for nine in ten.
    pub nine_in_ten: Option<f64>,
}
