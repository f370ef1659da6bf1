//! Which request is sent when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures_util::stream::{self, StreamExt};
use serin_model::FetchLimits;
use serin_sources::{Answer, Request};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::client::{Received, StoreClient};
use super::failure::FetchFailure;
use super::limits::MOST_BYTES_TOGETHER;
use crate::moment::now;
use crate::progress::Progress;

/// What came of all requests.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// An answer for each request, in order.
    pub(crate) answers: Vec<Result<Answer, FetchFailure>>,
    /// How far the store's clock is ahead of this machine's, in milliseconds.
    pub(crate) clock_ahead: Option<i64>,
}

/// Asks everything, `limits.in_flight` requests at a time.
pub(crate) async fn fetch_all(
    client: &StoreClient,
    requests: &[Request],
    limits: FetchLimits,
    progress: &dyn Progress,
) -> Fetched {
    let round = Round {
        client,
        limits,
        end: Instant::now() + limits.deadline,
        trouble: Mutex::default(),
        bytes: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    };
    // All futures are made before the first is waited for: made on the way, they could not go to another thread.
    let asked: Vec<_> = requests
        .iter()
        .map(|request| async {
            let received = round.ask(request).await;
            progress.answered(round.done.fetch_add(1, Ordering::Relaxed) + 1, requests.len());
            received
        })
        .collect();
    let received: Vec<_> = stream::iter(asked).buffered(limits.in_flight.get()).collect().await;
    let mut clock_ahead = None;
    let answers = received
        .into_iter()
        .map(|received| {
            received.map(|(received, ahead)| {
                clock_ahead = clock_ahead.or(ahead);
                received.answer
            })
        })
        .collect();
    Fetched { answers, clock_ahead }
}

/// What the requests of one analysis share.
struct Round<'a> {
    client: &'a StoreClient,
    limits: FetchLimits,
    end: Instant,
    trouble: Mutex<Trouble>,
    /// How much was received so far.
    bytes: AtomicUsize,
    done: AtomicUsize,
}

/// How a store does that fails again and again.
#[derive(Default)]
struct Trouble {
    /// How many tries failed since one succeeded.
    in_a_row: usize,
    last: Option<FetchFailure>,
    /// Whether it failed even what any store answers.
    is_given_up: bool,
}

impl Round<'_> {
    /// Asks one thing, again and again while that may help.
    async fn ask(&self, request: &Request) -> Result<(Received, Option<i64>), FetchFailure> {
        if self.bytes.load(Ordering::Relaxed) > MOST_BYTES_TOGETHER {
            return Err(FetchFailure::TooLarge { most: MOST_BYTES_TOGETHER });
        }
        let patience = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(self.limits.retries as usize)
            .with_jitter();
        let asking = (|| self.ask_once(request))
            .retry(patience)
            .sleep(sleep)
            .when(FetchFailure::may_pass)
            // A pause of its own choice is the server's, within reason.
            .adjust(|failure, pause| {
                let asked_for = failure.retry_after().map(|pause| pause.min(LONGEST_RETRY_AFTER));
                pause.map(|pause| asked_for.map_or(pause, |asked_for| asked_for.max(pause)))
            });
        let received = timeout_at(self.end, asking).await;
        let received = received.unwrap_or(Err(FetchFailure::TooLate(self.limits.deadline)))?;
        self.bytes.fetch_add(received.bytes, Ordering::Relaxed);
        let ahead = received.date.map(|date| date - now().as_millis());
        Ok((received, ahead))
    }

    async fn ask_once(&self, request: &Request) -> Result<Received, FetchFailure> {
        if let Some(given_up) = self.given_up().await {
            return Err(given_up);
        }
        let received = self.client.ask(request).await;
        let mut trouble = self.trouble.lock().await;
        match &received {
            Err(failure) if failure.may_be_of_the_store() => {
                trouble.in_a_row += 1;
                trouble.last = Some(failure.clone());
            }
            // One query may be wrong while the store is well.
            Err(_) => {}
            Ok(_) => trouble.in_a_row = 0,
        }
        received
    }

    /// A store that fails whatever it is asked is left alone, so that nobody waits for the same
    /// time-out two hundred times. Whether it does is found out with something simple: a few queries
    /// in a row may be too much for a store that is well.
    async fn given_up(&self) -> Option<FetchFailure> {
        let mut trouble = self.trouble.lock().await;
        if !trouble.is_given_up {
            if trouble.in_a_row < FEWEST_FAILURES.max(2 * self.limits.in_flight.get()) {
                return None;
            }
            let probing = timeout(LONGEST_PROBE, self.client.is_well());
            if probing.await.unwrap_or(false) {
                trouble.in_a_row = 0;
                return None;
            }
            trouble.is_given_up = true;
        }
        let last = trouble.last.clone()?;
        Some(FetchFailure::GivenUp { failures: trouble.in_a_row, last: Box::new(last) })
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
const FEWEST_FAILURES: usize = 8;
const LONGEST_PROBE: Duration = Duration::from_secs(5);
