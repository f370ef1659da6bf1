//! One metric of both arms, step after step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_model::{
    Amount, Arm, BucketBounds, Check, Margins, Measure, MeasureKind, MetricSeries, Multiple,
    Pairing, Step, Timestamp, Worse,
};
use serin_stats::quantile;

use crate::bins::{HISTOGRAM_QUANTILE, Total};
use crate::histogram::bucket_quantile;

use super::bet::averaged;
use super::fraction::{Fractions, Whole};
use super::intake::{ArmStep, Intake, MetricStep, Sample, past_of};
use super::noise::{Noise, Past, Spread, spread_of};
use super::rates::{RateBound, RateEvidence, Tally};
use super::silence::{Voice, Voices};
use super::spread::{KnownQuantile, REASON_OF_TIMES, Replicas, margin_of_times};
use super::tail::{TailEvidence, Telling};
use super::values::{Aspect, Bounds, Difference, Side, ValueEvidence};

/// All that is known of one answer to one check, in bounded space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricState {
    pub(crate) check: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) intake: Intake,
    /// Why the source has no answer, if it failed when last asked.
    pub(crate) failure: Option<String>,
    /// Whether what should be counted comes in fractions, such as seconds: it is no count then.
    uncountable: bool,
    /// Whether the canary reported what is no measurement, and nothing else with it.
    pub(crate) garbled: bool,
    /// Which share of the control's values is zero.
    zeros: RunningMean,
    scale: Option<Scale>,
    noise: Option<Noise>,
    spread: Option<Spread>,
    levels: Vec<RunningMean>,
    /// How large the control's values are, whatever their sign.
    size: RunningMean,
    pub(crate) values: Option<ValueEvidence>,
    pub(crate) fractions: Option<Fractions>,
    pub(crate) rates: Vec<(Side, RateEvidence)>,
    pub(crate) tails: Vec<TailEvidence>,
    /// A control that was known whole before the canary began: its level, or an average step.
    reference: Option<Reference>,
    pub(crate) control_replicas: usize,
    pub(crate) canary_replicas: usize,
    /// Whether the canary's replicas are the control's, at another time.
    same_replicas: bool,
    /// Whether the canary's replicas began with the analysis, and the control's did not.
    fresh: bool,
    /// How long the analysis has been going on, in minutes.
    minutes: f64,
    /// The control's level at each step of its known past, from the first.
    youth: Vec<f64>,
    /// The control's level over the last few steps.
    lately: Option<f64>,
    /// What the control usually reports: whether it speaks, and how much of it is bad.
    usual: Usual,
    /// How far replicas alone may set the arms apart, as of the last step.
    margin: f64,
    quantile: KnownQuantile,
    /// The evidence as of the last step.
    pub(crate) harm: f64,
    pub(crate) safety: f64,
    /// The largest evidence of harm so far, and since when it has been building up.
    pub(crate) most_harm: f64,
    /// The largest evidence of safety so far.
    pub(crate) most_safety: f64,
    pub(crate) since: Option<Timestamp>,
}

/// On which scale values are subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scale {
    /// Logarithms: every value of the control was above zero.
    Logarithm,
    /// As they are, in units of the control's level.
    Plain,
}

/// A running mean: of one replica of the control relative to the others, say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RunningMean {
    steps: f64,
    mean: f64,
}

/// What the control did before the canary began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Usual {
    speaks: bool,
    /// The share that is bad in the middle one of its steps.
    bad: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Reference {
    Value(f64),
    /// An average step, and how many events were counted in all.
    Counted(Tally, f64),
    Buckets(Vec<f64>),
}

impl MetricState {
    pub(crate) fn new(check: &Check, labels: &BTreeMap<String, String>) -> Self {
        Self {
            check: check.name.clone(),
            labels: labels.clone(),
            intake: Intake::default(),
            failure: None,
            uncountable: false,
            garbled: false,
            zeros: RunningMean::default(),
            scale: None,
            noise: None,
            spread: None,
            levels: Vec::new(),
            size: RunningMean::default(),
            values: None,
            fractions: None,
            rates: Vec::new(),
            tails: Vec::new(),
            reference: None,
            control_replicas: 0,
            canary_replicas: 0,
            same_replicas: false,
            fresh: false,
            minutes: 0.0,
            youth: Vec::new(),
            lately: None,
            usual: Usual::default(),
            margin: 0.0,
            quantile: KnownQuantile::default(),
            harm: 0.0,
            safety: 0.0,
            most_harm: 0.0,
            most_safety: 0.0,
            since: None,
        }
    }

    /// Learns from what the control did before `end`: its noise, how unlike its replicas are, and,
    /// where nothing of it will come any more, what the canary is held against.
    ///
    /// * `canary`: only to see whether it, too, was there before.
    pub(crate) fn learn(
        &mut self,
        check: &Check,
        control: &Arm,
        canary: &Arm,
        step: Step,
        end: Timestamp,
        is_all: bool,
    ) {
        let mut past = past_of(control, step, end);
        self.uncountable = is_uncountable(check, past.iter().flat_map(|(_, steps)| steps.values()));
        if self.uncountable {
            past.iter_mut().flat_map(|(_, steps)| steps.values_mut()).for_each(as_value);
        }
        let was_there = canary.span().is_some_and(|(first, _)| first < end);
        let names = |arm: &Arm| arm.replicas.iter().map(|r| r.name.clone()).collect::<Vec<_>>();
        self.same_replicas = is_all && names(control) == names(canary);
        self.fresh =
            !is_all && !was_there && past.iter().any(|(_, steps)| steps.len() >= OLD_STEPS);
        self.usual.speaks = past.iter().any(|(_, steps)| is_regular(steps));
        let samples = || past.iter().flat_map(|(_, steps)| steps.values());
        self.control_replicas = past.iter().filter(|(_, steps)| !steps.is_empty()).count();
        if let Some(whole) = whole_of(check, samples()) {
            let mut fractions = Fractions::new(whole);
            samples().for_each(|sample| {
                if let Sample::Value(value) = sample {
                    fractions.observe(*value);
                }
            });
            self.fractions = Some(fractions).filter(|fractions| !fractions.are_refuted());
        }
        self.usual.bad = self.usual_bad(check, samples());
        self.learn_rates(check, &past);
        self.learn_values(check, &past);
        self.learn_tails(check, &past, control);
        if is_all {
            self.reference = self.whole_control(check, &past);
        }
    }

    fn usual_bad<'a>(
        &self,
        check: &Check,
        samples: impl Iterator<Item = &'a Sample>,
    ) -> Option<f64> {
        let share = |sample: &Sample| {
            let tally = self.bad_of(check, sample)?;
            (tally.exposure > 0.0).then(|| tally.events / tally.exposure)
        };
        quantile(&samples.filter_map(share).collect::<Vec<_>>(), 0.5)
    }

    /// Returns what is bad out of all, where a sample says so.
    fn bad_of(&self, check: &Check, sample: &Sample) -> Option<Tally> {
        let bad_is_high = check.worse != Worse::Lower;
        match sample {
            Sample::Counted(tally) if check.measure.kind() == MeasureKind::Ratio && bad_is_high => {
                Some(*tally)
            }
            Sample::Value(value) => self.fractions.as_ref()?.tally(*value, bad_is_high),
            Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
        }
    }

    /// Learns how evenly the control's replicas shared what they had together, step by step.
    fn learn_rates(&mut self, check: &Check, past: &[(String, BTreeMap<i64, Sample>)]) {
        let mut steps: BTreeMap<i64, Vec<Tally>> = BTreeMap::new();
        for (at, sample) in past.iter().flat_map(|(_, steps)| steps) {
            let tally = match sample {
                Sample::Counted(tally) => Some(*tally),
                Sample::Value(_) | Sample::Buckets(_) | Sample::Garbled => {
                    self.bad_of(check, sample)
                }
            };
            steps.entry(*at).or_default().extend(tally);
        }
        if steps.values().all(Vec::is_empty) {
            return;
        }
        self.rates = rates_of(check);
        for (_, evidence) in &mut self.rates {
            steps.values().for_each(|replicas| evidence.learn(replicas));
        }
    }

    fn learn_values(&mut self, check: &Check, past: &[(String, BTreeMap<i64, Sample>)]) {
        let values: Vec<Vec<(i64, f64)>> = past.iter().map(|(_, steps)| values(steps)).collect();
        let all = || values.iter().flatten().map(|(_, value)| *value);
        if all().next().is_none() {
            return;
        }
        let zeros = all().filter(|value| *value == 0.0).count() as f64;
        self.note_zeros(all());
        let above = all().all(|value| value >= 0.0) && zeros <= MOST_ZEROS * all().count() as f64;
        self.scale = Some(if above { Scale::Logarithm } else { Scale::Plain });
        self.note_size(all());
        let unit = self.unit();
        let scaled: Vec<Past> = values
            .iter()
            .map(|past| {
                past.iter()
                    .filter_map(|(at, value)| Some((*at, self.scaled(*value, unit)?)))
                    .collect()
            })
            .collect();
        self.youth = if self.fresh { youth_of(&scaled) } else { Vec::new() };
        self.noise = Noise::of(&scaled);
        self.spread = spread_of(&scaled, self.noise.as_ref());
        let aspect = aspect_of(check);
        self.values = Some(ValueEvidence::new(aspect, self.noise, &sides(check.worse)));
    }

    fn learn_tails(
        &mut self,
        check: &Check,
        past: &[(String, BTreeMap<i64, Sample>)],
        control: &Arm,
    ) {
        let Some(bounds) =
            control.replicas.iter().find_map(|replica| match &replica.observations {
                serin_model::Observations::Histogram { bounds, .. } => Some(bounds.as_slice()),
                _ => None,
            })
        else {
            return;
        };
        for side in sides(check.worse) {
            let mut tail = TailEvidence::new(side, bounds);
            let replicas: Vec<Vec<(i64, &[f64])>> =
                past.iter().map(|(_, steps)| buckets(steps)).collect();
            tail.learn(&replicas);
            self.tails.push(tail);
        }
    }

    /// Returns an average step of the control, without what a single step did that none else did.
    fn whole_control(
        &self,
        check: &Check,
        past: &[(String, BTreeMap<i64, Sample>)],
    ) -> Option<Reference> {
        let middle = || {
            let all: Vec<f64> =
                past.iter().flat_map(|(_, steps)| values(steps)).map(|(_, value)| value).collect();
            quantile(&all, 0.5).map(Reference::Value)
        };
        match check.measure.kind() {
            MeasureKind::Count if self.uncountable => middle(),
            MeasureKind::Ratio | MeasureKind::Count => {
                let steps = past.iter().flat_map(|(_, steps)| steps.values());
                let tallies = steps.filter_map(|sample| match sample {
                    Sample::Counted(tally) => Some(*tally),
                    Sample::Buckets(_) | Sample::Value(_) | Sample::Garbled => None,
                });
                usual_step(tallies.collect())
            }
            MeasureKind::Histogram => {
                let steps = past.iter().flat_map(|(_, steps)| steps.values());
                let mut count = 0.0;
                let mut sum: Option<Vec<f64>> = None;
                for sample in steps {
                    if let Sample::Buckets(buckets) = sample {
                        count += 1.0;
                        match &mut sum {
                            Some(sum) => {
                                sum.iter_mut().zip(buckets).for_each(|(sum, more)| *sum += more);
                            }
                            None => sum = Some(buckets.clone()),
                        }
                    }
                }
                sum.map(|sum| Reference::Buckets(sum.into_iter().map(|all| all / count).collect()))
            }
            MeasureKind::Gauge | MeasureKind::Quantile => middle(),
        }
    }

    /// Takes one closed step, and says what each arm's voice was.
    ///
    /// * `minutes`: since the start of the analysis.
    pub(crate) fn observe(
        &mut self,
        check: &Check,
        step: &MetricStep,
        minutes: f64,
        most: f64,
    ) -> Voices {
        self.minutes = minutes;
        self.canary_replicas = self.canary_replicas.max(step.canary.len());
        if self.reference.is_none() {
            self.control_replicas = self.control_replicas.max(step.control.len());
        }
        let voices = match check.measure.kind() {
            MeasureKind::Count if self.is_uncountable(check, step) => {
                let mut step = step.clone();
                step.control
                    .iter_mut()
                    .chain(&mut step.canary)
                    .for_each(|(_, sample)| as_value(sample));
                self.observe_values(check, &step, most)
            }
            MeasureKind::Ratio | MeasureKind::Count => self.observe_counts(check, step, most),
            MeasureKind::Histogram => self.observe_buckets(check, step, most),
            MeasureKind::Gauge | MeasureKind::Quantile => self.observe_values(check, step, most),
        };
        self.harm = self.log_harm();
        self.safety = self.log_safety();
        if self.harm < BUILDING_UP {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(step.last_point);
        }
        self.most_harm = self.most_harm.max(self.harm);
        self.most_safety = self.most_safety.max(self.safety);
        let (control, mut canary) = voices;
        // What is garbled is no silence, and no speech that could be judged.
        if canary == Voice::Absent && !step.canary.is_empty() {
            canary = Voice::Idle;
            self.garbled = true;
        }
        let heard = step.control.len() as f64 / self.control_replicas.max(1) as f64;
        let control_missing = if self.reference.is_some() { 0.0 } else { (1.0 - heard).max(0.0) };
        let control_is_unwell = self.is_unwell(check, step, control);
        Voices { control, canary, control_is_unwell, control_missing }
    }

    /// What was once found to come in fractions is no count for good.
    fn is_uncountable(&mut self, check: &Check, step: &MetricStep) -> bool {
        let samples = step.control.iter().chain(&step.canary).map(|(_, sample)| sample);
        self.uncountable |= is_uncountable(check, samples);
        self.uncountable
    }

    /// Returns whether the control used to report at every step.
    pub(crate) fn is_usually_heard(&self) -> bool {
        self.usual.speaks
    }

    /// Returns whether the control says nothing where it used to, or fails as it never did: then it is
    /// not the canary that is wrong.
    fn is_unwell(&self, check: &Check, step: &MetricStep, control: Voice) -> bool {
        if self.usual.speaks && control == Voice::Absent {
            return true;
        }
        let Some(usual) = self.usual.bad else { return false };
        let bad = step.control.iter().filter_map(|(_, sample)| self.bad_of(check, sample));
        let now = bad.fold(Tally::default(), |mut sum, tally| {
            sum.add(tally);
            sum
        });
        now.exposure > 0.0 && now.events > now.exposure * UNWELL.max(3.0 * usual)
    }

    fn observe_counts(&mut self, check: &Check, step: &MetricStep, most: f64) -> (Voice, Voice) {
        let control = match &self.reference {
            Some(Reference::Counted(tally, _)) => Some(*tally),
            _ => counted(&step.control),
        };
        let canary = counted(&step.canary);
        if let (Some(control), Some(canary)) = (control, canary) {
            let replicas: Vec<Tally> = tallies(&step.control).collect();
            self.bet_on_rates(check, control, canary, &replicas, &check.margins, most);
        }
        (voice_of_count(control), voice_of_count(canary))
    }

    fn bet_on_rates(
        &mut self,
        check: &Check,
        control: Tally,
        canary: Tally,
        replicas: &[Tally],
        margins: &Margins,
        most: f64,
    ) {
        if self.rates.is_empty() {
            self.rates = rates_of(check);
        }
        for (side, evidence) in &mut self.rates {
            let (mut tolerated, unacceptable) = rate_bounds(margins, *side);
            if let Some(Reference::Counted(usual, events)) = &self.reference {
                tolerated = tolerated.beyond_chance(*usual, *events);
            }
            // Fewer on the canary is more on the control: the arms change places.
            match side {
                Side::Higher => evidence.observe(control, canary, tolerated, unacceptable, most),
                Side::Lower => evidence.observe(canary, control, tolerated, unacceptable, most),
            }
            evidence.learn(replicas);
        }
    }

    fn observe_buckets(&mut self, check: &Check, step: &MetricStep, most: f64) -> (Voice, Voice) {
        let control = match &self.reference {
            Some(Reference::Buckets(buckets)) => Some(buckets.clone()),
            _ => stacked(&step.control),
        };
        let canary = stacked(&step.canary);
        if let (Some(control), Some(canary)) = (&control, &canary) {
            if self.tails.is_empty() {
                let bounds = self.intake.bounds.clone().unwrap_or_default();
                self.tails = sides(check.worse)
                    .into_iter()
                    .map(|side| TailEvidence::new(side, &bounds))
                    .collect();
            }
            let replicas: Vec<&[f64]> = step
                .control
                .iter()
                .filter_map(|(_, sample)| match sample {
                    Sample::Buckets(buckets) => Some(buckets.as_slice()),
                    Sample::Counted(_) | Sample::Value(_) | Sample::Garbled => None,
                })
                .collect();
            let margins = &check.margins;
            let of_control =
                if self.reference.is_some() { 0.0 } else { 1.0 / step.control.len().max(1) as f64 };
            let share = of_control + 1.0 / step.canary.len().max(1) as f64;
            for tail in &mut self.tails {
                if tail.bounds().len() + 1 == control.len() && control.len() == canary.len() {
                    tail.observe(
                        step.step,
                        (control, canary),
                        share,
                        (margins.tolerance(), margins.unacceptable()),
                        most,
                    );
                    tail.learn_replicas(&replicas);
                }
            }
        }
        let voice = |buckets: &Option<Vec<f64>>| match buckets {
            None => Voice::Absent,
            Some(buckets) if buckets.iter().sum::<f64>() > 0.0 => Voice::Speaks,
            Some(_) => Voice::Idle,
        };
        (voice(&control), voice(&canary))
    }

    fn observe_values(&mut self, check: &Check, step: &MetricStep, most: f64) -> (Voice, Voice) {
        let control: Vec<f64> = match &self.reference {
            Some(Reference::Value(value)) => vec![*value],
            _ => plain(&step.control).map(|(_, value)| value).collect(),
        };
        let canary: Vec<f64> = plain(&step.canary).map(|(_, value)| value).collect();
        self.look_for_fractions(check, &control, &canary);
        self.note_zeros(control.iter().copied());
        if self.scale.is_none() && !control.is_empty() {
            let above = control.iter().all(|value| *value > 0.0);
            self.scale = Some(if above { Scale::Logarithm } else { Scale::Plain });
        }
        if self.values.is_none() && self.scale.is_some() {
            self.values = Some(ValueEvidence::new(aspect_of(check), None, &sides(check.worse)));
        }
        let shares = self.fractions.as_ref().filter(|fractions| fractions.hold()).cloned();
        match &shares {
            Some(shares) => self.bet_on_shares(check, shares, step, most),
            None => self.bet_on_values(check, step, &control),
        }
        self.note_levels(step);
        self.note_size(control.iter().copied());
        let aspect = aspect_of(check);
        let voice = |values: &[f64]| {
            if values.is_empty() {
                return Voice::Absent;
            }
            // Memory is held by the dead, too.
            let speaks = |value: &f64| {
                aspect == Aspect::Level
                    && match (&shares, self.scale) {
                        (Some(shares), _) => shares.tells(*value),
                        (None, Some(Scale::Logarithm)) => *value != 0.0 || self.zero_is_usual(),
                        (None, _) => true,
                    }
            };
            if values.iter().any(speaks) { Voice::Speaks } else { Voice::Hums }
        };
        (voice(&control), voice(&canary))
    }

    fn look_for_fractions(&mut self, check: &Check, control: &[f64], canary: &[f64]) {
        if self.scale.is_none() {
            let all =
                control.iter().chain(canary).map(|value| Sample::Value(*value)).collect::<Vec<_>>();
            self.fractions = whole_of(check, all.iter()).map(Fractions::new);
        }
        if let Some(fractions) = &mut self.fractions {
            control.iter().chain(canary).for_each(|value| fractions.observe(*value));
            if fractions.are_refuted() {
                self.fractions = None;
            }
        }
    }

    fn bet_on_shares(&mut self, check: &Check, shares: &Fractions, step: &MetricStep, most: f64) {
        let bad_is_high = check.worse != Worse::Lower;
        let tally = |arm: &ArmStep| {
            let mut sum: Option<Tally> = None;
            for (_, value) in plain(arm) {
                if let Some(tally) = shares.tally(value, bad_is_high) {
                    sum.get_or_insert_default().add(tally);
                }
            }
            sum
        };
        let control = match &self.reference {
            Some(Reference::Value(value)) => shares.tally(*value, bad_is_high),
            _ => tally(&step.control),
        };
        let (Some(control), Some(canary)) = (control, tally(&step.canary)) else { return };
        let replicas: Vec<Tally> = plain(&step.control)
            .filter_map(|(_, value)| shares.tally(value, bad_is_high))
            .collect();
        let margins = margins_of_shares(&check.margins, bad_is_high, control);
        self.bet_on_rates(check, control, canary, &replicas, &margins, most);
    }

    fn bet_on_values(&mut self, check: &Check, step: &MetricStep, control: &[f64]) {
        if self.size.steps == 0.0 {
            self.note_size(control.iter().copied());
        }
        let unit = self.unit();
        let scaled = |values: &mut dyn Iterator<Item = f64>| -> Vec<f64> {
            values.filter_map(|value| self.scaled(value, unit)).collect()
        };
        let control = scaled(&mut control.iter().copied());
        let canary = scaled(&mut plain(&step.canary).map(|(_, value)| value));
        let (Some(on_control), Some(on_canary)) = (mean(&control), mean(&canary)) else { return };
        let difference = Difference {
            step: step.step,
            value: on_canary - on_control,
            share: 1.0 / canary.len() as f64 + self.share_of_control(control.len()),
        };
        self.margin = self.margin_now(check);
        let bounds: Vec<Bounds> = sides(check.worse)
            .into_iter()
            .map(|side| self.bounds(check, side, on_control))
            .collect();
        if let Some(values) = &mut self.values {
            values.observe(difference, &bounds);
        }
        let lately = self.lately.unwrap_or(on_control);
        self.lately = Some(lately + LATEST * (on_control - lately));
    }

    /// A control that was known whole adds no noise of its own to a step; what it adds to all of
    /// them is in the margin.
    fn share_of_control(&self, replicas: usize) -> f64 {
        if self.reference.is_some() { 0.0 } else { 1.0 / replicas as f64 }
    }

    /// Returns the value on the scale of the comparison; a zero on a logarithmic scale is none.
    fn scaled(&self, value: f64, unit: f64) -> Option<f64> {
        match self.scale? {
            Scale::Logarithm => (value > 0.0).then(|| libm::log(value)),
            Scale::Plain => (unit > 0.0).then(|| value / unit),
        }
    }

    /// Takes note of how large the control's values are: what a difference of one means on the plain
    /// scale.
    fn note_size(&mut self, values: impl Iterator<Item = f64>) {
        for value in values {
            self.size.steps += 1.0;
            self.size.mean += (value.abs() - self.size.mean) / self.size.steps;
        }
    }

    fn note_zeros(&mut self, values: impl Iterator<Item = f64>) {
        for value in values {
            self.zeros.steps += 1.0;
            let zero = f64::from(u8::from(value == 0.0));
            self.zeros.mean += (zero - self.zeros.mean) / self.zeros.steps;
        }
    }

    /// Returns whether the control, too, is often at zero: zero is a level then, and no silence.
    fn zero_is_usual(&self) -> bool {
        self.zeros.mean > MOST_ZEROS
    }

    fn unit(&self) -> f64 {
        if self.size.mean > 0.0 { self.size.mean } else { 1.0 }
    }

    /// Returns what is tolerated and unacceptable on the scale of the comparison.
    fn bounds(&self, check: &Check, side: Side, level: f64) -> Bounds {
        let bounds = self.written_bounds(check, side, level);
        let younger = self.younger(check, side);
        Bounds { tolerated: bounds.tolerated.max(self.margin).max(younger), ..bounds }
    }

    /// Returns how much worse the control was than now when it was as young as the canary is, as far
    /// as its known past reaches.
    fn younger(&self, check: &Check, side: Side) -> f64 {
        if check.margins.written().tolerance || self.youth.is_empty() {
            return 0.0;
        }
        let Some(lately) = self.lately else { return 0.0 };
        let at = self.steps() as usize;
        let around: Vec<f64> =
            self.youth.iter().skip(at.saturating_sub(2)).take(5).copied().collect();
        mean(&around).map_or(0.0, |then| side.sign() * (then - lately))
    }

    fn written_bounds(&self, check: &Check, side: Side, level: f64) -> Bounds {
        let margins = &check.margins;
        let logarithmic = self.scale == Some(Scale::Logarithm);
        let size = if logarithmic { libm::exp(level) } else { 1.0 };
        let on_scale = |relative: f64, floor: f64| {
            let relative = relative.max(if floor > 0.0 { floor / size } else { 0.0 });
            if logarithmic { change_as_logarithm(relative, side) } else { relative }
        };
        Bounds {
            tolerated: on_scale(margins.tolerance(), margins.floor()),
            unacceptable: on_scale(margins.unacceptable(), margins.unacceptable_floor()),
        }
    }

    /// Returns how far replicas alone, or the time between, may set the arms apart.
    fn margin_now(&mut self, check: &Check) -> f64 {
        let assume = !check.margins.written().tolerance;
        let mut quantile = self.quantile;
        let margin = match (&self.reference, self.same_replicas, &self.noise) {
            (Some(_), true, Some(noise)) => {
                let error = noise.error_of_level();
                margin_of_times(noise.deviation, error, noise.steps, &mut quantile)
            }
            _ => self.replicas().margin(assume, &mut quantile),
        };
        self.quantile = quantile;
        margin
    }

    pub(crate) fn replicas(&self) -> Replicas {
        Replicas {
            measured: self.spread.or_else(|| self.running_spread()),
            noise: self.noise.map_or(0.0, |noise| noise.deviation),
            control: self.control_replicas,
            canary: self.canary_replicas,
            fresh_minutes: self.fresh.then_some(self.minutes),
        }
    }

    /// Returns the tolerated change as a fraction of control, after widening, with why it was widened.
    pub(crate) fn tolerated(&self, check: &Check) -> (f64, Option<String>) {
        let written = check.margins.tolerance();
        if let Some(telling) = self.most_telling() {
            let reason = format!(
                "counted in events beyond {}, where {written} more time puts that many more",
                Amount::new(telling.edge, MeasureKind::Histogram),
                written = Multiple(1.0 + written)
            );
            return (telling.tolerated - 1.0, Some(reason));
        }
        if self.values.is_none() || self.is_of_shares() {
            return (written, None);
        }
        let side = sides(check.worse)[0];
        if self.margin <= self.written_bounds(check, side, 0.0).tolerated {
            return (written, None);
        }
        let fraction = match (self.scale, side) {
            (Some(Scale::Logarithm), Side::Higher) => libm::exp(self.margin) - 1.0,
            (Some(Scale::Logarithm), Side::Lower) => 1.0 - libm::exp(-self.margin),
            (_, _) => self.margin,
        };
        let reason = if self.reference.is_some() && self.same_replicas {
            REASON_OF_TIMES.to_owned()
        } else {
            self.replicas().reason(!check.margins.written().tolerance)
        };
        (fraction, Some(reason))
    }

    /// Returns whether values are compared, and not counts.
    pub(crate) fn compares_values(&self) -> bool {
        self.values.as_ref().is_some_and(|values| values.steps() > 0)
    }

    /// Returns which share of a histogram's events lies beyond the edges that were asked for proof.
    pub(crate) fn proven_tail(&self) -> Option<f64> {
        self.tails.first()?.proven_tail()
    }

    /// Returns the edge of a histogram that says most.
    pub(crate) fn most_telling(&self) -> Option<Telling<'_>> {
        self.tails.first()?.most_telling()
    }

    pub(crate) fn is_of_shares(&self) -> bool {
        self.fractions.as_ref().is_some_and(Fractions::hold)
    }

    pub(crate) fn shares_are_shown(&self) -> bool {
        self.fractions.as_ref().is_some_and(Fractions::are_shown)
    }

    pub(crate) fn has_noise(&self) -> bool {
        self.noise.is_some()
    }

    /// Returns whether what should be counted comes in fractions, so that its values are compared.
    pub(crate) fn comes_in_fractions(&self) -> bool {
        self.uncountable
    }

    /// Returns what the control's past shows of its noise.
    pub(crate) fn noise(&self) -> Option<&Noise> {
        self.noise.as_ref()
    }

    /// Returns what the control's past shows of how unlike its replicas are.
    pub(crate) fn spread(&self) -> Option<Spread> {
        self.spread
    }

    pub(crate) fn is_logarithmic(&self) -> bool {
        self.scale == Some(Scale::Logarithm)
    }

    /// Where the past showed nothing, the replicas of the control show as they go how unlike they are.
    fn running_spread(&self) -> Option<Spread> {
        let levels: Vec<f64> =
            self.levels.iter().filter(|level| level.steps >= 5.0).map(|level| level.mean).collect();
        if levels.len() < 2 {
            return None;
        }
        let variance = serin_stats::moments(&levels)?.variance;
        Some(Spread { variance, replicas: levels.len() })
    }

    fn note_levels(&mut self, step: &MetricStep) {
        if self.reference.is_some() || self.is_of_shares() || step.control.len() < 2 {
            return;
        }
        let unit = self.unit();
        let scaled: Vec<(usize, f64)> = plain(&step.control)
            .filter_map(|(replica, value)| Some((replica, self.scaled(value, unit)?)))
            .collect();
        let Some(centre) = mean(&scaled.iter().map(|(_, value)| *value).collect::<Vec<_>>()) else {
            return;
        };
        for (replica, value) in scaled {
            if replica >= MOST_LEVELS {
                continue;
            }
            if self.levels.len() <= replica {
                self.levels.resize(replica + 1, RunningMean::default());
            }
            let level = &mut self.levels[replica];
            level.steps += 1.0;
            level.mean += (value - centre - level.mean) / level.steps;
        }
    }

    fn judged_rates(&self) -> impl Iterator<Item = &RateEvidence> {
        self.rates.iter().map(|(_, evidence)| evidence).filter(|evidence| evidence.steps > 0)
    }

    /// Returns the natural logarithm of the e-value against "the effect is tolerable".
    fn log_harm(&self) -> f64 {
        let of_rates = self.judged_rates().map(RateEvidence::log_harm);
        let of_tails = self.tails.iter().map(TailEvidence::log_harm);
        let of_values =
            self.values.iter().filter(|values| values.steps() > 0).map(ValueEvidence::log_harm);
        averaged(of_rates.chain(of_tails).chain(of_values))
    }

    /// Returns the natural logarithm of the e-value against "the effect is unacceptable".
    fn log_safety(&self) -> f64 {
        // What looked like shares and is none, or the other way round, proves nothing by what it
        // looked like before.
        let values = self.values.as_ref().filter(|values| values.steps() > 0);
        if let (Some(values), false) = (values, self.is_of_shares()) {
            return values.log_safety();
        }
        let of_rates = self.judged_rates().map(RateEvidence::log_safety);
        let of_tails = self.tails.iter().map(TailEvidence::log_safety);
        let least = of_rates.chain(of_tails).fold(f64::INFINITY, f64::min);
        if least.is_finite() { least } else { 0.0 }
    }

    /// Returns how many steps were compared.
    pub(crate) fn steps(&self) -> u64 {
        let of_rates = self.rates.iter().map(|(_, evidence)| evidence.steps);
        let of_tails = self.tails.iter().map(TailEvidence::steps);
        let of_values = self.values.iter().map(ValueEvidence::steps);
        of_rates.chain(of_tails).chain(of_values).max().unwrap_or(0)
    }

    /// Takes what a source answered.
    pub(crate) fn take(&mut self, series: &MetricSeries, start: Timestamp, control_too: bool) {
        self.failure.clone_from(&series.failure);
        if control_too {
            self.intake.take(false, &series.arms.control, start);
        }
        self.intake.take(true, &series.arms.canary, start);
    }

    pub(crate) fn close(
        &mut self,
        watermark: Timestamp,
        step: Step,
        pairing: Pairing,
    ) -> Vec<MetricStep> {
        self.intake.close(watermark, step, pairing)
    }
}

/// A control of which more than this share is bad, and never was before, is unwell.
const UNWELL: f64 = 0.2;

/// A replica with so many steps before the start is old.
const OLD_STEPS: usize = 5;

/// Evidence below three to one is nothing that builds up.
const BUILDING_UP: f64 = 1.1;

/// How many of the control's values may be zero before zero counts as a level like any other.
const MOST_ZEROS: f64 = 0.1;

/// Levels of more replicas than this are not kept apart.
const MOST_LEVELS: usize = 64;

/// Returns whether a count comes in fractions. A ratio may, where a source had to estimate its counts.
fn is_uncountable<'a>(check: &Check, mut samples: impl Iterator<Item = &'a Sample>) -> bool {
    let is_fraction = |sample: &Sample| matches!(sample, Sample::Counted(tally) if (tally.events - libm::round(tally.events)).abs() > WHOLE);
    check.measure.kind() == MeasureKind::Count && samples.any(is_fraction)
}

/// How far from whole a count may be by rounding.
const WHOLE: f64 = 1e-6;

pub(crate) fn as_value(sample: &mut Sample) {
    if let Sample::Counted(tally) = sample {
        let rate = if tally.exposure > 0.0 { tally.events / tally.exposure } else { f64::NAN };
        *sample = Sample::Value(rate);
    }
}

/// Makes room for the evidence of counts. Of a share it is the bad part that is counted, whichever
/// part the metric shows.
fn rates_of(check: &Check) -> Vec<(Side, RateEvidence)> {
    let sides = match check.measure.kind() {
        MeasureKind::Gauge | MeasureKind::Quantile => vec![Side::Higher],
        MeasureKind::Ratio | MeasureKind::Count | MeasureKind::Histogram => sides(check.worse),
    };
    sides.into_iter().map(|side| (side, RateEvidence::new())).collect()
}

pub(crate) fn sides(worse: Worse) -> Vec<Side> {
    match worse {
        Worse::Higher => vec![Side::Higher],
        Worse::Lower => vec![Side::Lower],
        Worse::Either => vec![Side::Higher, Side::Lower],
    }
}

/// Returns whether the level of a metric is compared or its growth. The level of memory says more
/// about the replica, its age and its caches than about the version.
pub(crate) fn aspect_of(check: &Check) -> Aspect {
    let text = match &check.measure {
        Measure::Gauge { value } => value.as_str(),
        Measure::Ratio { .. }
        | Measure::Histogram { .. }
        | Measure::Count { .. }
        | Measure::Quantile { .. } => {
            return Aspect::Level;
        }
    };
    let says_memory = |text: &str| {
        let text = text.to_lowercase();
        MEMORY_WORDS.iter().any(|word| text.contains(word))
    };
    if says_memory(text) || says_memory(&check.name) { Aspect::Growth } else { Aspect::Level }
}

const MEMORY_WORDS: [&str; 5] = ["memory", "heap", "_rss", "working_set", "resident"];

fn change_as_logarithm(relative: f64, side: Side) -> f64 {
    match side {
        Side::Higher => libm::log1p(relative),
        Side::Lower => -libm::log1p(-relative.min(0.99)),
    }
}

/// Returns the rates that are tolerated and unacceptable on one side. For the lower side the arms
/// have changed places: a canary at 80 % of the control is a control at 125 % of the canary.
fn rate_bounds(margins: &Margins, side: Side) -> (RateBound, RateBound) {
    let times = |relative: f64| match side {
        Side::Higher => 1.0 + relative,
        Side::Lower => 1.0 / (1.0 - relative.min(0.99)),
    };
    let bound = |relative: f64, plus: f64| RateBound { times: times(relative), plus };
    (
        bound(margins.tolerance(), margins.floor()),
        bound(margins.unacceptable(), margins.unacceptable_floor()),
    )
}

/// Returns the margins for shares that turned out to be counts. Harm is judged as a ratio's, which is
/// what it is. What is unacceptable stays what was written for the value.
pub(crate) fn margins_of_shares(margins: &Margins, bad_is_high: bool, control: Tally) -> Margins {
    if margins.written().tolerance {
        // A tenth less of what is good is a tenth of the good share more of what is bad.
        let good = if bad_is_high { 1.0 } else { 1.0 - control.events / control.exposure };
        let tolerance = if bad_is_high { margins.tolerance() } else { 0.0 };
        let floor = if bad_is_high { margins.floor() } else { margins.tolerance() * good };
        let unacceptable_floor =
            if bad_is_high { margins.unacceptable_floor() } else { margins.unacceptable() * good };
        return Margins::new(
            MeasureKind::Ratio,
            Some(tolerance),
            Some(if bad_is_high { margins.unacceptable() } else { 0.0 }),
            Some(floor),
            Some(unacceptable_floor.max(floor)),
        )
        .unwrap_or_else(|_| Margins::of_kind(MeasureKind::Ratio));
    }
    let ratio = Margins::of_kind(MeasureKind::Ratio);
    let good = (1.0 - control.events / control.exposure).max(0.0);
    let unacceptable_floor = (margins.unacceptable() * good).max(ratio.unacceptable_floor());
    Margins::new(
        MeasureKind::Ratio,
        Some(ratio.tolerance()),
        Some(ratio.unacceptable()),
        Some(ratio.floor()),
        Some(unacceptable_floor),
    )
    .unwrap_or(ratio)
}

/// Returns the whole that values may be shares of: none where either change is bad, or where one of
/// them lies outside.
fn whole_of<'a>(check: &Check, samples: impl Iterator<Item = &'a Sample>) -> Option<Whole> {
    if check.worse == Worse::Either || check.measure.kind() != MeasureKind::Gauge {
        return None;
    }
    let mut largest: f64 = 0.0;
    let mut any = false;
    for sample in samples {
        let Sample::Value(value) = sample else { return None };
        if !(0.0..=100.0).contains(value) {
            return None;
        }
        any = true;
        largest = largest.max(*value);
    }
    any.then_some(if largest > 1.0 { Whole::Hundred } else { Whole::One })
}

/// Returns the control's level at each step of its past from the first, the middle of its replicas,
/// for as long as the canary may count as young.
fn youth_of(past: &[Past]) -> Vec<f64> {
    let first = past.iter().filter_map(|past| past.first()).map(|(step, _)| *step).min();
    let Some(first) = first else { return Vec::new() };
    let level = |age: i64| {
        let there = past.iter().flatten().filter(|(step, _)| *step == first + age);
        quantile(&there.map(|(_, value)| *value).collect::<Vec<_>>(), 0.5)
    };
    (0..YOUNG_STEPS).map_while(level).collect()
}

/// How many steps a canary counts as young at most.
const YOUNG_STEPS: i64 = 30;

/// How much of the latest step is in the level of the last few.
const LATEST: f64 = 0.3;

/// Returns whether a replica reported at nearly every step from its first to its last.
fn is_regular(steps: &BTreeMap<i64, Sample>) -> bool {
    let span = steps.last_key_value().zip(steps.first_key_value());
    let all = span.map_or(0, |((last, _), (first, _))| last - first + 1);
    steps.len() >= OLD_STEPS && steps.len() as f64 >= REGULAR * all as f64
}

/// Which share of its steps a replica reports that is not missed at random.
const REGULAR: f64 = 0.8;

fn values(steps: &BTreeMap<i64, Sample>) -> Vec<(i64, f64)> {
    let value = |(at, sample): (&i64, &Sample)| match sample {
        Sample::Value(value) if value.is_finite() => Some((*at, *value)),
        Sample::Value(_) | Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    };
    steps.iter().filter_map(value).collect()
}

fn buckets(steps: &BTreeMap<i64, Sample>) -> Vec<(i64, &[f64])> {
    steps
        .iter()
        .filter_map(|(at, sample)| match sample {
            Sample::Buckets(buckets) => Some((*at, buckets.as_slice())),
            Sample::Counted(_) | Sample::Value(_) | Sample::Garbled => None,
        })
        .collect()
}

fn plain(arm: &ArmStep) -> impl Iterator<Item = (usize, f64)> {
    arm.iter().filter_map(|(replica, sample)| match sample {
        Sample::Value(value) if value.is_finite() => Some((*replica, *value)),
        Sample::Value(_) | Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    })
}

fn tallies(arm: &ArmStep) -> impl Iterator<Item = Tally> {
    arm.iter().filter_map(|(_, sample)| match sample {
        Sample::Counted(tally) => Some(*tally),
        Sample::Buckets(_) | Sample::Value(_) | Sample::Garbled => None,
    })
}

/// Returns the replicas of an arm added up, or `None` when none counted.
fn counted(arm: &ArmStep) -> Option<Tally> {
    tallies(arm).reduce(|mut sum, tally| {
        sum.add(tally);
        sum
    })
}

fn stacked(arm: &ArmStep) -> Option<Vec<f64>> {
    let mut sum: Option<Vec<f64>> = None;
    for (_, sample) in arm {
        if let Sample::Buckets(buckets) = sample {
            match &mut sum {
                Some(sum) => sum.iter_mut().zip(buckets).for_each(|(sum, more)| *sum += more),
                None => sum = Some(buckets.clone()),
            }
        }
    }
    sum
}

/// Returns what an arm did as a whole in one step, as guardrails see it.
pub(crate) fn whole_arm(
    arm: &ArmStep,
    time: Timestamp,
    kind: MeasureKind,
    bounds: Option<&[f64]>,
) -> Option<Total> {
    let values: Vec<f64> = plain(arm).map(|(_, value)| value).collect();
    if let Some(value) = mean(&values) {
        return Some(Total { time, value, events: None });
    }
    if let Some(tally) = counted(arm).filter(|tally| tally.exposure > 0.0) {
        let events = if kind == MeasureKind::Ratio { tally.exposure } else { tally.events };
        return Some(Total { time, value: tally.events / tally.exposure, events: Some(events) });
    }
    let buckets = stacked(arm)?;
    let bounds = BucketBounds::new(bounds?.to_vec()).ok()?;
    let value = bucket_quantile(&bounds, &buckets, HISTOGRAM_QUANTILE)?;
    Some(Total { time, value, events: Some(buckets.iter().sum()) })
}

fn voice_of_count(tally: Option<Tally>) -> Voice {
    match tally {
        None => Voice::Absent,
        Some(tally) if tally.exposure > 0.0 => Voice::Speaks,
        Some(_) => Voice::Idle,
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Fewer events than this are no incident, however few there are otherwise.
const EVENTS_OF_AN_INCIDENT: f64 = 20.0;

/// Returns the average of the steps, without those that hold more than half of all events by
/// themselves: an incident that was over before the canary began.
fn usual_step(mut tallies: Vec<Tally>) -> Option<Reference> {
    tallies.retain(|tally| tally.exposure > 0.0);
    tallies.sort_by(|a, b| (a.events / a.exposure).total_cmp(&(b.events / b.exposure)));
    let left_out = tallies.len() / 10;
    let all: f64 = tallies.iter().map(|tally| tally.events).sum();
    let worst: f64 = tallies.iter().rev().take(left_out).map(|tally| tally.events).sum();
    if worst > all / 2.0 && worst > EVENTS_OF_AN_INCIDENT {
        tallies.truncate(tallies.len() - left_out);
    }
    let count = tallies.len() as f64;
    let sum = tallies.into_iter().reduce(|mut sum, tally| {
        sum.add(tally);
        sum
    })?;
    let average = Tally { events: sum.events / count, exposure: sum.exposure / count };
    Some(Reference::Counted(average, sum.events))
}
