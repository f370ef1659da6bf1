//! Where metrics come from.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Where the metrics are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// A recording.
    File {
        /// Its path as written; `-` is standard input.
        path: String,
        /// How its counters were recorded.
        counters: CounterForm,
    },
    /// A store that is asked over a network.
    Store(Box<Store>),
}

/// How counters were recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CounterForm {
    /// Nobody said. Read as increments, and refused where they look like running totals.
    #[default]
    Unstated,
    /// Each value is the count since the one before.
    Increments,
    /// Each value is a running total.
    Cumulative,
}

/// A store of metrics, how to reach it, and how hard it may be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Store {
    /// What it is, such as `prometheus`: a name that `serin sources` lists.
    pub kind: String,
    /// Its address: `http` or `https`, without a user and a password.
    pub url: String,
    /// How to prove who asks.
    pub credentials: Credentials,
    /// What else every request says, by the header's name.
    pub headers: BTreeMap<String, HeaderText>,
    /// What else every request asks for, by the parameter's name: the database of an `InfluxDB`, say.
    pub parameters: BTreeMap<String, String>,
    /// What a TLS connection needs beyond the machine's own certificates.
    pub tls: Tls,
    /// How hard it may be asked.
    pub limits: FetchLimits,
}

impl Store {
    /// Creates a store that is asked without credentials, as gently as by default.
    ///
    /// * `url`: `http` or `https`, without a user and a password.
    #[must_use]
    pub fn plain(kind: &str, url: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            url: url.to_owned(),
            credentials: Credentials::None,
            headers: BTreeMap::new(),
            parameters: BTreeMap::new(),
            tls: Tls::default(),
            limits: FetchLimits::default(),
        }
    }
}

/// How to prove who asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// With a user's name and a password.
    Basic {
        /// The user's name.
        username: String,
        /// Where the password is.
        password: Secret,
    },
    /// With a token, sent as `Authorization: Bearer …`.
    Bearer(Secret),
    /// With a key of AWS, by which requests are signed.
    Aws(Box<AwsKey>),
}

/// A key of AWS. What is not said is where AWS's own tools look for it: in the environment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AwsKey {
    /// The region; that of the store's address unless it is said.
    pub region: Option<String>,
    /// Where the name of the key is, and the key itself.
    pub key: Option<(Secret, Secret)>,
    /// Where the token of a session is, if the key is one of a session.
    pub session_token: Option<Secret>,
}

/// Where a secret is. The secret itself is never part of an analysis, a log or a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Secret {
    /// In an environment variable.
    Environment(String),
    /// In a file, relative to the Check file, without the white space at its end.
    File(String),
}

/// The text of a header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderText {
    /// As written.
    Plain(String),
    /// A secret.
    Secret(Secret),
}

/// What a TLS connection needs beyond the machine's own certificates. All are files in PEM,
/// relative to the Check file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// The only authorities to trust, in place of the machine's own.
    pub authority: Option<String>,
    /// The client's certificate and its key.
    pub client: Option<ClientCertificate>,
}

/// The certificate by which a client proves who it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientCertificate {
    /// The certificate, and those between it and its authority.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// How hard a store may be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FetchLimits {
    /// How many requests may be under way at one moment.
    pub in_flight: NonZeroUsize,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often one request is made again after a failure that may pass.
    pub retries: u32,
    /// How long all requests of one analysis may take together.
    pub deadline: Duration,
}

impl Default for FetchLimits {
    /// Four requests at a time, half a minute each, three retries, five minutes in all: what a
    /// Prometheus with its usual twenty queries at a time hardly notices.
    fn default() -> Self {
        Self {
            in_flight: NonZeroUsize::new(4).expect("four is not zero"),
            timeout: Duration::from_secs(30),
            retries: 3,
            deadline: Duration::from_secs(300),
        }
    }
}
