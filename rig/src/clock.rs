//! The wall clock, which stamps the recording, and the steps it is cut into.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

/// Waits for the next moment that is a whole multiple of `step_seconds` since
/// the Unix epoch, and returns it.
///
/// All replicas of one round of scraping share this timestamp, and so do the
/// rounds of scenarios that run together.
pub async fn next_step(step_seconds: u32) -> Timestamp {
    let now = Timestamp::now();
    let step = step_after(now, step_seconds);
    sleep(Duration::try_from(step.duration_since(now)).unwrap_or_default()).await;
    step
}

/// The first multiple of `step_seconds` that is later than `now`.
fn step_after(now: Timestamp, step_seconds: u32) -> Timestamp {
    let step_seconds = i64::from(step_seconds);
    let past = now.as_second().rem_euclid(step_seconds);
    let whole = Timestamp::from_second(now.as_second() - past)
        .expect("the second of a timestamp is in a timestamp's range");
    whole + SignedDuration::from_secs(step_seconds)
}

/// Reads how long something takes, as a person writes it: `10m` or `1m 30s`.
///
/// # Errors
///
/// A sentence for the command line when the text is no duration, or one that
/// is not between one second and one hour.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse_within(text, 1)
}

/// Reads how long a process may live: up to three hours, because it outlives
/// the longest recording and its warm-up.
///
/// # Errors
///
/// As [`parse_duration`], with its own bound.
pub fn parse_lifetime(text: &str) -> Result<Duration, String> {
    parse_within(text, 3)
}

fn parse_within(text: &str, hours: i64) -> Result<Duration, String> {
    let duration: SignedDuration =
        text.parse().map_err(|_| format!("`{text}` is not a duration; write 90s or 10m"))?;
    let bounds = SignedDuration::from_secs(1)..=SignedDuration::from_hours(hours);
    if !bounds.contains(&duration) {
        return Err(format!("`{text}` is not between 1s and {hours}h"));
    }
    Ok(duration.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_multiple_and_always_ahead() {
        for (now, step) in [
            ("2026-11-23T08:30:00.5Z", "2026-11-23T08:30:05Z"),
            ("2026-11-23T08:30:04.999Z", "2026-11-23T08:30:05Z"),
            ("2026-11-23T08:30:05Z", "2026-11-23T08:30:10Z"),
        ] {
            assert_eq!(step_after(now.parse().unwrap(), 5).to_string(), step, "after {now}");
        }
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2h"), Err("`2h` is not between 1s and 1h".into()));
        assert_eq!(parse_lifetime("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(
            parse_duration("soon"),
            Err("`soon` is not a duration; write 90s or 10m".into())
        );
    }

    #[test]
    fn a_process_can_be_told_any_lifetime() {
        for told in [Duration::from_secs(675), Duration::from_secs(200) / 3] {
            assert_eq!(parse_lifetime(&format!("{told:?}")), Ok(told));
        }
    }
}
