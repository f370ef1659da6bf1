//! CDEvents as changes, in CloudEvents' binary and structured modes over HTTP.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serin_ledger::{Cause, Digest, Key};
use serin_runner::{CdEventsAsked, Note, read_cdevents};
use utoipa::ToSchema;

use crate::api::changes;
use crate::api::hand_in::Receipt;
use crate::app::App;
use crate::caller::{Caller, May, Submit};
use crate::moment::Moment;
use crate::problem::{Kind, Problem};
use crate::request::{body, media_type, parse, unsupported};

/// A CloudEvent in structured mode.
#[derive(Debug, Deserialize)]
struct CloudEvent {
    data: CdEvent,
}

/// A CDEvent. What serin does not need is left alone.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "this is the shape; what it means is read elsewhere")]
pub(crate) struct CdEvent {
    context: Context,
    subject: Subject,
}

/// Which event it is.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "this is the shape; what it means is read elsewhere")]
struct Context {
    #[schema(min_length = 1)]
    id: String,
    #[schema(min_length = 1)]
    source: String,
    #[serde(rename = "type")]
    #[schema(
        example = "dev.cdevents.service.deployed.0.3.0",
        pattern = r"^dev\.cdevents\.service\.(deployed|upgraded|published|rolledback|removed)\."
    )]
    kind: String,
    timestamp: Moment,
}

/// The service that was changed.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "this is the shape; what it means is read elsewhere")]
struct Subject {
    #[schema(example = "checkout", min_length = 1, max_length = 128)]
    id: String,
    #[serde(default)]
    content: Content,
}

/// What is said of the change.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
struct Content {
    environment: Option<Environment>,
    /// A package URL, whose version is what is there now.
    #[serde(rename = "artifactId")]
    #[schema(example = "pkg:oci/checkout@1.4.2")]
    artifact: Option<String>,
}

/// Where the service runs: the label `environment`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
struct Environment {
    #[schema(min_length = 1, max_length = 256)]
    id: String,
}

/// Tell of a change by a CDEvent
///
/// Taken are `dev.cdevents.service.` `deployed`, `upgraded`, `published`, `rolledback` and `removed`, in binary mode
/// (`ce-…` headers, `application/json`) and in structured mode (`application/cloudevents+json`). The same event may
/// be sent again: its source and id make it one change.
#[utoipa::path(
    post, path = "/api/v1/cdevents", tag = "changes", security(("token" = ["submit"])),
    request_body = CdEvent,
    responses(
        (status = 201, body = Receipt, description = "The change is in the ledger"),
        (status = 200, body = Receipt, description = "It was there before"),
    )
)]
pub(crate) async fn tell(
    caller: May<Submit>,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Receipt, Problem> {
    let headers = request.headers().clone();
    let is_structured = match media_type(&headers).as_str() {
        "application/cloudevents+json" => true,
        "application/json" => false,
        other => return Err(unsupported(other, "application/cloudevents+json")),
    };
    let text = body(request, &app).await?;
    let event = match is_structured {
        true => parse::<CloudEvent>(&text)?.data,
        false => parse(&text)?,
    };
    if !is_structured {
        check_headers(&headers, &event)?;
    }
    changes::take(&app, note(&caller, &event, &text)?).await
}

/// Returns the change that an event tells of.
fn note(caller: &Caller, event: &CdEvent, text: &[u8]) -> Result<Note, Problem> {
    let context = &event.context;
    for (place, text) in [("id", &context.id), ("source", &context.source)] {
        if text.is_empty() {
            return Err(Problem::new(Kind::Invalid, "it is empty")
                .at(format!("/context/{place}"))
                .hint("both tell an event from all others"));
        }
    }
    let text = String::from_utf8_lossy(text);
    let read = read_cdevents(&text, &CdEventsAsked::default())
        .map_err(|error| Problem::new(Kind::Invalid, error.problem).at("").hint(error.hint))?;
    let note = read.changes.into_iter().next().ok_or_else(|| {
        Problem::new(Kind::Invalid, "an event of this type is no change of a service")
            .at("/context/type")
            .hint("send `dev.cdevents.service.` with `deployed`, `upgraded`, `published`, `rolledback` or `removed`")
    })?;
    caller.of_service(&note.scope.service)?;
    let named = |id: &str| source_id(&context.source, id);
    let causes = note.causes.into_iter().map(|cause| match cause {
        Cause::Key(key) => Cause::Key(Key::new(&caller.source, named(&key.source_id))),
        cause @ Cause::Event(_) => cause,
    });
    Ok(Note {
        causes: causes.collect(),
        source: caller.source.clone(),
        source_id: Some(named(&context.id)),
        ..note
    })
}

/// Source and id may be longer than what the ledger calls an event by.
fn source_id(source: &str, id: &str) -> String {
    format!("cdevents/{}", Digest::of(format!("{source}\n{id}").as_bytes()))
}

/// In binary mode, headers that say something must say the same as the body.
fn check_headers(headers: &HeaderMap, event: &CdEvent) -> Result<(), Problem> {
    let context = &event.context;
    let said = [("ce-id", &context.id), ("ce-source", &context.source), ("ce-type", &context.kind)];
    for (name, expected) in said {
        if headers.get(name).is_some_and(|value| value.as_bytes() != expected.as_bytes()) {
            let detail = format!("the header `{name}` says something else than the body's context");
            return Err(Problem::new(Kind::Invalid, detail)
                .at("/context")
                .hint("send the event as the CDEvents SDK makes it"));
        }
    }
    Ok(())
}
