//! The smallest tolerance that is enough.

use serin_model::{Analysis, Check, Margins, MetricSeries, Worse};

use super::split::Split;
use super::trial::analysis_of;
use super::{SelfTester, Trial};
use crate::sequential::{self, FALSE_ROLLBACK};

/// The tolerances that are tried, as fractions of control: those that people write.
const TOLERANCES: [f64; 15] =
    [0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0];

/// With a wider tolerance than this a canary has to be half as bad again before anybody is told.
pub(super) const WIDEST_SENSIBLE: f64 = 0.5;

impl SelfTester {
    /// Returns the smallest of the tolerances that are tried under which at most as many splits are
    /// false alarms as are promised of whole canaries; `None` where the widest is not enough, or where
    /// there is nothing to compare.
    ///
    /// Costs up to five times what the metric's share of judging all splits does.
    ///
    /// # Panics
    ///
    /// If there is no metric of this number: [`Self::metrics`] says how many there are.
    #[must_use]
    pub fn smallest_tolerance(&self, metric: usize) -> Option<f64> {
        let past = &self.pasts[metric];
        let trial = self.trials.iter().find(|trial| trial.metrics.contains(&metric))?;
        if past.dead.is_some() {
            return None;
        }
        let check = self.analysis.checks().iter().find(|check| check.name == past.check)?;
        let tried: Vec<f64> = TOLERANCES.into_iter().filter(|it| *it < most(check)).collect();
        // The wider, the fewer false alarms: the first that is enough lies where none before it is.
        let mut low = 0;
        let mut high = tried.len();
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.is_enough(metric, trial, check, tried[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        tried.get(low).copied()
    }

    /// Returns whether a tolerance is enough, or `None` where nothing was compared.
    fn is_enough(
        &self,
        metric: usize,
        trial: &Trial,
        check: &Check,
        tolerance: f64,
    ) -> Option<bool> {
        let margins = with_tolerance(check, tolerance)?;
        let analysis = with_margins(&trial.analysis, &check.name, margins)?;
        let most = allowed(trial.splits.len());
        let (mut alarms, mut compared) = (0, 0);
        for split in &trial.splits {
            let analysis = analysis_of(&analysis, split, trial.kind);
            let series = self.alone(metric, trial, split)?;
            let judged = sequential::judge(&analysis, &series).0;
            let labels = &self.pasts[metric].labels;
            let is_it =
                |it: &&serin_model::JudgedMetric| it.name == check.name && it.labels == *labels;
            let evidence = judged.verdict.metrics.iter().find(is_it)?.evidence.as_ref()?;
            compared += usize::from(evidence.steps > 0);
            alarms += usize::from(evidence.harm >= evidence.harm_needed);
            if alarms > most {
                return Some(false);
            }
        }
        (compared > 0).then_some(alarms <= allowed(compared))
    }
}

impl SelfTester {
    /// Returns a split in which the other metrics have no points: each has its share of the chance of a
    /// false alarm all the same.
    fn alone(&self, metric: usize, trial: &Trial, split: &Split) -> Option<Vec<MetricSeries>> {
        let one = |index: &usize| {
            if *index == metric {
                return self.pretended(metric, split);
            }
            let past = &self.pasts[*index];
            Some(MetricSeries { labels: past.labels.clone(), ..MetricSeries::nothing(&past.check) })
        };
        trial.metrics.iter().map(one).collect()
    }
}

/// Returns how many false alarms of so many splits are no more than promised.
pub(super) fn allowed(splits: usize) -> usize {
    libm::floor(FALSE_ROLLBACK * splits as f64 + 1e-9) as usize
}

/// Nothing falls by more than all of it.
fn most(check: &Check) -> f64 {
    if check.worse == Worse::Higher { f64::INFINITY } else { 0.99 }
}

/// Returns a check's margins with another tolerance: what is unacceptable stays where it was written, as
/// long as it is more.
pub(super) fn with_tolerance(check: &Check, tolerance: f64) -> Option<Margins> {
    let now = check.margins;
    let written = now.written();
    let stays = written.unacceptable && now.unacceptable() > tolerance;
    Margins::new(
        check.measure.kind(),
        Some(tolerance),
        stays.then_some(now.unacceptable()),
        written.floor.then_some(now.floor()),
        written.floor.then_some(now.unacceptable_floor()),
    )
    .ok()
}

fn with_margins(analysis: &Analysis, name: &str, margins: Margins) -> Option<Analysis> {
    let mut checks = analysis.checks().to_vec();
    checks.iter_mut().find(|check| check.name == name)?.margins = margins;
    analysis.with_checks(checks).ok()
}
