//! What the answers of a store show of the queries.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{
    Analysis, Bound, Check, Finding, FindingCode, MeasureKind, MetricSeries, Observations,
};

use super::look;
use super::sighting::Sighting;
use super::units;
use crate::collect::{Part, Side, sides};
use crate::rows::shortened;

/// What was answered to one query for one arm.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The check, by its place in the analysis.
    pub(super) check: usize,
    pub(super) key: &'static str,
    pub(super) part: Part,
    pub(super) side: Side,
    /// Whether it is a selector inside of the query, asked for by itself.
    pub(super) is_probe: bool,
    pub(super) sighting: Sighting,
}

/// Both arms' answers to one query.
struct Pair<'a> {
    analysis: &'a Analysis,
    check: &'a Check,
    key: &'static str,
    part: Part,
    is_probe: bool,
    control: &'a Sighting,
    canary: &'a Sighting,
}

/// Returns what the answers show, query by query.
pub(super) fn findings_of(
    analysis: &Analysis,
    seen: &[Seen],
    series: &[MetricSeries],
) -> Vec<Finding> {
    let is_there =
        |side: Side| seen.iter().any(|it| it.side == side && !it.sighting.series.is_empty());
    let (control_is_there, canary_is_there) = (is_there(Side::Control), is_there(Side::Canary));
    let mut found = Vec::new();
    if control_is_there && !canary_is_there {
        found.push(Finding::of_file(
            FindingCode::NoCanary,
            "arms",
            "nothing came of the canary, to no query".to_owned(),
        ));
    }
    // The arms of a query follow one another, the control first.
    for two in seen.chunks_exact(2) {
        let [control, canary] = two else { continue };
        let pair = Pair {
            analysis,
            check: &analysis.checks()[control.check],
            key: control.key,
            part: control.part,
            is_probe: control.is_probe,
            control: &control.sighting,
            canary: &canary.sighting,
        };
        if control.sighting.failed || canary.sighting.failed {
            continue;
        }
        found.extend(pair.emptiness(canary_is_there, seen));
        found.extend(pair.never_counted());
        found.extend(pair.replica_label_missing());
        found.extend(pair.arms_unlike());
        found.extend(pair.values_of_one_arm());
        found.extend(pair.costly());
        found.extend(pair.values_off_unit());
        found.extend(pair.bound_far_off());
    }
    found.extend(bounds_broken(analysis, series));
    let mut said = BTreeSet::new();
    found.retain(|it| said.insert((it.code, it.check.clone(), it.key.clone())));
    found
}

impl Pair<'_> {
    fn finding(&self, code: FindingCode, problem: String) -> Finding {
        Finding::of_check(code, &self.check.name, self.key, problem)
    }

    fn arms(&self) -> [(&'static str, &Sighting); 2] {
        [("control", self.control), ("canary", self.canary)]
    }

    /// An absent counter of what is bad is zero, and of no other thing.
    fn may_be_absent(&self) -> bool {
        let has_whole = self.check.measure.queries().len() > 1;
        matches!(self.part, Part::Bad) || self.part == Part::Events && has_whole
    }

    fn emptiness(&self, canary_is_there: bool, seen: &[Seen]) -> Option<Finding> {
        let empty = self.arms().map(|(_, sighting)| sighting.series.is_empty());
        // The selector says more than the query around it: whether the metric is there at all.
        let is_told_by_probe = self.is_probe
            && seen.iter().any(|it| {
                !it.is_probe
                    && it.key == self.key
                    && !it.sighting.series.is_empty()
                    && self.analysis.checks()[it.check].name == self.check.name
            });
        if self.may_be_absent() || self.is_probe && !is_told_by_probe {
            return None;
        }
        match empty {
            [true, true] => Some(
                self.finding(FindingCode::NoData, "nothing came of either arm".to_owned())
                    .proposing(
                        "see that the metric's name and the labels under `arms` are right"
                            .to_owned(),
                    ),
            ),
            [true, false] => Some(
                self.finding(FindingCode::OneArmSilent, "nothing came of the control".to_owned()),
            ),
            [false, true] if canary_is_there => Some(
                self.finding(FindingCode::OneArmSilent, "nothing came of the canary".to_owned()),
            ),
            _ => None,
        }
    }

    fn never_counted(&self) -> Option<Finding> {
        let counts =
            matches!(self.part, Part::Total | Part::Buckets | Part::Events | Part::Exposure);
        let still = |sighting: &Sighting| {
            sighting.as_stored && sighting.longest >= FEWEST_SAMPLES && !sighting.moved
        };
        (counts && still(self.control) && (still(self.canary) || self.canary.series.is_empty()))
            .then(|| {
                let problem = format!("no series moved in {} samples", self.control.longest);
                self.finding(FindingCode::NeverCounted, problem)
            })
    }

    fn replica_label_missing(&self) -> Option<Finding> {
        let replica = self.analysis.replica.as_deref()?;
        let (side, sighting, without) = self.arms().into_iter().find_map(|(side, sighting)| {
            let lacks = |labels: &&BTreeMap<String, String>| !labels.contains_key(replica);
            let without = sighting.series.iter().filter(lacks).count();
            (sighting.as_stored && without > 0).then_some((side, sighting, without))
        })?;
        // A total of all replicas together may have none.
        if matches!(self.part, Part::Total | Part::Exposure) && without == sighting.series.len() {
            return None;
        }
        let problem = format!(
            "{without} of {} series of the {side} have no label `{}`",
            sighting.series.len(),
            shortened(replica)
        );
        let finding = self.finding(FindingCode::ReplicaLabelMissing, problem);
        let likely =
            ["pod", "pod_name", "instance", "host", "hostname", "node", "kubernetes_pod_name"];
        let labels = sighting.labels();
        Some(match likely.into_iter().find(|label| labels.contains_key(label)) {
            Some(label) => finding.proposing(format!("replica: {label}")),
            None => finding,
        })
    }

    fn arms_unlike(&self) -> Option<Finding> {
        if self.arms().iter().any(|(_, sighting)| sighting.series.is_empty()) {
            return None;
        }
        let of_arms: BTreeSet<&String> =
            sides(self.analysis).into_iter().flat_map(|(_, arm)| arm.keys()).collect();
        let [control, canary] = self.arms().map(|(_, sighting)| sighting.labels());
        let only = |here: &BTreeMap<&str, BTreeSet<&str>>,
                    there: &BTreeMap<&str, BTreeSet<&str>>| {
            let names = here.keys().filter(|name| !there.contains_key(*name));
            // A label of that name tells arms by being there at all.
            let names = names.filter(|name| !of_arms.iter().any(|it| it == *name));
            let names = names.filter(|name| !name.contains("canary")).take(6);
            names.map(|name| format!("`{}`", shortened(name))).collect::<Vec<_>>().join(", ")
        };
        let both = [("control", only(&control, &canary)), ("canary", only(&canary, &control))];
        let (side, names) = both.into_iter().find(|(_, names)| !names.is_empty())?;
        Some(
            self.finding(FindingCode::ArmsUnlike, format!("only the {side}'s series have {names}")),
        )
    }

    /// Labels that share no value at all tell the arms apart on purpose, such as a version.
    fn values_of_one_arm(&self) -> Option<Finding> {
        let is_asked = self.control.as_stored && !self.may_be_absent() && self.part != Part::Bad;
        let replica = self.analysis.replica.as_deref();
        let [control, canary] = self.arms().map(|(_, sighting)| sighting.labels());
        let differing = control.iter().find_map(|(name, values)| {
            let others = canary.get(name)?;
            let few = values.len() <= MOST_VALUES && others.len() <= MOST_VALUES;
            let told = Some(*name) == replica || *name == "le";
            let shares = values.intersection(others).next().is_some();
            let odd = values.symmetric_difference(others).next()?;
            (few && !told && shares).then_some((*name, *odd, values.contains(odd)))
        });
        let (name, value, of_control) = differing.filter(|_| is_asked)?;
        let side = if of_control { "control" } else { "canary" };
        let problem = format!("only the {side} has {}=\"{}\"", shortened(name), shortened(value));
        Some(self.finding(FindingCode::ValuesOfOneArm, problem))
    }

    fn costly(&self) -> Option<Finding> {
        let most = self.arms().map(|(_, it)| (it.series.len(), it.samples)).into_iter().max()?;
        if self.is_probe || most.0 <= MANY_SERIES && most.1 <= MANY_SAMPLES {
            return None;
        }
        let problem = format!("{} series and {} samples of one arm", most.0, most.1);
        Some(
            self.finding(FindingCode::CostlyQuery, problem).proposing(
                "matchers that select only what is judged, or a rule that records it by replica"
                    .to_owned(),
            ),
        )
    }

    fn values_off_unit(&self) -> Option<Finding> {
        if self.part != Part::Value || self.is_probe {
            return None;
        }
        let (_, part, query) = *look::queries(self.check).first()?;
        let (asked, _) = look::read(self.analysis, part, query).ok()??;
        let highest = self.control.highest.max(self.canary.highest);
        let (name, seen) = units::seen_in_another(&asked, highest)?;
        let problem =
            format!("values up to {highest} look like {seen}, and `{name}` says otherwise");
        Some(self.finding(FindingCode::ValuesOffUnit, problem))
    }

    fn bound_far_off(&self) -> Option<Finding> {
        if self.is_probe || self.part != Part::Value {
            return None;
        }
        let highest = self.control.highest.max(self.canary.highest);
        if !highest.is_finite() || highest <= 0.0 {
            return None;
        }
        let limit = self.check.guardrail.as_ref().and_then(|limit| match limit.bound {
            Bound::Above(bound) if bound > FAR * highest => Some(("limit.above", bound)),
            Bound::Above(_) | Bound::Below(_) => None,
        });
        let floor = self.check.margins.floor();
        let floor = (self.check.margins.written().floor && floor > highest)
            .then_some(("compare.floor", floor));
        let (key, bound) = limit.or(floor)?;
        let problem = format!("{bound} is far above {highest}, the highest value that was seen");
        Some(Finding::of_check(FindingCode::BoundFarOff, &self.check.name, key, problem))
    }
}

/// Fewer samples do not show whether a counter counts.
const FEWEST_SAMPLES: usize = 12;

/// A label with more values is no list of things that are served.
const MOST_VALUES: usize = 20;

const MANY_SERIES: usize = 2_000;
const MANY_SAMPLES: usize = 500_000;

/// A limit so many times above everything seen is in another unit, or protects from nothing.
const FAR: f64 = 300.0;

/// Returns the limits that the control breaks over the whole time.
fn bounds_broken(analysis: &Analysis, series: &[MetricSeries]) -> Vec<Finding> {
    let broken = series.iter().filter_map(|answer| {
        let check = analysis.checks().iter().find(|check| check.name == answer.check)?;
        let limit = check.guardrail.as_ref()?;
        let level = level_of_control(check, answer)?;
        let key = match limit.bound {
            Bound::Above(_) => "limit.above",
            Bound::Below(_) => "limit.below",
        };
        limit.bound.is_broken_by(level).then(|| {
            let kind = check.measure.kind();
            let amount = |value| serin_model::Amount::new(value, kind).to_string();
            let problem = format!(
                "the control is at {} on the whole, and the limit is {}",
                amount(level),
                amount(limit.bound.value())
            );
            Finding::of_check(FindingCode::BoundBroken, &check.name, key, problem)
        })
    });
    broken.collect()
}

/// Returns the share or the mean of the control over all of the time.
fn level_of_control(check: &Check, answer: &MetricSeries) -> Option<f64> {
    let (mut above, mut below) = (0.0, 0.0);
    for replica in &answer.arms.control.replicas {
        match &replica.observations {
            Observations::Ratio(points) => {
                above += points.iter().map(|point| point.value.bad).sum::<f64>();
                below += points.iter().map(|point| point.value.total).sum::<f64>();
            }
            Observations::Value(points) => {
                let values = points.iter().map(|point| point.value).filter(|it| !it.is_nan());
                let (sum, count) =
                    values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
                above += sum;
                below += count;
            }
            Observations::Histogram { .. } | Observations::Count(_) => return None,
        }
    }
    let kinds = [MeasureKind::Ratio, MeasureKind::Gauge, MeasureKind::Quantile];
    (below > 0.0 && kinds.contains(&check.measure.kind())).then(|| above / below)
}
