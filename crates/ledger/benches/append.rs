//! How many events a second a ledger in a file takes, beside SQLite itself storing as many bytes.
//!
//! Every commit waits for the disk, in both. `cargo bench -p serin-ledger --bench append -- /some/folder`
//! measures the disk of that folder; without one it is that of temporary files.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails shall end")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use serin_ledger::fact::PointsTaken;
use serin_ledger::{Fact, Key, Ledger, Parcel, Scope, Submission};
use serin_model::Timestamp;

/// Events of one measurement at most, and how many of them go into one transaction.
const SIZES: [(usize, usize); 4] = [(500, 1), (10_000, 10), (50_000, 100), (100_000, 1000)];

/// Runs of each; the fastest counts, since others only ever slow one down.
const RUNS: usize = 3;

fn main() {
    let folder = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let folder = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    println!("batch    ledger events/s    SQLite rows/s    ratio    bytes/event");
    for (events, batch) in SIZES {
        let parcels = parcels(events);
        let best = |measure: &dyn Fn(&Path) -> f64| {
            let runs = (0..RUNS).map(|_| {
                let folder = tempfile::tempdir_in(&folder).unwrap();
                events as f64 / measure(&folder.path().join("measured.db"))
            });
            runs.fold(0.0, f64::max)
        };
        let rows = rows(&parcels);
        let bytes = rows.iter().map(Vec::len).sum::<usize>() / events;
        let ledger = best(&|path| append(path, &parcels, batch));
        let raw = best(&|path| insert(path, &rows, batch));
        let ratio = ledger / raw;
        println!("{batch:>5}    {ledger:>15.0}    {raw:>13.0}    {ratio:>5.2}    {bytes:>11}");
    }
}

/// Parcels of one event each, as an analysis makes most of them.
fn parcels(events: usize) -> Vec<Parcel> {
    (0..events)
        .map(|number| {
            let now = Timestamp::from_millis(1_600_000_000_000 + number as i64);
            let fact = PointsTaken { batch: number as u64, points: 300, up_to: now };
            let analysis = number % 5000;
            let event = Submission::new(
                Key::new("serin", format!("analysis/{analysis}/points/{number}")),
                now,
                Scope::of_service(format!("service-{}", analysis % 300))
                    .with("environment", "prod"),
                format!("analysis/{analysis}"),
                &Fact::PointsTaken(fact),
            );
            Parcel::new(now, Vec::new(), vec![event.unwrap()]).unwrap()
        })
        .collect()
}

/// As many bytes as the ledger stores of each event.
fn rows(parcels: &[Parcel]) -> Vec<Vec<u8>> {
    // Besides header and body: position, id, time of arrival, the body's digest and the link.
    const OWN: usize = 8 + 16 + 8 + 32 + 32;
    let size = |parcel: &Parcel| {
        let event = &parcel.events()[0];
        let header = event.header();
        let texts =
            [&header.key.source, &header.key.source_id, &header.subject, &header.scope.service];
        let labels = serde_json::to_string(&header.scope.labels).unwrap().len();
        let kind = header.kind.as_str().len();
        texts.iter().map(|text| text.len()).sum::<usize>()
            + labels
            + kind
            + event.body().as_str().len()
            + OWN
    };
    parcels.iter().map(|parcel| vec![7; size(parcel)]).collect()
}

fn append(path: &Path, parcels: &[Parcel], batch: usize) -> f64 {
    let mut ledger = Ledger::open_file(path, true).unwrap();
    let start = Instant::now();
    for parcels in parcels.chunks(batch) {
        let answers = ledger.append(parcels).unwrap();
        assert!(answers.iter().all(Result::is_ok));
    }
    start.elapsed().as_secs_f64()
}

/// A table of bytes without an index, and nothing computed.
fn insert(path: &Path, rows: &[Vec<u8>], batch: usize) -> f64 {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         CREATE TABLE rows (position INTEGER PRIMARY KEY, bytes BLOB NOT NULL)";
    connection.execute_batch(settings).unwrap();
    let start = Instant::now();
    for rows in rows.chunks(batch) {
        let transaction = connection.transaction().unwrap();
        let mut statement =
            transaction.prepare_cached("INSERT INTO rows (bytes) VALUES (?1)").unwrap();
        for row in rows {
            statement.execute([row]).unwrap();
        }
        drop(statement);
        transaction.commit().unwrap();
    }
    start.elapsed().as_secs_f64()
}
