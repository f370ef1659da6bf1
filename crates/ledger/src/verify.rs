//! Whether a ledger is what was appended to it.

use std::collections::BTreeSet;

use crate::database::{Access, Row, Selection, StoredEvidence, Transaction};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::event::{Event, Head, StoredBody};
use crate::kind::Kind;
use crate::ledger::{Ledger, PAGE};
use crate::pruned::Pruned;

/// What a look at all of a ledger found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verification {
    /// How many events there are.
    pub events: u64,
    /// How many bodies of them were pruned, and say so.
    pub pruned_bodies: u64,
    /// How many pieces of evidence there are.
    pub evidence: u64,
    /// How many more were pruned, and say so.
    pub pruned_evidence: u64,
    /// The last event. Whoever notes it down can prove later that nothing before it was changed.
    pub head: Head,
    /// What is wrong, in ledger order; no more than [`MOST_FAULTS`].
    pub faults: Vec<String>,
    /// How much is wrong.
    pub n_faults: u64,
}

/// How many faults are told one by one.
pub const MOST_FAULTS: usize = 100;

/// An event that somebody noted down: `position:link`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotedHead {
    /// Its position.
    pub position: u64,
    /// Its link.
    pub link: Digest,
}

impl std::str::FromStr for NotedHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "write it as `serin ledger verify` does: a position, a colon, and 64 hexadecimal digits";
        let (position, link) = text.split_once(':').ok_or(wrong)?;
        Ok(Self { position: position.parse().map_err(|_| wrong)?, link: link.parse()? })
    }
}

impl Ledger {
    /// Looks at every event and every piece of evidence.
    ///
    /// * `noted`: a head that was noted down earlier, which must still be part of the ledger. Without one, a
    ///   ledger that was rewritten as a whole, links and all, looks well.
    ///
    /// # Errors
    ///
    /// What kept it from looking; what it finds wrong is no error but a fault.
    pub fn verify(&mut self, noted: Option<NotedHead>) -> Result<Verification, LedgerError> {
        let faults = self.database.check()?;
        let mut transaction = self.database.begin(Access::Read)?;
        let mut look = Look::new(&mut *transaction, noted)?;
        for fault in faults {
            look.fault(format!("the database says of its own file: {fault}"));
        }
        look.at_events(&mut *transaction)?;
        look.at_evidence(&mut *transaction)?;
        Ok(look.found)
    }
}

struct Look {
    found: Verification,
    pruned: Pruned,
    noted: Option<NotedHead>,
    /// The link of the event before, as it is stored.
    before: Digest,
    position: u64,
}

impl Look {
    fn new(
        transaction: &mut dyn Transaction,
        noted: Option<NotedHead>,
    ) -> Result<Self, LedgerError> {
        let head = transaction.head()?;
        let found = Verification {
            events: 0,
            pruned_bodies: 0,
            evidence: 0,
            pruned_evidence: 0,
            head,
            faults: Vec::new(),
            n_faults: 0,
        };
        let pruned = Pruned::default();
        let mut look = Self { found, pruned, noted, before: Digest::ZERO, position: 0 };
        look.read_prunings(transaction)?;
        Ok(look)
    }

    fn fault(&mut self, problem: String) {
        self.found.n_faults += 1;
        if self.found.faults.len() < MOST_FAULTS {
            self.found.faults.push(problem);
        }
    }

    /// Reads what was pruned, by the ledger's own words.
    fn read_prunings(&mut self, transaction: &mut dyn Transaction) -> Result<(), LedgerError> {
        let selection = Selection { kinds: vec![Kind::LedgerPruned], ..Selection::default() };
        let mut after = 0;
        loop {
            let page = transaction.rows(&selection, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position.unsigned_abs();
            for event in page.into_iter().filter_map(|row| row.into_event().ok()) {
                for digest in &event.header.evidence {
                    let Some(StoredEvidence::Kept(list)) = transaction.evidence(digest)? else {
                        continue;
                    };
                    // A list that is damaged is told where evidence is looked at.
                    if let Ok(list) = list.expand() {
                        self.pruned.read(event.position, &list);
                    }
                }
            }
        }
    }

    fn at_events(&mut self, transaction: &mut dyn Transaction) -> Result<(), LedgerError> {
        loop {
            let page = transaction.rows(&Selection::default(), self.position, PAGE)?;
            if page.is_empty() {
                break;
            }
            let mut named = BTreeSet::new();
            for row in page {
                self.at_row(row, &mut named);
            }
            self.at_named(&named, transaction)?;
        }
        let head = self.found.head;
        if head.position > self.position {
            let (first, last) = (self.position + 1, head.position);
            self.fault(format!("events {first} to {last} are missing at the end"));
        } else if (head.position, head.link) != (self.position, self.before) {
            let (position, before) = (self.position, self.before);
            self.fault(format!(
                "the head is event {} with the link {}, and the last event is {position} with {before}",
                head.position, head.link
            ));
        }
        if let Some(noted) = self.noted
            && noted.position > self.position
        {
            self.fault(format!("event {}, which was noted down, is not there", noted.position));
        }
        Ok(())
    }

    fn at_row(&mut self, row: Row, named: &mut BTreeSet<(Digest, u64)>) {
        let position = row.position.unsigned_abs();
        let stored_link = Digest::from_bytes(&row.link);
        if position != self.position + 1 {
            let first = self.position + 1;
            self.fault(match position - 1 {
                last if last == first => format!("event {first} is missing"),
                last => format!("events {first} to {last} are missing"),
            });
        }
        let follows = position == self.position + 1;
        self.position = position;
        self.found.events += 1;
        match row.into_event() {
            Err(problem) => self.fault(format!("event {position}: {problem}")),
            Ok(event) => {
                if follows && event.link_after(&self.before) != event.link {
                    self.fault(format!(
                        "event {position} ({}) is not the one that was appended, or does not follow event {}",
                        event.id,
                        position - 1
                    ));
                }
                self.at_body(&event);
                named.extend(event.header.evidence.iter().map(|digest| (*digest, position)));
            }
        }
        self.before = stored_link.unwrap_or(Digest::ZERO);
        if let Some(noted) = self.noted
            && noted.position == position
            && noted.link != self.before
        {
            let found = self.before;
            self.fault(format!(
                "event {position} has the link {found}, and {} was noted down: it or one before it was changed",
                noted.link
            ));
        }
    }

    fn at_body(&mut self, event: &Event) {
        let StoredBody::Pruned { by, .. } = event.body else { return };
        if self.pruned.holds_body(event.position, by) {
            self.found.pruned_bodies += 1;
        } else {
            let position = event.position;
            self.fault(format!(
                "event {position}: its body is gone, and event {by} does not say so"
            ));
        }
    }

    /// Looks whether there is what events name.
    fn at_named(
        &mut self,
        named: &BTreeSet<(Digest, u64)>,
        transaction: &mut dyn Transaction,
    ) -> Result<(), LedgerError> {
        let digests: BTreeSet<Digest> = named.iter().map(|(digest, _)| *digest).collect();
        let digests: Vec<Digest> = digests.into_iter().collect();
        let states = transaction.evidence_states(&digests)?;
        let mut missing: Vec<_> =
            named.iter().filter(|(digest, _)| !states.contains_key(digest)).collect();
        missing.sort_by_key(|(_, position)| *position);
        for (digest, position) in missing {
            self.fault(format!("event {position}: its evidence {digest} is missing"));
        }
        Ok(())
    }

    fn at_evidence(&mut self, transaction: &mut dyn Transaction) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let page = transaction.evidence_after(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.digest());
            for stored in page {
                match stored {
                    StoredEvidence::Kept(evidence) => {
                        self.found.evidence += 1;
                        if let Err(problem) = evidence.expand() {
                            let digest = evidence.digest();
                            self.fault(format!("evidence {digest}: {problem}"));
                        }
                    }
                    StoredEvidence::Pruned { digest, by, .. } => {
                        if self.pruned.holds_evidence(&digest, by) {
                            self.found.pruned_evidence += 1;
                        } else {
                            self.fault(format!(
                                "evidence {digest}: its bytes are gone, and event {by} does not say so"
                            ));
                        }
                    }
                    StoredEvidence::Lost { digest } => {
                        self.fault(format!("evidence {digest}: its bytes are gone"));
                    }
                }
            }
        }
    }
}

impl Verification {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.n_faults == 0
    }
}
