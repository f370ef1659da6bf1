//! How the server is, for those who watch over it.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serin_ledger::Acting;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::{May, Read};
use crate::metrics;
use crate::problem::Problem;

/// That all is well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Well {
    status: &'static str,
}

const WELL: Well = Well { status: "ok" };

/// Ask whether the server lives
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, body = Well, description = "It does"))
)]
pub(crate) async fn live() -> axum::Json<Well> {
    axum::Json(WELL)
}

/// Ask whether the server can work: whether its ledger answers
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, body = Well, description = "It can"))
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<axum::Json<Well>, Problem> {
    app.books.read(serin_ledger::Ledger::head).await?;
    Ok(axum::Json(WELL))
}

/// Read the server's own metrics, as OpenMetrics
///
/// Without a token where the operator set `open_metrics`.
#[utoipa::path(
    get, path = "/metrics", tag = "health", security(("token" = ["read"])),
    responses((status = 200, content_type = "application/openmetrics-text", body = String, description = "The metrics"))
)]
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    if !app.settings.open_metrics {
        let (mut parts, _) = request.into_parts();
        May::<Read>::from_request_parts(&mut parts, &app).await?;
    }
    let is_paused = app.books.of_itself::<Acting>().await.is_ok_and(|it| it.paused.is_some());
    app.metrics.stands(&app.live.running().await, is_paused);
    Ok(([(CONTENT_TYPE, metrics::MEDIA_TYPE)], app.metrics.to_text()).into_response())
}
