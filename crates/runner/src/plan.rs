//! What can be seen of a canary before it begins, from the control's history.

use std::time::Duration;

use rayon::prelude::*;
use serin_judge::sequential::Planner;
use serin_model::{Plan, PlannedMetric, Rollout, Step};
use serin_report::{PlanReport, plan_summary};

use crate::error::RunError;
use crate::history::{self, ControlHistory, HistoryAsked};
use crate::judge::refuse_fleet;
use crate::progress::Progress;
use crate::question::Question;
use crate::usual::HORIZON;

/// What the command asks of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanAsked<'a> {
    /// The control's past to learn from.
    pub past: HistoryAsked<'a>,
    /// The share of the traffic that the canary gets, above 0 and at most 0.5.
    pub share: f64,
    /// How many replicas the canary has.
    pub replicas: usize,
    /// How many the control has; as many as its history shows when absent.
    pub control_replicas: Option<usize>,
    /// How long the analysis may take; what the Check file says, or an hour, when absent.
    pub horizon: Option<Duration>,
    /// How often to look; what the Check file says when absent.
    pub step: Option<Step>,
}

/// Plans the rollout of a question's canary. Of the source only the control is looked at.
///
/// # Errors
///
/// [`RunError`] when there is no source, when it has nothing of the control
/// that says anything, or when the horizon is
/// shorter than a step.
pub fn plan(
    question: &Question,
    asked: PlanAsked<'_>,
    progress: &dyn Progress,
) -> Result<PlanReport, RunError> {
    refuse_fleet(question)?;
    let question = history::of_past(question, asked.step);
    let horizon = asked.horizon.or(question.written.analysis.horizon).unwrap_or(HORIZON);
    refuse_short_horizon(horizon, question.written.analysis.step)?;
    let ControlHistory { answered, span, left_out } =
        history::of_control(&question, asked.past, "planned", progress)?;
    let rollout = Rollout {
        step_seconds: answered.analysis.step.seconds(),
        horizon_minutes: horizon.as_secs_f64() / 60.0,
        share: asked.share,
        control_replicas: asked.control_replicas.unwrap_or(0),
        canary_replicas: asked.replicas,
    };
    let planner = Planner::new(&answered.analysis, &answered.series, rollout);
    let metrics = (0..planner.metrics()).into_par_iter().map(|metric| planner.metric(metric));
    let plan = planner.plan(metrics.collect());
    refuse_nothing_planned(&plan, &answered.name)?;
    let mut inputs = question.others.clone();
    inputs.push(answered.input);
    Ok(PlanReport {
        version: PlanReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: answered.analysis.service.clone(),
        control: history::labels(&answered.analysis.arms.control),
        history: span,
        summary: plan_summary(&plan),
        plan,
        doubts: history::doubts(&answered.warnings).into_iter().chain(left_out).collect(),
        check: question.check.clone(),
        inputs,
    })
}

fn refuse_short_horizon(horizon: Duration, step: Step) -> Result<(), RunError> {
    if horizon >= Duration::from_secs(step.seconds().into()) {
        return Ok(());
    }
    Err(RunError::OtherSource {
        problem: format!(
            "a horizon of {} s holds not one step of {} s",
            horizon.as_secs(),
            step.seconds()
        ),
        hint: "give a longer `--horizon`, or a shorter `--step`",
    })
}

fn refuse_nothing_planned(plan: &Plan, name: &str) -> Result<(), RunError> {
    let reason =
        |metric: &PlannedMetric| Some(format!("{}: {}", metric.name, metric.unknown.as_ref()?));
    let reasons: Vec<String> = plan.metrics.iter().filter_map(reason).take(MOST_SHOWN).collect();
    if plan.metrics.iter().any(|metric| metric.outlook.is_some()) {
        return Ok(());
    }
    Err(RunError::NothingPlanned { name: name.to_owned(), reasons })
}

/// The reasons of so many metrics are told.
const MOST_SHOWN: usize = 10;
