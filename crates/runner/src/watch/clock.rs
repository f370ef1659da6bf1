//! What time it is to a live analysis, and how it waits.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use serin_model::Timestamp;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::RunError;
use crate::moment::now;

/// What time it is, and how to wait: the wall clock, or one that a test or a recording turns.
pub trait Clock {
    /// Returns what time it is.
    fn now(&self) -> Timestamp;

    /// Waits until a moment has come, or until somebody wants to stop.
    fn wait(&self, until: Timestamp, interrupt: &Interrupt);
}

/// This machine's clock.
#[derive(Debug)]
pub struct WallClock {
    runtime: Runtime,
}

impl WallClock {
    /// Creates a clock.
    ///
    /// # Errors
    ///
    /// [`RunError::NoTimer`] when this machine gives no timer.
    pub fn new() -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        Ok(Self { runtime: runtime.map_err(|error| RunError::NoTimer { error })? })
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn wait(&self, until: Timestamp, interrupt: &Interrupt) {
        while !interrupt.is_stopped() {
            let left = until.as_millis() - self.now().as_millis();
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
            // In pieces: a machine that slept, or whose clock was set, is seen to be late.
            let piece = Duration::from_millis(left).min(LONGEST_PIECE);
            // Whether the time is over or somebody wants to stop, the loop sees.
            let _ = self.runtime.block_on(async { timeout(piece, interrupt.stopped()).await });
        }
    }
}

const LONGEST_PIECE: Duration = Duration::from_secs(10);

/// A clock that is always where it is waited for: a recording's time passes at once.
#[derive(Debug)]
pub struct ReplayClock(Cell<Timestamp>);

impl ReplayClock {
    /// Creates a clock that shows a moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(Cell::new(moment))
    }
}

impl Clock for ReplayClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }

    fn wait(&self, until: Timestamp, _: &Interrupt) {
        self.0.set(self.0.get().max(until));
    }
}

/// Says that somebody wants a live analysis to stop. Its copies are one.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<watch::Sender<bool>>);

impl Default for Interrupt {
    /// Nobody wants to stop yet.
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Interrupt {
    /// Wakes whoever waits, and stops the analysis.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether somebody wants to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody wants to stop.
    pub(crate) async fn stopped(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as this copy of it.
        let _ = receiver.wait_for(|stopped| *stopped).await;
    }
}
