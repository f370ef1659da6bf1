//! Options that say where the ledger is.

use std::path::Path;

use clap::{Args, ValueHint};
use serin_ledger::Ledger;
use serin_runner::open_ledger;

/// Where the ledger is.
#[derive(Debug, Args)]
pub(crate) struct LedgerLocation {
    /// A file, or `postgres://user@host/database`; its password may stand in PGPASSWORD
    #[arg(
        long = "ledger",
        value_name = "LEDGER",
        env = "SERIN_LEDGER",
        hide_env_values = true,
        value_hint = ValueHint::FilePath
    )]
    location: String,
}

impl LedgerLocation {
    /// Opens the ledger, which must be there.
    pub(crate) fn open(&self) -> anyhow::Result<Ledger> {
        Ok(open_ledger(&self.location, false)?)
    }

    /// Opens the ledger; a file that is not there is made.
    pub(crate) fn open_or_create(&self) -> anyhow::Result<Ledger> {
        Ok(open_ledger(&self.location, true)?)
    }

    /// Opens the ledger, unless it is a file that is not there.
    pub(crate) fn open_if_there(&self) -> anyhow::Result<Option<Ledger>> {
        let is_address = self.location.contains("://");
        if !is_address && !Path::new(&self.location).exists() {
            return Ok(None);
        }
        self.open().map(Some)
    }
}
