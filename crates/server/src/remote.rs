//! The API as its client sees it: `serin --server`.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serin_model::{CounterForm, Timestamp};
use serin_report::Report;
use serin_runner::live::{NamedText, fresh_key};
use serin_runner::watch::{Start, TimingAsked};
use serin_runner::{
    JudgeKind, Remote, RemoteError, RemoteListener, RemoteRequest, TimeAsked, Tries,
};

use crate::moment::Moment;
use crate::request::LINES;

const JSON: &str = "application/json";
/// For what is answered at once.
const SHORTLY: Duration = Duration::from_secs(30);
/// For what is judged first. The server has a limit of its own.
const JUDGING: Duration = Duration::from_secs(900);

/// What a server is to judge.
#[derive(Clone, Debug)]
pub struct JudgementAsked<'a> {
    /// The Check file and those that it extends, the nearest first.
    pub checks: Vec<NamedText>,
    /// The recording; without it the Check's store is asked.
    pub recording: Option<NamedText>,
    /// How its counters were recorded.
    pub counters: Option<CounterForm>,
    /// The address of the store to ask instead.
    pub url: Option<&'a str>,
    /// The stretch of time.
    pub time: TimeAsked,
    /// Who judges.
    pub judge: JudgeKind,
}

/// Has a server judge time that has passed.
///
/// # Errors
///
/// [`RemoteError`] when there is no answer, or it says no.
pub fn judge(
    remote: &Remote,
    asked: &JudgementAsked<'_>,
    listener: &RemoteListener<'_>,
) -> Result<Report, RemoteError> {
    let TimeAsked { start, end, last } = asked.time;
    let body = json!({
        "checks": texts(&asked.checks),
        "recording": asked.recording.as_ref().map(text),
        "counters": asked.counters.and_then(counters_word),
        "url": asked.url,
        "start": start.map(moment),
        "end": end.map(moment),
        "last": last.map(length),
        "judge": judge_word(asked.judge),
    });
    post(remote, "/api/v1/judgements", None, &body, JUDGING, listener)
}

fn counters_word(form: CounterForm) -> Option<&'static str> {
    match form {
        CounterForm::Increments => Some("increments"),
        CounterForm::Cumulative => Some("cumulative"),
        CounterForm::Unstated => None,
    }
}

fn judge_word(judge: JudgeKind) -> &'static str {
    match judge {
        JudgeKind::Sequential => "sequential",
        JudgeKind::Kayenta => "kayenta",
    }
}

fn texts(texts: &[NamedText]) -> Vec<Value> {
    texts.iter().map(text).collect()
}

fn text(NamedText { name, text }: &NamedText) -> Value {
    json!({"name": name, "text": text})
}

fn moment(moment: Timestamp) -> String {
    Moment(moment).to_string()
}

fn length(length: Duration) -> String {
    format!("{}ms", length.as_millis())
}

/// Has a server judge labelled cases, and returns a line for each case and judge.
///
/// * `first_line`: the number of their first line, for errors.
/// * `cases`: whole lines.
///
/// # Errors
///
/// [`RemoteError`] when there is no answer, or it says no.
pub fn bench(
    remote: &Remote,
    judges: &[JudgeKind],
    first_line: u64,
    cases: Vec<u8>,
    listener: &RemoteListener<'_>,
) -> Result<Vec<u8>, RemoteError> {
    let judge = match judges {
        [judge] => judge_word(*judge),
        _ => "both",
    };
    let path = format!("/api/v1/bench?judge={judge}&line={first_line}");
    let body = Some((LINES, cases));
    let request = RemoteRequest { path: &path, key: None, body, timeout: JUDGING };
    remote.ask(&request, Tries::Few, listener)
}

/// An analysis that a server is to follow.
#[derive(Clone, Debug)]
pub struct AnalysisAsked<'a> {
    /// The Check file and those that it extends, the nearest first.
    pub checks: Vec<NamedText>,
    /// The address of the store to ask instead.
    pub url: Option<&'a str>,
    /// When it began, and the lengths.
    pub timing: TimingAsked,
    /// The subject of the change that is looked at.
    pub change: Option<&'a str>,
    /// Whether nobody shall act on the verdict.
    pub shadow: bool,
    /// Whoever asks again under the same key gets the same analysis; without it, each call begins one.
    pub idempotency_key: Option<&'a str>,
}

/// Begins an analysis, and returns its id. It is one, however often an answer is lost.
///
/// # Errors
///
/// [`RemoteError`] when there is no answer, or it says no.
pub fn begin(
    remote: &Remote,
    asked: &AnalysisAsked<'_>,
    listener: &RemoteListener<'_>,
) -> Result<String, RemoteError> {
    let timing = &asked.timing;
    let body = json!({
        "checks": texts(&asked.checks),
        "url": asked.url,
        "change": asked.change,
        "shadow": asked.shadow,
        "start": match timing.start {
            Start::Now => "now".to_owned(),
            Start::WhenSeen => "when_seen".to_owned(),
            Start::At(start) => moment(start),
        },
        "horizon": timing.horizon.map(length),
        "warm_up": timing.warm_up.map(length),
        "history": timing.history.map(length),
        "every": timing.every.map(length),
        "late": timing.late.map(length),
    });
    let key = asked.idempotency_key.map_or_else(fresh_key, str::to_owned);
    let begun: Begun = post(remote, "/api/v1/analyses", Some(&key), &body, SHORTLY, listener)?;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if begun.id.is_empty() || !begun.id.bytes().all(is_id) {
        return Err(remote.garbled("the analysis has no id"));
    }
    Ok(begun.id)
}

#[derive(Deserialize)]
struct Begun {
    id: String,
}

/// How an analysis stands, as its server says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct AnalysisStanding {
    /// What it does: `waiting`, `judging`, `ended` and others.
    pub state: String,
    /// Why it does not judge, where it does not.
    pub state_reason: Option<String>,
    /// The outcome, as it stands.
    pub outcome: String,
    /// Why, in a sentence.
    pub reason: Option<String>,
}

impl AnalysisStanding {
    /// Returns why it cannot go on, if it cannot.
    #[must_use]
    pub fn stuck(&self) -> Option<&str> {
        (self.state == "stuck").then(|| self.state_reason.as_deref().unwrap_or("its log says why"))
    }

    /// Returns whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == "ended"
    }

    /// Says it in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        let state = self.state.replace('_', " ");
        match (&self.state_reason, &self.reason) {
            (Some(why), _) => format!("{state}: {why}"),
            (None, Some(reason)) => format!("{}: {reason}", self.outcome),
            (None, None) => state,
        }
    }
}

/// Asks how an analysis stands, for as long as it takes to upgrade a server.
///
/// # Errors
///
/// [`RemoteError`] when there is no answer, or it says no.
pub fn standing(
    remote: &Remote,
    id: &str,
    listener: &RemoteListener<'_>,
) -> Result<AnalysisStanding, RemoteError> {
    get(remote, &format!("/api/v1/analyses/{id}"), listener)
}

/// Reads the report that an analysis ended with.
///
/// # Errors
///
/// [`RemoteError`] when there is no answer, or it says no.
pub fn report(
    remote: &Remote,
    id: &str,
    listener: &RemoteListener<'_>,
) -> Result<Report, RemoteError> {
    get(remote, &format!("/api/v1/analyses/{id}/report"), listener)
}

fn get<T: DeserializeOwned>(
    remote: &Remote,
    path: &str,
    listener: &RemoteListener<'_>,
) -> Result<T, RemoteError> {
    let request = RemoteRequest { path, key: None, body: None, timeout: SHORTLY };
    read(remote, &remote.ask(&request, Tries::Many, listener)?)
}

fn post<T: DeserializeOwned>(
    remote: &Remote,
    path: &str,
    key: Option<&str>,
    body: &Value,
    timeout: Duration,
    listener: &RemoteListener<'_>,
) -> Result<T, RemoteError> {
    let body = Some((JSON, body.to_string().into_bytes()));
    let request = RemoteRequest { path, key, body, timeout };
    read(remote, &remote.ask(&request, Tries::Few, listener)?)
}

fn read<T: DeserializeOwned>(remote: &Remote, answer: &[u8]) -> Result<T, RemoteError> {
    serde_json::from_slice(answer).map_err(|error| remote.garbled(&error.to_string()))
}
