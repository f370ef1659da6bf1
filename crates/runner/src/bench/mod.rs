//! Labelled cases, judged in a stream and counted.

mod case;
mod line;
mod pair;
mod stream;
mod tally;

pub use stream::{bench, bench_text, read_cases};

pub use tally::Tally;
