//! Which replicas of either arm report, and replicas of the canary that fall silent one by one.
//!
//! A replica that stops is one that crashed, or one that somebody scaled down: its metrics do not say
//! which. That nearly all of the canary's stop, while the control's go on and nothing comes in their
//! place, is evidence as silence is; that some do is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serin_model::{Arm, Step, Timestamp};

use super::bet::{ALIKE, Begins, Bets, SIZES};
use super::intake::past_of;
use super::silence::{
    SILENT_WHILE_BROKEN, SILENT_WHILE_HEALTHY, SILENT_WHILE_HEALTHY_AT_MOST, UNIT,
};

/// With fewer replicas than this it is all of them that are silent, or one, which any replica may be.
const FEWEST_REPLICAS: usize = 3;

/// All but this share of the replicas are gone, or all but one.
const FEW: usize = 4;

/// An arm of which so many report is well.
const WELL: f64 = 0.8;

/// For how many units of time a number of replicas must report to be the arm's, and for how many a
/// replica must be silent to be gone.
const LASTING: usize = 3;

/// Over how many units the largest number of replicas is an arm's usual one: what is away for longer was
/// scaled down, or will not come back.
const USUAL: usize = 10;

/// How many times as often as one replica nearly all of an arm may be away, while it is healthy: those
/// that are away stay away for a while, and come to be many.
const AWAY_TOGETHER: f64 = 10.0;

/// Where none was seen to be away in so many looks at a replica, three more may have been (the 95 %
/// bound).
const NONE_SEEN: f64 = 3.0;

/// More replicas of one arm are not remembered; those that were heard longest ago are forgotten.
const MOST_REPLICAS: usize = 256;

/// Who reported, unit of time after unit of time. Bounded, whatever comes and goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Roster {
    control: Muster,
    canary: Muster,
    /// Which unit of time is going on.
    unit: Option<i64>,
    /// Whether the source had no answer for a part of it: who is away then is not known.
    is_in_part: bool,
    bets: Bets,
    /// Since when nearly all of the canary's replicas are gone.
    pub(crate) since: Option<Timestamp>,
    absence: Absence,
}

/// How often a replica of the control is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Absence {
    /// How often a replica was looked for, and how often in vain.
    looks: f64,
    missing: f64,
}

impl Absence {
    fn observe(&mut self, there: usize, usual: usize) {
        self.looks += usual as f64;
        self.missing += usual.saturating_sub(there) as f64;
    }

    /// Returns how often nearly all of a healthy arm's replicas may be away in a unit of time.
    fn while_healthy(&self) -> f64 {
        let away = (self.missing + NONE_SEEN) / self.looks.max(NONE_SEEN);
        (AWAY_TOGETHER * away).clamp(SILENT_WHILE_HEALTHY, SILENT_WHILE_HEALTHY_AT_MOST)
    }
}

/// The replicas of one arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Muster {
    /// Who reported in the unit of time that is going on.
    heard: BTreeSet<String>,
    known: BTreeMap<String, Heard>,
    /// How many reported in the last few units, the latest last.
    latest: Vec<usize>,
    /// The largest number that reported in each of some units on end.
    most: usize,
}

/// What is known of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Heard {
    units: usize,
    /// The end of the last unit in which it reported.
    last: i64,
}

/// Replicas of the canary that stopped reporting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gone<'a> {
    /// Their names, the first to stop first.
    pub(crate) names: Vec<&'a str>,
    /// How many the canary had.
    pub(crate) of: usize,
    /// When the first of them was last heard.
    pub(crate) since: Timestamp,
}

impl Roster {
    pub(crate) fn new() -> Self {
        Self {
            control: Muster::default(),
            canary: Muster::default(),
            unit: None,
            is_in_part: false,
            bets: Bets::new(Begins::AnyTime),
            since: None,
            absence: Absence::default(),
        }
    }

    /// Learns from the control's past how often its replicas are away.
    ///
    /// * `controls`: what each metric knows of it; only what lies before `end` is looked at.
    pub(crate) fn learn<'a>(
        &mut self,
        controls: impl Iterator<Item = &'a Arm>,
        step: Step,
        end: Timestamp,
    ) {
        let seconds = u32::try_from(length(step) / 1000).ok();
        let Some(unit) = seconds.and_then(Step::from_seconds) else { return };
        let mut heard: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for (name, units) in controls.flat_map(|arm| past_of(arm, unit, end)) {
            for at in units.into_keys().filter(|_| !name.is_empty()) {
                heard.entry(at).or_default().insert(name.clone());
            }
        }
        let mut past = Muster::default();
        for names in heard.values() {
            past.count(names.len());
            self.absence.observe(names.len(), past.usual());
        }
    }

    /// Takes who reported in one step, over all metrics.
    ///
    /// * `closed`: the end of the step; steps come in order.
    /// * `is_whole`: whether the source had an answer for every metric.
    pub(crate) fn observe<'a>(
        &mut self,
        control: impl Iterator<Item = &'a str>,
        canary: impl Iterator<Item = &'a str>,
        step: Step,
        closed: Timestamp,
        is_whole: bool,
    ) {
        let length = length(step);
        let unit = (closed.as_millis() - 1).div_euclid(length);
        if let Some(before) = self.unit.filter(|before| *before != unit) {
            if self.is_in_part {
                self.control.heard.clear();
                self.canary.heard.clear();
            } else {
                self.close(before * length, length);
            }
            self.is_in_part = false;
        }
        self.unit = Some(unit);
        self.is_in_part |= !is_whole;
        self.control.hear(control);
        self.canary.hear(canary);
    }

    /// Closes a unit of time.
    fn close(&mut self, start: i64, length: i64) {
        let control = self.control.close(start + length);
        let canary = self.canary.close(start + length);
        self.absence.observe(control, self.control.usual());
        if self.canary.most < FEWEST_REPLICAS {
            return;
        }
        let healthy = self.absence.while_healthy();
        if canary == 0 {
            // Silence of the whole canary is judged as such.
        } else if canary > (self.canary.most / FEW).max(1) {
            self.since = None;
            self.bet(libm::log((1.0 - SILENT_WHILE_BROKEN) / (1.0 - healthy)));
        } else if self.control.is_well() {
            self.since.get_or_insert(Timestamp::from_millis(start));
            self.bet(libm::log(SILENT_WHILE_BROKEN / healthy));
        }
    }

    fn bet(&mut self, log_factor: f64) {
        self.bets.observe(&[log_factor; SIZES], &[0.0; SIZES]);
    }

    /// Returns the natural logarithm of the e-value against "the canary's replicas stay as a healthy
    /// one's do".
    pub(crate) fn log_e(&self) -> f64 {
        self.bets.log_e(&ALIKE)
    }

    /// Returns how many replicas of the canary report at present, and how many did.
    pub(crate) fn left(&self) -> (usize, usize) {
        (self.canary.latest.last().copied().unwrap_or(0), self.canary.most)
    }

    /// Returns the replicas of the canary that stopped reporting and that nothing came in place of,
    /// while the control's went on.
    pub(crate) fn gone(&self, step: Step) -> Option<Gone<'_>> {
        let (left, of) = self.left();
        if left == 0 || left >= of || !self.control.is_well() {
            return None;
        }
        let long_ago = self.unit? * length(step) - LASTING as i64 * length(step);
        let mut gone: Vec<(i64, &str)> = self
            .canary
            .known
            .iter()
            .filter(|(_, heard)| heard.units >= LASTING && heard.last <= long_ago)
            .map(|(name, heard)| (heard.last, name.as_str()))
            .collect();
        gone.sort_unstable();
        // Of those that were replaced before, the first to go.
        let replaced = gone.len().saturating_sub(of - left);
        let gone = gone.split_off(replaced);
        let (since, _) = gone.first()?;
        Some(Gone {
            since: Timestamp::from_millis(*since),
            names: gone.into_iter().map(|(_, name)| name).collect(),
            of,
        })
    }
}

/// How long a unit of time is for steps of such a length, in milliseconds.
fn length(step: Step) -> i64 {
    UNIT.max(i64::from(step.seconds()) * 1000)
}

impl Muster {
    fn hear<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            // A source that tells no replicas apart names nobody.
            if !name.is_empty() && self.heard.len() < MOST_REPLICAS && !self.heard.contains(name) {
                self.heard.insert(name.to_owned());
            }
        }
    }

    /// Ends a unit of time, and returns how many replicas reported in it.
    fn close(&mut self, end: i64) -> usize {
        let heard = std::mem::take(&mut self.heard);
        let count = heard.len();
        for name in heard {
            let known = self.known.entry(name).or_insert(Heard { units: 0, last: end });
            known.units += 1;
            known.last = end;
        }
        while self.known.len() > MOST_REPLICAS {
            let oldest = self.known.iter().min_by_key(|(name, heard)| (heard.last, *name));
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { break };
            self.known.remove(&oldest);
        }
        self.count(count);
        count
    }

    fn count(&mut self, count: usize) {
        if self.latest.len() == USUAL {
            self.latest.remove(0);
        }
        self.latest.push(count);
        if self.latest.len() >= LASTING {
            // One unit may hold a replica and its successor.
            let lasting = self.latest.iter().rev().take(LASTING).copied().min().unwrap_or(0);
            self.most = self.most.max(lasting);
        }
    }

    /// Returns whether nearly all of the replicas report that ever did: an arm that was scaled down is
    /// no measure of another.
    fn is_well(&self) -> bool {
        let there = self.latest.last().copied().unwrap_or(0);
        there > 0 && there as f64 >= WELL * self.most as f64
    }

    /// Returns how many replicas the arm has had lately.
    fn usual(&self) -> usize {
        self.latest.iter().copied().max().unwrap_or(0)
    }
}
