//! What a tolerance asks of a judge, and whether anything can answer it.

use std::time::Duration;

use serin_model::{Analysis, Check, Finding, FindingCode, MeasureKind};

use crate::packs::pack_named;
use crate::scalar::Percentage;

/// Finds what is odd about the margins, the gates and the times of an analysis.
#[must_use]
pub fn lint_margins(analysis: &Analysis) -> Vec<Finding> {
    let mut found = Vec::new();
    for check in analysis.checks() {
        if !is_argued_by_pack(analysis, check) {
            found.extend(margins(check));
        }
        found.extend(unreachable_minimum(analysis, check));
    }
    found.extend(gating(analysis));
    found.extend(odd_horizon(analysis));
    found.extend(no_replica(analysis));
    found
}

/// The margins of a pack have a reason each, which stands beside them.
fn is_argued_by_pack(analysis: &Analysis, check: &Check) -> bool {
    let pack = analysis.packs.get(&check.name).and_then(|pack| pack_named(pack));
    let own = pack.and_then(|pack| pack.checks().ok()).unwrap_or_default();
    own.iter().any(|it| it.check.name == check.name && it.check.margins == check.margins)
}

fn margins(check: &Check) -> Option<Finding> {
    let margins = check.margins;
    let written = margins.written();
    let (tolerance, unacceptable) = (margins.tolerance(), margins.unacceptable());
    let default = serin_model::Margins::of_kind(check.measure.kind()).tolerance();
    let of = |code, key: &str, problem: String, write: String| {
        Some(Finding::of_check(code, &check.name, key, problem).proposing(write))
    };
    let usual = format!("compare.tolerance: {}", Percentage(default));
    if written.tolerance && tolerance == 0.0 && margins.floor() == 0.0 {
        let problem = "no difference at all is tolerated".to_owned();
        return of(FindingCode::ZeroTolerance, "compare.tolerance", problem, usual);
    }
    if written.tolerance && tolerance < least(check) && margins.floor() == 0.0 {
        let problem = format!(
            "{} is less than two copies of one version usually differ by",
            Percentage(tolerance)
        );
        let write = format!(
            "{usual}, a `floor` in the metric's unit, or what `serin plan` says can be seen"
        );
        return of(FindingCode::TightTolerance, "compare.tolerance", problem, write);
    }
    if written.tolerance && tolerance > 1.0 {
        let problem = format!("{} more is tolerated", Percentage(tolerance));
        return of(FindingCode::WideTolerance, "compare.tolerance", problem, usual);
    }
    if written.unacceptable && unacceptable < NARROWEST * tolerance {
        let problem = format!(
            "{} is unacceptable and {} tolerated: hardly anything lies between",
            Percentage(unacceptable),
            Percentage(tolerance)
        );
        let write =
            format!("compare.unacceptable: {}, twice the tolerance", Percentage(2.0 * tolerance));
        return of(FindingCode::NarrowMargins, "compare.unacceptable", problem, write);
    }
    None
}

/// What is unacceptable should be this much more than what is tolerated, at least.
const NARROWEST: f64 = 1.25;

/// Two copies of one version on two machines usually differ by more.
fn least(check: &Check) -> f64 {
    match check.measure.kind() {
        MeasureKind::Ratio | MeasureKind::Count => 0.05,
        MeasureKind::Histogram | MeasureKind::Gauge | MeasureKind::Quantile => 0.02,
    }
}

fn unreachable_minimum(analysis: &Analysis, check: &Check) -> Option<Finding> {
    let minimum = u64::from(check.minimum_points?.get());
    let length = match analysis.window {
        Some(window) => {
            let millis = window.end.as_millis() - window.start.as_millis();
            Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        }
        None => analysis.horizon?,
    };
    let steps = length.as_secs() / u64::from(analysis.step.seconds());
    if minimum <= steps {
        return None;
    }
    let problem = format!(
        "{minimum} points are wanted of each arm, and {} s have {steps} steps of {} s",
        length.as_secs(),
        analysis.step.seconds()
    );
    let finding =
        Finding::of_check(FindingCode::UnreachableMinimum, &check.name, "minimum_points", problem);
    Some(
        finding.proposing("leave it out: the evidence itself says when there is enough".to_owned()),
    )
}

fn gating(analysis: &Analysis) -> Option<Finding> {
    let gating = analysis.checks().iter().filter(|check| check.gating && !check.muted).count();
    // A pack of nothing but levels is used beside one that gates.
    let is_own = |check: &&Check| !check.muted && !analysis.packs.contains_key(&check.name);
    let counted = analysis.checks().iter().filter(is_own).count();
    let most = format!(
        "`gating: true` at no more than {MOST_GATING} checks; the others can still fail the canary"
    );
    if gating > MOST_GATING {
        let problem = format!("{gating} checks are gating");
        return Some(Finding::of_file(FindingCode::ManyGating, "checks", problem).proposing(most));
    }
    if gating == 0 && counted > MOST_GATING {
        let problem = format!("none of {counted} checks is gating, so that all of them are");
        return Some(
            Finding::of_file(FindingCode::NothingGating, "checks", problem).proposing(most),
        );
    }
    None
}

/// Golden signals are four.
const MOST_GATING: usize = 4;

fn odd_horizon(analysis: &Analysis) -> Option<Finding> {
    let horizon = analysis.horizon?;
    let usual = Duration::from_secs(30 * 60)..=Duration::from_secs(120 * 60);
    (!usual.contains(&horizon)).then(|| {
        let problem = format!("the horizon is {} min", horizon.as_secs() / 60);
        Finding::of_file(FindingCode::OddHorizon, "horizon", problem)
            .proposing("horizon: 60m, and a larger canary rather than a longer look".to_owned())
    })
}

fn no_replica(analysis: &Analysis) -> Option<Finding> {
    analysis.replica.is_none().then(|| {
        let problem = "no label tells the replicas of an arm apart".to_owned();
        Finding::of_file(FindingCode::NoReplica, "replica", problem)
            .proposing("replica: pod, or whatever label has a value for each".to_owned())
    })
}
