//! How many trials a cell gets, and what is said while it runs.

use std::time::Instant;

use crate::canary::Canary;
use crate::cell::Tally;

/// How a run of the tables was asked for.
#[derive(Clone, Debug)]
pub struct Run {
    /// How many trials the cells get that hold a promised figure.
    pub promised_runs: u64,
    /// How many the others get.
    pub runs: u64,
    /// What all random numbers come from.
    pub seed: u64,
    /// Rows whose name lacks this text are left out.
    pub rows: Option<String>,
}

/// A cell that costs this many points of one arm and metric a trial gets all trials; one that costs
/// more gets fewer.
const POINTS_OF_FULL_PRICE: u64 = 20 * 500;

/// Fewer trials than this, or than were asked for, say nothing.
const FEWEST_TRIALS: u64 = 1_000;

impl Run {
    /// Returns the run as it is for cells that hold a promised figure.
    #[must_use]
    pub fn promised(&self) -> Self {
        Self { runs: self.promised_runs, ..self.clone() }
    }

    /// Returns whether a row of this name was asked for.
    #[must_use]
    pub fn wants(&self, row: &str) -> bool {
        self.rows.as_ref().is_none_or(|text| row.contains(text.as_str()))
    }

    /// Returns how many trials a cell gets.
    #[must_use]
    pub fn trials(&self, canary: &Canary) -> u64 {
        let steps =
            (canary.history + canary.horizon) * canary.control + canary.horizon * canary.canary;
        let points = (steps * canary.metrics.len()) as u64;
        let affordable = self.runs * POINTS_OF_FULL_PRICE / points.max(POINTS_OF_FULL_PRICE);
        affordable.max(FEWEST_TRIALS.min(self.runs))
    }

    /// Runs a cell, and says so.
    #[must_use]
    pub fn tally(&self, cell: &str, canary: &Canary) -> Tally {
        let began = now();
        let trials = self.trials(canary);
        let tally = Tally::of(canary, trials, self.seed);
        let (failed, passed) = (tally.failed().value(), tally.passed_at_end().value());
        say(&format!(
            "{cell}: {trials} trials, {:.2} % failed, {:.2} % passed, {:.1} s",
            100.0 * failed,
            100.0 * passed,
            began.elapsed().as_secs_f64()
        ));
        tally
    }
}

/// Says how far the run has come.
#[expect(clippy::print_stderr, reason = "progress is for the person at the terminal")]
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// Returns the present moment.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "it is the simulation that is timed, nothing judged")]
pub fn now() -> Instant {
    Instant::now()
}
