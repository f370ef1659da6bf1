//! Promote or roll back, and the sentence that says why.

use serin_model::{
    Analysis, Classification, GuardrailOutcome, JudgedMetric, Outcome, ScoreClass, Scorecard,
};

use super::pair::JudgedPair;
use super::windows::stops_the_run;

/// Returns the outcome, and the one sentence a reader sees first: what is wrong, then the score.
///
/// * `judged`: worst first.
pub(crate) fn decide(
    analysis: &Analysis,
    scorecard: &Scorecard,
    judged: &[JudgedPair<'_>],
) -> (Outcome, String) {
    let (failed, counted): (Vec<&JudgedPair<'_>>, Vec<_>) =
        judged.iter().filter(|pair| !pair.metric.muted).partition(|pair| pair.failure.is_some());
    if let Some(broken) = with_guardrail(&counted, GuardrailOutcome::Broken) {
        return (Outcome::Fail, broken);
    }
    let wrong = || with_score(&what_is_wrong(scorecard, &counted), scorecard);
    let stopped =
        analysis.judgements.is_some() && stops_the_run(scorecard.score, analysis.thresholds);
    match (scorecard.class, stopped) {
        // A score that is low for want of metrics says nothing against the canary.
        (_, _) if !failed.is_empty() && worst(&counted).is_none() => {}
        (ScoreClass::Fail, _) => return (Outcome::Fail, wrong()),
        (_, true) => return (Outcome::Fail, format!("{}, and stops the run", wrong())),
        (_, false) => {}
    }
    if let Some(unknown) = not_judged(&failed, judged) {
        return (Outcome::Inconclusive, unknown);
    }
    let unsettled = with_guardrail(&counted, GuardrailOutcome::BrokenOnBoth)
        .or_else(|| with_guardrail(&counted, GuardrailOutcome::Nodata));
    if let Some(unsettled) = unsettled {
        return (Outcome::Inconclusive, unsettled);
    }
    if scorecard.class == ScoreClass::Marginal {
        return (Outcome::Inconclusive, wrong());
    }
    if let Some(few) = counted.iter().find_map(|pair| too_few_points(pair)) {
        return (Outcome::Inconclusive, few);
    }
    let agreed = match worst(&counted) {
        Some(worst) => format!("{worst}, but that is not enough to fail"),
        None => nothing_got_worse(&counted),
    };
    (Outcome::Pass, with_score(&agreed, scorecard))
}

fn with_guardrail(pairs: &[&JudgedPair<'_>], outcome: GuardrailOutcome) -> Option<String> {
    pairs.iter().find_map(|pair| {
        let guardrail = pair.metric.guardrail.as_ref()?;
        let says = || format!("{} is {}", pair.metric.title(), guardrail.reason);
        (guardrail.outcome == outcome).then(says)
    })
}

fn with_score(what: &str, scorecard: &Scorecard) -> String {
    let Scorecard { score, pass, marginal, .. } = scorecard;
    match scorecard.class {
        ScoreClass::Pass => format!("{what}; score {score}, {pass} passes"),
        ScoreClass::Marginal => format!("{what}; score {score} is marginal, {pass} passes"),
        ScoreClass::Fail => format!("{what}; score {score}, under {marginal} fails"),
    }
}

/// Says why the score is not enough to pass.
fn what_is_wrong(scorecard: &Scorecard, counted: &[&JudgedPair<'_>]) -> String {
    if is_silent(counted) {
        return "the canary reported nothing, while the control did".to_owned();
    }
    let critical = counted.iter().any(|pair| pair.metric.critical);
    match (&scorecard.reason, worst(counted)) {
        // Half of the metrics have no data; of a single one there is more to say.
        (Some(reason), _) if !critical && counted.len() > 1 => reason.clone(),
        (_, Some(worst)) if critical || !scorecard.groups.is_empty() => worst,
        (_, _) if scorecard.groups.is_empty() => "no metric counts in any group".to_owned(),
        (_, _) => format!("{}, but the weights do not reach 100", nothing_got_worse(counted)),
    }
}

fn is_silent(counted: &[&JudgedPair<'_>]) -> bool {
    let points =
        |arm: fn(&JudgedMetric) -> usize| counted.iter().map(move |pair| arm(&pair.metric));
    points(|metric| metric.canary.points).all(|points| points == 0)
        && points(|metric| metric.control.points).any(|points| points > 0)
}

/// Says what the first of the metrics that did not pass is; they come worst first.
fn worst(counted: &[&JudgedPair<'_>]) -> Option<String> {
    let mut failed = counted
        .iter()
        .map(|pair| &pair.metric)
        .filter(|metric| metric.classification != Some(Classification::Pass));
    let first = failed.next()?;
    let critical = if first.critical { "critical and " } else { "" };
    let others = match failed.count() {
        0 => String::new(),
        1 => ", and one more metric did not pass".to_owned(),
        others => format!(", and {others} more metrics did not pass"),
    };
    Some(format!("{} is {critical}{}{others}", first.title(), first.reason))
}

fn nothing_got_worse(counted: &[&JudgedPair<'_>]) -> String {
    match counted {
        [only] => format!("{} did not get worse", only.metric.title()),
        all => format!("none of {} metrics got worse", all.len()),
    }
}

/// Says which metrics the source failed to give.
fn not_judged(failed: &[&JudgedPair<'_>], all: &[JudgedPair<'_>]) -> Option<String> {
    let first = failed.first()?;
    let why = first.failure.as_deref().unwrap_or_default();
    let title = first.metric.title();
    Some(match failed.len() {
        1 => format!("{title} was not judged: {why}"),
        several => {
            format!("{several} of {} metrics were not judged; {title}: {why}", all.len())
        }
    })
}

fn too_few_points(pair: &JudgedPair<'_>) -> Option<String> {
    let minimum = pair.check.minimum_points?.get() as usize;
    // Gaps that a strategy filled are no points.
    let points = pair.trace.control.len().min(pair.trace.canary.len());
    (points < minimum).then(|| {
        let title = pair.metric.title();
        format!("too few points to pass: {title} has {points}, and {minimum} are asked for")
    })
}
