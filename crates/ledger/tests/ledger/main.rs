//! What a ledger promises, on every database that holds one.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::print_stdout, reason = "tests that are skipped say so")]

mod acts;
mod appending;
mod applied_checks;
mod databases;
mod limits;
mod projections;
mod pruning;
mod sample;
mod scorecard;
mod serving;
mod tampering;
mod transfer;
mod unfriendly;
mod writing;
