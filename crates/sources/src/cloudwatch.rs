//! Amazon CloudWatch, by `GetMetricData`.
//!
//! ```yaml
//! source:
//!   cloudwatch: {url: https://monitoring.eu-west-1.amazonaws.com}
//! arms:
//!   control: {TargetGroup: targetgroup/shop-v41/0a1b}
//!   canary: {TargetGroup: targetgroup/shop-v42/2c3d}
//! step: 1m
//! checks:
//!   errors:
//!     ratio:
//!       bad: 'Sum:AWS/ApplicationELB:HTTPCode_Target_5XX_Count{LoadBalancer="app/shop/4e5f", $arm}'
//!       total: 'Sum:AWS/ApplicationELB:RequestCount{LoadBalancer="app/shop/4e5f", $arm}'
//!   latency: {quantile: 'p99:AWS/ApplicationELB:TargetResponseTime{LoadBalancer="app/shop/4e5f", $arm}'}
//! ```
//!
//! A query is a statistic, a namespace and a metric, with colons between them, and the dimensions
//! between braces. `$arm` stands for the dimensions of the arm. CloudWatch keeps a metric for each set
//! of dimensions and adds none up: all dimensions of the metric must stand there, and no others.
//!
//! Requests are signed (SigV4). The keys come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and,
//! where it is set, `AWS_SESSION_TOKEN`, or from where the Check file says:
//!
//! ```yaml
//! aws:
//!   region: eu-west-1
//!   access_key_id: {file: /run/secrets/aws-id}
//!   secret_access_key: {file: /run/secrets/aws-key}
//! ```
//!
//! The region is that of the address unless it is written. Whoever asks needs
//! `cloudwatch:GetMetricData`, and nothing else.
//!
//! * A count is `Sum` of a metric that is 1 for each event (or counts them), or `SampleCount`: how
//!   many values were sent. Averages and percentiles are refused where counts are asked for.
//! * Percentiles (`p50` to `p99.99`), `tm`, `wm` and `IQM` are levels. CloudWatch knows percentiles
//!   only of metrics whose values were sent one by one.
//! * CloudWatch hands out no buckets: a histogram cannot be asked for.
//! * The step is the period: 1, 5, 10, 20 or 30 seconds for metrics of high resolution, else whole
//!   minutes. Periods under a minute are kept for 3 hours, minutes for 15 days, five minutes for 63
//!   days, hours for 455 days; a step that is shorter than what is still kept finds nothing.
//! * Values come in late: CloudWatch takes some minutes for the metrics of AWS's own services. Judge
//!   what is over, or give `serin watch` a longer `--late`.
//! * What CloudWatch marks as `PartialData`, with no token for the rest, is a warning. Pages are put
//!   together.
//!
//! Averages, sums and counts are held against a real server that speaks the protocol (moto);
//! percentiles, partial data and pages against the API's documentation.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.

use serde::Deserialize;
use serde_json::json;
use serin_model::{CounterForm, LabelSelector, Point, Timestamp};

use crate::rows::shown;
use crate::selection::raw;
use crate::source::{
    Answer, AnswerError, Asked, Body, Notice, Plan, Points, Quantity, QueryError, Request, Source,
    StoreSeries,
};

/// Amazon CloudWatch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloudWatch;

impl Source for CloudWatch {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    fn about(&self) -> &'static str {
        "Amazon CloudWatch, by GetMetricData"
    }

    fn signed_for(&self) -> Option<&'static str> {
        Some("monitoring")
    }

    fn plan(&self, asked: &Asked<'_>) -> Result<Plan, QueryError> {
        let wrong = |(reason, hint): (String, &str)| QueryError {
            query: shown(asked.query.as_str(), LONGEST_SHOWN),
            reason,
            hint: hint.to_owned(),
        };
        let metric = Metric::read(asked.query.as_str(), asked.arm).map_err(wrong)?;
        metric.check(asked.quantity).map_err(wrong)?;
        let step = asked.step.seconds();
        if !SHORT_PERIODS.contains(&step) && !step.is_multiple_of(60) {
            return Err(wrong((
                format!("CloudWatch has no period of {step} s, the step"),
                "write a `step` of whole minutes, or of 1, 5, 10, 20 or 30 seconds",
            )));
        }
        let start = asked.step.bin_of(asked.window.start).as_millis();
        let end = asked.step.bin_of(asked.window.end).as_millis();
        let length = MOST_POINTS * i64::from(step) * 1000;
        let starts = std::iter::successors(Some(start), |from| from.checked_add(length));
        let requests = starts.take_while(|&from| from < end).map(|from| {
            let to = (from + length).min(end);
            metric.request(Timestamp::from_millis(from), Timestamp::from_millis(to), step)
        });
        Ok(Plan { counters: CounterForm::Increments, ..raw(requests.collect()) })
    }

    /// A metric that nobody has, at one moment: an answer without values.
    fn probe(&self) -> Request {
        let metric = Metric {
            statistic: "Sum".to_owned(),
            namespace: "serin".to_owned(),
            name: "probe".to_owned(),
            dimensions: Vec::new(),
        };
        metric.request(Timestamp::from_millis(0), Timestamp::from_millis(60_000), 60)
    }

    fn watched_before(&self, _: Timestamp) -> Option<Request> {
        None
    }

    fn read(&self, _: &Request, body: &[u8]) -> Result<Answer, AnswerError> {
        let document = Document::read(body)?;
        let mut answer = Answer::default();
        let told = |message: &Message| {
            Notice::Said(shown(&format!("{}: {}", message.code, message.value), 300))
        };
        answer.notices.extend(document.messages.iter().flatten().map(told));
        for result in &document.results {
            answer.notices.extend(result.messages.iter().flatten().map(told));
            match result.status.as_str() {
                "Complete" => {}
                // The rest comes with the token.
                "PartialData" if document.next_token.is_some() => {}
                "PartialData" => answer
                    .notices
                    .push(Notice::Partial("a result has the status `PartialData`".to_owned())),
                other => {
                    let words = format!("a result has the status `{}`", shown(other, 40));
                    return Err(AnswerError::Failed { words });
                }
            }
            if result.times.len() != result.values.len() {
                let (times, values) = (result.times.len(), result.values.len());
                return Err(malformed(format!("{values} values at {times} times")));
            }
            let points = result.times.iter().zip(&result.values);
            let points = points
                .map(|(&time, &value)| Ok(Point { time: moment(time)?, value }))
                .collect::<Result<Vec<_>, AnswerError>>()?;
            if !points.is_empty() {
                let series = StoreSeries { samples: points, ..StoreSeries::default() };
                answer.add(Answer { series: vec![series], notices: Vec::new() });
            }
        }
        Ok(answer)
    }

    fn rest(&self, request: &Request, body: &[u8]) -> Option<Request> {
        let token = Document::read(body).ok()?.next_token.filter(|token| !token.is_empty())?;
        let mut next = request.clone();
        let sent = next.body.as_mut()?;
        let mut document: serde_json::Value = serde_json::from_str(&sent.text).ok()?;
        document["NextToken"] = token.into();
        sent.text = document.to_string();
        Some(next)
    }

    fn words(&self, body: &[u8]) -> Option<String> {
        Failure::read(body).map(|failure| failure.words())
    }

    fn hint(&self, status: u16, words: &str) -> Option<&'static str> {
        // AWS refuses keys with 400 or with 403, by the protocol.
        if matches!(status, 401 | 403) || KEY_REFUSED.iter().any(|kind| words.starts_with(kind)) {
            return Some(
                "see that the key of AWS is right and in force, that the region is that of `url`, and \
                 that the key may do `cloudwatch:GetMetricData`",
            );
        }
        match status {
            200 | 400 | 422 => Some("mend the query; try it in CloudWatch's console"),
            404 => Some("write `url` as `https://monitoring.<region>.amazonaws.com`"),
            500..=599 => Some("see AWS's health dashboard, or try again later"),
            _ => None,
        }
    }

    fn is_throttled(&self, body: &[u8]) -> bool {
        let kinds = ["Throttling", "ThrottlingException", "RequestLimitExceeded"];
        Failure::read(body).is_some_and(|failure| kinds.contains(&failure.name()))
    }
}

/// How the names of failures begin that are about who asks, and not about what.
const KEY_REFUSED: [&str; 9] = [
    "AccessDenied",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignature",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
];

/// What `GetMetricData` gives at once.
const MOST_POINTS: i64 = 100_800;

/// The periods under a minute, in seconds.
const SHORT_PERIODS: [u32; 5] = [1, 5, 10, 20, 30];

/// In characters.
const LONGEST_SHOWN: usize = 200;

/// What is wrong, and what to write instead.
type Wrong = (String, &'static str);

/// A statistic of a metric.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Metric {
    statistic: String,
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
}

impl Metric {
    /// Reads a query for one arm.
    fn read(query: &str, arm: &LabelSelector) -> Result<Self, Wrong> {
        let unreadable = || {
            (
                "it is no statistic of a metric".to_owned(),
                "write a statistic, a namespace and a metric, with its dimensions, such as \
                 `Sum:AWS/ApplicationELB:RequestCount{LoadBalancer=\"app/shop/4e5f\", $arm}`",
            )
        };
        let (head, tail) = query.trim().split_once('{').ok_or_else(unreadable)?;
        let inside = tail.trim_end().strip_suffix('}').ok_or_else(unreadable)?;
        let (statistic, rest) = head.split_once(':').ok_or_else(unreadable)?;
        let (namespace, name) = rest.rsplit_once(':').ok_or_else(unreadable)?;
        let parts = [statistic, namespace, name].map(str::trim);
        if parts.iter().any(|part| part.is_empty()) || !is_statistic(parts[0]) {
            return Err(unreadable());
        }
        let [statistic, namespace, name] = parts.map(str::to_owned);
        let dimensions = dimensions(inside, arm)?;
        Ok(Self { statistic, namespace, name, dimensions })
    }

    /// Refuses a statistic that is not what the answer is taken for.
    fn check(&self, quantity: Quantity) -> Result<(), Wrong> {
        let counts = ["Sum", "SampleCount"].contains(&self.statistic.as_str());
        match quantity {
            Quantity::Counter if !counts => Err((
                format!("`{}` counts nothing", self.statistic),
                "write `Sum` for a metric that counts, or `SampleCount` for how often a value was sent",
            )),
            Quantity::Buckets => Err((
                "CloudWatch hands out no buckets of a histogram".to_owned(),
                "ask for a percentile instead, as a level: `quantile: 'p99:Shop:latency{$arm}'`",
            )),
            Quantity::Counter | Quantity::Level => Ok(()),
        }
    }

    fn request(&self, from: Timestamp, to: Timestamp, step: u32) -> Request {
        let dimension = |(name, value): &(String, String)| json!({"Name": name, "Value": value});
        let dimensions: Vec<_> = self.dimensions.iter().map(dimension).collect();
        let query = self.to_string();
        let document = json!({
            "StartTime": from.as_millis().div_euclid(1000),
            "EndTime": to.as_millis().div_euclid(1000),
            "ScanBy": "TimestampAscending",
            "MetricDataQueries": [{
                "Id": "q",
                "MetricStat": {
                    "Metric": {
                        "Namespace": self.namespace,
                        "MetricName": self.name,
                        "Dimensions": dimensions,
                    },
                    "Period": step,
                    "Stat": self.statistic,
                },
            }],
        });
        Request {
            path: "/".to_owned(),
            parameters: Vec::new(),
            points: Points::Steps(from, to, step),
            body: Some(Body {
                text: document.to_string(),
                headers: &[
                    ("Content-Type", "application/x-amz-json-1.0"),
                    ("X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData"),
                ],
                query,
            }),
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { statistic, namespace, name, dimensions } = self;
        let dimension = |(name, value): &(String, String)| format!("{name}={value:?}");
        let dimensions: Vec<String> = dimensions.iter().map(dimension).collect();
        write!(f, "{statistic}:{namespace}:{name}{{{}}}", dimensions.join(","))
    }
}

fn is_statistic(text: &str) -> bool {
    let names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum", "IQM"];
    let kinds = ["p", "tm", "wm", "tc", "ts"];
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(|it| (0.0..=100.0).contains(&it));
    names.contains(&text) || kinds.iter().any(|kind| text.strip_prefix(kind).is_some_and(is_number))
}

/// Reads the dimensions between the braces, and puts those of the arm in.
fn dimensions(inside: &str, arm: &LabelSelector) -> Result<Vec<(String, String)>, Wrong> {
    let unreadable = |part: &str| {
        (
            format!("`{}` is no dimension", shown(part.trim(), 80)),
            "write a name and a value in quotes, such as `LoadBalancer=\"app/shop/4e5f\"`",
        )
    };
    let mut dimensions: Vec<(String, String)> = Vec::new();
    let mut says_arm = false;
    let mut rest = inside.trim_start();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("$arm") {
            says_arm = true;
            rest = after;
        } else {
            let (name, after) = rest.split_once('=').ok_or_else(|| unreadable(rest))?;
            // The value is written as in JSON.
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<String>();
            let value = values.next().and_then(Result::ok).ok_or_else(|| unreadable(rest))?;
            if name.contains('$') || value.starts_with('$') {
                return Err((
                    format!("`{}` stands for nothing", shown(rest.trim(), 80)),
                    "serin fills in `$arm`, the dimensions of an arm, beside the others",
                ));
            }
            dimensions.push((name.trim().to_owned(), value));
            rest = &after[values.byte_offset()..];
        }
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(unreadable(rest)),
        };
    }
    if !says_arm {
        return Err((
            "it does not say where the arm goes: both arms would be the same series".to_owned(),
            "write `$arm` between the braces",
        ));
    }
    let of_arm = arm.iter().filter(|(_, value)| !value.is_empty());
    dimensions.extend(of_arm.map(|(name, value)| (name.clone(), value.clone())));
    dimensions.sort();
    let mut names: Vec<&String> = dimensions.iter().map(|(name, _)| name).collect();
    names.dedup();
    if names.len() < dimensions.len() || dimensions.iter().any(|(name, _)| name.is_empty()) {
        return Err((
            "a dimension is there twice, or has no name".to_owned(),
            "name each once; those of the arm are among them",
        ));
    }
    Ok(dimensions)
}

/// What is answered.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "MetricDataResults")]
    results: Vec<MetricDataResult>,
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
    #[serde(rename = "Messages")]
    messages: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct MetricDataResult {
    #[serde(rename = "StatusCode", default)]
    status: String,
    #[serde(rename = "Timestamps", default)]
    times: Vec<f64>,
    #[serde(rename = "Values", default)]
    values: Vec<f64>,
    #[serde(rename = "Messages")]
    messages: Option<Vec<Message>>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Value", default)]
    value: String,
}

impl Document {
    fn read(body: &[u8]) -> Result<Self, AnswerError> {
        serde_json::from_slice(body).map_err(|error| {
            if error.is_eof() {
                return AnswerError::Truncated;
            }
            if let Some(failure) = Failure::read(body) {
                return AnswerError::Failed { words: failure.words() };
            }
            let beginning = String::from_utf8_lossy(&body[..body.len().min(160)]);
            malformed(format!("{error}; it begins with `{}`", shown(&beginning, 60)))
        })
    }
}

/// What is answered in the place of that.
#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Failure {
    fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Returns the name of the error, without that of its service.
    fn name(&self) -> &str {
        self.kind.rsplit('#').next().unwrap_or_default()
    }

    fn words(&self) -> String {
        let words = match self.message.trim() {
            "" => self.name().to_owned(),
            message => format!("{}: {message}", self.name()),
        };
        shown(&words, LONGEST_WORDS)
    }
}

/// In characters.
const LONGEST_WORDS: usize = 400;

fn malformed(found: String) -> AnswerError {
    AnswerError::Malformed { expected: "the JSON of CloudWatch's API", found }
}

/// A moment, written in seconds.
fn moment(seconds: f64) -> Result<Timestamp, AnswerError> {
    if seconds.abs() <= LATEST_SECONDS {
        return Ok(Timestamp::from_millis((seconds * 1000.0).round() as i64));
    }
    Err(malformed(format!("{seconds:e} is no time in seconds")))
}

/// The year 5138.
const LATEST_SECONDS: f64 = 1e11;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::Duration;

    use serin_model::{LabelSelector, Query, Step, Timestamp, Window};

    use super::{CloudWatch, Source};
    use crate::source::{Asked, Plan, Quantity, QueryError};

    fn plan(query: &str, quantity: Quantity, value: &str, step: u32) -> Result<Plan, QueryError> {
        let arm = LabelSelector::from([("track".to_owned(), value.to_owned())]);
        CloudWatch.plan(&Asked {
            query: &Query::new(query).unwrap(),
            quantity,
            arm: &arm,
            window: Window {
                start: Timestamp::from_seconds(1_600_000_200),
                end: Timestamp::from_seconds(1_600_002_000),
            },
            step: Step::from_seconds(step).unwrap(),
            for_each: &[],
            replica: None,
            timeout: Duration::from_secs(30),
        })
    }

    #[test]
    fn queries_are_asked_for_one_arm_or_refused() {
        let queries = [
            (r#"Sum:Shop:requests{$arm}"#, Quantity::Counter, 60),
            (
                r#"SampleCount:AWS/ApplicationELB:TargetResponseTime{LoadBalancer="app/shop", $arm}"#,
                Quantity::Counter,
                300,
            ),
            (r#"p99.9:Shop:latency{$arm,pod="a\"},b"}"#, Quantity::Level, 10),
            ("Average:Shop:latency{$arm}", Quantity::Counter, 60),
            ("p99:Shop:latency{$arm}", Quantity::Buckets, 60),
            ("Sum:Shop:requests{$arm}", Quantity::Counter, 45),
            ("Sum:Shop:requests{}", Quantity::Counter, 60),
            (r#"Sum:Shop:requests{track="a", $arm}"#, Quantity::Counter, 60),
            (r#"Sum:Shop:requests{env="$env", $arm}"#, Quantity::Counter, 60),
            ("Sum:Shop:requests{$window, $arm}", Quantity::Counter, 60),
            ("Median:Shop:requests{$arm}", Quantity::Level, 60),
            ("requests{$arm}", Quantity::Level, 60),
            ("SELECT SUM(requests) FROM Shop", Quantity::Counter, 60),
        ];
        let mut all = String::new();
        for (query, quantity, step) in queries {
            writeln!(all, "── {query}, {quantity:?}, {step} s").unwrap();
            match plan(query, quantity, "can\"ary", step) {
                Err(error) => writeln!(all, "{error}").unwrap(),
                Ok(plan) => {
                    for request in plan.requests {
                        let body = request.body.unwrap();
                        writeln!(all, "{}\n  shown as {}", body.text, body.query).unwrap();
                    }
                }
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn answers_are_read() {
        let request = plan("Sum:Shop:m{$arm}", Quantity::Counter, "canary", 60);
        let request = request.unwrap().requests.remove(0);
        let bodies = [
            r#"{"MetricDataResults":[{"Id":"q","Label":"m Sum","StatusCode":"Complete","Timestamps":[1600000200,1.60000026E9],"Values":[4.0,3.0]}],"Messages":[]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"Complete","Timestamps":[],"Values":[]}]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"PartialData","Timestamps":[1600000200],"Values":[4]}],"Messages":[{"Code":"MaxMetricsExceeded","Value":"too many\u001b[2J"}]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"PartialData","Timestamps":[1600000200],"Values":[4]}],"NextToken":"t+1"}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"InternalError","Timestamps":[],"Values":[]}]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"Forbidden"}]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"Complete","Timestamps":[1600000200],"Values":[]}]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"Complete","Timestamps":[1e300],"Values":[1]}]}"#,
            r#"{"MetricDataResults":[{"Id":"q","StatusCode":"Complete","Timestamps":[1600000200],"Values":["many"]}]}"#,
            r#"{"__type":"com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterValueException","message":"The parameter StartTime must be before EndTime"}"#,
            r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#,
            r#"{"MetricDataResults":[{"#,
            r#"<ErrorResponse><Error/></ErrorResponse>"#,
        ];
        let mut all = String::new();
        for body in bodies {
            writeln!(all, "── {body}").unwrap();
            match CloudWatch.read(&request, body.as_bytes()) {
                Err(error) => writeln!(all, "{error}").unwrap(),
                Ok(answer) => {
                    for series in &answer.series {
                        let points = series.samples.iter();
                        let points = points
                            .map(|point| format!("{}: {}", point.time.as_millis(), point.value));
                        writeln!(all, "{}", points.collect::<Vec<_>>().join("  ")).unwrap();
                    }
                    answer.notices.iter().for_each(|it| writeln!(all, "! {it:?}").unwrap());
                }
            }
            if let Some(next) = CloudWatch.rest(&request, body.as_bytes()) {
                let text = next.body.unwrap().text;
                writeln!(all, "→ {}", &text[text.find("\"NextToken\"").unwrap()..]).unwrap();
            }
            if CloudWatch.is_throttled(body.as_bytes()) {
                writeln!(all, "asked too often").unwrap();
            }
        }
        insta::assert_snapshot!(all);
    }
}
