//! Evidence from values that are compared as they are: gauges, and quantiles that somebody else
//! computed.
//!
//! Both arms are put on the metric's own scale and subtracted, step by step. Of each difference what
//! the one before foretold is taken off, and the rest is bet on: against its known noise where the
//! control's past shows it, against its own square where nothing is known.

use serde::{Deserialize, Serialize};

use super::bet::{Begins, Bets, BySize, SIZES};
use super::excursions::FAR_OUT;
use super::noise::{Noise, corrected, lasting_correlation, upper_correlation};

/// What safety bets on where the noise is known, and how much on each: most on what no effect looks
/// like from a usual margin, in canaries that just about show it within the hour.
const SHIFTS_OF_SAFETY: BySize = [0.15, 0.3, 0.38, 0.5, 0.8, 1.5];
const WEIGHTS_OF_SAFETY: BySize = [0.05, 0.22, 0.35, 0.22, 0.10, 0.06];

/// How much it bets on each shift where the noise is not known.
const WEIGHTS_OF_SAFETY_AGAINST_SQUARE: BySize = [0.04, 0.14, 0.42, 0.28, 0.08, 0.04];

/// How much is bet on each shift: most on those that an hour of minutes can show.
const WEIGHTS: BySize = [0.06, 0.14, 0.30, 0.28, 0.11, 0.11];

/// Shifts that are bet on, in standard deviations of one step.
const SHIFTS: BySize = [0.1, 0.2, 0.4, 0.8, 1.5, 2.7];

/// Against its own square a shift earns at most half a unit a step, at one over its size.
const SHIFTS_AGAINST_SQUARE: BySize = [0.15, 0.3, 0.5, 0.75, 1.0, 1.4];

/// How far out a single step may lie before it counts as lying there: one outlier is no evidence.
const CLIP: f64 = 3.0;

/// What is assumed of neighbouring steps before anything is known: gauges of one machine drift for
/// a quarter of an hour.
const UNKNOWN_CORRELATION: f64 = 0.9;

/// How many standard errors above its estimate the correlation is taken for harm, and how many more
/// if it is one: too little makes false alarms, and most of them where noise is most alike from step to
/// step. For safety, whose bound is wider, less is enough.
const ERRORS_FOR_HARM: f64 = 0.3;
const MORE_ERRORS_FOR_HARM: f64 = 3.5;
const ERRORS_FOR_SAFETY: f64 = 2.0;

/// Noise below a thousandth of the level is not told from none.
const LEAST_DEVIATION: f64 = 1e-3;

/// One step of both arms, on the scale of the comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Which step, counted in steps: neighbours differ by one.
    pub(crate) step: i64,
    /// The canary less the control, positive where the canary is higher.
    pub(crate) value: f64,
    /// The variance of the difference where one replica has a variance of one: 1/C + 1/B.
    pub(crate) share: f64,
}

/// What is tolerated and what is unacceptable, on the scale of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    /// As the Check says, then widened by how much replicas differ.
    pub(crate) tolerated: f64,
    pub(crate) unacceptable: f64,
}

/// Which change is bad, as a sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Higher,
    Lower,
}

impl Side {
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::Higher => 1.0,
            Self::Lower => -1.0,
        }
    }
}

/// Whether levels are compared, or how much they grow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aspect {
    /// The level: latency, processor time, queues.
    Level,
    /// The growth since the start: memory, whose level says more about the replica than about the
    /// version.
    Growth,
}

/// The evidence of all values of one metric. Its size is fixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ValueEvidence {
    aspect: Aspect,
    sides: Vec<Side>,
    course: Course,
    views: Vec<View>,
}

/// How much of the evidence rests on the past of a replica that ran alone.
const TRUST_IN_ONE: f64 = 0.85;

/// One way to look at the noise, and the bets that rest on it. Where there are two, their evidence is
/// averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct View {
    /// What the control's past shows; without it innovations are held against their own size.
    noise: Option<Noise>,
    /// How large innovations were so far.
    scale: Scale,
    /// How much of the evidence rests on it; all views together have one.
    weight: f64,
    /// For each side.
    bets: Vec<SideBets>,
}

/// The bets on one side of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SideBets {
    side: Side,
    harm: Bets,
    safety: Bets,
    /// Whether the canary was far out at the step before.
    out: bool,
}

impl ValueEvidence {
    pub(crate) fn new(aspect: Aspect, noise: Option<Noise>, sides: &[Side]) -> Self {
        // The past of a single replica holds what both arms will have in common, and what cancels: it
        // may be far noisier than the difference.
        let views = match noise {
            None => vec![View::new(None, 1.0, sides)],
            Some(noise) if noise.alone => {
                vec![
                    View::new(Some(noise), TRUST_IN_ONE, sides),
                    View::new(None, 1.0 - TRUST_IN_ONE, sides),
                ]
            }
            Some(noise) => vec![View::new(Some(noise), 1.0, sides)],
        };
        Self { aspect, sides: sides.to_vec(), course: Course::default(), views }
    }

    /// Takes the next step. Steps come in order.
    ///
    /// * `bounds`: for each side, in its order.
    pub(crate) fn observe(&mut self, difference: Difference, bounds: &[Bounds]) {
        // Values near the end of what a number can hold.
        if !difference.value.is_finite() {
            return;
        }
        for view in &mut self.views {
            view.observe(self.aspect, &self.course, difference, bounds);
        }
        self.course.observe(difference);
    }

    /// Returns the natural logarithm of the e-value against "the effect is tolerable": an average
    /// over the sides, any of which may be harmed.
    pub(crate) fn log_harm(&self) -> f64 {
        let of_view = |view: &View| {
            let sum: f64 = view.bets.iter().map(|side| libm::exp(side.harm.log_e(&WEIGHTS))).sum();
            sum / view.bets.len().max(1) as f64
        };
        self.averaged(of_view)
    }

    /// Returns the natural logarithm of the e-value against "the effect is unacceptable": the least
    /// over the sides, all of which must be safe.
    pub(crate) fn log_safety(&self) -> f64 {
        let of_side = |side: usize| {
            self.averaged(|view| {
                let safety = |side: &SideBets| side.safety.log_e(view.weights_of_safety());
                view.bets.get(side).map_or(1.0, |side| libm::exp(safety(side)))
            })
        };
        (0..self.sides.len()).map(of_side).fold(f64::INFINITY, f64::min)
    }

    fn averaged(&self, e_value: impl Fn(&View) -> f64) -> f64 {
        libm::log(self.views.iter().map(|view| view.weight * e_value(view)).sum())
    }

    /// Returns how many differences were compared.
    pub(crate) fn steps(&self) -> u64 {
        self.course.steps
    }

    /// Returns the mean difference so far, or the growth since the first.
    pub(crate) fn estimate(&self) -> Option<f64> {
        match self.aspect {
            Aspect::Level => (self.course.steps > 0).then_some(self.course.mean),
            Aspect::Growth => Some(self.course.last?.value - self.course.first?.value),
        }
    }

    /// Returns the variance of the estimate times the number of steps, which is what a step is worth:
    /// by the view that sees most.
    pub(crate) fn variance_of_a_step(&self) -> Option<f64> {
        let share = self.course.last?.share;
        let of_view = |view: &View| match (self.aspect, &view.noise) {
            (Aspect::Level, Some(noise)) => {
                let correlation = Purpose::Safety
                    .correlation(noise.correlation, noise.steps, 0.0)
                    .max(noise.lasting);
                Some(noise.variance() * share * (1.0 + correlation) / (1.0 - correlation))
            }
            (Aspect::Level, None) => {
                let correlation = self.course.correlation(Purpose::Safety);
                Some(self.course.variance()? * (1.0 + correlation) / (1.0 - correlation))
            }
            (Aspect::Growth, _) => {
                let deviation = view.innovation_deviation(1.0, Purpose::Harm);
                Some(deviation * deviation * share)
            }
        };
        self.views.iter().filter_map(of_view).reduce(f64::min)
    }
}

impl View {
    fn new(noise: Option<Noise>, weight: f64, sides: &[Side]) -> Self {
        let side = |side: &Side| SideBets {
            side: *side,
            harm: Bets::new(Begins::AnyTime),
            safety: Bets::new(Begins::AtTheStart),
            out: false,
        };
        Self { noise, scale: Scale::default(), weight, bets: sides.iter().map(side).collect() }
    }

    fn weights_of_safety(&self) -> &'static BySize {
        match self.noise {
            Some(_) => &WEIGHTS_OF_SAFETY,
            None => &WEIGHTS_OF_SAFETY_AGAINST_SQUARE,
        }
    }

    fn observe(
        &mut self,
        aspect: Aspect,
        course: &Course,
        difference: Difference,
        bounds: &[Bounds],
    ) {
        let innovations = match aspect {
            Aspect::Level => Some(self.level_innovations(course, difference)),
            Aspect::Growth => self.growth_innovations(course, difference),
        };
        let Some([harm, safety]) = innovations else { return };
        // Before anything is known of the noise nothing can be bet, and nothing is laid.
        if harm.deviation <= 0.0 {
            self.scale.observe(harm.value / difference.share.sqrt());
            return;
        }
        let known = self.noise.is_some();
        for (bets, bounds) in self.bets.iter_mut().zip(bounds) {
            let beyond =
                course.lately.is_none_or(|lately| bets.side.sign() * lately > bounds.tolerated);
            let most = self.noise.map_or(f64::INFINITY, |noise| {
                bets.most_of_excursion(&noise, difference, bounds.tolerated)
            });
            bets.observe(aspect, known, beyond, most, [&harm, &safety], *bounds);
        }
        self.scale.observe(harm.value / difference.share.sqrt());
    }

    /// Returns the innovation as harm and as safety see it.
    fn level_innovations(&self, course: &Course, difference: Difference) -> [Innovation; 2] {
        let previous = course.last;
        // A pause as long as several steps foretells as little as several steps do.
        let pauses = previous.map_or(1.0, |last| course.pauses(difference.step - last.step));
        [Purpose::Harm, Purpose::Safety].map(|purpose| {
            let correlation = match (&self.noise, previous) {
                (Some(noise), Some(_)) => {
                    purpose.correlation(noise.correlation, noise.steps, 0.0).max(noise.lasting)
                }
                (None, Some(_)) => course.correlation(purpose),
                (_, None) => 0.0,
            };
            let correlation = libm::pow(correlation, pauses);
            Innovation {
                value: difference.value - previous.map_or(0.0, |last| correlation * last.value),
                margin_weight: 1.0 - correlation,
                deviation: self.innovation_deviation(correlation, purpose)
                    * difference.share.sqrt(),
            }
        })
    }

    /// Growth is the sum of its steps, and its noise is theirs.
    fn growth_innovations(
        &self,
        course: &Course,
        difference: Difference,
    ) -> Option<[Innovation; 2]> {
        let last = course.last?;
        let deviation = self.innovation_deviation(1.0, Purpose::Harm) * difference.share.sqrt();
        let innovation =
            Innovation { value: difference.value - last.value, margin_weight: 0.0, deviation };
        Some([innovation, innovation])
    }

    /// Returns the standard deviation of what is left of a step of one replica when `used` of the one
    /// before is taken off.
    fn innovation_deviation(&self, used: f64, purpose: Purpose) -> f64 {
        self.noise
            .as_ref()
            .map_or_else(|| self.scale.deviation(), |noise| noise.innovation(used, purpose))
    }
}

/// Beyond this a level is not told from one that wanders without end.
const MOST_CORRELATION: f64 = 0.97;

/// What a correlation is estimated for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    Harm,
    Safety,
}

impl Purpose {
    /// Returns the correlation to be prepared for, given an estimate from so many steps.
    fn correlation(self, estimate: f64, steps: f64, errors_if_alike: f64) -> f64 {
        let errors = match self {
            Self::Harm => {
                let alike = estimate.max(0.0);
                ERRORS_FOR_HARM + alike * (errors_if_alike + MORE_ERRORS_FOR_HARM * alike)
            }
            Self::Safety => {
                let alike = estimate.max(0.0);
                ERRORS_FOR_SAFETY * alike * alike * alike * alike
            }
        };
        upper_correlation(estimate, steps, errors, MOST_CORRELATION)
    }
}

/// What was not foretold of one difference.
#[derive(Clone, Copy, Debug)]
struct Innovation {
    value: f64,
    /// How much of a lasting shift shows in it.
    margin_weight: f64,
    deviation: f64,
}

impl Innovation {
    /// Returns how far it lies from a lasting shift of `margin`, in standard deviations.
    fn standardised(&self, side: Side, margin: f64) -> f64 {
        let distance = side.sign() * self.value - self.margin_weight * margin;
        if self.deviation > 0.0 { (distance / self.deviation).clamp(-CLIP, CLIP) } else { f64::NAN }
    }
}

impl SideBets {
    /// Returns the most that a step can say for harm where the control, too, goes far out at times.
    fn most_of_excursion(&mut self, noise: &Noise, difference: Difference, tolerated: f64) -> f64 {
        let beyond = self.side.sign() * difference.value - tolerated;
        let is_out = beyond > FAR_OUT * noise.deviation * difference.share.sqrt();
        let was_out = std::mem::replace(&mut self.out, is_out);
        if is_out { noise.excursions.most(was_out) } else { f64::INFINITY }
    }

    /// * `most`: the largest logarithm by which the step may raise the evidence of harm.
    fn observe(
        &mut self,
        aspect: Aspect,
        known: bool,
        beyond: bool,
        most: f64,
        [harm, safety]: [&Innovation; 2],
        bounds: Bounds,
    ) {
        let factors = |z: f64, shifts: &BySize| {
            if known { against_noise(z, shifts) } else { against_square(z) }
        };
        let tolerated = harm.standardised(self.side, bounds.tolerated);
        match aspect {
            Aspect::Level => {
                // A canary that warms up below its tolerance is not harmed by warming: nothing is bet
                // on a step before which the difference was one to put up with.
                let factors_of_harm = if beyond { factors(tolerated, &SHIFTS) } else { FREE };
                self.harm.observe(&factors_of_harm.map(|factor| factor.min(most)), &FREE);
                let unacceptable = safety.standardised(self.side, bounds.unacceptable);
                self.safety.observe(&factors(-unacceptable, &SHIFTS_OF_SAFETY), &FREE);
            }
            // The growth that is tolerated may come all at once: it is paid for beforehand.
            Aspect::Growth => {
                let shifts = if known { &SHIFTS } else { &SHIFTS_AGAINST_SQUARE };
                let budget = bounds.tolerated / harm.deviation;
                self.harm
                    .observe(&factors(tolerated, &SHIFTS), &shifts.map(|shift| shift * budget));
            }
        }
    }
}

const FREE: BySize = [0.0; SIZES];

/// Returns how a bet on each shift grows when the noise is known: the likelihood ratio of normal
/// distributions (Howard, Ramdas, McAuliffe and Sekhon, *Annals of Statistics* 49 (2021), section 3).
fn against_noise(z: f64, shifts: &BySize) -> BySize {
    shifts.map(|shift| shift * z - shift * shift / 2.0)
}

/// Returns how a bet on each shift grows when nothing is known but that the noise is symmetric (de la
/// Peña, *Annals of Probability* 27 (1999), lemma 6.1; Howard et al. 2021, table 3).
fn against_square(z: f64) -> BySize {
    SHIFTS_AGAINST_SQUARE.map(|shift| shift * z - shift * shift * z * z / 2.0)
}

impl Noise {
    fn variance(&self) -> f64 {
        let deviation = self.prudent_deviation();
        deviation * deviation
    }

    /// The deviation, a little larger where it was estimated from little.
    fn prudent_deviation(&self) -> f64 {
        let correlation = self.correlation.clamp(0.0, 0.9);
        let independent = self.steps * (1.0 - correlation) / (1.0 + correlation);
        let prudence = 1.0 + 0.25 / independent.max(1.0).sqrt();
        self.deviation.max(LEAST_DEVIATION) * prudence
    }

    /// Returns the standard deviation of what is left of a step when `used` of the one before is
    /// taken off, whatever the true correlation is.
    fn innovation(&self, used: f64, purpose: Purpose) -> f64 {
        let left = 1.0 + used * used - 2.0 * used * self.correlation.clamp(0.0, 1.0);
        let deviation = match purpose {
            Purpose::Harm => self.prudent_deviation(),
            Purpose::Safety => self.deviation.max(LEAST_DEVIATION),
        };
        deviation * left.max(0.02).sqrt()
    }
}

/// The differences so far, in a few numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Course {
    steps: u64,
    mean: f64,
    /// Sum of squares about the mean.
    squares: f64,
    /// Sum of products of neighbours, plain, with what is needed to centre it.
    products: f64,
    sum_before: f64,
    sum_after: f64,
    neighbours: u64,
    /// The last few differences, and the products of those that lie as far apart as `FAR`.
    latest: Vec<f64>,
    far_products: f64,
    far_pairs: u64,
    /// The smallest number of steps from one difference to the next: points may be rarer than steps.
    gap: Option<i64>,
    first: Option<Placed>,
    last: Option<Placed>,
    /// The difference of the last few steps.
    lately: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Placed {
    step: i64,
    value: f64,
    share: f64,
}

impl Course {
    fn observe(&mut self, difference: Difference) {
        let placed =
            Placed { step: difference.step, value: difference.value, share: difference.share };
        self.steps += 1;
        let from_mean = placed.value - self.mean;
        self.mean += from_mean / self.steps as f64;
        self.squares += from_mean * (placed.value - self.mean);
        if let Some(last) = self.last {
            let gap = (placed.step - last.step).max(1);
            self.gap = self.gap.map_or(Some(gap), |known| Some(known.min(gap)));
            self.products += last.value * placed.value;
            self.sum_before += last.value;
            self.sum_after += placed.value;
            self.neighbours += 1;
        }
        self.lately = Some(
            self.lately.map_or(placed.value, |lately| lately + LATEST * (placed.value - lately)),
        );
        if self.latest.len() == FAR {
            // About the mean so far: a drift that is there for good is what is looked for.
            self.far_products += (self.latest[0] - self.mean) * (placed.value - self.mean);
            self.far_pairs += 1;
            self.latest.remove(0);
        }
        self.latest.push(placed.value);
        self.first = self.first.or(Some(placed));
        self.last = Some(placed);
    }

    /// Returns a number of steps in units of the usual one.
    fn pauses(&self, steps: i64) -> f64 {
        let usual = self.gap.unwrap_or(steps).max(1);
        (steps.max(1) as f64 / usual as f64).max(1.0)
    }

    fn variance(&self) -> Option<f64> {
        (self.steps > 1).then(|| self.squares / (self.steps - 1) as f64)
    }

    /// Returns the correlation of neighbours to be prepared for.
    fn correlation(&self, purpose: Purpose) -> f64 {
        if self.neighbours < FEWEST_NEIGHBOURS || self.squares <= 0.0 {
            return UNKNOWN_CORRELATION;
        }
        let pairs = self.neighbours as f64;
        let centred = self.products - self.mean * (self.sum_before + self.sum_after)
            + pairs * self.mean * self.mean;
        let plain = centred / self.squares * (self.steps as f64 / pairs);
        let estimate = corrected(plain, self.steps as f64);
        let variance = self.squares / self.steps as f64;
        let far = self.far_products / self.far_pairs.max(1) as f64 / variance;
        let lasting = lasting_correlation(far, FAR, self.far_pairs as f64);
        purpose.correlation(estimate, self.steps as f64, 2.0).max(lasting)
    }
}

/// How many differences apart a slow drift under fast noise is looked for.
const FAR: usize = 4;

/// How much of the latest difference is in the difference of the last few steps.
const LATEST: f64 = 0.3;

/// With fewer neighbours than this a correlation cannot be told at all.
const FEWEST_NEIGHBOURS: u64 = 6;

/// How large innovations were so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Scale {
    steps: u64,
    mean_square: f64,
}

impl Scale {
    fn observe(&mut self, innovation: f64) {
        let deviation = self.deviation();
        self.steps += 1;
        // One outlier must not blind the judge for an hour.
        let most = if deviation > 0.0 { 2.0 * CLIP * deviation } else { f64::INFINITY };
        let clipped = innovation.abs().min(most);
        self.mean_square += (clipped * clipped - self.mean_square) / self.steps as f64;
    }

    /// Zero before the first innovation: nothing can be bet on then.
    fn deviation(&self) -> f64 {
        if self.steps == 0 { 0.0 } else { self.mean_square.sqrt().max(LEAST_DEVIATION) }
    }
}
