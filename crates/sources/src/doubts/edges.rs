//! Whether histograms can be compared at all.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Analysis, Arm, MetricSeries, Observations, WarningCode};

use super::Doubts;
use crate::collect::{Part, Series, Wanted};
use crate::rows::shortened;

/// Histograms can be added up only at the edges that all of them have.
pub(super) fn unlike_edges(
    analysis: &Analysis,
    wanted: &Wanted,
    arms: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    if wanted.part != Part::Buckets {
        return;
    }
    // What is added up: the histograms of a replica, or all of an arm.
    let mut added_up: BTreeMap<(usize, &str), BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (side, series) in arms.into_iter().enumerate() {
        for series in series {
            let replica = analysis.replica.as_ref().and_then(|label| series.labels.get(label));
            let mut labels = series.labels.clone();
            // `1` and `1.0` are one edge.
            let edge = labels.remove("le").unwrap_or_default();
            let edge = edge.parse::<f64>().map_or(edge, |number| number.to_string());
            let key = (side, replica.map_or("", String::as_str));
            let name = format!("{:?} {labels:?}", series.metric);
            added_up.entry(key).or_default().entry(name).or_default().insert(edge);
        }
    }
    for histograms in added_up.values() {
        let all: BTreeSet<&String> = histograms.values().flatten().collect();
        let shared = |edge: &&&String| histograms.values().all(|edges| edges.contains(**edge));
        let dropped: Vec<&str> =
            all.iter().filter(|edge| !shared(edge)).map(|edge| edge.as_str()).collect();
        if dropped.is_empty() {
            continue;
        }
        let finite = |edge: &&&String| edge.parse().ok().filter(|edge: &f64| edge.is_finite());
        let largest = all.iter().filter_map(|edge| finite(&edge)).fold(f64::MIN, f64::max);
        let largest_shared =
            all.iter().filter(shared).filter_map(|edge| finite(&edge)).fold(f64::MIN, f64::max);
        let edges =
            dropped.iter().take(6).map(|edge| shortened(edge)).collect::<Vec<_>>().join(", ");
        if largest_shared < largest {
            let why = format!(
                "gave histograms of one replica with unlike edges (only some have {edges}): added up, \
                 nothing above {largest_shared} could be told apart; name the label that tells replicas \
                 apart with `replica`, select one kind, or make the edges alike"
            );
            return doubts.fail(wanted.check, &why);
        }
        let text = format!(
            "histograms of one replica have unlike edges; those that only some have are left out: {edges}"
        );
        doubts.warn(wanted.check, WarningCode::UnlikeLabels, text);
    }
}

/// Quantiles of histograms with different edges are not the same quantity.
pub(crate) fn look_at_edges(answers: &[MetricSeries], doubts: &mut Doubts) {
    for (check, answer) in answers.iter().enumerate() {
        let all = || edges(&answer.arms.control).chain(edges(&answer.arms.canary));
        let Some(first) = all().next() else { continue };
        if let Some(other) = all().find(|other| *other != first) {
            let stranger = |edge: &&f64| !first.contains(edge) || !other.contains(edge);
            let edge = first.iter().chain(other).find(stranger).copied().unwrap_or_default();
            let text = format!(
                "some replicas have a histogram with the edge {edge} and others have none: their \
                 quantiles differ for that alone"
            );
            doubts.warn(check, WarningCode::UnlikeLabels, text);
        }
    }
}

fn edges(arm: &Arm) -> impl Iterator<Item = &[f64]> {
    arm.replicas.iter().filter_map(|replica| match &replica.observations {
        Observations::Histogram { bounds, .. } => Some(bounds.as_slice()),
        Observations::Ratio(_) | Observations::Count(_) | Observations::Value(_) => None,
    })
}
