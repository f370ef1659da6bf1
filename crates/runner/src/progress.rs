//! How far a long reading has come.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Hears how far a reading has come.
pub trait Progress: Sync {
    /// Is told, now and then, how many bytes were read so far and out of how many, if that is known.
    fn advance(&self, read: u64, total: Option<u64>);

    /// Is told how many queries were answered so far, and how many there are.
    fn answered(&self, answered: usize, total: usize);

    /// Is told how many pretended canaries were judged so far, and how many there are.
    fn judged(&self, _judged: usize, _total: usize) {}
}

/// Nobody listens.
impl Progress for () {
    fn advance(&self, _: u64, _: Option<u64>) {}
    fn answered(&self, _: usize, _: usize) {}
}

/// Measures how long something has taken, for people only: no verdict depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others ask")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns how long it has been.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Reads through to another reader, and says how far it has come.
pub(crate) struct WatchedReader<'a, R> {
    inner: R,
    read: u64,
    total: Option<u64>,
    progress: &'a dyn Progress,
}

impl<'a, R: Read> WatchedReader<'a, R> {
    pub(crate) fn new(inner: R, total: Option<u64>, progress: &'a dyn Progress) -> Self {
        Self { inner, read: 0, total, progress }
    }
}

impl<R: Read> Read for WatchedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        self.progress.advance(self.read, self.total);
        Ok(read)
    }
}
