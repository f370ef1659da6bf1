//! From lines of JSON back to a ledger.

use std::collections::BTreeSet;
use std::io::{BufRead, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::database::{Access, Selection, StoredEvidence, Transaction, number};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::event::{Event, Head};
use crate::evidence::Evidence;
use crate::export_line::{EventLine, EvidenceLine, FORMAT, Line};
use crate::ledger::Ledger;
use crate::limits::{MOST_EVIDENCE_BYTES, MOST_PARCEL_EVENTS};

/// What an import found, and what of it was new.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    /// How many events the export has.
    pub events: u64,
    /// How many of them the ledger did not have.
    pub new_events: u64,
    /// How many pieces of evidence the export has, pruned ones included.
    pub evidence: u64,
    /// How many of them the ledger did not have.
    pub new_evidence: u64,
}

/// The longest line: the largest piece of evidence in base64, and its digest.
const MOST_LINE_BYTES: u64 = (MOST_EVIDENCE_BYTES as u64 / 3 + 1) * 4 + 1024;

/// What was read is written once there is so much of it.
const MOST_BATCH_BYTES: usize = 8 << 20;

const AGAIN: &str = "the export is damaged or cut off; export again, and import that: what came in so far is known by then";

impl Ledger {
    /// Takes in an export. What is there already is known to be; what is new follows the last event, and every
    /// link is computed anew. Memory does not grow with the export, and one that broke off can go on.
    ///
    /// # Errors
    ///
    /// Where the input is no export, is damaged, or is the export of another ledger; and what the database did.
    /// What came before is stored then, in whole events.
    pub fn import(&mut self, input: &mut dyn BufRead) -> Result<Imported, LedgerError> {
        let mut import = Import::new(self);
        let mut lines = Lines { input, number: 0 };
        let first = lines.next();
        if let Err(error @ LedgerError::Stream { .. }) = first {
            return Err(error);
        }
        let Ok(Some(Line::Ledger { format, position, link })) = first else {
            return Err(lines.wrong("it is no export of a ledger", "see that the file is right"));
        };
        if format != FORMAT {
            let problem = format!("its format is {format}, this serin knows {FORMAT}");
            return Err(lines.wrong(&problem, "install the serin that wrote it, or a later one"));
        }
        loop {
            match lines.next()? {
                Some(Line::Evidence(line)) => import.evidence(line, &lines)?,
                Some(Line::Event(line)) => import.event(*line, &lines)?,
                Some(Line::End { events, evidence }) => {
                    import.write()?;
                    let found = (import.done.events, import.done.evidence);
                    if found != (events, evidence) || import.last != (position, link) {
                        return Err(lines.wrong("it does not hold what it says it does", AGAIN));
                    }
                    return Ok(import.done);
                }
                Some(Line::Ledger { .. }) => {
                    return Err(lines.wrong("another export begins here", AGAIN));
                }
                None => {
                    import.write()?;
                    return Err(lines.wrong("it breaks off here", AGAIN));
                }
            }
        }
    }
}

/// The lines of an export, one after the other.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>, LedgerError> {
        self.number += 1;
        let mut line = Vec::new();
        let read = (&mut *self.input).take(MOST_LINE_BYTES).read_until(b'\n', &mut line);
        read.map_err(|error| LedgerError::Stream {
            verb: "read",
            error,
            hint: "see that the file is there and readable",
        })?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 >= MOST_LINE_BYTES {
            let problem = format!("it has more than {MOST_LINE_BYTES} bytes");
            return Err(self.wrong(&problem, "see that the file is an export of a ledger"));
        }
        let read = serde_json::from_slice(&line);
        read.map(Some).map_err(|error| self.wrong(&error.to_string(), AGAIN))
    }

    fn wrong(&self, problem: &str, hint: &'static str) -> LedgerError {
        LedgerError::Export { line: self.number, problem: problem.to_owned(), hint }
    }
}

/// An import under way.
struct Import<'a> {
    ledger: &'a mut Ledger,
    done: Imported,
    /// Position and link of the last event that was read.
    last: (u64, Digest),
    pieces: Vec<StoredEvidence>,
    bytes: usize,
    /// Events, and the lines on which they stand.
    events: Vec<(Event, u64)>,
}

impl<'a> Import<'a> {
    fn new(ledger: &'a mut Ledger) -> Self {
        let last = (0, Digest::ZERO);
        let done = Imported::default();
        Self { ledger, done, last, pieces: Vec::new(), bytes: 0, events: Vec::new() }
    }

    fn evidence(&mut self, line: EvidenceLine, lines: &Lines<'_>) -> Result<(), LedgerError> {
        let digest = line.sha256;
        let size = usize::try_from(line.size).unwrap_or(usize::MAX);
        self.pieces.push(match (line.base64, line.pruned_by) {
            (Some(text), _) => {
                let bytes = STANDARD.decode(text).map_err(|error| {
                    lines.wrong(&format!("evidence {digest} is not in base64: {error}"), AGAIN)
                })?;
                let evidence = Evidence::new(&bytes)
                    .map_err(|invalid| lines.wrong(&invalid.problem, AGAIN))?;
                if evidence.digest() != digest {
                    let found = evidence.digest();
                    let problem = format!("the bytes of evidence {digest} are those of {found}");
                    return Err(lines.wrong(&problem, AGAIN));
                }
                self.bytes += evidence.compressed().len();
                StoredEvidence::Kept(evidence)
            }
            (None, Some(by)) => StoredEvidence::Pruned { digest, size, by },
            (None, None) => {
                let problem = format!("evidence {digest} has no bytes, and was not pruned");
                return Err(lines.wrong(&problem, AGAIN));
            }
        });
        if self.bytes > MOST_BATCH_BYTES || self.pieces.len() >= MOST_PARCEL_EVENTS {
            self.write_evidence()?;
        }
        Ok(())
    }

    fn write_evidence(&mut self) -> Result<(), LedgerError> {
        let pieces = std::mem::take(&mut self.pieces);
        self.bytes = 0;
        if pieces.is_empty() {
            return Ok(());
        }
        self.done.evidence += pieces.len() as u64;
        let digests: Vec<Digest> = pieces.iter().map(StoredEvidence::digest).collect();
        let mut transaction = self.ledger.database.begin(Access::Write)?;
        let known = transaction.evidence_states(&digests)?;
        let new = pieces.into_iter().filter(|piece| !known.contains_key(&piece.digest()));
        let (mut kept, mut pruned) = (Vec::new(), Vec::new());
        for piece in new {
            match piece {
                StoredEvidence::Kept(evidence) => kept.push(evidence),
                other => pruned.push(other),
            }
        }
        transaction.add_evidence(&kept)?;
        transaction.add_pruned_evidence(&pruned)?;
        transaction.commit()?;
        self.done.new_evidence += (kept.len() + pruned.len()) as u64;
        Ok(())
    }

    fn event(&mut self, line: EventLine, lines: &Lines<'_>) -> Result<(), LedgerError> {
        self.bytes += line.size();
        let event = line.into_event().ok_or_else(|| {
            lines.wrong("the event has no body, and does not say that it was pruned", AGAIN)
        })?;
        event.header.check().map_err(|invalid| {
            lines.wrong(&format!("{}: {}", invalid.place, invalid.problem), AGAIN)
        })?;
        let (position, link) = self.last;
        if event.position != position + 1 || event.link_after(&link) != event.link {
            let problem = format!("event {} does not follow event {position}", event.position);
            return Err(lines.wrong(&problem, AGAIN));
        }
        self.last = (event.position, event.link);
        self.events.push((event, lines.number));
        if self.bytes > MOST_BATCH_BYTES || self.events.len() >= MOST_PARCEL_EVENTS {
            self.write()?;
        }
        Ok(())
    }

    /// Writes what was read, evidence first: events name it.
    fn write(&mut self) -> Result<(), LedgerError> {
        self.write_evidence()?;
        let batch = std::mem::take(&mut self.events);
        self.bytes = 0;
        self.done.events += batch.len() as u64;
        let mut transaction = self.ledger.database.begin(Access::Write)?;
        let head = transaction.head()?;
        compare(&batch, head, &mut *transaction)?;
        let new: Vec<_> =
            batch.into_iter().filter(|(event, _)| event.position > head.position).collect();
        check_evidence(&new, &mut *transaction)?;
        let new: Vec<Event> = new.into_iter().map(|(event, _)| event).collect();
        transaction.append(&new)?;
        transaction.commit()?;
        self.done.new_events += new.len() as u64;
        Ok(())
    }
}

/// Fails where the ledger has another event in the place of one of these.
///
/// A link covers all events before it: where the last that both have is the same, all are.
fn compare(
    batch: &[(Event, u64)],
    head: Head,
    transaction: &mut dyn Transaction,
) -> Result<(), LedgerError> {
    let known = batch.iter().rfind(|(event, _)| event.position <= head.position);
    let Some((event, line)) = known else { return Ok(()) };
    let rows = transaction.rows(&Selection::default(), event.position - 1, 1)?;
    let row = rows.first().filter(|row| row.position == number(event.position));
    let ours = row.and_then(|row| Digest::from_bytes(&row.link)).unwrap_or(Digest::ZERO);
    if ours == event.link {
        return Ok(());
    }
    let (line, position, theirs) = (*line, event.position, event.link);
    Err(LedgerError::Diverged { line, position, ours, theirs })
}

/// Fails where an event names evidence that was in no line before it.
fn check_evidence(
    new: &[(Event, u64)],
    transaction: &mut dyn Transaction,
) -> Result<(), LedgerError> {
    let named = new.iter().flat_map(|(event, _)| event.header.evidence.iter().copied());
    let named: Vec<Digest> = named.collect::<BTreeSet<_>>().into_iter().collect();
    let states = transaction.evidence_states(&named)?;
    for (event, line) in new {
        if let Some(digest) = event.header.evidence.iter().find(|it| !states.contains_key(it)) {
            let problem = format!("the evidence {digest} is in no line before");
            return Err(LedgerError::Export { line: *line, problem, hint: AGAIN });
        }
    }
    Ok(())
}
