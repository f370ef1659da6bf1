//! What else happened to a scope while an analysis looked at it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serin_ledger::{Fact, Kind, Ledger, LedgerError, Scope, Selection};
use serin_model::{Timestamp, Warning, WarningCode, Window};

use crate::judge::moment_in_words;

/// Another analysis or change of the same scope: what it did, a verdict may show.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Overlap {
    /// The other analysis or change, such as `analysis/5b1e…`.
    pub subject: String,
    /// When it began.
    pub since: Timestamp,
    /// The change that the other analysis looks at.
    pub change: Option<String>,
    /// What it is about.
    pub scope: Scope,
}

impl Overlap {
    /// Says what it means for a verdict.
    pub(super) fn warning(&self) -> Warning {
        let Self { subject, since, change, scope } = self;
        let since = moment_in_words(*since);
        let of = change.as_ref().map(|change| format!(" of `{change}`")).unwrap_or_default();
        let text = if subject.starts_with(ANALYSIS) {
            format!(
                "`{subject}`{of} has looked at {scope} since {since}, at the same time: what one of the two \
                 changes did the other's verdict may show"
            )
        } else {
            format!(
                "`{subject}` altered {scope} at {since}, in the middle of this analysis: what it did the \
                 verdict may show"
            )
        };
        Warning { code: WarningCode::ConcurrentChange, metric: None, text }
    }
}

/// How subjects of analyses begin.
pub(super) const ANALYSIS: &str = "analysis/";

/// Who looks for overlaps.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) subject: String,
    pub(super) scope: Scope,
    pub(super) change: Option<String>,
    /// From when on something else matters.
    pub(super) since: Timestamp,
}

impl Own {
    /// Returns whether another scope has something in common with this one: it is of the same service, and no label
    /// says otherwise.
    pub(super) fn meets(&self, other: &Scope) -> bool {
        let agrees = |(name, value): (&String, &String)| {
            other.labels.get(name).is_none_or(|other| other == value)
        };
        self.scope.service == other.service && self.scope.labels.iter().all(agrees)
    }

    /// Returns whether it is another thing, in the same scope.
    pub(super) fn is_other(&self, subject: &str, scope: &Scope) -> bool {
        subject != self.subject && self.change.as_deref() != Some(subject) && self.meets(scope)
    }
}

/// Finds what else happened, from the events of the ledger: the same for the same events.
///
/// * `running`: the analyses that run.
/// * `until`: up to when something else matters.
pub(super) fn find(
    ledger: &mut Ledger,
    own: &Own,
    running: &[Overlap],
    until: Timestamp,
) -> Result<Vec<Overlap>, LedgerError> {
    let begins_in_time = |overlap: &&Overlap| overlap.since <= until;
    let still = running.iter().filter(|it| own.is_other(&it.subject, &it.scope));
    let mut found: BTreeSet<Overlap> = still.filter(begins_in_time).cloned().collect();
    let selection = Selection {
        service: Some(own.scope.service.clone()),
        kinds: vec![Kind::ChangeNoted, Kind::AnalysisEnded],
        occurred: Some(Window { start: own.since, end: until.after(LATEST_END) }),
        ..Selection::default()
    };
    let mut after = 0;
    loop {
        let page = ledger.events(&selection, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for event in page {
            let header = &event.header;
            if !own.is_other(&header.subject, &header.scope) {
                continue;
            }
            let (subject, scope) = (header.subject.clone(), header.scope.clone());
            let overlap = match event.fact() {
                Fact::ChangeNoted(_) => {
                    Some(Overlap { subject, since: header.occurred_at, change: None, scope })
                }
                Fact::AnalysisEnded(ended) => {
                    let begun = event.first_cause().map(|id| ledger.event(id)).transpose()?;
                    let since = begun.flatten().map(|begun| begun.header.occurred_at);
                    since.map(|since| Overlap { subject, since, change: ended.change, scope })
                }
                _ => None,
            };
            found.extend(overlap.filter(|it| it.since <= until));
        }
    }
    Ok(found.into_iter().collect())
}

/// Events that are read at once.
const PAGE: usize = 500;

/// An analysis that began before this one ended may end long after it.
const LATEST_END: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);
