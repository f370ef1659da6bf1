//! What the grid of the sequential judge has no room for.

use serin_model::{JudgedMetric, Outcome, Timestamp};

use crate::report::Report;
use crate::wording::LONG_NAME;
use crate::{clock, evidence, label};

/// How many metrics a line names before it counts the rest.
const MOST_NAMES: usize = 8;

/// Returns lines to stand below the grid, each after a word that says what it is about: why a
/// tolerance was widened, and then [what is about all metrics](of_all).
pub(crate) fn notes(report: &Report) -> Vec<(&'static str, String)> {
    let metrics = report.verdict.metrics.iter();
    let widened = metrics.filter_map(|metric| Some(("* ", widened(metric)?)));
    widened.chain(of_all(report)).collect()
}

/// Returns since when metrics are harmed, how long until there are enough points, and what a pass
/// waits for; a canary that is rolled back waits for nothing.
pub(crate) fn of_all(report: &Report) -> Vec<(&'static str, String)> {
    let metrics = &report.verdict.metrics;
    let since = listed("harmed since: ", metrics, since);
    if report.verdict.outcome == Outcome::Fail {
        return since.into_iter().collect();
    }
    let enough = listed("enough points: ", metrics, |metric| enough(report, metric));
    let gating = listed("gating: ", metrics, gating);
    let gating = gating.map(|(start, all)| (start, format!("{all}; a pass needs these safe")));
    [since, enough, gating].into_iter().flatten().collect()
}

/// Returns why more of a metric is tolerated than the Check says.
fn widened(metric: &JudgedMetric) -> Option<String> {
    let why = metric.evidence.as_ref()?.widened.as_deref()?;
    let name = shortened(metric);
    Some(format!("{name}: the tolerance is {}", label::one_line(why)))
}

fn since(metric: &JudgedMetric) -> Option<String> {
    let since = metric.evidence.as_ref().filter(|_| !metric.muted)?.since?;
    Some(format!("{} {} UTC", shortened(metric), clock::hour(since)))
}

fn enough(report: &Report, metric: &JudgedMetric) -> Option<String> {
    let missing = evidence::missing_steps(metric.evidence.as_ref()?)?;
    let at = enough_at(report, missing)?;
    Some(format!("{} at {} UTC ({missing} more)", shortened(metric), clock::hour(at)))
}

/// Returns the end of the last of `missing` more steps; `None` where nothing was judged.
fn enough_at(report: &Report, missing: u64) -> Option<Timestamp> {
    let (_, last) = report.span?;
    let steps = i64::try_from(missing).ok()?.checked_add(1)?;
    let length = steps.checked_mul(1000 * i64::from(report.step_seconds))?;
    Some(Timestamp::from_millis(last.as_millis().checked_add(length)?))
}

fn gating(metric: &JudgedMetric) -> Option<String> {
    let evidence = metric.evidence.as_ref().filter(|evidence| evidence.gating)?;
    Some(format!("{} ({})", shortened(metric), evidence.standing))
}

fn shortened(metric: &JudgedMetric) -> String {
    label::shortened(&label::name(metric), LONG_NAME)
}

fn listed(
    start: &'static str,
    metrics: &[JudgedMetric],
    one: impl Fn(&JudgedMetric) -> Option<String>,
) -> Option<(&'static str, String)> {
    let all: Vec<String> = metrics.iter().filter_map(one).collect();
    let left = all.len().saturating_sub(MOST_NAMES);
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    let shown = all.len().min(MOST_NAMES);
    (shown > 0).then(|| (start, format!("{}{more}", all[..shown].join(", "))))
}
