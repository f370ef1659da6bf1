//! How many real faults are caught, and after how many minutes.

use crate::canary::Canary;
use crate::metric::{Effect, Kind, Metric};
use crate::noise::Noise;
use crate::run::Run;
use crate::table::{Table, at_least, minutes};

const READING: &str = "One metric, which has the whole of α. Minutes until half (and nine tenths) of \
the canaries were failed, and the share failed within the hour with its lower 95 % bound.";

/// Makes the table.
#[must_use]
pub fn table(run: &Run) -> Table {
    let columns = ["fault", "trials", "median minutes", "90 % by", "caught", "target"];
    let mut table = Table::new("Power and delay", READING, &columns);
    for (name, target, canary) in cells().into_iter().filter(|cell| run.wants(&cell.0)) {
        let tally = run.tally(&format!("power, {name}"), &canary);
        table.rows.push(vec![
            name,
            tally.trials.len().to_string(),
            minutes(tally.minutes_to_fail(0.5)),
            minutes(tally.minutes_to_fail(0.9)),
            at_least(tally.failed()),
            target.to_owned(),
        ]);
    }
    table
}

fn cells() -> Vec<(String, &'static str, Canary)> {
    let mut cells = Vec::new();
    for (times, default, none) in
        [(2.0, "", ""), (5.0, "≤ 13 min", "≤ 6 min"), (10.0, "≤ 5 min", "≤ 3 min")]
    {
        let kind = Kind::Ratio { base: 0.001, requests: 1200.0, share: 0.5 };
        for history in [0, 360] {
            for (word, target, tolerance) in
                [("default tolerance", default, None), ("tolerance 0", none, Some(0.0))]
            {
                let metric = Metric::of(kind).with(Effect::Times(times));
                let metric = match tolerance {
                    Some(zero) => metric.without_floor(zero),
                    None => metric,
                };
                let mut canary = Canary::of(vec![metric]);
                canary.history = history;
                let known = if history > 0 { "6 h known" } else { "none known" };
                cells.push((format!("errors ×{times}, {word}, {known}"), target, canary));
            }
        }
    }
    for times in [1.1, 1.2] {
        for history in [360, 0] {
            for correlation in [0.0, 0.3, 0.6, 0.9] {
                let noise = Noise::Autoregressive(correlation);
                let kind = Kind::Level { is_quantile: true, noise, deviation: 0.1, offset: 0.0 };
                let metric = Metric::of(kind).written(0.05, None).with(Effect::Times(times));
                let mut canary = Canary::of(vec![metric]);
                canary.history = history;
                let known = if history > 0 { "6 h known" } else { "none known" };
                let target =
                    if times > 1.15 && correlation <= 0.3 { "≤ 30 min, ≥ 90 %" } else { "" };
                let name = format!("latency ×{times}, φ {correlation}, {known}");
                cells.push((name, target, canary));
            }
        }
    }
    for times in [1.1, 1.2] {
        for (word, noise, deviation) in [
            ("even", Noise::Independent, 0.0),
            ("medians wander 10 %", Noise::Independent, 0.1),
            ("medians wander 10 %, φ .6", Noise::Autoregressive(0.6), 0.1),
        ] {
            for history in [360, 0] {
                let kind = Kind::Histogram { requests: 600.0, noise, deviation };
                let metric = Metric::of(kind).written(0.05, None).with(Effect::Times(times));
                let mut canary = Canary::of(vec![metric]);
                canary.history = history;
                let known = if history > 0 { "6 h known" } else { "none known" };
                cells.push((format!("histogram ×{times}, {word}, {known}"), "", canary));
            }
        }
    }
    for (history, known) in [(360, "6 h known"), (0, "none known")] {
        for hourly in [1.2, 1.5, 2.0] {
            let metric = Metric::of(Kind::Memory).with(Effect::GrowsHourly(hourly));
            let mut canary = Canary::of(vec![metric]);
            canary.history = history;
            cells.push((format!("memory grows ×{hourly} an hour, {known}"), "", canary));
        }
        let mut silent = Canary::of(vec![Metric::of(Kind::Level {
            is_quantile: false,
            noise: Noise::Independent,
            deviation: 0.1,
            offset: 0.0,
        })]);
        silent.history = history;
        silent.silent_from = Some(0);
        cells.push((format!("silent from the start, {known}"), "", silent.clone()));
        silent.silent_from = Some(30);
        cells.push((format!("silent from minute 30, {known}"), "", silent));
        let metric = Metric::of(Kind::Level {
            is_quantile: true,
            noise: Noise::Independent,
            deviation: 0.1,
            offset: 0.0,
        });
        let late = metric.written(0.05, None).with(Effect::Times(1.2));
        let mut canary = Canary::of(vec![late]);
        (canary.history, canary.effect_from) = (history, 30);
        cells.push((format!("latency ×1.2 from minute 30, {known}"), "", canary));
        let kind = Kind::Ratio { base: 0.001, requests: 1200.0, share: 0.5 };
        let mut canary = Canary::of(vec![Metric::of(kind).with(Effect::Times(10.0))]);
        (canary.history, canary.effect_from) = (history, 30);
        cells.push((format!("errors ×10 from minute 30, {known}"), "", canary));
    }
    cells
}
