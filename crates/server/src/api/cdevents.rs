//! CDEvents as changes, in CloudEvents' binary and structured modes over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serin_ledger::fact::{Alteration, ChangeNoted};
use serin_ledger::{Digest, Scope};
use utoipa::ToSchema;

use crate::api::changes::Told;
use crate::api::hand_in::Receipt;
use crate::app::App;
use crate::caller::{May, Submit};
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
pub(crate) struct CdEvent {
    context: Context,
    subject: Subject,
}

/// Which event it is.
#[derive(Debug, Deserialize, ToSchema)]
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

/// What events of a service tell of. Others are no changes of a service.
const TAKEN: [(&str, Alteration); 5] = [
    ("dev.cdevents.service.deployed.", Alteration::Deploy),
    ("dev.cdevents.service.upgraded.", Alteration::Deploy),
    ("dev.cdevents.service.published.", Alteration::Deploy),
    ("dev.cdevents.service.rolledback.", Alteration::Rollback),
    ("dev.cdevents.service.removed.", Alteration::Infrastructure),
];

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
    let event = match media_type(request.headers()).as_str() {
        "application/cloudevents+json" => parse::<CloudEvent>(&body(request, &app).await?)?.data,
        "application/json" => {
            let headers = request.headers().clone();
            let event = parse(&body(request, &app).await?)?;
            check_headers(&headers, &event)?;
            event
        }
        other => return Err(unsupported(other, "application/cloudevents+json")),
    };
    caller.of_service(&event.subject.id)?;
    // Source and id may be longer than what the ledger calls an event by.
    let context = &event.context;
    let name = Digest::of(format!("{}\n{}", context.source, context.id).as_bytes());
    let source_id = format!("cdevents/{name}");
    let occurred_at = context.timestamp.0;
    event.told()?.note(&app, &caller, Some(source_id), Some(occurred_at)).await
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

impl CdEvent {
    fn told(self) -> Result<Told, Problem> {
        for (place, text) in [("id", &self.context.id), ("source", &self.context.source)] {
            if text.is_empty() {
                return Err(Problem::new(Kind::Invalid, "it is empty")
                    .at(format!("/context/{place}"))
                    .hint("both tell an event from all others"));
            }
        }
        let kind = self.context.kind;
        let taken = TAKEN.iter().find(|(prefix, _)| kind.starts_with(prefix));
        let (_, what) = taken.ok_or_else(|| {
            Problem::new(Kind::Invalid, "an event of this type is no change of a service")
                .at("/context/type")
                .hint("send `dev.cdevents.service.` with `deployed`, `upgraded`, `published`, `rolledback` or `removed`")
        })?;
        let content = self.subject.content;
        let environment = content.environment.map(|it| ("environment".to_owned(), it.id));
        let labels: BTreeMap<_, _> = environment.into_iter().collect();
        let to = content.artifact.as_deref().and_then(version).map(str::to_owned);
        let fact = ChangeNoted {
            what: *what,
            from: None,
            to,
            reference: content.artifact,
            ended_at: None,
            note: None,
        };
        let scope = Scope { service: self.subject.id, labels };
        Ok(Told { scope, subject: None, fact })
    }
}

/// Returns the version in a package URL.
fn version(purl: &str) -> Option<&str> {
    let plain = purl.split(['?', '#']).next()?;
    plain.rsplit_once('@').map(|(_, version)| version).filter(|version| !version.is_empty())
}
