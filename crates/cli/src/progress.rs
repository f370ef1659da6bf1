//! A bar on the standard error, once something takes longer than a second.

use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serin_runner::{Progress, Stopwatch};

/// Shows how far a reading has come, if it takes long enough for anyone to wonder.
pub(crate) struct Bar {
    what: &'static str,
    since: Stopwatch,
    bar: OnceLock<ProgressBar>,
}

impl Bar {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, since: Stopwatch::start(), bar: OnceLock::new() }
    }

    /// Takes the bar away, once something else is waited for.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    fn show(&self, done: u64, total: Option<u64>, unit: Unit) {
        if self.bar.get().is_none() && self.since.elapsed() < PATIENCE {
            return;
        }
        self.bar.get_or_init(|| self.start(total, unit)).set_position(done);
    }

    fn start(&self, total: Option<u64>, unit: Unit) -> ProgressBar {
        let (bar, template) = match (total, unit) {
            (Some(total), Unit::Bytes) => {
                (ProgressBar::new(total), "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} to go")
            }
            (Some(total), Unit::Queries) => {
                (ProgressBar::new(total), "asking {wide_bar} {pos} of {len} queries, {eta} to go")
            }
            (Some(total), Unit::Canaries) => {
                (ProgressBar::new(total), "judging {wide_bar} {pos} of {len} canaries, {eta} to go")
            }
            (None, _) => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes}"),
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(self.what);
        bar
    }
}

/// What is counted.
#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Queries,
    Canaries,
}

const PATIENCE: Duration = Duration::from_secs(1);

impl Progress for Bar {
    fn advance(&self, read: u64, total: Option<u64>) {
        self.show(read, total, Unit::Bytes);
    }

    fn answered(&self, answered: usize, total: usize) {
        self.show(answered as u64, Some(total as u64), Unit::Queries);
    }

    fn judged(&self, judged: usize, total: usize) {
        self.show(judged as u64, Some(total as u64), Unit::Canaries);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}
