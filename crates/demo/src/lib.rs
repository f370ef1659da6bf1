//! A shop that is simulated, and everything serin says of it.
//!
//! `shop` knows what its services measured at any moment: it follows from a seed and the time, so that nothing is
//! kept. `source` answers queries of it, `clock` lets its time pass quickly, `checks` are the Check files that
//! anybody with a Prometheus could have. `crew` are the people and pipelines of the shop: they deploy, have serin
//! judge, and do something about it. `past` has them live through two days before the doors open, `present` from
//! then on; `demo` puts it together with a server and a ledger.

mod checks;
mod clock;
mod crew;
mod demo;
mod past;
mod present;
pub mod shop;
mod source;

pub use crate::checks::{CheckFile, check_files};
pub use crate::clock::FastClock;
pub use crate::demo::{Demo, DemoError, Wanted};
pub use crate::source::ShopSource;
