//! Values with a unit, as a Check file writes them.
//!
//! Each reads its own text, so that a wrong unit is an error at its own line and column. A message
//! may end in a hint after a line break.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};
use serin_model::Place;

use crate::explain::place_of;

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Option<Place>,
    /// Where its first byte stands, and how many there are, quotes and all.
    span: Option<(usize, usize)>,
}

impl<T> Placed<T> {
    /// Returns the bytes that the value takes in the text.
    pub(crate) fn bytes(&self) -> Option<Range<usize>> {
        self.span.map(|(start, length)| start..start + length)
    }

    /// Returns the value as if it stood at a place.
    pub(crate) fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }

    /// Returns a value made of this one, in its place.
    pub(crate) fn map<U>(self, made: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: made(self.value), place: self.place, span: self.span }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.referenced.span();
        let number = |it: Option<u64>| it.and_then(|it| usize::try_from(it).ok());
        let span = number(span.byte_offset()).zip(number(span.byte_len()));
        Ok(Self { value: spanned.value, place: place_of(spanned.referenced), span })
    }
}

impl<T: Serialize> Serialize for Placed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T> From<T> for Placed<T> {
    fn from(value: T) -> Self {
        Self { value, place: None, span: None }
    }
}

/// Implements `serde` and the schema of a scalar that is written as text.
macro_rules! written_as_text {
    ($type:ident, $types:tt, $description:literal, $pattern:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(text.trim()).map_err(D::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": $types,
                    "pattern": $pattern,
                    "description": $description,
                })
            }
        }
    };
}

/// A share, written in percent: `25%`. Never negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Percentage(pub(crate) f64);

impl Percentage {
    fn parse(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_suffix('%') else {
            let hint = match text.parse::<f64>() {
                Ok(_) => format!("write `{text}%`"),
                Err(_) => "write a percentage, such as `25%`".to_owned(),
            };
            return Err(format!("`{text}` is not a percentage\n{hint}"));
        };
        match hundredth(number.trim()) {
            Some(share) if share >= 0.0 => Ok(Self(share)),
            _ => Err(format!(
                "`{text}` is not a percentage of zero or more\nwrite something like `25%`"
            )),
        }
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", hundredfold(self.0))
    }
}

written_as_text!(
    Percentage,
    "string",
    "A percentage, such as 25%.",
    r"^\s*[0-9.]+([eE][+-]?[0-9]+)?\s*%\s*$"
);

/// An absolute change: percentage points for a ratio (`0.05pp`), else a number in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AbsoluteChange {
    /// Of a ratio, as a share of one.
    PercentagePoints(f64),
    /// Of anything else.
    Number(f64),
}

impl AbsoluteChange {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_suffix("pp") {
            return match hundredth(number.trim()) {
                Some(share) if share >= 0.0 => Ok(Self::PercentagePoints(share)),
                _ => Err(format!(
                    "`{text}` is not zero or more percentage points\nwrite something like `0.05pp`"
                )),
            };
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(Self::Number(number)),
            _ => Err(format!(
                "`{text}` is not an absolute change\n\
                 write percentage points for a ratio (`0.05pp`), or a number of zero or more in the \
                 metric's own unit"
            )),
        }
    }
}

impl fmt::Display for AbsoluteChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PercentagePoints(share) => write!(f, "{}pp", hundredfold(*share)),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

written_as_text!(
    AbsoluteChange,
    ["string", "number"],
    "An absolute change: percentage points for a ratio (0.05pp), else a number in the metric's unit.",
    r"^\s*[0-9.eE+-]+\s*(pp)?\s*$"
);

/// A level: a share for a ratio (`1%`), else a number in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Level {
    /// Of a ratio, as a share of one.
    Share(f64),
    /// Of anything else.
    Number(f64),
}

impl Level {
    fn parse(text: &str) -> Result<Self, String> {
        let level = match text.strip_suffix('%') {
            Some(percent) => hundredth(percent.trim()).map(Self::Share),
            None => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Number),
        };
        level.ok_or_else(|| {
            format!(
                "`{text}` is not a limit\nwrite a percentage for a ratio (`1%`), or a number in the \
                 metric's own unit"
            )
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{}%", hundredfold(*share)),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

written_as_text!(
    Level,
    ["string", "number"],
    "A level: a percentage for a ratio (1%), else a number in the metric's unit.",
    r"^\s*-?[0-9.eE+-]+\s*%?\s*$"
);

/// Reads a number of hundredths, correctly rounded: the decimal point moves, nothing is divided.
fn hundredth(text: &str) -> Option<f64> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let moved = format!("{digits}e{}", exponent.checked_sub(2)?);
    moved.parse().ok().filter(|share: &f64| share.is_finite())
}

/// Writes a share in hundredths, so that [`hundredth`] reads the same share.
fn hundredfold(share: f64) -> String {
    let exact = format!("{share:e}");
    let moved = exact.split_once('e').and_then(|(digits, exponent)| {
        let exponent = exponent.parse::<i32>().ok()? + 2;
        let plain = format!("{digits}e{exponent}").parse::<f64>().ok()?.to_string();
        Some(if hundredth(&plain) == Some(share) { plain } else { format!("{digits}e{exponent}") })
    });
    moved.unwrap_or(exact)
}

/// A length of time with its unit: `60s`, `5m`, `1h 30m`. Zero or more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    fn parse(text: &str) -> Result<Self, String> {
        if text.parse::<f64>().is_ok() {
            return Err(format!("`{text}` has no unit\nwrite `{text}s` for seconds"));
        }
        let duration = text.parse::<SignedDuration>().ok().and_then(|span| span.try_into().ok());
        duration.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a length of time\nwrite something like `60s`, `5m` or `1h 30m`"
            )
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

written_as_text!(
    Span,
    "string",
    "A length of time with its unit, such as 60s, 5m or 1h 30m.",
    r"^\s*[0-9]+(\.[0-9]+)?\s*[a-zA-Zµ].*$"
);

/// A moment, written as in RFC 3339: `2026-11-23T08:30:00Z`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moment(pub(crate) serin_model::Timestamp);

impl Moment {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let moment = text.parse::<jiff::Timestamp>().map_err(|_| {
            format!(
                "`{text}` is not a moment with its time zone\n\
                 write it as in RFC 3339, such as `2026-11-23T08:30:00Z`"
            )
        })?;
        Ok(Self(serin_model::Timestamp::from_millis(moment.as_millisecond())))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.as_millis()) {
            Ok(moment) => moment.fmt(f),
            Err(_) => self.0.as_millis().fmt(f),
        }
    }
}

written_as_text!(
    Moment,
    "string",
    "A moment as in RFC 3339, such as 2026-11-23T08:30:00Z.",
    r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}.*$"
);

#[cfg(test)]
mod tests {
    use super::{AbsoluteChange, Level, Percentage, Span};

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["25%", "0%", "0.07%", "7%", "12.5%"] {
            assert_eq!(Percentage::parse(text).unwrap().to_string(), text);
        }
        for text in ["0.05pp", "7pp", "12", "0.25"] {
            assert_eq!(AbsoluteChange::parse(text).unwrap().to_string(), text);
        }
        for text in ["1%", "-3", "0.5", "99.95%"] {
            assert_eq!(Level::parse(text).unwrap().to_string(), text);
        }
        for text in ["60s", "5m", "1h 30m", "500ms"] {
            let span = Span::parse(text).unwrap();
            assert_eq!(Span::parse(&span.to_string()).unwrap(), span, "{text}");
        }
    }

    #[test]
    fn a_wrong_unit_says_what_to_write() {
        let hint = |error: String| error.split_once('\n').map(|(_, hint)| hint.to_owned());
        assert_eq!(hint(Percentage::parse("25").unwrap_err()).unwrap(), "write `25%`");
        assert_eq!(hint(Span::parse("60").unwrap_err()).unwrap(), "write `60s` for seconds");
        assert!(Percentage::parse("-5%").is_err());
        assert!(Percentage::parse("inf%").is_err());
        assert!(AbsoluteChange::parse("5%").is_err());
        assert!(Level::parse("NaN").is_err());
        assert!(Span::parse("-5s").is_err());
    }
}
