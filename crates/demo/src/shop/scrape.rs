//! What a scrape a minute finds: a recording in CSV, as `serin judge --data` reads it.

use std::fmt::Write as _;

use serin_model::{Timestamp, Window};
use serin_stats::normal;

use super::Shop;
use super::canaries::{Canary, Kind};
use super::noise::Chance;
use super::services::Service;

/// How many replicas the arms have.
const STABLE: i64 = 4;
const CANARY: i64 = 2;

/// Which share of the traffic the canary gets.
const SHARE: f64 = 0.25;

/// Upper edges of the buckets of durations, in seconds, and how they are written.
const EDGES: [(f64, &str); 12] = [
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.15, "0.15"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1"),
    (2.5, "2.5"),
    (5.0, "5"),
    (10.0, "10"),
];

/// How unlike durations of one service are: the spread of their logarithm.
const DURATION_SPREAD: f64 = 0.55;

const MINUTE: i64 = 60;

/// How often a replica of the stable version is started anew, on average, in seconds.
const RESTART_EVERY: i64 = 29 * 3600;

/// How long a silent canary reports, in seconds.
const SPEAKS_FOR: i64 = 6 * MINUTE;

/// A replica of a service.
struct Replica<'a> {
    service: &'a Service,
    canary: Option<Canary>,
    chance: Chance,
    pod: String,
}

impl Shop {
    /// Returns what was scraped of a service in a stretch of time: a sample a minute of each series, in the middle of
    /// the minute, of which counters and buckets say how much came since the one before.
    ///
    /// The same minute is the same text, whatever else is asked for.
    #[must_use]
    pub fn recording(&self, service: &'static Service, window: Window) -> String {
        let mut text = "time,metric,service,track,pod,code,le,value\n".to_owned();
        let middle = MINUTE / 2;
        let first = (window.start.as_millis() - 1000 * middle).div_euclid(1000 * MINUTE) * MINUTE;
        let mut time = first + middle;
        let end = window.end.as_millis().div_euclid(1000) + 1;
        while time < end {
            let moment = Timestamp::from_seconds(time);
            if window.contains(moment) {
                self.scrape(service, moment, &mut text);
            }
            time += MINUTE;
        }
        text
    }

    fn scrape(&self, service: &'static Service, moment: Timestamp, text: &mut String) {
        let canary = self.canary_at(service, moment);
        let all = self.traffic(service, moment);
        let share = if canary.is_some() { SHARE } else { 0.0 };
        for number in 0..STABLE {
            let replica = self.replica(service, None, number);
            replica.scrape(moment, all * (1.0 - share) / STABLE as f64, text);
        }
        for number in 0..if canary.is_some() { CANARY } else { 0 } {
            self.replica(service, canary, number).scrape(moment, all * share / CANARY as f64, text);
        }
    }

    /// Returns how many requests a minute there are: few at night, more at noon, never quite the same.
    fn traffic(&self, service: &Service, moment: Timestamp) -> f64 {
        let seconds = moment.as_millis() as f64 / 1000.0;
        let hours = (seconds / 3600.0) % 24.0;
        let day = 1.0 + 0.35 * libm::sin(std::f64::consts::TAU * (hours - 8.0) / 24.0);
        let chance = Chance::of(self.seed).word(service.name).word("traffic");
        let wander = 0.05 * chance.word("slow").wander(seconds, 1500.0)
            + 0.03 * chance.word("fast").wander(seconds, 150.0);
        service.traffic * day * libm::exp(wander)
    }

    fn replica<'a>(
        &self,
        service: &'a Service,
        canary: Option<Canary>,
        number: i64,
    ) -> Replica<'a> {
        let track = if canary.is_some() { "canary" } else { "stable" };
        let generation = canary.map_or(i64::MIN, |canary| canary.number);
        let set = Chance::of(self.seed).word(service.name).word(track).number(generation);
        let chance = set.number(number);
        let (set_name, pod_name) = (set.bits() >> 40, chance.bits() >> 44);
        let pod = format!("{}-{set_name:06x}-{pod_name:05x}", service.name);
        Replica { service, canary, chance, pod }
    }
}

impl Replica<'_> {
    fn scrape(&self, moment: Timestamp, traffic: f64, text: &mut String) {
        let seconds = moment.as_millis() as f64 / 1000.0;
        let chance = self.chance.number(moment.as_millis());
        let age = self.age(moment);
        let is_gone = self.is(Kind::Silent) && age >= SPEAKS_FOR;
        if is_gone || age < MINUTE {
            return;
        }
        let requests = chance.word("requests").count(traffic);
        let failed = chance.word("failed").part(requests, self.failure(seconds));
        self.row(text, moment, "http_requests_total", [Some("200"), None], requests - failed);
        self.row(text, moment, "http_requests_total", [Some("500"), None], failed);
        self.durations(text, moment, requests);
        let work = requests * self.service.work * (1.0 + 0.02 * chance.word("work").normal());
        self.row(text, moment, "process_cpu_seconds_total", [None, None], 0.05 + work);
        let memory = self.memory(seconds, age);
        self.row(text, moment, "process_resident_memory_bytes", [None, None], memory);
    }

    fn is(&self, kind: Kind) -> bool {
        self.canary.is_some_and(|canary| canary.kind == kind)
    }

    /// Returns how long ago the replica was started, in seconds.
    fn age(&self, moment: Timestamp) -> i64 {
        match &self.canary {
            // What is scraped in its first minute began in it.
            Some(canary) => canary.age(moment) + MINUTE,
            None => {
                let offset = (self.chance.bits() >> 20).cast_signed() % RESTART_EVERY;
                (moment.as_millis() / 1000 + offset).rem_euclid(RESTART_EVERY)
            }
        }
    }

    fn failure(&self, seconds: f64) -> f64 {
        if self.is(Kind::Failing) {
            return 0.04;
        }
        let wander = 0.15 * self.chance.word("failure").wander(seconds, 400.0);
        self.service.errors * libm::exp(wander)
    }

    fn durations(&self, text: &mut String, moment: Timestamp, requests: f64) {
        let seconds = moment.as_millis() as f64 / 1000.0;
        let chance = self.chance.number(moment.as_millis()).word("durations");
        let mut median = self.service.median;
        median *= if self.is(Kind::Slow) { 1.45 } else { 1.0 };
        // Machines of one kind are not quite alike.
        median *= libm::exp(0.008 * self.chance.word("machine").normal());
        median *= libm::exp(0.008 * self.chance.word("pace").wander(seconds, 300.0));
        let (mut counted, mut below) = (0.0, 0.0);
        for (place, (edge, name)) in EDGES.iter().enumerate() {
            let until = normal::cdf(libm::log(edge / median) / DURATION_SPREAD);
            let share = if below < 1.0 { ((until - below) / (1.0 - below)).min(1.0) } else { 1.0 };
            counted += chance.number(place as i64).part(requests - counted, share);
            below = until;
            let labels = [None, Some(*name)];
            self.row(text, moment, "http_request_duration_seconds_bucket", labels, counted);
        }
        let labels = [None, Some("+Inf")];
        self.row(text, moment, "http_request_duration_seconds_bucket", labels, requests);
    }

    /// Returns its memory: a fifth of it comes in the first minutes.
    fn memory(&self, seconds: f64, age: i64) -> f64 {
        let full = 1.0 - 0.2 * libm::exp(-(age as f64) / 120.0);
        let wander = 0.01 * self.chance.word("memory").wander(seconds, 900.0);
        let machine = 0.01 * self.chance.word("heap").normal();
        (self.service.memory * full * libm::exp(wander + machine)).round()
    }

    /// Writes a sample.
    ///
    /// * `labels`: `code` and `le`.
    fn row(
        &self,
        text: &mut String,
        moment: Timestamp,
        metric: &str,
        [code, le]: [Option<&str>; 2],
        value: f64,
    ) {
        let track = if self.canary.is_some() { "canary" } else { "stable" };
        let (service, pod) = (self.service.name, &self.pod);
        let (code, le) = (code.unwrap_or_default(), le.unwrap_or_default());
        let time = moment.as_millis() / 1000;
        // Writing to a text does not fail.
        let _ = writeln!(text, "{time},{metric},{service},{track},{pod},{code},{le},{value}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{SERVICES, service_named};
    use super::*;

    const SHOP: Shop = Shop { seed: 1, opening: Timestamp::from_seconds(1_795_500_000) };

    fn window(from: Timestamp, minutes: u64) -> Window {
        Window { start: from, end: from.after(Duration::from_secs(60 * minutes)) }
    }

    #[test]
    fn a_stretch_is_the_sum_of_its_parts() {
        let service = service_named("checkout").unwrap();
        let from = SHOP.opening.after(Duration::from_millis(12_345));
        let whole = SHOP.recording(service, window(from, 20));
        let parts: Vec<String> = (0..20)
            .map(|minute| {
                let from = from.after(Duration::from_secs(60 * minute));
                SHOP.recording(service, window(from, 1))
            })
            .collect();
        let rows = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let parts: Vec<String> = parts.iter().flat_map(|part| rows(part)).collect();
        assert_eq!(rows(&whole), parts);
        assert!(parts.len() > 20 * 4 * 16, "{}", parts.len());
    }

    #[test]
    fn other_seeds_are_other_shops() {
        let service = service_named("cart").unwrap();
        let other = Shop { seed: 2, ..SHOP };
        let stretch = window(SHOP.opening, 5);
        assert_ne!(SHOP.recording(service, stretch), other.recording(service, stretch));
    }

    #[test]
    fn buckets_add_up_to_requests() {
        let service = service_named("search").unwrap();
        let text = SHOP.recording(service, window(SHOP.opening, 30));
        let sum = |is: &dyn Fn(&[&str]) -> bool| -> f64 {
            let rows = text.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
            rows.filter(|row| is(row)).filter_map(|row| row[7].parse::<f64>().ok()).sum()
        };
        let requests = sum(&|row| row[1] == "http_requests_total");
        let counted = sum(&|row| row[6] == "+Inf");
        assert!(requests > 100_000.0, "{requests}");
        assert_eq!(requests, counted);
    }

    #[test]
    fn a_silent_canary_reports_for_six_minutes() {
        let numbers = (0..5).filter_map(|number| SHOP.canary(&SERVICES[0], number));
        let silent = numbers.into_iter().find(|canary| canary.kind == Kind::Silent).unwrap();
        let text = SHOP.recording(silent.service, window(silent.start, 30));
        let rows = text.lines().filter(|row| row.contains(",canary,"));
        let minutes: std::collections::BTreeSet<&str> =
            rows.filter_map(|row| row.split(',').next()).collect();
        assert!((5..=6).contains(&minutes.len()), "{minutes:?}");
    }
}
