//! Whether the arms' replicas run in like places, as far as labels tell.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Analysis, WarningCode};

use super::Doubts;
use crate::collect::{Series, sides};
use crate::rows::shortened;

/// What a label says of where a replica runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Place {
    Zone,
    InstanceType,
    NodePool,
}

impl Place {
    fn as_str(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::InstanceType => "instance type",
            Self::NodePool => "node pool",
        }
    }

    /// Returns what a label says, by the names that Kubernetes, the clouds and OpenTelemetry give it;
    /// a store may have other signs for `.`, `/` and `-`.
    fn of(label: &str) -> Option<Self> {
        let plain = label.to_lowercase().replace(['.', '/', '-'], "_");
        match plain.strip_prefix("label_").unwrap_or(&plain) {
            "zone"
            | "az"
            | "availability_zone"
            | "cloud_availability_zone"
            | "topology_kubernetes_io_zone"
            | "failure_domain_beta_kubernetes_io_zone" => Some(Self::Zone),
            "instance_type"
            | "machine_type"
            | "host_type"
            | "node_kubernetes_io_instance_type"
            | "beta_kubernetes_io_instance_type" => Some(Self::InstanceType),
            "node_pool"
            | "nodepool"
            | "agentpool"
            | "cloud_google_com_gke_nodepool"
            | "eks_amazonaws_com_nodegroup"
            | "kubernetes_azure_com_agentpool"
            | "karpenter_sh_nodepool" => Some(Self::NodePool),
            _ => None,
        }
    }
}

/// For each label that says it, where the series of an arm come from.
type Places<'a> = BTreeMap<(Place, &'a str), BTreeSet<&'a str>>;

/// Arms without a place in common are told apart by more than their version. A canary of one replica is
/// in one zone, and the control in three: that is as it should be.
pub(super) fn unlike_places(
    analysis: &Analysis,
    check: usize,
    arms: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    let arm_labels: BTreeSet<&str> =
        sides(analysis).into_iter().flat_map(|(_, arm)| arm.keys().map(String::as_str)).collect();
    let [control, canary] = arms.map(|series| places(series));
    for ((place, label), here) in &control {
        // Who tells the arms apart by their zone means to compare zones.
        let Some(there) = canary.get(&(*place, *label)).filter(|_| !arm_labels.contains(label))
        else {
            continue;
        };
        if here.is_disjoint(there) {
            let text = format!(
                "the arms run in no {} in common, as the label `{}` says: the control in {}, the canary in \
                 {}; what differs may be that, and not the version",
                place.as_str(),
                shortened(label),
                listed(here),
                listed(there)
            );
            doubts.warn(check, WarningCode::UnlikePlaces, text);
        }
    }
}

/// A label that not every series has says nothing of an arm.
fn places<'a>(series: &[&'a Series]) -> Places<'a> {
    let mut places = Places::new();
    let Some(first) = series.first() else { return places };
    for label in first.labels.keys() {
        let Some(place) = Place::of(label) else { continue };
        let values: Option<BTreeSet<&str>> =
            series.iter().map(|series| series.labels.get(label).map(String::as_str)).collect();
        if let Some(values) = values {
            places.insert((place, label.as_str()), values);
        }
    }
    places
}

fn listed(values: &BTreeSet<&str>) -> String {
    let mut names: Vec<String> =
        values.iter().take(MOST_NAMED).map(|value| format!("\"{}\"", shortened(value))).collect();
    if values.len() > MOST_NAMED {
        names.push(format!("{} more", values.len() - MOST_NAMED));
    }
    names.join(", ")
}

const MOST_NAMED: usize = 4;

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_has_many_names() {
        let table = [
            ("zone", Some(Place::Zone)),
            ("topology.kubernetes.io/zone", Some(Place::Zone)),
            ("topology_kubernetes_io_zone", Some(Place::Zone)),
            ("label_topology_kubernetes_io_zone", Some(Place::Zone)),
            ("cloud.availability_zone", Some(Place::Zone)),
            ("node.kubernetes.io/instance-type", Some(Place::InstanceType)),
            ("beta_kubernetes_io_instance_type", Some(Place::InstanceType)),
            ("host.type", Some(Place::InstanceType)),
            ("node_pool", Some(Place::NodePool)),
            ("cloud_google_com_gke_nodepool", Some(Place::NodePool)),
            ("time_zone", None),
            ("instance", None),
            ("type", None),
        ];
        for (label, place) in table {
            assert_eq!(Place::of(label), place, "{label}");
        }
    }
}
