//! The words the whole project speaks: checks, arms, observations, verdicts.
//!
//! Plain data with its invariants, and nothing else: no IO, no clock, no
//! statistics and no parsing. Types that are themselves a written format (a
//! [`Verdict`] and what it is made of) derive `serde`; everything else is
//! converted by the crate that reads or writes it, so that renaming a field here
//! never breaks somebody's file.
//!
//! Read [`Analysis`] first (what is asked), then [`ArmPair`] (what is known), then
//! [`Verdict`] (what is answered).

mod amount;
mod analysis;
mod check;
mod evidence;
mod file_error;
mod finding;
mod guardrail;
mod kayenta;
mod measure;
mod number;
mod observation;
mod plan;
mod score;
mod self_test;
mod source;
mod time;
mod trace;
mod verdict;

pub use crate::amount::{Amount, Multiple};
pub use crate::analysis::{Analysis, AnalysisError, Arms, AtHorizon, LabelSelector, Pairing};
pub use crate::check::{Check, CheckError, Margins, Worse, WrittenMargins};
pub use crate::evidence::{Evidence, Standing, UnclearCause};
pub use crate::file_error::{FileError, Place};
pub use crate::finding::{Edit, Finding, FindingCode, Mend, Severity};
pub use crate::guardrail::{Bound, Guardrail, GuardrailError};
pub use crate::kayenta::{
    EffectSizeMeasure, EffectSizeOptions, JudgementRun, KayentaOptions, NanStrategy, Outliers,
};
pub use crate::measure::{Measure, MeasureKind, Query};
pub use crate::observation::{
    Arm, ArmPair, BucketBounds, Count, MetricSeries, Observations, Point, Ratio, Replica,
    ShapeError,
};
pub use crate::plan::{
    CurvePoint, Delay, Needs, Outlook, Plan, PlannedAspect, PlannedMetric, Rollout, Together,
};
pub use crate::score::{GroupWeights, Thresholds, WeightError};
pub use crate::self_test::{
    CanaryRates, Rate, Recommendation, RecommendedAction, ReplicaSpread, SelfTest, SplitKind,
    SplitsAsked, TestedMetric,
};
pub use crate::source::{
    AwsKey, ClientCertificate, CounterForm, Credentials, FetchLimits, HeaderText, Secret, Source,
    Store, Tls,
};
pub use crate::time::{Step, Timestamp, Window};
pub use crate::trace::{Trace, TracePoint};
pub use crate::verdict::{
    Classification, EffectSize, GroupScore, GuardrailOutcome, Interval, JudgeRevision,
    JudgedGuardrail, JudgedMetric, Judgement, Outcome, ScoreClass, Scorecard, Summary, Verdict,
    Warning, WarningCode,
};
