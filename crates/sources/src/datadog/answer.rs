//! What Datadog answers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serin_model::{Point, Timestamp};

use crate::rows::shown;
use crate::source::{Answer, AnswerError, Notice, Points, StoreSeries};

/// Reads whether the key is one.
pub(crate) fn validated(body: &[u8]) -> Result<Answer, AnswerError> {
    #[derive(Deserialize)]
    struct Validation {
        valid: bool,
    }
    let validation: Validation = parsed(body)?;
    if validation.valid {
        Ok(Answer::default())
    } else {
        Err(AnswerError::Failed { words: "the key is not valid".to_owned() })
    }
}

/// Reads an answer of the second version.
pub(crate) fn timeseries(body: &[u8], points: Points) -> Result<Answer, AnswerError> {
    let document: Document = parsed(body)?;
    let attributes = document.data.attributes;
    if attributes.series.len() != attributes.values.len() {
        return Err(malformed(format!(
            "{} series and {} lists of values",
            attributes.series.len(),
            attributes.values.len()
        )));
    }
    let times = attributes.times.iter().map(|&time| moment(time));
    let times = times.collect::<Result<Vec<Timestamp>, _>>()?;
    let mut answer = Answer::default();
    for (series, values) in attributes.series.into_iter().zip(attributes.values) {
        if values.len() != times.len() {
            return Err(malformed(format!("{} values at {} times", values.len(), times.len())));
        }
        let samples = times
            .iter()
            .zip(values)
            .map(|(&time, value)| Point { time, value: value.unwrap_or(f64::NAN) });
        answer.series.push(StoreSeries {
            metric: None,
            labels: labels(series.group_tags.unwrap_or_default().iter().map(String::as_str)),
            samples: samples.collect(),
            histograms: Vec::new(),
        });
    }
    let gaps = times.windows(2).map(|pair| pair[1].as_millis() - pair[0].as_millis());
    answer.notices.extend(gaps.min().and_then(|gap| other_interval(gap, points)));
    Ok(answer)
}

/// Reads an answer of the first version.
pub(crate) fn query(body: &[u8], points: Points) -> Result<Answer, AnswerError> {
    let result: QueryResult = parsed(body)?;
    let mut answer = Answer::default();
    if let Some(message) = result.message.filter(|message| !message.trim().is_empty()) {
        answer.notices.push(Notice::Said(shown(&message, 300)));
    }
    for series in result.series {
        let mut samples = Vec::with_capacity(series.pointlist.len());
        for (time, value) in series.pointlist {
            samples.push(Point { time: moment(time)?, value: value.unwrap_or(f64::NAN) });
        }
        let millis = series.interval.map(|seconds| seconds.saturating_mul(1000));
        answer.notices.extend(millis.and_then(|millis| other_interval(millis, points)));
        let scope = series.scope.split(',').map(str::trim);
        let simple = scope.filter(|tag| tag.chars().all(is_of_tag));
        let mut all = labels(simple);
        all.extend(labels(series.tag_set.iter().flatten().map(String::as_str)));
        answer.series.push(StoreSeries {
            metric: None,
            labels: all,
            samples,
            histograms: Vec::new(),
        });
    }
    answer.notices.dedup();
    Ok(answer)
}

/// Returns Datadog's own words in the body of a failure.
pub(crate) fn words(body: &[u8]) -> Option<String> {
    let failure: Failure = serde_json::from_slice(body).ok()?;
    failure.words()
}

/// What both versions answer when they fail, now and then under a status of success.
#[derive(Deserialize)]
struct Failure {
    status: Option<String>,
    error: Option<serde_json::Value>,
    errors: Option<serde_json::Value>,
}

impl Failure {
    fn words(&self) -> Option<String> {
        let texts = [&self.errors, &self.error].into_iter().flatten().find_map(|errors| {
            let texts = match errors {
                serde_json::Value::Array(errors) => errors.iter().filter_map(text_of).collect(),
                one => text_of(one).into_iter().collect::<Vec<_>>(),
            };
            (!texts.is_empty()).then(|| texts.join("; "))
        });
        let failed = self.status.as_deref() == Some("error");
        let texts = texts.or_else(|| failed.then(|| "no reason given".to_owned()))?;
        Some(shown(&texts, LONGEST_WORDS))
    }
}

/// In characters.
const LONGEST_WORDS: usize = 400;

fn text_of(error: &serde_json::Value) -> Option<String> {
    let texts = [Some(error), error.get("detail"), error.get("title")];
    let told = texts.into_iter().flatten().filter_map(|text| text.as_str());
    told.map(str::to_owned).find(|text| !text.is_empty())
}

#[derive(Deserialize)]
struct Document {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    series: Vec<Series>,
    times: Vec<f64>,
    values: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Series {
    group_tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct QueryResult {
    message: Option<String>,
    series: Vec<QuerySeries>,
}

#[derive(Deserialize)]
struct QuerySeries {
    /// The filter and the groups, `host:a,track:canary`.
    #[serde(default)]
    scope: String,
    tag_set: Option<Vec<String>>,
    /// In seconds.
    interval: Option<i64>,
    pointlist: Vec<(f64, Option<f64>)>,
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, AnswerError> {
    match serde_json::from_slice(body) {
        Ok(parsed) => match words(body) {
            Some(words) => Err(AnswerError::Failed { words }),
            None => Ok(parsed),
        },
        Err(error) if error.is_eof() => Err(AnswerError::Truncated),
        Err(error) => Err(match words(body) {
            Some(words) => AnswerError::Failed { words },
            None => {
                let beginning = String::from_utf8_lossy(&body[..body.len().min(160)]);
                malformed(format!("{error}; it begins with `{}`", shown(&beginning, 60)))
            }
        }),
    }
}

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: "the JSON of Datadog's API", found }
}

fn moment(millis: f64) -> Result<Timestamp, AnswerError> {
    if millis.abs() <= LATEST_MILLIS {
        return Ok(Timestamp::from_millis(millis.round() as i64));
    }
    Err(malformed(format!("{millis:e} is no time in milliseconds")))
}

/// The year 5138.
const LATEST_MILLIS: f64 = 1e14;

/// Returns tags as labels; a name that is there twice has both its values.
fn labels<'a>(tags: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in tags.filter_map(|tag| tag.split_once(':')) {
        if name.is_empty() || value.is_empty() {
            continue;
        }
        let all = labels.entry(name.to_owned()).or_default();
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(value);
    }
    labels
}

fn is_of_tag(character: char) -> bool {
    character.is_alphanumeric() || ['_', '-', ':', '.', '/'].contains(&character)
}

/// Datadog has the last word on how far its points lie apart.
fn other_interval(millis: i64, points: Points) -> Option<Notice> {
    let Points::Steps(_, _, step) = points else { return None };
    let asked = i64::from(step) * 1000;
    (millis > 0 && millis != asked).then(|| {
        let interval = millis as f64 / 1000.0;
        let text = format!("its points lie {interval} s apart, and the step is {step} s");
        Notice::Said(text)
    })
}
