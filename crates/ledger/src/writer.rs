//! One who writes for many.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::parcel::{Parcel, Receipt, Refusal};

/// Takes parcels from many and appends them in few transactions: while one waits for the disk, the next
/// gathers. Clones hand in to the same ledger. The ledger is closed when the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Writer {
    jobs: SyncSender<Job>,
}

/// Why a parcel is not in the ledger.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The ledger does not take it.
    #[error(transparent)]
    Refused(Refusal),
    /// The database failed, for this parcel and all that were handed in with it.
    #[error(transparent)]
    Failed(Arc<LedgerError>),
    /// Nobody writes any more.
    #[error("the writer of the ledger has ended\n\nhint: see in the log why; start serin anew")]
    Ended,
}

type Reply = Box<dyn FnOnce(Result<Vec<Receipt>, WriteError>) + Send>;

struct Job {
    parcel: Parcel,
    reply: Reply,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("parcel", &self.parcel).finish_non_exhaustive()
    }
}

/// Parcels that wait; whoever hands in one more waits too.
const MOST_WAITING: usize = 1024;
/// Events of one transaction; those who wait behind it shall not wait for long.
const MOST_BATCH_EVENTS: usize = 4000;
/// Bytes of evidence of one transaction.
const MOST_BATCH_BYTES: usize = 64 << 20;

impl Writer {
    /// Starts a thread that writes. It ends, and the ledger is closed, once every clone is dropped.
    ///
    /// # Errors
    ///
    /// Where the system starts no thread.
    pub fn start(ledger: Ledger) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, waiting) = mpsc::sync_channel(MOST_WAITING);
        let thread = thread::Builder::new().name("ledger".to_owned());
        Ok((Self { jobs }, thread.spawn(move || write(ledger, &waiting))?))
    }

    /// Hands in a parcel, and waits until it is on disk or refused.
    ///
    /// # Errors
    ///
    /// Why it is not in the ledger.
    pub fn append(&self, parcel: Parcel) -> Result<Vec<Receipt>, WriteError> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.submit(parcel, move |result| {
            // Whoever asked waits right below.
            let _ = answer.send(result);
        })?;
        answered.recv().unwrap_or(Err(WriteError::Ended))
    }

    /// Hands in a parcel, and has `reply` called once it is on disk or refused, on the thread that writes: it
    /// must not wait for anything. Waits only while too many others do.
    ///
    /// # Errors
    ///
    /// [`WriteError::Ended`], where nobody writes any more.
    pub fn submit(
        &self,
        parcel: Parcel,
        reply: impl FnOnce(Result<Vec<Receipt>, WriteError>) + Send + 'static,
    ) -> Result<(), WriteError> {
        let job = Job { parcel, reply: Box::new(reply) };
        self.jobs.send(job).map_err(|_| WriteError::Ended)
    }
}

fn write(mut ledger: Ledger, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let (parcels, replies) = gather(first, waiting);
        match ledger.append(&parcels) {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    reply(answer.map_err(WriteError::Refused));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                replies.into_iter().for_each(|reply| reply(Err(WriteError::Failed(error.clone()))));
            }
        }
    }
}

/// Takes whatever waits, up to what one transaction shall hold.
fn gather(first: Job, waiting: &Receiver<Job>) -> (Vec<Parcel>, Vec<Reply>) {
    let (mut parcels, mut replies) = (Vec::new(), Vec::new());
    let (mut events, mut bytes) = (0, 0);
    let mut next = Some(first);
    while let Some(job) = next {
        events += job.parcel.events().len();
        bytes += job.parcel.evidence().iter().map(crate::Evidence::size).sum::<usize>();
        parcels.push(job.parcel);
        replies.push(job.reply);
        let has_room = events < MOST_BATCH_EVENTS && bytes < MOST_BATCH_BYTES;
        next = has_room.then(|| waiting.try_recv().ok()).flatten();
    }
    (parcels, replies)
}
