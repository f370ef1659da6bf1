//! Sending, with patience.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::sleep;

use super::commit::Commit;
use super::error::CommitStatusError;
use super::request::StatusRequest;
use super::status::CommitStatus;
use crate::http::{
    MOST_FAILURE_BYTES, Names, causes, client_builder, first_words, one_line, read_beginning,
    retry_after,
};

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
    let unreachable = |cause: String| CommitStatusError::Unreachable { host: commit.host(), cause };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let client = client_builder(None, Names::default()).timeout(patience.timeout).build();
    let (runtime, client) = match (runtime, client) {
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

/// Posts a status, again and again while that may help.
async fn post(
    client: &Client,
    commit: &Commit,
    request: &StatusRequest,
    patience: Patience,
) -> Result<(), CommitStatusError> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(patience.pause)
        .with_max_times(patience.attempts.saturating_sub(1) as usize);
    let posting = (|| post_once(client, commit, request))
        .retry(pauses)
        .sleep(sleep)
        .when(|failure: &Failure| failure.error.may_pass())
        // A pause of its own choice is the server's, within reason.
        .adjust(|failure, pause| {
            let asked_for = failure.retry_after.unwrap_or_default().min(patience.timeout);
            pause.map(|pause| pause.max(asked_for))
        });
    posting.await.map_err(|failure| failure.error)
}

/// An attempt that did not succeed.
struct Failure {
    error: CommitStatusError,
    /// The pause that the server asked for.
    retry_after: Option<Duration>,
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
    let response = sent.map_err(|error| Failure {
        error: CommitStatusError::Unreachable { host: commit.host(), cause: cause(&error) },
        retry_after: None,
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let retry_after = retry_after(&response);
    let words = words(response, &commit.token).await;
    let error = CommitStatusError::Refused { host: commit.host(), status: status.as_u16(), words };
    Err(Failure { error, retry_after })
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

fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() { "it took too long".to_owned() } else { one_line(&causes(error)) }
}

/// Returns what a server said, in one line and without the token.
async fn words(response: Response, token: &SecretString) -> String {
    let body = read_beginning(response, MOST_FAILURE_BYTES).await;
    let said = serde_json::from_slice(&body).ok().and_then(|answer| said(&answer));
    let said = said.filter(|words| !words.trim().is_empty());
    let words = said.unwrap_or_else(|| first_words(&body));
    one_line(&words.replace(token.expose_secret(), "…"))
}

/// Returns the sentence in an answer of GitHub or GitLab.
fn said(answer: &Value) -> Option<String> {
    let keys = ["message", "error_description", "error"];
    let message = keys.iter().find_map(|key| answer.get(key))?;
    let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
    let details = answer.get("errors").map(|errors| format!(": {errors}")).unwrap_or_default();
    Some(message + &details)
}
