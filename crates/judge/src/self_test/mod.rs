//! The judge on trial: how often it blames a canary that is none.
//!
//! The control's replicas are split into a pretended control and a pretended canary, in many ways and
//! over many stretches of the past, and the judge judges each of these rollouts with the Check's own
//! margins. Both arms run the same version: whatever it calls harmed is a false alarm. Where one replica
//! is all there is, what it did is held against what it did just before, which is weaker evidence.
//!
//! `split` says who is pretended to be the canary and when, `trial` has the judges judge, `tolerance`
//! looks for the smallest that is enough, `tally` counts, and `recommend` says what should be written
//! instead. Nothing is drawn from a model: all points are the control's own.

mod recommend;
mod split;
mod tally;
mod tolerance;
mod trial;

use serin_model::{
    Analysis, Arm, ArmPair, MetricSeries, SelfTest, SplitKind, SplitsAsked, Timestamp, Window,
};

use crate::sequential::{PastOfMetric, past_of_metrics};

pub use recommend::recommended;
pub use trial::JudgedSplit;

use split::{Split, Stretch, splits};

/// Fewer steps than this are no analysis.
const FEWEST_STEPS: i64 = 10;

/// More splits than this are not made.
pub const MOST_SPLITS: usize = 10_000;

/// So many points all splits together may judge; there are fewer splits where they would be more.
const MOST_POINTS: usize = 1_000_000_000;

/// More replicas of one metric than this are left out, the last by name: the judge would not tell them
/// apart.
const MOST_REPLICAS: usize = 256;

/// Splits the control and has the judges judge; each split and each metric may go to a core of its own.
#[derive(Clone, Debug)]
pub struct SelfTester {
    analysis: Analysis,
    asked: SplitsAsked,
    history: Vec<MetricSeries>,
    pasts: Vec<PastOfMetric>,
    trials: Vec<Trial>,
    /// Whether the horizon that was asked for did not fit into the history.
    is_cut: bool,
    warnings: Vec<String>,
}

/// The metrics that are split in one way, and the splits.
#[derive(Clone, Debug)]
struct Trial {
    kind: SplitKind,
    /// What is asked of them.
    analysis: Analysis,
    /// Their numbers among all metrics.
    metrics: Vec<usize>,
    splits: Vec<Split>,
    /// How many rollouts the history holds that share no point.
    independent: usize,
}

/// Why nothing can be tested.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Untestable {
    /// The past is too short to be split in time.
    #[error(
        "the control's history has {steps} {}, and a pretended rollout needs {FEWEST_STEPS} to be \
         judged and as many before them to learn from",
        if *steps == 1 { "step" } else { "steps" }
    )]
    TooShort {
        /// How many steps there are.
        steps: i64,
    },
    /// No metric has a point that could be split.
    #[error("no metric's history can be split")]
    NoMetric {
        /// Why, metric by metric.
        reasons: Vec<String>,
    },
}

impl SelfTester {
    /// Learns what the control's history shows, and decides on the splits.
    ///
    /// * `history`: the answers to the analysis's checks; only the control of them is looked at.
    /// * `asked`: a horizon that does not fit twice into the history is cut to half of it.
    ///
    /// # Errors
    ///
    /// [`Untestable`] when the history is shorter than two analyses of ten steps, or shows no metric.
    pub fn new(
        analysis: &Analysis,
        history: &[MetricSeries],
        asked: SplitsAsked,
    ) -> Result<Self, Untestable> {
        let mut warnings = Vec::new();
        let history = of_control(history, &mut warnings);
        let pasts = past_of_metrics(analysis, &history);
        let stretch = stretch(analysis, &history, &pasts, asked, &mut warnings)?;
        let points = history.iter().map(|answer| points(&answer.arms.control)).sum::<usize>();
        let most = (MOST_POINTS / points.max(1)).clamp(1, MOST_SPLITS);
        let asked = SplitsAsked {
            splits: asked.splits.clamp(1, most),
            horizon_minutes: stretch.minutes(stretch.horizon),
            learning_minutes: stretch.minutes(stretch.learning),
            step_seconds: analysis.step.seconds(),
            ..asked
        };
        if asked.splits == most && most < MOST_SPLITS {
            warnings.push(format!(
                "{most} splits are made and no more: the history has {points} points, and each split \
                 looks at them again"
            ));
        }
        let mut tester = Self {
            analysis: analysis.clone(),
            asked,
            history,
            pasts,
            is_cut: stretch.is_cut,
            trials: Vec::new(),
            warnings,
        };
        tester.trials = tester.trials(stretch);
        if tester.trials.is_empty() {
            let reason = |past: &PastOfMetric| {
                let why = past.unknown.as_ref().or(past.dead.as_ref())?;
                Some(format!("{}: {why}", past.check))
            };
            let reasons = tester.pasts.iter().filter_map(reason).collect();
            return Err(Untestable::NoMetric { reasons });
        }
        tester.warn_of_splits();
        Ok(tester)
    }

    /// Groups the metrics by how they can be split.
    fn trials(&self, stretch: Stretch) -> Vec<Trial> {
        let same_replicas = self.analysis.arms.control_window.is_some();
        let of_kind = |kind: SplitKind| {
            let is_of_kind = |past: &PastOfMetric| {
                let alone = past.replicas < 2 || same_replicas;
                let own = if alone { SplitKind::BeforeAfter } else { SplitKind::SideBySide };
                past.replicas > 0 && past.unknown.is_none() && own == kind
            };
            let metrics: Vec<usize> =
                (0..self.pasts.len()).filter(|index| is_of_kind(&self.pasts[*index])).collect();
            let names: Vec<&str> =
                metrics.iter().map(|index| self.pasts[*index].check.as_str()).collect();
            let checks = self.analysis.checks().iter();
            let checks = checks.filter(|check| names.contains(&check.name.as_str())).cloned();
            // Without a metric there is no check, and no trial.
            let mut analysis = self.analysis.with_checks(checks.collect()).ok()?;
            analysis.judgements = None;
            analysis.arms.control_window = None;
            let answers: Vec<&MetricSeries> =
                metrics.iter().filter_map(|index| self.answer(*index)).collect();
            let (splits, independent) = splits(kind, &answers, stretch, self.asked);
            (!splits.is_empty()).then_some(Trial { kind, analysis, metrics, splits, independent })
        };
        [SplitKind::SideBySide, SplitKind::BeforeAfter].into_iter().filter_map(of_kind).collect()
    }

    fn warn_of_splits(&mut self) {
        if self.trials.first().is_some_and(|trial| trial.kind == SplitKind::BeforeAfter) {
            self.warnings.push(
                "no two replicas of the control ran side by side: what each did is held against what it \
                 did just before. That one time is not another counts as false alarms here, and how \
                 unlike two replicas are does not show"
                    .to_owned(),
            );
        } else if self.trials.len() > 1 {
            self.warnings.push(
                "metrics with one replica are held against what they did just before, apart from the \
                 others; the canary's own figures are without them"
                    .to_owned(),
            );
        }
        let independent = self.trials.iter().map(|trial| trial.independent).max().unwrap_or(0);
        if independent < FEW_ROLLOUTS {
            let rollouts = if independent == 1 { "rollout" } else { "rollouts" };
            self.warnings.push(format!(
                "the splits share points: together they say about as much as {independent} {rollouts} \
                 would. A longer history, or more replicas, says more"
            ));
        }
    }

    /// Returns how many splits there are to judge.
    #[must_use]
    pub fn splits(&self) -> usize {
        self.trials.iter().map(|trial| trial.splits.len()).sum()
    }

    /// Returns how many metrics there are.
    #[must_use]
    pub fn metrics(&self) -> usize {
        self.pasts.len()
    }

    /// Counts what became of the splits, and says what should be written instead.
    ///
    /// * `judged`: every split's, in any order.
    /// * `tolerances`: every metric's [`Self::smallest_tolerance`], in order.
    #[must_use]
    pub fn result(&self, judged: &[JudgedSplit], tolerances: &[Option<f64>]) -> SelfTest {
        tally::result(self, judged, tolerances)
    }

    fn answer(&self, metric: usize) -> Option<&MetricSeries> {
        let past = &self.pasts[metric];
        self.history
            .iter()
            .find(|answer| answer.check == past.check && answer.labels == past.labels)
    }
}

/// Fewer rollouts than this say little of rare events.
const FEW_ROLLOUTS: usize = 20;

/// Returns the control's side of the answers, with no more replicas than the judge tells apart.
fn of_control(history: &[MetricSeries], warnings: &mut Vec<String>) -> Vec<MetricSeries> {
    let one = |answer: &MetricSeries| {
        let mut control = answer.arms.control.clone();
        control.replicas.sort_by(|a, b| a.name.cmp(&b.name));
        let more = control.replicas.len().saturating_sub(MOST_REPLICAS);
        if more > 0 {
            warnings.push(format!(
                "{}: {more} of its {} replicas are left out",
                answer.check,
                control.replicas.len()
            ));
            control.replicas.truncate(MOST_REPLICAS);
        }
        MetricSeries { arms: ArmPair { control, canary: Arm::default() }, ..answer.clone() }
    };
    history.iter().map(one).collect()
}

fn points(arm: &Arm) -> usize {
    arm.replicas.iter().map(|replica| replica.observations.len()).sum()
}

/// Returns the time there is, in steps, and what of it an analysis gets.
fn stretch(
    analysis: &Analysis,
    history: &[MetricSeries],
    pasts: &[PastOfMetric],
    asked: SplitsAsked,
    warnings: &mut Vec<String>,
) -> Result<Stretch, Untestable> {
    let spans = history.iter().filter_map(|answer| answer.arms.control.span());
    let span = spans.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    let Some((first, last)) = span else {
        let reason = |past: &PastOfMetric| {
            let why = past.unknown.as_ref().or(past.dead.as_ref())?;
            Some(format!("{}: {why}", past.check))
        };
        return Err(Untestable::NoMetric { reasons: pasts.iter().filter_map(reason).collect() });
    };
    let length = i64::from(analysis.step.seconds()) * 1000;
    let (first, end) =
        (first.as_millis().div_euclid(length), last.as_millis().div_euclid(length) + 1);
    let steps = end - first;
    if steps < 2 * FEWEST_STEPS {
        return Err(Untestable::TooShort { steps });
    }
    let in_steps = |minutes: f64| libm::round(minutes * 60_000.0 / length as f64) as i64;
    let wanted = in_steps(asked.horizon_minutes).max(1);
    let horizon = wanted.min(steps / 2);
    let stretch = Stretch {
        first,
        end,
        length,
        horizon,
        learning: in_steps(asked.learning_minutes).clamp(1, steps - horizon),
        is_cut: horizon < wanted,
    };
    if stretch.is_cut {
        warnings.push(format!(
            "the history has {:.0} minutes: a horizon of {:.0} is cut to {:.0}, so that something is \
             left to learn from, and neither a horizon nor what should gate is recommended",
            stretch.minutes(steps),
            asked.horizon_minutes,
            stretch.minutes(horizon)
        ));
    }
    Ok(stretch)
}

/// Returns what an arm did in a stretch of time.
fn within(arm: &Arm, window: Window) -> Arm {
    let mut arm = arm.clone();
    arm.keep(window);
    arm.replicas.retain(|replica| !replica.observations.is_empty());
    arm
}

/// The time at which a step begins.
fn time_of(step: i64, length: i64) -> Timestamp {
    Timestamp::from_millis(step.saturating_mul(length))
}
