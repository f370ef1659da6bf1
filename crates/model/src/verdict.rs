//! What a judge says, and everything that made it say so.
//!
//! These types are a written format, version 1 (`docs/schema/report-v1.json`).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Worse;
use crate::evidence::Evidence;
use crate::measure::MeasureKind;
use crate::time::{Timestamp, Window};

/// The answer to an analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Promote, roll back, or neither.
    pub outcome: Outcome,
    /// Why, in one sentence that stands alone.
    pub reason: String,
    /// Who judged.
    pub judge: JudgeRevision,
    /// When the outcome was reached, where the judge decides while points come in: the time of the
    /// last point it needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// The 0–100 score and its groups.
    pub scorecard: Scorecard,
    /// Every judgement that was made, when there were several; the last one is this verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judgements: Vec<Judgement>,
    /// Every metric, worst first.
    pub metrics: Vec<JudgedMetric>,
    /// What a reader must know before acting on this.
    pub warnings: Vec<Warning>,
    /// Settings of the Check that this judge does not read, each as a sentence.
    pub ignored: Vec<String>,
}

/// Promote, roll back, or hold for a person.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Promote.
    Pass,
    /// The data could not settle it.
    Inconclusive,
    /// Roll back.
    Fail,
}

impl Outcome {
    /// Returns the word every output uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A judge, and which revision of its mathematics answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeRevision {
    /// The judge's name, as `--judge` takes it.
    pub name: String,
    /// Grows with every change that could change a verdict.
    pub revision: u32,
}

impl fmt::Display for JudgeRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} revision {}", self.name, self.revision)
    }
}

/// The score, and what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scorecard {
    /// From 0 to 100, with two decimals. Kayenta's unchecked weights can put it outside.
    pub score: f64,
    /// The score from which a canary passes.
    pub pass: f64,
    /// The score below which a canary fails.
    pub marginal: f64,
    /// Where the score lies between them.
    pub class: ScoreClass,
    /// Why the score is what it is, where that is not just the groups.
    pub reason: Option<String>,
    /// Each group's share, by name.
    pub groups: Vec<GroupScore>,
}

/// Where a score lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum ScoreClass {
    /// At least the pass threshold.
    Pass,
    /// At least the marginal threshold.
    Marginal,
    /// Below both.
    Fail,
}

/// One group's share of the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupScore {
    /// The group.
    pub name: String,
    /// The percentage of its metrics that passed; absent when none of them had data.
    pub score: Option<f64>,
    /// How much it counts, in percent.
    pub weight: f64,
}

/// One of several judgements of one canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// What was judged.
    pub window: Window,
    /// Its score.
    pub score: f64,
    /// Where the score lies.
    pub class: ScoreClass,
}

/// One metric's judgement, with what a person needs in order to believe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedMetric {
    /// The name in the Check.
    pub name: String,
    /// The labels that tell this pair from others of the metric.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// What is measured.
    pub measure: MeasureKind,
    /// Which change is bad.
    pub worse: Worse,
    /// How the canary stands to the control in Kayenta's words; absent from the sequential judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// What the sequential judge found out; absent from the `kayenta` judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Why: completes the sentence "the metric is …".
    pub reason: String,
    /// Whether this metric alone took the score to zero.
    pub critical: bool,
    /// Whether it is shown but not counted.
    pub muted: bool,
    /// The groups it counts in.
    pub groups: Vec<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The control's values, cleaned.
    pub control: Summary,
    /// The canary's values, cleaned.
    pub canary: Summary,
    /// The canary's mean over the control's; absent when either is zero, and where no test was made
    /// (no data, or the same values on both arms), where Kayenta's result says 1.
    pub mean_ratio: Option<f64>,
    /// The shift from control to canary that decided, in the metric's unit.
    pub shift: Option<Interval>,
    /// The size of the effect that decided.
    pub effect_size: Option<EffectSize>,
    /// The probability of a difference this large between equal arms, by the Mann–Whitney U test,
    /// one-sided unless either direction is bad;
    /// it decides nothing in the `kayenta` judge and is here to be compared with it.
    pub p_value: Option<f64>,
    /// The test that decided, in words.
    pub test: String,
    /// The tolerated change, as a fraction of control.
    pub tolerance: f64,
    /// The unacceptable change, as a fraction of control.
    pub unacceptable: f64,
    /// The absolute bound beside the comparison.
    pub guardrail: Option<JudgedGuardrail>,
}

impl JudgedMetric {
    /// Returns the name with its labels, in braces: `errors{route=/pay}`.
    #[must_use]
    pub fn title(&self) -> String {
        if self.labels.is_empty() {
            return self.name.clone();
        }
        let labels: Vec<String> =
            self.labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }
}

/// How a canary's values stand to the control's, in Kayenta's words.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
pub enum Classification {
    /// Significantly above the control, by more than is allowed.
    High,
    /// Significantly below the control, by more than is allowed.
    Low,
    /// A side has no values, and the metric must have some.
    NodataFailMetric,
    /// The comparison could not be made.
    Error,
    /// A side has no values.
    Nodata,
    /// No difference that counts.
    Pass,
}

impl Classification {
    /// Returns Kayenta's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "High",
            Self::Low => "Low",
            Self::NodataFailMetric => "NodataFailMetric",
            Self::Error => "Error",
            Self::Nodata => "Nodata",
            Self::Pass => "Pass",
        }
    }

    /// Returns whether the metric counts against the canary in its group.
    #[must_use]
    pub fn is_failure(self) -> bool {
        match self {
            Self::High | Self::Low | Self::NodataFailMetric => true,
            Self::Error | Self::Nodata | Self::Pass => false,
        }
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One arm's values in numbers. All are zero when there are no values; JSON has no word for an
/// infinite one, which is `null` there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many values, after cleaning.
    pub points: usize,
    /// The mean.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub mean: f64,
    /// The median.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub median: f64,
    /// The sample standard deviation; zero for one value.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub standard_deviation: f64,
    /// The smallest.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub minimum: f64,
    /// The largest.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub maximum: f64,
}

/// An estimate with its interval. An infinite end is `null` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The best guess.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub estimate: f64,
    /// Its lower end.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub lower: f64,
    /// Its upper end.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub upper: f64,
    /// How often such an interval holds the truth, nominally: 0.98 in the `kayenta` judge.
    pub confidence: f64,
}

/// The size of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EffectSize {
    /// `meanRatio` or `cles`.
    pub measure: String,
    /// Its value.
    #[serde(with = "crate::number")]
    #[schemars(with = "Option<f64>")]
    pub value: f64,
}

/// How a guardrail held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedGuardrail {
    /// How it held.
    pub outcome: GuardrailOutcome,
    /// Why: completes the sentence "the metric is …".
    pub reason: String,
    /// The bound that values above it break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// The bound that values below it break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// How many consecutive points break it.
    pub consecutive: u32,
    /// Where the canary first broke it for so long.
    pub broken_since: Option<Timestamp>,
}

/// How a guardrail held.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailOutcome {
    /// The canary kept inside.
    Held,
    /// The canary broke it, and the control did not.
    Broken,
    /// Both arms broke it: the canary is not what is wrong.
    BrokenOnBoth,
    /// The canary has no points to hold it against.
    Nodata,
}

/// Something a reader must know before acting on the verdict.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// Which one.
    pub code: WarningCode,
    /// The metric it is about; absent when it is about the whole verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What it means for this verdict, in a sentence.
    pub text: String,
}

/// The warnings there are. `docs/guide/kayenta.md` has a paragraph on each that is about the `kayenta`
/// judge, `docs/guide/prometheus.md` on each that is about a source, `docs/how-it-decides.md` speaks
/// of those of the sequential judge, and `docs/guide/live-analyses.md` of those of a live analysis.
#[derive(
    Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// Every value of both arms is the same: Kayenta calls that a pass.
    AllTied,
    /// Each arm is constant: Kayenta adds random noise, so another run may differ.
    ConstantArms,
    /// A significant difference passes, because the tolerance is a share of the shift itself.
    DifferencePassed,
    /// So few points that Kayenta's test decides whatever they say.
    TinySample,
    /// The metric could not be judged, and Kayenta leaves it out of the score.
    ErrorNotCounted,
    /// A difference far below the tolerance was called significant.
    NegligibleDifference,
    /// The values are so small that the root search's precision of 0.0001 decides.
    SmallScale,
    /// No data, and the `replace` strategy turns that into a pass.
    ReplacedNodata,
    /// Infinite values, which means and tolerance do not survive.
    InfiniteValues,
    /// A critical metric ignores `must_have_data`.
    MustHaveDataIgnored,
    /// Means below zero turn the ratio of means around.
    NegativeMeans,
    /// A mean of exactly zero switches the effect-size condition off.
    EffectSizeOff,
    /// Outliers that were removed from one arm may be the regression itself.
    OutliersRemoved,
    /// The metric is in no group and never counts.
    Ungrouped,
    /// A group without data counts as if it had passed.
    GroupWithoutData,
    /// The weights do not add up.
    Weights,
    /// A change in the tail passes, because the test sees only the whole shift.
    TailPassed,
    /// With this many values Kayenta's effect size overflows.
    EffectSizeOverflow,
    /// Some metrics have no data: from half on that fails the canary, below half they do not count.
    MostlyNodata,
    /// Fewer points than a judgement should rest on.
    FewPoints,
    /// Neighbouring values are alike, which the test takes for independent evidence.
    Autocorrelation,
    /// Several judgements without a correction for looking several times.
    RepeatedLooks,
    /// A score equal to the marginal threshold is marginal to the judge and stops the run.
    MarginalStops,
    /// A bound was broken on both arms.
    GuardrailOnBoth,
    /// The last part of the lifetime was not judged.
    RemainderNotJudged,
    /// A metric came as several pairs, and some have only one side.
    HalfEmptyPairs,
    /// The source failed, and the metric was not judged.
    SourceFailed,
    /// What the source itself has to say about its answer.
    SourceNotice,
    /// The source says that a part of the data is missing from its answer.
    PartialAnswer,
    /// The query computes a rate or an increase, which is an estimate and no count.
    ApproximateQuery,
    /// The query looks back further than a step, so that neighbouring points share data.
    OverlappingWindows,
    /// The series of one arm carry labels that those of the other lack.
    UnlikeLabels,
    /// The points do not lie as far apart as was asked for.
    OtherStep,
    /// The source's clock and this machine's differ.
    ClockOff,
    /// An arm stopped reporting long before the other.
    StoppedReporting,
    /// A counter came up inside the judged time with more than it ever counted afterwards.
    LargeBirth,
    /// No series counts what is bad, which is taken for zero.
    NothingCounted,
    /// The window cuts its first or its last step short.
    CutSteps,
    /// Counts were recovered from a percentage.
    CountsRecovered,
    /// The canary's share of the traffic is not the planned one, or moved while it was judged.
    TrafficShare,
    /// The replicas of the arms run in other zones or on other machines.
    UnlikePlaces,
    /// The replicas of one arm are much younger than those of the other.
    UnlikeAge,
    /// Replicas of the canary stopped reporting, and those of the control did not.
    ReplicasGone,
    /// Something else changed, or was looked at, in the same scope at the same time.
    ConcurrentChange,
}
