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

/// Returns the hour, minute and second with the zone, as in `14:02:30 UTC`.
#[must_use]
pub fn moment_in_words(time: Timestamp) -> String {
    format!("{} UTC", formatted(time, "%H:%M:%S"))
}

/// Returns a length of time in its one or two largest units, as in `44 min` or `2 h 10 min`.
#[must_use]
pub fn length_in_words(length: std::time::Duration) -> String {
    duration(i64::try_from(length.as_millis()).unwrap_or(i64::MAX))
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

/// Returns a length of time in its one or two largest units, as in `44 min` or `2 h 10 min`.
///
/// * `milliseconds`: below one second it reads as `0 s`.
pub(crate) fn duration(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")];
    let first = parts.iter().position(|part| part.0 > 0).unwrap_or(parts.len() - 1);
    let shown = parts[first..].iter().take(2).enumerate();
    let shown = shown.filter(|(index, part)| *index == 0 || part.0 > 0);
    shown.map(|(_, part)| format!("{} {}", part.0, part.1)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (-5, "0 s"),
            (30, "30 s"),
            (90, "1 min 30 s"),
            (360, "6 min"),
            (3600, "1 h"),
            (7805, "2 h 10 min"),
            (3605, "1 h"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(1000 * seconds), words);
        }
    }
}
