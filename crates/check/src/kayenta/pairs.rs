//! Stored metric set pairs: the values that Kayenta judged.

use std::collections::BTreeMap;

use serde_json::Value;
use serin_model::{
    Arm, ArmPair, FileError, MetricSeries, Observations, Point, Replica, Step, Timestamp,
};

use super::json::{Json, parse};

/// The values that one judgement of Kayenta was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPairs {
    /// A series for each pair, in order; a metric may have several.
    pub series: Vec<MetricSeries>,
    /// The smallest step of any pair, so that no two values share a bin.
    pub step: Step,
}

/// Reads a `metricSetPairList`.
///
/// Values have no time of their own: they are laid out from the start of their scope, a step apart,
/// and closed-up gaps stay closed up. `"NaN"` and `null` are gaps.
///
/// # Errors
///
/// [`FileError`] when it is not JSON, or not a list of pairs.
pub fn read_pairs(file: &str, text: &str) -> Result<MetricPairs, FileError> {
    let value = parse(file, text)?;
    let document = Json::document(file, text, &value);
    let list = match value {
        Value::Object(_) => document.require("metricSetPairList")?,
        _ => document,
    };
    let mut series = Vec::new();
    let mut step = None;
    for pair in list.items()? {
        let name = pair.require("name")?.text()?;
        let control = side(&pair, "control", &mut step)?;
        let canary = side(&pair, "experiment", &mut step)?;
        let arms = ArmPair { control, canary };
        series.push(MetricSeries { labels: tags(&pair)?, arms, ..MetricSeries::nothing(name) });
    }
    if series.is_empty() {
        return Err(list.error(
            "is an empty list of metric set pairs",
            "write the metricSetPairList that Kayenta stored for a judgement",
        ));
    }
    Ok(MetricPairs { series, step: step.unwrap_or(Step::MINUTE) })
}

fn tags(pair: &Json<'_>) -> Result<BTreeMap<String, String>, FileError> {
    let Some(tags) = pair.get("tags")? else { return Ok(BTreeMap::new()) };
    let mut labels = BTreeMap::new();
    for (name, value) in tags.entries()? {
        labels.insert(name.to_owned(), value.text()?.to_owned());
    }
    Ok(labels)
}

fn side<'a>(pair: &Json<'a>, name: &'a str, step: &mut Option<Step>) -> Result<Arm, FileError> {
    let values = pair.require("values")?.require(name)?;
    let scope = pair.get("scopes")?.map_or(Ok(None), |scopes| scopes.get(name))?;
    let number = |key, least| match &scope {
        Some(scope) => {
            scope.get(key)?.map(|number| number.whole(least, "milliseconds")).transpose()
        }
        None => Ok(None),
    };
    let start = number("startTimeMillis", 0)?.unwrap_or(0);
    let millis = number("stepMillis", 1000)?.unwrap_or(60_000);
    let seconds = u32::try_from(millis / 1000).ok().and_then(Step::from_seconds);
    let seconds = seconds.unwrap_or(Step::MINUTE);
    if step.is_none_or(|smallest| seconds.seconds() < smallest.seconds()) {
        *step = Some(seconds);
    }
    let mut points = Vec::new();
    for (index, item) in values.items()?.into_iter().enumerate() {
        let offset = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(millis);
        let time = Timestamp::from_millis(start.saturating_add(offset));
        points.push(Point { time, value: value(&item)? });
    }
    if points.is_empty() {
        return Ok(Arm::default());
    }
    let observations = Observations::Value(points);
    Ok(Arm { replicas: vec![Replica { name: String::new(), observations }] })
}

/// JSON has no word for values that are not finite; Jackson writes them as strings.
fn value(item: &Json<'_>) -> Result<f64, FileError> {
    match item.value {
        Value::Null => Ok(f64::NAN),
        Value::String(text) if text == "NaN" => Ok(f64::NAN),
        Value::String(text) if text == "Infinity" => Ok(f64::INFINITY),
        Value::String(text) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
        _ => item.number(),
    }
}
