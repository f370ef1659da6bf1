//! From the classes of single metrics to one number, as Kayenta counts.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Classification, GroupScore, GroupWeights, ScoreClass, Scorecard, Thresholds};

/// What scoring needs to know of one judged metric.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredMetric<'a> {
    /// Its name, for the reason.
    pub name: &'a str,
    /// How its canary stands to its control.
    pub classification: Classification,
    /// Whether it takes the score to zero.
    pub critical: bool,
    /// Whether it is left out.
    pub muted: bool,
    /// The groups it counts in.
    pub groups: &'a [String],
}

/// Scores a canary from its metrics.
///
/// The rules, in order: a critical metric that did not pass makes 0; so does half of the metrics
/// without data; else each group is the percentage of its metrics that passed, and the score is
/// their weighted sum, rounded to two decimals. `Nodata` and `Error` count in no group, a group
/// without anything to count is worth its full weight, and a metric in no group changes nothing.
/// With no metric at all, or none in a group, the score is 0.
#[must_use]
pub fn score(
    metrics: &[ScoredMetric<'_>],
    weights: &GroupWeights,
    thresholds: Thresholds,
) -> Scorecard {
    let counted: Vec<&ScoredMetric<'_>> = metrics.iter().filter(|metric| !metric.muted).collect();
    let groups = group_scores(&counted, weights);
    let zeroed = critical_failure(&counted).or_else(|| mostly_nodata(&counted));
    let score = if zeroed.is_some() { 0.0 } else { weighted_sum(&groups) };
    Scorecard {
        score,
        pass: thresholds.pass(),
        marginal: thresholds.marginal(),
        class: class_of(score, thresholds),
        reason: zeroed,
        groups,
    }
}

fn class_of(score: f64, thresholds: Thresholds) -> ScoreClass {
    if score >= thresholds.pass() {
        ScoreClass::Pass
    } else if score >= thresholds.marginal() {
        ScoreClass::Marginal
    } else {
        ScoreClass::Fail
    }
}

fn critical_failure(metrics: &[&ScoredMetric<'_>]) -> Option<String> {
    let failed = metrics
        .iter()
        .find(|metric| metric.critical && metric.classification != Classification::Pass)?;
    Some(match failed.classification {
        Classification::Nodata => format!("the critical metric `{}` has no data", failed.name),
        other => format!("the critical metric `{}` was classified as {other}", failed.name),
    })
}

fn mostly_nodata(metrics: &[&ScoredMetric<'_>]) -> Option<String> {
    let nodata =
        metrics.iter().filter(|metric| metric.classification == Classification::Nodata).count();
    // Exactly half is enough, and none out of none is not.
    (nodata > 0 && 2 * nodata >= metrics.len()).then(|| match metrics.len() {
        1 => "the only metric has no data".to_owned(),
        all => format!("{nodata} of {all} metrics have no data, which is half or more"),
    })
}

fn group_scores(metrics: &[&ScoredMetric<'_>], weights: &GroupWeights) -> Vec<GroupScore> {
    let names: BTreeSet<&String> = metrics.iter().flat_map(|metric| metric.groups).collect();
    let unlisted_weight = weight_of_unlisted(&names, weights.listed());
    names
        .into_iter()
        .map(|name| {
            let members = metrics.iter().filter(|metric| metric.groups.contains(name));
            let weight = weights.listed().get(name).copied().unwrap_or(unlisted_weight);
            GroupScore { name: name.clone(), score: passed_percentage(members), weight }
        })
        .collect()
}

/// Returns the weight of each group that has none of its own: they share what the listed ones leave.
pub(crate) fn weight_of_unlisted(names: &BTreeSet<&String>, listed: &BTreeMap<String, f64>) -> f64 {
    let unlisted = names.iter().filter(|&&name| !listed.contains_key(name)).count();
    let left = 100.0 - listed.values().sum::<f64>();
    if unlisted == 0 { 0.0 } else { left / unlisted as f64 }
}

fn passed_percentage<'a, 'b: 'a>(
    members: impl Iterator<Item = &'a &'a ScoredMetric<'b>>,
) -> Option<f64> {
    let (mut passed, mut total) = (0_u32, 0_u32);
    for member in members {
        let pass = member.classification == Classification::Pass;
        passed += u32::from(pass);
        total += u32::from(pass || member.classification.is_failure());
    }
    (total > 0).then(|| 100.0 * f64::from(passed) / f64::from(total))
}

fn weighted_sum(groups: &[GroupScore]) -> f64 {
    let terms = groups.iter().map(|group| group.score.unwrap_or(100.0) * group.weight / 100.0);
    // Not `sum`, which makes -0.0 of no terms at all.
    two_decimals(terms.fold(0.0, |sum, term| sum + term))
}

/// Rounds half away from zero, on the shortest decimal that names the value: 0.285 is 0.29, though
/// its binary neighbour lies below.
fn two_decimals(value: f64) -> f64 {
    let text = format!("{}", value.abs());
    let Some((whole, decimals)) = text.split_once('.') else { return value };
    if decimals.len() <= 2 {
        return value;
    }
    let (kept, rest) = decimals.split_at(2);
    // Beyond 2^53 there are no decimals to round, so this always fits.
    let Ok(hundredths) = format!("{whole}{kept}").parse::<u64>() else { return value };
    let up = u64::from(rest.as_bytes()[0] >= b'5');
    ((hundredths + up) as f64 / 100.0).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::two_decimals;

    #[test]
    fn rounds_the_decimal_rendering_half_up() {
        for (value, rounded) in [
            (0.285, 0.29),
            (33.333_333_333_333_336, 33.33),
            (66.666_666_666_666_66, 66.67),
            (-12.345, -12.35),
            (99.995, 100.0),
            (50.0, 50.0),
            (0.1, 0.1),
            (f64::INFINITY, f64::INFINITY),
        ] {
            assert_eq!(two_decimals(value), rounded, "{value}");
        }
        assert!(two_decimals(f64::NAN).is_nan());
    }
}
