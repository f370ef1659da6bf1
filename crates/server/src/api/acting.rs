//! The switch that pauses all acting, while judging goes on.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serin_ledger::fact::Person;
use serin_ledger::{Fact, Scope, Submission};
use utoipa::ToSchema;

use crate::api::hand_in::{HandIn, Receipt};
use crate::app::App;
use crate::caller::{Act, Caller, May, Read};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::request::{IdempotencyKey, Json};

/// Whether serin acts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Acting {
    paused: bool,
    /// Since when it does not.
    since: Option<Moment>,
    /// Who paused.
    by: Option<String>,
    /// Why, in a sentence.
    reason: Option<String>,
}

/// Ask whether acting is paused
#[utoipa::path(
    get, path = "/api/v1/acting", tag = "acting", security(("token" = ["read"])),
    responses((status = 200, body = Acting, description = "Whether it is"))
)]
pub(crate) async fn state(
    _: May<Read>,
    State(app): State<Arc<App>>,
) -> Result<axum::Json<Acting>, Problem> {
    let paused = app.books.of_itself::<serin_ledger::Acting>().await?.paused;
    let (since, person) = match paused {
        Some(pause) => (Some(Moment(pause.since)), Some(pause.person)),
        None => (None, None),
    };
    let reason = person.as_ref().and_then(|person| person.reason.clone());
    let (paused, by) = (since.is_some(), person.map(|person| person.by));
    Ok(axum::Json(Acting { paused, since, by, reason }))
}

/// Who pauses or resumes, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switched {
    /// Who does; the token's name unless said.
    by: Option<String>,
    /// Why, in a sentence.
    reason: Option<String>,
}

/// Pause all acting
///
/// Judging goes on, and verdicts are kept. For all services: a token for some may not.
#[utoipa::path(
    post, path = "/api/v1/acting/pause", tag = "acting", security(("token" = ["act"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = r#"^([!#-~]{1,200}|"[!#-~]{1,200}")$"#, description = "A name of this request, such as a UUID")),
    request_body = Switched,
    responses(
        (status = 201, body = Receipt, description = "Acting is paused"),
        (status = 200, body = Receipt, description = "This very request paused it before"),
    )
)]
pub(crate) async fn pause(
    caller: May<Act>,
    State(app): State<Arc<App>>,
    key: IdempotencyKey,
    Json(switched): Json<Switched>,
) -> Result<Receipt, Problem> {
    switch(&app, &caller, key, switched.by, switched.reason, Fact::ActingPaused).await
}

/// Resume acting
#[utoipa::path(
    post, path = "/api/v1/acting/resume", tag = "acting", security(("token" = ["act"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = r#"^([!#-~]{1,200}|"[!#-~]{1,200}")$"#, description = "A name of this request, such as a UUID")),
    request_body = Switched,
    responses(
        (status = 201, body = Receipt, description = "Acting goes on"),
        (status = 200, body = Receipt, description = "This very request resumed it before"),
    )
)]
pub(crate) async fn resume(
    caller: May<Act>,
    State(app): State<Arc<App>>,
    key: IdempotencyKey,
    Json(switched): Json<Switched>,
) -> Result<Receipt, Problem> {
    switch(&app, &caller, key, switched.by, switched.reason, Fact::ActingResumed).await
}

/// Writes down that acting is paused or resumed.
///
/// # Errors
///
/// Where the caller may speak of some services alone, or the ledger does not take it.
pub(crate) async fn switch(
    app: &Arc<App>,
    caller: &Caller,
    key: IdempotencyKey,
    by: Option<String>,
    reason: Option<String>,
    fact: fn(Person) -> Fact,
) -> Result<Receipt, Problem> {
    caller.of_all_services()?;
    let by = by.unwrap_or_else(|| caller.name.clone());
    let fact = fact(Person { by, reason });
    let hand_in = HandIn { app, caller, source_id: key.0, occurred_at: None };
    let make = |key, at| Ok(Submission::new(key, at, Scope::itself(), "acting", &fact)?);
    hand_in.append(make).await
}
