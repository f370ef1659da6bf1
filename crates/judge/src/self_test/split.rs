//! Who is pretended to be the canary, and when.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{MetricSeries, Observations, Replica, SplitKind, SplitsAsked, Timestamp, Window};

use super::time_of;
use crate::draws::Draws;

/// One way to pretend a rollout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    /// What the judge may learn from: from the first moment up to the rollout.
    pub(super) learning: Window,
    /// The rollout.
    pub(super) judged: Window,
    /// The replicas that are pretended to be the canary; none where all are, at another time.
    pub(super) canary: BTreeSet<String>,
}

/// The time there is, in steps of the common clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// The first step, and the first after the last.
    pub(super) first: i64,
    pub(super) end: i64,
    /// A step's length in milliseconds.
    pub(super) length: i64,
    /// How many steps are judged.
    pub(super) horizon: i64,
    /// How many steps are learnt from at most.
    pub(super) learning: i64,
    /// Whether more steps should have been judged than there is time for.
    pub(super) is_cut: bool,
}

impl Stretch {
    pub(super) fn minutes(&self, steps: i64) -> f64 {
        (steps * self.length) as f64 / 60_000.0
    }

    fn window(&self, from: i64, to: i64) -> Window {
        Window { start: time_of(from, self.length), end: time_of(to, self.length) }
    }

    /// Returns the steps at which a rollout may begin: half of the time that is left, but no more than
    /// is learnt from, lies before the first.
    fn starts(&self) -> (i64, i64) {
        let spare = self.end - self.first - self.horizon;
        let lead = self.learning.min((spare + 1) / 2).max(1);
        (self.first + lead, self.end - self.horizon)
    }
}

/// Draws the splits, and says how many rollouts there are that share no point.
///
/// A pretended canary has from one to half of the replicas that ran from the beginning to the end of
/// its time. Where hardly any time has two of them, there are fewer splits than were asked for.
pub(super) fn splits(
    kind: SplitKind,
    answers: &[&MetricSeries],
    stretch: Stretch,
    asked: SplitsAsked,
) -> (Vec<Split>, usize) {
    let mut draws = Draws::seeded(asked.seed);
    let (earliest, latest) = stretch.starts();
    let mut splits = Vec::with_capacity(asked.splits);
    let mut replicas = 0;
    for _ in 0..asked.splits * TRIES {
        if splits.len() == asked.splits {
            break;
        }
        let start = earliest + draws.below((latest - earliest + 1) as usize) as i64;
        let judged = stretch.window(start, start + stretch.horizon);
        let learning = stretch.window((start - stretch.learning).max(stretch.first), start);
        let canary = match kind {
            SplitKind::BeforeAfter => BTreeSet::new(),
            SplitKind::SideBySide => {
                let running = running(answers, judged, stretch.length);
                replicas = replicas.max(running.len());
                if running.len() < 2 {
                    continue;
                }
                drawn(running, &mut draws)
            }
        };
        splits.push(Split { learning, judged, canary });
    }
    let at_once = (replicas / 2).max(1);
    let one_after_another = (stretch.end - earliest) / stretch.horizon.max(1);
    (splits, at_once * (one_after_another.max(1) as usize))
}

/// How many times as many draws are made as splits are asked for.
const TRIES: usize = 4;

/// Draws the canary.
fn drawn(mut running: Vec<String>, draws: &mut Draws) -> BTreeSet<String> {
    let size = 1 + draws.below(running.len() / 2);
    (0..size).map(|_| running.swap_remove(draws.below(running.len()))).collect()
}

/// Returns the replicas that ran from the beginning to the end of a stretch of time: those that most
/// metrics know, so that a canary is heard of in all of them.
fn running(answers: &[&MetricSeries], judged: Window, length: i64) -> Vec<String> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in answers {
        let mut names = BTreeSet::new();
        let replicas = answer.arms.control.replicas.iter();
        for replica in replicas.filter(|replica| is_there(replica, judged, length)) {
            if names.insert(replica.name.as_str()) {
                *known.entry(&replica.name).or_default() += 1;
            }
        }
    }
    let most = known.values().copied().max().unwrap_or(0);
    let names = known.into_iter().filter(|(_, metrics)| *metrics == most);
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Returns whether a replica reports in the first and in the last quarter of a stretch of time: one that
/// was replaced meanwhile is no stable one.
fn is_there(replica: &Replica, judged: Window, length: i64) -> bool {
    let quarter = (judged.end.as_millis() - judged.start.as_millis()) / 4;
    let quarter = quarter.max(length);
    let early =
        Window { end: Timestamp::from_millis(judged.start.as_millis() + quarter), ..judged };
    let late = Window { start: Timestamp::from_millis(judged.end.as_millis() - quarter), ..judged };
    has_point(&replica.observations, early) && has_point(&replica.observations, late)
}

fn has_point(observations: &Observations, window: Window) -> bool {
    fn any<T>(points: &[serin_model::Point<T>], window: Window) -> bool {
        let first = points.partition_point(|point| point.time < window.start);
        points.get(first).is_some_and(|point| window.contains(point.time))
    }
    match observations {
        Observations::Ratio(points) => any(points, window),
        Observations::Histogram { points, .. } => any(points, window),
        Observations::Count(points) => any(points, window),
        Observations::Value(points) => any(points, window),
    }
}

#[cfg(test)]
mod tests {
    use super::Stretch;

    #[test]
    fn a_rollout_has_a_past_and_ends_within_the_history() {
        // (steps, horizon, learning, first start, last start)
        for (steps, horizon, learning, earliest, latest) in [
            (20, 10, 360, 105, 110),
            (120, 60, 360, 130, 160),
            (1440, 60, 360, 460, 1480),
            (600, 60, 360, 370, 640),
            (21, 10, 1, 101, 111),
        ] {
            let stretch = Stretch {
                first: 100,
                end: 100 + steps,
                length: 60_000,
                horizon,
                learning,
                is_cut: false,
            };
            assert_eq!(stretch.starts(), (earliest, latest), "{steps} steps");
        }
    }
}
