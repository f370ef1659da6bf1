//! Kayenta's own files: canary configs, requests, and stored metric set pairs.
//!
//! They are read as Kayenta reads them: unknown keys are passed over, an unknown `direction` is
//! `either`, weights are not checked. Where Kayenta would crash without naming the metric, here an
//! error names it; where it silently does something else than the file says, a note says so.

mod config;
mod json;
mod pairs;
mod place;
mod request;

pub use config::{
    KayentaConfig, KayentaMetric, MetricConfiguration, read_config, read_configuration,
};
pub use pairs::{MetricPairs, read_pairs};
pub use request::{KayentaRequest, read_request};

use serin_model::{
    Analysis, Arms, Check, FileError, GroupWeights, LabelSelector, Margins, Measure, MeasureKind,
    Query, Thresholds,
};

use crate::explain::mistake;
use crate::read::WrittenAnalysis;

/// Makes an analysis out of a config, and a request where there is one.
///
/// Without a request the label `arm` tells the arms apart, and the thresholds are 75 and 50. With
/// one, the arms are told apart by the labels `scope` and, where it is given, `location`.
///
/// # Errors
///
/// [`FileError`] when the config has no metrics or two of one name, when its metrics use several
/// scopes or one that the request lacks, or when the request compares a scope with itself.
pub fn analysis(
    config: &KayentaConfig,
    request: Option<&KayentaRequest>,
) -> Result<WrittenAnalysis, FileError> {
    let mut arms = Arms::default();
    let mut step = serin_model::Step::MINUTE;
    let mut window = None;
    if let Some(request) = request {
        let scope = request.scope_of(config)?;
        let control_window =
            (scope.control.window != scope.canary.window).then_some(scope.control.window).flatten();
        arms = Arms::at(scope.control.labels.clone(), scope.canary.labels.clone(), control_window)
            .map_err(|error| {
                let hint =
                    "give controlScope and experimentScope different scopes, or different times";
                mistake(&request.file, "", None, &error.to_string(), hint)
            })?;
        window = scope.canary.window;
        step = scope.step;
    }
    let checks = config.metrics.iter().map(check).collect();
    let mut analysis = Analysis::new(config.service.clone(), arms, checks).map_err(|error| {
        let hint = "a canary config needs metrics, each with its own name";
        mistake(&config.file, "", None, &error.to_string(), hint)
    })?;
    analysis.weights = GroupWeights::unchecked_as_in_kayenta(config.group_weights.clone());
    analysis.step = step;
    analysis.window = window;
    analysis.thresholds = request.map_or_else(Thresholds::default, |request| request.thresholds);
    analysis.judgements = request.and_then(|request| request.judgements);
    let mut notes = config.notes.clone();
    notes.extend(request.into_iter().flat_map(|request| request.notes.iter().cloned()));
    Ok(WrittenAnalysis { analysis, source: None, notes })
}

/// The labels by which a request's scope is found in a recording.
pub(crate) fn scope_labels(scope: &str, location: &str) -> LabelSelector {
    let mut labels = LabelSelector::from([("scope".to_owned(), scope.to_owned())]);
    if !location.is_empty() {
        labels.insert("location".to_owned(), location.to_owned());
    }
    labels
}

fn check(metric: &KayentaMetric) -> Check {
    Check {
        name: metric.name.clone(),
        measure: Measure::Gauge { value: query_by_name(&metric.name) },
        worse: metric.configuration.worse,
        margins: Margins::of_kind(MeasureKind::Gauge),
        gating: false,
        critical: metric.configuration.critical,
        muted: metric.configuration.muted,
        groups: metric.groups.clone(),
        guardrail: None,
        minimum_points: None,
        owner: None,
        kayenta: metric.configuration.kayenta.clone(),
    }
}

/// Kayenta's queries are for its own stores; in a recording a metric is found by its name.
fn query_by_name(name: &str) -> Query {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    Query::new(&format!("{{__name__=\"{escaped}\", $arm}}"))
        .expect("a query with braces is not blank")
}
