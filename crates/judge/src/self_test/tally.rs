//! What became of the splits, counted.

use std::collections::BTreeMap;

use serin_model::{
    CanaryRates, Check, JudgeRevision, Outcome, Rate, ReplicaSpread, SelfTest, TestedMetric,
};
use serin_stats::{quantile, wilson_interval};

use super::trial::{Blamed, JudgedSplit, SplitMetric};
use super::{SelfTester, Trial, recommend};
use crate::sequential::{FALSE_ROLLBACK, REVISION, gating};

/// The confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

pub(super) fn result(
    tester: &SelfTester,
    judged: &[JudgedSplit],
    tolerances: &[Option<f64>],
) -> SelfTest {
    let metrics: Vec<TestedMetric> = (0..tester.pasts.len())
        .map(|metric| tested(tester, metric, judged, tolerances.get(metric).copied().flatten()))
        .collect();
    let main = &tester.trials[0];
    let of_main: Vec<&JudgedSplit> = judged.iter().filter(|split| split.trial == 0).collect();
    let canary = canary_rates(main, &of_main, |split| Some(split.outcome));
    let kayenta = tester.asked.kayenta.then(|| canary_rates(main, &of_main, |it| it.kayenta));
    let proofs = Proofs::of(tester, main, &of_main);
    let mut test = SelfTest {
        judge: JudgeRevision { name: "sequential".to_owned(), revision: REVISION },
        asked: tester.asked,
        promised: FALSE_ROLLBACK,
        canary,
        kayenta: kayenta.map(without_moments),
        metrics,
        recommendations: Vec::new(),
        warnings: tester.warnings.clone(),
    };
    test.recommendations =
        recommend::recommendations(&tester.analysis, &test, (!tester.is_cut).then_some(&proofs));
    test.metrics.sort_by(|a, b| troubles(b).total_cmp(&troubles(a)));
    test
}

pub(super) fn rate(count: usize, of: usize) -> Rate {
    let (lower, upper) = wilson_interval(count as u64, of as u64, CONFIDENCE).unwrap_or((0.0, 1.0));
    Rate { count, of, lower, upper }
}

fn canary_rates(
    trial: &Trial,
    judged: &[&JudgedSplit],
    outcome: impl Fn(&JudgedSplit) -> Option<Outcome>,
) -> CanaryRates {
    let all = judged.len();
    let ended = |wanted| judged.iter().filter(|split| outcome(split) == Some(wanted)).count();
    let blamed = |by| judged.iter().filter(|split| split.blame == Some(by)).count();
    let passed: Vec<f64> = judged
        .iter()
        .filter(|split| split.outcome == Outcome::Pass)
        .filter_map(|split| split.minutes_to_pass)
        .collect();
    let enough = passed.len() as f64 >= MANY * all as f64;
    CanaryRates {
        kind: trial.kind,
        blamed: rate(ended(Outcome::Fail), all),
        passed: rate(ended(Outcome::Pass), all),
        inconclusive: rate(ended(Outcome::Inconclusive), all),
        by_silence: blamed(Blamed::Silence),
        by_limit: blamed(Blamed::Limit),
        minutes_to_pass: quantile(&passed, MANY).filter(|_| enough),
        independent: trial.independent,
    }
}

/// What nine splits in ten do, most do.
pub(super) const MANY: f64 = 0.9;

/// Kayenta judges once, at the end.
fn without_moments(rates: CanaryRates) -> CanaryRates {
    CanaryRates { by_silence: 0, by_limit: 0, minutes_to_pass: None, ..rates }
}

/// What the splits say of what a promotion could need.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proofs {
    /// For each check of the main trial, split by split, whether it was proven safe.
    pub(super) safe: BTreeMap<String, Vec<bool>>,
    /// How many steps nine in ten gating metrics would take until they are, of those that are not.
    pub(super) needed: Option<f64>,
}

impl Proofs {
    fn of(tester: &SelfTester, trial: &Trial, judged: &[&JudgedSplit]) -> Self {
        let checks: Vec<&Check> = tester.analysis.checks().iter().collect();
        let gates = gating(&checks);
        let (mut safe, mut needed) = (BTreeMap::new(), Vec::new());
        for (place, metric) in trial.metrics.iter().enumerate() {
            let name = &tester.pasts[*metric].check;
            let of_splits = judged.iter().map(|split| split.metrics[place].is_safe);
            let known = safe.entry(name.clone()).or_insert_with(|| vec![true; judged.len()]);
            known.iter_mut().zip(of_splits).for_each(|(all, one)| *all &= one);
            if checks.iter().zip(&gates).any(|(check, gates)| *gates && check.name == *name) {
                needed.extend(judged.iter().filter_map(|it| it.metrics[place].steps_needed));
            }
        }
        let needed: Vec<f64> = needed.into_iter().map(|steps| steps as f64).collect();
        Self { safe, needed: quantile(&needed, MANY) }
    }

    /// Returns in how many splits all of these checks were proven safe; none where one is unknown.
    pub(super) fn together(&self, checks: &[&str]) -> Option<Rate> {
        let of: Option<Vec<&Vec<bool>>> = checks.iter().map(|name| self.safe.get(*name)).collect();
        let of = of?;
        let splits = of.first()?.len();
        let all = (0..splits).filter(|split| of.iter().all(|safe| safe[*split])).count();
        Some(rate(all, splits))
    }
}

fn tested(
    tester: &SelfTester,
    metric: usize,
    judged: &[JudgedSplit],
    smallest_tolerance: Option<f64>,
) -> TestedMetric {
    let past = &tester.pasts[metric];
    let checks: Vec<&Check> = tester.analysis.checks().iter().collect();
    // Every metric comes from a check of the analysis.
    let at = checks.iter().position(|check| check.name == past.check).unwrap_or(0);
    let check = checks[at];
    let gates = gating(&checks)[at];
    let place = tester.trials.iter().enumerate().find_map(|(index, trial)| {
        Some((index, trial.metrics.iter().position(|other| *other == metric)?))
    });
    let splits: Vec<(&JudgedSplit, SplitMetric)> = place
        .map(|(trial, place)| {
            let of_trial = judged.iter().filter(|split| split.trial == trial);
            of_trial.map(|split| (split, split.metrics[place])).collect()
        })
        .unwrap_or_default();
    let compared: Vec<&SplitMetric> =
        splits.iter().map(|(_, one)| one).filter(|one| one.is_compared).collect();
    let count = |is: &dyn Fn(&SplitMetric) -> bool| {
        rate(compared.iter().filter(|one| is(one)).count(), compared.len())
    };
    let blames = splits
        .iter()
        .filter(|(split, _)| {
            place.is_some_and(|(_, place)| split.blame == Some(Blamed::Metric(place)))
        })
        .count();
    let could_see: Vec<f64> =
        compared.iter().map(|one| one.could_see.unwrap_or(f64::MAX)).collect();
    let high_or_low: Vec<bool> = splits.iter().filter_map(|(_, one)| one.is_high_or_low).collect();
    let untested = past.unknown.clone().or_else(|| {
        (compared.is_empty() && past.dead.is_none())
            .then(|| "in no split did both arms report it".to_owned())
    });
    TestedMetric {
        name: past.check.clone(),
        labels: past.labels.clone(),
        measure: check.measure.kind(),
        worse: check.worse,
        grows: past.grows,
        gating: gates,
        muted: check.muted,
        kind: place.map(|(trial, _)| tester.trials[trial].kind),
        weight: splits.first().map_or(0.0, |(_, one)| one.weight),
        false_alarms: count(&|one| one.is_harmed),
        failed_canary: rate(blames, splits.len()),
        safe: count(&|one| one.is_safe),
        kayenta: tester
            .asked
            .kayenta
            .then(|| rate(high_or_low.iter().filter(|high| **high).count(), high_or_low.len())),
        tolerance: check.margins.tolerance(),
        unacceptable: check.margins.unacceptable(),
        smallest_tolerance: smallest_tolerance.filter(|_| !compared.is_empty()),
        could_see: quantile(&could_see, 0.5).filter(|seen| *seen < f64::MAX / 2.0),
        correlation: past.correlation,
        deviation: past.deviation,
        spread: past.spread.map(|(deviation, replicas)| ReplicaSpread { deviation, replicas }),
        missing: past.missing,
        dead: past.dead.clone(),
        untested,
    }
}

/// Orders metrics: what counts before what does not, then by false alarms, then what is never safe.
fn troubles(metric: &TestedMetric) -> f64 {
    let counted = if metric.muted { 0.0 } else { 1e6 };
    let dead = if metric.dead.is_some() || metric.untested.is_some() { 100.0 } else { 0.0 };
    counted + dead + 1e4 * metric.false_alarms.share() + (1.0 - metric.safe.share())
}
