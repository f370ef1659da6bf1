//! What only the store knows of the queries: whether they return anything, and what.

use std::collections::BTreeSet;

use serin_model::{
    Analysis, Check, Finding, FindingCode, Measure, Query, Source, Warning, WarningCode,
};

use super::answers::{Seen, findings_of};
use super::expression::{matchers, metric, selectors};
use super::look::{self, ARM_MARK};
use super::rewrite::written_selector;
use super::sighting::sightings;
use super::{is_promql, lint_queries};
use crate::inquiry::{Gathered, Inquiry};
use crate::promql::Prepared;
use crate::rows::shown;
use crate::source::Answer;

/// What to ask a store in order to know whether an analysis can be asked of it: its checks, and beside
/// them the selectors that stand inside of what it would compute.
#[derive(Clone, Debug)]
pub struct Survey {
    asked: Analysis,
    /// The checks of the analysis that are asked, by their place in it.
    places: Vec<usize>,
    probes: Option<Analysis>,
    /// Of which check and key each probe is.
    probed: Vec<(usize, &'static str)>,
}

/// What a survey says.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    /// What was found.
    pub findings: Vec<Finding>,
    /// How far apart the store's samples lie.
    pub scrape_seconds: Option<f64>,
    /// What one judgement of the time that was asked for brings.
    pub cost: Cost,
}

/// What a judgement asks of a store.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cost {
    /// How many requests.
    pub requests: usize,
    /// How many series they bring.
    pub series: usize,
    /// How many samples.
    pub samples: usize,
}

impl Survey {
    /// Plans what to ask; nothing where no query can be asked at all.
    #[must_use]
    pub fn new(analysis: &Analysis, source: Option<&Source>) -> Option<Self> {
        let is_promql = is_promql(source);
        let refused: BTreeSet<String> = lint_queries(analysis, source, None)
            .into_iter()
            .filter(|finding| is_refusal(finding.code))
            .filter_map(|finding| finding.check)
            .collect();
        let (mut checks, mut places) = (Vec::new(), Vec::new());
        let (mut probes, mut probed) = (Vec::new(), Vec::new());
        for (place, check) in analysis.checks().iter().enumerate() {
            if refused.contains(&check.name) || is_promql && !can_be_asked(analysis, check) {
                continue;
            }
            checks.push(check.clone());
            places.push(place);
            if !is_promql {
                continue;
            }
            for (key, query) in selectors_inside(analysis, check) {
                let measure = Measure::Gauge { value: query };
                let name = format!("{} {}", probes.len(), check.name);
                probes.push(Check { name, measure, ..check.clone() });
                probed.push((place, key));
            }
        }
        let with = |checks| analysis.with_checks(checks).ok();
        Some(Self { asked: with(checks)?, places, probes: with(probes), probed })
    }

    /// Returns the checks that can be asked.
    #[must_use]
    pub fn asked(&self) -> &Analysis {
        &self.asked
    }

    /// Returns what stands inside of computed queries, each selector as a check of its own.
    #[must_use]
    pub fn probes(&self) -> Option<&Analysis> {
        self.probes.as_ref()
    }

    /// Says what the answers show.
    ///
    /// * `answers`: to the inquiry about [`Self::asked`], one for each request.
    /// * `probe_answers`: the same of [`Self::probes`], where there are any.
    #[must_use]
    pub fn findings(
        &self,
        analysis: &Analysis,
        (inquiry, answers): (&Inquiry<'_>, Vec<Result<Answer, String>>),
        probe_answers: Option<(&Inquiry<'_>, Vec<Result<Answer, String>>)>,
    ) -> Surveyed {
        let mut seen = Vec::new();
        for (check, part, side, sighting) in sightings(inquiry, &answers) {
            let place = self.places[check];
            let queries = look::queries(&analysis.checks()[place]);
            let key = queries.iter().find(|(_, other, _)| *other == part).map_or("", |it| it.0);
            seen.push(Seen { check: place, key, part, side, is_probe: false, sighting });
        }
        if let Some((inquiry, answers)) = &probe_answers {
            for (probe, part, side, sighting) in sightings(inquiry, answers) {
                let (check, key) = self.probed[probe];
                seen.push(Seen { check, key, part, side, is_probe: true, sighting });
            }
        }
        let own = || seen.iter().filter(|seen| !seen.is_probe);
        let cost = Cost {
            requests: inquiry.requests().len(),
            series: own().map(|seen| seen.sighting.series.len()).sum(),
            samples: own().map(|seen| seen.sighting.samples).sum(),
        };
        let gathered = inquiry.gather(answers);
        let mut findings = findings_of(analysis, &seen, &gathered.series);
        findings.extend(self.doubts(&gathered));
        let left_out = left_out(analysis, &gathered);
        findings.retain(|it| it.check.as_ref().is_none_or(|name| !left_out.contains(name)));
        findings.extend(left_out.iter().map(|name| {
            let pack = analysis.packs.get(name).map_or("a pack", String::as_str);
            let problem =
                format!("nothing came of either arm, so that this check of `{pack}` is left out");
            Finding::of_check(FindingCode::LeftOut, name, "", problem)
        }));
        let scrape_seconds = scrape_seconds(&seen);
        let is_said = findings.iter().any(|it| it.code == FindingCode::StepOffScrapes);
        let off = scrape_seconds.and_then(|scrape| step_off_scrapes(analysis, scrape));
        findings.extend(off.filter(|_| !is_said));
        Surveyed { findings, scrape_seconds, cost }
    }

    /// Makes findings of what a judgement would warn of or fail at.
    fn doubts(&self, gathered: &Gathered) -> Vec<Finding> {
        let failed = gathered.series.iter().filter_map(|answer| {
            let why = shown(answer.failure.as_deref()?, LONGEST_FAILURE);
            let asked = self.asked.checks().iter().find(|check| check.name == answer.check)?;
            let key = asked.measure.queries().first().map_or("", |(key, _)| key);
            Some(Finding::of_check(FindingCode::QueryFailed, &asked.name, key, why))
        });
        let is_failed = |metric: &Option<String>| {
            let failed = |it: &&serin_model::MetricSeries| it.failure.is_some();
            metric.as_ref().is_some_and(|name| {
                gathered.series.iter().filter(failed).any(|answer| answer.check == *name)
            })
        };
        let warned = gathered.warnings.iter().filter(|it| !is_failed(&it.metric));
        failed.chain(warned.filter_map(|warning| self.warned(warning))).collect()
    }

    fn warned(&self, warning: &Warning) -> Option<Finding> {
        let code = match warning.code {
            WarningCode::OtherStep => FindingCode::StepOffScrapes,
            WarningCode::NothingCounted => FindingCode::NothingCounted,
            WarningCode::SourceNotice
            | WarningCode::PartialAnswer
            | WarningCode::StoppedReporting
            | WarningCode::LargeBirth => FindingCode::StoreWarning,
            // The queries themselves and the labels that came say these better.
            _ => return None,
        };
        let text = warning.text.clone();
        let key = if code == FindingCode::StepOffScrapes { "step" } else { "" };
        Some(match &warning.metric {
            Some(name) if key.is_empty() => {
                let check = self.asked.checks().iter().find(|check| check.name == *name)?;
                let key = check.measure.queries().first().map_or("", |(key, _)| key);
                Finding::of_check(code, name, key, text)
            }
            Some(name) => Finding::of_file(code, key, format!("{name}: {text}")),
            None => Finding::of_file(code, if key.is_empty() { "source" } else { key }, text),
        })
    }
}

/// Returns the checks of packs that the judge leaves out: of which nothing came, unless that is all there is.
fn left_out(analysis: &Analysis, gathered: &Gathered) -> BTreeSet<String> {
    let is_silent = |answer: &&serin_model::MetricSeries| {
        let is_of_pack = analysis.packs.contains_key(&answer.check);
        is_of_pack && answer.failure.is_none() && answer.arms.is_silent()
    };
    let silent: BTreeSet<String> =
        gathered.series.iter().filter(is_silent).map(|answer| answer.check.clone()).collect();
    if silent.len() == gathered.series.len() { BTreeSet::new() } else { silent }
}

/// In characters.
const LONGEST_FAILURE: usize = 400;

fn is_refusal(code: FindingCode) -> bool {
    matches!(code, FindingCode::MixedUnits | FindingCode::PlaceholderLeft)
}

fn can_be_asked(analysis: &Analysis, check: &Check) -> bool {
    let queries = look::queries(check);
    queries.iter().all(|(_, part, query)| look::prepared(analysis, *part, query).is_ok())
}

/// Returns the selectors of the arm in the queries of a check that the store has to compute.
fn selectors_inside(analysis: &Analysis, check: &Check) -> Vec<(&'static str, Query)> {
    let mut inside = Vec::new();
    for (key, part, query) in look::queries(check) {
        if !matches!(look::prepared(analysis, part, query), Ok(Prepared::Expression(_))) {
            continue;
        }
        let Ok(Some((_, marked))) = look::read(analysis, part, query) else { continue };
        let mut texts = BTreeSet::new();
        for selector in selectors(&marked) {
            let is_of_arm = matchers(selector).any(|matcher| matcher.name == ARM_MARK);
            let text =
                written_selector(selector).filter(|_| is_of_arm && metric(selector).is_some());
            texts.extend(text);
        }
        let queries = texts.iter().take(MOST_INSIDE).filter_map(|text| Query::new(text));
        inside.extend(queries.map(|query| (key, query)));
    }
    inside
}

/// So many selectors inside of one query are asked for.
const MOST_INSIDE: usize = 2;

/// Says where steps hold unlike numbers of samples. Of many a step, one more or less is no matter.
fn step_off_scrapes(analysis: &Analysis, scrape_seconds: f64) -> Option<Finding> {
    let step = f64::from(analysis.step.seconds());
    let samples = step / scrape_seconds;
    let whole = samples.round().max(1.0);
    if samples >= MANY_SAMPLES_A_STEP || (samples - whole).abs() <= 0.1 * whole {
        return None;
    }
    let problem = format!("a sample comes every {scrape_seconds} s, and a step is {step} s");
    let finding = Finding::of_file(FindingCode::StepOffScrapes, "step", problem);
    let instead = scrape_seconds * samples.ceil();
    Some(finding.proposing(format!("step: {instead:.0}s")))
}

const MANY_SAMPLES_A_STEP: f64 = 4.0;

/// The interval at which most series are scraped.
fn scrape_seconds(seen: &[Seen]) -> Option<f64> {
    let stored = seen.iter().filter(|seen| seen.sighting.as_stored && seen.sighting.longest > 2);
    let mut gaps: Vec<f64> = stored.filter_map(|seen| seen.sighting.gap_seconds).collect();
    gaps.sort_by(f64::total_cmp);
    gaps.get(gaps.len() / 2).copied()
}
