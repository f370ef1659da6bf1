//! How a request becomes an event, once, however often it is sent.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serin_ledger::{Key, Parcel, Refusal, Submission, WriteError};
use serin_model::Timestamp;
use utoipa::ToSchema;

use crate::app::App;
use crate::books::AppendError;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::secret::random_digits;

/// What the ledger says of what was handed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// The event.
    event: String,
    /// Its place in the ledger.
    position: u64,
    /// What the event is about.
    subject: String,
    /// Whether it was there before: the same was handed in earlier.
    was_known: bool,
    /// The change that it takes back or mends, where one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
}

impl Receipt {
    /// Returns the id of the event.
    pub(crate) fn event(&self) -> &str {
        &self.event
    }

    /// Says which change it takes back or mends.
    pub(crate) fn of(self, of: Option<String>) -> Self {
        Self { of, ..self }
    }

    /// Returns what the event is about.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }
}

impl IntoResponse for Receipt {
    /// Created, or, where it was there before, not created again.
    fn into_response(self) -> Response {
        let status = if self.was_known { StatusCode::OK } else { StatusCode::CREATED };
        let location = format!("/api/v1/events/{}", self.event);
        (status, [(LOCATION, location)], axum::Json(self)).into_response()
    }
}

/// Something that was handed in, which is to become an event.
#[derive(Debug)]
pub(crate) struct HandIn<'a> {
    pub(crate) app: &'a Arc<App>,
    pub(crate) caller: &'a Caller,
    /// What its source calls it, or nothing.
    pub(crate) source_id: Option<String>,
    /// When it was true, or nothing: at this moment.
    pub(crate) occurred_at: Option<Timestamp>,
}

impl HandIn<'_> {
    /// Appends the event.
    ///
    /// * `make`: makes it of its key and its moment.
    ///
    /// A request that is repeated without a moment of its own is the event of the first moment.
    ///
    /// # Errors
    ///
    /// Why it is not in the ledger.
    pub(crate) async fn append(
        &self,
        make: impl Fn(Key, Timestamp) -> Result<Submission, Problem>,
    ) -> Result<Receipt, Problem> {
        match self.try_append(&make).await {
            // Two came with one key at once: the other was first, and its moment counts.
            Err(AppendProblem::Conflict(_)) if self.may_be_repeated() => {
                self.try_append(&make).await.map_err(Into::into)
            }
            result => result.map_err(Into::into),
        }
    }

    fn may_be_repeated(&self) -> bool {
        self.source_id.is_some() && self.occurred_at.is_none()
    }

    async fn try_append(
        &self,
        make: &impl Fn(Key, Timestamp) -> Result<Submission, Problem>,
    ) -> Result<Receipt, AppendProblem> {
        let source_id = match &self.source_id {
            Some(source_id) => source_id.clone(),
            None => random_digits(32).map_err(|_| Problem::internal())?,
        };
        let key = Key::new(self.caller.source.clone(), source_id);
        // Where time passes otherwise for analyses, it does for what is told of them.
        let now = self.app.live.now();
        let occurred_at = match self.occurred_at {
            Some(occurred_at) => occurred_at,
            None if self.source_id.is_some() => self.first_moment(&key).await?.unwrap_or(now),
            None => now,
        };
        append(self.app, make(key, occurred_at)?, now).await
    }

    async fn first_moment(&self, key: &Key) -> Result<Option<Timestamp>, Problem> {
        let key = key.clone();
        let event = self.app.books.read(move |ledger| ledger.event_of_key(&key)).await?;
        Ok(event.map(|event| event.header.occurred_at))
    }
}

/// Appends an event without evidence.
///
/// # Errors
///
/// Why it is not in the ledger.
pub(crate) async fn append(
    app: &Arc<App>,
    event: Submission,
    now: Timestamp,
) -> Result<Receipt, AppendProblem> {
    let subject = event.header().subject.clone();
    let parcel = Parcel::new(now, Vec::new(), vec![event]).map_err(Problem::from)?;
    let receipts = app.books.append(parcel).await?;
    let receipt = receipts.first().ok_or_else(Problem::internal)?;
    if !receipt.was_known {
        app.metrics.appended(1);
    }
    let (event, position) = (receipt.id.to_string(), receipt.position);
    Ok(Receipt { event, position, subject, was_known: receipt.was_known, of: None })
}

/// Why nothing was appended.
pub(crate) enum AppendProblem {
    Conflict(Problem),
    Other(Problem),
}

impl From<Problem> for AppendProblem {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl From<AppendError> for AppendProblem {
    fn from(error: AppendError) -> Self {
        let is_conflict =
            matches!(error, AppendError::Write(WriteError::Refused(Refusal::Conflict { .. })));
        let problem = Problem::from(error);
        if is_conflict { Self::Conflict(problem) } else { Self::Other(problem) }
    }
}

impl From<AppendProblem> for Problem {
    fn from(problem: AppendProblem) -> Self {
        match problem {
            AppendProblem::Conflict(problem) | AppendProblem::Other(problem) => problem,
        }
    }
}
