//! Pages for people: what runs, what came of it, and what was changed.
//!
//! They are made on the server and work without a script; the script keeps those up to date that show something
//! which runs. Whoever may not see a page is asked to sign in.

mod change;
mod frame;
mod now;
mod picture;
mod service;
mod session;
mod settings;
mod verdict;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) use frame::not_found;
pub(crate) use session::Sessions;

/// Returns the pages, with what they load.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(now::page))
        .route("/services", get(service::list))
        .route("/services/{service}", get(service::page))
        .route("/analyses/{id}", get(verdict::of_analysis))
        .route("/verdicts/{id}", get(verdict::page))
        .route("/verdicts/{id}/picture.svg", get(picture::of_verdict))
        .route("/verdicts/{id}/report", get(verdict::report))
        .route("/verdicts/{id}/labels", post(verdict::label))
        .route("/changes/{subject}", get(change::page))
        .route("/verdicts/{id}/overrides", post(verdict::decide))
        .route("/settings", get(settings::page))
        .route("/settings/acting", post(settings::switch))
        .route("/settings/tokens", post(settings::issue))
        .route("/settings/tokens/{id}/revoke", post(settings::revoke))
        .route("/sign-in", get(session::page).post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route(
            "/assets/serin.css",
            get(async || asset("text/css; charset=utf-8", [serin_report::STYLES, STYLES].concat())),
        )
        .route("/assets/serin.svg", get(async || asset("image/svg+xml", ICON.to_owned())))
        .route(
            "/assets/serin.js",
            get(async || asset("text/javascript; charset=utf-8", SCRIPT.to_owned())),
        )
}

const STYLES: &str = include_str!("../../templates/pages.css");
const ICON: &str = include_str!("../../templates/serin.svg");
const SCRIPT: &str = include_str!("../../templates/serin.js");

fn asset(media_type: &'static str, text: String) -> impl IntoResponse {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache")], text)
}
