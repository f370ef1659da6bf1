//! The written forms of an analysis: Check files, and Kayenta's configs and requests.
//!
//! Text goes in, words of `serin-model` come out, or an error that names the line, shows it, and says
//! what to write instead. Nothing here opens a file or asks a metrics source.

mod closest;
mod explain;
mod file;
pub mod kayenta;
mod lint;
mod read;
mod scalar;
mod schema;
mod source;
mod write;

pub use crate::file::CheckFile;
pub use crate::lint::{Mended, Places, lint_margins, mend};
pub use crate::read::{WrittenAnalysis, read};
pub use crate::schema::json_schema;
pub use crate::source::{StoreKey, checked_url, store_keys};
pub use crate::write::{WriteError, write};
