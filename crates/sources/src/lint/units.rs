//! Bounds in another unit than the metric's name says.

use promql_parser::parser::Expr;
use serin_model::{Bound, Finding, FindingCode, MeasureKind};

use super::expression::{contains, metric, selectors};
use super::look::Look;
use crate::rows::shown;

/// Returns what is odd about the bounds of a check, by the name of what it asks for.
pub(super) fn unit_mismatch(look: &Look<'_>) -> Vec<Finding> {
    let kind = look.check.measure.kind();
    let has_unit =
        matches!(kind, MeasureKind::Histogram | MeasureKind::Gauge | MeasureKind::Quantile);
    let scales = |it: &Expr| matches!(it, Expr::Binary(binary) if matches!(binary.op.to_string().as_str(), "*" | "/"));
    if !has_unit || contains(&look.asked, scales) {
        return Vec::new();
    }
    let all = selectors(&look.asked);
    let Some((name, unit)) =
        all.into_iter().filter_map(metric).find_map(|name| Some((shown(name, 80), unit(name)?)))
    else {
        return Vec::new();
    };
    let above = look.check.guardrail.as_ref().and_then(|limit| match limit.bound {
        Bound::Above(bound) => Some(("limit.above", bound)),
        Bound::Below(_) => None,
    });
    let floor = look.check.margins.written().floor;
    let floor = floor.then(|| ("compare.floor", look.check.margins.floor()));
    let bounds = above.into_iter().chain(floor).filter(|(_, bound)| *bound > 0.0);
    let odd = bounds.filter_map(|(key, bound)| {
        let (looks_like, instead) = unit.mistaken(bound)?;
        let problem = format!(
            "{bound} looks like {looks_like}, and `{name}` is in {} by its name",
            unit.as_str()
        );
        let code = FindingCode::UnitMismatch;
        let finding = Finding::of_check(code, &look.check.name, key, problem);
        Some(finding.proposing(format!("{key}: {instead}")))
    });
    odd.collect()
}

/// What a metric is in, by the words in its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Seconds,
    Milliseconds,
    Percent,
    Share,
}

fn unit(name: &str) -> Option<Unit> {
    let mut words = name.split(['_', ':', '.']).map(str::to_ascii_lowercase);
    words.find_map(|word| match word.as_str() {
        "seconds" => Some(Unit::Seconds),
        "milliseconds" | "millis" | "ms" => Some(Unit::Milliseconds),
        "percent" | "percentage" => Some(Unit::Percent),
        "ratio" => Some(Unit::Share),
        _ => None,
    })
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Percent => "percent",
            Self::Share => "shares of one",
        }
    }

    /// Returns what a bound looks like if it is in another unit, and how it would be written in this.
    fn mistaken(self, bound: f64) -> Option<(&'static str, f64)> {
        match self {
            Self::Seconds if bound >= 50.0 => Some(("milliseconds", bound / 1000.0)),
            Self::Milliseconds if bound < 1.0 => Some(("seconds", bound * 1000.0)),
            Self::Percent if bound < 1.0 => Some(("a share of one", bound * 100.0)),
            Self::Share if bound > 1.0 => Some(("percent", bound / 100.0)),
            Self::Seconds | Self::Milliseconds | Self::Percent | Self::Share => None,
        }
    }
}

/// Returns in what the values of a query seem to be, where its name says something else.
pub(super) fn seen_in_another(asked: &Expr, highest: f64) -> Option<(String, &'static str)> {
    let all = selectors(asked);
    let (name, unit) =
        all.into_iter().filter_map(metric).find_map(|name| Some((shown(name, 80), unit(name)?)))?;
    let is_plain = matches!(super::expression::bare(asked), Expr::VectorSelector(_));
    match unit {
        Unit::Share if is_plain && highest > 1.5 && highest.is_finite() => Some((name, "percent")),
        Unit::Percent if is_plain && highest > 0.0 && highest <= 1.0 => {
            Some((name, "shares of one"))
        }
        Unit::Seconds | Unit::Milliseconds | Unit::Percent | Unit::Share => None,
    }
}
