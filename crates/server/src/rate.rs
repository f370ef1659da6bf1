//! How often somebody may ask.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A limit of requests for each of many.
pub(crate) struct Rates {
    limiter: DefaultKeyedRateLimiter<String>,
    asked: AtomicU32,
}

/// Those who have not asked for long are forgotten after so many requests.
const FORGET_EVERY: u32 = 1024;

impl Rates {
    /// * `per_second`: on average.
    /// * `burst`: at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self { limiter: RateLimiter::keyed(quota), asked: AtomicU32::new(0) }
    }

    /// Takes a request of somebody, or returns that it is one too many.
    pub(crate) fn takes(&self, who: &String) -> bool {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(who).is_ok()
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").field("known", &self.limiter.len()).finish_non_exhaustive()
    }
}
