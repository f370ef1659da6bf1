//! The tables, one file each.

pub mod beside_kayenta;
pub mod false_rollback;
pub mod passing;
pub mod power;
pub mod semi_synthetic;
