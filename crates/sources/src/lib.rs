//! Where the points of an analysis come from.
//!
//! A source fetches and nothing else: it does not bin, clean or judge. A query that matches nothing
//! is a series without points; a file that cannot be read is an error; the two are never confused.
//!
//! Recordings in files are read by [`read_recording`]. Stores are asked over a network: an [`Inquiry`]
//! says what to ask and puts the answers together, and an adapter to each kind of store, a
//! [`Source`], knows its words. Nothing here touches the network.

mod assemble;
mod cloudwatch;
mod collect;
mod columns;
mod datadog;
mod datadog_v1;
mod digest;
mod doubts;
mod fleet;
mod graphite;
mod histogram;
mod increments;
mod influxdb;
mod inquiry;
mod join;
mod json_lines;
mod lint;
mod native_histogram;
mod opentsdb;
mod parquet;
mod pools;
mod postgres;
mod prometheus;
mod promql;
mod recording;
mod registry;
mod relatives;
mod rows;
mod selection;
mod selector;
mod source;
mod template;
mod time_asked;
mod wire;

pub use crate::digest::{Digest, DigestReader};
pub use crate::fleet::{MemberSeries, RecordedFleet, RecordedMember};
pub use crate::inquiry::{Gathered, GatheredFleet, Inquiry};
pub use crate::lint::{Cost, Survey, Surveyed, lint_queries};
pub use crate::native_histogram::{NativeBucket, NativeHistogram};
pub use crate::parquet::{PARQUET_MAGIC, ParquetFleet, read_parquet};
pub use crate::postgres::MOST_ROWS;
pub use crate::recording::{MOST_BYTES, Recording, read_recorded_fleet, read_recording};
pub use crate::registry::{SOURCES, source_named};
pub use crate::rows::unpacked;
pub use crate::selection::Remainder;
pub use crate::selector::SelectorError;
pub use crate::source::{
    Answer, AnswerError, Asked, Body, Notice, Plan, Points, Quantity, QueryError, Request, Source,
    StoreSeries, Transport,
};

/// A source that could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The recording cannot be used.
    #[error(transparent)]
    File(#[from] serin_model::FileError),
    /// A check asks in a language that the source does not speak.
    #[error("check `{check}`: {error}")]
    Selector {
        /// The check's name.
        check: String,
        /// What is wrong with its query.
        error: SelectorError,
    },
    /// A check asks what a store cannot be asked.
    #[error("check `{check}`: {error}")]
    Query {
        /// The check's name.
        check: String,
        /// What is wrong with its query.
        error: QueryError,
    },
    /// There is no such kind of store.
    #[error("`{kind}` is no kind of source\n\nhint: `serin sources` lists them")]
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
}
