//! Who did what through the server.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serin_ledger::{Event, Selection, Tokens};
use utoipa::{IntoParams, ToSchema};

use crate::api::events::{Position, Wanted, after};
use crate::api::list::Limit;
use crate::api::tokens::id;
use crate::api::wire::Page;
use crate::app::App;
use crate::caller::{self, Admin, Caller, May, TOKEN_SOURCE};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::request::Asked;

/// Which acts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditAsked {
    /// Those of the token of this id; of all tokens unless said.
    token: Option<String>,
    /// Behind this position; from the beginning unless said.
    #[param(value_type = Option<u64>, maximum = 9007199254740991_u64)]
    after: Option<Position>,
    /// The `next` of the part before.
    #[param(pattern = "^[0-9]{1,15}$")]
    cursor: Option<String>,
    /// How many at most, from 1 to 500.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 500, default = 50)]
    limit: Limit,
}

/// Something that was done with a token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deed {
    /// When it was done, by the server's clock.
    pub(crate) at: Moment,
    /// The id of the token.
    token: String,
    /// What people call the token.
    token_name: Option<String>,
    /// What was done, by the kind of the event.
    pub(crate) kind: String,
    service: String,
    pub(crate) subject: String,
    /// The event, which says all of it.
    pub(crate) event: String,
    /// Its place in the ledger.
    position: u64,
}

impl Deed {
    /// What people call who did it.
    pub(crate) fn who(&self) -> &str {
        self.token_name.as_deref().unwrap_or(&self.token)
    }

    fn of(event: &Event, tokens: &Tokens) -> Self {
        let header = &event.header;
        let token = tokens.of_subject(&header.key.source);
        Self {
            at: Moment(event.known_at),
            token: id(&header.key.source).to_owned(),
            token_name: token.map(|token| token.issued.name.clone()),
            kind: header.kind.to_string(),
            service: header.scope.service.clone(),
            subject: header.subject.clone(),
            event: event.id.to_string(),
            position: event.position,
        }
    }
}

/// Ask who did what
///
/// Every event that came by a token, in the order of the ledger. What was refused is in the log and in `/metrics`.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "tokens", security(("token" = ["admin"])),
    params(AuditAsked),
    responses((status = 200, body = Page<Deed>, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Admin>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<AuditAsked>,
) -> Result<axum::Json<Page<Deed>>, Problem> {
    let after = after(asked.cursor.as_ref(), asked.after)?;
    let source = asked.token.map(|id| caller::subject(&id));
    let selection = Selection { source, ..Selection::default() };
    let wanted = Wanted { selection, caller: Caller::clone(&caller), source_prefix: TOKEN_SOURCE };
    let found = wanted.find(&app, after, asked.limit.0).await?;
    let tokens = app.books.tokens().await?;
    let items = found.events.iter().map(|event| Deed::of(event, &tokens)).collect();
    let next = (!found.is_all).then(|| found.position.to_string());
    Ok(axum::Json(Page { items, next }))
}

/// The events among which the newest are looked for.
const LOOKED_BACK: u64 = 4000;
/// Events that are read at once.
const PAGE: usize = 500;

/// Returns what was done with tokens lately, newest first.
///
/// # Errors
///
/// That the ledger cannot be read.
pub(crate) async fn newest(
    app: &Arc<App>,
    caller: &Caller,
    most: usize,
) -> Result<Vec<Deed>, Problem> {
    let head = app.books.read(|ledger| Ok(ledger.head()?.position)).await?;
    let tokens = app.books.tokens().await?;
    let mut after = head.saturating_sub(LOOKED_BACK);
    let mut deeds = Vec::new();
    loop {
        let selection = Selection::default();
        let wanted = Wanted { selection, caller: caller.clone(), source_prefix: TOKEN_SOURCE };
        let found = wanted.find(app, after, PAGE).await?;
        deeds.extend(found.events.iter().map(|event| Deed::of(event, &tokens)));
        if found.is_all {
            break;
        }
        after = found.position;
    }
    deeds.reverse();
    deeds.truncate(most);
    Ok(deeds)
}
