//! How often a canary that is no worse than tolerated is failed, at any of its minutes.

use serin_model::Worse;

use crate::canary::Canary;
use crate::metric::{Effect, Kind, Metric};
use crate::noise::{Bursts, Noise};
use crate::run::Run;
use crate::table::{Table, at_most};

/// A level as most tables have it: a gauge that varies by a tenth.
#[must_use]
pub fn level(noise: Noise) -> Kind {
    Kind::Level { is_quantile: false, noise, deviation: 0.1, offset: 0.0 }
}

/// One factor that is varied.
struct Factor {
    name: &'static str,
    kinds: Vec<Kind>,
    change: fn(&mut Canary),
    /// Whether a figure is promised, so that the row gets all trials.
    promised: bool,
}

fn factor(name: &'static str, kinds: Vec<Kind>, change: fn(&mut Canary)) -> Factor {
    Factor { name, kinds, change, promised: false }
}

fn promised(name: &'static str, kinds: Vec<Kind>, change: fn(&mut Canary)) -> Factor {
    Factor { name, kinds, change, promised: true }
}

const METRICS: usize = 20;

const SHARED: Bursts = Bursts { begins: 0.02, stays: 0.7, times: (1.5, 4.0) };
const OWN: Bursts = Bursts { begins: 0.005, stays: 0.5, times: (1.5, 4.0) };

/// How an arm is asked about: margins and history.
const SETTINGS: [(&str, Option<f64>, usize); 4] = [
    ("default, 6 h", None, 360),
    ("default, none", None, 0),
    ("written, 6 h", Some(0.05), 360),
    ("written, none", Some(0.05), 0),
];

const COLUMNS: [&str; 10] = [
    "factor",
    "trials",
    "default, 6 h, θ = 0",
    "θ = tolerance",
    "default, none, θ = 0",
    "θ = tolerance",
    "written 5 %, 6 h, θ = 0",
    "θ = tolerance",
    "written 5 %, none, θ = 0",
    "θ = tolerance",
];

fn plain(_: &mut Canary) {}

fn levels() -> Vec<Factor> {
    let of = |noise| vec![level(noise); METRICS];
    let offset = |kind| match kind {
        Kind::Level { is_quantile, noise, deviation, .. } => {
            Kind::Level { is_quantile, noise, deviation, offset: 0.04 }
        }
        other => other,
    };
    let unlike = || vec![offset(level(Noise::Independent)); METRICS];
    vec![
        promised("base: 20 gauges, independent", of(Noise::Independent), plain),
        promised("AR .3", of(Noise::Autoregressive(0.3)), plain),
        promised("AR .6", of(Noise::Autoregressive(0.6)), plain),
        promised("AR .9", of(Noise::Autoregressive(0.9)), plain),
        factor("MA 5", of(Noise::MovingAverage(5)), plain),
        factor("MA 10", of(Noise::MovingAverage(10)), plain),
        factor("shared load, AR .95, 15 %", of(Noise::Independent), |canary| canary.load = 0.15),
        factor("tails of t3", of(Noise::HeavyTailed), plain),
        factor("tails of a lognormal, upwards", of(Noise::Skewed), plain),
        factor("shared bursts", of(Noise::Independent), |canary| {
            canary.shared_bursts = Some(SHARED);
        }),
        factor("bursts of one arm", of(Noise::Independent), |canary| {
            canary.own_bursts = Some(OWN);
        }),
        factor("20 % gaps", of(Noise::Independent), |canary| canary.gaps = 0.2),
        factor("1 metric", of(Noise::Independent)[..1].to_vec(), plain),
        factor("5 metrics", of(Noise::Independent)[..5].to_vec(), plain),
        factor("50 metrics", vec![level(Noise::Independent); 50], plain),
        factor("AR .9, 1 metric", of(Noise::Autoregressive(0.9))[..1].to_vec(), plain),
        factor("replicas 3v3", of(Noise::Independent), |canary| {
            (canary.control, canary.canary) = (3, 3);
        }),
        factor("replicas 4v1", of(Noise::Independent), |canary| canary.control = 4),
        factor("replicas unlike, sd 4 %, 1v1", unlike(), plain),
        factor("replicas unlike, 3v3", unlike(), |canary| {
            (canary.control, canary.canary) = (3, 3);
        }),
        factor("replicas unlike, 4v1", unlike(), |canary| canary.control = 4),
        factor("either direction is bad", of(Noise::Independent), |canary| {
            canary.metrics.iter_mut().for_each(|metric| metric.worse = Worse::Either);
        }),
        factor("1,440 minutes", of(Noise::Independent), |canary| canary.horizon = 1440),
        factor("1,440 minutes, AR .9", of(Noise::Autoregressive(0.9)), |canary| {
            canary.horizon = 1440;
        }),
    ]
}

fn counts() -> Vec<Factor> {
    let ratio = |base, requests, share| {
        vec![Kind::Ratio { base, requests: 2.0 * requests, share }; METRICS]
    };
    let mut all = vec![
        factor("ratio .1 %, 600 a minute, 50 %", ratio(0.001, 600.0, 0.5), plain),
        factor("ratio 1 %, 600, 50 %", ratio(0.01, 600.0, 0.5), plain),
        factor("ratio 10 %, 600, 50 %", ratio(0.1, 600.0, 0.5), plain),
        factor("ratio .1 %, 60, 50 %", ratio(0.001, 60.0, 0.5), plain),
        factor("ratio 1 %, 60, 50 %", ratio(0.01, 60.0, 0.5), plain),
        factor("ratio 10 %, 60, 50 %", ratio(0.1, 60.0, 0.5), plain),
        factor("ratio 1 %, 600, canary 10 %", ratio(0.01, 600.0, 0.1), plain),
        factor("ratio 1 %, 600, canary 5 %", ratio(0.01, 600.0, 0.05), plain),
        factor("ratio 1 %, 600, canary 1 %", ratio(0.01, 600.0, 0.01), plain),
        factor("ratio 10 %, 600, canary 1 %", ratio(0.1, 600.0, 0.01), plain),
        factor("ratio .1 %, 600, canary 5 %", ratio(0.001, 600.0, 0.05), plain),
        factor("ratio 1 %, shared load", ratio(0.01, 600.0, 0.5), |canary| canary.load = 0.15),
        factor("ratio 1 %, shared bursts", ratio(0.01, 600.0, 0.5), |canary| {
            canary.shared_bursts = Some(Bursts { times: (3.0, 20.0), ..SHARED });
        }),
        factor("ratio 1 %, bursts of one arm", ratio(0.01, 600.0, 0.5), |canary| {
            canary.own_bursts = Some(OWN);
        }),
        factor("ratio 1 %, 3v3", ratio(0.01, 600.0, 0.5), |canary| {
            (canary.control, canary.canary) = (3, 3);
        }),
        factor("ratio 1 %, 5 % of steps lost to resets", ratio(0.01, 600.0, 0.5), |canary| {
            canary.gaps = 0.05;
        }),
        factor(
            "counts, 5 a minute, resets",
            vec![Kind::Count { events: 5.0 }; METRICS],
            |canary| {
                canary.gaps = 0.05;
            },
        ),
        factor("ratio 1 %, 1,440 minutes", ratio(0.01, 600.0, 0.5), |canary| {
            canary.horizon = 1440;
        }),
    ];
    let percentages = |base, requests| vec![Kind::Percentage { base, requests }; METRICS];
    all.push(factor("percentages of 14, 2 % bad", percentages(0.02, 14.0), plain));
    all.push(factor("percentages of 14, 20 % bad", percentages(0.2, 14.0), plain));
    all.push(factor("percentages of 600, 2 % bad", percentages(0.02, 600.0), plain));
    all
}

fn histograms() -> Vec<Factor> {
    let of =
        |noise, deviation| vec![Kind::Histogram { requests: 600.0, noise, deviation }; METRICS];
    vec![
        factor("histogram, independent", of(Noise::Independent, 0.0), plain),
        factor("histogram, medians wander 10 %", of(Noise::Independent, 0.1), plain),
        factor("histogram, AR .6, 10 %", of(Noise::Autoregressive(0.6), 0.1), plain),
        factor("histogram, AR .9, 10 %", of(Noise::Autoregressive(0.9), 0.1), plain),
        factor("histogram, shared bursts", of(Noise::Independent, 0.0), |canary| {
            canary.shared_bursts = Some(SHARED);
        }),
        factor("20 of all kinds, AR .6, shared load", mixed(), |canary| canary.load = 0.15),
        factor("memory", vec![Kind::Memory; METRICS], plain),
    ]
}

/// Twenty metrics as a service has them.
#[must_use]
pub fn mixed() -> Vec<Kind> {
    let quantile = |noise| Kind::Level { is_quantile: true, noise, deviation: 0.1, offset: 0.0 };
    let ratio = |base| Kind::Ratio { base, requests: 1200.0, share: 0.5 };
    let mut kinds = vec![ratio(0.001), ratio(0.01), ratio(0.1), Kind::Count { events: 5.0 }];
    kinds.extend(
        [Kind::Histogram { requests: 600.0, noise: Noise::Independent, deviation: 0.0 }; 2],
    );
    kinds.extend([Kind::Percentage { base: 0.02, requests: 14.0 }; 2]);
    for correlation in [0.3, 0.6, 0.9] {
        kinds.extend([quantile(Noise::Autoregressive(correlation)); 2]);
        kinds.extend([level(Noise::Autoregressive(correlation)); 2]);
    }
    kinds
}

/// Makes the table of levels.
#[must_use]
pub fn of_levels(run: &Run) -> Table {
    table(run, "False rollback: levels", levels())
}

/// Makes the table of ratios, counts and percentages.
#[must_use]
pub fn of_counts(run: &Run) -> Table {
    table(run, "False rollback: counts", counts())
}

/// Makes the table of histograms, memory and metrics of all kinds together.
#[must_use]
pub fn of_mixtures(run: &Run) -> Table {
    table(run, "False rollback: histograms, memory and mixtures", histograms())
}

fn table(run: &Run, title: &str, factors: Vec<Factor>) -> Table {
    let mut table = Table::new(title, READING, &COLUMNS);
    for factor in factors.iter().filter(|factor| run.wants(factor.name)) {
        table.rows.push(row(run, factor));
    }
    table
}

fn row(run: &Run, factor: &Factor) -> Vec<String> {
    let run = if factor.promised { run.promised() } else { run.clone() };
    let mut cells = vec![factor.name.to_owned()];
    for (setting, tolerance, history) in SETTINGS {
        for effect in [Effect::None, Effect::Tolerated] {
            let metrics = factor.kinds.iter().map(|kind| {
                let metric = Metric::of(*kind).with(effect);
                tolerance.map_or(metric.clone(), |tolerance| metric.written(tolerance, None))
            });
            let mut canary = Canary::of(metrics.collect());
            canary.history = history;
            (factor.change)(&mut canary);
            let cell = format!("false rollback, {}, {setting}, {effect:?}", factor.name);
            let tally = run.tally(&cell, &canary);
            if cells.len() == 1 {
                cells.push(tally.trials.len().to_string());
            }
            cells.push(at_most(tally.failed()));
        }
    }
    cells
}

const READING: &str = "The share of canaries no worse than tolerated that were failed at any minute, \
with the upper 95 % bound in brackets. It should be at most 1 % (bound at most 1.2 %). \
θ is the true effect: none, or exactly what the Check tolerates.";
