//! Looking for the smallest effect that is seen, and for what it takes to see one.

use serin_model::{CurvePoint, Delay, Needs, Together};

use super::rehearsal::{Decision, Rehearsal, Times};
use super::simulation::Sizes;

/// "Half of the canaries" and "nine in ten".
pub(super) const HALF: f64 = 0.5;
pub(super) const NINE_IN_TEN: f64 = 0.9;

/// How many steps all canaries of one effect may have together, and how many canaries there are then.
const STEPS_OF_ALL: usize = 16_000;
const FEWEST_CANARIES: usize = 48;
const MOST_CANARIES: usize = 160;

/// How many times further out than what nine in ten show lies what is tried for the curve.
const SOONER: [f64; 4] = [1.4, 2.0, 3.0, 5.0];

/// How much finer than its neighbour an effect is looked for, as a ratio of logarithms.
const FINE: f64 = 1.12;

/// The smallest effect that is looked for, as a logarithm, and the largest.
const SMALLEST: f64 = 0.004;
const LARGEST_RISE: f64 = 6.907_755_278_982_137;
const LARGEST_FALL: f64 = 4.605_170_185_988_091;

/// What is asked of one metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    pub(super) rehearsal: Rehearsal<'a>,
    pub(super) sizes: Sizes,
    /// Whether less is worse.
    pub(super) falls: bool,
    /// More of what would show more.
    pub(super) lever: Lever,
    /// The largest effect there can be.
    pub(super) largest: f64,
    /// In steps.
    pub(super) horizon: usize,
    pub(super) longest: usize,
}

/// More of what would show more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lever {
    Share,
    Replicas,
    Nothing,
}

/// Effects on a scale on which a rise and a fall are alike, and after how many steps each was seen.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    falls: bool,
    largest: f64,
    /// Ascending.
    tried: Vec<(f64, Times)>,
}

pub(super) fn canaries(steps: usize) -> usize {
    (STEPS_OF_ALL / steps.max(1)).clamp(FEWEST_CANARIES, MOST_CANARIES)
}

impl Search<'_> {
    /// Tries effects until it is known which are seen within the horizon.
    pub(super) fn sweep(&self, tolerance: f64) -> Sweep {
        let mut sweep = Sweep { falls: self.falls, largest: self.largest, tried: Vec::new() };
        let end = sweep.place(self.largest);
        let mut place = (1.25 * sweep.place(tolerance)).clamp(SMALLEST, end);
        loop {
            let seen = self.try_at(&mut sweep, place);
            if seen >= NINE_IN_TEN || place >= end {
                break;
            }
            place = (2.0 * place).min(end);
        }
        for share in [HALF, NINE_IN_TEN] {
            while let Some(place) = sweep.between(share, self.horizon) {
                self.try_at(&mut sweep, place);
            }
        }
        // What is larger shows sooner: the beginning of the curve.
        let seen = sweep.tried.last().map_or(end, |(place, _)| *place);
        for times in SOONER {
            if times * seen < end {
                self.try_with(&mut sweep, times * seen, FEWEST_CANARIES);
            }
        }
        sweep
    }

    fn try_at(&self, sweep: &mut Sweep, place: f64) -> f64 {
        self.try_with(sweep, place, canaries(self.horizon))
    }

    fn try_with(&self, sweep: &mut Sweep, place: f64, canaries: usize) -> f64 {
        let effect = sweep.effect(place);
        let times =
            self.rehearsal.times(self.sizes, effect, Decision::Harm, self.horizon, canaries);
        let seen = times.share_by(self.horizon);
        let at = sweep.tried.partition_point(|(known, _)| *known < place);
        sweep.tried.insert(at, (place, times));
        seen
    }

    /// Returns how long a decision takes.
    pub(super) fn delay(&self, effect: f64, decision: Decision) -> Delay {
        let times = self.long_times(self.sizes, effect, decision);
        let minutes = |share| times.quantile(share).map(|steps| self.rehearsal.minutes(steps));
        Delay {
            within_horizon: times.share_by(self.horizon),
            half: minutes(HALF),
            nine_in_ten: minutes(NINE_IN_TEN),
        }
    }

    fn long_times(&self, sizes: Sizes, effect: f64, decision: Decision) -> Times {
        self.rehearsal.times(sizes, effect, decision, self.longest, canaries(self.longest))
    }

    /// Returns what it takes to see an effect nine times in ten.
    ///
    /// * `alone`: after how many minutes it is seen by the rollout as it is.
    pub(super) fn needs(&self, effect: f64, alone: Option<f64>) -> Needs {
        let mut needs =
            Needs { effect, minutes: alone, share: None, replicas: None, together: None };
        if alone.is_some_and(|minutes| minutes <= self.rehearsal.minutes(self.horizon)) {
            return needs;
        }
        let more = self.more();
        let Some(most) = more.last() else { return needs };
        let times = self.long_times(*most, effect, Decision::Harm);
        if times.share_by(self.horizon) < NINE_IN_TEN {
            needs.together = times.quantile(NINE_IN_TEN).map(|steps| Together {
                share: (self.lever == Lever::Share).then_some(most.share),
                replicas: (self.lever == Lever::Replicas).then_some(most.canary),
                minutes: self.rehearsal.minutes(steps),
            });
            return needs;
        }
        let (mut enough, mut too_little) = (more.len() - 1, None);
        while too_little.map_or(0, |place: usize| place + 1) < enough {
            let from = too_little.map_or(0, |place| place + 1);
            let middle = usize::midpoint(from, enough);
            let times = self.rehearsal.times(
                more[middle],
                effect,
                Decision::Harm,
                self.horizon,
                canaries(self.longest),
            );
            if times.share_by(self.horizon) >= NINE_IN_TEN {
                enough = middle;
            } else {
                too_little = Some(middle);
            }
        }
        match self.lever {
            Lever::Share => needs.share = Some(more[enough].share),
            Lever::Replicas => needs.replicas = Some(more[enough].canary),
            Lever::Nothing => {}
        }
        needs
    }

    /// Returns larger canaries than the one that is planned, ascending.
    fn more(&self) -> Vec<Sizes> {
        match self.lever {
            Lever::Share => SHARES
                .into_iter()
                .filter(|share| *share > self.sizes.share)
                .map(|share| Sizes { share, ..self.sizes })
                .collect(),
            Lever::Replicas => REPLICAS
                .into_iter()
                .filter(|replicas| *replicas > self.sizes.canary)
                .map(|canary| Sizes { canary, ..self.sizes })
                .collect(),
            Lever::Nothing => Vec::new(),
        }
    }

    /// Returns which effect can be seen after how long.
    pub(super) fn curve(&self, sweep: &Sweep) -> Vec<CurvePoint> {
        let mut ends: Vec<usize> = (1..=POINTS_OF_CURVE)
            .map(|point| (self.horizon * point).div_ceil(POINTS_OF_CURVE))
            .collect();
        ends.dedup();
        let point = |steps: usize| CurvePoint {
            minutes: self.rehearsal.minutes(steps),
            half: sweep.smallest(HALF, steps),
            nine_in_ten: sweep.smallest(NINE_IN_TEN, steps),
        };
        ends.into_iter().map(point).collect()
    }
}

/// Shares of the traffic and numbers of replicas that are looked at.
const SHARES: [f64; 9] = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];
const REPLICAS: [usize; 13] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48];

const POINTS_OF_CURVE: usize = 30;

impl Sweep {
    /// Returns where an effect lies: a rise and the fall that undoes it are equally far out.
    fn place(&self, effect: f64) -> f64 {
        match self.falls {
            false => libm::log1p(effect).min(LARGEST_RISE),
            true if effect < 1.0 => (-libm::log1p(-effect)).min(LARGEST_FALL),
            true => LARGEST_FALL,
        }
    }

    fn effect(&self, place: f64) -> f64 {
        if self.falls { -libm::expm1(-place) } else { libm::expm1(place).min(self.largest) }
    }

    /// Returns the place between the largest effect that this share of the canaries does not show and
    /// the smallest that it does, or `None` when they are close enough.
    fn between(&self, share: f64, horizon: usize) -> Option<f64> {
        let first = self.tried.iter().position(|(_, times)| times.share_by(horizon) >= share)?;
        let (above, _) = self.tried[first];
        let below = match first.checked_sub(1) {
            Some(before) => self.tried[before].0,
            None if above > SMALLEST => (above / 2.0).max(SMALLEST / FINE),
            None => return None,
        };
        (above / below > FINE).then(|| (above * below).sqrt())
    }

    /// Returns the smallest effect that this share of the canaries showed within so many steps, drawn
    /// straight between effects that were tried.
    pub(super) fn smallest(&self, share: f64, steps: usize) -> Option<f64> {
        let shown: Vec<(f64, f64)> =
            self.tried.iter().map(|(place, times)| (*place, times.share_by(steps))).collect();
        let first = shown.iter().position(|(_, seen)| *seen >= share)?;
        let (above, seen_above) = shown[first];
        let Some(before) = first.checked_sub(1) else { return Some(self.effect(above)) };
        let (below, seen_below) = shown[before];
        let part = (share - seen_below) / (seen_above - seen_below);
        Some(self.effect(below + part * (above - below)))
    }
}
