//! The ledger, for handlers that must not wait.
//!
//! The ledger's calls block. One thread writes for all, as [`Writer`] does anyway; a few others read, with a
//! connection each. Handlers hand in what is to be done and await it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serin_ledger::{
    ITSELF, Ledger, LedgerError, Parcel, Projected, Projection, Receipt, ServiceHistory, Tokens,
    WriteError, Writer,
};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::Instant;

use crate::problem::Problem;

/// The ledger, open for reading and writing.
#[derive(Debug)]
pub(crate) struct Books {
    writer: Writer,
    /// Whoever has no place here would wait for the writer, and with it a thread that others need.
    waiting: Semaphore,
    jobs: SyncSender<Job>,
    tokens: tokio::sync::Mutex<KeptTokens>,
    histories: Mutex<Histories>,
    head: watch::Sender<u64>,
}

type Job = Box<dyn FnOnce(&mut Ledger) + Send>;

/// Parcels that wait for the writer; fewer than it takes before it blocks.
const MOST_WAITING: usize = 512;
/// Questions that wait for a reader.
const MOST_QUESTIONS: usize = 256;

/// The tokens, and when they were last looked at.
#[derive(Debug, Default)]
struct KeptTokens {
    projected: Option<Projected<Tokens>>,
    tokens: Arc<Tokens>,
    looked: Option<Instant>,
}

/// How long another program's tokens and revocations go unnoticed at most.
const TOKENS_AGE: Duration = Duration::from_secs(2);
/// The same for a token that is not known; those who guess shall not have the ledger asked for each guess.
const UNKNOWN_TOKENS_AGE: Duration = Duration::from_millis(100);

/// Histories of services that were asked for lately.
#[derive(Debug, Default)]
struct Histories {
    kept: BTreeMap<String, (Arc<Mutex<KeptHistory>>, u64)>,
    /// Grows with every use.
    uses: u64,
}

/// A history as it was when it was last asked for, unless making it failed.
type KeptHistory = Option<Projected<ServiceHistory>>;

/// Services whose histories are kept; the one that was not asked for the longest makes room.
const MOST_HISTORIES: usize = 32;

impl Books {
    /// Takes ledgers over: one connection to write, and some to read.
    ///
    /// # Errors
    ///
    /// Where the system starts no threads.
    pub(crate) fn open(writer: Ledger, readers: Vec<Ledger>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::sync_channel(MOST_QUESTIONS);
        let waiting = Arc::new(Mutex::new(waiting));
        for reader in readers {
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name("reader".to_owned());
            thread.spawn(move || read(reader, &waiting))?;
        }
        // It ends once the last of those who hand in is gone.
        let (writer, _) = Writer::start(writer)?;
        Ok(Self {
            writer,
            waiting: Semaphore::new(MOST_WAITING),
            jobs,
            tokens: tokio::sync::Mutex::default(),
            histories: Mutex::default(),
            head: watch::Sender::new(0),
        })
    }

    /// Returns what writes the ledger, for those who append without a request.
    pub(crate) fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Appends a parcel, and returns once it is on disk.
    ///
    /// # Errors
    ///
    /// Why the ledger does not take it, or that too many wait.
    pub(crate) async fn append(&self, parcel: Parcel) -> Result<Vec<Receipt>, AppendError> {
        let _place = self.waiting.try_acquire().map_err(|_| AppendError::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.writer.submit(parcel, move |result| {
            // Whoever asked may be gone; what was taken stays.
            let _ = answer.send(result);
        })?;
        let receipts = answered.await.unwrap_or(Err(WriteError::Ended))?;
        if let Some(last) = receipts.iter().map(|receipt| receipt.position).max() {
            self.is_at(last);
        }
        Ok(receipts)
    }

    /// Has a reader look something up.
    ///
    /// # Errors
    ///
    /// What the database did, or that too many ask.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |ledger: &mut Ledger| {
            // Whoever asked may be gone.
            let _ = answer.send(look(ledger));
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Problem::busy(),
            TrySendError::Disconnected(_) => Problem::internal(),
        })?;
        Ok(answered.await.map_err(|_| Problem::internal())??)
    }

    /// Looks at the history of a service, as it is at this moment.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) async fn history<T: Send + 'static>(
        &self,
        service: &str,
        look: impl FnOnce(&ServiceHistory) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let kept = self.kept_history(service);
        let service = service.to_owned();
        self.read(move |ledger| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let projected = match kept.take() {
                Some(projected) => ledger.advance(Some(&service), projected)?,
                None => ledger.project(Some(&service))?,
            };
            Ok(look(&kept.insert(projected).state))
        })
        .await
    }

    fn kept_history(&self, service: &str) -> Arc<Mutex<KeptHistory>> {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        histories.uses += 1;
        let uses = histories.uses;
        if !histories.kept.contains_key(service) && histories.kept.len() >= MOST_HISTORIES {
            let oldest = histories.kept.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(service, _)| service.clone()) {
                histories.kept.remove(&oldest);
            }
        }
        let (kept, used) = histories.kept.entry(service.to_owned()).or_default();
        *used = uses;
        Arc::clone(kept)
    }

    /// Returns a projection of what is about serin itself.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) async fn of_itself<P: Projection + Send + 'static>(&self) -> Result<P, Problem> {
        self.read(|ledger| Ok(ledger.project::<P>(Some(ITSELF))?.state)).await
    }

    /// Returns the tokens. What this server appended is there at once; what other programs appended, within
    /// seconds.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) async fn tokens(&self) -> Result<Arc<Tokens>, Problem> {
        self.tokens_not_older(TOKENS_AGE).await
    }

    /// Returns the tokens for somebody whose token was not among them: it may have been issued a moment ago.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) async fn tokens_anew(&self) -> Result<Arc<Tokens>, Problem> {
        self.tokens_not_older(UNKNOWN_TOKENS_AGE).await
    }

    async fn tokens_not_older(&self, most: Duration) -> Result<Arc<Tokens>, Problem> {
        let mut kept = self.tokens.lock().await;
        if kept.looked.is_none_or(|looked| looked.elapsed() >= most) {
            let projected = kept.projected.take();
            let projected = self
                .read(move |ledger| match projected {
                    Some(projected) => ledger.advance(Some(ITSELF), projected),
                    None => ledger.project(Some(ITSELF)),
                })
                .await?;
            if *kept.tokens != projected.state {
                kept.tokens = Arc::new(projected.state.clone());
            }
            (kept.projected, kept.looked) = (Some(projected), Some(Instant::now()));
        }
        Ok(Arc::clone(&kept.tokens))
    }

    /// Has the next request look at the tokens anew.
    pub(crate) async fn forget_tokens(&self) {
        self.tokens.lock().await.looked = None;
    }

    /// Returns what tells the position of the ledger's head as it grows.
    pub(crate) fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn is_at(&self, position: u64) {
        self.head.send_if_modified(|head| {
            let has_grown = *head < position;
            *head = position.max(*head);
            has_grown
        });
    }

    /// Looks for what other programs append, as long as somebody listens.
    pub(crate) async fn follow(&self) {
        loop {
            tokio::time::sleep(FOLLOW_EVERY).await;
            if self.head.receiver_count() > 0
                && let Ok(head) = self.read(Ledger::head).await
            {
                self.is_at(head.position);
            }
        }
    }
}

/// How often the ledger is looked at for what others append.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// Why something was not appended.
#[derive(Debug)]
pub(crate) enum AppendError {
    Busy,
    Write(WriteError),
}

impl From<WriteError> for AppendError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Busy => Self::busy(),
            AppendError::Write(error) => error.into(),
        }
    }
}

/// Answers questions until nobody can ask any more.
fn read(mut ledger: Ledger, waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The one who asked is told by the end of its channel; the others still have questions.
        if catch_unwind(AssertUnwindSafe(|| job(&mut ledger))).is_err() {
            tracing::error!("a question to the ledger panicked");
        }
    }
}
