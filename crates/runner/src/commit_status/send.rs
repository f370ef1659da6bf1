//! Sending, with patience.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use super::commit::{Commit, Token};
use super::error::CommitStatusError;
use super::request::StatusRequest;
use super::status::{CommitStatus, cut};

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// For one attempt, from connecting to the last byte.
    pub timeout: Duration,
    /// How often to try when nothing answers, or a server says that it cannot just now.
    pub attempts: u32,
    /// Between the first two attempts; it doubles.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), attempts: 3, pause: Duration::from_secs(1) }
    }
}

/// Gives a commit these statuses, and returns what went wrong.
///
/// Only what may go better is tried again: no answer, 429 and 5xx. Once a host does not answer it is
/// not asked for the rest. Redirects are not followed: the token would go with them. It blocks until
/// all is said, and must not be called from an asynchronous task.
#[must_use]
pub fn set_commit_statuses(
    commit: &Commit,
    statuses: &[CommitStatus],
    patience: Patience,
) -> Vec<CommitStatusError> {
    let host = commit.host();
    let unreachable = |cause: String| CommitStatusError::Unreachable { host: host.clone(), cause };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (runtime, client) = match (runtime, client(patience)) {
        (Ok(runtime), Ok(client)) => (runtime, client),
        (Err(error), _) => return vec![unreachable(error.to_string())],
        (_, Err(error)) => return vec![unreachable(causes(&error))],
    };
    let mut errors = Vec::new();
    for status in statuses {
        let request = StatusRequest::new(commit, status);
        if let Err(error) = runtime.block_on(post(&client, commit, &request, patience)) {
            let is_silent = matches!(error, CommitStatusError::Unreachable { .. });
            errors.push(error);
            if is_silent {
                break;
            }
        }
    }
    errors
}

fn client(patience: Patience) -> reqwest::Result<Client> {
    // An error says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .timeout(patience.timeout)
        .build()
}

async fn post(
    client: &Client,
    commit: &Commit,
    request: &StatusRequest,
    patience: Patience,
) -> Result<(), CommitStatusError> {
    let mut attempt = 1;
    loop {
        let answered = post_once(client, commit, request).await;
        let Err(failure) = answered else { return Ok(()) };
        if attempt >= patience.attempts || !failure.is_transient {
            return Err(failure.error);
        }
        let pause = patience.pause * 2_u32.saturating_pow(attempt - 1);
        tokio::time::sleep(pause.max(failure.asked_for.min(patience.timeout))).await;
        attempt += 1;
    }
}

/// An attempt that did not succeed.
struct Failure {
    error: CommitStatusError,
    /// Whether the same may succeed if tried again.
    is_transient: bool,
    /// The pause that the server asked for.
    asked_for: Duration,
}

async fn post_once(
    client: &Client,
    commit: &Commit,
    request: &StatusRequest,
) -> Result<(), Failure> {
    let sent = client
        .post(&request.url)
        .headers(headers(request))
        .body(request.body.to_string())
        .send()
        .await;
    let host = commit.host();
    let response = sent.map_err(|error| Failure {
        is_transient: true,
        asked_for: Duration::ZERO,
        error: CommitStatusError::Unreachable { host: host.clone(), cause: causes(&error) },
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let asked_for = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked_for = asked_for.and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let words = words(response, &commit.token).await;
    Err(Failure {
        is_transient: status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
        asked_for: Duration::from_secs(asked_for),
        error: CommitStatusError::Refused { host, status: status.as_u16(), words },
    })
}

fn headers(request: &StatusRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in &request.headers {
        // A token of visible characters is a header's value.
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Returns an error with what caused it, without the address.
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    printable(&deepest.to_string())
}

/// The most that is read of an answer; what is shown of it is shorter still.
const MOST_ANSWER: usize = 16 << 10;

/// What is shown of an answer.
const MOST_WORDS: usize = 300;

/// Returns what a server said, in one line and without the token.
async fn words(mut response: Response, token: &Token) -> String {
    let mut answer = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MOST_ANSWER - answer.len();
        answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if answer.len() == MOST_ANSWER {
            break;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let said = serde_json::from_str(&text).ok().and_then(|answer| said(&answer));
    let words = said.unwrap_or_else(|| text.into_owned()).replace(&token.0, "…");
    let words = cut(printable(&words).trim(), MOST_WORDS);
    if words.is_empty() { "nothing else".to_owned() } else { words }
}

/// Returns the sentence in an answer of GitHub or GitLab.
fn said(answer: &Value) -> Option<String> {
    let keys = ["message", "error_description", "error"];
    let message = keys.iter().find_map(|key| answer.get(key))?;
    let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
    let details = answer.get("errors").map(|errors| format!(": {errors}")).unwrap_or_default();
    Some(message + &details)
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
