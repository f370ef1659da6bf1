//! One metric of both arms, step after step.

mod arm;
mod buckets;
mod counts;
mod learn;
mod levels;
mod margins;
mod overlap;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serin_model::{Check, MeasureKind, MetricSeries, Pairing, Step, Timestamp};

use super::bet::averaged;
use super::fraction::Fractions;
use super::intake::{Intake, MetricStep};
use super::noise::{Noise, Spread};
use super::rates::{RateEvidence, Tally};
use super::silence::{Voice, Voices};
use super::spread::KnownQuantile;
use super::tail::TailEvidence;
use super::traffic::Traffic;
use super::values::{Side, ValueEvidence};

pub(crate) use self::arm::whole_arm;
pub(crate) use self::counts::as_value;
pub(crate) use self::levels::aspect_of;
pub(crate) use self::margins::{margins_of_shares, sides};
pub(crate) use self::overlap::Overlap;

/// All that is known of one answer to one check, in bounded space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricState {
    pub(crate) check: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) intake: Intake,
    /// Which steps are compared, where values look back further than one.
    overlap: Overlap,
    /// How much traffic each arm gets, where requests are counted.
    pub(crate) traffic: Traffic,
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
    pub(crate) fresh: bool,
    /// Whether the control's replicas are new, and the canary's are not.
    pub(crate) control_is_fresh: bool,
    /// How long the analysis has been going on, in minutes.
    pub(crate) minutes: f64,
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
            overlap: Overlap::NONE,
            traffic: Traffic::default(),
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
            control_is_fresh: false,
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
        if self.reference.is_none() {
            self.traffic.observe(check.measure.kind(), step);
        }
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

    pub(crate) fn has_noise(&self) -> bool {
        self.noise.is_some()
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
    pub(crate) fn take(
        &mut self,
        series: &MetricSeries,
        step: Step,
        start: Timestamp,
        control_too: bool,
    ) {
        self.failure.clone_from(&series.failure);
        self.note_overlap(series, step, start);
        if control_too {
            self.intake.take(false, &series.arms.control, start);
        }
        self.intake.take(true, &series.arms.canary, start);
    }

    /// Notes how far the values look back; a failure does not say.
    pub(crate) fn note_overlap(&mut self, series: &MetricSeries, step: Step, start: Timestamp) {
        if let Some(back) = series.looks_back {
            self.overlap = Overlap::of(back, step, start);
        }
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

/// Evidence below three to one is nothing that builds up.
const BUILDING_UP: f64 = 1.1;
