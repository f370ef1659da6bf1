//! Kayenta's judge, pairs a second on one core.
fn main() {}
