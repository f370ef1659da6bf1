//! What the control's history shows of one metric, as far as a plan needs it.

use std::collections::{BTreeMap, BTreeSet};

use serin_model::{Amount, Arm, Check, Measure, MeasureKind, Observations, Step, Timestamp};
use serin_stats::quantile;

use crate::sequential::intake::{Sample, past_of};
use crate::sequential::metric::{MetricState, as_value, aspect_of};
use crate::sequential::rates::Tally;
use crate::sequential::tail::events_below;
use crate::sequential::values::Aspect;

use super::simulation::{Buckets, Events, Exposures, Levels, Rates, Shares, Simulation};

/// Fewer steps of history than this tell nothing.
pub(in crate::sequential) const FEWEST_STEPS: usize = 10;

/// With fewer steps than this the noise is known roughly.
const FEW_STEPS: usize = 60;

/// No step is taken for more uneven than this many standard deviations, squared: an incident of the
/// past is not the usual.
const MOST_SURPRISE: f64 = 16.0;

/// What is known of one metric before its canary begins.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) simulation: Simulation,
    /// How many replicas the control usually had at one time.
    pub(super) replicas: usize,
    /// Every how many steps it has a point.
    pub(super) stride: usize,
    /// What it shows, in words.
    pub(super) words: String,
    /// What was assumed: sentences.
    pub(super) notes: Vec<String>,
}

/// The past of one arm: for each replica its samples by step.
pub(in crate::sequential) type PastOfArm = Vec<(String, BTreeMap<i64, Sample>)>;

impl History {
    /// Reads the history of the control.
    ///
    /// * `learnt`: what the judge has learnt of it with steps of `step`.
    /// * `horizon`: of the analysis, in steps.
    ///
    /// # Errors
    ///
    /// Why nothing can be said: completes the sentence "nothing can be said: …".
    pub(super) fn of(
        check: &Check,
        control: &Arm,
        step: Step,
        horizon: usize,
        learnt: &MetricState,
    ) -> Result<Self, String> {
        let mut past = past_of(control, step, Timestamp::from_millis(i64::MAX));
        if learnt.comes_in_fractions() {
            past.iter_mut().flat_map(|(_, steps)| steps.values_mut()).for_each(as_value);
        }
        let steps: BTreeSet<i64> =
            past.iter().flat_map(|(_, samples)| samples.keys().copied()).collect();
        refuse_too_little(control, steps.len())?;
        refuse_constant(check, &past, learnt)?;
        let stride = stride(&steps);
        let kind = check.measure.kind();
        let mut notes = Vec::new();
        let (simulation, words) = match kind {
            MeasureKind::Ratio | MeasureKind::Count if !learnt.comes_in_fractions() => {
                of_counts(check, &past, &mut notes)?
            }
            MeasureKind::Histogram => of_buckets(control, &past)?,
            MeasureKind::Gauge | MeasureKind::Quantile if learnt.is_of_shares() => {
                of_shares(check, &past, learnt, &mut notes)?
            }
            MeasureKind::Ratio
            | MeasureKind::Count
            | MeasureKind::Gauge
            | MeasureKind::Quantile => {
                let sparse = sparse_noise(check, control, step, stride);
                of_levels(check, &past, horizon, learnt, sparse.as_ref(), &mut notes)?
            }
        };
        if stride > 1 {
            notes.push(format!(
                "its history has a point only every {}: more steps than that show nothing more",
                seconds(stride as u32 * step.seconds())
            ));
        }
        if steps.len() < FEW_STEPS {
            notes.push(format!(
                "its noise is known from {} steps only, and so is this plan: give it some hours",
                steps.len()
            ));
        }
        let words = format!("{} steps, {words}", steps.len());
        Ok(Self { simulation, replicas: usual_replicas(&past), stride, words, notes })
    }
}

fn refuse_too_little(control: &Arm, steps: usize) -> Result<(), String> {
    if control.is_silent() {
        return Err("its control has no history in the time that was read".to_owned());
    }
    match steps {
        0 => Err("not one value of its control's history is a number".to_owned()),
        1..FEWEST_STEPS => Err(format!(
            "its control's history has {steps} {}, and fewer than {FEWEST_STEPS} tell nothing of its noise",
            if steps == 1 { "step" } else { "steps" }
        )),
        _ => Ok(()),
    }
}

/// A share that is always all or nothing is one of counts that never went wrong; any other value that
/// never moves says nothing.
pub(in crate::sequential) fn refuse_constant(
    check: &Check,
    past: &PastOfArm,
    learnt: &MetricState,
) -> Result<(), String> {
    let values = values(past);
    let Some(first) = values.first().copied() else { return Ok(()) };
    let is_end = learnt
        .fractions
        .as_ref()
        .is_some_and(|shares| shares.hold() && (first == 0.0 || first == shares.whole()));
    if is_end || values.iter().any(|value| *value != first) {
        return Ok(());
    }
    Err(format!(
        "each of the {} values of its control's history is {}: noise that never shows cannot be planned \
         with; see that the query measures what it should",
        values.len(),
        Amount::new(first, check.measure.kind())
    ))
}

fn values(past: &PastOfArm) -> Vec<f64> {
    let value = |sample: &Sample| match sample {
        Sample::Value(value) if value.is_finite() => Some(*value),
        Sample::Value(_) | Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    };
    past.iter().flat_map(|(_, samples)| samples.values()).filter_map(value).collect()
}

/// Returns every how many steps there is a point.
pub(in crate::sequential) fn stride(steps: &BTreeSet<i64>) -> usize {
    let gaps: Vec<f64> =
        steps.iter().zip(steps.iter().skip(1)).map(|(a, b)| (b - a) as f64).collect();
    quantile(&gaps, 0.5).map_or(1, |gap| (gap as usize).max(1))
}

/// Returns how many replicas there were at one time: those of a day's deployments are not one crowd.
pub(in crate::sequential) fn usual_replicas(past: &PastOfArm) -> usize {
    let mut steps: BTreeMap<i64, f64> = BTreeMap::new();
    for at in past.iter().flat_map(|(_, samples)| samples.keys()) {
        *steps.entry(*at).or_default() += 1.0;
    }
    let counts: Vec<f64> = steps.into_values().collect();
    quantile(&counts, 0.5).map_or(1, |usual| (usual as usize).max(1))
}

/// Where points are further apart than steps, returns the judge's view of them with steps as long as
/// that: neighbours are alike however seldom they are asked.
fn sparse_noise(check: &Check, control: &Arm, step: Step, stride: usize) -> Option<MetricState> {
    let seconds = u32::try_from(stride).ok()?.checked_mul(step.seconds())?;
    let longer = Step::from_seconds(seconds).filter(|_| stride > 1)?;
    let mut learnt = MetricState::new(check, &BTreeMap::new());
    let end = Timestamp::from_millis(i64::MAX);
    learnt.learn(check, control, &Arm::default(), longer, end, false);
    Some(learnt)
}

fn of_levels(
    check: &Check,
    past: &PastOfArm,
    horizon: usize,
    learnt: &MetricState,
    sparse: Option<&MetricState>,
    notes: &mut Vec<String>,
) -> Result<(Simulation, String), String> {
    let values = values(past);
    let noise = sparse.unwrap_or(learnt).noise().ok_or_else(|| {
        "no replica of its control has a history long enough to tell its noise".to_owned()
    })?;
    let unit = values.iter().map(|value| value.abs()).sum::<f64>() / values.len() as f64;
    let (spread, of_replicas) = spread(check, learnt, notes);
    if noise.alone {
        notes.push(
            "one replica of the control ran in its history: what both arms will have in common counts \
             as its noise, which is an upper bound"
                .to_owned(),
        );
    }
    let grows = aspect_of(check) == Aspect::Growth;
    let simulation = Levels {
        is_logarithmic: learnt.is_logarithmic(),
        grows_over: grows.then_some(horizon),
        level: noise.level,
        unit,
        deviation: noise.deviation,
        correlation: noise.correlation.clamp(0.0, 0.995),
        spread,
    };
    let words = format!(
        "level {}, one step of one replica varies by {}, {} alike the one before{of_replicas}",
        Amount::new(quantile(&values, 0.5).unwrap_or(unit), check.measure.kind()),
        percent(noise.deviation),
        percent(simulation.correlation),
    );
    Ok((Simulation::Levels(simulation), words))
}

/// Returns how unlike replicas are, as the judge will take them to be: what was measured and, unless the
/// tolerance was written for these very machines, what is usual.
fn spread(check: &Check, learnt: &MetricState, notes: &mut Vec<String>) -> (f64, String) {
    let one = "a single replica of the control cannot show how unlike replicas are";
    let assume = !check.margins.written().tolerance;
    let pooled = learnt.replicas().pooled(assume).map_or(0.0, |(variance, _)| variance.sqrt());
    let Some(measured) = learnt.spread() else {
        notes.push(if assume {
            format!("{one}: {} is assumed", percent(pooled))
        } else {
            format!("{one}: the plan takes them for alike, as the tolerance was written")
        });
        return (pooled, String::new());
    };
    let deviation = measured.variance.sqrt();
    let words = format!(", its {} replicas differ by {}", measured.replicas, percent(deviation));
    if !assume {
        return (deviation, words);
    }
    if pooled > MUCH_MORE * deviation {
        notes.push(format!(
            "its {} replicas differ by {}, which is little to go by: {} is assumed",
            measured.replicas,
            percent(deviation),
            percent(pooled)
        ));
    }
    (pooled, words)
}

/// What is assumed is said when it is this many times what was measured.
const MUCH_MORE: f64 = 1.5;

fn of_counts(
    check: &Check,
    past: &PastOfArm,
    notes: &mut Vec<String>,
) -> Result<(Simulation, String), String> {
    let steps = tallies(past, |sample| match sample {
        Sample::Counted(tally) => Some(*tally),
        Sample::Buckets(_) | Sample::Value(_) | Sample::Garbled => None,
    });
    let whole_steps = without_cut_ends(&steps);
    let all = sum(whole_steps.values().flatten());
    if all.exposure <= 0.0 {
        return Err(
            "its counters did not move: nothing was counted in its control's history".to_owned()
        );
    }
    let by_replica = matches!(&check.measure, Measure::Count { exposure: None, .. });
    let events = if check.measure.kind() == MeasureKind::Ratio {
        Events::PartOfWhole
    } else {
        Events::Whole
    };
    if all.events <= 0.0 {
        if by_replica {
            notes.push(
                "nothing was counted in its history: the plan takes it for half of one".to_owned(),
            );
        } else {
            notes.push(format!(
                "not one of {} in its history was bad: the plan takes it for half of one",
                Amount::new(all.exposure, MeasureKind::Count)
            ));
        }
    }
    let rate = all.events.max(0.5) / all.exposure;
    let dispersion = dispersion(&whole_steps);
    let dispersion = match events {
        Events::Whole => dispersion.max(1.0),
        // Of what happens nearly always, Pearson's sum knows only what fails to.
        Events::PartOfWhole => (dispersion / (1.0 - rate).max(0.01)).max(1.0),
    };
    if dispersion > BURSTS {
        notes.push(format!(
            "its events come unevenly: {} count for about as much as one would by chance",
            Amount::new(dispersion, MeasureKind::Gauge)
        ));
    }
    let a_step = all.exposure / whole_steps.len() as f64;
    let exposures = if by_replica {
        let samples = whole_steps.values().map(Vec::len).sum::<usize>() as f64;
        Exposures::OfReplica(all.exposure / samples)
    } else {
        Exposures::Traffic(
            whole_steps.values().map(|tallies| sum(tallies.iter()).exposure).collect(),
        )
    };
    let words = if by_replica {
        let each = all.events / whole_steps.values().map(Vec::len).sum::<usize>() as f64;
        format!("{} a step and replica", Amount::new(each, MeasureKind::Count))
    } else {
        let of = Amount::new(a_step, MeasureKind::Count);
        if events == Events::PartOfWhole {
            format!("{} of {of} a step", Amount::new(all.events / all.exposure, MeasureKind::Ratio))
        } else {
            let counted = all.events / whole_steps.len() as f64;
            format!("{} for {of} a step", Amount::new(counted, MeasureKind::Count))
        }
    };
    Ok((Simulation::Rates(Rates { rate, exposures, events, dispersion }), words))
}

/// More uneven than this is said.
const BURSTS: f64 = 1.5;

fn of_shares(
    check: &Check,
    past: &PastOfArm,
    learnt: &MetricState,
    notes: &mut Vec<String>,
) -> Result<(Simulation, String), String> {
    let Some(shares) = &learnt.fractions else {
        return Err("its values are no shares any more".to_owned());
    };
    let bad_is_high = check.worse != serin_model::Worse::Lower;
    let steps = tallies(past, |sample| match sample {
        Sample::Value(value) => shares.tally(*value, bad_is_high),
        Sample::Counted(_) | Sample::Buckets(_) | Sample::Garbled => None,
    });
    let all = sum(steps.values().flatten());
    let samples = steps.values().map(Vec::len).sum::<usize>().max(1) as f64;
    let out_of = libm::round(all.exposure / samples).max(1.0);
    notes.push(
        "its values are shares of small counts: an effect is one on what is bad of them, and traffic \
         beyond these counts is not known: a ratio of counters shows more"
            .to_owned(),
    );
    let rate = all.events.max(0.5) / all.exposure.max(1.0);
    let words = format!(
        "{} bad of about {} a step and replica",
        Amount::new(all.events / all.exposure.max(1.0), MeasureKind::Ratio),
        Amount::new(out_of, MeasureKind::Count)
    );
    let dispersion = dispersion(&steps).max(1.0);
    let whole = shares.whole();
    Ok((Simulation::Shares(Shares { rate, out_of, whole, bad_is_high, dispersion }), words))
}

fn of_buckets(control: &Arm, past: &PastOfArm) -> Result<(Simulation, String), String> {
    let bounds = control.replicas.iter().find_map(|replica| match &replica.observations {
        Observations::Histogram { bounds, .. } => Some(bounds.as_slice().to_vec()),
        Observations::Ratio(_) | Observations::Count(_) | Observations::Value(_) => None,
    });
    let bounds = bounds.ok_or_else(|| "its control's history has no buckets".to_owned())?;
    let mut steps: BTreeMap<i64, Vec<&[f64]>> = BTreeMap::new();
    for (at, sample) in past.iter().flat_map(|(_, samples)| samples) {
        if let Sample::Buckets(buckets) = sample {
            steps.entry(*at).or_default().push(buckets);
        }
    }
    let whole_steps = without_cut_ends(&steps);
    let mut sums = vec![0.0; bounds.len() + 1];
    for buckets in whole_steps.values().flatten() {
        sums.iter_mut().zip(*buckets).for_each(|(sum, more)| *sum += more);
    }
    let all: f64 = sums.iter().sum();
    if all <= 0.0 {
        return Err(
            "its buckets did not move: nothing was counted in its control's history".to_owned()
        );
    }
    let events = |buckets: &[f64]| buckets.iter().sum::<f64>();
    let traffic: Vec<f64> = whole_steps
        .values()
        .map(|replicas| replicas.iter().map(|buckets| events(buckets)).sum())
        .collect();
    let jitter = jitter(&bounds, &sums, &whole_steps);
    let words = format!(
        "{} events a step; a step of one replica is {} slower or faster than another",
        Amount::new(all / traffic.len() as f64, MeasureKind::Count),
        percent(jitter)
    );
    Ok((Simulation::Buckets(Buckets { bounds, past: sums, traffic, jitter }), words))
}

/// Shares of the events beyond the edges at which unevenness is looked for, as the judge does.
const TAILS: [f64; 3] = [0.5, 0.1, 0.01];

/// Returns by how much a step of one replica is slower than another, as the deviation of a logarithm:
/// what makes the counts beyond an edge more uneven than chance does, over how steeply they fall.
fn jitter(bounds: &[f64], past: &[f64], steps: &BTreeMap<i64, Vec<&[f64]>>) -> f64 {
    let all: f64 = past.iter().sum();
    let beyond = |value: f64| all - events_below(past, bounds, value);
    let of_tail = |tail: f64| -> Option<f64> {
        let off = |edge: &f64| {
            let share = beyond(*edge) / all;
            if share > 0.0 { libm::log(share / tail).abs() } else { f64::INFINITY }
        };
        let edge = bounds.iter().copied().filter(|edge| *edge > 0.0 && off(edge).is_finite());
        let edge = edge.min_by(|a, b| off(a).total_cmp(&off(b)))?;
        let place = bounds.iter().position(|bound| *bound == edge)?;
        let tally = |buckets: &&[f64]| Tally {
            events: buckets.iter().skip(place + 1).sum(),
            exposure: buckets.iter().sum(),
        };
        let tallies: BTreeMap<i64, Vec<Tally>> = steps
            .iter()
            .map(|(at, replicas)| (*at, replicas.iter().map(tally).collect()))
            .collect();
        let share = beyond(edge) / all;
        let dispersion = dispersion(&tallies) / (1.0 - share).max(0.01);
        let samples = tallies.values().map(Vec::len).sum::<usize>().max(1) as f64;
        let events = all * share / samples;
        let steepness = libm::log(beyond(edge / 1.1).max(1e-9) / beyond(edge)) / libm::log(1.1);
        let known = events > 0.0 && steepness > 0.1;
        known.then(|| ((dispersion - 1.0).max(0.0) / events).sqrt() / steepness)
    };
    let jitters: Vec<f64> = TAILS.iter().filter_map(|tail| of_tail(*tail)).collect();
    let usual = quantile(&jitters, 0.5).unwrap_or(0.0);
    if usual < LEAST_JITTER { 0.0 } else { usual }
}

/// Less than this is nothing.
const LEAST_JITTER: f64 = 0.002;

fn tallies(
    past: &PastOfArm,
    tally: impl Fn(&Sample) -> Option<Tally>,
) -> BTreeMap<i64, Vec<Tally>> {
    let mut steps: BTreeMap<i64, Vec<Tally>> = BTreeMap::new();
    for (at, sample) in past.iter().flat_map(|(_, samples)| samples) {
        steps.entry(*at).or_default().extend(tally(sample));
    }
    steps
}

/// Returns the steps without the first and the last, which the time that was read may have cut.
fn without_cut_ends<T: Clone>(steps: &BTreeMap<i64, T>) -> BTreeMap<i64, T> {
    let inside = steps.len().saturating_sub(2);
    steps.iter().skip(1).take(inside).map(|(at, step)| (*at, step.clone())).collect()
}

fn sum<'a>(tallies: impl Iterator<Item = &'a Tally>) -> Tally {
    tallies.fold(Tally::default(), |mut sum, tally| {
        sum.add(*tally);
        sum
    })
}

/// Returns how many times Poisson's variance counts vary: Pearson's chi-squared over its degrees of
/// freedom, of the replicas of a step, or of neighbouring steps where one replica is all there is.
fn dispersion(steps: &BTreeMap<i64, Vec<Tally>>) -> f64 {
    let (mut surprise, mut freedom) = (0.0, 0.0);
    let mut compare = |together: &[Tally]| {
        let known: Vec<&Tally> = together.iter().filter(|tally| tally.exposure > 0.0).collect();
        let all = sum(known.iter().copied());
        if known.len() < 2 || all.events <= 0.0 {
            return;
        }
        let own: f64 = known
            .iter()
            .map(|tally| {
                let expected = all.events * tally.exposure / all.exposure;
                (tally.events - expected) * (tally.events - expected) / expected
            })
            .sum();
        let free = (known.len() - 1) as f64;
        surprise += own.min(MOST_SURPRISE * free);
        freedom += free;
    };
    if steps.values().any(|replicas| replicas.len() > 1) {
        steps.values().for_each(|replicas| compare(replicas));
    } else {
        let alone: Vec<Tally> = steps.values().flatten().copied().collect();
        alone.chunks_exact(2).for_each(&mut compare);
    }
    if freedom > 0.0 { surprise / freedom } else { 1.0 }
}

fn percent(fraction: f64) -> String {
    Amount::new(fraction, MeasureKind::Ratio).to_string()
}

fn seconds(seconds: u32) -> String {
    if seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    }
}
