//! A verdict as the status of a commit, on GitHub or GitLab.
//!
//! What is said is built by pure functions ([`CommitStatus::of_reports`], [`StatusRequest::new`]);
//! [`set_commit_statuses`] sends it.

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};
use serin_model::Outcome;
use serin_report::{Report, headline, service};

/// Who keeps the code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Forge {
    /// GitHub, or a GitHub Enterprise Server.
    GitHub,
    /// GitLab, of anybody.
    GitLab,
}

/// What an inconclusive verdict is to a commit. Neither lets a required status pass.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum InconclusiveState {
    /// Not passed, and done: whoever waits for the status is told.
    #[default]
    Failure,
    /// Not yet: the status waits until somebody sets it again.
    Pending,
}

/// A commit, and the right to set its status.
#[derive(Clone, Debug)]
pub struct Commit {
    forge: Forge,
    /// Invariant: an address over HTTP or HTTPS, without a slash at its end.
    api: String,
    /// Invariant: needs no escaping in an address.
    project: String,
    /// Invariant: hexadecimal digits.
    sha: String,
    token: Token,
    /// The run that judged, for people to look at.
    link: Option<String>,
    /// GitLab's pipeline, where the commit has several.
    pipeline: Option<u64>,
}

/// A secret, which is never shown.
#[derive(Clone)]
struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Commit {
    /// Takes the commit from the variables that the forge's own pipelines set.
    ///
    /// * `variable`: looks one up. For GitHub `GITHUB_TOKEN`, `GITHUB_API_URL`, `GITHUB_REPOSITORY`,
    ///   `GITHUB_SHA`, and for the link `GITHUB_SERVER_URL` and `GITHUB_RUN_ID`. For GitLab
    ///   `GITLAB_TOKEN`, `CI_API_V4_URL`, `CI_PROJECT_ID`, `CI_COMMIT_SHA`, `CI_PIPELINE_ID`, and for
    ///   the link `CI_JOB_URL`. The addresses of the APIs default to the public ones.
    /// * `sha`: the commit, if not the one that the pipeline runs for.
    ///
    /// # Errors
    ///
    /// [`CommitStatusError::Variable`] when one is missing or cannot be what it should be.
    pub fn from_environment(
        forge: Forge,
        variable: &dyn Fn(&str) -> Option<String>,
        sha: Option<&str>,
    ) -> Result<Self, CommitStatusError> {
        let environment = Environment { variable };
        match forge {
            Forge::GitHub => environment.github(sha),
            Forge::GitLab => environment.gitlab(sha),
        }
    }

    fn host(&self) -> String {
        let url = Url::parse(&self.api).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| self.api.clone())
    }
}

/// The variables of a pipeline.
struct Environment<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    fn github(&self, sha: Option<&str>) -> Result<Commit, CommitStatusError> {
        let is_name = |text: &str| {
            !matches!(text, "" | "." | "..")
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let is_repository = |text: &str| {
            text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
        };
        let token = self.token("GITHUB_TOKEN")?;
        let project = self.valid("GITHUB_REPOSITORY", "`owner/name`", is_repository)?;
        let link = self.get("GITHUB_SERVER_URL").zip(self.get("GITHUB_RUN_ID"));
        Ok(Commit {
            forge: Forge::GitHub,
            api: self.api("GITHUB_API_URL", "https://api.github.com")?,
            sha: self.sha("GITHUB_SHA", sha)?,
            token,
            link: link.map(|(server, run)| format!("{server}/{project}/actions/runs/{run}")),
            pipeline: None,
            project,
        })
    }

    fn gitlab(&self, sha: Option<&str>) -> Result<Commit, CommitStatusError> {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // The pipeline that runs is one of its own commit, and none of another.
        let pipeline = if sha.is_none() { self.get("CI_PIPELINE_ID") } else { None };
        Ok(Commit {
            forge: Forge::GitLab,
            token: self.token("GITLAB_TOKEN")?,
            api: self.api("CI_API_V4_URL", "https://gitlab.com/api/v4")?,
            project: self.valid("CI_PROJECT_ID", "a number", is_number)?,
            sha: self.sha("CI_COMMIT_SHA", sha)?,
            link: self.get("CI_JOB_URL"),
            pipeline: pipeline.and_then(|pipeline| pipeline.parse().ok()),
        })
    }

    /// Returns a variable, unless it is blank.
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    fn valid(
        &self,
        name: &'static str,
        expected: &'static str,
        is_valid: impl Fn(&str) -> bool,
    ) -> Result<String, CommitStatusError> {
        let value = self.get(name).filter(|value| is_valid(value));
        value.ok_or(CommitStatusError::Variable { name, expected })
    }

    fn api(&self, name: &'static str, default: &str) -> Result<String, CommitStatusError> {
        let api = self.get(name).unwrap_or_else(|| default.to_owned());
        let is_web = Url::parse(&api).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        let expected = "an address that begins with https://";
        if !is_web {
            return Err(CommitStatusError::Variable { name, expected });
        }
        Ok(api.trim_end_matches('/').to_owned())
    }

    fn sha(&self, name: &'static str, given: Option<&str>) -> Result<String, CommitStatusError> {
        let is_sha = |text: &str| {
            (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let expected = "a commit's hash in hexadecimal digits";
        match given {
            None => self.valid(name, expected, is_sha),
            Some(given) if is_sha(given) => Ok(given.to_owned()),
            Some(_) => Err(CommitStatusError::Variable { name: "--commit", expected }),
        }
    }

    fn token(&self, name: &'static str) -> Result<Token, CommitStatusError> {
        let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        self.valid(name, "a token that may set commit statuses", is_visible).map(Token)
    }
}

/// What a commit is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommitStatus {
    /// What it is told.
    pub state: CommitState,
    /// The name of the status, `serin/<service>`: at most 100 characters.
    pub context: String,
    /// Why, in one line of at most 140 characters.
    pub description: String,
}

/// How a commit stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommitState {
    /// The canary passed.
    Success,
    /// It failed, or nobody can tell.
    Failure,
    /// Somebody has still to say.
    Pending,
}

/// The longest description that GitHub takes.
const MOST_DESCRIPTION: usize = 140;

/// Long enough for a service's name, and short enough for both forges.
const MOST_CONTEXT: usize = 100;

impl CommitStatus {
    /// Makes a status of each service's worst report, in the order in which the services came first.
    ///
    /// A service has one status, and a later pass must not hide an earlier failure.
    #[must_use]
    pub fn of_reports(reports: &[Report], inconclusive: InconclusiveState) -> Vec<Self> {
        let mut worst: Vec<&Report> = Vec::new();
        for report in reports {
            match worst.iter_mut().find(|known| service(known) == service(report)) {
                None => worst.push(report),
                Some(known) if report.verdict.outcome > known.verdict.outcome => *known = report,
                Some(_) => {}
            }
        }
        worst.into_iter().map(|report| Self::of_report(report, inconclusive)).collect()
    }

    fn of_report(report: &Report, inconclusive: InconclusiveState) -> Self {
        let state = match (report.verdict.outcome, inconclusive) {
            (Outcome::Pass, _) => CommitState::Success,
            (Outcome::Fail, _) | (Outcome::Inconclusive, InconclusiveState::Failure) => {
                CommitState::Failure
            }
            (Outcome::Inconclusive, InconclusiveState::Pending) => CommitState::Pending,
        };
        Self {
            state,
            context: cut(&format!("serin/{}", service(report)), MOST_CONTEXT),
            description: cut(&headline(report), MOST_DESCRIPTION),
        }
    }
}

/// Returns the first characters of `text`, with `…` where it was cut. GitHub takes none above U+FFFF.
fn cut(text: &str, most: usize) -> String {
    let shown = |letter| if letter > '\u{ffff}' { '\u{fffd}' } else { letter };
    if text.chars().count() <= most {
        return text.chars().map(shown).collect();
    }
    let start: String = text.chars().take(most - 1).map(shown).collect();
    format!("{}…", start.trim_end())
}

/// A `POST` that sets a status, with the secret in its headers.
#[derive(Clone, Eq, PartialEq)]
pub struct StatusRequest {
    /// Where it goes.
    pub url: String,
    /// Its headers, in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, as JSON.
    pub body: Value,
}

/// Leaves the headers out: the token is among them.
impl fmt::Debug for StatusRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusRequest")
            .field("url", &self.url)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl StatusRequest {
    /// Builds the request that gives `commit` this status.
    #[must_use]
    pub fn new(commit: &Commit, status: &CommitStatus) -> Self {
        match commit.forge {
            Forge::GitHub => Self::github(commit, status),
            Forge::GitLab => Self::gitlab(commit, status),
        }
    }

    fn github(commit: &Commit, status: &CommitStatus) -> Self {
        let Commit { api, project, sha, token: Token(token), .. } = commit;
        let state = match status.state {
            CommitState::Success => "success",
            CommitState::Failure => "failure",
            CommitState::Pending => "pending",
        };
        Self {
            url: format!("{api}/repos/{project}/statuses/{sha}"),
            headers: vec![
                ("accept", "application/vnd.github+json".to_owned()),
                ("authorization", format!("Bearer {token}")),
                ("x-github-api-version", "2022-11-28".to_owned()),
            ],
            body: with(
                json!({
                    "state": state,
                    "context": status.context,
                    "description": status.description,
                }),
                "target_url",
                commit.link.clone().map(Value::from),
            ),
        }
    }

    fn gitlab(commit: &Commit, status: &CommitStatus) -> Self {
        let Commit { api, project, sha, token: Token(token), .. } = commit;
        let state = match status.state {
            CommitState::Success => "success",
            CommitState::Failure => "failed",
            CommitState::Pending => "pending",
        };
        let body = json!({
            "state": state,
            "name": status.context,
            "description": status.description,
        });
        let body = with(body, "target_url", commit.link.clone().map(Value::from));
        Self {
            url: format!("{api}/projects/{project}/statuses/{sha}"),
            headers: vec![("private-token", token.clone())],
            body: with(body, "pipeline_id", commit.pipeline.map(Value::from)),
        }
    }
}

fn with(mut body: Value, key: &str, value: Option<Value>) -> Value {
    if let (Some(fields), Some(value)) = (body.as_object_mut(), value) {
        fields.insert(key.to_owned(), value);
    }
    body
}

/// Why a commit was not told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitStatusError {
    /// The environment does not say which commit, or on whose behalf.
    #[error("`{name}` is missing, or is not {expected}\n\nhint: {}", variable_hint(name))]
    Variable {
        /// The variable or the option.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Nothing answered.
    #[error(
        "{host} did not answer: {cause}\n\nhint: see that this machine reaches it; `HTTPS_PROXY` names a proxy, `SSL_CERT_FILE` the certificates to trust"
    )]
    Unreachable {
        /// The host that was asked.
        host: String,
        /// What happened.
        cause: String,
    },
    /// It answered, and did not do it.
    #[error("{host} answered {status}: {words}\n\nhint: {}", hint(*status))]
    Refused {
        /// The host that was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said, without the token.
        words: String,
    },
}

fn variable_hint(name: &str) -> &'static str {
    match name {
        "GITHUB_TOKEN" => "give it to the step: `env: {GITHUB_TOKEN: ${{ github.token }}}`",
        "GITLAB_TOKEN" => {
            "make a project access token with the scope `api`, and a masked variable of that name; \
             CI_JOB_TOKEN may not set a status"
        }
        "--commit" => "`git rev-parse` prints it",
        _ => "the forge's own pipelines set it; set it yourself elsewhere",
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => "it has moved: give the address of the API itself",
        401 => "the token is wrong or has expired",
        403 => {
            "the token may not do that: it takes `permissions: statuses: write` on GitHub, the scope \
             `api` on GitLab; the tokens of forks may not write"
        }
        404 => "the token does not see this repository, or the repository has no such commit",
        400 | 422 => "see that the commit was pushed, and that its status may still change",
        429 | 500..=599 => "the server is busy or broken: several attempts were made",
        _ => "see that the address is that of the forge's API",
    }
}

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
