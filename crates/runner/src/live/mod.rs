//! Live analyses by the thousand, all of whose memory is the ledger.
//!
//! `evidence` is what the ledger keeps of the points that an analysis took, and `commission` what it keeps of
//! what was asked: from both, whoever asks later gets the same verdict.

pub mod commission;
pub mod evidence;
