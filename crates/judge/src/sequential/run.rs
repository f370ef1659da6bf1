//! A whole analysis, judged while its points come in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_model::{
    Analysis, Arm, ArmPair, Check, GuardrailOutcome, MetricSeries, Outcome, Timestamp, Window,
};

use super::intake::Sample;
use super::metric::MetricState;
use super::metric::whole_arm;
use super::outcome;
use super::roster::Roster;
use super::silence::{Silence, Voice, Voices};
use crate::Judged;
use crate::guardrail::RunningGuardrail;

/// Grows with every change that could change a verdict of this judge.
pub const REVISION: u32 = 1;

/// The chance, over all metrics and all moments, that a canary no worse than tolerated is failed.
pub const FALSE_ROLLBACK: f64 = 0.01;

/// The chance, a metric, that one with an unacceptable effect is called safe.
pub const FALSE_SAFETY: f64 = 0.05;

/// The share of [`FALSE_ROLLBACK`] that is kept for a silent canary.
const SHARE_OF_SILENCE: f64 = 0.04;

/// The share of it that is kept for one of whose replicas hardly any are left.
const SHARE_OF_REPLICAS: f64 = 0.01;

/// How much a critical metric weighs beside the others.
const WEIGHT_OF_CRITICAL: f64 = 2.0;

/// The most of its own threshold that one step may bring a count towards it.
pub(super) const MOST_A_STEP: f64 = 0.65;

/// A judge in the middle of an analysis: all it needs to go on, in bounded space.
///
/// Feed it with [`Self::learn`] what the control did before the start, with [`Self::take`] the points
/// in any order and as often as you like, and tell it with [`Self::advance`] how far they are
/// complete. What it says depends on the points and on the watermark, never on how they came.
///
/// It can be written down with `serde` at any moment, and goes on bit for bit when it is read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialJudge {
    revision: u32,
    pub(super) metrics: Vec<MetricState>,
    guardrails: Vec<Option<RunningGuardrail>>,
    pub(super) silence: Silence,
    pub(super) roster: Roster,
    /// When the canary failed, at the time of the last point that was needed.
    pub(super) failed: Option<Failed>,
    pub(super) first_passed: Option<Timestamp>,
    pub(super) last_point: Option<Timestamp>,
    /// The start of the first step in which the canary reported anything.
    pub(super) canary_since: Option<Timestamp>,
    /// The end of the last step.
    pub(super) judged_until: Option<Timestamp>,
    /// When the first step was over.
    start: Option<Timestamp>,
}

/// How the canary failed, as it stood then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) at: Timestamp,
    pub(super) by: FailedBy,
}

/// What failed the canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum FailedBy {
    /// The metrics together, this one the most.
    Evidence {
        metric: usize,
    },
    Silence {
        since: Timestamp,
    },
    /// Hardly any of the canary's replicas are left, of so many.
    Replicas {
        since: Timestamp,
        left: usize,
        of: usize,
    },
    Guardrail {
        metric: usize,
    },
}

/// What failed a canary, for those who count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Blame {
    /// The metrics together, the one of this number the most.
    Evidence(usize),
    /// The canary, or nearly all of its replicas, reported nothing.
    Silence,
    Guardrail,
}

/// A state that another revision of the judge wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the state was written by revision {written} of the sequential judge; this is revision {REVISION}"
)]
pub struct OtherRevision {
    /// The revision that wrote it.
    pub written: u32,
}

impl SequentialJudge {
    /// Creates a judge that knows nothing yet.
    #[must_use]
    pub fn new(analysis: &Analysis) -> Self {
        let nothing: Vec<MetricSeries> = Vec::new();
        let mut judge = Self {
            revision: REVISION,
            metrics: Vec::new(),
            guardrails: Vec::new(),
            silence: Silence::new(),
            roster: Roster::new(),
            failed: None,
            first_passed: None,
            last_point: None,
            canary_since: None,
            judged_until: None,
            start: None,
        };
        judge.make_room(analysis, &nothing);
        judge
    }

    /// Returns whether this revision of the judge can go on with the state.
    ///
    /// # Errors
    ///
    /// [`OtherRevision`] when another revision wrote it.
    pub fn check_revision(&self) -> Result<(), OtherRevision> {
        if self.revision == REVISION {
            Ok(())
        } else {
            Err(OtherRevision { written: self.revision })
        }
    }

    /// Learns from what the control did before the canary began. To be called once, before any
    /// point is taken.
    ///
    /// * `history`: as a source answers; only the control of it is looked at, and only what lies
    ///   before `start`.
    pub fn learn(&mut self, analysis: &Analysis, history: &[MetricSeries], start: Timestamp) {
        self.make_room(analysis, history);
        let is_all = analysis.arms.control_window.is_some();
        for series in history {
            let Some((metric, check)) = self.find(analysis, series) else { continue };
            let mut control = series.arms.control.clone();
            let end = match analysis.arms.control_window {
                Some(window) => {
                    control.keep(window);
                    Timestamp::from_millis(i64::MAX)
                }
                None => start,
            };
            let canary = &series.arms.canary;
            self.metrics[metric].note_overlap(series, analysis.step, start);
            self.metrics[metric].learn(check, &control, canary, analysis.step, end, is_all);
        }
        if !is_all {
            let controls = history.iter().map(|series| &series.arms.control);
            self.roster.learn(controls, analysis.step, start);
        }
    }

    /// Takes points of both arms from `start` on, in any order; those that are known already change
    /// nothing.
    pub fn take(&mut self, analysis: &Analysis, series: &[MetricSeries], start: Timestamp) {
        self.make_room(analysis, series);
        let control_too = analysis.arms.control_window.is_none();
        for answer in series {
            if let Some((metric, _)) = self.find(analysis, answer) {
                self.metrics[metric].take(answer, analysis.step, start, control_too);
            }
        }
    }

    /// Judges every step that ended at or before `watermark`.
    pub fn advance(&mut self, analysis: &Analysis, watermark: Timestamp) {
        let mut by_time: BTreeMap<Timestamp, Vec<(usize, super::intake::MetricStep)>> =
            BTreeMap::new();
        for (index, metric) in self.metrics.iter_mut().enumerate() {
            for step in metric.close(watermark, analysis.step, analysis.pairing) {
                by_time.entry(step.closed).or_default().push((index, step));
            }
        }
        let checks = self.checks(analysis);
        let weights = self.weights(&checks);
        for (closed, steps) in by_time {
            self.observe(analysis, &checks, &weights, closed, steps);
        }
    }

    fn observe(
        &mut self,
        analysis: &Analysis,
        checks: &[&Check],
        weights: &[f64],
        closed: Timestamp,
        steps: Vec<(usize, super::intake::MetricStep)>,
    ) {
        let mut voices = Vec::with_capacity(steps.len());
        let start = *self.start.get_or_insert(closed);
        let minutes = (closed.as_millis() - start.as_millis()) as f64 / 60_000.0;
        for (index, step) in &steps {
            let weight = weights[*index].max(1e-6);
            let most = MOST_A_STEP * libm::log(1.0 / (FALSE_ROLLBACK * weight));
            let voice = self.metrics[*index].observe(checks[*index], step, minutes, most);
            if self.metrics[*index].failure.is_none() {
                voices.push(voice);
            }
            if let Some(guardrail) = &mut self.guardrails[*index] {
                let bounds = self.metrics[*index].intake.bounds.as_deref();
                let kind = checks[*index].measure.kind();
                let total = |arm| whole_arm(arm, step.last_point, kind, bounds);
                if let Some(limit) = &checks[*index].guardrail {
                    let (control, canary) = (total(&step.control), total(&step.canary));
                    guardrail.observe(limit, control.as_ref(), canary.as_ref());
                }
            }
            self.last_point = self.last_point.max(Some(step.last_point));
        }
        let heard: Vec<usize> = steps.iter().map(|(index, _)| *index).collect();
        for (index, metric) in self.metrics.iter().enumerate() {
            if !heard.contains(&index) && metric.failure.is_none() {
                let (control, canary) = (Voice::Absent, Voice::Absent);
                let control_is_unwell = metric.is_usually_heard();
                voices.push(Voices { control, canary, control_is_unwell, control_missing: 0.0 });
            }
        }
        let length = i64::from(analysis.step.seconds()) * 1000;
        let step_start = Timestamp::from_millis(closed.as_millis() - length);
        if analysis.pairing == serin_model::Pairing::Time {
            self.silence.observe(&voices, step_start, closed);
            if analysis.arms.control_window.is_none() {
                self.muster(analysis, closed, &steps);
            }
        }
        if steps.iter().any(|(_, step)| !step.canary.is_empty()) {
            self.canary_since.get_or_insert(step_start);
        }
        self.judged_until = Some(closed);
        self.decide(analysis, checks, weights);
    }

    /// Takes note of who reported.
    fn muster(
        &mut self,
        analysis: &Analysis,
        closed: Timestamp,
        steps: &[(usize, super::intake::MetricStep)],
    ) {
        let metrics = &self.metrics;
        let heard = |is_canary: bool| {
            steps.iter().flat_map(move |(index, step)| {
                let intake = &metrics[*index].intake;
                let (arm, known) = if is_canary {
                    (&step.canary, &intake.canary.names)
                } else {
                    (&step.control, &intake.control.names)
                };
                let spoke = arm.iter().filter(|(_, sample)| *sample != Sample::Garbled);
                spoke.filter_map(|(replica, _)| known.get(*replica).map(String::as_str))
            })
        };
        let is_whole = metrics.iter().all(|metric| metric.failure.is_none());
        self.roster.observe(heard(false), heard(true), analysis.step, closed, is_whole);
    }

    fn decide(&mut self, analysis: &Analysis, checks: &[&Check], weights: &[f64]) {
        let Some(at) = self.last_point else { return };
        if self.failed.is_none()
            && let Some(by) = self.what_fails(checks, weights)
        {
            self.failed = Some(Failed { at, by });
        }
        if self.failed.is_none() && self.first_passed.is_none() {
            let judged = outcome::standing(self, analysis);
            if judged == Outcome::Pass {
                self.first_passed = Some(at);
            }
        }
    }

    fn what_fails(&self, checks: &[&Check], weights: &[f64]) -> Option<FailedBy> {
        let broken = |(metric, guardrail): (usize, &Option<RunningGuardrail>)| {
            let counts = !checks[metric].muted;
            (counts && guardrail.as_ref()?.outcome() == GuardrailOutcome::Broken)
                .then_some(FailedBy::Guardrail { metric })
        };
        if let Some(broken) = self.guardrails.iter().enumerate().find_map(broken) {
            return Some(broken);
        }
        let logs: Vec<f64> = self.metrics.iter().map(|metric| metric.harm).collect();
        let of_silence = SHARE_OF_SILENCE * libm::exp(self.silence.log_e());
        let of_replicas = SHARE_OF_REPLICAS * libm::exp(self.roster.log_e());
        let parts: Vec<f64> =
            logs.iter().zip(weights).map(|(log, weight)| weight * libm::exp(*log)).collect();
        let sum: f64 = parts.iter().sum::<f64>() + of_silence + of_replicas;
        if sum < 1.0 / FALSE_ROLLBACK {
            return None;
        }
        let (metric, most) = parts
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map_or((0, 0.0), |(metric, part)| (metric, *part));
        let (left, of) = self.roster.left();
        Some(match (self.silence.since, self.roster.since) {
            (Some(since), _) if of_silence > most.max(of_replicas) => FailedBy::Silence { since },
            (_, Some(since)) if of_replicas > most => FailedBy::Replicas { since, left, of },
            (_, _) => FailedBy::Evidence { metric },
        })
    }

    /// Returns the check of each metric.
    pub(super) fn checks<'a>(&self, analysis: &'a Analysis) -> Vec<&'a Check> {
        let by_name: BTreeMap<&str, &Check> =
            analysis.checks().iter().map(|check| (check.name.as_str(), check)).collect();
        self.metrics
            .iter()
            .filter_map(|metric| by_name.get(metric.check.as_str()).copied())
            .collect()
    }

    /// Returns each metric's share of the chance of a false alarm.
    pub(super) fn weights(&self, checks: &[&Check]) -> Vec<f64> {
        let raw: Vec<f64> = checks
            .iter()
            .map(|check| match (check.muted, check.critical) {
                (true, _) => 0.0,
                (false, true) => WEIGHT_OF_CRITICAL,
                (false, false) => 1.0,
            })
            .collect();
        let all: f64 = raw.iter().sum();
        let share = (1.0 - SHARE_OF_SILENCE - SHARE_OF_REPLICAS) / all.max(1.0);
        raw.into_iter().map(|weight| weight * share).collect()
    }

    pub(super) fn guardrail(&self, metric: usize) -> Option<&RunningGuardrail> {
        self.guardrails.get(metric)?.as_ref()
    }

    /// Returns when the canary first passed, if it did before it failed.
    #[must_use]
    pub fn first_passed(&self) -> Option<Timestamp> {
        self.first_passed
    }

    /// Returns what failed the canary, if it failed.
    pub(crate) fn blame(&self) -> Option<Blame> {
        self.failed.as_ref().map(|failed| match failed.by {
            FailedBy::Evidence { metric } => Blame::Evidence(metric),
            FailedBy::Silence { .. } | FailedBy::Replicas { .. } => Blame::Silence,
            FailedBy::Guardrail { .. } => Blame::Guardrail,
        })
    }

    /// Returns the check and the labels of each metric, in the order of their numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.metrics.iter().map(|metric| (metric.check.as_str(), &metric.labels))
    }

    /// Returns the outcome as it stands now.
    #[must_use]
    pub fn outcome(&self, analysis: &Analysis) -> Outcome {
        outcome::standing(self, analysis)
    }

    /// Returns the verdict as it stands now.
    ///
    /// * `series`: what was judged, for the summaries and the graphs; nothing is decided by it.
    /// * `ended`: whether no more points will come, so that `at_horizon` has its say.
    #[must_use]
    pub fn verdict(&self, analysis: &Analysis, series: &[MetricSeries], ended: bool) -> Judged {
        outcome::verdict(self, analysis, series, ended)
    }

    fn find<'a>(
        &self,
        analysis: &'a Analysis,
        series: &MetricSeries,
    ) -> Option<(usize, &'a Check)> {
        let metric = self
            .metrics
            .iter()
            .position(|metric| metric.check == series.check && metric.labels == series.labels)?;
        let check = analysis.checks().iter().find(|check| check.name == series.check)?;
        Some((metric, check))
    }

    /// Makes room for answers that were not known before. A check without an answer has one place,
    /// which its first answer takes.
    fn make_room(&mut self, analysis: &Analysis, series: &[MetricSeries]) {
        for check in analysis.checks() {
            for answer in series.iter().filter(|answer| answer.check == check.name) {
                if self.metrics.iter().any(|m| m.check == check.name && m.labels == answer.labels) {
                    continue;
                }
                let untouched = |metric: &MetricState| {
                    metric.check == check.name
                        && *metric == MetricState::new(check, &BTreeMap::new())
                };
                match self.metrics.iter_mut().find(|metric| untouched(metric)) {
                    Some(metric) => metric.labels.clone_from(&answer.labels),
                    None => self.add(check, &answer.labels),
                }
            }
            if !self.metrics.iter().any(|metric| metric.check == check.name) {
                self.add(check, &BTreeMap::new());
            }
        }
    }

    fn add(&mut self, check: &Check, labels: &BTreeMap<String, String>) {
        self.metrics.push(MetricState::new(check, labels));
        self.guardrails.push(check.guardrail.map(|_| RunningGuardrail::new()));
    }
}

/// Judges an analysis whose points are all known, as it would have been judged while they came in.
///
/// * `series`: the answers to the analysis's checks. Points of the control before the analysis's
///   window are its history; where it has no window, there is none.
#[must_use]
pub fn judge(analysis: &Analysis, series: &[MetricSeries]) -> (Judged, SequentialJudge) {
    judge_after(analysis, series, series)
}

/// As [`judge`], with a history that was asked for apart from what is judged.
///
/// * `history`: the answers of which the control's points before the analysis's window are looked at.
#[must_use]
pub fn judge_after(
    analysis: &Analysis,
    history: &[MetricSeries],
    series: &[MetricSeries],
) -> (Judged, SequentialJudge) {
    let window = analysis.window.unwrap_or(Window::ALWAYS);
    let mut judge = SequentialJudge::new(analysis);
    judge.learn(analysis, history, window.start);
    let inside: Vec<MetricSeries> = series.iter().map(|answer| ending(answer, window)).collect();
    judge.take(analysis, &inside, window.start);
    judge.advance(analysis, Timestamp::from_millis(i64::MAX));
    let verdict = judge.verdict(analysis, &inside, true);
    (verdict, judge)
}

fn ending(answer: &MetricSeries, window: Window) -> MetricSeries {
    let kept = |arm: &Arm| {
        let mut arm = arm.clone();
        arm.keep(window);
        arm
    };
    let arms = ArmPair { control: kept(&answer.arms.control), canary: kept(&answer.arms.canary) };
    MetricSeries { arms, ..answer.clone() }
}
