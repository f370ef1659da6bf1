//! Datadog, by the first version of its API.
//!
//! ```yaml
//! source:
//!   datadog_v1:
//!     url: https://api.datadoghq.eu
//!     headers:
//!       DD-API-KEY: {env: DD_API_KEY}
//!       DD-APPLICATION-KEY: {env: DD_APP_KEY}
//! ```
//!
//! Asks `GET /api/v1/query`, for organisations and proxies that have no other; queries, keys, limits
//! and warnings are [those of `datadog`](datadog.md).
//!
//! * This version takes no interval: serin writes `.rollup(sum, $step)` behind each `.as_count()` that
//!   has no roll-up of its own.
//! * The application key needs the scope `timeseries_query`.
//!
//! It is held against the API's documentation, and not against a live organisation.
//!
//! Source: <https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points>.

use serin_model::Timestamp;

use crate::datadog::query::prepare;
use crate::datadog::{VALIDATE, answer, hint, plan, stretches, validation};
use crate::source::{Answer, AnswerError, Asked, Plan, Points, QueryError, Request, Source};

/// Datadog, by the first version of its API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DatadogV1;

impl Source for DatadogV1 {
    fn name(&self) -> &'static str {
        "datadog_v1"
    }

    fn about(&self) -> &'static str {
        "Datadog, by version 1 of its API: `GET /api/v1/query`"
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        let prepared = prepare(asked)?;
        let text = prepared.with_rollup(asked.step);
        let request = |(from, to): (Timestamp, Timestamp)| Request {
            path: "/api/v1/query".to_owned(),
            parameters: vec![("query", text.clone()), ("from", seconds(from)), ("to", seconds(to))],
            points: Points::Steps(from, to, asked.step.seconds()),
            body: None,
        };
        Ok(plan(&prepared, stretches(asked).map(request).collect()))
    }

    fn probe(&self) -> Request {
        validation()
    }

    fn watched_before(&self, _: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, request: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        if request.path == VALIDATE {
            return answer::validated(body);
        }
        answer::query(body, request.points)
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        answer::words(body)
    }

    fn hint(&self, status: u16, _: &str) -> Option<&'static str> {
        hint(status)
    }
}

fn seconds(time: Timestamp) -> String {
    time.as_millis().div_euclid(1000).to_string()
}
