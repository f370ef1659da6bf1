//! What a store answered to one query for one arm, in figures.

use std::collections::{BTreeMap, BTreeSet};

use crate::collect::{Part, Side};
use crate::increments::{gaps, median};
use crate::inquiry::Inquiry;
use crate::source::{Answer, Points, StoreSeries};

/// What a store answered to one query for one arm.
#[derive(Clone, Debug, Default)]
pub(super) struct Sighting {
    /// Whether the store gave the samples as it has them.
    pub(super) as_stored: bool,
    /// Whether an answer is missing.
    pub(super) failed: bool,
    pub(super) series: BTreeSet<BTreeMap<String, String>>,
    pub(super) samples: usize,
    /// How far apart the samples of a series usually lie; the median of all series.
    pub(super) gap_seconds: Option<f64>,
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// Whether any series ever moved.
    pub(super) moved: bool,
    /// The most samples that one series has.
    pub(super) longest: usize,
}

impl Sighting {
    /// Returns the values that each label has.
    pub(super) fn labels(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in self.series.iter().flatten() {
            labels.entry(name).or_default().insert(value);
        }
        labels
    }

    fn add(&mut self, series: &StoreSeries) {
        let values = || series.samples.iter().map(|point| point.value).filter(|it| !it.is_nan());
        self.series.insert(series.labels.clone());
        let samples = series.samples.len() + series.histograms.len();
        self.samples += samples;
        self.longest = self.longest.max(samples);
        self.lowest = values().fold(self.lowest, f64::min);
        self.highest = values().fold(self.highest, f64::max);
        let first = values().next();
        self.moved |= values().any(|value| Some(value) != first);
        self.moved |= series.histograms.windows(2).any(|pair| pair[0].value != pair[1].value);
    }
}

/// Returns what was answered to each query and arm, in the order of the inquiry.
pub(super) fn sightings(
    inquiry: &Inquiry<'_>,
    answers: &[Result<Answer, String>],
) -> Vec<(usize, Part, Side, Sighting)> {
    let seen = inquiry.asked().map(|(wanted, planned)| {
        let mut sighting = Sighting {
            as_stored: planned.as_stored,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
            ..Sighting::default()
        };
        let mut all_gaps = Vec::new();
        for &request in &planned.requests {
            let Some(Ok(answer)) = answers.get(request) else {
                sighting.failed = true;
                continue;
            };
            // What was there before, and not since, is not there.
            if matches!(inquiry.requests()[request].points, Points::LastBefore(_)) {
                continue;
            }
            for series in &answer.series {
                sighting.add(series);
                let times = series.samples.iter().map(|point| point.time);
                all_gaps.extend(median(gaps(times)));
            }
        }
        all_gaps.sort_unstable();
        sighting.gap_seconds =
            all_gaps.get(all_gaps.len() / 2).map(std::time::Duration::as_secs_f64);
        (wanted.check, wanted.part, wanted.side, sighting)
    });
    seen.collect()
}
