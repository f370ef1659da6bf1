//! Live analyses: beginning, following and stopping them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use serin_ledger::{Event, Fact, Key};
use serin_model::FileError;
use serin_report::Report;
use serin_runner::checks::{AppliedCheckError, applied_check};
use serin_runner::live::{BeginError, NamedText, Overlap, SOURCE, Snapshot, State as LiveState};
use serin_runner::watch::{Start, TimingAsked};
use serin_runner::{parse_length, parse_length_or_nothing, service_of};
use utoipa::{IntoParams, ToSchema};

use crate::api::judgements::{Text, named, unjudged};
use crate::api::list::Limit;
use crate::api::wire::{Outcome, Page, Scope};
use crate::app::App;
use crate::caller::{Caller, May, Read, Submit};
use crate::moment::Moment;
use crate::problem::{Kind, Problem};
use crate::request::{Asked, IdempotencyKey, Json, Named};

/// A live analysis to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnalysis {
    /// The service, whose Check in force is taken; instead of `checks`.
    #[schema(example = "checkout")]
    service: Option<String>,
    /// The Check file and those that it extends, the nearest first; instead of `service`.
    #[serde(default)]
    #[schema(max_items = 16)]
    checks: Vec<Text>,
    /// What narrows the Check's service down, such as `environment`.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The change that is looked at, such as `change/1.4.2`.
    change: Option<String>,
    /// Whether nobody shall act on the verdict.
    #[serde(default)]
    shadow: bool,
    /// The address of the store to ask instead of the one that the Check names.
    url: Option<String>,
    /// When the canary began: `now`, `when_seen`, or a moment. `when_seen` unless said.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "now")]
    start: WireStart,
    /// How long it is judged at most, such as `30m`.
    #[serde(default, deserialize_with = "length")]
    #[schema(value_type = Option<String>, example = "30m")]
    horizon: Option<Duration>,
    /// How much of its beginning is left out.
    #[serde(default, deserialize_with = "length_or_nothing")]
    #[schema(value_type = Option<String>, example = "2m")]
    warm_up: Option<Duration>,
    /// How much of the control's past is learned from.
    #[serde(default, deserialize_with = "length_or_nothing")]
    #[schema(value_type = Option<String>, example = "6h")]
    history: Option<Duration>,
    /// How often the source is asked at most.
    #[serde(default, deserialize_with = "length")]
    #[schema(value_type = Option<String>, example = "15s")]
    every: Option<Duration>,
    /// How long after the end of a step its points may come.
    #[serde(default, deserialize_with = "length_or_nothing")]
    #[schema(value_type = Option<String>, example = "1m")]
    late: Option<Duration>,
}

/// When a canary began.
#[derive(Clone, Copy, Debug, Default)]
struct WireStart(Start);

impl<'de> Deserialize<'de> for WireStart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(Self::default());
        };
        match text.as_str() {
            "now" => Ok(Self(Start::Now)),
            "when_seen" => Ok(Self(Start::WhenSeen)),
            text => text.parse().map(|moment: Moment| Self(Start::At(moment.0))).map_err(|hint| {
                serde::de::Error::custom(format!("{hint}, or `now`, or `when_seen`"))
            }),
        }
    }
}

/// Reads a length of time.
pub(crate) fn length<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_length(&text)).transpose().map_err(serde::de::Error::custom)
}

fn length_or_nothing<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_length_or_nothing(&text)).transpose().map_err(serde::de::Error::custom)
}

/// A live analysis.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Analysis {
    /// What it is asked for by.
    #[schema(example = "5b1e0c4f")]
    id: String,
    /// What the ledger calls it.
    #[schema(example = "analysis/5b1e0c4f")]
    subject: String,
    scope: Scope,
    /// The change that is looked at.
    change: Option<String>,
    /// Whether nobody acts on it.
    shadow: bool,
    /// What it does.
    state: AnalysisState,
    /// Why it does not judge, where it does not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<String>,
    /// The outcome, as it stands.
    outcome: Outcome,
    /// Why, in a sentence; once there is a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    begun_at: Option<Moment>,
    /// When the canary began, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Moment>,
    /// Up to where it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    judged_to: Option<Moment>,
    /// Up to where it is judged at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    horizon: Option<Moment>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Moment>,
    /// The event of its verdict, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict_event: Option<String>,
    /// What else changed, or is looked at, in the same scope.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overlaps: Vec<OverlapShape>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// The verdict on its points so far, as in a report; where one analysis is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    verdict: Option<serde_json::Value>,
}

/// What an analysis does.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AnalysisState {
    /// It waits for an arm to appear.
    Waiting,
    Judging,
    /// The source gives no answer, and is asked again.
    SourceFailing,
    /// The machine's clock was set forwards, and the source has nothing of that time.
    ClockDoubted,
    /// What it heard cannot be written down.
    LedgerFailing,
    /// It cannot go on.
    Stuck,
    /// It is over.
    Ended,
}

/// Something else in the same scope.
#[derive(Debug, Serialize, ToSchema)]
struct OverlapShape {
    /// The other analysis or change.
    subject: String,
    /// When it began.
    since: Moment,
}

impl From<&Overlap> for OverlapShape {
    fn from(overlap: &Overlap) -> Self {
        Self { subject: overlap.subject.clone(), since: Moment(overlap.since) }
    }
}

impl From<&Snapshot> for Analysis {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            id: id_of(&snapshot.subject).to_owned(),
            subject: snapshot.subject.clone(),
            scope: (&snapshot.scope).into(),
            change: snapshot.change.clone(),
            shadow: snapshot.shadow,
            state: (&snapshot.state).into(),
            state_reason: snapshot.state.why(),
            outcome: snapshot.outcome.into(),
            reason: None,
            begun_at: Some(Moment(snapshot.begun_at)),
            start: snapshot.start.map(Moment),
            judged_to: snapshot.judged_to.map(Moment),
            horizon: snapshot.horizon.map(Moment),
            ended_at: None,
            verdict_event: None,
            overlaps: snapshot.overlaps.iter().map(OverlapShape::from).collect(),
            warnings: snapshot.warnings.clone(),
            verdict: None,
        }
    }
}

impl From<&LiveState> for AnalysisState {
    fn from(state: &LiveState) -> Self {
        match state {
            LiveState::Waiting { .. } => Self::Waiting,
            LiveState::Judging => Self::Judging,
            LiveState::SourceFailing { .. } => Self::SourceFailing,
            LiveState::ClockDoubted { .. } => Self::ClockDoubted,
            LiveState::LedgerFailing { .. } => Self::LedgerFailing,
            LiveState::Stuck { .. } => Self::Stuck,
        }
    }
}

const SUBJECT: &str = "analysis/";

/// Returns what an analysis is asked for by.
pub(crate) fn id_of(subject: &str) -> &str {
    subject.strip_prefix(SUBJECT).unwrap_or(subject)
}

/// An analysis that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Begun {
    /// What it is asked for by.
    id: String,
    /// What the ledger calls it.
    subject: String,
    /// Its first event.
    event: String,
    /// Whether it was begun before, under the same idempotency key.
    was_known: bool,
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        let status = if self.was_known { StatusCode::OK } else { StatusCode::CREATED };
        let location = HeaderValue::from_str(&format!("/api/v1/analyses/{}", self.id));
        let mut response = (status, axum::Json(self)).into_response();
        response.headers_mut().extend(location.ok().map(|place| (Some(LOCATION), place)));
        response
    }
}

/// Begin a live analysis
///
/// Once it is answered, the analysis is in the ledger, and goes on whatever happens to the server. With an
/// `Idempotency-Key`, the same request may be sent again: it is one analysis.
#[utoipa::path(
    post, path = "/api/v1/analyses", tag = "analyses", security(("token" = ["submit"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = r#"^([!#-~]{1,200}|"[!#-~]{1,200}")$"#, description = "A name of this request, such as a UUID")),
    request_body = NewAnalysis,
    responses(
        (status = 201, body = Begun, description = "The analysis runs"),
        (status = 200, body = Begun, description = "It was begun before"),
    )
)]
pub(crate) async fn begin(
    caller: May<Submit>,
    State(app): State<Arc<App>>,
    key: IdempotencyKey,
    Json(asked): Json<NewAnalysis>,
) -> Result<Begun, Problem> {
    let (checks, labels) = match asked.service {
        None => (named(asked.checks)?, asked.labels),
        Some(service) if asked.checks.is_empty() => {
            caller.of_service(&service)?;
            let scope = serin_ledger::Scope { service, labels: asked.labels };
            in_force(&app, scope).await?
        }
        Some(_) => {
            let detail = "both `service` and `checks` say what is judged";
            return Err(Problem::new(Kind::Invalid, detail)
                .at("/service")
                .hint("leave `service` out: the Check names it"));
        }
    };
    let service = service_of(&checks).map_err(|error| wrong_check(&error))?;
    caller.of_service(&service)?;
    if service == serin_ledger::ITSELF {
        let detail = format!("`{service}` is serin itself");
        return Err(Problem::new(Kind::Invalid, detail).hint("name a service of yours"));
    }
    // A key is of whoever uses it: another token's is another analysis.
    let idempotency_key = key.0.map(|key| format!("{}\n{key}", caller.source));
    let begun = app.live.begin(serin_runner::live::NewAnalysis {
        checks,
        labels,
        change: asked.change,
        shadow: asked.shadow,
        timing: TimingAsked {
            start: asked.start.0,
            horizon: asked.horizon,
            warm_up: asked.warm_up,
            history: asked.history,
            every: asked.every,
            late: asked.late,
        },
        url: asked.url,
        idempotency_key,
    });
    let begun = begun.await.map_err(Problem::from)?;
    Ok(Begun {
        id: id_of(&begun.subject).to_owned(),
        subject: begun.subject,
        event: begun.id.to_string(),
        was_known: begun.was_known,
    })
}

/// Returns the texts of the Check in force for a scope, and the labels of what is judged.
///
/// # Errors
///
/// Where none fits, several fit alike, or the ledger does not have its texts.
pub(crate) async fn in_force(
    app: &Arc<App>,
    scope: serin_ledger::Scope,
) -> Result<(Vec<NamedText>, BTreeMap<String, String>), Problem> {
    let asked = scope.clone();
    let found = app.books.read(move |ledger| Ok(applied_check(ledger, &asked))).await?;
    let found = found.map_err(|error| match error {
        AppliedCheckError::Ledger(error) => Problem::from(error),
        other => {
            let text = other.to_string();
            let (detail, hint) = text.split_once("\n\nhint: ").unwrap_or((&text, ""));
            let hint = if hint.is_empty() { "send its Check file as `checks`" } else { hint };
            Problem::new(Kind::Invalid, detail).at("/service").hint(hint)
        }
    })?;
    let mut labels = found.scope.labels;
    labels.extend(scope.labels);
    Ok((found.texts, labels))
}

fn wrong_check(error: &FileError) -> Problem {
    unjudged(&error.clone().into()).at("/checks")
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Check(error) => wrong_check(&error),
            BeginError::Source(error) => unjudged(&error),
            BeginError::Invalid(invalid) => invalid.into(),
            BeginError::OtherAnalysis { .. } => Self::new(
                Kind::KeyReused,
                "this key was used before, for an analysis of something else",
            )
            .hint("repeat the first request to the letter, or give this one a key of its own"),
            BeginError::Ledger(error) => error.into(),
            BeginError::Write(error) => error.into(),
            BeginError::Ended | _ => Self::busy(),
        }
    }
}

/// Which analyses to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalysesAsked {
    /// Of this service alone.
    service: Option<String>,
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// List the analyses that run
///
/// Sorted by their ids. Those that have ended are verdicts of their services.
#[utoipa::path(
    get, path = "/api/v1/analyses", tag = "analyses", security(("token" = ["read"])),
    params(AnalysesAsked),
    responses((status = 200, body = Page<Analysis>, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<AnalysesAsked>,
) -> Result<axum::Json<Page<Analysis>>, Problem> {
    if let Some(service) = &asked.service {
        caller.of_service(service)?;
    }
    let running = app.live.running().await;
    let mut wanted = running.iter().filter(|it| {
        let service = &it.scope.service;
        caller.may_see(service)
            && asked.service.as_ref().is_none_or(|asked| asked == service)
            && asked.cursor.as_deref().is_none_or(|cursor| id_of(&it.subject) > cursor)
    });
    let items: Vec<Analysis> = wanted.by_ref().take(asked.limit.0).map(Analysis::from).collect();
    let next = wanted.next().and_then(|_| items.last().map(|last| last.id.clone()));
    Ok(axum::Json(Page { items, next }))
}

/// Look at an analysis
///
/// One that runs is told with the verdict on its points so far, one that has ended with its last.
#[utoipa::path(
    get, path = "/api/v1/analyses/{id}", tag = "analyses", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The analysis")),
    responses((status = 200, body = Analysis, description = "The analysis"))
)]
pub(crate) async fn one(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<axum::Json<Analysis>, Problem> {
    if let Some((snapshot, verdict)) = app.live.one(&subject(&id)).await? {
        if !caller.may_see(&snapshot.scope.service) {
            return Err(none(&id));
        }
        let reason = verdict.as_ref().map(|verdict| verdict.reason.clone());
        let verdict = verdict.and_then(|verdict| serde_json::to_value(verdict).ok());
        return Ok(axum::Json(Analysis { verdict, reason, ..Analysis::from(&snapshot) }));
    }
    let event = ended(&app, &caller, &id).await?;
    let report = report_of(&app, &event).await?;
    of_ended(&id, &event, &report).map(axum::Json).ok_or_else(|| none(&id))
}

fn of_ended(id: &str, event: &Event, report: &Report) -> Option<Analysis> {
    let Fact::AnalysisEnded(ended) = event.fact() else { return None };
    let verdict = &report.verdict;
    Some(Analysis {
        id: id.to_owned(),
        subject: event.header.subject.clone(),
        scope: (&event.header.scope).into(),
        change: ended.change.clone(),
        shadow: ended.shadow,
        state: AnalysisState::Ended,
        state_reason: None,
        outcome: ended.outcome.into(),
        reason: Some(verdict.reason.clone()),
        begun_at: None,
        start: None,
        judged_to: report.span.map(|(_, end)| Moment(end)),
        horizon: None,
        ended_at: Some(Moment(event.header.occurred_at)),
        verdict_event: Some(event.id.to_string()),
        overlaps: Vec::new(),
        warnings: Vec::new(),
        verdict: serde_json::to_value(verdict).ok(),
    })
}

/// Returns what the ledger calls an analysis.
pub(crate) fn subject(id: &str) -> String {
    format!("{SUBJECT}{id}")
}

fn none(id: &str) -> Problem {
    Problem::not_found(format!("there is no analysis {id}"))
        .hint("`/api/v1/analyses` lists those that run, `/api/v1/services/{service}/verdicts` what came of the others")
}

/// Returns the event that an analysis ended with.
///
/// # Errors
///
/// Where there is none that the caller may see.
pub(crate) async fn ended(app: &Arc<App>, caller: &Caller, id: &str) -> Result<Event, Problem> {
    let key = Key::new(SOURCE, format!("{}/ended", subject(id)));
    let event = app.books.read(move |ledger| ledger.event_of_key(&key)).await?;
    let event = event.filter(|event| caller.may_see(&event.header.scope.service));
    event.ok_or_else(|| none(id))
}

/// Returns the report that an analysis ended with.
///
/// # Errors
///
/// Where it is no longer kept, or cannot be read.
pub(crate) async fn report_of(app: &Arc<App>, event: &Event) -> Result<Report, Problem> {
    let digest = event.header.evidence.first().copied().ok_or_else(Problem::internal)?;
    let report = app.books.read(move |ledger| ledger.evidence(&digest)).await?;
    let report = report.ok_or_else(|| {
        Problem::not_found("the report of this analysis is no longer kept")
            .hint("its outcome is still among the verdicts of its service")
    })?;
    let read = report
        .expand()
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    read.map_err(|error| {
        tracing::error!(%error, "a report in the ledger cannot be read");
        Problem::internal()
    })
}

/// Read the report of an analysis that has ended
///
/// As JSON, or as `accept` asks for it: `text/html` is a page of its own, `text/markdown` a summary.
#[utoipa::path(
    get, path = "/api/v1/analyses/{id}/report", tag = "analyses", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The analysis")),
    responses((status = 200, content(
        (Object = "application/json"), (String = "text/html"), (String = "text/markdown"),
    ), description = "The report"))
)]
pub(crate) async fn report(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let event = match ended(&app, &caller, &id).await {
        Ok(event) => event,
        Err(problem) => {
            let running = app.live.running().await;
            let running = running.iter().find(|it| it.subject == subject(&id));
            let runs = running.is_some_and(|it| caller.may_see(&it.scope.service));
            return Err(match runs {
                true => Problem::not_found(format!("the analysis {id} still runs"))
                    .hint("`/api/v1/analyses/{id}` has the verdict so far"),
                false => problem,
            });
        }
    };
    let report = report_of(&app, &event).await?;
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media_type, text) = match accepted {
        accepted if accepted.contains("text/html") => {
            let page = serin_report::html(&report).map_err(|_| Problem::internal())?;
            ("text/html; charset=utf-8", page)
        }
        accepted if accepted.contains("text/markdown") => {
            ("text/markdown; charset=utf-8", serin_report::markdown(&report))
        }
        _ => return Ok(axum::Json(report).into_response()),
    };
    Ok(([(CONTENT_TYPE, media_type)], text).into_response())
}

/// Stop an analysis
///
/// It ends as inconclusive. Where the ledger cannot be written at the moment, it ends once it can.
#[utoipa::path(
    post, path = "/api/v1/analyses/{id}/stop", tag = "analyses", security(("token" = ["submit"])),
    params(("id" = String, Path, description = "The analysis")),
    responses(
        (status = 200, body = Stopped, description = "It has ended"),
        (status = 202, body = Stopped, description = "It ends once the ledger can be written"),
    )
)]
pub(crate) async fn stop(
    caller: May<Submit>,
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    let running = app.live.running().await;
    let running = running.iter().find(|it| it.subject == subject(&id));
    if !running.is_some_and(|it| caller.may_see(&it.scope.service)) {
        ended(&app, &caller, &id).await?;
        return Ok(axum::Json(Stopped { has_ended: true }).into_response());
    }
    let (live, subject) = (app.live.clone(), subject(&id));
    // It goes on though nobody waits for it any more.
    let stopping = tokio::spawn(async move { live.stop(&subject).await });
    match tokio::time::timeout(STOP_TIME, stopping).await {
        Ok(Ok(_)) => Ok(axum::Json(Stopped { has_ended: true }).into_response()),
        Ok(Err(_)) => Err(Problem::internal()),
        Err(_) => {
            let stopped = axum::Json(Stopped { has_ended: false });
            Ok((StatusCode::ACCEPTED, stopped).into_response())
        }
    }
}

/// How long it is waited for the ledger to take the end of an analysis.
const STOP_TIME: Duration = Duration::from_secs(5);

/// What became of an analysis that was stopped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stopped {
    /// Whether it has ended.
    has_ended: bool,
}
