//! What those who run the server say of analyses that begin by the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::Deserialize;
use serin_ledger::Scope;
use serin_model::Timestamp;
use serin_runner::watch::{Start, TimingAsked};
use serin_runner::{parse_length, parse_length_or_nothing};

/// A schedule, with the keys as they are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSchedule {
    name: String,
    cron: String,
    #[serde(default)]
    services: BTreeSet<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    shadow: bool,
    #[serde(default = "usual_within")]
    within: String,
    horizon: Option<String>,
    warm_up: Option<String>,
    history: Option<String>,
}

fn usual_within() -> String {
    "10m".to_owned()
}

/// Minute, hour, day of month, month and day of week, in UTC.
#[derive(Clone)]
pub struct Pattern(Cron);

impl Pattern {
    /// Returns it as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.as_str()).finish()
    }
}

/// When analyses of Checks in force begin, again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// What it is called; no other schedule is.
    pub name: String,
    /// When.
    pub cron: Pattern,
    /// Of which services; none are all.
    pub services: BTreeSet<String>,
    /// The labels that a Check's scope must have.
    pub labels: BTreeMap<String, String>,
    /// Whether nobody shall act on the verdicts.
    pub shadow: bool,
    /// How late an analysis may begin, of a server that was away.
    pub within: Duration,
    timing: TimingAsked,
}

impl Schedule {
    /// Returns the last moment up to `now` at which it was due, if there was one.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        moment(self.cron.0.find_previous_occurrence(&civil(now)?, true).ok()?)
    }

    /// Returns the first moment after `now` at which it is due, if there is one.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        moment(self.cron.0.find_next_occurrence(&civil(now)?, false).ok()?)
    }

    /// Returns whether the Check of a scope is begun by it.
    pub(crate) fn is_for(&self, scope: &Scope) -> bool {
        (self.services.is_empty() || self.services.contains(&scope.service))
            && self.labels.iter().all(|(name, value)| scope.labels.get(name) == Some(value))
    }

    /// Returns when an analysis that was due then begins, and how long it takes. It follows from the schedule and
    /// the moment alone, so that one who asks late asks for the same.
    pub(crate) fn timing(&self, due: Timestamp) -> TimingAsked {
        TimingAsked { start: Start::At(due), ..self.timing }
    }
}

fn civil(moment: Timestamp) -> Option<DateTime> {
    let moment = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
    Some(Offset::UTC.to_datetime(moment))
}

fn moment(civil: DateTime) -> Option<Timestamp> {
    let moment = Offset::UTC.to_timestamp(civil).ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

/// Schedules, whose names tell them apart.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<WrittenSchedule>")]
pub struct Schedules(pub Vec<Schedule>);

impl TryFrom<Vec<WrittenSchedule>> for Schedules {
    type Error = String;

    fn try_from(written: Vec<WrittenSchedule>) -> Result<Self, String> {
        let mut schedules: Vec<Schedule> = Vec::with_capacity(written.len());
        for schedule in written {
            let schedule = read(schedule)?;
            if schedules.iter().any(|it| it.name == schedule.name) {
                return Err(format!("two `schedules` are called `{}`", schedule.name));
            }
            schedules.push(schedule);
        }
        Ok(Self(schedules))
    }
}

fn read(written: WrittenSchedule) -> Result<Schedule, String> {
    let WrittenSchedule { name, services, labels, shadow, .. } = written;
    let has_control = name.chars().any(char::is_control);
    if name.trim().is_empty() || name.chars().count() > MOST_NAME || has_control {
        return Err(format!(
            "`name` of one of `schedules` is no name of 1 to {MOST_NAME} characters"
        ));
    }
    let of = |problem: String| format!("the schedule `{name}` {problem}");
    // Seconds would begin more analyses than anybody looks at.
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(&written.cron).map_err(|_| {
        of(format!(
            "has a `cron` that is none, `{}`: write minute, hour, day of month, month and day of week in UTC, \
             such as `0 2 * * *`",
            written.cron
        ))
    })?;
    if cron.find_next_occurrence(&DateTime::default(), true).is_err() {
        return Err(of(format!("is never due: no day is `{}`", written.cron)));
    }
    let length = |text: Option<String>| text.map(|text| parse_length(&text)).transpose();
    let or_nothing =
        |text: Option<String>| text.map(|text| parse_length_or_nothing(&text)).transpose();
    let within = parse_length(&written.within)?;
    if within > LONGEST_WITHIN {
        return Err(of("has a `within` of more than a day".to_owned()));
    }
    let timing = TimingAsked {
        horizon: length(written.horizon)?,
        warm_up: or_nothing(written.warm_up)?,
        history: or_nothing(written.history)?,
        ..TimingAsked::default()
    };
    Ok(Schedule { name, cron: Pattern(cron), services, labels, shadow, within, timing })
}

const MOST_NAME: usize = 80;
const LONGEST_WITHIN: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn schedule(cron: &str) -> Schedule {
        let text = format!("[{{name: a, cron: '{cron}'}}]");
        let Schedules(mut schedules) = serde_saphyr::from_str(&text).unwrap();
        schedules.remove(0)
    }

    #[test]
    fn it_is_due_in_utc_at_the_minute_and_up_to_the_next() {
        let rows = [
            ("0 2 * * *", "2026-11-23T02:00:00Z", "2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z"),
            (
                "0 2 * * *",
                "2026-11-23T01:59:59.999Z",
                "2026-11-22T02:00:00Z",
                "2026-11-23T02:00:00Z",
            ),
            (
                "*/15 * * * *",
                "2026-11-23T10:29:59Z",
                "2026-11-23T10:15:00Z",
                "2026-11-23T10:30:00Z",
            ),
            (
                "30 4 * * MON",
                "2026-11-24T00:00:00Z",
                "2026-11-23T04:30:00Z",
                "2026-11-30T04:30:00Z",
            ),
            ("0 0 29 2 *", "2026-11-24T00:00:00Z", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        ];
        for (cron, now, due, next) in rows {
            let schedule = schedule(cron);
            assert_eq!(schedule.due(at(now)), Some(at(due)), "{cron} at {now}");
            assert_eq!(schedule.next(at(now)), Some(at(next)), "{cron} after {now}");
        }
    }
}
