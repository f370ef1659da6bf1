//! The 0–100 score: thresholds and the weights of groups.

use std::collections::{BTreeMap, BTreeSet};

/// From which score a canary passes, and below which it fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    pass: f64,
    marginal: f64,
}

impl Thresholds {
    /// Creates thresholds, or returns `None` unless `0 <= marginal <= pass <= 100`.
    #[must_use]
    pub fn new(pass: f64, marginal: f64) -> Option<Self> {
        let ordered = (0.0..=100.0).contains(&marginal) && (marginal..=100.0).contains(&pass);
        ordered.then_some(Self { pass, marginal })
    }

    /// Returns the score from which a canary passes, 0–100.
    #[must_use]
    pub fn pass(&self) -> f64 {
        self.pass
    }

    /// Returns the score below which a canary fails, 0–100, never above [`Self::pass`].
    #[must_use]
    pub fn marginal(&self) -> f64 {
        self.marginal
    }
}

impl Default for Thresholds {
    /// Three quarters pass, half is marginal: what Kayenta's users have.
    fn default() -> Self {
        Self { pass: 75.0, marginal: 50.0 }
    }
}

/// How much each group of metrics counts in the score, in percent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupWeights(BTreeMap<String, f64>);

impl GroupWeights {
    /// Creates weights for `groups`. Groups that are not listed share what the listed ones leave.
    ///
    /// # Errors
    ///
    /// [`WeightError`] when a weight is not from 0 to 100, when a listed group has no metric, when
    /// the weights are more than 100 together, or less with no group left to take the rest.
    pub fn new(
        weights: BTreeMap<String, f64>,
        groups: &BTreeSet<String>,
    ) -> Result<Self, WeightError> {
        for (group, &weight) in &weights {
            if !(0.0..=100.0).contains(&weight) {
                return Err(WeightError::OutOfRange { group: group.clone(), weight });
            }
            if !groups.contains(group) {
                return Err(WeightError::UnknownGroup { group: group.clone() });
            }
        }
        let sum: f64 = weights.values().sum();
        let all_listed = groups.iter().all(|group| weights.contains_key(group));
        // A third and two thirds, written with two decimals, do not add up to the last bit.
        let rounding = 0.01 * weights.len() as f64;
        if sum > 100.0 + rounding || (all_listed && !weights.is_empty() && sum < 100.0 - rounding) {
            return Err(WeightError::Sum { sum, all_listed });
        }
        Ok(Self(weights))
    }

    /// Takes weights as Kayenta does, without a look at them. A sum above 100 gives groups that are
    /// not listed a negative weight; a group without metrics loses its weight.
    #[must_use]
    pub fn unchecked_as_in_kayenta(weights: BTreeMap<String, f64>) -> Self {
        Self(weights)
    }

    /// Returns the weights of some of the groups. What the others had goes to groups that are not
    /// listed or, where all are, to all in proportion.
    #[must_use]
    pub fn within(&self, groups: &BTreeSet<String>) -> Self {
        let mut kept = self.0.clone();
        kept.retain(|group, _| groups.contains(group));
        let sum: f64 = kept.values().sum();
        if groups.iter().all(|group| kept.contains_key(group)) && sum > 0.0 {
            kept.values_mut().for_each(|weight| *weight *= 100.0 / sum);
        }
        Self(kept)
    }

    /// Returns the listed groups and their weights in percent.
    #[must_use]
    pub fn listed(&self) -> &BTreeMap<String, f64> {
        &self.0
    }
}

/// Weights that do not make a score.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// A weight that is not a share of 100.
    #[error("the weight of `{group}` is {weight}; a weight is from 0 to 100")]
    OutOfRange {
        /// The group.
        group: String,
        /// Its weight as given.
        weight: f64,
    },
    /// Too much, or too little with nobody to take the rest.
    #[error(
        "the weights add up to {sum}, not to 100{}",
        if *all_listed { "" } else { ", and leave nothing for the groups that have none" }
    )]
    Sum {
        /// What they add up to.
        sum: f64,
        /// Whether every group has a weight.
        all_listed: bool,
    },
    /// A weight for a group without a metric.
    #[error("no check is in the group `{group}`")]
    UnknownGroup {
        /// The group.
        group: String,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::GroupWeights;

    #[test]
    fn what_a_group_without_checks_weighed_goes_to_the_others() {
        let named = |names: &[&str]| -> BTreeSet<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let weights = |listed: &[(&str, f64)]| -> BTreeMap<String, f64> {
            listed.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
        };
        let all = named(&["errors", "latency", "saturation"]);
        let whole = GroupWeights::new(
            weights(&[("errors", 60.0), ("latency", 20.0), ("saturation", 20.0)]),
            &all,
        );
        let rest = whole.clone().map(|it| it.within(&named(&["errors", "latency"])));
        assert_eq!(
            rest.as_ref().map(GroupWeights::listed),
            Ok(&weights(&[("errors", 75.0), ("latency", 25.0)]))
        );
        let open = GroupWeights::new(weights(&[("errors", 60.0)]), &all);
        let rest = open.map(|it| it.within(&named(&["errors", "latency"])));
        assert_eq!(rest.as_ref().map(GroupWeights::listed), Ok(&weights(&[("errors", 60.0)])));
        assert_eq!(whole.map(|it| it.within(&named(&["other"])).listed().len()), Ok(0));
    }
}
