//! Simulated canaries whose truth is known, and how the judges judge them.
//!
//! It is a tool for those who work on serin: never shipped, and nothing of the product needs it. It
//! makes `docs/calibration.md`.
//!
//! A [`canary::Canary`] says what is simulated, of [`metric::Metric`]s with [`noise`]; it draws what a
//! source would answer. A [`trial`] is one of them, judged; a [`cell`] counts many; [`tables`] vary
//! one factor at a time. A [`case`] is a real canary, into which a known effect is put.

pub mod canary;
pub mod case;
pub mod cell;
pub mod document;
pub mod draw;
pub mod metric;
pub mod noise;
pub mod quick;
pub mod run;
pub mod table;
pub mod tables;
pub mod trial;
