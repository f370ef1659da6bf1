//! Keeping the Checks of a folder or a repository in force.
//!
//! Whatever fails, what was applied before stays in force, and the failure is shown until it is over.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serin_ledger::{AppliedChecks, Projected, Refusal, Scope, WriteError};
use serin_model::Timestamp;
use serin_runner::checks::{CheckState, CheckStatus, ChecksError, ChecksPlan, WrittenChecks};
use serin_runner::now;

use crate::app::App;
use crate::books::{AppendError, Books};
use crate::checks_config::ChecksConfig;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The Checks in force, and what was last seen of the folder that they are kept in.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    applied: tokio::sync::Mutex<Option<Projected<AppliedChecks>>>,
    seen: Mutex<Option<Arc<Seen>>>,
}

/// What was last seen of the folder, and what became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// What the folder is called, once it was read.
    pub(crate) folder: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) dirty: bool,
    /// When it was last looked at, with success or without.
    pub(crate) looked_at: Option<Timestamp>,
    /// When something of it was last applied, since the server began.
    pub(crate) applied_at: Option<Timestamp>,
    /// Why nothing was applied the last time.
    pub(crate) error: Option<String>,
    /// Since when that is so.
    pub(crate) failing_since: Option<Timestamp>,
    /// How each Check compared when the folder was last read, by scope.
    pub(crate) statuses: BTreeMap<Scope, CheckStatus>,
    pub(crate) apply: bool,
    pub(crate) prune: bool,
}

impl Checks {
    /// Returns the Checks in force.
    ///
    /// # Errors
    ///
    /// What the database did, or that too many ask.
    pub(crate) async fn applied(&self, books: &Books) -> Result<AppliedChecks, Problem> {
        let mut kept = self.applied.lock().await;
        let before = kept.take();
        let projected = books
            .read(move |ledger| match before {
                Some(before) => ledger.advance(None, before),
                None => ledger.project(None),
            })
            .await?;
        let applied = projected.state.clone();
        *kept = Some(projected);
        Ok(applied)
    }

    /// Returns what was last seen of the folder, where one is configured.
    pub(crate) fn seen(&self) -> Option<Arc<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_seen(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(seen));
    }
}

/// Why a round did nothing.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Checks(#[from] ChecksError),
    #[error("the ledger does not take it: {0}")]
    Write(WriteError),
    #[error("the ledger cannot be read; it is tried again")]
    Unread,
    #[error("too many ask the ledger; it is tried again")]
    Busy,
    #[error("a thread ended early: {0}")]
    Thread(#[from] tokio::task::JoinError),
    #[error(
        "no folder can be made for a repository: {0}\n\nhint: see that there is space, and permission in TMPDIR"
    )]
    Temporary(std::io::Error),
}

/// Looks at the folder again and again, until the server ends.
pub(crate) async fn reconcile(app: Arc<App>, config: ChecksConfig) {
    let config = Arc::new(config);
    let mut ending = app.ending.subscribe();
    let mut seen = Seen { apply: config.apply, prune: config.asked.prune, ..Seen::default() };
    app.checks.is_seen(seen.clone());
    let clone = tempfile::Builder::new().prefix("serin-checks-").tempdir();
    loop {
        let round = match &clone {
            Ok(clone) => round(&app, &config, clone.path(), &mut seen).await,
            Err(error) => Err(RoundError::Temporary(std::io::Error::other(error.to_string()))),
        };
        tell(&mut seen, round.err());
        measure(&app.metrics, &seen);
        app.checks.is_seen(seen.clone());
        tokio::select! {
            () = tokio::time::sleep(config.every) => {}
            _ = ending.changed() => return,
        }
    }
}

/// Notes how a round ended, and logs what was not so before.
fn tell(seen: &mut Seen, error: Option<RoundError>) {
    let looked = now();
    seen.looked_at = Some(looked);
    let error = error.map(|error| error.to_string());
    match &error {
        Some(error) if seen.error.as_ref() != Some(error) => {
            let shown = error.replace("\n\n", "; ").replace('\n', " ");
            tracing::warn!(error = %shown, "Checks are not reconciled; what was applied stays in force");
        }
        None if seen.error.is_some() => tracing::info!("Checks are reconciled again"),
        Some(_) | None => {}
    }
    seen.failing_since = error.as_ref().map(|_| seen.failing_since.unwrap_or(looked));
    seen.error = error;
}

fn measure(metrics: &Metrics, seen: &Seen) {
    let drifted = seen.statuses.values().filter(|status| status.state.is_drift()).count();
    metrics.checks_drifted.set(i64::try_from(drifted).unwrap_or(i64::MAX));
    metrics.checks_failing.set(i64::from(seen.error.is_some()));
}

/// Reads the folder, applies what changed, and notes how the two compare then.
async fn round(
    app: &Arc<App>,
    config: &Arc<ChecksConfig>,
    clone: &Path,
    seen: &mut Seen,
) -> Result<(), RoundError> {
    let (reading, at) = (Arc::clone(config), clone.to_owned());
    let written =
        tokio::task::spawn_blocking(move || WrittenChecks::read(&reading.source, &at)).await??;
    let plan = compared(app, &written, seen).await?;
    if !config.apply {
        return Ok(());
    }
    let Some(parcel) = plan.parcel(&config.asked, now())? else { return Ok(()) };
    match app.books.append(parcel).await {
        // Somebody else applies; they are seen in the next round.
        Err(AppendError::Write(WriteError::Refused(Refusal::Conflict { .. }))) => {
            return Err(ChecksError::Contended.into());
        }
        Err(AppendError::Write(error)) => return Err(RoundError::Write(error)),
        Err(AppendError::Busy) => return Err(RoundError::Busy),
        Ok(_) => {}
    }
    seen.applied_at = Some(now());
    let count = |state| plan.checks.iter().filter(|check| check.state == state).count();
    let removed = if config.asked.prune { count(CheckState::Left) } else { 0 };
    tracing::info!(
        folder = %plan.folder.name,
        commit = plan.folder.commit.as_deref().unwrap_or_default(),
        added = count(CheckState::NotApplied),
        changed = count(CheckState::Changed),
        removed,
        "Checks were applied"
    );
    compared(app, &written, seen).await.map(drop)
}

/// Compares the folder with what is in force, and notes it.
async fn compared(
    app: &Arc<App>,
    written: &WrittenChecks,
    seen: &mut Seen,
) -> Result<ChecksPlan, RoundError> {
    let applied = app.checks.applied(&app.books).await.map_err(|_| RoundError::Unread)?;
    let written = written.clone();
    // Git is asked which commits changed what differs.
    let compare = move || {
        let plan = ChecksPlan::of(written, &applied);
        let statuses = plan.statuses();
        (plan, statuses)
    };
    let (plan, statuses) = tokio::task::spawn_blocking(compare).await?;
    seen.folder = Some(plan.folder.name.clone());
    seen.commit.clone_from(&plan.folder.commit);
    seen.dirty = plan.folder.dirty;
    let of_scope = |status: CheckStatus| {
        let scope = Scope { service: status.service.clone(), labels: status.labels.clone() };
        (scope, status)
    };
    seen.statuses = statuses.into_iter().map(of_scope).collect();
    Ok(plan)
}
