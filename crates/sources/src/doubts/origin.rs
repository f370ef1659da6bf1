//! Whether the series are those that were asked for.

use std::collections::BTreeSet;

use serin_model::{Analysis, WarningCode};

use super::{Doubts, described};
use crate::collect::{Part, Series, Wanted, sides};
use crate::inquiry::Planned;
use crate::rows::shortened;

/// A store must answer with the series that it was asked for: what stands between may rewrite
/// queries, or give one arm the answer of the other.
pub(super) fn of_another_query(
    analysis: &Analysis,
    wanted: &Wanted,
    plan: &Planned,
    series: &[&Series],
    doubts: &mut Doubts,
) {
    let arm = sides(analysis)[wanted.side as usize].1;
    let value = |series: &Series, name: &str| series.labels.get(name).cloned().unwrap_or_default();
    let other_arm = series.iter().find_map(|series| {
        // What the store computed may have lost the labels of the arm, and must not have others.
        let told = |name: &&String| plan.as_stored || series.labels.contains_key(*name);
        let differs = |name: &&String| told(name) && value(series, name) != arm[*name];
        arm.keys().find(differs).map(|name| (name, value(series, name)))
    });
    if let Some((name, found)) = other_arm {
        let (name, asked, found) = (shortened(name), shortened(&arm[name]), shortened(&found));
        let why = format!(
            "was asked for {name}=\"{asked}\" and answered with {name}=\"{found}\": see whether a proxy \
             or a cache stands between"
        );
        return doubts.fail(wanted.check, &why);
    }
    let Some(selector) = &plan.selector else { return };
    let is_other = |series: &&&Series| {
        let labels: Vec<(&str, &str)> =
            series.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        !selector.matches(series.metric.as_deref(), &labels)
    };
    if let Some(other) = series.iter().find(is_other) {
        let why = format!(
            "answered with {}, which the query does not select: see whether a proxy stands between",
            described(other.metric.as_deref(), &other.labels)
        );
        doubts.fail(wanted.check, &why);
    }
}

/// Without a replica label a level is one series an arm.
pub(super) fn several_where_one_was_meant(
    analysis: &Analysis,
    wanted: &Wanted,
    series: &[&Series],
    doubts: &mut Doubts,
) {
    if wanted.part != Part::Value || analysis.replica.is_some() || follow_one_another(series) {
        return;
    }
    let why = format!(
        "answered for the {} with {} series where one was meant; they differ in {}: name the label \
         that tells replicas apart with `replica`, or select one series; serin does not average them \
         away",
        wanted.side.as_str(),
        series.len(),
        differing_labels(series),
    );
    doubts.fail(wanted.check, &why);
}

fn differing_labels(series: &[&Series]) -> String {
    let names: BTreeSet<&String> = series.iter().flat_map(|series| series.labels.keys()).collect();
    let first = series.first().map(|series| &series.labels);
    let differs = |name: &&String| {
        series.iter().any(|series| series.labels.get(*name) != first.and_then(|it| it.get(*name)))
    };
    let mut names: Vec<String> =
        names.into_iter().filter(differs).map(|name| format!("`{}`", shortened(name))).collect();
    names.truncate(6);
    if names.is_empty() { "the metric's name".to_owned() } else { names.join(", ") }
}

/// Series without the replica label are taken for one replica, which they may not be.
pub(super) fn without_replica(
    analysis: &Analysis,
    wanted: &Wanted,
    plan: &Planned,
    series: &[&Series],
    doubts: &mut Doubts,
) {
    let Some(replica) = &analysis.replica else { return };
    let without = series.iter().filter(|series| !series.labels.contains_key(replica)).count();
    // What the store added up has no replicas any more, on purpose.
    let is_sum = !plan.as_stored && without == series.len();
    let is_one_level = wanted.part == Part::Value && series.len() == 1;
    if without > 0 && !is_sum && !is_one_level {
        let text = format!(
            "{without} of {} series of the {} have no label `{}`, which tells replicas apart: they are \
             taken for one replica",
            series.len(),
            wanted.side.as_str(),
            shortened(replica)
        );
        doubts.warn(wanted.check, WarningCode::UnlikeLabels, text);
    }
}

/// Labels that one arm lacks are a sign that the arms are not measured alike.
pub(super) fn unlike_labels(
    analysis: &Analysis,
    check: usize,
    arms: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    if arms.iter().any(|series| series.is_empty()) {
        return;
    }
    let arm_labels: BTreeSet<&String> =
        sides(analysis).into_iter().flat_map(|(_, arm)| arm.keys()).collect();
    let [control, canary] = arms.map(|series| {
        let names = series.iter().flat_map(|series| series.labels.keys());
        names.filter(|name| !arm_labels.contains(name)).collect::<BTreeSet<&String>>()
    });
    let only = |here: &BTreeSet<&String>, there: &BTreeSet<&String>| {
        let names = here.difference(there).take(6).map(|name| format!("`{}`", shortened(name)));
        names.collect::<Vec<_>>().join(", ")
    };
    let (control_only, canary_only) = (only(&control, &canary), only(&canary, &control));
    let both = [("control", control_only), ("canary", canary_only)];
    for (side, names) in both.into_iter().filter(|(_, names)| !names.is_empty()) {
        let text = format!(
            "only the {side}'s series have {names}: the arms may not be measured alike, or not be the \
             same thing"
        );
        doubts.warn(check, WarningCode::UnlikeLabels, text);
    }
}

/// Returns whether each series ends before the next begins, as those of a pod and its successor do.
fn follow_one_another(series: &[&Series]) -> bool {
    let span = |series: &&Series| Some((series.samples.first()?.time, series.samples.last()?.time));
    let mut spans: Vec<_> = series.iter().filter_map(span).collect();
    spans.sort_unstable();
    spans.windows(2).all(|pair| pair[0].1 < pair[1].0)
}
