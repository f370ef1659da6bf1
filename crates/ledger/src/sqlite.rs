//! A ledger in one file.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::ToSql;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, TransactionBehavior, params,
};

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
    refinery::embed_migrations!("migrations/sqlite");
}

/// What the file says it is: `serL`. [`file`](https://www.sqlite.org/fileformat.html#application_id) and we read it.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"serL");

/// How long to wait for another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pages kept in memory once they were needed, of each connection: a server has six, and shall be small when idle.
/// The system keeps the file in its own cache.
const CACHE_KIBIBYTES: i64 = 2 << 10;
/// Pages of 4 KiB in the log before they go into the file itself.
const CHECKPOINT_PAGES: i64 = 4 << 10;

/// A file of SQLite's, in write-ahead mode.
#[derive(Debug)]
pub(crate) struct Sqlite {
    place: String,
    connection: Connection,
}

impl Sqlite {
    /// Opens a file, and brings it to the newest format.
    ///
    /// * `create`: whether to make one that is not there.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, LedgerError> {
        let place = path.display().to_string();
        if !create && !path.exists() {
            return Err(LedgerError::Missing { place });
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let connection = Connection::open_with_flags(path, flags);
        let connection = connection.map_err(|error| LedgerError::Unopened {
            place: place.clone(),
            problem: error.to_string(),
        })?;
        let mut opened = Self { place, connection };
        // Nothing is written into a file before it is known to be ours.
        opened.connection.busy_timeout(PATIENCE).map_err(|error| opened.failure(error))?;
        let has_tables = opened.has_tables()?;
        opened.prepare(has_tables).map_err(|error| opened.failure(error))?;
        opened.migrate(has_tables)?;
        Ok(opened)
    }

    /// Returns whether there is a ledger in the file; fails where there is something else.
    fn has_tables(&self) -> Result<bool, LedgerError> {
        let asked = "SELECT application_id, (SELECT count(*) FROM sqlite_schema WHERE tbl_name <> \
             'refinery_schema_history') FROM pragma_application_id";
        let found = self.connection.query_row(asked, [], |row| Ok((row.get(0)?, row.get(1)?)));
        match found.map_err(|error| self.failure(error))? {
            (_, 0_i64) => Ok(false),
            (APPLICATION_ID, _) => Ok(true),
            (_, _) => {
                let problem = "it is a database of another program".to_owned();
                Err(LedgerError::Foreign { place: self.place.clone(), problem })
            }
        }
    }

    fn prepare(&self, has_tables: bool) -> Result<(), rusqlite::Error> {
        let connection = &self.connection;
        connection.set_prepared_statement_cache_capacity(64);
        if !has_tables {
            // It is kept in the file. Said again it would be written again, which a full disk does not take.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // Every commit waits until the disk has it: what is accepted survives a power cut too.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Keys come in no order: with fewer pages at hand, each is read and written again and again.
        connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)
    }

    fn migrate(&mut self, has_tables: bool) -> Result<(), LedgerError> {
        let runner = migrations::migrations::runner().set_grouped(true);
        let known = runner.get_migrations().iter().map(refinery::Migration::version).max();
        let found = if has_tables { self.format()? } else { 0 };
        match known {
            Some(known) if found > known => {
                Err(LedgerError::Newer { place: self.place.clone(), found, known })
            }
            Some(known) if found == known => Ok(()),
            Some(_) | None => self.bring_forward(&runner),
        }
    }

    /// Returns the number of the last migration that the file has seen.
    fn format(&self) -> Result<i32, LedgerError> {
        let asked = "SELECT max(version) FROM refinery_schema_history";
        let found = self.connection.query_row(asked, [], |row| row.get::<_, Option<i32>>(0));
        Ok(found.map_err(|error| self.failure(error))?.unwrap_or(0))
    }

    fn bring_forward(&mut self, runner: &refinery::Runner) -> Result<(), LedgerError> {
        if let Err(error) = runner.run(&mut self.connection) {
            // Another serin may have brought it forward in the meantime.
            let known = runner.get_migrations().iter().map(refinery::Migration::version).max();
            if self.format().is_ok_and(|found| Some(found) == known) {
                return Ok(());
            }
            return Err(LedgerError::Failed {
                place: self.place.clone(),
                problem: causes(&error),
                hint: "the file is as it was; see that serin may write it and that there is space",
            });
        }
        Ok(())
    }

    fn failure(&self, error: rusqlite::Error) -> LedgerError {
        failure(&self.place, error)
    }
}

fn failure(place: &str, error: rusqlite::Error) -> LedgerError {
    let place = place.to_owned();
    let problem = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Locked { place },
        Some(ErrorCode::DiskFull) => LedgerError::Full { place, problem },
        Some(ErrorCode::NotADatabase) => {
            LedgerError::Foreign { place, problem: "it is no database".to_owned() }
        }
        Some(ErrorCode::DatabaseCorrupt) => LedgerError::Damaged { place, problem },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            LedgerError::Unopened { place, problem }
        }
        Some(_) => LedgerError::Failed {
            place,
            problem,
            hint: "see that its disk and folder are well; nothing of what was handed in last is stored",
        },
        None => LedgerError::Damaged { place, problem },
    }
}

impl Database for Sqlite {
    fn begin(&mut self, access: Access) -> Result<Box<dyn Transaction + '_>, LedgerError> {
        let behavior = match access {
            Access::Read => TransactionBehavior::Deferred,
            Access::Write => TransactionBehavior::Immediate,
        };
        let transaction = self.connection.transaction_with_behavior(behavior);
        let inner = transaction.map_err(|error| failure(&self.place, error))?;
        Ok(Box::new(SqliteTransaction { place: &self.place, inner }))
    }

    fn reclaim(&mut self) -> Result<(), LedgerError> {
        // Each row is a page given back, and a statement that is not read to its end gives back no more.
        let each = |statement: &str| -> Result<(), rusqlite::Error> {
            let mut statement = self.connection.prepare(statement)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        let vacuumed = each("PRAGMA incremental_vacuum");
        vacuumed
            .and_then(|()| each("PRAGMA wal_checkpoint(TRUNCATE)"))
            .map_err(|error| self.failure(error))
    }

    fn check(&mut self) -> Result<Vec<String>, LedgerError> {
        let mut statement = self
            .connection
            .prepare("PRAGMA quick_check(20)")
            .map_err(|error| self.failure(error))?;
        let found = statement.query_map([], |row| row.get::<_, String>(0));
        let found: Result<Vec<String>, _> = found.and_then(Iterator::collect);
        let mut found = found.map_err(|error| self.failure(error))?;
        found.retain(|line| line != "ok");
        Ok(found)
    }

    fn place(&self) -> &str {
        &self.place
    }
}

struct SqliteTransaction<'a> {
    place: &'a str,
    inner: rusqlite::Transaction<'a>,
}

impl SqliteTransaction<'_> {
    fn try_<T>(&self, result: Result<T, rusqlite::Error>) -> Result<T, LedgerError> {
        result.map_err(|error| failure(self.place, error))
    }

    fn damaged(&self, problem: impl Into<String>) -> LedgerError {
        LedgerError::Damaged { place: self.place.to_owned(), problem: problem.into() }
    }

    fn row_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<Row>, LedgerError> {
        let asked = format!("SELECT {COLUMNS} FROM events WHERE {condition}");
        let mut statement = self.try_(self.inner.prepare_cached(&asked))?;
        self.try_(statement.query_row(values, row).optional())
    }
}

fn row(row: &rusqlite::Row<'_>) -> Result<Row, rusqlite::Error> {
    Ok(Row {
        position: row.get(0)?,
        id: row.get(1)?,
        known_at: row.get(2)?,
        source: row.get(3)?,
        source_id: row.get(4)?,
        occurred_at: row.get(5)?,
        service: row.get(6)?,
        labels: row.get(7)?,
        kind: row.get(8)?,
        version: row.get(9)?,
        subject: row.get(10)?,
        causes: row.get(11)?,
        evidence: row.get(12)?,
        body: row.get(13)?,
        body_digest: row.get(14)?,
        pruned_by: row.get(15)?,
        link: row.get(16)?,
    })
}

impl Transaction for SqliteTransaction<'_> {
    fn head(&mut self) -> Result<Head, LedgerError> {
        type Columns = (i64, Option<Vec<u8>>, Vec<u8>);
        let asked = "SELECT position, id, link FROM head";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let found: Columns = self.try_(statement.query_row([], read))?;
        Head::of_columns(found.0, found.1.as_deref(), &found.2)
            .map_err(|problem| self.damaged(problem))
    }

    fn rows(
        &mut self,
        selection: &Selection,
        after: u64,
        most: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let (condition, values) = selection.condition(2);
        let limit = values.len() + 2;
        let asked = format!(
            "SELECT {COLUMNS} FROM events WHERE position > $1{condition} ORDER BY position LIMIT ${limit}"
        );
        let mut bound: Vec<Box<dyn ToSql>> = vec![Box::new(number(after))];
        bound.extend(values.into_iter().map(|value| match value {
            Value::Text(text) => Box::new(text) as Box<dyn ToSql>,
            Value::Number(number) => Box::new(number),
        }));
        bound.push(Box::new(number(most as u64)));
        let mut statement = self.try_(self.inner.prepare_cached(&asked))?;
        let bound = rusqlite::params_from_iter(bound.iter().map(|value| &**value));
        let mut found = self.try_(statement.query(bound))?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while bytes < MOST_PAGE_BYTES
            && let Some(next) = self.try_(found.next())?
        {
            let next = self.try_(row(next))?;
            bytes += next.size();
            page.push(next);
        }
        Ok(page)
    }

    fn rows_of_keys(&mut self, keys: &[&Key]) -> Result<Vec<Row>, LedgerError> {
        let condition = "source = ?1 AND source_id = ?2";
        let row = |key: &&Key| self.row_where(condition, params![key.source, key.source_id]);
        keys.iter().filter_map(|key| row(key).transpose()).collect()
    }

    fn rows_of_ids(&mut self, ids: &[EventId]) -> Result<Vec<Row>, LedgerError> {
        let row = |id: &EventId| self.row_where("id = ?1", params![id.as_bytes()]);
        ids.iter().filter_map(|id| row(id).transpose()).collect()
    }

    fn services(&mut self) -> Result<Vec<String>, LedgerError> {
        // One look into the index for each service, where DISTINCT would read all of it.
        let asked = "WITH RECURSIVE found (service) AS (SELECT min(service) FROM events UNION ALL \
             SELECT (SELECT min(service) FROM events WHERE service > found.service) FROM found \
             WHERE found.service IS NOT NULL) SELECT service FROM found WHERE service IS NOT NULL";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let found = self.try_(statement.query_map([], |row| row.get(0)))?;
        self.try_(found.collect())
    }

    fn append(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        let Some(last) = events.last() else { return Ok(()) };
        let asked = format!(
            "INSERT INTO events ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
             ?15, ?16, ?17)"
        );
        let mut statement = self.try_(self.inner.prepare_cached(&asked))?;
        for row in events.iter().map(Row::of) {
            let inserted = statement.execute(params![
                row.position,
                row.id,
                row.known_at,
                row.source,
                row.source_id,
                row.occurred_at,
                row.service,
                row.labels,
                row.kind,
                row.version,
                row.subject,
                row.causes,
                row.evidence,
                row.body,
                row.body_digest,
                row.pruned_by,
                row.link,
            ]);
            self.try_(inserted)?;
        }
        let asked = "UPDATE head SET position = ?1, id = ?2, link = ?3";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let (id, link) = (last.id.as_bytes(), last.link.as_bytes());
        self.try_(statement.execute(params![number(last.position), id, link])).map(drop)
    }

    fn prune_bodies(&mut self, positions: &[u64], by: u64) -> Result<(), LedgerError> {
        let asked = "UPDATE events SET body = NULL, pruned_by = ?2 WHERE position = ?1";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        for position in positions {
            self.try_(statement.execute(params![number(*position), number(by)]))?;
        }
        Ok(())
    }

    fn evidence_states(
        &mut self,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, EvidenceState>, LedgerError> {
        let asked = "SELECT length(compressed) FROM evidence WHERE digest = ?1";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let mut states = BTreeMap::new();
        for digest in digests {
            let found = statement.query_row([digest.as_bytes()], |row| row.get(0)).optional();
            if let Some(bytes) = self.try_(found)? {
                states.insert(*digest, EvidenceState::of_length(bytes));
            }
        }
        Ok(states)
    }

    fn evidence(&mut self, digest: &Digest) -> Result<Option<StoredEvidence>, LedgerError> {
        let asked = "SELECT digest, size, compressed, pruned_by FROM evidence WHERE digest = ?1";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let found = statement.query_row([digest.as_bytes()], evidence_columns).optional();
        self.try_(found)?.transpose().map_err(|problem| self.damaged(problem))
    }

    fn evidence_after(
        &mut self,
        after: Option<&Digest>,
        most: usize,
    ) -> Result<Vec<StoredEvidence>, LedgerError> {
        let asked = "SELECT digest, size, compressed, pruned_by FROM evidence WHERE digest > ?1 \
             ORDER BY digest LIMIT ?2";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let after = after.map_or(&[] as &[u8], |digest| digest.as_bytes());
        let mut found = self.try_(statement.query(params![after, number(most as u64)]))?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while bytes < MOST_PAGE_BYTES
            && let Some(next) = self.try_(found.next())?
        {
            let next = self.try_(evidence_columns(next))?;
            let next = next.map_err(|problem| self.damaged(problem))?;
            if let StoredEvidence::Kept(evidence) = &next {
                bytes += evidence.compressed().len();
            }
            page.push(next);
        }
        Ok(page)
    }

    fn add_evidence(&mut self, pieces: &[Evidence]) -> Result<(), LedgerError> {
        let asked = "INSERT INTO evidence (digest, size, compressed) VALUES (?1, ?2, ?3) \
             ON CONFLICT (digest) DO UPDATE SET compressed = excluded.compressed, pruned_by = NULL \
             WHERE compressed IS NULL";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        for piece in pieces {
            let (digest, size) = (piece.digest(), number(piece.size() as u64));
            let added = statement.execute(params![digest.as_bytes(), size, piece.compressed()]);
            self.try_(added)?;
        }
        Ok(())
    }

    fn add_pruned_evidence(&mut self, pieces: &[StoredEvidence]) -> Result<(), LedgerError> {
        let asked = "INSERT INTO evidence (digest, size, pruned_by) VALUES (?1, ?2, ?3) \
             ON CONFLICT (digest) DO NOTHING";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        for piece in pieces {
            if let StoredEvidence::Pruned { digest, size, by } = piece {
                let size = number(*size as u64);
                let added = statement.execute(params![digest.as_bytes(), size, number(*by)]);
                self.try_(added)?;
            }
        }
        Ok(())
    }

    fn prune_evidence(&mut self, digests: &[Digest], by: u64) -> Result<(), LedgerError> {
        let asked = "UPDATE evidence SET compressed = NULL, pruned_by = ?2 WHERE digest = ?1";
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        for digest in digests {
            self.try_(statement.execute(params![digest.as_bytes(), number(by)]))?;
        }
        Ok(())
    }

    fn snapshot(
        &mut self,
        projection: &str,
        service: &str,
    ) -> Result<Option<Snapshot>, LedgerError> {
        type Columns = (u32, i64, Vec<u8>, Vec<u8>);
        let asked = "SELECT revision, position, link, state FROM snapshots WHERE projection = ?1 \
             AND service = ?2";
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let mut statement = self.try_(self.inner.prepare_cached(asked))?;
        let found: Option<Columns> =
            self.try_(statement.query_row([projection, service], read).optional())?;
        Ok(found.and_then(|(revision, position, link, state)| {
            let (position, link) = (position.unsigned_abs(), Digest::from_bytes(&link)?);
            Some(Snapshot { revision, position, link, state })
        }))
    }

    fn keep_snapshot(
        &mut self,
        projection: &str,
        service: &str,
        snapshot: &Snapshot,
    ) -> Result<(), LedgerError> {
        let asked = "INSERT OR REPLACE INTO snapshots (projection, service, revision, position, link, state) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Snapshot { revision, position, link, state } = snapshot;
        let kept = self.inner.execute(
            asked,
            params![projection, service, revision, number(*position), link.as_bytes(), state],
        );
        self.try_(kept).map(drop)
    }

    fn commit(self: Box<Self>) -> Result<(), LedgerError> {
        let place = self.place;
        self.inner.commit().map_err(|error| failure(place, error))
    }
}

fn evidence_columns(
    row: &rusqlite::Row<'_>,
) -> Result<Result<StoredEvidence, String>, rusqlite::Error> {
    let digest: Vec<u8> = row.get(0)?;
    Ok(StoredEvidence::of_columns(&digest, row.get(1)?, row.get(2)?, row.get(3)?))
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serin_model::Timestamp;

    use super::*;
    use crate::{Evidence, Kind, Ledger, Parcel, Scope, Submission};

    /// An event with evidence that does not compress.
    fn parcel(name: &str, bytes: usize) -> Result<Parcel, Box<dyn Error>> {
        let digests =
            (0..bytes / 32).map(|number| Digest::of(format!("{name}{number}").as_bytes()));
        let noise: Vec<u8> = digests.flat_map(|digest| *digest.as_bytes()).collect();
        let evidence = Evidence::new(&noise)?;
        let now = Timestamp::from_seconds(1_600_000_000);
        let header = crate::Header {
            key: Key::new("test", name),
            occurred_at: now,
            scope: Scope::of_service("checkout"),
            kind: Kind::named("weather.seen"),
            version: 1,
            subject: "weather".to_owned(),
            causes: Vec::new(),
            evidence: vec![evidence.digest()],
        };
        let event = Submission::of_parts(header, crate::Body::read("{}")?)?;
        Ok(Parcel::new(now, vec![evidence], vec![event])?)
    }

    #[test]
    fn a_full_disk_stores_nothing_half_and_room_mends_it() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("serin.db");
        let sqlite = Sqlite::open(&path, true)?;
        sqlite.connection.pragma_update(None, "max_page_count", 100)?;
        let mut ledger = Ledger { database: Box::new(sqlite) };
        ledger.append(&[parcel("small", 1000)?])?;
        let before = ledger.head()?;
        // A small one with it goes too: one transaction.
        let error = ledger.append(&[parcel("with it", 100)?, parcel("large", 1_000_000)?]);
        let Err(error) = error else { return Err("it fits".into()) };
        assert!(matches!(error, LedgerError::Full { .. }) && error.is_transient());
        let said = error.to_string().replace(&path.display().to_string(), "serin.db");
        insta::assert_snapshot!(said, @r"
        the ledger `serin.db` has no space left: database or disk is full

        hint: make room on its disk, and hand in again what was handed in last: nothing of it is stored. `serin ledger prune` keeps a ledger small
        ");
        assert_eq!(ledger.head()?, before);
        assert!(ledger.verify(None)?.is_well());
        ledger.append(&[parcel("with it", 100)?])?;

        let mut roomy = Ledger::open_file(&path, false)?;
        roomy.append(&[parcel("large", 1_000_000)?])?;
        assert_eq!(roomy.head()?.position, 3);
        assert!(roomy.verify(None)?.is_well());
        Ok(())
    }

    #[test]
    fn a_file_that_another_program_holds_is_said_to_be() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("serin.db");
        let sqlite = Sqlite::open(&path, true)?;
        sqlite.connection.busy_timeout(Duration::ZERO)?;
        let mut ledger = Ledger { database: Box::new(sqlite) };
        let other = Connection::open(&path)?;
        other.execute_batch("BEGIN IMMEDIATE")?;
        let Err(error) = ledger.append(&[parcel("one", 100)?]) else {
            return Err("not held".into());
        };
        let said = error.to_string().replace(&path.display().to_string(), "serin.db");
        insta::assert_snapshot!(said, @r"
        the ledger `serin.db` is held by somebody else

        hint: try again; one serin at a time writes into it, and a backup or another program may hold it for long
        ");
        // Reading goes on.
        assert_eq!(ledger.head()?.position, 0);
        other.execute_batch("ROLLBACK")?;
        ledger.append(&[parcel("one", 100)?])?;
        Ok(())
    }
}
