//! Letting go of what need not be proven any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serin_model::Timestamp;

use crate::applied_checks::AppliedChecks;
use crate::database::{Access, EvidenceState, Selection, Transaction, events};
use crate::digest::Digest;
use crate::error::LedgerError;
use crate::event::{Cause, Event, Header, Key, StoredBody, Submission};
use crate::evidence::Evidence;
use crate::fact::{Fact, LedgerPruned, VERSION};
use crate::history::ServiceHistory;
use crate::id::EventId;
use crate::kind::Kind;
use crate::ledger::{Ledger, PAGE, fold};
use crate::limits::{Invalid, MOST_EVIDENCE};
use crate::projection::Projected;
use crate::pruned::list;
use crate::scope::Scope;

/// What is kept, and for how long. Ages are counted from when something was known.
///
/// Events are never let go: only evidence, and the bodies of `analysis.points`, both of which can be large.
/// Whatever proves the newest known-good change of a scope is kept, and whatever belongs to an analysis that
/// has not ended, and the texts of the Checks in force.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Retention {
    /// How long every verdict can be proven, with the Check, the points and the report; `None` is for ever.
    pub verdicts: Option<Duration>,
    /// How long a verdict that somebody labelled can be proven; `None` is for ever.
    pub labelled: Option<Duration>,
    /// How long the evidence of other events is kept, by their kind; those that are not named, for ever.
    pub kinds: BTreeMap<Kind, Duration>,
}

/// What was pruned, or would be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pruning {
    /// Verdicts that can still be proven.
    pub kept_verdicts: u64,
    /// Verdicts that stay, and cannot be proven any more.
    pub expired_verdicts: u64,
    /// Bodies of point batches that go.
    pub bodies: u64,
    /// Pieces of evidence that go.
    pub evidence: u64,
    /// What that evidence takes, compressed.
    pub bytes: u64,
    /// Whether there is more than one event can list, and pruning again would find it.
    pub is_partial: bool,
    /// The event that says so; none where nothing was pruned.
    pub event: Option<EventId>,
    /// Whether the space was given back to the system; where others are at work, the next pruning does.
    pub is_reclaimed: bool,
}

/// Things that a piece of evidence lists, so that it stays well below what a piece may have.
const MOST_LISTED: usize = 50_000;

impl Retention {
    fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let seconds = |age: &Duration| format!("{} s", age.as_secs());
        words.extend(self.verdicts.map(|age| format!("verdicts: {}", seconds(&age))));
        words.extend(self.labelled.map(|age| format!("labelled verdicts: {}", seconds(&age))));
        words.extend(self.kinds.iter().map(|(kind, age)| format!("{kind}: {}", seconds(age))));
        words
    }
}

impl Ledger {
    /// Lets go of evidence by a policy, and says so in an event that lists it. The chain, every event and
    /// every projection stay as they are.
    ///
    /// Others wait until it is done.
    ///
    /// * `now`: what time it is.
    /// * `is_rehearsal`: only says what would go.
    ///
    /// # Errors
    ///
    /// What the database did; then nothing was pruned.
    pub fn prune(
        &mut self,
        now: Timestamp,
        retention: &Retention,
        is_rehearsal: bool,
    ) -> Result<Pruning, LedgerError> {
        let place = self.database.place().to_owned();
        let access = if is_rehearsal { Access::Read } else { Access::Write };
        let mut transaction = self.database.begin(access)?;
        let mut sweep = Sweep::new(now, retention, &place);
        sweep.checks(&mut *transaction)?;
        for service in transaction.services()? {
            sweep.service(&service, &mut *transaction)?;
        }
        let mut pruning = sweep.settle(&mut *transaction)?;
        if is_rehearsal || (sweep.bodies.is_empty() && sweep.evidence.is_empty()) {
            return Ok(pruning);
        }
        pruning.event = Some(sweep.write(&mut *transaction)?);
        transaction.commit()?;
        // What went is gone either way.
        pruning.is_reclaimed = self.database.reclaim().is_ok();
        Ok(pruning)
    }
}

/// A walk over all services, and what it found so far.
struct Sweep<'a> {
    now: Timestamp,
    retention: &'a Retention,
    place: &'a str,
    pruning: Pruning,
    /// Evidence that something needs.
    needed: BTreeSet<Digest>,
    /// Events that led to something that is kept.
    needed_events: BTreeSet<EventId>,
    expired_bodies: Vec<(u64, EventId)>,
    expired_evidence: BTreeSet<Digest>,
    /// What goes.
    bodies: Vec<u64>,
    evidence: Vec<Digest>,
}

impl<'a> Sweep<'a> {
    fn new(now: Timestamp, retention: &'a Retention, place: &'a str) -> Self {
        Self {
            now,
            retention,
            place,
            pruning: Pruning::default(),
            needed: BTreeSet::new(),
            needed_events: BTreeSet::new(),
            expired_bodies: Vec::new(),
            expired_evidence: BTreeSet::new(),
            bodies: Vec::new(),
            evidence: Vec::new(),
        }
    }

    fn is_past(&self, known_at: Timestamp, age: Option<Duration>) -> bool {
        age.is_some_and(|age| known_at < self.now.before(age))
    }

    /// Keeps the texts of the Checks in force: analyses may yet begin by them.
    fn checks(&mut self, transaction: &mut dyn Transaction) -> Result<(), LedgerError> {
        let mut projected = Projected::<AppliedChecks>::empty();
        let kinds = <AppliedChecks as crate::Projection>::KINDS.to_vec();
        let selection = Selection { kinds, ..Selection::default() };
        fold(transaction, &mut projected, selection, self.place)?;
        for check in projected.state.in_force() {
            self.needed.extend(check.fact.to);
            self.needed.extend(check.fact.texts.iter().map(|text| text.sha256));
        }
        Ok(())
    }

    fn service(
        &mut self,
        service: &str,
        transaction: &mut dyn Transaction,
    ) -> Result<(), LedgerError> {
        let expired = self.expired_analyses(service, transaction)?;
        let selection = Selection { service: Some(service.to_owned()), ..Selection::default() };
        let mut after = 0;
        loop {
            let page = events(transaction.rows(&selection, after, PAGE)?, self.place)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position;
            page.iter().for_each(|event| self.event(event, &expired));
        }
    }

    /// Returns the subjects of analyses none of whose verdicts need be proven any more.
    fn expired_analyses(
        &mut self,
        service: &str,
        transaction: &mut dyn Transaction,
    ) -> Result<BTreeSet<String>, LedgerError> {
        let mut projected = Projected::<ServiceHistory>::empty();
        let selection = Selection {
            service: Some(service.to_owned()),
            kinds: <ServiceHistory as crate::Projection>::KINDS.to_vec(),
            ..Selection::default()
        };
        fold(transaction, &mut projected, selection, self.place)?;
        let history = projected.state;
        let proofs = history.scopes().into_iter().filter_map(|scope| history.known_good(scope));
        let proofs: BTreeSet<EventId> = proofs.map(|good| good.proof.entry.id).collect();
        let mut is_expired: BTreeMap<&str, bool> = BTreeMap::new();
        for verdict in history.verdicts() {
            let entry = &verdict.entry;
            let age = if verdict.label().is_some() {
                self.retention.labelled
            } else {
                self.retention.verdicts
            };
            let goes = self.is_past(entry.known_at, age) && !proofs.contains(&entry.id);
            *is_expired.entry(&entry.subject).or_insert(true) &= goes;
            if goes {
                self.pruning.expired_verdicts += 1;
            } else {
                self.pruning.kept_verdicts += 1;
            }
        }
        let expired = is_expired.into_iter().filter(|(_, is_expired)| *is_expired);
        Ok(expired.map(|(subject, _)| subject.to_owned()).collect())
    }

    fn event(&mut self, event: &Event, expired: &BTreeSet<String>) {
        let header = &event.header;
        let goes = match &header.kind {
            Kind::AnalysisBegun | Kind::PointsTaken | Kind::AnalysisEnded => {
                expired.contains(&header.subject)
            }
            Kind::LedgerPruned => false,
            kind => self.is_past(event.known_at, self.retention.kinds.get(kind).copied()),
        };
        if !goes {
            self.needed.extend(&header.evidence);
            self.needed_events.extend(cause_ids(header));
            return;
        }
        self.expired_evidence.extend(&header.evidence);
        let is_kept = matches!(event.body, StoredBody::Kept(_));
        if header.kind == Kind::PointsTaken && is_kept {
            self.expired_bodies.push((event.position, event.id));
        }
    }

    /// Decides what goes, once all events were seen.
    fn settle(&mut self, transaction: &mut dyn Transaction) -> Result<Pruning, LedgerError> {
        self.follow_causes(transaction)?;
        let bodies = self.expired_bodies.iter();
        let bodies = bodies.filter(|(_, id)| !self.needed_events.contains(id));
        self.bodies = bodies.map(|(position, _)| *position).collect();
        let expired: Vec<Digest> =
            self.expired_evidence.difference(&self.needed).copied().collect();
        for (digest, state) in transaction.evidence_states(&expired)? {
            if let EvidenceState::Kept(bytes) = state {
                self.evidence.push(digest);
                self.pruning.bytes += bytes;
            }
        }
        let room = (MOST_EVIDENCE - 1) * MOST_LISTED;
        self.pruning.is_partial = self.bodies.len() + self.evidence.len() > room;
        self.evidence.truncate(room);
        self.bodies.truncate(room - self.evidence.len());
        self.pruning.bodies = self.bodies.len() as u64;
        self.pruning.evidence = self.evidence.len() as u64;
        Ok(self.pruning)
    }

    /// Keeps what led to something that is kept, and what led to that.
    fn follow_causes(&mut self, transaction: &mut dyn Transaction) -> Result<(), LedgerError> {
        let mut next: Vec<EventId> = self.needed_events.iter().copied().collect();
        while !next.is_empty() {
            let mut found = BTreeSet::new();
            for ids in next.chunks(PAGE) {
                for event in events(transaction.rows_of_ids(ids)?, self.place)? {
                    self.needed.extend(&event.header.evidence);
                    found.extend(cause_ids(&event.header));
                }
            }
            next = found.into_iter().filter(|id| self.needed_events.insert(*id)).collect();
        }
        Ok(())
    }

    fn write(&self, transaction: &mut dyn Transaction) -> Result<EventId, LedgerError> {
        let head = transaction.head()?;
        let lists = self.lists().map_err(|invalid| LedgerError::Failed {
            place: self.place.to_owned(),
            problem: invalid.to_string(),
            hint: "this is a fault of serin's; please report it",
        })?;
        let header = Header {
            key: Key::new("serin-ledger", format!("prune-{}", head.link)),
            occurred_at: self.now,
            scope: Scope::of_service("serin"),
            kind: Kind::LedgerPruned,
            version: VERSION,
            subject: "ledger".to_owned(),
            causes: Vec::new(),
            evidence: lists.1.iter().map(Evidence::digest).collect(),
        };
        let submission = Submission::of_pruning(header, lists.0);
        let event = submission.to_event(&submission.content(), &head, self.now);
        transaction.add_evidence(&lists.1)?;
        transaction.append(std::slice::from_ref(&event))?;
        transaction.prune_bodies(&self.bodies, event.position)?;
        transaction.prune_evidence(&self.evidence, event.position)?;
        Ok(event.id)
    }

    /// Returns what the event says, and the lists that are its evidence.
    fn lists(&self) -> Result<(crate::Body, Vec<Evidence>), Invalid> {
        let bodies = self.bodies.chunks(MOST_LISTED).map(|bodies| list(bodies, &[]));
        let pieces = self.evidence.chunks(MOST_LISTED).map(|pieces| list(&[], pieces));
        let lists: Vec<String> = bodies.chain(pieces).collect();
        let lists: Result<Vec<_>, _> =
            lists.iter().map(|list| Evidence::new(list.as_bytes())).collect();
        let fact = Fact::LedgerPruned(LedgerPruned {
            bodies: self.bodies.len() as u64,
            evidence: self.evidence.len() as u64,
            policy: self.retention.in_words(),
        });
        Ok((fact.body()?, lists?))
    }
}

fn cause_ids(header: &Header) -> impl Iterator<Item = EventId> {
    header.causes.iter().filter_map(|cause| match cause {
        Cause::Event(id) => Some(*id),
        Cause::Key(_) => None,
    })
}
