//! Judging labelled cases.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serin_runner::JudgeKind;
use serin_runner::bench::bench_text;
use utoipa::{IntoParams, ToSchema};

use crate::api::judgements::{apart, unjudged};
use crate::app::App;
use crate::caller::{May, Submit};
use crate::problem::Problem;
use crate::request::{Asked, LINES, Lines};

/// How cases are judged.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BenchAsked {
    /// Who judges; the sequential judge unless said.
    #[serde(default)]
    #[param(inline, value_type = Option<Judges>)]
    judge: Judges,
    /// The number of the first line, for errors.
    #[serde(default = "first")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 9007199254740991_u64, default = 1)]
    line: FirstLine,
}

/// The number of a line, from 1 to what every reader of JSON has exactly.
#[derive(Clone, Copy, Debug)]
struct FirstLine(u64);

impl<'de> Deserialize<'de> for FirstLine {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let line = text.parse().ok().filter(|line| (1..1 << 53).contains(line));
        line.map(Self).ok_or_else(|| serde::de::Error::custom("write the number of a line, from 1"))
    }
}

fn first() -> FirstLine {
    FirstLine(1)
}

/// Who judges cases.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Judges {
    /// The sequential judge.
    #[default]
    Sequential,
    /// Kayenta's, which alone judges bare pairs.
    Kayenta,
    /// Both, one after the other.
    Both,
}

/// Judge labelled cases
///
/// A case is a line of JSON, as `serin bench` reads it; the answer has a line for each case and judge. Nothing is
/// stored.
#[utoipa::path(
    post, path = "/api/v1/bench", tag = "judgements", security(("token" = ["submit"])),
    params(BenchAsked),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, content_type = "application/x-ndjson", body = String, description = "What the judge says"))
)]
pub(crate) async fn judge(
    _caller: May<Submit>,
    State(app): State<Arc<App>>,
    Asked(asked): Asked<BenchAsked>,
    Lines(cases): Lines,
) -> Result<Response, Problem> {
    let judges: &[JudgeKind] = match asked.judge {
        Judges::Sequential => &[JudgeKind::Sequential],
        Judges::Kayenta => &[JudgeKind::Kayenta],
        Judges::Both => &[JudgeKind::Sequential, JudgeKind::Kayenta],
    };
    let judged = apart(&app, move || bench_text("the body", &cases, asked.line.0, judges)).await?;
    let judged = judged.map_err(|error| unjudged(&error))?;
    Ok(([(CONTENT_TYPE, LINES)], judged).into_response())
}
