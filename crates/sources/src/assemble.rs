//! From series to what each replica of each arm reported.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serin_model::{
    Analysis, Arm, ArmPair, Count, CounterForm, FileError, Measure, MetricSeries, Observations,
    Point, Ratio, Replica, Timestamp,
};

use crate::collect::{Part, Series, Side, Wanted};
use crate::histogram::{self, Histogram};
use crate::increments::{Births, increments, look_cumulative};
use crate::pools::{Pools, averaged};
use crate::rows::shortened;

/// Everything that was collected, to be put together check by check.
pub(crate) struct Assembler<'a> {
    file: &'a str,
    analysis: &'a Analysis,
    series: Vec<Series>,
    /// The series that answer each part of each check on each arm, by index.
    answers: BTreeMap<(usize, Side, Part), Vec<usize>>,
    births: Births,
    pools: Pools,
}

impl<'a> Assembler<'a> {
    /// Puts every series in the order of time.
    ///
    /// # Errors
    ///
    /// [`FileError`] when a series has two values at one moment.
    pub(crate) fn new(
        file: &'a str,
        analysis: &'a Analysis,
        wanted: &[Wanted],
        mut series: Vec<Series>,
    ) -> Result<Self, FileError> {
        let mut answers: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, series) in series.iter_mut().enumerate() {
            in_time_order(file, series)?;
            for wanted in series.wanted_by.iter().map(|&by| &wanted[by]) {
                let key = (wanted.check, wanted.side, wanted.part);
                answers.entry(key).or_default().push(index);
            }
        }
        refuse_running_totals(file, wanted, &series)?;
        let step = Duration::from_secs(analysis.step.seconds().into());
        let is_of =
            |series: &Series, side| series.wanted_by.iter().any(|&by| wanted[by].side == side);
        let offset = analysis.judgements.is_some_and(|run| !run.control_offset.is_zero());
        let at_once = analysis.arms.control_window.is_none() && !offset;
        let births = Births::of(&series, step, is_of, at_once);
        let pools = Pools::default();
        Ok(Self { file, analysis, series, answers, births, pools })
    }

    /// Judges replicas in pools.
    pub(crate) fn in_pools(self, pools: Pools) -> Self {
        Self { pools, ..self }
    }

    /// Returns what the arms reported to every check, in order.
    pub(crate) fn assemble(&self) -> Result<Vec<MetricSeries>, FileError> {
        (0..self.analysis.checks().len()).map(|check| self.answer_to(check)).collect()
    }

    /// Returns what the arms reported to one check.
    pub(crate) fn answer_to(&self, check: usize) -> Result<MetricSeries, FileError> {
        let mut answer = MetricSeries::nothing(&self.analysis.checks()[check].name);
        if self.is_of_a_pack(check) && !self.is_there(check) {
            return Ok(answer);
        }
        answer.arms = ArmPair {
            control: self.arm(check, Side::Control)?,
            canary: self.arm(check, Side::Canary)?,
        };
        Ok(answer)
    }

    /// Lets go of the points that no check after this one asks for.
    ///
    /// * `wanted`: what was given to [`Self::new`].
    pub(crate) fn forget(&mut self, check: usize, wanted: &[Wanted]) {
        for series in &mut self.series {
            if series.wanted_by.iter().all(|&by| wanted[by].check <= check) {
                series.samples = Vec::new();
            }
        }
    }

    fn is_of_a_pack(&self, check: usize) -> bool {
        self.analysis.packs.contains_key(&self.analysis.checks()[check].name)
    }

    /// Returns whether there are series of what a check needs, on either arm. Who writes a check of
    /// events knows that there are such events, and that none of them is none; a pack only supposes it.
    fn is_there(&self, check: usize) -> bool {
        let needed: &[Part] = match &self.analysis.checks()[check].measure {
            Measure::Ratio { .. } => &[Part::Total],
            Measure::Count { exposure: Some(_), .. } => &[Part::Events, Part::Exposure],
            Measure::Count { exposure: None, .. } => &[Part::Events],
            Measure::Histogram { .. } => &[Part::Buckets],
            Measure::Gauge { .. } | Measure::Quantile { .. } => &[Part::Value],
        };
        let on = |side, part| self.answers(check, side, part).next().is_some();
        needed.iter().all(|&part| on(Side::Control, part) || on(Side::Canary, part))
    }

    fn arm(&self, check: usize, side: Side) -> Result<Arm, FileError> {
        let replicas = match &self.analysis.checks()[check].measure {
            Measure::Ratio { .. } => self.ratios(check, side)?,
            Measure::Count { exposure: Some(_), .. } => self.exposed_counts(check, side)?,
            Measure::Count { exposure: None, .. } => self.counts(check, side)?,
            Measure::Histogram { .. } => self.histograms(check, side)?,
            Measure::Gauge { .. } | Measure::Quantile { .. } => self.values(check, side)?,
        };
        Ok(Arm { replicas })
    }

    fn answers(&self, check: usize, side: Side, part: Part) -> impl Iterator<Item = &Series> {
        let indices = self.answers.get(&(check, side, part)).map(Vec::as_slice);
        indices.unwrap_or_default().iter().map(|&index| &self.series[index])
    }

    /// Names the replica of a series, or the pool that it is in: the value of the replica label, or
    /// nobody in particular.
    fn replica_of(&self, series: &Series, side: Side) -> String {
        let name = self.own_name(series);
        self.pools.pool_of(side, name).unwrap_or(name).to_owned()
    }

    /// Returns the value of the replica label.
    fn own_name<'s>(&self, series: &'s Series) -> &'s str {
        let label = self.analysis.replica.as_ref();
        label.and_then(|label| series.labels.get(label)).map_or("", String::as_str)
    }

    /// Returns what a counter counted, at each moment.
    fn counted(&self, series: &Series, side: Side) -> Result<Vec<Point<f64>>, FileError> {
        self.check_counts(series)?;
        Ok(match series.counters {
            CounterForm::Unstated | CounterForm::Increments => points(series).collect(),
            CounterForm::Cumulative => {
                increments(points(series), self.births.is_born_inside(series, side))
            }
        })
    }

    fn check_counts(&self, series: &Series) -> Result<(), FileError> {
        let is_count = |value: f64| value.is_nan() || (value >= 0.0 && value.is_finite());
        let Some(sample) = series.samples.iter().find(|sample| !is_count(sample.value)) else {
            return Ok(());
        };
        let problem = format!("a count is {}", sample.value);
        Err(FileError::at_line(self.file, sample.line, &problem)
            .with_hint("counts are finite and never below zero; a level that is not is a `gauge`"))
    }

    /// Adds up the counters of one part, by replica and moment.
    fn sums(&self, check: usize, side: Side, part: Part) -> Result<SumsByReplica, FileError> {
        let mut sums = SumsByReplica::new();
        for series in self.answers(check, side, part) {
            let replica = sums.entry(self.replica_of(series, side)).or_default();
            for point in self.counted(series, side)? {
                *replica.entry(point.time).or_insert(0.0) += point.value;
            }
        }
        Ok(sums)
    }

    /// A moment without bad events is one without errors.
    fn ratios(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let sums = self.paired_sums(check, side, Part::Bad, Part::Total)?;
        Ok(each_replica(sums, |points| {
            let ratio = |point: Point<Pair>| Point {
                time: point.time,
                value: Ratio { bad: point.value.above, total: point.value.below },
            };
            Observations::Ratio(points.into_iter().map(ratio).collect())
        }))
    }

    /// A moment without events is one in which nothing happened.
    fn exposed_counts(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let sums = self.paired_sums(check, side, Part::Events, Part::Exposure)?;
        Ok(each_replica(sums, |points| {
            let count = |point: Point<Pair>| Point {
                time: point.time,
                value: Count { events: point.value.above, exposure: point.value.below },
            };
            Observations::Count(points.into_iter().map(count).collect())
        }))
    }

    /// Without an exposure a step is one opportunity, however often the counters were read in it.
    fn counts(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let sums = self.sums(check, side, Part::Events)?;
        Ok(each_replica(sums, |points| {
            let mut steps: BTreeMap<Timestamp, Point<Count>> = BTreeMap::new();
            for (time, events) in points.into_iter().filter(|(_, events)| !events.is_nan()) {
                let nothing = Point { time, value: Count { events: 0.0, exposure: 1.0 } };
                steps.entry(self.analysis.step.bin_of(time)).or_insert(nothing).value.events +=
                    events;
            }
            Observations::Count(steps.into_values().collect())
        }))
    }

    /// Adds up two parts, moment by moment. Events at a moment at which nobody read the total keep
    /// their moment, so that counters that are read at other instants lose none.
    fn paired_sums(
        &self,
        check: usize,
        side: Side,
        above: Part,
        below: Part,
    ) -> Result<BTreeMap<String, Vec<Point<Pair>>>, FileError> {
        self.refuse_strangers(check, side, [above, below])?;
        let mut above = self.sums(check, side, above)?;
        let mut below = self.sums(check, side, below)?;
        if below.len() == 1 && below.contains_key("") {
            above = added_up(above);
        }
        for (replica, sums) in &above {
            let Some(below) = below.get_mut(replica) else { continue };
            for (&time, _) in sums.iter().filter(|(_, sum)| **sum > 0.0) {
                below.entry(time).or_insert(0.0);
            }
        }
        let paired = |(replica, below): (String, BTreeMap<Timestamp, f64>)| {
            let above = above.get(&replica);
            let above_at =
                |time: &Timestamp| above.and_then(|sums| sums.get(time)).copied().unwrap_or(0.0);
            let pairs = below
                .into_iter()
                .map(|(time, below)| Point { time, value: Pair { above: above_at(&time), below } });
            let whole =
                |point: &Point<Pair>| !point.value.above.is_nan() && !point.value.below.is_nan();
            (replica, pairs.filter(whole).collect())
        };
        Ok(below.into_iter().map(paired).collect())
    }

    /// Events of a replica that has no total would never be seen, or be laid to others of its pool.
    fn refuse_strangers(
        &self,
        check: usize,
        side: Side,
        [above, below]: [Part; 2],
    ) -> Result<(), FileError> {
        let known: BTreeSet<&str> =
            self.answers(check, side, below).map(|series| self.own_name(series)).collect();
        // A total of nobody in particular is that of all.
        if known.len() == 1 && known.contains("") {
            return Ok(());
        }
        let mut stranger = None;
        for series in self.answers(check, side, above) {
            let name = self.own_name(series);
            let is_stranger = !known.contains(name)
                && self.counted(series, side)?.iter().any(|point| point.value > 0.0);
            if is_stranger {
                stranger = Some(name);
                break;
            }
        }
        let Some(name) = stranger else { return Ok(()) };
        let check = &self.analysis.checks()[check];
        let whole = match check.measure {
            Measure::Ratio { .. } => "total",
            _ => "exposure",
        };
        let problem = format!(
            "check `{}`: replica \"{}\" of the {} has events, and no {whole}",
            shortened(&check.name),
            shortened(name),
            side.as_str()
        );
        Err(FileError::new(self.file, "", None, &problem).with_hint(
            "both queries must select series with the same `replica` label, or leave `replica` out",
        ))
    }

    fn histograms(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let mut by_replica: BTreeMap<String, Vec<&Series>> = BTreeMap::new();
        for series in self.answers(check, side, Part::Buckets) {
            self.check_counts(series)?;
            by_replica.entry(self.replica_of(series, side)).or_default().push(series);
        }
        let mut replicas = Vec::new();
        for (name, series) in by_replica {
            let mut histograms = Vec::new();
            for buckets in histogram::apart(self.file, &series)? {
                histograms.push(Histogram::of(self.file, buckets, self.births, side)?);
            }
            let observations = histogram::added_up(self.file, &histograms)?;
            replicas.push(Replica { name, observations });
        }
        Ok(replicas)
    }

    /// Without a replica label every series is a replica of its own.
    fn values(&self, check: usize, side: Side) -> Result<Vec<Replica>, FileError> {
        let mut by_replica: BTreeMap<String, Vec<&Series>> = BTreeMap::new();
        for series in self.answers(check, side, Part::Value) {
            let name = match self.analysis.replica {
                Some(_) => self.own_name(series).to_owned(),
                None => described(&series.labels),
            };
            by_replica.entry(name).or_default().push(series);
        }
        let mut replicas = Vec::new();
        let mut pools: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
        for (name, mut series) in by_replica {
            series.sort_by_key(|series| series.samples.first().map(|sample| sample.time));
            // A replica that comes back under another label goes on; two at once are two.
            if let Some(&[one, other]) = series.windows(2).find(|pair| overlap(pair[0], pair[1])) {
                return Err(self.two_series(check, &name, [one, other]));
            }
            if let Some(pool) = self.pools.pool_of(side, &name) {
                pools.entry(pool).or_default().append(&mut series);
                continue;
            }
            let points = series.iter().flat_map(|series| points(series)).collect();
            replicas.push(Replica { name, observations: Observations::Value(points) });
        }
        for (name, series) in pools {
            let observations = Observations::Value(averaged(&series, self.analysis.step));
            replicas.push(Replica { name: name.to_owned(), observations });
        }
        replicas.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(replicas)
    }

    fn two_series(&self, check: usize, replica: &str, [one, other]: [&Series; 2]) -> FileError {
        let check = &self.analysis.checks()[check];
        let line = other.samples.first().map_or(1, |sample| sample.line);
        let differing = differing_labels(one, other);
        let problem = format!(
            "check `{}` is a {}, and several series answer for replica \"{}\"; they differ in {}",
            shortened(&check.name),
            check.measure.kind(),
            shortened(replica),
            shortened(&differing),
        );
        FileError::at_line(self.file, line, &problem)
            .with_hint("select one of them in the query; serin does not average them away")
    }
}

type SumsByReplica = BTreeMap<String, BTreeMap<Timestamp, f64>>;

/// What is relative to something that tells no replicas apart is that of all of them.
fn added_up(sums: SumsByReplica) -> SumsByReplica {
    let mut all: BTreeMap<Timestamp, f64> = BTreeMap::new();
    for (time, sum) in sums.into_values().flatten() {
        *all.entry(time).or_insert(0.0) += sum;
    }
    if all.is_empty() { SumsByReplica::new() } else { SumsByReplica::from([(String::new(), all)]) }
}

/// What is divided by what.
struct Pair {
    above: f64,
    below: f64,
}

fn each_replica<T>(
    sums: BTreeMap<String, T>,
    observations: impl Fn(T) -> Observations,
) -> Vec<Replica> {
    let replica = |(name, sums)| Replica { name, observations: observations(sums) };
    sums.into_iter().map(replica).collect()
}

/// Returns whether a series goes on when the next one begins.
fn overlap(series: &Series, next: &Series) -> bool {
    let last = series.samples.last().map(|sample| sample.time);
    let first = next.samples.first().map(|sample| sample.time);
    last.zip(first).is_some_and(|(last, first)| first <= last)
}

/// Returns the points of a series as they were read.
pub(crate) fn points(series: &Series) -> impl Iterator<Item = Point<f64>> {
    series.samples.iter().map(|sample| Point { time: sample.time, value: sample.value })
}

pub(crate) fn described(labels: &BTreeMap<String, String>) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}={value}");
    labels.iter().map(label).collect::<Vec<_>>().join(", ")
}

/// Names the labels whose values differ, or the metric's name if none does.
fn differing_labels(one: &Series, other: &Series) -> String {
    let names: BTreeSet<&String> = one.labels.keys().chain(other.labels.keys()).collect();
    let differs = |name: &&String| one.labels.get(*name) != other.labels.get(*name);
    let names: Vec<&str> = names.into_iter().filter(differs).map(String::as_str).collect();
    if names.is_empty() {
        "the metric's name".to_owned()
    } else {
        format!("`{}`", names.join("`, `"))
    }
}

/// Refuses counters that nobody described and that cannot be what they would be taken for.
fn refuse_running_totals(
    file: &str,
    wanted: &[Wanted],
    series: &[Series],
) -> Result<(), FileError> {
    let counts = |series: &&Series| {
        series.counters == CounterForm::Unstated
            && series.wanted_by.iter().any(|&by| wanted[by].part != Part::Value)
    };
    if !look_cumulative(series.iter().filter(counts)) {
        return Ok(());
    }
    let problem = "its counters never fall: they look like running totals, and nobody said so";
    Err(FileError::new(file, "", None, problem).with_hint(
        "add `counters: cumulative` to the Check file's source, or `--counters cumulative`; if each \
         value is the count since the one before, say `increments`",
    ))
}

/// Sorts a series by time; a point that is written twice counts once.
pub(crate) fn in_time_order(file: &str, series: &mut Series) -> Result<(), FileError> {
    series.samples.sort_by_key(|sample| (sample.time, sample.line));
    for pair in series.samples.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        let same = first.value == second.value || (first.value.is_nan() && second.value.is_nan());
        if first.time == second.time && !same {
            let problem = format!(
                "a second value for the same series and time: {}, and {}",
                second.value, first.value
            );
            return Err(FileError::at_line(file, second.line, &problem)
                .with_other_line(first.line)
                .with_hint("keep one of them, or add the label that tells the two series apart"));
        }
    }
    series.samples.dedup_by_key(|sample| sample.time);
    Ok(())
}
