//! What can be seen of a canary before it begins, from the control's history.

use std::time::Duration;

use rayon::prelude::*;
use serin_judge::sequential::Planner;
use serin_model::{
    Analysis, CounterForm, LabelSelector, MetricSeries, Plan, PlannedMetric, Rollout, Source, Step,
    Timestamp, Warning, WarningCode, Window,
};
use serin_report::{PlanReport, plan_summary};

use crate::error::RunError;
use crate::judge::Answered;
use crate::progress::Progress;
use crate::question::{JudgeKind, Overrides, Question, TimeAsked};
use crate::recording::Reach;
use crate::{recording, store};

/// What the command asks of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanAsked<'a> {
    /// The recording to learn from; `-` is standard input.
    pub data: Option<&'a str>,
    /// How its counters were recorded.
    pub counters: Option<CounterForm>,
    /// The address of the store to ask.
    pub url: Option<&'a str>,
    /// How much of the control's past to learn from.
    pub history: Duration,
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

/// How long an analysis takes that nobody set a horizon for.
const USUAL_HORIZON: Duration = Duration::from_secs(3600);

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
    let question = of_history(question, asked);
    let horizon = asked.horizon.or(question.written.analysis.horizon).unwrap_or(USUAL_HORIZON);
    refuse_short_horizon(horizon, question.written.analysis.step)?;
    let answered = answer(&question, asked, progress)?;
    let series = last_of_control(answered.series, asked.history);
    let span = series.iter().filter_map(|answer| answer.arms.control.span());
    let span = span.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    let failed = series.iter().any(|answer| answer.failure.is_some());
    if span.is_none() && !failed {
        return Err(RunError::NoHistory {
            name: answered.name,
            control: labels(&answered.analysis.arms.control),
        });
    }
    let rollout = Rollout {
        step_seconds: answered.analysis.step.seconds(),
        horizon_minutes: horizon.as_secs_f64() / 60.0,
        share: asked.share,
        control_replicas: asked.control_replicas.unwrap_or(0),
        canary_replicas: asked.replicas,
    };
    let planner = Planner::new(&answered.analysis, &series, rollout);
    let metrics = (0..planner.metrics()).into_par_iter().map(|metric| planner.metric(metric));
    let plan = planner.plan(metrics.collect());
    refuse_nothing_planned(&plan, &answered.name)?;
    let mut inputs = question.others.clone();
    inputs.push(answered.input);
    Ok(PlanReport {
        version: PlanReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: answered.analysis.service.clone(),
        control: labels(&answered.analysis.arms.control),
        history: span,
        summary: plan_summary(&plan),
        plan,
        doubts: doubts(&answered.warnings),
        check: question.check.clone(),
        inputs,
    })
}

/// Returns the question as it is asked of the past: whatever the Check file says of the time to judge
/// is about a canary.
fn of_history(question: &Question, asked: PlanAsked<'_>) -> Question {
    let mut question = question.clone();
    let analysis: &mut Analysis = &mut question.written.analysis;
    analysis.window = None;
    analysis.judgements = None;
    if let Some(step) = asked.step {
        analysis.step = step;
    }
    question
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

fn answer(
    question: &Question,
    asked: PlanAsked<'_>,
    progress: &dyn Progress,
) -> Result<Answered, RunError> {
    let overrides = Overrides {
        data: asked.data,
        counters: asked.counters,
        url: asked.url,
        time: TimeAsked::default(),
        judge: JudgeKind::Sequential,
    };
    match (asked.data, &question.written.source) {
        (None, Some(Source::Store(store))) => {
            let time = TimeAsked { last: Some(asked.history), ..TimeAsked::default() };
            store::answer(question, store, Overrides { time, ..overrides }, progress)
        }
        (_, source) => {
            crate::judge::refuse_url(overrides)?;
            let written = match source {
                Some(Source::File { path, counters }) => Some((path.as_str(), *counters)),
                Some(Source::Store(_)) | None => None,
            };
            recording::answer(question, written, overrides, Reach::Everything, progress)
        }
    }
}

/// Returns the control of the answers up to its end, and no more than the history that was asked for.
fn last_of_control(mut series: Vec<MetricSeries>, history: Duration) -> Vec<MetricSeries> {
    let ends = series.iter().filter_map(|answer| answer.arms.control.span());
    let Some(end) = ends.map(|(_, end)| end).max() else { return series };
    let after = Timestamp::from_millis(end.as_millis().saturating_add(1));
    let window = Window { start: end.before(history), end: after };
    for answer in &mut series {
        answer.arms.control.keep(window);
    }
    series
}

/// Returns what the source's answers made serin say, where it is not about a canary.
fn doubts(warnings: &[Warning]) -> Vec<String> {
    let is_of_history = |warning: &&Warning| {
        matches!(
            warning.code,
            WarningCode::SourceNotice
                | WarningCode::PartialAnswer
                | WarningCode::ApproximateQuery
                | WarningCode::OverlappingWindows
                | WarningCode::ClockOff
        )
    };
    let words = |warning: &Warning| match &warning.metric {
        Some(metric) => format!("{metric}: {}", warning.text),
        None => warning.text.clone(),
    };
    let mut doubts: Vec<String> = warnings.iter().filter(is_of_history).map(words).collect();
    doubts.dedup();
    doubts
}

fn labels(selector: &LabelSelector) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}={value}");
    selector.iter().map(label).collect::<Vec<_>>().join(", ")
}
