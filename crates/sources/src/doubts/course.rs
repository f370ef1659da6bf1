//! Whether the values run as those of a counter, a count or a ratio do.

use serin_model::{Analysis, CounterForm, Measure, MetricSeries, Observations, WarningCode};

use super::clock::usual_gap;
use super::{Doubts, described};
use crate::collect::{Birth, Part, Series, Wanted};
use crate::inquiry::Planned;

/// Returns the values of a series without its gaps.
fn values(series: &Series) -> Vec<f64> {
    series.samples.iter().map(|it| it.value).filter(|value| !value.is_nan()).collect()
}

/// How often the values of a series rose and fell.
fn rises_and_falls(series: &Series) -> (usize, usize) {
    let values = values(series);
    let count = |moved: fn(&[f64]) -> bool| values.windows(2).filter(|pair| moved(pair)).count();
    (count(|pair| pair[1] > pair[0]), count(|pair| pair[1] < pair[0]))
}

/// Fewer movements say nothing of what a series is.
const FEWEST_MOVES: usize = 12;

/// Returns how often the values of a series fell by less than half: a process that restarts begins
/// near zero.
fn small_falls(series: &Series) -> usize {
    let values = values(series);
    values.windows(2).filter(|pair| pair[1] < pair[0] && pair[1] > pair[0] / 2.0).count()
}

/// A counter falls when its process restarts, and at no other time.
pub(super) fn no_counters(wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    if wanted.part == Part::Value {
        return;
    }
    let is_level = |series: &&&Series| {
        let (rises, falls) = rises_and_falls(series);
        rises + falls >= FEWEST_MOVES && 5 * small_falls(series) > rises + falls
    };
    if let Some(level) = series.iter().find(is_level) {
        let (rises, falls) = rises_and_falls(level);
        let why = format!(
            "gave no counter: {} fell {falls} times and rose {rises} times; ask for the counter itself, for \
             a level as a `gauge`, and for increments that a rule recorded as `sum(…)` of them",
            described(level.metric.as_deref(), &level.labels)
        );
        doubts.fail(wanted.check, &why);
    }
}

/// What a process counted before it got its label looks like a birth.
pub(super) fn large_births(wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    if wanted.part == Part::Value {
        return;
    }
    let is_large = |series: &&&Series| {
        let values = values(series);
        let largest = values.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        let first = values.first().copied().unwrap_or_default();
        let metric = series.metric.as_deref().unwrap_or_default();
        let counts_events =
            !metric.contains("_bytes") && !metric.contains("_seconds") && !metric.ends_with("_sum");
        series.birth == Birth::Inside
            && counts_events
            && values.len() >= FEWEST_AFTER_BIRTH
            && first >= LARGE_BIRTH
            && first > 20.0 * largest
    };
    if let Some(large) = series.iter().find(is_large) {
        let text = format!(
            "{} came up inside the judged time with {}, far more than it counted afterwards: all of it \
             counts as one moment's; a process that ran before and only got a new label looks like this",
            described(large.metric.as_deref(), &large.labels),
            large.samples.first().map_or(0.0, |sample| sample.value)
        );
        doubts.warn(wanted.check, WarningCode::LargeBirth, text);
    }
}

/// A canary may well fail a hundred requests before it is first looked at.
const LARGE_BIRTH: f64 = 1000.0;

/// Fewer samples say nothing of how much a series counts afterwards.
const FEWEST_AFTER_BIRTH: usize = 4;

/// An expression that counts must count what happened in each step.
pub(super) fn running_totals(
    wanted: &Wanted,
    plan: &Planned,
    series: &[&Series],
    doubts: &mut Doubts,
) {
    // An exposure may be a level by nature, such as a number of pods.
    let is_level = matches!(wanted.part, Part::Value | Part::Exposure);
    if is_level || plan.counters != CounterForm::Unstated {
        return;
    }
    // A sum over processes that restart falls now and then, and increments do so all the time.
    let is_total = |series: &&Series| {
        let (rises, falls) = rises_and_falls(series);
        rises + falls >= FEWEST_MOVES && 10 * falls <= rises + falls
            || rises >= 4 && falls == 0 && series.samples.len() >= FEWEST_MOVES
    };
    if series.iter().any(is_total) {
        let why = "answered with values that hardly ever fall, which look like running totals: ask \
                   for the counter's selector alone, without anything around it";
        doubts.fail(wanted.check, why);
    }
}

/// An arm that stops reporting long before the other, or before the end, may be dead.
pub(super) fn ends_early(
    analysis: &Analysis,
    wanted: &Wanted,
    arms: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    if analysis.arms.control_window.is_some() || analysis.judgements.is_some() {
        return;
    }
    let last = |series: &Vec<&Series>| {
        let times = series.iter().filter_map(|series| series.samples.last());
        times.map(|sample| sample.time.as_millis()).max()
    };
    let [Some(control), Some(canary)] = arms.map(last) else { return };
    let step = i64::from(analysis.step.seconds()) * 1000;
    let gap = arms.map(|series| usual_gap(series).unwrap_or(step)).into_iter().max();
    let slack = 5 * gap.unwrap_or(step).max(step);
    let (side, other, early) = if control < canary {
        ("control", "canary", canary - control)
    } else {
        ("canary", "control", control - canary)
    };
    // What happens now and then may well end; that anything is there at all should not.
    if early > slack && !matches!(wanted.part, Part::Bad | Part::Events) {
        let text = format!(
            "the {side} stopped reporting {} s before the {other} did: what it did afterwards is not \
             judged",
            early / 1000
        );
        doubts.warn(wanted.check, WarningCode::StoppedReporting, text);
    }
}

/// Returns whether something counts what is bad out of something else.
fn counts_the_bad(analysis: &Analysis, wanted: &Wanted) -> bool {
    let measure = &analysis.checks()[wanted.check].measure;
    match wanted.part {
        Part::Bad => true,
        Part::Events => matches!(measure, Measure::Count { exposure: Some(_), .. }),
        Part::Total | Part::Buckets | Part::Exposure | Part::Value => false,
    }
}

/// No errors at all is what a mistyped label looks like, too. It is not where everything that is
/// counted has the labels that what is bad is told by.
pub(super) fn nothing_bad(
    analysis: &Analysis,
    (wanted, plan): (&Wanted, &Planned),
    bad: [&Vec<&Series>; 2],
    all: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    if !counts_the_bad(analysis, wanted) || bad.iter().any(|series| !series.is_empty()) {
        return;
    }
    let all = || all.into_iter().flatten();
    // Where nothing is counted at all there is no data, which is said elsewhere.
    if all().next().is_none() {
        return;
    }
    let is_told = |label: &str| all().any(|series| series.labels.contains_key(label));
    let is_plausible = plan.selector.as_ref().is_some_and(|selector| {
        let same_name = all().any(|series| series.metric.as_deref() == selector.metric());
        same_name && selector.labels().all(is_told)
    });
    if !is_plausible {
        let text = "no series on either arm counts what is bad, and none is taken for zero: see that \
                    the query's name and labels are right";
        doubts.warn(wanted.check, WarningCode::NothingCounted, text.to_owned());
    }
}

/// The bad events are among all events.
pub(crate) fn look_at_ratios(answers: &[MetricSeries], doubts: &mut Doubts) {
    for (check, answer) in answers.iter().enumerate() {
        for (side, arm) in [("control", &answer.arms.control), ("canary", &answer.arms.canary)] {
            let ratios = arm.replicas.iter().filter_map(|replica| match &replica.observations {
                Observations::Ratio(points) => Some(points),
                _ => None,
            });
            let (mut bad, mut total) = (0.0, 0.0);
            for point in ratios.flatten() {
                bad += point.value.bad;
                total += point.value.total;
            }
            // Two programs that count at other moments may differ by a few.
            if bad > 1.02 * total + 10.0 {
                let why = format!(
                    "counted {bad} bad events of {total} on the {side}, which cannot be: `total` must \
                     count the bad ones, too, in the same unit"
                );
                doubts.fail(check, &why);
            }
        }
    }
}

/// A level in the place of a counter counts nothing.
pub(super) fn unmoved_exposure(
    wanted: &Wanted,
    plan: &Planned,
    arms: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    let all = || arms.into_iter().flatten();
    let is_still = |series: &&Series| {
        series.samples.len() >= FEWEST_MOVES && rises_and_falls(series) == (0, 0)
    };
    let is_level = all().next().is_some() && all().all(is_still);
    if wanted.part == Part::Exposure && plan.as_stored && is_level {
        let why = "gave an `exposure` that never moves, and a selector is taken for a counter: write a \
                   level as an expression, such as `sum by (pod) (up{$arm})`";
        doubts.fail(wanted.check, why);
    }
}
