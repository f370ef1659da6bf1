//! A change: what it was, and what was made of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::frame::{Frame, Instead, Looks, shown};
use super::service::what;
use super::words::{Fact, VerdictRow, in_address, moment, scope};
use crate::app::App;
use crate::caller::Read;
use crate::problem::Problem;
use crate::request::{Asked, Named};

/// Of which service.
#[derive(Debug, Deserialize)]
pub(super) struct ChangeAsked {
    service: String,
}

#[derive(Template)]
#[template(path = "change.html")]
struct ChangePage {
    frame: Frame,
    subject: String,
    what: String,
    facts: Vec<Fact>,
    verdicts: Vec<VerdictRow>,
}

/// Verdicts on the page.
const MOST_VERDICTS: usize = 50;

pub(super) async fn page(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Named(subject): Named<String>,
    Asked(asked): Asked<ChangeAsked>,
) -> Result<Response, Instead> {
    caller.of_service(&asked.service)?;
    let (of, service) = (subject.clone(), asked.service.clone());
    let found = app.books.history(&asked.service, move |history| {
        let changes = history.changes();
        let change = changes.into_iter().rfind(|change| change.subject == of)?;
        let verdicts = history.verdicts();
        let verdicts = verdicts
            .into_iter()
            .rev()
            .filter(|it| it.entry.fact.change.as_deref() == Some(&of) && !it.entry.withdrawn)
            .take(MOST_VERDICTS)
            .map(VerdictRow::from)
            .collect::<Vec<_>>();
        let fact = &change.fact;
        let mut facts = vec![
            Fact::new("Service", scope(&change.scope))
                .at(format!("/services/{}", in_address(&service))),
            Fact::new("When", moment(change.occurred_at)),
            Fact::new("Known here", moment(change.known_at)),
            Fact::new("Called", change.subject.clone()),
        ];
        facts.extend(fact.ended_at.map(|ended| Fact::new("Over", moment(ended))));
        facts.extend(fact.from.clone().map(|from| Fact::new("From", from)));
        facts.extend(fact.to.clone().map(|to| Fact::new("To", to)));
        facts.extend(fact.reference.clone().map(reference));
        facts.extend(fact.note.clone().map(|note| Fact::new("Note", note)));
        Some((what(fact, &change.subject), facts, verdicts))
    });
    let (what, facts, verdicts) = found.await?.ok_or_else(|| {
        Problem::not_found(format!("`{}` has no change `{subject}`", asked.service))
            .hint("the page of the service lists its changes")
    })?;
    let frame = Frame::of(&app, &caller).await?;
    Ok(shown(StatusCode::OK, &ChangePage { frame, subject, what, facts, verdicts }))
}

/// Only what leads to a page of the web becomes a link: the note's author chose it.
fn reference(reference: String) -> Fact {
    let is_link = ["https://", "http://"].iter().any(|scheme| reference.starts_with(scheme));
    let fact = Fact::new("More", reference.clone());
    if is_link { fact.at(reference) } else { fact }
}
