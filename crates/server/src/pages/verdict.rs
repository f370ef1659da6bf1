//! A verdict: while it is being made, and after.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serin_ledger::fact::{AnalysisEnded, Role, VerdictLabelled, VerdictOverridden};
use serin_ledger::{Act as DoneAct, ActState, Event, EventId, Fact as LedgerFact};
use serin_model::{JudgedMetric, Standing, Verdict};
use serin_report::Report;
use serin_runner::act_in_words;

use super::frame::{Frame, Instead, Looks, shown};
use super::words::{Fact, given, in_address, moment, outcome, page_of_change, scope, standing};
use crate::api::{analyses, verdicts};
use crate::app::App;
use crate::caller::{Act, Read};
use crate::problem::Problem;
use crate::request::{Asked, IdempotencyKey, Named};

#[derive(Template)]
#[template(path = "verdict.html")]
struct VerdictPage {
    frame: Frame,
    tone: &'static str,
    symbol: char,
    word: &'static str,
    scope: String,
    reason: String,
    /// Why it does not judge, where it does not.
    state: Option<String>,
    is_live: bool,
    facts: Vec<Fact>,
    metrics: Vec<MetricRow>,
    warnings: Vec<String>,
    /// Where the picture for a chat is.
    picture: Option<String>,
    /// The page of the full report.
    report: Option<String>,
    json: String,
    /// What was done about it, or was not.
    acts: Vec<String>,
    remarks: Vec<String>,
    /// Where to say whether it was right, for those who may.
    actions: Option<String>,
}

struct MetricRow {
    name: String,
    is_gating: bool,
    tone: &'static str,
    outcome: String,
    reason: String,
    /// Since when it is harmed.
    since: Option<String>,
    /// The least change that could have been seen.
    could_see: Option<String>,
    effect: String,
    interval: String,
    harm: f64,
    harm_words: String,
    safety: f64,
    safety_words: String,
    steps: String,
}

impl From<&JudgedMetric> for MetricRow {
    fn from(metric: &JudgedMetric) -> Self {
        let evidence = metric.evidence.as_ref();
        let tone = evidence.map_or("", |it| tone(it.standing));
        let part = |value: f64, needed: f64| (value / needed).clamp(0.0, 1.0);
        let harm = evidence.map_or(0.0, |it| part(it.harm, it.harm_needed));
        let safety = evidence.map_or(0.0, |it| part(it.safety, it.safety_needed));
        let in_words = |part: f64| format!("{:.0} %", 100.0 * part);
        let effect = evidence.and_then(|it| it.effect);
        Self {
            name: metric.title(),
            is_gating: evidence.is_some_and(|it| it.gating),
            tone,
            outcome: match (evidence, &metric.classification) {
                (Some(evidence), _) => evidence.standing.as_str().to_owned(),
                (None, Some(classification)) => format!("{classification:?}"),
                (None, None) => "–".to_owned(),
            },
            reason: metric.reason.clone(),
            since: evidence.and_then(|it| it.since).map(moment),
            could_see: evidence.map(|it| match it.could_see {
                Some(change) => format!("changes under {:.1} % would not be seen", 100.0 * change),
                None => "no change would be seen yet".to_owned(),
            }),
            effect: effect.map_or_else(|| "–".to_owned(), |it| factor(it.estimate)),
            interval: effect.map_or_else(
                || "–".to_owned(),
                |it| format!("{} … {}", factor(it.lower), factor(it.upper)),
            ),
            harm,
            harm_words: in_words(harm),
            safety,
            safety_words: in_words(safety),
            steps: evidence.map_or_else(
                || metric.canary.points.to_string(),
                |it| match it.steps_needed {
                    Some(needed) => format!("{} of {needed}", it.steps),
                    None => it.steps.to_string(),
                },
            ),
        }
    }
}

/// The class of a standing's colour.
pub(super) fn tone(standing: Standing) -> &'static str {
    match standing {
        Standing::Harmed => "bad",
        Standing::Safe => "good",
        Standing::Unclear => "unclear",
    }
}

/// The canary over the control, as people read it.
pub(super) fn factor(ratio: f64) -> String {
    match ratio {
        ratio if !ratio.is_finite() => "∞".to_owned(),
        ratio if ratio >= 2.0 => format!("× {ratio:.1}"),
        ratio => format!("{:+.1} %", 100.0 * (ratio - 1.0)),
    }
}

/// The page of an analysis: live while it runs, and the page of its verdict from then on.
pub(super) async fn of_analysis(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Instead> {
    let one = app.live.one(&analyses::subject(&id)).await.map_err(Problem::from)?;
    let Some((snapshot, verdict)) = one.filter(|(it, _)| caller.may_see(&it.scope.service)) else {
        let event = analyses::ended(&app, &caller, &id).await?;
        return Ok(Redirect::to(&format!("/verdicts/{}", event.id)).into_response());
    };
    let (tone, symbol, word) = standing(&snapshot);
    let mut facts = vec![
        Fact::new("Service", scope(&snapshot.scope)).at(service_page(&snapshot.scope.service)),
        Fact::new("Asked for", moment(snapshot.begun_at)),
    ];
    facts.extend(snapshot.start.map(|at| Fact::new("Canary since", moment(at))));
    facts.extend(snapshot.judged_to.map(|at| Fact::new("Judged up to", moment(at))));
    facts.extend(snapshot.horizon.map(|at| Fact::new("Ends at the latest", moment(at))));
    facts.extend(snapshot.change.as_ref().map(|change| {
        Fact::new("Change", change.clone()).at(page_of_change(change, &snapshot.scope.service))
    }));
    facts.extend(snapshot.shadow.then(|| Fact::new("Shadow", "nobody acts on it")));
    let reason = match &verdict {
        Some(verdict) => verdict.reason.clone(),
        None => "Nothing is judged yet.".to_owned(),
    };
    let mut warnings = snapshot.warnings.clone();
    warnings.extend(verdict.iter().flat_map(warnings_of));
    let page = VerdictPage {
        frame: Frame::of(&app, &caller).await?,
        tone,
        symbol,
        word,
        scope: scope(&snapshot.scope),
        reason,
        state: snapshot.state.why(),
        is_live: true,
        facts,
        metrics: verdict.iter().flat_map(metrics_of).collect(),
        warnings,
        picture: None,
        report: None,
        json: format!("/api/v1/analyses/{}", in_address(&id)),
        acts: Vec::new(),
        remarks: Vec::new(),
        actions: None,
    };
    Ok(shown(StatusCode::OK, &page))
}

fn service_page(service: &str) -> String {
    format!("/services/{}", in_address(service))
}

/// Metrics on a page.
const MOST_METRICS: usize = 200;

fn metrics_of(verdict: &Verdict) -> Vec<MetricRow> {
    worst_first(verdict).into_iter().take(MOST_METRICS).map(MetricRow::from).collect()
}

/// What went badly comes first.
pub(super) fn worst_first(verdict: &Verdict) -> Vec<&JudgedMetric> {
    let rank = |metric: &&JudgedMetric| match metric.evidence.as_ref().map(|it| it.standing) {
        Some(Standing::Harmed) => 0,
        Some(Standing::Unclear) | None => 1,
        Some(Standing::Safe) => 2,
    };
    let mut metrics: Vec<&JudgedMetric> = verdict.metrics.iter().collect();
    metrics.sort_by_key(rank);
    metrics
}

fn warnings_of(verdict: &Verdict) -> Vec<String> {
    let warnings = verdict.warnings.iter().map(|warning| match &warning.metric {
        Some(metric) => format!("{metric}: {}", warning.text),
        None => warning.text.clone(),
    });
    warnings.collect()
}

/// The page of a verdict.
pub(super) async fn page(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
) -> Result<Response, Instead> {
    let event = verdicts::event(&app, &caller, id).await?;
    let LedgerFact::AnalysisEnded(ended) = event.fact() else {
        return Err(Problem::internal().into());
    };
    let report = analyses::report_of(&app, &event).await.ok();
    let remarks = app.books.history(&event.header.scope.service, move |history| {
        let remarks = history.verdict(id).map(remarks_of);
        remarks.unwrap_or_default()
    });
    let verdict = report.as_ref().map(|report| &report.verdict);
    let (tone, symbol, word) = outcome(ended.outcome);
    let page = VerdictPage {
        remarks: remarks.await?,
        acts: verdicts::acts(&app, &event).await?.iter().map(in_words).collect(),
        frame: Frame::of(&app, &caller).await?,
        tone,
        symbol,
        word,
        scope: scope(&event.header.scope),
        reason: ended.reason.clone().unwrap_or_default(),
        state: None,
        is_live: false,
        facts: facts_of(&event, &ended, report.as_ref()),
        metrics: verdict.map(metrics_of).unwrap_or_default(),
        warnings: verdict.map(warnings_of).unwrap_or_default(),
        picture: Some(format!("/verdicts/{id}/picture.svg")),
        report: report.as_ref().map(|_| format!("/verdicts/{id}/report")),
        json: format!("/api/v1/verdicts/{id}/report"),
        actions: caller.may(Role::Act).then(|| format!("/verdicts/{id}")),
    };
    Ok(shown(StatusCode::OK, &page))
}

fn facts_of(event: &Event, ended: &AnalysisEnded, report: Option<&Report>) -> Vec<Fact> {
    let service = &event.header.scope.service;
    let mut facts = vec![
        Fact::new("Service", scope(&event.header.scope)).at(service_page(service)),
        Fact::new("When", moment(event.header.occurred_at)),
    ];
    facts.extend(
        ended
            .change
            .as_ref()
            .map(|change| Fact::new("Change", change.clone()).at(page_of_change(change, service))),
    );
    let judge = format!("{} revision {}", ended.judge.name, ended.judge.revision);
    facts.push(Fact::new("Judge", judge));
    facts.extend(ended.shadow.then(|| Fact::new("Shadow", "nobody acts on it")));
    if report.is_none() {
        facts.push(Fact::new("Report", "no longer kept, or of another serin"));
    }
    facts
}

fn in_words(act: &DoneAct) -> String {
    let who = match (&act.rule, &act.by) {
        (Some(rule), _) if *rule != act.act => format!(", by the rule {rule}"),
        (Some(_), _) => ", by its rule".to_owned(),
        (None, Some(by)) => format!(", by {by}"),
        (None, None) => String::new(),
    };
    let undo = match (&act.undo, &act.state) {
        (Some(undo), ActState::Done | ActState::Begun { .. }) => {
            format!("; to take it back: {undo}")
        }
        _ => String::new(),
    };
    let (at, state) = (moment(act.at), act_in_words(&act.state));
    format!("{at}, {}{who}: {state}{undo}", act.act)
}

fn remarks_of(verdict: &serin_ledger::Verdict) -> Vec<String> {
    let because =
        |reason: &Option<String>| reason.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
    let labels = verdict.labels.iter().filter(|it| !it.withdrawn).map(|it| {
        let word = match it.fact.label {
            serin_ledger::fact::Label::Right => "right",
            serin_ledger::fact::Label::Wrong => "wrong",
        };
        let (by, at) = (&it.fact.by, moment(it.occurred_at));
        format!("{by} said at {at} that it was {word}{}", because(&it.fact.reason))
    });
    let overrides = verdict.overrides.iter().filter(|it| !it.withdrawn).map(|it| {
        let word = match it.fact.decision {
            serin_ledger::fact::Decision::Promote => "promoted",
            serin_ledger::fact::Decision::Hold => "held",
            serin_ledger::fact::Decision::RollBack => "rolled back",
        };
        let (by, at) = (&it.fact.by, moment(it.occurred_at));
        format!("{by} {word} all the same at {at}{}", because(&it.fact.reason))
    });
    labels.chain(overrides).collect()
}

/// How the report is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct ReportAsked {
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Markdown,
}

/// The full report of a verdict: a page that loads nothing.
pub(super) async fn report(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
    Asked(asked): Asked<ReportAsked>,
) -> Result<Response, Instead> {
    let event = verdicts::event(&app, &caller, id).await?;
    let report = analyses::report_of(&app, &event).await?;
    if let Some(Format::Markdown) = asked.format {
        let text = serin_report::markdown(&report);
        return Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    let page = serin_report::html(&report).map_err(|_| Problem::internal())?;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        // Its styles stand in it; it has no script.
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ];
    Ok((headers, page).into_response())
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub(super) struct LabelForm {
    label: crate::api::wire::Label,
    #[serde(default)]
    reason: String,
}

/// Takes down whether a verdict was right.
pub(super) async fn label(
    Looks(caller): Looks<Act>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
    Form(form): Form<LabelForm>,
) -> Result<Response, Instead> {
    let reason = given(&form.reason);
    let fact = VerdictLabelled { label: form.label.into(), by: caller.name.clone(), reason };
    let key = IdempotencyKey(None);
    verdicts::remark(&app, &caller, id, key, &LedgerFact::VerdictLabelled(fact)).await?;
    Ok(Redirect::to(&format!("/verdicts/{id}")).into_response())
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub(super) struct OverrideForm {
    decision: crate::api::wire::Decision,
    #[serde(default)]
    reason: String,
}

/// Takes down what was decided instead of what a verdict said.
pub(super) async fn decide(
    Looks(caller): Looks<Act>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
    Form(form): Form<OverrideForm>,
) -> Result<Response, Instead> {
    let (by, reason) = (caller.name.clone(), given(&form.reason));
    let fact = VerdictOverridden { decision: form.decision.into(), by, reason };
    let key = IdempotencyKey(None);
    verdicts::remark(&app, &caller, id, key, &LedgerFact::VerdictOverridden(fact)).await?;
    Ok(Redirect::to(&format!("/verdicts/{id}")).into_response())
}
