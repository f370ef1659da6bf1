//! A ledger as lines of JSON, for backups and for other databases.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::database::{Access, Selection, StoredEvidence, Transaction, events};
use crate::error::LedgerError;
use crate::export_line::{EventLine, EvidenceLine, FORMAT, Line};
use crate::ledger::{Ledger, PAGE};

/// What an export holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Exported {
    /// How many events.
    pub events: u64,
    /// How many pieces of evidence, pruned ones included.
    pub evidence: u64,
}

impl Ledger {
    /// Writes the whole ledger as it is at this moment, whatever is appended meanwhile. The same ledger gives
    /// the same bytes, whichever database holds it. Memory does not grow with it.
    ///
    /// # Errors
    ///
    /// What the database did, that something is damaged, or that `output` takes no more.
    pub fn export(&mut self, output: &mut dyn Write) -> Result<Exported, LedgerError> {
        let place = self.database.place().to_owned();
        let mut transaction = self.database.begin(Access::Read)?;
        let head = transaction.head()?;
        let first = Line::Ledger { format: FORMAT, position: head.position, link: head.link };
        write(output, &first)?;
        let mut exported = Exported::default();
        export_evidence(&mut *transaction, output, &mut exported, &place)?;
        let mut after = 0;
        loop {
            let page = transaction.rows(&Selection::default(), after, PAGE)?;
            let page = events(page, &place)?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for event in page {
                exported.events += 1;
                write(output, &Line::Event(Box::new(EventLine::of(event))))?;
            }
        }
        write(output, &Line::End { events: exported.events, evidence: exported.evidence })?;
        output.flush().map_err(unwritten)?;
        Ok(exported)
    }
}

fn export_evidence(
    transaction: &mut dyn Transaction,
    output: &mut dyn Write,
    exported: &mut Exported,
    place: &str,
) -> Result<(), LedgerError> {
    let mut after = None;
    loop {
        let page = transaction.evidence_after(after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.digest());
        for stored in &page {
            exported.evidence += 1;
            write(output, &Line::Evidence(evidence_line(stored, place)?))?;
        }
    }
}

fn evidence_line(stored: &StoredEvidence, place: &str) -> Result<EvidenceLine, LedgerError> {
    let damaged = |problem: String| LedgerError::Damaged {
        place: place.to_owned(),
        problem: format!("evidence {}: {problem}", stored.digest()),
    };
    Ok(match stored {
        StoredEvidence::Kept(evidence) => EvidenceLine {
            sha256: evidence.digest(),
            size: evidence.size() as u64,
            base64: Some(STANDARD.encode(evidence.expand().map_err(damaged)?)),
            pruned_by: None,
        },
        StoredEvidence::Pruned { digest, size, by } => {
            EvidenceLine { sha256: *digest, size: *size as u64, base64: None, pruned_by: Some(*by) }
        }
        StoredEvidence::Lost { .. } => return Err(damaged("its bytes are gone".to_owned())),
    })
}

fn write(output: &mut dyn Write, line: &Line) -> Result<(), LedgerError> {
    let written = serde_json::to_writer(&mut *output, line).map_err(io::Error::from);
    written.and_then(|()| output.write_all(b"\n")).map_err(unwritten)
}

fn unwritten(error: io::Error) -> LedgerError {
    LedgerError::Stream {
        verb: "written",
        error,
        hint: "see that there is space, and who reads it",
    }
}
