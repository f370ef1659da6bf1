//! One connection to a store: who asks, whom to trust, and one request at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serin_model::{Credentials, HeaderText, Store, Tls};
use serin_sources::{Answer, AnswerError, Request, Source, Transport};
use tokio::sync::Semaphore;

use super::database::Database;
use super::failure::FetchFailure;
use super::limits::MOST_BYTES;
use super::secret::Secrets;
use super::signature::Signer;
use crate::error::RunError;
use crate::http::{
    BodyError, MOST_FAILURE_BYTES, Names, causes, client_builder, date, first_words, header,
    one_line, read_beginning, read_body, retry_after, without_query,
};
use crate::text_file::read_text;

/// A store, ready to be asked.
#[derive(Debug)]
pub(crate) struct StoreClient {
    client: Client,
    url: Url,
    source: &'static dyn Source,
    /// What every request carries, by the parameter's name.
    parameters: BTreeMap<String, String>,
    secrets: Secrets,
    signer: Option<Signer>,
    /// Asked in the place of the client, where the store is one.
    database: Option<Database>,
    timeout: Duration,
    /// Where requests wait for their turn, if others ask the same store.
    gate: Option<Arc<Semaphore>>,
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
        Self::with_names(store, source, folder, Names::default())
    }

    /// The same, with names that become addresses in some other way.
    ///
    /// # Errors
    ///
    /// [`RunError`] when a secret or a certificate cannot be used.
    pub(crate) fn with_names(
        store: &Store,
        source: &'static dyn Source,
        folder: &Path,
        names: Names,
    ) -> Result<Self, RunError> {
        let mut secrets = Secrets::default();
        let database = match source.transport() {
            Transport::Http => None,
            Transport::Postgres => Some(Database::new(store, folder, names.clone(), &mut secrets)?),
        };
        let headers = headers(store, folder, &mut secrets)?;
        let signer = Signer::of(store, source, folder, &mut secrets)?;
        let wrong = |problem: String| RunError::Connection { url: store.url.clone(), problem };
        let is_limited = names.are_limited();
        let mut builder = client_builder(authorities(&store.tls, folder)?, names)
            .default_headers(headers)
            .connect_timeout(store.limits.timeout.min(LONGEST_CONNECT))
            .timeout(store.limits.timeout);
        if is_limited {
            // A proxy would resolve the name itself.
            builder = builder.no_proxy();
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
        let mut url = Url::parse(&store.url).map_err(|error| wrong(error.to_string()))?;
        if !url.path().trim_end_matches('/').ends_with(source.prefix()) {
            url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), source.prefix()));
        }
        let usual = source.usual_parameters().iter();
        let mut parameters: BTreeMap<String, String> =
            usual.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        parameters.extend(store.parameters.clone());
        let timeout = store.limits.timeout;
        let gate = None;
        Ok(Self { client, url, source, parameters, secrets, signer, database, timeout, gate })
    }

    /// Has every request wait for its turn: all that go through one gate are in the order they came.
    pub(crate) fn behind(self, gate: Arc<Semaphore>) -> Self {
        Self { gate: Some(gate), ..self }
    }

    /// Asks once; an answer in parts is put together.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Received, FetchFailure> {
        let _turn = match &self.gate {
            // A gate is never closed.
            Some(gate) => gate.acquire().await.ok(),
            None => None,
        };
        let (mut whole, mut rest) = self.ask_for_part(request).await?;
        let mut parts = 1;
        while let Some(request) = rest {
            parts += 1;
            if whole.bytes > MOST_BYTES {
                return Err(FetchFailure::TooLarge { most: MOST_BYTES });
            }
            if parts > MOST_PARTS {
                return Err(FetchFailure::TooManyParts { most: MOST_PARTS });
            }
            let (part, next) = self.ask_for_part(&request).await?;
            whole.bytes += part.bytes;
            whole.answer.add(part.answer);
            rest = next;
        }
        Ok(whole)
    }

    async fn ask_for_part(
        &self,
        request: &Request,
    ) -> Result<(Received, Option<Request>), FetchFailure> {
        if let Some(database) = &self.database {
            return Ok((self.ask_database(database, request).await?, None));
        }
        let mut prepared = self.prepared(request).build().map_err(|error| self.lost(&error))?;
        if let Some(signer) = &self.signer {
            signer.sign(&mut prepared).map_err(|reason| FetchFailure::Unsigned { reason })?;
        }
        let response = self.client.execute(prepared).await.map_err(|error| self.lost(&error))?;
        let date = date(&response);
        let status = response.status();
        if status.is_redirection() {
            let to = header(&response, LOCATION).unwrap_or("nowhere in particular");
            return Err(FetchFailure::Redirected { to: self.shown(&without_query(to)) });
        }
        let content_type = header(&response, CONTENT_TYPE).map(str::to_owned);
        if status != StatusCode::OK {
            let retry_after = retry_after(&response);
            let body = read_beginning(response, MOST_FAILURE_BYTES).await;
            let body = self.without_secrets(&body);
            if self.source.is_absence(request, status.as_u16(), &body) {
                let nothing = Received { answer: Answer::default(), bytes: body.len(), date };
                return Ok((nothing, None));
            }
            let words = self.source.words(&body).unwrap_or_else(|| first_words(&body));
            let words = self.shown(&words);
            let is_throttled = self.source.is_throttled(&body);
            let hint = self.source.hint(status.as_u16(), &words);
            return Err(FetchFailure::Refused { status, words, retry_after, is_throttled, hint });
        }
        let body = self.body(response, MOST_BYTES).await?;
        let bytes = body.len();
        let mut answer = self.source.read(request, &body);
        // A server that repeats what it was sent repeats secrets, and an adapter may cut them.
        let quotes = answer.as_ref().map_or(true, |answer| !answer.notices.is_empty());
        if quotes {
            answer = self.source.read(request, &self.without_secrets(&body));
        }
        let answer = answer.map_err(|error| {
            let content_type = content_type.map(|text| self.shown(&text));
            self.no_answer(error, content_type)
        })?;
        let rest = self.source.rest(request, &body);
        Ok((Received { answer, bytes, date }, rest))
    }

    async fn ask_database(
        &self,
        database: &Database,
        request: &Request,
    ) -> Result<Received, FetchFailure> {
        let body = database.ask(request).await;
        let body = body.map_err(|failure| failure.with_words(|words| self.shown(words)))?;
        let answer = self.source.read(request, &body);
        let answer = answer.map_err(|error| self.no_answer(error, None))?;
        Ok(Received { answer, bytes: body.len(), date: None })
    }

    fn no_answer(&self, error: AnswerError, content_type: Option<String>) -> FetchFailure {
        let hint = match &error {
            AnswerError::Failed { words } => self.source.hint(StatusCode::OK.as_u16(), words),
            _ => None,
        };
        FetchFailure::NoAnswer { error, content_type, hint }
    }

    /// Asks what any store of the kind answers at once, and returns whether it did.
    pub(crate) async fn is_well(&self) -> bool {
        self.ask(&self.source.probe()).await.is_ok()
    }

    fn without_secrets(&self, body: &[u8]) -> Vec<u8> {
        self.secrets.hidden_in(&String::from_utf8_lossy(body)).into_bytes()
    }

    fn prepared(&self, request: &Request) -> RequestBuilder {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}", self.url.path().trim_end_matches('/'), request.path));
        let is_asked = |name: &str| request.parameters.iter().any(|(asked, _)| *asked == name);
        for (name, value) in self.parameters.iter().filter(|(name, _)| !is_asked(name)) {
            url.query_pairs_mut().append_pair(name, value);
        }
        if let Some(body) = &request.body {
            url.query_pairs_mut().extend_pairs(&request.parameters);
            let posted = self.client.post(url).body(body.text.clone());
            return body
                .headers
                .iter()
                .fold(posted, |posted, (name, text)| posted.header(*name, *text));
        }
        let length: usize = request.parameters.iter().map(|(_, value)| value.len()).sum();
        if length <= LONGEST_IN_URL || !self.source.takes_forms() {
            url.query_pairs_mut().extend_pairs(&request.parameters);
            self.client.get(url)
        } else {
            self.client.post(url).form(&request.parameters)
        }
    }

    async fn body(&self, response: Response, most: usize) -> Result<Vec<u8>, FetchFailure> {
        read_body(response, most).await.map_err(|error| match error {
            BodyError::Lost(error) => self.lost(&error),
            BodyError::TooLarge => FetchFailure::TooLarge { most },
        })
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
        one_line(&self.secrets.hidden_in(text))
    }
}

/// A store that hands out parts without end is left alone.
const MOST_PARTS: usize = 1000;

const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// Longer queries go into the body of a POST: proxies cut URLs from two kilobytes on.
const LONGEST_IN_URL: usize = 1500;

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
        // What is signed is signed request by request.
        Credentials::None | Credentials::Aws(_) => None,
        Credentials::Basic { username, password } => {
            let password = secrets.read(password, folder)?;
            Some(secrets.basic(username, &password))
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

fn secret_header(text: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the only authorities to trust, where the Check file names them.
fn authorities(tls: &Tls, folder: &Path) -> Result<Option<Vec<Certificate>>, RunError> {
    let Some(path) = &tls.authority else { return Ok(None) };
    let pem = pem_file(path, folder)?;
    let certificates = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
    if certificates.is_empty() {
        return Err(RunError::NoCertificate { path: path.clone() });
    }
    Ok(Some(certificates))
}

pub(crate) fn pem_file(path: &str, folder: &Path) -> Result<String, RunError> {
    read_text(&folder.join(path).to_string_lossy(), "certificate or key in PEM", MOST_PEM_BYTES)
}

const MOST_PEM_BYTES: u64 = 4 << 20;
