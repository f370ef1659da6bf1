//! Why a store gave no answer.

use std::time::Duration;

use reqwest::StatusCode;
use serin_sources::AnswerError;

/// Why a request has no answer. The text completes a sentence that begins with the source;
/// [`FetchFailure::hint`] says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FetchFailure {
    /// There is no connection.
    #[error("cannot be reached: {reason}")]
    Unreachable {
        /// What the network said.
        reason: String,
    },
    /// One side does not trust the other.
    #[error("trusts us not, or is not trusted: {reason}")]
    Untrusted {
        /// What the other side or our own said.
        reason: String,
    },
    /// The connection was lost before the answer was whole.
    #[error("broke off: {reason}")]
    BrokeOff {
        /// What the network said.
        reason: String,
    },
    /// It took too long.
    #[error("did not answer within {}s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It said no.
    #[error("answered {status}: {words}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its own words.
        words: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
        /// Whether it says that it was asked too often, whatever the status is.
        is_throttled: bool,
        /// What to do, where stores of its kind want something of their own.
        hint: Option<&'static str>,
    },
    /// The request cannot be signed.
    #[error("was not asked: its request cannot be signed: {reason}")]
    Unsigned {
        /// What the library says.
        reason: String,
    },
    /// It is somewhere else.
    #[error("redirects to {to}")]
    Redirected {
        /// Where to.
        to: String,
    },
    /// A database does not do what it is asked.
    #[error("answered {code}: {words}")]
    Statement {
        /// The code of the error, as SQL numbers them.
        code: String,
        /// Its own words.
        words: String,
    },
    /// It goes on and on.
    #[error("answered in more than {most} parts")]
    TooManyParts {
        /// How many are asked for.
        most: usize,
    },
    /// It has too many rows.
    #[error("answered with more than {most} rows")]
    TooManyRows {
        /// How many may come.
        most: usize,
    },
    /// It says too much.
    #[error("answered with more than {most} bytes")]
    TooLarge {
        /// How much may be said.
        most: usize,
    },
    /// It says something else.
    #[error("{error}")]
    NoAnswer {
        /// What is wrong with it.
        error: AnswerError,
        /// What it says it is.
        content_type: Option<String>,
        /// What to do where it says that it failed, for stores of its kind.
        hint: Option<&'static str>,
    },
    /// There was no time left.
    #[error("was not asked in time: the deadline of {}s has passed", .0.as_secs_f64())]
    TooLate(Duration),
    /// It failed so often that it was left alone.
    #[error("was not asked any more, after it had failed {failures} times in a row: {last}")]
    GivenUp {
        /// How often.
        failures: usize,
        /// How it failed last.
        last: Box<Self>,
    },
}

impl FetchFailure {
    /// Says what to do next.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Unreachable { reason } if reason.contains("InvalidContentType") => {
                "it speaks plain HTTP there: write `http://` in `url`".to_owned()
            }
            Self::Unreachable { reason }
                if reason.contains("DNS") || reason.contains("Query {") =>
            {
                "nobody knows that name: see that the host in `url` is right".to_owned()
            }
            Self::Unreachable { .. } => "see that `url` is right and the server runs".to_owned(),
            Self::Untrusted { reason } => trust_hint(reason).to_owned(),
            Self::BrokeOff { .. } => {
                "see whether it restarts, or a proxy stands between".to_owned()
            }
            Self::TimedOut(_) => "raise `timeout`, or ask for less".to_owned(),
            Self::Refused { is_throttled: true, .. } => {
                refusal_hint(StatusCode::TOO_MANY_REQUESTS, "", None).to_owned()
            }
            Self::Refused { status, words, hint, .. } => {
                refusal_hint(*status, words, *hint).to_owned()
            }
            Self::Statement { code, .. } => statement_hint(code).to_owned(),
            Self::TooManyRows { .. } => "group by the step and by the label of the replicas: \
                 `group by date_bin($step, at, 'epoch'), pod`"
                .to_owned(),
            Self::Unsigned { .. } => "see that `url` and the key of AWS are whole".to_owned(),
            Self::Redirected { .. } => {
                "serin follows no redirect: write the address itself as `url`".to_owned()
            }
            Self::TooLarge { .. } | Self::TooManyParts { .. } => {
                "ask for fewer series, or for a shorter time".to_owned()
            }
            Self::NoAnswer { error, content_type, hint } => {
                answer_hint(error, content_type.as_deref(), *hint)
            }
            Self::TooLate(_) => "raise `deadline`, or ask for less".to_owned(),
            Self::GivenUp { last, .. } => last.hint(),
        }
    }

    /// Returns the same failure with what somebody else said made fit to be shown.
    pub(crate) fn with_words(self, shown: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Statement { code, words } => Self::Statement { code, words: shown(&words) },
            Self::Unreachable { reason } => Self::Unreachable { reason: shown(&reason) },
            Self::Untrusted { reason } => Self::Untrusted { reason: shown(&reason) },
            Self::BrokeOff { reason } => Self::BrokeOff { reason: shown(&reason) },
            other => other,
        }
    }

    /// Returns the failure after which the store was left alone, or this one.
    pub(crate) fn first_cause(&self) -> &Self {
        match self {
            Self::GivenUp { last, .. } => last.first_cause(),
            other => other,
        }
    }

    /// Returns whether asking again may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::BrokeOff { .. } | Self::TimedOut(_) => true,
            Self::Refused { status, is_throttled, .. } => {
                *is_throttled
                    || status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::NoAnswer { error, .. } => *error == AnswerError::Truncated,
            Self::Statement { code, .. } => PASSING.iter().any(|class| code.starts_with(class)),
            Self::Redirected { .. }
            | Self::Untrusted { .. }
            | Self::Unsigned { .. }
            | Self::TooManyRows { .. }
            | Self::TooManyParts { .. }
            | Self::TooLarge { .. }
            | Self::TooLate(_)
            | Self::GivenUp { .. } => false,
        }
    }

    /// Returns whether it may be the store as a whole that is in trouble, whatever it is asked.
    pub(crate) fn may_be_of_the_store(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Untrusted { .. }
            | Self::BrokeOff { .. }
            | Self::Redirected { .. }
            | Self::TimedOut(_) => true,
            Self::Refused { status, .. } => {
                // One that asks for patience is well.
                *status == StatusCode::UNAUTHORIZED || status.is_server_error()
            }
            Self::Statement { code, .. } => {
                PASSING.iter().chain(&[REFUSED]).any(|class| code.starts_with(class))
            }
            Self::NoAnswer { .. }
            | Self::Unsigned { .. }
            | Self::TooManyRows { .. }
            | Self::TooManyParts { .. }
            | Self::TooLarge { .. }
            | Self::TooLate(_)
            | Self::GivenUp { .. } => false,
        }
    }

    /// Returns how long the store asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Classes of SQL's errors that pass: no connection, no room, an operator at work, the server itself.
const PASSING: [&str; 4] = ["08", "53", "57", "58"];

/// The class of those who are not let in.
const REFUSED: &str = "28";

/// Says what to do about an error of SQL, by its class.
fn statement_hint(code: &str) -> &'static str {
    match code {
        "42501" => "grant `select` on it to the role that asks",
        "25006" => "serin only reads: write a `select` that changes nothing",
        "3D000" => "write the database's name behind the address: `postgres://host:5432/metrics`",
        "42703" | "42P01" => {
            "a query answers the columns `time` and `value`, and labels; see that all it names is there"
        }
        _ if code.starts_with(REFUSED) => {
            "see that `username` and `password` are right, and that this machine may connect"
        }
        _ if PASSING.iter().any(|class| code.starts_with(class)) => {
            "look into the server's log, or try again later"
        }
        _ => "mend the query; try it in `psql` with values for `$arm`, `$start` and `$end`",
    }
}

fn trust_hint(reason: &str) -> &'static str {
    if reason.contains("received fatal alert") {
        "if it asks for a certificate, name it: `tls: {certificate: client.pem, key: client.key}`"
    } else {
        "name the authority that signed its certificate: `tls: {authority: ca.pem}`"
    }
}

/// * `own`: what stores of its kind want.
fn refusal_hint(status: StatusCode, words: &str, own: Option<&'static str>) -> &'static str {
    let too_much = ["timed out", "timeout", "too many samples"];
    if too_much.into_iter().any(|much| words.contains(much)) {
        return "it is too much for the server: ask for fewer series, or for a shorter time";
    }
    if let Some(own) = own {
        return own;
    }
    match status.as_u16() {
        400 | 422 => MEND_QUERY,
        401 => "give `token`, or `username` and `password`, and see that the secret is right",
        206 => "see whether a proxy cuts answers in parts",
        403 => "see that whoever asks may read",
        404 => "see that `url` is the address of the API, with a path if it has one",
        405 => "see that `url` is the address of the API, and that no proxy forbids POST",
        413 | 414 => "ask for less",
        429 => "lower `in_flight`, or try again later",
        500..=599 => "look into the server's log, or try again later",
        _ => "look into the server's log",
    }
}

const MEND_QUERY: &str = "mend the query; try it on the server's own page";

/// * `own`: what stores of its kind want.
fn answer_hint(
    error: &AnswerError,
    content_type: Option<&str>,
    own: Option<&'static str>,
) -> String {
    match (error, content_type) {
        (AnswerError::Malformed { .. }, Some(content_type))
            if !content_type.starts_with("application/json") =>
        {
            format!(
                "it calls it `{}`: see that `url` is the address of the API, and not of a page to log \
                 in",
                content_type.chars().filter(|it| !it.is_control()).take(60).collect::<String>()
            )
        }
        (AnswerError::Failed { .. }, _) => own.unwrap_or(MEND_QUERY).to_owned(),
        (_, _) => "see whether a proxy stands between".into(),
    }
}
