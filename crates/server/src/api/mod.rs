//! Version 1 of the API: a file a resource, and the document that describes all of them.

pub(crate) mod acting;
pub(crate) mod analyses;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod cdevents;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod hand_in;
pub(crate) mod health;
pub(crate) mod judgements;
pub(crate) mod list;
pub(crate) mod schedules;
pub(crate) mod services;
pub(crate) mod tokens;
pub(crate) mod verdicts;
pub(crate) mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::layers;
use crate::pages;
use crate::problem::{self, Kind, Problem};

/// Where the document that describes the API is.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// Returns everything that the server answers.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (routes, document) = parts();
    let document: Arc<str> = document_text(&document).into();
    let document = move || {
        let document = Arc::clone(&document);
        async move { ([(CONTENT_TYPE, "application/json")], document.to_string()) }
    };
    let with = Arc::clone;
    routes
        .route(DOCUMENT, get(document))
        .merge(pages::routes())
        .fallback(async |headers: HeaderMap| {
            let accepted = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
            if accepted.contains("text/html") {
                return pages::not_found();
            }
            Problem::not_found("there is nothing at this address")
                .hint("`/api/v1/openapi.json` lists every address")
                .into_response()
        })
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "this method is not taken here")
                .hint("the header `allow` says which are")
        })
        .layer(DefaultBodyLimit::max(app.settings.limits.body_bytes))
        .layer(from_fn(layers::tag))
        .layer(from_fn_with_state(with(app), layers::limit_time))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn_with_state(with(app), layers::secure))
        .layer(from_fn_with_state(with(app), layers::log))
        .with_state(with(app))
}

/// Returns the document that describes the API, as OpenAPI 3.1.
#[must_use]
pub fn openapi() -> String {
    document_text(&parts().1)
}

fn document_text(document: &OpenApi) -> String {
    document.to_pretty_json().expect("texts and numbers are written")
}

fn parts() -> (Router<Arc<App>>, OpenApi) {
    let info = Info::builder()
        .title("serin")
        .version("1")
        .description(Some(
            "Changes, verdicts, evidence and events of a serin server. Every error is a problem as in RFC 9457.",
        ))
        .build();
    let document = OpenApiBuilder::new().info(info).build();
    let (router, mut document) = OpenApiRouter::with_openapi(document)
        .routes(routes!(changes::tell))
        .routes(routes!(cdevents::tell))
        .routes(routes!(services::list))
        .routes(routes!(services::one))
        .routes(routes!(services::known_good))
        .routes(routes!(changes::list))
        .routes(routes!(checks::list))
        .routes(routes!(checks::of_service))
        .routes(routes!(verdicts::list))
        .routes(routes!(verdicts::one))
        .routes(routes!(verdicts::report))
        .routes(routes!(verdicts::label))
        .routes(routes!(verdicts::decide))
        .routes(routes!(evidence::one))
        .routes(routes!(events::list))
        .routes(routes!(events::stream))
        .routes(routes!(events::one))
        .routes(routes!(analyses::list, analyses::begin))
        .routes(routes!(analyses::one))
        .routes(routes!(analyses::report))
        .routes(routes!(analyses::stop))
        .routes(routes!(schedules::list))
        .routes(routes!(judgements::judge))
        .routes(routes!(bench::judge))
        .routes(routes!(acting::state))
        .routes(routes!(acting::pause))
        .routes(routes!(acting::resume))
        .routes(routes!(tokens::list, tokens::issue))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .split_for_parts();
    complete(&mut document);
    (router, document)
}

/// Adds what is the same for all operations: tokens, and problems.
fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of `serin token issue`. The roles of an operation say what it must be for.",
        ))
        .build();
    components.security_schemes.insert("token".to_owned(), SecurityScheme::Http(scheme).into());
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.parameters.iter_mut().flatten().for_each(absent_is_not_null);
        for (status, description) in
            [("4XX", "What is wrong with the request"), ("5XX", "The server cannot do it")]
        {
            let schema: RefOr<Schema> = Ref::from_schema_name(Problem::name()).into();
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new()
                .description(description)
                .content(problem::MEDIA_TYPE, content)
                .build();
            operation.responses.responses.insert(status.to_owned(), response.into());
        }
    }
}

/// A header that is not sent is no `null`, which would be a text.
fn absent_is_not_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    let SchemaType::Array(types) = &schema.schema_type else { return };
    if let Some(of_value) = types.iter().find(|it| **it != Type::Null) {
        schema.schema_type = SchemaType::Type(of_value.clone());
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [item.get.as_mut(), item.post.as_mut(), item.delete.as_mut()].into_iter().flatten()
}
