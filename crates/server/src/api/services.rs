//! Services, and what is known to be good of them.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serin_ledger::{ITSELF, RunningAnalyses, Scope};
use utoipa::{IntoParams, ToSchema};

use crate::api::changes::none_known_good;
use crate::api::list::{Labels, Limit};
use crate::api::wire::{self, Change, KnownGoodShape, Page, VerdictShape};
use crate::app::App;
use crate::caller::{May, Read};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::request::{Asked, Named};

/// A service by its name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceName {
    #[schema(example = "checkout")]
    name: String,
}

impl From<&String> for ServiceName {
    fn from(name: &String) -> Self {
        Self { name: name.clone() }
    }
}

/// Which services to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ServicesAsked {
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// List the services
///
/// By name; those that anything happened in, and that the token is for.
#[utoipa::path(
    get, path = "/api/v1/services", tag = "services", security(("token" = ["read"])),
    params(ServicesAsked),
    responses((status = 200, body = Page<ServiceName>, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<ServicesAsked>,
) -> Result<axum::Json<Page<ServiceName>>, Problem> {
    let services = app.books.read(serin_ledger::Ledger::services).await?;
    let mut rest = services.iter().filter(|service| {
        *service != ITSELF
            && caller.may_see(service)
            && asked.cursor.as_ref().is_none_or(|cursor| *service > cursor)
    });
    let items: Vec<_> = rest.by_ref().take(asked.limit.0).collect();
    let next = items.last().filter(|_| rest.next().is_some()).map(|last| (*last).clone());
    Ok(axum::Json(Page { items: items.into_iter().map(Into::into).collect(), next }))
}

/// A service, scope by scope, and what runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Service {
    name: String,
    scopes: Vec<ScopeState>,
    /// Analyses that began and have not ended; several of one scope overlap.
    running: Vec<Running>,
}

/// What is known of a scope.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScopeState {
    scope: wire::Scope,
    /// The newest change that is known to be good.
    known_good: Option<Change>,
    last_change: Option<Change>,
    last_verdict: Option<VerdictShape>,
}

/// An analysis that runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Running {
    /// The event that it began with.
    id: String,
    analysis: String,
    /// The subject of the change that it is about.
    change: Option<String>,
    scope: wire::Scope,
    judge: wire::Judge,
    /// Whether nobody acts on it.
    shadow: bool,
    begun_at: Moment,
    /// When it ends at the latest.
    horizon: Option<Moment>,
}

impl From<&serin_ledger::Running> for Running {
    fn from(running: &serin_ledger::Running) -> Self {
        Self {
            id: running.id.to_string(),
            analysis: running.subject.clone(),
            change: running.begun.change.clone(),
            scope: (&running.scope).into(),
            judge: (&running.begun.judge).into(),
            shadow: running.begun.shadow,
            begun_at: Moment(running.begun_at),
            horizon: running.begun.horizon.map(Moment),
        }
    }
}

/// Look at a service
#[utoipa::path(
    get, path = "/api/v1/services/{service}", tag = "services", security(("token" = ["read"])),
    params(("service" = String, Path, description = "The service")),
    responses((status = 200, body = Service, description = "The service"))
)]
pub(crate) async fn one(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<axum::Json<Service>, Problem> {
    caller.of_service(&name)?;
    let scopes = app.books.history(&name, scope_states).await?;
    let of_service = name.clone();
    let running = app.books.read(move |ledger| {
        let running = ledger.project::<RunningAnalyses>(Some(&of_service))?.state;
        // It may have a Check, and nothing else yet.
        let is_known = ledger.services()?.contains(&of_service);
        Ok((running.all().map(Running::from).collect::<Vec<_>>(), is_known))
    });
    let (running, is_known) = running.await?;
    if !is_known {
        return Err(Problem::not_found(format!("nothing is known of a service `{name}`"))
            .hint("ask for `/api/v1/services`, which has the names of all"));
    }
    Ok(axum::Json(Service { name, scopes, running }))
}

fn scope_states(history: &serin_ledger::ServiceHistory) -> Vec<ScopeState> {
    let verdicts = history.verdicts();
    let states = history.scopes().into_iter().map(|scope| {
        let since = serin_model::Timestamp::from_millis(i64::MIN);
        let last_verdict = verdicts.iter().rfind(|verdict| verdict.entry.scope == *scope);
        ScopeState {
            scope: scope.into(),
            known_good: history.known_good(scope).map(|good| good.change.into()),
            last_change: history.changes_since(Some(scope), since).last().map(|it| (*it).into()),
            last_verdict: last_verdict.map(|verdict| (*verdict).into()),
        }
    });
    states.collect()
}

/// Of which scope to tell what is known to be good.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KnownGoodAsked {
    /// The labels of the scope, such as `environment=production,region=eu`; none unless said.
    #[param(value_type = Option<String>, pattern = "^([^=,]+=[^,]*(,[^=,]+=[^,]*)*)?$")]
    labels: Option<Labels>,
}

/// Ask which change is known to be good
///
/// The newest change of the scope whose newest deciding verdict is a pass that stands, and that verdict as its
/// proof.
#[utoipa::path(
    get, path = "/api/v1/services/{service}/known-good", tag = "services", security(("token" = ["read"])),
    params(("service" = String, Path, description = "The service"), KnownGoodAsked),
    responses((status = 200, body = KnownGoodShape, description = "The change, and its proof"))
)]
pub(crate) async fn known_good(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(service): Named<String>,
    Asked(asked): Asked<KnownGoodAsked>,
) -> Result<axum::Json<KnownGoodShape>, Problem> {
    caller.of_service(&service)?;
    let labels = asked.labels.map(|labels| labels.0).unwrap_or_default();
    let scope = Scope { service: service.clone(), labels };
    let found = app.books.history(&service, move |history| {
        let good = history.known_good(&scope);
        good.as_ref().map(KnownGoodShape::from).ok_or_else(|| none_known_good(&scope))
    });
    found.await?.map(axum::Json)
}
