//! Moments as they stand in JSON.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serin_model::Timestamp;
use utoipa::ToSchema;

/// A moment as in RFC 3339, in UTC and to the millisecond, such as `2026-11-23T08:30:00.000Z`. Taken with any
/// offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-23T08:30:00.000Z")]
pub(crate) struct Moment(pub(crate) Timestamp);

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.as_millis()) {
            Ok(moment) => write!(f, "{moment:.3}"),
            // The ledger takes no year beyond 9999, which all can be written.
            Err(_) => write!(f, "{} ms since 1970", self.0.as_millis()),
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| "write a moment with its time zone, such as `2026-11-23T08:30:00Z`")?;
        Ok(Self(Timestamp::from_millis(moment.as_millisecond())))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_any_offset_and_written_in_utc() {
        let shown = |text: &str| match text.parse::<Moment>() {
            Ok(moment) => moment.to_string(),
            Err(error) => error.to_owned(),
        };
        let rows = [
            ("2026-11-23T08:30:00Z", "2026-11-23T08:30:00.000Z"),
            ("2026-11-23T09:30:00.1239+01:00", "2026-11-23T08:30:00.123Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (
                "2026-11-23T08:30:00",
                "write a moment with its time zone, such as `2026-11-23T08:30:00Z`",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(shown(text), expected);
        }
    }
}
