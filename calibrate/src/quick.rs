//! A few cells with bounds that fail: what `cargo xtask test` runs.

use crate::canary::Canary;
use crate::cell::{Share, Tally};
use crate::metric::{Effect, Kind, Metric};
use crate::noise::Noise;
use crate::run::Run;
use crate::table::{Table, minutes};
use crate::tables::false_rollback::{level, mixed};

/// What a cell must reach.
#[derive(Clone, Copy, Debug)]
enum Bound {
    /// A canary no worse than tolerated fails at most this often.
    FailsAtMost(f64),
    /// A fault is caught at least this often, half of the time by this minute.
    CaughtAtLeast(f64, f64),
    /// A harmless canary passes at least this often.
    PassesAtLeast(f64),
    /// An unacceptable one passes at most this often.
    PassesAtMost(f64),
}

struct Cell {
    name: &'static str,
    trials: u64,
    canary: Canary,
    bound: Bound,
}

/// Runs the cells, and returns the table, and what was not reached.
#[must_use]
pub fn check(seed: u64) -> (Table, Vec<String>) {
    let reading = "A few trials a cell. A bound is broken where chance alone would do so once in \
                   thirty thousand runs.";
    let mut table = Table::new("Quick check", reading, &["cell", "trials", "bound", "found"]);
    let mut broken = Vec::new();
    for cell in cells() {
        let tally = Run { promised_runs: cell.trials, runs: cell.trials, seed, rows: None }
            .tally(cell.name, &cell.canary);
        let (wanted, found, holds) = judge(cell.bound, &tally);
        if !holds {
            broken.push(format!("{}: {found}, wanted {wanted}", cell.name));
        }
        table.rows.push(vec![cell.name.to_owned(), cell.trials.to_string(), wanted, found]);
    }
    (table, broken)
}

fn judge(bound: Bound, tally: &Tally) -> (String, String, bool) {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    match bound {
        Bound::FailsAtMost(most) => {
            let share = tally.failed();
            let wanted = format!("at most {} fail", percent(most));
            (wanted, percent(share.value()), share.count as f64 <= by_chance(most, share, 1.0))
        }
        Bound::CaughtAtLeast(least, minute) => {
            let (share, median) = (tally.failed(), tally.minutes_to_fail(0.5));
            let wanted = format!("at least {} caught, half by minute {minute}", percent(least));
            let found = format!("{}, half by minute {}", percent(share.value()), minutes(median));
            let caught = share.count as f64 >= by_chance(least, share, -1.0);
            (wanted, found, caught && median.is_some_and(|median| median <= minute))
        }
        Bound::PassesAtLeast(least) => {
            let share = tally.passed_at_end();
            let wanted = format!("at least {} pass", percent(least));
            (wanted, percent(share.value()), share.count as f64 >= by_chance(least, share, -1.0))
        }
        Bound::PassesAtMost(most) => {
            let share = tally.ever_passed();
            let wanted = format!("at most {} ever pass", percent(most));
            (wanted, percent(share.value()), share.count as f64 <= by_chance(most, share, 1.0))
        }
    }
}

/// Returns how many of the trials chance may bring beyond a share that holds exactly, four standard
/// deviations far.
fn by_chance(share: f64, found: Share, sign: f64) -> f64 {
    let trials = found.of as f64;
    trials * share + sign * SURE * (trials * share * (1.0 - share)).sqrt()
}

const SURE: f64 = 4.0;

fn cells() -> Vec<Cell> {
    let all = |kinds: Vec<Kind>, tolerance: Option<f64>, effect| {
        let metrics = kinds.into_iter().map(|kind| {
            let metric = Metric::of(kind).with(effect);
            tolerance.map_or(metric.clone(), |tolerance| metric.written(tolerance, None))
        });
        Canary::of(metrics.collect())
    };
    let gauges = |count, correlation, effect| {
        all(vec![level(Noise::Autoregressive(correlation)); count], Some(0.05), effect)
    };
    let ratio = |base| Kind::Ratio { base, requests: 1200.0, share: 0.5 };
    let mut loaded = all(mixed(), None, Effect::Tolerated);
    loaded.load = 0.15;
    let mut silent = gauges(1, 0.0, Effect::None);
    silent.silent_from = Some(30);
    let harmless = Metric::of(level(Noise::Independent)).written(0.05, Some(0.1));
    let cell = |name, trials, canary, bound| Cell { name, trials, canary, bound };
    vec![
        cell(
            "20 gauges, φ .6, at the tolerance",
            500,
            gauges(20, 0.6, Effect::Tolerated),
            Bound::FailsAtMost(0.01),
        ),
        cell(
            "20 gauges, φ .9, at the tolerance",
            500,
            gauges(20, 0.9, Effect::Tolerated),
            Bound::FailsAtMost(0.01),
        ),
        cell(
            "20 of all kinds, shared load, at the tolerance",
            400,
            loaded,
            Bound::FailsAtMost(0.01),
        ),
        cell(
            "20 ratios at 1 %, at the tolerance",
            500,
            all(vec![ratio(0.01); 20], None, Effect::Tolerated),
            Bound::FailsAtMost(0.01),
        ),
        cell(
            "errors ×10",
            500,
            all(vec![ratio(0.001)], None, Effect::Times(10.0)),
            Bound::CaughtAtLeast(0.99, 5.0),
        ),
        cell(
            "errors ×5",
            500,
            all(vec![ratio(0.001)], None, Effect::Times(5.0)),
            Bound::CaughtAtLeast(0.98, 13.0),
        ),
        cell(
            "a level ×1.2, φ 0",
            500,
            gauges(1, 0.0, Effect::Times(1.2)),
            Bound::CaughtAtLeast(0.9, 30.0),
        ),
        cell("silent from minute 30", 200, silent, Bound::CaughtAtLeast(0.99, 36.0)),
        cell(
            "a harmless gauge",
            500,
            Canary::of(vec![harmless.clone()]),
            Bound::PassesAtLeast(0.9),
        ),
        cell(
            "a gauge that is unacceptable",
            500,
            Canary::of(vec![harmless.with(Effect::Unacceptable)]),
            Bound::PassesAtMost(0.05),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;

    #[test]
    fn a_bound_that_is_not_reached_is_broken() {
        let trial = Trial { failed: Some(7.0), ..Trial::default() };
        let all_fail = Tally { trials: vec![trial; 100] };
        let none_fail = Tally { trials: vec![Trial::default(); 100] };
        let table = [
            (Bound::FailsAtMost(0.01), &all_fail, false),
            (Bound::FailsAtMost(0.01), &none_fail, true),
            (Bound::CaughtAtLeast(0.9, 6.0), &all_fail, false),
            (Bound::CaughtAtLeast(0.9, 7.0), &all_fail, true),
            (Bound::CaughtAtLeast(0.9, 7.0), &none_fail, false),
            (Bound::PassesAtLeast(0.9), &none_fail, false),
            (Bound::PassesAtMost(0.05), &none_fail, true),
        ];
        for (bound, tally, holds) in table {
            assert_eq!(judge(bound, tally).2, holds, "{bound:?}");
        }
    }
}
