//! One event at a time, from people and pipelines into a ledger.

use serin_ledger::{Invalid, Ledger, LedgerError, Parcel, Receipt, Refusal, Submission};
use serin_model::Timestamp;

/// Why something is not in a ledger, or not found there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The database did not do it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger does not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is no event.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The ledger has no such thing.
    #[error("{problem}\n\nhint: {hint}")]
    NotFound {
        /// What is not there, and where it was looked for.
        problem: String,
        /// What to do.
        hint: String,
    },
}

/// Appends one event without evidence.
///
/// * `known_at`: what time it is.
pub(crate) fn append(
    ledger: &mut Ledger,
    event: Submission,
    known_at: Timestamp,
) -> Result<Receipt, EntryError> {
    let parcel = Parcel::new(known_at, Vec::new(), vec![event])?;
    let receipts = ledger.append(&[parcel])?.into_iter().next().transpose()?;
    let receipt = receipts.and_then(|receipts| receipts.into_iter().next());
    Ok(receipt.expect("a parcel of one event is answered with one receipt"))
}
