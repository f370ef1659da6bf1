//! What the columns of a recording mean.

use std::collections::BTreeSet;

use crate::collect::Side;

/// How a record says its values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layout {
    /// One value a record, in the column `value`.
    Long,
    /// A column for each arm.
    Arms,
    /// A column for each metric.
    Metrics,
}

/// What one column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Column {
    /// When it was measured.
    Time,
    /// Which metric it is.
    Metric,
    /// The value, of whatever the other columns say.
    Value,
    /// The value of one arm.
    Arm(Side),
    /// The value of the metric the column is called after.
    NamedMetric,
    /// A label.
    Label,
}

impl Layout {
    /// Finds the layout from the names of the columns, or returns `None` when there is no value.
    ///
    /// * `metrics`: the names of the metrics that are asked for.
    pub(crate) fn of<'a>(
        names: impl Iterator<Item = &'a str> + Clone,
        metrics: &BTreeSet<String>,
    ) -> Option<Self> {
        let any = |wanted: fn(&str) -> bool| names.clone().any(wanted);
        if any(|name| name == "value") {
            Some(Self::Long)
        } else if any(is_control) && any(is_canary) {
            Some(Self::Arms)
        } else if names.clone().any(|name| metrics.contains(name)) {
            Some(Self::Metrics)
        } else {
            None
        }
    }

    /// Returns what a column holds.
    pub(crate) fn column(self, name: &str, metrics: &BTreeSet<String>) -> Column {
        match (name, self) {
            ("time" | "timestamp", _) => Column::Time,
            ("metric", _) => Column::Metric,
            ("value", Self::Long) => Column::Value,
            (name, Self::Arms) if is_control(name) => Column::Arm(Side::Control),
            (name, Self::Arms) if is_canary(name) => Column::Arm(Side::Canary),
            (name, Self::Metrics) if metrics.contains(name) => Column::NamedMetric,
            _ => Column::Label,
        }
    }
}

/// Kayenta's word is read as well.
fn is_control(name: &str) -> bool {
    matches!(name, "control" | "baseline")
}

/// Kayenta's word is read as well.
fn is_canary(name: &str) -> bool {
    matches!(name, "canary" | "experiment")
}
