//! The wall clock, and moments as people and servers write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serin_model::{Step, Timestamp, Window};

/// Returns what time it is, by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the clock that others ask")]
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Reads a date as HTTP writes it, such as `Mon, 23 Nov 2026 11:00:00 GMT`, in milliseconds since the
/// Unix epoch.
pub(crate) fn parse_http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

/// Returns the last whole steps before `now`, one step short: what was measured in the last moments
/// may not have arrived yet.
pub(crate) fn last_steps(now: Timestamp, length: Duration, step: Step) -> Window {
    let one = Duration::from_secs(step.seconds().into());
    let end = step.bin_of(now.before(one));
    Window { start: step.bin_of(end.before(length)), end }
}

/// Reads a moment as in RFC 3339, such as `2026-11-23T08:30:00Z`, or in seconds since the Unix epoch.
///
/// # Errors
///
/// What to write instead.
pub fn parse_moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(Timestamp::from_seconds(seconds));
    }
    let moment = text.parse::<jiff::Timestamp>().map_err(|_| {
        "write a moment with its time zone, such as `2026-11-23T08:30:00Z`, or seconds since 1970"
    })?;
    Ok(Timestamp::from_millis(moment.as_millisecond()))
}

/// Reads a length of time, such as `30m`; more than nothing.
///
/// # Errors
///
/// What to write instead.
pub fn parse_length(text: &str) -> Result<Duration, String> {
    let length = length(text).filter(|length| !length.is_zero());
    length.ok_or_else(|| "write a length of time, such as `30m` or `1h 30m`".to_owned())
}

/// Reads a length of time that may be nothing, such as `2m` or `0s`.
///
/// # Errors
///
/// What to write instead.
pub fn parse_length_or_nothing(text: &str) -> Result<Duration, String> {
    length(text).ok_or_else(|| "write a length of time, such as `2m`, or `0s` for none".to_owned())
}

fn length(text: &str) -> Option<Duration> {
    Duration::try_from(text.parse::<jiff::SignedDuration>().ok()?).ok()
}
