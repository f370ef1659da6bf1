//! Where each metric stands, what that makes of the canary, and the sentences that say so.

use serin_model::{
    Amount, Analysis, AtHorizon, Check, Evidence, GroupScore, GuardrailOutcome, Interval,
    JudgeRevision, JudgedMetric, MeasureKind, MetricSeries, Multiple, Outcome, Pairing, ScoreClass,
    Scorecard, Standing, Summary, Trace, TracePoint, UnclearCause, Verdict, Warning, WarningCode,
    Worse,
};
use serin_stats::p_value_of_log_e;

use super::gates::{length, misled, misled_in_words, time_of_day, wait};
use super::metric::{MetricState, aspect_of};
use super::run::{FALSE_ROLLBACK, FALSE_SAFETY, FailedBy, REVISION, SequentialJudge};
use super::sight::{could_see, effect};
use super::values::Aspect;
use crate::Judged;
use crate::bins::averaged;
use crate::kayenta::weight_of_unlisted;
use crate::summary::{missing, summary, without_gaps};

/// Returns promote, roll back or neither, as things stand.
pub(super) fn standing(judge: &SequentialJudge, analysis: &Analysis) -> Outcome {
    match standing_so_early(judge, analysis) {
        Outcome::Pass if wait(judge, analysis).is_some() => Outcome::Inconclusive,
        outcome => outcome,
    }
}

/// Returns the outcome as if there were no least time before a pass.
fn standing_so_early(judge: &SequentialJudge, analysis: &Analysis) -> Outcome {
    if judge.failed.is_some() {
        return Outcome::Fail;
    }
    let checks = judge.checks(analysis);
    let weights = judge.weights(&checks);
    let gating = gating(&checks);
    let bars = |(index, metric): (usize, &MetricState)| {
        let check = checks[index];
        let unjudged = metric.failure.is_some() && !check.muted;
        let few = check.minimum_points.is_some_and(|least| metric.steps() < u64::from(least.get()));
        let broken = judge
            .guardrail(index)
            .is_some_and(|guardrail| !check.muted && guardrail.outcome() != GuardrailOutcome::Held);
        let unproven = gating[index] && stands(judge, index, weights[index]) != Standing::Safe;
        // What builds up elsewhere may be the harm that the gating metrics do not see.
        let building = !check.muted && metric.since.is_some();
        unjudged || (few && !check.muted) || broken || unproven || building
    };
    let silent = judge.silence.lasts()
        || (!judge.silence.spoke && judge.silence.idle + judge.silence.unwell > 0);
    let dwindled = judge.roster.since.is_some();
    if silent
        || dwindled
        || misled(judge, analysis).is_some()
        || judge.metrics.iter().enumerate().any(bars)
    {
        Outcome::Inconclusive
    } else {
        Outcome::Pass
    }
}

/// Returns which metrics must be safe before a promotion: those that are marked, or else all whose
/// level is compared. Growth can only harm: that nothing will grow later is never known.
pub(crate) fn gating(checks: &[&Check]) -> Vec<bool> {
    let counted = |check: &&Check| !check.muted;
    if checks.iter().any(|check| check.gating) {
        return checks.iter().map(|check| check.gating && counted(check)).collect();
    }
    let levels: Vec<bool> =
        checks.iter().map(|check| counted(check) && aspect_of(check) == Aspect::Level).collect();
    if levels.contains(&true) { levels } else { checks.iter().map(counted).collect() }
}

fn stands(judge: &SequentialJudge, index: usize, weight: f64) -> Standing {
    let metric = &judge.metrics[index];
    let blamed = judge.failed.as_ref().is_some_and(
        |failed| matches!(failed.by, FailedBy::Evidence { metric } if metric == index),
    );
    if blamed || metric.most_harm >= harm_needed(weight) {
        Standing::Harmed
    } else if metric.steps() > 0 && metric.failure.is_none() && is_safe(metric) {
        Standing::Safe
    } else {
        Standing::Unclear
    }
}

/// What was safe once stays safe while most of the evidence stays: an effect that begins late takes it
/// away.
pub(super) fn is_safe(metric: &MetricState) -> bool {
    metric.steps() >= FEWEST_STEPS_TO_PASS && is_proven_safe(metric)
}

/// However clear the first steps are: what goes wrong in the first minutes takes minutes.
const FEWEST_STEPS_TO_PASS: u64 = 5;

fn is_proven_safe(metric: &MetricState) -> bool {
    metric.most_safety >= safety_needed()
        && metric.since.is_none()
        && metric.safety >= safety_needed() - SAFETY_THAT_MAY_GO
}

const SAFETY_THAT_MAY_GO: f64 = 1.5;

pub(super) fn harm_needed(weight: f64) -> f64 {
    // What is muted has no weight, and is shown as if it had the least.
    libm::log(1.0 / (FALSE_ROLLBACK * weight.max(1e-4)))
}

fn safety_needed() -> f64 {
    libm::log(1.0 / FALSE_SAFETY)
}

/// Returns the verdict as it stands.
pub(super) fn verdict(
    judge: &SequentialJudge,
    analysis: &Analysis,
    series: &[MetricSeries],
    ended: bool,
) -> Judged {
    let checks = judge.checks(analysis);
    let weights = judge.weights(&checks);
    let gating = gating(&checks);
    let unlike = misled(judge, analysis).map(misled_in_words);
    let mut judged: Vec<(JudgedMetric, Trace)> = judge
        .metrics
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let answer = series
                .iter()
                .find(|answer| answer.check == metric.check && answer.labels == metric.labels);
            let (mut judged, trace) = judged_metric(
                judge,
                analysis,
                checks[index],
                index,
                weights[index],
                gating[index],
                answer,
            );
            if let Some(why) = &unlike {
                call_unlike(&mut judged, why);
            }
            (judged, trace)
        })
        .collect();
    let mut outcome = standing(judge, analysis);
    let mut reason = match (wait(judge, analysis), standing_so_early(judge, analysis)) {
        (Some(wait), Outcome::Pass) => format!(
            "safe already, and waits until {}: a pass takes {} at least (`minimum_time`)",
            time_of_day(wait.until),
            length(wait.least)
        ),
        (_, _) => reason(judge, &judged, outcome, unlike.as_deref()),
    };
    if ended
        && outcome == Outcome::Inconclusive
        && analysis.at_horizon == AtHorizon::PassIfVisible
        && wait(judge, analysis).is_none()
        && unlike.is_none()
        && let Some(visible) = visible(judge, &judged)
    {
        (outcome, reason) = (Outcome::Pass, visible);
    }
    let decided_at = match (&judge.failed, outcome) {
        (Some(failed), _) => Some(failed.at),
        (None, _) => judge.last_point,
    };
    judged.sort_by(|a, b| badness(&b.0).total_cmp(&badness(&a.0)));
    let (metrics, traces): (Vec<JudgedMetric>, Vec<Trace>) = judged.into_iter().unzip();
    let warnings = warnings(judge, analysis);
    let verdict = Verdict {
        outcome,
        reason,
        judge: JudgeRevision { name: "sequential".to_owned(), revision: REVISION },
        decided_at,
        scorecard: scorecard(analysis, &metrics, outcome),
        judgements: Vec::new(),
        metrics,
        warnings,
        ignored: crate::ignored::by_sequential(analysis).into_iter().collect(),
    };
    Judged { verdict, traces }
}

/// Says of a metric that is neither harmed nor safe that its arms are no comparison.
fn call_unlike(judged: &mut JudgedMetric, why: &str) {
    let Some(evidence) = &mut judged.evidence else { return };
    let is_open = matches!(
        evidence.cause,
        Some(UnclearCause::TooFewPoints | UnclearCause::TooNoisy | UnclearCause::BetweenMargins)
    );
    if is_open {
        evidence.cause = Some(UnclearCause::ArmsUnlike);
        judged.reason = format!("not comparable: {why}");
    }
}

fn judged_metric(
    judge: &SequentialJudge,
    analysis: &Analysis,
    check: &Check,
    index: usize,
    weight: f64,
    gating: bool,
    answer: Option<&MetricSeries>,
) -> (JudgedMetric, Trace) {
    let metric = &judge.metrics[index];
    let standing = stands(judge, index, weight);
    let (tolerated, widened) = metric.tolerated(check);
    let effect = effect(metric, check);
    let could_see = could_see(metric, check, harm_needed(weight));
    let cause = (standing == Standing::Unclear).then(|| cause(metric, check, effect, could_see));
    let safety = metric.safety;
    let steps = metric.steps();
    let steps_needed = (standing == Standing::Unclear && safety > 0.3)
        .then(|| libm::ceil(steps as f64 * (safety_needed() + 0.7) / safety))
        .filter(|needed| *needed < 1e6 && *needed > steps as f64)
        .map(|needed| needed as u64);
    let points = |arm: fn(&MetricSeries) -> &serin_model::Arm| {
        answer.map_or_else(Vec::new, |answer| without_gaps(averaged(arm(answer), analysis.step)))
    };
    let (control, canary) =
        (points(|answer| &answer.arms.control), points(|answer| &answer.arms.canary));
    let (on_control, on_canary) = (of_points(&control), of_points(&canary));
    let evidence = Evidence {
        standing,
        cause,
        gating,
        weight,
        harm: metric.most_harm,
        harm_needed: harm_needed(weight),
        safety,
        safety_needed: safety_needed(),
        effect,
        tolerated,
        widened,
        could_see,
        steps,
        steps_needed,
        since: metric.since.filter(|_| standing == Standing::Harmed),
    };
    let kind = check.measure.kind();
    let judged = JudgedMetric {
        name: metric.check.clone(),
        labels: metric.labels.clone(),
        measure: kind,
        worse: check.worse,
        classification: None,
        reason: metric_reason(metric, check, &evidence, &on_control, &on_canary),
        critical: check.critical && standing == Standing::Harmed,
        muted: check.muted,
        groups: check.groups.clone(),
        owner: check.owner.clone(),
        mean_ratio: (on_control.mean != 0.0 && on_canary.points > 0 && on_control.points > 0)
            .then(|| on_canary.mean / on_control.mean)
            .filter(|ratio| ratio.is_finite()),
        control: on_control,
        canary: on_canary,
        shift: None,
        effect_size: None,
        p_value: Some(p_value_of_log_e(metric.most_harm)),
        test: test_name(metric, check).to_owned(),
        tolerance: check.margins.tolerance(),
        unacceptable: metric
            .most_telling()
            .map_or(check.margins.unacceptable(), |telling| telling.unacceptable - 1.0),
        guardrail: judge
            .guardrail(index)
            .zip(check.guardrail.as_ref())
            .map(|(running, guardrail)| running.judged(guardrail, kind)),
        evidence: Some(evidence),
    };
    let trace = Trace { metric: metric.check.clone(), control, canary };
    (judged, trace)
}

fn test_name(metric: &MetricState, check: &Check) -> &'static str {
    match check.measure.kind() {
        MeasureKind::Ratio | MeasureKind::Count if !metric.compares_values() => {
            "counts of both arms, step by step, given their total"
        }
        MeasureKind::Histogram => "events beyond the control's quantiles, step by step",
        _ if metric.is_of_shares() => {
            "small counts recovered from a percentage, step by step, given their total"
        }
        _ => match (aspect_of(check), metric.has_noise()) {
            (Aspect::Growth, _) => "growth beside that of control",
            (Aspect::Level, true) => {
                "differences step by step, against the noise of control's past"
            }
            (Aspect::Level, false) => "differences step by step, against their own size",
        },
    }
}

fn cause(
    metric: &MetricState,
    check: &Check,
    effect: Option<Interval>,
    could_see: Option<f64>,
) -> UnclearCause {
    if metric.failure.is_some() {
        return UnclearCause::SourceFailed;
    }
    if metric.intake.other_bounds {
        return UnclearCause::ArmsUnlike;
    }
    if metric.steps() == 0 {
        return UnclearCause::NoData;
    }
    let change = effect.map_or(0.0, |effect| badness_of(effect.estimate, check.worse));
    if change > metric.tolerated(check).0 {
        return UnclearCause::BetweenMargins;
    }
    if !metric.compares_values() {
        // Counts have no noise of their own: there are enough of them, or there are not.
        return UnclearCause::TooFewPoints;
    }
    match could_see {
        Some(seen) if seen <= check.margins.unacceptable() => UnclearCause::TooFewPoints,
        _ if metric.steps() < STEPS_OF_MANY => UnclearCause::TooFewPoints,
        _ => UnclearCause::TooNoisy,
    }
}

fn of_points(points: &[TracePoint]) -> Summary {
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    summary(&values, &sorted)
}

/// With fewer steps than this it is too early to call a metric noisy.
const STEPS_OF_MANY: u64 = 30;

/// Returns how far a ratio lies in the bad direction, as a fraction of control.
fn badness_of(ratio: f64, worse: Worse) -> f64 {
    match worse {
        Worse::Higher => ratio - 1.0,
        Worse::Lower => 1.0 - ratio,
        Worse::Either => (ratio - 1.0).abs(),
    }
}

/// Says how the metric came out: completes the sentence "the metric is …".
fn metric_reason(
    metric: &MetricState,
    check: &Check,
    evidence: &Evidence,
    control: &Summary,
    canary: &Summary,
) -> String {
    let kind = check.measure.kind();
    let compared = if control.points > 0 && canary.points > 0 {
        format!(
            ": {} against {} of control",
            Amount::new(canary.mean, kind),
            Amount::new(control.mean, kind)
        )
    } else {
        String::new()
    };
    let grown = aspect_of(check) == Aspect::Growth;
    match (evidence.standing, evidence.cause) {
        (Standing::Harmed, _) => format!("{}{compared}", harmed(metric, check, evidence, grown)),
        (Standing::Safe, _) => format!(
            "safe: {} is ruled out{}{compared}",
            change(check.margins.unacceptable(), check.worse),
            metric.proven_tail().map_or_else(String::new, |share| {
                format!(" for all but the slowest {}", wording(share))
            })
        ),
        (_, Some(UnclearCause::SourceFailed)) => {
            format!("not judged: {}", metric.failure.as_deref().unwrap_or_default())
        }
        (_, Some(UnclearCause::ArmsUnlike)) => {
            "not comparable: replicas report buckets with different edges".to_owned()
        }
        (_, Some(UnclearCause::NoData)) => {
            format!("without data: {}", missing(control.points, canary.points))
        }
        (_, Some(UnclearCause::BetweenMargins)) => format!(
            "neither harmed nor safe: worse by more than the tolerated {}, but not surely{compared}",
            wording(evidence.tolerated)
        ),
        (_, Some(UnclearCause::TooNoisy)) => {
            format!(
                "not settled: the noise hides {}{compared}",
                change(check.margins.unacceptable(), check.worse)
            )
        }
        (_, Some(UnclearCause::TooFewPoints) | None) => {
            let enough = evidence
                .steps_needed
                .map_or_else(String::new, |needed| format!(" of about {needed}"));
            format!("not settled yet: {} steps{enough}{compared}", evidence.steps)
        }
    }
}

fn harmed(metric: &MetricState, check: &Check, evidence: &Evidence, grown: bool) -> String {
    let effect = evidence.effect;
    let tolerated = wording(evidence.tolerated);
    if let (Some(telling), Some(effect)) = (metric.most_telling(), effect) {
        return format!(
            "{}: {} as many events lie beyond {} as on the control (tolerated {})",
            if check.worse == Worse::Lower { "lower" } else { "higher" },
            times(effect.estimate),
            Amount::new(telling.edge, MeasureKind::Histogram),
            times(telling.tolerated)
        );
    }
    let direction = match effect {
        Some(effect) if effect.estimate < 1.0 => "lower",
        _ => "higher",
    };
    if grown {
        return match effect {
            Some(effect) => format!(
                "growing: {} since the start beside control (tolerated {tolerated})",
                Multiple(effect.estimate)
            ),
            None => format!("growing by more than the tolerated {tolerated}"),
        };
    }
    let sure = effect.and_then(|effect| match direction {
        "higher" if effect.lower > 1.0 => Some(("at least", effect.lower)),
        "lower" if effect.upper < 1.0 => Some(("at least", effect.upper)),
        _ => None,
    });
    match (sure, effect) {
        (Some((least, bound)), _) => {
            format!("{direction}, {least} {} (tolerated {tolerated})", Multiple(bound))
        }
        (None, Some(effect)) if effect.estimate.is_finite() => {
            format!("{direction}, about {} (tolerated {tolerated})", Multiple(effect.estimate))
        }
        (None, _) => format!("{direction} than tolerated ({tolerated})"),
    }
}

fn times(ratio: f64) -> String {
    format!("{ratio:.1} times")
}

fn wording(fraction: f64) -> String {
    if fraction >= 2.0 {
        return format!("× {:.1}", 1.0 + fraction);
    }
    let percent = 100.0 * fraction;
    if percent >= 10.0 {
        format!("{percent:.0} %")
    } else {
        format!("{} %", (percent * 10.0).round() / 10.0)
    }
}

fn change(fraction: f64, worse: Worse) -> String {
    match worse {
        Worse::Higher => format!("+{}", wording(fraction)),
        Worse::Lower => format!("−{}", wording(fraction)),
        Worse::Either => format!("±{}", wording(fraction)),
    }
}

/// Orders metrics worst first.
fn badness(metric: &JudgedMetric) -> f64 {
    let Some(evidence) = &metric.evidence else { return 0.0 };
    let broken = metric
        .guardrail
        .as_ref()
        .is_some_and(|guardrail| guardrail.outcome == GuardrailOutcome::Broken);
    let class = match evidence.standing {
        _ if broken => 5.0,
        Standing::Harmed => 4.0,
        Standing::Unclear if evidence.gating => 3.0,
        Standing::Unclear => 2.0,
        Standing::Safe => 1.0,
    };
    let counted = if metric.muted { 0.0 } else { 10.0 };
    let harm = (evidence.harm / evidence.harm_needed).clamp(0.0, 10.0) / 20.0;
    counted + class + harm
}

/// Returns the one sentence a reader sees first.
///
/// * `unlike`: why the arms are no comparison, if they are none.
fn reason(
    judge: &SequentialJudge,
    judged: &[(JudgedMetric, Trace)],
    outcome: Outcome,
    unlike: Option<&str>,
) -> String {
    let says = |metric: &JudgedMetric| format!("{} is {}", metric.title(), metric.reason);
    if let Some(failed) = &judge.failed {
        return match &failed.by {
            FailedBy::Silence { .. } if !judge.silence.spoke => {
                "the canary reported nothing, while the control did".to_owned()
            }
            FailedBy::Silence { .. } => {
                "the canary stopped reporting, while the control went on".to_owned()
            }
            FailedBy::Replicas { since, left, of } => format!(
                "all but {left} of the canary's {of} replicas stopped reporting at {}, while the \
                 control's went on; whether they crashed or were scaled down, their metrics do not say",
                time_of_day(*since)
            ),
            FailedBy::Guardrail { metric } => {
                let metric = &judged[*metric].0;
                let broken = metric.guardrail.as_ref().map_or("", |guardrail| &guardrail.reason);
                format!("{} is {broken}", metric.title())
            }
            FailedBy::Evidence { metric } => {
                let harmed = judged
                    .iter()
                    .filter(|(metric, _)| !metric.muted && is(metric, Standing::Harmed));
                let harmed = harmed.count();
                let others = match harmed.saturating_sub(1) {
                    0 => String::new(),
                    1 => ", and one more metric is harmed".to_owned(),
                    more => format!(", and {more} more metrics are harmed"),
                };
                format!("{}{others}", says(&judged[*metric].0))
            }
        };
    }
    let counted = || judged.iter().map(|(metric, _)| metric).filter(|metric| !metric.muted);
    if outcome == Outcome::Pass {
        let gating =
            counted().filter(|metric| metric.evidence.as_ref().is_some_and(|e| e.gating)).count();
        return match gating {
            1 => "nothing is harmed, and the gating metric is safe".to_owned(),
            all => format!("nothing is harmed, and all {all} gating metrics are safe"),
        };
    }
    if judge.silence.lasts() {
        return "the canary reports nothing at present, while the control does: too short a silence to roll back, and no ground to promote".to_owned();
    }
    if !judge.silence.spoke && judge.silence.unwell > 0 {
        return "the canary reports nothing, but the control is not well either".to_owned();
    }
    if !judge.silence.spoke && judge.silence.idle > 0 {
        return match judge.metrics.iter().find(|metric| metric.garbled) {
            Some(metric) => format!(
                "the canary reports nothing that could be judged: {} is no number, or no count",
                metric.check
            ),
            None => "the canary gets no traffic: it counts requests, and there are none".to_owned(),
        };
    }
    if judge.roster.since.is_some() {
        let (left, of) = judge.roster.left();
        return format!(
            "all but {left} of the canary's {of} replicas report nothing at present, while the \
             control's do: too short to roll back, and no ground to promote"
        );
    }
    if let Some(why) = unlike {
        return why.to_owned();
    }
    let failed: Vec<&JudgedMetric> =
        counted().filter(|metric| cause_of(metric) == Some(UnclearCause::SourceFailed)).collect();
    if let Some(first) = failed.first() {
        return match failed.len() {
            1 => says(first),
            several => {
                format!("{several} of {} metrics were not judged; {}", judged.len(), says(first))
            }
        };
    }
    let unheld = counted().find(|metric| {
        metric
            .guardrail
            .as_ref()
            .is_some_and(|guardrail| guardrail.outcome != GuardrailOutcome::Held)
    });
    if let Some(metric) = unheld {
        let why = metric.guardrail.as_ref().map_or("", |guardrail| &guardrail.reason);
        return format!("{} is {why}", metric.title());
    }
    let unclear: Vec<&JudgedMetric> = counted()
        .filter(|metric| {
            is(metric, Standing::Unclear) && metric.evidence.as_ref().is_some_and(|e| e.gating)
        })
        .collect();
    match unclear.first() {
        Some(first) => {
            let worst =
                unclear.iter().max_by(|a, b| badness(a).total_cmp(&badness(b))).unwrap_or(first);
            let others = match unclear.len() - 1 {
                0 => String::new(),
                1 => ", and one more gating metric is unclear".to_owned(),
                more => format!(", and {more} more gating metrics are unclear"),
            };
            format!("nothing is proven yet: {}{others}", says(worst))
        }
        None => "too few points to pass".to_owned(),
    }
}

fn is(metric: &JudgedMetric, standing: Standing) -> bool {
    metric.evidence.as_ref().is_some_and(|evidence| evidence.standing == standing)
}

fn cause_of(metric: &JudgedMetric) -> Option<UnclearCause> {
    metric.evidence.as_ref()?.cause
}

/// Says that nothing is harmed and everything could have been seen, where that is so.
fn visible(judge: &SequentialJudge, judged: &[(JudgedMetric, Trace)]) -> Option<String> {
    let counted: Vec<&JudgedMetric> =
        judged.iter().map(|(metric, _)| metric).filter(|metric| !metric.muted).collect();
    let seen = |metric: &&JudgedMetric| {
        let Some(evidence) = &metric.evidence else { return false };
        let harmless = evidence
            .effect
            .is_some_and(|effect| badness_of(effect.estimate, metric.worse) <= evidence.tolerated);
        let sees = evidence.could_see.is_some_and(|seen| seen <= metric.unacceptable);
        !evidence.gating || evidence.standing == Standing::Safe || (harmless && sees)
    };
    let held = |metric: &&JudgedMetric| {
        metric
            .guardrail
            .as_ref()
            .is_none_or(|guardrail| guardrail.outcome == GuardrailOutcome::Held)
    };
    let known = |metric: &&JudgedMetric| cause_of(metric) != Some(UnclearCause::SourceFailed);
    let talks = !judge.silence.lasts()
        && judge.roster.since.is_none()
        && (judge.silence.spoke || judge.silence.idle == 0);
    let all = talks && counted.iter().all(|metric| seen(metric) && held(metric) && known(metric));
    all.then(|| {
        "nothing is harmed, and every gating metric could have shown an unacceptable change \
         (`at_horizon: pass_if_visible` passed it)"
            .to_owned()
    })
}

/// Derives a score from the verdict: it explains the verdict to those who think in scores, and
/// decides nothing.
fn scorecard(analysis: &Analysis, metrics: &[JudgedMetric], outcome: Outcome) -> Scorecard {
    let (pass, marginal) = (analysis.thresholds.pass(), analysis.thresholds.marginal());
    let points =
        |metric: &JudgedMetric| match metric.evidence.as_ref().map(|evidence| evidence.standing) {
            Some(Standing::Safe) => 100.0,
            Some(Standing::Unclear) => 50.0,
            Some(Standing::Harmed) | None => 0.0,
        };
    let mean = |of: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = of.fold((0.0, 0u32), |(sum, count), points| (sum + points, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    let counted = || metrics.iter().filter(|metric| !metric.muted);
    let plain = mean(&mut counted().map(points)).unwrap_or(0.0);
    // The score lies where the verdict does.
    let score = match outcome {
        Outcome::Pass => pass + (100.0 - pass) * plain / 100.0,
        Outcome::Inconclusive => marginal + (pass - marginal) * plain.min(99.0) / 100.0,
        Outcome::Fail => marginal * plain.min(99.0) / 100.0,
    };
    let names = analysis.groups();
    let unlisted = weight_of_unlisted(&names.iter().collect(), analysis.weights.listed());
    let groups = names.iter().map(|name| GroupScore {
        score: mean(&mut counted().filter(|metric| metric.groups.contains(name)).map(points)),
        weight: analysis.weights.listed().get(name).copied().unwrap_or(unlisted),
        name: name.clone(),
    });
    Scorecard {
        score: (score * 100.0).round() / 100.0,
        pass,
        marginal,
        class: match outcome {
            Outcome::Pass => ScoreClass::Pass,
            Outcome::Inconclusive => ScoreClass::Marginal,
            Outcome::Fail => ScoreClass::Fail,
        },
        reason: None,
        groups: groups.collect(),
    }
}

fn warnings(judge: &SequentialJudge, analysis: &Analysis) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = of_replicas(judge, analysis).into_iter().collect();
    if analysis.pairing == Pairing::Time {
        warnings.extend(of_traffic(judge, analysis));
        warnings.extend(of_age(judge, analysis));
    }
    for metric in &judge.metrics {
        let mut warn = |code, text: String| {
            warnings.push(Warning { code, metric: Some(metric.check.clone()), text });
        };
        if metric.is_of_shares() && metric.steps() > 0 {
            let text = if metric.shares_are_shown() {
                "its values are shares of small counts, which are judged as counts; a share of nothing or of all hides how many there were, and the others' usual number stands for it"
            } else {
                "its values are nothing or all, which hides how many there were: each stands for one event; count both parts instead of dividing them"
            };
            warn(WarningCode::CountsRecovered, text.to_owned());
        }
    }
    warnings
}

fn of_replicas(judge: &SequentialJudge, analysis: &Analysis) -> Option<Warning> {
    let gone = judge.roster.gone(analysis.step)?;
    let mut names: Vec<String> =
        gone.names.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    if gone.names.len() > MOST_NAMED {
        names.push(format!("{} more", gone.names.len() - MOST_NAMED));
    }
    let text = format!(
        "{} of the canary's {} replicas stopped reporting, the first at {}, and the control's went on: \
         {}; whether they crashed or were scaled down, their metrics do not say",
        gone.names.len(),
        gone.of,
        time_of_day(gone.since),
        names.join(", ")
    );
    Some(Warning { code: WarningCode::ReplicasGone, metric: None, text })
}

/// More replicas are counted, not named.
const MOST_NAMED: usize = 3;

/// Says what is odd about the canary's share of the traffic, where no metric finds it as it should be.
fn of_traffic(judge: &SequentialJudge, analysis: &Analysis) -> Option<Warning> {
    let planned = analysis.arms.share;
    let checks = judge.checks(analysis);
    let telling = judge
        .metrics
        .iter()
        .zip(checks)
        .filter(|(metric, check)| !check.muted && metric.traffic.tells(planned));
    let mut first = None;
    for (metric, _) in telling {
        let text = metric.traffic.doubt(planned)?;
        first.get_or_insert((metric.check.clone(), text));
    }
    let (metric, text) = first?;
    Some(Warning { code: WarningCode::TrafficShare, metric: Some(metric), text })
}

/// Says that one arm is much younger than the other, where that may be what made the verdict.
fn of_age(judge: &SequentialJudge, analysis: &Analysis) -> Option<Warning> {
    let checks = judge.checks(analysis);
    let weights = judge.weights(&checks);
    let find = |holds: &dyn Fn(usize, &MetricState) -> bool| {
        judge.metrics.iter().enumerate().find(|(index, metric)| holds(*index, metric))
    };
    let is_cold = |index: usize, metric: &MetricState| {
        // Where no tolerance is written it is widened for as long as the canary is young.
        metric.fresh
            && metric.minutes < MINUTES_OF_YOUTH
            && checks[index].margins.written().tolerance
            && metric.compares_values()
            && stands(judge, index, weights[index]) == Standing::Harmed
    };
    let warning = |metric: &MetricState, text: String| Warning {
        code: WarningCode::UnlikeAge,
        metric: Some(metric.check.clone()),
        text,
    };
    if let Some((_, metric)) = find(&is_cold) {
        let text = format!(
            "harmed after {:.0} min, by replicas that are new beside a control's that are not: a \
             written tolerance leaves nothing for a cold start; a longer `warm_up`, or a control \
             started together with the canary, tells the two apart",
            metric.minutes.max(1.0)
        );
        return Some(warning(metric, text));
    }
    let (_, metric) = find(&|_, metric| metric.control_is_fresh)?;
    let text = "the control's replicas are new and the canary's are not: what a cold start costs makes \
                the canary look better than it is";
    Some(warning(metric, text.to_owned()))
}

/// How long replicas are slow for being new.
const MINUTES_OF_YOUTH: f64 = 30.0;
