//! How the time that is asked for is cut.

use serin_model::Timestamp;

use crate::source::Asked;

/// How long before the window a counter may have been seen last in order to count on. One that is
/// older began anew, or is another one.
pub(crate) const LOOK_BACK_SECONDS: u32 = 3600;

/// Two hours, in milliseconds: 7,200 samples of a series that is written every second.
pub(crate) const RAW_CHUNK: i64 = 2 * 3600 * 1000;

/// Cuts a stretch of time into parts of at most `length` milliseconds.
pub(crate) fn chunks(
    start: Timestamp,
    end: Timestamp,
    length: i64,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let (start, end) = (start.as_millis(), end.as_millis());
    let starts = std::iter::successors(Some(start), move |from| from.checked_add(length));
    starts.take_while(move |&from| from < end).map(move |from| {
        (Timestamp::from_millis(from), Timestamp::from_millis((from + length).min(end)))
    })
}

/// Cuts the steps of what is asked into parts of at most `most` steps. What begins and ends within a
/// step begins and ends with the step that it begins in.
pub(crate) fn step_chunks(
    asked: &Asked<'_>,
    most: i64,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let start = asked.step.bin_of(asked.window.start);
    let end = asked.step.bin_of(asked.window.end);
    chunks(start, end, most * i64::from(asked.step.seconds()) * 1000)
}

/// Returns the last millisecond before a moment.
pub(crate) fn just_before(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - 1)
}

/// Returns the moment from which on counters are looked for that count on at another.
pub(crate) fn looked_back_from(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - i64::from(LOOK_BACK_SECONDS) * 1000)
}
