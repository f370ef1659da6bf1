//! Kayenta
