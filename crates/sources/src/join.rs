//! From the answers to single requests to whole series.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

use serin_model::{CounterForm, Point, Timestamp};

use crate::collect::{Birth, Sample, Series, Wanted};
use crate::doubts::{Doubts, described};
use crate::increments::{gaps, median};
use crate::inquiry::Planned;
use crate::native_histogram::{NativeHistogram, classic, shared_edges};
use crate::source::{Answer, Points, Request, StoreSeries};

/// What names a series.
type Name = (Option<String>, BTreeMap<String, String>);

/// The series that answer one plan.
struct Joined {
    /// Who asked, as indices of what is wanted.
    wanted_by: Vec<usize>,
    /// The moment before which the store was asked for what counters stood at.
    looked_back: Option<Timestamp>,
    series: BTreeMap<Name, StoreSeries>,
}

/// Joins the answers to the requests of each plan, and makes classic histograms of native ones.
///
/// * `answers`: one for each request, in order; empty where there is none.
pub(crate) fn join(
    wanted: &[Wanted],
    plans: &[Planned],
    requests: &[Request],
    mut answers: Vec<Answer>,
    doubts: &mut Doubts,
) -> Vec<Series> {
    let known = Known::of(plans, requests, &answers);
    let mut uses = vec![0_usize; requests.len()];
    let mut same: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
    for (index, plan) in plans.iter().enumerate() {
        same.entry(&plan.requests).or_default().push(index);
    }
    same.keys().flat_map(|requests| requests.iter()).for_each(|&request| uses[request] += 1);
    let mut all = Vec::new();
    for (plan, wanted_by) in same {
        let mut joined = Joined { wanted_by, looked_back: None, series: BTreeMap::new() };
        for &request in plan {
            uses[request] -= 1;
            let series = match uses[request] {
                0 => mem::take(&mut answers[request].series),
                _ => answers[request].series.clone(),
            };
            joined.add(requests[request].points, series, wanted, doubts);
        }
        joined.put_in_order(wanted, doubts);
        all.push(joined);
    }
    let edges = edges_by_check(wanted, &all);
    let mut series = Vec::new();
    for joined in all {
        let check = wanted[joined.wanted_by[0]].check;
        let edges = edges.get(&check).map(Vec::as_slice).unwrap_or_default();
        // What nobody stated was looked at, and is refused where it rises and rises.
        let counters = match plans[joined.wanted_by[0]].counters {
            CounterForm::Unstated => CounterForm::Increments,
            stated => stated,
        };
        joined.into_series(edges, &known, |mut wanted_by, (metric, labels), samples, birth| {
            wanted_by.retain(|&by| plans[by].remainder.holds_for(&labels));
            if !wanted_by.is_empty() {
                series.push(Series { metric, labels, samples, wanted_by, counters, birth });
            }
        });
    }
    series.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
    series
}

/// What is known of the time before a window.
struct Known {
    /// The earliest moment before which the store had a series of those that are asked for.
    asked_since: Option<Timestamp>,
    /// The earliest moment before which the store had anything at all.
    watched_since: Option<Timestamp>,
}

impl Known {
    fn of(plans: &[Planned], requests: &[Request], answers: &[Answer]) -> Self {
        let asked: BTreeSet<usize> =
            plans.iter().flat_map(|plan| &plan.requests).copied().collect();
        let earliest = |of_checks: bool| {
            let answered = requests.iter().zip(answers).enumerate();
            let moment =
                |(index, (request, answer)): (usize, (&Request, &Answer))| match request.points {
                    Points::LastBefore(moment) if !answer.series.is_empty() => {
                        (asked.contains(&index) == of_checks).then_some(moment)
                    }
                    _ => None,
                };
            answered.filter_map(moment).min()
        };
        Self { asked_since: earliest(true), watched_since: earliest(false) }
    }

    /// Says whether a series that the store did not have before `moment` came to be afterwards.
    ///
    /// Where the store had its likes, it did. Where all that is known is that the store was there, a
    /// series that shows up at once may be one that the store only then began to look at.
    fn birth(&self, moment: Timestamp, series: &StoreSeries, first: Timestamp) -> Birth {
        let is_since = |since: Option<Timestamp>| since.is_some_and(|since| since <= moment);
        let late = || first > moment.after(usual_gap(series).saturating_mul(2));
        if is_since(self.asked_since) || is_since(self.watched_since) && late() {
            Birth::Inside
        } else {
            Birth::Unknown
        }
    }
}

/// Returns how far apart the points of a series usually lie.
fn usual_gap(series: &StoreSeries) -> Duration {
    let samples = series.samples.iter().map(|point| point.time);
    let histograms = series.histograms.iter().map(|point| point.time);
    median(gaps(samples.chain(histograms))).unwrap_or_default()
}

/// Both arms of a check are cut at the same edges, or their quantiles would not compare.
fn edges_by_check(wanted: &[Wanted], all: &[Joined]) -> BTreeMap<usize, Vec<f64>> {
    let mut histograms: BTreeMap<usize, Vec<&NativeHistogram>> = BTreeMap::new();
    for joined in all {
        for series in joined.series.values() {
            let check = wanted[joined.wanted_by[0]].check;
            let points = series.histograms.iter().map(|point| &point.value);
            histograms.entry(check).or_default().extend(points);
        }
    }
    let edges = |(check, histograms): (usize, Vec<&NativeHistogram>)| {
        (check, shared_edges(histograms.into_iter()))
    };
    histograms.into_iter().map(edges).collect()
}

impl Joined {
    /// Adds what one request was answered.
    fn add(
        &mut self,
        points: Points,
        answered: Vec<StoreSeries>,
        wanted: &[Wanted],
        doubts: &mut Doubts,
    ) {
        if let Points::LastBefore(moment) = points {
            self.looked_back = Some(moment);
        }
        let mut names = BTreeSet::new();
        for mut series in answered {
            let name: Name = (mem::take(&mut series.metric), mem::take(&mut series.labels));
            if !names.insert(name.clone()) {
                let why = format!(
                    "gave the same series twice, {}",
                    described(name.0.as_deref(), &name.1)
                );
                self.wanted_by.iter().for_each(|&by| doubts.fail(wanted[by].check, &why));
                continue;
            }
            let strayed = keep(&mut series, points);
            if strayed {
                let by = &wanted[self.wanted_by[0]];
                doubts.strayed(by.check, by.side);
            }
            let known = self.series.entry(name).or_default();
            known.samples.append(&mut series.samples);
            known.histograms.append(&mut series.histograms);
        }
    }

    /// Puts points in the order of time, and leaves out series that say two things of one moment.
    fn put_in_order(&mut self, wanted: &[Wanted], doubts: &mut Doubts) {
        let wanted_by = &self.wanted_by;
        self.series.retain(|name, series| {
            let same = |a: &f64, b: &f64| a == b || (a.is_nan() && b.is_nan());
            let is_sound = put_in_order(&mut series.samples, same)
                && put_in_order(&mut series.histograms, |a, b| a == b);
            if !is_sound {
                let why = format!(
                    "gave two values for one moment of {}",
                    described(name.0.as_deref(), &name.1)
                );
                wanted_by.iter().for_each(|&by| doubts.fail(wanted[by].check, &why));
            }
            is_sound
        });
    }

    fn into_series(
        self,
        edges: &[f64],
        known: &Known,
        mut add: impl FnMut(Vec<usize>, Name, Vec<Sample>, Birth),
    ) {
        let looked = self.looked_back;
        for (name, series) in self.series {
            let birth = match (looked, first(&series)) {
                (Some(moment), Some(first)) if first < moment => Birth::Before,
                (Some(moment), Some(first)) => known.birth(moment, &series, first),
                (_, _) => Birth::Unknown,
            };
            // What ended before the window is not of it.
            if birth == Birth::Before && series.samples.len() + series.histograms.len() == 1 {
                continue;
            }
            if !series.histograms.is_empty() {
                for (edge, samples) in classic(edges, &series.histograms) {
                    let mut name = name.clone();
                    name.1.insert("le".to_owned(), edge);
                    add(self.wanted_by.clone(), name, numbered(samples), birth);
                }
            }
            if !series.samples.is_empty() {
                let samples = series.samples.into_iter().map(|point| (point.time, point.value));
                add(self.wanted_by.clone(), name, numbered(samples), birth);
            }
        }
    }
}

/// Sorts points by time; one that is there twice counts once. Returns whether no two differ.
fn put_in_order<T>(points: &mut Vec<Point<T>>, same: impl Fn(&T, &T) -> bool) -> bool {
    points.sort_by_key(|point| point.time);
    let differ =
        |pair: &[Point<T>]| pair[0].time == pair[1].time && !same(&pair[0].value, &pair[1].value);
    let is_sound = !points.windows(2).any(differ);
    points.dedup_by_key(|point| point.time);
    is_sound
}

/// Answers have no lines.
fn numbered(samples: impl IntoIterator<Item = (Timestamp, f64)>) -> Vec<Sample> {
    samples.into_iter().map(|(time, value)| Sample { time, value, line: 0 }).collect()
}

/// Keeps the points that were asked for. Returns whether there were others, further off than the
/// ends of a range are a matter of taste.
fn keep(series: &mut StoreSeries, points: Points) -> bool {
    let (start, end) = match points {
        Points::Samples(start, end) | Points::Steps(start, end, _) => (start, end),
        Points::LastBefore(_) => return false,
    };
    let is_far = |time: Timestamp| {
        time.as_millis() < start.as_millis() - TASTE || time.as_millis() > end.as_millis() + TASTE
    };
    let strayed = series.samples.iter().any(|point| is_far(point.time))
        || series.histograms.iter().any(|point| is_far(point.time));
    series.samples.retain(|point| start <= point.time && point.time < end);
    series.histograms.retain(|point| start <= point.time && point.time < end);
    strayed
}

/// In milliseconds.
const TASTE: i64 = 1000;

fn first(series: &StoreSeries) -> Option<Timestamp> {
    let sample = series.samples.iter().find(|point| !point.value.is_nan());
    let histogram = series.histograms.first().map(|point: &Point<_>| point.time);
    sample.map(|point| point.time).into_iter().chain(histogram).min()
}
