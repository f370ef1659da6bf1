//! Which request is sent when.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures_util::stream::{self, StreamExt};
use serin_model::FetchLimits;
use serin_sources::{Answer, Request};
use tokio::time::{Instant, sleep, timeout_at};

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
        in_a_row: AtomicUsize::new(0),
        last: Mutex::new(None),
        bytes: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    };
    let asked = stream::iter(requests).map(|request| async {
        let received = round.ask(request).await;
        progress.answered(round.done.fetch_add(1, Ordering::Relaxed) + 1, requests.len());
        received
    });
    let received: Vec<_> = asked.buffered(limits.in_flight.get()).collect().await;
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
    /// How many requests failed since one succeeded, all tries of each.
    in_a_row: AtomicUsize,
    last: Mutex<Option<FetchFailure>>,
    /// How much was received so far.
    bytes: AtomicUsize,
    done: AtomicUsize,
}

impl Round<'_> {
    /// Asks one thing, again and again while that may help.
    async fn ask(&self, request: &Request) -> Result<(Received, Option<i64>), FetchFailure> {
        if let Some(given_up) = self.given_up() {
            return Err(given_up);
        }
        if self.bytes.load(Ordering::Relaxed) > MOST_BYTES_TOGETHER {
            return Err(FetchFailure::TooLarge { most: MOST_BYTES_TOGETHER });
        }
        let patience = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(self.limits.retries as usize)
            .with_jitter();
        let asking = (|| self.client.ask(request))
            .retry(patience)
            .sleep(sleep)
            .when(FetchFailure::may_pass)
            // A pause of its own choice is the server's, within reason.
            .adjust(|failure, pause| {
                let asked_for = failure.retry_after().map(|pause| pause.min(LONGEST_RETRY_AFTER));
                pause.map(|pause| asked_for.map_or(pause, |asked_for| asked_for.max(pause)))
            });
        let received = timeout_at(self.end, asking).await;
        let received = received.unwrap_or(Err(FetchFailure::TooLate(self.limits.deadline)));
        self.remember(received.as_ref().err());
        received.map(|received| {
            self.bytes.fetch_add(received.bytes, Ordering::Relaxed);
            let ahead = received.date.map(|date| date - now().as_millis());
            (received, ahead)
        })
    }

    /// A store that fails whatever it is asked is left alone, so that nobody waits for the same
    /// time-out two hundred times.
    fn given_up(&self) -> Option<FetchFailure> {
        let failures = self.in_a_row.load(Ordering::Relaxed);
        if failures < self.limits.in_flight.get().max(FEWEST_FAILURES) {
            return None;
        }
        let last = self.last.lock().ok()?.clone()?;
        Some(FetchFailure::GivenUp { failures, last: Box::new(last) })
    }

    fn remember(&self, failure: Option<&FetchFailure>) {
        match failure {
            Some(failure) if failure.is_of_the_store() => {
                self.in_a_row.fetch_add(1, Ordering::Relaxed);
                if let Ok(mut last) = self.last.lock() {
                    *last = Some(failure.clone());
                }
            }
            Some(_) => {}
            None => self.in_a_row.store(0, Ordering::Relaxed),
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
const FEWEST_FAILURES: usize = 3;
