//! What is wrong or odd about the answers of a store: what makes a failure of them, and what a
//! reader of the verdict must know.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{
    Analysis, Arm, Check, CounterForm, FileError, Measure, MetricSeries, Observations, Warning,
    WarningCode,
};

use crate::collect::{Birth, Part, Series, Side, Wanted, sides};
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

    /// Returns the warnings; what is true of many metrics alike is said once, and a source that goes
    /// on and on is cut short.
    pub(crate) fn warnings(&self, checks: &[Check]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut said: BTreeMap<WarningCode, usize> = BTreeMap::new();
        for ((code, text), about) in &self.warnings {
            let so_far = said.entry(*code).or_default();
            *so_far += 1;
            if *so_far > MOST_OF_A_KIND {
                continue;
            }
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
        for (code, number) in said {
            if number > MOST_OF_A_KIND {
                let text = format!("and {} more of this kind", number - MOST_OF_A_KIND);
                warnings.push(Warning { code, metric: None, text });
            }
        }
        warnings
    }
}

/// More differing warnings of one kind are counted, not said.
const MOST_OF_A_KIND: usize = 10;

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
        of_another_query(analysis, wanted, plan, series, doubts);
        if plan.as_stored {
            no_counters(wanted, series, doubts);
            large_births(wanted, series, doubts);
        } else {
            running_totals(wanted, plan, series, doubts);
            other_moments(analysis, wanted, series, doubts);
        }
        several_where_one_was_meant(analysis, wanted, series, doubts);
        without_replica(analysis, wanted, plan, series, doubts);
    }
    // The arms follow one another.
    for ((wanted, plans), series) in wanted.chunks(2).zip(plans.chunks(2)).zip(by_wanted.chunks(2))
    {
        if let ([one, _], [control, canary]) = (wanted, series) {
            let arms = [control, canary];
            unlike_labels(analysis, one.check, arms, doubts);
            other_step(analysis, one.check, arms, plans.iter().all(|it| it.as_stored), doubts);
            ends_early(analysis, one, arms, doubts);
            nothing_bad(analysis, one, arms, doubts);
            unlike_edges(analysis, one, arms, doubts);
        }
    }
}

/// A store must answer with the series that it was asked for: what stands between may rewrite
/// queries, or give one arm the answer of the other.
fn of_another_query(
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
            described(other)
        );
        doubts.fail(wanted.check, &why);
    }
}

/// Names a series as PromQL writes it.
fn described(series: &Series) -> String {
    let label =
        |(name, value): (&String, &String)| format!("{}=\"{}\"", shortened(name), shortened(value));
    let labels: Vec<String> = series.labels.iter().take(8).map(label).collect();
    format!("{}{{{}}}", shortened(series.metric.as_deref().unwrap_or_default()), labels.join(","))
}

/// How often the values of a series rose and fell.
fn rises_and_falls(series: &Series) -> (usize, usize) {
    let values: Vec<f64> =
        series.samples.iter().map(|it| it.value).filter(|value| !value.is_nan()).collect();
    let count = |moved: fn(&[f64]) -> bool| values.windows(2).filter(|pair| moved(pair)).count();
    (count(|pair| pair[1] > pair[0]), count(|pair| pair[1] < pair[0]))
}

/// Fewer movements say nothing of what a series is.
const FEWEST_MOVES: usize = 12;

/// A counter falls when its process restarts, and at no other time.
fn no_counters(wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    if wanted.part == Part::Value {
        return;
    }
    let is_level = |series: &&&Series| {
        let (rises, falls) = rises_and_falls(series);
        rises + falls >= FEWEST_MOVES && 5 * falls > rises + falls
    };
    if let Some(level) = series.iter().find(is_level) {
        let (rises, falls) = rises_and_falls(level);
        let why = format!(
            "gave no counter: {} fell {falls} times and rose {rises} times; a rate or a level is asked \
             for as a `gauge`, and counts by the counter itself",
            described(level)
        );
        doubts.fail(wanted.check, &why);
    }
}

/// What a process counted before it got its label looks like a birth.
fn large_births(wanted: &Wanted, series: &[&Series], doubts: &mut Doubts) {
    if wanted.part == Part::Value {
        return;
    }
    let is_large = |series: &&&Series| {
        let values: Vec<f64> =
            series.samples.iter().map(|it| it.value).filter(|value| !value.is_nan()).collect();
        let largest = values.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        let first = values.first().copied().unwrap_or_default();
        series.birth == Birth::Inside && first >= LARGE_BIRTH && first > 20.0 * largest
    };
    if let Some(large) = series.iter().find(is_large) {
        let text = format!(
            "{} came up inside the judged time with {}, far more than it counted afterwards: all of it \
             counts as one moment's; a process that ran before and only got a new label looks like this",
            described(large),
            large.samples.first().map_or(0.0, |sample| sample.value)
        );
        doubts.warn(wanted.check, WarningCode::LargeBirth, text);
    }
}

/// A canary may well fail a hundred requests before it is first looked at.
const LARGE_BIRTH: f64 = 1000.0;

/// An expression that counts must count what happened in each step.
fn running_totals(wanted: &Wanted, plan: &Planned, series: &[&Series], doubts: &mut Doubts) {
    if wanted.part == Part::Value || plan.counters != CounterForm::Unstated {
        return;
    }
    // A sum over processes that restart falls now and then, and increments do so all the time.
    let is_total = |series: &&Series| {
        let (rises, falls) = rises_and_falls(series);
        rises + falls >= FEWEST_MOVES && 10 * falls <= rises + falls
            || rises >= 2 && falls == 0 && series.samples.len() >= FEWEST_MOVES
    };
    if series.iter().any(|series| is_total(series)) {
        let why = "answered with values that hardly ever fall, which look like running totals: ask \
                   for the counter's selector alone, without anything around it";
        doubts.fail(wanted.check, why);
    }
}

/// An arm that stops reporting long before the other, or before the end, may be dead.
fn ends_early(analysis: &Analysis, wanted: &Wanted, arms: [&Vec<&Series>; 2], doubts: &mut Doubts) {
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
    // What is bad may well end; that anything happens at all should not.
    if early > slack && !counts_the_bad(analysis, wanted) {
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

/// No errors at all is what a mistyped label looks like, too.
fn nothing_bad(
    analysis: &Analysis,
    wanted: &Wanted,
    arms: [&Vec<&Series>; 2],
    doubts: &mut Doubts,
) {
    if counts_the_bad(analysis, wanted) && arms.iter().all(|series| series.is_empty()) {
        let text = "no series on either arm counts what is bad, and none is taken for zero: see that \
                    the query's labels are right";
        doubts.warn(wanted.check, WarningCode::NothingCounted, text.to_owned());
    }
}

/// Histograms can be added up only at the edges that all of them have.
fn unlike_edges(
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
            let edge = labels.remove("le").unwrap_or_default();
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
fn other_step(
    analysis: &Analysis,
    check: usize,
    arms: [&Vec<&Series>; 2],
    as_stored: bool,
    doubts: &mut Doubts,
) {
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
    let more = if as_stored {
        ""
    } else {
        "; a range in the query, such as `[1m]`, must hold two samples or more"
    };
    let text = format!(
        "{who} a point every {gap} s, and the step is {} s: most steps are empty; write a `step` of \
         {gap} s or more{more}",
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
            if bad > total {
                let why = format!(
                    "counted {bad} bad events of {total} on the {side}, which cannot be: `total` must \
                     count the bad ones, too, in the same unit"
                );
                doubts.fail(check, &why);
            }
        }
    }
}
