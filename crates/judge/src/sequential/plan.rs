//! Before the rollout: what the judge could see.
//!
//! Nothing is computed by a formula of its own. The control's history says how a metric behaves;
//! canaries with effects of all sizes are drawn from that, seeded; and the judge itself, with all that
//! it has learnt of the same history, judges each of them step by step. What a plan says of a rollout
//! is what its judge will do, as far as the future is like the past.
//!
//! What is an approximation is how canaries are drawn (`simulation` says how), and that only so many
//! of them are: of 160, a share of 90 % is known to ±5 % (two standard errors), one of 50 % to ±8 %.
//!
//! `history` reads the past, `rehearsal` judges, `search` looks for the effects, the minutes and the
//! sizes that are asked for.

mod history;
mod rehearsal;
mod search;
mod simulation;

use serin_model::{
    Analysis, Arm, ArmPair, Check, JudgeRevision, MetricSeries, Outlook, Plan, PlannedAspect,
    PlannedMetric, Rollout, Step, Timestamp, Window, Worse,
};

use super::metric::{MetricState, Overlap, aspect_of, margins_of_shares};
use super::outcome::{gating, harm_needed};
use super::rates::Tally;
use super::run::{FALSE_ROLLBACK, MOST_A_STEP, REVISION, SequentialJudge};
use super::values::Aspect;

use history::History;
pub(super) use history::{FEWEST_STEPS, PastOfArm, refuse_constant, stride, usual_replicas};
use rehearsal::{Decision, Rehearsal};
use search::{HALF, Lever, NINE_IN_TEN, Search, canaries};
use simulation::{Events, Exposures, Simulation, Sizes};

/// How many times the horizon is looked at for what takes longer.
const TIMES_HORIZON: usize = 4;

/// No analysis is planned for more steps than this.
const MOST_STEPS: usize = 20_000;

/// The horizons that are sensible, in minutes.
const SHORTEST_HORIZON: f64 = 30.0;
const LONGEST_HORIZON: f64 = 120.0;

/// Plans a rollout metric by metric; each may be planned on a core of its own.
#[derive(Clone, Debug)]
pub struct Planner {
    analysis: Analysis,
    rollout: Rollout,
    history: Vec<MetricSeries>,
    judge: SequentialJudge,
}

/// Says what a rollout could show, from what its control did before.
///
/// * `history`: the answers to the analysis's checks; only the control of them is looked at. A check
///   without history is planned as one of which nothing can be said.
#[must_use]
pub fn plan(analysis: &Analysis, history: &[MetricSeries], rollout: Rollout) -> Plan {
    let planner = Planner::new(analysis, history, rollout);
    let metrics = (0..planner.metrics()).map(|index| planner.metric(index)).collect();
    planner.plan(metrics)
}

impl Planner {
    /// Learns what the control's history shows. Sizes and times that make no sense are brought to the
    /// nearest that do: a share of 0.1 % to 50 %, a step of a second, a horizon of a step.
    #[must_use]
    pub fn new(analysis: &Analysis, history: &[MetricSeries], rollout: Rollout) -> Self {
        let mut analysis = analysis.clone();
        let step = Step::from_seconds(rollout.step_seconds.max(1)).unwrap_or(Step::MINUTE);
        analysis.step = step;
        if analysis.arms.control_window.is_some() {
            analysis.arms.control_window = Some(Window::ALWAYS);
        }
        let least = f64::from(step.seconds()) / 60.0;
        let most = least * MOST_STEPS as f64;
        let share = if rollout.share > 0.0 { rollout.share } else { LEAST_SHARE };
        let rollout = Rollout {
            step_seconds: step.seconds(),
            horizon_minutes: rollout.horizon_minutes.clamp(least, most),
            share: share.clamp(LEAST_SHARE, 0.5),
            control_replicas: rollout.control_replicas.min(MOST_REPLICAS),
            canary_replicas: rollout.canary_replicas.clamp(1, MOST_REPLICAS),
        };
        let same_arms = analysis.arms.control == analysis.arms.canary;
        let of_control = |answer: &MetricSeries| {
            let mut control = answer.arms.control.clone();
            // What shares data with its neighbours is judged, and so planned, without them.
            if let Some(back) = answer.looks_back {
                Overlap::of(back, step, Timestamp::from_millis(0)).thin(&mut control, step);
            }
            let canary = if same_arms { control.clone() } else { Arm::default() };
            let arms = ArmPair { control, canary };
            MetricSeries { arms, looks_back: None, ..answer.clone() }
        };
        let history: Vec<MetricSeries> = history.iter().map(of_control).collect();
        let mut judge = SequentialJudge::new(&analysis);
        judge.learn(&analysis, &history, Timestamp::from_millis(i64::MAX));
        Self { analysis, rollout, history, judge }
    }

    /// Returns how many metrics there are to plan.
    #[must_use]
    pub fn metrics(&self) -> usize {
        self.judge.metrics.len()
    }

    /// Plans one of the metrics.
    ///
    /// # Panics
    ///
    /// If there is no metric of this number: [`Self::metrics`] says how many there are.
    #[must_use]
    pub fn metric(&self, index: usize) -> PlannedMetric {
        let learnt = &self.judge.metrics[index];
        let checks = self.judge.checks(&self.analysis);
        let check = checks[index];
        let weight = self.judge.weights(&checks)[index];
        let answer = self
            .history
            .iter()
            .find(|answer| answer.check == learnt.check && answer.labels == learnt.labels);
        let planned = self.outlook(check, learnt, answer, weight);
        let (history, outlook, unknown, notes) = match planned {
            Ok((history, outlook, notes)) => (history, Some(outlook), None, notes),
            Err(unknown) => (String::new(), None, Some(unknown), Vec::new()),
        };
        PlannedMetric {
            name: learnt.check.clone(),
            labels: learnt.labels.clone(),
            measure: check.measure.kind(),
            worse: check.worse,
            gating: gating(&checks)[index],
            muted: check.muted,
            history,
            outlook,
            unknown,
            notes,
        }
    }

    fn outlook(
        &self,
        check: &Check,
        learnt: &MetricState,
        answer: Option<&MetricSeries>,
        weight: f64,
    ) -> Result<(String, Outlook, Vec<String>), String> {
        if let Some(why) = answer.and_then(|answer| answer.failure.as_ref()) {
            return Err(why.clone());
        }
        let none = Arm::default();
        let control = answer.map_or(&none, |answer| &answer.arms.control);
        let horizon = self.horizon();
        let history = History::of(check, control, self.analysis.step, horizon, learnt)?;
        let mut notes = history.notes.clone();
        let sizes = self.sizes(&history);
        let rehearsal = Rehearsal {
            check,
            learnt,
            simulation: &history.simulation,
            step: self.analysis.step,
            stride: history.stride,
            most: MOST_A_STEP * libm::log(1.0 / (FALSE_ROLLBACK * weight.max(1e-6))),
            needed: harm_needed(weight),
        };
        let aspect = aspect(check, &history.simulation);
        let (tolerance, unacceptable) = effects(check, &history.simulation);
        let search = Search {
            rehearsal,
            sizes,
            falls: check.worse == Worse::Lower && !learnt.is_of_shares(),
            lever: self.lever(&history.simulation),
            largest: largest(check.worse, &history.simulation),
            horizon,
            longest: horizon * TIMES_HORIZON,
        };
        let (floor, why) = match &history.simulation {
            Simulation::Levels(_) => rehearsal.tolerated_at_last(sizes),
            Simulation::Rates(_) | Simulation::Shares(_) | Simulation::Buckets(_) => (0.0, None),
        };
        let floor = (floor > tolerance).then_some(floor);
        if floor.is_some() {
            notes.extend(why.map(|why| format!("the tolerance is {why}")));
        }
        notes.extend(self.notes(check, aspect));
        let sweep = search.sweep(tolerance.max(floor.unwrap_or(0.0)));
        let harm = search.delay(unacceptable, Decision::Harm);
        let safety = (aspect != PlannedAspect::Growth).then(|| search.delay(0.0, Decision::Safety));
        let outlook = Outlook {
            aspect,
            tolerance,
            unacceptable,
            half: sweep.smallest(HALF, horizon),
            nine_in_ten: sweep.smallest(NINE_IN_TEN, horizon),
            floor,
            harm,
            safety,
            to_see_unacceptable: search.needs(unacceptable, harm.nine_in_ten),
            to_see_tolerance: to_see_tolerance(&search, tolerance),
            curve: search.curve(&sweep),
            canaries: canaries(horizon),
        };
        Ok((history.words, outlook, notes))
    }

    fn horizon(&self) -> usize {
        let steps = self.rollout.horizon_minutes * 60.0 / f64::from(self.rollout.step_seconds);
        (libm::floor(steps + 1e-9) as usize).max(1)
    }

    /// Who runs before and after is as large then as now.
    fn sizes(&self, history: &History) -> Sizes {
        if self.analysis.arms.control_window.is_some() {
            return Sizes { control: history.replicas, canary: history.replicas, share: 1.0 };
        }
        let control = match self.rollout.control_replicas {
            0 => history.replicas.min(MOST_REPLICAS),
            written => written,
        };
        Sizes { control, canary: self.rollout.canary_replicas, share: self.rollout.share }
    }

    fn lever(&self, simulation: &Simulation) -> Lever {
        match simulation {
            _ if self.analysis.arms.control_window.is_some() => Lever::Nothing,
            // Growth is paid for before it comes, and quiet replicas pay no faster.
            Simulation::Levels(levels) if levels.grows_over.is_some() => Lever::Nothing,
            Simulation::Levels(_) | Simulation::Shares(_) => Lever::Replicas,
            Simulation::Rates(rates) => match rates.exposures {
                Exposures::Traffic(_) => Lever::Share,
                Exposures::OfReplica(_) => Lever::Replicas,
            },
            Simulation::Buckets(_) => Lever::Share,
        }
    }

    fn notes(&self, check: &Check, aspect: PlannedAspect) -> Vec<String> {
        let mut notes = Vec::new();
        if aspect == PlannedAspect::Growth {
            notes.push(
                "its growth is compared, not its level: it can harm a canary, and never proves one safe"
                    .to_owned(),
            );
        }
        if let Some(least) = check.minimum_points
            && least.get() as usize > self.horizon()
        {
            notes.push(format!(
                "`minimum_points` is {least}, and the horizon has {} steps: nothing can pass",
                self.horizon()
            ));
        }
        notes
    }

    /// Puts the metrics together, the one that shows least first.
    #[must_use]
    pub fn plan(&self, mut metrics: Vec<PlannedMetric>) -> Plan {
        metrics.sort_by(|a, b| blindness(b).total_cmp(&blindness(a)));
        Plan {
            judge: JudgeRevision { name: "sequential".to_owned(), revision: REVISION },
            rollout: self.rollout,
            longest_minutes: self.rollout.horizon_minutes * TIMES_HORIZON as f64,
            metrics,
            warnings: self.warnings(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let horizon = self.rollout.horizon_minutes;
        if horizon < SHORTEST_HORIZON {
            warnings.push(format!(
                "a horizon of {horizon:.0} minutes is short: what comes slowly (leaks, caches that fill, \
                 a cron job) does not show, and little can be proven safe; 30 to 120 minutes are usual"
            ));
        } else if horizon > LONGEST_HORIZON {
            warnings.push(format!(
                "a horizon of {horizon:.0} minutes is long: people merge and deploy meanwhile, the day's \
                 traffic moves, and users are exposed all the time; 30 to 120 minutes are usual, and a \
                 larger canary shows more than a longer one"
            ));
        }
        if self.analysis.arms.control_window.is_some() {
            warnings.push(
                "the canary is the control at another time: it has all of the traffic and as many \
                 replicas as before, whatever is asked for"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// The smallest share of traffic that is planned with.
const LEAST_SHARE: f64 = 0.001;

/// More replicas of an arm than this are planned as so many.
const MOST_REPLICAS: usize = 256;

fn aspect(check: &Check, simulation: &Simulation) -> PlannedAspect {
    match simulation {
        Simulation::Levels(_) if aspect_of(check) == Aspect::Growth => PlannedAspect::Growth,
        Simulation::Levels(_) => PlannedAspect::Level,
        Simulation::Rates(_) | Simulation::Shares(_) | Simulation::Buckets(_) => {
            PlannedAspect::Counts
        }
    }
}

/// Returns what is tolerated and what is unacceptable as effects, with the floors as what they are of
/// the control's own level.
fn effects(check: &Check, simulation: &Simulation) -> (f64, f64) {
    let written = check.margins;
    let (margins, level) = match simulation {
        Simulation::Levels(levels) if levels.is_logarithmic => (written, libm::exp(levels.level)),
        Simulation::Levels(levels) => (written, levels.unit),
        Simulation::Rates(rates) => (written, rates.rate),
        Simulation::Shares(shares) => {
            let control = Tally { events: shares.rate * shares.out_of, exposure: shares.out_of };
            (margins_of_shares(&written, shares.bad_is_high, control), shares.rate)
        }
        // Its floor would be one in time, and it has none.
        Simulation::Buckets(_) => return (written.tolerance(), written.unacceptable()),
    };
    let with_floor = |relative: f64, floor: f64| {
        if floor > 0.0 && level > 0.0 { relative.max(floor / level) } else { relative }
    };
    (
        with_floor(margins.tolerance(), margins.floor()),
        with_floor(margins.unacceptable(), margins.unacceptable_floor()),
    )
}

/// Returns the largest effect there can be: all of it bad, or nothing left.
fn largest(worse: Worse, simulation: &Simulation) -> f64 {
    let all_bad = |rate: f64| (1.0 / rate - 1.0).clamp(0.01, MOST_TIMES);
    match simulation {
        Simulation::Shares(shares) => all_bad(shares.rate),
        _ if worse == Worse::Lower => 0.99,
        Simulation::Rates(rates) if rates.events == Events::PartOfWhole => all_bad(rates.rate),
        Simulation::Levels(_) | Simulation::Rates(_) | Simulation::Buckets(_) => MOST_TIMES,
    }
}

/// No larger effect is looked for.
const MOST_TIMES: f64 = 999.0;

/// Returns what it takes to see an effect of the tolerance's size, if nothing were tolerated.
fn to_see_tolerance(search: &Search<'_>, tolerance: f64) -> Option<serin_model::Needs> {
    if tolerance <= 0.0 {
        return None;
    }
    let zero = Some(0.0);
    let kind = search.rehearsal.check.measure.kind();
    let margins = serin_model::Margins::new(kind, zero, zero, zero, zero).ok()?;
    let check = Check { margins, ..search.rehearsal.check.clone() };
    let rehearsal = Rehearsal { check: &check, ..search.rehearsal };
    let search = Search { rehearsal, ..*search };
    let alone = search.delay(tolerance, Decision::Harm).nine_in_ten;
    Some(search.needs(tolerance, alone))
}

/// Orders metrics: those of which nothing can be said, then those that show least of what they should.
fn blindness(metric: &PlannedMetric) -> f64 {
    let counted = if metric.muted { 0.0 } else { 1e9 };
    let Some(outlook) = &metric.outlook else { return counted + 1e6 };
    let place = |effect: f64| libm::log1p(effect.max(1e-6));
    let seen = outlook.nine_in_ten.map_or(1e3, place);
    counted + seen / place(outlook.unacceptable)
}
