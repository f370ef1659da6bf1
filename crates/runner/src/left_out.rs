//! Checks of packs of which the source has nothing.
//!
//! A pack asks what a stack usually has. What this service does not have is left out, and said so; a
//! check that somebody wrote out is never.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Analysis, MetricSeries, Warning};

/// Returns the checks of packs that have no point on either arm, though the source answered. Where that
/// is all there is, nothing is left out: then the source has nothing at all, which is another matter.
pub(crate) fn unknown_to_source(analysis: &Analysis, series: &[MetricSeries]) -> BTreeSet<String> {
    let is_of_pack = |answer: &MetricSeries| analysis.packs.contains_key(&answer.check);
    let has_nothing = |answer: &MetricSeries| answer.failure.is_none() && answer.arms.is_silent();
    let unknown: BTreeSet<String> = series
        .iter()
        .filter(|answer| is_of_pack(answer) && has_nothing(answer))
        .map(|answer| answer.check.clone())
        .collect();
    if unknown.len() == series.len() { BTreeSet::new() } else { unknown }
}

/// Takes checks out of an analysis, and out of what the source answered.
pub(crate) fn leave_out(
    names: &BTreeSet<String>,
    analysis: &mut Analysis,
    series: &mut Vec<MetricSeries>,
    warnings: &mut Vec<Warning>,
) {
    if names.is_empty() {
        return;
    }
    if let Ok(rest) = analysis.without(names) {
        *analysis = rest;
        series.retain(|answer| !names.contains(&answer.check));
        warnings.retain(|warning| warning.metric.as_ref().is_none_or(|it| !names.contains(it)));
    }
}

/// Says in a sentence what is left out, pack by pack.
pub(crate) fn in_words(analysis: &Analysis, names: &BTreeSet<String>) -> Option<String> {
    let mut by_pack: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in names {
        let pack = analysis.packs.get(name)?;
        by_pack.entry(pack).or_default().push(format!("`{name}`"));
    }
    let packs: Vec<String> = by_pack
        .into_iter()
        .map(|(pack, names)| format!("{} of {pack}", names.join(", ")))
        .collect();
    (!packs.is_empty()).then(|| {
        format!("left out, as the source has nothing of them on either arm: {}", packs.join("; "))
    })
}
