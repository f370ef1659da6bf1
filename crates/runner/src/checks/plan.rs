//! What applying a folder would change.

use std::collections::{BTreeMap, BTreeSet};

use serin_ledger::fact::CheckApplied;
use serin_ledger::{AppliedChecks, Digest, Entry, EventId, Ledger, LedgerError, Scope};
use serin_report::{
    AppliedCheck, AppliedText, CheckState, CheckStatus, ChecksReport, ComparedFolder,
    TextDifference,
};

use super::applied::text_of;
use super::folder::ChecksFolder;
use super::git::Commits;
use super::written::{WrittenCheck, WrittenChecks};

/// What applying a folder would change: its Checks beside those in force, scope by scope.
#[derive(Clone, Debug, PartialEq)]
pub struct ChecksPlan {
    /// The folder.
    pub folder: ChecksFolder,
    /// The Checks, by scope: those in force, and those of the folder.
    pub checks: Vec<PlannedCheck>,
    /// How many warnings `serin lint` has of them.
    pub warnings: usize,
}

/// A Check that is in force, or of the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCheck {
    /// What it judges.
    pub scope: Scope,
    /// How the two compare.
    pub state: CheckState,
    /// What the folder has.
    pub written: Option<WrittenCheck>,
    /// What is in force.
    pub applied: Option<Entry<CheckApplied>>,
    /// The last event that changed anything for the scope.
    pub(super) last_event: Option<EventId>,
}

impl ChecksPlan {
    /// Compares what a folder has with what is in force.
    #[must_use]
    pub fn of(written: WrittenChecks, applied: &AppliedChecks) -> Self {
        let WrittenChecks { folder, mut checks, warnings } = written;
        let mut in_force: BTreeMap<Scope, Entry<CheckApplied>> =
            applied.in_force().map(|entry| (entry.scope.clone(), entry.clone())).collect();
        let scopes: BTreeSet<Scope> = checks.keys().chain(in_force.keys()).cloned().collect();
        let last_events = applied.last_events();
        let planned = scopes.into_iter().map(|scope| {
            let (written, entry) = (checks.remove(&scope), in_force.remove(&scope));
            let state = state(&folder, written.as_ref(), entry.as_ref());
            let last_event = last_events.get(&scope).copied();
            PlannedCheck { scope, state, written, applied: entry, last_event }
        });
        let planned = planned.collect();
        Self { folder, checks: planned, warnings }
    }

    /// Returns how many Checks the folder has.
    #[must_use]
    pub fn written(&self) -> usize {
        self.checks.iter().filter(|check| check.written.is_some()).count()
    }

    /// Returns it for people and programs, with how the texts differ.
    ///
    /// * `ledger`: has the texts in force; without one they are said not to be kept.
    ///
    /// # Errors
    ///
    /// Where the ledger does not give the texts in force.
    pub fn report(&self, mut ledger: Option<&mut Ledger>) -> Result<ChecksReport, LedgerError> {
        let mut differences = BTreeMap::new();
        for check in self.checks.iter().filter(|check| check.state == CheckState::Changed) {
            check.add_differences(ledger.as_deref_mut(), &mut differences)?;
        }
        Ok(ChecksReport {
            version: ChecksReport::VERSION,
            serin: env!("CARGO_PKG_VERSION").to_owned(),
            folder: Some(ComparedFolder {
                name: self.folder.name.clone(),
                commit: self.folder.commit.clone(),
                dirty: self.folder.dirty,
                checks: self.written(),
                warnings: self.warnings,
            }),
            checks: self.statuses(),
            differences: differences
                .into_iter()
                .map(|((name, _, _), difference)| TextDifference { name, difference })
                .collect(),
        })
    }

    /// Returns how each Check compares; git is asked which commits changed those that differ.
    #[must_use]
    pub fn statuses(&self) -> Vec<CheckStatus> {
        let drifted = self.checks.iter().filter(|check| check.state.is_drift());
        let commits = self.folder.last_commits(drifted.flat_map(PlannedCheck::touched));
        self.checks.iter().map(|check| check.status(&self.folder, &commits)).collect()
    }
}

fn state(
    folder: &ChecksFolder,
    written: Option<&WrittenCheck>,
    applied: Option<&Entry<CheckApplied>>,
) -> CheckState {
    let Some(applied) = applied else { return CheckState::NotApplied };
    let origin = applied.fact.origin.as_ref();
    let is_own = origin.is_some_and(|origin| origin.folder == folder.name);
    match written {
        None if is_own => CheckState::Left,
        None => CheckState::Applied,
        Some(_) if !is_own => CheckState::Taken,
        Some(written) => {
            let is_same = written.named() == applied.fact.texts
                && origin.is_some_and(|origin| origin.file == written.file);
            if is_same { CheckState::InSync } else { CheckState::Changed }
        }
    }
}

/// Differences by the text's name and what it was and is; of one that many extend there is one.
type Differences = BTreeMap<(String, String, String), String>;

impl PlannedCheck {
    fn status(&self, folder: &ChecksFolder, commits: &Commits) -> CheckStatus {
        let touched = if self.state.is_drift() { self.touched() } else { Vec::new() };
        // What is not committed changed after any commit.
        let is_committed = !touched.iter().any(|name| folder.is_altered(name));
        let commit = commits.newest(&touched).filter(|_| is_committed);
        CheckStatus {
            service: self.scope.service.clone(),
            labels: self.scope.labels.clone(),
            state: self.state,
            file: self.written.as_ref().map(|written| written.file.clone()),
            changed_by: commit.map(|commit| commit.id.clone()),
            changed_at: commit.map(|commit| commit.at),
            differs: self.differing(),
            applied: self.applied.as_ref().map(applied_check),
        }
    }

    /// Returns the names of the texts that differ, or of the file that is gone.
    fn touched(&self) -> Vec<String> {
        let gone = self.applied.iter().filter(|_| self.state == CheckState::Left);
        let gone = gone.filter_map(|entry| Some(entry.fact.texts.first()?.name.clone()));
        self.differing().into_iter().chain(gone).collect()
    }

    /// Returns the names of texts that the folder has otherwise than they are in force.
    fn differing(&self) -> Vec<String> {
        let Some(written) = &self.written else { return Vec::new() };
        if self.state == CheckState::InSync {
            return Vec::new();
        }
        let texts = self.applied.as_ref().map(|entry| entry.fact.texts.clone()).unwrap_or_default();
        let named = written.named().into_iter().filter(|text| !texts.contains(text));
        named.map(|text| text.name).collect()
    }

    fn add_differences(
        &self,
        mut ledger: Option<&mut Ledger>,
        differences: &mut Differences,
    ) -> Result<(), LedgerError> {
        let (Some(written), Some(applied)) = (&self.written, &self.applied) else { return Ok(()) };
        let mut kept = |digest: &Digest| match ledger.as_deref_mut() {
            Some(ledger) => text_of(ledger, digest),
            None => Ok(None),
        };
        let before = &applied.fact.texts;
        let named = written.named();
        for (index, (text, now)) in written.texts.iter().zip(&named).enumerate() {
            // A file that was moved is compared with what stood in its place.
            let same_name = before.iter().find(|it| it.name == now.name);
            let earlier = same_name.or_else(|| {
                before.get(index).filter(|it| named.iter().all(|now| now.name != it.name))
            });
            let from = earlier.map(|it| it.sha256.to_string()).unwrap_or_default();
            let key = (now.name.clone(), from, now.sha256.to_string());
            if earlier.is_some_and(|it| it.sha256 == now.sha256) || differences.contains_key(&key) {
                continue;
            }
            let earlier = earlier.map(|it| kept(&it.sha256)).transpose()?;
            let shown = match earlier {
                Some(None) => String::new(),
                Some(Some(before)) => difference(&now.name, &before, &text.text),
                None => difference(&now.name, "", &text.text),
            };
            differences.insert(key, shown);
        }
        for gone in before.iter().filter(|it| named.iter().all(|now| now.name != it.name)) {
            let is_moved = named.iter().any(|now| now.sha256 == gone.sha256);
            let key = (gone.name.clone(), gone.sha256.to_string(), String::new());
            let is_replaced =
                differences.keys().any(|(_, from, _)| *from == gone.sha256.to_string());
            if is_moved || is_replaced || differences.contains_key(&key) {
                continue;
            }
            let before = kept(&gone.sha256)?.unwrap_or_default();
            differences.insert(key, difference(&gone.name, &before, ""));
        }
        Ok(())
    }
}

/// Returns the difference of two texts as `patch` reads it.
fn difference(name: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(2)
        .header(name, name)
        .to_string()
}

fn applied_check(entry: &Entry<CheckApplied>) -> AppliedCheck {
    let CheckApplied { by, origin, texts, .. } = &entry.fact;
    let text = |text: &serin_ledger::fact::CheckText| AppliedText {
        name: text.name.clone(),
        sha256: text.sha256.to_string(),
    };
    AppliedCheck {
        event: entry.id.to_string(),
        since: entry.occurred_at,
        by: by.clone(),
        folder: origin.as_ref().map(|origin| origin.folder.clone()),
        file: origin.as_ref().map(|origin| origin.file.clone()),
        commit: origin.as_ref().and_then(|origin| origin.commit.clone()),
        dirty: origin.as_ref().is_some_and(|origin| origin.dirty),
        texts: texts.iter().map(text).collect(),
    }
}

/// Returns the Checks in force, compared with no folder.
#[must_use]
pub fn applied_statuses(applied: &AppliedChecks) -> Vec<CheckStatus> {
    let status = |entry: &Entry<CheckApplied>| CheckStatus {
        service: entry.scope.service.clone(),
        labels: entry.scope.labels.clone(),
        state: CheckState::Applied,
        file: None,
        differs: Vec::new(),
        changed_by: None,
        changed_at: None,
        applied: Some(applied_check(entry)),
    };
    applied.in_force().map(status).collect()
}
