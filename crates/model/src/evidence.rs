//! What the sequential judge has found out about one metric, and how sure it is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::verdict::Interval;

/// Where a metric stands between what a team puts up with and what it must be protected from.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// "The effect is tolerable" is rejected.
    Harmed,
    /// Neither is rejected yet.
    Unclear,
    /// "The effect is unacceptable" is rejected.
    Safe,
}

impl Standing {
    /// Returns the word every output uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harmed => "harmed",
            Self::Unclear => "unclear",
            Self::Safe => "safe",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a metric is neither harmed nor safe.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnclearCause {
    /// The source failed: what the arms did is not known.
    SourceFailed,
    /// An arm has no points that can be compared.
    NoData,
    /// The arms are not alike in what must be alike before they are compared.
    ArmsUnlike,
    /// Nothing speaks against the canary; there are not enough points yet to call it safe.
    TooFewPoints,
    /// The noise hides an effect of the size that matters.
    TooNoisy,
    /// The effect seems to lie between what is tolerated and what is unacceptable.
    BetweenMargins,
}

impl UnclearCause {
    /// Returns the word the verdict's JSON uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceFailed => "source_failed",
            Self::NoData => "no_data",
            Self::ArmsUnlike => "arms_unlike",
            Self::TooFewPoints => "too_few_points",
            Self::TooNoisy => "too_noisy",
            Self::BetweenMargins => "between_margins",
        }
    }
}

/// The evidence on one metric, valid however often anybody looked at it.
///
/// An e-value is what a bet of one has grown to that could not be expected to grow if the
/// hypothesis were true: with 1,000 in hand, the chance of that under the hypothesis is at most 1
/// in 1,000, at whatever moment one looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where the metric stands.
    pub standing: Standing,
    /// Why it is neither harmed nor safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<UnclearCause>,
    /// Whether a promotion needs this metric to be safe.
    pub gating: bool,
    /// Its share of the canary's chance of a false alarm, from 0 to 1.
    pub weight: f64,
    /// The natural logarithm of the largest e-value so far against "the effect is tolerable".
    pub harm: f64,
    /// What `harm` must reach for this metric to fail the canary alone.
    pub harm_needed: f64,
    /// The natural logarithm of the e-value as it stands against "the effect is unacceptable".
    pub safety: f64,
    /// What `safety` must reach for the metric to be safe.
    pub safety_needed: f64,
    /// The canary over the control (1 is no difference), with an interval that holds at every
    /// moment at once. Of a `growth` it is the growth over the judged time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Interval>,
    /// The change in the bad direction that is tolerated, as a fraction of control, after it was
    /// widened by how much replicas differ.
    pub tolerated: f64,
    /// Why more is tolerated than the Check says: completes the sentence "the tolerance is …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened: Option<String>,
    /// The smallest change in the bad direction, as a fraction of control, that the steps so far
    /// would more likely than not have shown to be harm; absent when no change would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub could_see: Option<f64>,
    /// How many steps had values of both arms and were compared.
    pub steps: u64,
    /// How many such steps it would take in all to call the metric safe, if it goes on like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_needed: Option<u64>,
    /// The first step of the stretch that shows the harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}
