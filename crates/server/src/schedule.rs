//! Beginning analyses of Checks in force by the clock.
//!
//! Nothing is remembered between rounds but what people are shown: each analysis has a key of its schedule, its scope
//! and the moment at which it was due, so that whoever asks again, after a death or with a clock that was set back,
//! asks for the same analysis.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serin_ledger::Scope;
use serin_model::Timestamp;
use serin_runner::live::{BeginError, NewAnalysis, Snapshot, State, subject_of};

use crate::api::analyses::in_force;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::schedule_config::Schedule;

/// The schedules, and what became of each when it was last due since the server began.
#[derive(Debug, Default)]
pub(crate) struct Scheduled {
    pub(crate) schedules: Vec<Schedule>,
    occasions: Mutex<BTreeMap<String, Occasion>>,
}

/// What became of a schedule when it was due.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    pub(crate) due: Timestamp,
    /// What became of each Check.
    pub(crate) settled: BTreeMap<Scope, Settled>,
    /// Why some have not begun, and are tried again.
    pub(crate) error: Option<String>,
}

/// What became of one Check.
#[derive(Clone, Debug)]
pub(crate) enum Settled {
    /// Its analysis began: what the ledger calls that.
    Begun(String),
    /// It was left out this time: why.
    LeftOut(String),
}

impl Scheduled {
    pub(crate) fn new(schedules: Vec<Schedule>) -> Self {
        Self { schedules, ..Self::default() }
    }

    /// Returns what became of a schedule when it was last due.
    pub(crate) fn last(&self, name: &str) -> Option<Occasion> {
        self.occasions.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn was_due(&self, name: &str, occasion: Occasion) {
        let mut occasions = self.occasions.lock().unwrap_or_else(PoisonError::into_inner);
        occasions.insert(name.to_owned(), occasion);
    }
}

/// Clocks are set, and Checks come into force a little after the server began.
const LOOKS_AGAIN: Duration = Duration::from_secs(5);

/// Begins what is due, until the server ends.
pub(crate) async fn begin_by_the_clock(app: Arc<App>) {
    let mut ending = app.ending.subscribe();
    loop {
        let now = app.live.now();
        for schedule in &app.scheduled.schedules {
            round(&app, schedule, now).await;
        }
        let next = app.scheduled.schedules.iter().filter_map(|it| it.next(now)).min();
        let wait = next.map_or(LOOKS_AGAIN, |next| since(now, next).min(LOOKS_AGAIN));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = ending.changed() => return,
        }
    }
}

fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    let millis = later.as_millis().saturating_sub(earlier.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Begins what one schedule has due, and has not yet begun.
async fn round(app: &Arc<App>, schedule: &Schedule, now: Timestamp) {
    let Some(due) = schedule.due(now).filter(|due| since(*due, now) <= schedule.within) else {
        return;
    };
    let last = app.scheduled.last(&schedule.name).filter(|last| last.due == due);
    let mut occasion = last.unwrap_or(Occasion { due, settled: BTreeMap::new(), error: None });
    let error = match begin_all(app, schedule, &mut occasion).await {
        Ok(()) => None,
        Err(problem) => Some(in_words(&problem)),
    };
    if let Some(error) = error.as_ref().filter(|error| occasion.error.as_ref() != Some(error)) {
        tracing::warn!(schedule = schedule.name, %error, "analyses do not begin; it is tried again");
    }
    occasion.error = error;
    app.scheduled.was_due(&schedule.name, occasion);
}

/// Begins an analysis of each Check that is yet to be settled.
async fn begin_all(
    app: &Arc<App>,
    schedule: &Schedule,
    occasion: &mut Occasion,
) -> Result<(), Problem> {
    let applied = app.checks.applied(&app.books).await?;
    let scopes = applied.in_force().map(|entry| &entry.scope);
    let yet: Vec<Scope> = scopes
        .filter(|scope| schedule.is_for(scope) && !occasion.settled.contains_key(scope))
        .cloned()
        .collect();
    if yet.is_empty() {
        return Ok(());
    }
    let running = app.live.running().await;
    let mut tried_again = Ok(());
    for scope in yet {
        match begin(app, schedule, &scope, occasion.due, &running).await {
            Ok(settled) => {
                tell(schedule, &scope, &settled);
                occasion.settled.insert(scope, settled);
            }
            Err(problem) => tried_again = Err(problem),
        }
    }
    tried_again
}

fn tell(schedule: &Schedule, scope: &Scope, settled: &Settled) {
    match settled {
        Settled::Begun(analysis) => {
            tracing::info!(schedule = schedule.name, %scope, analysis, "an analysis began by the clock");
        }
        Settled::LeftOut(why) => {
            tracing::warn!(schedule = schedule.name, %scope, why, "an analysis was left out");
        }
    }
}

/// Begins the analysis of one scope.
///
/// # Errors
///
/// What may be otherwise in a moment.
async fn begin(
    app: &Arc<App>,
    schedule: &Schedule,
    scope: &Scope,
    due: Timestamp,
    running: &[Snapshot],
) -> Result<Settled, Problem> {
    let key = format!("schedule\n{}\n{}\n{scope}", schedule.name, due.as_millis());
    let subject = subject_of(&key);
    if running.iter().any(|it| it.subject == subject) {
        return Ok(Settled::Begun(subject));
    }
    let is_other = |it: &&Snapshot| it.scope == *scope && !matches!(it.state, State::Stuck { .. });
    if let Some(other) = running.iter().find(is_other) {
        return Ok(Settled::LeftOut(format!("{} of the same scope still runs", other.subject)));
    }
    let (checks, labels) = match in_force(app, scope.clone()).await {
        Ok(found) => found,
        Err(problem) => return left_out(problem),
    };
    let asked = NewAnalysis {
        checks,
        labels,
        change: None,
        shadow: schedule.shadow,
        timing: schedule.timing(due),
        url: None,
        idempotency_key: Some(key),
    };
    match app.live.begin(asked).await {
        Ok(begun) => Ok(Settled::Begun(begun.subject)),
        // It began before the Check was changed.
        Err(BeginError::OtherAnalysis { subject, .. }) => Ok(Settled::Begun(subject)),
        Err(error) => left_out(error.into()),
    }
}

/// Tells what will be the same the next time from what may pass.
fn left_out(problem: Problem) -> Result<Settled, Problem> {
    match problem.kind() {
        Kind::Unavailable | Kind::Internal => Err(problem),
        _ => Ok(Settled::LeftOut(in_words(&problem))),
    }
}

fn in_words(problem: &Problem) -> String {
    let (_, _, detail, hint) = problem.in_words();
    let hint = hint.filter(|hint| !hint.is_empty()).map(|hint| format!(": {hint}"));
    format!("{detail}{}", hint.unwrap_or_default())
}
