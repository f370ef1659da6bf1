//! What is wrong or odd about the answers of a store: what makes a failure of them, and what a
//! reader of the verdict must know.

mod clock;
mod course;
mod edges;
mod origin;
mod place;

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Analysis, Check, FileError, Warning, WarningCode};

use crate::collect::{Part, Series, Side, Wanted};
use crate::inquiry::Planned;
use crate::rows::shortened;
use crate::source::Notice;

pub(crate) use course::look_at_ratios;
pub(crate) use edges::look_at_edges;

/// What was noticed, check by check.
#[derive(Clone, Debug, Default)]
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

    /// Returns whether any check has no answer.
    pub(crate) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// Returns whether there is a warning of a kind.
    pub(crate) fn has_warning(&self, code: WarningCode) -> bool {
        self.warnings.keys().any(|(known, _)| *known == code)
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
            Notice::Estimated(why) => {
                (WarningCode::ApproximateQuery, format!("approximate: {why}"))
            }
            Notice::Overlapping(back, step) => (
                WarningCode::OverlappingWindows,
                format!(
                    "the query looks back {back} s and the step is {step} s, so that neighbouring \
                     points share data: the sequential judge compares one step in {}, and the \
                     kayenta judge takes all of them for evidence of their own; ask for the counter itself, or write a `step` of \
                     {back} s",
                    back.div_ceil(u64::from(*step).max(1))
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

/// Names a series as PromQL writes it.
pub(crate) fn described(metric: Option<&str>, labels: &BTreeMap<String, String>) -> String {
    let label =
        |(name, value): (&String, &String)| format!("{}=\"{}\"", shortened(name), shortened(value));
    let labels: Vec<String> = labels.iter().take(8).map(label).collect();
    format!("{}{{{}}}", shortened(metric.unwrap_or_default()), labels.join(","))
}

/// Looks at the series of every check of a recording, for what is odd of any source.
pub(crate) fn look_at_recording(
    analysis: &Analysis,
    wanted: &[Wanted],
    series: &[Series],
    doubts: &mut Doubts,
) {
    let by_wanted = by_wanted(wanted, series);
    for (at, one) in wanted.iter().enumerate().step_by(2) {
        let arms = [&by_wanted[at], &by_wanted[at + 1]];
        place::unlike_places(analysis, one.check, arms, doubts);
    }
}

fn by_wanted<'a>(wanted: &[Wanted], series: &'a [Series]) -> Vec<Vec<&'a Series>> {
    let mut by_wanted: Vec<Vec<&Series>> = vec![Vec::new(); wanted.len()];
    for series in series {
        series.wanted_by.iter().for_each(|&by| by_wanted[by].push(series));
    }
    by_wanted
}

/// Looks at the series of every check.
pub(crate) fn look(
    analysis: &Analysis,
    wanted: &[Wanted],
    plans: &[Planned],
    series: &[Series],
    doubts: &mut Doubts,
) {
    let by_wanted = by_wanted(wanted, series);
    for ((wanted, plan), series) in wanted.iter().zip(plans).zip(&by_wanted) {
        origin::of_another_query(analysis, wanted, plan, series, doubts);
        if plan.as_stored {
            course::no_counters(wanted, series, doubts);
            course::large_births(wanted, series, doubts);
        } else {
            course::running_totals(wanted, plan, series, doubts);
            clock::other_moments(analysis, wanted, series, doubts);
        }
        origin::several_where_one_was_meant(analysis, wanted, series, doubts);
        origin::without_replica(analysis, wanted, plan, series, doubts);
    }
    // The arms follow one another, the control first.
    for (at, one) in wanted.iter().enumerate().step_by(2) {
        let (plan, arms) = (&plans[at], [&by_wanted[at], &by_wanted[at + 1]]);
        origin::unlike_labels(analysis, one.check, arms, doubts);
        place::unlike_places(analysis, one.check, arms, doubts);
        // Where a store computes, a step in which nothing bad happened may have no point.
        if plan.as_stored || one.part != Part::Bad {
            clock::other_step(analysis, one.check, arms, plan.as_stored, doubts);
        }
        course::ends_early(analysis, one, arms, doubts);
        course::unmoved_exposure(one, plan, arms, doubts);
        edges::unlike_edges(analysis, one, arms, doubts);
        let is_whole = |other: &Wanted| {
            other.check == one.check && matches!(other.part, Part::Total | Part::Exposure)
        };
        if let Some(at) = wanted.iter().position(is_whole) {
            let whole = [&by_wanted[at], &by_wanted[at + 1]];
            course::nothing_bad(analysis, (one, plan), arms, whole, doubts);
        }
    }
}
