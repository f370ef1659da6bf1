//! The Checks in force, and how they drifted from the folder that they are kept in.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serin_ledger::{AppliedChecks, Scope};
use serin_runner::checks::{AppliedCheck, AppliedText, CheckState, CheckStatus, applied_statuses};
use utoipa::{IntoParams, ToSchema};

use crate::api::list::Limit;
use crate::api::wire;
use crate::app::App;
use crate::caller::{Caller, May, Read};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reconcile::Seen;
use crate::request::{Asked, Named};

/// A part of the list of Checks, and the folder that the server keeps in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChecksPage {
    /// What the server last saw of the folder; none where none is configured.
    folder: Option<Folder>,
    /// The part.
    items: Vec<CheckShape>,
    /// What to ask for as `cursor` to get the next part; missing where this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A folder or a repository of Checks, as the server last saw it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Folder {
    /// What it is called; none until it was read.
    #[schema(example = "github.com/acme/checks/production")]
    name: Option<String>,
    /// The commit, where it is in a repository.
    commit: Option<String>,
    /// Whether Check files are not as that commit has them.
    dirty: bool,
    /// Whether what changed is applied; otherwise it is only shown.
    apply: bool,
    /// Whether Checks that are no longer in it are removed.
    prune: bool,
    /// When it was last looked at.
    looked_at: Option<Moment>,
    /// When something of it was last applied, since the server began.
    applied_at: Option<Moment>,
    /// How many Checks are not in force as it has them, of those that the token is for.
    drifted: usize,
    /// Why nothing was applied the last time; what was applied before stays in force. Files of other services may stand
    /// in it: a token for some services learns only that there is one.
    error: Option<String>,
    /// Since when that is so.
    failing_since: Option<Moment>,
}

/// A Check that is in force, or should be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckShape {
    scope: wire::Scope,
    state: Compared,
    /// Its file in the folder.
    file: Option<String>,
    /// The texts that differ from those in force.
    differs: Vec<String>,
    /// The newest commit that touched them, where they are committed.
    changed_by: Option<String>,
    /// When that commit was made.
    changed_at: Option<Moment>,
    /// What is in force.
    applied: Option<Applied>,
}

/// How a Check of the folder and the one in force compare.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compared {
    /// In force; it is not of the folder that the server looks at.
    Applied,
    /// In force as the folder has it.
    InSync,
    /// The folder has it, and it is not in force.
    NotApplied,
    /// The folder has other texts.
    Changed,
    /// In force, and no longer in the folder that it came from.
    Left,
    /// The folder has one, and another folder's is in force.
    Taken,
}

impl From<CheckState> for Compared {
    fn from(state: CheckState) -> Self {
        match state {
            CheckState::Applied => Self::Applied,
            CheckState::InSync => Self::InSync,
            CheckState::NotApplied => Self::NotApplied,
            CheckState::Changed => Self::Changed,
            CheckState::Left => Self::Left,
            CheckState::Taken => Self::Taken,
        }
    }
}

/// A Check that is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Applied {
    /// The event that applied it.
    event: String,
    /// Since when it is in force.
    since: Moment,
    /// Who applied it.
    by: String,
    /// The folder that it came from.
    folder: Option<String>,
    /// Its file there.
    file: Option<String>,
    /// The commit that was checked out then.
    commit: Option<String>,
    /// Whether its texts were not as that commit has them.
    dirty: bool,
    /// The Check file and those that it extends, the nearest first.
    texts: Vec<Text>,
}

/// A text of a Check: `/api/v1/evidence/{sha256}?event={event}` has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Text {
    /// Its path in the repository or the folder.
    name: String,
    sha256: String,
}

impl From<AppliedCheck> for Applied {
    fn from(applied: AppliedCheck) -> Self {
        let text = |text: AppliedText| Text { name: text.name, sha256: text.sha256 };
        Self {
            event: applied.event,
            since: Moment(applied.since),
            by: applied.by,
            folder: applied.folder,
            file: applied.file,
            commit: applied.commit,
            dirty: applied.dirty,
            texts: applied.texts.into_iter().map(text).collect(),
        }
    }
}

impl From<CheckStatus> for CheckShape {
    fn from(status: CheckStatus) -> Self {
        Self {
            scope: (&scope(&status)).into(),
            state: status.state.into(),
            file: status.file,
            differs: status.differs,
            changed_by: status.changed_by,
            changed_at: status.changed_at.map(Moment),
            applied: status.applied.map(Applied::from),
        }
    }
}

/// Which Checks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChecksAsked {
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// List the Checks in force
///
/// By service and labels; those of services that the token is for. Where the server looks after a folder, also those of
/// the folder that are not in force, and how the two compare.
#[utoipa::path(
    get, path = "/api/v1/checks", tag = "checks", security(("token" = ["read"])),
    params(ChecksAsked),
    responses((status = 200, body = ChecksPage, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<ChecksAsked>,
) -> Result<axum::Json<ChecksPage>, Problem> {
    page(&app, &caller, &asked, |service| caller.may_see(service)).await
}

/// List the Checks of a service
#[utoipa::path(
    get, path = "/api/v1/services/{service}/checks", tag = "checks", security(("token" = ["read"])),
    params(("service" = String, Path, description = "The service"), ChecksAsked),
    responses((status = 200, body = ChecksPage, description = "A part of the list"))
)]
pub(crate) async fn of_service(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(service): Named<String>,
    Asked(asked): Asked<ChecksAsked>,
) -> Result<axum::Json<ChecksPage>, Problem> {
    caller.of_service(&service)?;
    page(&app, &caller, &asked, |name| name == service).await
}

async fn page(
    app: &App,
    caller: &Caller,
    asked: &ChecksAsked,
    is_asked: impl Fn(&str) -> bool,
) -> Result<axum::Json<ChecksPage>, Problem> {
    let applied = app.checks.applied(&app.books).await?;
    let seen = app.checks.seen();
    let mut statuses = statuses(&applied, seen.as_deref());
    statuses.retain(|status| is_asked(&status.service));
    // What the list is sorted by, clients send back: any text is a place in it.
    statuses.sort_by_cached_key(|status| scope(status).to_string());
    let drifted = statuses.iter().filter(|status| status.state.is_drift()).count();
    let mut rest = statuses.into_iter().skip_while(|status| {
        asked.cursor.as_ref().is_some_and(|it| scope(status).to_string() <= *it)
    });
    let items: Vec<CheckStatus> = rest.by_ref().take(asked.limit.0).collect();
    let last = items.last().filter(|_| rest.next().is_some());
    let next = last.map(|last| scope(last).to_string());
    Ok(axum::Json(ChecksPage {
        folder: seen.as_deref().map(|seen| folder(seen, caller, drifted)),
        items: items.into_iter().map(CheckShape::from).collect(),
        next,
    }))
}

/// Returns what is in force, and how the folder last compared with it, by scope.
fn statuses(applied: &AppliedChecks, seen: Option<&Seen>) -> Vec<CheckStatus> {
    let in_force = applied_statuses(applied);
    let Some(seen) = seen else { return in_force };
    let event = |status: &CheckStatus| status.applied.as_ref().map(|it| it.event.clone());
    let mut statuses = seen.statuses.clone();
    // What was applied or taken out since the folder was read is known better by the ledger.
    statuses.retain(|_, status| status.applied.is_none());
    for status in in_force {
        let scope = scope(&status);
        let compared = seen.statuses.get(&scope).filter(|it| event(it) == event(&status));
        let status = compared.cloned().unwrap_or(status);
        statuses.insert(scope, status);
    }
    statuses.into_values().collect()
}

fn scope(status: &CheckStatus) -> Scope {
    Scope { service: status.service.clone(), labels: status.labels.clone() }
}

fn folder(seen: &Seen, caller: &Caller, drifted: usize) -> Folder {
    let error = seen.error.clone().map(|error| {
        if caller.is_limited() { "its Checks are not reconciled".to_owned() } else { error }
    });
    Folder {
        name: seen.folder.clone(),
        commit: seen.commit.clone(),
        dirty: seen.dirty,
        apply: seen.apply,
        prune: seen.prune,
        looked_at: seen.looked_at.map(Moment),
        applied_at: seen.applied_at.map(Moment),
        drifted,
        error,
        failing_since: seen.failing_since.map(Moment),
    }
}
