//! What is asked about one canary: the arms, the clock, and the checks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::check::Check;
use crate::kayenta::JudgementRun;
use crate::score::{GroupWeights, Thresholds};
use crate::time::{Step, Window};

/// Everything a judge is asked about one canary.
///
/// Invariant: at least one check, each name once, and arms that differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The service under test.
    pub service: String,
    /// How the two arms are told apart.
    pub arms: Arms,
    /// The labels of which every combination of values is a canary of its own, to be judged by the same
    /// checks; empty where one canary is meant.
    pub for_each: Vec<String>,
    /// The label that tells replicas of one arm apart.
    pub replica: Option<String>,
    /// The length of one bin.
    pub step: Step,
    /// The stretch of event time that is judged; all there is when absent.
    pub window: Option<Window>,
    /// How a point of one arm finds the one of the other that it is compared with.
    pub pairing: Pairing,
    /// How long a live analysis may take.
    pub horizon: Option<Duration>,
    /// How much of the canary's beginning a live analysis leaves out.
    pub warm_up: Option<Duration>,
    /// How much of the control's past a live analysis learns from.
    pub history: Option<Duration>,
    /// How long the canary must have been judged before it may pass; never more than the horizon.
    /// `None` leaves it to the judge.
    pub minimum_time: Option<Duration>,
    /// What happens when the horizon comes without an answer.
    pub at_horizon: AtHorizon,
    /// The thresholds of the score.
    pub thresholds: Thresholds,
    /// The weights of the groups.
    pub weights: GroupWeights,
    /// Several judgements instead of one.
    pub judgements: Option<JudgementRun>,
    /// The checks that come from packs, with the name of the pack. They are left out where the source
    /// has nothing of them on either arm.
    pub packs: BTreeMap<String, String>,
    checks: Vec<Check>,
}

impl Analysis {
    /// Creates an analysis with one judgement over all the data there is.
    ///
    /// # Errors
    ///
    /// [`AnalysisError`] without checks, with two of one name, or with two arms that select the
    /// same replicas.
    pub fn new(service: String, arms: Arms, checks: Vec<Check>) -> Result<Self, AnalysisError> {
        if checks.is_empty() {
            return Err(AnalysisError::NoChecks);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = checks.iter().find(|check| !names.insert(check.name.as_str())) {
            return Err(AnalysisError::SameName { name: twice.name.clone() });
        }
        Ok(Self {
            service,
            arms,
            for_each: Vec::new(),
            replica: None,
            step: Step::MINUTE,
            window: None,
            pairing: Pairing::default(),
            horizon: None,
            warm_up: None,
            history: None,
            minimum_time: None,
            at_horizon: AtHorizon::default(),
            thresholds: Thresholds::default(),
            weights: GroupWeights::default(),
            judgements: None,
            packs: BTreeMap::new(),
            checks,
        })
    }

    /// Returns the same analysis of other checks.
    ///
    /// # Errors
    ///
    /// [`AnalysisError`] without checks, or with two of one name.
    pub fn with_checks(&self, checks: Vec<Check>) -> Result<Self, AnalysisError> {
        let Self { checks, .. } = Self::new(self.service.clone(), self.arms.clone(), checks)?;
        Ok(Self { checks, ..self.clone() })
    }

    /// Returns the checks, in the order they were written.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Returns the analysis without some of its checks. The weights of groups that are left without a
    /// check go to the others, in proportion.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::NoChecks`] when none would be left.
    pub fn without(&self, names: &BTreeSet<String>) -> Result<Self, AnalysisError> {
        let mut analysis = self.clone();
        analysis.checks.retain(|check| !names.contains(&check.name));
        analysis.packs.retain(|check, _| !names.contains(check));
        if analysis.checks.is_empty() {
            return Err(AnalysisError::NoChecks);
        }
        if analysis.groups() != self.groups() {
            analysis.weights = self.weights.within(&analysis.groups());
        }
        Ok(analysis)
    }

    /// Returns the names of all groups that have a check.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<String> {
        self.checks.iter().flat_map(|check| check.groups.iter().cloned()).collect()
    }
}

/// The label values that select the replicas of one arm; all must match.
pub type LabelSelector = BTreeMap<String, String>;

/// How the two arms are told apart: by any labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Arms {
    /// Selects the version already trusted.
    pub control: LabelSelector,
    /// Selects the version under test.
    pub canary: LabelSelector,
    /// The stretch of event time that is read of the control, where it is not the canary's: the
    /// same replicas, before and after.
    pub control_window: Option<Window>,
    /// Which share of the traffic the canary is meant to get, above 0 and below 1, where somebody
    /// says so.
    pub share: Option<f64>,
}

impl Arms {
    /// Creates two arms that run at the same time.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::SameArms`] when both select the same replicas, and
    /// [`AnalysisError::NoSelector`] when one selects everything.
    pub fn new(control: LabelSelector, canary: LabelSelector) -> Result<Self, AnalysisError> {
        Self::at(control, canary, None)
    }

    /// Creates two arms of which the control is read in a window of its own.
    ///
    /// # Errors
    ///
    /// As [`Self::new`], but both arms may select the same replicas if the windows differ.
    pub fn at(
        control: LabelSelector,
        canary: LabelSelector,
        control_window: Option<Window>,
    ) -> Result<Self, AnalysisError> {
        for (arm, selector) in [("control", &control), ("canary", &canary)] {
            if selector.is_empty() {
                return Err(AnalysisError::NoSelector { arm });
            }
        }
        if control == canary && control_window.is_none() {
            return Err(AnalysisError::SameArms);
        }
        Ok(Self { control, canary, control_window, share: None })
    }
}

impl Default for Arms {
    /// The label `arm` tells them apart.
    fn default() -> Self {
        let selector = |value: &str| LabelSelector::from([("arm".to_owned(), value.to_owned())]);
        let (control, canary) = (selector("control"), selector("canary"));
        Self { control, canary, control_window: None, share: None }
    }
}

/// How a point of one arm finds the one of the other that it is compared with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Pairing {
    /// By time: both arms run on one clock, and what hits both in one step cancels.
    #[default]
    Time,
    /// By order: the points are runs of something, a benchmark say, and the first of one arm is
    /// compared with the first of the other.
    Order,
}

/// What happens when the horizon comes and neither harm nor safety is proven.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AtHorizon {
    /// A person decides.
    #[default]
    Hold,
    /// It passes if nothing is harmed and every gating metric could have shown the unacceptable.
    PassIfVisible,
}

/// An analysis that asks nothing, or asks it of one arm.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// No checks.
    #[error("there is no check to judge")]
    NoChecks,
    /// An arm that selects everything.
    #[error("the arm `{arm}` names no label")]
    NoSelector {
        /// Which arm.
        arm: &'static str,
    },
    /// The canary would be compared with itself.
    #[error("both arms select the same replicas")]
    SameArms,
    /// Two checks that nobody could tell apart.
    #[error("two checks are called `{name}`")]
    SameName {
        /// Their name.
        name: String,
    },
}
