//! One simulated canary, judged.

use serin_judge::{kayenta, sequential::SequentialJudge};
use serin_model::{Analysis, Classification, MetricSeries, Outcome, Timestamp, Window};

use crate::canary::Drawn;

/// What the sequential judge said of a canary at which it looked every minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// How many minutes it took to fail it, if it did.
    pub failed: Option<f64>,
    /// How many minutes it took to pass it first, if that came before it failed.
    pub passed: Option<f64>,
    /// Whether it passed at the end.
    pub passes_at_end: bool,
}

/// Judges a canary minute by minute.
#[must_use]
pub fn judge(drawn: &Drawn) -> Trial {
    judge_series(&drawn.analysis, &drawn.series)
}

/// Judges points minute by minute, to the last that is there.
#[must_use]
pub fn judge_series(analysis: &Analysis, series: &[MetricSeries]) -> Trial {
    let window = analysis.window.unwrap_or(Window::ALWAYS);
    let mut judge = SequentialJudge::new(analysis);
    judge.learn(analysis, series, window.start);
    judge.take(analysis, series, window.start);
    judge.advance(analysis, Timestamp::from_millis(i64::MAX));
    let outcome = judge.outcome(analysis);
    let after = |time: Timestamp| (time.as_millis() - window.start.as_millis()) as f64 / 60_000.0;
    // A step is known when it is over, a minute after its points.
    let minutes = |time: Timestamp| after(time) + 1.0;
    let failed = (outcome == Outcome::Fail)
        .then(|| judge.verdict(analysis, &[], true).verdict.decided_at.map_or(0.0, minutes));
    Trial {
        failed,
        passed: judge.first_passed().map(minutes),
        passes_at_end: outcome == Outcome::Pass,
    }
}

/// What Kayenta's judge said of a canary at one look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Whether it called a metric `High` or `Low`.
    pub flagged: bool,
    /// Whether the score was below 75.
    pub blamed: bool,
}

/// Judges the first minutes of a canary as Kayenta would, without its history.
#[must_use]
pub fn look(drawn: &Drawn, minutes: i64) -> Look {
    let mut analysis = drawn.analysis.clone();
    let start = analysis.window.unwrap_or(Window::ALWAYS).start;
    let end = Timestamp::from_millis(start.as_millis() + 60_000 * minutes);
    analysis.window = Some(Window { start, end });
    let verdict = kayenta::judge(&analysis, &drawn.series).verdict;
    let flagged = verdict.metrics.iter().any(|metric| {
        matches!(metric.classification, Some(Classification::High | Classification::Low))
    });
    Look { flagged, blamed: verdict.scorecard.score < analysis.thresholds.pass() }
}
