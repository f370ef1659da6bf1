//! A verdict as a picture, to be put into a chat.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serin_ledger::{Event, EventId, Fact};
use serin_model::{JudgedMetric, Verdict};

use super::frame::{Instead, Looks};
use super::verdict::{factor, worst_first};
use super::words::{moment, outcome, scope};
use crate::api::{analyses, verdicts};
use crate::app::App;
use crate::caller::Read;
use crate::problem::Problem;
use crate::request::Named;

#[derive(Template)]
#[template(path = "picture.svg")]
struct Picture {
    color: &'static str,
    symbol: char,
    word: &'static str,
    scope: String,
    reason: String,
    lines: Vec<Line>,
    rows: Vec<Row>,
    /// Where the rows end.
    bottom: u32,
    footer: String,
}

struct Line {
    y: u32,
    text: String,
}

/// A metric.
struct Row {
    y: u32,
    color: &'static str,
    name: String,
    outcome: String,
    effect: String,
    bar: Option<Bar>,
}

/// An effect with its interval, along a scale of ratios.
struct Bar {
    y: u32,
    low: u32,
    estimate: u32,
    high: u32,
}

/// Where no difference is drawn.
const MIDDLE: u32 = 980;
/// From there to twice as much, and to half.
const DOUBLE: f64 = 110.0;
/// Effects beyond are drawn at the end of the scale: 1.5 is almost three times as much.
const FARTHEST: f64 = 1.5;

const MOST_LINES: usize = 3;
const LINE_CHARACTERS: usize = 72;
const NAME_CHARACTERS: usize = 22;
const MOST_ROWS: usize = 5;

/// Answers with the picture of a verdict.
pub(super) async fn of_verdict(
    Looks(caller): Looks<Read>,
    State(app): State<Arc<App>>,
    Named(id): Named<EventId>,
) -> Result<Response, Instead> {
    let event = verdicts::event(&app, &caller, id).await?;
    let report = analyses::report_of(&app, &event).await.ok();
    let picture = picture(&event, report.as_ref().map(|report| &report.verdict))
        .ok_or_else(Problem::internal)?;
    let text = picture.render().map_err(|error| {
        tracing::error!(%error, "a picture cannot be made");
        Problem::internal()
    })?;
    let headers =
        [(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, "default-src 'none'")];
    Ok((headers, text).into_response())
}

fn picture(event: &Event, verdict: Option<&Verdict>) -> Option<Picture> {
    let Fact::AnalysisEnded(ended) = event.fact() else { return None };
    let (tone, symbol, word) = outcome(ended.outcome);
    let reason = ended.reason.unwrap_or_default();
    let judge = format!("{} revision {}", ended.judge.name, ended.judge.revision);
    let when = moment(event.header.occurred_at);
    let metrics = verdict.map(worst_first).unwrap_or_default();
    let rows: Vec<Row> =
        (0..).zip(metrics.iter().take(MOST_ROWS)).map(|(place, it)| Row::of(it, place)).collect();
    let more = metrics.len() - rows.len();
    let more = if more > 0 { format!("{more} more metrics · ") } else { String::new() };
    Some(Picture {
        color: color(tone),
        symbol,
        word,
        scope: shortened(&scope(&event.header.scope), LINE_CHARACTERS - 10),
        lines: (0..)
            .zip(wrapped(&reason))
            .map(|(line, text)| Line { y: 206 + 38 * line, text })
            .collect(),
        reason,
        bottom: 310 + 48 * u32::try_from(rows.len()).unwrap_or(0),
        rows,
        footer: format!("{more}{when} UTC · {judge} · serin {}", env!("CARGO_PKG_VERSION")),
    })
}

impl Row {
    fn of(metric: &JudgedMetric, place: u32) -> Self {
        let y = 344 + 48 * place;
        let evidence = metric.evidence.as_ref();
        let effect = evidence.and_then(|it| it.effect);
        let tone = evidence.map_or("", |it| super::verdict::tone(it.standing));
        Self {
            y,
            color: color(tone),
            name: shortened(&metric.title(), NAME_CHARACTERS),
            outcome: evidence.map_or("–", |it| it.standing.as_str()).to_owned(),
            effect: effect.map(|it| factor(it.estimate)).unwrap_or_default(),
            bar: effect.map(|it| Bar {
                y: y - 9,
                low: placed(it.lower),
                estimate: placed(it.estimate),
                high: placed(it.upper),
            }),
        }
    }
}

/// Returns where a ratio lies on the scale.
fn placed(ratio: f64) -> u32 {
    let doublings = libm::log2(ratio.max(0.0)).clamp(-FARTHEST, FARTHEST);
    (f64::from(MIDDLE) + DOUBLE * doublings).round() as u32
}

/// On white, each with a contrast of 4.5 at least.
fn color(tone: &str) -> &'static str {
    match tone {
        "good" => "#1a6b3c",
        "bad" => "#b3261e",
        "unclear" => "#7a5a00",
        _ => "#3d3d3a",
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// Breaks a text into lines; what has no place in them is left out, and a sign says so.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = shortened(word, LINE_CHARACTERS);
        let line = lines.last_mut().expect("there is always one");
        let is_full = line.chars().count() + 1 + word.chars().count() > LINE_CHARACTERS;
        match is_full && !line.is_empty() {
            true => lines.push(word),
            false if line.is_empty() => *line = word,
            false => *line = format!("{line} {word}"),
        }
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_and_cut() {
        assert_eq!(wrapped(""), [""]);
        assert_eq!(wrapped("errors is harmed"), ["errors is harmed"]);
        let long = wrapped(&"word ".repeat(100));
        assert_eq!(long.len(), MOST_LINES);
        assert!(long.iter().all(|line| line.chars().count() <= LINE_CHARACTERS + 2), "{long:?}");
        assert!(long[2].ends_with(" …"));
        let endless = wrapped(&"ü".repeat(500));
        assert_eq!(endless[0].chars().count(), LINE_CHARACTERS + 1);
    }

    #[test]
    fn every_ratio_has_a_place_on_the_scale() {
        let places = [0.0, 0.5, 1.0, 2.0, 1e9, f64::INFINITY, -1.0].map(placed);
        assert_eq!(places, [815, 870, 980, 1090, 1145, 1145, 815]);
    }
}
