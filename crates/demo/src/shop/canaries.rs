//! Which canary a service has at which moment.

use std::time::Duration;

use serin_model::Timestamp;

use super::Shop;
use super::noise::Chance;
use super::services::{SERVICES, Service};

/// What a canary is like.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// As good as its control.
    Good,
    /// Its answers take nearly half as long again.
    Slow,
    /// Every twenty-fifth of its requests fails.
    Failing,
    /// It stops to report anything after a few minutes.
    Silent,
    /// It gets a request a minute: too few to tell.
    Undecidable,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Good, Self::Slow, Self::Failing, Self::Silent, Self::Undecidable];
}

/// A canary of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canary {
    /// Whose it is.
    pub service: &'static Service,
    /// Which one of the service's: below 0 before the opening.
    pub number: i64,
    /// What it is like.
    pub kind: Kind,
    /// When it takes its first request.
    pub start: Timestamp,
}

/// How long a canary runs.
pub const LIFETIME: Duration = Duration::from_secs(36 * 60);

/// How many canaries each service has before the opening.
const PAST: i64 = 8;

/// How far they are apart.
const PAST_PERIOD: Duration = Duration::from_secs(6 * 3600);

/// How much later the first canary of the next service comes.
const STAGGER: Duration = Duration::from_secs(45);

/// How many canaries a service gets at most; then the shop deploys no more.
pub const MOST_CANARIES: i64 = 200;

/// What a service's canaries are like, one after the other. Five services that are one apart have one of each kind at
/// any time, and two good ones.
const KINDS: [Kind; 5] = [Kind::Failing, Kind::Good, Kind::Slow, Kind::Silent, Kind::Good];

impl Shop {
    /// Returns a canary of a service by its number, if there is one.
    #[must_use]
    pub fn canary(&self, service: &'static Service, number: i64) -> Option<Canary> {
        let is_any = (-PAST..MOST_CANARIES).contains(&number);
        let (kind, start) = (self.kind(service, number), self.start(service, number));
        is_any.then_some(Canary { service, number, kind, start })
    }

    /// Returns the canary that a service has at a moment, if it has one.
    #[must_use]
    pub fn canary_at(&self, service: &'static Service, time: Timestamp) -> Option<Canary> {
        let since = time.as_millis() - self.start(service, 0).as_millis();
        let period = if since < 0 { PAST_PERIOD } else { period(place(service)) };
        let number = since.div_euclid(millis(period));
        // Those before the opening do not keep to the minute.
        let near = [number, number + 1].into_iter().filter_map(|it| self.canary(service, it));
        near.into_iter().find(|canary| canary.start <= time && time < canary.start.after(LIFETIME))
    }

    /// Returns the canaries before the opening, the first one first.
    #[must_use]
    pub fn past(&self) -> Vec<Canary> {
        let of = |number| SERVICES.iter().filter_map(move |service| self.canary(service, number));
        (-PAST..0).flat_map(of).collect()
    }

    fn start(&self, service: &Service, number: i64) -> Timestamp {
        let place = place(service);
        let first = self.opening.after(STAGGER * place);
        if number >= 0 {
            let periods = period(place) * u32::try_from(number).unwrap_or(u32::MAX);
            return first.after(periods);
        }
        let periods = PAST_PERIOD * u32::try_from(-number).unwrap_or(u32::MAX);
        let late = 60 * (90.0 * self.chance(service, number).share()) as u64;
        first.before(periods).after(Duration::from_secs(late))
    }

    fn kind(&self, service: &Service, number: i64) -> Kind {
        let place = i64::from(place(service));
        if place + 1 == SERVICES.len() as i64 {
            return Kind::Undecidable;
        }
        let of_cycle = |number: i64| KINDS[number.rem_euclid(KINDS.len() as i64) as usize];
        if (service.name, number) == COLLECTOR_AWAY {
            return Kind::Silent;
        }
        // Before the opening most were good, and the newest was.
        let is_bad = number >= 0 || (number < -1 && self.chance(service, number).share() < BAD);
        if is_bad { of_cycle(number + OPENING[place as usize]) } else { Kind::Good }
    }

    fn chance(&self, service: &Service, number: i64) -> Chance {
        Chance::of(self.seed).word(service.name).word("canary").number(number)
    }
}

/// A canary whose metrics were lost: whoever judges by them is wrong.
const COLLECTOR_AWAY: (&str, i64) = ("recommendations", -4);

/// How far into the kinds a service is at the opening.
const OPENING: [i64; 5] = [0, 2, 3, 1, 4];

/// Which share of the canaries before the opening is of any kind; the others are good.
const BAD: f64 = 0.45;

fn place(service: &Service) -> u32 {
    SERVICES.iter().zip(0..).find(|(it, _)| it.name == service.name).map_or(0, |(_, place)| place)
}

/// How far the canaries of a service are apart: no two keep step.
fn period(place: u32) -> Duration {
    Duration::from_secs(60 * (42 + 3 * u64::from(place)))
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

impl Canary {
    /// Returns the version that it brings, such as `2.41.0`.
    #[must_use]
    pub fn version(&self) -> String {
        format!("2.{}.0", self.number + PAST + 30)
    }

    /// Returns how long it has run at a moment, in seconds.
    #[must_use]
    pub fn age(&self, time: Timestamp) -> i64 {
        (time.as_millis() - self.start.as_millis()).div_euclid(1000)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SHOP: Shop = Shop { seed: 1, opening: Timestamp::from_seconds(1_795_500_000) };

    #[test]
    fn the_canary_at_a_moment_is_the_one_that_runs_then() {
        for service in &SERVICES {
            for number in -PAST..12 {
                let canary = SHOP.canary(service, number).unwrap();
                let last = canary.start.after(LIFETIME - Duration::from_millis(1));
                for moment in [canary.start, last] {
                    assert_eq!(SHOP.canary_at(service, moment), Some(canary), "{canary:?}");
                }
                let before = canary.start.before(Duration::from_millis(1));
                assert_eq!(SHOP.canary_at(service, before), None, "{canary:?}");
                assert_eq!(SHOP.canary_at(service, canary.start.after(LIFETIME)), None);
            }
        }
    }

    #[test]
    fn every_round_after_the_opening_has_canaries_of_every_kind() {
        for seed in 0..20 {
            let shop = Shop { seed, ..SHOP };
            for number in 0..10 {
                let kinds = SERVICES.iter().filter_map(|it| shop.canary(it, number));
                let kinds: BTreeSet<Kind> = kinds.map(|canary| canary.kind).collect();
                assert_eq!(kinds, BTreeSet::from(Kind::ALL), "round {number} of seed {seed}");
            }
        }
    }

    #[test]
    fn there_is_an_end_to_deploying() {
        for service in &SERVICES {
            let last = SHOP.canary(service, MOST_CANARIES - 1).unwrap();
            assert_eq!(SHOP.canary(service, MOST_CANARIES), None);
            let later = last.start.after(Duration::from_secs(100 * 3600));
            assert_eq!(SHOP.canary_at(service, later), None);
        }
    }
}
