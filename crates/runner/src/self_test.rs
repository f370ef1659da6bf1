//! How often the judge blames canaries that are none, over the control's history.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rayon::prelude::*;
use serin_check::write_changes;
use serin_judge::self_test::{JudgedSplit, SelfTester, Untestable, recommended};
use serin_model::{SelfTest, SplitsAsked, Step};
use serin_report::{SelfTestReport, recommendations_in_words, self_test_summary};

use crate::error::RunError;
use crate::history::{self, ControlHistory, HistoryAsked};
use crate::judge::refuse_fleet;
use crate::progress::Progress;
use crate::question::Question;
use crate::usual::{HISTORY, HORIZON};

/// What the command asks of a self-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfTestAsked<'a> {
    /// The control's past to split.
    pub past: HistoryAsked<'a>,
    /// How many pretended canaries are judged.
    pub splits: usize,
    /// Which ones.
    pub seed: u64,
    /// How long each is judged; what the Check file says, or an hour, when absent.
    pub horizon: Option<Duration>,
    /// How often the judge looks; what the Check file says when absent.
    pub step: Option<Step>,
    /// Whether the `kayenta` judge judges them, too.
    pub kayenta: bool,
}

/// Splits the control of a question's canary and has it judged against itself.
///
/// The same points, file and seed give the same report at any number of threads.
///
/// # Errors
///
/// [`RunError`] when there is no source, when it has nothing of the control, or when its history is too
/// short to be split.
pub fn self_test(
    question: &Question,
    asked: SelfTestAsked<'_>,
    progress: &dyn Progress,
) -> Result<SelfTestReport, RunError> {
    refuse_fleet(question)?;
    let question = history::of_past(question, asked.step);
    let ControlHistory { answered, span, left_out } =
        history::of_control(&question, asked.past, "tested", progress)?;
    let mut analysis = answered.analysis;
    analysis.window = None;
    let minutes = |length: Duration| length.as_secs_f64() / 60.0;
    let horizon = asked.horizon.or(analysis.horizon).unwrap_or(HORIZON);
    let splits = SplitsAsked {
        splits: asked.splits,
        seed: asked.seed,
        step_seconds: analysis.step.seconds(),
        horizon_minutes: minutes(horizon),
        learning_minutes: minutes(analysis.history.unwrap_or(HISTORY)),
        kayenta: asked.kayenta,
    };
    let tester = SelfTester::new(&analysis, &answered.series, splits)
        .map_err(|error| nothing_tested(answered.name, &error))?;
    let test = judged(&tester, progress);
    let reasons = recommendations_in_words(&test.recommendations);
    let changes = recommended(&analysis, &test.recommendations);
    let mut inputs = question.others.clone();
    inputs.push(answered.input);
    Ok(SelfTestReport {
        version: SelfTestReport::VERSION,
        serin: env!("CARGO_PKG_VERSION").to_owned(),
        service: analysis.service.clone(),
        control: history::labels(&analysis.arms.control),
        history: span,
        summary: self_test_summary(&test),
        changes: write_changes(&analysis, &changes, &reasons)?,
        self_test: test,
        doubts: history::doubts(&answered.warnings).into_iter().chain(left_out).collect(),
        check: question.check.clone(),
        inputs,
    })
}

/// Judges all splits and looks for the tolerance of each metric, over all cores.
fn judged(tester: &SelfTester, progress: &dyn Progress) -> SelfTest {
    let (splits, metrics) = (tester.splits(), tester.metrics());
    let (done, total) = (AtomicUsize::new(0), splits * (1 + TIMES_FOR_TOLERANCE));
    let advance = |more: usize| {
        progress.judged(done.fetch_add(more, Ordering::Relaxed) + more, total);
    };
    let judge = |split| {
        let judged = tester.judge(split);
        advance(1);
        judged
    };
    let judged: Vec<JudgedSplit> = (0..splits).into_par_iter().map(judge).collect();
    let search = |metric| {
        let smallest = tester.smallest_tolerance(metric);
        advance(splits * TIMES_FOR_TOLERANCE / metrics);
        smallest
    };
    let tolerances: Vec<Option<f64>> = (0..metrics).into_par_iter().map(search).collect();
    tester.result(&judged, &tolerances)
}

/// The tolerances are looked for by halving: that judges all splits about so many times.
const TIMES_FOR_TOLERANCE: usize = 4;

fn nothing_tested(name: String, error: &Untestable) -> RunError {
    let reasons = match error {
        Untestable::TooShort { .. } => Vec::new(),
        Untestable::NoMetric { reasons } => reasons.iter().take(MOST_SHOWN).cloned().collect(),
    };
    RunError::NothingTested { name, problem: error.to_string(), reasons }
}

/// The reasons of so many metrics are told.
const MOST_SHOWN: usize = 10;

/// Returns whether canaries as a whole, or a metric that counts, are blamed more often than is promised,
/// by more than chance explains.
#[must_use]
pub fn is_surely_above_promise(test: &SelfTest) -> bool {
    let counted = test.metrics.iter().filter(|metric| !metric.muted);
    let mut rates = counted.map(|metric| metric.false_alarms).chain([test.canary.blamed]);
    rates.any(|rate| rate.lower > test.promised)
}
