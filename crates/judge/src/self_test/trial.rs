//! The judges judge a pretended rollout.

use std::collections::BTreeMap;

use serin_model::{
    Analysis, Arm, ArmPair, Classification, MetricSeries, Outcome, SplitKind, Standing, Verdict,
};

use super::split::Split;
use super::{SelfTester, Trial, within};
use crate::kayenta;
use crate::sequential::{self, Blame};

/// What became of one split.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedSplit {
    /// The number of the split's trial.
    pub(super) trial: usize,
    pub(super) outcome: Outcome,
    pub(super) blame: Option<Blamed>,
    /// After how many minutes it passed.
    pub(super) minutes_to_pass: Option<f64>,
    /// One for each metric of the trial, in its order.
    pub(super) metrics: Vec<SplitMetric>,
    pub(super) kayenta: Option<Outcome>,
}

/// What failed a pretended canary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Blamed {
    /// The metric of this place in the trial.
    Metric(usize),
    Silence,
    Limit,
}

/// What became of one metric in one split.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SplitMetric {
    /// Whether both arms had points that were compared.
    pub(super) is_compared: bool,
    pub(super) is_harmed: bool,
    pub(super) is_safe: bool,
    pub(super) weight: f64,
    pub(super) could_see: Option<f64>,
    /// How many steps it would take in all to be proven safe.
    pub(super) steps_needed: Option<u64>,
    /// Whether Kayenta called it high or low, or failed it.
    pub(super) is_high_or_low: Option<bool>,
}

impl SelfTester {
    /// Judges one of the splits.
    ///
    /// # Panics
    ///
    /// If there is no split of this number: [`Self::splits`] says how many there are.
    #[must_use]
    pub fn judge(&self, number: usize) -> JudgedSplit {
        let (index, trial, split) = self.split(number);
        let analysis = analysis_of(&trial.analysis, split, trial.kind);
        let series: Vec<MetricSeries> =
            trial.metrics.iter().filter_map(|metric| self.pretended(*metric, split)).collect();
        let (judged, judge) = sequential::judge(&analysis, &series);
        let places: BTreeMap<(&str, _), usize> = trial
            .metrics
            .iter()
            .enumerate()
            .map(|(place, metric)| {
                let past = &self.pasts[*metric];
                ((past.check.as_str(), &past.labels), place)
            })
            .collect();
        let blame = judge.blame().map(|blame| match blame {
            Blame::Silence => Blamed::Silence,
            Blame::Guardrail => Blamed::Limit,
            Blame::Evidence(metric) => judge
                .names()
                .nth(metric)
                .and_then(|name| places.get(&name).copied())
                .map_or(Blamed::Silence, Blamed::Metric),
        });
        let mut metrics = vec![SplitMetric::default(); trial.metrics.len()];
        for (place, one) in placed(&judged.verdict, &places) {
            metrics[place] = one;
        }
        let minutes = |passed: serin_model::Timestamp| {
            (passed.as_millis() - split.judged.start.as_millis()) as f64 / 60_000.0
        };
        let mut split_judged = JudgedSplit {
            trial: index,
            outcome: judged.verdict.outcome,
            blame,
            minutes_to_pass: judge.first_passed().map(minutes),
            metrics,
            kayenta: None,
        };
        if self.asked.kayenta {
            judge_as_kayenta(&mut split_judged, &analysis, &series, &places);
        }
        split_judged
    }

    /// Returns a split with its trial.
    fn split(&self, number: usize) -> (usize, &Trial, &Split) {
        let numbered = self.trials.iter().enumerate();
        let mut splits = numbered
            .flat_map(|(index, trial)| trial.splits.iter().map(move |split| (index, trial, split)));
        splits.nth(number).expect("a number below that of the splits")
    }

    /// Returns one metric as a rollout would have shown it: the canary was not there before.
    pub(super) fn pretended(&self, metric: usize, split: &Split) -> Option<MetricSeries> {
        let answer = self.answer(metric)?;
        let all = &answer.arms.control;
        let whole = serin_model::Window { start: split.learning.start, end: split.judged.end };
        let arms = if split.canary.is_empty() {
            ArmPair { control: within(all, split.learning), canary: within(all, split.judged) }
        } else {
            let (canary, control) =
                all.replicas.iter().cloned().partition(|it| split.canary.contains(&it.name));
            ArmPair {
                control: within(&Arm { replicas: control }, whole),
                canary: within(&Arm { replicas: canary }, split.judged),
            }
        };
        Some(MetricSeries { arms, ..answer.clone() })
    }
}

/// Returns what is asked of a split.
pub(super) fn analysis_of(analysis: &Analysis, split: &Split, kind: SplitKind) -> Analysis {
    let mut analysis = analysis.clone();
    analysis.window = Some(split.judged);
    if kind == SplitKind::BeforeAfter {
        analysis.arms.control_window = Some(split.learning);
        analysis.arms.canary.clone_from(&analysis.arms.control);
    }
    analysis
}

/// Returns what the sequential judge says of each metric, with its place.
fn placed<'a>(
    verdict: &'a Verdict,
    places: &'a BTreeMap<(&str, &BTreeMap<String, String>), usize>,
) -> impl Iterator<Item = (usize, SplitMetric)> + 'a {
    verdict.metrics.iter().filter_map(|metric| {
        let place = *places.get(&(metric.name.as_str(), &metric.labels))?;
        let evidence = metric.evidence.as_ref()?;
        let one = SplitMetric {
            is_compared: evidence.steps > 0,
            is_harmed: evidence.standing == Standing::Harmed,
            is_safe: evidence.standing == Standing::Safe,
            weight: evidence.weight,
            could_see: evidence.could_see,
            steps_needed: evidence.steps_needed,
            is_high_or_low: None,
        };
        Some((place, one))
    })
}

fn judge_as_kayenta(
    split: &mut JudgedSplit,
    analysis: &Analysis,
    series: &[MetricSeries],
    places: &BTreeMap<(&str, &BTreeMap<String, String>), usize>,
) {
    let verdict = kayenta::judge(analysis, series).verdict;
    split.kayenta = Some(verdict.outcome);
    for metric in &verdict.metrics {
        let Some(place) = places.get(&(metric.name.as_str(), &metric.labels)) else { continue };
        split.metrics[*place].is_high_or_low = metric.classification.map(|class| match class {
            Classification::High | Classification::Low | Classification::NodataFailMetric => true,
            Classification::Pass | Classification::Nodata | Classification::Error => false,
        });
    }
}
