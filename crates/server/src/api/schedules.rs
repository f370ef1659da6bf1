//! Analyses that begin by the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::analyses::id_of;
use crate::api::wire::Scope;
use crate::app::App;
use crate::caller::{Caller, May, Read};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::schedule::{Occasion, Settled};
use crate::schedule_config::Schedule;

/// The schedules of the operator's configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchedulesList {
    items: Vec<ScheduleShape>,
}

/// When analyses of Checks in force begin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleShape {
    name: String,
    /// When, in UTC: minute, hour, day of month, month, day of week.
    #[schema(example = "0 2 * * *")]
    cron: String,
    /// Of which services; none are all. Those that the token is for.
    services: BTreeSet<String>,
    /// The labels that a Check's scope must have.
    labels: BTreeMap<String, String>,
    /// Whether nobody acts on the verdicts.
    shadow: bool,
    /// When it is due next.
    next: Option<Moment>,
    /// What became of it when it was last due since the server began.
    last: Option<OccasionShape>,
}

/// What became of a schedule when it was due.
#[derive(Debug, Serialize, ToSchema)]
struct OccasionShape {
    due: Moment,
    /// The Checks whose turn it was, those of services that the token is for.
    checks: Vec<SettledShape>,
    /// Why some have not begun, and are tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What became of one Check: it has either `analysis` or `left_out`.
#[derive(Debug, Serialize, ToSchema)]
struct SettledShape {
    scope: Scope,
    /// The analysis that began.
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<String>,
    /// Why none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

/// List the schedules by which analyses begin
///
/// Those of the operator's configuration, in its order. A token for some services sees those that concern them.
#[utoipa::path(
    get, path = "/api/v1/schedules", tag = "analyses", security(("token" = ["read"])),
    responses((status = 200, body = SchedulesList, description = "All of them"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
) -> Result<axum::Json<SchedulesList>, Problem> {
    let now = app.live.now();
    let shape = |schedule: &Schedule| ScheduleShape {
        name: schedule.name.clone(),
        cron: schedule.cron.as_str().to_owned(),
        services: schedule.services.iter().filter(|it| caller.may_see(it)).cloned().collect(),
        labels: schedule.labels.clone(),
        shadow: schedule.shadow,
        next: schedule.next(now).map(Moment),
        last: app.scheduled.last(&schedule.name).map(|last| occasion(&caller, last)),
    };
    Ok(axum::Json(SchedulesList { items: seen(&app, &caller).map(shape).collect() }))
}

/// Returns the schedules that somebody may know of.
pub(crate) fn seen<'a>(app: &'a App, caller: &'a Caller) -> impl Iterator<Item = &'a Schedule> {
    let schedules = app.scheduled.schedules.iter();
    schedules.filter(|schedule| {
        let services = &schedule.services;
        services.is_empty() || services.iter().any(|service| caller.may_see(service))
    })
}

fn occasion(caller: &Caller, occasion: Occasion) -> OccasionShape {
    let settled = occasion.settled.into_iter();
    let settled = settled.filter(|(scope, _)| caller.may_see(&scope.service));
    let shape = |(scope, settled): (serin_ledger::Scope, Settled)| {
        let scope = (&scope).into();
        match settled {
            Settled::Begun(subject) => {
                SettledShape { scope, analysis: Some(id_of(&subject).to_owned()), left_out: None }
            }
            Settled::LeftOut(why) => SettledShape { scope, analysis: None, left_out: Some(why) },
        }
    };
    OccasionShape {
        due: Moment(occasion.due),
        checks: settled.map(shape).collect(),
        // It may be about any service.
        error: occasion.error.filter(|_| !caller.is_limited()),
    }
}
