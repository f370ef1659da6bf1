//! Files that are no ledgers, newer ones, disks that are full, databases that go away.

use std::sync::Arc;

use serin_ledger::{Ledger, LedgerError, Parcel, PostgresAddress};

use crate::databases::{File, Place, Server, on_each};
use crate::sample::*;

fn opened(file: &File) -> String {
    let error = Ledger::open_file(&file.path(), false).err();
    let said = error.map_or("opened".to_owned(), |error| error.to_string());
    said.replace(&file.location(), "serin.db")
}

#[test]
fn what_is_no_ledger_is_left_as_it_is() {
    let mut said = String::new();
    let file = File::new();
    said += &format!("missing\n{}\n---\n", opened(&file));
    let contents: [(&str, &[u8]); 2] =
        [("text", b"service: checkout\n"), ("long text", &[b'x'; 5000])];
    for (name, content) in contents {
        std::fs::write(file.path(), content).unwrap();
        said += &format!("{name}\n{}\n---\n", opened(&file));
        assert_eq!(std::fs::read(file.path()).unwrap(), content);
    }
    std::fs::remove_file(file.path()).unwrap();
    file.sql("CREATE TABLE cats (name TEXT); INSERT INTO cats VALUES ('Tom')");
    let before = std::fs::read(file.path()).unwrap();
    said += &format!("another program's\n{}\n---\n", opened(&file));
    assert_eq!(std::fs::read(file.path()).unwrap(), before);
    let folder = File::new();
    std::fs::create_dir(folder.path()).unwrap();
    said += &format!("a folder\n{}", opened(&folder));
    insta::assert_snapshot!("no_ledgers", said);
}

#[test]
fn a_ledger_of_a_newer_serin_is_refused() {
    on_each(|place| {
        let place = place();
        let mut ledger = place.open();
        append(&mut ledger, change("1.0", 0), Vec::new());
        drop(ledger);
        place.sql(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
             VALUES (1000, 'later', '2030-01-01T00:00:00Z', '1')",
        );
        let location = place.location();
        let error = if location.starts_with("postgres://") {
            let address = PostgresAddress {
                url: location.clone(),
                password: None,
                addresses: Vec::new(),
                tls: None,
            };
            Ledger::open_postgres(address).unwrap_err()
        } else {
            Ledger::open_file(location.as_ref(), true).unwrap_err()
        };
        let said = error.to_string().replace(&location, "PLACE");
        assert_eq!(
            said,
            "`PLACE` was written by a newer serin: its format is 1000, this one knows 1\n\nhint: install the \
             serin that wrote it, or a later one"
        );
    });
}

#[test]
fn a_file_whose_making_was_killed_is_made_anew() {
    let file = File::new();
    // The library's own table comes first, in a transaction of its own.
    file.sql(
        "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), \
         applied_on VARCHAR(255), checksum VARCHAR(255))",
    );
    let mut ledger = file.open();
    append(&mut ledger, change("1.0", 0), Vec::new());
    assert_eq!(verified(&mut ledger), "well");
    drop(ledger);
    assert_eq!(opened(&file), "opened");
}

#[test]
fn a_ledger_of_the_first_format_opens() {
    let file = File::new();
    std::fs::copy("tests/ledger/format-1.db", file.path()).unwrap();
    let mut ledger = file.open();
    assert_eq!(verified(&mut ledger), "well");
    let kept = std::fs::read_to_string("tests/ledger/format-1.jsonl").unwrap();
    assert_eq!(exported(&mut ledger), kept);
    assert!(append(&mut ledger, change("1.0", 0), Vec::new()).was_known);
}

#[test]
fn a_database_that_goes_and_comes_back_is_used_again() {
    let Some(server) = Server::start().map(Arc::new) else {
        println!("skipped: PostgreSQL is not installed");
        return;
    };
    let place = server.clone().database();
    let mut ledger = place.open();
    append(&mut ledger, change("1.0", 0), Vec::new());
    server.crash();
    let parcel = || Parcel::new(minute(1), Vec::new(), vec![change("1.1", 1)]).unwrap();
    for _ in 0..2 {
        let error = ledger.append(&[parcel()]).unwrap_err();
        assert!(
            matches!(error, LedgerError::Unreachable { .. }) && error.is_transient(),
            "{error}"
        );
    }
    server.go();
    assert!(!ledger.append(&[parcel()]).unwrap().remove(0).unwrap()[0].was_known);
    assert_eq!(ledger.head().unwrap().position, 2);
    assert_eq!(verified(&mut ledger), "well");
}

#[test]
fn no_password_is_told() {
    for url in [
        "postgres://admin:hunter2@127.0.0.1:1/ledger",
        "postgres://admin:hunter2@127.0.0.1:port/ledger",
        "postgres://admin:hunter2@127.0.0.1/ledger?sslmode=hunter2",
    ] {
        let password = Some("hunter2".to_owned());
        let address =
            PostgresAddress { url: url.to_owned(), password, addresses: Vec::new(), tls: None };
        assert!(!format!("{address:?}").contains("hunter2"));
        let error = Ledger::open_postgres(address).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error} {error:?}");
    }
}

/// Writes the files of the test of the first format. They are never written again: a later serin must open
/// what this one wrote.
#[test]
#[ignore = "it writes the fixture of a format, once"]
fn writes_the_fixture() {
    let file = File::new();
    let mut ledger = file.open();
    fill(&mut ledger);
    std::fs::write("tests/ledger/format-1.jsonl", exported(&mut ledger)).unwrap();
    drop(ledger);
    std::fs::copy(file.path(), "tests/ledger/format-1.db").unwrap();
}
