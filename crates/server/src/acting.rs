//! Doing what rules of the operator demand about verdicts, each once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serin_ledger::{
    Acting, Acts, Event, EventId, Invalid, Kind, Parcel, Projected, Receipt, Refusal, Selection,
    WriteError,
};
use serin_model::Timestamp;
use serin_runner::live::What;
use serin_runner::{ActAsked, Acted, ActingRule, is_unknown, now};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::app::App;
use crate::books::AppendError;
use crate::problem::Problem;

/// Looks for verdicts that rules demand something about, and does it, until the server ends. Then it waits for those
/// that were begun.
pub(crate) async fn act_on_verdicts(app: Arc<App>, rules: Vec<ActingRule>) {
    let mut ending = app.ending.subscribe();
    let mut said = app.live.subscribe();
    let underway = Underway::default();
    let mut seen = Seen { rules, after: None, acts: None, underway: underway.clone() };
    let (mut acting, places) = (JoinSet::new(), Arc::new(Semaphore::new(MOST_AT_ONCE)));
    loop {
        match seen.round(&app).await {
            Ok(asked) => {
                for asked in asked {
                    let (app, places) = (Arc::clone(&app), Arc::clone(&places));
                    acting.spawn(act(app, asked, places, underway.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(?error, "verdicts cannot be read to act on them; it is tried again");
            }
        }
        while acting.try_join_next().is_some() {}
        let next_end = async {
            loop {
                match said.recv().await {
                    Ok(progress) if !matches!(progress.what, What::Ended { .. }) => {}
                    // Whoever missed some looks into the ledger, too.
                    Ok(_) | Err(_) => return,
                }
            }
        };
        tokio::select! {
            () = next_end => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = ending.changed() => break,
        }
    }
    places.close();
    while acting.join_next().await.is_some() {}
}

/// The acts that this server does: it knows what becomes of them, however long the ledger is away meanwhile.
#[derive(Clone, Default)]
struct Underway(Arc<Mutex<BTreeSet<EventId>>>);

impl Underway {
    fn all(&self) -> MutexGuard<'_, BTreeSet<EventId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to where verdicts were looked at.
struct Seen {
    rules: Vec<ActingRule>,
    after: Option<u64>,
    acts: Option<Projected<Acts>>,
    underway: Underway,
}

impl Seen {
    /// Returns what rules demand about verdicts that came since the last time, and says what nobody knows of acts that
    /// must be over.
    async fn round(&mut self, app: &Arc<App>) -> Result<Vec<ActAsked>, Problem> {
        self.tell_of_overdue(app).await?;
        let longest = self.rules.iter().map(|rule| rule.within).max().unwrap_or_default();
        let after = self.after;
        let (verdicts, position) = app
            .books
            .read(move |ledger| {
                let mut after = match after {
                    Some(after) => after,
                    None => ledger.position_before(now().before(longest))?,
                };
                let selection =
                    Selection { kinds: vec![Kind::AnalysisEnded], ..Selection::default() };
                let mut verdicts = Vec::new();
                loop {
                    let page = ledger.events(&selection, after, PAGE)?;
                    let Some(last) = page.last() else { return Ok((verdicts, after)) };
                    after = last.position;
                    verdicts.extend(page);
                }
            })
            .await?;
        self.after = Some(position);
        let asked = |verdict: &Event| -> Vec<ActAsked> {
            self.rules.iter().filter_map(|rule| ActAsked::of(rule, verdict)).collect()
        };
        Ok(verdicts.iter().flat_map(asked).collect())
    }

    async fn tell_of_overdue(&mut self, app: &Arc<App>) -> Result<(), Problem> {
        let before = self.acts.take();
        let acts = app
            .books
            .read(move |ledger| match before {
                Some(before) => ledger.advance::<Acts>(None, before),
                None => ledger.project::<Acts>(None),
            })
            .await?;
        let acts = self.acts.insert(acts);
        let now = now();
        let overdue: Vec<_> = {
            let underway = self.underway.all();
            acts.state.overdue(now).filter(|act| !underway.contains(&act.id)).cloned().collect()
        };
        for act in overdue {
            let Ok(parcel) = is_unknown(&act, now) else { continue };
            if app.books.append(parcel).await.is_ok() {
                tracing::error!(act = %act.id, service = %act.scope.service, "nobody knows whether an act was done");
                app.metrics.acted("failed");
            }
        }
        Ok(())
    }
}

/// Does one thing, unless somebody else does or did, acting is paused, or it comes too late.
async fn act(app: Arc<App>, asked: ActAsked, places: Arc<Semaphore>, underway: Underway) {
    // None where the server ends: whoever is started next does it.
    let Ok(_place) = places.acquire().await else { return };
    let Some(begun) = begin(&app, &asked).await else { return };
    underway.all().insert(begun);
    let (rule, verdict) = (&asked.rule().name, asked.verdict().id);
    tracing::info!(rule, %verdict, "acting on a verdict");
    let acted = done(&app, &asked).await;
    match &acted {
        Acted::Done => tracing::info!(rule, %verdict, "acted on a verdict"),
        Acted::Failed(why) => tracing::error!(rule, %verdict, why, "an act failed"),
    }
    app.metrics.acted(if acted == Acted::Done { "done" } else { "failed" });
    tell_until_taken(&app, |now| asked.ends(now, begun, &acted)).await;
    underway.all().remove(&begun);
}

/// Writes down that an act begins, and returns its event: nothing where it is not to be done.
async fn begin(app: &Arc<App>, asked: &ActAsked) -> Option<EventId> {
    let (rule, verdict) = (&asked.rule().name, asked.verdict().id);
    loop {
        let now = now();
        if now >= asked.expires_at() {
            tracing::error!(rule, %verdict, "an act is not done: its verdict is too old by now");
            return None;
        }
        match try_to_begin(app, asked, now).await {
            Ok(begun) => return begun,
            Err(problem) => {
                tracing::warn!(rule, %verdict, ?problem, "an act cannot begin yet; it is tried again");
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn try_to_begin(
    app: &Arc<App>,
    asked: &ActAsked,
    now: Timestamp,
) -> Result<Option<EventId>, Problem> {
    let Some(pause) = app.books.of_itself::<Acting>().await?.paused else {
        return Ok(take(app, asked.begins(now)?).await?.map(|receipt| receipt.id));
    };
    let because = pause.person.reason.map(|it| format!(": {it}")).unwrap_or_default();
    let why = format!("{} has paused all acting{because}", pause.person.by);
    if take(app, asked.is_withheld(now, &why)?).await?.is_some() {
        let (rule, verdict) = (&asked.rule().name, asked.verdict().id);
        tracing::warn!(rule, %verdict, why, "an act is withheld");
        app.metrics.acted("withheld");
    }
    Ok(None)
}

/// Returns the receipt of what the ledger took; nothing where somebody else was first.
async fn take(app: &Arc<App>, parcel: Parcel) -> Result<Option<Receipt>, AppendError> {
    match app.books.append(parcel).await {
        Ok(receipts) => Ok(receipts.into_iter().next().filter(|receipt| !receipt.was_known)),
        Err(AppendError::Write(WriteError::Refused(Refusal::Conflict { .. }))) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn done(app: &Arc<App>, asked: &ActAsked) -> Acted {
    let Some(digest) = asked.verdict().header.evidence.first().copied() else {
        return Acted::Failed("the verdict has no report".to_owned());
    };
    let report = app.books.read(move |ledger| ledger.evidence(&digest)).await.ok().flatten();
    let report = report.and_then(|report| report.expand().ok());
    let Some(report) = report.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Acted::Failed("the report of the verdict cannot be read".to_owned());
    };
    let asked = asked.clone();
    let acted = tokio::task::spawn_blocking(move || asked.act(&report)).await;
    acted.unwrap_or_else(|error| Acted::Failed(format!("serin itself failed: {error}")))
}

/// Writes down what came of an act, however long the ledger is out of reach: what is not written nobody knows.
async fn tell_until_taken(app: &Arc<App>, parcel: impl Fn(Timestamp) -> Result<Parcel, Invalid>) {
    while let Ok(parcel) = parcel(now()) {
        match take(app, parcel).await {
            Ok(_) => return,
            Err(error) => tracing::warn!(
                ?error,
                "what came of an act cannot be written down; it is tried again"
            ),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Commands that run at the same time.
const MOST_AT_ONCE: usize = 4;

/// Verdicts that are read at once.
const PAGE: usize = 100;

/// What others append to the ledger is seen within this time.
const LOOK_EVERY: Duration = Duration::from_secs(5);

const AGAIN_AFTER: Duration = Duration::from_secs(2);
