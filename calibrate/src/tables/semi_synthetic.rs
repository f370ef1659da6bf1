//! Known effects in real series: what the noise of real machines leaves of the power.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::case::{Case, read_cases};
use crate::cell::Share;
use crate::draw::Draw;
use crate::run::{Run, say};
use crate::table::{Table, at_least, at_most, minutes, percent};
use crate::trial::{Trial, judge_series};

const READING: &str = "Real series of identical arms, into whose canary a known effect was put: each \
level in turn multiplied in its bad direction, or requests behind a success rate made to fail. Memory \
and constant series are left out. A canary is one series of one case; the first row of a file, without \
an effect, shows false alarms.";

/// By which factors levels are multiplied; 1 is no effect.
const TIMES: [f64; 5] = [1.0, 1.1, 1.2, 1.5, 2.0];

/// Which share of the requests behind a success rate is made to fail.
const FAILING: [f64; 4] = [0.0, 0.05, 0.2, 0.5];

/// Makes the table, of the files that are there.
///
/// # Errors
///
/// A file that is there and cannot be read.
pub fn table(run: &Run, files: &[PathBuf]) -> anyhow::Result<Option<Table>> {
    let columns = [
        "file",
        "effect",
        "series",
        "failed",
        "passed at the end",
        "inconclusive",
        "median minutes",
    ];
    let mut table = Table::new("Known effects in real series", READING, &columns);
    for file in files {
        if !file.is_file() {
            say(&format!("skipped: {} is not there", file.display()));
            continue;
        }
        let cases = read_cases(file)?;
        add_rows(&mut table, run, file, &cases);
    }
    Ok((!table.rows.is_empty()).then_some(table))
}

fn add_rows(table: &mut Table, run: &Run, file: &Path, cases: &[Case]) {
    let name =
        file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    for times in TIMES {
        let judged = each_series(cases, Case::is_level, |_, case, metric| {
            judge_series(&case.analysis, &case.with_level_times(metric, times))
        });
        table.rows.push(row(&name, &format!("level ×{times}"), &judged));
    }
    for failing in FAILING {
        let judged = each_series(cases, Case::is_success_rate, |number, case, metric| {
            let place = 1_000 * number + metric;
            let mut draw = Draw::of_run(run.seed, place as u64);
            judge_series(&case.analysis, &case.with_failures(metric, failing, &mut draw))
        });
        if !judged.is_empty() {
            table.rows.push(row(&name, &format!("{} of requests fail", percent(failing)), &judged));
        }
    }
}

fn each_series(
    cases: &[Case],
    is_wanted: impl Fn(&Case, usize) -> bool + Sync,
    judged: impl Fn(usize, &Case, usize) -> Trial + Sync,
) -> Vec<Trial> {
    let per_case = cases.par_iter().enumerate().flat_map_iter(|(number, case)| {
        let wanted = (0..case.series.len()).filter(|metric| is_wanted(case, *metric));
        wanted.map(|metric| judged(number, case, metric)).collect::<Vec<_>>()
    });
    per_case.collect()
}

fn row(file: &str, effect: &str, judged: &[Trial]) -> Vec<String> {
    let share = |is: fn(&Trial) -> bool| Share {
        count: judged.iter().filter(|trial| is(trial)).count() as u64,
        of: judged.len() as u64,
    };
    let failed = share(|trial| trial.failed.is_some());
    let is_none = effect.starts_with("level ×1") && effect.len() == "level ×1".len();
    let mut delays: Vec<f64> = judged.iter().filter_map(|trial| trial.failed).collect();
    delays.sort_by(f64::total_cmp);
    say(&format!("real series, {file}, {effect}: {} of {} failed", failed.count, failed.of));
    vec![
        file.to_owned(),
        effect.to_owned(),
        judged.len().to_string(),
        if is_none { at_most(failed) } else { at_least(failed) },
        percent(share(|trial| trial.passes_at_end).value()),
        percent(share(|trial| trial.failed.is_none() && !trial.passes_at_end).value()),
        minutes(delays.get(delays.len() / 2).copied()),
    ]
}
