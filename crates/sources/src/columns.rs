//! What the columns of a recording mean.

use std::collections::BTreeSet;

use crate::collect::Side;

/// Where in a record everything stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Columns {
    /// When it was measured.
    pub(crate) time: Column,
    /// Which metric it is, where a column says so.
    pub(crate) metric: Option<usize>,
    /// The labels, by name.
    pub(crate) labels: Vec<Column>,
    /// The values; at least one.
    pub(crate) values: Vec<(Column, ValueOf)>,
}

/// One column.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) index: usize,
}

/// Whose value a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ValueOf {
    /// Of whatever the other columns say.
    Record,
    /// Of one arm.
    Arm(Side),
    /// Of the metric that the column is called after.
    Metric,
}

/// Columns that do not make a recording.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ColumnError {
    /// No column holds values.
    NoValue,
    /// No column holds times.
    NoTime,
    /// Two columns hold times.
    TwoTimes,
    /// Several metrics are asked for, and no column tells them apart.
    NoMetric,
    /// The arms have columns of their own, and another one names the arm.
    ArmTwice,
}

impl Columns {
    /// Finds out what the columns hold: one value in `value`, or one for each arm, or one for each
    /// metric that is asked for. What is none of these is a label.
    ///
    /// * `metrics`: the names of the metrics that are asked for.
    pub(crate) fn of(names: &[String], metrics: &BTreeSet<String>) -> Result<Self, ColumnError> {
        let has = |wanted: fn(&str) -> bool| names.iter().any(|name| wanted(name));
        let of_arms = has(is_control) && has(is_canary);
        let meaning = |name: &str| match name {
            "value" => Some(ValueOf::Record),
            _ if has(|name| name == "value") => None,
            name if of_arms && is_control(name) => Some(ValueOf::Arm(Side::Control)),
            name if of_arms && is_canary(name) => Some(ValueOf::Arm(Side::Canary)),
            name if !of_arms && metrics.contains(name) => Some(ValueOf::Metric),
            _ => None,
        };
        let (mut times, mut labels, mut values, mut metric) = (vec![], vec![], vec![], None);
        for (index, name) in names.iter().enumerate() {
            let column = Column { name: name.clone(), index };
            match (name.as_str(), meaning(name)) {
                ("time" | "timestamp", _) => times.push(column),
                ("metric", _) => metric = Some(index),
                (_, Some(value)) => values.push((column, value)),
                (_, None) => labels.push(column),
            }
        }
        labels.sort();
        if values.is_empty() {
            return Err(ColumnError::NoValue);
        }
        if times.len() > 1 {
            return Err(ColumnError::TwoTimes);
        }
        let Some(time) = times.pop() else { return Err(ColumnError::NoTime) };
        if of_arms && labels.iter().any(|label| label.name == "arm") {
            return Err(ColumnError::ArmTwice);
        }
        let named = values.iter().all(|(_, value)| *value == ValueOf::Metric);
        if metric.is_none() && !named && metrics.len() > 1 {
            return Err(ColumnError::NoMetric);
        }
        Ok(Self { time, metric, labels, values })
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
