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

    fn start(&self, total: Option<u64>) -> ProgressBar {
        let (bar, template) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} to go")
            }
            None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes}"),
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(self.what);
        bar
    }
}

const PATIENCE: Duration = Duration::from_secs(1);

impl Progress for Bar {
    fn advance(&self, read: u64, total: Option<u64>) {
        if self.bar.get().is_none() && self.since.elapsed() < PATIENCE {
            return;
        }
        self.bar.get_or_init(|| self.start(total)).set_position(read);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
