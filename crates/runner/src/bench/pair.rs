//! A bare pair of samples, for parity with Kayenta.

use serde::Serialize;
use serde_json::Value;
use serin_check::kayenta::read_configuration;
use serin_judge::kayenta::{MetricOptions, Strictness, classify};
use serin_model::Classification;

use super::line::{Line, Number};

/// What the kayenta judge says of a pair.
#[derive(Debug, Serialize)]
pub(super) struct JudgedPair {
    id: Value,
    pub(super) classification: Classification,
    critical: bool,
    lower: Option<f64>,
    upper: Option<f64>,
    estimate: Option<f64>,
    effect_size: Option<f64>,
    deviation: Option<f64>,
}

/// Judges a bare pair, or says what is wrong with it.
pub(super) fn judge_pair(line: Line) -> Result<JudgedPair, String> {
    let sample = |name: &str, numbers: Option<Vec<Number>>| match numbers {
        Some(numbers) => Ok(numbers.into_iter().map(|number| number.0).collect::<Vec<f64>>()),
        None => Err(format!("a pair has no `{name}`")),
    };
    let control = sample("control", line.control)?;
    let canary = sample("experiment", line.experiment)?;
    let configuration = read_configuration("", "pair", &line.kayenta)
        .map_err(|error| error.problem.into_string())?;
    let options = MetricOptions {
        worse: configuration.worse,
        critical: configuration.critical,
        kayenta: configuration.kayenta,
    };
    let classified = classify(&control, &canary, &options, Strictness::NETFLIX);
    Ok(JudgedPair {
        id: line.id,
        classification: classified.classification,
        critical: classified.critical,
        lower: classified.shift.map(|shift| shift.lower),
        upper: classified.shift.map(|shift| shift.upper),
        estimate: classified.shift.map(|shift| shift.estimate),
        effect_size: classified.effect_size,
        deviation: classified.deviation,
    })
}
