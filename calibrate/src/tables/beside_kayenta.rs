//! Both judges on the same canaries.

use rayon::prelude::*;

use crate::canary::Canary;
use crate::cell::Share;
use crate::draw::Draw;
use crate::metric::{Effect, Kind, Metric};
use crate::noise::Noise;
use crate::run::{Run, say};
use crate::table::{Table, percent};
use crate::trial::{Look, Trial, judge, look};

use super::false_rollback::{level, mixed};

/// After how many minutes Kayenta looks.
const LOOKS: [i64; 4] = [10, 20, 30, 60];

/// One canary before both judges: Kayenta once a look.
struct Judged {
    trial: Trial,
    looks: [Look; LOOKS.len()],
}

const READING: &str = "The same draws before both judges. The sequential judge looks every minute; \
Kayenta looks after 10, 20, 30 and 60 minutes, without history, and its columns say whether any look \
so far had a metric High or Low, or a score below 75. A harmless row shows false alarms, a row with a \
fault shows what is caught.";

/// Makes the table.
#[must_use]
pub fn table(run: &Run) -> Table {
    let columns = [
        "canary",
        "trials",
        "sequential fails",
        "Kayenta flags a metric by 10",
        "by 20",
        "by 30",
        "by 60",
        "Kayenta's score below 75 at any look",
        "at 60 alone",
    ];
    let mut table = Table::new("Kayenta beside it", READING, &columns);
    for (name, canary) in cells().into_iter().filter(|cell| run.wants(&cell.0)) {
        table.rows.push(row(run, name, &canary));
    }
    table
}

fn row(run: &Run, name: String, canary: &Canary) -> Vec<String> {
    // Four looks at Kayenta cost about as much as the sixty of the other, and no figure is promised.
    let trials = run.trials(canary).div_ceil(4);
    let judged: Vec<Judged> = (0..trials)
        .into_par_iter()
        .map(|number| {
            let drawn = canary.draw(&mut Draw::of_run(run.seed, number));
            let looks = LOOKS.map(|minutes| look(&drawn, minutes));
            Judged { trial: judge(&drawn), looks }
        })
        .collect();
    say(&format!("beside Kayenta, {name}: {trials} trials"));
    let share = |is: &dyn Fn(&Judged) -> bool| {
        let count = judged.iter().filter(|judged| is(judged)).count() as u64;
        percent(Share { count, of: trials }.value())
    };
    let mut cells = vec![name, trials.to_string()];
    cells.push(share(&|judged| judged.trial.failed.is_some()));
    for looks in 1..=LOOKS.len() {
        cells.push(share(&|judged| judged.looks[..looks].iter().any(|look| look.flagged)));
    }
    cells.push(share(&|judged| judged.looks.iter().any(|look| look.blamed)));
    cells.push(share(&|judged| judged.looks[LOOKS.len() - 1].blamed));
    cells
}

fn cells() -> Vec<(String, Canary)> {
    let mut cells = Vec::new();
    for count in [1, 20] {
        for correlation in [0.0, 0.3, 0.6, 0.9] {
            let metric = Metric::of(level(Noise::Autoregressive(correlation)));
            let canary = Canary::of(vec![metric; count]);
            cells.push((format!("harmless, {count} gauges, φ {correlation}"), canary));
        }
    }
    let ratio = |base| Kind::Ratio { base, requests: 1200.0, share: 0.5 };
    cells.push((
        "harmless, 20 ratios at 1 %".to_owned(),
        Canary::of(vec![Metric::of(ratio(0.01)); 20]),
    ));
    let all = mixed().into_iter().map(Metric::of).collect();
    let mut loaded = Canary::of(all);
    loaded.load = 0.15;
    cells.push(("harmless, 20 of all kinds, shared load".to_owned(), loaded.clone()));
    let latency = Kind::Level {
        is_quantile: true,
        noise: Noise::Autoregressive(0.3),
        deviation: 0.1,
        offset: 0.0,
    };
    let of = |metric: Metric, effect| Canary::of(vec![metric.with(effect)]);
    let slow = of(Metric::of(latency).written(0.05, None), Effect::Times(1.2));
    cells.push(("latency ×1.2, φ .3".to_owned(), slow));
    cells.push((
        "errors ×5, base .1 %".to_owned(),
        of(Metric::of(ratio(0.001)), Effect::Times(5.0)),
    ));
    cells.push((
        "errors ×10, base .1 %".to_owned(),
        of(Metric::of(ratio(0.001)), Effect::Times(10.0)),
    ));
    loaded.metrics[0].effect = Effect::Times(10.0);
    cells.push(("one of 20 of all kinds: errors ×10".to_owned(), loaded));
    cells
}
