//! Events: in parts, one by one, and as they come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, stream};
use serde::Deserialize;
use serin_ledger::fact::Role;
use serin_ledger::{Event, EventId, Kind as EventKind, Selection};
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::{IntoParams, ToSchema};

use crate::api::list::{Limit, unknown_cursor};
use crate::api::wire::{EventShape, Page};
use crate::app::App;
use crate::caller::{Caller, May, Read};
use crate::problem::{Kind, Problem};
use crate::request::{Asked, Named};

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsAsked {
    /// Of this service.
    service: Option<String>,
    /// Of this kind, such as `change.noted`.
    kind: Option<String>,
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

/// The largest number that every reader of JSON has exactly, 2⁵³ − 1.
const LAST_POSITION: u64 = 9_007_199_254_740_991;

/// A place in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position(u64);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let position = text.parse().ok().filter(|position| *position <= LAST_POSITION);
        position.map(Self).ok_or_else(|| serde::de::Error::custom("write a position, such as `42`"))
    }
}

/// List events
///
/// In the order of the ledger. A part may have fewer than asked for, and there may still be a next one.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", security(("token" = ["read"])),
    params(EventsAsked),
    responses((status = 200, body = Page<EventShape>, description = "A part of the list"))
)]
pub(crate) async fn list(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<EventsAsked>,
) -> Result<axum::Json<Page<EventShape>>, Problem> {
    let after = after(asked.cursor.as_ref(), asked.after)?;
    let wanted = Wanted::new(&caller, asked.service, asked.kind)?;
    let found = wanted.find(&app, after, asked.limit.0).await?;
    let next = (!found.is_all).then(|| found.position.to_string());
    let items = found.events.iter().map(EventShape::from).collect();
    Ok(axum::Json(Page { items, next }))
}

/// Returns the position behind which the next part of a list of events begins.
pub(crate) fn after(cursor: Option<&String>, after: Option<Position>) -> Result<u64, Problem> {
    match cursor {
        Some(cursor) => {
            let position = cursor.parse().ok().filter(|it: &u64| *it <= LAST_POSITION);
            position.ok_or_else(unknown_cursor)
        }
        None => Ok(after.map_or(0, |position| position.0)),
    }
}

/// Which events somebody wants, and may have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) selection: Selection,
    pub(crate) caller: Caller,
    /// Of sources that begin like this.
    pub(crate) source_prefix: &'static str,
}

/// Events that were found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) events: Vec<Event>,
    /// The position of the last event that was looked at.
    pub(crate) position: u64,
    /// Whether there are no more at the moment.
    pub(crate) is_all: bool,
}

/// Events that are looked at for one answer.
const MOST_LOOKED_AT: usize = 2000;
const LOOKED_AT_ONCE: usize = 500;

impl Wanted {
    fn new(
        caller: &Caller,
        service: Option<String>,
        kind: Option<String>,
    ) -> Result<Self, Problem> {
        if let Some(service) = &service {
            caller.of_service(service)?;
        }
        // A token for one service asks for that one, and needs not look at all others.
        let only = caller.services().first().filter(|_| caller.services().len() == 1).cloned();
        let kinds = kind.map(|kind| EventKind::named(&kind)).into_iter().collect();
        let selection = Selection { service: service.or(only), kinds, ..Selection::default() };
        Ok(Self { selection, caller: caller.clone(), source_prefix: "" })
    }

    /// Who may use the server is for those alone who decide it.
    fn is_wanted(&self, event: &Event) -> bool {
        let header = &event.header;
        let is_of_tokens = matches!(header.kind, EventKind::TokenIssued | EventKind::TokenRevoked);
        header.key.source.starts_with(self.source_prefix)
            && self.caller.may_see(&header.scope.service)
            && (!is_of_tokens || self.caller.may(Role::Admin))
    }

    /// Looks for events behind a position, and not for too long.
    pub(crate) async fn find(&self, app: &App, after: u64, most: usize) -> Result<Found, Problem> {
        let wanted = self.clone();
        let look = move |ledger: &mut serin_ledger::Ledger| {
            let mut found = Found { events: Vec::new(), position: after, is_all: false };
            let mut looked_at = 0;
            while looked_at < MOST_LOOKED_AT {
                let page = ledger.events(&wanted.selection, found.position, LOOKED_AT_ONCE)?;
                if page.is_empty() {
                    found.is_all = true;
                    break;
                }
                looked_at += page.len();
                for event in page {
                    if wanted.is_wanted(&event) {
                        if found.events.len() == most {
                            return Ok(found);
                        }
                        found.position = event.position;
                        found.events.push(event);
                    } else {
                        found.position = event.position;
                    }
                }
            }
            Ok(found)
        };
        app.books.read(look).await
    }
}

/// Look at an event
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "events", security(("token" = ["read"])),
    params(("id" = String, Path, description = "The event")),
    responses((status = 200, body = EventShape, description = "The event"))
)]
pub(crate) async fn one(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
) -> Result<axum::Json<EventShape>, Problem> {
    let event = app.books.read(move |ledger| ledger.event(id)).await?;
    let wanted = Wanted::new(&caller, None, None)?;
    let event = event.filter(|event| wanted.is_wanted(event)).ok_or_else(|| {
        Problem::not_found(format!("there is no event {id}"))
            .hint("`/api/v1/events` lists all that the token may see")
    })?;
    Ok(axum::Json((&event).into()))
}

/// Which events to tell of as they come.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamAsked {
    /// Of this service.
    service: Option<String>,
    /// Of this kind, such as `change.noted`.
    kind: Option<String>,
    /// Behind this position; only new ones unless said. `Last-Event-ID` counts more.
    #[param(value_type = Option<u64>, maximum = 9007199254740991_u64)]
    after: Option<Position>,
}

/// An event of the stream, as its client hears it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a stream is written line by line; this describes it")]
pub(crate) struct StreamedEvent {
    /// The position.
    id: String,
    /// The kind.
    event: String,
    /// The event, as `/api/v1/events/{id}` has it.
    data: String,
}

/// Hear of events as they come
///
/// Server-sent events: `id` is the position, `event` the kind, `data` the event as JSON. Whoever was cut off sends
/// the last `id` as `Last-Event-ID` and misses nothing. The stream ends with the token, and with the server.
#[utoipa::path(
    get, path = "/api/v1/events/stream", tag = "events", security(("token" = ["read"])),
    params(
        StreamAsked,
        ("Last-Event-ID" = Option<u64>, Header, maximum = 9007199254740991_u64, description = "The position of the last event that was heard of"),
    ),
    responses((status = 200, content_type = "text/event-stream", body = StreamedEvent, description = "The events, each of which has these fields"))
)]
pub(crate) async fn stream(
    caller: May<Read>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Asked(asked): Asked<StreamAsked>,
) -> Result<Response, Problem> {
    let wanted = Wanted::new(&caller, asked.service, asked.kind)?;
    let head = app.books.head();
    let after = match (headers.get("last-event-id"), asked.after) {
        (Some(id), _) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            id.filter(|id: &u64| *id <= LAST_POSITION).ok_or_else(|| {
                Problem::new(Kind::Malformed, "`last-event-id` is no position")
                    .hint("send the `id` of the last event that was heard of")
            })?
        }
        (None, Some(position)) => position.0,
        (None, None) => app.books.read(serin_ledger::Ledger::head).await?.position,
    };
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Kind::Unavailable, "as many streams are open as are allowed")
            .hint("those who run serin may allow more: `limits.streams`")
    })?;
    app.metrics.streams.inc();
    let listener = Listener {
        ending: app.ending.subscribe(),
        app,
        wanted,
        position: after,
        head,
        waiting: Vec::new().into_iter(),
        is_behind: true,
        _permit: permit,
    };
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    Ok(sse(events))
}

fn sse(events: impl Stream<Item = Result<Sse, Infallible>> + Send + 'static) -> Response {
    axum::response::Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often it is looked whether who listens still may.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Somebody who hears of events.
struct Listener {
    app: Arc<App>,
    wanted: Wanted,
    position: u64,
    head: watch::Receiver<u64>,
    ending: watch::Receiver<bool>,
    waiting: std::vec::IntoIter<Event>,
    /// Whether there may be events that were not looked at.
    is_behind: bool,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    /// Waits for the next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Sse> {
        loop {
            if *self.ending.borrow() {
                return None;
            }
            if let Some(event) = self.waiting.next() {
                return Some(told(&event));
            }
            if !self.wanted.caller.is_valid(&self.app).await {
                return None;
            }
            if self.is_behind {
                // Marked before it is looked: what comes meanwhile is looked for again.
                self.head.borrow_and_update();
                let found =
                    self.wanted.find(&self.app, self.position, LOOKED_AT_ONCE).await.ok()?;
                (self.position, self.is_behind) = (found.position, !found.is_all);
                self.waiting = found.events.into_iter();
                continue;
            }
            tokio::select! {
                changed = self.head.changed() => {
                    changed.ok()?;
                    self.is_behind = true;
                }
                _ = self.ending.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.app.metrics.streams.dec();
    }
}

fn told(event: &Event) -> Sse {
    let data = serde_json::to_string(&EventShape::from(event)).unwrap_or_default();
    let kind = event.header.kind.as_str();
    Sse::default().id(event.position.to_string()).event(kind).data(data)
}
