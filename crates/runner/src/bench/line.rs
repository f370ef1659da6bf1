//! What a line of labelled cases says.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

/// A line: a case with metrics, or a bare pair of samples.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Line {
    #[serde(default)]
    pub(super) id: Value,
    #[serde(default)]
    pub(super) dataset: Value,
    #[serde(default)]
    pub(super) kind: Value,
    #[serde(default)]
    pub(super) label: Option<Label>,
    #[serde(default)]
    pub(super) design: Option<Design>,
    /// Seconds; `null` says that there is no clock, only runs. Outside, whether it is stated at all.
    #[serde(default, deserialize_with = "stated")]
    pub(super) step_s: Option<Option<f64>>,
    #[serde(default)]
    pub(super) t_start: Option<f64>,
    #[serde(default)]
    pub(super) t_end: Option<f64>,
    #[serde(default)]
    pub(super) metrics: Option<Vec<MetricLine>>,
    #[serde(default)]
    pub(super) control: Option<Vec<Number>>,
    #[serde(default)]
    pub(super) experiment: Option<Vec<Number>>,
    #[serde(default)]
    pub(super) kayenta: Value,
}

fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// What a case is known to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Label {
    Good,
    Bad,
}

/// How the arms lie in time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Design {
    /// Both at once.
    #[default]
    Concurrent,
    /// The control came first.
    BeforeAfter,
    /// The control is another run.
    RunVsRun,
}

/// One metric of a case.
#[derive(Debug, serde::Deserialize)]
pub(super) struct MetricLine {
    pub(super) name: String,
    #[serde(default)]
    pub(super) direction: Option<Direction>,
    #[serde(default)]
    pub(super) measure: Option<serin_model::MeasureKind>,
    #[serde(default)]
    pub(super) bounds: Option<Vec<f64>>,
    #[serde(default)]
    pub(super) tolerance: Option<f64>,
    #[serde(default)]
    pub(super) unacceptable: Option<f64>,
    #[serde(default)]
    pub(super) gating: Option<bool>,
    pub(super) control: Vec<ReplicaLine>,
    pub(super) experiment: Vec<ReplicaLine>,
}

/// The direction that is bad.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Direction {
    Increase,
    Decrease,
    Either,
}

/// One replica of one arm.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ReplicaLine {
    #[serde(default)]
    pub(super) src: String,
    pub(super) points: Vec<PointLine>,
}

/// A point: seconds, and one value, two counts, or the increments of buckets.
#[derive(Debug)]
pub(super) struct PointLine {
    pub(super) seconds: f64,
    pub(super) values: Values,
}

/// What stands behind the time of a point.
#[derive(Debug)]
pub(super) enum Values {
    One(f64),
    Two(f64, f64),
    Buckets(Vec<f64>),
}

impl<'de> Deserialize<'de> for PointLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Point;

        impl<'de> Visitor<'de> for Point {
            type Value = PointLine;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a point: [seconds, value], [seconds, bad, total] or [seconds, [increments]]",
                )
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<PointLine, A::Error> {
                let missing = |index| de::Error::invalid_length(index, &self);
                let Number(seconds) = items.next_element()?.ok_or_else(|| missing(0))?;
                let first: Item = items.next_element()?.ok_or_else(|| missing(1))?;
                let second: Option<Number> = items.next_element()?;
                if items.next_element::<de::IgnoredAny>()?.is_some() {
                    return Err(missing(4));
                }
                let values = match (first, second) {
                    (Item::Number(value), None) => Values::One(value),
                    (Item::Number(above), Some(Number(below))) => Values::Two(above, below),
                    (Item::List(increments), None) => Values::Buckets(increments),
                    (Item::List(_), Some(_)) => return Err(missing(3)),
                };
                Ok(PointLine { seconds, values })
            }
        }

        deserializer.deserialize_seq(Point)
    }
}

/// A number, where `"NaN"` and `null` are gaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ItemVisitor)? {
            Item::Number(number) => Ok(Self(number)),
            Item::List(_) => Err(de::Error::custom("a number was expected, not a list")),
        }
    }
}

enum Item {
    Number(f64),
    List(Vec<f64>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or \"NaN\" for a gap")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Item, E> {
        Ok(Item::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Item, E> {
        Ok(Item::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Item, E> {
        Ok(Item::Number(number as f64))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        Ok(Item::Number(f64::NAN))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
        match text {
            "NaN" => Ok(Item::Number(f64::NAN)),
            "Infinity" => Ok(Item::Number(f64::INFINITY)),
            "-Infinity" => Ok(Item::Number(f64::NEG_INFINITY)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let mut numbers = Vec::new();
        while let Some(Number(number)) = items.next_element()? {
            numbers.push(number);
        }
        Ok(Item::List(numbers))
    }
}
