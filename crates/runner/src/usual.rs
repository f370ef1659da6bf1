//! Lengths of time that nobody wrote; `docs/defaults.md` argues them.

use std::time::Duration;

/// How long an analysis may take.
pub(crate) const HORIZON: Duration = Duration::from_secs(3600);

/// How much of the control's past is learned from.
pub(crate) const HISTORY: Duration = Duration::from_secs(6 * 3600);
