//! HTTP as serin speaks it: whom to trust, how names become addresses, how much is read.

mod egress;
mod resolver;

use std::error::Error;
use std::time::Duration;

use reqwest::header::{DATE, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response};

use crate::moment::parse_http_date;
pub use egress::Egress;
pub(crate) use egress::HostVerdict;
pub(crate) use resolver::Names;

/// Returns a builder of clients that follow no redirect: secrets would go with them.
///
/// * `authorities`: the only ones to trust. Without any the machine's own are, and where it has none,
///   as in an empty container, those that are built in.
/// * `names`: how names become addresses.
pub(crate) fn client_builder(authorities: Option<Vec<Certificate>>, names: Names) -> ClientBuilder {
    // A second call finds the provider of the first, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .dns_resolver(names);
    let authorities = authorities.or_else(|| {
        let has_own = !rustls_native_certs::load_native_certs().certs.is_empty();
        (!has_own).then(built_in_authorities)
    });
    match authorities {
        Some(authorities) => builder.tls_certs_only(authorities),
        None => builder,
    }
}

fn built_in_authorities() -> Vec<Certificate> {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    certificates.filter_map(|certificate| Certificate::from_der(certificate).ok()).collect()
}

/// Of a failure's body no more is read than holds its reason.
pub(crate) const MOST_FAILURE_BYTES: usize = 64 << 10;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The connection was lost.
    Lost(reqwest::Error),
    /// It is too large.
    TooLarge,
}

/// Reads a body of at most `most` bytes, unpacked.
pub(crate) async fn read_body(mut response: Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Lost)? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads the beginning of a body, of which no more than that is wanted.
pub(crate) async fn read_beginning(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == most {
            break;
        }
    }
    body
}

/// Returns the text of a header.
pub(crate) fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// Returns what a server's clock says, in milliseconds since the Unix epoch.
pub(crate) fn date(response: &Response) -> Option<i64> {
    header(response, DATE).and_then(parse_http_date)
}

/// Returns how long a server asks to be left alone: seconds, or until a date by its own clock.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let Some(text) = header(response, RETRY_AFTER) else { return until_reset(response) };
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let millis = parse_http_date(text)?.checked_sub(date(response)?)?;
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

/// Returns how long it takes until a limit of rate is lifted, as Datadog says it, in seconds. Others
/// say the moment itself, which is no length of time.
fn until_reset(response: &Response) -> Option<Duration> {
    let seconds = header(response, RATE_LIMIT_RESET)?.trim().parse::<u64>().ok()?;
    (seconds <= LONGEST_PERIOD).then(|| Duration::from_secs(seconds))
}

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A day, in seconds.
const LONGEST_PERIOD: u64 = 24 * 3600;

/// An address may carry secrets behind its `?`, and a user before its `@`.
pub(crate) fn without_query(location: &str) -> String {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    match (path.find("://"), path.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &path[..scheme + 3], &path[at + 1..])
        }
        _ => path.to_owned(),
    }
}

/// Returns the beginning of a body that is a text.
pub(crate) fn first_words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let visible: String = without_tags(&text);
    if visible.trim().is_empty() { "no reason given".to_owned() } else { visible }
}

/// Leaves the tags out of what proxies answer in HTML.
fn without_tags(text: &str) -> String {
    let mut visible = String::new();
    let mut inside = false;
    for character in text.chars() {
        match character {
            '<' => inside = true,
            '>' => {
                inside = false;
                visible.push(' ');
            }
            other if !inside => visible.push(other),
            _ => {}
        }
    }
    visible
}

/// Cuts what somebody else said, and cleans it of what steers a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let clean = |character: char| if character.is_control() { ' ' } else { character };
    let text: String = text.chars().map(clean).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// In characters.
const LONGEST_WORDS: usize = 300;

/// Says what went wrong down to its cause, without the address that every error repeats.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next: Option<&dyn Error> = error.source();
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    // The last cause says it; those before it repeat it.
    match causes.as_slice() {
        [] => error.to_string().split(" for url").next().unwrap_or_default().to_owned(),
        [only] => only.clone(),
        [.., before, last] if before.contains(last.as_str()) => before.clone(),
        [.., before, last] => format!("{before}: {last}"),
    }
}
