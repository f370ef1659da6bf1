//! What is done to every request and every answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serin_ledger::Digest;
use serin_runner::Stopwatch;

use crate::app::App;
use crate::client::{Client, Visitor};
use crate::problem::{Kind, Problem};
use crate::secret::random_digits;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Names, measures and logs a request.
pub(crate) async fn log(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let stopwatch = Stopwatch::start();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.unwrap_or("none").to_owned();
    let client = request.extensions().get::<Client>().copied().unwrap_or_default().address;
    let id = random_digits(16).unwrap_or_default();
    let visitor = Visitor::default();
    request.extensions_mut().insert(visitor.clone());
    let mut response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), stopwatch.elapsed());
    app.metrics.answered(method.as_str(), &route, status, took);
    let by = visitor.get();
    let took_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    tracing::info!(%id, %client, by, %method, route, status, took_ms, "answered");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Tells browsers to do nothing with an answer but show it.
pub(crate) async fn secure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(X_FRAME_OPTIONS, "DENY");
    say(REFERRER_POLICY, "no-referrer");
    say(RESOURCE_POLICY, "same-origin");
    say(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox");
    say(CACHE_CONTROL, "no-store");
    if app.settings.is_encrypted {
        say(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Ends what takes too long.
pub(crate) async fn limit_time(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let limit: Duration = app.settings.limits.request_time;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("it took longer than {} s", limit.as_secs_f64());
            Problem::new(Kind::TimedOut, detail)
                .hint("send the body faster, or ask for less at once")
                .into_response()
        }
    }
}

/// Gives what is read a tag, and leaves out what the client has already.
pub(crate) async fn tag(request: Request, next: Next) -> Response {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    if !is_reading || response.status() != StatusCode::OK || !is_whole(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal().into_response();
    };
    let tag = format!("\"{}\"", Digest::of(&bytes));
    parts.headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(ETAG, tag);
    }
    if is_known(&known, &tag) {
        return not_modified(parts.headers);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// A stream has no end that one could wait for.
fn is_whole(response: &Response) -> bool {
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream"));
    !is_stream && response.body().size_hint().exact().is_some()
}

fn is_known(known: &[HeaderValue], tag: &str) -> bool {
    let known = known.iter().flat_map(|line| line.to_str().unwrap_or_default().split(','));
    known.map(str::trim).any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(CONTENT_TYPE);
    headers.remove(axum::http::header::CONTENT_LENGTH);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// Answers where a handler panicked: nobody learns why but the log.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let why = panic.downcast_ref::<String>().map(String::as_str);
    let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    tracing::error!(why, "a handler panicked");
    Problem::internal().into_response()
}
