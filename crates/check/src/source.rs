//! The key `source`: where the metrics are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serin_model::{
    AwsKey, ClientCertificate, CounterForm, Credentials, FetchLimits, FileError, HeaderText, Place,
    Secret, Source, Store, Tls,
};
use serin_sources::{SOURCES, Transport, source_named};
use url::Url;

use crate::read::Reader;
use crate::scalar::{Placed, Span};

/// Where the metrics are: exactly one source.
#[derive(Clone, Debug, Default)]
pub(crate) enum SourceEntry {
    /// None is named.
    #[default]
    Nothing,
    /// A recording.
    File(FileSourceEntry),
    /// A store of the kind that is named.
    Store(&'static str, Box<StoreEntry>),
}

/// A recording: CSV or JSON lines, gzipped or not, or Parquet.
#[derive(Clone, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSourceEntry {
    /// The file, relative to the Check file; `-` is standard input.
    path: Placed<String>,
    /// How counters were recorded: `increments` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counters: Option<CounterFormEntry>,
}

/// How counters were recorded.
#[derive(Clone, Copy, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CounterFormEntry {
    /// Each value is the count since the one before.
    Increments,
    /// Each value is a running total, as a scrape sees it.
    Cumulative,
}

/// A store that is asked over a network.
#[derive(Clone, Debug, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreEntry {
    /// Its address, such as `http://prometheus:9090`; a path in it stands before that of the API.
    url: Placed<String>,
    /// The user's name for basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<Placed<String>>,
    /// The password for basic authentication: where it is, never the password itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<Placed<SecretEntry>>,
    /// The token for bearer authentication: where it is, never the token itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Placed<SecretEntry>>,
    /// The key of AWS by which requests are signed, for AWS's own stores: that of the environment unless
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aws: Option<Placed<AwsEntry>>,
    /// Headers that every request carries, such as `X-Scope-OrgID: team-a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<Placed<BTreeMap<String, Placed<HeaderEntry>>>>,
    /// Parameters that every request carries, such as `db: telegraf` for `InfluxDB`. No secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<Placed<BTreeMap<String, Placed<ParameterEntry>>>>,
    /// What a TLS connection needs beyond the machine's own certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<Placed<TlsEntry>>,
    /// How many requests may be under way at one moment: 4 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_flight: Option<Placed<u32>>,
    /// How long one request may take: 30s unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Placed<Span>>,
    /// How often a request is made again after a failure that may pass: 3 times unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retries: Option<Placed<u32>>,
    /// How long all requests of one analysis may take together: 5m unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<Placed<Span>>,
}

/// A key of AWS: what is not said is read from the environment variables that AWS's own tools read.
#[derive(Clone, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AwsEntry {
    /// The region, such as `eu-west-1`: that of the address unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Placed<String>>,
    /// Where the name of the key is: `{env: AWS_ACCESS_KEY_ID}` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_key_id: Option<Placed<SecretEntry>>,
    /// Where the key is: `{env: AWS_SECRET_ACCESS_KEY}` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<Placed<SecretEntry>>,
    /// Where the token of a session is: in `AWS_SESSION_TOKEN`, if that is set, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_token: Option<Placed<SecretEntry>>,
}

/// Where a secret is: exactly one of the two.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["env"]}, {"required": ["file"]}]))]
struct SecretEntry {
    /// An environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    /// A file, relative to the Check file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// The text of a header: as written, or where it is if it is a secret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum HeaderEntry {
    Plain(String),
    Secret(SecretEntry),
}

/// The value of a parameter, as its text: a number and `true` are as well written without quotes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(extend("type" = ["string", "integer", "boolean"]))]
struct ParameterEntry(String);

/// What a TLS connection needs beyond the machine's own certificates: files in PEM, relative to the
/// Check file.
#[derive(Clone, Debug, Default, serde::Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TlsEntry {
    /// The only authorities to trust, in place of the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<Placed<String>>,
    /// The client's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Placed<String>>,
    /// The private key of the client's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Placed<String>>,
}

/// The names under which a source can be written.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    std::iter::once(FILE).chain(SOURCES.iter().map(|source| source.name())).collect()
});

const FILE: &str = "file";

impl<'de> Deserialize<'de> for SourceEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = SourceEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SourceEntry, A::Error> {
        let mut entry = SourceEntry::Nothing;
        while let Some(name) = map.next_key::<String>()? {
            if !matches!(entry, SourceEntry::Nothing) {
                return Err(A::Error::custom(format!(
                    "a second source, `{name}`\nkeep one of them: an analysis reads one source"
                )));
            }
            let known = NAMES.iter().copied().find(|known| *known == name);
            entry = match known {
                None => return Err(A::Error::unknown_field(&name, &NAMES)),
                Some(FILE) => SourceEntry::File(map.next_value()?),
                Some(kind) => SourceEntry::Store(kind, map.next_value()?),
            };
        }
        Ok(entry)
    }
}

impl Serialize for SourceEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Nothing => {}
            Self::File(file) => map.serialize_entry(FILE, file)?,
            Self::Store(kind, store) => map.serialize_entry(kind, store)?,
        }
        map.end()
    }
}

impl JsonSchema for SourceEntry {
    fn schema_name() -> Cow<'static, str> {
        "SourceEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        properties.insert(FILE.to_owned(), generator.subschema_for::<FileSourceEntry>().into());
        for source in SOURCES {
            let mut store = generator.subschema_for::<StoreEntry>();
            store.insert("description".to_owned(), source.about().into());
            properties.insert(source.name().to_owned(), store.into());
        }
        json_schema!({
            "description": "Where the metrics are: exactly one source.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

impl<'de> Deserialize<'de> for SecretEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match HeaderEntry::deserialize(deserializer)? {
            HeaderEntry::Secret(secret) => Ok(secret),
            HeaderEntry::Plain(_) => Err(D::Error::custom(format!(
                "{SECRET_IN_FILE}\nsay where it is instead: {SECRET_EXAMPLE}"
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for HeaderEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = HeaderEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or where it is")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HeaderEntry, E> {
        Ok(HeaderEntry::Plain(text.to_owned()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<HeaderEntry, E> {
        Ok(HeaderEntry::Plain(number.to_string()))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<HeaderEntry, E> {
        Ok(HeaderEntry::Plain(number.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderEntry, A::Error> {
        let mut entry = SecretEntry::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "env" => entry.env = Some(map.next_value()?),
                "file" => entry.file = Some(map.next_value()?),
                other => return Err(A::Error::unknown_field(other, &["env", "file"])),
            }
        }
        Ok(HeaderEntry::Secret(entry))
    }
}

impl<'de> Deserialize<'de> for ParameterEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParameterVisitor)
    }
}

struct ParameterVisitor;

impl Visitor<'_> for ParameterVisitor {
    type Value = ParameterEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number or a boolean")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ParameterEntry, E> {
        Ok(ParameterEntry(text.to_owned()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<ParameterEntry, E> {
        Ok(ParameterEntry(number.to_string()))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<ParameterEntry, E> {
        Ok(ParameterEntry(number.to_string()))
    }

    fn visit_bool<E: serde::de::Error>(self, is: bool) -> Result<ParameterEntry, E> {
        Ok(ParameterEntry(is.to_string()))
    }
}

/// An error that says so does not show its line.
pub(crate) const SECRET_IN_FILE: &str = "a secret stands in the file";

const SECRET_EXAMPLE: &str = "`{env: PROMETHEUS_TOKEN}` or `{file: /run/secrets/token}`";

impl Reader<'_> {
    /// Reads the key `source`.
    pub(crate) fn source(
        &self,
        entry: Option<&Placed<SourceEntry>>,
    ) -> Result<Option<Source>, FileError> {
        let Some(Placed { value, place, .. }) = entry else { return Ok(None) };
        match value {
            SourceEntry::Nothing => self.fail(
                *place,
                "`source` names no source",
                "write `source: {prometheus: {url: http://prometheus:9090}}`, or `source: {file: \
                 {path: recording.csv}}`, or leave it out and give `--data`",
            ),
            SourceEntry::File(entry) => {
                self.not_blank("path", &entry.path)?;
                let counters = match entry.counters {
                    Some(CounterFormEntry::Cumulative) => CounterForm::Cumulative,
                    Some(CounterFormEntry::Increments) => CounterForm::Increments,
                    None => CounterForm::Unstated,
                };
                Ok(Some(Source::File { path: entry.path.value.clone(), counters }))
            }
            SourceEntry::Store(kind, entry) => {
                Ok(Some(Source::Store(Box::new(self.store(kind, entry)?))))
            }
        }
    }

    fn store(&self, kind: &str, entry: &StoreEntry) -> Result<Store, FileError> {
        self.refuse_keys_of_http(kind, entry)?;
        Ok(Store {
            kind: kind.to_owned(),
            url: self.url(kind, &entry.url)?,
            credentials: self.credentials(kind, entry)?,
            headers: self.headers(entry)?,
            parameters: self.parameters(entry)?,
            tls: self.tls(entry.tls.as_ref())?,
            limits: self.limits(entry)?,
        })
    }

    /// What no request could carry would be read and then forgotten.
    fn refuse_keys_of_http(&self, kind: &str, entry: &StoreEntry) -> Result<(), FileError> {
        if transport(kind) == Transport::Http {
            return Ok(());
        }
        let written = [
            ("token", entry.token.as_ref().map(|token| token.place)),
            ("headers", entry.headers.as_ref().map(|headers| headers.place)),
            ("parameters", entry.parameters.as_ref().map(|parameters| parameters.place)),
        ];
        match written.into_iter().find_map(|(key, place)| Some((key, place?))) {
            None => Ok(()),
            Some((key, place)) => self.fail(
                place,
                &format!("`{key}` is of HTTP, and `{kind}` is asked by a protocol of its own"),
                "leave it out; who asks is `username: …` with `password: {env: …}`",
            ),
        }
    }

    fn url(&self, kind: &str, url: &Placed<String>) -> Result<String, FileError> {
        checked_url(kind, &url.value)
            .map_err(|(problem, hint)| self.unseen(url.place, &problem, hint))
    }

    fn credentials(&self, kind: &str, entry: &StoreEntry) -> Result<Credentials, FileError> {
        if source_named(kind).is_some_and(|source| source.signed_for().is_some()) {
            return self.aws_credentials(entry);
        }
        if let Some(Placed { place, .. }) = &entry.aws {
            return self.fail(
                *place,
                &format!("`aws` is a key of AWS, and `{kind}` is none of its stores"),
                "leave it out, or write `cloudwatch` or `amazon_managed_prometheus`",
            );
        }
        match (&entry.username, &entry.password, &entry.token) {
            (None, None, None) => Ok(Credentials::None),
            (Some(username), Some(password), None) => {
                self.not_blank("username", username)?;
                let password = self.secret(password)?;
                Ok(Credentials::Basic { username: username.value.clone(), password })
            }
            (None, None, Some(token)) => Ok(Credentials::Bearer(self.secret(token)?)),
            (Some(Placed { place, .. }), None, None) => self.fail(
                *place,
                "`username` without `password`",
                "add where the password is: `password: {env: PROMETHEUS_PASSWORD}`",
            ),
            (None, Some(Placed { place, .. }), None) => self.fail(
                *place,
                "`password` without `username`",
                "add `username: …`, or write `token` for a bearer token",
            ),
            (_, _, Some(Placed { place, .. })) => self.fail(
                *place,
                "`token` beside `username` or `password`",
                "keep one way to prove who asks: `token`, or `username` with `password`",
            ),
        }
    }

    /// Requests to AWS are signed, and prove in no other way who asks.
    fn aws_credentials(&self, entry: &StoreEntry) -> Result<Credentials, FileError> {
        let other = [
            entry.username.as_ref().map(|username| username.place),
            entry.password.as_ref().map(|password| password.place),
            entry.token.as_ref().map(|token| token.place),
        ];
        if let Some(place) = other.into_iter().flatten().next() {
            return self.fail(
                place,
                "requests to AWS are signed, and carry no password and no token",
                "leave it out, or say where a key is: `aws: {access_key_id: …, secret_access_key: …}`",
            );
        }
        let Some(Placed { value: aws, place, .. }) = &entry.aws else {
            return Ok(Credentials::Aws(Box::default()));
        };
        let secret = |it: &Option<Placed<SecretEntry>>| {
            it.as_ref().map(|secret| self.secret(secret)).transpose()
        };
        if let Some(region) = &aws.region {
            self.not_blank("region", region)?;
        }
        let key = match (secret(&aws.access_key_id)?, secret(&aws.secret_access_key)?) {
            (None, None) => None,
            (Some(name), Some(key)) => Some((name, key)),
            _ => {
                return self.fail(
                    *place,
                    "one half of a key of AWS",
                    "write `access_key_id` and `secret_access_key`, or neither of them",
                );
            }
        };
        Ok(Credentials::Aws(Box::new(AwsKey {
            region: aws.region.as_ref().map(|region| region.value.clone()),
            key,
            session_token: secret(&aws.session_token)?,
        })))
    }

    fn secret(&self, secret: &Placed<SecretEntry>) -> Result<Secret, FileError> {
        self.place_of_secret(&secret.value, secret.place)
    }

    fn place_of_secret(
        &self,
        secret: &SecretEntry,
        place: Option<Place>,
    ) -> Result<Secret, FileError> {
        match secret {
            SecretEntry { env: Some(name), file: None } if is_variable_name(name) => {
                Ok(Secret::Environment(name.clone()))
            }
            SecretEntry { env: Some(_), file: None } => self.fail(
                place,
                "`env` names no environment variable",
                "write its name: letters, digits and `_`, without a `$`",
            ),
            SecretEntry { env: None, file: Some(path) } if !path.trim().is_empty() => {
                Ok(Secret::File(path.clone()))
            }
            _ => self.fail(
                place,
                "it is not said where the secret is",
                &format!("write one of {SECRET_EXAMPLE}"),
            ),
        }
    }

    fn headers(&self, entry: &StoreEntry) -> Result<BTreeMap<String, HeaderText>, FileError> {
        let mut headers = BTreeMap::new();
        let entries = entry.headers.as_ref().map(|headers| &headers.value);
        for (name, text) in entries.into_iter().flatten() {
            let lower = name.to_ascii_lowercase();
            if !is_header_name(name) || OF_THE_CONNECTION.contains(&lower.as_str()) {
                return self.fail(
                    text.place,
                    &format!("`{name}` is no header that can be set"),
                    "write a header of your own, such as `X-Scope-OrgID: team-a`",
                );
            }
            let text = match &text.value {
                HeaderEntry::Secret(secret) => {
                    HeaderText::Secret(self.place_of_secret(secret, text.place)?)
                }
                HeaderEntry::Plain(_) if SECRET_HEADERS.contains(&lower.as_str()) => {
                    return Err(self.unseen(
                        text.place,
                        &format!("the header `{name}` is a secret, and stands in the file"),
                        &format!("say where it is instead: {SECRET_EXAMPLE}"),
                    ));
                }
                HeaderEntry::Plain(plain) if plain.chars().any(char::is_control) => {
                    return self.fail(
                        text.place,
                        &format!("the header `{name}` has a line break or a control character"),
                        "write it on one line",
                    );
                }
                HeaderEntry::Plain(plain) => HeaderText::Plain(plain.clone()),
            };
            headers.insert(name.clone(), text);
        }
        Ok(headers)
    }

    fn parameters(&self, entry: &StoreEntry) -> Result<BTreeMap<String, String>, FileError> {
        let mut parameters = BTreeMap::new();
        let entries = entry.parameters.as_ref().map(|parameters| &parameters.value);
        for (name, Placed { value: ParameterEntry(text), place, .. }) in
            entries.into_iter().flatten()
        {
            if SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(self.unseen(
                    *place,
                    &format!("the parameter `{name}` is a secret, and would stand in every address"),
                    "write `username: …` and `password: {env: STORE_PASSWORD}`, a `token`, or a header",
                ));
            }
            if name.trim().is_empty() || text.chars().any(char::is_control) {
                return self.fail(
                    *place,
                    &format!("the parameter `{name}` has no name, or a line break in it"),
                    "write it on one line, such as `parameters: {db: telegraf}`",
                );
            }
            parameters.insert(name.clone(), text.clone());
        }
        Ok(parameters)
    }

    fn tls(&self, entry: Option<&Placed<TlsEntry>>) -> Result<Tls, FileError> {
        let Some(Placed { value: entry, place, .. }) = entry else { return Ok(Tls::default()) };
        for path in [&entry.authority, &entry.certificate, &entry.key].into_iter().flatten() {
            self.not_blank("authority", path)?;
        }
        let client = match (&entry.certificate, &entry.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(ClientCertificate {
                certificate: certificate.value.clone(),
                key: key.value.clone(),
            }),
            _ => {
                return self.fail(
                    *place,
                    "a client's certificate and its key belong together, and one is missing",
                    "write `tls: {certificate: client.pem, key: client-key.pem}`",
                );
            }
        };
        Ok(Tls { authority: entry.authority.as_ref().map(|path| path.value.clone()), client })
    }

    fn limits(&self, entry: &StoreEntry) -> Result<FetchLimits, FileError> {
        let usual = FetchLimits::default();
        let in_flight = match &entry.in_flight {
            None => usual.in_flight,
            Some(Placed { value, place, .. }) => {
                let number =
                    usize::try_from(*value).ok().filter(|number| *number <= MOST_IN_FLIGHT);
                match number.and_then(NonZeroUsize::new) {
                    Some(number) => number,
                    None => {
                        return self.fail(
                            *place,
                            &format!("{value} requests at a time"),
                            "write a number from 1 to 64, such as `in_flight: 4`",
                        );
                    }
                }
            }
        };
        let retries = match &entry.retries {
            None => usual.retries,
            Some(Placed { value, .. }) if *value <= MOST_RETRIES => *value,
            Some(Placed { value, place, .. }) => {
                return self.fail(
                    *place,
                    &format!("{value} retries"),
                    "write a number from 0 to 10, such as `retries: 3`",
                );
            }
        };
        Ok(FetchLimits {
            in_flight,
            timeout: self.patience("timeout", entry.timeout.as_ref(), usual.timeout)?,
            retries,
            deadline: self.patience("deadline", entry.deadline.as_ref(), usual.deadline)?,
        })
    }

    fn patience(
        &self,
        key: &str,
        span: Option<&Placed<Span>>,
        usual: Duration,
    ) -> Result<Duration, FileError> {
        match span {
            None => Ok(usual),
            Some(Placed { value: Span(length), .. })
                if !length.is_zero() && *length <= LONGEST_PATIENCE =>
            {
                Ok(*length)
            }
            Some(Placed { value, place, .. }) => self.fail(
                *place,
                &format!("a {key} of {value}"),
                &format!("write one of up to a day, such as `{key}: 30s`"),
            ),
        }
    }
}

const MOST_IN_FLIGHT: usize = 64;
const MOST_RETRIES: u32 = 10;
const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// What the connection itself says.
const OF_THE_CONNECTION: [&str; 8] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "transfer-encoding",
    "accept-encoding",
    "upgrade",
    "te",
];

/// What nobody sends that is no secret.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "x-auth-token",
    "dd-api-key",
    "dd-application-key",
];

/// What stands in a server's log if it stands in an address.
const SECRET_PARAMETERS: [&str; 10] = [
    "p",
    "password",
    "token",
    "access_token",
    "apikey",
    "api_key",
    "application_key",
    "key",
    "secret",
    "authorization",
];

/// What serin puts behind an address.
const PATHS_OF_APIS: [&str; 3] = ["/api/v1", "/api/query", "/render"];

/// Checks the address of a kind of store, and returns it without a slash at its end.
///
/// # Errors
///
/// What is wrong with it, and what to write instead. The address itself is not repeated: it may hold
/// a password.
pub fn checked_url(kind: &str, text: &str) -> Result<String, (String, &'static str)> {
    match transport(kind) {
        Transport::Http => checked_http_url(text),
        Transport::Postgres => checked_postgres_url(text),
    }
}

fn transport(kind: &str) -> Transport {
    source_named(kind).map_or(Transport::Http, serin_sources::Source::transport)
}

fn checked_postgres_url(text: &str) -> Result<String, (String, &'static str)> {
    let example = "write an address such as `postgres://metrics.internal:5432/metrics`";
    let url = Url::parse(text.trim()).map_err(|error| (format!("no URL: {error}"), example))?;
    if !matches!(url.scheme(), "postgres" | "postgresql")
        || url.host_str().is_none_or(str::is_empty)
    {
        return Err(("a URL that is not `postgres://`".to_owned(), example));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err((
            "a user or a password in the URL".to_owned(),
            "write `username: …` and `password: {env: PGPASSWORD}` beside the `url`",
        ));
    }
    if !matches!(url.query(), None | Some("sslmode=disable" | "sslmode=verify-full"))
        || url.fragment().is_some()
    {
        return Err((
            "a URL with parameters".to_owned(),
            "leave them out, but for `?sslmode=disable` where the network is trusted",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn checked_http_url(text: &str) -> Result<String, (String, &'static str)> {
    let example = "write an address such as `http://prometheus:9090`";
    let url = Url::parse(text.trim()).map_err(|error| (format!("no URL: {error}"), example))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(("a URL that is neither `http` nor `https`".to_owned(), example));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err((
            "a user or a password in the URL".to_owned(),
            "write `username: …` and `password: {env: PROMETHEUS_PASSWORD}` beside the `url`",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err((
            "a URL with parameters".to_owned(),
            "write the address alone, without `?…` and `#…`; they go under `parameters: {…}`, and headers \
             under `headers`",
        ));
    }
    let path = url.path().trim_end_matches('/');
    if let Some(end) = PATHS_OF_APIS.into_iter().find(|end| path.ends_with(end)) {
        return Err((
            format!("a URL that ends in `{end}`, the path of the API"),
            "leave the path of the API out: serin adds it",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn is_header_name(name: &str) -> bool {
    let is_token = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
    };
    !name.is_empty() && name.len() <= 200 && name.chars().all(is_token)
}

/// Writes a source, so that it reads back as the same.
pub(crate) fn source_entry(source: &Source) -> SourceEntry {
    match source {
        Source::File { path, counters } => {
            let counters = match counters {
                CounterForm::Unstated => None,
                CounterForm::Increments => Some(CounterFormEntry::Increments),
                CounterForm::Cumulative => Some(CounterFormEntry::Cumulative),
            };
            SourceEntry::File(FileSourceEntry { path: path.clone().into(), counters })
        }
        Source::Store(store) => {
            let name = NAMES.iter().copied().find(|name| *name == store.kind);
            name.map_or(SourceEntry::Nothing, |name| {
                SourceEntry::Store(name, Box::new(store_entry(store)))
            })
        }
    }
}

fn store_entry(store: &Store) -> StoreEntry {
    let aws = match &store.credentials {
        Credentials::Aws(key) if **key != AwsKey::default() => Some(aws_entry(key).into()),
        _ => None,
    };
    let (username, password, token) = match &store.credentials {
        Credentials::None | Credentials::Aws(_) => (None, None, None),
        Credentials::Basic { username, password } => {
            (Some(username.clone().into()), Some(secret_entry(password).into()), None)
        }
        Credentials::Bearer(token) => (None, None, Some(secret_entry(token).into())),
    };
    let header = |(name, text): (&String, &HeaderText)| {
        let text = match text {
            HeaderText::Plain(text) => HeaderEntry::Plain(text.clone()),
            HeaderText::Secret(secret) => HeaderEntry::Secret(secret_entry(secret)),
        };
        (name.clone(), text.into())
    };
    let headers: BTreeMap<String, Placed<HeaderEntry>> = store.headers.iter().map(header).collect();
    let parameter =
        |(name, text): (&String, &String)| (name.clone(), ParameterEntry(text.clone()).into());
    let parameters: BTreeMap<String, Placed<ParameterEntry>> =
        store.parameters.iter().map(parameter).collect();
    let client = store.tls.client.as_ref();
    let tls = TlsEntry {
        authority: store.tls.authority.clone().map(Placed::from),
        certificate: client.map(|client| client.certificate.clone().into()),
        key: client.map(|client| client.key.clone().into()),
    };
    let (limits, usual) = (store.limits, FetchLimits::default());
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).into();
    StoreEntry {
        url: store.url.clone().into(),
        username,
        password,
        token,
        aws,
        headers: (!headers.is_empty()).then(|| headers.into()),
        parameters: (!parameters.is_empty()).then(|| parameters.into()),
        tls: (store.tls != Tls::default()).then(|| tls.into()),
        in_flight: (limits.in_flight != usual.in_flight).then(|| number(limits.in_flight.get())),
        timeout: (limits.timeout != usual.timeout).then(|| Span(limits.timeout).into()),
        retries: (limits.retries != usual.retries).then(|| limits.retries.into()),
        deadline: (limits.deadline != usual.deadline).then(|| Span(limits.deadline).into()),
    }
}

fn aws_entry(aws: &AwsKey) -> AwsEntry {
    let secret = |secret: &Secret| Placed::from(secret_entry(secret));
    AwsEntry {
        region: aws.region.clone().map(Placed::from),
        access_key_id: aws.key.as_ref().map(|(name, _)| secret(name)),
        secret_access_key: aws.key.as_ref().map(|(_, key)| secret(key)),
        session_token: aws.session_token.as_ref().map(secret),
    }
}

fn secret_entry(secret: &Secret) -> SecretEntry {
    match secret {
        Secret::Environment(name) => SecretEntry { env: Some(name.clone()), file: None },
        Secret::File(path) => SecretEntry { env: None, file: Some(path.clone()) },
    }
}

/// What a store can be told, for those who look it up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreKey {
    /// The key in the Check file.
    pub name: String,
    /// Whether nothing works without it.
    pub required: bool,
    /// What it is, in a sentence.
    pub about: String,
}

/// Returns the keys of a store, as the schema describes them.
#[must_use]
pub fn store_keys() -> Vec<StoreKey> {
    let schema = schemars::schema_for!(StoreEntry);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(|required| required.as_array())
        .map(|required| required.iter().filter_map(|name| name.as_str()).collect())
        .unwrap_or_default();
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    let key = |(name, property): (&String, &serde_json::Value)| StoreKey {
        name: name.clone(),
        required: required.contains(&name.as_str()),
        about: property
            .get("description")
            .and_then(|about| about.as_str())
            .unwrap_or_default()
            .replace('\n', " "),
    };
    let mut keys: Vec<StoreKey> = properties.into_iter().flatten().map(key).collect();
    keys.sort_by_key(|key| !key.required);
    keys
}
