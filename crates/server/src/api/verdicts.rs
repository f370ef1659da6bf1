//! Verdicts, and what people say of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serin_ledger::fact::{VerdictLabelled, VerdictOverridden};
use serin_ledger::{
    Act as DoneAct, Acts, Cause, Event, EventId, Fact, Kind as EventKind, Ledger, Scope, Submission,
};
use utoipa::{IntoParams, ToSchema};

use crate::api::evidence;
use crate::api::hand_in::{HandIn, Receipt};
use crate::api::list::{Labels, Limit, age, page, read_cursor};
use crate::api::wire::{Decision, Label, Outcome, Page, VerdictShape};
use crate::app::App;
use crate::caller::{Act, Caller, May, Read};
use crate::problem::Problem;
use crate::request::{Asked, IdempotencyKey, Json, Named};

/// Which verdicts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerdictsAsked {
    /// Of the scope with exactly these labels, such as `environment=production,region=eu`.
    #[param(value_type = Option<String>, pattern = "^([^=,]+=[^,]*(,[^=,]+=[^,]*)*)?$")]
    labels: Option<Labels>,
    /// With this outcome.
    #[param(value_type = Option<Outcome>)]
    outcome: Option<Outcome>,
    /// About the change of this subject.
    change: Option<String>,
    /// The `next` of the part before.
    #[param(pattern = r"^[0-9]{1,15}\.[0-9]{1,18}$")]
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// List the verdicts about a service
///
/// Newest first, withdrawn ones included.
#[utoipa::path(
    get, path = "/api/v1/services/{service}/verdicts", tag = "verdicts", security(("token" = ["read"])),
    params(("service" = String, Path, description = "The service"), VerdictsAsked),
    responses((status = 200, body = Page<VerdictShape>, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(service): Named<String>,
    Asked(asked): Asked<VerdictsAsked>,
) -> Result<axum::Json<Page<VerdictShape>>, Problem> {
    caller.of_service(&service)?;
    let cursor = read_cursor(asked.cursor.as_ref())?;
    let scope = asked.labels.map(|labels| Scope { service: service.clone(), labels: labels.0 });
    let outcome: Option<serin_model::Outcome> = asked.outcome.map(Into::into);
    let found = app.books.history(&service, move |history| {
        let verdicts = history.verdicts().into_iter().rev().filter(|verdict| {
            let entry = &verdict.entry;
            scope.as_ref().is_none_or(|scope| entry.scope == *scope)
                && outcome.is_none_or(|outcome| entry.fact.outcome == outcome)
                && asked
                    .change
                    .as_ref()
                    .is_none_or(|change| entry.fact.change.as_ref() == Some(change))
        });
        page(verdicts, |verdict| age(&verdict.entry), cursor, asked.limit)
    });
    found.await.map(axum::Json)
}

/// Look at a verdict
#[utoipa::path(
    get, path = "/api/v1/verdicts/{id}", tag = "verdicts", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The verdict's event")),
    responses((status = 200, body = VerdictShape, description = "The verdict"))
)]
pub(crate) async fn one(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
) -> Result<axum::Json<VerdictShape>, Problem> {
    let event = event(&app, &caller, id).await?;
    let acts = acts(&app, &event).await?;
    let found = app.books.history(&event.header.scope.service, move |history| {
        history.verdict(id).map(VerdictShape::from)
    });
    let found = found.await?.ok_or_else(|| none(id))?;
    Ok(axum::Json(found.with_acts(&acts)))
}

/// Returns what was done about a verdict, or was not.
///
/// # Errors
///
/// That the ledger cannot be read.
pub(crate) async fn acts(app: &Arc<App>, verdict: &Event) -> Result<Vec<DoneAct>, Problem> {
    let (id, service) = (verdict.id, verdict.header.scope.service.clone());
    let look = move |ledger: &mut Ledger| {
        let acts = ledger.project::<Acts>(Some(&service))?.state;
        Ok(acts.about(id).cloned().collect())
    };
    app.books.read(look).await
}

/// Read the report that a verdict rests on
///
/// The JSON document that `serin judge --format json` prints, to the byte.
#[utoipa::path(
    get, path = "/api/v1/verdicts/{id}/report", tag = "verdicts", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The verdict's event")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "The report"))
)]
pub(crate) async fn report(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
) -> Result<Response, Problem> {
    let event = event(&app, &caller, id).await?;
    let digest = event.header.evidence.first().copied().ok_or_else(|| {
        Problem::not_found(format!("the verdict {id} names no report"))
            .hint("whoever handed it in kept it elsewhere, or not at all")
    })?;
    evidence::answer(&app, digest).await
}

/// Returns the event of a verdict that a caller may see: one that they may not see is not there.
pub(crate) async fn event(app: &Arc<App>, caller: &Caller, id: EventId) -> Result<Event, Problem> {
    let event = app.books.read(move |ledger| ledger.event(id)).await?;
    let event = event.filter(|event| {
        event.header.kind == EventKind::AnalysisEnded && caller.may_see(&event.header.scope.service)
    });
    event.ok_or_else(|| none(id))
}

fn none(id: EventId) -> Problem {
    Problem::not_found(format!("there is no verdict {id}"))
        .hint("a verdict is called by the id of its event; `/api/v1/services/{service}/verdicts` lists them")
}

/// Whether a verdict was right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLabel {
    label: Label,
    /// Who says so; the token's name unless said.
    by: Option<String>,
    /// Why, in a sentence.
    reason: Option<String>,
}

/// Say whether a verdict was right
///
/// The last label counts. A verdict that is labelled wrong proves nothing any more.
#[utoipa::path(
    post, path = "/api/v1/verdicts/{id}/labels", tag = "verdicts", security(("token" = ["act"])),
    params(
        ("id" = String, Path, description = "The verdict's event"),
        ("Idempotency-Key" = Option<String>, Header, pattern = r#"^([!#-~]{1,200}|"[!#-~]{1,200}")$"#, description = "A name of this request, such as a UUID"),
    ),
    request_body = NewLabel,
    responses(
        (status = 201, body = Receipt, description = "The label is in the ledger"),
        (status = 200, body = Receipt, description = "It was there before"),
    )
)]
pub(crate) async fn label(
    caller: May<Act>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
    key: IdempotencyKey,
    Json(new): Json<NewLabel>,
) -> Result<Receipt, Problem> {
    let by = new.by.unwrap_or_else(|| caller.name.clone());
    let fact = VerdictLabelled { label: new.label.into(), by, reason: new.reason };
    remark(&app, &caller, id, key, &Fact::VerdictLabelled(fact)).await
}

/// What was decided instead of a verdict.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOverride {
    decision: Decision,
    /// Who decided; the token's name unless said.
    by: Option<String>,
    /// Why, in a sentence.
    reason: Option<String>,
}

/// Say that somebody decided otherwise than a verdict
///
/// The last override counts. A pass that is held or rolled back proves nothing any more.
#[utoipa::path(
    post, path = "/api/v1/verdicts/{id}/overrides", tag = "verdicts", security(("token" = ["act"])),
    params(
        ("id" = String, Path, description = "The verdict's event"),
        ("Idempotency-Key" = Option<String>, Header, pattern = r#"^([!#-~]{1,200}|"[!#-~]{1,200}")$"#, description = "A name of this request, such as a UUID"),
    ),
    request_body = NewOverride,
    responses(
        (status = 201, body = Receipt, description = "The override is in the ledger"),
        (status = 200, body = Receipt, description = "It was there before"),
    )
)]
pub(crate) async fn decide(
    caller: May<Act>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
    key: IdempotencyKey,
    Json(new): Json<NewOverride>,
) -> Result<Receipt, Problem> {
    let by = new.by.unwrap_or_else(|| caller.name.clone());
    let fact = VerdictOverridden { decision: new.decision.into(), by, reason: new.reason };
    remark(&app, &caller, id, key, &Fact::VerdictOverridden(fact)).await
}

/// Appends what somebody says of a verdict.
///
/// # Errors
///
/// Where there is no such verdict, or the ledger does not take it.
pub(crate) async fn remark(
    app: &Arc<App>,
    caller: &Caller,
    id: EventId,
    key: IdempotencyKey,
    fact: &Fact,
) -> Result<Receipt, Problem> {
    let verdict = event(app, caller, id).await?;
    let hand_in = HandIn { app, caller, source_id: key.0, occurred_at: None };
    let header = &verdict.header;
    let make = |key, occurred_at| {
        let (scope, subject) = (header.scope.clone(), header.subject.clone());
        let event = Submission::new(key, occurred_at, scope, subject, fact)?;
        Ok(event.caused_by(vec![Cause::Event(id)])?)
    };
    hand_in.append(make).await
}
