//! What the server says when it does not do what was asked: problem details, as in RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serin_ledger::{Invalid, LedgerError, Refusal, WriteError};
use utoipa::ToSchema;

/// Why something was not done, and what to do about it. Its media type is `application/problem+json`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind of problem it is, by a name that does not change.
    #[serde(rename = "type")]
    #[schema(example = "urn:serin:problem:invalid")]
    name: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// Where in the body it is wrong, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/labels/environment")]
    place: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    kind: Kind,
}

/// The kinds of problem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Malformed,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TimedOut,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    KeyReused,
    TooManyRequests,
    Internal,
    Unavailable,
}

impl Kind {
    /// Returns the status, the name and the title.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
            Self::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, "unauthenticated", "A valid token is needed")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The token may not do this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This cannot be done to this resource",
            ),
            Self::TimedOut => {
                (StatusCode::REQUEST_TIMEOUT, "timed-out", "The request took too long")
            }
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large")
            }
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body is of a type that is not taken",
            ),
            Self::Invalid => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The body says something impossible")
            }
            Self::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The idempotency key belongs to another request",
            ),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Slow down")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The server cannot do this at the moment",
            ),
        }
    }
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.parts();
        let name = format!("urn:serin:problem:{name}");
        let (status, detail) = (status.as_u16(), detail.into());
        Self { name, title, status, detail, place: None, hint: None, kind }
    }

    /// Says where in the body it is.
    pub(crate) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.place = Some(pointer.into());
        self
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what a page says of it: status, title, what is wrong and what to do.
    pub(crate) fn in_words(&self) -> (StatusCode, &'static str, &str, Option<&str>) {
        (self.kind.parts().0, self.title, &self.detail, self.hint.as_deref())
    }

    /// Nobody learns more of a failure of ours than that it was one.
    pub(crate) fn internal() -> Self {
        let detail = "it failed while it did this; what it failed at is in its log";
        Self::new(Kind::Internal, detail)
            .hint("tell those who run serin the answer's `x-request-id`")
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    pub(crate) fn busy() -> Self {
        Self::new(Kind::Unavailable, "too many others ask at the same moment")
            .hint("ask again after the seconds of `retry-after`")
    }
}

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, _, _) = self.kind.parts();
        let body = serde_json::to_vec(&self).expect("it is texts and a number");
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        let extra = match self.kind {
            Kind::Unauthenticated => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"serin\"")))
            }
            Kind::TooManyRequests | Kind::Unavailable => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        };
        response.headers_mut().extend(extra.map(|(name, value)| (Some(name), value)));
        response
    }
}

impl From<Invalid> for Problem {
    /// Places in an event are told as places in the body that it was made of.
    fn from(invalid: Invalid) -> Self {
        let place = match invalid.place.as_str() {
            "scope.service" => "/service".to_owned(),
            "source_id" => String::new(),
            place => match place.strip_prefix("scope.labels.") {
                Some(label) => format!("/labels/{}", escaped(label)),
                None if place.contains("scope.labels") => "/labels".to_owned(),
                None if place == "body" => String::new(),
                None => format!("/{}", place.replace('.', "/")),
            },
        };
        Self::new(Kind::Invalid, invalid.problem).at(place).hint(invalid.hint)
    }
}

/// Writes a key as a part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::Conflict { .. } => Kind::KeyReused,
            _ => Kind::Invalid,
        };
        let text = refusal.to_string();
        let (detail, hint) = text.split_once("\n\nhint: ").unwrap_or((&text, ""));
        if kind == Kind::KeyReused {
            return Self::new(kind, "this key was used before, for a request that said otherwise")
                .hint("repeat the first request to the letter, or give this one a key of its own");
        }
        Self::new(kind, detail).hint(hint)
    }
}

impl From<&LedgerError> for Problem {
    /// Where the ledger is and what its database said is for the log alone.
    fn from(error: &LedgerError) -> Self {
        if !error.is_transient() {
            tracing::error!(%error, "the ledger failed");
            return Self::internal();
        }
        tracing::warn!(%error, "the ledger cannot be used");
        let detail = match error {
            LedgerError::Full { .. } => "the ledger has no space left; nothing was stored",
            LedgerError::Locked { .. } => "the ledger is held by somebody else; nothing was stored",
            _ => "the ledger is out of reach",
        };
        Self::new(Kind::Unavailable, detail)
            .hint("ask again later, with the same `idempotency-key` if something was to be stored")
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::from(&error)
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::Failed(error) => Self::from(&*error),
            WriteError::Ended => {
                tracing::error!("the writer of the ledger has ended");
                Self::internal()
            }
        }
    }
}
