//! What was pruned, as the evidence of the event that says so lists it.
//!
//! A line a thing: `body 12` for the body of event 12, or `evidence` and the digest of a piece.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::digest::Digest;

/// What was pruned, and the positions of the events that say so.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    bodies: BTreeMap<u64, u64>,
    evidence: BTreeMap<Digest, BTreeSet<u64>>,
}

impl Pruned {
    /// Reads a list; lines that are neither are of a newer serin.
    ///
    /// * `by`: the position of the event whose evidence it is.
    pub(crate) fn read(&mut self, by: u64, list: &[u8]) {
        for line in String::from_utf8_lossy(list).lines() {
            match line.split_once(' ') {
                Some(("body", position)) => {
                    self.bodies.extend(position.parse().ok().map(|position: u64| (position, by)));
                }
                Some(("evidence", digest)) => {
                    if let Ok(digest) = digest.parse() {
                        self.evidence.entry(digest).or_default().insert(by);
                    }
                }
                Some(_) | None => {}
            }
        }
    }

    pub(crate) fn holds_body(&self, position: u64, by: u64) -> bool {
        self.bodies.get(&position) == Some(&by)
    }

    pub(crate) fn holds_evidence(&self, digest: &Digest, by: u64) -> bool {
        self.evidence.get(digest).is_some_and(|positions| positions.contains(&by))
    }
}

/// Writes what is pruned as a list.
pub(crate) fn list(bodies: &[u64], evidence: &[Digest]) -> String {
    let mut text = String::new();
    for position in bodies {
        let _ = writeln!(text, "body {position}");
    }
    for digest in evidence {
        let _ = writeln!(text, "evidence {digest}");
    }
    text
}
