//! What events are called.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serin_model::Timestamp;
use uuid::Uuid;

use crate::digest::Digest;

/// The identity of an event in its ledger: a UUID of version 7 ([RFC 9562, §5.7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7)).
///
/// Ids sort by arrival, as numbers, as bytes and as text, whatever the clock did: the time in an id is never
/// before that of the event before it, and a counter of 26 bits tells apart what has the same millisecond
/// (§6.2, method 1). The last 48 bits are of the event's content, so that two ledgers do not give one id to
/// two events. Nothing in it is random: the same event in the same place has the same id.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct EventId(Uuid);

const COUNTER_BITS: u32 = 26;
const MOST_MILLIS: u64 = (1 << 48) - 1;

impl EventId {
    /// Returns the id of the event that follows.
    ///
    /// * `before`: the id of the last event.
    /// * `known_at`: when it arrived, by a clock that may have been put back.
    pub(crate) fn following(before: Option<Self>, known_at: Timestamp, content: &Digest) -> Self {
        let now = u64::try_from(known_at.as_millis()).unwrap_or(0).min(MOST_MILLIS);
        let (millis, counter) = match before.map(|before| (before.millis(), before.counter())) {
            Some((millis, counter)) if now <= millis => {
                if counter + 1 < 1 << COUNTER_BITS {
                    (millis, counter + 1)
                } else {
                    (millis + 1, 0)
                }
            }
            _ => (now, 0),
        };
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&(0x7000 | (counter >> 14) as u16).to_be_bytes());
        bytes[8..10].copy_from_slice(&(0x8000 | (counter & 0x3fff) as u16).to_be_bytes());
        bytes[10..].copy_from_slice(&content.as_bytes()[..6]);
        Self(Uuid::from_bytes(bytes))
    }

    pub(crate) fn millis(self) -> u64 {
        let bytes = self.0.as_bytes();
        bytes[..6].iter().fold(0, |millis, byte| millis << 8 | u64::from(*byte))
    }

    fn counter(self) -> u32 {
        let bytes = self.0.as_bytes();
        let high = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x0fff;
        let low = u16::from_be_bytes([bytes[8], bytes[9]]) & 0x3fff;
        u32::from(high) << 14 | u32::from(low)
    }

    /// Returns an id from its 16 bytes, or `None` where there are more or fewer.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for EventId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = Uuid::try_parse(text).ok().map(Self);
        id.filter(|id| id.to_string() == text).ok_or_else(|| {
            format!("`{text}` is no id of an event: write a UUID in lower case, with its hyphens")
        })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn follow(before: Option<EventId>, millis: i64) -> EventId {
        EventId::following(before, Timestamp::from_millis(millis), &Digest::of(b"content"))
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        let id = follow(None, 0x0123_4567_89ab);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string(), "01234567-89ab-7000-8000-ed7002b439e9");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_full_counter_takes_the_next_millisecond() {
        let mut bytes = *follow(None, 5).as_bytes();
        bytes[6..10].copy_from_slice(&[0x7f, 0xff, 0xbf, 0xff]);
        let full = EventId::from_bytes(&bytes);
        assert_eq!(full.map(EventId::counter), Some((1 << COUNTER_BITS) - 1));
        let next = follow(full, 5);
        assert_eq!((next.millis(), next.counter()), (6, 0));
    }

    proptest! {
        #[test]
        fn ids_sort_by_arrival_whatever_the_clock_does(clock in prop::collection::vec(-5_i64..5, 1..200)) {
            let mut before = None;
            for millis in clock {
                let id = follow(before, 1_000_000 + millis * 1000);
                prop_assert!(before.is_none_or(|before| before < id && before.to_string() < id.to_string()));
                before = Some(id);
            }
        }
    }
}
