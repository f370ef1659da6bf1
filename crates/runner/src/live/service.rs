//! What drives the schedule: time, sources and the ledger, and those who ask how it goes.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use futures_util::future::{Either, select};
use serin_ledger::{
    Digest, EventId, Invalid, Ledger, LedgerError, Parcel, Receipt, Refusal, Running, Scope,
    WriteError, Writer,
};
use serin_model::{FileError, Timestamp, Verdict};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::sleep;

use super::commission::{Commission, read_checks};
use super::entries::{About, NewAnalysis, fresh_key, key_of_begun, question, subject_of};
use super::overlap::{self, Overlap};
use super::points::{Answered, PointSource, Sources};
use super::progress::{Progress, Snapshot, What};
use super::record::{self, Record, RecordError};
use super::schedule::{Concluding, Resumed, Schedule, Task, own};
use crate::error::RunError;
use crate::judge::refuse_fleet;
use crate::moment::now;
use crate::progress::Stopwatch;
use crate::watch::{Outage, Timing};

/// What time it is to thousands of live analyses.
pub trait LiveClock: fmt::Debug + Send + Sync {
    /// Returns what time it is. Somebody may set it.
    fn now(&self) -> Timestamp;

    /// Returns how long it has run, by a clock that nobody sets.
    fn elapsed(&self) -> Duration;

    /// Returns how long to wait for so much of this clock's time to pass.
    fn wait(&self, length: Duration) -> Duration {
        length
    }
}

/// This machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Stopwatch);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Stopwatch::start())
    }
}

impl LiveClock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Live analyses: those that the ledger says run, and those that are begun here. Clones are the same. When the last
/// is dropped nothing is judged any more, and whoever opens the ledger the next time goes on where it was.
#[derive(Clone)]
pub struct Live {
    orders: mpsc::UnboundedSender<Order>,
    events: broadcast::Sender<Arc<Progress>>,
    writer: Writer,
    reader: Reader,
    sources: Arc<dyn Sources>,
    clock: Arc<dyn LiveClock>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// An analysis that was begun.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Begun {
    /// What it is called, such as `analysis/5b1e…`.
    pub subject: String,
    /// What is analysed.
    pub scope: Scope,
    /// Its first event.
    pub id: EventId,
    /// Whether it was begun before, under the same key.
    pub was_known: bool,
}

/// Why live analyses are not driven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The system starts no thread.
    #[error(
        "no thread can be started to read the ledger: {0}\n\nhint: see how many processes may run"
    )]
    Thread(std::io::Error),
}

/// Why an analysis does not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// A Check says what cannot be.
    #[error(transparent)]
    Check(#[from] FileError),
    /// The source cannot be asked, or not this.
    #[error(transparent)]
    Source(#[from] RunError),
    /// Something is too long, or no name.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The key belongs to an analysis of something else.
    #[error(
        "the key `{key}` belongs to {subject}, which asks something else\n\n\
         hint: use a new key for a new analysis; the same key only to ask for the same once more"
    )]
    OtherAnalysis {
        /// The key.
        key: String,
        /// The analysis that has it.
        subject: String,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Write(WriteError),
    /// Nobody drives live analyses any more.
    #[error("live analyses are not driven any more\n\nhint: start serin anew")]
    Ended,
}

/// What somebody wants of those that are driven.
enum Order {
    Add {
        about: Box<About>,
        resumed: Box<Resumed>,
        source: Arc<dyn PointSource>,
        overlaps: Vec<Overlap>,
    },
    Stop {
        subject: String,
        done: oneshot::Sender<bool>,
    },
    Note(Overlap),
    Running(oneshot::Sender<Vec<Snapshot>>),
    One {
        subject: String,
        reply: oneshot::Sender<Option<(Snapshot, Option<Arc<About>>)>>,
    },
    Verdict {
        subject: String,
        record: Box<Record>,
        reply: oneshot::Sender<Option<Verdict>>,
    },
}

/// What came of a task.
enum Came {
    Answer { subject: String, answer: Result<Answered, Outage> },
    Written { subject: String, result: Result<Vec<Receipt>, WriteError> },
    Read { subject: String, read: Box<Concluding> },
}

impl Live {
    /// Drives the analyses that the ledger says run, and those that are begun from now on, on the Tokio runtime of
    /// whoever calls. Calls that take long block a thread of their own.
    ///
    /// * `ledger`: another connection to the ledger that `writer` writes.
    /// * `most_at_once`: how many analyses ask one source at a time.
    ///
    /// # Errors
    ///
    /// [`LiveError`] when the ledger cannot be read. An analysis that cannot be gone on with is none: it is shown as
    /// [stuck](super::State::Stuck).
    pub async fn start(
        writer: Writer,
        ledger: Ledger,
        sources: Arc<dyn Sources>,
        clock: Arc<dyn LiveClock>,
        most_at_once: usize,
    ) -> Result<Self, LiveError> {
        let reader = Reader::start(ledger).map_err(LiveError::Thread)?;
        let mut schedule = Schedule::new(most_at_once);
        resume(&mut schedule, &reader, &sources, &clock).await?;
        let (orders, inbox) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(MOST_BEHIND);
        let live = Self { orders, events, writer, reader, sources, clock };
        tokio::spawn(Driver::of(&live, schedule, inbox).run());
        Ok(live)
    }

    /// Begins an analysis. When this returns it is in the ledger, and goes on whatever happens.
    ///
    /// # Errors
    ///
    /// [`BeginError`]; then nothing is stored, unless the ledger failed: asking once more under the same key is safe.
    pub async fn begin(&self, asked: NewAnalysis) -> Result<Begun, BeginError> {
        let now = self.clock.now();
        let key = asked.idempotency_key.clone().unwrap_or_else(fresh_key);
        let (about, resumed, source) = self.prepare(asked, &key, now)?;
        if let Some(known) = self.known(&key, &about).await? {
            return Ok(known);
        }
        let own = own(&about);
        let overlaps = self.reader.ask(move |ledger| overlap::find(ledger, &own, &[], now)).await;
        let overlaps = overlaps.ok_or(BeginError::Ended)??;
        let written = self.write(about.begins(key_of_begun(&key))?).await;
        let id = match written {
            Ok(receipts) => receipts.first().map(|receipt| receipt.id).ok_or(BeginError::Ended)?,
            // Somebody else was faster under the same key.
            Err(WriteError::Refused(Refusal::Conflict { .. })) => {
                let known = self.known(&key, &about).await?;
                let subject = about.subject.clone();
                return known.ok_or(BeginError::OtherAnalysis { key, subject });
            }
            Err(error) => return Err(BeginError::Write(error)),
        };
        let (subject, scope) = (about.subject.clone(), about.scope.clone());
        let about = Box::new(about.with_begun(id));
        self.send(Order::Add { about, resumed, source, overlaps })?;
        Ok(Begun { subject, scope, id, was_known: false })
    }

    fn prepare(
        &self,
        asked: NewAnalysis,
        key: &str,
        now: Timestamp,
    ) -> Result<Prepared, BeginError> {
        let written = read_checks(&asked.checks)?;
        let commission = Commission {
            checks: asked.checks,
            start: asked.timing.start,
            timing: Timing::of(&written.analysis, asked.timing),
            waiting_since: now,
            url: asked.url,
        };
        let scope = Scope { service: written.analysis.service.clone(), labels: asked.labels };
        let source = self.sources.open(&written, commission.url.as_deref())?;
        let question = question(&commission, written);
        refuse_fleet(&question)?;
        let analysis = question.written.analysis;
        let about = About {
            subject: subject_of(key),
            scope,
            change: asked.change,
            shadow: asked.shadow,
            commission,
            begun: None,
        };
        let resumed = Box::new(Resumed::new(&about, analysis, source.name()));
        Ok((about, resumed, source))
    }

    /// Returns the analysis that was begun under a key before, if it asks the same.
    async fn known(&self, key: &str, about: &About) -> Result<Option<Begun>, BeginError> {
        let event_key = key_of_begun(key);
        let event = self.reader.ask(move |ledger| ledger.event_of_key(&event_key)).await;
        let Some(event) = event.ok_or(BeginError::Ended)?? else { return Ok(None) };
        let texts = about.commission.checks.iter().map(|it| Digest::of(it.text.as_bytes()));
        let is_same = event.header.scope == about.scope
            && texts.into_iter().all(|digest| event.header.evidence.contains(&digest));
        let subject = event.header.subject;
        if !is_same {
            return Err(BeginError::OtherAnalysis { key: key.to_owned(), subject });
        }
        let scope = event.header.scope;
        Ok(Some(Begun { subject, scope, id: event.id, was_known: true }))
    }

    async fn write(&self, parcel: Parcel) -> Result<Vec<Receipt>, WriteError> {
        let (reply, written) = oneshot::channel();
        self.writer.submit(parcel, move |result| {
            // Whoever asked may be gone.
            let _ = reply.send(result);
        })?;
        written.await.unwrap_or(Err(WriteError::Ended))
    }

    fn send(&self, order: Order) -> Result<(), BeginError> {
        self.orders.send(order).map_err(|_| BeginError::Ended)
    }

    /// Ends an analysis as inconclusive, and returns whether it ran and could be ended. When this returns that is in
    /// the ledger; while the ledger cannot be written it does not return.
    pub async fn stop(&self, subject: &str) -> bool {
        let (done, ended) = oneshot::channel();
        let order = Order::Stop { subject: subject.to_owned(), done };
        self.send(order).is_ok() && ended.await.unwrap_or(false)
    }

    /// Says that something changed: analyses of the same scope say so. The ledger is not written.
    ///
    /// * `subject`: the change, such as `change/1.1`.
    /// * `since`: when it began.
    pub fn note(&self, subject: &str, scope: &Scope, since: Timestamp) {
        let overlap =
            Overlap { subject: subject.to_owned(), since, change: None, scope: scope.clone() };
        // Where nothing is driven nothing can overlap.
        let _ = self.send(Order::Note(overlap));
    }

    /// Returns what time it is to the analyses.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the analyses that run, by subject.
    pub async fn running(&self) -> Vec<Snapshot> {
        let (reply, running) = oneshot::channel();
        if self.send(Order::Running(reply)).is_err() {
            return Vec::new();
        }
        running.await.unwrap_or_default()
    }

    /// Returns how an analysis that runs stands, and the verdict on all its points so far, once there is one.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when its points cannot be read back.
    pub async fn one(
        &self,
        subject: &str,
    ) -> Result<Option<(Snapshot, Option<Verdict>)>, LedgerError> {
        let (reply, one) = oneshot::channel();
        let order = Order::One { subject: subject.to_owned(), reply };
        if self.send(order).is_err() {
            return Ok(None);
        }
        let Some((snapshot, about)) = one.await.ok().flatten() else { return Ok(None) };
        let Some(about) = about.filter(|_| snapshot.judged_to.is_some()) else {
            return Ok(Some((snapshot, None)));
        };
        let record = match self.reader.ask(move |ledger| Record::read(ledger, &about)).await {
            Some(Ok(record)) => Box::new(record),
            Some(Err(RecordError::Ledger(error))) => return Err(error),
            Some(Err(_)) | None => return Ok(Some((snapshot, None))),
        };
        let (reply, verdict) = oneshot::channel();
        let order = Order::Verdict { subject: subject.to_owned(), record, reply };
        let is_sent = self.send(order).is_ok();
        let verdict = if is_sent { verdict.await.ok().flatten() } else { None };
        Ok(Some((snapshot, verdict)))
    }

    /// Hears what happens from now on. Whoever is slow misses the oldest, and is told how many.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Progress>> {
        self.events.subscribe()
    }
}

/// What is needed to begin.
type Prepared = (About, Box<Resumed>, Arc<dyn PointSource>);

/// Goes on with the analyses that run.
async fn resume(
    schedule: &mut Schedule,
    reader: &Reader,
    sources: &Arc<dyn Sources>,
    clock: &Arc<dyn LiveClock>,
) -> Result<(), LiveError> {
    let ended = || LiveError::Thread(std::io::Error::other("it has ended"));
    let running = reader.ask(record::running).await.ok_or_else(ended)??;
    for running in running {
        let (of, sources) = (running.clone(), Arc::clone(sources));
        let now = clock.now();
        let read = reader.ask(move |ledger| read_back(ledger, &of, &*sources, now)).await;
        match read.ok_or_else(ended)? {
            Ok(None) => {}
            Ok(Some((about, source, resumed, overlaps))) => {
                schedule.add(about, source, resumed, overlaps, now);
            }
            Err(Unresumed::Ledger(error)) => return Err(error.into()),
            Err(Unresumed::Stuck(why)) => schedule.add_stuck(&running, why, now),
        }
    }
    Ok(())
}

/// Why an analysis is not gone on with.
#[derive(Debug)]
pub(super) enum Unresumed {
    Ledger(LedgerError),
    Stuck(String),
}

pub(super) type ReadBack = (About, Arc<dyn PointSource>, Resumed, Vec<Overlap>);

pub(super) fn read_back(
    ledger: &mut Ledger,
    running: &Running,
    sources: &dyn Sources,
    now: Timestamp,
) -> Result<Option<ReadBack>, Unresumed> {
    let unread = |error: RecordError| match error {
        RecordError::Ledger(error) => Unresumed::Ledger(error),
        other => Unresumed::Stuck(other.to_string()),
    };
    let Some((about, written)) = record::about(ledger, running).map_err(unread)? else {
        return Ok(None);
    };
    let source = sources.open(&written, about.commission.url.as_deref());
    let source = source.map_err(|error| Unresumed::Stuck(error.to_string()))?;
    let mut resumed = Resumed::new(&about, written.analysis, source.name());
    record::each_batch(ledger, &about, |batch| resumed.take(batch)).map_err(unread)?;
    let overlaps = overlap::find(ledger, &own(&about), &[], now).map_err(Unresumed::Ledger)?;
    Ok(Some((about, source, resumed, overlaps)))
}

/// Drives a schedule: it alone touches it.
struct Driver {
    schedule: Schedule,
    orders: mpsc::UnboundedReceiver<Order>,
    /// What came of tasks. It holds no more than one thing for each analysis.
    came: mpsc::UnboundedReceiver<Came>,
    came_back: mpsc::UnboundedSender<Came>,
    events: broadcast::Sender<Arc<Progress>>,
    writer: Writer,
    reader: Reader,
    clock: Arc<dyn LiveClock>,
    /// Those who wait for an analysis to end.
    stopping: BTreeMap<String, Vec<oneshot::Sender<bool>>>,
    /// The clock that may be set less the one that nobody sets, in milliseconds.
    clock_stands: i64,
    /// What is yet to be handed to the writer, and how much it has.
    unwritten: VecDeque<(String, Parcel)>,
    writing: usize,
}

impl Driver {
    fn of(live: &Live, schedule: Schedule, orders: mpsc::UnboundedReceiver<Order>) -> Self {
        let (came_back, came) = mpsc::unbounded_channel();
        Self {
            schedule,
            orders,
            came,
            came_back,
            events: live.events.clone(),
            writer: live.writer.clone(),
            reader: live.reader.clone(),
            clock_stands: stands(&*live.clock),
            clock: Arc::clone(&live.clock),
            stopping: BTreeMap::new(),
            unwritten: VecDeque::new(),
            writing: 0,
        }
    }

    /// Does one thing after the other, those first for which somebody waits. Ends once nobody can order anything
    /// any more.
    async fn run(mut self) {
        loop {
            self.hand_out();
            match self.orders.try_recv() {
                Ok(order) => {
                    self.obey(order);
                    continue;
                }
                Err(mpsc::error::TryRecvError::Disconnected) => return,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            self.look_at_clock();
            if let Ok(came) = self.came.try_recv() {
                self.hear(came);
            } else if !self.schedule.tick(self.clock.now()) && !self.wait().await {
                return;
            }
            // On a runtime of one thread those who order must have their turn.
            tokio::task::yield_now().await;
        }
    }

    /// Waits for whatever comes first, and returns whether to go on.
    async fn wait(&mut self) -> bool {
        let now = self.clock.now();
        let left = self.schedule.next().map(|next| next.as_millis() - now.as_millis());
        let left = left.map(|left| Duration::from_millis(u64::try_from(left).unwrap_or(0)));
        // In pieces: a machine that slept, or whose clock was set, is seen to be late.
        let piece = left.unwrap_or(LONGEST_PIECE).min(LONGEST_PIECE);
        let woken = {
            let pause = std::pin::pin!(sleep(self.clock.wait(piece)));
            let order = std::pin::pin!(self.orders.recv());
            let came = std::pin::pin!(self.came.recv());
            match select(order, select(came, pause)).await {
                Either::Left((order, _)) => Woken::Order(order),
                Either::Right((Either::Left((came, _)), _)) => Woken::Came(came),
                Either::Right((Either::Right(_), _)) => Woken::Moment,
            }
        };
        match woken {
            Woken::Order(None) => return false,
            Woken::Order(Some(order)) => self.obey(order),
            Woken::Came(Some(came)) => self.hear(came),
            Woken::Came(None) | Woken::Moment => {}
        }
        true
    }

    fn look_at_clock(&mut self) {
        let stands = stands(&*self.clock);
        let by = stands - self.clock_stands;
        if by.abs() >= SMALLEST_STEP.as_millis() as i64 {
            self.clock_stands = stands;
            self.schedule.clock_set(by, self.clock.now());
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.clock.now();
        match order {
            Order::Add { about, resumed, source, overlaps } => {
                self.schedule.add(*about, source, *resumed, overlaps, now);
            }
            Order::Stop { subject, done } => {
                if self.schedule.stop(&subject, now) {
                    self.stopping.entry(subject).or_default().push(done);
                } else {
                    reply(done, false);
                }
            }
            Order::Note(overlap) => self.schedule.note(&overlap, now),
            Order::Running(to) => reply(to, self.schedule.snapshots()),
            Order::One { subject, reply: to } => {
                let about = self.schedule.about(&subject);
                reply(to, self.schedule.snapshot(&subject).map(|snapshot| (snapshot, about)));
            }
            Order::Verdict { subject, record, reply: to } => {
                reply(to, self.schedule.verdict(&subject, *record));
            }
        }
    }

    fn hear(&mut self, came: Came) {
        let now = self.clock.now();
        match came {
            Came::Answer { subject, answer } => self.schedule.answered(&subject, answer, now),
            Came::Written { subject, result } => {
                self.writing -= 1;
                self.schedule.written(&subject, result, now);
            }
            Came::Read { subject, read } => self.schedule.read(&subject, *read, now),
        }
    }

    /// Has tasks done, and tells what happened.
    fn hand_out(&mut self) {
        for task in self.schedule.take_tasks() {
            let back = self.came_back.clone();
            match task {
                Task::Ask { subject, source, window, anyhow } => {
                    tokio::spawn(async move {
                        let answer = source.ask(window, anyhow).await;
                        // Nobody hears it any more where everything ended.
                        let _ = back.send(Came::Answer { subject, answer });
                    });
                }
                Task::Append { subject, parcel } => self.unwritten.push_back((subject, parcel)),
                Task::Read { about, own, running, until } => self.reader.tell(move |ledger| {
                    let read = concluding(ledger, &about, &own, &running, until);
                    let (subject, read) = (about.subject.clone(), Box::new(read));
                    let _ = back.send(Came::Read { subject, read });
                }),
            }
        }
        self.write();
        for progress in self.schedule.take_said() {
            if matches!(progress.what, What::Ended { .. } | What::Stuck { .. }) {
                let is_over = matches!(progress.what, What::Ended { .. });
                let waiting = self.stopping.remove(&progress.subject).unwrap_or_default();
                waiting.into_iter().for_each(|done| reply(done, is_over));
            }
            // Nobody need listen.
            let _ = self.events.send(Arc::new(progress));
        }
    }

    /// Hands in what is to be written, as much as the writer takes without having this wait.
    fn write(&mut self) {
        while self.writing < MOST_WRITING
            && let Some((subject, parcel)) = self.unwritten.pop_front()
        {
            self.writing += 1;
            let (back, of) = (self.came_back.clone(), subject.clone());
            let submitted = self.writer.submit(parcel, move |result| {
                let _ = back.send(Came::Written { subject: of, result });
            });
            if let Err(error) = submitted {
                let came = Came::Written { subject, result: Err(error) };
                let _ = self.came_back.send(came);
            }
        }
    }
}

/// What a driver waited for.
enum Woken {
    /// Nobody can order anything any more, or somebody did.
    Order(Option<Order>),
    Came(Option<Came>),
    Moment,
}

/// Whoever asked may be gone.
fn reply<T>(to: oneshot::Sender<T>, answer: T) {
    let _ = to.send(answer);
}

pub(super) fn concluding(
    ledger: &mut Ledger,
    about: &About,
    own: &overlap::Own,
    running: &[Overlap],
    until: Timestamp,
) -> Concluding {
    let record = Record::read(ledger, about)?;
    Ok((record, overlap::find(ledger, own, running, until)?))
}

fn stands(clock: &dyn LiveClock) -> i64 {
    let elapsed = i64::try_from(clock.elapsed().as_millis()).unwrap_or(i64::MAX);
    clock.now().as_millis() - elapsed
}

/// Reads the ledger on a thread of its own, for many. It ends when the last clone is dropped.
#[derive(Clone, Debug)]
struct Reader(blocking::Sender<Job>);

type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

impl Reader {
    fn start(mut ledger: Ledger) -> std::io::Result<Self> {
        let (jobs, waiting) = blocking::channel::<Job>();
        let thread = std::thread::Builder::new().name("ledger reader".to_owned());
        thread.spawn(move || waiting.iter().for_each(|job| job(&mut ledger)))?;
        Ok(Self(jobs))
    }

    fn tell(&self, job: impl FnOnce(&mut Ledger) + Send + 'static) {
        // It ends only with the last of those who could tell.
        let _ = self.0.send(Box::new(job));
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(move |ledger| {
            let _ = reply.send(job(ledger));
        });
        answer.await.ok()
    }
}

/// How many events a slow listener may be behind before it misses some.
const MOST_BEHIND: usize = 4096;

/// How many parcels are handed to the writer at a time: fewer than it takes without having others wait.
const MOST_WRITING: usize = 512;

/// How long nobody looks at the clock.
const LONGEST_PIECE: Duration = Duration::from_secs(10);

/// Less than this is not a clock that was set: two clocks drift.
const SMALLEST_STEP: Duration = Duration::from_secs(30);
