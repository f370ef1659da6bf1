//! Execution requests, and the requests of stand-alone analyses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serin_model::{FileError, JudgementRun, LabelSelector, Step, Thresholds, Timestamp, Window};

use super::config::KayentaConfig;
use super::json::{Json, parse};
use super::scope_labels;
use crate::explain::mistake;

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
            let hint = "judge each scope by itself: one config a scope";
            return Err(mistake(&config.file, "", None, &problem, hint));
        }
        let Some(name) = names.first() else {
            let hint = "a canary config needs at least one metric";
            return Err(mistake(&config.file, "", None, "it has no metrics", hint));
        };
        self.scopes.get(*name).ok_or_else(|| {
            let known = self.scopes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let problem = format!("it has no scope `{name}`, which the config's metrics use");
            let hint = format!("add `{name}` to `scopes`, which has: {known}");
            mistake(&self.file, "", None, &problem, &hint)
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
    let document = Json::document(file, text, &value);
    let request = document.get("executionRequest")?.unwrap_or(document);
    let mut notes = Vec::new();
    let thresholds = thresholds(&request)?;
    let scopes = request.require("scopes")?;
    if scopes.value.is_array() {
        return stand_alone(file, &request, &scopes, thresholds);
    }
    let mut pairs = BTreeMap::new();
    for (name, pair) in scopes.entries()? {
        let (control, canary) = (pair.require("controlScope")?, pair.require("experimentScope")?);
        if let Some(params) = canary.get("extendedScopeParams")?
            && !params.entries()?.is_empty()
        {
            notes.push(format!(
                "`extendedScopeParams` of scope `{name}` is for Kayenta's query templates and \
                 selects nothing in a recording"
            ));
        }
        let step = step(canary.get("step")?.as_ref())?;
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
    let location = scope.get("location")?.map_or(Ok(""), |location| location.text())?;
    let window = match (scope.get("start")?, scope.get("end")?) {
        (Some(start), Some(end)) => Some(window(scope, start.moment()?, end.moment()?)?),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err(scope.error("has only one of `start` and `end`", "write both, or neither"));
        }
    };
    Ok(Scope { labels: scope_labels(name, location), window })
}

fn window(at: &Json<'_>, start: Timestamp, end: Timestamp) -> Result<Window, FileError> {
    if end <= start {
        return Err(at.error("ends at or before its start", "`end` must be later than `start`"));
    }
    Ok(Window { start, end })
}

fn step(written: Option<&Json<'_>>) -> Result<Step, FileError> {
    let Some(written) = written else { return Ok(Step::MINUTE) };
    let seconds = written.value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
    seconds.and_then(Step::from_seconds).ok_or_else(|| {
        let problem = format!("is {}, not a whole number of seconds above 0", written.value);
        written.error(&problem, "write seconds, such as 60")
    })
}

/// A threshold that is `null` is not applied, as in Kayenta: the other one stands for both.
fn thresholds(request: &Json<'_>) -> Result<Thresholds, FileError> {
    let written = request.require("thresholds")?;
    let number = |key| written.get(key)?.map(|number| number.number()).transpose();
    let (pass, marginal) = match (number("pass")?, number("marginal")?) {
        (Some(pass), Some(marginal)) => (pass, marginal),
        (Some(only), None) | (None, Some(only)) => (only, only),
        (None, None) => {
            return Err(written.error(
                "has neither `pass` nor `marginal`: Kayenta would pass every canary",
                "write {\"pass\": 75, \"marginal\": 50}",
            ));
        }
    };
    Thresholds::new(pass, marginal).ok_or_else(|| {
        written.error(
            &format!("are pass {pass} and marginal {marginal}"),
            "both are from 0 to 100, and `marginal` is not above `pass`",
        )
    })
}

/// Start, end and step are read from the first scope only, as Kayenta does.
fn stand_alone(
    file: &str,
    request: &Json<'_>,
    scopes: &Json<'_>,
    thresholds: Thresholds,
) -> Result<KayentaRequest, FileError> {
    let list = scopes.items()?;
    let Some(first) = list.first() else {
        return Err(scopes.error("is empty", "a request needs one scope"));
    };
    let run = judgement_run(request, first)?;
    let step = step(first.get("step")?.as_ref())?;
    let mut pairs = BTreeMap::new();
    for scope in &list {
        let name = scope.get("scopeName")?.map_or(Ok("default"), |name| name.text())?;
        let side = |scope_key, location_key| {
            let selected = scope.require(scope_key)?.text()?;
            let location = scope.get(location_key)?;
            let location = location.map_or(Ok(""), |location| location.text())?;
            Ok::<_, FileError>(Scope { labels: scope_labels(selected, location), window: None })
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
    let start = first.get("startTimeIso")?.ok_or_else(|| {
        first.error(
            "has no `startTimeIso`, which Kayenta takes to be now; a recording has no now",
            "add `startTimeIso`, such as \"2026-11-23T08:30:00Z\"",
        )
    })?;
    let start = start.moment()?;
    let end = first.get("endTimeIso")?.map(|end| end.moment()).transpose()?;
    let lifetime = match end {
        Some(end) => {
            let window = window(first, start, end)?;
            let millis = window.end.as_millis() - window.start.as_millis();
            Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        }
        None => request.require("lifetimeDurationMins")?.minutes()?,
    };
    if lifetime < Duration::from_secs(60) {
        return Err(request.error(
            "lets the canary live for less than a minute, so that no judgement fits",
            "give it a later `endTimeIso` or a longer `lifetimeDurationMins`",
        ));
    }
    let run = JudgementRun {
        start,
        lifetime,
        interval: minutes(request, "analysisIntervalMins")?,
        begin_after: minutes(request, "beginAfterMins")?,
        lookback: minutes(request, "lookbackMins")?,
        control_offset: minutes(first, "controlOffsetInMinutes")?,
        retrospective: end.is_some(),
    };
    if run.judgements() > JudgementRun::MOST_JUDGEMENTS {
        return Err(request.error(
            &format!("asks for {} judgements", run.judgements()),
            &format!(
                "at most {} are made; give a longer `analysisIntervalMins`",
                JudgementRun::MOST_JUDGEMENTS
            ),
        ));
    }
    Ok(run)
}

/// Reads a number of minutes; none is zero.
fn minutes<'a>(at: &Json<'a>, key: &'a str) -> Result<Duration, FileError> {
    at.get(key)?.map_or(Ok(Duration::ZERO), |minutes| minutes.minutes())
}
