//! Asking a store: the only place that knows the network, and the only one that is patient.
//!
//! An adapter says what to ask and reads what comes back (`serin-sources`). Here requests are sent,
//! a bounded number at a time, each with a time-out, made again where a failure may pass, and given
//! up when the deadline has come.

mod client;
mod database;
mod failure;
mod limits;
mod schedule;
mod secret;
mod signature;

pub(crate) use client::StoreClient;
pub(crate) use failure::FetchFailure;
pub(crate) use schedule::{Fetched, fetch_all};
