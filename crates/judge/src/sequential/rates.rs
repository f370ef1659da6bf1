//! Evidence from counts: bad out of all, events out of opportunities.
//!
//! Minute by minute, and given how many events both arms had together: a burst that hits both
//! cancels, whatever its size. With rates p on the canary and q on the control, exposures n and m,
//! and counts k and b, the factor exp(s·k − u·b − c) has an expectation of at most one whenever
//! p ≤ max(r·q, q + f), if n·r·(eˢ − 1) = m·(1 − e⁻ᵘ) and c = n·f·(eˢ − 1): by Poisson's generating
//! function, which bounds the binomial's, its logarithm is at most (eˢ − 1)·(n·p − n·r·q − n·f). For
//! f = 0 it is the likelihood ratio of the conditional binomial (Lindon and Malek, "Anytime-valid
//! inference for multinomial count data", NeurIPS 2022, with two cells).

use serde::{Deserialize, Serialize};
use serin_stats::{quantile, rate_gap_above, rate_gap_below, share_gap_below};

use super::bet::{Begins, Bets, BySize, SIZES};
use super::excursions::{Excursions, FAR_OUT};

/// One arm in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// What is counted.
    pub(crate) events: f64,
    /// Out of how much.
    pub(crate) exposure: f64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.exposure += other.exposure;
    }
}

/// Which rates are tolerated and which are unacceptable, relative to the control's: at most the
/// larger of `times` and `plus` is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RateBound {
    pub(crate) times: f64,
    pub(crate) plus: f64,
}

impl RateBound {
    /// Returns the bound against a control whose own rate is known from so many events only, and which
    /// every step is held against again: as far out as 99 in 100 such controls would be.
    pub(crate) fn beyond_chance(self, usual: Tally, events: f64) -> Self {
        let relative = SURE / events.max(1.0).sqrt();
        let steps = if usual.events > 0.0 { events / usual.events } else { 1.0 };
        let unseen = NONE_SEEN / (usual.exposure * steps.max(1.0)).max(1.0);
        Self { times: self.times * (1.0 + relative), plus: self.plus + unseen }
    }
}

/// One-sided, 99 in 100: of a normal, and of a Poisson count of which none was seen.
const SURE: f64 = 2.33;
const NONE_SEEN: f64 = 4.6;

/// How much larger than what is tolerated a rate may be: what harm bets on.
const TIMES_TOLERATED: BySize = [1.3, 1.8, 2.8, 5.0, 9.0, 22.0];

/// How much is bet on each: most on what an hour of a usual service's errors can show.
const WEIGHTS: BySize = [0.08, 0.12, 0.2, 0.32, 0.2, 0.08];

/// How much smaller than what is unacceptable a rate may be, as a power of how much smaller it is if
/// there is no effect at all: what safety bets on, and how much on each.
const POWERS_OF_NO_EFFECT: BySize = [0.3, 0.55, 0.8, 1.0, 1.3, 1.8];
const WEIGHTS_OF_SAFETY: BySize = [0.05, 0.12, 0.23, 0.35, 0.15, 0.10];

/// How many steps of no surprise stand behind the assumption that counts are as even as Poisson's,
/// until the control's own replicas or the arms themselves say otherwise.
const EVEN_STEPS: f64 = 4.0;

/// What events are counted out of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutOf {
    /// Trials, each of which is an event or none.
    Trials,
    /// Time, or whatever else holds any number of events.
    Exposure,
}

/// The evidence of the counts of one metric. Its size is fixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RateEvidence {
    out_of: OutOf,
    harm: Bets,
    safety: Bets,
    /// What the control counted before the canary began.
    past: Tally,
    control: Tally,
    canary: Tally,
    pub(crate) steps: u64,
    unevenness: Unevenness,
    excursions: Excursions,
    /// Whether the canary was far out at the step before.
    out: bool,
}

impl RateEvidence {
    pub(crate) fn new(out_of: OutOf) -> Self {
        Self {
            out_of,
            harm: Bets::new(Begins::AnyTime),
            safety: Bets::new(Begins::AtTheStart),
            past: Tally::default(),
            control: Tally::default(),
            canary: Tally::default(),
            steps: 0,
            unevenness: Unevenness::default(),
            excursions: Excursions::default(),
            out: false,
        }
    }

    /// Takes the next step.
    ///
    /// * `most`: the largest logarithm by which one step may raise the evidence of harm: one bad
    ///   minute is an incident, not a version.
    pub(crate) fn observe(
        &mut self,
        control: Tally,
        canary: Tally,
        tolerated: RateBound,
        unacceptable: RateBound,
        most: f64,
    ) {
        if !(control.exposure > 0.0 && canary.exposure > 0.0) {
            return;
        }
        let spread = 1.0 / self.unevenness.factor_now(control, canary);
        let most = most.min(self.most_of_excursion(canary, tolerated));
        let mut harm = harm_factors(control, canary, tolerated);
        harm.iter_mut().for_each(|factor| *factor = (*factor * spread).min(most));
        self.harm.observe(&harm, &[0.0; SIZES]);
        let safety = self.safety_factors(control, canary, unacceptable);
        self.safety.observe(&safety.map(|factor| factor * spread), &[0.0; SIZES]);
        self.unevenness.observe(control, canary);
        self.count(control, canary);
    }

    /// Counts a step without betting on it.
    pub(crate) fn count(&mut self, control: Tally, canary: Tally) {
        self.control.add(control);
        self.canary.add(canary);
        self.steps += 1;
    }

    /// Learns from one step of the control's replicas before the canary began.
    pub(crate) fn learn_past(&mut self, replicas: &[Tally]) {
        replicas.iter().for_each(|tally| self.past.add(*tally));
        self.learn(replicas);
    }

    /// Learns how often the control's replicas went far out of their own usual rate.
    ///
    /// * `replicas`: what each did, step by step.
    pub(crate) fn learn_excursions(&mut self, replicas: &[Vec<Tally>]) {
        let steps = |steps: &Vec<Tally>| {
            let shares = steps.iter().filter(|tally| tally.exposure > 0.0);
            let rates: Vec<f64> = shares.map(|tally| tally.events / tally.exposure).collect();
            let usual = quantile(&rates, 0.5).unwrap_or(0.0);
            steps.iter().map(|tally| is_far_out(*tally, usual)).collect::<Vec<_>>()
        };
        self.excursions = Excursions::of(replicas.iter().map(|replica| steps(replica).into_iter()));
    }

    /// Returns the most that a step can say for harm where the control, too, goes far out at times.
    fn most_of_excursion(&mut self, canary: Tally, tolerated: RateBound) -> f64 {
        let usual = self.past.events / self.past.exposure.max(1e-300);
        let is_out = is_far_out(canary, f64::max(usual * tolerated.times, usual + tolerated.plus));
        let was_out = std::mem::replace(&mut self.out, is_out);
        if is_out { self.excursions.most(was_out) } else { f64::INFINITY }
    }

    /// Learns how evenly the replicas of the control share what they have together in one step.
    pub(crate) fn learn(&mut self, replicas: &[Tally]) {
        self.unevenness.between_replicas(replicas);
    }

    /// A rate is unacceptable when it is so by its ratio and by its gap. Each step is held against the
    /// one that lies further out at the rate known so far, which excludes the other as well.
    fn safety_factors(&self, control: Tally, canary: Tally, unacceptable: RateBound) -> BySize {
        let rate = self.usual_rate(unacceptable);
        let by_ratio = rate * (unacceptable.times - 1.0);
        if by_ratio > unacceptable.plus {
            let no_effect = 1.0 / unacceptable.times;
            safe_ratio_factors(control, canary, unacceptable.times, no_effect)
        } else {
            let no_effect = rate / (rate + unacceptable.plus);
            safe_gap_factors(control, canary, unacceptable.plus, no_effect, self.out_of)
        }
    }

    /// Returns the rate of everything counted before this step, as if the arms were alike; before
    /// anything was, as much as the unacceptable gap.
    fn usual_rate(&self, unacceptable: RateBound) -> f64 {
        let mut all = self.past;
        all.add(self.control);
        all.add(self.canary);
        let of_gap = if unacceptable.plus > 0.0 { 0.5 / unacceptable.plus } else { 1.0 };
        (all.events + 0.5) / (all.exposure + of_gap)
    }

    pub(crate) fn log_harm(&self) -> f64 {
        self.harm.log_e(&WEIGHTS)
    }

    pub(crate) fn log_safety(&self) -> f64 {
        self.safety.log_e(&WEIGHTS_OF_SAFETY)
    }

    /// Returns both arms so far.
    pub(crate) fn totals(&self) -> (Tally, Tally) {
        (self.control, self.canary)
    }

    /// Returns how much less a count is worth than Poisson's would be: one or more.
    pub(crate) fn unevenness(&self) -> f64 {
        self.unevenness.factor()
    }
}

/// Whether a step has more events than its usual rate explains, by as much as counts called far out.
fn is_far_out(tally: Tally, usual: f64) -> bool {
    let expected = usual * tally.exposure;
    // Counts have a longer tail upwards than a normal distribution has.
    tally.events - expected > FAR_OUT * expected.max(1.0).sqrt() + 1.0
}

/// Returns the share of the events that falls to the canary if its rate is `times` the control's.
fn share_of_canary(control: Tally, canary: Tally, times: f64) -> f64 {
    times * canary.exposure / (times * canary.exposure + control.exposure)
}

/// With the control's exposure divided by the ratio, the ratio is one and the gap stays what it is.
fn harm_factors(control: Tally, canary: Tally, tolerated: RateBound) -> BySize {
    let null = share_of_canary(control, canary, tolerated.times);
    TIMES_TOLERATED.map(|times| {
        let share = share_of_canary(control, canary, tolerated.times * times);
        let tilt = libm::log(share / null);
        let weights = rate_gap_above(tilt, canary.exposure, control.exposure / tolerated.times);
        weights.map_or(0.0, |it| it.log_e(canary.events, control.events, tolerated.plus))
    })
}

/// * `no_effect`: the canary's rate as a fraction of the unacceptable one, if there is no effect.
fn safe_ratio_factors(control: Tally, canary: Tally, unacceptable: f64, no_effect: f64) -> BySize {
    let null = share_of_canary(control, canary, unacceptable);
    POWERS_OF_NO_EFFECT.map(|power| {
        let times = unacceptable * libm::pow(no_effect, power);
        let tilt = libm::log(null / share_of_canary(control, canary, times));
        let weights = rate_gap_below(tilt, canary.exposure, control.exposure / unacceptable);
        weights.map_or(0.0, |it| it.log_e(canary.events, control.events, 0.0))
    })
}

fn safe_gap_factors(
    control: Tally,
    canary: Tally,
    unacceptable: f64,
    no_effect: f64,
    out_of: OutOf,
) -> BySize {
    let (events, of_control) = (canary.events, control.events);
    let (exposure, exposure_of_control) = (canary.exposure, control.exposure);
    POWERS_OF_NO_EFFECT.map(|power| {
        let tilt = -power * libm::log(no_effect);
        match out_of {
            OutOf::Trials => share_gap_below(tilt, exposure, exposure_of_control, unacceptable)
                .map_or(0.0, |it| it.log_e(events, of_control)),
            OutOf::Exposure => rate_gap_below(tilt, exposure, exposure_of_control)
                .map_or(0.0, |it| it.log_e(events, of_control, unacceptable)),
        }
    })
}

/// How much more the shares of a step vary than those of independent events would.
///
/// Pearson's chi-squared over its degrees of freedom (McCullagh and Nelder, *Generalized Linear
/// Models*, 2nd edition 1989, section 4.5), of the control's replicas among themselves and of the
/// arms over time: retry storms and one bad replica make both large, a steady difference of the arms
/// neither.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Unevenness {
    surprise: f64,
    freedom: f64,
    /// What the arms did lately: an effect that has come to stay surprises no longer.
    lately_control: Tally,
    lately_canary: Tally,
}

impl Unevenness {
    /// As [`Self::factor`], for a step that may itself be a burst: what is surprising counts for less
    /// when it comes, and in full once it has come to stay.
    fn factor_now(&self, control: Tally, canary: Tally) -> f64 {
        let surprise = self.surprise_of(control, canary).unwrap_or(0.0).min(MOST_SURPRISE);
        let usual = 1.0 + USUAL_UNEVENNESS * USUAL_UNEVENNESS * (control.events + canary.events);
        unevenness(self.surprise + surprise, self.freedom + 1.0).max(usual)
    }

    fn factor(&self) -> f64 {
        unevenness(self.surprise, self.freedom)
    }

    /// One step of both arms against what the arms did lately.
    fn observe(&mut self, control: Tally, canary: Tally) {
        if let Some(surprise) = self.surprise_of(control, canary) {
            self.add(surprise.min(MOST_SURPRISE), 1.0);
        }
        self.lately_control = self.lately_control.faded(control);
        self.lately_canary = self.lately_canary.faded(canary);
    }

    fn surprise_of(&self, control: Tally, canary: Tally) -> Option<f64> {
        let (control_before, canary_before) = (self.lately_control, self.lately_canary);
        let before = control_before.events + canary_before.events;
        let now = control.events + canary.events;
        if before <= 0.0 || now <= 0.0 {
            return None;
        }
        // Half an event a side keeps a first event from being infinitely surprising.
        let rate = |tally: Tally| (tally.events + 0.5) / tally.exposure;
        let share = share_of_canary(control, canary, rate(canary_before) / rate(control_before));
        let estimated = 1.0 + now / (before + 1.0);
        let off = canary.events - now * share;
        Some(off * off / (now * share * (1.0 - share) * estimated))
    }

    fn between_replicas(&mut self, replicas: &[Tally]) {
        let events: f64 = replicas.iter().map(|tally| tally.events).sum();
        let exposure: f64 = replicas.iter().map(|tally| tally.exposure).sum();
        let known = replicas.iter().filter(|tally| tally.exposure > 0.0).count();
        if known < 2 || events <= 0.0 {
            return;
        }
        let surprise = |tally: &Tally| {
            let expected = events * tally.exposure / exposure;
            (tally.events - expected) * (tally.events - expected) / expected.max(1e-9)
        };
        let with_exposure = replicas.iter().filter(|tally| tally.exposure > 0.0);
        self.add(with_exposure.map(surprise).sum(), (known - 1) as f64);
    }

    fn add(&mut self, surprise: f64, freedom: f64) {
        if surprise.is_finite() {
            self.surprise += surprise;
            self.freedom += freedom;
        }
    }
}

/// Returns by how much surprises exceed what chance explains: their mean, less what even counts may
/// well show in so many steps.
fn unevenness(surprise: f64, freedom: f64) -> f64 {
    let by_chance = CHANCE * (2.0 * freedom).sqrt();
    ((EVEN_STEPS + surprise) / (EVEN_STEPS + freedom + by_chance)).max(1.0)
}

/// How many standard deviations of a chi-squared count as chance.
const CHANCE: f64 = 2.5;

/// A step is no more surprising than four standard deviations: it may be the beginning of harm.
const MOST_SURPRISE: f64 = 16.0;

/// By which share the rates of two healthy arms differ from one step to the next, beyond chance.
const USUAL_UNEVENNESS: f64 = 0.08;

/// How much of what the arms did is remembered a step later.
const REMEMBERED: f64 = 0.8;

impl Tally {
    fn faded(self, now: Self) -> Self {
        Self {
            events: REMEMBERED * self.events + now.events,
            exposure: REMEMBERED * self.exposure + now.exposure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OutOf, RateBound, Tally, harm_factors, safe_gap_factors, safe_ratio_factors};

    /// Returns the expectation of `exp(factor)` over independent Poisson counts of both arms, for each
    /// size that is bet on; what lies beyond the last count that is added up only lowers it.
    fn expectations(
        rates: (f64, f64),
        exposures: (f64, f64),
        factors: impl Fn(Tally, Tally) -> [f64; 6],
    ) -> [f64; 6] {
        let (on_control, on_canary) = (rates.0 * exposures.0, rates.1 * exposures.1);
        let mut sums = [0.0; 6];
        for b in 0..90 {
            for k in 0..90 {
                let chance = poisson(b, on_control) * poisson(k, on_canary);
                let control = Tally { events: f64::from(b), exposure: exposures.0 };
                let canary = Tally { events: f64::from(k), exposure: exposures.1 };
                let factors = factors(control, canary);
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum += libm::exp(libm::log(chance) + factor);
                }
            }
        }
        sums
    }

    fn poisson(count: u32, mean: f64) -> f64 {
        let count = f64::from(count);
        libm::exp(count * libm::log(mean) - mean - libm::lgamma(count + 1.0))
    }

    const EXPOSURES: [(f64, f64); 3] = [(600.0, 600.0), (1140.0, 60.0), (60.0, 1140.0)];
    const CONTROL_RATES: [f64; 5] = [1e-5, 0.001, 0.002, 0.01, 0.03];

    #[test]
    fn harm_cannot_be_expected_to_grow_where_a_rate_is_tolerable() {
        for exposures in EXPOSURES {
            for control in CONTROL_RATES {
                for tolerated in [
                    RateBound { times: 1.25, plus: 0.0005 },
                    RateBound { times: 1.0, plus: 0.0 },
                    RateBound { times: 1.0, plus: 0.01 },
                ] {
                    let most = f64::max(control * tolerated.times, control + tolerated.plus);
                    for canary in [most, 0.7 * most] {
                        let rates = (control, canary);
                        let factors = |control, canary| harm_factors(control, canary, tolerated);
                        for mean in expectations(rates, exposures, factors) {
                            assert!(
                                mean <= 1.0 + 1e-9,
                                "{mean} {rates:?} {exposures:?} {tolerated:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_bound_is_reached_where_only_the_ratio_binds() {
        let tolerated = RateBound { times: 1.25, plus: 0.0 };
        let factors = |control, canary| harm_factors(control, canary, tolerated);
        for mean in expectations((0.01, 0.0125), (600.0, 600.0), factors) {
            assert!((mean - 1.0).abs() < 1e-3 || mean < 1.0, "{mean}");
            assert!(mean > 0.9, "{mean}");
        }
    }

    #[test]
    fn safety_cannot_be_expected_to_grow_where_a_rate_is_unacceptable() {
        for exposures in EXPOSURES {
            for control in CONTROL_RATES {
                for canary in [1.5, 2.0] {
                    let factors = |control, canary| safe_ratio_factors(control, canary, 1.5, 0.6);
                    for mean in expectations((control, control * canary), exposures, factors) {
                        assert!(mean <= 1.0 + 1e-9, "ratio {mean} {control} {exposures:?}");
                    }
                }
                for canary in [0.001, 0.003] {
                    let factors = |control, canary| {
                        safe_gap_factors(control, canary, 0.001, 0.4, OutOf::Exposure)
                    };
                    for mean in expectations((control, control + canary), exposures, factors) {
                        assert!(mean <= 1.0 + 1e-9, "gap {mean} {control} {exposures:?}");
                    }
                }
            }
        }
    }
}
