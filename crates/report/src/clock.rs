//! Moments as people read them, always in UTC.

use jiff::tz::TimeZone;
use serin_model::Timestamp;

const DAY: i64 = 86_400_000;

/// Returns `time` in UTC by a pattern of `strftime`; `–` for a moment that no calendar holds.
pub(crate) fn formatted(time: Timestamp, pattern: &str) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis())
        .map(|moment| moment.to_zoned(TimeZone::UTC).strftime(pattern).to_string())
        .unwrap_or_else(|_| "–".to_owned())
}

/// Returns the hour and minute, as in `14:02`.
pub(crate) fn hour(time: Timestamp) -> String {
    formatted(time, "%H:%M")
}

/// Returns the day, as in `3 August 2026`.
pub(crate) fn day(time: Timestamp) -> String {
    formatted(time, "%-d %B %Y")
}

/// Returns a stretch of time, naming the day once where both ends fall on one.
pub(crate) fn span(first: Timestamp, last: Timestamp) -> String {
    if first.as_millis().div_euclid(DAY) == last.as_millis().div_euclid(DAY) {
        format!("{}–{} UTC on {}", hour(first), hour(last), day(first))
    } else {
        let pattern = "%-d %B %Y %H:%M";
        format!("{} – {} UTC", formatted(first, pattern), formatted(last, pattern))
    }
}
