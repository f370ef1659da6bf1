//! A ledger, whichever database holds it.

use std::path::Path;

use serin_model::Timestamp;

use crate::admission::Admission;
use crate::database::{Access, Database, Selection, StoredEvidence, Transaction, events, number};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::event::{Event, Head, Key};
use crate::evidence::Evidence;
use crate::id::EventId;
use crate::parcel::{Parcel, Receipt, Refusal};
use crate::postgres::{Postgres, PostgresAddress};
use crate::projection::{Projected, Projection};
use crate::sqlite::Sqlite;

/// A ledger: events that are only ever appended, and the evidence that they name.
///
/// One value is one connection, and does one thing at a time; open several to read while another writes, and
/// put a [`Writer`](crate::Writer) before the one that writes. Calls block. What a call returns as accepted
/// survives the death of the process at any moment.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) database: Box<dyn Database>,
}

/// What the ledger says of each parcel, in their order.
pub type Answers = Vec<Result<Vec<Receipt>, Refusal>>;

/// Rows that are read at once.
pub(crate) const PAGE: usize = 1000;

impl Ledger {
    /// Opens a ledger in a file, and brings it to the newest format.
    ///
    /// * `create`: whether to make one that is not there.
    ///
    /// # Errors
    ///
    /// Where the file is no ledger, a newer one, or cannot be opened.
    pub fn open_file(path: &Path, create: bool) -> Result<Self, LedgerError> {
        Ok(Self { database: Box::new(Sqlite::open(path, create)?) })
    }

    /// Opens a ledger in a PostgreSQL database, which may be empty, and brings it to the newest format.
    ///
    /// # Errors
    ///
    /// Where the database is out of reach, or has a newer ledger.
    pub fn open_postgres(address: PostgresAddress) -> Result<Self, LedgerError> {
        Ok(Self { database: Box::new(Postgres::open(address)?) })
    }

    /// Appends parcels in one transaction: one wait for the disk, however many there are.
    ///
    /// A parcel is taken as a whole or refused as a whole, each for itself; what is known already is said to
    /// be. When this returns, what was taken is on disk.
    ///
    /// # Errors
    ///
    /// What the database did; then nothing of any parcel is stored, unless the connection broke at the
    /// very end. Handing in the same again is safe either way.
    pub fn append(&mut self, parcels: &[Parcel]) -> Result<Answers, LedgerError> {
        let place = self.database.place().to_owned();
        let mut transaction = self.database.begin(Access::Write)?;
        let mut admission = Admission::prepare(&mut *transaction, parcels, &place)?;
        let answers = parcels.iter().map(|parcel| admission.admit(parcel)).collect();
        if !admission.is_empty() {
            admission.write(&mut *transaction)?;
            transaction.commit()?;
        }
        Ok(answers)
    }

    /// Returns the last event's place, id and link.
    ///
    /// # Errors
    ///
    /// What the database did.
    pub fn head(&mut self) -> Result<Head, LedgerError> {
        self.database.begin(Access::Read)?.head()
    }

    /// Returns a page of events in ledger order, behind the position `after`. The next page begins behind the
    /// last event of this one; an empty page is the end.
    ///
    /// * `most`: how many at most; there are fewer where they are large.
    ///
    /// # Errors
    ///
    /// What the database did, or that an event is damaged.
    pub fn events(
        &mut self,
        selection: &Selection,
        after: u64,
        most: usize,
    ) -> Result<Vec<Event>, LedgerError> {
        let place = self.database.place().to_owned();
        let rows = self.database.begin(Access::Read)?.rows(selection, after, most)?;
        events(rows, &place)
    }

    /// Returns the position behind which all events are that arrived since a moment, found by the times in their ids,
    /// which grow whatever the clocks did.
    ///
    /// # Errors
    ///
    /// What the database did, or that an event is damaged.
    pub fn position_before(&mut self, moment: Timestamp) -> Result<u64, LedgerError> {
        let moment = u64::try_from(moment.as_millis()).unwrap_or(0);
        let (mut before, mut behind) = (0, self.head()?.position + 1);
        while before + 1 < behind {
            let middle = before + (behind - before) / 2;
            let event = self.events(&Selection::default(), middle - 1, 1)?.pop();
            match event.is_some_and(|event| event.id.millis() < moment) {
                true => before = middle,
                false => behind = middle,
            }
        }
        Ok(before)
    }

    /// Returns the event of an id.
    ///
    /// # Errors
    ///
    /// What the database did, or that the event is damaged.
    pub fn event(&mut self, id: EventId) -> Result<Option<Event>, LedgerError> {
        let place = self.database.place().to_owned();
        let rows = self.database.begin(Access::Read)?.rows_of_ids(&[id])?;
        Ok(events(rows, &place)?.pop())
    }

    /// Returns the event that its source calls so.
    ///
    /// # Errors
    ///
    /// What the database did, or that the event is damaged.
    pub fn event_of_key(&mut self, key: &Key) -> Result<Option<Event>, LedgerError> {
        let place = self.database.place().to_owned();
        let rows = self.database.begin(Access::Read)?.rows_of_keys(&[key])?;
        Ok(events(rows, &place)?.pop())
    }

    /// Returns a piece of evidence, or `None` where it was pruned or never there.
    ///
    /// # Errors
    ///
    /// What the database did.
    pub fn evidence(&mut self, digest: &Digest) -> Result<Option<Evidence>, LedgerError> {
        Ok(match self.database.begin(Access::Read)?.evidence(digest)? {
            Some(StoredEvidence::Kept(evidence)) => Some(evidence),
            Some(StoredEvidence::Pruned { .. } | StoredEvidence::Lost { .. }) | None => None,
        })
    }

    /// Returns every service that has an event, by name.
    ///
    /// # Errors
    ///
    /// What the database did.
    pub fn services(&mut self) -> Result<Vec<String>, LedgerError> {
        self.database.begin(Access::Read)?.services()
    }

    /// Returns a projection of all events so far, from its last snapshot where there is one.
    ///
    /// * `service`: of this service's events only.
    ///
    /// # Errors
    ///
    /// What the database did, or that an event is damaged.
    pub fn project<P: Projection>(
        &mut self,
        service: Option<&str>,
    ) -> Result<Projected<P>, LedgerError> {
        let place = self.database.place().to_owned();
        let mut transaction = self.database.begin(Access::Read)?;
        let snapshot = transaction.snapshot(P::NAME, service.unwrap_or_default())?;
        let mut projected = snapshot.as_ref().and_then(Projected::of_snapshot);
        advance(&mut *transaction, &mut projected, service, &place)?;
        Ok(projected.unwrap_or_else(Projected::empty))
    }

    /// Has a projection see what was appended since it was made. One of another ledger begins anew.
    ///
    /// * `service`: what it was projected with.
    ///
    /// # Errors
    ///
    /// What the database did, or that an event is damaged; then it may have seen a part.
    pub fn advance<P: Projection>(
        &mut self,
        service: Option<&str>,
        projected: Projected<P>,
    ) -> Result<Projected<P>, LedgerError> {
        let place = self.database.place().to_owned();
        let mut transaction = self.database.begin(Access::Read)?;
        let mut projected = Some(projected);
        advance(&mut *transaction, &mut projected, service, &place)?;
        Ok(projected.unwrap_or_else(Projected::empty))
    }

    /// Returns a projection of what was known at a moment: of the events whose `known_at` is not after it.
    /// Snapshots are of no use for that; all events of the service are read.
    ///
    /// # Errors
    ///
    /// What the database did, or that an event is damaged.
    pub fn project_as_known<P: Projection>(
        &mut self,
        service: Option<&str>,
        known_by: Timestamp,
    ) -> Result<P, LedgerError> {
        let place = self.database.place().to_owned();
        let mut transaction = self.database.begin(Access::Read)?;
        let mut projected = Projected::empty();
        let selection = selection::<P>(service, Some(known_by));
        fold(&mut *transaction, &mut projected, selection, &place)?;
        Ok(projected.state)
    }

    /// Keeps a projection, so that the next one begins there.
    ///
    /// * `service`: what it was projected with.
    ///
    /// # Errors
    ///
    /// What the database did.
    pub fn keep_snapshot<P: Projection>(
        &mut self,
        service: Option<&str>,
        projected: &Projected<P>,
    ) -> Result<(), LedgerError> {
        let mut transaction = self.database.begin(Access::Write)?;
        let snapshot = projected.to_snapshot();
        transaction.keep_snapshot(P::NAME, service.unwrap_or_default(), &snapshot)?;
        transaction.commit()
    }
}

/// Brings a projection to the head; where it is none of this ledger, from the beginning.
fn advance<P: Projection>(
    transaction: &mut dyn Transaction,
    projected: &mut Option<Projected<P>>,
    service: Option<&str>,
    place: &str,
) -> Result<(), LedgerError> {
    let head = transaction.head()?;
    let fits = match projected {
        Some(found) if found.position == head.position => found.link == head.link,
        Some(found) if found.position > 0 => {
            let rows = transaction.rows(&Selection::default(), found.position - 1, 1)?;
            let row = rows.first().filter(|row| row.position == number(found.position));
            row.is_some_and(|row| row.link == found.link.as_bytes())
        }
        Some(_) | None => false,
    };
    let projected = match projected {
        Some(found) if fits => found,
        other => other.insert(Projected::empty()),
    };
    fold(transaction, projected, selection::<P>(service, None), place)?;
    (projected.position, projected.link) = (head.position, head.link);
    Ok(())
}

fn selection<P: Projection>(service: Option<&str>, known_by: Option<Timestamp>) -> Selection {
    let (service, kinds) = (service.map(str::to_owned), P::KINDS.to_vec());
    Selection { service, kinds, known_by, ..Selection::default() }
}

/// Has a projection see all events that it has not seen.
pub(crate) fn fold<P: Projection>(
    transaction: &mut dyn Transaction,
    projected: &mut Projected<P>,
    selection: Selection,
    place: &str,
) -> Result<(), LedgerError> {
    loop {
        let page = events(transaction.rows(&selection, projected.position, PAGE)?, place)?;
        let Some(last) = page.last() else { return Ok(()) };
        (projected.position, projected.link) = (last.position, last.link);
        page.iter().for_each(|event| projected.state.apply(event));
    }
}
