//! Labelled cases, judged in a stream and counted.

mod case;
mod line;
mod pair;
mod stream;
mod tally;

pub use stream::bench;

pub use tally::Tally;
