//! How many harmless canaries pass, and how many that should not.

use crate::canary::Canary;
use crate::metric::{Effect, Kind, Metric};
use crate::noise::Noise;
use crate::run::Run;
use crate::table::{Table, at_least, at_most, minutes, percent};

use super::false_rollback::level;

const READING: &str = "The share of harmless canaries that passed within the hour, and how often one \
that is exactly as bad as unacceptable passed at any minute.";

/// Makes the table.
#[must_use]
pub fn table(run: &Run) -> Table {
    let columns = [
        "metrics",
        "trials",
        "harmless: passed at the end",
        "passed at some minute",
        "median minutes",
        "failed",
        "inconclusive at the end",
        "unacceptable: passed at some minute",
    ];
    let mut table = Table::new("Passing", READING, &columns);
    for (name, metrics, history) in cells().into_iter().filter(|cell| run.wants(&cell.0)) {
        let canary = |effect: Effect| {
            let metrics = metrics.iter().map(|metric| metric.clone().with(effect)).collect();
            Canary { history, ..Canary::of(metrics) }
        };
        let harmless = run.tally(&format!("passing, {name}, harmless"), &canary(Effect::None));
        let bad =
            run.tally(&format!("passing, {name}, unacceptable"), &canary(Effect::Unacceptable));
        table.rows.push(vec![
            name,
            harmless.trials.len().to_string(),
            at_least(harmless.passed_at_end()),
            at_least(harmless.ever_passed()),
            minutes(harmless.minutes_to_pass(0.5)),
            at_most(harmless.failed()),
            percent(harmless.inconclusive().value()),
            at_most(bad.ever_passed()),
        ]);
    }
    table
}

fn cells() -> Vec<(String, Vec<Metric>, usize)> {
    let mut cells = Vec::new();
    for (history, known) in [(360, "6 h known"), (0, "none known")] {
        for correlation in [0.0, 0.3, 0.6, 0.9] {
            for count in [1, 5, 20] {
                let metric =
                    Metric::of(level(Noise::Autoregressive(correlation))).written(0.05, Some(0.1));
                let name = format!("{count} gauges, φ {correlation}, {known}");
                cells.push((name, vec![metric; count], history));
            }
        }
        for base in [0.001, 0.01] {
            let ratio = Metric::of(Kind::Ratio { base, requests: 1200.0, share: 0.5 });
            for count in [1, 5, 20] {
                let name = format!("{count} ratios at {} %, {known}", 100.0 * base);
                cells.push((name, vec![ratio.clone(); count], history));
            }
        }
        let default = Metric::of(level(Noise::Independent));
        cells.push((format!("1 gauge, default margins, {known}"), vec![default], history));
    }
    cells
}
