//! Time that passes quickly, or by leaps.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serin_model::Timestamp;
use serin_runner::Stopwatch;
use serin_runner::live::LiveClock;

/// A clock that runs faster than others.
#[derive(Clone, Copy, Debug)]
pub struct FastClock {
    begin: Timestamp,
    stopwatch: Stopwatch,
    speed: u32,
}

impl FastClock {
    /// Starts a clock.
    ///
    /// * `begin`: what it shows at first.
    /// * `speed`: how many of its seconds one second has; 1 at least.
    #[must_use]
    pub fn start(begin: Timestamp, speed: u32) -> Self {
        Self { begin, stopwatch: Stopwatch::start(), speed: speed.max(1) }
    }
}

impl LiveClock for FastClock {
    fn now(&self) -> Timestamp {
        self.begin.after(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.stopwatch.elapsed().saturating_mul(self.speed)
    }

    fn wait(&self, length: Duration) -> Duration {
        length / self.speed
    }
}

/// A clock that stands until somebody sets it forwards: as if so much time had passed.
#[derive(Debug)]
pub(crate) struct LeapingClock {
    begin: Timestamp,
    now: AtomicI64,
}

impl LeapingClock {
    pub(crate) fn at(begin: Timestamp) -> Self {
        Self { begin, now: AtomicI64::new(begin.as_millis()) }
    }

    /// Lets time pass up to a moment; it never goes back.
    pub(crate) fn leap(&self, to: Timestamp) {
        self.now.fetch_max(to.as_millis(), Ordering::SeqCst);
    }
}

impl LiveClock for LeapingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        let millis = self.now().as_millis() - self.begin.as_millis();
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}
