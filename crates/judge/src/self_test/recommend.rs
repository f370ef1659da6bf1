//! What should be written instead.

use serin_model::{
    Analysis, Check, GroupWeights, Margins, MeasureKind, Rate, Recommendation, RecommendedAction,
    SelfTest, SplitKind, TestedMetric,
};

use super::tally::{MANY, Proofs};
use super::tolerance::{WIDEST_SENSIBLE, allowed, with_tolerance};

/// More metrics than this need not be proven safe for a promotion: each must be, at once.
const MOST_GATING: usize = 4;

/// A metric of which more than this is missing proves nothing reliably.
const MUCH_MISSING: f64 = 0.2;

/// No shorter horizon is recommended, and no longer one, in minutes.
const SHORTEST_HORIZON: f64 = 30.0;
const LONGEST_HORIZON: f64 = 120.0;

/// Horizons are rounded up to so many minutes.
const ROUND_MINUTES: f64 = 5.0;

/// A group of the score whose false alarms cost more points than this on average weighs too much.
const MOST_POINTS_LOST: f64 = 5.0;

/// Says what should be written instead, each with its reason, in the order of the Check's metrics.
///
/// * `proofs`: what was proven within the horizon; absent where the horizon was cut, so that less was
///   proven than will be.
pub(super) fn recommendations(
    analysis: &Analysis,
    test: &SelfTest,
    proofs: Option<&Proofs>,
) -> Vec<Recommendation> {
    let mut all: Vec<Recommendation> = analysis
        .checks()
        .iter()
        .filter(|check| !check.muted)
        .filter_map(|check| of_check(check, &of_name(test, &check.name)))
        .collect();
    if let Some(proofs) = proofs {
        let horizon = of_horizon(test, proofs.needed);
        let gates = of_gating(analysis, test, proofs, &all);
        // What only takes longer need not be given up.
        let longer = horizon.as_ref().is_some_and(|it| is_longer(it, test));
        all.extend(
            gates.into_iter().filter(|it| !(longer && it.action == RecommendedAction::Ungate)),
        );
        all.extend(horizon);
    }
    all.extend(of_weights(analysis, test));
    all
}

fn is_longer(recommendation: &Recommendation, test: &SelfTest) -> bool {
    matches!(recommendation.action, RecommendedAction::Horizon { minutes }
        if f64::from(minutes) > test.asked.horizon_minutes)
}

fn of_name<'a>(test: &'a SelfTest, name: &str) -> Vec<&'a TestedMetric> {
    test.metrics.iter().filter(|metric| metric.name == name).collect()
}

/// Says what one check should tolerate, or that it should not count.
fn of_check(check: &Check, answers: &[&TestedMetric]) -> Option<Recommendation> {
    let recommend =
        |action, reason| Some(Recommendation { check: Some(check.name.clone()), action, reason });
    if let Some(dead) = answers.first().and_then(|metric| metric.dead.as_ref())
        && answers.iter().all(|metric| metric.dead.is_some())
    {
        // A limit holds without anything to compare, but not when it is muted.
        return check.guardrail.is_none().then(|| {
            let reason = format!("{dead}: it shows nothing of any canary; see that its query is right, or give it a `limit`");
            Recommendation { check: Some(check.name.clone()), action: RecommendedAction::Mute, reason }
        });
    }
    let alarming = answers
        .iter()
        .filter(|metric| metric.false_alarms.count > allowed(metric.false_alarms.of))
        .max_by(|a, b| a.false_alarms.share().total_cmp(&b.false_alarms.share()))?;
    let alarms = format!(
        "{} of {} pretended canaries were blamed on it",
        alarming.false_alarms.count, alarming.false_alarms.of
    );
    let enough: Option<Vec<f64>> = answers
        .iter()
        .filter(|metric| metric.untested.is_none() && metric.dead.is_none())
        .map(|metric| metric.smallest_tolerance)
        .collect();
    let enough = enough.and_then(|all| all.into_iter().reduce(f64::max));
    match enough.filter(|enough| *enough <= WIDEST_SENSIBLE) {
        Some(tolerance)
            if tolerance > check.margins.tolerance() || !check.margins.written().tolerance =>
        {
            let margins = with_tolerance(check, tolerance)?;
            let unacceptable = margins.unacceptable();
            let reason = format!(
                "{alarms} with a tolerance of {}; {} is the smallest with at most 1 % of them{}",
                percent(check.margins.tolerance()),
                percent(tolerance),
                unlike(alarming)
            );
            recommend(RecommendedAction::Tolerate { tolerance, unacceptable }, reason)
        }
        _ => {
            let reason = format!(
                "{alarms}, and no tolerance up to {} is wide enough{}",
                percent(WIDEST_SENSIBLE),
                unlike(alarming)
            );
            recommend(RecommendedAction::Mute, reason)
        }
    }
}

/// Says what makes its replicas or its times differ, where something is plain.
fn unlike(metric: &TestedMetric) -> String {
    match (metric.kind, metric.spread, metric.correlation) {
        (Some(SplitKind::SideBySide), Some(spread), _) if spread.deviation >= PLAIN_SPREAD => {
            format!(": its {} replicas differ by {}", spread.replicas, percent(spread.deviation))
        }
        (_, _, Some(correlation)) if correlation >= PLAIN_CORRELATION => format!(
            ": each step resembles the one before by {}, so that many say little",
            percent(correlation)
        ),
        _ => String::new(),
    }
}

const PLAIN_SPREAD: f64 = 0.02;
const PLAIN_CORRELATION: f64 = 0.7;

/// Says which metrics a promotion should need.
fn of_gating(
    analysis: &Analysis,
    test: &SelfTest,
    proofs: &Proofs,
    others: &[Recommendation],
) -> Vec<Recommendation> {
    let is_muted = |check: &Check| {
        check.muted
            || others.iter().any(|other| {
                other.check.as_deref() == Some(&check.name)
                    && other.action == RecommendedAction::Mute
            })
    };
    let mut fit: Vec<&Check> = analysis
        .checks()
        .iter()
        .filter(|check| !is_muted(check) && is_fit(&of_name(test, &check.name)))
        .collect();
    fit.sort_by_key(|check| (!check.gating, !check.critical, rank(check.measure.kind())));
    let mut chosen: Vec<&str> = Vec::new();
    let mut together = None;
    for check in fit {
        let with: Vec<&str> = chosen.iter().copied().chain([check.name.as_str()]).collect();
        let safe = proofs.together(&with).filter(|safe| safe.share() >= MANY);
        if with.len() <= MOST_GATING && safe.is_some() {
            (chosen, together) = (with, safe);
        }
    }
    let Some(together) = together else { return Vec::new() };
    let is_chosen = |check: &Check| chosen.contains(&check.name.as_str());
    let marked = analysis.checks().iter().any(|check| check.gating);
    let change = |check: &Check| {
        let answers = of_name(test, &check.name);
        let action = match (is_chosen(check), check.gating) {
            // What is not marked gates where nothing is, and no longer once something is.
            (true, false) => RecommendedAction::Gate,
            // That it is seldom safe must be more than chance.
            (false, true) if answers.iter().any(|it| it.safe.upper < MANY || is_missing(it)) => {
                RecommendedAction::Ungate
            }
            (_, true) | (false, false) => return None,
        };
        let reason = reason_of_gate(&action, &answers, together)?;
        Some(Recommendation { check: Some(check.name.clone()), action, reason })
    };
    let changes: Vec<Recommendation> = analysis.checks().iter().filter_map(change).collect();
    // Where all gate and all can, nothing needs to be written.
    let all_gate = !marked
        && analysis.checks().iter().all(|check| {
            let gates = of_name(test, &check.name).iter().any(|metric| metric.gating);
            is_muted(check) || gates == is_chosen(check)
        });
    if all_gate { Vec::new() } else { changes }
}

/// A metric that is safe in most splits, and mostly there, can be waited for.
fn is_fit(answers: &[&TestedMetric]) -> bool {
    !answers.is_empty()
        && answers.iter().all(|metric| {
            metric.dead.is_none()
                && metric.untested.is_none()
                && metric.safe.of > 0
                && metric.safe.share() >= MANY
                && !is_missing(metric)
        })
}

fn is_missing(metric: &TestedMetric) -> bool {
    metric.missing > MUCH_MISSING
}

/// What customers notice comes first.
fn rank(kind: MeasureKind) -> u8 {
    match kind {
        MeasureKind::Ratio => 0,
        MeasureKind::Histogram | MeasureKind::Quantile => 1,
        MeasureKind::Count => 2,
        MeasureKind::Gauge => 3,
    }
}

fn reason_of_gate(
    action: &RecommendedAction,
    answers: &[&TestedMetric],
    together: Rate,
) -> Option<String> {
    let least = answers.iter().min_by(|a, b| a.safe.share().total_cmp(&b.safe.share()))?;
    let safe = format!("proven safe in {} of {} splits", least.safe.count, least.safe.of);
    Some(match action {
        RecommendedAction::Gate => format!(
            "{safe}, and all that gate then at once in {}: a promotion can wait for it",
            together.count
        ),
        _ if is_missing(least) => {
            format!("{} of its points are missing: a promotion would wait", percent(least.missing))
        }
        _ => format!("{safe} only: a promotion would wait for it in vain"),
    })
}

/// Says how long an analysis should take.
fn of_horizon(test: &SelfTest, needed: Option<f64>) -> Option<Recommendation> {
    let tested = test.asked.horizon_minutes;
    let rounded = |minutes: f64| ROUND_MINUTES * libm::ceil(minutes / ROUND_MINUTES - 1e-9);
    let recommend = |minutes: f64, reason| {
        let action = RecommendedAction::Horizon { minutes: minutes as u32 };
        Some(Recommendation { check: None, action, reason })
    };
    let canary = &test.canary;
    if let Some(passed) = canary.minutes_to_pass {
        let enough = rounded(1.5 * passed).max(SHORTEST_HORIZON);
        if enough > 0.75 * tested {
            return None;
        }
        let reason = format!(
            "nine in ten of the splits that passed had passed after {passed:.0} minutes, and half as much \
             again is enough"
        );
        return recommend(enough, reason);
    }
    let needed = needed? * f64::from(test.asked.step_seconds) / 60.0;
    let enough = rounded(needed);
    if enough <= tested || enough > LONGEST_HORIZON || canary.passed.share() >= MANY {
        return None;
    }
    let reason = format!(
        "{} of {} splits passed within {tested:.0} minutes; what was not proven safe would have been \
         after {needed:.0} in nine of ten cases",
        canary.passed.count, canary.passed.of
    );
    recommend(enough, reason)
}

/// Says which groups weigh too much in Kayenta's score, if it judged too: an average canary that is none
/// should lose no more than a few points by any of them.
fn of_weights(analysis: &Analysis, test: &SelfTest) -> Vec<Recommendation> {
    let listed = analysis.weights.listed();
    let lost = |group: &str| {
        let rates: Vec<f64> = analysis
            .checks()
            .iter()
            .filter(|check| !check.muted && check.groups.iter().any(|it| it == group))
            .flat_map(|check| of_name(test, &check.name))
            .filter_map(|metric| metric.kayenta)
            .filter(|rate| rate.of > 0)
            .map(|rate| rate.share())
            .collect();
        let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
        (mean, !rates.is_empty())
    };
    if listed.len() < 2 {
        return Vec::new();
    }
    let wanted: Vec<(&String, f64, f64)> = listed
        .iter()
        .map(|(group, weight)| {
            let (mean, known) = lost(group);
            let most = if known && mean > 0.0 { MOST_POINTS_LOST / mean } else { f64::INFINITY };
            (group, *weight, libm::floor(weight.min(most)))
        })
        .collect();
    let taken: f64 = wanted.iter().map(|(_, now, then)| now - then).sum();
    let keeping: f64 = wanted.iter().filter(|(_, now, then)| now <= then).map(|it| it.1).sum();
    if taken < 1.0 || keeping <= 0.0 {
        return Vec::new();
    }
    let mut percents: Vec<f64> = wanted
        .iter()
        .map(
            |(_, now, then)| {
                if now <= then { libm::floor(now + taken * now / keeping) } else { *then }
            },
        )
        .collect();
    // What rounding leaves goes to the first that keeps its weight.
    let all: f64 = listed.values().sum();
    let rest = all - percents.iter().sum::<f64>();
    if let Some(first) = wanted.iter().position(|(_, now, then)| now <= then) {
        percents[first] += rest;
    }
    let one = |((group, now, then), percent): (&(&String, f64, f64), f64)| {
        let reason = if now <= then {
            "it gets a part of what the others lose".to_owned()
        } else {
            let (mean, _) = lost(group);
            format!(
                "with a weight of {now:.0} its false alarms under the `kayenta` judge cost {:.0} points \
                 of 100 on average",
                now * mean
            )
        };
        let action = RecommendedAction::Weigh { group: (*group).clone(), percent };
        Recommendation { check: None, action, reason }
    };
    wanted.iter().zip(percents).map(one).collect()
}

/// Returns the analysis with all that is recommended.
///
/// What is recommended of groups or margins that the analysis does not know is passed over.
#[must_use]
pub fn recommended(analysis: &Analysis, recommendations: &[Recommendation]) -> Analysis {
    let mut checks = analysis.checks().to_vec();
    let mut changed = analysis.clone();
    let mut weights = analysis.weights.listed().clone();
    for recommendation in recommendations {
        let named = |check: &&mut Check| Some(&check.name) == recommendation.check.as_ref();
        let check = checks.iter_mut().find(named);
        match (&recommendation.action, check) {
            (RecommendedAction::Tolerate { tolerance, .. }, Some(check)) => {
                let margins: Option<Margins> = with_tolerance(check, *tolerance);
                check.margins = margins.unwrap_or(check.margins);
            }
            (RecommendedAction::Mute, Some(check)) => {
                check.muted = true;
                check.gating = false;
            }
            (RecommendedAction::Gate, Some(check)) => check.gating = true,
            (RecommendedAction::Ungate, Some(check)) => check.gating = false,
            (RecommendedAction::Horizon { minutes }, None) => {
                let seconds = u64::from(*minutes) * 60;
                changed.horizon = Some(std::time::Duration::from_secs(seconds));
            }
            (RecommendedAction::Weigh { group, percent }, None) => {
                weights.insert(group.clone(), *percent);
            }
            (_, _) => {}
        }
    }
    if let Ok(weights) = GroupWeights::new(weights, &analysis.groups()) {
        changed.weights = weights;
    }
    changed.with_checks(checks).unwrap_or_else(|_| analysis.clone())
}

fn percent(fraction: f64) -> String {
    let tenths = libm::round(1000.0 * fraction) / 10.0;
    format!("{tenths} %")
}
