//! A service: what is known to be good, what happened, and how its Checks do.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serin_ledger::fact::Label;
use serin_ledger::{ITSELF, ServiceHistory, Verdict};
use serin_report::CheckScorecard;
use serin_runner::{USUAL_BOUND, scorecard};

use super::frame::{Frame, Instead, Looks, shown};
use super::words::{RunningRow, moment, outcome, page_of_change, scope};
use crate::app::App;
use crate::caller::Read;
use crate::problem::Problem;
use crate::request::{Asked, Named};

/// Which part of the list of services.
#[derive(Debug, Deserialize)]
pub(super) struct ListAsked {
    /// Behind this one.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "services.html")]
struct Services {
    frame: Frame,
    services: Vec<String>,
    next: Option<String>,
}

/// Services on a page.
const MOST_SERVICES: usize = 500;

pub(super) async fn list(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<ListAsked>,
) -> Result<Response, Instead> {
    let mut services = app.books.read(serin_ledger::Ledger::services).await?;
    services.retain(|service| {
        service != ITSELF
            && caller.may_see(service)
            && asked.after.as_ref().is_none_or(|after| service > after)
    });
    let has_more = services.len() > MOST_SERVICES;
    services.truncate(MOST_SERVICES);
    let next = services.last().filter(|_| has_more).cloned();
    let frame = Frame::of(&app, &caller).await?;
    Ok(shown(StatusCode::OK, &Services { frame, services, next }))
}

/// Which part of the history.
#[derive(Debug, Deserialize)]
pub(super) struct PageAsked {
    /// Its number, from 1.
    #[serde(default)]
    page: usize,
}

#[derive(Template)]
#[template(path = "service.html")]
struct Service {
    frame: Frame,
    name: String,
    scopes: Vec<ScopeRow>,
    running: Vec<RunningRow>,
    history: Vec<HistoryRow>,
    /// How much is older than what is shown.
    older: usize,
    next_page: usize,
    checks: Vec<CheckRow>,
}

struct ScopeRow {
    name: String,
    known_good: Option<GoodRow>,
    since: String,
}

struct GoodRow {
    subject: String,
    what: String,
    proof: String,
    at: String,
}

struct HistoryRow {
    at: String,
    link: String,
    what: String,
    is_verdict: bool,
    tone: &'static str,
    symbol: char,
    label: Option<&'static str>,
    why: String,
}

struct CheckRow {
    name: String,
    judge: String,
    readiness: String,
    passed: u64,
    held: u64,
    failed: u64,
    caught: u64,
    false_alarms: u64,
    missed: u64,
}

/// Rows of a part of the history.
const PAGE_ROWS: usize = 50;

pub(super) async fn page(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Asked(asked): Asked<PageAsked>,
) -> Result<Response, Instead> {
    caller.of_service(&name)?;
    let number = asked.page.max(1);
    let found = app.books.history(&name, move |history| {
        let (rows, older) = history_rows(history, number);
        (history.scopes().into_iter().map(|it| scope_row(history, it)).collect(), rows, older)
    });
    let (scopes, history, older): (Vec<ScopeRow>, Vec<HistoryRow>, usize) = found.await?;
    let mut running = app.live.running().await;
    running.retain(|it| it.scope.service == name);
    if scopes.is_empty() && running.is_empty() {
        return Err(Problem::not_found(format!("nothing is known of a service `{name}`"))
            .hint("the list of services has the names of all")
            .into());
    }
    let of = name.clone();
    let cards = app.books.read(move |ledger| Ok(scorecard(ledger, Some(&of), USUAL_BOUND).ok()));
    let cards = cards.await?.map(|report| report.services).unwrap_or_default();
    let checks = cards.iter().flat_map(|service| &service.checks).map(CheckRow::from).collect();
    let page = Service {
        frame: Frame::of(&app, &caller).await?,
        scopes,
        running: running.iter().map(RunningRow::from).collect(),
        history,
        older,
        next_page: number + 1,
        checks,
        name,
    };
    Ok(shown(StatusCode::OK, &page))
}

fn scope_row(history: &ServiceHistory, of: &serin_ledger::Scope) -> ScopeRow {
    let good = history.known_good(of);
    let since = match &good {
        Some(good) => {
            let changes = history.changes_since(Some(of), good.change.occurred_at);
            match changes.len() {
                0 => "Nothing was changed since.".to_owned(),
                1 => "One change since.".to_owned(),
                count => format!("{count} changes since."),
            }
        }
        None => String::new(),
    };
    let known_good = good.map(|good| GoodRow {
        subject: good.change.subject.clone(),
        what: what(&good.change.fact, &good.change.subject),
        proof: good.proof.entry.id.to_string(),
        at: moment(good.change.occurred_at),
    });
    ScopeRow { name: scope(of), known_good, since }
}

/// Says what a change did.
pub(super) fn what(change: &serin_ledger::fact::ChangeNoted, subject: &str) -> String {
    let verb = serde_json::to_value(change.what).ok();
    let verb = verb.as_ref().and_then(|it| it.as_str()).unwrap_or("change").to_owned();
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{verb} {from} → {to}"),
        (None, Some(to)) => format!("{verb} {to}"),
        (_, None) => format!("{verb} {subject}"),
    }
}

/// Returns a part of the history, newest first, and how much is older.
fn history_rows(history: &ServiceHistory, number: usize) -> (Vec<HistoryRow>, usize) {
    let changes = history.changes();
    let verdicts = history.verdicts();
    let mut rows: Vec<_> =
        changes
            .iter()
            .map(|change| ((change.occurred_at, change.position), Ok(*change)))
            .chain(verdicts.iter().filter(|it| !it.entry.withdrawn).map(|verdict| {
                ((verdict.entry.occurred_at, verdict.entry.position), Err(*verdict))
            }))
            .collect();
    rows.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    let skipped = PAGE_ROWS.saturating_mul(number - 1);
    let older = rows.len().saturating_sub(skipped.saturating_add(PAGE_ROWS));
    let rows = rows.into_iter().skip(skipped).take(PAGE_ROWS).map(|(_, row)| match row {
        Ok(change) => HistoryRow {
            at: moment(change.occurred_at),
            link: page_of_change(&change.subject, &change.scope.service),
            what: what(&change.fact, &change.subject),
            is_verdict: false,
            tone: "",
            symbol: ' ',
            label: None,
            why: change.fact.note.clone().unwrap_or_default(),
        },
        Err(verdict) => verdict_row(verdict),
    });
    (rows.collect(), older)
}

fn verdict_row(verdict: &Verdict) -> HistoryRow {
    let entry = &verdict.entry;
    let (tone, symbol, word) = outcome(entry.fact.outcome);
    HistoryRow {
        at: moment(entry.occurred_at),
        link: format!("/verdicts/{}", entry.id),
        what: word.to_owned(),
        is_verdict: true,
        tone,
        symbol,
        label: verdict.label().map(|label| match label {
            Label::Right => "it was right",
            Label::Wrong => "it was wrong",
        }),
        why: entry.fact.reason.clone().unwrap_or_default(),
    }
}

impl From<&CheckScorecard> for CheckRow {
    fn from(card: &CheckScorecard) -> Self {
        let counts = [&card.acting, &card.shadow];
        let all = |of: fn(&serin_report::Counts) -> u64| counts.iter().map(|it| of(it)).sum();
        let name = card.check.as_deref().unwrap_or("unknown");
        Self {
            name: name.get(..12).unwrap_or(name).to_owned(),
            judge: format!("{} {}", card.judge.name, card.judge.revision),
            readiness: card.readiness.summary.clone(),
            passed: all(|it| it.passed),
            held: all(|it| it.held),
            failed: all(|it| it.failed),
            caught: all(|it| it.caught),
            false_alarms: all(|it| it.false_alarms),
            missed: all(|it| it.missed),
        }
    }
}
