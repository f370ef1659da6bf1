//! Evidence, by its digest.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use serin_ledger::{Digest, EventId};
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::{May, Read};
use crate::problem::{Kind, Problem};
use crate::request::{Asked, Named};

/// By which event evidence is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EvidenceAsked {
    /// An event that names it; a token for some services needs one of theirs.
    #[param(value_type = Option<String>)]
    #[serde(default, deserialize_with = "event_id")]
    event: Option<EventId>,
}

fn event_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EventId>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

/// Read a piece of evidence
///
/// The bytes whose SHA-256 it is called by: they never change.
#[utoipa::path(
    get, path = "/api/v1/evidence/{digest}", tag = "evidence", security(("token" = ["read"])),
    params(("digest" = String, Path, description = "The SHA-256, in lower case"), EvidenceAsked),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "The bytes"))
)]
pub(crate) async fn one(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(digest): Named<Digest>,
    Asked(asked): Asked<EvidenceAsked>,
) -> Result<Response, Problem> {
    match asked.event {
        Some(id) => {
            let event = app.books.read(move |ledger| ledger.event(id)).await?;
            let names_it = event.is_some_and(|event| {
                let header = &event.header;
                header.evidence.contains(&digest) && caller.may_see(&header.scope.service)
            });
            if !names_it {
                let detail = format!("no event {id} names the evidence {digest}");
                return Err(Problem::not_found(detail).hint("events list what proves them"));
            }
        }
        None if caller.is_limited() => {
            let detail = "a token for some services reads the evidence of their events alone";
            return Err(
                Problem::new(Kind::Forbidden, detail).hint("say which event names it: `?event=…`")
            );
        }
        None => {}
    }
    answer(&app, digest).await
}

/// Answers with a piece of evidence.
///
/// # Errors
///
/// Where it was pruned, or never there.
pub(crate) async fn answer(app: &Arc<App>, digest: Digest) -> Result<Response, Problem> {
    let bytes = app.books.read(move |ledger| Ok(ledger.evidence(&digest)?.map(|it| it.expand())));
    let Some(bytes) = bytes.await? else {
        return Err(Problem::not_found(format!("there is no evidence {digest}"))
            .hint("it was pruned, or never there; `serin ledger verify` tells these apart"));
    };
    let bytes = bytes.map_err(|error| {
        tracing::error!(%digest, %error, "a piece of evidence is damaged");
        Problem::internal()
    })?;
    // Never as what it may say it is: whoever handed it in may have meant a browser to run it.
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_DISPOSITION, "attachment"),
        (CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}
