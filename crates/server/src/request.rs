//! What requests say, read with care: bodies, paths, queries and idempotency keys.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::app::App;
use crate::problem::{Kind, Problem, escaped};

/// A body in JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        if media_type != "application/json" {
            return Err(unsupported(&media_type, "application/json"));
        }
        parse(&body(request, app).await?).map(Self)
    }
}

/// Returns the media type of a body without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

pub(crate) fn unsupported(found: &str, taken: &str) -> Problem {
    let detail = match found {
        "" => "the request does not say of which type its body is".to_owned(),
        found => format!("`{found}` is not taken here"),
    };
    Problem::new(Kind::UnsupportedMediaType, detail).hint(format!("send `content-type: {taken}`"))
}

/// Reads a body, up to the limit.
pub(crate) async fn body(request: Request, app: &Arc<App>) -> Result<Bytes, Problem> {
    body_up_to(request, app, app.settings.limits.body_bytes).await
}

async fn body_up_to(mut request: Request, app: &Arc<App>, most: usize) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(most).apply(&mut request);
    let too_large = || {
        Problem::new(Kind::TooLarge, format!("the body has more than {most} bytes"))
            .hint("send less at a time")
    };
    let told = request.headers().get(header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    // Nobody need send what is not taken.
    if told.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    Bytes::from_request(request, app).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return too_large();
        }
        Problem::new(Kind::Malformed, "the body broke off")
    })
}

/// Reads a JSON text of a known shape.
///
/// # Errors
///
/// What is wrong with it, and where.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if depth(bytes) > MOST_DEPTH {
        let detail = format!("the body has more than {MOST_DEPTH} levels");
        return Err(Problem::new(Kind::Malformed, detail).hint("write it flatter"));
    }
    // The reader takes a list for an object whose keys it has in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let detail = "the body is a list, and must be an object";
        return Err(Problem::new(Kind::Invalid, detail).at("").hint("write `{…}`"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = pointer(error.path());
        // The reader calls a number where a word belongs a mistake of syntax.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
        explain(error.inner(), is_json, Some(place))
    })?;
    reader.end().map_err(|error| explain(&error, false, None))?;
    Ok(value)
}

/// Levels of a body, itself the first.
const MOST_DEPTH: usize = 32;

/// Returns how deeply a JSON text is nested; of what is no JSON, at least as deeply as a parser would go.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let parts = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    });
    parts.collect()
}

fn explain(error: &serde_json::Error, is_json: bool, place: Option<String>) -> Problem {
    let message = error.to_string();
    if !is_json {
        return Problem::new(Kind::Malformed, format!("the body is no JSON: {message}"))
            .hint("write it as a JSON library does");
    }
    let detail = message.split(" at line ").next().unwrap_or(&message);
    Problem::new(Kind::Invalid, detail)
        .at(place.unwrap_or_default())
        .hint("`/api/v1/openapi.json` says what each body may say")
}

/// A body in JSON that holds a recording.
#[derive(Debug)]
pub(crate) struct LargeJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for LargeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        parse(&large_body(request, app, "application/json").await?).map(Self)
    }
}

/// A body of JSON lines.
#[derive(Debug)]
pub(crate) struct Lines(pub(crate) Bytes);

impl FromRequest<Arc<App>> for Lines {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        large_body(request, app, LINES).await.map(Self)
    }
}

/// The media type of JSON lines.
pub(crate) const LINES: &str = "application/x-ndjson";

/// Reads a body of one type, up to the limit of recordings.
async fn large_body(request: Request, app: &Arc<App>, taken: &str) -> Result<Bytes, Problem> {
    let found = media_type(request.headers());
    if found != taken {
        return Err(unsupported(&found, taken));
    }
    body_up_to(request, app, app.settings.limits.recording_bytes).await
}

/// A part of the path.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T> FromRequestParts<Arc<App>> for Named<T>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let unreadable = || Problem::new(Kind::Malformed, "the path is no text in UTF-8");
        let Path(text): Path<String> =
            Path::from_request_parts(parts, app).await.map_err(|_| unreadable())?;
        let name = text.parse().map_err(|error: T::Err| {
            Problem::not_found(format!("{error}"))
                .hint("ask for the list, which has the names of all")
        })?;
        Ok(Self(name))
    }
}

/// The query of an address.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let asked = Query::<T>::from_request_parts(parts, app).await.map_err(|rejection| {
            let text = rejection.body_text();
            let detail = text.rsplit_once("string: ").map_or(text.as_str(), |(_, detail)| detail);
            Problem::new(Kind::Malformed, format!("the query of the address: {detail}"))
                .hint("`/api/v1/openapi.json` says what each query may say")
        })?;
        Ok(Self(asked.0))
    }
}

/// What a client calls its request, so that it may be repeated.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

/// Characters of a key.
const MOST_KEY_CHARACTERS: usize = 200;

impl FromRequestParts<Arc<App>> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all("idempotency-key").iter();
        let (Some(first), next) = (given.next(), given.next()) else { return Ok(Self(None)) };
        let text = first
            .to_str()
            .ok()
            .map(unquoted)
            .filter(|text| (1..=MOST_KEY_CHARACTERS).contains(&text.len()) && next.is_none())
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
        let text = text.ok_or_else(|| {
            let detail = "`idempotency-key` is not one text of 1 to 200 visible characters";
            Problem::new(Kind::Malformed, detail).hint("send a UUID, a new one for each request")
        })?;
        Ok(Self(Some(text.to_owned())))
    }
}

/// The header's draft has it in quotes; most clients leave them out.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts() {
        let rows = [
            ("", 0),
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[{"b":1}]}"#, 3),
            (r#"{"a":"[[[[\"[["}"#, 1),
            (r#"["\\",[]]"#, 2),
            ("]]][", 1),
        ];
        for (text, expected) in rows {
            assert_eq!(depth(text.as_bytes()), expected, "{text}");
        }
    }
}
