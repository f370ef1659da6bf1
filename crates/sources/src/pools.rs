//! Many replicas of one arm, judged a pool at a time.
//!
//! How unlike replicas are is seen from any few dozen of them as well as from hundreds, and a judge that
//! hears each of hundreds has nothing but more work. A pool is a random set of replicas of one arm, and
//! all pools of both arms are of one size, or the canary's a little larger, so that pools differ as much in one
//! arm as in the other: the random groups of K. Wolter, *Introduction to Variance Estimation* (2007), chapter 2.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Analysis, Point, Step, Timestamp};

use crate::assemble::described;
use crate::collect::{Part, Series, Side, Wanted};
use crate::digest::Digest;

/// An arm with more replicas than this is judged in so many pools.
pub(crate) const MOST_POOLS: usize = 32;

/// Which pool each replica of either arm is in; nobody is in any where there are few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pools {
    by_replica: BTreeMap<(Side, String), String>,
}

impl Pools {
    /// Puts replicas into pools, where either arm has more than [`MOST_POOLS`].
    pub(crate) fn of(analysis: &Analysis, wanted: &[Wanted], series: &[Series]) -> Self {
        let replicas = [Side::Control, Side::Canary].map(|side| {
            let mut names = BTreeSet::new();
            for series in series {
                names.extend(name_within(analysis, wanted, series, side));
            }
            (side, names)
        });
        let counts = || replicas.iter().map(|(_, names)| names.len()).filter(|&count| count > 0);
        let largest = counts().max().unwrap_or(0);
        let mut pools = Self::default();
        if largest <= MOST_POOLS {
            return pools;
        }
        // A pool that lacks hosts would differ from the others by more than they do from each other.
        let size = largest.div_ceil(MOST_POOLS).min(counts().min().unwrap_or(1));
        for (side, names) in replicas {
            pools.fill(side, names, size);
        }
        pools
    }

    /// Deals replicas out, in an order that has nothing to do with what they are called.
    fn fill(&mut self, side: Side, names: BTreeSet<String>, size: usize) {
        // The canary's pools are never the smaller ones: what is learned of the control's holds for them.
        let count = match side {
            Side::Control => names.len().div_ceil(size),
            Side::Canary => (names.len() / size).max(1),
        };
        let mut shuffled: Vec<(String, String)> =
            names.into_iter().map(|name| (Digest::of(&name).sha256, name)).collect();
        shuffled.sort_unstable();
        let mut dealt: Vec<Vec<String>> = vec![Vec::new(); count];
        for (index, (_, name)) in shuffled.into_iter().enumerate() {
            dealt[index % count].push(name);
        }
        for names in dealt {
            let first = names.iter().min().cloned().unwrap_or_default();
            let pool = match names.len() - 1 {
                0 => first,
                others => format!("{first} and {others} others"),
            };
            for name in names {
                self.by_replica.insert((side, name), pool.clone());
            }
        }
    }

    /// Returns the name of the pool of a replica, if it is in one.
    pub(crate) fn pool_of(&self, side: Side, replica: &str) -> Option<&str> {
        if self.by_replica.is_empty() {
            return None;
        }
        self.by_replica.get(&(side, replica.to_owned())).map(String::as_str)
    }
}

/// Returns what the replica of a series is called, if the series is of an arm and tells replicas apart.
fn name_within(
    analysis: &Analysis,
    wanted: &[Wanted],
    series: &Series,
    side: Side,
) -> Option<String> {
    let mut of_side = series.wanted_by.iter().map(|&by| wanted[by]).filter(|it| it.side == side);
    match &analysis.replica {
        Some(label) => of_side.next().and_then(|_| series.labels.get(label).cloned()),
        // Without a label every series of a level is a replica of its own.
        None => of_side.any(|it| it.part == Part::Value).then(|| described(&series.labels)),
    }
}

/// Averages levels over a pool, step by step.
///
/// Returns a point at the start of each step in which any of them has a value.
pub(crate) fn averaged(pool: &[&Series], step: Step) -> Vec<Point<f64>> {
    let length = i64::from(step.seconds()) * 1000;
    let values = || pool.iter().flat_map(|series| &series.samples);
    let Some(first) = values().map(|sample| sample.time).min() else { return Vec::new() };
    let first = step.bin_of(first).as_millis();
    // One point from long ago must not make room for all that never was in between.
    let mut sums: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    for sample in values().filter(|sample| !sample.value.is_nan()) {
        let at = (sample.time.as_millis() - first).div_euclid(length);
        let (sum, count) = sums.entry(at).or_insert((0.0, 0.0));
        *sum += sample.value;
        *count += 1.0;
    }
    let point = |(at, (sum, count)): (i64, (f64, f64))| Point {
        time: Timestamp::from_millis(first + at * length),
        value: sum / count,
    };
    sums.into_iter().map(point).collect()
}
