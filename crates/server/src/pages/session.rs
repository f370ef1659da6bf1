//! Signing in with a browser, which has no header to put a token into.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use serin_ledger::Digest;
use serin_runner::now;
use tokio::time::Instant;

use super::frame::{Frame, Instead, shown};
use crate::app::App;
use crate::caller::{from_own_page, subject};
use crate::client::Client;
use crate::problem::Problem;
use crate::request::Asked;
use crate::secret::{Secret, random_digits};

/// Who is signed in: by the SHA-256 of what their browser keeps, the subject of their token.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<Digest, (String, Instant)>>);

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// The oldest makes room for one more.
const MOST_SESSIONS: usize = 4096;
const NAME: &str = "serin_session";
const DIGITS: usize = 64;

impl Sessions {
    /// Begins a session, and returns what the browser is to keep.
    fn begin(&self, subject: String) -> Result<String, getrandom::Error> {
        let id = random_digits(DIGITS)?;
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, (_, begun)| begun.elapsed() < LIFETIME);
        if sessions.len() >= MOST_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, (_, begun))| *begun);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(Digest::of(id.as_bytes()), (subject, Instant::now()));
        Ok(id)
    }

    /// Returns the subject of the token that somebody signed in with.
    pub(crate) fn subject(&self, headers: &HeaderMap) -> Option<String> {
        let id = cookie(headers)?;
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (subject, begun) = sessions.get(&Digest::of(id.as_bytes()))?;
        (begun.elapsed() < LIFETIME).then(|| subject.clone())
    }

    fn end(&self, headers: &HeaderMap) {
        if let Some(id) = cookie(headers) {
            let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.remove(&Digest::of(id.as_bytes()));
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).map(str::trim);
    pairs.find_map(|pair| pair.strip_prefix(NAME)?.strip_prefix('='))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    problem: Option<&'static str>,
    next: String,
}

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(super) struct SignInAsked {
    next: Option<String>,
}

pub(super) async fn page(Asked(asked): Asked<SignInAsked>) -> Response {
    form(StatusCode::OK, None, own_page(asked.next))
}

fn form(status: StatusCode, problem: Option<&'static str>, next: String) -> Response {
    shown(status, &SignIn { frame: Frame::of_nobody(), problem, next })
}

/// Returns a page of our own: nobody is sent elsewhere by a link to us.
fn own_page(next: Option<String>) -> String {
    let is_own = |next: &String| {
        next.starts_with('/')
            && !next.starts_with("//")
            && !next.contains(|it: char| it == '\\' || it.is_control())
    };
    next.filter(is_own).unwrap_or_else(|| "/".to_owned())
}

/// What the form says.
#[derive(Deserialize)]
pub(super) struct SignInForm {
    token: String,
    next: Option<String>,
}

/// Begins a session for the holder of a token.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Form(said): Form<SignInForm>,
) -> Result<Response, Instead> {
    from_own_page(&headers)?;
    let next = own_page(said.next);
    if !app.rates.takes(&"sign-in".to_owned()) {
        return Err(Problem::busy().into());
    }
    let refused = |next| {
        let problem = "This token is not known, has expired, or was revoked.";
        form(StatusCode::UNAUTHORIZED, Some(problem), next)
    };
    let Ok(secret) = said.token.trim().parse::<Secret>() else {
        app.metrics.refused("token");
        return Ok(refused(next));
    };
    let subject = subject(secret.id());
    let tokens = app.books.tokens_anew().await?;
    let is_valid = tokens
        .of_subject(&subject)
        .is_some_and(|token| secret.has_hash(&token.issued.hash) && token.is_valid(now()));
    if !is_valid {
        app.metrics.refused("token");
        return Ok(refused(next));
    }
    let id = app.sessions.begin(subject).map_err(|_| Problem::internal())?;
    let is_encrypted = app.settings.is_encrypted || client.is_encrypted;
    let secure = if is_encrypted { "; Secure" } else { "" };
    let age = LIFETIME.as_secs();
    let cookie = format!("{NAME}={id}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}");
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&next)).into_response())
}

/// Ends the session.
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Instead> {
    from_own_page(&headers)?;
    app.sessions.end(&headers);
    let cookie = format!("{NAME}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_our_own_come_next() {
        let rows = [
            (Some("/services/a?page=2"), "/services/a?page=2"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/a\nset-cookie: x"), "/"),
            (None, "/"),
        ];
        for (next, expected) in rows {
            assert_eq!(own_page(next.map(str::to_owned)), expected, "{next:?}");
        }
    }
}
