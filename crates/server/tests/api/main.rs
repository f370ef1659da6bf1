//! The server as its clients see it: a real one, in this process, on a free port and on every database.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::panic, reason = "a test that waits in vain says for what")]
#![expect(clippy::print_stdout, reason = "tests that are skipped say so")]

mod access;
mod acting;
mod analyses;
mod bodies;
mod books;
mod checks;
#[path = "../../../ledger/tests/ledger/databases.rs"]
#[allow(dead_code, reason = "of another suite, which uses all of it")]
mod databases;
mod judgements;
mod limits;
mod packaging;
mod pages;
mod running;
mod schedules;
mod streams;
