//! Mistakes in what a Check file tolerates and waits for, where its keys stand, and how queries in it
//! are written anew.

mod margins;
mod mend;
mod places;

pub use margins::lint_margins;
pub use mend::{Mended, mend};
pub use places::Places;
