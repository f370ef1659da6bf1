//! A ledger in a PostgreSQL database.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Config, IsolationLevel, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::database::{
    Access, COLUMNS, Database, EvidenceState, MOST_PAGE_BYTES, Row, Selection, StoredEvidence,
    Transaction, Value, number,
};
use crate::digest::Digest;
use crate::error::{LedgerError, causes};
use crate::event::{Event, Head, Key};
use crate::evidence::Evidence;
use crate::id::EventId;
use crate::projection::Snapshot;

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// Where a database is, and how to get in.
#[derive(Clone)]
pub struct PostgresAddress {
    /// `postgres://user@host:port/database`, as PostgreSQL's own programs take it.
    pub url: String,
    /// The password, where the address has none.
    pub password: Option<String>,
    /// The addresses of the host; none leaves its name to the C library.
    pub addresses: Vec<IpAddr>,
    /// Whom to trust; none speaks without TLS.
    pub tls: Option<rustls::ClientConfig>,
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresAddress").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl PostgresAddress {
    /// Returns the name of the host that the address names, where it names one.
    ///
    /// # Errors
    ///
    /// Where it is no address.
    pub fn host(&self) -> Result<Option<String>, LedgerError> {
        let config = self.config()?;
        Ok(config.get_hosts().iter().find_map(|host| match host {
            Host::Tcp(name) => Some(name.clone()),
            #[cfg(unix)]
            Host::Unix(_) => None,
        }))
    }

    fn config(&self) -> Result<Config, LedgerError> {
        let mut config: Config = self.url.parse().map_err(|error: postgres::Error| {
            // What stands in it may be a password.
            LedgerError::Address { place: "postgres://…".to_owned(), problem: causes(&error) }
        })?;
        if let (None, Some(password)) = (config.get_password(), &self.password) {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let hosts = config.get_hosts().to_vec();
        if let ([Host::Tcp(name)], [first, more @ ..]) = (&*hosts, &*self.addresses) {
            config.hostaddr(*first);
            for address in more {
                config.host(name).hostaddr(*address);
            }
        }
        config.application_name(concat!("serin/", env!("CARGO_PKG_VERSION")));
        config.ssl_mode(if self.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(config)
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What those who append wait for: `serL`, as a number. Only one at a time makes the chain longer.
const LOCK: i64 = i32::from_be_bytes(*b"serL") as i64;

/// How long to wait for others, and for an answer.
const SETTINGS: &str =
    "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '10min'";

/// A connection to a database; it is made anew where it was lost.
pub(crate) struct Postgres {
    place: String,
    config: Config,
    tls: Option<MakeRustlsConnect>,
    client: Option<Client>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects, and brings the database to the newest format.
    pub(crate) fn open(address: PostgresAddress) -> Result<Self, LedgerError> {
        let config = address.config()?;
        let place = shown(&config);
        let tls = address.tls.map(MakeRustlsConnect::new);
        let mut opened = Self { place, config, tls, client: None };
        opened.migrate()?;
        Ok(opened)
    }

    fn connect(&self) -> Result<Client, LedgerError> {
        let connected = match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        };
        let mut client = connected.map_err(|error| failure(&self.place, &error))?;
        client.batch_execute(SETTINGS).map_err(|error| failure(&self.place, &error))?;
        Ok(client)
    }

    /// Returns a connection that is alive, as far as anybody can tell without asking.
    fn client(&mut self) -> Result<&mut Client, LedgerError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
            self.client = Some(self.connect()?);
        }
        Ok(self.client.as_mut().expect("it was made above"))
    }

    fn migrate(&mut self) -> Result<(), LedgerError> {
        let place = self.place.clone();
        let client = self.client()?;
        let fail = |error: &postgres::Error| failure(&place, error);
        // Several serins may start at once. The lock ends with the connection at the latest.
        client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).map_err(|error| fail(&error))?;
        let done = bring_forward(client, &place);
        client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).map_err(|error| fail(&error))?;
        done
    }
}

fn bring_forward(client: &mut Client, place: &str) -> Result<(), LedgerError> {
    let fail = |error: postgres::Error| failure(place, &error);
    let runner = migrations::migrations::runner().set_grouped(true);
    let known = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    let asked = "SELECT to_regclass('refinery_schema_history') IS NOT NULL, \
         to_regclass('events') IS NOT NULL";
    let row = client.query_one(asked, &[]).map_err(fail)?;
    let (has_history, has_events): (bool, bool) =
        (row.try_get(0).map_err(fail)?, row.try_get(1).map_err(fail)?);
    if has_events && !has_history {
        let problem = "it has a table `events` of another program".to_owned();
        return Err(LedgerError::Foreign { place: place.to_owned(), problem });
    }
    if has_history {
        let asked = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
        let row = client.query_one(asked, &[]).map_err(fail)?;
        let found: i32 = row.try_get(0).map_err(fail)?;
        if found > known {
            return Err(LedgerError::Newer { place: place.to_owned(), found, known });
        }
        if found == known {
            return Ok(());
        }
    }
    runner.run(client).map(drop).map_err(|error| LedgerError::Failed {
        place: place.to_owned(),
        problem: causes(&error),
        hint: "the database is as it was; see that this user may create tables in it",
    })
}

/// Returns the address without its password.
fn shown(config: &Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let host = config.get_hosts().first().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!("postgres://{user}{}{port}{database}", host.unwrap_or_default())
}

fn failure(place: &str, error: &postgres::Error) -> LedgerError {
    let (place, problem) = (place.to_owned(), causes(error));
    let Some(code) = error.code() else {
        // The client's own words are all that tells these apart.
        let hint = if problem.contains("certificate") {
            "see that the server's certificate is of an authority that is trusted here, and names this host"
        } else if problem.starts_with("invalid configuration") {
            "see that user and password are given, and right"
        } else {
            return LedgerError::Unreachable { place, problem };
        };
        return LedgerError::Failed { place, problem, hint };
    };
    if [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::T_R_DEADLOCK_DETECTED].contains(&code) {
        return LedgerError::Locked { place };
    }
    match code.code().get(..2) {
        // Insufficient resources: disk, memory, connections.
        Some("53") if *code != SqlState::TOO_MANY_CONNECTIONS => {
            LedgerError::Full { place, problem }
        }
        // Connections that fail, and servers that start or stop.
        Some("08" | "53" | "57") => LedgerError::Unreachable { place, problem },
        Some("XX") => LedgerError::Damaged { place, problem },
        Some(_) | None => LedgerError::Failed {
            place,
            problem,
            hint: "see that the database, the user and the password are right",
        },
    }
}

impl Database for Postgres {
    fn begin(&mut self, access: Access) -> Result<Box<dyn Transaction + '_>, LedgerError> {
        let place = self.place.clone();
        let known_alive = self.client.as_mut().map(|client| client.is_valid(VALID_WITHIN).is_ok());
        if known_alive == Some(false) {
            self.client = None;
        }
        let fail = |error: postgres::Error| failure(&place, &error);
        let client = self.client()?;
        let inner = match access {
            Access::Read => client
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()
                .map_err(fail)?,
            Access::Write => {
                let mut inner = client.transaction().map_err(fail)?;
                inner.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).map_err(fail)?;
                inner
            }
        };
        Ok(Box::new(PostgresTransaction { place, inner }))
    }

    fn reclaim(&mut self) -> Result<(), LedgerError> {
        let place = self.place.clone();
        let vacuumed = self.client()?.batch_execute("VACUUM (ANALYZE) evidence, events");
        vacuumed.map_err(|error| failure(&place, &error))
    }

    fn check(&mut self) -> Result<Vec<String>, LedgerError> {
        // PostgreSQL holds its pages itself, and says what is wrong with one when it is read.
        Ok(Vec::new())
    }

    fn place(&self) -> &str {
        &self.place
    }
}

const VALID_WITHIN: Duration = Duration::from_secs(5);

struct PostgresTransaction<'a> {
    place: String,
    inner: postgres::Transaction<'a>,
}

impl PostgresTransaction<'_> {
    fn query(
        &mut self,
        asked: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<postgres::Row>, LedgerError> {
        self.inner.query(asked, values).map_err(|error| failure(&self.place, &error))
    }

    fn execute(&mut self, asked: &str, values: &[&(dyn ToSql + Sync)]) -> Result<(), LedgerError> {
        let done = self.inner.execute(asked, values);
        done.map(drop).map_err(|error| failure(&self.place, &error))
    }

    fn read<T>(&self, read: Result<T, postgres::Error>) -> Result<T, LedgerError> {
        read.map_err(|error| self.damaged(causes(&error)))
    }

    fn damaged(&self, problem: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { place: self.place.clone(), problem: problem.into() }
    }

    fn read_rows(&self, found: &[postgres::Row]) -> Result<Vec<Row>, LedgerError> {
        self.read(found.iter().map(row).collect())
    }

    fn read_evidence(&self, found: &postgres::Row) -> Result<StoredEvidence, LedgerError> {
        let digest: Vec<u8> = self.read(found.try_get(0))?;
        let (size, compressed) = (self.read(found.try_get(1))?, self.read(found.try_get(2))?);
        let pruned_by = self.read(found.try_get(3))?;
        StoredEvidence::of_columns(&digest, size, compressed, pruned_by)
            .map_err(|problem| self.damaged(problem))
    }
}

fn row(row: &postgres::Row) -> Result<Row, postgres::Error> {
    Ok(Row {
        position: row.try_get(0)?,
        id: row.try_get(1)?,
        known_at: row.try_get(2)?,
        source: row.try_get(3)?,
        source_id: row.try_get(4)?,
        occurred_at: row.try_get(5)?,
        service: row.try_get(6)?,
        labels: row.try_get(7)?,
        kind: row.try_get(8)?,
        version: row.try_get(9)?,
        subject: row.try_get(10)?,
        causes: row.try_get(11)?,
        evidence: row.try_get(12)?,
        body: row.try_get(13)?,
        body_digest: row.try_get(14)?,
        pruned_by: row.try_get(15)?,
        link: row.try_get(16)?,
    })
}

/// Rows that are asked for at once: a page of them may be large, and all of it comes.
const MOST_ROWS: usize = 256;
/// Pieces of evidence that are asked for at once.
const MOST_PIECES: usize = 8;

impl Transaction for PostgresTransaction<'_> {
    fn head(&mut self) -> Result<Head, LedgerError> {
        let found = self.query("SELECT position, id, link FROM head", &[])?;
        let found = found.first().ok_or_else(|| self.damaged("the head is gone"))?;
        let (position, link): (i64, Vec<u8>) =
            (self.read(found.try_get(0))?, self.read(found.try_get(2))?);
        let id: Option<Vec<u8>> = self.read(found.try_get(1))?;
        Head::of_columns(position, id.as_deref(), &link).map_err(|problem| self.damaged(problem))
    }

    fn rows(
        &mut self,
        selection: &Selection,
        after: u64,
        most: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let (condition, values) = selection.condition(2);
        let most = most.min(MOST_ROWS);
        let asked = format!(
            "SELECT {COLUMNS} FROM events WHERE position > $1{condition} ORDER BY position LIMIT {most}"
        );
        let after = number(after);
        let mut bound: Vec<&(dyn ToSql + Sync)> = vec![&after];
        bound.extend(values.iter().map(|value| match value {
            Value::Text(text) => text as &(dyn ToSql + Sync),
            Value::Number(number) => number,
        }));
        let found = self.query(&asked, &bound)?;
        let mut bytes = 0;
        let mut page = self.read_rows(&found)?;
        let end = page.iter().position(|row| {
            bytes += row.size();
            bytes >= MOST_PAGE_BYTES
        });
        page.truncate(end.map_or(page.len(), |end| end + 1));
        Ok(page)
    }

    fn rows_of_keys(&mut self, keys: &[&Key]) -> Result<Vec<Row>, LedgerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sources: Vec<&str> = keys.iter().map(|key| &*key.source).collect();
        let ids: Vec<&str> = keys.iter().map(|key| &*key.source_id).collect();
        let asked = format!(
            "SELECT {COLUMNS} FROM events WHERE (source, source_id) IN (SELECT * FROM unnest($1::text[], \
             $2::text[]))"
        );
        let found = self.query(&asked, &[&sources, &ids])?;
        self.read_rows(&found)
    }

    fn rows_of_ids(&mut self, ids: &[EventId]) -> Result<Vec<Row>, LedgerError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
        let asked = format!("SELECT {COLUMNS} FROM events WHERE id = ANY($1)");
        let found = self.query(&asked, &[&ids])?;
        self.read_rows(&found)
    }

    fn services(&mut self) -> Result<Vec<String>, LedgerError> {
        // One look into the index for each service, where DISTINCT would read all of it.
        let asked = "WITH RECURSIVE found (service) AS (SELECT min(service) FROM events UNION ALL \
             SELECT (SELECT min(service) FROM events WHERE service > found.service) FROM found \
             WHERE found.service IS NOT NULL) SELECT service FROM found WHERE service IS NOT NULL";
        let found = self.query(asked, &[])?;
        self.read(found.iter().map(|row| row.try_get(0)).collect())
    }

    fn append(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        let Some(last) = events.last() else { return Ok(()) };
        let rows: Vec<Row> = events.iter().map(Row::of).collect();
        macro_rules! column {
            ($name:ident) => {
                rows.iter().map(|row| &row.$name).collect::<Vec<_>>()
            };
        }
        let asked = format!(
            "INSERT INTO events ({COLUMNS}) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], \
             $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::bigint[], \
             $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[], $16::bigint[], $17::bytea[])"
        );
        self.execute(
            &asked,
            &[
                &column!(position),
                &column!(id),
                &column!(known_at),
                &column!(source),
                &column!(source_id),
                &column!(occurred_at),
                &column!(service),
                &column!(labels),
                &column!(kind),
                &column!(version),
                &column!(subject),
                &column!(causes),
                &column!(evidence),
                &column!(body),
                &column!(body_digest),
                &column!(pruned_by),
                &column!(link),
            ],
        )?;
        let (position, id) = (number(last.position), &last.id.as_bytes()[..]);
        let link = &last.link.as_bytes()[..];
        let asked = "UPDATE head SET position = $1, id = $2, link = $3";
        self.execute(asked, &[&position, &id, &link])
    }

    fn prune_bodies(&mut self, positions: &[u64], by: u64) -> Result<(), LedgerError> {
        let positions: Vec<i64> = positions.iter().map(|position| number(*position)).collect();
        let asked = "UPDATE events SET body = NULL, pruned_by = $2 WHERE position = ANY($1)";
        self.execute(asked, &[&positions, &number(by)])
    }

    fn evidence_states(
        &mut self,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, EvidenceState>, LedgerError> {
        let mut states = BTreeMap::new();
        if digests.is_empty() {
            return Ok(states);
        }
        let digests: Vec<&[u8]> = digests.iter().map(|digest| &digest.as_bytes()[..]).collect();
        let asked =
            "SELECT digest, length(compressed)::bigint FROM evidence WHERE digest = ANY($1)";
        for row in self.query(asked, &[&digests])? {
            let (digest, bytes): (&[u8], Option<i64>) =
                (self.read(row.try_get(0))?, self.read(row.try_get(1))?);
            let state = EvidenceState::of_length(bytes);
            states.extend(Digest::from_bytes(digest).map(|digest| (digest, state)));
        }
        Ok(states)
    }

    fn evidence(&mut self, digest: &Digest) -> Result<Option<StoredEvidence>, LedgerError> {
        let asked = "SELECT digest, size, compressed, pruned_by FROM evidence WHERE digest = $1";
        let found = self.query(asked, &[&&digest.as_bytes()[..]])?;
        found.first().map(|found| self.read_evidence(found)).transpose()
    }

    fn evidence_after(
        &mut self,
        after: Option<&Digest>,
        most: usize,
    ) -> Result<Vec<StoredEvidence>, LedgerError> {
        let most = most.min(MOST_PIECES);
        let asked = format!(
            "SELECT digest, size, compressed, pruned_by FROM evidence WHERE digest > $1 ORDER BY digest \
             LIMIT {most}"
        );
        let after: &[u8] = after.map_or(&[], |digest| digest.as_bytes());
        let found = self.query(&asked, &[&after])?;
        found.iter().map(|found| self.read_evidence(found)).collect()
    }

    fn add_evidence(&mut self, pieces: &[Evidence]) -> Result<(), LedgerError> {
        let asked = "INSERT INTO evidence (digest, size, compressed) VALUES ($1, $2, $3) \
             ON CONFLICT (digest) DO UPDATE SET compressed = excluded.compressed, pruned_by = NULL \
             WHERE evidence.compressed IS NULL";
        for piece in pieces {
            let (digest, size) = (piece.digest(), number(piece.size() as u64));
            self.execute(asked, &[&&digest.as_bytes()[..], &size, &piece.compressed()])?;
        }
        Ok(())
    }

    fn add_pruned_evidence(&mut self, pieces: &[StoredEvidence]) -> Result<(), LedgerError> {
        let asked = "INSERT INTO evidence (digest, size, pruned_by) VALUES ($1, $2, $3) \
             ON CONFLICT (digest) DO NOTHING";
        for piece in pieces {
            if let StoredEvidence::Pruned { digest, size, by } = piece {
                let size = number(*size as u64);
                self.execute(asked, &[&&digest.as_bytes()[..], &size, &number(*by)])?;
            }
        }
        Ok(())
    }

    fn prune_evidence(&mut self, digests: &[Digest], by: u64) -> Result<(), LedgerError> {
        let digests: Vec<&[u8]> = digests.iter().map(|digest| &digest.as_bytes()[..]).collect();
        let asked = "UPDATE evidence SET compressed = NULL, pruned_by = $2 WHERE digest = ANY($1)";
        self.execute(asked, &[&digests, &number(by)])
    }

    fn snapshot(
        &mut self,
        projection: &str,
        service: &str,
    ) -> Result<Option<Snapshot>, LedgerError> {
        let asked = "SELECT revision, position, link, state FROM snapshots WHERE projection = $1 \
             AND service = $2";
        let found = self.query(asked, &[&projection, &service])?;
        let Some(found) = found.first() else { return Ok(None) };
        let (revision, position): (i64, i64) =
            (self.read(found.try_get(0))?, self.read(found.try_get(1))?);
        let (link, state): (Vec<u8>, Vec<u8>) =
            (self.read(found.try_get(2))?, self.read(found.try_get(3))?);
        let (Some(link), Ok(revision)) = (Digest::from_bytes(&link), u32::try_from(revision))
        else {
            return Ok(None);
        };
        Ok(Some(Snapshot { revision, position: position.unsigned_abs(), link, state }))
    }

    fn keep_snapshot(
        &mut self,
        projection: &str,
        service: &str,
        snapshot: &Snapshot,
    ) -> Result<(), LedgerError> {
        let Snapshot { revision, position, link, state } = snapshot;
        let asked = "INSERT INTO snapshots (projection, service, revision, position, link, state) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (projection, service) DO UPDATE SET \
             revision = excluded.revision, position = excluded.position, link = excluded.link, \
             state = excluded.state";
        let (revision, position) = (i64::from(*revision), number(*position));
        let link = &link.as_bytes()[..];
        self.execute(asked, &[&projection, &service, &revision, &position, &link, state])
    }

    fn commit(self: Box<Self>) -> Result<(), LedgerError> {
        let place = self.place;
        self.inner.commit().map_err(|error| failure(&place, &error))
    }
}
