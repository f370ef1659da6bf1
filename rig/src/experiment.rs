//! One scenario of a run, and where its recording goes.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::sleep;

use crate::scenario::{SCENARIOS, Scenario};
use crate::shape::Shape;

/// One scenario and where its recording goes.
#[derive(Debug)]
pub struct Experiment {
    /// What differs between the arms.
    pub scenario: Scenario,
    /// Where the recording will be once it is whole.
    pub path: PathBuf,
}

impl Experiment {
    /// Dice of its own: scenarios that share a seed are set apart, so that
    /// recordings made together are independent.
    #[must_use]
    pub fn dice(&self, seed: u64) -> StdRng {
        let place = SCENARIOS.iter().position(|known| known.name == self.scenario.name);
        let stream = (place.unwrap_or_default() as u64) << 32;
        StdRng::seed_from_u64(seed.wrapping_add(stream))
    }

    /// Is the scenario's neighbour, if it has one, once the warm-up is over.
    ///
    /// # Errors
    ///
    /// When the neighbour's process cannot be started, or fails.
    pub async fn visit(&self, shape: &Shape) -> anyhow::Result<()> {
        sleep(shape.warm_up).await;
        match self.scenario.neighbour {
            Some(neighbour) => neighbour.visit(shape.duration).await,
            None => Ok(()),
        }
    }
}

/// A bar that fills with every round of scraping.
#[must_use]
pub fn progress_bar(name: String, rounds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>9} {wide_bar} {pos}/{len} rounds")
        .expect("the template is written a line above");
    ProgressBar::new(rounds).with_style(style).with_prefix(name)
}
