//! Execution requests, and the requests of stand-alone analyses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serin_model::{FileError, JudgementRun, LabelSelector, Step, Thresholds, Timestamp, Window};

use super::config::KayentaConfig;
use super::json::{Json, parse};
use super::scope_labels;

/// What a request says: which scopes are compared, when, and from which score on.
#[derive(Clone, Debug, PartialEq)]
pub struct KayentaRequest {
    /// The file's name, for errors.
    pub file: String,
    /// The thresholds of the score.
    pub thresholds: Thresholds,
    /// Several judgements, where a stand-alone analysis asks for them.
    pub judgements: Option<JudgementRun>,
    /// What is read otherwise than a reader might think.
    pub notes: Vec<String>,
    scopes: BTreeMap<String, ScopePair>,
}

/// The two scopes that are compared under one name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScopePair {
    pub(crate) control: Scope,
    pub(crate) canary: Scope,
    pub(crate) step: Step,
}

/// What one side of a scope selects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scope {
    pub(crate) labels: LabelSelector,
    pub(crate) window: Option<Window>,
}

impl KayentaRequest {
    /// Returns the one scope that all metrics of a config use.
    pub(crate) fn scope_of(&self, config: &KayentaConfig) -> Result<&ScopePair, FileError> {
        let names: BTreeSet<&str> =
            config.metrics.iter().map(|metric| metric.scope_name.as_str()).collect();
        if names.len() > 1 {
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            let problem = format!("its metrics use several scopes ({names})");
            return Err(FileError::new(&config.file, "", None, &problem)
                .with_hint("judge each scope by itself: one config a scope"));
        }
        let Some(name) = names.first() else {
            return Err(FileError::new(&config.file, "", None, "it has no metrics")
                .with_hint("a canary config needs at least one metric"));
        };
        self.scopes.get(*name).ok_or_else(|| {
            let known = self.scopes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let problem = format!("it has no scope `{name}`, which the config's metrics use");
            FileError::new(&self.file, "", None, &problem)
                .with_hint(&format!("its scopes are: {known}"))
        })
    }
}

/// Reads an execution request or the request of a stand-alone analysis.
///
/// # Errors
///
/// [`FileError`] when it is not JSON, when a value has another type than Kayenta takes, or when it
/// lacks scopes, thresholds, or the times that several judgements need.
pub fn read_request(file: &str, text: &str) -> Result<KayentaRequest, FileError> {
    let value = parse(file, text)?;
    let document = Json::document(file, &value);
    document.entries()?;
    let request = document.get("executionRequest").unwrap_or(document);
    let mut notes = Vec::new();
    let thresholds = thresholds(&request)?;
    let scopes = request.require("scopes")?;
    if scopes.value.is_array() {
        return stand_alone(file, &request, &scopes, thresholds);
    }
    let mut pairs = BTreeMap::new();
    for (name, pair) in scopes.entries()? {
        let (control, canary) = (pair.require("controlScope")?, pair.require("experimentScope")?);
        if canary
            .get("extendedScopeParams")
            .is_some_and(|params| params.value.as_object().is_some_and(|params| !params.is_empty()))
        {
            notes.push(format!(
                "`extendedScopeParams` of scope `{name}` is for Kayenta's query templates and \
                 selects nothing in a recording"
            ));
        }
        let step = step(canary.get("step").as_ref())?;
        pairs.insert(
            name.to_owned(),
            ScopePair { control: scope(&control)?, canary: scope(&canary)?, step },
        );
    }
    let judgements = None;
    Ok(KayentaRequest { file: file.to_owned(), thresholds, judgements, notes, scopes: pairs })
}

fn scope(scope: &Json<'_>) -> Result<Scope, FileError> {
    let name = scope.require("scope")?.text()?;
    let location = scope.get("location").map_or(Ok(""), |location| location.text())?;
    let (start, end) = (scope.get("start"), scope.get("end"));
    let window = match (start, end) {
        (Some(start), Some(end)) => Some(window(scope, start.moment()?, end.moment()?)?),
        _ => None,
    };
    Ok(Scope { labels: scope_labels(name, location), window })
}

fn window(at: &Json<'_>, start: Timestamp, end: Timestamp) -> Result<Window, FileError> {
    if end <= start {
        return Err(at
            .error("ends at or before its start")
            .with_hint("`end` must be later than `start`"));
    }
    Ok(Window { start, end })
}

fn step(written: Option<&Json<'_>>) -> Result<Step, FileError> {
    let Some(written) = written else { return Ok(Step::MINUTE) };
    let seconds = written.value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
    seconds.and_then(Step::from_seconds).ok_or_else(|| {
        written
            .error(&format!("is {}, not a whole number of seconds above 0", written.value))
            .with_hint("write seconds, such as 60")
    })
}

/// A threshold that is `null` is not applied, as in Kayenta: the other one stands for both.
fn thresholds(request: &Json<'_>) -> Result<Thresholds, FileError> {
    let written = request.require("thresholds")?;
    let number = |key: &str| written.get(key).map(|number| number.number()).transpose();
    let (pass, marginal) = match (number("pass")?, number("marginal")?) {
        (Some(pass), Some(marginal)) => (pass, marginal),
        (Some(only), None) | (None, Some(only)) => (only, only),
        (None, None) => {
            return Err(written
                .error("has neither `pass` nor `marginal`: Kayenta would pass every canary")
                .with_hint("write {\"pass\": 75, \"marginal\": 50}"));
        }
    };
    Thresholds::new(pass, marginal).ok_or_else(|| {
        written
            .error(&format!("are pass {pass} and marginal {marginal}"))
            .with_hint("both are from 0 to 100, and `marginal` is not above `pass`")
    })
}

/// Start, end and step are read from the first scope only, as Kayenta does.
fn stand_alone(
    file: &str,
    request: &Json<'_>,
    scopes: &Json<'_>,
    thresholds: Thresholds,
) -> Result<KayentaRequest, FileError> {
    let scopes = scopes.items()?;
    let Some(first) = scopes.first() else {
        return Err(request.error("`scopes` is empty").with_hint("a request needs one scope"));
    };
    let run = judgement_run(request, first)?;
    let step = step(first.get("step").as_ref())?;
    let mut pairs = BTreeMap::new();
    for scope in &scopes {
        let name = scope.get("scopeName").map_or(Ok("default"), |name| name.text())?;
        let side = |scope_key: &str, location_key: &str| {
            let selected = scope.require(scope_key)?.text()?;
            let location = scope.get(location_key).map_or(Ok(""), |location| location.text())?;
            Ok(Scope { labels: scope_labels(selected, location), window: None })
        };
        let control = side("controlScope", "controlLocation")?;
        let canary = side("experimentScope", "experimentLocation")?;
        pairs.insert(name.to_owned(), ScopePair { control, canary, step });
    }
    Ok(KayentaRequest {
        file: file.to_owned(),
        thresholds,
        judgements: Some(run),
        notes: Vec::new(),
        scopes: pairs,
    })
}

fn judgement_run(request: &Json<'_>, first: &Json<'_>) -> Result<JudgementRun, FileError> {
    let minutes = |at: &Json<'_>, key: &str| {
        at.get(key).map_or(Ok(Duration::ZERO), |minutes| minutes.minutes())
    };
    let start = first.get("startTimeIso").ok_or_else(|| {
        first
            .error("has no `startTimeIso`, which Kayenta takes to be now; a recording has no now")
            .with_hint("add `startTimeIso`, such as \"2026-11-23T08:30:00Z\"")
    })?;
    let start = start.moment()?;
    let end = first.get("endTimeIso").map(|end| end.moment()).transpose()?;
    let lifetime = match end {
        Some(end) => {
            let window = window(first, start, end)?;
            let millis = window.end.as_millis() - window.start.as_millis();
            Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        }
        None => request.require("lifetimeDurationMins")?.minutes()?,
    };
    if lifetime < Duration::from_secs(60) {
        return Err(request
            .error("the canary lives for less than a minute, so that no judgement fits")
            .with_hint("give it a later `endTimeIso` or a longer `lifetimeDurationMins`"));
    }
    Ok(JudgementRun {
        start,
        lifetime,
        interval: minutes(request, "analysisIntervalMins")?,
        begin_after: minutes(request, "beginAfterMins")?,
        lookback: minutes(request, "lookbackMins")?,
        control_offset: minutes(first, "controlOffsetInMinutes")?,
        retrospective: end.is_some(),
    })
}
