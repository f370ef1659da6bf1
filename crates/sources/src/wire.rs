//! What the answers of stores have in common: numbers, gaps, lists, and bodies that are none.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serin_model::Timestamp;

use crate::rows::shown;
use crate::source::AnswerError;

/// Reads a body as JSON.
///
/// # Errors
///
/// [`AnswerError`] when it ends too early or is something else; it is named by `expected`.
pub(crate) fn json<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    expected: &'static str,
) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_eof() {
            AnswerError::Truncated
        } else {
            let found = format!("{error}; it begins with `{}`", beginning(body));
            AnswerError::Malformed { expected, found }
        }
    })
}

/// Returns how a body begins.
fn beginning(body: &[u8]) -> String {
    shown(&String::from_utf8_lossy(&body[..body.len().min(160)]), 60)
}

/// Go writes an empty list as `null` now and then.
pub(crate) fn list_or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A number, written as one or as text; `null` is a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value(pub(crate) f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number as text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        let number =
            text.parse().map_err(|_| E::custom(format!("`{}` is no number", shown(text, 40))));
        number.map(Value)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value(number))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value(number as f64))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value(number as f64))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value(f64::NAN))
    }
}

/// A moment, written in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if seconds.is_nan() || seconds.abs() > LATEST_SECONDS {
            return Err(D::Error::custom(format!("{seconds:e} is no time in seconds")));
        }
        Ok(Self(Timestamp::from_millis((seconds * 1000.0).round() as i64)))
    }
}

/// The year 5138.
pub(crate) const LATEST_SECONDS: f64 = 1e11;

/// A moment, written in whole milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Millis(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        if millis.fract() != 0.0 || millis.is_nan() || millis.abs() > LATEST_SECONDS * 1000.0 {
            return Err(D::Error::custom(format!("{millis:e} is no time in milliseconds")));
        }
        Ok(Self(Timestamp::from_millis(millis as i64)))
    }
}
