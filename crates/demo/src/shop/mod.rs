//! The shop: what runs in it, which canaries it gets, and what a scrape of it finds.
//!
//! Everything here is a pure function of a [`Shop`] and the time. Nothing knows what a judge makes of it.

mod canaries;
mod noise;
mod scrape;
mod services;

use serin_model::Timestamp;

pub use canaries::{Canary, Kind, LIFETIME, MOST_CANARIES};
pub use services::{SERVICES, Service, service_named};

/// A shop, from before the demo until after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shop {
    /// What tells it from other shops.
    pub seed: u64,
    /// When the demo begins: canaries before it are its past.
    pub opening: Timestamp,
}
