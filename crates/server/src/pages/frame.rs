//! What all pages have around them, and what is said where there is no page.

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serin_ledger::Acting;

use crate::app::App;
use crate::caller::{Caller, Demand, May};
use crate::problem::{Kind, Problem};

/// What all pages have around them.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) is_signed_in: bool,
    /// Who looks at it.
    pub(super) name: String,
    /// Why all acting is paused, if it is.
    pub(super) paused: Option<String>,
    pub(super) serin: &'static str,
}

impl Frame {
    /// Returns the frame of a page that nobody in particular looks at.
    pub(super) fn of_nobody() -> Self {
        let (name, serin) = (String::new(), env!("CARGO_PKG_VERSION"));
        Self { is_signed_in: false, name, paused: None, serin }
    }

    /// Returns the frame of somebody's page.
    ///
    /// # Errors
    ///
    /// That the ledger cannot be read.
    pub(super) async fn of(app: &App, caller: &Caller) -> Result<Self, Problem> {
        let paused = app.books.of_itself::<Acting>().await?.paused;
        Ok(Self {
            is_signed_in: !caller.is_without_token(),
            name: caller.name.clone(),
            paused: paused.map(|pause| pause.person.reason.unwrap_or_default()),
            ..Self::of_nobody()
        })
    }
}

/// Pages load their styles and their script from here, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' \
     data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Answers with a page.
pub(super) fn shown(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let headers =
                [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
            (status, headers, text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be made");
            Problem::internal().into_response()
        }
    }
}

/// Somebody who may look at a page, or use a form of it.
#[derive(Debug)]
pub(super) struct Looks<R>(pub(super) May<R>);

impl<R: Demand> FromRequestParts<Arc<App>> for Looks<R> {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Instead> {
        let may = May::from_request_parts(parts, app).await;
        may.map(Self).map_err(|problem| {
            let is_unknown = problem.kind() == Kind::Unauthenticated;
            if is_unknown && parts.method == Method::GET {
                let next = parts.uri.path_and_query().map_or("/", |it| it.as_str());
                return Instead::SignIn(next.to_owned());
            }
            Instead::Problem(problem)
        })
    }
}

/// What is shown instead of a page.
#[derive(Debug)]
pub(super) enum Instead {
    /// The form to sign in; then this page of our own.
    SignIn(String),
    Problem(Problem),
}

impl From<Problem> for Instead {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Instead {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(next) => {
                let next = form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
                Redirect::to(&format!("/sign-in?next={next}")).into_response()
            }
            Self::Problem(problem) => {
                let frame = Frame::of_nobody();
                let (status, title, detail, hint) = problem.in_words();
                shown(status, &ProblemPage { frame, title, detail, hint })
            }
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    title: &'a str,
    detail: &'a str,
    hint: Option<&'a str>,
}

/// Says to a browser that nothing is at an address.
pub(crate) fn not_found() -> Response {
    let problem = Problem::not_found("there is nothing at this address");
    Instead::Problem(problem).into_response()
}
