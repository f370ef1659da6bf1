//! A serin that serves, asked over HTTP.

use std::net::IpAddr;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::http::{
    BodyError, MOST_FAILURE_BYTES, Names, causes, client_builder, first_words, one_line,
    read_beginning, read_body, retry_after,
};
use crate::watch::Interrupt;

/// A serin that serves.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    /// Without a slash at its end.
    base: String,
    token: Option<SecretString>,
    runtime: Runtime,
}

/// What is asked of it. Asking twice must be as good as asking once.
#[derive(Clone, Debug)]
pub struct RemoteRequest<'a> {
    /// The path, with its query if it has one.
    pub path: &'a str,
    /// A name of this request, under which it may be sent again.
    pub key: Option<&'a str>,
    /// The media type of what is sent, and the bytes; nothing is sent to read something.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// Who waits for an answer.
#[derive(Clone, Copy)]
pub struct RemoteListener<'a> {
    /// Is told why it is asked again, and when.
    pub tell: &'a dyn Fn(&RemoteError, Duration),
    /// Whether anybody waits on.
    pub interrupt: &'a Interrupt,
}

impl std::fmt::Debug for RemoteListener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteListener").field("interrupt", self.interrupt).finish_non_exhaustive()
    }
}

/// How long it is asked again while nothing answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tries {
    /// Some seconds.
    Few,
    /// Some ten minutes: long enough to be upgraded.
    Many,
}

/// Why a serin that serves gives no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Its address cannot be used.
    #[error("`{address}` {problem}\n\nhint: {hint}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it, as the rest of the sentence.
        problem: String,
        /// What to do next.
        hint: &'static str,
    },
    /// Nothing answered.
    #[error(
        "{server} did not answer: {cause}\n\nhint: see that `serin serve` runs there, and that this machine reaches it"
    )]
    Unreachable {
        /// The server.
        server: String,
        /// What happened.
        cause: String,
        /// Whether it may go better when it is asked again.
        may_pass: bool,
    },
    /// It answered, and did not do it.
    #[error("{server} refused: {detail}\n\nhint: {hint}")]
    Refused {
        /// The server.
        server: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: String,
        /// What to do next.
        hint: String,
    },
    /// Somebody did not want to wait for an answer any more.
    #[error("{server} is not waited for any more\n\nhint: ask again")]
    Stopped {
        /// The server.
        server: String,
    },
    /// It answered something else than what this serin understands.
    #[error(
        "{server} answered what this serin does not understand: {problem}\n\nhint: see that the address is that of \
         a serin, and that both are of the same version"
    )]
    Garbled {
        /// The server.
        server: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl RemoteError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { may_pass, .. } => *may_pass,
            Self::Refused { status, .. } => matches!(status, 429 | 502..=504),
            Self::Address { .. } | Self::Stopped { .. } | Self::Garbled { .. } => false,
        }
    }
}

/// An answer of more bytes is not read.
const MOST_ANSWER_BYTES: usize = 256 << 20;
const CONNECT_TIME: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl Remote {
    /// Prepares to ask. Nothing is sent yet.
    ///
    /// * `address`: such as `https://serin.example.com`.
    /// * `token`: one of `serin token issue`; without it the server must be open.
    /// * `plain`: whether the token may go over a network without encryption.
    ///
    /// # Errors
    ///
    /// [`RemoteError::Address`] where the address cannot be used.
    pub fn new(address: &str, token: Option<String>, plain: bool) -> Result<Self, RemoteError> {
        let wrong = |problem: &str, hint| RemoteError::Address {
            address: crate::http::without_query(address),
            problem: problem.to_owned(),
            hint,
        };
        let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            wrong("is no address of a server", "write it as `https://serin.example.com`")
        })?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(wrong("holds more than an address", "put the token into `SERIN_TOKEN`"));
        }
        if token.is_some() && url.scheme() == "http" && !plain && !is_here(&url) {
            return Err(wrong(
                "is not encrypted, and whoever is on the way could read the token",
                "write `https://`; or trust the network, with `--plain-http`",
            ));
        }
        if token.as_ref().is_some_and(|token| HeaderValue::from_str(token).is_err()) {
            return Err(wrong(
                "gets no token: what `SERIN_TOKEN` holds is none",
                "put into it what `serin token issue` printed, and nothing else",
            ));
        }
        let unusable = |problem: String| RemoteError::Unreachable {
            server: url.as_str().trim_end_matches('/').to_owned(),
            cause: problem,
            may_pass: false,
        };
        let mut client = client_builder(None, Names::default()).connect_timeout(CONNECT_TIME);
        if is_here(&url) {
            // A proxy would be elsewhere, and read the token.
            client = client.no_proxy();
        }
        let client = client.build();
        let client = client.map_err(|error| unusable(causes(&error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client, base, token: token.map(SecretString::from), runtime })
    }

    /// Returns the address of a page or a resource, for people.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks, and asks again while that may help. It blocks until there is an answer, and must not be called from an
    /// asynchronous task.
    ///
    /// * `listener`: is told why it is asked again, and may end that.
    ///
    /// # Errors
    ///
    /// [`RemoteError`] when there is no answer, or it says no.
    pub fn ask(
        &self,
        request: &RemoteRequest<'_>,
        tries: Tries,
        listener: &RemoteListener<'_>,
    ) -> Result<Vec<u8>, RemoteError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(match tries {
                Tries::Few => 4,
                Tries::Many => 64,
            });
        let asking = (|| self.ask_once(request))
            .retry(pauses)
            .sleep(sleep)
            .when(|failure: &Failure| failure.error.may_pass())
            .adjust(|failure, pause| {
                let asked_for = failure.retry_after.unwrap_or_default().min(LONGEST_PAUSE);
                pause.map(|pause| pause.max(asked_for))
            })
            .notify(|failure, pause| (listener.tell)(&failure.error, pause));
        self.runtime.block_on(async {
            tokio::select! {
                answer = asking => answer.map_err(|failure| failure.error),
                () = listener.interrupt.stopped() => {
                    Err(RemoteError::Stopped { server: self.base.clone() })
                }
            }
        })
    }

    /// Lets time pass, or less of it once somebody wants to stop.
    pub fn pause(&self, length: Duration, interrupt: &Interrupt) {
        self.runtime.block_on(async {
            tokio::select! {
                () = sleep(length) => {}
                () = interrupt.stopped() => {}
            }
        });
    }

    async fn ask_once(&self, request: &RemoteRequest<'_>) -> Result<Vec<u8>, Failure> {
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut sent = self.client.request(method, self.address(request.path));
        sent = sent.header(ACCEPT, "application/json").timeout(request.timeout);
        if let Some(token) = &self.token {
            sent = sent.bearer_auth(token.expose_secret());
        }
        if let Some(key) = request.key {
            sent = sent.header(IDEMPOTENCY_KEY, key);
        }
        if let Some((media_type, body)) = &request.body {
            sent = sent.header(CONTENT_TYPE, *media_type).body(body.clone());
        }
        let response = sent.send().await.map_err(|error| self.silent(&error))?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        if status.is_success() {
            return read_body(response, MOST_ANSWER_BYTES).await.map_err(|error| match error {
                BodyError::Lost(error) => self.silent(&error),
                BodyError::TooLarge => self.garbled("it is longer than 256 MiB").into(),
            });
        }
        let body = read_beginning(response, MOST_FAILURE_BYTES).await;
        Err(Failure { error: self.refused(status.as_u16(), &body), retry_after })
    }

    fn silent(&self, error: &reqwest::Error) -> Failure {
        let cause = match error.is_timeout() {
            true => "it took too long".to_owned(),
            false => one_line(&causes(error)),
        };
        // What took too long takes too long again.
        let may_pass = !error.is_timeout() || error.is_connect();
        RemoteError::Unreachable { server: self.base.clone(), cause, may_pass }.into()
    }

    /// Says that an answer is not understood.
    #[must_use]
    pub fn garbled(&self, problem: &str) -> RemoteError {
        RemoteError::Garbled { server: self.base.clone(), problem: one_line(problem) }
    }

    fn refused(&self, status: u16, body: &[u8]) -> RemoteError {
        let server = self.base.clone();
        let Ok(problem) = serde_json::from_slice::<ProblemDetails>(body) else {
            let detail = format!("it answered {status}: {}", one_line(&first_words(body)));
            let hint = "see that the address is that of a serin, and not of a proxy before it";
            return RemoteError::Refused { server, status, detail, hint: hint.to_owned() };
        };
        let hint = match (status, problem.hint) {
            (401, _) => {
                "put a token of that server into `SERIN_TOKEN`; those who run it issue one with `serin token issue`"
                    .to_owned()
            }
            (413, _) => {
                "judge it here, without a server; or have those who run it raise `recording_bytes` under `limits`"
                    .to_owned()
            }
            (408, _) => {
                "ask for less at once; or have those who run it raise `request_time` under `limits`"
                    .to_owned()
            }
            (_, Some(hint)) => hint,
            (_, None) => "its log says more".to_owned(),
        };
        let detail = match problem.place {
            Some(place) if !problem.detail.contains('\n') => {
                format!("{} ({place})", problem.detail)
            }
            Some(_) | None => problem.detail,
        };
        RemoteError::Refused { server, status, detail, hint }
    }
}

/// Returns whether an address is of this machine.
fn is_here(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An attempt that did not succeed.
struct Failure {
    error: RemoteError,
    /// The pause that the server asked for.
    retry_after: Option<Duration>,
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        Self { error, retry_after: None }
    }
}

/// Problem details, as in RFC 9457, with what serin adds.
#[derive(Deserialize)]
struct ProblemDetails {
    detail: String,
    place: Option<String>,
    hint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_it_could_be_read() {
        let rows = [
            ("https://serin.example.com", true),
            ("http://127.0.0.1:7878", true),
            ("http://localhost:7878/", true),
            ("http://[::1]:7878", true),
            ("http://serin.example.com", false),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1:7878", false),
        ];
        for (address, expected) in rows {
            let with = |token: Option<&str>, plain| {
                Remote::new(address, token.map(str::to_owned), plain).is_ok()
            };
            assert_eq!(with(Some("serin_x"), false), expected, "{address}");
            assert!(with(Some("serin_x"), true) && with(None, false), "{address}");
        }
    }

    #[test]
    fn an_address_is_an_address_and_nothing_more() {
        for address in
            ["serin.example.com", "ftp://a", "https://ann:secret@a", "https://a?token=b", ""]
        {
            let error = Remote::new(address, None, false).unwrap_err().to_string();
            assert!(error.contains("hint: ") && !error.contains("secret"), "{error}");
        }
        assert!(Remote::new("https://a", Some("two\nlines".to_owned()), false).is_err());
    }
}
