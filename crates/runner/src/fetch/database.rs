//! Stores that are asked by PostgreSQL's protocol.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use serin_model::{Credentials, Store, Tls};
use serin_sources::{MOST_ROWS, Request};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::client::pem_file;
use super::failure::FetchFailure;
use super::limits::MOST_BYTES;
use super::secret::Secrets;
use crate::authorities::{only_these, use_ring, usual_authorities};
use crate::error::RunError;
use crate::http::Names;

/// A database, and the connections to it that nobody uses.
pub(crate) struct Database {
    /// Everything but where it is.
    config: Config,
    host: String,
    names: Names,
    tls: MakeRustlsConnect,
    idle: Mutex<Vec<Client>>,
    timeout: Duration,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Database {
    /// Reads secrets and certificates, and prepares to ask. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`RunError`] when a secret or a certificate cannot be used.
    pub(crate) fn new(
        store: &Store,
        folder: &Path,
        names: Names,
        secrets: &mut Secrets,
    ) -> Result<Self, RunError> {
        let wrong = |problem: String| RunError::Connection { url: store.url.clone(), problem };
        let url = Url::parse(&store.url).map_err(|error| wrong(error.to_string()))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let mut config = Config::new();
        config
            .port(url.port().unwrap_or(DEFAULT_PORT))
            .application_name(concat!("serin/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(store.limits.timeout)
            .ssl_mode(ssl_mode(&url, &store.tls, host));
        let database = url.path().trim_matches('/');
        if !database.is_empty() {
            config.dbname(database);
        }
        if let Credentials::Basic { username, password } = &store.credentials {
            let password: SecretString = secrets.read(password, folder)?;
            config.user(username).password(password.expose_secret());
        }
        let tls = MakeRustlsConnect::new(tls_config(&store.tls, folder, wrong)?);
        Ok(Self {
            config,
            host: host.to_owned(),
            names,
            tls,
            idle: Mutex::default(),
            timeout: store.limits.timeout,
        })
    }

    /// Asks once, and returns the rows as JSON.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Vec<u8>, FetchFailure> {
        let statement = request.body.as_ref().map_or("", |body| body.text.as_str());
        let asking = async {
            let mut client = self.client().await?;
            let rows = self.rows(&mut client, statement, &request.parameters).await?;
            self.idle.lock().await.push(client);
            Ok(rows)
        };
        // The server stops by itself as well, so that it does not go on for nobody.
        let patience = self.timeout + Duration::from_millis(500);
        timeout(patience, asking).await.unwrap_or(Err(FetchFailure::TimedOut(self.timeout)))
    }

    async fn client(&self) -> Result<Client, FetchFailure> {
        while let Some(client) = self.idle.lock().await.pop() {
            if !client.is_closed() {
                return Ok(client);
            }
        }
        // The driver itself would ask the C library.
        let addresses =
            match self.host.parse::<IpAddr>() {
                Ok(address) => vec![address],
                Err(_) => self.names.addresses(&self.host).await.map_err(|error| {
                    FetchFailure::Unreachable { reason: format!("DNS: {error}") }
                })?,
            };
        let mut config = self.config.clone();
        for address in addresses {
            config.host(&self.host).hostaddr(address);
        }
        let connected = config.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| self.failure(&error))?;
        // It ends with the client, and whoever asks is told why.
        tokio::spawn(connection);
        Ok(client)
    }

    async fn rows(
        &self,
        client: &mut Client,
        statement: &str,
        parameters: &[(&'static str, String)],
    ) -> Result<Vec<u8>, FetchFailure> {
        let failure = |error: Error| self.failure(&error);
        let transaction = client.build_transaction().read_only(true).start();
        let transaction = transaction.await.map_err(failure)?;
        let limit = format!("set local statement_timeout = {}", self.timeout.as_millis());
        transaction.batch_execute(&limit).await.map_err(failure)?;
        let statement = transaction.prepare(statement).await.map_err(failure)?;
        let values: Vec<Value<'_>> = parameters.iter().map(Value::of).collect();
        let values = values.iter().map(Value::as_parameter);
        let rows = transaction.query_raw(&statement, values).await.map_err(failure)?;
        let mut rows = std::pin::pin!(rows);
        let mut json = String::from("[");
        let mut number = 0;
        while let Some(row) = rows.try_next().await.map_err(failure)? {
            number += 1;
            if number > MOST_ROWS {
                return Err(FetchFailure::TooManyRows { most: MOST_ROWS });
            }
            if json.len() > MOST_BYTES {
                return Err(FetchFailure::TooLarge { most: MOST_BYTES });
            }
            if number > 1 {
                json.push(',');
            }
            write_row(&mut json, &row).map_err(failure)?;
        }
        json.push(']');
        transaction.rollback().await.map_err(failure)?;
        Ok(json.into_bytes())
    }

    fn failure(&self, error: &Error) -> FetchFailure {
        let reason = || causes(error);
        if let Some(told) = error.as_db_error() {
            if *told.code() == SqlState::QUERY_CANCELED {
                return FetchFailure::TimedOut(self.timeout);
            }
            let hint = told.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            return FetchFailure::Statement {
                words: format!("{}: {}{hint}", told.severity(), told.message()),
                code: told.code().code().to_owned(),
            };
        }
        if reason().contains("certificate") || reason().contains("received fatal alert") {
            FetchFailure::Untrusted { reason: reason() }
        } else if error.is_closed() {
            FetchFailure::BrokeOff { reason: reason() }
        } else {
            FetchFailure::Unreachable { reason: reason() }
        }
    }
}

const DEFAULT_PORT: u16 = 5432;

/// A value that is bound.
enum Value<'a> {
    Text(&'a str),
    Number(f64),
}

impl<'a> Value<'a> {
    fn of((kind, text): &'a (&'static str, String)) -> Self {
        match *kind {
            "float8" => Self::Number(text.parse().unwrap_or(f64::NAN)),
            _ => Self::Text(text),
        }
    }

    fn as_parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number,
        }
    }
}

/// Writes seconds, a number and the labels, which are JSON already.
fn write_row(json: &mut String, row: &Row) -> Result<(), Error> {
    let time: Option<f64> = row.try_get(0)?;
    let value: Option<f64> = row.try_get(1)?;
    let labels: Option<&str> = row.try_get(2)?;
    let number = |number: Option<f64>| match number {
        None => "null".to_owned(),
        Some(number) if number.is_finite() => number.to_string(),
        Some(number) => format!("\"{number}\""),
    };
    let labels = labels.unwrap_or("{}");
    let _ = write!(json, "[{},{},{labels}]", number(time), number(value));
    Ok(())
}

/// Says what went wrong down to its cause.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Passwords and data go through TLS, unless they stay on this machine or somebody says otherwise.
fn ssl_mode(url: &Url, tls: &Tls, host: &str) -> SslMode {
    let is_off = url.query_pairs().any(|(name, value)| name == "sslmode" && value == "disable");
    let address = host.parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    if is_off || (is_here && *tls == Tls::default()) { SslMode::Disable } else { SslMode::Require }
}

fn tls_config(
    tls: &Tls,
    folder: &Path,
    wrong: impl Fn(String) -> RunError,
) -> Result<ClientConfig, RunError> {
    let roots = match &tls.authority {
        Some(path) => only_these(pem_file(path, folder)?.as_bytes())
            .ok_or_else(|| RunError::NoCertificate { path: path.clone() })?,
        None => usual_authorities(),
    };
    use_ring();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let Some(client) = &tls.client else { return Ok(builder.with_no_client_auth()) };
    let (certificate, key) =
        (pem_file(&client.certificate, folder)?, pem_file(&client.key, folder)?);
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).filter_map(Result::ok).collect();
    let unusable = |why: String| {
        let paths = format!("`{}` and `{}`", client.certificate, client.key);
        wrong(format!("{paths} are no certificate and key in PEM: {why}"))
    };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| unusable(error.to_string()))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| unusable(error.to_string()))
}
