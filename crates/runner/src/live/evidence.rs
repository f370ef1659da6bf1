//! What a source answered for one stretch of event time, as text that proves a verdict.
//!
//! [The format](../../../docs/spec/evidence.md) is JSON, the same bytes for the same answer, and complete: a
//! judge says the same, bit for bit, of what is read and of what was written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serin_model::{
    Arm, ArmPair, BucketBounds, Count, MetricSeries, Observations, Point, Ratio, Replica,
    Timestamp, Warning, Window,
};

/// What a source answered for one stretch of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// What the judge does with it.
    pub role: Role,
    /// When the canary began.
    pub start: Timestamp,
    /// The first step that is judged.
    pub judged_from: Timestamp,
    /// The stretch that was asked for.
    pub window: Window,
    /// The answers to the checks. Of a past that is not known there is none.
    pub series: Vec<MetricSeries>,
    /// What the source, or serin when it looked at the answers, had to say about them.
    pub warnings: Vec<Warning>,
    /// Why the past is not known, in words that follow "the control's past".
    pub unknown: Option<String>,
}

/// What a judge does with a stretch.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It learns from what the control did before the canary began.
    Past,
    /// It judges the points.
    Points,
}

/// Bytes that are not the evidence of points.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// They are something else.
    #[error("this is no evidence of points: {problem}\n\nhint: {NO_EVIDENCE_HINT}")]
    Unreadable {
        /// What is wrong with them.
        problem: String,
    },
    /// Another serin wrote them.
    #[error(
        "this evidence is of version {found} of its format, and this serin reads version {VERSION}\n\n\
         hint: read it with the serin that wrote it, or a newer one"
    )]
    OtherVersion {
        /// Which one wrote them.
        found: u32,
    },
    /// Its parts do not fit together.
    #[error("check `{check}`, replica `{replica}`: {problem}\n\nhint: {NO_EVIDENCE_HINT}")]
    Unfit {
        /// The check.
        check: String,
        /// The replica.
        replica: String,
        /// What does not fit.
        problem: &'static str,
    },
}

const NO_EVIDENCE_HINT: &str =
    "see that these are the bytes that the digest of an `analysis.points` event names";

const FORMAT: &str = "serin points";
const VERSION: u32 = 1;

impl Stretch {
    /// Returns how many points it has: moments at which a replica reported.
    #[must_use]
    pub fn points(&self) -> u64 {
        let arms =
            self.series.iter().flat_map(|answer| [&answer.arms.control, &answer.arms.canary]);
        let replicas = arms.flat_map(|arm| &arm.replicas);
        replicas.map(|replica| replica.observations.len() as u64).sum()
    }

    /// Writes it as text: the same stretch is the same bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut clocks = Clocks::default();
        let series = self.series.iter().map(|answer| Answer::of(answer, &mut clocks)).collect();
        let written = Written {
            format: FORMAT.to_owned(),
            version: VERSION,
            role: self.role,
            start: self.start,
            judged_from: self.judged_from,
            from: self.window.start,
            until: self.window.end,
            unknown: self.unknown.clone(),
            warnings: self.warnings.clone(),
            times: clocks.times,
            series,
        };
        serde_json::to_vec(&written).expect("keys are texts, and nothing fails to be written")
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`] when it is something else, of another version, or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let unreadable =
            |error: serde_json::Error| EvidenceError::Unreadable { problem: error.to_string() };
        let head: WrittenHead = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format != FORMAT {
            let problem = "its `format` is another".to_owned();
            return Err(EvidenceError::Unreadable { problem });
        }
        if head.version != VERSION {
            return Err(EvidenceError::OtherVersion { found: head.version });
        }
        let written: Written = serde_json::from_slice(bytes).map_err(unreadable)?;
        let times: Vec<Vec<Timestamp>> = written.times.iter().map(|it| moments(it)).collect();
        let series = written.series.into_iter().map(|answer| answer.read(&times));
        Ok(Self {
            role: written.role,
            start: written.start,
            judged_from: written.judged_from,
            window: Window { start: written.from, end: written.until },
            series: series.collect::<Result<_, _>>()?,
            warnings: written.warnings,
            unknown: written.unknown,
        })
    }
}

/// What comes first in every version, so that another one can be told.
#[derive(Deserialize)]
struct WrittenHead {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    version: u32,
    role: Role,
    start: Timestamp,
    judged_from: Timestamp,
    from: Timestamp,
    until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    warnings: Vec<Warning>,
    /// What replicas have in common: when they reported.
    times: Vec<Vec<i64>>,
    series: Vec<Answer>,
}

/// The answer to one check.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    check: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    looks_back: Option<Length>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    control: Vec<Reported>,
    canary: Vec<Reported>,
}

/// What one replica reported.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reported {
    replica: String,
    /// The index of its times.
    at: usize,
    values: Values,
}

/// A value a moment, in as many lists as a value has parts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Values {
    Ratio {
        bad: Vec<Number>,
        total: Vec<Number>,
    },
    Count {
        events: Vec<Number>,
        exposure: Vec<Number>,
    },
    Histogram {
        edges: Vec<Number>,
        /// A list a moment, with one number more than there are edges.
        increments: Vec<Vec<Number>>,
    },
    Value(Vec<Number>),
}

/// Seconds and nanoseconds.
#[derive(Serialize, Deserialize)]
struct Length(u64, u32);

impl Answer {
    fn of(answer: &MetricSeries, clocks: &mut Clocks) -> Self {
        let mut reported = |arm: &Arm| {
            let replicas = arm.replicas.iter();
            replicas.map(|replica| Reported::of(replica, clocks)).collect::<Vec<_>>()
        };
        let length = |it: Duration| Length(it.as_secs(), it.subsec_nanos());
        Self {
            check: answer.check.clone(),
            labels: answer.labels.clone(),
            looks_back: answer.looks_back.map(length),
            failure: answer.failure.clone(),
            control: reported(&answer.arms.control),
            canary: reported(&answer.arms.canary),
        }
    }

    fn read(self, times: &[Vec<Timestamp>]) -> Result<MetricSeries, EvidenceError> {
        let check = self.check;
        let read = |reported: Vec<Reported>| -> Result<Arm, EvidenceError> {
            let replicas = reported.into_iter().map(|it| it.read(&check, times));
            Ok(Arm { replicas: replicas.collect::<Result<_, _>>()? })
        };
        let arms = ArmPair { control: read(self.control)?, canary: read(self.canary)? };
        let looks_back = self.looks_back.map(|Length(seconds, nanos)| {
            Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()))
        });
        Ok(MetricSeries { check, labels: self.labels, arms, looks_back, failure: self.failure })
    }
}

impl Reported {
    fn of(replica: &Replica, clocks: &mut Clocks) -> Self {
        let numbers = |numbers: &[f64]| numbers.iter().copied().map(Number).collect::<Vec<_>>();
        let (times, values) = match &replica.observations {
            Observations::Ratio(points) => (
                times(points),
                Values::Ratio {
                    bad: points.iter().map(|it| Number(it.value.bad)).collect(),
                    total: points.iter().map(|it| Number(it.value.total)).collect(),
                },
            ),
            Observations::Count(points) => (
                times(points),
                Values::Count {
                    events: points.iter().map(|it| Number(it.value.events)).collect(),
                    exposure: points.iter().map(|it| Number(it.value.exposure)).collect(),
                },
            ),
            Observations::Histogram { bounds, points } => (
                times(points),
                Values::Histogram {
                    edges: numbers(bounds.as_slice()),
                    increments: points.iter().map(|it| numbers(&it.value)).collect(),
                },
            ),
            Observations::Value(points) => (
                times(points),
                Values::Value(points.iter().map(|point| Number(point.value)).collect()),
            ),
        };
        Self { replica: replica.name.clone(), at: clocks.number(times), values }
    }

    fn read(self, check: &str, times: &[Vec<Timestamp>]) -> Result<Replica, EvidenceError> {
        let unfit = |problem| EvidenceError::Unfit {
            check: check.to_owned(),
            replica: self.replica.clone(),
            problem,
        };
        let times = times.get(self.at).ok_or_else(|| unfit("its times are not there"))?;
        let whole = |values: &[Number]| match values.len() == times.len() {
            true => Ok(()),
            false => Err(unfit("it has not one value for each of its times")),
        };
        let observations = match self.values {
            Values::Ratio { bad, total } => {
                whole(&bad).and(whole(&total))?;
                let pairs = bad.into_iter().zip(total);
                let values = pairs.map(|(bad, total)| Ratio { bad: bad.0, total: total.0 });
                Observations::Ratio(points(times, values))
            }
            Values::Count { events, exposure } => {
                whole(&events).and(whole(&exposure))?;
                let pairs = events.into_iter().zip(exposure);
                let values = pairs
                    .map(|(events, exposure)| Count { events: events.0, exposure: exposure.0 });
                Observations::Count(points(times, values))
            }
            Values::Histogram { edges, increments } => {
                let edges = edges.into_iter().map(|edge| edge.0).collect();
                let bounds = BucketBounds::new(edges)
                    .map_err(|_| unfit("the edges of its histogram are not ascending"))?;
                if increments.len() != times.len() {
                    return Err(unfit("it has not one histogram for each of its times"));
                }
                let values =
                    increments.into_iter().map(|it| it.into_iter().map(|it| it.0).collect());
                Observations::Histogram { bounds, points: points(times, values) }
            }
            Values::Value(values) => {
                whole(&values)?;
                Observations::Value(points(times, values.into_iter().map(|value| value.0)))
            }
        };
        Ok(Replica { name: self.replica, observations })
    }
}

fn times<T>(points: &[Point<T>]) -> Vec<Timestamp> {
    points.iter().map(|point| point.time).collect()
}

fn points<T>(times: &[Timestamp], values: impl Iterator<Item = T>) -> Vec<Point<T>> {
    times.iter().zip(values).map(|(&time, value)| Point { time, value }).collect()
}

/// When replicas reported: those that did at the same times share them.
#[derive(Default)]
struct Clocks {
    times: Vec<Vec<i64>>,
    known: BTreeMap<Vec<Timestamp>, usize>,
}

impl Clocks {
    fn number(&mut self, moments: Vec<Timestamp>) -> usize {
        *self.known.entry(moments).or_insert_with_key(|moments| {
            self.times.push(distances(moments));
            self.times.len() - 1
        })
    }
}

/// The first in milliseconds since 1970, each other in milliseconds since the one before. Where that is
/// beyond what a number holds it wraps around, and back again when it is read.
fn distances(moments: &[Timestamp]) -> Vec<i64> {
    let mut before = 0_i64;
    let distance = |moment: &Timestamp| {
        let distance = moment.as_millis().wrapping_sub(before);
        before = moment.as_millis();
        distance
    };
    moments.iter().map(distance).collect()
}

fn moments(distances: &[i64]) -> Vec<Timestamp> {
    let mut before = 0_i64;
    let moment = |distance: &i64| {
        before = before.wrapping_add(*distance);
        Timestamp::from_millis(before)
    };
    distances.iter().map(moment).collect()
}

/// A number as JSON writes it, the shortest that is read as the same bits. JSON has no word for those that
/// are not finite: they are texts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number(f64);

const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = self.0;
        if number.is_nan() {
            serializer.serialize_str(NAN)
        } else if number.is_infinite() {
            serializer.serialize_str(if number > 0.0 { INFINITY } else { NEGATIVE_INFINITY })
        } else if is_whole(number) {
            serializer.serialize_i64(number as i64)
        } else {
            serializer.serialize_f64(number)
        }
    }
}

/// Returns whether a number is one of those that counts are, which need no point. Minus zero is none.
fn is_whole(number: f64) -> bool {
    number.fract() == 0.0
        && number.abs() < LARGEST_EXACT
        && (number != 0.0 || number.is_sign_positive())
}

/// 2⁵³: below it every whole number is one of its own.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl serde::de::Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a number, \"{NAN}\", \"{INFINITY}\" or \"{NEGATIVE_INFINITY}\"")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
        Ok(Number(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
        match text {
            NAN => Ok(Number(f64::NAN)),
            INFINITY => Ok(Number(f64::INFINITY)),
            NEGATIVE_INFINITY => Ok(Number(f64::NEG_INFINITY)),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }
}
