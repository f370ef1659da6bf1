//! From running totals to what happened between two of them.

use std::time::Duration;

use serin_model::{Point, Timestamp};

use crate::collect::{Birth, Sample, Series, Side};

/// When a counter that a recording first shows came to be.
///
/// A counter that is there from the beginning counted before: its first sample is where counting
/// starts. One that shows up later than the first scrape was born while it was watched, and its
/// first sample counts from zero: a canary's first errors are exactly those. Where the arms are read
/// at different times, each has a beginning of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Births {
    control_start: Timestamp,
    canary_start: Timestamp,
    /// Between the first samples of two series that were both there from the beginning.
    slack: Duration,
}

impl Births {
    /// Looks at all series, in time order.
    ///
    /// * `step`: the step of the analysis.
    /// * `is_of`: whether a series belongs to an arm.
    /// * `at_once`: whether both arms were recorded at the same time.
    pub(crate) fn of(
        series: &[Series],
        step: Duration,
        is_of: impl Fn(&Series, Side) -> bool,
        at_once: bool,
    ) -> Self {
        let start = |side| {
            let of_side = series.iter().filter(|series| at_once || is_of(series, side));
            of_side.filter_map(first_value).min().unwrap_or(Timestamp::from_millis(i64::MAX))
        };
        let gaps = series.iter().filter_map(usual_gap).collect();
        Self {
            control_start: start(Side::Control),
            canary_start: start(Side::Canary),
            slack: median(gaps).unwrap_or_default().max(step),
        }
    }

    /// Returns whether a series of an arm came to be while it was watched: as the source knows, or
    /// as the first samples tell.
    pub(crate) fn is_born_inside(&self, series: &Series, side: Side) -> bool {
        match series.birth {
            Birth::Inside => return true,
            Birth::Before => return false,
            Birth::Unknown => {}
        }
        let slack = usual_gap(series).unwrap_or_default().max(self.slack);
        let start = match side {
            Side::Control => self.control_start,
            Side::Canary => self.canary_start,
        };
        first_value(series).is_some_and(|first| first > start.after(slack))
    }
}

/// Returns when a series first had a value. A gap before it says that it was not there yet.
fn first_value(series: &Series) -> Option<Timestamp> {
    values(series).next().map(|sample| sample.time)
}

fn values(series: &Series) -> impl Iterator<Item = &Sample> {
    series.samples.iter().filter(|sample| !sample.value.is_nan())
}

/// Returns how far apart the samples of a series usually lie.
fn usual_gap(series: &Series) -> Option<Duration> {
    median(gaps(values(series).map(|sample| sample.time)))
}

/// Returns how far apart moments lie.
///
/// * `times`: in ascending order.
pub(crate) fn gaps(times: impl Iterator<Item = Timestamp>) -> Vec<Duration> {
    let times: Vec<i64> = times.map(Timestamp::as_millis).collect();
    let gap = |pair: &[i64]| {
        Duration::from_millis(u64::try_from(pair[1].saturating_sub(pair[0])).unwrap_or(0))
    };
    times.windows(2).map(gap).collect()
}

/// Returns the gap in the middle, the upper of two.
pub(crate) fn median(mut gaps: Vec<Duration>) -> Option<Duration> {
    let middle = gaps.len() / 2;
    (!gaps.is_empty()).then(|| *gaps.select_nth_unstable(middle).1)
}

/// Returns whether counters must be running totals: most of those that move rise again and again
/// without a fall. What happens between two moments goes up and down; a running total falls when its
/// process restarts, so that a few may.
pub(crate) fn look_cumulative<'a>(counters: impl Iterator<Item = &'a Series>) -> bool {
    let (mut rising, mut moving) = (0, 0);
    for series in counters {
        let values: Vec<f64> = values(series).map(|sample| sample.value).collect();
        let rises = values.windows(2).filter(|pair| pair[1] > pair[0]).count();
        let falls = values.windows(2).filter(|pair| pair[1] < pair[0]).count();
        moving += u32::from(rises + falls >= MANY_RISES);
        rising += u32::from(rises >= MANY_RISES && falls == 0);
    }
    rising > 0 && 2 * rising >= moving
}

/// Chance alone makes so many rises without a fall once in 12! orders.
const MANY_RISES: usize = 11;

/// Returns what a counter counted between its samples, at the time of the later one.
///
/// * `samples`: running totals in ascending time; NaN is a gap, over which the count goes on.
/// * `born_inside`: whether the counter counts from zero up to its first sample.
///
/// A sample below the one before is a restart, after which the counter counted from zero.
pub(crate) fn increments(
    samples: impl Iterator<Item = Point<f64>>,
    born_inside: bool,
) -> Vec<Point<f64>> {
    let mut last = born_inside.then_some(0.0);
    let mut points = Vec::new();
    for Point { time, value: total } in samples {
        if total.is_nan() {
            continue;
        }
        if let Some(last) = last {
            let value = if total >= last { total - last } else { total };
            points.push(Point { time, value });
        }
        last = Some(total);
    }
    points
}

/// Returns what counters of one process counted between samples of all of them.
///
/// If one of them falls, the process restarted, and all of them counted from zero.
pub(crate) fn joint_increments(
    samples: Vec<Point<Vec<f64>>>,
    born_inside: bool,
) -> Vec<Point<Vec<f64>>> {
    let mut last: Option<Vec<f64>> = None;
    let mut points = Vec::with_capacity(samples.len());
    for Point { time, value: totals } in samples {
        let counted_from = last.as_ref().filter(|last| !fell(last, &totals));
        match (counted_from, &last) {
            (Some(before), _) => {
                let value = totals.iter().zip(before).map(|(total, before)| total - before);
                points.push(Point { time, value: value.collect() });
            }
            (None, None) if !born_inside => {}
            (None, _) => points.push(Point { time, value: totals.clone() }),
        }
        last = Some(totals);
    }
    points
}

fn fell(before: &[f64], totals: &[f64]) -> bool {
    totals.iter().zip(before).any(|(total, before)| total < before)
}

#[cfg(test)]
mod tests {
    use super::{increments, joint_increments};
    use serin_model::{Point, Timestamp};

    fn points<T: Clone>(samples: &[T]) -> Vec<Point<T>> {
        let times = (0..).map(Timestamp::from_seconds);
        times.zip(samples).map(|(time, value)| Point { time, value: value.clone() }).collect()
    }

    fn counted(samples: &[f64], born_inside: bool) -> Vec<f64> {
        let points = increments(points(samples).into_iter(), born_inside);
        points.into_iter().map(|point| point.value).collect()
    }

    fn counted_jointly(samples: &[[f64; 2]], born_inside: bool) -> Vec<Vec<f64>> {
        let samples: Vec<Vec<f64>> = samples.iter().map(|totals| totals.to_vec()).collect();
        let points = joint_increments(points(&samples), born_inside);
        points.into_iter().map(|point| point.value).collect()
    }

    #[test]
    fn counts_between_samples() {
        assert_eq!(counted(&[5.0, 5.0, 9.0], false), [0.0, 4.0]);
        assert_eq!(counted_jointly(&[[5.0, 6.0], [5.0, 9.0]], false), [[0.0, 3.0]]);
    }

    #[test]
    fn a_counter_born_while_watched_counts_from_zero() {
        assert_eq!(counted(&[3.0, 9.0], true), [3.0, 6.0]);
        assert_eq!(counted_jointly(&[[1.0, 3.0], [1.0, 4.0]], true), [[1.0, 3.0], [0.0, 1.0]]);
    }

    #[test]
    fn a_fall_is_a_restart() {
        assert_eq!(counted(&[90.0, 100.0, 4.0, 6.0], false), [10.0, 4.0, 2.0]);
    }

    #[test]
    fn one_fall_is_a_restart_of_all() {
        assert_eq!(counted_jointly(&[[90.0, 100.0], [4.0, 200.0]], false), [[4.0, 200.0]]);
    }

    #[test]
    fn nothing_is_lost_over_a_gap() {
        assert_eq!(counted(&[1.0, f64::NAN, 8.0], false), [7.0]);
    }
}
