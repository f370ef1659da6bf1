//! The Check in force to judge a scope by.

use serin_ledger::{AppliedChecks, Digest, EventId, Ledger, LedgerError, NoOneCheck, Scope};

use crate::live::NamedText;

/// A Check in force, as a live analysis takes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckInForce {
    /// The event that applied it.
    pub event: EventId,
    /// What it judges: the labels asked for may narrow it down further.
    pub scope: Scope,
    /// The Check file and those that it extends, the nearest first: the `checks` of a
    /// [`NewAnalysis`](crate::live::NewAnalysis).
    pub texts: Vec<NamedText>,
}

/// Why there is no Check in force to judge a scope by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppliedCheckError {
    /// None fits, or several do alike.
    #[error(transparent)]
    NoOne(#[from] NoOneCheck),
    /// A text of it is not in the ledger.
    #[error(
        "the text `{name}` of the Check of `{scope}` is no longer kept\n\nhint: apply the Check once more: \
         `serin checks apply`"
    )]
    NoText {
        /// What the Check judges.
        scope: Scope,
        /// The text.
        name: String,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Returns the Check in force for a service, so that an analysis can begin by the service's name alone.
///
/// Of several Checks of the service it is the one that has the most of the labels asked for and contradicts none
/// of them, then the one with the fewest other labels: see [`AppliedChecks::fitting`].
///
/// # Errors
///
/// Where none fits, several fit alike, or the ledger does not have its texts.
pub fn applied_check(
    ledger: &mut Ledger,
    scope: &Scope,
) -> Result<CheckInForce, AppliedCheckError> {
    let applied = ledger.project::<AppliedChecks>(Some(&scope.service))?.state;
    let entry = applied.fitting(scope)?;
    let mut texts = Vec::new();
    for text in &entry.fact.texts {
        let Some(read) = text_of(ledger, &text.sha256)? else {
            return Err(AppliedCheckError::NoText {
                scope: entry.scope.clone(),
                name: text.name.clone(),
            });
        };
        texts.push(NamedText { name: text.name.clone(), text: read });
    }
    if let (true, Some(digest)) = (texts.is_empty(), &entry.fact.to) {
        // Whoever applied it gave it no name.
        let name = format!("the Check of {}", entry.scope);
        let Some(text) = text_of(ledger, digest)? else {
            return Err(AppliedCheckError::NoText { scope: entry.scope.clone(), name });
        };
        texts.push(NamedText { name, text });
    }
    Ok(CheckInForce { event: entry.id, scope: entry.scope.clone(), texts })
}

/// Returns a text that the ledger has as evidence.
pub(super) fn text_of(ledger: &mut Ledger, digest: &Digest) -> Result<Option<String>, LedgerError> {
    let evidence = ledger.evidence(digest)?;
    let bytes = evidence.and_then(|evidence| evidence.expand().ok());
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}
