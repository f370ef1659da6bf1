//! Where metrics come from.

/// Where the metrics are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// A recording.
    File {
        /// Its path as written; `-` is standard input.
        path: String,
        /// How its counters were recorded.
        counters: CounterForm,
    },
}

/// How counters were recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CounterForm {
    /// Nobody said. Read as increments, and refused where they look like running totals.
    #[default]
    Unstated,
    /// Each value is the count since the one before.
    Increments,
    /// Each value is a running total.
    Cumulative,
}
