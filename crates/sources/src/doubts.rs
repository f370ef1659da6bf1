//! What is wrong or odd about the answers of a store: what makes a failure of them, and what a
//! reader of the verdict must know.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{
    Analysis, Arm, Check, FileError, MetricSeries, Observations, Warning, WarningCode,
};

use crate::collect::{Part, Series, Side, Wanted, sides};
use crate::inquiry::Planned;
use crate::rows::shortened;
use crate::source::Notice;

/// What was noticed, check by check.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// What people call the source.
    source: String,
    failures: BTreeMap<usize, String>,
    /// Which checks a warning is about.
    warnings: BTreeMap<(WarningCode, String), BTreeSet<usize>>,
}

impl Doubts {
    /// Creates doubts about nothing yet.
    pub(crate) fn about(source: &str) -> Self {
        Self { source: source.to_owned(), ..Self::default() }
    }

    /// Says why a check has no answer that can be judged; the first reason stands.
    ///
    /// * `why`: completes a sentence that begins with the source.
    pub(crate) fn fail(&mut self, check: usize, why: &str) {
        let why = || format!("{} {why}", self.source);
        self.failures.entry(check).or_insert_with(why);
    }

    /// Returns why a check has no answer.
    pub(crate) fn failure(&self, check: usize) -> Option<&str> {
        self.failures.get(&check).map(String::as_str)
    }

    fn warn(&mut self, check: usize, code: WarningCode, text: String) {
        self.warnings.entry((code, text)).or_default().insert(check);
    }

    /// Notes what the source or its adapter has to say.
    pub(crate) fn notice(&mut self, check: usize, notice: &Notice) {
        let (code, text) = match notice {
            Notice::Said(text) => (WarningCode::SourceNotice, format!("the source says: {text}")),
            Notice::Partial(text) => (
                WarningCode::PartialAnswer,
                format!("a part of the data is missing, as the source itself says: {text}"),
            ),
            Notice::Approximate(function) => (
                WarningCode::ApproximateQuery,
                format!(
                    "approximate: `{function}` extrapolates, so that its values are estimates and \
                     no whole counts; ask for the counter itself"
                ),
            ),
            Notice::Overlapping(back, step) => (
                WarningCode::OverlappingWindows,
                format!(
                    "the query looks back {back} s and the step is {step} s: neighbouring points \
                     share data, and count as more evidence than they are"
                ),
            ),
        };
        self.warn(check, code, text);
    }

    /// Notes that points came from outside the time that was asked for.
    pub(crate) fn strayed(&mut self, check: usize, side: Side) {
        let text = format!(
            "the source answered for the {} with points outside the time that was asked for; they \
             are left out",
            side.as_str()
        );
        self.warn(check, WarningCode::OtherStep, text);
    }

    /// Returns the warnings; what is true of many metrics alike is said once.
    pub(crate) fn warnings(&self, checks: &[Check]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for ((code, text), about) in &self.warnings {
            if about.len() > MOST_REPEATED {
                let text = format!("{text} ({} of {} metrics)", about.len(), checks.len());
                warnings.push(Warning { code: *code, metric: None, text });
                continue;
            }
            for &check in about {
                let (metric, text) = (Some(checks[check].name.clone()), text.clone());
                warnings.push(Warning { code: *code, metric, text });
            }
        }
        warnings
    }
}

/// A warning about more metrics than this is one about the source.
const MOST_REPEATED: usize = 3;

/// Says what is wrong with an answer, as the end of a sentence that begins with "the source".
pub(crate) fn in_words(error: &FileError) -> String {
    let hint = error.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("gave an answer that cannot be judged: {}{hint}", error.problem)
}

/// Looks at the series of every check.
pub(crate) fn look(
    analysis: &Analysis,
    wanted: &[Wanted],
    plans: &[Planned],
    series: &[Series],
    doubts: &mut Doubts,
) {
    let mut by_wanted: Vec<Vec<&Series>> = vec![Vec::new(); wanted.len()];
    for series in series {
        series.wanted_by.iter().for_each(|&by| by_wanted[by].push(series));
    }
    for ((wanted, plan), series) in wanted.iter().zip(plans).zip(&by_wanted) {
        if plan.as_stored {
            of_another_arm(analysis, wanted, series, doubts);
        } else {
            running_totals(wanted, series, doubts);
        }
        several_where_one_was_meant(analysis, wanted, series, doubts);
        without_replica(analysis, wanted, plan, series, doubts);
        if !plan.as_stored {
            other_moments(analysis, wanted, series, doubts);
        }
    }
    // The arms follow one another.
    for ((wanted, plans), series) in wanted.chunks(2).zip(plans.chunks(2)).zip(by_wanted.chunks(2))
    {
        if let ([one, _], [control, canary]) = (wanted, series) {
            unlike_labels(analysis, one.check, [control, canary], doubts);
            if plans.iter().all(|plan| plan.as_stored) {
                other_step(analysis, one.check, [control, canary], doubts);
            }
        }
    }
}

/// A store that is asked for the series of an arm must not answer with others.
fn of_another_arm(analysis: &Analysis, wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    let arm = sides(analysis)[wanted.side as usize].1;
    let strange = series.iter().find_map(|series| {
        arm.iter().find_map(|(name, value)| {
            let found = series.labels.get(name).map_or("", String::as_str);
            (found != value).then_some((name, value, found))
        })
    });
    if let Some((name, value, found)) = strange {
        let (name, value, found) = (shortened(name), shortened(value), shortened(found));
        let why = format!(
            "was asked for {name}=\"{value}\" and answered with {name}=\"{found}\": see whether a proxy \
             rewrites queries or labels"
        );
        doubts.fail(wanted.check, &why);
    }
}

/// An expression that counts must count what happened in each step.
fn running_totals(wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    if wanted.part != Part::Value && crate::increments::look_cumulative(series.iter().copied()) {
        let why = "answered with counters that never fall, which look like running totals: ask for \
                   the counter's selector alone, without `sum` around it, or wrap it in \
                   `increase(…[$step])`";
        doubts.fail(wanted.check, why);
    }
}

/// Without a replica label a level is one series an arm.
fn several_where_one_was_meant(
    analysis: &Analysis,
    wanted: &Wanted,
    series: &[&Series],
    doubts: &mut Doubts,
) {
    if wanted.part != Part::Value || analysis.replica.is_some() || series.len() < 2 {
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
fn without_replica(
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
    if without > 0 && !is_sum {
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

/// What is computed must be computed when it was asked for.
fn other_moments(analysis: &Analysis, wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    let step = i64::from(analysis.step.seconds()) * 1000;
    let off = |series: &&Series| {
        series.samples.iter().any(|sample| sample.time.as_millis().rem_euclid(step) != 0)
    };
    if series.iter().any(off) {
        let text = format!(
            "the source computed the {} at other moments than the whole steps of {} s that it was \
             asked for; each value counts for the step it lies in",
            wanted.side.as_str(),
            step / 1000
        );
        doubts.warn(wanted.check, WarningCode::OtherStep, text);
    }
}

/// Points that lie further apart than a step leave bins empty.
fn other_step(analysis: &Analysis, check: usize, arms: [&Vec<&Series>; 2], doubts: &mut Doubts) {
    let step = i64::from(analysis.step.seconds()) * 1000;
    let [control, canary] = arms.map(|series| usual_gap(series).unwrap_or_default());
    let is_wide = |gap: i64| gap > step + step / 2;
    let who = match (is_wide(control), is_wide(canary)) {
        (false, false) => return,
        (true, true) => "the arms have",
        (true, false) => "the control has",
        (false, true) => "the canary has",
    };
    let gap = rounded(control.max(canary));
    let text = format!(
        "{who} a point every {gap} s, and the step is {} s: most steps are empty; write a `step` of \
         {gap} s or more",
        step / 1000
    );
    doubts.warn(check, WarningCode::OtherStep, text);
}

/// In whole seconds.
fn rounded(millis: i64) -> i64 {
    (millis + 500) / 1000
}

/// Returns how far apart the points of the usual series lie, in milliseconds.
fn usual_gap(series: &[&Series]) -> Option<i64> {
    let mut gaps: Vec<i64> = series
        .iter()
        .flat_map(|series| series.samples.windows(2))
        .map(|pair| pair[1].time.as_millis() - pair[0].time.as_millis())
        .collect();
    let middle = gaps.len() / 2;
    (gaps.len() >= FEWEST_GAPS).then(|| *gaps.select_nth_unstable(middle).1)
}

/// Fewer say nothing of how often a store is written to.
const FEWEST_GAPS: usize = 4;

/// Labels that one arm lacks are a sign that the arms are not measured alike.
fn unlike_labels(analysis: &Analysis, check: usize, arms: [&Vec<&Series>; 2], doubts: &mut Doubts) {
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

/// Quantiles of histograms with different edges are not the same quantity.
pub(crate) fn look_at_edges(answers: &[MetricSeries], doubts: &mut Doubts) {
    for (check, answer) in answers.iter().enumerate() {
        let (control, canary) = (edges(&answer.arms.control), edges(&answer.arms.canary));
        if let (Some(control), Some(canary)) = (control, canary)
            && control != canary
        {
            let text = format!(
                "the histograms have other edges on the canary ({} buckets) than on the control ({}): \
                 their quantiles differ for that alone",
                canary.len() + 1,
                control.len() + 1
            );
            doubts.warn(check, WarningCode::UnlikeLabels, text);
        }
    }
}

fn edges(arm: &Arm) -> Option<&[f64]> {
    arm.replicas.iter().find_map(|replica| match &replica.observations {
        Observations::Histogram { bounds, .. } => Some(bounds.as_slice()),
        Observations::Ratio(_) | Observations::Count(_) | Observations::Value(_) => None,
    })
}
