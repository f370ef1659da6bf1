//! What runs now, and what ended last.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serin_ledger::fact::AnalysisEnded;
use serin_ledger::{Event, Fact, Kind, Ledger, LedgerError, Selection};
use serin_model::Outcome;
use serin_runner::live::{Snapshot, State as LiveState};

use super::frame::{Frame, Instead, Looks, shown};
use super::words::{RunningRow, VerdictRow, moment, outcome, scope};
use crate::app::App;
use crate::caller::Read;

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    frame: Frame,
    sentence: String,
    running: Vec<RunningRow>,
    /// How many run beside those.
    more: usize,
    ended: Vec<VerdictRow>,
    example: &'static str,
}

/// Analyses on the page.
const MOST_ROWS: usize = 200;
/// Verdicts on the page.
const MOST_ENDED: usize = 12;
/// The events in which those are looked for.
const LOOKED_BACK: u64 = 4000;

const EXAMPLE: &str = "\
jq -n --rawfile text serin.yaml '{checks: [{name: \"serin.yaml\", $text}], start: \"now\"}' |
  curl -s localhost:7878/api/v1/analyses -H 'content-type: application/json' -d @-";

pub(super) async fn page(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
) -> Result<Response, Instead> {
    let mut running = app.live.running().await;
    running.retain(|it| caller.may_see(&it.scope.service));
    running.sort_by_key(urgency);
    let ended = app.books.read(newest_verdicts).await?;
    let ended = ended.iter().rev().filter(|(event, _)| caller.may_see(&event.header.scope.service));
    let page = Now {
        frame: Frame::of(&app, &caller).await?,
        sentence: in_a_sentence(&running),
        more: running.len().saturating_sub(MOST_ROWS),
        running: running.iter().take(MOST_ROWS).map(RunningRow::from).collect(),
        ended: ended.take(MOST_ENDED).map(row).collect(),
        example: EXAMPLE,
    };
    Ok(shown(StatusCode::OK, &page))
}

/// What a person should look at first comes first.
fn urgency(it: &Snapshot) -> (u8, std::cmp::Reverse<i64>) {
    let rank = match (&it.state, it.outcome) {
        (_, Outcome::Fail) => 0,
        (LiveState::Stuck { .. }, _) => 1,
        (LiveState::SourceFailing { .. } | LiveState::LedgerFailing { .. }, _) => 2,
        (LiveState::Judging, Outcome::Inconclusive) => 3,
        _ => 4,
    };
    (rank, std::cmp::Reverse(it.begun_at.as_millis()))
}

fn in_a_sentence(running: &[Snapshot]) -> String {
    let failing = running.iter().filter(|it| it.outcome == Outcome::Fail).count();
    let blind = running
        .iter()
        .filter(|it| matches!(it.state, LiveState::SourceFailing { .. } | LiveState::Stuck { .. }));
    match (running.len(), failing, blind.count()) {
        (0, ..) => "Nothing runs.".to_owned(),
        (1, 0, 0) => "One analysis runs.".to_owned(),
        (all, 0, 0) => format!("{all} analyses run."),
        (all, failing, 0) => format!("{all} analyses run; {failing} fail."),
        (all, failing, blind) => {
            format!("{all} analyses run; {failing} fail, and {blind} get no data.")
        }
    }
}

/// Returns the newest verdicts of all services, oldest first.
fn newest_verdicts(ledger: &mut Ledger) -> Result<Vec<(Event, AnalysisEnded)>, LedgerError> {
    let head = ledger.head()?.position;
    let selection = Selection { kinds: vec![Kind::AnalysisEnded], ..Selection::default() };
    let mut after = head.saturating_sub(LOOKED_BACK);
    let mut found = Vec::new();
    loop {
        let page = ledger.events(&selection, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.position;
        for event in page {
            if let Fact::AnalysisEnded(ended) = event.fact() {
                found.push((event, ended));
            }
        }
    }
}

const PAGE: usize = 500;

fn row((event, ended): &(Event, AnalysisEnded)) -> VerdictRow {
    let (tone, symbol, word) = outcome(ended.outcome);
    VerdictRow {
        id: event.id.to_string(),
        service: event.header.scope.service.clone(),
        scope: scope(&event.header.scope),
        tone,
        symbol,
        word,
        reason: ended.reason.clone().unwrap_or_default(),
        at: moment(event.header.occurred_at),
    }
}
