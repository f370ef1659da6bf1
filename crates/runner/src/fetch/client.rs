//! One connection to a store: who asks, whom to trust, and one request at a time.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serin_model::{Credentials, HeaderText, Store, Tls};
use serin_sources::{Answer, Request, Source};

use super::failure::FetchFailure;
use super::limits::{MOST_BYTES, MOST_FAILURE_BYTES};
use super::resolver::SystemNames;
use super::secret::Secrets;
use crate::error::RunError;
use crate::moment::parse_http_date;
use crate::text_file::read_text;

/// A store, ready to be asked.
#[derive(Debug)]
pub(crate) struct StoreClient {
    client: Client,
    url: Url,
    source: &'static dyn Source,
    secrets: Secrets,
    timeout: Duration,
}

/// An answer, and what came with it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) answer: Answer,
    /// How many bytes it had, unpacked.
    pub(crate) bytes: usize,
    /// What the store's clock said, in milliseconds since the Unix epoch.
    pub(crate) date: Option<i64>,
}

impl StoreClient {
    /// Reads secrets and certificates, and prepares to ask. Nothing is sent yet.
    ///
    /// * `folder`: where paths start, that of the Check file.
    ///
    /// # Errors
    ///
    /// [`RunError`] when a secret or a certificate cannot be used.
    pub(crate) fn new(
        store: &Store,
        source: &'static dyn Source,
        folder: &Path,
    ) -> Result<Self, RunError> {
        let mut secrets = Secrets::default();
        let headers = headers(store, folder, &mut secrets)?;
        let wrong = |problem: String| RunError::Connection { url: store.url.clone(), problem };
        // A second call finds the provider of the first, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(Policy::none())
            .connect_timeout(store.limits.timeout.min(LONGEST_CONNECT))
            .timeout(store.limits.timeout)
            .dns_resolver(SystemNames::default());
        if let Some(authorities) = authorities(&store.tls, folder)? {
            builder = builder.tls_certs_only(authorities);
        }
        if let Some(client) = &store.tls.client {
            let mut pem = Vec::new();
            for path in [&client.certificate, &client.key] {
                pem.extend_from_slice(pem_file(path, folder)?.as_bytes());
                pem.push(b'\n');
            }
            let identity = Identity::from_pem(&pem).map_err(|error| {
                let paths = format!("`{}` and `{}`", client.certificate, client.key);
                wrong(format!("{paths} are no certificate and key in PEM: {}", causes(&error)))
            })?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|error| wrong(causes(&error)))?;
        let url = Url::parse(&store.url).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { client, url, source, secrets, timeout: store.limits.timeout })
    }

    /// Asks once.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Received, FetchFailure> {
        let response = self.prepared(request).send().await.map_err(|error| self.lost(&error))?;
        let date = header(&response, DATE).and_then(parse_http_date);
        let status = response.status();
        if status.is_redirection() {
            let to = header(&response, LOCATION).unwrap_or("nowhere in particular");
            return Err(FetchFailure::Redirected { to: self.shown(&without_query(to)) });
        }
        let content_type = header(&response, CONTENT_TYPE).map(str::to_owned);
        if !status.is_success() {
            let retry_after = header(&response, RETRY_AFTER).and_then(|text| patience(text, date));
            let body = self.body(response, MOST_FAILURE_BYTES).await.unwrap_or_default();
            let words = self.source.words(&body).unwrap_or_else(|| first_words(&body));
            let words = self.shown(&words);
            return Err(FetchFailure::Refused { status, words, retry_after });
        }
        let body = self.body(response, MOST_BYTES).await?;
        let answer = self
            .source
            .read(request, &body)
            .map_err(|error| FetchFailure::NoAnswer { error, content_type })?;
        Ok(Received { answer, bytes: body.len(), date })
    }

    fn prepared(&self, request: &Request) -> RequestBuilder {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}", self.url.path().trim_end_matches('/'), request.path));
        let length: usize = request.parameters.iter().map(|(_, value)| value.len()).sum();
        if length <= LONGEST_IN_URL {
            url.query_pairs_mut().extend_pairs(&request.parameters);
            self.client.get(url)
        } else {
            self.client.post(url).form(&request.parameters)
        }
    }

    /// Reads a body to its end, or until it is too large.
    async fn body(&self, mut response: Response, most: usize) -> Result<Vec<u8>, FetchFailure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            if body.len() + chunk.len() > most {
                return Err(FetchFailure::TooLarge { most });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn lost(&self, error: &reqwest::Error) -> FetchFailure {
        if error.is_timeout() {
            return FetchFailure::TimedOut(self.timeout);
        }
        let reason = self.shown(&causes(error));
        // The library of TLS says so in words alone.
        let of_trust = ["invalid peer certificate", "received fatal alert"];
        if of_trust.into_iter().any(|words| reason.contains(words)) {
            FetchFailure::Untrusted { reason }
        } else if error.is_connect() {
            FetchFailure::Unreachable { reason }
        } else {
            FetchFailure::BrokeOff { reason }
        }
    }

    /// Cuts and cleans what somebody else said.
    fn shown(&self, text: &str) -> String {
        let clean = |character: char| if character.is_control() { ' ' } else { character };
        let text: String = self.secrets.hidden_in(text).chars().map(clean).collect();
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        match text.char_indices().nth(LONGEST_WORDS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// Longer queries go into the body of a POST: proxies cut URLs from two kilobytes on.
const LONGEST_IN_URL: usize = 1500;

/// In characters.
const LONGEST_WORDS: usize = 300;

fn headers(store: &Store, folder: &Path, secrets: &mut Secrets) -> Result<HeaderMap, RunError> {
    let mut headers = HeaderMap::new();
    for (name, text) in &store.headers {
        let wrong = || RunError::Connection {
            url: store.url.clone(),
            problem: format!("the header `{name}` cannot be sent"),
        };
        let value = match text {
            HeaderText::Plain(text) => HeaderValue::from_str(text).map_err(|_| wrong())?,
            HeaderText::Secret(secret) => {
                secret_header(&secrets.read(secret, folder)?).ok_or_else(wrong)?
            }
        };
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    let proof = match &store.credentials {
        Credentials::None => None,
        Credentials::Basic { username, password } => {
            let password = secrets.read(password, folder)?;
            Some(basic(username, &password))
        }
        Credentials::Bearer(token) => {
            let token = secrets.read(token, folder)?;
            Some(SecretString::from(format!("Bearer {}", token.expose_secret())))
        }
    };
    if let Some(proof) = proof {
        let value = secret_header(&proof).ok_or_else(|| RunError::Connection {
            url: store.url.clone(),
            problem: "the credentials have characters that a header cannot hold".to_owned(),
        })?;
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn basic(username: &str, password: &SecretString) -> SecretString {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let both = format!("{username}:{}", password.expose_secret());
    SecretString::from(format!("Basic {}", STANDARD.encode(both)))
}

fn secret_header(text: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the authorities to trust: those of the Check file, or the bundled ones where the machine
/// has none. `None` is the machine's own.
fn authorities(tls: &Tls, folder: &Path) -> Result<Option<Vec<Certificate>>, RunError> {
    if let Some(path) = &tls.authority {
        let pem = pem_file(path, folder)?;
        let certificates = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if certificates.is_empty() {
            return Err(RunError::NoCertificate { path: path.clone() });
        }
        return Ok(Some(certificates));
    }
    if !rustls_native_certs::load_native_certs().certs.is_empty() {
        return Ok(None);
    }
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    Ok(Some(bundled.filter_map(|certificate| Certificate::from_der(certificate).ok()).collect()))
}

fn pem_file(path: &str, folder: &Path) -> Result<String, RunError> {
    read_text(&folder.join(path).to_string_lossy(), "certificate or key in PEM", MOST_PEM_BYTES)
}

const MOST_PEM_BYTES: u64 = 4 << 20;

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// Reads a `Retry-After`: seconds, or a date by the server's own clock.
fn patience(text: &str, now: Option<i64>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let millis = parse_http_date(text)?.checked_sub(now?)?;
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

/// An address may carry secrets behind its `?`, and a user before its `@`.
fn without_query(location: &str) -> String {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    match (path.find("://"), path.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &path[..scheme + 3], &path[at + 1..])
        }
        _ => path.to_owned(),
    }
}

/// Returns the beginning of a body that is a text.
fn first_words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let visible: String = without_tags(&text);
    if visible.trim().is_empty() { "no reason given".to_owned() } else { visible }
}

/// Leaves the tags out of what proxies answer in HTML.
fn without_tags(text: &str) -> String {
    let mut visible = String::new();
    let mut inside = false;
    for character in text.chars().take(MOST_FAILURE_BYTES) {
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

/// Says what went wrong down to its cause, without the address that every error repeats.
fn causes(error: &reqwest::Error) -> String {
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
