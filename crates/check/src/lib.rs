//! The written forms of an analysis: Check files, and Kayenta's configs and requests.
//!
//! Text goes in, words of `serin-model` come out, or an error that names the line, shows it, and says
//! what to write instead. Nothing here opens a file or asks a metrics source.

mod arms_found;
mod closest;
mod draft;
mod explain;
mod file;
pub mod kayenta;
mod layers;
mod lint;
mod merge;
mod origins;
mod packs;
mod read;
mod scalar;
mod schema;
mod source;
mod write;
mod write_changes;

pub use crate::arms_found::{ArmsFound, Labels, arm_suffixes, find_arms, find_replica, listed};
pub use crate::draft::Draft;
pub use crate::file::{CheckFile, Signal};
pub use crate::layers::{LayerKeys, Layers};
pub use crate::lint::{Mended, Places, lint_margins, mend};
pub use crate::packs::{PACKS, Pack, PackCheck, closest_pack, pack_named};
pub use crate::read::{WrittenAnalysis, read};
pub use crate::schema::json_schema;
pub use crate::source::{StoreKey, checked_url, store_keys};
pub use crate::write::{WriteError, write};
pub use crate::write_changes::write_changes;
