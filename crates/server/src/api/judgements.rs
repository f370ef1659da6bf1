//! Judging Checks that are sent, by a recording that comes with them or by their store. Nothing is stored.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use serin_model::CounterForm;
use serin_runner::live::commission::NamedText;
use serin_runner::{JudgeKind, Overrides, RunError, Sent, TimeAsked, judge_sent, service_of};
use utoipa::ToSchema;

use crate::api::analyses::length;
use crate::app::App;
use crate::caller::{May, Submit};
use crate::moment::Moment;
use crate::problem::{Kind, Problem};
use crate::request::LargeJson;

/// Checks, and what to judge by them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewJudgement {
    /// The Check file and those that it extends, the nearest first.
    #[schema(min_items = 1, max_items = 16)]
    checks: Vec<Text>,
    /// The recording: CSV, JSON lines, or what Kayenta stored. Without it the Check's store is asked.
    recording: Option<Text>,
    /// The address of the store to ask instead of the one that the Check names.
    url: Option<String>,
    /// How the recording's counters were recorded; as the Check says, unless said.
    counters: Option<Counters>,
    /// The first moment to judge.
    start: Option<Moment>,
    /// The first moment after it; now, if a store is asked and nothing else is said.
    end: Option<Moment>,
    /// How much to judge up to the end, such as `30m`.
    #[serde(default, deserialize_with = "length")]
    #[schema(value_type = Option<String>, example = "30m")]
    last: Option<Duration>,
    /// Who judges; the sequential judge unless said.
    #[serde(default)]
    judge: Judge,
}

/// A text, and what errors and the report call it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// The name.
    #[schema(example = "serin.yaml", min_length = 1, max_length = 512)]
    name: String,
    /// The text.
    text: String,
}

/// How counters were recorded.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Counters {
    /// Each value is the count since the one before.
    Increments,
    /// Each value is the count since the start.
    Cumulative,
}

/// Who judges.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Judge {
    /// The sequential judge.
    #[default]
    Sequential,
    /// Kayenta's.
    Kayenta,
}

impl Judge {
    pub(crate) fn kind(self) -> JudgeKind {
        match self {
            Self::Sequential => JudgeKind::Sequential,
            Self::Kayenta => JudgeKind::Kayenta,
        }
    }
}

/// Check files of one question.
const MOST_CHECKS: usize = 16;

/// Judge time that has passed
///
/// With a recording nothing but the body is read; without one the store is asked that the Check names, as far as
/// those who run the server allow. Nothing is stored. The answer is the report that `serin judge --format json`
/// prints.
#[utoipa::path(
    post, path = "/api/v1/judgements", tag = "judgements", security(("token" = ["submit"])),
    request_body = NewJudgement,
    responses((status = 200, body = serde_json::Value, description = "The report"))
)]
pub(crate) async fn judge(
    caller: May<Submit>,
    State(app): State<Arc<App>>,
    LargeJson(asked): LargeJson<NewJudgement>,
) -> Result<axum::Json<serin_report::Report>, Problem> {
    let time = TimeAsked {
        start: asked.start.map(|moment| moment.0),
        end: asked.end.map(|moment| moment.0),
        last: asked.last,
    };
    let counters = asked.counters.map(Counters::form);
    let (checks, judge) = (named(asked.checks)?, asked.judge.kind());
    let service = service_of(&checks).map_err(|error| unjudged(&error.into()))?;
    caller.of_service(&service)?;
    let report = match asked.recording {
        Some(Text { name, text }) => {
            let recording = NamedText { name, text };
            let sent = Sent { checks, recording, counters, time, judge };
            apart(&app, move || judge_sent(&sent)).await?
        }
        None => {
            let (sources, url) = (app.sources.clone(), asked.url);
            let judge = move || {
                let url = url.as_deref();
                sources.0.judge(&checks, Overrides { data: None, counters, url, time, judge })
            };
            apart(&app, judge).await?
        }
    };
    report.map(axum::Json).map_err(|error| unjudged(&error))
}

impl Counters {
    fn form(self) -> CounterForm {
        match self {
            Self::Increments => CounterForm::Increments,
            Self::Cumulative => CounterForm::Cumulative,
        }
    }
}

/// Reads the Check files of a question: one at least.
///
/// # Errors
///
/// Where there is none, or there are too many.
pub(crate) fn named(checks: Vec<Text>) -> Result<Vec<NamedText>, Problem> {
    if checks.is_empty() || checks.len() > MOST_CHECKS {
        let detail = format!("{} Check files were sent", checks.len());
        return Err(Problem::new(Kind::Invalid, detail)
            .at("/checks")
            .hint("send one, and behind it those that it extends: 16 at most"));
    }
    Ok(checks.into_iter().map(|Text { name, text }| NamedText { name, text }).collect())
}

/// Judges on a thread of its own, once there is a place for it.
///
/// # Errors
///
/// That the server ends, or that the judge failed.
pub(crate) async fn apart<T: Send + 'static>(
    app: &Arc<App>,
    judge: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let place = Arc::clone(&app.judgements).acquire_owned().await;
    let place = place.map_err(|_| Problem::busy())?;
    let judged = tokio::task::spawn_blocking(move || {
        let judged = judge();
        drop(place);
        judged
    });
    judged.await.map_err(|error| {
        tracing::error!(%error, "a judgement panicked");
        Problem::internal()
    })
}

/// Says why what was sent is not judged.
pub(crate) fn unjudged(error: &RunError) -> Problem {
    let text = error.to_string();
    let (detail, hint) = text.split_once("\n\nhint: ").unwrap_or((&text, ""));
    let problem = Problem::new(Kind::Invalid, detail);
    if hint.is_empty() { problem } else { problem.hint(hint) }
}
