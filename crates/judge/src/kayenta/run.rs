//! A whole analysis, judged as Kayenta would.

use std::collections::BTreeMap;

use serin_model::{
    Analysis, JudgeRevision, JudgedMetric, Judgement, MetricSeries, Outcome, Trace, Verdict,
    Warning, WarningCode, Window,
};

use super::faults;
use super::outcome::decide;
use super::pair::{JudgedPair, judge_pair};
use super::score::{ScoredMetric, score};
use super::windows::{JudgementWindow, judgement_windows};
use crate::{Judged, ignored};

/// Grows with every change that could change a verdict of this judge.
pub const REVISION: u32 = 1;

/// Judges an analysis as Kayenta would, with guardrails beside it.
///
/// * `series`: the answers to the analysis's checks, any number a check; a check without one is
///   judged as one pair without data. Answers to other checks are passed over.
///
/// A ratio is judged as bad over total, a histogram as its 99th percentile, replicas averaged a
/// bin. Where the analysis asks for several judgements they are made in order until one fails, and
/// the last one made is the verdict.
#[must_use]
pub fn judge(analysis: &Analysis, series: &[MetricSeries]) -> Judged {
    let whole = JudgementWindow {
        control: analysis.arms.control_window.or(analysis.window).unwrap_or(Window::ALWAYS),
        canary: analysis.window.unwrap_or(Window::ALWAYS),
    };
    let windows = match &analysis.judgements {
        None => Vec::new(),
        Some(run) => judgement_windows(run),
    };
    let mut judgements = Vec::new();
    let mut last = None;
    for window in windows {
        let judged = judge_window(analysis, series, window);
        let (score, class) = (judged.verdict.scorecard.score, judged.verdict.scorecard.class);
        judgements.push(Judgement { window: window.canary, score, class });
        let failed = judged.verdict.outcome == Outcome::Fail;
        last = Some(judged);
        if failed {
            break;
        }
    }
    let mut judged = last.unwrap_or_else(|| judge_window(analysis, series, whole));
    if let Some(run) = &analysis.judgements {
        judged.verdict.warnings.extend(faults::of_run(run, &judgements, analysis.thresholds));
        judged.verdict.judgements = judgements;
    }
    judged
}

fn judge_window(analysis: &Analysis, series: &[MetricSeries], window: JudgementWindow) -> Judged {
    let mut judged = judged_pairs(analysis, series, window);
    // What nobody could look at is neither good nor bad: it bars a pass, and counts in no score.
    let known = judged.iter().filter(|pair| pair.failure.is_none());
    let scored: Vec<ScoredMetric<'_>> = known.map(scored_metric).collect();
    let unknown = judged.len() - scored.len();
    let mut scorecard = score(&scored, &analysis.weights, analysis.thresholds);

    let mut warnings: Vec<Warning> = judged.iter().flat_map(faults::of_pair).collect();
    if !scored.is_empty() {
        warnings.extend(faults::of_scorecard(&scorecard, &scored, &analysis.weights));
    }

    judged.sort_by(|a, b| b.badness().total_cmp(&a.badness()));
    let (metrics, traces): (Vec<JudgedMetric>, Vec<Trace>) =
        judged.iter().map(|pair| (pair.metric.clone(), pair.trace.clone())).unzip();
    let (outcome, reason) = decide(analysis, &scorecard, &judged);
    if unknown > 0 && scorecard.reason.is_none() {
        let were = if unknown == 1 { "was" } else { "were" };
        let of = format!("{unknown} of {} metrics {were} not judged", judged.len());
        scorecard.reason = Some(of);
    }
    say_failures_once(&mut warnings, &judged, &reason);
    let verdict = Verdict {
        outcome,
        reason,
        judge: JudgeRevision { name: "kayenta".to_owned(), revision: REVISION },
        decided_at: None,
        scorecard,
        judgements: Vec::new(),
        metrics,
        warnings,
        ignored: ignored::by_kayenta(analysis).into_iter().collect(),
    };
    Judged { verdict, traces }
}

/// Judges every answer to every check, and each check without one as a pair without data.
fn judged_pairs<'a>(
    analysis: &'a Analysis,
    series: &[MetricSeries],
    window: JudgementWindow,
) -> Vec<JudgedPair<'a>> {
    let mut by_check: BTreeMap<&str, Vec<&MetricSeries>> = BTreeMap::new();
    for answer in series {
        by_check.entry(&answer.check).or_default().push(answer);
    }
    let mut judged: Vec<JudgedPair<'_>> = Vec::new();
    for check in analysis.checks() {
        match by_check.get(check.name.as_str()) {
            Some(answers) => judged
                .extend(answers.iter().map(|answer| judge_pair(analysis, check, answer, window))),
            None => {
                let nothing = MetricSeries::nothing(&check.name);
                judged.push(judge_pair(analysis, check, &nothing, window));
            }
        }
    }
    judged
}

/// Why a source failed is said once: not again if the reason says it, and not of each metric if it
/// failed for many.
fn say_failures_once(warnings: &mut Vec<Warning>, judged: &[JudgedPair<'_>], reason: &str) {
    let failed =
        || judged.iter().filter_map(|pair| Some((&pair.metric.name, pair.failure.as_ref()?)));
    let named: Vec<&String> =
        failed().filter(|(_, why)| reason.contains(*why)).map(|(name, _)| name).collect();
    let many = failed().count() > MOST_FAILURES_SAID;
    warnings.retain(|warning| {
        let is_said = warning.metric.as_ref().is_some_and(|about| named.contains(&about));
        warning.code != WarningCode::SourceFailed || !(many || is_said)
    });
    if many {
        let names: Vec<&str> =
            failed().take(MOST_FAILURES_SAID).map(|(name, _)| name.as_str()).collect();
        let more = failed().count() - names.len();
        let text = format!(
            "{} of {} metrics were not judged, which bars a pass: {} and {more} more",
            failed().count(),
            judged.len(),
            names.join(", ")
        );
        warnings.push(Warning { code: WarningCode::SourceFailed, metric: None, text });
    }
}

const MOST_FAILURES_SAID: usize = 5;

fn scored_metric<'a>(pair: &'a JudgedPair<'_>) -> ScoredMetric<'a> {
    let metric = &pair.metric;
    ScoredMetric {
        name: &metric.name,
        classification: pair.classification(),
        critical: metric.critical,
        muted: metric.muted,
        groups: &metric.groups,
    }
}
