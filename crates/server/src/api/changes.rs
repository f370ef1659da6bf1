//! Changes: telling of them, and asking for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serin_ledger::Scope;
use serin_ledger::fact::ChangeNoted;
use serin_model::Timestamp;
use serin_runner::{EntryError, Note, PreparedNote};
use utoipa::openapi::schema::{KnownFormat, Object, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, ToSchema};

use crate::api::hand_in::{AppendProblem, Receipt, append};
use crate::api::list::{Labels, Limit, age, page, read_cursor};
use crate::api::wire::{Alteration, Change, Page};
use crate::app::App;
use crate::caller::{May, Read, Submit};
use crate::moment::Moment;
use crate::problem::{Kind, Problem};
use crate::request::{Asked, IdempotencyKey, Json, Named};
use crate::secret::random_digits;

/// A change to tell of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChange {
    /// The service that was changed.
    #[schema(example = "checkout", min_length = 1, max_length = 128)]
    service: String,
    /// What tells apart where it runs, such as `environment`.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// What was altered.
    what: Alteration,
    /// What was there before, such as a version.
    from: Option<String>,
    /// What is there now.
    #[schema(example = "1.4.2")]
    to: Option<String>,
    /// Where to read more: a commit, a pull request, a ticket.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// A remark for people.
    note: Option<String>,
    /// The change that it takes back or mends: its subject or its event. A rollback takes back the newest change before
    /// it unless said, and of those that went to `from`, where that is said.
    #[schema(min_length = 1, max_length = 256)]
    of: Option<String>,
    /// What verdicts call it; `change/` and a name unless said.
    #[schema(min_length = 1, max_length = 256)]
    subject: Option<String>,
    /// When it began; at this moment unless said.
    occurred_at: Option<Moment>,
    /// When it was over.
    ended_at: Option<Moment>,
}

/// Tell of a change
///
/// With an `Idempotency-Key`, the same request may be sent again: it is one change.
#[utoipa::path(
    post, path = "/api/v1/changes", tag = "changes", security(("token" = ["submit"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = r#"^([!#-~]{1,200}|"[!#-~]{1,200}")$"#, description = "A name of this request, such as a UUID")),
    request_body = NewChange,
    responses(
        (status = 201, body = Receipt, description = "The change is in the ledger"),
        (status = 200, body = Receipt, description = "It was there before"),
    )
)]
pub(crate) async fn tell(
    caller: May<Submit>,
    State(app): State<Arc<App>>,
    key: IdempotencyKey,
    Json(change): Json<NewChange>,
) -> Result<Receipt, Problem> {
    caller.of_service(&change.service)?;
    let note = Note {
        scope: Scope { service: change.service, labels: change.labels },
        change: ChangeNoted {
            what: change.what.into(),
            from: change.from,
            to: change.to,
            reference: change.reference,
            ended_at: change.ended_at.map(|moment| moment.0),
            note: change.note,
        },
        occurred_at: change.occurred_at.map(|moment| moment.0),
        source: caller.source.clone(),
        source_id: key.0,
        subject: change.subject,
        of: change.of,
        causes: Vec::new(),
    };
    take(&app, note).await
}

/// Appends a change that somebody told of, in whichever words, and returns what the ledger says of it.
///
/// # Errors
///
/// Why it is not in the ledger.
pub(crate) async fn take(app: &Arc<App>, note: Note) -> Result<Receipt, Problem> {
    if note.scope.service == serin_ledger::ITSELF {
        let detail = format!("`{}` is serin itself", serin_ledger::ITSELF);
        return Err(Problem::new(Kind::Invalid, detail)
            .at("/service")
            .hint("name a service of yours"));
    }
    let may_be_repeated = note.source_id.is_some() && note.occurred_at.is_none();
    let source_id = match note.source_id {
        Some(source_id) => source_id,
        None => random_digits(32).map_err(|_| Problem::internal())?,
    };
    let note = Note { source_id: Some(source_id), ..note };
    match try_take(app, &note).await {
        // Two came with one key at once: the other was first, and its moment counts.
        Err(AppendProblem::Conflict(_)) if may_be_repeated => {
            try_take(app, &note).await.map_err(Into::into)
        }
        result => result.map_err(Into::into),
    }
}

async fn try_take(app: &Arc<App>, note: &Note) -> Result<Receipt, AppendProblem> {
    // Where time passes otherwise for analyses, it does for what is told of them.
    let now = app.live.now();
    let asked = note.clone();
    let prepared = app.books.read(move |ledger| Ok(asked.prepare(ledger, now))).await?;
    let PreparedNote { submission, occurred_at, of } = prepared.map_err(Problem::from)?;
    let receipt = append(app, submission, now).await?;
    app.live.note(receipt.subject(), &note.scope, occurred_at);
    Ok(receipt.of(of))
}

impl From<EntryError> for Problem {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Ledger(error) => error.into(),
            EntryError::Refused(refusal) => refusal.into(),
            EntryError::Invalid(invalid) => invalid.into(),
            EntryError::NotFound { problem, hint } => {
                Self::new(Kind::Invalid, problem).at("/of").hint(hint)
            }
            _ => Self::internal(),
        }
    }
}

/// Which changes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesAsked {
    /// Of the scope with exactly these labels, such as `environment=production,region=eu`.
    #[param(value_type = Option<String>, pattern = "^([^=,]+=[^,]*(,[^=,]+=[^,]*)*)?$")]
    labels: Option<Labels>,
    /// Behind this moment, or, as `known-good`, behind the newest change of the scope that is known to be good.
    #[param(schema_with = since_schema, required = false, example = "2026-11-23T08:30:00Z")]
    since: Option<Since>,
    /// The `next` of the part before.
    #[param(pattern = r"^[0-9]{1,15}\.[0-9]{1,18}$")]
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

fn since_schema() -> Schema {
    let moment = Object::builder()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let word = Object::builder().schema_type(Type::String).enum_values(Some(["known-good"]));
    OneOfBuilder::new().item(moment).item(word).build().into()
}

/// From when on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    Moment(Timestamp),
    KnownGood,
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "known-good" {
            return Ok(Self::KnownGood);
        }
        let moment: Result<Moment, _> = text.parse();
        moment
            .map(|moment| Self::Moment(moment.0))
            .map_err(|hint| serde::de::Error::custom(format!("{hint}, or `known-good`")))
    }
}

/// List the changes of a service
///
/// Newest first. Changes that were withdrawn are left out, and those that were corrected are told as corrected.
#[utoipa::path(
    get, path = "/api/v1/services/{service}/changes", tag = "changes", security(("token" = ["read"])),
    params(("service" = String, Path, description = "The service"), ChangesAsked),
    responses((status = 200, body = Page<Change>, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(service): Named<String>,
    Asked(asked): Asked<ChangesAsked>,
) -> Result<axum::Json<Page<Change>>, Problem> {
    caller.of_service(&service)?;
    let cursor = read_cursor(asked.cursor.as_ref())?;
    let scope = asked.labels.map(|labels| Scope { service: service.clone(), labels: labels.0 });
    let whole = Scope::of_service(service.clone());
    let found = app.books.history(&service, move |history| {
        let since = match asked.since {
            None => Timestamp::from_millis(i64::MIN),
            Some(Since::Moment(moment)) => moment,
            Some(Since::KnownGood) => {
                let scope = scope.as_ref().unwrap_or(&whole);
                let good = history.known_good(scope).ok_or_else(|| none_known_good(scope))?;
                good.change.occurred_at
            }
        };
        let changes = history.changes_since(scope.as_ref(), since);
        Ok(page(changes.into_iter().rev(), age, cursor, asked.limit))
    });
    found.await?.map(axum::Json)
}

/// Says that no change of a scope is known to be good.
pub(crate) fn none_known_good(scope: &Scope) -> Problem {
    Problem::not_found(format!("no change of {scope} is known to be good"))
        .hint("a change is known to be good once a verdict about it passes; `labels` says which scope is meant")
}
