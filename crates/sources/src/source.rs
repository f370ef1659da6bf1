//! The contract between serin and a store of metrics: `docs/spec/source.md` in types.
//!
//! A source says what to ask and reads what comes back. It never touches the network: requests are
//! sent, limited, timed and made again by whoever holds it. So an adapter is one file of pure
//! functions, and every store gets the same patience, the same limits and the same errors.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use serin_model::{CounterForm, LabelSelector, Point, Query, Step, Timestamp, Window};

use crate::native_histogram::NativeHistogram;
use crate::selection::Remainder;

/// A kind of store.
pub trait Source: Debug + Sync {
    /// Returns its name, as a Check file writes it under `source`.
    fn name(&self) -> &'static str;

    /// Says in a sentence which stores it speaks to.
    fn about(&self) -> &'static str;

    /// Returns how it is asked.
    fn transport(&self) -> Transport {
        Transport::Http
    }

    /// Says what to ask the store, in as many requests as its limits take.
    ///
    /// # Errors
    ///
    /// [`QueryError`] when the query cannot be asked, whatever the store would answer.
    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError>;

    /// Returns a request that any store of this kind answers at once, to tell a store in trouble from a
    /// query that is too much for it.
    fn probe(&self) -> Request;

    /// Returns a request whose answer has a series if the store watched anything at all before a
    /// moment, where there is such a request. With it a counter that shows up later is known to be
    /// new.
    fn watched_before(&self, moment: Timestamp) -> Option<Request>;

    /// Returns a request whose answer is one series with how many series the query selects in its
    /// window, or no series if there is none; nothing where a store cannot be asked that.
    ///
    /// # Errors
    ///
    /// [`QueryError`] as for [`Self::plan`].
    fn count_of_series(&self, _asked: &Asked<'_>) -> Result<Option<Request>, QueryError> {
        Ok(None)
    }

    /// Returns a request whose answer has the series that the query selects in its window, with the
    /// last value of each and with all their labels; nothing where a store cannot be asked that.
    ///
    /// # Errors
    ///
    /// [`QueryError`] as for [`Self::plan`].
    fn series_seen(&self, _asked: &Asked<'_>) -> Result<Option<Request>, QueryError> {
        Ok(None)
    }

    /// Reads a whole answer with a status of success.
    ///
    /// Nothing found is an answer without series, never an error.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] when the body is not what the protocol says, or says that the store failed.
    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError>;

    /// Returns whether its queries are PromQL, so that mistakes in them can be seen before they are asked.
    fn speaks_promql(&self) -> bool {
        false
    }

    /// Returns what to ask for the rest of an answer that [`Self::read`] took, if the store gives it in
    /// parts.
    fn rest(&self, _request: &Request, _body: &[u8]) -> Option<Request> {
        None
    }

    /// Returns the store's own words in the body of a failure, where there are any.
    fn words(&self, body: &[u8]) -> Option<String>;

    /// Returns whether a failure says no more than that the store has nothing of the kind, which is an
    /// answer without series. Most stores answer so.
    ///
    /// * `status`: that of the answer, which is none of success.
    /// * `body`: its first 64 KiB.
    fn is_absence(&self, request: &Request, status: u16, body: &[u8]) -> bool {
        let _ = (request, status, body);
        false
    }

    /// Says what to do about a failure, where a store of this kind wants something of its own: whom it
    /// lets in, where a query can be tried. Completes "hint: ".
    ///
    /// * `status`: that of the answer; 200 where the body alone says that it failed.
    /// * `words`: what [`Self::words`] made of it.
    fn hint(&self, status: u16, words: &str) -> Option<&'static str> {
        let _ = (status, words);
        None
    }

    /// Returns the path under which a server of this kind has its API, with a slash before it. It
    /// stands between the address and the path of a request, unless the address ends with it.
    fn prefix(&self) -> &'static str {
        ""
    }

    /// Returns parameters of every request, by name, unless the Check file gives them another value.
    fn usual_parameters(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Returns whether the parameters of a long request may go by POST, as a form.
    fn takes_forms(&self) -> bool {
        true
    }

    /// Returns whether the body of a failure says that the store was asked too often, where its status
    /// does not.
    fn is_throttled(&self, _body: &[u8]) -> bool {
        false
    }

    /// Returns the service of AWS that requests are signed for (SigV4), if they are.
    fn signed_for(&self) -> Option<&'static str> {
        None
    }
}

/// How a store is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// Over HTTP.
    Http,
    /// By PostgreSQL's protocol: the body is a statement, and the parameters are bound in their order,
    /// each under the name of its type, `text` or `float8`. [`Source::read`] is given the rows as a
    /// list in JSON: each a list of its columns, of which the last is an object.
    Postgres,
}

/// One query of one check, for one arm.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The query as written.
    pub query: &'a Query,
    /// What the answer is taken for.
    pub quantity: Quantity,
    /// The labels of the arm.
    pub arm: &'a LabelSelector,
    /// The stretch of time that is judged on this arm.
    pub window: Window,
    /// The length of a bin.
    pub step: Step,
    /// The labels of which every combination of values is a canary of its own; none of them tells the
    /// arms apart. Where there are any, a store that can adds up what lies below them, so that a fleet
    /// is asked for with a query and not host by host.
    pub for_each: &'a [String],
    /// The label that tells replicas apart, which is then kept.
    pub replica: Option<&'a str>,
    /// How long one request may take; a store that is told need not go on for longer.
    pub timeout: Duration,
}

/// What the answer to a query is taken for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quantity {
    /// How often something happened.
    Counter,
    /// How often something happened at or below each edge of a histogram.
    Buckets,
    /// A level at a moment.
    Level,
}

/// Everything to ask for one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The requests; their answers are joined series by series.
    pub requests: Vec<Request>,
    /// What the values of counters are; unstated where only their course can tell.
    pub counters: CounterForm,
    /// Whether the values are per second, which goes with no counts.
    pub per_second: bool,
    /// What a reader must know of an answer to such a query.
    pub notices: Vec<Notice>,
    /// Whether the query was read as a selector of PromQL: serin holds the series of the answer against
    /// it.
    pub is_selector: bool,
    /// Whether requests for increments begin two steps early: what comes first of a member of a fleet is
    /// no increment, since nobody knows what was before, and is left out.
    pub begins_early: bool,
    /// What of the query the requests do not say, because the store cannot tell it apart: serin
    /// leaves out the series of the answer that it does not hold for.
    pub remainder: Remainder,
}

/// How many steps are left out where the store begins to know of a member of a fleet: its targets are
/// scraped one after the other, and the next step may be the first one of some.
pub(crate) const LEFT_OUT_STEPS: u32 = 2;

/// One request, without whatever all requests to a store have in common.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Request {
    /// The path below the store's address, with a slash before it.
    pub path: String,
    /// The parameters, by name, not yet encoded; without a body, the first is the query.
    pub parameters: Vec<(&'static str, String)>,
    /// Which points the answer holds.
    pub points: Points,
    /// What is sent beside the parameters, where the protocol wants a document: by POST, then.
    pub body: Option<Body>,
}

/// A document that is sent.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Body {
    /// The document.
    pub text: String,
    /// What is said about it: its `Content-Type`, and whatever the protocol wants beside it.
    pub headers: &'static [(&'static str, &'static str)],
    /// The query that it asks for, for people to read.
    pub query: String,
}

impl Request {
    /// Returns the query that it asks for, for people to read: that of the document, or the first
    /// parameter as it is sent. Empty where it asks for neither.
    #[must_use]
    pub fn query(&self) -> &str {
        match &self.body {
            Some(body) => &body.query,
            None => self.parameters.first().map_or("", |(_, query)| query),
        }
    }
}

/// Which points an answer holds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Points {
    /// Every sample from the first moment on and before the second, as the store has them.
    Samples(Timestamp, Timestamp),
    /// The last sample of each series before a moment, from which running totals count on.
    LastBefore(Timestamp),
    /// A value computed for each step that begins from the first moment on and before the second.
    Steps(Timestamp, Timestamp, u32),
}

/// What a store answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The series, each named once.
    pub series: Vec<StoreSeries>,
    /// What the store has to say about them.
    pub notices: Vec<Notice>,
}

impl Answer {
    /// Adds a further part of the same answer: series by series, where a name was met before.
    pub fn add(&mut self, part: Self) {
        for series in part.series {
            let is_same = |known: &&mut StoreSeries| {
                known.metric == series.metric && known.labels == series.labels
            };
            match self.series.iter_mut().find(is_same) {
                Some(known) => {
                    known.samples.extend(series.samples);
                    known.histograms.extend(series.histograms);
                }
                None => self.series.push(series),
            }
        }
        self.notices.extend(part.notices);
    }
}

/// One series of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreSeries {
    /// The metric's name, where the store gives one.
    pub metric: Option<String>,
    /// The labels, by name; none of them empty.
    pub labels: BTreeMap<String, String>,
    /// The points in ascending time; NaN is a gap.
    pub samples: Vec<Point<f64>>,
    /// Whole histograms, where the store keeps them so, in ascending time.
    pub histograms: Vec<Point<NativeHistogram>>,
}

/// Something that a reader of the verdict must know.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Notice {
    /// What the store has to say, in its own words.
    Said(String),
    /// A part of the data is missing from the answer, as the store itself says.
    Partial(String),
    /// The query computes what is an estimate and no count. Holds the name of the function.
    Approximate(String),
    /// The query computes what is an estimate and no count, for a reason of its own: a sentence without
    /// its stop.
    Estimated(String),
    /// The query looks back further than a step. Holds how far, in seconds, and the step.
    Overlapping(u64, u32),
}

/// A query that cannot be asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the query `{query}` cannot be asked: {reason}\n\nhint: {hint}")]
pub struct QueryError {
    /// The query as written, cut and cleaned.
    pub query: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub hint: String,
}

/// An answer that is not one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The store says that it failed, though the status says otherwise.
    #[error("said that it failed: {words}")]
    Failed {
        /// Its words.
        words: String,
    },
    /// The answer ends too early.
    #[error("broke off in the middle of its answer")]
    Truncated,
    /// The answer is something else.
    #[error("answered with something else than {expected}: {found}")]
    Malformed {
        /// What should have come.
        expected: &'static str,
        /// What came instead, in short.
        found: String,
    },
}
