//! Datadog, by the second version of its API.
//!
//! Time series are asked for by `POST /api/v2/query/timeseries`, which takes the step as the interval
//! of its points. [`datadog_v1`](datadog_v1.md) asks `GET /api/v1/query`, for organisations and
//! proxies that have no other.
//!
//! ```yaml
//! source:
//!   datadog:
//!     url: https://api.datadoghq.eu
//!     headers:
//!       DD-API-KEY: {env: DD_API_KEY}
//!       DD-APPLICATION-KEY: {env: DD_APP_KEY}
//! arms:
//!   control: {track: stable}
//!   canary: {track: canary}
//! checks:
//!   errors:
//!     ratio:
//!       bad: "sum:http.requests{status:5xx,$arm}.as_count()"
//!       total: "sum:http.requests{$arm}.as_count()"
//!   latency: {quantile: "p95:http.request.duration{$arm}"}
//! ```
//!
//! The address is that of the site: `api.datadoghq.com`, `api.datadoghq.eu`,
//! `api.us5.datadoghq.com` and so on. Both keys are secrets, and are read from the environment or
//! from files. The application key needs the scope `timeseries_query`.
//!
//! A query is Datadog's own. `$arm` stands in every scope, between the braces, for the tags of the
//! arm; `$step` and `$window` are lengths in seconds, as `.rollup(avg, $step)` takes them. Datadog
//! writes tags in small letters, so that the arms are written so too. Several metrics may be
//! computed with: `sum:a{$arm}.as_count() - sum:b{$arm}.as_count()`.
//!
//! * Counters are `sum:…{$arm}.as_count()`: the whole count of each interval, summed over hosts. A
//!   query without `.as_count()`, or by another aggregator, is refused, because its values are means
//!   or rates by the type of the metric. `.as_rate()` is taken where both parts of a ratio are rates,
//!   with a warning.
//! * Datadog hands out no buckets: a histogram cannot be asked for. The percentiles of a distribution
//!   are levels: `p95:`, `p99:`.
//! * Without `by {…}` an arm is one series. With `replica: host` in the Check file, write `by {host}`.
//! * Datadog chooses the interval of its points, at most 1,500 of them. serin asks for the step, and
//!   for so many at a time. An interval other than the step is a warning.
//! * A null among the points is a gap.
//!
//! When Datadog says that it was asked too often (429), serin waits for as long as
//! `X-RateLimit-Reset` says, a minute at most.
//!
//! No Datadog runs outside of its maker's own machines: this adapter is held against the API's
//! documentation and the models of its official client, and not against a live organisation.
//!
//! Sources: <https://docs.datadoghq.com/api/latest/metrics/>,
//! <https://docs.datadoghq.com/api/latest/rate-limits/>.

pub(crate) mod answer;
pub(crate) mod query;
#[cfg(test)]
mod tests;

use serde_json::json;
use serin_model::{CounterForm, Timestamp};

use self::query::{Prepared, prepare};
use crate::selection::raw;
use crate::source::{
    Answer, AnswerError, Asked, Body, Notice, Plan, Points, QueryError, Request, Source,
};
use crate::time_asked::step_chunks;

/// Datadog, by the second version of its API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datadog;

impl Source for Datadog {
    fn name(&self) -> &'static str {
        "datadog"
    }

    fn about(&self) -> &'static str {
        "Datadog, by version 2 of its API: `POST /api/v2/query/timeseries`"
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        let prepared = prepare(asked)?;
        let requests = stretches(asked).map(|stretch| timeseries(asked, &prepared, stretch));
        Ok(plan(&prepared, requests.collect()))
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
        answer::timeseries(body, request.points)
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        answer::words(body)
    }

    fn hint(&self, status: u16, _: &str) -> Option<&'static str> {
        hint(status)
    }
}

/// Says what to do about a failure with this status.
pub(crate) fn hint(status: u16) -> Option<&'static str> {
    match status {
        200 | 400 | 422 => Some("mend the query; try it in Datadog's metrics explorer"),
        401 | 403 => Some(
            "give both keys of this site under `headers`, `DD-API-KEY` and `DD-APPLICATION-KEY`, see that \
             they are right, and that the application key has the scope `timeseries_query`",
        ),
        404 => {
            Some("write `url` as the address of the API of your site: `https://api.datadoghq.eu`")
        }
        500..=599 => Some("see Datadog's status page, or try again later"),
        _ => None,
    }
}

/// Makes a plan of requests for what a query counts or measures in each step.
pub(crate) fn plan(prepared: &Prepared, requests: Vec<Request>) -> Plan {
    let per_second = prepared.is_rate;
    let notices =
        if per_second { vec![Notice::Approximate("as_rate".to_owned())] } else { Vec::new() };
    Plan { counters: CounterForm::Increments, per_second, notices, ..raw(requests) }
}

/// Cuts the window, in whole steps, into as many stretches as Datadog's limit of points takes.
pub(crate) fn stretches(asked: &Asked<'_>) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    step_chunks(asked, MOST_POINTS)
}

/// Datadog makes the interval longer where there would be more.
const MOST_POINTS: i64 = 1500;

fn timeseries(
    asked: &Asked<'_>,
    prepared: &Prepared,
    (from, to): (Timestamp, Timestamp),
) -> Request {
    let step = asked.step.seconds();
    let name = |index: usize| format!("query{index}");
    let query = |(index, query): (usize, &String)| json!({"data_source": "metrics", "query": query, "name": name(index)});
    let queries: Vec<_> = prepared.metrics().enumerate().map(query).collect();
    let document = json!({"data": {"type": "timeseries_request", "attributes": {
        "from": from.as_millis(),
        "to": to.as_millis(),
        "interval": i64::from(step) * 1000,
        "queries": queries,
        "formulas": [{"formula": prepared.formula(name)}],
    }}});
    Request {
        path: "/api/v2/query/timeseries".to_owned(),
        parameters: Vec::new(),
        points: Points::Steps(from, to, step),
        body: Some(Body {
            text: document.to_string(),
            headers: &[("Content-Type", "application/json")],
            query: prepared.text(),
        }),
    }
}

/// Asks whether the key is one.
pub(crate) fn validation() -> Request {
    Request {
        path: VALIDATE.to_owned(),
        parameters: Vec::new(),
        points: Points::LastBefore(Timestamp::from_millis(0)),
        body: None,
    }
}

pub(crate) const VALIDATE: &str = "/api/v1/validate";
