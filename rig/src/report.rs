//! What a person is told at the end of a scenario.

use std::path::PathBuf;
use std::{fmt, fs};

use crate::fleet::Track;
use crate::load::{Tallies, Tally};

/// What the rig itself saw of a run. The recording holds only what the replicas
/// counted.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests by their end, as the sender counted them.
    pub tallies: Tallies,
    /// Rounds of scraping.
    pub rounds: Rounds,
}

/// Rounds of scraping, and the reports that did not come.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Rounds in the recording, those with gaps among them.
    pub kept: u64,
    /// Reports that replicas of the stable version owed and did not give.
    pub missed_by_stable: u64,
    /// Reports that replicas of the canary owed and did not give.
    pub missed_by_canary: u64,
}

impl Rounds {
    /// Counts a replica of `track` that did not report in a round.
    pub fn miss(&mut self, track: Track) {
        match track {
            Track::Stable => self.missed_by_stable += 1,
            Track::Canary => self.missed_by_canary += 1,
        }
    }
}

/// How one scenario went and where its recording is.
#[derive(Debug)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// Whether somebody stopped it before the recording was whole.
    pub interrupted: bool,
    /// Where the recording is, partial or whole.
    pub path: PathBuf,
    /// What the rig itself saw.
    pub seen: Seen,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, path, seen, .. } = self;
        let bytes = fs::metadata(path).map(|file| file.len()).unwrap_or_default();
        let state = if self.interrupted { "partial, it was interrupted" } else { "whole" };
        writeln!(
            formatter,
            "{scenario}: {state}, {} rounds in {} ({bytes} bytes)",
            seen.rounds.kept,
            path.display()
        )?;
        let Tallies { stable, canary, balancer } = &seen.tallies;
        write_arm(formatter, Track::Stable, stable, seen.rounds.missed_by_stable)?;
        writeln!(formatter)?;
        write_arm(formatter, Track::Canary, canary, seen.rounds.missed_by_canary)?;
        if *balancer != Tally::default() {
            let Tally { answered, failed, unanswered } = balancer;
            write!(
                formatter,
                "\n  by no replica: {answered} requests answered, {failed} failed, {unanswered} \
                 unanswered"
            )?;
        }
        Ok(())
    }
}

fn write_arm(
    formatter: &mut fmt::Formatter<'_>,
    track: Track,
    tally: &Tally,
    missed: u64,
) -> fmt::Result {
    let Tally { answered, failed, unanswered } = tally;
    write!(
        formatter,
        "  {track}  {answered} requests answered, {failed} failed, {unanswered} unanswered; \
         {missed} reports missing"
    )
}
